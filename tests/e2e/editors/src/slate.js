import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { createEditor, Editor, Transforms } from "slate";
import { Editable, Slate, withReact } from "slate-react";
import { stage } from "./stage.js";

const editor = withReact(createEditor());
const initialValue = [{ type: "paragraph", children: [{ text: "" }] }];
const editable = createElement(Editable, { placeholder: "Write to the agent" });
createRoot(document.querySelector("#root")).render(createElement(Slate, { editor, initialValue }, editable));

function fill(text) {
  Transforms.delete(editor, { at: Editor.range(editor, []) });
  if (text) Transforms.insertText(editor, text, { at: Editor.start(editor, []) });
}

await new Promise((drawn) => setTimeout(drawn, 100));
stage(document.querySelector("[data-slate-editor]"), { fill, empty: () => fill("") });

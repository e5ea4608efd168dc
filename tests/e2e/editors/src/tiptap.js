import { Editor } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";
import { stage } from "./stage.js";

const editor = new Editor({ element: document.querySelector("#root"), extensions: [StarterKit] });
stage(editor.view.dom, { fill: (text) => editor.commands.setContent(text), empty: () => editor.commands.clearContent() });

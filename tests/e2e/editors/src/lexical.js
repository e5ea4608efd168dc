import { registerPlainText } from "@lexical/plain-text";
import { $createParagraphNode, $createTextNode, $getRoot, createEditor } from "lexical";
import { stage } from "./stage.js";

const root = document.querySelector("#root");
root.contentEditable = "true";
const editor = createEditor({
  onError(error) {
    throw error;
  },
});
editor.setRootElement(root);
registerPlainText(editor);
const fill = (text) =>
  editor.update(() => {
    const paragraph = $createParagraphNode();
    if (text) paragraph.append($createTextNode(text));
    $getRoot().clear().append(paragraph);
  });
fill("");
stage(root, { fill, empty: () => fill("") });

import { ClassicEditor, Essentials, Paragraph } from "ckeditor5";
import { stage } from "./stage.js";

const editor = await ClassicEditor.create(document.querySelector("#root"), {
  licenseKey: "GPL",
  plugins: [Essentials, Paragraph],
  toolbar: [],
});
stage(editor.ui.getEditableElement(), { fill: (text) => editor.setData(`<p>${text}</p>`), empty: () => editor.setData("") });

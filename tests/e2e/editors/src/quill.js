import Quill from "quill";
import { stage } from "./stage.js";

const quill = new Quill("#root");
stage(quill.root, { fill: (text) => quill.setText(text), empty: () => quill.setText("") });

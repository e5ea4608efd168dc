// ChatBox.vue as TypeScript, script and template, for the compiler to check: vue-tsc cannot work with TypeScript 7.
// The types of its props are lost on the way.
import { readFileSync, writeFileSync } from "node:fs";
import { compileScript, parse } from "vue/compiler-sfc";

const { descriptor } = parse(readFileSync("src/ChatBox.vue", "utf8"), { filename: "ChatBox.vue" });
writeFileSync("src/ChatBox.vue.ts", compileScript(descriptor, { id: "chat", inlineTemplate: true }).content);

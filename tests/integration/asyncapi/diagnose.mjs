// What AsyncAPI's own parser has to say of a document, as JSON on stdout: [{severity, code, path, message}], 0 is an error.
//
//   node diagnose.mjs MODULES DOCUMENT      MODULES: a folder with node_modules

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, path] = process.argv.slice(2);
const { Parser } = createRequire(join(modules, "diagnose.mjs"))("@asyncapi/parser");

const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"));
if (!document && !diagnostics.length) throw new Error("The parser made no document of it, and does not say why.");
console.log(JSON.stringify(diagnostics.map(({ severity, code, path, message }) => ({ severity, code, path, message }))));

// The package where there is no page, and for who asks for it as CommonJS.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const WEB = new URL("../../../web/", import.meta.url);
const { exports: ENTRIES, files } = JSON.parse(readFileSync(new URL("package.json", WEB)));

test("the element can be imported where there is no page", async () => {
  assert.equal(globalThis.HTMLElement, undefined);
  await import(new URL("element.js", WEB));
});

test("the element is defined where there is one", async () => {
  const defined = [];
  globalThis.customElements = { define: (name, { observedAttributes }) => defined.push([name, observedAttributes]) };
  await import(new URL("element.js?again", WEB));
  delete globalThis.customElements;
  assert.deepEqual(defined, [["typing-relay", ["opted-out", "url"]]]);
});

test("who requires the package in an older Node is told what to write instead", () => {
  const answer = { name: "Error", message: /ES module: write `import/ };
  assert.throws(() => createRequire(import.meta.url)(new URL(ENTRIES["."].require, WEB).pathname), answer);
});

test("each entry of the package and its types are there", () => {
  const named = Object.values(ENTRIES).flatMap((entry) => Object.values(entry));
  for (const path of named) readFileSync(new URL(path, WEB));
  assert.deepEqual(files, ["*.js", "*.d.ts", "commonjs.cjs"]);
});

test("the hook passes its WebSocket class on, and none where there is none", async () => {
  const data = (code) => `data:text/javascript,${encodeURIComponent(code)}`;
  const react = "export const useRef=(current)=>({current}), useState=(v)=>[v,()=>{}], useEffect=(f)=>void f();";
  const client = "export const connect=(given)=>(globalThis.given.push(given),{addEventListener(){},detach(){}});";
  const hook = readFileSync(new URL("react.js", WEB), "utf8");
  const code = hook.replace('"react"', JSON.stringify(data(react))).replace('"./typing-relay.js"', JSON.stringify(data(client)));
  const { useTypingRelay } = await import(data(code));
  globalThis.given = [];
  const SigningIn = class {};
  useTypingRelay({ current: null }, { url: "wss://relay", token: "t", WebSocket: SigningIn });
  useTypingRelay({ current: null }, { url: "wss://relay", token: "t" });
  assert.deepEqual(globalThis.given.map(({ WebSocket }) => WebSocket), [SigningIn, undefined]);
  delete globalThis.given;
});

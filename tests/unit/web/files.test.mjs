// Files for an agent: what is checked before, what CXone is sent, and what becomes of its answer.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { UploadError, check, upload } from "../../../web/files.js";

const RULES = { upload: "https://chat.example/attachment", largest_bytes: 100_000, types: ["image/*", "application/pdf"] };
const GUIDE = readFileSync(new URL("../../../docs/front-end.md", import.meta.url), "utf8");

/** As a browser has it. */
const file = (content, type, name = "a photo.png") => {
  const blob = new Blob([content], { type });
  return { name, type: blob.type, size: blob.size, arrayBuffer: () => blob.arrayBuffer() };
};

/** CXone: what it was sent, and what it answers. */
const cxone = (answer, status = 200) => {
  const calls = [];
  const fetch = async (url, init) => {
    calls.push({ url, ...init, said: JSON.parse(init.body) });
    return new Response(JSON.stringify(answer), { status });
  };
  return { calls, fetch };
};

test("a file is sent as NICE's client sends it, without cookies, and what comes back goes into a message", async () => {
  const { calls, fetch } = cxone({ fileUrl: "https://files.example/1" });
  const content = Uint8Array.from({ length: 70_001 }, (_, at) => at % 251); // more than one chunk
  const sent = await upload(file(content, "image/png"), RULES, { fetch });
  assert.deepEqual(sent, { url: "https://files.example/1", name: "a photo.png", type: "image/png" });
  const [{ url, method, headers, credentials, said }] = calls;
  assert.deepEqual([url, method, credentials], [RULES.upload, "POST", "omit"]);
  assert.deepEqual(headers, { "Content-Type": "application/json" });
  assert.deepEqual(Object.keys(said), ["content", "fileName", "mimeType"]);
  assert.deepEqual([said.fileName, said.mimeType], ["a photo.png", "image/png"]);
  assert.deepEqual(Uint8Array.from(Buffer.from(said.content, "base64")), content);
});

for (const [code, wrong, rules] of [
  ["not_allowed", file("x", "image/png"), null],
  ["not_allowed", file("x", "image/png"), { upload: null, largest_bytes: 0, types: [] }],
  ["file_too_large", file("x".repeat(100_001), "image/png"), RULES],
  ["file_type", file("x", "text/plain"), RULES],
  ["file_type", file("x", ""), RULES],
  ["file_type", file("x", "imagery/png"), RULES],
]) {
  test(`a file against the rules is not sent: ${code}, ${wrong.type || "no type"}, ${wrong.size}`, async () => {
    const { calls, fetch } = cxone({ fileUrl: "https://files.example/1" });
    await assert.rejects(upload(wrong, rules, { fetch }), { name: "UploadError", code });
    assert.throws(() => check(wrong, rules), UploadError);
    assert.deepEqual(calls, []);
  });
}

for (const [code, answer, status] of [
  ["file_refused", { allowedFileSize: "1", allowedFileTypes: [] }, 200],
  ["upload_failed", {}, 200],
  ["upload_failed", { errorCode: "no" }, 500],
  ["upload_failed", null, 200],
]) {
  test(`CXone answers ${status} ${JSON.stringify(answer)}: ${code}`, async () => {
    const { fetch } = cxone(answer, status);
    await assert.rejects(upload(file("x", "image/png"), RULES, { fetch }), { name: "UploadError", code });
  });
}

test("CXone cannot be reached", async () => {
  const cause = new TypeError("Failed to fetch");
  const fetch = () => Promise.reject(cause);
  await assert.rejects(upload(file("x", "image/png"), RULES, { fetch }), { code: "upload_failed", cause });
});

test("who gives an upload up hears their own reason", async () => {
  const giving = new AbortController();
  const fetch = async (url, { signal }) => signal.throwIfAborted();
  giving.abort(new Error("enough"));
  await assert.rejects(upload(file("x", "image/png"), RULES, { fetch, signal: giving.signal }), /enough/);
});

test("the guide's page shows its picker by the rules, uploads what is picked, and sends it", async () => {
  const [shown] = GUIDE.match(/import \{ upload \}[^]*?(?=```)/);
  const relay = Object.assign(new EventTarget(), { sent: [], send: async (...message) => relay.sent.push(message) });
  const picker = Object.assign(new EventTarget(), { files: [file("x", "image/png")] });
  const problems = [];
  const { fetch } = cxone({ fileUrl: "https://files.example/1" });
  const given = { relay, picker, showProblem: (code) => problems.push(code), upload: (a, b) => upload(a, b, { fetch }) };
  new Function(...Object.keys(given), shown.replace(/^import.*$/m, ""))(...Object.values(given));
  const picks = async () => {
    picker.dispatchEvent(new Event("change"));
    await new Promise((then) => setTimeout(then, 50));
  };
  await picks();
  assert.deepEqual(problems, ["not_allowed"]);
  relay.dispatchEvent(Object.assign(new Event("files"), { detail: RULES }));
  assert.deepEqual([picker.hidden, picker.accept], [false, "image/*,application/pdf"]);
  await picks();
  const attachments = [{ url: "https://files.example/1", name: "a photo.png", type: "image/png" }];
  assert.deepEqual(relay.sent, [["", null, { attachments }]]);
});

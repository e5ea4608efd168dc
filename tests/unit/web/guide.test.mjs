// The blocks of JavaScript in docs/front-end.md, as they stand there, on the client. The whole pages are tried in a browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { attach, connect } from "../../../web/typing-relay.js";
import { FakeBox, fakeBrowser, settled, welcomed } from "./fake_browser.mjs";

const GUIDE = readFileSync(new URL("../../../docs/front-end.md", import.meta.url), "utf8");
const BLOCKS = [...GUIDE.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
const WELCOME = { type: "welcome", timings: { debounce_ms: 2000, heartbeat_ms: 1000 }, guest: "open", signals: "on" };

/** Runs the one block that begins so, with these names; returns what the expression gives. */
function run(begins, names, returning = "undefined") {
  const found = BLOCKS.filter((code) => code.startsWith(begins));
  assert.equal(found.length, 1, begins);
  const body = `return (async () => { ${found[0]}\nreturn ${returning}; })();`;
  return new Function(...Object.keys(names), body)(...Object.values(names));
}

test("every block of JavaScript is tried here, and two in files.test.mjs and offline.test.mjs", () => {
  assert.equal(BLOCKS.length, 7);
});

test("the page under development asks the console for token and address", async (t) => {
  const browser = fakeBrowser(t);
  const asked = [];
  const fetch = async (url, { signal }) => {
    asked.push([url, signal.aborted]);
    return { json: async () => ({ url: "ws://127.0.0.1:8081/live", token: "t" }) };
  };
  const relay = await run("const relay = attach(box, {", { attach, box: new FakeBox(), fetch }, "relay");
  t.after(() => relay.detach());
  await settled();
  await settled();
  assert.deepEqual(asked, [["http://127.0.0.1:8080/api/token?visitor=alice", false]]);
  assert.equal(browser.socket.url, "ws://127.0.0.1:8081/live");
});

test("a page signs its visitor in when the relay asks for it", async (t) => {
  const browser = fakeBrowser(t);
  const [block] = BLOCKS.filter((code) => code.startsWith("import { connect }"));
  const again = [];
  const wanted = [];
  const names = {
    connect,
    signingIn: (signIn) => (wanted.push(signIn), globalThis.WebSocket),
    accessToken: async (asked) => asked,
    fetch: async () => ({ text: async () => "t" }),
    showSignInAgain: () => again.push("again"),
  };
  const relay = new Function(...Object.keys(names), block.replace(/^import.*$/gm, "") + "return relay;")(...Object.values(names));
  t.after(() => relay.detach());
  await settled();
  await settled();
  browser.socket.accept();
  browser.socket.answer(WELCOME);
  for (const why of ["needed", "refused"]) browser.socket.answer({ type: "event", event: null, name: "sign-in", detail: { why } });
  const { person, visitorId, customerId, cookies, channelId } = await wanted[0]({ why: "needed", visitor_id: "v-1", customer_id: "c-1" });
  assert.deepEqual([again, visitorId, customerId, cookies, channelId], [["again"], "v-1", "c-1", true, "chat_1b2c"]);
  assert.equal(person, "ada");
});

test("a message's promise says how it ended", async (t) => {
  const { browser, box, relay } = await welcomed(t, WELCOME);
  box.value = "hello";
  const ended = run("const { status, reason } = await", { relay, box }, "{ status, reason }");
  const { id, text } = browser.socket.sent.find(({ action }) => action === "message");
  assert.equal(text, "hello");
  browser.socket.answer({ type: "message", id, status: "accepted" });
  assert.equal((await ended).status, "accepted");
});

test("a choice is answered with its text and postback", async (t) => {
  const { browser, relay } = await welcomed(t, WELCOME);
  const buttons = [];
  await run('relay.addEventListener("message"', { relay, drawButton: (text, act) => buttons.push([text, act]) });
  const detail = { id: "1", text: "When?", author: null, at: 1, from: "agent", choices: [{ text: "Today", postback: "p1" }] };
  browser.socket.answer({ type: "event", event: null, name: "message", detail });
  assert.deepEqual(buttons.map(([text]) => text), ["Today"]);
  buttons[0][1]();
  const sent = browser.socket.sent.find(({ action }) => action === "message");
  assert.deepEqual([sent.text, sent.postback], ["Today", "p1"]);
});

test("a transcript is asked for, and the page hears of it", async (t) => {
  const { browser, relay } = await welcomed(t, WELCOME);
  const notices = [];
  const given = { relay, address: { value: "ada@example.com" }, showNotice: (text) => notices.push(text) };
  await run('relay.addEventListener("transcript"', given);
  assert.deepEqual(browser.socket.sent.at(-1), { action: "transcript", email: "ada@example.com" });
  browser.socket.answer({ type: "event", event: null, name: "transcript", detail: { status: "sent" } });
  assert.deepEqual(notices, ["The transcript is on its way"]);
});

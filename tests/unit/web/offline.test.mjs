// web/offline.js: a message that is left is sent again by the same id until its answer comes, and the page hears which.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { leaveMessage } from "../../../web/offline.js";
import { welcomed } from "./fake_browser.mjs";

const GUIDE = readFileSync(new URL("../../../docs/front-end.md", import.meta.url), "utf8");
const WELCOME = { type: "welcome", timings: { debounce_ms: 2000, heartbeat_ms: 1000 }, guest: "unavailable", signals: "on" };
const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const LEFT = { name: "Ada", email: "ada@example.com", message: "Call me" };

/** A relay, and what it is asked. */
class Relay extends EventTarget {
  connected = true;
  asked = [];
  ask = (action, fields) => this.connected && this.asked.push({ action, ...fields });
  tells = (name, detail) => this.dispatchEvent(new CustomEvent(name, { detail }));
}

for (const answer of [{ status: "accepted" }, { status: "failed", reason: "unconfirmed" }]) {
  test(`it is sent, and the promise says that it is ${answer.reason ?? answer.status}`, async (t) => {
    const { browser, relay } = await welcomed(t, WELCOME);
    const left = leaveMessage(relay, LEFT, { id: ID });
    assert.deepEqual(browser.socket.sent.at(-1), { action: "offline_message", id: ID, ...LEFT });
    browser.socket.answer({ type: "message", id: ID, ...answer });
    assert.deepEqual(await left, { id: ID, ...answer });
  });
}

test("what is wrong with it fails it by the relay's code", async (t) => {
  const { browser, relay } = await welcomed(t, WELCOME);
  const left = leaveMessage(relay, LEFT, { id: ID });
  browser.socket.answer({ type: "error", code: "bad_message", message: '"email" must be …', id: ID });
  assert.deepEqual(await left, { id: ID, status: "failed", reason: "bad_message" });
});

test("without an answer it is sent again, by the same id, and when the connection is back", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const relay = new Relay();
  const left = leaveMessage(relay, LEFT);
  t.mock.timers.tick(20_000);
  relay.tells("connection", { connected: false });
  relay.tells("connection", { connected: true });
  assert.equal(relay.asked.length, 3);
  assert.equal(new Set(relay.asked.map(({ id }) => id)).size, 1);
  relay.tells("message-status", { id: "another", status: "failed" });
  relay.tells("message-status", { id: relay.asked[0].id, status: "accepted" });
  t.mock.timers.tick(60_000);
  assert.equal((await left).status, "accepted");
  assert.equal(relay.asked.length, 3);
});

for (const [connected, reason] of [[true, "unconfirmed"], [false, "expired"]]) {
  test(`without any answer it has failed at last: ${reason}`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const left = leaveMessage(Object.assign(new Relay(), { connected }), LEFT, { id: ID });
    t.mock.timers.tick(480_000);
    assert.deepEqual(await left, { id: ID, status: "failed", reason });
  });
}

for (const [name, detail, reason] of [
  ["error", { code: "unknown_action" }, "unknown_action"],
  ["status", { status: "closed" }, "closed"],
]) {
  test(`a relay that is older, or a client that was detached, ends it: ${reason}`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const relay = new Relay();
    const left = leaveMessage(relay, LEFT, { id: ID });
    relay.tells(name, detail);
    assert.equal((await left).reason, reason);
  });
}

test("the guide's page shows its form while nobody is there, and says what came of the message", async () => {
  const [, code] = GUIDE.match(/^```js\n(import \{ leaveMessage \}.*?)^```$/ms);
  const relay = new Relay();
  const form = Object.assign(new EventTarget(), { hidden: true });
  const notices = [];
  const FormData = function () {
    return Object.entries(LEFT);
  };
  const showNotice = (text) => notices.push(text);
  new Function("leaveMessage", "relay", "form", "FormData", "showNotice", code.replace(/^import.*$/m, ""))(
    leaveMessage, relay, form, FormData, showNotice,
  );
  relay.tells("availability", { status: "offline" });
  assert.equal(form.hidden, false);
  form.dispatchEvent(new Event("submit", { cancelable: true }));
  const { id, ...said } = relay.asked[0];
  assert.deepEqual(said, { action: "offline_message", ...LEFT });
  relay.tells("message-status", { id, status: "accepted" });
  await new Promise(setImmediate);
  assert.deepEqual(notices, ["Thank you"]);
});

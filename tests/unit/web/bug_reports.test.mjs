// Cases of docs/bug-reports.md that no other test tries.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sendOnEnter } from "../../../web/console/dom.js";
import { FakeBox, welcomed } from "./fake_browser.mjs";

const WELCOME = { type: "welcome", timings: { debounce_ms: 2000, heartbeat_ms: 1000, hold_ms: 6000 }, guest: "open" };

async function watched(t, box) {
  const { browser } = await welcomed(t, WELCOME, box);
  return { browser, told: () => browser.socket.sent.map(({ action }) => action) };
}

const editor = (textContent = "") => Object.assign(new EventTarget(), { textContent });
const pressed = (key, more = {}) => Object.assign(new Event("keydown", { cancelable: true }), { key, ...more });

test("focus, clicks and a caret that moves are not typing", async (t) => {
  const box = Object.assign(new FakeBox(), { value: "hello" });
  const { browser, told } = await watched(t, box);
  for (const type of ["focus", "focusin", "pointerdown", "click", "select"]) box.dispatchEvent(new Event(type));
  browser.document.dispatchEvent(new Event("click"));
  for (const key of ["ArrowLeft", "Home", "Shift", "Tab"]) box.dispatchEvent(pressed(key));
  await browser.advance(3000);
  assert.deepEqual(told(), []);
});

test("an editor that is filled before it is watched has typed nothing", async (t) => {
  const box = editor("Dear all,");
  const { browser, told } = await watched(t, box);
  box.dispatchEvent(new Event("change"));
  await browser.advance(3000);
  assert.deepEqual(told(), []);
});

test("a paste that the editor carries out by itself is heard", async (t) => {
  const box = editor();
  const { browser, told } = await watched(t, box);
  box.dispatchEvent(new Event("paste"));
  box.textContent = "from elsewhere";
  await browser.advance(10);
  assert.deepEqual(told(), ["keystroke"]);
});

for (const [browsers, enter] of [
  ["most browsers", { isComposing: true }],
  ["Safari", { isComposing: false, keyCode: 229 }],
]) {
  test(`the Enter that commits a composition neither sends nor stops, in ${browsers}`, async (t) => {
    const box = new FakeBox();
    const { browser, told } = await watched(t, box);
    box.type("にほんご");
    box.dispatchEvent(pressed("Enter", enter));
    box.type("日本語");
    await browser.advance(500);
    assert.deepEqual(told(), ["keystroke"]);
  });
}

test("in the console, the Enter that commits a composition does not send", () => {
  let sent = 0;
  const box = Object.assign(new EventTarget(), { form: { requestSubmit: () => sent++ } });
  sendOnEnter(box);
  box.dispatchEvent(pressed("Enter", { isComposing: true }));
  box.dispatchEvent(pressed("Enter", { keyCode: 229 })); // Safari's, which comes after the composition
  assert.equal(sent, 0);
  box.dispatchEvent(pressed("Enter"));
  assert.equal(sent, 1);
});

// The client around its timing rules: connection, page events, the visitor's choice. No browser, no socket.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { attach } from "../../../web/typing-relay.js";
import { FakeBox, fakeBrowser, settled } from "./fake_browser.mjs";

const URL_OF_RELAY = "wss://relay.example.com/live";
const WELCOME = { type: "welcome", timings: { debounce_ms: 2000, heartbeat_ms: 1000 }, guest: "open", signals: "on" };
const PING_MS = 200_000;
const HIDDEN_PING_MS = 500_000;
const PACKAGE = JSON.parse(readFileSync(new URL("../../../web/package.json", import.meta.url)));
const HELLO = { action: "hello", client: `typing-relay.js/${PACKAGE.version}` };
const STOP = { action: "stop" };
const keystroke = (ago_ms) => ({ action: "keystroke", ago_ms });
const HOLDING = { ...WELCOME, timings: { ...WELCOME.timings, hold_ms: 6000 } };
const held = (ago_ms) => ({ action: "keystroke", ago_ms, hold_ms: 6000 });
const heldStop = (ago_ms) => ({ action: "stop", ago_ms });

async function attached(t, options = {}) {
  const browser = fakeBrowser(t);
  const box = new FakeBox();
  const relay = attach(box, { url: URL_OF_RELAY, token: "secret-token", ...options });
  t.after(() => relay.detach());
  const events = [];
  for (const type of ["status", "agent-typing", "message", "message-status", "event", "error"]) {
    relay.addEventListener(type, ({ detail }) => events.push([type, detail]));
  }
  await settled();
  return { browser, box, relay, events };
}

async function welcomed(t, { welcome: frame = WELCOME, ...options } = {}) {
  const all = await attached(t, options);
  await welcome(all.browser, frame);
  return { ...all, sent: all.browser.socket.sent };
}

async function welcome(browser, frame = WELCOME) {
  browser.socket.accept();
  browser.socket.answer(frame);
  browser.socket.sent.length = 0;
  await settled();
}

test("the token goes into the query when asked", async (t) => {
  const { browser } = await attached(t, { tokenIn: "query" });
  assert.equal(browser.socket.url, `${URL_OF_RELAY}?token=secret-token`);
  assert.equal(browser.socket.protocols, undefined);
});

test("the token goes into a subprotocol, and stays out of the URL", async (t) => {
  const { browser } = await attached(t);
  assert.equal(browser.socket.url, URL_OF_RELAY);
  assert.deepEqual(browser.socket.protocols, ["typing-relay", "token.secret-token"]);
});

test("the token function is called anew for each connection", async (t) => {
  let calls = 0;
  const { browser } = await attached(t, { token: async () => `token-${++calls}` });
  browser.socket.break();
  await browser.advance(1000);
  assert.deepEqual(browser.sockets.map(({ protocols }) => protocols[1]), ["token.token-1", "token.token-2"]);
});

test("a connection says hello first, with the client's name and the package's version", async (t) => {
  const { browser } = await attached(t);
  browser.socket.accept();
  assert.deepEqual(browser.socket.sent, [HELLO]);
});

test("the first key leaves at once, the newest of the rest a heartbeat later with its age", async (t) => {
  const { browser, box, sent } = await welcomed(t);
  box.type("a");
  await browser.advance(300);
  box.type("ab");
  assert.deepEqual(sent, [keystroke(0)]);
  await browser.advance(700);
  assert.deepEqual(sent, [keystroke(0), keystroke(700)]);
});

test("no frame holds anything of what was typed", async (t) => {
  const { browser, box } = await welcomed(t);
  const sent = [];
  browser.socket.send = (text) => sent.push(text);
  box.type("my card is 4111");
  await browser.advance(500);
  box.type("my card is 4111 1111");
  await browser.advance(1000);
  assert.deepEqual(sent, ['{"action":"keystroke","ago_ms":0}', '{"action":"keystroke","ago_ms":500}']);
});

const ENDINGS = {
  "the form is submitted": ({ box }) => box.form.dispatchEvent(new Event("submit")),
  "the form is reset": ({ box }) => box.form.dispatchEvent(new Event("reset")),
  "the box is cleared": ({ box }) => box.type(""),
  "the box loses the focus": ({ box }) => box.dispatchEvent(new Event("blur")),
  "the page is hidden": ({ browser }) => browser.hide(),
  "the page is left": ({ browser }) => browser.window.dispatchEvent(new Event("pagehide")),
  "the visitor opts out": ({ relay }) => relay.setSignals(false),
  "the client is detached": ({ relay }) => relay.detach(),
  "the page says so": ({ relay }) => relay.stop(),
};
for (const [what, happens] of Object.entries(ENDINGS)) {
  test(`typing stops when ${what}`, async (t) => {
    const all = await welcomed(t);
    all.box.type("a");
    happens(all);
    assert.deepEqual(all.sent, [keystroke(0), STOP]);
  });

  test(`a held key's typing stops at once when ${what}`, async (t) => {
    const all = await welcomed(t, { welcome: HOLDING });
    all.box.type("a");
    await all.browser.advance(500);
    happens(all);
    await all.browser.advance(10_000);
    assert.deepEqual(all.sent, [held(0), heldStop(0)]);
  });
}

test("where the relay offers to hold keys, a stop follows the last one after the debounce", async (t) => {
  const { browser, box, sent } = await welcomed(t, { welcome: HOLDING });
  box.type("a");
  await browser.advance(1000);
  box.type("ab");
  await browser.advance(1990);
  assert.deepEqual(sent, [held(0)]);
  await browser.advance(10);
  assert.deepEqual(sent, [held(0), heldStop(1)]);
  await browser.advance(10_000);
  assert.equal(sent.length, 2);
});

test("a stop whose timer the browser holds back tells how late it is", async (t) => {
  const { browser, box, sent } = await welcomed(t, { welcome: HOLDING });
  box.type("a");
  await browser.advance(3000, 3000);
  assert.deepEqual(sent, [held(0), heldStop(1001)]);
});

test("a page that slept beyond the hold says nothing of the burst that the hold has ended", async (t) => {
  const { browser, box, sent } = await welcomed(t, { welcome: HOLDING });
  box.type("a");
  await browser.advance(50_000, 50_000);
  box.type("ab");
  assert.deepEqual(sent, [held(0), held(0)]);
});

test("keys alone keep the hold alive in a page whose timers do not run (T3)", async (t) => {
  const { browser, box, sent } = await welcomed(t, { welcome: HOLDING });
  const pending = globalThis.setTimeout;
  globalThis.setTimeout = () => {};
  t.after(() => (globalThis.setTimeout = pending));
  for (const text of ["a", "ab", "abc", "abcd"]) {
    box.type(text);
    await browser.advance(1900);
  }
  assert.deepEqual(sent, [held(0), held(0)]);
});

test("a relay that is replaced by one without holds gets plain frames from then on", async (t) => {
  const { browser, box } = await welcomed(t, { welcome: HOLDING });
  browser.socket.break();
  await browser.advance(1000);
  await welcome(browser);
  box.type("a");
  await browser.advance(5000);
  assert.deepEqual(browser.socket.sent, [keystroke(0)]);
});

test("typing stops when Enter makes a script empty the box", async (t) => {
  const { browser, box, sent } = await welcomed(t);
  box.type("hello");
  box.dispatchEvent(Object.assign(new Event("keydown"), { key: "Enter" }));
  box.value = "";
  await browser.advance(10);
  assert.deepEqual(sent, [keystroke(0), STOP]);
});

test("Enter that makes a new line stops nothing", async (t) => {
  const { browser, box, sent } = await welcomed(t);
  box.type("hello");
  box.dispatchEvent(Object.assign(new Event("keydown"), { key: "Enter" }));
  await browser.advance(10);
  assert.deepEqual(sent, [keystroke(0)]);
});

test("text in an editable element counts as typing too", async (t) => {
  const browser = fakeBrowser(t);
  const editor = Object.assign(new EventTarget(), { textContent: "a" });
  const relay = attach(editor, { url: URL_OF_RELAY, token: "t" });
  t.after(() => relay.detach());
  await settled();
  await welcome(browser);
  editor.dispatchEvent(new Event("input"));
  assert.deepEqual(browser.socket.sent, [keystroke(0)]);
});

test("a visitor who opted out sends no typing frame", async (t) => {
  const { browser, box, sent } = await welcomed(t, { signals: false });
  box.type("a");
  box.type("");
  await browser.advance(2000);
  assert.deepEqual(sent, []);
});

test("a visitor may opt in again", async (t) => {
  const { box, relay, sent } = await welcomed(t, { signals: false });
  relay.setSignals(true);
  box.type("a");
  assert.deepEqual(sent, [keystroke(0)]);
});

test("a deployment that switched signals off gets no typing frame", async (t) => {
  const { browser, box, relay, sent } = await welcomed(t, { welcome: { ...WELCOME, signals: "off" } });
  box.type("a");
  await browser.advance(2000);
  assert.deepEqual(sent, []);
  assert.equal(relay.signals, false);
});

test("a key pressed before the welcome stays here when the deployment switched signals off", async (t) => {
  const { browser, box } = await attached(t);
  box.type("a");
  browser.socket.accept();
  browser.socket.answer({ ...WELCOME, signals: "off" });
  assert.deepEqual(browser.socket.sent, [HELLO]);
});

test("keys pressed while the connection is away are never sent late (T5)", async (t) => {
  const { browser, box } = await welcomed(t);
  browser.socket.break();
  box.type("a");
  await browser.advance(2500);
  await welcome(browser);
  box.dispatchEvent(new Event("blur"));
  assert.deepEqual(browser.socket.sent, []);
});

test("a lost connection comes back after a part of the back-off, which doubles up to 30 s", async (t) => {
  const { browser } = await attached(t);
  for (const wait of [500, 1000, 2000, 4000, 8000, 15000, 15000]) {
    const before = browser.sockets.length;
    browser.socket.break();
    await browser.advance(wait - 10);
    assert.equal(browser.sockets.length, before);
    await browser.advance(10);
    assert.equal(browser.sockets.length, before + 1);
  }
});

test("a connection that lasted starts the back-off anew", async (t) => {
  const { browser } = await attached(t);
  for (let failures = 0; failures < 5; failures++) {
    browser.socket.break();
    await browser.advance(8000);
  }
  await welcome(browser);
  await browser.advance(10_000);
  const before = browser.sockets.length;
  browser.socket.break();
  await browser.advance(500);
  assert.equal(browser.sockets.length, before + 1);
});

test("a connection that is never welcomed is given up after 30 s", async (t) => {
  const { browser, relay } = await attached(t);
  browser.socket.accept();
  await browser.advance(30_000);
  assert.equal(browser.sockets[0].readyState, 3);
  assert.equal(relay.status, "reconnecting");
});

test("an idle connection is pinged before networks forget it and kept when it answers", async (t) => {
  const { browser, sent } = await welcomed(t);
  await browser.advance(PING_MS);
  assert.deepEqual(sent, [{ action: "ping" }]);
  browser.socket.answer({ type: "pong" });
  await browser.advance(20_000);
  assert.equal(browser.sockets.length, 1);
});

test("a connection that leaves a ping unanswered is replaced", async (t) => {
  const { browser } = await welcomed(t);
  await browser.advance(PING_MS + 6000);
  assert.equal(browser.sockets.length, 2);
});

test("a hidden page pings less often, and before API Gateway's 10 idle minutes even if its timers are a minute late", async (t) => {
  const { browser, sent } = await welcomed(t);
  browser.hide();
  browser.socket.answer({ type: "pong" });
  await browser.advance(HIDDEN_PING_MS - 1000);
  assert.deepEqual(sent, []);
  await browser.advance(1000);
  assert.deepEqual(sent, [{ action: "ping" }]);
  assert.ok(HIDDEN_PING_MS + 60_000 < 600_000);
});

async function idleFor(browser, pings) {
  for (let ping = 0; ping < pings; ping++) {
    await browser.advance(PING_MS, 1000);
    browser.socket.answer({ type: "pong" });
  }
}

test("an idle connection is renewed before API Gateway ends it after 2 hours", async (t) => {
  const { browser } = await welcomed(t);
  await idleFor(browser, 31); // 103 minutes
  assert.equal(browser.sockets.length, 1);
  await browser.advance(80_000, 1000);
  assert.equal(browser.sockets.length, 2);
});

test("a connection is not renewed while the visitor types: the indicator would flicker (T3)", async (t) => {
  const { browser, box } = await welcomed(t);
  await idleFor(browser, 31);
  await browser.advance(69_000, 1000);
  box.type("a");
  await browser.advance(1500);
  assert.equal(browser.sockets.length, 1);
  await browser.advance(8500);
  assert.equal(browser.sockets.length, 2);
});

test("an expired session brings a new connection with a new token", async (t) => {
  let calls = 0;
  const { browser, events } = await welcomed(t, { token: () => `token-${++calls}` });
  browser.socket.answer({ type: "error", code: "session_expired", message: "The token has expired." });
  await browser.advance(500);
  assert.equal(browser.socket.protocols[1], "token.token-2");
  assert.deepEqual(events.find(([type]) => type === "error")[1].code, "session_expired");
});

test("offline is a hint: the client says so, tries now and then, and at once when the browser is online", async (t) => {
  const { browser, relay } = await welcomed(t);
  browser.goOffline();
  assert.equal(relay.status, "offline");
  await browser.advance(500);
  assert.equal(browser.sockets.length, 2); // a VPN may work although the browser says "offline"
  browser.socket.break();
  assert.equal(relay.status, "offline");
  browser.goOnline();
  await settled();
  assert.equal(browser.sockets.length, 3);
});

test("a token function that fails is reported and tried again", async (t) => {
  let calls = 0;
  const token = async () => {
    if (++calls === 1) throw new Error("no session");
    return "t";
  };
  const { browser, events } = await attached(t, { token });
  assert.equal(events.find(([type]) => type === "error")[1].code, "connect_failed");
  await browser.advance(500);
  assert.equal(browser.sockets.length, 1);
});

test("a page that comes back from the back/forward cache connects again", async (t) => {
  const { browser, relay } = await welcomed(t);
  browser.window.dispatchEvent(new Event("pagehide"));
  assert.equal(relay.status, "closed");
  browser.window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  await settled();
  assert.equal(browser.sockets.length, 2);
});

test("a detached client never connects again", async (t) => {
  const { browser, relay } = await welcomed(t);
  relay.detach();
  browser.goOffline();
  browser.goOnline();
  await browser.advance(60_000);
  assert.equal(browser.sockets.length, 1);
});

test("a client detached while it waits for its token opens no connection", async (t) => {
  const { browser, relay } = await attached(t, { token: () => new Promise((done) => setTimeout(done, 100, "t")) });
  relay.detach();
  await browser.advance(200);
  assert.equal(browser.sockets.length, 0);
});

test("the guest's status is the client's status", async (t) => {
  const { browser, events } = await welcomed(t, { welcome: { ...WELCOME, guest: "opening" } });
  for (const status of ["open", "reconnecting", "unavailable"]) browser.socket.answer({ type: "guest", status });
  const seen = events.filter(([type]) => type === "status").map(([, { status }]) => status);
  assert.deepEqual(seen, ["opening", "open", "reconnecting", "unavailable"]);
});

test("a guest's status that overtook the welcome holds, on this connection", async (t) => {
  const { browser, relay } = await attached(t);
  browser.socket.accept();
  browser.socket.answer({ type: "guest", status: "open" });
  browser.socket.answer({ ...WELCOME, guest: "opening" });
  assert.equal(relay.status, "open");
  browser.socket.break();
  await browser.advance(1000);
  await welcome(browser, { ...WELCOME, guest: "opening" });
  assert.equal(relay.status, "opening");
});

test("a guest without a typing endpoint makes the client unavailable, until there is another guest", async (t) => {
  const { browser, events } = await welcomed(t);
  browser.socket.answer({ type: "error", code: "typing_unavailable", message: "No typing endpoint." });
  browser.socket.answer({ type: "guest", status: "open" });
  const seen = events.filter(([type]) => type === "status").map(([, { status }]) => status);
  assert.deepEqual(seen, ["open", "unavailable", "open"]);
});

test("what CXone sends the guest becomes events", async (t) => {
  const { browser, events } = await welcomed(t);
  const message = { type: "message", text: "Good morning" };
  const other = { type: "agent-joined" };
  for (const event of [{ type: "agent-typing", typing: true }, message, other]) {
    browser.socket.answer({ type: "event", event });
  }
  assert.deepEqual(events.slice(-3), [["agent-typing", { typing: true, agents: [] }], ["message", message], ["event", other]]);
});

test("the agent does not go on typing on a connection that is gone", async (t) => {
  const { browser, events } = await welcomed(t);
  browser.socket.answer({ type: "event", event: { type: "agent-typing", typing: true } });
  browser.socket.break();
  assert.deepEqual(events.slice(-2), [["agent-typing", { typing: false, agents: [] }], ["status", { status: "reconnecting" }]]);
});

const typing = (event, ...agents) => ({ type: "event", event, name: "agent-typing", detail: { typing: agents.length > 0, agents } });
const typists = (events) => events.filter(([type]) => type === "agent-typing").map(([, { agents }]) => agents.map(({ id }) => id));

test("T16: one agent stops and another types on, and what is told again is emitted once", async (t) => {
  const { browser, events } = await welcomed(t);
  const [ada, bob] = [{ id: "1", name: "Ada" }, { id: "2", name: null }];
  for (const agents of [[ada], [ada, bob], [ada, bob], [bob], []]) browser.socket.answer(typing(null, ...agents));
  assert.deepEqual(typists(events), [["1"], ["1", "2"], ["2"], []]);
});

test("T16: an agent whom the relay does not mention any more types no longer", async (t) => {
  const { browser, events } = await welcomed(t);
  browser.socket.answer(typing({}, { id: "1", name: null }));
  await browser.advance(40_000);
  browser.socket.answer(typing({}, { id: "1", name: null }));
  await browser.advance(74_000);
  assert.deepEqual(typists(events), [["1"]]);
  await browser.advance(1_100);
  assert.deepEqual(typists(events), [["1"], []]);
});

test("an answer of API Gateway itself is ignored", async (t) => {
  const { browser, events } = await welcomed(t);
  events.length = 0;
  browser.socket.answer({ message: "Internal server error", connectionId: "c", requestId: "r" });
  assert.deepEqual(events, []);
});

for (const [wrong, args, message] of [
  ["no element", [null, { url: URL_OF_RELAY, token: "t" }], /text box/],
  ["no options", [new FakeBox()], /url/],
  ["a URL of another scheme", [new FakeBox(), { url: "https://relay", token: "t" }], /wss/],
  ["no token", [new FakeBox(), { url: URL_OF_RELAY }], /token/],
  ["an unknown place for the token", [new FakeBox(), { url: URL_OF_RELAY, token: "t", tokenIn: "header" }], /tokenIn/],
]) {
  test(`attach refuses ${wrong} and says what is wrong`, () => {
    assert.throws(() => attach(...args), { name: "TypeError", message });
  });
}

const told = (id, text = "hello") => ({
  type: "event",
  event: null,
  name: "message",
  detail: { id, text, author: null, at: null, from: "agent" },
});

test("a message that the relay tells again is not told again to the page", async (t) => {
  const { browser, events } = await welcomed(t);
  for (const id of ["a", "b", "a", "b", "c"]) browser.socket.answer(told(id));
  assert.deepEqual(events.filter(([type]) => type === "message").map(([, { id }]) => id), ["a", "b", "c"]);
});

test("a message told again on the next connection is known too", async (t) => {
  const { browser, events } = await welcomed(t);
  browser.socket.answer(told("a"));
  browser.socket.break();
  await browser.advance(1000);
  await welcome(browser);
  browser.socket.answer(told("a"));
  assert.equal(events.filter(([type]) => type === "message").length, 1);
});

test("two messages without an id are two messages", async (t) => {
  const { browser, events } = await welcomed(t);
  for (const text of ["yes", "yes"]) browser.socket.answer(told(null, text));
  assert.equal(events.filter(([type]) => type === "message").length, 2);
});

// --- messages

const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const OTHER_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const message = (id, text) => ({ action: "message", id, text });
const accepted = (id) => ({ type: "message", id, status: "accepted" });

test("a message leaves at once, with an id of its own", async (t) => {
  const { relay, sent } = await welcomed(t);
  relay.send("hello");
  const [{ action, id, text }] = sent;
  assert.deepEqual([action, text], ["message", "hello"]);
  assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

test("the promise of a message resolves with its answer, which is an event too", async (t) => {
  const { browser, relay, events } = await welcomed(t);
  const promise = relay.send("hello", ID);
  browser.socket.answer({ type: "message", id: ID, status: "failed", reason: "refused" });
  assert.deepEqual(await promise, { id: ID, status: "failed", reason: "refused" });
  assert.deepEqual(events.at(-1), ["message-status", { id: ID, status: "failed", reason: "refused" }]);
});

test("a message that answers a choice takes its postback along", async (t) => {
  const { relay, sent } = await welcomed(t);
  relay.send("Red", ID, { postback: "/red" });
  assert.deepEqual(sent.at(-1), { ...message(ID, "Red"), postback: "/red" });
  assert.throws(() => relay.send("Red", null, { postback: 7 }), TypeError);
});

test("a message may be sent without an id and without options, said as null", async (t) => {
  const { relay, sent } = await welcomed(t);
  relay.send("Red", null, null);
  assert.deepEqual(sent.at(-1), message(sent.at(-1).id, "Red"));
});

test("a message takes its files along, and may then be empty", async (t) => {
  const { relay, sent } = await welcomed(t);
  const attachments = [{ url: "https://files.example/1", name: "a.png", type: "image/png" }];
  relay.send("", ID, { attachments });
  assert.deepEqual(sent.at(-1), { ...message(ID, ""), attachments });
});

test("a message ends the typing", async (t) => {
  const { box, relay, sent } = await welcomed(t);
  box.type("hello");
  relay.send("hello", ID);
  box.type("");
  assert.deepEqual(sent, [keystroke(0), STOP, message(ID, "hello")]);
});

test("the next message leaves when the one before has been answered", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.send("one", ID);
  relay.send("two", OTHER_ID);
  assert.deepEqual(sent, [message(ID, "one")]);
  browser.socket.answer(accepted(ID));
  assert.deepEqual(sent, [message(ID, "one"), message(OTHER_ID, "two")]);
});

test("a message that has no answer is sent again by the same id", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.send("hello", ID);
  await browser.advance(20_000, 100);
  assert.deepEqual(sent, [message(ID, "hello"), { action: "ping" }, message(ID, "hello")]);
});

test("a message that has its answer is not sent again", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.send("hello", ID);
  browser.socket.answer(accepted(ID));
  await browser.advance(60_000, 100);
  assert.deepEqual(sent, [message(ID, "hello")]);
});

test("a message without an answer is sent again after a reconnection", async (t) => {
  const { browser, relay } = await welcomed(t);
  const promise = relay.send("hello", ID);
  relay.send("more", OTHER_ID);
  browser.socket.break();
  await browser.advance(1000);
  browser.socket.accept();
  browser.socket.answer(WELCOME);
  assert.deepEqual(browser.socket.sent, [HELLO, message(ID, "hello")]);
  browser.socket.answer(accepted(ID));
  assert.equal((await promise).status, "accepted");
  assert.deepEqual(browser.socket.sent.at(-1), message(OTHER_ID, "more"));
});

test("a message sent while disconnected leaves when the connection is back", async (t) => {
  const { browser, relay } = await attached(t);
  relay.send("hello", ID);
  browser.socket.accept();
  browser.socket.answer(WELCOME);
  assert.deepEqual(browser.socket.sent, [HELLO, message(ID, "hello")]);
});

test("a refused message fails with the error's code, and the next one leaves", async (t) => {
  const { browser, relay, sent, events } = await welcomed(t);
  const promise = relay.send(" ", ID);
  relay.send("two", OTHER_ID);
  browser.socket.answer({ type: "error", code: "bad_message", message: "…", id: ID });
  assert.deepEqual(await promise, { id: ID, status: "failed", reason: "bad_message" });
  assert.deepEqual(sent.at(-1), message(OTHER_ID, "two"));
  assert.deepEqual(events[1], ["error", { code: "bad_message", message: "…" }]);
});

test("a relay that knows no messages, or not this id, is not asked again and again", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  for (const code of ["unknown_action", "bad_message"]) {
    const promise = relay.send("hello", ID);
    browser.socket.answer({ type: "error", code, message: "…" });
    assert.deepEqual(await promise, { id: ID, status: "failed", reason: code });
  }
  await browser.advance(60_000, 100);
  assert.equal(sent.length, 2);
});

test("an error without a message on its way is an error and nothing else", async (t) => {
  const { browser, events } = await welcomed(t);
  browser.socket.answer({ type: "error", code: "bad_frame", message: "…" });
  assert.deepEqual(events.slice(1), [["error", { code: "bad_frame", message: "…" }]]);
});

test("a message that came too soon after others is sent again later", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.send("hello", ID);
  browser.socket.answer({ type: "error", code: "rate_limited", message: "…", id: ID });
  await browser.advance(20_000, 100);
  assert.deepEqual(sent, [message(ID, "hello"), message(ID, "hello")]);
});

test("a message over its budget is sent again when the relay says that it would be taken", async (t) => {
  const { browser, relay, sent, events } = await welcomed(t);
  relay.send("hello", ID);
  const over = { type: "error", code: "rate_limited", message: "…", id: ID, budget: "messages", retry_in_ms: 4000 };
  browser.socket.answer(over);
  assert.deepEqual(events.at(-1), ["error", { code: "rate_limited", message: "…", budget: "messages", retryInMs: 4000 }]);
  await browser.advance(3900, 100);
  assert.equal(sent.length, 1);
  await browser.advance(300, 100);
  assert.equal(sent.length, 2);
});

test("what becomes of another tab's message is an event, and answers none of this one's", async (t) => {
  const { browser, relay, sent, events } = await welcomed(t);
  relay.send("hello", ID);
  relay.send("more", "a third id");
  browser.socket.answer(accepted(OTHER_ID));
  assert.deepEqual(events.at(-1), ["message-status", { id: OTHER_ID, status: "accepted" }]);
  assert.deepEqual(sent, [message(ID, "hello")]);
});

test("the truth that comes late is an event", async (t) => {
  const { browser, relay, events } = await welcomed(t);
  relay.send("hello", ID);
  browser.socket.answer({ type: "message", id: ID, status: "failed", reason: "unconfirmed" });
  browser.socket.answer(accepted(ID));
  assert.deepEqual(events.at(-1), ["message-status", { id: ID, status: "accepted" }]);
});

test("messages without an answer fail when the client is detached, and so do later ones", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  const promises = [relay.send("one", ID), relay.send("two", OTHER_ID)];
  relay.detach();
  promises.push(relay.send("three", "a third id"));
  const answers = await Promise.all(promises);
  assert.deepEqual(
    answers.map(({ id, status, reason }) => [id, status, reason]),
    [ID, OTHER_ID, "a third id"].map((id) => [id, "failed", "closed"]),
  );
  await browser.advance(60_000, 100);
  assert.deepEqual(sent, [message(ID, "one")]);
});

test("a text that API Gateway would close the connection for is refused", async (t) => {
  const { relay, sent } = await welcomed(t);
  assert.throws(() => relay.send("\u20ac".repeat(11_000)), RangeError);
  assert.throws(() => relay.send("\u0001".repeat(10_000)), RangeError);
  assert.deepEqual(sent, []);
  relay.send("\u20ac".repeat(10_000), ID);
  assert.equal(sent.length, 1);
});

test("a message of a visitor who opted out of typing signals is sent all the same", async (t) => {
  const { relay, sent } = await welcomed(t, { signals: false });
  relay.send("hello", ID);
  assert.deepEqual(sent, [message(ID, "hello")]);
});

test("that the visitor has seen all messages is told when the page says so", async (t) => {
  const { relay, sent } = await welcomed(t);
  relay.seen();
  assert.deepEqual(sent, [{ action: "seen" }]);
});

test("the end and earlier messages are asked for when the page says so", async (t) => {
  const { relay, sent } = await welcomed(t);
  relay.end();
  relay.history();
  relay.history("m1");
  assert.deepEqual(sent, [{ action: "end" }, { action: "history" }, { action: "history", before: "m1" }]);
});

test("what was seen while disconnected is not told later: the page says so again", async (t) => {
  const { browser, relay } = await attached(t);
  relay.seen();
  await welcome(browser);
  assert.deepEqual(browser.socket.sent, []);
});

// --- what the agent does, in the relay's words

for (const [name, detail] of Object.entries({
  message: { id: ID, text: "Good morning", author: "Ann", at: 1_800_000_000_000, from: "agent" },
  agent: { name: "Ann" },
  contact: { status: "closed" },
  queue: { position: 3 },
  read: { id: ID },
  seen: { id: ID },
  unread: { count: 2 },
  files: { upload: "https://chat.example/attachment", largest_bytes: 1024, types: ["image/*"] },
  history: { messages: [], asked: null, before: null },
  availability: { status: "offline", offline_form: true },
})) {
  test(`what the relay calls ${name} is an event of that name`, async (t) => {
    const { browser, relay } = await welcomed(t);
    const details = [];
    relay.addEventListener(name, (event) => details.push(event.detail));
    relay.addEventListener("event", () => assert.fail("as one, and not twice"));
    browser.socket.answer({ type: "event", event: { eventType: "…" }, name, detail });
    const another = detail.id ? { ...detail, id: OTHER_ID } : detail;
    browser.socket.answer({ type: "event", event: null, name, detail: another });
    assert.deepEqual(details, [detail, another]);
  });
}

test("an agent who types is told by name too, on each change", async (t) => {
  const { browser, events } = await welcomed(t);
  for (const typing of [true, true, false]) {
    browser.socket.answer({ type: "event", event: { eventType: "…" }, name: "agent-typing", detail: { typing } });
  }
  assert.deepEqual(events.slice(1), [
    ["agent-typing", { typing: true, agents: [] }],
    ["agent-typing", { typing: false, agents: [] }],
  ]);
});

// The client without a page, and what happens to its connection and its messages when things go wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { attach, connect } from "../../../web/typing-relay.js";
import { FakeBox, fakeBrowser, settled } from "./fake_browser.mjs";

const URL_OF_RELAY = "wss://relay.example.com/live";
const TIMINGS = { debounce_ms: 2000, heartbeat_ms: 1000, hold_ms: 6000 };
const WELCOME = { type: "welcome", timings: TIMINGS, guest: "open" };
const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const OTHER_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const accepted = (id) => ({ type: "message", id, status: "accepted" });
const held = (ago_ms) => ({ action: "keystroke", ago_ms, hold_ms: 6000 });
const PING = { action: "ping" };

async function connected(t, options = {}) {
  const browser = fakeBrowser(t);
  const relay = connect({ url: URL_OF_RELAY, token: "t", ...options });
  t.after(() => relay.detach());
  const errors = [];
  relay.addEventListener("error", ({ detail }) => errors.push(detail));
  await settled();
  return { browser, relay, errors };
}

async function welcomed(t, options) {
  const all = await connected(t, options);
  welcome(all.browser.socket);
  return { ...all, sent: all.browser.socket.sent };
}

function welcome(socket, frame = WELCOME) {
  socket.accept();
  socket.answer(frame);
  socket.sent.length = 0;
}

/** The relay answers each minute, and a few seconds pass. */
async function staysFor(browser, minutes) {
  for (let minute = 0; minute < minutes; minute++) {
    browser.socket.answer({ type: "pong" });
    await browser.advance(60_000, 1000);
  }
  await browser.advance(5000);
}

const tokenUntil = (browserSeconds) => `h.${btoa(JSON.stringify({ exp: 1_800_000_010 + browserSeconds }))}.s`;

// --- apart from the box

test("a connection needs no box and no page: keys and stops are told by function", async (t) => {
  const { browser, relay } = await connected(t);
  for (const name of ["window", "document", "navigator"]) delete globalThis[name];
  welcome(browser.socket);
  relay.key();
  relay.stop();
  assert.deepEqual(browser.socket.sent, [held(0), { action: "stop", ago_ms: 0 }]);
});

test("where there is no page at all, connecting works", async (t) => {
  const { WebSocket } = fakeBrowser(t);
  for (const name of ["window", "document", "navigator", "WebSocket"]) delete globalThis[name];
  const relay = connect({ url: URL_OF_RELAY, token: "t", WebSocket });
  t.after(() => relay.detach());
  await settled();
  assert.equal(WebSocket.opened.length, 1);
});

test("a chat panel that closes and opens keeps its connection", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  const panel = new FakeBox();
  const unwatch = relay.watch(panel);
  panel.type("a");
  unwatch();
  panel.type("ab");
  relay.watch(new FakeBox());
  assert.deepEqual(sent, [held(0), { action: "stop", ago_ms: 0 }]);
  assert.equal(browser.sockets.length, 1);
});

test("the token function is given a signal that ends when the attempt is given up", async (t) => {
  let given;
  const { relay } = await connected(t, {
    token({ signal }) {
      given = signal;
      return new Promise(() => {});
    },
  });
  assert.equal(given.aborted, false);
  relay.detach();
  assert.equal(given.aborted, true);
});

test("the token function may say where to connect, too", async (t) => {
  const { browser } = await connected(t, { url: undefined, token: () => ({ url: "wss://eu.example.com/live", token: "t" }) });
  assert.equal(browser.socket.url, "wss://eu.example.com/live");
  assert.deepEqual(browser.socket.protocols, ["typing-relay", "token.t"]);
});

for (const [wrong, options, message] of [
  ["no options", undefined, /connect: url/],
  ["a token that is neither", { url: URL_OF_RELAY, token: 7 }, /token/],
  ["an environment without WebSocket", { url: URL_OF_RELAY, token: "t", WebSocket: null }, /WebSocket/],
  ["a queue of none", { url: URL_OF_RELAY, token: "t", WebSocket: class {}, maxQueued: 0 }, /maxQueued/],
]) {
  test(`connect refuses ${wrong} and says what to do`, () => {
    assert.throws(() => connect(options), { name: "TypeError", message });
  });
}

test("watch refuses what is no box", async (t) => {
  const { relay } = await connected(t);
  assert.throws(() => relay.watch(null), { name: "TypeError", message: /text box/ });
});

// --- alive or not

const LOOKS = {
  "the page is seen again": ({ document }) => document.dispatchEvent(new Event("visibilitychange")),
  "the page has the focus again": ({ window }) => window.dispatchEvent(new Event("focus")),
  "the page is resumed": ({ document }) => document.dispatchEvent(new Event("resume")),
  "the browser is online": ({ window }) => window.dispatchEvent(new Event("online")),
};
for (const [what, happens] of Object.entries(LOOKS)) {
  test(`a half-open connection is replaced within 6 s when ${what}`, async (t) => {
    const { browser, sent } = await welcomed(t);
    await browser.advance(11_000);
    happens(browser);
    assert.deepEqual(sent, [PING]);
    await browser.advance(6000);
    assert.equal(browser.sockets.length, 2);
  });

  test(`a healthy connection stays when ${what}`, async (t) => {
    const { browser } = await welcomed(t);
    await browser.advance(11_000);
    happens(browser);
    browser.socket.answer({ type: "pong" });
    await browser.advance(6000);
    assert.equal(browser.sockets.length, 1);
  });

  test(`a client that waits to reconnect tries at once when ${what}`, async (t) => {
    const { browser } = await connected(t);
    for (let failure = 0; failure < 5; failure++) {
      browser.socket.break();
      await browser.advance(8000);
    }
    browser.socket.break();
    await browser.advance(2000);
    const before = browser.sockets.length;
    happens(browser);
    await settled();
    assert.equal(browser.sockets.length, before + 1);
  });
}

test("a burst's first key after a quiet minute asks whether the relay is there, others do not", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.key();
  await browser.advance(61_000, 100);
  sent.length = 0;
  relay.key();
  relay.key();
  assert.deepEqual(sent, [PING, held(0)]);
});

test("any frame is a sign of life", async (t) => {
  const { browser } = await welcomed(t);
  await browser.advance(201_000, 100);
  browser.socket.answer({ type: "event", event: { type: "other" } });
  await browser.advance(60_000, 100);
  assert.equal(browser.sockets.length, 1);
});

test("a pong that the browser held back with the timer is waited for", async (t) => {
  const { browser } = await welcomed(t);
  await browser.advance(200_000, 1000);
  await browser.advance(60_000, 60_000);
  assert.equal(browser.sockets.length, 1);
});

test("the connection is renewed before the token ends: the new one first, then the old one ends", async (t) => {
  const tokens = [tokenUntil(3600), tokenUntil(7200)];
  const { browser, relay } = await connected(t, { token: () => tokens.shift() ?? "t" });
  const statuses = [];
  relay.addEventListener("status", ({ detail }) => statuses.push(detail.status));
  welcome(browser.socket);
  await staysFor(browser, 56);
  const [old, fresh] = browser.sockets;
  assert.equal(browser.sockets.length, 2);
  assert.equal(old.readyState, 1);
  welcome(fresh);
  assert.equal(old.readyState, 3);
  assert.deepEqual(statuses, ["open"]);
});

test("the relay says when the token ends: its clock counts, not the page's", async (t) => {
  const { browser } = await connected(t, { token: () => tokenUntil(7200) });
  welcome(browser.socket, { ...WELCOME, token_ends_in_ms: 600_000 });
  await staysFor(browser, 8);
  assert.equal(browser.sockets.length, 1);
  await browser.advance(30_000, 1000);
  assert.equal(browser.sockets.length, 2);
});

test("a token of which nobody says when it ends keeps its connection for almost two hours", async (t) => {
  const { browser } = await connected(t, { token: () => "opaque" });
  welcome(browser.socket);
  await staysFor(browser, 100);
  assert.equal(browser.sockets.length, 1);
});

test("a name in the token with letters of any kind does not hide its end", async (t) => {
  const claims = JSON.stringify({ given_name: "Þóra ????>>>>~~~~ 日本 \u{1f600}", exp: 1_800_000_010 + 3600 });
  const base64url = Buffer.from(claims).toString("base64url");
  const { browser } = await connected(t, { token: () => `h.${base64url}.s` });
  welcome(browser.socket);
  await staysFor(browser, 56);
  assert.equal(browser.sockets.length, 2);
});

test("a renewal that fails is an error, and leaves the connection that there is", async (t) => {
  const { browser, relay, errors } = await connected(t, { token: () => tokenUntil(3600) });
  const statuses = [];
  relay.addEventListener("status", ({ detail }) => statuses.push(detail.status));
  welcome(browser.socket);
  await staysFor(browser, 56);
  const [old, refused] = browser.sockets;
  refused.break();
  await browser.advance(600);
  assert.deepEqual([old.readyState, relay.connected, statuses], [1, true, ["open"]]);
  assert.deepEqual(errors.map(({ code, attempt }) => [code, attempt]), [["connect_failed", 1]]);
  assert.equal(browser.sockets.length, 3);
});

test("a burst that goes on while the connection is renewed is told to the new one", async (t) => {
  const { browser, relay } = await connected(t, { token: () => tokenUntil(3600) });
  welcome(browser.socket);
  await staysFor(browser, 56);
  relay.key();
  await browser.advance(500);
  browser.socket.accept();
  browser.socket.answer(WELCOME);
  assert.deepEqual(browser.socket.sent.slice(1), [held(500)]);
});

test("a machine that slept with its clock stopped does not go on typing", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.key();
  await browser.advance(500);
  browser.sleep(30_000);
  relay.key();
  assert.deepEqual(sent, [held(0), held(0)]);
});

// --- ends, and says why

for (const type of ["status", "connection", "error", "frame", "agent-typing"]) {
  test(`a client detached by its listener for ${type} is detached for good`, async (t) => {
    const { browser, relay } = await connected(t);
    relay.addEventListener(type, () => relay.detach());
    welcome(browser.socket);
    browser.socket.answer({ type: "event", event: { type: "agent-typing", typing: true } });
    relay.key();
    if (browser.socket.readyState !== 3) browser.socket.break();
    await browser.advance(100_000, 100);
    relay.detach();
    assert.equal(relay.status, "closed");
    assert.ok(browser.sockets.every(({ readyState }) => readyState === 3));
  });
}

test("each failed connection is an error with its number, its cause and when it is tried again", async (t) => {
  const { browser, errors } = await connected(t);
  const close = { code: 1006 };
  browser.socket.readyState = 3;
  browser.socket.onclose(close);
  await browser.advance(600);
  browser.socket.break();
  assert.deepEqual(errors.map(({ code, attempt, retryInMs }) => [code, attempt, retryInMs]), [
    ["connect_failed", 1, 500],
    ["connect_failed", 2, 1000],
  ]);
  assert.equal(errors[0].cause, close);
});

test("what fails again and again is tried every few minutes", async (t) => {
  const { browser, errors } = await connected(t, { token: () => Promise.reject(new Error("no session")) });
  for (let minute = 0; minute < 30; minute++) await browser.advance(60_000, 1000);
  assert.equal(errors.at(-1).retryInMs, 150_000); // a random part of five minutes, here the half
});

test("a relay that refuses again and again is tried every few minutes, and is said to be", async (t) => {
  const { browser, errors } = await connected(t);
  for (let minute = 0; minute < 40; minute++) {
    if (browser.socket.readyState !== 3) browser.socket.break();
    await browser.advance(60_000, 1000);
  }
  assert.ok(browser.sockets.length < 30);
  assert.equal(errors.at(-1).retryInMs, 150_000);
});

test("a token function that throws at once is an error that a listener hears", async (t) => {
  const thrown = new Error("no session");
  const { errors } = await connected(t, {
    token() {
      throw thrown;
    },
  });
  assert.deepEqual(errors.map(({ code, cause }) => [code, cause]), [["connect_failed", thrown]]);
});

test("nothing is emitted after detach, though a listener in the midst of it has called it", async (t) => {
  const { browser, relay } = await welcomed(t);
  const late = [];
  relay.addEventListener("error", () => {
    relay.detach();
    for (const type of ["error", "status", "connection", "message-status"]) relay.addEventListener(type, () => late.push(type));
  });
  browser.socket.answer({ type: "error", code: "bad_message", message: "…", id: OTHER_ID });
  await relay.send("hello", ID);
  assert.deepEqual(late, []);
});

test("T16: an agent who typed while the guest was being reconnected types no longer when the connection is lost", async (t) => {
  const { browser, relay } = await welcomed(t);
  const typing = [];
  relay.addEventListener("agent-typing", ({ detail }) => typing.push(detail.typing));
  browser.socket.answer({ type: "guest", status: "reconnecting" });
  browser.socket.answer({ type: "event", event: { type: "agent-typing", typing: true } });
  browser.socket.break();
  assert.deepEqual(typing, [true, false]);
});

test("a key that a listener presses while the visitor opts out is not told", async (t) => {
  const { relay, sent } = await welcomed(t);
  relay.key();
  relay.addEventListener("frame", () => relay.key());
  relay.setSignals(false);
  assert.deepEqual(sent, [held(0), { action: "stop", ago_ms: 0 }]);
});

for (const token of [null, "", 7, {}, undefined]) {
  test(`a token that is ${JSON.stringify(token)} is never dialled`, async (t) => {
    const { browser, errors } = await connected(t, { token: () => token });
    assert.equal(browser.sockets.length, 0);
    assert.match(errors[0].cause.message, /must be a string/);
  });
}

test("a token that cannot be a subprotocol is an error that does not tell it", async (t) => {
  const { errors } = await connected(t, { token: "my secret" });
  assert.match(errors[0].cause.message, /subprotocol/);
  assert.doesNotMatch(errors[0].cause.message, /secret/);
});

test("connected, and the guest open, are two things", async (t) => {
  const { browser, relay } = await connected(t);
  assert.deepEqual([relay.connected, relay.guest], [false, null]);
  welcome(browser.socket, { ...WELCOME, guest: "unavailable" });
  assert.deepEqual([relay.connected, relay.guest], [true, "unavailable"]);
});

test("what is no frame is ignored", async (t) => {
  const { browser, relay, errors } = await welcomed(t);
  for (const data of ["", "no JSON", "null", "7", "[]", '{"type":"event","event":null}', new ArrayBuffer(2)]) {
    browser.socket.onmessage({ data });
  }
  assert.deepEqual(errors, []);
  assert.equal(relay.status, "open");
});

// --- messages

test("the five minutes of a message count from send, offline too", async (t) => {
  const { browser, relay } = await connected(t);
  const answers = [];
  relay.send("hello", ID).then((answer) => answers.push(answer));
  for (let minute = 0; minute < 5; minute++) await browser.advance(60_000, 1000);
  assert.deepEqual(answers, [{ id: ID, status: "failed", reason: "expired" }]);
  browser.goOnline();
  await settled();
  browser.socket.accept();
  browser.socket.answer(WELCOME);
  assert.equal(browser.socket.sent.filter(({ action }) => action === "message").length, 0);
});

test("a message that was sent and never answered is given up after eight minutes", async (t) => {
  const { browser, relay } = await welcomed(t);
  const answers = [];
  relay.send("hello", ID).then((answer) => answers.push(answer));
  for (let second = 0; second < 481; second++) {
    browser.socket.answer({ type: "pong" });
    await browser.advance(1000, 1000);
    if (second === 299) assert.deepEqual(answers, []);
  }
  assert.deepEqual(answers, [{ id: ID, status: "failed", reason: "unconfirmed" }]);
});

test("an id of null or of nothing is a message without one", async (t) => {
  const { relay, sent } = await welcomed(t);
  for (const id of [null, "", undefined]) relay.send("one", id);
  assert.match(sent[0].id, /^[0-9a-f]{8}-/);
  assert.equal(relay.queued.length, 3);
  assert.throws(() => relay.send("two", 7), TypeError);
  assert.throws(() => relay.send(new Event("submit")), TypeError);
});

test("an error about another frame fails no message", async (t) => {
  const { browser, relay } = await welcomed(t);
  relay.send("hello", ID);
  relay.seen();
  browser.socket.answer({ type: "error", code: "bad_frame", message: "…" });
  browser.socket.answer({ type: "error", code: "unknown_action", message: "…" });
  assert.deepEqual(relay.queued, [{ id: ID, text: "hello" }]);
});

test("a message is sent once on a socket that is not welcomed yet", async (t) => {
  const { browser, relay } = await connected(t);
  browser.socket.accept();
  relay.send("hello", ID);
  browser.socket.answer(WELCOME);
  browser.socket.answer(WELCOME);
  assert.equal(browser.socket.sent.filter(({ action }) => action === "message").length, 1);
});

test("the same message sent twice while it waits is one message", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  const both = [relay.send("hello", ID), relay.send("hello", ID)];
  const other = await relay.send("another text", ID);
  browser.socket.answer(accepted(ID));
  assert.deepEqual((await Promise.all(both)).map(({ status }) => status), ["accepted", "accepted"]);
  assert.equal(other.reason, "duplicate_id");
  assert.equal(sent.filter(({ action }) => action === "message").length, 1);
});

test("a message that came too soon leaves again within 2 s", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.send("hello", ID);
  browser.socket.answer({ type: "error", code: "rate_limited", message: "…", id: ID });
  await browser.advance(1500);
  assert.equal(sent.filter(({ action }) => action === "message").length, 2);
});

test("the queue is seen and limited", async (t) => {
  const { relay } = await connected(t, { maxQueued: 2 });
  relay.send("one", ID);
  relay.send("two", OTHER_ID);
  assert.deepEqual(relay.queued.map(({ text }) => text), ["one", "two"]);
  assert.equal((await relay.send("three")).reason, "too_many");
});

test("without crypto.randomUUID, as in a page without https, messages have ids all the same", async (t) => {
  const { relay, sent } = await welcomed(t);
  t.mock.method(globalThis.crypto, "randomUUID", () => undefined);
  relay.send("hello");
  assert.match(sent[0].id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("once the relay has taken a message, none has a needless stop before it", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.send("one", ID);
  browser.socket.answer(accepted(ID));
  sent.length = 0;
  relay.key();
  relay.send("two", OTHER_ID);
  await browser.advance(5000);
  assert.deepEqual(sent, [held(0), { action: "message", id: OTHER_ID, text: "two" }]);
});

// --- the end

const message = (id, text) => ({ action: "message", id, text });
const END = { action: "end" };
/** Without stops: each message is led by one until the relay has taken one. */
const asked = (sent) => sent.filter(({ action }) => ["message", "end"].includes(action));

test("the end leaves when the messages before it have their answers, and before those after it", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.send("one", ID);
  relay.send("two", OTHER_ID);
  relay.end();
  relay.send("three", "a third id");
  assert.deepEqual(asked(sent), [message(ID, "one")]);
  browser.socket.answer(accepted(ID));
  assert.deepEqual(asked(sent), [message(ID, "one"), message(OTHER_ID, "two")]);
  browser.socket.answer(accepted(OTHER_ID));
  assert.deepEqual(asked(sent).slice(2), [END, message("a third id", "three")]);
});

test("a message that a listener sends when the last answer comes is one after the end", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.send("one", ID);
  relay.end();
  relay.addEventListener("message-status", () => relay.send("two", OTHER_ID), { once: true });
  browser.socket.answer(accepted(ID));
  assert.deepEqual(asked(sent).slice(1), [END, message(OTHER_ID, "two")]);
});

test("the end leaves when the message before it is refused, too", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.send("one", ID);
  relay.end();
  assert.deepEqual(asked(sent), [message(ID, "one")]);
  browser.socket.answer({ type: "error", code: "bad_message", message: "…", id: ID });
  assert.deepEqual(asked(sent), [message(ID, "one"), END]);
});

test("an end that waits for a message leaves by the next connection, once", async (t) => {
  const { browser, relay } = await welcomed(t);
  relay.send("one", ID);
  relay.end();
  relay.end();
  browser.socket.break();
  await browser.advance(600);
  welcome(browser.socket);
  browser.socket.answer(accepted(ID));
  browser.socket.answer(accepted(ID));
  assert.deepEqual(asked(browser.socket.sent), [END]);
});

test("an end whose messages expired while disconnected ends nothing later", async (t) => {
  const { browser, relay } = await connected(t);
  relay.send("one", ID);
  relay.end();
  for (let minute = 0; minute < 6; minute++) await browser.advance(60_000, 1000);
  browser.goOnline();
  await settled();
  browser.socket.accept();
  browser.socket.answer(WELCOME);
  assert.deepEqual(asked(browser.socket.sent), []);
});

test("an end that waits is not sent by a client that is detached", async (t) => {
  const { relay, sent } = await welcomed(t);
  relay.send("one", ID);
  relay.end();
  relay.detach();
  assert.deepEqual(asked(sent), [message(ID, "one")]);
});

test("earlier messages before null are the newest", async (t) => {
  const { relay, sent } = await welcomed(t);
  relay.history(null);
  relay.key();
  assert.deepEqual(sent, [{ action: "history" }, held(0)]);
});

// --- a relay of another version

test("a relay that refuses the client's name is greeted without it", async (t) => {
  const { browser, relay } = await connected(t);
  browser.socket.accept();
  browser.socket.answer({ type: "error", code: "bad_frame", message: "Unknown key in the frame." });
  assert.deepEqual(browser.socket.sent.at(-1), { action: "hello" });
  browser.socket.answer(WELCOME);
  assert.equal(relay.status, "open");
});

test("a relay that refuses a hold is told the key without it", async (t) => {
  const { browser, relay, sent } = await welcomed(t);
  relay.key();
  browser.socket.answer({ type: "error", code: "bad_frame", message: '"hold_ms" must be …' });
  assert.deepEqual(sent, [held(0), { action: "keystroke", ago_ms: 0 }]);
});

// --- editors and boxes

async function editor(t, textContent = "", parts = {}) {
  const browser = fakeBrowser(t);
  const images = [];
  const hints = [];
  const box = Object.assign(new EventTarget(), {
    textContent,
    querySelectorAll: (selector) => (selector.startsWith("img") ? images : hints),
  });
  images.push(...(parts.images ?? []));
  hints.push(...(parts.hints ?? []));
  const relay = attach(box, { url: URL_OF_RELAY, token: "t" });
  t.after(() => relay.detach());
  await settled();
  welcome(browser.socket);
  const typed = () => browser.socket.sent.map(({ action }) => action);
  return { browser, box, relay, typed };
}

test("an editor that prevents the input event and writes itself is heard", async (t) => {
  const { browser, box, typed } = await editor(t);
  box.dispatchEvent(new Event("beforeinput"));
  box.textContent = "a";
  await browser.advance(10);
  assert.deepEqual(typed(), ["keystroke"]);
});

test("a key is told once where both events come", async (t) => {
  const { browser, box, typed } = await editor(t);
  box.dispatchEvent(new Event("beforeinput"));
  box.textContent = "a";
  box.dispatchEvent(new Event("input"));
  await browser.advance(1900);
  assert.deepEqual(typed(), ["keystroke"]);
});

test("arrows, and a prevented Enter, are not typing", async (t) => {
  const { browser, box, typed } = await editor(t, "hello");
  for (const key of ["ArrowLeft", "Enter"]) box.dispatchEvent(Object.assign(new Event("keydown"), { key }));
  box.dispatchEvent(new Event("beforeinput"));
  await browser.advance(3000);
  assert.deepEqual(typed(), []);
});

for (const [what, empty, parts] of [
  ["a zero-width space", "\u200b"],
  ["CKEditor's filler", "\u2060".repeat(7)],
  ["U+FEFF", "\ufeff"],
  ["a lone <br>", ""],
  ["Slate's placeholder", "Type here\ufeff", { hints: [{ textContent: "Type here" }] }],
]) {
  test(`an editor that holds only ${what} is empty`, async (t) => {
    const { box, typed } = await editor(t, "a", parts);
    box.dispatchEvent(new Event("input"));
    box.textContent = empty;
    box.dispatchEvent(new Event("input"));
    assert.deepEqual(typed(), ["keystroke", "stop"]);
  });
}

test("an image is not nothing", async (t) => {
  const { box, typed } = await editor(t, "", { images: [{}] });
  box.dispatchEvent(new Event("input"));
  assert.deepEqual(typed(), ["keystroke"]);
});

test("typing stops when a button's script empties the box", async (t) => {
  const { browser, box, typed } = await editor(t, "hello");
  box.dispatchEvent(new Event("input"));
  browser.document.dispatchEvent(new Event("click"));
  box.textContent = "";
  await browser.advance(60);
  assert.deepEqual(typed(), ["keystroke", "stop"]);
});

test("a box that is watched no longer tells nothing of a change that was about to come", async (t) => {
  const browser = fakeBrowser(t);
  const box = Object.assign(new EventTarget(), { textContent: "" });
  const relay = connect({ url: URL_OF_RELAY, token: "t" });
  t.after(() => relay.detach());
  await settled();
  welcome(browser.socket);
  const unwatch = relay.watch(box);
  box.dispatchEvent(new Event("beforeinput"));
  unwatch();
  box.textContent = "a";
  await browser.advance(10);
  assert.deepEqual(browser.socket.sent, []);
});

test("an editor that has changed the text before this listener comes is heard: its end is", async (t) => {
  const { browser, box, typed } = await editor(t, "a");
  box.dispatchEvent(new Event("input"));
  box.addEventListener("keydown", () => (box.textContent = ""));
  box.dispatchEvent(new Event("keydown"));
  await browser.advance(10);
  assert.deepEqual(typed(), ["keystroke", "stop"]);
});

test("a draft that a script sets is not typing", async (t) => {
  const { browser, box, typed } = await editor(t);
  box.textContent = "Dear all";
  await browser.advance(3000);
  assert.deepEqual(typed(), []);
});

test("a box that has moved to another form stops with that one", async (t) => {
  const browser = fakeBrowser(t);
  const box = new FakeBox();
  const relay = attach(box, { url: URL_OF_RELAY, token: "t" });
  t.after(() => relay.detach());
  await settled();
  welcome(browser.socket);
  const before = box.form;
  box.form = new EventTarget();
  box.type("a");
  before.dispatchEvent(new Event("submit"));
  assert.equal(browser.socket.sent.length, 1);
  box.form.dispatchEvent(new Event("submit"));
  assert.equal(browser.socket.sent.length, 2);
});

for (const url of [
  "ws://relay.example.com/live",
  "ws://127.0.0.1.example.com/live",
  "ws://localhost:secret@relay.example.com/live",
  "https://relay.example.com/live",
]) {
  test(`a token does not go to ${url}: another machine, in clear text`, () => {
    assert.throws(() => connect({ url, token: "t" }), /wss:\/\/ URL/);
  });
}

for (const url of ["wss://", "wss://ex ample.com/live", "wss://h:99999/", "wss://relay.example.com/live#a", "ws://localhost/#"]) {
  test(`connect refuses ${url} at once: no browser could connect there`, () => {
    assert.throws(() => connect({ url, token: "t", tokenIn: "query" }), { name: "TypeError", message: /wss:\/\/ URL/ });
  });
}

test("an error about a URL that comes with the token does not tell the token", async (t) => {
  const { browser, errors } = await connected(t, {
    url: undefined,
    token: () => ({ url: "wss://ex ample.com/live", token: "secret" }),
    tokenIn: "query",
    WebSocket: class {
      constructor(url) {
        throw new SyntaxError(`The URL '${url}' is invalid.`); // as Chrome does
      }
    },
  });
  assert.equal(browser.sockets.length, 0);
  assert.match(errors[0].cause.message, /wss:\/\/ URL/);
});

for (const url of ["ws://127.0.0.1:8081/live", "ws://localhost/live", "ws://[::1]:8081/live"]) {
  test(`on this machine ${url} will do`, async (t) => {
    const { relay } = await connected(t, { url });
    assert.equal(relay.connected, false); // it is being opened
  });
}

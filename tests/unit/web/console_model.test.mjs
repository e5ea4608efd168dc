// What the console makes of the live feed: lanes and counters, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { counters, spans } from "../../../web/console/measures.js";
import { Model } from "../../../web/console/model.js";

const SESSION = "alice";
const GUEST = "guest-1";

function modelWithGuest() {
  const model = new Model();
  model.takeEvent({ kind: "stack", at: 0, running: true, simulator: true });
  model.takeEvent(record({ at: 0, revision: 0, generation: 0 }));
  return model;
}

const record = (fields) => ({ kind: "record", session: SESSION, guest_id: GUEST, guest_status: "open", ...fields });
const call = (at, value, status = 200) => ({ kind: "typing", guest_id: GUEST, at, value, status, accepted: status === 200 });
const key = (at) => ({ type: "key", session: SESSION, at });
const frame = (at, action, ago_ms = 0) => ({ type: "frame", session: SESSION, at, frame: { action, ago_ms } });

function playBurst(model) {
  [1000, 1100, 1200].forEach((at) => model.takeKey(key(at)));
  model.takeFrame(frame(1000, "keystroke"));
  model.takeFrame(frame(2000, "keystroke", 800));
  model.takeEvent(call(1080, true));
  model.takeEvent(record({ at: 1250, revision: 1, generation: 1, typing: true, typing_since: 1010, shown: true, shown_at: 1080 }));
  model.takeEvent(record({ at: 2250, revision: 2, generation: 1, typing: true, typing_since: 1010, shown: true, shown_at: 1080 }));
  model.takeEvent(call(3300, false));
}

test("a burst is counted: keys, frames, writes, calls and both lags", () => {
  const model = modelWithGuest();
  playBurst(model);
  assert.deepEqual(counters(model), {
    keys: 3, frames: 2, writes: 3, bursts: 1, calls: 2, retries: 0, callsPerBurst: 2, lagToTrue: 80, lagToFalse: 2100,
  });
});

test("a function that failed is told of at the top and in the table", () => {
  const model = modelWithGuest();
  model.takeEvent({ kind: "failure", at: 5000, function: "typing-relay-Keystroke", text: "typing-relay-Keystroke failed: no" });
  assert.deepEqual(model.failures, ["typing-relay-Keystroke failed: no"]);
  const { at, session, what, detail } = model.rows().at(-1);
  assert.deepEqual([at, session, what, detail], [5000, null, "A function failed", "typing-relay-Keystroke failed: no"]);
});

test("a question to CXone is a call like any: the rate limit counts it too", () => {
  const model = modelWithGuest();
  playBurst(model);
  model.takeEvent({ kind: "typing_read", guest_id: GUEST, at: 2000, value: true, status: 200 });
  model.takeEvent({ kind: "typing_read", guest_id: GUEST, at: 3400, value: null, status: 500 });
  const { calls, callsPerBurst, retries } = counters(model);
  assert.deepEqual({ calls, callsPerBurst, retries }, { calls: 4, callsPerBurst: 4, retries: 0 });
});

test("keys of a visitor who opted out are counted as keys, and are no burst", () => {
  const model = modelWithGuest();
  [1000, 1100, 4000].forEach((at) => model.takeKey({ ...key(at), silent: true }));
  model.takeEvent(call(1080, true));
  const { keys, bursts, calls, callsPerBurst } = counters(model);
  assert.deepEqual({ keys, bursts, calls, callsPerBurst }, { keys: 3, bursts: 0, calls: 0, callsPerBurst: null });
  assert.match(model.whyUnseen(model.visitor(SESSION)), /opted out/);
  model.takeChoice({ session: SESSION, signals: true });
  assert.equal(model.whyUnseen(model.visitor(SESSION)), "");
});

test("a fault is named as its button is", () => {
  const model = modelWithGuest();
  model.takeEvent({ kind: "fault", at: 5, what: "drop-sockets", label: "Drop the sockets" });
  assert.deepEqual(model.faults, [{ at: 5, what: "Drop the sockets" }]);
  assert.deepEqual(model.rows().map(({ what, detail }) => [what, detail]).at(-1), ["Fault", "Drop the sockets"]);
});

test("the table is in the order of time, though a page and a simulator report at different speeds", () => {
  const model = modelWithGuest();
  model.takeEvent(call(1080, true));
  model.takeFrame(frame(1000, "keystroke"));
  assert.deepEqual(model.rows().slice(-2).map(({ at }) => at), [1000, 1080]);
});

test("a guest's socket is lost when its last one is, and not before there was one", () => {
  const model = modelWithGuest();
  const lost = () => model.hasLostSocket(model.visitor(SESSION));
  const socket = (kind, at) => model.takeEvent({ kind: `socket_${kind}`, guest_id: GUEST, at, code: 1006 });
  assert.equal(lost(), false);
  socket("open", 5);
  socket("open", 6); // the next one, before the old one ends
  socket("close", 7);
  assert.equal(lost(), false);
  socket("close", 8);
  assert.equal(lost(), true);
  socket("open", 9);
  assert.equal(lost(), false);
});

test("on Digital-First nobody sees typing without an open contact, and the page knows why", () => {
  const model = new Model();
  model.takeEvent({ kind: "stack", at: 0, running: true, simulator: true, platform: "dfo" });
  model.takeEvent(record({ at: 0, revision: 0, generation: 0 }));
  const why = () => model.whyUnseen(model.visitor(SESSION));
  assert.match(why(), /before alice’s first message/);
  model.takeEvent({ kind: "thread", guest_id: GUEST, at: 5, contact: "new", agent: null });
  assert.equal(why(), "");
  model.takeEvent({ kind: "thread", guest_id: GUEST, at: 6, contact: "closed", agent: null });
  assert.match(why(), /contact is closed/);
});

test("where CXone does not offer typing, the page knows why nobody sees it", () => {
  const model = modelWithGuest();
  model.takeEvent(record({ at: 5, guest_status: "unavailable" }));
  assert.match(model.whyUnseen(model.visitor(SESSION)), /does not offer it/);
});

test("calls from before the first key are not counted", () => {
  const model = modelWithGuest();
  model.takeEvent(call(500, true));
  model.takeEvent(call(600, false));
  model.takeEvent({ kind: "typing_read", guest_id: GUEST, at: 700, value: false });
  playBurst(model);
  assert.equal(counters(model).calls, 2);
});

test("a pause of the debounce or a stop begins a new burst", () => {
  const model = modelWithGuest();
  [0, 1999, 3999, 4100].forEach((at) => model.takeKey(key(at)));
  model.takeFrame(frame(4200, "stop"));
  model.takeKey(key(4300));
  assert.equal(counters(model).bursts, 3);
});

test("a burst that a stop ended has no lag to false: that counts from the last key", () => {
  const model = modelWithGuest();
  model.takeKey(key(1000));
  model.takeEvent(call(1080, true));
  model.takeFrame(frame(1500, "stop"));
  model.takeEvent(call(1580, false));
  assert.equal(counters(model).lagToFalse, null);
});

for (const [what, stoppedAt, ago_ms] of [["in time", 3000, 0], ["late", 4000, 1000]]) {
  test(`a stop that says, ${what}, that the debounce has passed ends a burst with its lag to false`, () => {
    const model = modelWithGuest();
    model.takeKey(key(1000));
    model.takeEvent(call(1080, true));
    model.takeFrame(frame(stoppedAt, "stop", ago_ms));
    model.takeEvent(call(stoppedAt + 80, false));
    assert.equal(counters(model).lagToFalse, stoppedAt + 80 - 1000);
  });
}

test("a refused call is counted and changes nothing the agent sees", () => {
  const model = modelWithGuest();
  model.takeKey(key(1000));
  model.takeEvent(call(1080, true, 429));
  assert.equal(counters(model).retries, 1);
  assert.equal(model.isShownTyping(model.visitor(SESSION)), false);
});

test("the agent sees what CXone took last", () => {
  const model = modelWithGuest();
  model.takeEvent(call(1080, true));
  assert.equal(model.isShownTyping(model.visitor(SESSION)), true);
  model.takeEvent(call(1180, false));
  assert.equal(model.isShownTyping(model.visitor(SESSION)), false);
});

test("of a real CXone, what it accepted is taken as what the agent sees", () => {
  const model = modelWithGuest();
  model.takeEvent({ kind: "stack", at: 0, running: true, simulator: false });
  model.takeEvent(record({ at: 1300, revision: 1, generation: 1, shown: true }));
  assert.equal(model.isShownTyping(model.visitor(SESSION)), true);
});

test("a new guest session begins as not typing", () => {
  const model = modelWithGuest();
  model.takeEvent(call(1080, true));
  model.takeEvent(record({ at: 1300, guest_id: "guest-2", revision: 1, generation: 1 }));
  assert.equal(model.isShownTyping(model.visitor(SESSION)), false);
});

test("the frame that began a generation is marked, the coalesced ones are not", () => {
  const model = modelWithGuest();
  playBurst(model);
  assert.deepEqual(model.visitor(SESSION).frames.map(({ woke }) => woke), [true, false]);
});

test("an agent's message reaches the visitor whose guest it was sent to", () => {
  const model = modelWithGuest();
  model.takeEvent({ kind: "agent_message", guest_id: GUEST, at: 5, text: "Good morning" });
  assert.deepEqual(model.visitor(SESSION).messages, [{ at: 5, from: "agent", text: "Good morning" }]);
});

test("messages that came before their visitor was known are kept for them", () => {
  const model = new Model();
  model.takeEvent({ kind: "visitor_message", guest_id: GUEST, id: "m1", at: 5, text: "Good morning" });
  assert.deepEqual(model.visitor(SESSION).messages, []);
  model.takeEvent(record({ at: 6 }));
  assert.deepEqual(model.visitor(SESSION).messages, [{ at: 5, from: "visitor", text: "Good morning", id: "m1" }]);
});

test("typing on a gateway's socket is counted as calls are, and named as what it is", () => {
  const model = modelWithGuest();
  model.takeKey(key(1000));
  model.takeEvent({ ...call(1080, true, "taken"), accepted: true, frame: "SenderTypingStarted" });
  model.takeEvent({ ...call(3100, false, "taken"), accepted: true, frame: "SenderTypingEnded" });
  assert.deepEqual(counters(model), {
    keys: 1, frames: 0, writes: 0, bursts: 1, calls: 2, retries: 0, callsPerBurst: 2, lagToTrue: 80, lagToFalse: 2100,
  });
  assert.deepEqual(model.rows().map(({ what, detail }) => [what, detail]).slice(-2), [
    ["On the socket: SenderTypingStarted", "taken"], ["On the socket: SenderTypingEnded", "taken"],
  ]);
});

test("with its contact, what the agent sees of a visitor's typing ends", () => {
  const model = modelWithGuest();
  model.takeEvent({ ...call(1080, true, "taken"), accepted: true, frame: "SenderTypingStarted" });
  model.takeEvent({ kind: "thread", guest_id: GUEST, at: 1500, contact: "closed", agent: "Avery Quinn" });
  assert.equal(model.isShownTyping(model.visitor(SESSION)), false);
  assert.deepEqual([model.guest(GUEST).contact, model.guest(GUEST).agent], ["closed", "Avery Quinn"]);
});

test("what happens on a gateway's socket is in the table", () => {
  const model = modelWithGuest();
  model.takeEvent({ kind: "authorize", guest_id: GUEST, at: 1, status: 401 });
  model.takeEvent({ kind: "socket_frame", guest_id: GUEST, at: 2, frame: "SendMessage", status: "error" });
  model.takeEvent({ kind: "push", guest_id: GUEST, at: 3, frame: "MessageCreated", fault: "duplicate" });
  model.takeEvent({ kind: "violation", guest_id: GUEST, at: 4, rule: "not_text", detail: "a binary frame" });
  assert.deepEqual(model.rows().slice(-4).map(({ session, what, detail }) => [session, what, detail]), [
    [SESSION, "Sign-in refused", "401"],
    [SESSION, "On the socket: SendMessage", "error"],
    [SESSION, "From CXone: MessageCreated", "duplicate"],
    [SESSION, "Rule broken", "a binary frame"],
  ]);
});

test("an event of a kind that is not known changes nothing", () => {
  const model = modelWithGuest();
  const rows = model.rows();
  model.takeEvent({ kind: "pong", guest_id: GUEST, at: 5 });
  assert.deepEqual(model.rows(), rows);
});

test("a row about a guest names its visitor as soon as the record does", () => {
  const model = new Model();
  model.takeEvent({ kind: "socket_open", guest_id: GUEST, at: 5 });
  assert.equal(model.rows()[0].session, "not known yet");
  model.takeEvent(record({ at: 6 }));
  assert.equal(model.rows()[0].session, SESSION);
});

test("the last span reaches up to now while it lasts", () => {
  const changes = [{ at: 10, value: true }, { at: 20, value: false }, { at: 30, value: true }];
  assert.deepEqual(spans(changes, 50), [[10, 20], [30, 50]]);
});

// A world in which everything happens to a client that can, in an order that a seed decides, and what must hold all the time.
// Not a browser: sockets, timers, clocks and the page are this file's own, and as strict as the real ones.
import assert from "node:assert/strict";
import { connect } from "../../../web/typing-relay.js";

const EVENTS = ["status", "connection", "agent-typing", "message", "message-status", "agent", "contact", "queue", "read"];
EVENTS.push("seen", "event", "error", "frame");
const TIMINGS = { debounce_ms: 2000, heartbeat_ms: 1000, hold_ms: 6000, agent_typing_ms: 60_000 };
const IDS = ["a", "b", "c"].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`);
const SILENT_MS = 500_000 + 2 * 5000 + 1000; // without a sign of life, hidden: a ping, and a pong's deadline that was held back once
const AGENT_MS = 75_000;
const NO_MORE_MS = 480_000; // until a message has its answer

/** Numbers from 0 to 1 that the seed decides (mulberry32). */
function randomBy(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Box extends EventTarget {
  value = "";
  form = new EventTarget();
}

export class World {
  log = []; // what has happened, newest last: printed when something does not hold
  monotonic = 10_000;
  wall = 1_800_000_000_000;
  timers = new Map();
  sockets = [];
  messages = []; // {id, at, answers, sentAt}
  lastTold = new Map(); // the newest detail of each event
  watched = [];
  thrown; // by a listener, this file's or the client's
  disturbedAt = -Infinity; // when a clock was set, the machine slept, or timers were late
  relay;
  beforeEnd = []; // what had no answer when the visitor ended the conversation
  isDetached = false;
  ids = 0;
  allowed = true;
  document = Object.assign(new EventTarget(), { hidden: false });
  window = new EventTarget();
  navigator = { onLine: true };
  performance = { now: () => this.monotonic };

  constructor(seed) {
    this.random = randomBy(seed);
    const world = this;
    this.Socket = class {
      readyState = 0;
      sent = [];
      isWelcomed = false;
      heardAt = Infinity;

      constructor() {
        assert.ok(!world.isDetached, "a socket is made after detach()");
        if (world.chance(0.03)) throw new DOMException("The page may not connect there.", "SecurityError");
        world.sockets.push(this);
      }

      send(text) {
        assert.notEqual(this.readyState, 0, "a browser throws: the socket is not open yet");
        if (this.readyState === 1) world.sees(this, JSON.parse(text));
      }

      close() {
        if (this.readyState < 2) this.readyState = 2;
      }
    };
  }

  // --- chance

  chance(part) {
    return this.random() < part;
  }

  one(of) {
    return of[Math.floor(this.random() * of.length)];
  }

  // --- what the client is given instead of a browser

  globals() {
    const { document, window, navigator, performance } = this;
    const setTimeout = (then, ms = 0) => {
      const id = {};
      this.timers.set(id, { at: this.monotonic + Math.max(0, Math.round(ms)), then });
      return id;
    };
    const clearTimeout = (id) => this.timers.delete(id);
    return { document, window, navigator, performance, setTimeout, clearTimeout, WebSocket: this.Socket };
  }

  token(signal) {
    assert.ok(!this.isDetached, "a token is asked for after detach()");
    if (this.chance(0.03)) signal.addEventListener("abort", () => this.react(1));
    if (this.chance(0.05)) throw new Error("no session");
    if (this.chance(0.05)) return Promise.reject(new Error("no session"));
    if (this.chance(0.05)) return new Promise(() => {});
    if (this.chance(0.05)) return this.one([null, "", 7, {}, undefined, "not a subprotocol", { token: 7 }, { url: 7, token: "t" }]);
    const claims = btoa(JSON.stringify({ exp: Math.floor(this.wall / 1000) + this.one([-10, 90, 3600, 1e9]) }));
    const token = this.one(["opaque", `h.${claims}.s`, "h.%.s"]);
    return this.chance(0.5) ? token : Promise.resolve({ url: "wss://eu.example.com/live", token });
  }

  // --- what must hold

  /** The socket is sent this frame. */
  sees(socket, frame) {
    this.log.push(`    → ${JSON.stringify(frame)}`);
    assert.ok(frame.action === "hello" || socket.sent.length, "hello comes first");
    if (frame.action !== "hello") assert.ok(socket.isWelcomed, "nothing but hello is sent before the welcome");
    const isTyping = frame.action === "keystroke";
    if (isTyping) assert.ok(this.allowed && this.relay.signals, "no key is told where typing signals are off");
    if (isTyping) assert.ok(frame.ago_ms >= 0 && frame.ago_ms <= 2000);
    if (frame.action === "message") this.seesMessage(socket, frame);
    const waits = this.relay?.queued.some(({ id }) => this.beforeEnd.includes(id));
    if (frame.action === "end") assert.ok(!waits, "the end overtakes a message");
    socket.sent.push(frame);
  }

  seesMessage(socket, { id }) {
    const message = this.messages.findLast((one) => one.id === id);
    assert.equal(id, this.relay.queued[0]?.id, "messages are sent in order, and not when they have their answer");
    const before = message.sentAt.get(socket);
    const soonMs = socket.limitedAt >= before ? 900 : 19_000; // it may repeat what the relay had no time for
    if (this.disturbedAt < before) assert.ok(this.monotonic - before >= soonMs, "a message is sent twice on one socket");
    message.sentAt.set(socket, this.monotonic);
    if (this.disturbedAt < message.at) assert.ok(this.monotonic - message.at <= 300_100, "a message leaves late");
  }

  /** The client emits this. */
  hears(type, detail) {
    this.log.push(`    ! ${type} ${JSON.stringify(detail) ?? ""}`);
    assert.ok(!this.isDetached, `${type} is emitted after detach()`);
    if (type === "status") assert.equal(detail.status, this.relay.status);
    if (type === "connection") assert.equal(detail.connected, this.relay.connected);
    if (["status", "connection", "agent-typing"].includes(type)) {
      assert.notDeepEqual(detail, this.lastTold.get(type), `${type} is told twice`);
      this.lastTold.set(type, detail);
    }
    if (type === "agent-typing") this.agentAt = this.monotonic;
    if (type === "error" && detail.code === "connect_failed") {
      assert.ok(detail.attempt >= 1 && detail.retryInMs >= 0 && detail.message, "a failed connection says why");
      this.blamed = detail.cause;
    }
    if (this.chance(0.04)) this.react(0.2);
  }

  /** Whoever listens does something with the client at once. */
  react(detaching) {
    if (this.chance(detaching)) return this.detach();
    this.one([() => this.relay.key(), () => this.relay.stop(), () => this.send(), () => this.endsTheConversation(), () => this.optsOutOrIn()])();
  }

  holds() {
    if (this.thrown) throw this.thrown;
    const live = this.sockets.filter(({ readyState }) => readyState < 2);
    assert.ok(live.length <= 2, "more than one connection and the next");
    if (this.isDetached) {
      assert.equal(live.length, 0, "a socket outlives detach()");
      assert.equal(this.timers.size, 0, "a timer outlives detach()");
      assert.equal(this.relay.status, "closed");
      return;
    }
    const calmSince = Math.max(this.disturbedAt, 0);
    assert.equal(this.relay.status, this.lastTold.get("status")?.status ?? "connecting");
    assert.equal(this.relay.connected, this.lastTold.get("connection")?.connected ?? false);
    if (this.relay.status !== "closed") assert.ok(this.timers.size, "nothing is going to happen any more");
    const line = this.sockets.findLast(({ isWelcomed, readyState }) => isWelcomed && readyState === 1);
    if (this.relay.connected && line) {
      const silentMs = this.monotonic - Math.max(calmSince, line.heardAt);
      assert.ok(silentMs <= SILENT_MS, "a dead connection is not noticed");
    }
    const typing = this.lastTold.get("agent-typing")?.typing ?? false;
    if (typing) assert.ok(this.relay.connected, "the agent types on a connection that is gone");
    if (typing && calmSince < this.agentAt) assert.ok(this.monotonic - this.agentAt <= AGENT_MS + 100, "the agent types for ever");
    for (const { at, answers } of this.messages) {
      assert.ok(answers.length <= 1, "a message has two answers");
      if (calmSince < at) assert.ok(answers.length || this.monotonic - at <= NO_MORE_MS + 100, "a message has no answer");
    }
  }

  // --- what happens: the front end

  begin() {
    const options = { maxQueued: 3, token: ({ signal }) => this.token(signal), url: "wss://relay.example.com/live" };
    this.relay = connect(options);
    for (const type of EVENTS) this.relay.addEventListener(type, ({ detail }) => this.hears(type, detail));
  }

  detach() {
    this.log.push("detach");
    this.relay.detach();
    this.isDetached = true;
  }

  send() {
    const id = this.chance(0.5) ? this.one(IDS) : `00000000-0000-4000-8000-${String(++this.ids).padStart(12, "0")}`;
    const text = this.one(["one", "two"]);
    const before = this.relay.queued;
    const waits = before.find((message) => message.id === id);
    this.log.push(`send ${text} ${id}`);
    const at = this.monotonic;
    const isNew = !waits && before.length < 3 && !this.isDetached;
    const message = { id, at, sentAt: new Map(), answers: [] };
    if (isNew) this.messages.push(message);
    if (isNew) this.beforeEnd = this.beforeEnd.filter((one) => one !== id); // another message by the same id
    this.relay.send(text, id).then((answer) => {
      assert.ok(["accepted", "failed"].includes(answer.status));
      if (isNew) message.answers.push(answer);
    });
  }

  endsTheConversation() {
    this.log.push("end");
    this.beforeEnd = this.relay.queued.map(({ id }) => id);
    this.relay.end();
  }

  optsOutOrIn() {
    this.allowed = this.chance(0.7);
    this.log.push(`setSignals ${this.allowed}`);
    this.relay.setSignals(this.allowed);
  }

  misuse() {
    const { relay } = this;
    const wrong = [() => relay.send(7), () => relay.send("a", 7), () => relay.watch({}), () => relay.send("a", null, { postback: 7 })];
    assert.throws(this.one(wrong), TypeError);
    assert.throws(() => relay.send("\u20ac".repeat(20_000)), RangeError);
  }

  watch() {
    const box = new Box();
    this.watched.push({ box, end: this.relay.watch(box) });
  }

  usesABox() {
    const watched = this.one(this.watched);
    if (!watched) return this.watch();
    const { box, end } = watched;
    if (this.chance(0.1)) return end();
    if (this.chance(0.2)) return box.form.dispatchEvent(new Event(this.one(["submit", "reset"])));
    if (this.chance(0.2)) return this.document.dispatchEvent(new Event("click"));
    const type = this.one(["input", "beforeinput", "keydown", "paste", "blur"]);
    if (type === "input") box.value = this.one(["", "a", "ab"]);
    box.dispatchEvent(new Event(type));
    if (this.chance(0.5)) box.value = this.one(["", "a", "abc"]);
  }

  // --- what happens: the page and the machine

  page() {
    const [target, type] = this.one([
      [this.document, "visibilitychange"],
      [this.document, "visibilitychange"],
      [this.document, "resume"],
      [this.window, "focus"],
      [this.window, "online"],
      [this.window, "offline"],
      [this.window, "pagehide"],
      [this.window, "pageshow"],
      [this.window, "pageshow"],
    ]);
    this.log.push(type);
    if (type === "visibilitychange") this.document.hidden = this.chance(0.4);
    if (type.endsWith("line")) this.navigator.onLine = type === "online";
    target.dispatchEvent(Object.assign(new Event(type), { persisted: this.chance(0.8) }));
  }

  /** Time passes: timers run when they are due, or all at its end as in a page that is held back. */
  async passes(ms, isLate = false) {
    this.log.push(`${ms} ms${isLate ? " without timers" : ""}`);
    const until = this.monotonic + ms;
    if (isLate) {
      this.goOn(until);
      this.disturbedAt = until;
    }
    for (;;) {
      const [id, next] = [...this.timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!next || next.at > until) break;
      if (!isLate) this.goOn(next.at);
      this.timers.delete(id);
      next.then();
      await settled();
      this.holds();
    }
    this.goOn(until);
  }

  goOn(until) {
    this.wall += Math.max(0, until - this.monotonic);
    this.monotonic = Math.max(this.monotonic, until);
  }

  sleeps() {
    this.setClock(this.one([1000, 60_000, 3_600_000]));
  }

  setClock(ms) {
    this.log.push(`clock ${ms}`);
    this.wall += ms;
    this.disturbedAt = this.monotonic;
  }

  // --- what happens: the network and the relay

  opens() {
    const socket = this.sockets.findLast(({ readyState }) => readyState === 0);
    if (!socket) return;
    this.log.push("open");
    socket.readyState = 1;
    socket.onopen();
  }

  closes() {
    const socket = this.one(this.sockets.filter(({ readyState }) => readyState < 3));
    if (!socket) return;
    const isTried = socket.readyState < 2 && !socket.isWelcomed && socket === this.sockets.at(-1);
    this.log.push(`closed ${socket.readyState}`);
    socket.readyState = 3;
    const event = { code: 1006 };
    this.blamed = undefined;
    if (this.chance(0.3)) socket.onerror(new Event("error"));
    socket.onclose(event);
    if (isTried && !this.isDetached) assert.equal(this.blamed, event, "a failed connection is an event with its cause");
  }

  answers() {
    const socket = this.sockets.findLast(({ readyState }) => readyState === 1);
    if (!socket) return;
    const asked = socket.sent.at(-1) ?? { action: "nothing" };
    if (asked.action === "hello" && !socket.isWelcomed) {
      socket.isWelcomed = true;
      const signals = this.chance(0.1) ? { signals: "off" } : {};
      const ends = this.chance(0.5) ? { token_ends_in_ms: this.one([5000, 200_000, 3_600_000]) } : {};
      const guest = this.one(["open", "open", "opening", "unavailable"]);
      return this.says(socket, { type: "welcome", timings: this.chance(0.8) ? TIMINGS : undefined, guest, ...signals, ...ends });
    }
    if (asked.action === "ping") return this.says(socket, { type: "pong" });
    if (asked.action === "message") return this.says(socket, { type: "message", id: asked.id, status: "accepted" });
    this.says(socket, { type: "guest", status: this.one(["open", "open", "reconnecting", "unavailable"]) });
  }

  refuses() {
    const socket = this.sockets.findLast(({ readyState }) => readyState === 1);
    if (!socket) return;
    const code = this.one(["bad_frame", "bad_message", "too_large", "unknown_action", "rate_limited", "session_expired"]);
    const asked = this.one([undefined, socket.sent.findLast(({ action }) => action === "message")?.id]);
    if (code === "rate_limited") socket.limitedAt = this.monotonic;
    this.says(socket, { type: "error", code, message: "…", id: asked, retry_in_ms: this.one([undefined, 0, 4000]) });
  }

  happensThere() {
    const socket = this.sockets.findLast(({ readyState, isWelcomed }) => readyState === 1 && isWelcomed);
    if (!socket) return;
    const agents = this.one([[], [{ id: "1", name: "Ada" }], undefined, null]);
    const event = this.one([
      { name: "agent-typing", detail: { typing: this.chance(0.7), agents } },
      { name: "agent-typing", detail: null },
      { event: { type: "agent-typing", typing: true } },
      { name: "message", detail: { id: this.one(IDS), text: "hello" } },
      { name: "message", detail: null },
      { event: null },
      { event: { type: "other" } },
    ]);
    this.says(socket, { type: "event", ...event });
  }

  saysNonsense() {
    const socket = this.one(this.sockets.filter(({ readyState }) => readyState === 1));
    const types = ["constructor", "__proto__", "__defineGetter__", "toString", "hello", 7, null, "pong"];
    const nonsense = ["", "no JSON", "null", "7", "[]", '"text"', JSON.stringify({ type: this.one(types) }), new ArrayBuffer(2)];
    if (socket) this.says(socket, this.one(nonsense));
  }

  says(socket, frame) {
    const data = frame.type ? JSON.stringify(frame) : frame;
    this.log.push(`  ← ${data}`);
    socket.heardAt = this.monotonic;
    if (frame.type === "agent-typing" || frame.detail?.typing || frame.event?.typing) this.agentAt = this.monotonic;
    socket.onmessage({ data });
  }

  // --- all of it

  async step() {
    const { relay } = this;
    const happens = [
      [12, () => this.passes(this.one([10, 50, 400, 900, 1900, 2500]))],
      [5, () => this.passes(this.one([5000, 9000, 30_000, 70_000, 200_000]))],
      [1, () => this.passes(this.one([1000, 10_000, 200_000]), true)],
      [0.5, () => this.sleeps()],
      [0.5, () => this.setClock(this.one([-3_600_000, -2000, 2000]))],
      [8, () => relay.key()],
      [2, () => relay.stop()],
      [3, () => this.send()],
      [1, () => relay.seen()],
      [1, () => this.endsTheConversation()],
      [1, () => this.optsOutOrIn()],
      [4, () => this.usesABox()],
      [0.3, () => this.misuse()],
      [3, () => this.page()],
      [8, () => this.opens()],
      [14, () => this.answers()],
      [2, () => this.refuses()],
      [2, () => this.closes()],
      [5, () => this.happensThere()],
      [1, () => this.saysNonsense()],
      [this.isDetached ? 0 : 0.1, () => this.detach()],
    ];
    let left = this.random() * happens.reduce((sum, [weight]) => sum + weight, 0);
    const [, act] = happens.find(([weight]) => (left -= weight) < 0);
    await act();
    await settled();
    this.holds();
  }

  /** It ends, and every promise has been kept. */
  async ends() {
    this.detach();
    await settled();
    this.holds();
    for (const { answers } of this.messages) assert.equal(answers.length, 1, "a message has no answer");
  }
}

async function settled() {
  for (let turn = 0; turn < 6; turn++) await Promise.resolve();
}

/** Typing Relay's client. Typed text never leaves it, only sent messages do. The API: typing-relay.d.ts. */

const CLIENT = "typing-relay.js/0.1.0"; // package.json's version
const MAX_AGO_MS = 2000; // the protocol's limit
const SPARE_MS = 2000; // a key this late in a hold renews it
const LEAST_SPARE_MS = 1000; // else a timer does
const CONNECT_MS = 30_000; // API Gateway gives up after 29 s
const PING_MS = 120_000; // API Gateway closes a connection after 10 idle minutes, some networks after 4
const PONG_MS = 5000;
const QUIET_MS = 60_000; // a key after such a silence asks whether the relay is still there
const FRESH_MS = 10_000; // a page that is looked at again asks after this one
const RENEW_MS = 6_600_000; // API Gateway ends any connection after 2 hours
const SPARE_TOKEN_MS = 60_000; // a token is renewed this long before its end
const STABLE_MS = 10_000; // a connection that lives this long resets the back-off
const BACKOFF_MS = 1000;
const BACKOFF_CAP_MS = 30_000;
const HOPELESS = 8; // after this many failures in a row the cap grows,
const HOPELESS_CAP_MS = 300_000; // up to this
const ANSWER_MS = 20_000; // a message without an answer is sent again
const EXPIRE_MS = 300_000; // the relay's own limit for a message, from `send` on
const GIVE_UP_MS = 480_000; // the relay has answered by then
const AGENT_MS = 60_000; // an agent types no longer after this, unless it is said again; the welcome may say otherwise,
const LATE_MS = 15_000; // and this later the client does not wait for the relay to say so
const DRAWN_MS = 50; // frameworks draw a moment after their state has changed
const AGENTS_NONE = "[false,[]]";

let slept = 0;
let lastLook = [0, 0];

/** Monotonic ms: a clock that is set back must not delay a frame. Counts a machine's sleep, which stops some clocks. */
function now() {
  const look = [performance.now(), Date.now()];
  const gap = look[1] - lastLook[1] - (look[0] - lastLook[0]);
  if (lastLook[1] && gap > 1000) slept += gap;
  lastLook = look;
  return look[0] + slept;
}

/**
 * Decides which frame is sent when. Pure: no timers, no socket, no page.
 * Methods take the time in ms and return the frames to send now.
 */
export class TypingRhythm {
  #debounceMs = 2000;
  #heartbeatMs = 1000;
  #holdMs = 0; // how long a key counts unless a stop follows; 0: the debounce
  #connected = false;
  #newestKeyAt = -Infinity;
  #unsent = false;
  #toldKeyAt = -Infinity; // the newest key that the server knows of
  #nextFrameAt = -Infinity;

  get wakeAt() {
    const overAt = this.#newestKeyAt + this.#debounceMs;
    const holdEndsAt = this.#toldKeyAt + this.#holdMs;
    const stopAt = holdEndsAt > overAt ? overAt : Infinity;
    const frameAt = this.#unsent ? Math.max(this.#nextFrameAt, holdEndsAt - LEAST_SPARE_MS) : Infinity;
    return this.#connected ? Math.min(stopAt, frameAt) : Infinity;
  }

  /** A key: the first of a burst is sent at once, later ones when a frame is due. */
  key(at) {
    const over = this.isTyping(at) ? [] : this.stop(at); // its timer is late
    this.#newestKeyAt = at;
    this.#unsent = true;
    return at < this.#nextFrameAt ? over : [...over, ...this.#tell(at)];
  }

  /** The timer: a frame, or the stop. */
  wake(at) {
    if (at < this.wakeAt) return [];
    return this.isTyping(at) ? this.#tell(at) : this.stop(at);
  }

  isTyping(at) {
    return at - this.#newestKeyAt < this.#debounceMs;
  }

  /** The frame for the newest key, with its age. */
  #tell(at) {
    if (!this.#connected) return [];
    this.#unsent = false;
    const ago = Math.round(at - this.#newestKeyAt);
    if (ago >= MAX_AGO_MS && !this.#holdMs) return [];
    const ago_ms = Math.min(ago, MAX_AGO_MS);
    this.#toldKeyAt = at - ago_ms;
    this.#nextFrameAt = Math.max(at + this.#heartbeatMs, this.#toldKeyAt + this.#holdMs - SPARE_MS);
    return [{ action: "keystroke", ago_ms, ...(this.#holdMs && { hold_ms: this.#holdMs }) }];
  }

  /** The stop: typing is over now, or was when the debounce passed. Nothing if the server knows. */
  stop(at) {
    const ago_ms = Math.max(0, Math.round(at - this.#newestKeyAt - this.#debounceMs) + 1);
    const counts = at - this.#toldKeyAt < Math.max(this.#debounceMs, this.#holdMs);
    this.#newestKeyAt = this.#toldKeyAt = this.#nextFrameAt = -Infinity;
    this.#unsent = false;
    return counts ? [{ action: "stop", ...(this.#holdMs && { ago_ms }) }] : [];
  }

  /** Welcomed: use the server's timings; send a key pressed meanwhile if it is still fresh. */
  connected(at, { debounce_ms, heartbeat_ms, hold_ms } = {}) {
    if (debounce_ms > 0) this.#debounceMs = debounce_ms;
    if (heartbeat_ms > 0) this.#heartbeatMs = heartbeat_ms;
    this.#holdMs = hold_ms > 0 ? hold_ms : 0;
    this.#connected = true;
    return this.wake(at);
  }

  /** The server has ended the typing. `again`: the next connection is there and is told the newest key again. */
  disconnected(again = false) {
    this.#connected = false;
    this.#unsent ||= again && this.#newestKeyAt > -Infinity;
    this.#toldKeyAt = this.#nextFrameAt = -Infinity;
  }
}

/** The connection to the relay: typing, messages, events. It needs no page. */
class TypingRelay extends EventTarget {
  #options;
  #Socket;
  #signals; // the visitor's choice
  #allowed = true; // the deployment's
  #status = "connecting";
  #away = "connecting"; // the status without a connection
  #agents = AGENTS_NONE; // who types, as it was emitted
  #agentTimer;
  #rhythm = new TypingRhythm();
  #rhythmTimer;
  #line; // the welcomed connection: {socket, guest, welcomedAt, timings, token}
  #attempt; // the one that is being made, beside #line when that is renewed
  #attemptTimer; // its deadline, or the time of the next one
  #aliveTimer; // the next ping, or the pong's deadline
  #renewTimer;
  #pinged = false;
  #heardAt = 0;
  #triedAt = -Infinity;
  #failures = 0; // in a row
  #plainHello = false; // the relay has refused the client's name
  #ending = new AbortController();
  #messages = []; // without an answer; the first has been sent if connected
  #messageTimer;
  #takesMessages = false; // one has been accepted
  #told = new Set();

  constructor(options) {
    super();
    const { WebSocket = globalThis.WebSocket, signals = true } = options;
    this.#options = { tokenIn: "subprotocol", maxQueued: 100, ...options };
    this.#Socket = WebSocket;
    this.#signals = signals;
    this.#listenToPage();
    this.#try();
  }

  get status() {
    return this.#status;
  }

  get connected() {
    return !!this.#line;
  }

  get guest() {
    return this.#line?.guest ?? null;
  }

  get queued() {
    return this.#messages.map(({ id, text }) => ({ id, text }));
  }

  get signals() {
    return this.#signals && this.#allowed;
  }

  setSignals(on) {
    if (!on) this.stop();
    this.#signals = on;
  }

  key() {
    if (!this.signals || this.#ended) return;
    this.#probe(QUIET_MS);
    this.#send(...this.#rhythm.key(now()));
  }

  stop() {
    this.#send(...this.#rhythm.stop(now()));
  }

  seen() {
    if (this.#line) this.#line.seen = true;
    this.#send({ action: "seen" });
  }

  watch(element) {
    if (!element?.addEventListener) throw new TypeError("watch: the argument must be a text box.");
    return watch(this, element, this.#ending.signal);
  }

  send(text, id, { postback } = {}) {
    if (typeof text !== "string") throw new TypeError("send: the text must be a string.");
    if (id && typeof id !== "string") throw new TypeError("send: the id must be a UUID in lower case.");
    if (postback && typeof postback !== "string") throw new TypeError("send: the postback must be a string.");
    // API Gateway closes a connection after a frame of 32 KB.
    const bytes = encodeURIComponent(JSON.stringify([text, postback])).replace(/%../g, "x").length;
    if (bytes > 32_000) throw new RangeError("send: the text is too long.");
    id ||= uuid();
    const before = this.#messages.find((message) => message.id === id);
    if (before?.text === text) return before.promise;
    if (before) return Promise.resolve({ id, status: "failed", reason: "duplicate_id" });
    if (this.#messages.length >= this.#options.maxQueued) {
      return Promise.resolve({ id, status: "failed", reason: "too_many" });
    }
    const message = { id, text, postback, at: now() };
    message.promise = new Promise((answer) => (message.answer = answer));
    // Where messages are taken, one that leaves now ends the typing by itself.
    if (this.#takesMessages && this.#line && !this.#messages.length) this.#rhythm.stop(now());
    else this.stop();
    this.#messages.push(message);
    this.#deliver();
    return message.promise;
  }

  detach() {
    if (this.#ended) return;
    this.#ending.abort();
    this.stop();
    this.#leave();
    this.#deliver();
  }

  get #ended() {
    return this.#ending.signal.aborted;
  }

  // --- messages

  #deliver() {
    clearTimeout(this.#messageTimer);
    const at = now();
    const isOver = (message) => this.#ended || at - message.at >= (message.line ? GIVE_UP_MS : EXPIRE_MS);
    const reason = ({ line }) => (this.#ended ? "closed" : line ? "unconfirmed" : "expired");
    const over = this.#messages.find(isOver);
    if (over) return this.#answered({ id: over.id, status: "failed", reason: reason(over) });
    const [first] = this.#messages;
    if (!first) return;
    let wait = Math.min(...this.#messages.map((message) => message.at + (message.line ? GIVE_UP_MS : EXPIRE_MS) - at));
    if (this.#line && at - first.at < EXPIRE_MS) {
      if (first.line !== this.#line || at >= first.againAt) this.#sendMessage(first, at);
      wait = Math.min(wait, first.againAt - at);
    }
    if (!this.#ended && this.#messages[0] === first) this.#messageTimer = setTimeout(() => this.#deliver(), wait);
  }

  #sendMessage(message, at) {
    if (message.line === this.#line) this.#probe(PONG_MS); // silence may mean that the connection is dead
    message.line = this.#line;
    message.againAt = at + ANSWER_MS;
    const postback = message.postback ? { postback: message.postback } : {};
    this.#send({ action: "message", id: message.id, text: message.text, ...postback });
  }

  #answered({ type, ...answer }) {
    const index = this.#messages.findIndex(({ id }) => id === answer.id);
    const [message] = index < 0 ? [] : this.#messages.splice(index, 1);
    if (answer.status === "accepted") this.#takesMessages = true;
    message?.answer(answer);
    this.#emit("message-status", answer);
    if (message) this.#deliver();
  }

  // --- typing

  #send(...frames) {
    for (const frame of frames) {
      if (this.#line?.socket.readyState !== 1) break;
      this.#line.socket.send(JSON.stringify(frame));
      this.#emit("frame", frame);
    }
    clearTimeout(this.#rhythmTimer);
    const wait = this.#rhythm.wakeAt - now();
    if (wait < Infinity) this.#rhythmTimer = setTimeout(() => this.#send(...this.#rhythm.wake(now())), wait);
  }

  // --- connection

  #listenToPage() {
    const { document, window = globalThis.self, navigator } = globalThis;
    const on = (target, type, listener) => target?.addEventListener?.(type, listener, { signal: this.#ending.signal });
    const back = () => this.#comeBack();
    on(document, "visibilitychange", () => (document.hidden ? this.stop() : back()));
    on(document, "resume", back);
    on(window, "focus", back);
    on(window, "online", () => {
      if (this.#line) return this.#probe(0);
      this.#failures = 0;
      if (this.#away !== "closed") this.#try();
    });
    // A hint, and often right: the connection is made again, and tried while the browser says "offline".
    on(window, "offline", () => (this.#line ? this.#lost() : this.#refresh()));
    on(window, "pagehide", () => {
      this.stop();
      this.#leave(); // an open socket keeps the page out of the back/forward cache
    });
    on(window, "pageshow", ({ persisted }) => {
      if (!persisted) return;
      this.#failures = 0;
      this.#away = "connecting";
      this.#try();
    });
  }

  /** Somebody looks at the page, or the network is there: is the connection? */
  #comeBack() {
    if (this.#away === "closed") return;
    if (this.#line) this.#probe(FRESH_MS);
    else if (now() - this.#triedAt > (this.#attempt ? PONG_MS : BACKOFF_MS)) this.#try();
  }

  async #try() {
    if (this.#ended) return;
    this.#abandon();
    const attempt = (this.#attempt = { stopping: new AbortController() });
    const mine = () => attempt === this.#attempt;
    this.#triedAt = now();
    this.#later(CONNECT_MS, () => this.#failed("Nothing was heard in time."));
    this.#refresh();
    try {
      const { token, tokenIn, url } = this.#options;
      const { signal } = attempt.stopping;
      const fetched = await (typeof token === "function" ? token({ signal }) : token);
      if (!mine()) return;
      const place = { url, ...(fetched?.token ? fetched : { token: fetched }) };
      attempt.token = place.token;
      this.#follow(attempt, dial(this.#Socket, place, tokenIn));
    } catch (cause) {
      if (mine()) this.#failed("No token, or one that cannot be sent.", cause);
    }
  }

  #follow(line, socket) {
    line.socket = socket;
    let cause;
    socket.onopen = () => line === this.#attempt && this.#hello(line);
    socket.onmessage = ({ data }) => (line === this.#attempt || line === this.#line) && this.#receive(line, data);
    socket.onerror = (event) => (cause = event?.error ?? event?.message);
    socket.onclose = (event) => {
      if (line === this.#line) this.#lost();
      if (line === this.#attempt) this.#failed("The relay has refused or cannot be reached.", cause ?? event);
    };
  }

  #hello({ socket }) {
    const frame = { action: "hello", ...(!this.#plainHello && { client: CLIENT }) };
    socket.send(JSON.stringify(frame));
    this.#emit("frame", frame);
  }

  /** Gives up what is being tried. */
  #abandon() {
    clearTimeout(this.#attemptTimer);
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.stopping.abort();
    attempt?.socket?.close();
  }

  #failed(message, cause) {
    this.#abandon();
    if (!this.#line) this.#away = "reconnecting";
    const retryInMs = this.#retry();
    this.#refresh();
    if (!this.#ended) this.#emit("error", { code: "connect_failed", message, cause, attempt: this.#failures, retryInMs });
  }

  /** Full jitter: pages that lost the same server do not reconnect together. */
  #retry() {
    const cap = this.#failures < HOPELESS ? BACKOFF_CAP_MS : HOPELESS_CAP_MS;
    const doubled = Math.min(BACKOFF_CAP_MS, BACKOFF_MS * 2 ** this.#failures);
    const longest = Math.min(cap, doubled * 2 ** Math.max(0, this.#failures - HOPELESS + 1));
    this.#failures++;
    const wait = Math.round(Math.random() * longest);
    this.#later(wait, () => this.#try());
    return wait;
  }

  #later(ms, then) {
    clearTimeout(this.#attemptTimer);
    if (this.#away !== "closed") this.#attemptTimer = setTimeout(then, ms);
  }

  #lost() {
    const { welcomedAt } = this.#line;
    this.#away = "reconnecting";
    this.#hangUp();
    if (now() - welcomedAt >= STABLE_MS) this.#failures = 0;
    if (!this.#attempt) this.#retry();
    this.#refresh();
    this.#emit("connection", { connected: false });
  }

  #hangUp(again = false) {
    const line = this.#line;
    this.#line = undefined;
    this.#pinged = false;
    clearTimeout(this.#aliveTimer);
    clearTimeout(this.#renewTimer);
    line?.socket.close();
    this.#rhythm.disconnected(again);
  }

  #leave() {
    const was = this.#line;
    this.#away = "closed";
    this.#abandon();
    this.#hangUp();
    this.#refresh();
    if (was) this.#emit("connection", { connected: false });
  }

  /** Asks whether the relay is still there, if it has been silent for this long. */
  #probe(quietMs) {
    if (!this.#line || this.#pinged || now() - this.#heardAt < quietMs) return;
    this.#pinged = true;
    const dueAt = now() + PONG_MS;
    clearTimeout(this.#aliveTimer);
    this.#aliveTimer = setTimeout(() => {
      this.#pinged = false;
      if (now() - dueAt > 1000) this.#probe(0); // the browser held the timer back, and perhaps the pong
      else this.#lost();
    }, PONG_MS);
    this.#send({ action: "ping" });
  }

  #heard() {
    this.#heardAt = now();
    this.#pinged = false;
    clearTimeout(this.#aliveTimer);
    this.#aliveTimer = setTimeout(() => this.#probe(0), PING_MS);
  }

  /** The new connection first, then the old one ends. Not while the visitor types: the indicator might flicker. */
  #renew(ms) {
    clearTimeout(this.#renewTimer);
    this.#renewTimer = setTimeout(() => {
      if (this.#rhythm.isTyping(now())) this.#renew(PONG_MS);
      else if (!this.#attempt) this.#try();
    }, ms);
  }

  #receive(line, data) {
    const frame = parsed(data);
    if (line === this.#line) this.#heard();
    if (frame.type === "welcome" && line === this.#attempt) this.#welcome(line, frame);
    else if (frame.type === "guest") this.#setGuest(line, frame.status);
    else if (frame.type === "event") this.#event(frame);
    else if (frame.type === "message") this.#answered(frame);
    else if (frame.type === "error") this.#error(line, frame);
  }

  #error(line, { code, message, id, budget, retry_in_ms: retryInMs }) {
    this.#emit("error", { code, message, ...(budget && { budget }), ...(retryInMs >= 0 && { retryInMs }) });
    const [first] = this.#messages;
    const about = id ?? (this.#isBlamed(line, code) ? first?.id : undefined);
    if (about && /^(bad|too|unknown)_/.test(code)) this.#answered({ id: about, status: "failed", reason: code });
    if (code === "rate_limited" && first?.line === line) {
      first.againAt = now() + Math.max(BACKOFF_MS, retryInMs ?? 0);
      this.#deliver();
    }
    if (code === "bad_frame" && !id) this.#sayPlainly(line);
    if (code === "typing_unavailable") this.#setGuest(line, "unavailable");
    if (code !== "session_expired") return;
    if (line === this.#line) this.#lost();
    else if (line === this.#attempt) this.#failed(message);
  }

  /** Whether an error that names no message is about the one that is on its way. */
  #isBlamed(line, code) {
    const isOurs = code === "bad_message" || code === "too_large" || (code === "unknown_action" && !line.seen);
    return isOurs && this.#messages[0]?.line === line;
  }

  /** A relay of another version refuses a field: without it, rather than no typing. */
  #sayPlainly(line) {
    if (line === this.#attempt && !this.#plainHello) {
      this.#plainHello = true;
      this.#hello(line);
    } else if (line === this.#line && line.timings?.hold_ms) {
      line.timings = { ...line.timings, hold_ms: 0 };
      this.#rhythm.disconnected(true);
      this.#send(...this.#rhythm.connected(now(), line.timings));
    }
  }

  #setGuest(line, guest) {
    line.guest = guest;
    this.#refresh();
  }

  #welcome(line, { timings, guest, signals }) {
    this.#attempt = undefined;
    clearTimeout(this.#attemptTimer);
    const before = this.#line;
    if (before) this.#hangUp(true);
    Object.assign(line, { timings, guest: line.guest ?? guest, welcomedAt: now() });
    this.#line = line;
    this.#allowed = signals !== "off";
    this.#heard();
    this.#renew(this.#livesFor(line.token) * (1 - Math.random() / 10));
    if (!this.signals) this.#rhythm.stop(now());
    this.#send(...this.#rhythm.connected(now(), timings));
    if (!before) this.#emit("connection", { connected: true });
    this.#refresh();
    this.#deliver();
  }

  /** How long (ms) a connection of this token is good for. A clock that is wrong costs a connection, nothing else. */
  #livesFor(token) {
    const { exp } = parsed(decoded(token));
    const left = exp * 1000 - Date.now() - SPARE_TOKEN_MS;
    const isKnown = typeof this.#options.token === "function" && left > SPARE_TOKEN_MS;
    return isKnown ? Math.min(RENEW_MS, left) : RENEW_MS;
  }

  // --- events

  #event({ event, name = event?.type, detail = event }) {
    if (name === "message" && detail?.id && this.#told.size === this.#told.add(detail.id).size) return; // told again
    if (name === "agent-typing") this.#setAgents(!!detail?.typing, detail?.agents);
    else if (name) this.#emit(name === "message" || detail !== event ? name : "event", detail);
  }

  #setAgents(typing, agents = []) {
    clearTimeout(this.#agentTimer);
    const lasts = this.#line?.timings?.agent_typing_ms ?? AGENT_MS;
    if (typing) this.#agentTimer = setTimeout(() => this.#setAgents(false), lasts + LATE_MS);
    const before = this.#agents;
    this.#agents = JSON.stringify([typing, agents]);
    if (this.#agents !== before) this.#emit("agent-typing", { typing, agents });
  }

  /** The status as it is now. */
  #refresh() {
    const hint = globalThis.navigator?.onLine === false && this.#away !== "closed" ? "offline" : this.#away;
    const status = this.#line ? (this.#line.guest ?? "opening") : hint;
    if (status === this.#status) return;
    this.#status = status;
    if (status !== "open") this.#setAgents(false); // its end could be missed
    if (status === this.#status) this.#emit("status", { status });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** The socket to the relay. Throws when the token cannot travel; never with the token in the message. */
function dial(Socket, { url, token }, tokenIn) {
  if (typeof token !== "string" || !token) throw new TypeError("The token is not a string.");
  if (!isRelay(url)) throw new TypeError("There is no wss:// URL.");
  if (tokenIn === "query") return new Socket(`${url}${url.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`);
  if (/[^\w.~+-]/.test(token)) throw new TypeError("The token has characters that no subprotocol may have.");
  return new Socket(url, ["typing-relay", `token.${token}`]);
}

/** wss://, or ws:// on this machine: a token never goes to another one in clear text. */
function isRelay(url) {
  try {
    const { protocol, hostname } = new URL(url);
    return protocol === "wss:" || (protocol === "ws:" && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname));
  } catch {
    return false;
  }
}

/** The JSON object in this text, or an empty one. */
function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** A JWT's claims as JSON, unverified: the relay verifies. */
function decoded(token) {
  try {
    return atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
  } catch {
    return "";
  }
}

/** Of a page without https, and of React Native, too: there `crypto.randomUUID` is missing. */
function uuid() {
  const random = () => Math.floor(Math.random() * 16);
  const digit = (place) => (place === "x" ? random() : 8 + (random() & 3)).toString(16);
  return globalThis.crypto?.randomUUID?.() ?? "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g, digit);
}

/** What is in the box, without what editors put into an empty one; an image counts as a character. */
function content(element) {
  if (element.value !== undefined) return element.value;
  const images = element.querySelectorAll?.("img[src], video, audio").length ?? 0;
  const hints = [...(element.querySelectorAll?.("[data-slate-placeholder]") ?? [])];
  const text = hints.reduce((left, hint) => left.replace(hint.textContent, ""), element.textContent);
  return text.replace(/[\u200b-\u200d\u2060\ufeff]/g, "") + "\ufffc".repeat(images);
}

/** Tells the relay what happens in this box, until the signal or the function that is returned ends it. */
function watch(relay, element, ended) {
  const watching = new AbortController();
  const { signal } = watching;
  const on = (target, type, listener, capture = false) => target?.addEventListener?.(type, listener, { signal, capture });
  const stop = () => relay.stop();
  const end = () => {
    if (!signal.aborted) stop();
    watching.abort();
  };
  const changed = () => (content(element) ? relay.key() : stop());
  let looking;
  let form;

  /** Editors change the box themselves, and a script may empty it: look before they do, and compare when they have. */
  function look() {
    if (looking) return;
    const before = content(element);
    looking = setTimeout(() => {
      looking = undefined;
      if (content(element) !== before) changed();
    }, 0);
  }

  function followForm() {
    const its = element.form ?? element.closest?.("form");
    if (its === form) return;
    form = its;
    for (const type of ["submit", "reset"]) on(form, type, () => its === form && stop());
  }

  // "input" covers keys, IME composition, paste, autofill and dictation.
  on(element, "input", () => {
    clearTimeout(looking);
    looking = undefined;
    followForm();
    changed();
  });
  for (const type of ["beforeinput", "keydown", "paste", "cut", "drop"]) on(element, type, look, true);
  // Its button may have a script empty the box: no event tells of that. Look before the button does.
  const clicked = () => content(element) && setTimeout(() => content(element) || signal.aborted || stop(), DRAWN_MS);
  on(globalThis.document, "click", clicked, true);
  on(element, "blur", stop);
  on(element, "focusout", ({ relatedTarget }) => element.contains?.(relatedTarget) || stop());
  followForm();
  ended.addEventListener("abort", () => watching.abort(), { once: true, signal });
  if (ended.aborted) watching.abort();
  return end;
}

function checked(who, { url, token, tokenIn = "subprotocol", WebSocket = globalThis.WebSocket, maxQueued = 1 } = {}) {
  const wrong = (what) => {
    throw new TypeError(`${who}: ${what}`);
  };
  if (!(isRelay(url) || (url === undefined && typeof token === "function"))) wrong("url must be the relay's wss:// URL.");
  if (!(token && ["string", "function"].includes(typeof token))) {
    wrong("token must be a visitor token or a function that returns one.");
  }
  if (!["query", "subprotocol"].includes(tokenIn)) wrong('tokenIn is "query" or "subprotocol".');
  if (typeof WebSocket !== "function") wrong("there is no WebSocket here: pass a class as WebSocket.");
  if (!(maxQueued >= 1)) wrong("maxQueued must be a number from 1.");
}

export function connect(options) {
  checked("connect", options);
  return new TypingRelay(options);
}

export function attach(element, options) {
  if (!element?.addEventListener) throw new TypeError("attach: the first argument must be a text box.");
  checked("attach", options);
  const relay = new TypingRelay(options);
  relay.watch(element);
  return relay;
}

/**
 * Tells screen readers that the agent types: politely, after a delay, once a spell, and never that it is over.
 * A spell ends with a message, or when the agent has not typed for `spellMs`.
 */
export function announceTyping(relay, region, { text = "The agent is typing", delayMs = 1000, spellMs = 30_000 } = {}) {
  if (!region?.setAttribute) throw new TypeError("announceTyping: region must be an element that is in the page already.");
  region.setAttribute("role", "status");
  region.setAttribute("aria-live", "polite");
  const listening = new AbortController();
  const { signal } = listening;
  let timer;
  let told = false;
  const say = (what) => {
    region.textContent = what; // a text that goes is not announced
    told ||= !!what;
  };
  const over = () => {
    clearTimeout(timer);
    say("");
    told = false;
  };
  const typing = ({ detail }) => {
    clearTimeout(timer);
    if (!detail.typing) say("");
    if (!detail.typing) timer = setTimeout(over, spellMs);
    else if (!told) timer = setTimeout(() => say(text), delayMs);
  };
  relay.addEventListener("agent-typing", typing, { signal });
  relay.addEventListener("message", over, { signal });
  return () => {
    listening.abort();
    over();
  };
}

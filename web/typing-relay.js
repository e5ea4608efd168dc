/** Typing Relay in the browser. Typed text never leaves it, only sent messages do. The API: typing-relay.d.ts. */

const CLIENT = "typing-relay.js/0.1.0"; // package.json's version
const MAX_AGO_MS = 2000; // the protocol's limit
const SPARE_MS = 2000; // a key this late in a hold renews it
const LEAST_SPARE_MS = 1000; // else a timer does
const CONNECT_MS = 30_000; // API Gateway gives up after 29 s
const PING_MS = 240_000; // API Gateway closes a connection after 10 idle minutes
const PONG_MS = 10_000;
const RENEW_MS = 6_600_000; // and any after 2 hours: reconnect before
const STABLE_MS = 10_000; // a connection that lives this long resets the back-off
const BACKOFF_MS = 1000;
const BACKOFF_CAP_MS = 30_000;
const ANSWER_MS = 20_000; // a message without an answer is sent again

const now = () => performance.now(); // monotonic: a clock that is set back must not delay a frame

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

  /** The server has ended the typing. */
  disconnected() {
    this.#connected = false;
    this.#toldKeyAt = this.#nextFrameAt = -Infinity;
  }
}

/** One text box and its connection. */
class TypingRelay extends EventTarget {
  #url;
  #token;
  #tokenIn;
  #signals; // the visitor's choice
  #allowed = true; // the deployment's
  #status = "connecting";
  #agentTyping = false;
  #rhythm = new TypingRhythm();
  #rhythmTimer;
  #phaseTimer; // of the connection: deadline, ping or retry, never two at once
  #turn = 0; // counts connection attempts: earlier ones are ignored
  #socket;
  #guestTold = false; // on this socket: a welcome that was overtaken is out of date
  #welcomedAt = Infinity;
  #failures = 0;
  #listening = new AbortController();
  #messages = []; // not yet answered; the first has been sent
  #messageTimer;
  #told = new Set();

  constructor(element, { url, token, tokenIn = "query", signals = true }) {
    super();
    this.#url = url;
    this.#token = token;
    this.#tokenIn = tokenIn;
    this.#signals = signals;
    this.#listen(element);
    this.#start();
  }

  get status() {
    return this.#status;
  }

  get signals() {
    return this.#signals && this.#allowed;
  }

  setSignals(on) {
    if (!on) this.stop();
    this.#signals = on;
  }

  stop() {
    this.#send(...this.#rhythm.stop(now()));
  }

  send(text, id = crypto.randomUUID()) {
    // API Gateway closes a connection after a frame of 32 KB.
    if (new Blob([JSON.stringify(text)]).size > 32_000) throw new RangeError("send: the text is too long.");
    this.stop();
    return new Promise((answer) => {
      if (this.#messages.push({ id, text, answer }) < 2) this.#deliver();
    });
  }

  seen() {
    this.#send({ action: "seen" });
  }

  detach() {
    this.stop();
    this.#listening.abort();
    this.#drop("closed");
    this.#deliver();
  }

  #deliver() {
    clearTimeout(this.#messageTimer);
    const [{ id, text } = {}] = this.#messages;
    if (!id) return;
    if (this.#listening.signal.aborted) return this.#answered({ id, status: "failed", reason: "closed" });
    this.#send({ action: "message", id, text });
    this.#messageTimer = setTimeout(() => this.#deliver(), ANSWER_MS);
  }

  #answered({ type, ...answer }) {
    this.#emit("message-status", answer);
    if (answer.id !== this.#messages[0]?.id) return;
    this.#messages.shift().answer(answer);
    this.#deliver();
  }

  #listen(element) {
    const on = (target, type, listener) => target?.addEventListener(type, listener, { signal: this.#listening.signal });
    const stop = () => this.stop();
    const isEmpty = () => !(element.value ?? element.textContent);
    // "input" covers keys, IME composition, paste, autofill and dictation.
    on(element, "input", () => (isEmpty() ? stop() : this.#key()));
    // A script that empties the box on Enter causes no input event.
    on(element, "keydown", ({ key }) => key === "Enter" && setTimeout(() => isEmpty() && stop(), 0));
    on(element, "blur", stop);
    on(element.form, "submit", stop);
    on(element.form, "reset", stop);
    on(document, "visibilitychange", () => document.hidden && stop());
    on(window, "pagehide", () => {
      stop();
      this.#drop("closed"); // an open socket keeps the page out of the back/forward cache
    });
    on(window, "pageshow", ({ persisted }) => persisted && this.#start());
    on(window, "offline", () => this.#drop("offline"));
    on(window, "online", () => this.#start());
  }

  #key() {
    if (this.signals) this.#send(...this.#rhythm.key(now()));
  }

  #send(...frames) {
    for (const frame of frames) {
      if (this.#socket?.readyState !== 1) break;
      this.#socket.send(JSON.stringify(frame));
      this.#emit("frame", frame);
    }
    clearTimeout(this.#rhythmTimer);
    const wait = this.#rhythm.wakeAt - now();
    if (wait < Infinity) this.#rhythmTimer = setTimeout(() => this.#send(...this.#rhythm.wake(now())), wait);
  }

  #start() {
    if (navigator.onLine === false) return this.#drop("offline");
    this.#failures = 0;
    this.#connect();
  }

  async #connect() {
    this.#drop(this.#status === "reconnecting" ? "reconnecting" : "connecting");
    const turn = this.#turn;
    const mine = () => turn === this.#turn;
    this.#phase(CONNECT_MS, () => this.#retry());
    try {
      const token = await (typeof this.#token === "function" ? this.#token() : this.#token);
      if (!mine()) return;
      const socket = (this.#socket = this.#dial(token));
      socket.onopen = () => mine() && this.#send({ action: "hello", client: CLIENT });
      socket.onmessage = ({ data }) => mine() && this.#receive(JSON.parse(data));
      socket.onclose = () => mine() && this.#retry();
    } catch (cause) {
      if (!mine()) return;
      this.#emit("error", { code: "connect_failed", message: "No token, or one that cannot be sent.", cause });
      this.#retry();
    }
  }

  #dial(token) {
    if (this.#tokenIn === "subprotocol") return new WebSocket(this.#url, ["typing-relay", `token.${token}`]);
    const url = new URL(this.#url);
    url.searchParams.set("token", token);
    return new WebSocket(url);
  }

  /** Full jitter: pages that lost the same server do not reconnect together. */
  #retry() {
    if (now() - this.#welcomedAt >= STABLE_MS) this.#failures = 0;
    this.#drop("reconnecting");
    const longest = Math.min(BACKOFF_CAP_MS, BACKOFF_MS * 2 ** this.#failures++);
    this.#phase(Math.random() * longest, () => this.#connect());
  }

  #drop(status) {
    this.#turn++;
    clearTimeout(this.#phaseTimer);
    this.#socket?.close();
    this.#socket = undefined;
    this.#guestTold = false;
    this.#welcomedAt = Infinity;
    this.#rhythm.disconnected();
    this.#setStatus(status);
  }

  #phase(ms, then) {
    clearTimeout(this.#phaseTimer);
    this.#phaseTimer = setTimeout(then, ms);
  }

  #keepAlive() {
    this.#phase(PING_MS, () => {
      const isOld = now() - this.#welcomedAt > RENEW_MS;
      if (isOld && !this.#rhythm.isTyping(now())) return this.#retry();
      this.#send({ action: "ping" });
      this.#phase(PONG_MS, () => this.#retry());
    });
  }

  #receive(frame) {
    if (frame.type === "welcome") this.#welcome(frame);
    else if (frame.type === "pong") this.#keepAlive();
    else if (frame.type === "guest") this.#guest(frame.status);
    else if (frame.type === "event") this.#event(frame);
    else if (frame.type === "message") this.#answered(frame);
    else if (frame.type === "error") this.#error(frame);
  }

  #error({ code, message, id = this.#messages[0]?.id }) {
    this.#emit("error", { code, message });
    if (id && /^(bad|too|unknown)_/.test(code)) this.#answered({ id, status: "failed", reason: code });
    if (code === "session_expired") this.#retry();
    if (code === "typing_unavailable") this.#setStatus("unavailable");
  }

  #guest(status) {
    this.#guestTold = true;
    this.#setStatus(status);
  }

  #welcome({ timings, guest, signals }) {
    this.#welcomedAt = now();
    this.#allowed = signals !== "off";
    this.#keepAlive();
    if (!this.#guestTold) this.#setStatus(guest);
    if (!this.signals) this.#rhythm.stop(now());
    this.#send(...this.#rhythm.connected(now(), timings));
    this.#deliver();
  }

  #event({ event, name = event?.type, detail = event }) {
    if (name === "message" && detail.id && this.#told.size === this.#told.add(detail.id).size) return; // told again
    if (name === "agent-typing") this.#setAgentTyping(detail.typing);
    else this.#emit(name === "message" || detail !== event ? name : "event", detail);
  }

  #setAgentTyping(typing) {
    if (typing !== this.#agentTyping) this.#emit("agent-typing", { typing: (this.#agentTyping = typing) });
  }

  #setStatus(status) {
    if (status === this.#status) return;
    this.#status = status;
    if (status !== "open") this.#setAgentTyping(false); // its end could be missed
    this.#emit("status", { status });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

export function attach(element, options) {
  if (!element?.addEventListener) throw new TypeError("attach: the first argument must be a text box.");
  const { url, token, tokenIn = "query" } = options ?? {};
  if (!/^wss?:\/\/./.test(url)) throw new TypeError("attach: url must be the relay's wss:// URL.");
  if (!token) throw new TypeError("attach: token must be a visitor token or a function that returns one.");
  if (!["query", "subprotocol"].includes(tokenIn)) throw new TypeError('attach: tokenIn is "query" or "subprotocol".');
  return new TypingRelay(element, options);
}

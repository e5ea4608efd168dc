/** Typing Relay's client. Typed text never leaves it, only sent messages do. The API: typing-relay.d.ts. */

const CLIENT = "typing-relay.js/0.1.0"; // package.json's version
const MAX_AGO_MS = 2000; // the protocol's limit
const SPARE_MS = 2000; // a key this late in a hold renews it
const LEAST_SPARE_MS = 1000; // else a timer does
const CONNECT_MS = 30_000; // API Gateway gives up after 29 s
const PING_MS = 200_000; // some networks drop a connection after 4 idle minutes,
const HIDDEN_PING_MS = 500_000; // API Gateway after 10; a page in view again asks, and a hidden one's timer may be a minute late
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
const MAX_BYTES = 32_700; // API Gateway closes a connection after a frame of 32 KB
const EXPIRE_MS = 300_000; // the relay's own limit for a message, from `send` on
const GIVE_UP_MS = 480_000; // the relay has answered by then
const AGENT_MS = 60_000; // an agent types no longer after this, unless it is said again; the welcome may say otherwise,
const LATE_MS = 15_000; // and this later the client does not wait for the relay to say so
const DRAWN_MS = 50; // frameworks draw a moment after their state has changed

let offset = -Infinity; // what is to be added to the monotonic clock

/** Monotonic ms: a clock that is set back must not delay a frame. Counts a machine's sleep, which stops some clocks. */
const now = () => {
  const at = performance.now();
  offset = Math.max(offset, Date.now() - at);
  return at + offset;
};

/**
 * Decides which frame is sent when. Pure: no timers, no socket, no page.
 * Methods take the time in ms and return the frames to send now.
 */
export function TypingRhythm() {
  let debounceMs = 2000;
  let heartbeatMs = 1000;
  let holdMs = 0; // how long a key counts unless a stop follows; 0: the debounce
  let newestKeyAt = -Infinity;
  let unsent = false;
  let toldKeyAt = -Infinity; // the newest key that the server knows of
  let nextFrameAt = Infinity; // Infinity: not connected

  /** A key: the first of a burst is sent at once, later ones when a frame is due. */
  const key = (at) => {
    const over = isTyping(at) ? [] : stop(at); // its timer is late
    newestKeyAt = at;
    unsent = true;
    return at < nextFrameAt ? over : [...over, ...tell(at)];
  };

  /** The timer: a frame, or the stop. */
  const wake = (at) => {
    if (at < rhythm.wakeAt) return [];
    return isTyping(at) ? tell(at) : stop(at);
  };

  const isTyping = (at) => {
    return at - newestKeyAt < debounceMs;
  };

  /** The frame for the newest key, with its age. */
  const tell = (at) => {
    unsent = false;
    const ago_ms = Math.min(Math.round(at - newestKeyAt), MAX_AGO_MS);
    if (ago_ms === MAX_AGO_MS && !holdMs) return [];
    toldKeyAt = at - ago_ms;
    nextFrameAt = Math.max(at + heartbeatMs, toldKeyAt + holdMs - SPARE_MS);
    return [{ action: "keystroke", ago_ms, ...(holdMs && { hold_ms: holdMs }) }];
  };

  /** The stop: typing is over now, or was when the debounce passed. Nothing if the server knows. */
  const stop = (at) => {
    const ago_ms = Math.max(0, Math.round(at - newestKeyAt - debounceMs) + 1);
    const counts = at - toldKeyAt < Math.max(debounceMs, holdMs);
    newestKeyAt = toldKeyAt = -Infinity;
    if (nextFrameAt < Infinity) nextFrameAt = at;
    unsent = false;
    return counts ? [{ action: "stop", ...(holdMs && { ago_ms }) }] : [];
  };

  /** Welcomed: use the server's timings; send a key pressed meanwhile if it is still fresh. */
  const connected = (at, { debounce_ms, heartbeat_ms, hold_ms } = {}) => {
    if (debounce_ms > 0) debounceMs = debounce_ms;
    if (heartbeat_ms > 0) heartbeatMs = heartbeat_ms;
    holdMs = hold_ms > 0 ? hold_ms : 0;
    nextFrameAt = at;
    return wake(at);
  };

  /** The server has ended the typing. `again`: the next connection is there and is told the newest key again. */
  const disconnected = (again) => {
    unsent ||= again;
    toldKeyAt = -Infinity;
    nextFrameAt = Infinity;
  };

  const rhythm = {
    key,
    wake,
    isTyping,
    stop,
    connected,
    disconnected,
    get wakeAt() {
      const overAt = newestKeyAt + debounceMs;
      const holdEndsAt = toldKeyAt + holdMs;
      const stopAt = holdEndsAt > overAt ? overAt : Infinity;
      const frameAt = unsent ? Math.max(nextFrameAt, holdEndsAt - LEAST_SPARE_MS) : Infinity;
      return Math.min(stopAt, frameAt);
    },
  };
  return rhythm;
}

/** The connection to the relay: typing, messages, events. It needs no page. */
export function connect({
  url,
  token,
  tokenIn = "subprotocol",
  signals = true,
  maxQueued = 100,
  WebSocket = globalThis.WebSocket,
} = {}) {
  const fetchesToken = typeof token === "function";
  const isQuery = tokenIn === "query";
  must(isRelay(url) || (url === undefined && fetchesToken), "connect: url must be a wss:// URL");
  must(fetchesToken || (token && isText(token)), "connect: token must be a string or a function");
  must(isQuery || tokenIn === "subprotocol", "connect: tokenIn must be query or subprotocol");
  must(typeof WebSocket === "function", "connect: WebSocket must be a class");
  must(maxQueued >= 1, "connect: maxQueued must be 1 or more");

  const { document, navigator, window = globalThis } = globalThis;
  const ending = new AbortController();
  const rhythm = TypingRhythm();
  const rhythmTimer = timer();
  const attemptTimer = timer(); // the attempt's deadline, or the time of the next one
  const aliveTimer = timer(); // the next ping, or the pong's deadline
  const renewTimer = timer();
  const messageTimer = timer();
  const agentTimer = timer();
  const told = new Set(); // ids of messages
  let allowed = true; // signals, by the deployment
  let status = "connecting";
  let away = status; // the status without a connection
  let isConnected = false; // as it was emitted
  let agents; // who types, as it was emitted
  let line; // the welcomed connection: {socket, guest, token}
  let attempt; // the one that is being made, beside `line` when that is renewed: {stopping, socket, guest, token}
  let timings = {};
  let welcomedAt;
  let heardAt;
  let hasAsked; // on this line: for what an older relay does not know
  let triedAt;
  let failures = 0; // in a row
  let client = CLIENT; // nothing where the relay refuses it
  const messages = new Map(); // by id, without an answer; the first has been sent if connected
  let beforeEnd = new Set(); // ids of the messages that the end waits for: the relay may take two frames in either order
  let takesMessages; // one has been accepted
  let isOver; // detached: nothing is emitted any more

  const emit = (type, detail) => isOver || relay.dispatchEvent(new CustomEvent(type, { detail }));

  // --- typing

  const stop = () => {
    tell(...rhythm.stop(now()));
  };

  const tell = (...frames) => {
    for (const frame of frames) if (line?.socket.readyState === 1) say(line, frame);
    rhythmTimer(rhythm.wakeAt - now(), () => tell(...rhythm.wake(now())));
  };

  const ask = (action, fields) => {
    hasAsked = true;
    tell({ action, ...fields });
  };

  const say = ({ socket }, frame) => {
    const text = JSON.stringify(frame);
    socket.send(text);
    emit("frame", JSON.parse(text));
  };

  // --- messages

  const failed = (id, reason) => ({ id, status: "failed", reason });

  /** Sends the first message if it is due, and sets the timer for what comes next. */
  const deliver = () => {
    const at = now();
    const isEnd = ending.signal.aborted;
    let wait = Infinity;
    for (const [id, message] of messages) {
      const left = message.at + (message.line ? GIVE_UP_MS : EXPIRE_MS) - at;
      if (isEnd || left <= 0) settle(failed(id, isEnd ? "closed" : message.line ? "unconfirmed" : "expired"));
      else wait = Math.min(wait, left);
    }
    const [first] = messages.values();
    if (!line || !(at - first?.at < EXPIRE_MS)) return messageTimer(first && wait, deliver);
    const isRepeated = first.line === line;
    if (isRepeated && at < first.againAt) return messageTimer(Math.min(wait, first.againAt - at), deliver);
    first.line = line;
    first.againAt = at + ANSWER_MS;
    messageTimer(Math.min(wait, ANSWER_MS), deliver);
    if (isRepeated) probe(PONG_MS); // silence may mean that the connection is dead
    tell(first.frame);
  };

  const settle = (answer) => {
    takesMessages ||= answer.status === "accepted";
    messages.get(answer.id)?.answer(answer);
    messages.delete(answer.id);
    if (beforeEnd.delete(answer.id) && !beforeEnd.size) ask("end"); // ahead of what a listener sends next
    emit("message-status", answer);
  };

  // --- connection

  const open = async () => {
    abandon();
    refresh();
    if (away === "closed") return;
    const stopping = new AbortController();
    const mine = (attempt = { stopping });
    triedAt = now();
    attemptTimer(CONNECT_MS, () => gone(mine, "No answer"));
    const fetching = async () => (fetchesToken ? token(stopping) : token);
    try {
      const fetched = await fetching();
      if (mine === attempt) follow(mine, fetched?.token ? fetched : { token: fetched });
    } catch (cause) {
      gone(mine, "No token", cause);
    }
  };

  const openAtOnce = () => {
    failures = 0;
    open();
  };

  /** Throws when the token cannot travel; never with the token in the message. */
  const follow = (mine, { url: to = url, token }) => {
    must(token && isText(token), "token must be a string");
    must(isRelay(to), "url must be a wss:// URL");
    must(isQuery || !/[^\w.~+-]/.test(token), "token cannot be a subprotocol");
    const socket = isQuery
      ? new WebSocket(to + (to.includes("?") ? "&" : "?") + "token=" + encodeURIComponent(token))
      : new WebSocket(to, ["typing-relay", "token." + token]);
    let cause;
    mine.token = token;
    mine.socket = socket;
    socket.onopen = () => mine === attempt && hello();
    socket.onmessage = ({ data }) => {
      if (mine !== attempt && mine !== line) return;
      if (mine === line) heard();
      const { type, ...frame } = tried(() => JSON.parse(data)) ?? 0;
      hears[type]?.(frame, mine);
    };
    socket.onerror = (event) => (cause = event?.error ?? event?.message);
    socket.onclose = (event) => gone(mine, "Refused, or not reached", cause ?? event);
  };

  const hello = () => {
    say(attempt, { action: "hello", client });
  };

  /** Gives up what is being tried. */
  const abandon = () => {
    const was = attempt;
    attempt = undefined;
    was?.stopping.abort();
    was?.socket?.close();
  };

  /** This connection has ended, or is given up: another one is tried. */
  const gone = (which, message, cause) => {
    const isAttempt = which === attempt;
    if (which !== line && !isAttempt) return;
    if (isAttempt) abandon();
    else hangUp();
    if (away === "closed") return;
    if (!line) away = "reconnecting";
    // Full jitter: pages that lost the same server do not reconnect together.
    const longest = Math.min(failures < HOPELESS ? BACKOFF_CAP_MS : HOPELESS_CAP_MS, BACKOFF_MS * 2 ** failures);
    const retryInMs = Math.round(Math.random() * longest);
    if (!attempt) {
      failures++;
      attemptTimer(retryInMs, open);
    }
    refresh();
    if (isAttempt) emit("error", { code: "connect_failed", message, cause, attempt: failures, retryInMs });
  };

  const hangUp = (again) => {
    const was = line;
    line = undefined;
    if (now() - welcomedAt >= STABLE_MS) failures = 0;
    aliveTimer();
    renewTimer();
    was?.socket.close();
    rhythm.disconnected(again);
  };

  const leave = () => {
    away = "closed";
    stop();
    attemptTimer();
    abandon();
    hangUp();
    refresh();
  };

  // --- alive or not

  /** Asks whether the relay is still there, if it has been silent for this long; without a time in any case. */
  const probe = (quietMs) => {
    const at = now();
    if (!line || at - heardAt < quietMs) return;
    heardAt = Infinity; // one ping at a time
    aliveTimer(PONG_MS, () => {
      heardAt = at;
      if (now() - at > PONG_MS + 1000) probe(); // the browser held the timer back, and perhaps the pong
      else gone(line);
    });
    tell({ action: "ping" });
  };

  const heard = () => {
    heardAt = now();
    aliveTimer(document?.hidden ? HIDDEN_PING_MS : PING_MS, probe);
  };

  /** Somebody looks at the page, or the network is there: is the connection? */
  const comeBack = () => {
    if (line) probe(FRESH_MS);
    else if (now() - triedAt > (attempt ? PONG_MS : BACKOFF_MS)) open();
  };

  /** The new connection first, then the old one ends. Not while the visitor types: the indicator might flicker. */
  const renew = () => {
    if (rhythm.isTyping(now())) renewTimer(PONG_MS, renew);
    else if (!attempt) open();
  };

  // --- what the relay says

  const hears = {
    __proto__: null,

    welcome({ guest, ...frame }, from) {
      if (from !== attempt) return;
      if (line) hangUp(true);
      line = attempt;
      attempt = hasAsked = undefined;
      attemptTimer();
      line.guest ??= guest;
      timings = frame.timings ?? {};
      welcomedAt = now();
      allowed = frame.signals !== "off";
      heard();
      // Where the relay does not say when the token ends, the token does. A wrong clock costs a connection, no more.
      const exp = tried(() => JSON.parse(atob(line.token.split(".")[1].replace(/[-_]/g, "+"))).exp);
      const left = (frame.token_ends_in_ms ?? exp * 1000 - Date.now()) - SPARE_TOKEN_MS;
      const lives = fetchesToken && left > SPARE_TOKEN_MS && left < RENEW_MS ? left : RENEW_MS;
      renewTimer(lives * (1 - Math.random() / 10), renew);
      if (!relay.signals) rhythm.stop(now());
      tell(...rhythm.connected(now(), timings));
      refresh();
      deliver();
    },

    error({ id, retry_in_ms: retryInMs, ...detail }, from) {
      const { code, message } = detail;
      emit("error", retryInMs >= 0 ? { ...detail, retryInMs } : detail);
      const [first] = messages.values();
      const isSent = first?.line === from;
      // One that names no message is about the one that is on its way, if it can be about no other frame.
      const about = id ?? (isSent && code !== "bad_frame" && !(hasAsked && code === "unknown_action") && first.frame.id);
      if (about && /^(bad|too|unknown)_/.test(code)) settle(failed(about, code));
      if (code === "rate_limited" && isSent) first.againAt = now() + Math.max(BACKOFF_MS, retryInMs ?? 0);
      deliver();
      if (code === "session_expired") gone(from, message);
      if (code === "typing_unavailable") from.guest = "unavailable";
      refresh();
      if (code !== "bad_frame" || id) return;
      // A relay of another version refuses a field: without it, rather than no typing.
      if (from === attempt && client) {
        client = undefined;
        hello();
      } else if (from === line && timings.hold_ms) {
        timings = { ...timings, hold_ms: 0 };
        rhythm.disconnected(true);
        tell(...rhythm.connected(now(), timings));
      }
    },

    guest({ status }, from) {
      from.guest = status;
      refresh();
    },

    message(answer) {
      settle(answer);
      deliver();
    },

    event({ event, name = event?.type, detail = event }) {
      if (name === "message" && detail?.id && told.size === told.add(detail.id).size) return; // told again
      if (name === "agent-typing") setAgents(!!detail?.typing, detail?.agents);
      else if (name) emit(name === "message" || detail !== event ? name : "event", detail);
    },
  };

  const setAgents = (typing, who) => {
    agentTimer(typing ? (timings.agent_typing_ms ?? AGENT_MS) + LATE_MS : Infinity, () => setAgents(false));
    const before = agents;
    who ??= [];
    agents = JSON.stringify([typing, who]);
    if (agents !== before && (typing || before)) emit("agent-typing", { typing, agents: who });
  };

  /** Emits what is so now. */
  const refresh = () => {
    if (!line === isConnected) emit("connection", { connected: (isConnected = !!line) });
    const is = line ? (line.guest ?? "opening") : away !== "closed" && navigator?.onLine === false ? "offline" : away;
    const isNew = is !== status;
    status = is;
    if (!line || (isNew && is !== "open")) setAgents(false); // its end could be missed
    if (isNew && is === status) emit("status", { status });
  };

  // --- the page

  const on = listening(ending.signal);
  on(document, "visibilitychange resume", () => (document.hidden ? stop() : comeBack()));
  on(window, "focus", comeBack);
  on(window, "online", () => (line ? probe() : openAtOnce()));
  // A hint, and often right: the connection is made again, and tried while the browser says "offline".
  on(window, "offline", () => (line ? gone(line) : refresh()));
  on(window, "pagehide", leave); // an open socket keeps the page out of the back/forward cache
  on(window, "pageshow", ({ persisted }) => {
    if (!persisted) return;
    away = "connecting";
    openAtOnce();
  });

  // --- what a front end has

  const relay = new (class extends EventTarget {
    stop = stop;
    ask = ask;
    seen = () => ask("seen");
    end = () => (beforeEnd = new Set(messages.keys())).size || ask("end");
    history = (before) => ask("history", { before: before || undefined });
    watch = (element) => watch(relay, element, ending.signal);

    get status() {
      return status;
    }

    get connected() {
      return !!line;
    }

    get guest() {
      return line?.guest ?? null;
    }

    get queued() {
      return [...messages].map(([id, { frame }]) => ({ id, text: frame.text }));
    }

    get signals() {
      return signals && allowed;
    }

    setSignals(on) {
      signals = on;
      if (!on) stop();
    }

    key() {
      if (!relay.signals || away === "closed") return;
      probe(QUIET_MS);
      tell(...rhythm.key(now()));
    }

    send(text, id, options) {
      must([text, id || "", options?.postback || ""].every(isText), "send: text, id and postback must be strings");
      id ||= uuid();
      const frame = { action: "message", id, text, attachments: options?.attachments, postback: options?.postback || undefined };
      // As UTF-8 at most: three bytes for what is not ASCII.
      must(JSON.stringify(frame).replace(/[^\0-~]/g, "xxx").length < MAX_BYTES, "send: text is too long", RangeError);
      const before = messages.get(id);
      if (before?.frame.text === text) return before.promise;
      if (before || messages.size >= maxQueued) return Promise.resolve(failed(id, before ? "duplicate_id" : "too_many"));
      const at = now();
      const message = { frame, at };
      message.promise = new Promise((answer) => (message.answer = answer));
      // Where messages are taken, one that leaves now ends the typing by itself.
      if (takesMessages && line && !messages.size) rhythm.stop(at);
      else stop();
      messages.set(id, message);
      deliver();
      return message.promise;
    }

    detach() {
      ending.abort();
      leave();
      deliver();
      isOver = true;
    }
  })();
  open();
  return relay;
}

export function attach(element, options) {
  must(element?.addEventListener, "attach: pass a text box");
  const relay = connect(options);
  relay.watch(element);
  return relay;
}

const must = (holds, what, Kind = TypeError) => {
  if (!holds) throw new Kind(what);
};

const isText = (what) => typeof what === "string";

/** What this returns, or nothing if it throws. */
const tried = (what) => {
  try {
    return what();
  } catch {}
};

/** wss://, or ws:// on this machine: a token never goes to another one in clear text. */
const isRelay = (url) => {
  const isSafe = /^(wss:\/\/|ws:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$))[^#]*$/i.test(url);
  return isSafe && tried(() => new URL(url)); // what a browser throws for another one quotes it, with the token
};

/** One timer: set again, it replaces what it was; without a time it is off. */
const timer = () => {
  let id;
  return (ms, then) => {
    clearTimeout(id);
    if (ms < Infinity) id = setTimeout(then, ms);
  };
};

/** Adds listeners that the signal ends, where there is such a target. */
const listening = (signal) => {
  return (target, types, listener, capture) => {
    for (const type of types.split(" ")) target?.addEventListener?.(type, listener, { signal, capture });
  };
};

/** Of a page without https, and of React Native, too: there `crypto.randomUUID` is missing. */
const uuid = () =>
  globalThis.crypto?.randomUUID?.() ??
  "00000000-0000-4000-8000-000000000000".replace(/0/g, () => ((Math.random() * 16) | 0).toString(16));

/** What is in the box, without what editors put into an empty one; images count. */
const content = (element) => {
  const all = (selector) => element.querySelectorAll?.(selector) ?? [];
  return (
    element.value ??
    element.textContent
      .replace(all("[data-slate-placeholder]")[0]?.textContent ?? "", "")
      .replace(/[\u200b-\u200d\u2060\ufeff]/g, "") + (all("img[src],video,audio").length || "")
  );
};

/** Tells the relay what happens in this box, until the signal or the function that is returned ends it. */
const watch = ({ key, stop }, element, ended) => {
  must(element?.addEventListener, "watch: pass a text box");
  const watching = new AbortController();
  const on = listening(watching.signal);
  const looking = timer();
  const drawing = timer();
  let before; // what was in the box when something was about to change it
  let form;

  const end = () => {
    if (watching.signal.aborted) return;
    watching.abort();
    looking();
    drawing();
    stop();
  };

  /** "input" covers keys, IME composition, paste, autofill and dictation. */
  const changed = () => {
    looking();
    before = undefined;
    const its = element.form ?? element.closest?.("form");
    if (its !== form) on((form = its), "submit reset", () => its === form && stop());
    if (content(element)) key();
    else stop();
  };

  /** Editors change the box themselves, and a script may empty it: look before they do, and compare when they have. */
  const look = () => {
    before ??= content(element);
    looking(0, () => {
      if (content(element) !== before) changed();
      before = undefined;
    });
  };

  on(element, "input", changed);
  on(element, "beforeinput keydown paste cut drop", look, true);
  on(element, "blur focusout", (event) => element.contains?.(event.relatedTarget) || stop());
  // A button may have a script empty the box: no event tells of that. Look before the button does.
  on(globalThis.document, "click", () => content(element) && drawing(DRAWN_MS, () => content(element) || stop()), true);
  on(ended, "abort", end);
  if (ended.aborted) end();
  return end;
};

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

/**
 * What happened, by visitor, from the live feed and from the visitors' own pages. Pure: no DOM, no clock.
 * All times are epoch ms of this machine, on which browser and stack both run.
 */

const DRAWN_MS = 10 * 60_000; // keys and frames older than this are only counted
const ROWS = 500;
const UNWRITTEN_MS = 5000; // a frame without any effect for this long was refused or lost

export const DEBOUNCE_MS = 2000;

export class Model {
  visitors = new Map();
  guests = new Map();
  faults = [];
  failures = []; // texts, oldest first
  #rows = []; // the visitor of a row's guest may become known only later
  stack = { running: false, simulator: false, platform: "v1" };

  /** A key pressed in a visitor's box. `silent`: the visitor opted out, so it stays in their page and is no part of a burst. */
  takeKey({ session, at, silent = false }) {
    const visitor = this.visitor(session);
    visitor.keyCount++;
    visitor.optedOut = silent;
    keep(visitor.keys, { at, silent });
    if (silent) return;
    visitor.keysSinceFrame++;
    const burst = visitor.bursts.at(-1);
    if (!burst || burst.stoppedAt || at - burst.last >= DEBOUNCE_MS) visitor.bursts.push({ first: at, last: at });
    else burst.last = at;
  }

  /** The visitor opted out of typing signals, or in again. */
  takeChoice({ session, signals }) {
    this.visitor(session).optedOut = !signals;
  }

  /** A frame that a visitor's browser sent. */
  takeFrame({ session, at, frame }) {
    if (frame.action !== "keystroke" && frame.action !== "stop") return;
    const visitor = this.visitor(session);
    visitor.frameCount++;
    keep(visitor.frames, { at, action: frame.action, written: false, woke: false });
    if (frame.action === "stop") {
      const burst = visitor.bursts.at(-1);
      if (burst) burst.stoppedAt = at - (frame.ago_ms ?? 0);
    }
    const keys = visitor.keysSinceFrame === 1 ? "1 key" : `${visitor.keysSinceFrame} keys`;
    const held = frame.hold_ms ? `, held for ${frame.hold_ms / 1000} s` : "";
    const detail = frame.action === "stop" ? "" : `${keys}, the newest ${frame.ago_ms} ms old${held}`;
    this.#row(at, { session }, `Frame: ${frame.action}`, detail);
    visitor.keysSinceFrame = 0;
  }

  /** An event of the live feed. */
  takeEvent(event) {
    this[HANDLERS[event.kind]]?.(event);
  }

  visitor(session) {
    if (!this.visitors.has(session)) this.visitors.set(session, newVisitor(session));
    return this.visitors.get(session);
  }

  guest(guestId) {
    if (!this.guests.has(guestId)) this.guests.set(guestId, newGuest());
    return this.guests.get(guestId);
  }

  /** Whether the agent sees this visitor typing, by the simulated CXone, or by what a real one accepted last. */
  isShownTyping(visitor) {
    if (!this.stack.simulator) return visitor.record?.shown ?? false;
    return this.guest(visitor.record?.guest_id).typing.at(-1)?.value ?? false;
  }

  /** Whether the visitor's guest had a socket to the simulated CXone, and has none now. */
  hasLostSocket({ record }) {
    const { socket } = this.guest(record?.guest_id);
    return this.stack.simulator && socket.length > 0 && !socket.at(-1).value;
  }

  /** Why keys of this visitor are shown to nobody, as a sentence; empty when they are shown. */
  whyUnseen(visitor) {
    const { session, record, optedOut } = visitor;
    if (optedOut) return `${session} opted out: their keys stay in their page.`;
    if (record?.guest_status === "unavailable") return "No agent can see typing now: CXone does not offer it, or cannot be reached.";
    if (this.stack.platform !== "dfo" || !this.stack.simulator || !record?.guest_id) return "";
    const { contact } = this.guest(record.guest_id);
    if (!contact) return `Nobody sees typing before ${session}’s first message: it opens the contact.`;
    return contact === "closed" ? `The contact is closed: nobody sees typing before ${session}’s next message.` : "";
  }

  /** The visitor whose guest this is, if a record has named it. */
  sessionOf(guestId) {
    return this.guest(guestId).session;
  }

  /** The events as a table: [{at, session (null: everyone's), what, detail}], by time, oldest first. */
  rows() {
    const rows = this.#rows.map(({ at, of, what, detail }) => ({ at, session: this.#sessionNamed(of), what, detail }));
    return rows.sort((one, other) => one.at - other.at); // reports of a page, a poll and a simulator do not come in order
  }

  onStack(event) {
    if (this.stack.running !== event.running) {
      this.#row(event.at, null, event.running ? "Stack running" : "Stack stopped", "");
    }
    this.stack = event;
  }

  /** A function that failed: the relay's own trouble, and no fault that was asked for. */
  onFailure({ at, text }) {
    this.failures.push(text);
    this.#row(at, null, "A function failed", text);
  }

  onRecord(event) {
    const visitor = this.visitor(event.session);
    const before = visitor.record;
    if (event.guest_id) {
      const guest = this.guest(event.guest_id);
      guest.session = event.session;
      visitor.messages.push(...guest.messages.splice(0)); // messages that came before the visitor was known
      if (!visitor.guestIds.includes(event.guest_id)) visitor.guestIds.push(event.guest_id);
    }
    visitor.record = event;
    change(visitor.wanted, event.typing_since && event.typing ? event.typing_since : event.at, event.typing ?? false);
    change(visitor.accepted, event.shown_at ?? event.at, event.shown ?? false);
    if (!before) return;
    const step = (name) => Math.max(0, (event[name] ?? 0) - (before[name] ?? 0));
    markWritten(visitor.frames, event.at, step("revision"), step("generation") > 0);
    if (visitor.keyCount) visitor.writeCount += step("revision") + step("generation");
    this.#rowsOfRecord(before, event);
  }

  onTyping(event) {
    const guest = this.guest(event.guest_id);
    const { at, value, status, accepted, fault } = event;
    guest.calls.push({ at, value, status, accepted });
    if (accepted) change(guest.typing, at, value);
    const result = status ?? (fault === "lost_answer" ? "taken, answer lost" : "connection lost");
    const wait = event.retry_after ? `, Retry-After ${event.retry_after} s` : "";
    this.#row(at, event, event.frame ? `On the socket: ${event.frame}` : `Call: typing ${value}`, `${result}${wait}`);
  }

  onTypingRead(event) {
    const guest = this.guest(event.guest_id);
    guest.reads.push({ at: event.at, value: event.value });
    this.#row(event.at, event, "Verification", `CXone shows ${event.value ?? event.status}`);
  }

  onGuest(event) {
    if (event.guest_id) this.#row(event.at, event, "Guest session opened", event.guest_id);
    else this.#row(event.at, null, "Guest session refused", `${event.status ?? "no answer"}`);
  }

  onSocketOpen(event) {
    const guest = this.guest(event.guest_id);
    guest.sockets++;
    change(guest.socket, event.at, true);
    this.#row(event.at, event, "Guest socket open", "");
  }

  onSocketClose(event) {
    const guest = this.guest(event.guest_id);
    guest.sockets = Math.max(0, guest.sockets - 1); // its opening may be older than this page's events
    if (!guest.sockets) change(guest.socket, event.at, false);
    this.#row(event.at, event, "Guest socket closed", `code ${event.code ?? "none"}`);
  }

  onHandshakeRefused(event) {
    this.#row(event.at, event, "Guest socket refused", `${event.status}`);
  }

  onFault(event) {
    if (event.what === "settings") return; // the console adds its own event for a switch
    this.faults.push({ at: event.at, what: event.label });
    if (event.what === "expire-guest") change(this.guest(event.guest_id).typing, event.at, false);
    this.#row(event.at, event, "Fault", event.label);
  }

  onVisitorMessage(event) {
    this.#message("visitor", event);
  }

  onAgentMessage(event) {
    this.#message("agent", event);
  }

  // On Digital-First

  onSocketFrame(event) {
    this.#row(event.at, event, `On the socket: ${event.frame}`, event.status);
  }

  onPush(event) {
    this.#row(event.at, event, `From CXone: ${event.frame}`, event.fault ?? "");
  }

  onAuthorize(event) {
    this.#row(event.at, event, event.status === 200 ? "Signed in" : "Sign-in refused", `${event.status ?? "no answer"}`);
  }

  onAgent(event) {
    this.#row(event.at, event, "Agent", event.what);
  }

  onViolation(event) {
    this.#row(event.at, event, "Rule broken", event.detail);
  }

  /** The state of a conversation. Typing is not shown beyond the end of its contact. */
  onThread(event) {
    const guest = this.guest(event.guest_id);
    guest.contact = event.contact;
    guest.agent = event.agent;
    guest.customer = event.customer;
    guest.fields = event.fields;
    if (event.contact === "closed") change(guest.typing, event.at, false);
    this.#row(event.at, event, "Contact", event.agent ? `${event.contact}, ${event.agent}` : (event.contact ?? "none"));
  }

  #message(from, { session, guest_id, id, at, text, attachments }) {
    const whose = session ?? this.sessionOf(guest_id);
    const { messages } = whose ? this.visitor(whose) : this.guest(guest_id);
    messages.push({ at, from, text, ...(id && { id }), ...(attachments?.length && { attachments }) });
  }

  #rowsOfRecord(before, after) {
    const { at } = after;
    const changed = (name) => (after[name] ?? false) !== (before[name] ?? false);
    if (changed("typing")) this.#row(at, after, "Wanted", after.typing ? "typing" : "not typing");
    if (changed("shown")) this.#row(at, after, "Shown", after.shown ? "typing" : "not typing");
    if (changed("guest_status")) this.#row(at, after, "Guest status", after.guest_status ?? "none");
    if (changed("keeper") && after.keeper) this.#row(at, after, "Keeper", after.keeper);
  }

  /** `of`: an object with a session or a guest_id, or null when the row is about no single visitor. */
  #row(at, of, what, detail) {
    this.#rows.push({ at, of: { session: of?.session, guestId: of?.guest_id }, what, detail });
    if (this.#rows.length > ROWS) this.#rows.shift();
  }

  #sessionNamed({ session, guestId }) {
    if (session) return session;
    return guestId ? (this.sessionOf(guestId) ?? "not known yet") : null;
  }
}

const HANDLERS = {
  stack: "onStack",
  failure: "onFailure",
  record: "onRecord",
  typing: "onTyping",
  typing_read: "onTypingRead",
  guest: "onGuest",
  socket_open: "onSocketOpen",
  socket_close: "onSocketClose",
  handshake_refused: "onHandshakeRefused",
  fault: "onFault",
  visitor_message: "onVisitorMessage",
  agent_message: "onAgentMessage",
  socket_frame: "onSocketFrame",
  push: "onPush",
  authorize: "onAuthorize",
  agent: "onAgent",
  violation: "onViolation",
  thread: "onThread",
};

function newVisitor(session) {
  return {
    session,
    record: null,
    guestIds: [],
    keys: [],
    frames: [],
    bursts: [],
    wanted: [],
    accepted: [],
    messages: [],
    keyCount: 0,
    keysSinceFrame: 0,
    optedOut: false,
    frameCount: 0,
    writeCount: 0,
  };
}

function newGuest() {
  return { session: null, calls: [], reads: [], typing: [], socket: [], sockets: 0, messages: [], contact: null, agent: null };
}

function keep(list, item) {
  list.push(item);
  while (item.at - list[0].at > DRAWN_MS) list.shift();
}

function change(list, at, value) {
  if ((list.at(-1)?.value ?? false) !== value) list.push({ at: Math.max(at, list.at(-1)?.at ?? 0), value });
}

/**
 * Each accepted key or stop is one write that increments the revision; each new owner increments the generation.
 * So the oldest frames that are not known to be written are those written now, and the first of them started the owner.
 */
function markWritten(frames, now, writes, woke) {
  const written = frames.filter((frame) => !frame.written && frame.at > now - UNWRITTEN_MS).slice(0, writes);
  const first = written[0] ?? frames.findLast((frame) => frame.written);
  for (const frame of written) frame.written = true;
  if (woke && first) first.woke = true;
}

/** Typing Relay in the browser. The protocol and examples: docs/front-end.md. */

/**
 * Where the visitor's connection stands.
 * - `connecting`: on the way to the relay for the first time.
 * - `opening`: connected; the CXone guest session is being opened.
 * - `open`: the agent sees when the visitor types.
 * - `reconnecting`: the relay, or CXone behind it, was lost and is tried again.
 * - `unavailable`: CXone shows no typing for this visitor.
 * - `offline`: the browser has no network; nothing is tried.
 * - `closed`: detached, or the page was left.
 */
export type Status = "connecting" | "opening" | "open" | "reconnecting" | "unavailable" | "offline" | "closed";

export interface Options {
  /** The relay's WebSocket URL: the stack's output `WebSocketUrl`. */
  url: string;
  /** The visitor's token, or a function that fetches one: it is called anew for every connection. */
  token: string | (() => string | Promise<string>);
  /** Where the token travels. `subprotocol` keeps it out of access logs. Default `query`. */
  tokenIn?: "query" | "subprotocol";
  /** `false`: this visitor opted out; no typing frame leaves the browser. Default `true`. */
  signals?: boolean;
}

/** A frame the client sent: none holds what is typed, only `message` what was sent. */
export type Frame =
  /** `client`: this module and its version, for the deployment's log. */
  | { action: "hello"; client: string }
  | { action: "ping" | "seen" }
  /** `ago_ms`, where the relay offers to hold keys: how long before this frame the typing was over. */
  | { action: "stop"; ago_ms?: number }
  | { action: "message"; id: string; text: string }
  /**
   * `ago_ms`: how long before this frame the newest key was pressed, 0 to 2000. `hold_ms`, where the relay offers it:
   * for how long that key counts unless a stop follows.
   */
  | { action: "keystroke"; ago_ms: number; hold_ms?: number };

export interface RelayError {
  /** The relay's (`bad_frame`, `rate_limited`, …: docs/front-end.md), or the client's own `connect_failed`. */
  code: string;
  message: string;
  /** With `connect_failed`: what the token function or the browser threw. */
  cause?: unknown;
}

/** A JSON frame of CXone, as it came. */
export interface CxoneEvent {
  type: string;
  [key: string]: unknown;
}

/** How a message of the visitor's ended. */
export interface MessageStatus {
  id: string;
  /** `accepted`: CXone has it. `failed`: it is not tried any more. */
  status: "accepted" | "failed";
  /** With `failed`: one of docs/front-end.md's reasons, an error's code, or the client's own `closed`. */
  reason?: string;
}

/** A message in the conversation. What is not known is null. */
export interface ChatMessage {
  id: string | null;
  text: string;
  author: string | null;
  /** Epoch ms. */
  at: number | null;
  from: "agent" | "visitor";
}

export interface RelayEvents {
  status: CustomEvent<{ status: Status }>;
  "agent-typing": CustomEvent<{ typing: boolean }>;
  /**
   * Where the platform has it in the relay's words, a ChatMessage; else CXone's own frame, which has a `text`. One that
   * the relay tells again, as it may after a failure, is known by its id and left out.
   */
  message: CustomEvent<ChatMessage | (CxoneEvent & { type: "message"; text: string })>;
  /** A message of the visitor's, from any of their tabs, was accepted or has failed. */
  "message-status": CustomEvent<MessageStatus>;
  /** Who attends to the conversation; null: nobody. */
  agent: CustomEvent<{ name: string | null }>;
  /** Whether agents have the conversation before them. */
  contact: CustomEvent<{ status: "open" | "closed" }>;
  /** The place in the queue for an agent. */
  queue: CustomEvent<{ position: number }>;
  /** An agent has read this message; null: CXone named none. */
  read: CustomEvent<{ id: string | null }>;
  /** This message has been seen; null: CXone named none. */
  seen: CustomEvent<{ id: string | null }>;
  /** Whatever else CXone sends. */
  event: CustomEvent<CxoneEvent>;
  error: CustomEvent<RelayError>;
  /** Each frame as it leaves, for counters and tests. */
  frame: CustomEvent<Frame>;
}

export interface TypingRelay {
  readonly status: Status;
  /** Whether typing signals leave this browser: the visitor's choice and the deployment's. */
  readonly signals: boolean;
  /** Switches typing signals on or off for this visitor; off ends the typing at once. */
  setSignals(on: boolean): void;
  /**
   * Sends a message, which ends the typing. The next one leaves when this one has its answer; without one it is sent
   * again by the same id, which the relay takes for the same message. The promise is never rejected.
   * @param id A uuid in lower case; one that you chose and kept lets you ask anew after the page was loaded again.
   * @throws {RangeError} when the text is too long to be sent at all.
   */
  send(text: string, id?: string): Promise<MessageStatus>;
  /** Ends the typing: call it after sending, if that neither submits a form nor empties the box at once. */
  stop(): void;
  /** Tells Digital-First that the visitor has seen all messages: call it when they are before the visitor's eyes. */
  seen(): void;
  /** Stops watching the box and closes the connection, for good. */
  detach(): void;
  addEventListener<K extends keyof RelayEvents>(
    type: K,
    listener: (event: RelayEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof RelayEvents>(
    type: K,
    listener: (event: RelayEvents[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
}

/**
 * Watches a text box (textarea, input or editable element) and keeps a connection to the relay until `detach()`.
 * @throws {TypeError} naming what is wrong with the element or the options.
 */
export function attach(element: HTMLElement, options: Options): TypingRelay;

/**
 * The timing rules alone, for tests: pure, all times in ms of one monotonic clock. Each method returns the frames to
 * send now, in this order.
 */
export class TypingRhythm {
  /** When `wake` is due: Infinity when nothing waits. */
  get wakeAt(): number;
  key(at: number): Frame[];
  /** A timer that is late does no harm: what is said then says how old it is. */
  wake(at: number): Frame[];
  /** Whether the newest key is younger than the debounce. */
  isTyping(at: number): boolean;
  stop(at: number): Frame[];
  /** Without `hold_ms` the relay knows no holds: frames are plain. */
  connected(at: number, timings?: { debounce_ms?: number; heartbeat_ms?: number; hold_ms?: number }): Frame[];
  disconnected(): void;
}

/** Typing Relay in the browser. The protocol and examples: docs/front-end.md. */

/**
 * The status of the visitor's connection.
 * - `connecting`: connecting to the relay for the first time.
 * - `opening`: connected; the CXone guest session is being opened.
 * - `open`: the agent sees when the visitor types.
 * - `reconnecting`: the connection to the relay, or from there to CXone, was lost and is retried.
 * - `unavailable`: CXone shows no typing for this visitor.
 * - `offline`: the browser has no network; the client does not try to connect.
 * - `closed`: detached, or the page was left.
 */
export type Status = "connecting" | "opening" | "open" | "reconnecting" | "unavailable" | "offline" | "closed";

export interface Options {
  /** The relay's WebSocket URL: the stack's output `WebSocketUrl`. */
  url: string;
  /** The visitor's token, or a function that fetches one; it is called for each connection. */
  token: string | (() => string | Promise<string>);
  /** How the token is sent. `subprotocol` keeps it out of access logs. Default `query`. */
  tokenIn?: "query" | "subprotocol";
  /** `false`: this visitor opted out; no typing frame leaves the browser. Default `true`. */
  signals?: boolean;
}

/** A frame that the client sent. Only `message` contains text: what the visitor sent, never what is being typed. */
export type Frame =
  /** `client`: this module and its version, for the deployment's log. */
  | { action: "hello"; client: string }
  | { action: "ping" | "seen" }
  /** `ago_ms`, if the relay offers holds: how long before this frame the typing was over. */
  | { action: "stop"; ago_ms?: number }
  | { action: "message"; id: string; text: string }
  /**
   * `ago_ms`: how long before this frame the newest key was pressed, 0 to 2000. `hold_ms`, if the relay offers holds:
   * how long that key counts unless a stop follows.
   */
  | { action: "keystroke"; ago_ms: number; hold_ms?: number };

export interface RelayError {
  /** The relay's code (`bad_frame`, `rate_limited`, …: docs/front-end.md), or the client's own `connect_failed`. */
  code: string;
  message: string;
  /** With `connect_failed`: what the token function or the browser threw. */
  cause?: unknown;
}

/** A JSON frame of CXone, unchanged. */
export interface CxoneEvent {
  type: string;
  [key: string]: unknown;
}

/** The final status of a visitor's message. */
export interface MessageStatus {
  id: string;
  /** `accepted`: CXone has it. `failed`: it is not retried any more. */
  status: "accepted" | "failed";
  /** With `failed`: a reason of docs/front-end.md, an error's code, or the client's own `closed`. */
  reason?: string;
}

/** A message in the conversation. Unknown fields are null. */
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
   * A ChatMessage, once for each id; on a platform whose frames the relay does not translate, CXone's own frame, which
   * has a `text`.
   */
  message: CustomEvent<ChatMessage | (CxoneEvent & { type: "message"; text: string })>;
  /** A message of this visitor, from any tab, was accepted or has failed. */
  "message-status": CustomEvent<MessageStatus>;
  /** The agent who has the conversation; null: nobody. */
  agent: CustomEvent<{ name: string | null }>;
  /** Whether agents see the conversation. */
  contact: CustomEvent<{ status: "open" | "closed" }>;
  /** The position in the queue for an agent. */
  queue: CustomEvent<{ position: number }>;
  /** An agent has read this message; null: CXone named none. */
  read: CustomEvent<{ id: string | null }>;
  /** This message has been seen; null: CXone named none. */
  seen: CustomEvent<{ id: string | null }>;
  /** Every other frame of CXone. */
  event: CustomEvent<CxoneEvent>;
  error: CustomEvent<RelayError>;
  /** Each frame that the client sends, for counters and tests. */
  frame: CustomEvent<Frame>;
}

export interface TypingRelay {
  readonly status: Status;
  /** Whether typing signals leave this browser: both the visitor and the deployment must allow it. */
  readonly signals: boolean;
  /** Switches typing signals on or off for this visitor; off ends the typing at once. */
  setSignals(on: boolean): void;
  /**
   * Sends a message, which ends the typing. The next one is sent when this one has its answer. Without an answer it is
   * sent again with the same id, and the relay treats it as the same message. The promise is never rejected.
   * @param id A UUID in lower case. Keep it to ask for the message's status after the page was reloaded.
   * @throws {RangeError} when the text is too long to be sent.
   */
  send(text: string, id?: string): Promise<MessageStatus>;
  /** Ends the typing: call it after sending, if that neither submits a form nor empties the box. */
  stop(): void;
  /** Tells Digital-First that the visitor has seen all messages: call it when they are visible. */
  seen(): void;
  /** Stops watching the box and closes the connection for good. */
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
 * Only the timing rules, for tests: pure, all times in ms of one monotonic clock. Each method returns the frames to send
 * now, in this order.
 */
export class TypingRhythm {
  /** When `wake` is due; Infinity: not at all. */
  get wakeAt(): number;
  key(at: number): Frame[];
  /** A late timer does no harm: each frame says how old it is. */
  wake(at: number): Frame[];
  /** Whether the newest key is younger than the debounce. */
  isTyping(at: number): boolean;
  stop(at: number): Frame[];
  /** Without `hold_ms` the relay offers no holds, and frames have none. */
  connected(at: number, timings?: { debounce_ms?: number; heartbeat_ms?: number; hold_ms?: number }): Frame[];
  disconnected(): void;
}

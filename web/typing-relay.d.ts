/** Typing Relay's client. The protocol and examples: docs/front-end.md. */

/**
 * The status of the visitor's connection.
 * - `connecting`: connecting to the relay for the first time.
 * - `opening`: connected; the CXone guest session is being opened.
 * - `open`: the agent sees when the visitor types.
 * - `reconnecting`: the connection to the relay, or from there to CXone, was lost and is retried.
 * - `unavailable`: CXone shows no typing for this visitor.
 * - `offline`: not connected, and the browser says that it has no network; the client tries now and then all the same.
 * - `closed`: detached, or the page was left.
 */
export type Status = "connecting" | "opening" | "open" | "reconnecting" | "unavailable" | "offline" | "closed";

/** How the CXone guest session stands. */
export type GuestStatus = "opening" | "open" | "reconnecting" | "unavailable";

/** A token, and where to connect with it. */
export interface Place {
  url: string;
  token: string;
}

/** Given to the token function. */
export interface TokenRequest {
  /** Aborted when the attempt is given up; pass it to `fetch`. */
  signal: AbortSignalLike;
}

/** The part of `AbortSignal` that is used, for projects without the DOM's types. */
export interface AbortSignalLike {
  readonly aborted: boolean;
}

export interface Options {
  /** The relay's WebSocket URL: the stack's output `WebSocketUrl`. Not needed if the token function returns it. */
  url?: string | undefined;
  /**
   * The visitor's token, or a function that fetches one, called for each connection. It may return the URL, too: for a
   * deployment per region.
   */
  token: string | ((request: TokenRequest) => string | Place | Promise<string | Place>);
  /** How the token is sent. Default `subprotocol`: queries end up in access logs. */
  tokenIn?: "query" | "subprotocol";
  /** `false`: this visitor opted out; no typing frame leaves the browser. Default `true`. */
  signals?: boolean;
  /** At most this many messages wait for their answer; more fail with `too_many`. Default 100. */
  maxQueued?: number;
  /** A WebSocket class, where the environment has none (Node 20 and older: the package `ws`). */
  WebSocket?: new (url: string, protocols?: string[]) => unknown;
}

/** A frame that the client sent. Only `message` contains text: what the visitor sent, never what is being typed. */
export type Frame =
  /** `client`: this module and its version, for the deployment's log. */
  | { action: "hello"; client: string }
  | { action: "ping" | "seen" | "end" }
  | { action: "history"; before?: string }
  | { action: "transcript"; email: string }
  | { action: "offline_message"; id: string; name: string; email: string; message: string }
  /** `ago_ms`, if the relay offers holds: how long before this frame the typing was over. */
  | { action: "stop"; ago_ms?: number }
  | { action: "message"; id: string; text: string; postback?: string; attachments?: Attachment[] }
  /**
   * `ago_ms`: how long before this frame the newest key was pressed, 0 to 2000. `hold_ms`, if the relay offers holds:
   * how long that key counts unless a stop follows.
   */
  | { action: "keystroke"; ago_ms: number; hold_ms?: number };

/** Any string; editors still suggest the known ones, and a later relay may send others. */
type Other = string & {};

/** The relay's codes, and the client's own `connect_failed`. */
export type ErrorCode =
  | "bad_frame"
  | "bad_message"
  | "bad_attachment"
  | "too_large"
  | "unknown_action"
  | "rate_limited"
  | "session_expired"
  | "typing_unavailable"
  | "blocked"
  | "not_ready"
  | "not_supported"
  | "not_ended"
  | "history_unknown"
  | "history_failed"
  | "transcript_failed"
  | "sign_in_needed"
  | "sign_in_refused"
  | "connect_failed";

/** Why a message has failed: the relay's reasons, an error's code, or the client's own `closed`. */
export type Reason =
  | "unavailable"
  | "refused"
  | "expired"
  | "unconfirmed"
  | "too_many"
  | "duplicate_id"
  | "thread_closed"
  | "no_attachments"
  | "closed"
  | "bad_message"
  | "bad_attachment"
  | "too_large"
  | "unknown_action";

export interface RelayError {
  code: ErrorCode | Other;
  message: string;
  /** With `connect_failed`: what the token function or the browser threw, or the socket's close event. */
  cause?: unknown;
  /** With `connect_failed`: how many connections have failed in a row. */
  attempt?: number;
  /**
   * With `connect_failed`: when the next is tried; up to five minutes where nothing has succeeded for long. With
   * `budget`: when a frame is taken again. With `blocked`: when the block ends.
   */
  retryInMs?: number;
  /** With `rate_limited`: whose frames were too many, this connection's, all of the session's, or its messages. */
  budget?: "connection" | "session" | "messages" | Other;
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
  /** With `failed`. */
  reason?: Reason | Other;
}

/** A message in the conversation. Unknown fields are null. */
export interface ChatMessage {
  id: string | null;
  text: string;
  author: string | null;
  /** Epoch ms. */
  at: number | null;
  from: "agent" | "visitor";
  /** The answers that a rich message offers. Send one with `send(text, null, {postback})`. */
  choices?: Choice[];
  /** Epoch ms: CXone ends the chat without an answer until then. */
  answer_by?: number;
  /** The text is only a part of the message: the rest could not be had. */
  incomplete?: true;
  /** The message's files. */
  attachments?: File[];
}

/** A file of a message that was received. What CXone does not say is null. */
export interface File {
  /** https. What is there is somebody else's: open it in a tab of its own. */
  url: string;
  name: string | null;
  /** The MIME type. */
  type: string | null;
}

/** A file that was uploaded to CXone: see `typing-relay/files`. */
export interface Attachment {
  url: string;
  name: string;
  /** The MIME type; empty where the browser does not know it. */
  type?: string;
}

/** Which files the visitor may send. */
export interface FileRules {
  /** Where they are uploaded; null: the channel takes none any more. */
  upload: string | null;
  largest_bytes: number;
  /** MIME types; `image/*` is all of a kind. */
  types: string[];
}

/** One of the answers that a message offers. */
export interface Choice {
  text: string;
  postback: string | null;
}

/** An agent. What CXone does not say is null. */
export interface Person {
  id: string | null;
  name: string | null;
}

/** What a listener is given: a `CustomEvent`, described without the DOM's types. */
export interface RelayEvent<Detail> {
  readonly type: string;
  readonly detail: Detail;
}

export interface RelayEvents {
  status: RelayEvent<{ status: Status }>;
  /** Whether the client is connected to the relay, however the CXone guest session stands. */
  connection: RelayEvent<{ connected: boolean }>;
  /** `typing`: whether any agent types; `agents`: those who do, as far as CXone names them. */
  "agent-typing": RelayEvent<{ typing: boolean; agents: Person[] }>;
  /**
   * A ChatMessage, once for each id; on a platform whose frames the relay does not translate, CXone's own frame, which
   * has a `text`.
   */
  message: RelayEvent<ChatMessage | (CxoneEvent & { type: "message"; text: string })>;
  /** A message of this visitor, from any tab, was accepted or has failed. */
  "message-status": RelayEvent<MessageStatus>;
  /** The agent who has the conversation; null: nobody. */
  agent: RelayEvent<{ id: string | null; name: string | null }>;
  /** Whether agents see the conversation. */
  contact: RelayEvent<{ status: "open" | "closed" }>;
  /** The position in the queue for an agent. */
  queue: RelayEvent<{ position: number }>;
  /** An agent has read this message; null: CXone named none. */
  read: RelayEvent<{ id: string | null }>;
  /** This message has been seen; null: CXone named none. */
  seen: RelayEvent<{ id: string | null }>;
  /**
   * How many messages of agents the visitor has not seen, as far as CXone knows: after the welcome, and after `seen()`.
   * Each message of an agent that comes later is one more.
   */
  unread: RelayEvent<{ count: number }>;
  /** Which files the visitor may send; none where it does not come. For `typing-relay/files`. */
  files: RelayEvent<FileRules>;
  /** A page of earlier messages, newest first. `asked`: of the one who asked for it; `before`: null, there are none before. */
  history: RelayEvent<{ messages: ChatMessage[]; asked: string | null; before: string | null }>;
  /** CXone sends the transcript that was asked for. */
  transcript: RelayEvent<{ status: "sent" }>;
  /**
   * Whether anybody is there to chat with, of a live chat that was found offline. `offline_form`: the channel shows a form
   * for messages; null: it does not say. For `typing-relay/offline`.
   */
  availability: RelayEvent<{ status: "offline" | "online"; offline_form: boolean | null }>;
  /** The page is to sign its visitor in, or in again: see `typing-relay/sign-in`. */
  "sign-in": RelayEvent<{
    why: "needed" | "ends" | "refused";
    setting?: string;
    visitor_id?: string;
    customer_id?: string;
  }>;
  /** Every other frame of CXone. */
  event: RelayEvent<CxoneEvent>;
  error: RelayEvent<RelayError>;
  /** Each frame that the client sends, for counters and tests. */
  frame: RelayEvent<Frame>;
}

export interface TypingRelay {
  readonly status: Status;
  /** Whether typing signals leave this browser: both the visitor and the deployment must allow it. */
  readonly signals: boolean;
  /** Switches typing signals on or off for this visitor; off ends the typing at once. */
  setSignals(on: boolean): void;
  /** Whether the client is connected to the relay. */
  readonly connected: boolean;
  /** The CXone guest session; null while disconnected. */
  readonly guest: GuestStatus | null;
  /** The messages without an answer, in order. */
  readonly queued: { id: string; text: string }[];
  /** The visitor has changed the text: for an input that is no element of a page. */
  key(): void;
  /**
   * Watches a text box, until the function that it returns is called. The connection stays.
   * @throws {TypeError} when it is no element.
   */
  watch(element: Box): () => void;
  /**
   * Sends a message, which ends the typing. The next one is sent when this one has its answer. Without an answer it is
   * sent again with the same id, and the relay treats it as the same message. The promise is never rejected.
   * @param id A UUID in lower case. Keep it to ask for the message's status after the page was reloaded.
   * @throws {RangeError} when the text is too long to be sent.
   * @param options `postback`: of the choice that the message answers with, as it came. `attachments`: files that were
   * uploaded, at most ten; the text may then be empty.
   * @throws {TypeError} when the text, the id or the postback is no string.
   */
  send(
    text: string,
    id?: string | null,
    options?: { postback?: string | null; attachments?: Attachment[] } | null,
  ): Promise<MessageStatus>;
  /** Ends the typing: call it after sending, if that neither submits a form nor empties the box. */
  stop(): void;
  /** Tells Digital-First that the visitor has seen all messages: call it when they are visible. */
  seen(): void;
  /**
   * Ends the conversation (Digital-First), when the messages in `queued` have their answers; `contact` says when it is
   * closed. No effect if the client is disconnected then.
   */
  end(): void;
  /**
   * Asks for a page of earlier messages (Digital-First), which comes as the event `history`. Once `guest` is `open`.
   * @param before `before` of the page that came last; without it, the newest messages.
   */
  history(before?: string | null): void;
  /** Sends any other frame of the protocol, such as `transcript`. No effect while disconnected. */
  ask(action: "transcript", fields: { email: string }): void;
  ask(action: string, fields?: Record<string, unknown>): void;
  /** Stops watching the box and closes the connection for good. */
  detach(): void;
  addEventListener<K extends keyof RelayEvents>(
    type: K,
    listener: (event: RelayEvents[K]) => void,
    options?: boolean | { once?: boolean; signal?: AbortSignalLike },
  ): void;
  removeEventListener<K extends keyof RelayEvents>(
    type: K,
    listener: (event: RelayEvents[K]) => void,
    options?: boolean,
  ): void;
}

/** A textarea, an input or an editable element, described without the DOM's types. */
export interface Box {
  addEventListener(type: string, listener: (event: any) => void, options?: any): void;
  readonly textContent: string | null;
}

/**
 * Keeps a connection to the relay until `detach()`. Needs no page: works in Node, workers and React Native.
 * @throws {TypeError} naming what is wrong with the options.
 */
export function connect(options: Options): TypingRelay;

/**
 * `connect`, and `watch` for this text box.
 * @throws {TypeError} naming what is wrong with the element or the options.
 */
export function attach(element: Box, options: Options): TypingRelay;

export interface Announcement {
  /** What is said. Default `The agent is typing`. */
  text?: string;
  /** How long the agent must have typed (ms). Default 1000. */
  delayMs?: number;
  /** After this long without typing (ms) it is said again. Default 30000; a message ends the spell, too. */
  spellMs?: number;
}

/**
 * Tells screen readers that the agent types: politely, after a delay, once a spell, and never that it is over.
 * @param region An element that is in the page already, empty: it becomes a live region. Hide it from the eye by CSS.
 * @returns a function that ends it.
 * @throws {TypeError} when the region is no element.
 */
export function announceTyping(
  relay: TypingRelay,
  region: { setAttribute(name: string, value: string): void; textContent: string | null },
  announcement?: Announcement,
): () => void;

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
  /** `again`: the next connection is there already, and is told the newest key again. */
  disconnected(again?: boolean): void;
}

/** The texts for a connection's status. */

const STATUS_TEXT = {
  connecting: "Connecting",
  opening: "Opening the chat",
  open: "Connected",
  "socket-lost": "Guest socket lost",
  reconnecting: "Reconnecting",
  unavailable: "Agent cannot see typing",
  offline: "You are offline",
  closed: "Closed",
  stopped: "Stack stopped",
};

/** On Digital-First the same connection also carries the messages. */
const GATEWAY_TEXT = { unavailable: "Chat not available" };

/** The words for a status on this platform. */
export function statusText(status, platform) {
  return (platform === "dfo" && GATEWAY_TEXT[status]) || STATUS_TEXT[status];
}

/** The text for a message's status: `sending`, `accepted`, `read` or `failed`, and why it failed. */
export function messageText(status, reason) {
  if (status !== "failed") return MESSAGE_TEXT[status];
  return `Not delivered: ${REASON_TEXT[reason] ?? "it was not understood"}`;
}

const MESSAGE_TEXT = { sending: "Sending…", accepted: "Delivered", read: "Read" };

const REASON_TEXT = {
  unavailable: "the chat is not available",
  refused: "CXone refused it",
  expired: "CXone could not be reached in time",
  unconfirmed: "perhaps it arrived, nobody knows",
  too_many: "too many messages wait already",
  duplicate_id: "another message has its number",
  no_attachments: "this chat takes no files",
  thread_closed: "CXone takes no more messages in this conversation",
  closed: "the page was left",
};

/** The colour of a status: good, busy or bad. The text says the same. */
export const STATUS_TONE = {
  connecting: "busy",
  opening: "busy",
  open: "good",
  "socket-lost": "busy",
  reconnecting: "busy",
  unavailable: "bad",
  offline: "bad",
  closed: "bad",
  stopped: "bad",
};

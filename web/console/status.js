/** What a connection's status means, in words for people. */

const STATUS_TEXT = {
  connecting: "Connecting",
  opening: "Opening the chat",
  open: "Connected",
  reconnecting: "Reconnecting",
  unavailable: "Agent cannot see typing",
  offline: "You are offline",
  closed: "Closed",
  stopped: "Stack stopped",
};

/** On Digital-First the same connection carries the chat itself. */
const GATEWAY_TEXT = { unavailable: "Chat not available" };

/** The words for a status on this platform. */
export function statusText(status, platform) {
  return (platform === "dfo" && GATEWAY_TEXT[status]) || STATUS_TEXT[status];
}

/** How a message stands: `sending`, `accepted`, `read` or `failed`, and why it failed. */
export function messageText(status, reason) {
  if (status !== "failed") return MESSAGE_TEXT[status];
  return `Not delivered: ${REASON_TEXT[reason] ?? "it was not understood"}`;
}

const MESSAGE_TEXT = { sending: "Sending…", accepted: "Delivered", read: "Read" };

const REASON_TEXT = {
  unavailable: "the chat is not available",
  refused: "CXone refuses it",
  expired: "CXone could not be reached in time",
  unconfirmed: "perhaps it arrived, nobody knows",
  too_many: "too many messages wait already",
  duplicate_id: "another message has its number",
  closed: "the page was left",
};

/** Which colour a status has: good, busy or bad. The text says the same. */
export const STATUS_TONE = {
  connecting: "busy",
  opening: "busy",
  open: "good",
  reconnecting: "busy",
  unavailable: "bad",
  offline: "bad",
  closed: "bad",
  stopped: "bad",
};

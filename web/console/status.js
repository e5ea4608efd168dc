/** What a connection's status means, in words for people. */

export const STATUS_TEXT = {
  connecting: "Connecting",
  opening: "Opening the chat",
  open: "Connected",
  reconnecting: "Reconnecting",
  unavailable: "Agent cannot see typing",
  offline: "You are offline",
  closed: "Closed",
  stopped: "Stack stopped",
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

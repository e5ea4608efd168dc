/** Messages that visitors leave while a live chat is offline (Digital-First). What it does: offline.js. */
import type { MessageStatus, TypingRelay } from "./typing-relay.js";

export interface OfflineMessage {
  /** At most 100 characters. */
  name: string;
  email: string;
  /** At most 10,000 characters. */
  message: string;
}

/**
 * Sends it, again by the same id until its answer comes. The promise is never rejected.
 * @param options `id`: a UUID in lower case. Keep it to ask for the message's status after the page was reloaded.
 */
export function leaveMessage(relay: TypingRelay, message: OfflineMessage, options?: { id?: string }): Promise<MessageStatus>;

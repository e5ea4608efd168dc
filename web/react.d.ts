/** A hook for React 18 and newer. What it does: react.js. */
import type { RefObject } from "react";
import type { Options, Status, TypingRelay } from "./typing-relay.js";

export interface Typing {
  /** The client; null before the component is mounted. */
  relay: TypingRelay | null;
  status: Status;
  agentTyping: boolean;
}

/**
 * Connects while its component is mounted, and watches the text box of this ref, also when another one takes its place.
 * `token` may be another function at each render: the newest is asked. Another string is another connection.
 * `WebSocket`, such as a class that signs in, is taken when it connects.
 */
export function useTypingRelay(
  box: RefObject<HTMLElement | null>,
  options: Pick<Options, "url" | "token" | "tokenIn" | "signals" | "WebSocket">,
): Typing;

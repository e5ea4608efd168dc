/** Importing this defines the element <typing-relay>, where there is a page. What it does: element.js. */
import type { TypingRelay } from "./typing-relay.js";

export interface TypingRelayElement extends HTMLElement {
  /** The client; null while the element is not in the page. */
  readonly relay: TypingRelay | null;
}

declare global {
  interface HTMLElementTagNameMap {
    "typing-relay": TypingRelayElement;
  }
}

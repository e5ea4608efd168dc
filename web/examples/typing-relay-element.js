/**
 * <typing-relay url="wss://…" token-url="/chat-token"> around a text box watches that box while the element is in the page.
 * It sets the attributes `status`, and `agent-typing` while the agent types. Set `opted-out` to switch typing signals off.
 * It dispatches the client's events; `relay` is the client.
 */
import { attach } from "typing-relay";

class TypingRelayElement extends HTMLElement {
  static observedAttributes = ["opted-out"];
  relay = null;

  #children = new MutationObserver(() => this.#begin());

  connectedCallback() {
    this.#children.observe(this, { childList: true, subtree: true }); // the text box may be added later
    this.#begin();
  }

  disconnectedCallback() {
    this.#children.disconnect();
    this.relay?.detach();
    this.relay = null;
  }

  #begin() {
    const box = this.querySelector("textarea, input, [contenteditable]");
    if (!box || this.relay) return;
    this.relay = attach(box, {
      url: this.getAttribute("url"),
      token: () => this.#token(),
      signals: !this.hasAttribute("opted-out"),
    });
    this.setAttribute("status", this.relay.status);
    this.relay.addEventListener("status", ({ detail }) => this.setAttribute("status", detail.status));
    this.relay.addEventListener("agent-typing", ({ detail }) => this.toggleAttribute("agent-typing", detail.typing));
    for (const type of ["status", "agent-typing", "message", "message-status", "error"]) {
      this.relay.addEventListener(type, ({ detail }) => this.dispatchEvent(new CustomEvent(type, { detail })));
    }
  }

  attributeChangedCallback() {
    this.relay?.setSignals(!this.hasAttribute("opted-out"));
  }

  async #token() {
    const answer = await fetch(this.getAttribute("token-url"));
    if (!answer.ok) throw new Error(`No token for this visitor (${answer.status})`);
    return answer.text();
  }
}

customElements.define("typing-relay", TypingRelayElement);

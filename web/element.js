/**
 * <typing-relay url="wss://…" token-url="/chat-token"> around a text box watches that box while the element is in the page.
 * It sets the attributes `status`, and `agent-typing` while the agent types. Set `opted-out` to switch typing signals off;
 * another `url` is another connection. It dispatches the client's events; `relay` is the client. An element in it with the
 * attribute `data-announced` tells screen readers that the agent types.
 */
import { announceTyping, connect } from "./typing-relay.js";

const EVENTS = ["status", "connection", "agent-typing", "message", "message-status", "agent", "contact", "queue", "read"];
EVENTS.push("seen", "history", "event", "error", "frame");

// A server that renders the page has no HTMLElement: importing must work there, too.
class TypingRelayElement extends (globalThis.HTMLElement ?? Object) {
  static observedAttributes = ["opted-out", "url"];
  relay = null;

  #box = null;
  #unwatch;
  #region = null;
  #silence;
  #children;

  connectedCallback() {
    this.#children ??= new MutationObserver(() => this.#watch());
    this.#children.observe(this, { childList: true, subtree: true }); // the text box may come later, and be replaced
    this.#connect();
  }

  disconnectedCallback() {
    this.#children.disconnect();
    this.#disconnect();
  }

  attributeChangedCallback(name, before, now) {
    if (name === "opted-out") this.relay?.setSignals(!this.hasAttribute("opted-out"));
    else if (this.relay && before !== now) this.#connect();
  }

  #connect() {
    this.#disconnect();
    this.relay = connect({
      url: this.getAttribute("url"),
      token: (request) => this.#token(request),
      signals: !this.hasAttribute("opted-out"),
    });
    this.setAttribute("status", this.relay.status);
    this.relay.addEventListener("status", ({ detail }) => this.setAttribute("status", detail.status));
    this.relay.addEventListener("agent-typing", ({ detail }) => this.toggleAttribute("agent-typing", detail.typing));
    for (const type of EVENTS) {
      this.relay.addEventListener(type, ({ detail }) => this.dispatchEvent(new CustomEvent(type, { detail })));
    }
    this.#watch();
  }

  #disconnect() {
    this.relay?.detach();
    this.#silence?.();
    this.relay = this.#box = this.#region = null;
  }

  #watch() {
    this.#announce();
    const box = this.querySelector("textarea, input, [contenteditable]");
    if (box === this.#box || !this.relay) return;
    this.#unwatch?.();
    this.#box = box;
    this.#unwatch = box ? this.relay.watch(box) : undefined;
  }

  #announce() {
    const region = this.querySelector("[data-announced]");
    if (region === this.#region || !this.relay) return;
    this.#silence?.();
    this.#region = region;
    this.#silence = region ? announceTyping(this.relay, region) : undefined;
  }

  async #token({ signal }) {
    const answer = await fetch(this.getAttribute("token-url"), { signal });
    if (!answer.ok) throw new Error(`No token for this visitor (${answer.status})`);
    return answer.text();
  }
}

globalThis.customElements?.define("typing-relay", TypingRelayElement);

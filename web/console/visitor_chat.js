/** A visitor's chat, as a front end would have it: the real client on a plain text box. */

import { attach } from "/typing-relay.js";
import { sendOnEnter, setText, showMessages, typingDots } from "./dom.js";
import { call, visitorToken } from "./feed.js";
import { report } from "./marks.js";
import { STATUS_TEXT, STATUS_TONE } from "./status.js";

const NAMES = { visitor: "You", agent: "Agent" };

const MARKUP = `
  <header>
    <h2 id="visitor-title">Visitor <span data-part="name" class="who-name"></span></h2>
    <span data-part="status" class="pill" role="status"></span>
  </header>
  <div data-part="log" class="log" role="log" aria-labelledby="visitor-title" tabindex="0"></div>
  <p data-part="agent-typing" class="indicator"><span data-part="agent-typing-text"></span></p>
  <form data-part="form">
    <label class="hidden" for="visitor-box">Your message</label>
    <textarea id="visitor-box" data-part="box" rows="2" placeholder="Write to the agent" autocomplete="off"></textarea>
    <button class="primary">Send</button>
  </form>
  <p data-part="problem" class="problem" role="status"></p>
  <footer>
    <label class="check"><input type="checkbox" data-part="signals" checked> Let the agent see that I type</label>
    <a data-part="another" target="_blank" rel="noopener">Open another tab</a>
  </footer>`;

/** The visitor that the page's URL names, as the console's server takes it; else alice. */
export function visitorOfThisPage() {
  const name = new URLSearchParams(location.search).get("visitor") ?? "";
  return /^[\w-]{1,64}$/.test(name) ? name : "alice";
}

export class VisitorChat {
  #relay = null;
  #websocketUrl; // null: no stack runs
  #part;
  #openedAt = Date.now();
  #messages = [];
  #taken = 0;

  constructor(root, session) {
    this.session = session;
    root.innerHTML = MARKUP;
    this.#part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.#part("agent-typing").prepend(typingDots());
    setText(this.#part("name"), session);
    this.#part("another").href = `/visitor?visitor=${encodeURIComponent(session)}`;
    this.#part("box").addEventListener("input", () => report({ type: "key", session, at: Date.now() }));
    this.#part("form").addEventListener("submit", (event) => this.#submit(event));
    this.#part("signals").addEventListener("change", ({ target }) => this.#relay?.setSignals(target.checked));
    sendOnEnter(this.#part("box"));
    this.#showStatus("connecting");
  }

  /** Connects to the stack that runs now: another one has another URL. */
  follow({ running, websocket_url }) {
    const url = running ? websocket_url : null;
    if (url === this.#websocketUrl) return;
    this.#websocketUrl = url;
    this.#relay?.detach();
    this.#relay = null;
    this.#showAgentTyping(false);
    if (url) this.#attach(url);
    else this.#showStatus("stopped");
  }

  /**
   * Takes all messages that the console knows of. The agent's new ones are left out:
   * they come through the relay, and what does not come through is not shown.
   */
  takeMessages(messages) {
    if (messages.length < this.#taken) this.#taken = 0;
    const isHere = ({ from, at }) => from === "visitor" || at < this.#openedAt;
    this.#show(...messages.slice(this.#taken).filter(isHere));
    this.#taken = messages.length;
  }

  #show(...messages) {
    this.#messages.push(...messages);
    showMessages(this.#part("log"), this.#messages, "visitor", NAMES);
  }

  #attach(url) {
    const { session } = this;
    const signals = this.#part("signals").checked;
    const relay = attach(this.#part("box"), { url, token: () => visitorToken(session), signals });
    relay.addEventListener("status", ({ detail }) => this.#showStatus(detail.status));
    relay.addEventListener("agent-typing", ({ detail }) => this.#showAgentTyping(detail.typing));
    relay.addEventListener("message", ({ detail }) => this.#show({ from: "agent", text: detail.text }));
    relay.addEventListener("frame", ({ detail }) => report({ type: "frame", session, at: Date.now(), frame: detail }));
    this.#relay = relay;
    this.#showStatus(relay.status);
  }

  async #submit(event) {
    event.preventDefault();
    const box = this.#part("box");
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    try {
      await call("POST", "/api/messages", { session: this.session, text });
      setText(this.#part("problem"), "");
    } catch (error) {
      if (!box.value) box.value = text;
      setText(this.#part("problem"), `Not sent. ${error.message}`);
    }
  }

  #showStatus(status) {
    const pill = this.#part("status");
    pill.dataset.tone = STATUS_TONE[status];
    setText(pill, STATUS_TEXT[status]);
  }

  #showAgentTyping(typing) {
    this.#part("agent-typing").classList.toggle("on", typing);
    setText(this.#part("agent-typing-text"), typing ? "The agent is typing" : "");
  }
}

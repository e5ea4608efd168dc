/** A visitor's chat, as in a front end: the real client on a plain text box. */

import { upload } from "/files.js";
import { announceTyping, attach } from "/typing-relay.js";
import { sendOnEnter, setText, showMessages, typingDots } from "./dom.js";
import { call, visitorToken } from "./feed.js";
import { report } from "./marks.js";
import { STATUS_TONE, messageText, statusText } from "./status.js";

const NAMES = { visitor: "You", agent: "Agent" };

const CONTACT_TEXT = {
  open: "The conversation has begun",
  closed: "The conversation is closed. Your next message begins another.",
};

const EARLIER = "Earlier messages, as this console remembers them. The relay keeps none: a page that is reloaded shows none of them.";

const NOTHING_YET = "No messages yet. The relay keeps no history: a page that is reloaded shows no earlier message.";

const MARKUP = `
  <header>
    <h2 id="visitor-title">Visitor <span data-part="name" class="who-name"></span></h2>
    <span data-part="status" class="pill" role="status"></span>
  </header>
  <div data-part="log" class="log" role="log" aria-labelledby="visitor-title" tabindex="0" data-empty="${NOTHING_YET}"></div>
  <p data-part="agent-typing" class="indicator" aria-hidden="true"><span data-part="agent-typing-text"></span></p>
  <p data-part="announced" class="hidden"></p>
  <form data-part="form">
    <label class="hidden" for="visitor-box">Your message</label>
    <textarea id="visitor-box" data-part="box" rows="2" placeholder="Write to the agent" autocomplete="off"></textarea>
    <input type="file" data-part="file" hidden>
    <button type="button" data-part="pick" hidden>Send a file</button>
    <button class="primary">Send</button>
  </form>
  <p data-part="problem" class="problem" role="status"></p>
  <footer>
    <label class="check"><input type="checkbox" data-part="signals" checked> Let the agent see that I type</label>
    <a data-part="another" target="_blank" rel="noopener">Open another tab</a>
    <form data-part="others" class="others" novalidate>
      <label>Another visitor <input data-part="other" value="bob" autocomplete="off" spellcheck="false" aria-describedby="other-problem"></label>
      <button>Open</button>
      <p id="other-problem" data-part="other-problem" class="problem" role="status"></p>
    </form>
  </footer>`;

const NAME = /^[\w-]{1,64}$/; // as the console's server accepts it
const DEFAULT_VISITOR = "alice";
const refusal = (name) => `“${name}” is no visitor’s name: it has 1 to 64 letters, digits, - or _.`;

const namedByUrl = () => new URLSearchParams(location.search).get("visitor") ?? DEFAULT_VISITOR;

/** The visitor that the page's URL names; alice if it names none, or not a name. */
export function visitorOfThisPage() {
  return NAME.test(namedByUrl()) ? namedByUrl() : DEFAULT_VISITOR;
}

export class VisitorChat {
  #relay = null;
  #websocketUrl; // null: no stack runs
  #platform = "v1";
  #status = "connecting"; // as the relay reports it
  #socketLost = false;
  #files = null; // on Digital-First: which may be sent
  #told = {}; // on Digital-First: contact and agent as last reported by the relay
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
    this.#part("box").addEventListener("input", () => this.#reportKey());
    this.#part("others").addEventListener("submit", (event) => this.#openAnother(event));
    this.#part("form").addEventListener("submit", (event) => this.#submit(event));
    this.#part("pick").addEventListener("click", () => this.#part("file").click());
    this.#part("file").addEventListener("change", ({ target }) => this.#sendFile(target));
    this.#part("signals").addEventListener("change", ({ target }) => {
      this.#relay?.setSignals(target.checked);
      report({ type: "choice", session, signals: target.checked });
    });
    sendOnEnter(this.#part("box"));
    this.#showStatus("connecting");
    if (!NAME.test(namedByUrl())) setText(this.#part("problem"), `${refusal(namedByUrl())} This page is ${session}’s.`);
  }

  /** Connects to the running stack; another stack has another URL. */
  follow({ running, websocket_url, platform }) {
    const url = running ? websocket_url : null;
    if (running) this.#platform = platform;
    if (url === this.#websocketUrl) return;
    this.#websocketUrl = url;
    this.#relay?.detach();
    this.#relay = null;
    this.#takeFiles(null);
    this.#showAgentTyping(false);
    if (url) this.#attach(url);
    else this.#showStatus("stopped");
  }

  /** Whether the visitor's guest has lost its socket to CXone: the relay reports that a moment later, or a dead keeper not at all. */
  showSocketLost(lost) {
    if (lost === this.#socketLost) return;
    this.#socketLost = lost;
    this.#showStatus(this.#status);
  }

  /**
   * Takes all messages that the console knows of. Once this page is open, it leaves out those that come through the relay:
   * the relay must deliver them. On v1 these are the agent's, on Digital-First all.
   */
  takeMessages(messages) {
    if (messages.length < this.#taken) this.#taken = 0;
    const isHere = ({ from, at }) => at < this.#openedAt || (from === "visitor" && this.#platform !== "dfo");
    const news = messages.slice(this.#taken).filter(isHere);
    if (!this.#messages.length && news.some(({ at }) => at < this.#openedAt)) this.#show({ from: null, text: EARLIER });
    this.#show(...news);
    this.#taken = messages.length;
  }

  /** A message with an id is shown once, however often it comes. */
  #show(...messages) {
    const isNew = ({ id }) => !id || !this.#messages.some((message) => message.id === id);
    this.#messages.push(...messages.filter(isNew));
    this.#render();
  }

  #render() {
    showMessages(this.#part("log"), this.#messages, "visitor", NAMES);
  }

  #attach(url) {
    const { session } = this;
    const signals = this.#part("signals").checked;
    const relay = attach(this.#part("box"), { url, token: () => visitorToken(session), signals });
    announceTyping(relay, this.#part("announced"));
    relay.addEventListener("status", ({ detail }) => this.#showStatus(detail.status));
    relay.addEventListener("agent-typing", ({ detail }) => this.#showAgentTyping(detail.typing));
    relay.addEventListener("message", ({ detail }) => this.#show({ ...detail, from: detail.from ?? "agent" }));
    relay.addEventListener("message-status", ({ detail }) => this.#setDelivery(detail));
    relay.addEventListener("read", ({ detail }) => this.#setDelivery({ ...detail, status: "read" }));
    relay.addEventListener("contact", ({ detail }) => this.#note("contact", detail.status, CONTACT_TEXT[detail.status]));
    relay.addEventListener("agent", ({ detail }) => {
      this.#note("agent", detail.name, detail.name ? `${detail.name} has joined` : "The agent has left");
    });
    relay.addEventListener("files", ({ detail }) => this.#takeFiles(detail));
    relay.addEventListener("frame", ({ detail }) => report({ type: "frame", session, at: Date.now(), frame: detail }));
    this.#relay = relay;
    this.#showStatus(relay.status);
  }

  #reportKey() {
    const silent = !(this.#relay?.signals ?? true);
    report({ type: "key", session: this.session, at: Date.now(), silent });
  }

  #openAnother(event) {
    event.preventDefault();
    const input = this.#part("other");
    const name = input.value.trim();
    const valid = NAME.test(name);
    input.ariaInvalid = String(!valid);
    setText(this.#part("other-problem"), valid ? "" : refusal(name));
    if (valid) open(`/visitor?visitor=${name}`, "_blank", "noopener");
    else input.focus();
  }

  async #submit(event) {
    event.preventDefault();
    const box = this.#part("box");
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    setText(this.#part("problem"), "");
    try {
      if (this.#platform === "dfo") this.#sendThroughRelay(text);
      else await call("POST", "/api/messages", { session: this.session, text });
    } catch (error) {
      if (!box.value) box.value = text;
      setText(this.#part("problem"), `Not sent. ${error.message}`);
    }
  }

  #sendThroughRelay(text, attachments) {
    if (!this.#relay) throw new Error("The stack is not running.");
    const id = crypto.randomUUID();
    this.#relay.send(text, id, { attachments }); // message-status reports the result
    this.#show({ id, from: "visitor", text, attachments, status: messageText("sending") });
  }

  /** Which files the channel takes; null: none. */
  #takeFiles(rules) {
    this.#files = rules;
    this.#part("pick").hidden = !rules?.upload;
    this.#part("file").accept = rules?.types.join() ?? "";
  }

  async #sendFile(input) {
    const [file] = input.files;
    if (!file) return;
    setText(this.#part("problem"), "");
    try {
      this.#sendThroughRelay("", [await upload(file, this.#files)]);
    } catch (error) {
      setText(this.#part("problem"), `Not sent. ${error.message}`);
    }
    input.value = ""; // so that the same file can be picked again
  }

  /** The current status of a visitor's message. */
  #setDelivery({ id, status, reason }) {
    const message = this.#messages.find((message) => message.id === id && message.from === "visitor");
    if (!message) return;
    message.status = messageText(status, reason);
    this.#render();
    if (status === "failed") setText(this.#part("problem"), message.status);
  }

  /** Adds a line to the conversation when the value has changed. */
  #note(what, value, text) {
    const before = this.#told[what];
    this.#told[what] = value;
    if (value === "closed") this.#told.agent = null; // the next contact's agent is always announced
    if (value !== before && (before || value !== null)) this.#show({ from: null, text });
  }

  #showStatus(status) {
    this.#status = status;
    const shown = status === "open" && this.#socketLost ? "socket-lost" : status;
    const pill = this.#part("status");
    pill.dataset.tone = STATUS_TONE[shown];
    setText(pill, statusText(shown, this.#platform));
  }

  #showAgentTyping(typing) {
    this.#part("agent-typing").classList.toggle("on", typing);
    setText(this.#part("agent-typing-text"), typing ? "The agent is typing" : "");
  }
}

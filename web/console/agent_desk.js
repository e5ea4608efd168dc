/** The agent's desk: CXone's conversations, who types, and a box to answer. */

import { make, sendOnEnter, setText, showMessages, typingDots } from "./dom.js";
import { call } from "./feed.js";

const ACTS = ["accept", "read", "close"]; // on Digital-First
const AGENT_QUIET_MS = 2000; // after this pause the agent is shown as not typing

export class AgentDesk {
  #model;
  #part;
  #rows = new Map();
  #typing = null; // the guest to whom the agent is shown as typing
  #quietTimer;
  #onSelect;

  constructor(root, model, selected, onSelect) {
    this.#model = model;
    this.selected = selected;
    this.#onSelect = onSelect;
    this.#part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.#part("box").addEventListener("input", () => this.#type());
    this.#part("box").addEventListener("blur", () => this.#stopTyping());
    this.#part("form").addEventListener("submit", (event) => this.#submit(event));
    for (const act of ACTS) this.#part(act).addEventListener("click", () => this.#send(this.#guestId, { type: act }));
    sendOnEnter(this.#part("box"));
    this.#part("typing").prepend(typingDots());
    this.#part("rail").addEventListener("keydown", (event) => this.#move(event));
    matchMedia("(max-width: 600px)").addEventListener("change", ({ matches }) => this.#orient(matches));
    this.#orient(matchMedia("(max-width: 600px)").matches);
  }

  /** Uses another model after the console restarted. */
  useModel(model) {
    this.#model = model;
    this.#rows.clear();
    this.#part("rail").replaceChildren();
    this.#part("log").replaceChildren();
  }

  render() {
    const visitors = [...this.#model.visitors.values()].filter(({ guestIds }) => guestIds.length);
    for (const visitor of visitors) this.#renderRow(visitor);
    this.#part("rail").hidden = visitors.length === 0;
    this.#part("empty").hidden = visitors.length > 0;
    const entry = this.#rows.get(this.selected)?.row ?? this.#shownRows()[0]; // the one that Tab reaches
    for (const { row } of this.#rows.values()) row.tabIndex = row === entry ? 0 : -1;
    this.#renderConversation();
  }

  select(session) {
    if (session === this.selected) return;
    this.#stopTyping();
    this.selected = session;
    this.#part("log").replaceChildren();
    this.render();
    this.#onSelect(session);
  }

  #renderRow(visitor) {
    const { session } = visitor;
    if (!this.#rows.has(session)) this.#addRow(session);
    const { row, state } = this.#rows.get(session);
    row.hidden = !visitor.record?.guest_id && session !== this.selected; // CXone's conversation is over
    const typing = this.#model.isShownTyping(visitor);
    row.classList.toggle("typing", typing);
    row.ariaSelected = String(session === this.selected);
    setText(state, typing ? "typing" : "");
  }

  #addRow(session) {
    const state = make("span", { className: "row-state" });
    const name = make("span", { className: "row-name" }, session);
    const row = make("li", { className: "row", role: "option", tabIndex: -1 }, name, typingDots(), state);
    row.addEventListener("click", () => this.select(session));
    this.#rows.set(session, { row, state });
    this.#part("rail").append(row);
  }

  #shownRows() {
    return [...this.#rows.values()].map(({ row }) => row).filter(({ hidden }) => !hidden);
  }

  /** Arrow keys, Home and End choose among the conversations, as in any list box. */
  #move(event) {
    const rows = this.#shownRows();
    const at = rows.indexOf(event.target);
    const next = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault(); // no scrolling
    const row = rows[next];
    if (!row) return;
    this.select([...this.#rows].find(([, { row: other }]) => other === row)[0]);
    row.focus();
  }

  /** On a narrow page the conversations stand side by side. */
  #orient(narrow) {
    this.#part("rail").ariaOrientation = narrow ? "horizontal" : "vertical";
  }

  #renderConversation() {
    const visitor = this.#model.visitor(this.selected);
    const typing = this.#model.isShownTyping(visitor);
    setText(this.#part("name"), this.selected);
    this.#part("typing").classList.toggle("on", typing);
    setText(this.#part("typing-text"), typing ? `${this.selected} is typing` : "");
    showMessages(this.#part("log"), visitor.messages, "agent", { agent: "You", visitor: this.selected });
    const why = this.#whyNot(visitor);
    for (const part of ["box", "send", ...ACTS]) this.#part(part).disabled = Boolean(why);
    setText(this.#part("problem"), why);
    this.#renderContact(this.#model.guest(visitor.record?.guest_id));
  }

  #renderContact({ contact, agent, customer, fields }) {
    if (agent) this.#part("accept").disabled = true;
    const known = [customer, ...Object.entries(fields ?? {}).map(([ident, value]) => `${ident}: ${value}`)].filter(Boolean);
    const state = contact ? `Contact ${contact}${agent ? `, ${agent}` : ""}` : "No contact yet";
    setText(this.#part("contact"), [state, ...known].join(" · "));
  }

  /** Why the agent cannot write to this visitor; empty when they can. */
  #whyNot({ record }) {
    const { running, simulator, platform } = this.#model.stack;
    if (!running) return "The stack is not running.";
    if (!simulator) return "This CXone is a real one: use its own agent desk.";
    if (!record?.guest_id) return "CXone has no session for this visitor yet.";
    if (platform !== "dfo") return "";
    const { contact } = this.#model.guest(record.guest_id);
    if (!contact) return "A contact begins with the visitor’s first message; typing is shown from then on.";
    return contact === "closed" ? "The contact is closed. The visitor’s next message begins another." : "";
  }

  get #guestId() {
    return this.#model.visitor(this.selected).record?.guest_id;
  }

  #type() {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => this.#stopTyping(), AGENT_QUIET_MS);
    if (this.#typing === this.#guestId) return;
    this.#typing = this.#guestId;
    this.#send(this.#typing, { type: "agent-typing", typing: true });
  }

  #stopTyping() {
    clearTimeout(this.#quietTimer);
    if (this.#typing) this.#send(this.#typing, { type: "agent-typing", typing: false });
    this.#typing = null;
  }

  #submit(event) {
    event.preventDefault();
    const box = this.#part("box");
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    this.#stopTyping();
    this.#send(this.#guestId, { type: "message", text });
  }

  async #send(guestId, frame) {
    try {
      const { sockets } = await call("POST", "/api/agent", { guest_id: guestId, frame });
      setText(this.#part("hint"), sockets ? "" : "No keeper holds this visitor’s socket: the message was not delivered.");
    } catch (error) {
      setText(this.#part("hint"), error.message);
    }
  }
}

/** The switches for what goes wrong at CXone and in the stack. */

import { make, setText } from "./dom.js";
import { call } from "./feed.js";

export class FaultPanel {
  #part;
  #getGuestId;
  #switches = new Map();

  constructor(root, getGuestId) {
    this.#part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.#getGuestId = getGuestId;
  }

  /** Shows the running stack's switches in their current state. */
  async follow({ running, simulator }) {
    const why = running ? "This CXone is a real one: it has no switches." : "The stack is not running.";
    if (!simulator) setText(this.#part("note"), why);
    else if (this.#part("list").hidden) setText(this.#part("note"), "");
    this.#part("list").hidden = !simulator;
    if (!simulator) return;
    try {
      this.#show(await call("GET", "/api/faults"));
    } catch (error) {
      setText(this.#part("note"), error.message);
    }
  }

  #show({ switches, one_shots }) {
    if (!switches.every(({ name }) => this.#switches.has(name))) {
      this.#switches.clear(); // the other platform has other switches
      this.#part("switches").replaceChildren(...switches.map((item) => this.#switch(item)));
      this.#part("one-shots").replaceChildren(...one_shots.map((item) => this.#oneShot(item)));
    }
    for (const { name, on } of switches) this.#switches.get(name).ariaChecked = String(on);
  }

  #switch({ name, label, effect }) {
    const button = this.#button(label, effect, async () => {
      const { on } = await call("PUT", `/api/faults/${name}`, { on: button.ariaChecked !== "true" });
      button.ariaChecked = String(on);
      return `${label} ${on ? "on" : "off"}.`;
    });
    button.role = "switch";
    button.className = "switch";
    this.#switches.set(name, button);
    return make("li", {}, button);
  }

  #oneShot({ name, label, effect }) {
    const button = this.#button(label, effect, async () => {
      await call("POST", `/api/faults/${name}`, { guest_id: this.#getGuestId() });
      return `${label}: done.`;
    });
    button.className = "one-shot";
    return make("li", {}, button);
  }

  #button(label, effect, act) {
    const button = make("button", { type: "button" }, make("b", {}, label), make("span", {}, effect));
    button.addEventListener("click", async () => {
      try {
        setText(this.#part("note"), await act());
      } catch (error) {
        setText(this.#part("note"), error.message);
      }
    });
    return button;
  }
}

/** Starts and stops the players. */

import { setText } from "./dom.js";
import { Player, keyTimes, loadTraces } from "./player.js";

const APART_MS = 300; // people do not all connect at the same moment

export class PlayerPanel {
  #part;
  #players = [];
  #url = null;
  #platform = "v1";

  constructor(root) {
    this.#part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.#part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#players.length) this.#stop();
      else this.#start();
    });
  }

  /** Another stack, or none: stop what is playing. */
  follow({ running, websocket_url, platform }) {
    const url = running ? websocket_url : null;
    this.#platform = platform;
    if (url === this.#url) return;
    this.#url = url;
    this.#stop();
    this.#part("toggle").disabled = !url;
  }

  async #start() {
    this.#part("toggle").disabled = true;
    const traces = await loadTraces();
    const speed = Number(this.#part("speed").value);
    const count = Math.min(traces.length, Math.max(1, Number(this.#part("count").value) || 1));
    this.#players = traces.slice(0, count).map((trace, i) => {
      const session = `writer-${String(i + 1).padStart(2, "0")}`;
      const greets = this.#platform === "dfo";
      return new Player({ session, url: this.#url, times: keyTimes(trace, speed), delay: i * APART_MS, greets });
    });
    this.#show(`${count} ${count === 1 ? "writer types" : "writers type"} at ${speed}×.`);
  }

  #stop() {
    for (const player of this.#players) player.stop();
    this.#players = [];
    this.#show("");
  }

  #show(note) {
    this.#part("toggle").disabled = !this.#url;
    setText(this.#part("toggle"), this.#players.length ? "Stop" : "Play");
    setText(this.#part("note"), note);
  }
}

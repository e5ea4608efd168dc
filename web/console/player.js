/** Plays the rhythm of real people's typing: each visitor has a client of its own on an invisible text box. */

import { attach } from "/typing-relay.js";
import { visitorToken } from "./feed.js";
import { report } from "./marks.js";

/** The recorded rhythms: [{trace, gaps_ms}]. */
export async function loadTraces() {
  const text = await (await fetch("/traces.jsonl")).text();
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

/** When the keys of a trace are pressed, in ms after its start. A speed of 2 halves the pauses too. */
export function keyTimes({ gaps_ms }, speed) {
  let at = 0;
  return [0, ...gaps_ms.map((gap) => (at += gap / speed))];
}

/** One visitor who types a trace. */
export class Player {
  #session;
  #greets;
  #box = document.createElement("textarea");
  #relay;
  #times;
  #next = 0;
  #startedAt;
  #timer;

  /** Connects after `delay` ms. `greets`: sends a message first, where typing is shown only after one. */
  constructor({ session, url, times, delay, greets }) {
    this.#session = session;
    this.#greets = greets;
    this.#times = times;
    this.#timer = setTimeout(() => this.#comeIn(url), delay);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#relay?.detach();
  }

  #comeIn(url) {
    const session = this.#session;
    this.#relay = attach(this.#box, { url, token: () => visitorToken(session) });
    this.#relay.addEventListener("frame", ({ detail }) => {
      report({ type: "frame", session, at: Date.now(), frame: detail });
    });
    this.#relay.addEventListener("status", () => this.#startWhenOpen());
  }

  async #startWhenOpen() {
    if (this.#startedAt || this.#relay.status !== "open") return;
    this.#startedAt = performance.now();
    if (this.#greets) await this.#relay.send("Good morning");
    this.#startedAt = performance.now();
    this.#typeNext();
  }

  #typeNext() {
    if (this.#next === this.#times.length) return this.stop();
    const wait = this.#startedAt + this.#times[this.#next++] - performance.now();
    this.#timer = setTimeout(() => {
      this.#box.value = "x";
      report({ type: "key", session: this.#session, at: Date.now() });
      this.#box.dispatchEvent(new Event("input"));
      this.#typeNext();
    }, wait);
  }
}

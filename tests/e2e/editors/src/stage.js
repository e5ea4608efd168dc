// What all pages share: the client on the editor's own box, and a relay that notes what it is sent.
import { connect } from "../../../../web/typing-relay.js";

// So long that no stop here comes from time.
const TIMINGS = { debounce_ms: 60_000, heartbeat_ms: 1000, hold_ms: 120_000 };

class Relay {
  readyState = 0;

  constructor() {
    setTimeout(() => {
      this.readyState = 1;
      this.onopen();
    });
  }

  send(text) {
    const frame = JSON.parse(text);
    if (frame.action !== "hello") window.sent.push(frame.action);
    else setTimeout(() => this.onmessage({ data: JSON.stringify({ type: "welcome", timings: TIMINGS, guest: "open" }) }));
  }

  close() {
    this.readyState = 3;
  }
}

/** `fill(text)` and `empty()` are what a page's script does with the editor. */
export function stage(box, { fill, empty }) {
  const relay = connect({ url: "wss://relay.example.com/live", token: "t", WebSocket: Relay });
  relay.watch(box);
  Object.assign(window, { sent: [], box, fill, relay });
  document.querySelector("button").addEventListener("click", empty);
  relay.addEventListener("connection", () => (window.ready = true));
}

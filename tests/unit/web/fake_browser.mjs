// The few parts of a browser that the client touches, with a clock that only `advance` moves.
import { mock } from "node:test";
import { attach } from "../../../web/typing-relay.js";

class FakeSocket {
  static opened = [];
  readyState = 0;
  sent = [];

  constructor(url, protocols) {
    this.url = String(url);
    this.protocols = protocols;
    FakeSocket.opened.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  // What the server does:
  accept() {
    this.readyState = 1;
    this.onopen();
  }

  answer(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  break() {
    this.readyState = 3;
    this.onclose();
  }
}

export class FakeBox extends EventTarget {
  value = "";
  form = new EventTarget();

  type(text) {
    this.value = text;
    this.dispatchEvent(new Event("input"));
  }
}

/** Replaces the browser's globals for one test; the test runner's `t` puts them back. */
export function fakeBrowser(t) {
  let clock = 10_000;
  let asleep = 0;
  FakeSocket.opened = [];
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => clock);
  mock.method(Date, "now", () => 1_800_000_000_000 + clock + asleep);
  mock.method(Math, "random", () => 0.5);
  const globals = {
    document: Object.assign(new EventTarget(), { hidden: false }),
    window: new EventTarget(),
    navigator: { onLine: true },
    WebSocket: FakeSocket,
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  t.after(() => {
    mock.timers.reset();
    mock.restoreAll();
    for (const name of Object.keys(globals)) delete globalThis[name];
  });

  return {
    ...globals,
    sockets: FakeSocket.opened,
    get socket() {
      return FakeSocket.opened.at(-1);
    },
    /** Moves the clock in steps, so that a timer runs within one step of its time. */
    async advance(ms, step = 10) {
      for (let passed = 0; passed < ms; passed += step) {
        clock += step;
        mock.timers.tick(step);
        await settled();
      }
    },
    /** The machine sleeps: no timer runs, and the monotonic clock stands still. */
    sleep(ms) {
      asleep += ms;
    },
    hide() {
      globals.document.hidden = true;
      globals.document.dispatchEvent(new Event("visibilitychange"));
    },
    goOffline() {
      globals.navigator.onLine = false;
      globals.window.dispatchEvent(new Event("offline"));
    },
    goOnline() {
      globals.navigator.onLine = true;
      globals.window.dispatchEvent(new Event("online"));
    },
  };
}

/** Lets promises that are due run: a token, for one. */
export async function settled() {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

/** A welcomed client on `box`, in a fake browser; what it has sent so far is forgotten. */
export async function welcomed(t, welcome, box = new FakeBox()) {
  const browser = fakeBrowser(t);
  const relay = attach(box, { url: "wss://relay.example.com/live", token: "t" });
  t.after(() => relay.detach());
  await settled();
  browser.socket.accept();
  browser.socket.answer(welcome);
  browser.socket.sent.length = 0;
  return { browser, box, relay };
}

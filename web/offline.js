/** Leaves a message while nobody is there to chat with (Digital-First). The API: offline.d.ts. */

const REPEAT_MS = 20_000;
/** Longer than the relay tries to deliver it. */
const GIVE_UP_MS = 480_000;

/** Sends it, again by the same id until its answer comes; resolves to `{id, status, reason}`, and is never rejected. */
export function leaveMessage(relay, { name, email, message }, { id = crypto.randomUUID() } = {}) {
  return new Promise((resolve) => {
    const ending = new AbortController();
    const { signal } = ending;
    let isSent = relay.connected;
    let again;
    const send = () => {
      relay.ask("offline_message", { id, name, email, message });
      clearTimeout(again);
      again = setTimeout(send, REPEAT_MS);
    };
    const done = (status) => {
      ending.abort();
      clearTimeout(again);
      clearTimeout(end);
      resolve(status);
    };
    const failed = (reason) => done({ id, status: "failed", reason });
    const end = setTimeout(() => failed(isSent ? "unconfirmed" : "expired"), GIVE_UP_MS);
    relay.addEventListener("message-status", ({ detail }) => detail.id === id && done(detail), { signal });
    relay.addEventListener("error", ({ detail }) => detail.code === "unknown_action" && failed(detail.code), { signal });
    relay.addEventListener("status", ({ detail }) => detail.status === "closed" && failed("closed"), { signal });
    relay.addEventListener("connection", ({ detail }) => detail.connected && (isSent = true) && send(), { signal });
    send();
  });
}

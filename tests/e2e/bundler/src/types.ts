// What the compiler takes of the client's types and, where it says so, what it refuses. Never run.
import { announceTyping, attach, connect, TypingRhythm, type Frame, type MessageStatus, type Status } from "typing-relay";

const box = document.createElement("textarea");
const url = "wss://RELAY/live";

const relay = attach(box, { url, token: async () => "token", tokenIn: "subprotocol", signals: false });
relay.addEventListener("message", ({ detail }) => detail.text.trim());
relay.addEventListener("frame", ({ detail }) => detail.action === "hello" && detail.client.trim());
relay.seen();
announceTyping(relay, document.createElement("p"), { text: "Ann is typing" })();
export const status: Status = relay.status;
export const answer: Promise<MessageStatus> = relay.send("hello");
export const frames: Frame[] = new TypingRhythm().key(0);

connect({ url, token: async ({ signal }) => (signal.aborted ? "token" : { url, token: "token" }) }).watch(box)();
connect({ url, token: "token", WebSocket }).addEventListener("error", ({ detail }) => detail.code === "connect_failed");

// @ts-expect-error: without a token nobody comes in.
attach(box, { url });
// @ts-expect-error: a token travels in the query or as a subprotocol.
attach(box, { url, token: "token", tokenIn: "header" });
attach(box, { url, token: "token", tokenIn: "query" }); // older pages
// @ts-expect-error: the client says how it stands, and nobody else.
relay.status = "open";
// @ts-expect-error: there is no such event.
relay.addEventListener("typing", () => {});
// @ts-expect-error: a text, not an event.
relay.send(new Event("submit"));

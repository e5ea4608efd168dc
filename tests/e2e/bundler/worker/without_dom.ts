// Compiled without `dom`: a worker, Node, React Native. Never run.
import { connect, type Reason, type Status } from "typing-relay";

declare const WebSocket: new (url: string, protocols?: string[]) => unknown;
const relay = connect({ url: "wss://RELAY/live", token: async ({ signal }) => (signal.aborted ? "a" : "b"), WebSocket });
relay.addEventListener("status", ({ detail }) => detail.status satisfies Status);
relay.addEventListener("message-status", ({ detail }) => (detail.reason === "expired" ? relay.key() : relay.stop()));
export const why: Reason = "unconfirmed";
// @ts-expect-error: no such reason.
export const not: Reason = "lost";

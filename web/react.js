import { useEffect, useRef, useState } from "react";
import { connect } from "./typing-relay.js";

/**
 * Connects while its component is mounted, and watches the text box of this ref, also when another one takes its place.
 * `token` may be another function at each render: the newest is asked. Another string is another connection.
 * `WebSocket`, such as a class that signs in, is taken when it connects.
 */
export function useTypingRelay(box, { url, token, tokenIn = "subprotocol", signals = true, WebSocket }) {
  const [relay, setRelay] = useState(null);
  const [status, setStatus] = useState("connecting");
  const [agentTyping, setAgentTyping] = useState(false);
  const [element, setElement] = useState(null);
  const newestToken = useRef(token);
  const newestSocket = useRef(WebSocket);
  const fixedToken = typeof token === "string" ? token : null;

  useEffect(() => {
    newestToken.current = token;
    newestSocket.current = WebSocket;
    setElement(box.current);
  });

  useEffect(() => {
    const connected = connect({
      url,
      token: (request) => (typeof newestToken.current === "function" ? newestToken.current(request) : newestToken.current),
      tokenIn,
      signals: false,
      WebSocket: newestSocket.current,
    });
    connected.addEventListener("status", ({ detail }) => setStatus(detail.status));
    connected.addEventListener("agent-typing", ({ detail }) => setAgentTyping(detail.typing));
    setStatus(connected.status);
    setRelay(connected);
    return () => connected.detach();
  }, [url, fixedToken, tokenIn]);

  useEffect(() => (element && relay ? relay.watch(element) : undefined), [relay, element]);
  useEffect(() => relay?.setSignals(signals), [relay, signals]);

  return { relay, status, agentTyping };
}

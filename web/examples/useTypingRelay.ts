import { useEffect, useRef, useState, type RefObject } from "react";
import { connect, type Options, type Status, type TypingRelay } from "typing-relay";

/**
 * Connects while its component is mounted, and watches the text box of this ref, also when another one takes its place.
 * `token` may be another function at each render: the newest is asked. Another string is another connection.
 */
export function useTypingRelay(
  box: RefObject<HTMLElement | null>,
  { url, token, tokenIn = "subprotocol", signals = true }: Options,
) {
  const [relay, setRelay] = useState<TypingRelay | null>(null);
  const [status, setStatus] = useState<Status>("connecting");
  const [agentTyping, setAgentTyping] = useState(false);
  const [element, setElement] = useState<HTMLElement | null>(null);
  const newestToken = useRef(token);
  const fixedToken = typeof token === "string" ? token : null;

  useEffect(() => {
    newestToken.current = token;
    setElement(box.current);
  });

  useEffect(() => {
    const connected = connect({
      url,
      token: (request) => (typeof newestToken.current === "function" ? newestToken.current(request) : newestToken.current),
      tokenIn,
      signals: false,
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

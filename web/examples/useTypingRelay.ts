import { useEffect, useState, type RefObject } from "react";
import { attach, type Options, type Status, type TypingRelay } from "typing-relay";

/**
 * Watches the text box of this ref while its component is mounted.
 * Keep the same `token` function from render to render: another one opens another connection.
 */
export function useTypingRelay(
  box: RefObject<HTMLElement | null>,
  { url, token, tokenIn = "query", signals = true }: Options,
) {
  const [relay, setRelay] = useState<TypingRelay | null>(null);
  const [status, setStatus] = useState<Status>("connecting");
  const [agentTyping, setAgentTyping] = useState(false);

  useEffect(() => {
    if (!box.current) return;
    const attached = attach(box.current, { url, token, tokenIn, signals: false });
    attached.addEventListener("status", ({ detail }) => setStatus(detail.status));
    attached.addEventListener("agent-typing", ({ detail }) => setAgentTyping(detail.typing));
    setStatus(attached.status);
    setRelay(attached);
    return () => attached.detach();
  }, [box, url, token, tokenIn]);

  useEffect(() => relay?.setSignals(signals), [relay, signals]);

  return { relay, status, agentTyping };
}

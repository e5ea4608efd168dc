import { useEffect, useRef, useState, type CSSProperties, type FormEvent } from "react";
import { announceTyping, type Options, type RelayEvents } from "typing-relay";
import { useTypingRelay } from "typing-relay/react";

/** Hidden from the eye, not from screen readers. */
const UNSEEN: CSSProperties = { position: "absolute", width: 1, height: 1, overflow: "hidden", clipPath: "inset(50%)" };

interface Props {
  url: string;
  token: Options["token"];
  onSend: (text: string) => void;
}

export function ChatBox({ url, token, onSend }: Props) {
  const box = useRef<HTMLTextAreaElement>(null);
  const announced = useRef<HTMLParagraphElement>(null);
  const [text, setText] = useState("");
  const [messages, setMessages] = useState<string[]>([]);
  const [signals, setSignals] = useState(true);
  const { relay, agentTyping } = useTypingRelay(box, { url, token, signals });

  useEffect(() => {
    const show = ({ detail }: RelayEvents["message"]) => setMessages((shown) => [...shown, detail.text]);
    relay?.addEventListener("message", show);
    return () => relay?.removeEventListener("message", show);
  }, [relay]);

  useEffect(() => (relay && announced.current ? announceTyping(relay, announced.current) : undefined), [relay]);

  function send(event: FormEvent) {
    event.preventDefault();
    onSend(text); // on Digital-First: relay.send(text)
    setText("");
  }

  return (
    <form onSubmit={send}>
      <div role="log" aria-label="Conversation">
        {messages.map((message, index) => (
          <p key={index}>{message}</p>
        ))}
      </div>
      {/* For the eye; for screen readers the next element tells it once, as this one changes too often. */}
      {agentTyping && <p aria-hidden>The agent is typing</p>}
      <p ref={announced} style={UNSEEN} />
      <label>
        Your message
        <textarea ref={box} value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      <button>Send</button>
      <label>
        <input type="checkbox" checked={signals} onChange={(event) => setSignals(event.target.checked)} />
        Let the agent see that I type
      </label>
    </form>
  );
}

import { useEffect, useRef, useState, type FormEvent } from "react";
import type { Options, RelayEvents } from "typing-relay";
import { useTypingRelay } from "./useTypingRelay";

interface Props {
  url: string;
  token: Options["token"];
  onSend: (text: string) => void;
}

export function ChatBox({ url, token, onSend }: Props) {
  const box = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState("");
  const [messages, setMessages] = useState<string[]>([]);
  const [signals, setSignals] = useState(true);
  const { relay, agentTyping } = useTypingRelay(box, { url, token, signals });

  useEffect(() => {
    const show = ({ detail }: RelayEvents["message"]) => setMessages((shown) => [...shown, detail.text]);
    relay?.addEventListener("message", show);
    return () => relay?.removeEventListener("message", show);
  }, [relay]);

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
      {/* Not announced: it changes too often. The message will be. */}
      {agentTyping && <p>The agent is typing</p>}
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

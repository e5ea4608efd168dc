import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ChatBox } from "./ChatBox";

async function token() {
  const answer = await fetch("/chat-token");
  if (!answer.ok) throw new Error("No token for this visitor");
  return answer.text();
}

createRoot(document.querySelector("#root")!).render(
  <StrictMode>
    <h1>Chat</h1>
    <ChatBox url="wss://RELAY/live" token={token} onSend={(text) => (document.title = `Sent: ${text}`)} />
  </StrictMode>,
);

// The page of worker/server.tsx comes to life: the same box, with the same properties.
import { hydrateRoot } from "react-dom/client";
import { ChatBox } from "./ChatBox";

async function token() {
  return (await fetch("/chat-token")).text();
}

const box = <ChatBox url="wss://RELAY/live" token={token} onSend={() => {}} />;
const said: string[] = [];
Object.assign(window, { said });
hydrateRoot(document.querySelector("#root")!, box, { onRecoverableError: (error) => said.push(String(error)) });

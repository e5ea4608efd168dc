// Renders the chat box as a server does, and says how many sockets that has made.
import { renderToString } from "react-dom/server";
import { ChatBox } from "../src/ChatBox";
import "typing-relay/element";

let sockets = 0;
globalThis.WebSocket = class {
  constructor() {
    sockets++;
  }
} as never;
const html = renderToString(<ChatBox url="wss://RELAY/live" token="token" onSend={() => {}} />);
console.log(JSON.stringify({ html, sockets }));

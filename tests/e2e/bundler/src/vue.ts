import { createApp, h } from "vue";
import ChatBox from "./ChatBox.vue";

async function token() {
  const answer = await fetch("/chat-token");
  if (!answer.ok) throw new Error("No token for this visitor");
  return answer.text();
}

createApp(() => [h("h1", "Chat"), h(ChatBox, { url: "wss://RELAY/live", token })]).mount("#root");

// NICE's chat SDK as a peer that a test works: one command a line on stdin, what comes of it a line on stdout.
//
//   node peer.mjs MODULES OPTIONS      MODULES: a folder with node_modules. OPTIONS: JSON, see tests/support/sdk_peer.py
//
// A command is {"id", "do", "arguments"}; it is answered by {"id", "result"} or {"id", "error"}. What the SDK tells by itself
// comes as {"event", "data"}: its chat events by their names, the socket's as open and close, its errors as error.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [modules, optionsAsJson] = process.argv.slice(2);
const require = createRequire(join(modules, "peer.mjs"));
const { JSDOM } = require("jsdom");

// The SDK is written for browsers. Of a browser it needs these; fetch is Node's, the WebSocket jsdom's (and so ws's).
const { window } = new JSDOM("", { url: "http://127.0.0.1/", pretendToBeVisual: false });
const borrowed = ["document", "navigator", "WebSocket", "Event", "EventTarget", "CustomEvent", "ErrorEvent", "CloseEvent", "FileReader"];
for (const name of borrowed) {
  Object.defineProperty(globalThis, name, { value: window[name], configurable: true, writable: true });
}
globalThis.window = globalThis.self = globalThis;
globalThis.addEventListener = window.addEventListener.bind(window);
globalThis.removeEventListener = window.removeEventListener.bind(window);
globalThis.crypto ??= require("node:crypto").webcrypto; // Node 18 has none

const { ChatSdk, ChatEvent, WebSocketClientEvent, getBrowserFingerprint } = require("@nice-devone/nice-cxone-chat-web-sdk");
const { threadId, secured, urls, hurry = 1, ...rest } = JSON.parse(optionsAsJson);

const { setTimeout: wait } = globalThis;
globalThis.setTimeout = (work, ms, ...given) => wait(work, ms >= 10_000 ? ms / hurry : ms, ...given);

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const sdk = new ChatSdk({
  ...rest,
  environment: "custom",
  customEnvironment: { name: "custom", ...urls },
  ...(secured ? { securedSession: secured } : {}),
  onError: (error) => tell({ event: "error", data: { name: error.name, message: error.message } }),
});

function listen() {
  for (const type of new Set(Object.values(ChatEvent))) {
    sdk.onChatEvent(type, ({ detail }) => tell({ event: type, data: detail.data }));
  }
  const socket = sdk.getWebsocketClient();
  socket.on(WebSocketClientEvent.OPEN, () => tell({ event: "open", data: null }));
  socket.on(WebSocketClientEvent.CLOSE, () => tell({ event: "close", data: null }));
}

const thread = () => sdk.getThread(threadId);

const commands = {
  connect: async () => {
    const connected = sdk.connect();
    listen(); // the client exists at once, its connection does not
    await connected;
  },
  authorize: () => sdk.authorize(rest.authorizationCode, rest.visitorId),
  channel: () => sdk.getChannelInfo(),
  availability: () => sdk.getChannelAvailability(),
  recover: () => (rest.isLivechat ? sdk.recoverLivechatThreadData(threadId) : sdk.recoverThreadData(threadId)),
  startChat: (text) => thread().startChat(text),
  sendText: (text, options) => thread().sendTextMessage(text, options),
  sendFile: (content, name, type) => thread().sendAttachments([new window.File([content], name, { type })]),
  sendPostback: (postback, text) => thread().sendPostbackMessage(postback, text),
  keystroke: (quietMs) => thread().keystroke(quietMs),
  stopTyping: () => thread().stopTyping(),
  setName: (name) => sdk.getCustomer().setName(name),
  setFields: (fields) => thread().setCustomFields(fields),
  seen: () => thread().lastMessageSeen(),
  loadMore: () => thread().loadMoreMessages(),
  messageToken: (url) => sdk.generateAuthorizationToken(threadId, url),
  sendTranscript: (contact, email) => thread().sendTranscript(contact, email),
  offlineMessage: (message) => sdk.sendOfflineMessage(message),
  fingerprint: (userAgent) => {
    Object.defineProperty(window.navigator, "userAgent", { value: userAgent, configurable: true });
    return getBrowserFingerprint();
  },
  endChat: () => thread().endChat(),
  archive: () => thread().archive(),
};

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { id, do: name, arguments: given } = JSON.parse(line);
    try {
      tell({ id, result: (await commands[name](...given)) ?? null });
    } catch (error) {
      tell({ id, error: `${error.name}: ${error.message}` });
    }
  })
  .on("close", () => process.exit(0));
tell({ event: "ready", data: null });

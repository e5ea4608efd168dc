/** A separate tab for a visitor, with only the chat. */

import { followFeed } from "./feed.js";
import { Model } from "./model.js";
import { followTheme } from "./theme.js";
import { VisitorChat, visitorOfThisPage } from "./visitor_chat.js";

const session = visitorOfThisPage();
const chat = new VisitorChat(document.getElementById("visitor"), session);
let model = new Model();

followTheme(document.getElementById("theme"));

followFeed({
  onEvents(events, isNewRun) {
    if (isNewRun) model = new Model();
    for (const event of events) model.takeEvent(event);
    chat.follow(model.stack);
    chat.takeMessages(model.visitor(session).messages);
    chat.showSocketLost(model.hasLostSocket(model.visitor(session)));
  },
  onLost() {}, // the chat shows the status of its own connection
});

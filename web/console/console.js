/** The console page: wires the feed and the visitors' own marks to the panels. */

import { AgentDesk } from "./agent_desk.js";
import { setText, showPlatform } from "./dom.js";
import { FaultPanel } from "./faults.js";
import { followFeed } from "./feed.js";
import { onMark } from "./marks.js";
import { Model } from "./model.js";
import { PlayerPanel } from "./player_panel.js";
import { followTheme } from "./theme.js";
import { TimelinePanel } from "./timeline_panel.js";
import { showTips } from "./tips.js";
import { VisitorChat, visitorOfThisPage } from "./visitor_chat.js";

const RENDER_MS = 250; // render at least this often: some values change with time alone

const session = visitorOfThisPage();
const panel = (id) => document.getElementById(id);

let model = new Model();
const chat = new VisitorChat(panel("visitor"), session);
const timeline = new TimelinePanel(panel("timeline"), model, session);
const desk = new AgentDesk(panel("agent"), model, session, (selected) => timeline.select(selected));
const faults = new FaultPanel(panel("faults"), () => model.visitor(desk.selected).record?.guest_id);
const player = new PlayerPanel(panel("player"));

followTheme(panel("theme"));
showTips(panel("timeline"));

followFeed({
  onEvents(events, isNewRun) {
    if (isNewRun) beginAnew();
    for (const event of events) model.takeEvent(event);
    if (events.some(({ kind, what }) => kind === "stack" || what === "settings")) followStack();
    renderSoon();
  },
  onLost() {
    showStackState("bad", "Console not reachable");
  },
});

onMark((mark) => {
  if (mark.type === "key") model.takeKey(mark);
  else if (mark.type === "choice") model.takeChoice(mark);
  else model.takeFrame(mark);
  renderSoon();
});

function beginAnew() {
  model = new Model();
  desk.useModel(model);
  timeline.useModel(model);
}

function followStack() {
  const { stack } = model;
  if (stack.running) showStackState("good", stack.platform === "dfo" ? "Live on Digital-First" : "Live");
  else showStackState("bad", "Stack stopped");
  if (stack.running) showPlatform(stack.platform);
  chat.follow(stack);
  player.follow(stack);
  faults.follow(stack);
}

function showStackState(tone, text) {
  const pill = panel("stack-state");
  pill.dataset.tone = tone;
  setText(pill, text);
  panel("how-to-start").hidden = tone === "good";
}

function showFailures() {
  const { failures } = model;
  const earlier = failures.length > 1 ? ` (and ${failures.length - 1} earlier, in the timeline’s table)` : "";
  panel("failures").hidden = failures.length === 0;
  setText(panel("failures"), failures.length ? `${failures.at(-1)}${earlier}` : "");
}

let rendering = false;

function renderSoon() {
  if (rendering) return;
  rendering = true;
  requestAnimationFrame(() => {
    rendering = false;
    showFailures();
    chat.takeMessages(model.visitor(session).messages);
    chat.showSocketLost(model.hasLostSocket(model.visitor(session)));
    desk.render();
    timeline.render();
  });
}

setInterval(renderSoon, RENDER_MS);

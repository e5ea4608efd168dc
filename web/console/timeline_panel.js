/** The timeline's controls: pause, zoom, the same events as a table, the counters. */

import { make, setText } from "./dom.js";
import { counters } from "./measures.js";
import { Timeline } from "./timeline.js";

const ZOOMS_S = [5, 10, 20, 30, 60, 120, 300];
const RENDER_MS = 500; // counters and table: often enough to read

export class TimelinePanel {
  #part;
  #model;
  #session;
  #timeline;
  #renderedAt = 0;

  constructor(root, model, session) {
    this.#part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.#timeline = new Timeline(root, () => this.#model, () => this.#session);
    this.useModel(model);
    this.select(session);
    const onClick = (name, act) => this.#part(name).addEventListener("click", act);
    onClick("pause", () => this.#pause());
    onClick("earlier", () => this.#timeline.pan(-0.25));
    onClick("later", () => this.#timeline.pan(0.25));
    onClick("zoom-in", () => this.#zoom(-1));
    onClick("zoom-out", () => this.#zoom(1));
    onClick("as-table", () => this.#showTable());
    this.#part("only").addEventListener("change", () => this.#renderTable());
    this.#zoom(0);
  }

  useModel(model) {
    this.#model = model;
    this.#renderedAt = 0;
  }

  select(session) {
    this.#session = session;
    setText(this.#part("name"), session);
    setText(this.#part("only-name"), session);
    this.#renderTable();
  }

  render() {
    if (Date.now() - this.#renderedAt < RENDER_MS) return;
    this.#renderedAt = Date.now();
    this.#renderCounters();
    setText(this.#part("why"), this.#model.whyUnseen(this.#model.visitor(this.#session)));
    if (this.#timeline.pausedAt === null) this.#renderTable();
  }

  #pause() {
    const paused = this.#timeline.pausedAt === null;
    this.#timeline.setPaused(paused);
    this.#part("pause").ariaPressed = String(paused);
    this.#part("earlier").disabled = this.#part("later").disabled = !paused;
  }

  #zoom(step) {
    const level = ZOOMS_S.indexOf(this.#timeline.windowMs / 1000) + step;
    this.#timeline.windowMs = ZOOMS_S[level] * 1000;
    this.#timeline.setPaused(this.#timeline.pausedAt !== null);
    this.#part("zoom-in").disabled = level === 0;
    this.#part("zoom-out").disabled = level === ZOOMS_S.length - 1;
    setText(this.#part("zoom"), `${ZOOMS_S[level]} s`);
  }

  #showTable() {
    const shows = this.#part("table").hidden;
    this.#part("table").hidden = !shows;
    this.#part("chart").hidden = shows;
    this.#part("as-table").ariaPressed = String(shows);
    this.#renderTable();
  }

  #renderCounters() {
    const numbers = counters(this.#model);
    const texts = {
      keys: numbers.keys,
      frames: numbers.frames,
      writes: numbers.writes,
      bursts: numbers.bursts,
      calls: numbers.calls,
      retries: numbers.retries,
      "calls-per-burst": numbers.callsPerBurst?.toFixed(1) ?? "–",
      "lag-to-true": numbers.lagToTrue === null ? "–" : `${Math.round(numbers.lagToTrue)} ms`,
      "lag-to-false": numbers.lagToFalse === null ? "–" : `${(numbers.lagToFalse / 1000).toFixed(2)} s`,
    };
    for (const [name, text] of Object.entries(texts)) setText(this.#part(name), String(text));
  }

  #renderTable() {
    if (this.#part("table").hidden) return;
    const only = this.#part("only").checked;
    const rows = this.#model.rows().filter(({ session }) => !only || session === null || session === this.#session);
    const cells = ({ at, session, what, detail }) => [timeOfDay(at), session ?? "", what, detail];
    this.#part("rows").replaceChildren(
      ...rows.reverse().map((row) => make("tr", {}, ...cells(row).map((text) => make("td", {}, text)))),
    );
  }
}

function timeOfDay(at) {
  const date = new Date(at);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

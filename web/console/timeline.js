/** Draws one visitor's lanes on a canvas. The lane names are HTML next to it and define the colours. */

import { callsOf, spans } from "./measures.js";

const STILL_MS = 1000; // with reduced motion the picture moves once a second
const PAUSED_MS = 250; // a paused picture is redrawn for a new size or theme
const LABEL_PX = 80; // between two times at the bottom
const GRID_S = [1, 2, 5, 10, 30, 60, 120];

export class Timeline {
  windowMs = 30_000;
  pausedAt = null;
  #canvas;
  #lanes;
  #getModel;
  #getSession;
  #drawnAt = 0;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(root, getModel, getSession) {
    this.#canvas = root.querySelector("canvas");
    this.#lanes = [...root.querySelectorAll("[data-lane]")];
    this.#getModel = getModel;
    this.#getSession = getSession;
    const frame = () => {
      this.#drawWhenDue();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** Pauses the picture, or lets it follow the time again. */
  setPaused(paused) {
    this.pausedAt = paused ? Date.now() : null;
    this.#drawnAt = 0;
  }

  /** Moves a paused picture by a part of its width. */
  pan(part) {
    this.pausedAt = Math.min(Date.now(), this.pausedAt + part * this.windowMs);
    this.#drawnAt = 0;
  }

  #drawWhenDue() {
    const now = Date.now();
    const onePixel = this.windowMs / this.#canvas.clientWidth;
    const every = this.pausedAt !== null ? PAUSED_MS : this.#calm.matches ? STILL_MS : onePixel;
    if (now - this.#drawnAt < every) return;
    this.#drawnAt = now;
    this.#draw(this.pausedAt ?? now, now);
  }

  #draw(to, now) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = devicePixelRatio;
    if (this.#canvas.width !== Math.round(width * scale)) this.#canvas.width = Math.round(width * scale);
    if (this.#canvas.height !== Math.round(height * scale)) this.#canvas.height = Math.round(height * scale);
    const ink = this.#canvas.getContext("2d");
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    ink.clearRect(0, 0, width, height);
    const x = (at) => width - ((to - at) / this.windowMs) * width;
    const picture = { ink, x, width, height, now, from: to - this.windowMs, to };
    this.#drawGrid(picture);
    this.#drawFaults(picture);
    this.#drawLanes(picture);
  }

  #drawGrid({ ink, x, from, to, width, height }) {
    const step = 1000 * GRID_S.find((s) => (s * 1000 * width) / this.windowMs >= LABEL_PX);
    ink.strokeStyle = styleOf(this.#canvas, "--grid");
    ink.fillStyle = getComputedStyle(this.#canvas).color;
    ink.font = `11px ${getComputedStyle(this.#canvas).fontFamily}`;
    ink.lineWidth = 1;
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      line(ink, x(at), 0, x(at), height - 16);
      if (x(at) < width - LABEL_PX / 2) ink.fillText(clockTime(at), x(at) + 3, height - 4);
    }
  }

  #drawFaults({ ink, x, from, to, height }) {
    ink.strokeStyle = ink.fillStyle = styleOf(this.#canvas, "--fault");
    ink.setLineDash([4, 3]);
    let free = -Infinity; // where the last name ended
    for (const { at, what } of this.#getModel().faults.filter(({ at }) => at >= from && at <= to)) {
      line(ink, x(at), 0, x(at), height - 16);
      const width = ink.measureText(what).width;
      const left = Math.min(x(at) + 4, x(to) - width - 4);
      if (left < free) continue; // the table has every name
      ink.fillText(what, left, 11);
      free = left + width + 6;
    }
    ink.setLineDash([]);
  }

  #drawLanes(picture) {
    const model = this.#getModel();
    const visitor = model.visitor(this.#getSession());
    const guests = visitor.guestIds.map((id) => model.guest(id));
    const draw = {
      keys: (lane) => marks(lane, visitor.keys, tick),
      frames: (lane) => marks(lane, visitor.frames, drawFrame),
      wanted: (lane) => bands(lane, visitor.wanted),
      calls: (lane) => marks(lane, callsOf(model, visitor), drawCall),
      shown: (lane) => bands(lane, visitor.accepted),
      messages: (lane) => marks(lane, visitor.messages, letter),
      reads: (lane) => guests.forEach((guest) => marks(lane, guest.reads, diamond)),
      agent: (lane) => guests.forEach((guest) => bands(lane, guest.typing)),
      socket: (lane) => guests.forEach((guest) => bands(lane, guest.socket)),
    };
    const top = this.#canvas.getBoundingClientRect().top;
    for (const label of this.#lanes.filter(({ hidden }) => !hidden)) {
      const box = label.getBoundingClientRect();
      const color = getComputedStyle(label.querySelector("i")).color;
      picture.ink.fillStyle = picture.ink.strokeStyle = color;
      draw[label.dataset.lane]({ ...picture, middle: box.top - top + box.height / 2, color, canvas: this.#canvas });
    }
  }
}

function marks(lane, items, drawOne) {
  for (let i = items.length - 1; i >= 0 && items[i].at >= lane.from; i--) {
    if (items[i].at <= lane.to) drawOne(lane, lane.x(items[i].at), items[i]);
  }
}

function bands({ ink, x, middle, from, to, now, width }, changes) {
  for (const [begin, end] of spans(changes, now)) {
    if (end < from || begin > to) continue;
    const left = Math.max(0, x(begin));
    const right = Math.min(width, x(end));
    ink.beginPath();
    ink.roundRect(left, middle - 5, Math.max(2, right - left), 10, 3);
    ink.fill();
  }
}

/** Short: the visitor opted out, and the key stays in their page. */
function tick({ ink, middle }, x, { silent }) {
  const half = silent ? 2 : 6;
  ink.fillRect(x - 0.75, middle - half, 1.5, 2 * half);
}

/** Filled: it started an owner. Hollow: it was coalesced. A square is a stop. */
function drawFrame({ ink, middle }, x, { action, woke }) {
  ink.lineWidth = 1.5;
  ink.beginPath();
  if (action === "stop") ink.rect(x - 4, middle - 4, 8, 8);
  else ink.arc(x, middle, 4.5, 0, 2 * Math.PI);
  if (woke) ink.fill();
  ink.stroke();
}

/** Up: true. Down: false. Filled when accepted; else hollow, in the fault colour, with its status. */
function drawCall({ ink, middle, color, canvas }, x, { value, status, accepted }) {
  const up = value ? -1 : 1;
  ink.fillStyle = ink.strokeStyle = accepted ? color : styleOf(canvas, "--fault");
  ink.beginPath();
  ink.moveTo(x - 5, middle - 4 * up);
  ink.lineTo(x + 5, middle - 4 * up);
  ink.lineTo(x, middle + 5 * up);
  ink.closePath();
  if (accepted) ink.fill();
  ink.stroke();
  if (!accepted) ink.fillText(String(status ?? "lost"), x + 7, middle + 4);
}

/** Filled: from the visitor. Hollow: from the agent. */
function letter({ ink, middle }, x, { from }) {
  ink.lineWidth = 1.5;
  ink.beginPath();
  ink.roundRect(x - 5, middle - 4, 10, 8, 2);
  if (from === "visitor") ink.fill();
  ink.stroke();
}

function diamond({ ink, middle }, x) {
  ink.beginPath();
  ink.moveTo(x, middle - 5);
  ink.lineTo(x + 5, middle);
  ink.lineTo(x, middle + 5);
  ink.lineTo(x - 5, middle);
  ink.closePath();
  ink.fill();
}

function line(ink, x1, y1, x2, y2) {
  ink.beginPath();
  ink.moveTo(x1, y1);
  ink.lineTo(x2, y2);
  ink.stroke();
}

function styleOf(element, name) {
  return getComputedStyle(element).getPropertyValue(name);
}

function clockTime(at) {
  return new Date(at).toTimeString().slice(0, 8);
}

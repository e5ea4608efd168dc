// When frames leave: the client's timing rules alone, without a browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { TypingRhythm } from "../../../web/typing-relay.js";

const DEBOUNCE_MS = 2000;
const HEARTBEAT_MS = 1000;

function connectedRhythm(timings) {
  const rhythm = new TypingRhythm();
  rhythm.connected(0, timings);
  return rhythm;
}

/** Plays key presses (times in ms) through a rhythm whose wake-ups are never late; returns [{at, ago_ms}]. */
function play(keys) {
  const rhythm = connectedRhythm();
  const frames = [];
  const keep = (at, frame) => frame && frames.push({ at, ...frame });
  for (const key of [...keys, Infinity]) {
    while (rhythm.wakeAt < key) {
      const at = rhythm.wakeAt;
      keep(at, rhythm.wake(at));
    }
    if (key < Infinity) keep(key, rhythm.key(key));
  }
  return frames;
}

const traces = readFileSync(new URL("../../data/typing.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line))
  .map(({ trace, gaps_ms }) => {
    const keys = [0];
    for (const gap of gaps_ms) keys.push(keys.at(-1) + gap);
    return { trace, keys };
  });

test("the first key leaves at once (T2)", () => {
  assert.deepEqual(connectedRhythm().key(5000), { action: "keystroke", ago_ms: 0 });
});

test("50 keys in 5 s make six frames, one a heartbeat, the last with its age", () => {
  const keys = Array.from({ length: 50 }, (_, i) => i * 100);
  assert.deepEqual(
    play(keys).map(({ at, ago_ms }) => [at, ago_ms]),
    [[0, 0], [1000, 0], [2000, 0], [3000, 0], [4000, 0], [5000, 100]],
  );
});

test("a lone second key waits for the heartbeat and tells its age", () => {
  assert.deepEqual(
    play([0, 300]).map(({ at, ago_ms }) => [at, ago_ms]),
    [[0, 0], [1000, 700]],
  );
});

test("nothing waits when every key has left", () => {
  const rhythm = connectedRhythm();
  rhythm.key(0);
  assert.equal(rhythm.wakeAt, Infinity);
});

test("a key that its timer let grow as old as the debounce never leaves (T5)", () => {
  const rhythm = connectedRhythm();
  rhythm.key(0);
  rhythm.key(500);
  assert.equal(rhythm.wake(2500), null);
});

test("ago_ms stays within the protocol's 2000 ms when the debounce is longer", () => {
  const rhythm = connectedRhythm({ debounce_ms: 5000, heartbeat_ms: 1000 });
  rhythm.key(0);
  rhythm.key(500);
  assert.equal(rhythm.wake(2500), null);
});

test("a stop takes back the key that has not left", () => {
  const rhythm = connectedRhythm();
  rhythm.key(0);
  rhythm.key(500);
  assert.deepEqual(rhythm.stop(600), { action: "stop" });
  assert.equal(rhythm.wakeAt, Infinity);
});

test("the first key after a stop leaves at once: it begins a burst (T2)", () => {
  const rhythm = connectedRhythm();
  rhythm.key(0);
  rhythm.stop(200);
  assert.deepEqual(rhythm.key(300), { action: "keystroke", ago_ms: 0 });
});

test("a second stop says nothing", () => {
  const rhythm = connectedRhythm();
  rhythm.key(0);
  rhythm.stop(200);
  assert.equal(rhythm.stop(300), null);
});

test("a stop after the debounce says nothing: the server has ended the burst itself", () => {
  const rhythm = connectedRhythm();
  rhythm.key(0);
  assert.equal(rhythm.stop(2000), null);
});

test("without a connection no frame leaves", () => {
  const rhythm = new TypingRhythm();
  assert.equal(rhythm.key(0), null);
  assert.equal(rhythm.wakeAt, Infinity);
  assert.equal(rhythm.stop(100), null);
});

test("a key pressed while connecting leaves with the welcome, when it is still fresh", () => {
  const rhythm = new TypingRhythm();
  rhythm.key(0);
  assert.deepEqual(rhythm.connected(400), { action: "keystroke", ago_ms: 400 });
});

test("keys pressed during an outage are not sent after it (T5)", () => {
  const rhythm = connectedRhythm();
  rhythm.disconnected();
  rhythm.key(1000);
  assert.equal(rhythm.connected(3000), null);
});

test("the server's timings replace the defaults", () => {
  const rhythm = connectedRhythm({ debounce_ms: 3000, heartbeat_ms: 1500 });
  rhythm.key(0);
  rhythm.key(100);
  assert.equal(rhythm.wakeAt, 1500);
});

test("timings that are missing or not positive numbers leave the defaults", () => {
  const rhythm = connectedRhythm({ heartbeat_ms: 0 });
  rhythm.key(0);
  rhythm.key(100);
  assert.equal(rhythm.wakeAt, HEARTBEAT_MS);
});

test("real typing: frames of one writer are never closer than a heartbeat", () => {
  for (const { trace, keys } of traces) {
    const frames = play(keys);
    for (let i = 1; i < frames.length; i++) assert.ok(frames[i].at - frames[i - 1].at >= HEARTBEAT_MS, trace);
  }
});

test("real typing: what the server learns has exactly the bursts that the keys have (T1, T3)", () => {
  const burstsOf = (times) => times.filter((at, i) => i === 0 || at - times[i - 1] >= DEBOUNCE_MS).length;
  let bursts = 0;
  for (const { trace, keys } of traces) {
    const frames = play(keys);
    let quietAt = -Infinity; // when the server would end the burst it knows of
    let learnt = 0;
    for (const { at, ago_ms } of frames) {
      if (at >= quietAt) learnt++;
      quietAt = at - ago_ms + DEBOUNCE_MS;
    }
    assert.equal(learnt, burstsOf(keys), trace);
    bursts += learnt;
  }
  assert.equal(bursts, 1461);
});

test("real typing: the server learns of the last key of each burst to the millisecond (T2)", () => {
  for (const { trace, keys } of traces) {
    const learnt = new Set(play(keys).map(({ at, ago_ms }) => at - ago_ms));
    const lastOfBurst = keys.filter((at, i) => i === keys.length - 1 || keys[i + 1] - at >= DEBOUNCE_MS);
    for (const at of lastOfBurst) assert.ok(learnt.has(at), `${trace} at ${at} ms`);
  }
});

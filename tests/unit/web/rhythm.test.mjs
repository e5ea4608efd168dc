// When frames leave: the client's timing rules alone, without a browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { TypingRhythm } from "../../../web/typing-relay.js";

const DEBOUNCE_MS = 2000;
const HEARTBEAT_MS = 1000;
const HOLD_MS = 6000;
const LEAST_SPARE_MS = 1000; // so long before its end a hold is renewed at the latest
const HOLDING = { debounce_ms: DEBOUNCE_MS, heartbeat_ms: HEARTBEAT_MS, hold_ms: HOLD_MS };
const keystroke = (ago_ms) => ({ action: "keystroke", ago_ms });
const held = (ago_ms) => ({ action: "keystroke", ago_ms, hold_ms: HOLD_MS });
const stop = (ago_ms) => ({ action: "stop", ago_ms });
// A key may be pressed in the very ms in which the debounce passes: it must not be the stop that counts.
const debounceStop = (late) => stop(late + 1);

function connectedRhythm(timings) {
  const rhythm = new TypingRhythm();
  rhythm.connected(0, timings);
  return rhythm;
}

/** Plays key presses (times in ms) through a rhythm; returns its frames, each with the time `at` which it left. */
function play(keys, timings, wakesAt = (due) => due) {
  const rhythm = connectedRhythm(timings);
  const frames = [];
  const keep = (at, sent) => frames.push(...sent.map((frame) => ({ at, ...frame })));
  for (const key of [...keys, Infinity]) {
    for (let at = wakesAt(rhythm.wakeAt); at < key; at = wakesAt(rhythm.wakeAt)) keep(at, rhythm.wake(at));
    if (key < Infinity) keep(key, rhythm.key(key));
  }
  return frames;
}

/** What a server that honours holds makes of the frames: the bursts [from, to], seen at its own pace (ms). */
function learntFrom(frames) {
  const bursts = [];
  let countsUntil = -Infinity;
  const end = (at) => countsUntil > -Infinity && bursts.at(-1).push(Math.min(at, countsUntil));
  for (const { at, action, ago_ms, hold_ms = 0 } of frames) {
    const told = at - ago_ms;
    if (action === "stop") {
      end(told + 1); // the ms before the debounce has passed
      countsUntil = -Infinity;
    } else {
      if (told >= countsUntil) {
        end(told);
        bursts.push([told]);
      }
      countsUntil = told + Math.max(DEBOUNCE_MS, hold_ms);
    }
  }
  end(Infinity);
  return bursts;
}

function burstsOf(keys) {
  const isFirst = (at, i) => i === 0 || at - keys[i - 1] >= DEBOUNCE_MS;
  const isLast = (at, i) => i === keys.length - 1 || keys[i + 1] - at >= DEBOUNCE_MS;
  const firsts = keys.filter(isFirst);
  return keys.filter(isLast).map((last, i) => [firsts[i], last + DEBOUNCE_MS]);
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
  assert.deepEqual(connectedRhythm().key(5000), [keystroke(0)]);
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
  assert.deepEqual(rhythm.wake(2500), []);
});

test("ago_ms stays within the protocol's 2000 ms when the debounce is longer", () => {
  const rhythm = connectedRhythm({ debounce_ms: 5000, heartbeat_ms: 1000 });
  rhythm.key(0);
  rhythm.key(500);
  assert.deepEqual(rhythm.wake(2500), []);
});

test("a stop takes back the key that has not left", () => {
  const rhythm = connectedRhythm();
  rhythm.key(0);
  rhythm.key(500);
  assert.deepEqual(rhythm.stop(600), [{ action: "stop" }]);
  assert.equal(rhythm.wakeAt, Infinity);
});

test("the first key after a stop leaves at once: it begins a burst (T2)", () => {
  const rhythm = connectedRhythm();
  rhythm.key(0);
  rhythm.stop(200);
  assert.deepEqual(rhythm.key(300), [keystroke(0)]);
});

test("a second stop says nothing", () => {
  const rhythm = connectedRhythm();
  rhythm.key(0);
  rhythm.stop(200);
  assert.deepEqual(rhythm.stop(300), []);
});

test("a stop after the debounce says nothing: the server has ended the burst itself", () => {
  const rhythm = connectedRhythm();
  rhythm.key(0);
  assert.deepEqual(rhythm.stop(2000), []);
});

test("without a connection no frame leaves", () => {
  const rhythm = new TypingRhythm();
  assert.deepEqual(rhythm.key(0), []);
  assert.equal(rhythm.wakeAt, Infinity);
  assert.deepEqual(rhythm.stop(100), []);
});

test("a key pressed while connecting leaves with the welcome, when it is still fresh", () => {
  const rhythm = new TypingRhythm();
  rhythm.key(0);
  assert.deepEqual(rhythm.connected(400), [keystroke(400)]);
});

test("keys pressed during an outage are not sent after it (T5)", () => {
  const rhythm = connectedRhythm();
  rhythm.disconnected();
  rhythm.key(1000);
  assert.deepEqual(rhythm.connected(3000), []);
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

test("real typing: what the server learns has exactly the bursts that the keys have (T1, T2, T3)", () => {
  let bursts = 0;
  for (const { trace, keys } of traces) {
    const learnt = learntFrom(play(keys));
    assert.deepEqual(learnt, burstsOf(keys), trace);
    bursts += learnt.length;
  }
  assert.equal(bursts, 1461);
});

// --- with a server that offers to hold keys

test("the first key leaves at once and asks to be held (T2)", () => {
  assert.deepEqual(connectedRhythm(HOLDING).key(5000), [held(0)]);
});

test("a second of typing is two frames: the first key, and a stop a debounce after the last (T2)", () => {
  const frames = play([0, 300, 600, 1000], HOLDING);
  assert.deepEqual(frames, [{ at: 0, ...held(0) }, { at: 3000, ...debounceStop(0) }]);
});

test("while typing goes on, the first key in a hold's last 2 s renews it", () => {
  const keys = Array.from({ length: 34 }, (_, i) => i * 300);
  assert.deepEqual(
    play(keys, HOLDING),
    [{ at: 0, ...held(0) }, { at: 4200, ...held(0) }, { at: 8400, ...held(0) }, { at: 11_900, ...debounceStop(0) }],
  );
});

test("where no key comes in time, the newest renews the hold a second before its end", () => {
  assert.deepEqual(
    play([0, 1900, 3700, 5500], HOLDING),
    [{ at: 0, ...held(0) }, { at: 5000, ...held(1300) }, { at: 7500, ...debounceStop(0) }],
  );
});

test("a stop of the visitor's is told as of now, whether the last key was told of or not", () => {
  for (const keys of [[0], [0, 500]]) {
    const rhythm = connectedRhythm(HOLDING);
    keys.forEach((at) => rhythm.key(at));
    assert.deepEqual(rhythm.stop(600), [stop(0)]);
    assert.equal(rhythm.wakeAt, Infinity);
  }
});

test("a stop that its timer tells of late says when it was: time decides, not arrival (T2)", () => {
  const rhythm = connectedRhythm(HOLDING);
  rhythm.key(0);
  rhythm.key(500);
  assert.equal(rhythm.wakeAt, 2500);
  assert.deepEqual(rhythm.wake(3700), [debounceStop(1200)]);
});

test("a visitor who leaves while the stop is late has stopped when the debounce had passed", () => {
  const rhythm = connectedRhythm(HOLDING);
  rhythm.key(0);
  assert.deepEqual(rhythm.stop(3000), [debounceStop(1000)]);
});

test("a key that is faster than a late stop comes after it, as a burst of its own (T1)", () => {
  const rhythm = connectedRhythm(HOLDING);
  rhythm.key(0);
  assert.deepEqual(rhythm.key(2700), [debounceStop(700), held(0)]);
});

test("a key in the very ms in which the debounce passes is later than the stop, and counts (T1)", () => {
  const rhythm = connectedRhythm(HOLDING);
  rhythm.key(0);
  const [stopFrame, keyFrame] = [...rhythm.wake(2000), ...rhythm.key(2000)];
  assert.ok(2000 - stopFrame.ago_ms < 2000 - keyFrame.ago_ms);
});

test("once the hold has ended there is nothing to stop", () => {
  const rhythm = connectedRhythm(HOLDING);
  rhythm.key(0);
  assert.deepEqual(rhythm.wake(6000), []);
  assert.equal(rhythm.wakeAt, Infinity);
  assert.deepEqual(rhythm.key(7000), [held(0)]);
});

test("a key takes the place of a renewal that is late (T3)", () => {
  const rhythm = connectedRhythm(HOLDING);
  for (const at of [0, 1900, 3800]) rhythm.key(at);
  assert.equal(rhythm.wakeAt, 5000);
  assert.deepEqual(rhythm.key(5700), [held(0)]);
});

test("a key older than ago_ms can say is told as old as it can: the stop will say when typing ended (T3)", () => {
  const rhythm = connectedRhythm({ ...HOLDING, debounce_ms: 5000 });
  rhythm.key(0);
  rhythm.key(1000);
  assert.deepEqual(rhythm.wake(5000), [held(2000)]);
  assert.deepEqual(rhythm.wake(6000), [debounceStop(0)]);
});

test("a hold that is hardly longer than the debounce makes no more frames than one a heartbeat", () => {
  const keys = Array.from({ length: 50 }, (_, i) => i * 100);
  const frames = play(keys, { ...HOLDING, hold_ms: 2001 });
  for (let i = 1; i < frames.length - 1; i++) assert.ok(frames[i].at - frames[i - 1].at >= HEARTBEAT_MS);
});

test("once a connection is lost there is nothing to stop: the server has ended it", () => {
  const rhythm = connectedRhythm(HOLDING);
  rhythm.key(0);
  rhythm.disconnected();
  assert.deepEqual(rhythm.stop(400), []);
});

test("on the next connection nothing of the last one's hold is stopped", () => {
  const rhythm = connectedRhythm(HOLDING);
  rhythm.key(0);
  rhythm.disconnected();
  assert.deepEqual(rhythm.connected(500, HOLDING), []);
  assert.deepEqual(rhythm.stop(600), []);
});

test("a key pressed while connecting is held from when it was pressed", () => {
  const rhythm = new TypingRhythm();
  rhythm.key(0);
  assert.deepEqual(rhythm.connected(400, HOLDING), [held(400)]);
  assert.equal(rhythm.wakeAt, DEBOUNCE_MS);
});

test("a server that offers no hold any more gets plain frames", () => {
  const rhythm = connectedRhythm(HOLDING);
  rhythm.disconnected();
  rhythm.connected(100, { debounce_ms: DEBOUNCE_MS, heartbeat_ms: HEARTBEAT_MS });
  assert.deepEqual(rhythm.key(200), [keystroke(0)]);
  assert.deepEqual(rhythm.stop(300), [{ action: "stop" }]);
});

test("real typing, held: the server learns exactly the bursts that the keys have (T1, T2, T3)", () => {
  for (const { trace, keys } of traces) assert.deepEqual(learntFrom(play(keys, HOLDING)), burstsOf(keys), trace);
});

for (const [what, wakesAt] of Object.entries({
  "once a second": (due) => Math.ceil(due / 1000) * 1000,
  "once a minute": (due) => Math.ceil(due / 60_000) * 60_000,
  never: () => Infinity,
})) {
  test(`real typing, held, its timers run ${what}: no burst ends early, none is shown beyond its hold (T3)`, () => {
    for (const { trace, keys } of traces) {
      const learnt = learntFrom(play(keys, HOLDING, wakesAt));
      const real = burstsOf(keys);
      assert.deepEqual(learnt.map(([from]) => from), real.map(([from]) => from), trace);
      learnt.forEach(([, to], i) => {
        assert.ok(to >= real[i][1] && to <= real[i][1] - DEBOUNCE_MS + HOLD_MS, `${trace}, burst ${i}`);
      });
    }
  });
}

test("real typing, held: each renewal leaves a second before the hold's end", () => {
  for (const { trace, keys } of traces) {
    let endsAt = -Infinity;
    for (const { at, action, ago_ms } of play(keys, HOLDING)) {
      const isRenewal = endsAt > -Infinity && action === "keystroke";
      if (isRenewal) assert.ok(endsAt - at >= LEAST_SPARE_MS, `${trace} at ${at}`);
      endsAt = action === "stop" ? -Infinity : at - ago_ms + HOLD_MS;
    }
  }
});

test("real typing, held: 3.9 frames a burst, where a frame a heartbeat makes 10.1", () => {
  const frames = (timings) => traces.reduce((sum, { keys }) => sum + play(keys, timings).length, 0);
  assert.equal(frames(HOLDING), 5681); // as local/playing/rhythm.py has it
  assert.equal(frames(), 14_713);
});

test("real typing: the server learns of the last key of each burst to the millisecond (T2)", () => {
  for (const { trace, keys } of traces) {
    const learnt = new Set(play(keys).map(({ at, ago_ms }) => at - ago_ms));
    const lastOfBurst = keys.filter((at, i) => i === keys.length - 1 || keys[i + 1] - at >= DEBOUNCE_MS);
    for (const at of lastOfBurst) assert.ok(learnt.has(at), `${trace} at ${at} ms`);
  }
});

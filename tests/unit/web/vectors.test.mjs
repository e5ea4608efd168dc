// The vectors that clients in any language prove themselves on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { TypingRhythm } from "../../../web/typing-relay.js";

const { vectors } = JSON.parse(readFileSync(new URL("../../../web/rhythm-vectors.json", import.meta.url)));

const NEVER = [Infinity, Infinity];

function play({ timings, keys, hidden = Infinity, asleep: [from, until] = NEVER, offline: [lost, back] = NEVER }) {
  const rhythm = new TypingRhythm();
  const sent = [];
  const keep = (at, frames) => sent.push(...frames.map((frame) => ({ at, ...frame })));
  const wakesAt = () => (rhythm.wakeAt >= from ? Math.max(rhythm.wakeAt, until) : rhythm.wakeAt);
  keep(0, rhythm.connected(0, timings));
  const happenings = [...keys.map((at) => [at, "key"]), [hidden, "stop"], [lost, "lose"], [back, "connect"]];
  const happens = {
    key: (at) => rhythm.key(at),
    stop: (at) => rhythm.stop(at),
    lose: () => rhythm.disconnected() ?? [],
    connect: (at) => rhythm.connected(at, timings),
  };
  happenings.sort(([a], [b]) => a - b);
  for (const [then, what] of happenings) {
    for (let at = wakesAt(); at < then && at < Infinity; at = wakesAt()) keep(at, rhythm.wake(at));
    if (then < Infinity) keep(then, happens[what](then));
  }
  for (let at = wakesAt(); at < Infinity; at = wakesAt()) keep(at, rhythm.wake(at));
  return sent;
}

for (const vector of vectors) {
  test(`vector: ${vector.name}`, () => {
    assert.deepEqual(play(vector), vector.frames);
  });
}

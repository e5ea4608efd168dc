// Whatever happens, in whatever order: what tests/unit/web/misfortune.mjs says holds. FUZZ_SEEDS=5000 tries more worlds,
// FUZZ_SEED=17 that one alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./misfortune.mjs";

const STEPS = 250;
const [FIRST, SEEDS] = process.env.FUZZ_SEED ? [Number(process.env.FUZZ_SEED), 1] : [1, Number(process.env.FUZZ_SEEDS ?? 200)];

/** The world of this seed, with its globals in place of Node's; they are put back. */
async function inTheWorldOf(seed, play) {
  const world = new World(seed);
  const mine = { ...world.globals(), Date: Object.assign(Object.create(Date), { now: () => world.wall }) };
  const before = Object.keys(mine).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  const { random } = Math;
  const { nextTick } = process;
  Math.random = world.random;
  // A tick later, Node throws what a listener has thrown.
  process.nextTick = (then) => {
    try {
      then();
    } catch (error) {
      world.thrown ??= error;
    }
  };
  for (const [name, value] of Object.entries(mine)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  try {
    await play(world);
  } catch (error) {
    throw new Error(`FUZZ_SEED=${seed}: ${error.message}\n${world.log.slice(-40).join("\n")}`, { cause: error });
  } finally {
    Math.random = random;
    process.nextTick = nextTick;
    for (const [name, was] of before) {
      if (was) Object.defineProperty(globalThis, name, was);
      else delete globalThis[name];
    }
  }
}

test("whatever happens to a client, it keeps its word and throws nothing", async () => {
  let frames = 0;
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    await inTheWorldOf(seed, async (world) => {
      world.begin();
      for (let step = 0; step < STEPS && !world.isDetached; step++) await world.step();
      for (let step = 0; step < 20 && world.isDetached; step++) await world.step();
      if (!world.isDetached) await world.ends();
      frames += world.sockets.reduce((sum, { sent }) => sum + sent.length, 0);
    });
  }
  assert.ok(frames > SEEDS * 5, "hardly anything has happened");
});

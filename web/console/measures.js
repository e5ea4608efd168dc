/** Computes counters, lags and spans from the console's model. Pure; times in ms. */

import { DEBOUNCE_MS } from "./model.js";

const CLOCKS_MS = 50; // how much this page and the client may differ on when the debounce had passed

/**
 * The numbers above the timeline, of the visitors whose keys this page saw, from the first key on.
 * `calls` are all that count for the rate limit, GETs too. Lags are medians in ms, null while there is none.
 */
export function counters(model) {
  const visitors = [...model.visitors.values()].filter(({ keyCount }) => keyCount);
  const sum = (of) => visitors.reduce((total, visitor) => total + of(visitor), 0);
  const sinceFirstKey = (of) => visitors.flatMap((visitor) => {
    const { first = Infinity } = visitor.bursts[0] ?? {}; // those who opted out begin no burst
    return of(model, visitor).filter(({ at }) => at >= first);
  });
  const posts = sinceFirstKey(callsOf);
  const calls = posts.length + sinceFirstKey(readsOf).length;
  const bursts = sum((visitor) => visitor.bursts.length);
  const lags = visitors.map((visitor) => lagsOf(visitor, callsOf(model, visitor)));
  return {
    keys: sum((visitor) => visitor.keyCount),
    frames: sum((visitor) => visitor.frameCount),
    writes: sum((visitor) => visitor.writeCount),
    bursts,
    calls,
    retries: posts.filter((call) => !call.accepted).length,
    callsPerBurst: bursts ? calls / bursts : null,
    lagToTrue: median(lags.flatMap((lag) => lag.toTrue)),
    lagToFalse: median(lags.flatMap((lag) => lag.toFalse)),
  };
}

/** From each burst's first key to `true`, and from its last key to `false` unless the visitor ended it sooner. */
export function lagsOf({ bursts }, calls) {
  const toTrue = [];
  const toFalse = [];
  bursts.forEach(({ first, last, stoppedAt = Infinity }, i) => {
    const end = bursts[i + 1]?.first ?? Infinity;
    const taken = calls.filter(({ accepted, at }) => accepted && at >= first && at < end);
    const on = taken.find(({ value }) => value);
    if (!on) return;
    toTrue.push(on.at - first);
    const off = taken.find(({ value, at }) => !value && at >= Math.max(last, on.at));
    if (off && stoppedAt - last >= DEBOUNCE_MS - CLOCKS_MS) toFalse.push(off.at - last);
  });
  return { toTrue, toFalse };
}

/** All typing calls for a visitor, in order, whichever guest session they went to. */
export function callsOf(model, visitor) {
  return visitor.guestIds.flatMap((id) => model.guest(id).calls);
}

/** All questions to CXone about what it shows for a visitor. */
export function readsOf(model, visitor) {
  return visitor.guestIds.flatMap((id) => model.guest(id).reads);
}

/** The spans [from, to] in which a list of changes {at, value} holds true, up to `now`. */
export function spans(changes, now) {
  const result = [];
  changes.forEach(({ at, value }, i) => value && result.push([at, changes[i + 1]?.at ?? now]));
  return result;
}

function median(numbers) {
  if (!numbers.length) return null;
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

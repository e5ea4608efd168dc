"""One visitor sends keys and stops in turn: another one's first key until CXone has it, with and without."""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from local.playing.visitor import now_ms
from local.stack.stack import Stack
from tests.support.relay_stage import Actor, RelayStage, repeat

GAPS_MS = (50, 200, 400)
FLURRY_S, ROUNDS = 6.0, 3
#: A person's bursts are further apart than this; T17 lets one signal out a second.
BURST_EVERY_S = 1.2
#: What must hold: calls in a flurry, and how much later than in a quiet time the other one's first key is shown.
MOST_CALLS, MOST_RATIO = 20, 1.2


def main() -> None:
    """Play and print. SystemExit when a flurry caused too many calls, or was felt by the other visitor."""
    print(f"{ROUNDS} flurries of {FLURRY_S:.0f} s each, and as many quiet times; first key to accepted `true`, in ms")
    print("gap (ms)  calls a flurry  quiet: median  max   beside it: median  max   ratio of medians")
    with Stack(as_newest=False, senders=10) as stack:
        stage = RelayStage(stack)
        with Actor(stage, "beside") as beside:
            _first_keys(beside)  # nobody's first time
            wrong = [text for gap_ms in GAPS_MS for text in verdict(gap_ms, *_compare(stage, beside, gap_ms))]
    if wrong:
        sys.exit("\n".join(wrong))


def verdict(gap_ms: int, calls: int, ratio: float) -> list[str]:
    """What is wrong with a flurry at this gap, if anything."""
    found = []
    if calls > MOST_CALLS:
        found.append(f"At {gap_ms} ms CXone was called {calls} times; at most {MOST_CALLS} are promised.")
    if ratio > MOST_RATIO:
        found.append(
            f"At {gap_ms} ms the other visitor's first key took {ratio:.2f} times as long; {MOST_RATIO} may be."
        )
    return found


def _compare(stage: RelayStage, beside: Actor, gap_ms: int) -> tuple[int, float]:
    """The most calls of a flurry, and the ratio of the medians, loud to quiet."""
    quiet: list[float] = []
    loud: list[float] = []
    calls: list[int] = []
    for number in range(ROUNDS):
        quiet += _first_keys(beside)
        with Actor(stage, f"flurry-{gap_ms}-{number}") as flurry:
            with _flurry(flurry, gap_ms):
                loud += _first_keys(beside)
            flurry.stop()
            flurry.settles()
            calls.append(sum(event["kind"] == "typing" for event in flurry.events()))
    before, after = statistics.median(quiet), statistics.median(loud)
    print(
        f"{gap_ms:8}  {max(calls):14}  {before:13.0f}  {max(quiet):4.0f}  {after:17.0f}  {max(loud):4.0f}"
        f"   {after / before:16.2f}"
    )
    return max(calls), after / before


@contextmanager
def _flurry(actor: Actor, gap_ms: int) -> Iterator[None]:
    over, turns = threading.Event(), iter(range(10**6))

    def alternate() -> None:
        actor.stop() if next(turns) % 2 else actor.key()

    thread = threading.Thread(target=repeat, args=(over, gap_ms / 1000, alternate), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _first_keys(actor: Actor) -> list[float]:
    """Bursts of one key, for as long as a flurry lasts: how long each took to be accepted."""
    took, until = [], time.monotonic() + FLURRY_S
    while time.monotonic() < until:
        began, pressed = time.monotonic(), now_ms()
        actor.key()
        took.append(actor.waits_for_post(True)["at"] - pressed)
        actor.stop()
        actor.waits_for_post(False)
        time.sleep(max(0.0, BURST_EVERY_S - (time.monotonic() - began)))
    return took

"""Random histories of visitors who send any frames in any order, as fast as the door lets them (T17, T18)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from tests.simulation.generate import RETRY_AFTERS, with_faults
from tests.simulation.history import Act, Fault, History, Turn

#: Gaps between frames: at the door's sustained rate, all at once, and slower.
GAPS = (0, 5, 20, 50, 50, 50, 100, 200, 400, 700)
#: Frames of one flurry, and how long after it the last word may come.
LENGTHS = (8, 20, 40, 80)
REST_MS = (0, 150, 400, 900, 2_100)
HOLDS = (0, 0, 0, 2_100, 6_000)
KINDS = ("key stop", "key stop", "key stop stop", "key close", "key stop open close")
#: On Digital-First also messages, as many at once and then each so long as a visitor has a budget for.
DFO_KINDS = (*KINDS, "key stop message", "key message")
MESSAGES_AT_ONCE, MESSAGE_EVERY_MS = 10, 500
#: While DynamoDB throttles, so many of a stretch of steps are turned away: the frame is dropped where it stands.
THROTTLED_STEPS, THROTTLED = 200, (3, 10, 40)
AWAY = (300, 1_100, 2_500)


def random_adversary(random: Random) -> History:
    """One history, of either platform: flurries, then a last word; in half of them CXone, or the store, refuses."""
    is_dfo = random.random() < 0.2
    acts = list(_flurries(random, DFO_KINDS if is_dfo else KINDS))
    history = History(
        dfo=is_dfo,
        acts=tuple(acts),
        pace=random.choice((1, 3, 5, 8)),
        sweep=random.randrange(4_000),
        skew=random.choice((0, 0, 0, 30)),
    )
    return _troubled(history, random) if random.random() < 0.5 else history


def _troubled(history: History, random: Random) -> History:
    until = history.acts[-1].at
    if history.dfo:
        turn = Turn("store refuses", random.randrange(until + 500), random.choice(AWAY))
        return replace(history, turns=(turn,))
    calls = {random.randint(1, 8): Fault("throttled", random.choice(RETRY_AFTERS)) for _ in range(3)}
    if random.random() < 0.5:
        return with_faults(history, {"call": calls})
    first = random.randint(1, 3 * len(history.acts))
    steps = {first + random.randrange(THROTTLED_STEPS): Fault("crash") for _ in range(random.choice(THROTTLED))}
    return with_faults(history, {"step": steps} | ({"call": calls} if random.random() < 0.3 else {}))


def _flurries(random: Random, all_kinds: tuple[str, ...]) -> Iterator[Act]:
    at, hold = random.randrange(500), random.choice(HOLDS)  # different holds in one tab: see what is not promised
    messages = 0
    for _ in range(random.choice((1, 1, 2))):
        gap = random.choice(GAPS)
        tabs, kinds = random.choice(("A", "A", "AB", "ABC")), random.choice(all_kinds)
        alternates = random.random() < 0.5
        for number in range(random.choice(LENGTHS)):
            words = kinds.split()
            kind = words[number % len(words)] if alternates else random.choice(words)
            yield Act(kind, random.choice(tabs), at, hold=hold if kind == "key" else 0)
            messages += kind == "message"
            waits = kind == "message" and messages > MESSAGES_AT_ONCE
            at += MESSAGE_EVERY_MS if waits else gap if random.random() < 0.9 else random.choice(GAPS)
        at += random.choice(REST_MS)
        last = Act(random.choice(("key", "stop")), random.choice(tabs), at)
        yield replace(last, hold=hold if last.kind == "key" else 0)
        at += random.choice((100, 2_500, 9_000))

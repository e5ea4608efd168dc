"""Random histories of visitors who send any frames in any order, as fast as the door lets them (T17, T18)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from tests.simulation.generate import RETRY_AFTERS, with_faults
from tests.simulation.history import Act, Fault, History

#: Gaps between frames: at the door's sustained rate, all at once, and slower.
GAPS = (0, 5, 20, 50, 50, 50, 100, 200, 400, 700)
#: Frames of one flurry, and how long after it the last word may come.
LENGTHS = (8, 20, 40, 80)
REST_MS = (0, 150, 400, 900, 2_100)
HOLDS = (0, 0, 0, 2_100, 6_000)


def random_adversary(random: Random) -> History:
    """One history, of either platform: flurries, then a last word; in one of three CXone, or the store, refuses."""
    acts = list(_flurries(random))
    history = History(
        dfo=random.random() < 0.2,
        acts=tuple(acts),
        pace=random.choice((1, 3, 5, 8)),
        sweep=random.randrange(4_000),
        skew=random.choice((0, 0, 0, 30)),
    )
    if history.dfo or random.random() < 0.66:
        return history
    calls = {random.randint(1, 8): Fault("throttled", random.choice(RETRY_AFTERS)) for _ in range(3)}
    return with_faults(history, {"call": calls})


def _flurries(random: Random) -> Iterator[Act]:
    at, hold = random.randrange(500), random.choice(HOLDS)  # different holds in one tab: see what is not promised
    for _ in range(random.choice((1, 1, 2))):
        gap = random.choice(GAPS)
        tabs, kinds = random.choice(("A", "A", "AB", "ABC")), random.choice(("key stop", "key stop stop", "key close"))
        alternates = random.random() < 0.5
        for number in range(random.choice(LENGTHS)):
            kind = kinds.split()[number % 2] if alternates else random.choice(kinds.split())
            yield Act(kind, random.choice(tabs), at, hold=hold if kind == "key" else 0)
            at += gap if random.random() < 0.9 else random.choice(GAPS)
        at += random.choice(REST_MS)
        last = Act(random.choice(("key", "stop")), random.choice(tabs), at)
        yield replace(last, hold=hold if last.kind == "key" else 0)
        at += random.choice((100, 2_500, 9_000))

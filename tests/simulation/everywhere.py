"""Short Digital-First stories with each fault at each step, start and frame, and each turn at each moment.

Keepers are the product's own objects, which cannot be set back to an earlier state as the explorer's worlds can. So a
story is played once to see what it consists of, and then anew for each thing that may go wrong there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.history import DFO_FAULTS, DFO_TURNS, Fault, History, Turn, parse
from tests.simulation.runner import play

#: Typing from its first key to its end; by a stop, with two tabs, with a message, with nobody to see it yet.
STORIES = (
    "platform dfo; key A 0; key A 900",
    "platform dfo; key A 0; stop A 500; key A 700",
    "platform dfo; key A 0 hold=6000; key B 300; stop A 900",
    "platform dfo; key A 0; message A 400; key A 500",
    "platform dfo; contact none; key A 0; message B 100; key A 200",
    "platform dfo; guest none; contact none; open A 0; message A 10; key A 300",
    "platform dfo; key A 0; agent types 10; agent writes 300; agent writes 320; open C 400; agent types 500;"
    " agent stops 900",
)
#: A code signs the visitor in; what it brought is refreshed; the page is asked for another.
OF_CODES = (
    "platform dfo; guest none; contact none; open A 0; message A 10; key A 300; page 1; code 40000",
    "platform dfo; key A 33900; message A 34400; page 1; code 40000; shapes 512",
    "platform dfo; key A 33900; message A 34400; page 1; code 40000; token 40000; shapes 2048",
)
#: What may last this long: less than a call, more than one, more than a lock.
LENGTHS = {
    **{"stall": (900, 9_000), "hold": (900, 3_300, 9_000), "freeze": (900, 4_000, 9_000, 36_000), "again": (0, 900)},
    **{"slow": (2_500,), "ghost": (300, 2_500)},
}
LASTING = {
    "keeper stalls": (2_500, 31_000, 36_000),
    "gateway refuses": (2_500,),
    "store refuses": (300, 2_500),
    "posts refuse": (2_500,),
}
#: A moment for each few steps of the story, from its first act on.
MOMENTS = range(0, 3_200, 25)


def histories(story: str, every: int = 1) -> Iterator[History]:
    """Of ``story``, each with one thing that goes wrong; ``every``: a sample, one of this many."""
    yield from list(_histories(parse(story)))[::every]


def _histories(story: History) -> Iterator[History]:
    counts = play(story).numbers
    for name, kinds in DFO_FAULTS.items():
        for number in range(1, counts[name] + 1):
            for kind in kinds:
                for ms in LENGTHS.get(kind, (0,)):
                    yield replace(story, **{name + "s": {number: Fault(kind, ms)}})
    for turn in DFO_TURNS:
        for moment in MOMENTS:
            at = story.acts[0].at + moment
            for ms in LASTING.get(turn, (0,)):
                yield replace(story, turns=(*story.turns, Turn(turn, at, ms)))

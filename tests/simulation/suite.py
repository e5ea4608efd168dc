"""The proof in small: enough to find each deliberate mutation, in seconds. What CI runs in full is in the tests."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.simulation.campaign import finding_of
from tests.simulation.explorer import explore
from tests.simulation.generate import random_history
from tests.simulation.history import History, parse
from tests.simulation.invariants import Violated
from tests.simulation.regressions import DIRECTED, REGRESSIONS
from tests.simulation.runner import play
from tests.simulation.scenarios import SMALL

#: By default; of these the explorer's scenarios come after the first.
HISTORIES, FIRST_HISTORIES = 4_000, 300


def first_finding(histories: int = HISTORIES) -> str | None:
    """What is wrong with the relay, or None. ``histories``: how many random ones, seeds 0 and following."""
    for found in _findings(histories):
        if found:
            return found
    return None


def _findings(histories: int) -> Iterator[str | None]:
    yield from (_judge(parse(regression.history)) for regression in REGRESSIONS)
    yield from (_judge(parse(history)) for history in DIRECTED)
    yield from (_judge(random_history(Random(seed))) for seed in range(FIRST_HISTORIES))
    for scenario in SMALL:
        violation = explore(scenario).violation
        yield f"{violation} [explored: {scenario.name}]" if violation else None
    yield from (_judge(random_history(Random(seed))) for seed in range(FIRST_HISTORIES, histories))


def _judge(history: History) -> str | None:
    try:
        play(history)
    except Violated as violated:
        finding = finding_of(history, violated)
        return f"{finding.text} [{finding.history}]"
    return None

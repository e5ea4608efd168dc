"""The proof in small: enough to find each deliberate mutation, in seconds. What CI runs in full is in the tests.

A history is told as it was found: to shrink it takes longer than to find it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from random import Random
from typing import Any

from tests.simulation import everywhere, fleet_history
from tests.simulation.campaign import PLATFORMS, SHARES
from tests.simulation.explorer import explore
from tests.simulation.history import parse
from tests.simulation.invariants import Violated
from tests.simulation.regressions import DIRECTED, REGRESSIONS
from tests.simulation.regressions_fleet import FLEETS
from tests.simulation.runner import play
from tests.simulation.scenarios import SMALL

#: By default; of these the explorer's scenarios come after the first.
HISTORIES, FIRST_HISTORIES = 4_000, 300
#: Of the Digital-First stories with a fault everywhere, one in this many.
SAMPLE = 20


def first_finding(histories: int = HISTORIES, platform: str = "") -> str | None:
    """What is wrong with the relay, or None.

    ``histories``: how many random ones, seeds 0 and following; of both platforms and of fleets unless one is named.
    """
    findings = {
        "v1": _of_v1,
        "dfo": _of_digital_first,
        "fleet": _of_fleets,
        "adversary": _of_adversaries,
        "neighbours": _of_neighbours,
        "codes": _of_codes,
    }
    for one in [platform] if platform else findings:
        share = histories if platform else histories // SHARES[one]
        known = map(parsed, (*(regression.history for regression in (*REGRESSIONS, *FLEETS)), *DIRECTED))
        judged = (_judge(history) for history in known if platform_of(history) == one)
        found = next(filter(None, chain(judged, findings[one](share))), None)
        if found:
            return found
    return None


def parsed(text: str) -> Any:
    """A history or a fleet's."""
    return fleet_history.parse(text) if text.lstrip().startswith("fleet") else parse(text)


def platform_of(history: Any) -> str:
    """v1, dfo or fleet."""
    if isinstance(history, fleet_history.FleetHistory):
        return "fleet"
    return "dfo" if history.dfo else "v1"


def _of_fleets(histories: int) -> Iterator[str | None]:
    yield from _random("fleet", range(histories))


def _of_adversaries(histories: int) -> Iterator[str | None]:
    yield from _random("adversary", range(histories))


def _of_neighbours(histories: int) -> Iterator[str | None]:
    yield from _random("neighbours", range(histories))


def _of_codes(histories: int) -> Iterator[str | None]:
    for story in everywhere.OF_CODES:
        yield _judge(parse(story))
        yield from (_judge(history) for history in everywhere.histories(story, every=SAMPLE))
    yield from _random("codes", range(histories))


def _of_v1(histories: int) -> Iterator[str | None]:
    yield from _random("v1", range(FIRST_HISTORIES))
    for scenario in SMALL:
        violation = explore(scenario).violation
        yield f"{violation} [explored: {scenario.name}]" if violation else None
    yield from _random("v1", range(FIRST_HISTORIES, histories))


def _of_digital_first(histories: int) -> Iterator[str | None]:
    yield from _random("dfo", range(min(FIRST_HISTORIES, histories)))
    for story in everywhere.STORIES:
        yield from (_judge(history) for history in everywhere.histories(story, every=SAMPLE))
    yield from _random("dfo", range(FIRST_HISTORIES, histories))


def _random(platform: str, seeds: range) -> Iterator[str | None]:
    yield from (_judge(PLATFORMS[platform](Random(seed))) for seed in seeds)


def _judge(history: Any) -> str | None:
    try:
        play(history)
    except Violated as violated:
        return f"{violated} [played: {history}]"
    return None

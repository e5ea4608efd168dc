"""Many random histories, on all cores: how fast they went and the first violation, shrunk."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.simulation.generate import random_history, shrink
from tests.simulation.generate_adversary import random_adversary
from tests.simulation.generate_codes import random_code_history
from tests.simulation.generate_dfo import random_dfo_history
from tests.simulation.generate_fleet import random_fleet
from tests.simulation.invariants import Violated
from tests.simulation.neighbours import random_neighbours
from tests.simulation.runner import play

BATCH = 500
#: Worlds come and go whole: to look for their garbage all the time costs a tenth of the time.
MANY_OBJECTS = 200_000
#: Of each platform, webchat v1 and Digital-First, and of fleets of both, where its random histories come from.
PLATFORMS: dict[str, Callable[[Random], Any]] = {
    "v1": random_history,
    "dfo": random_dfo_history,
    "fleet": random_fleet,
    "adversary": random_adversary,
    "neighbours": random_neighbours,
    "codes": random_code_history,
}
#: One Digital-First history, and one fleet, for this many histories of v1: each takes more time.
DFO_SHARE, FLEET_SHARE, ADVERSARY_SHARE, NEIGHBOURS_SHARE, CODES_SHARE = 5, 20, 5, 50, 50
SHARES = {
    "v1": 1,
    "dfo": DFO_SHARE,
    "fleet": FLEET_SHARE,
    "adversary": ADVERSARY_SHARE,
    "neighbours": NEIGHBOURS_SHARE,
    "codes": CODES_SHARE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A history that violates a clause, as short as it could be made."""

    clause: str
    text: str
    history: str

    def __str__(self) -> str:
        replay = f"python -m tests.simulation replay '{self.history}'"
        return f"{self.text}\n  {self.history}\nReplay: {replay}"


@dataclass(frozen=True, slots=True)
class Campaign:
    """What a run of histories came to."""

    platform: str
    histories: int
    effects: int
    seconds: float
    #: Of all processes together: what does not depend on who else uses the machine.
    cpu_seconds: float
    finding: Finding | None

    def __str__(self) -> str:
        rate, cpu_rate = self.histories / self.seconds, self.histories / self.cpu_seconds
        return (
            f"{self.platform}: {self.histories:,} histories, {self.effects:,} effects in {self.seconds:.0f} s:"
            f" {rate:,.0f} histories a second, {cpu_rate:,.0f} a second of CPU time; {self.finding or 'no violation'}"
        )


def run(platform: str, histories: int, seed: int = 0, processes: int = 2) -> Campaign:
    """Histories number ``seed`` and following of a platform; stops at the first violation."""
    began, played, effects, cpu = time.perf_counter(), 0, 0, 0.0
    batches = [(platform, first, past) for first, past in _batches(seed, histories)]
    with ProcessPoolExecutor(processes) as pool:
        results = pool.map(_play_batch, *zip(*batches, strict=True))
        for (_, first, past), (more, seconds, finding) in zip(batches, results, strict=True):
            played, effects, cpu = played + past - first, effects + more, cpu + seconds
            if finding:
                pool.shutdown(cancel_futures=True)
                return Campaign(platform, played, effects, time.perf_counter() - began, cpu, finding)
    return Campaign(platform, played, effects, time.perf_counter() - began, cpu, None)


def collect_seldom() -> None:
    """From now on this process looks for garbage seldom, and never at what it has by now."""
    gc.freeze()
    gc.set_threshold(MANY_OBJECTS)


def _batches(seed: int, histories: int) -> Iterator[tuple[int, int]]:
    end = seed + histories
    for first in range(seed, end, BATCH):
        yield first, min(first + BATCH, end)


def _play_batch(platform: str, first: int, past: int) -> tuple[int, float, Finding | None]:
    """The effects, the seconds of CPU time, and the first violation."""
    effects, began = 0, time.process_time()
    collect_seldom()
    logging.getLogger("typing_relay").setLevel(logging.CRITICAL)
    for seed in range(first, past):
        history = PLATFORMS[platform](Random(seed))
        try:
            effects += play(history).numbers["step"]
        except Violated as violated:
            return effects, time.process_time() - began, finding_of(history, violated)
    return effects, time.process_time() - began, None


def finding_of(history: Any, violated: Violated) -> Finding:
    """The shortest history of the same violation."""
    shortest = shrink(history, lambda candidate: clause_violated(candidate) == violated.clause)
    try:
        play(shortest)
    except Violated as again:
        return Finding(again.clause, str(again), str(shortest))
    raise AssertionError("a history violates a clause at one time and not at another: it is not deterministic")


def clause_violated(history: Any) -> str | None:
    """Which clause ``history`` violates, if any."""
    try:
        play(history)
    except Violated as violated:
        return violated.clause
    return None

"""The relay by each kind of client and platform, and its peers: what each came to on all the rhythms there are."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from typing_relay.relay.burst import Policy
from typing_relay.relay.effects import Latency

from local.playing.rhythm import bursts, frames_due, key_times
from tests.cost.log_lines import line_bytes
from tests.cost.model import Model
from tests.cost.played import Relay

TRACES = Path(__file__).parents[1] / "data/typing.jsonl"
HEARTBEAT_MS, HOLD_MS = 1000, 6000
HELD, PLAIN, GATEWAY = "held keys", "plain frames", "Digital-First"
FRAME_A_KEY, POST_A_KEY = "a frame a key", "a POST a key"
#: Not a column: the first one with half the memory for the sender.
HALVED = "held keys, sender halved"


@dataclass(frozen=True)
class Kind:
    """Which frames are sent to which platform."""

    heartbeat_ms: int
    hold_ms: int = 0
    verifies: bool = True
    model: Model = field(default_factory=Model)


KINDS = {
    HELD: Kind(HEARTBEAT_MS, HOLD_MS),
    PLAIN: Kind(HEARTBEAT_MS),
    GATEWAY: Kind(HEARTBEAT_MS, HOLD_MS, verifies=False),
    FRAME_A_KEY: Kind(0),
    HALVED: Kind(HEARTBEAT_MS, HOLD_MS, model=Model(halved="Sender")),
}


@dataclass(frozen=True)
class Typing:
    """All typing: how many people, keys and bursts, and for how long (ms) bursts lasted, and people were there."""

    people: int
    keys: int
    bursts: int
    typed_ms: int
    there_ms: int


@dataclass(frozen=True)
class Column:
    """What ``typing`` came to. ``exact``: of how many people each burst was one true and one false (T1). ``parks``: its
    bursts are parked, so that keepers find their leases.
    """

    typing: Typing
    counts: Counter[str]
    exact: int
    felt: dict[str, list[int]]
    model: Model = field(default_factory=Model)
    parks: bool = False

    @cached_property
    def billed(self) -> dict[str, float]:
        """What is paid for, by the names of ``PRICES``, of one burst."""
        gb_ms = (self.a_burst(f"{name} ms") * self.model.memory_mb(name) / 1024 for name in ("Keystroke", "Sender"))
        same = ("messages", "executions", "express_gb_s", "write_units", "read_units", "log_bytes")
        return {
            **{name: self.a_burst(name) for name in same},
            "connection_minutes": self.typing.typed_ms / self.typing.bursts / 60_000,
            "calls": self.a_burst("Keystroke calls", "Sender calls"),
            "lambda_gb_s": sum(gb_ms) / 1000,
        }

    def a_burst(self, *what: str) -> float:
        """How many of these a burst, together."""
        return sum(self.counts[name] for name in what) / self.typing.bursts

    def at_once(self, function: str, typists: int = 1000) -> int:
        """Environments of ``function`` while this many type: calls a second times their length (Little's law)."""
        return math.ceil(typists * self.counts[f"{function} ms"] / self.typing.typed_ms)

    def bursts_a_second(self, typists: int = 1000) -> float:
        """While this many people type."""
        return typists / (self.typing.typed_ms / self.typing.bursts / 1000)

    def a_second(self, *what: str, typists: int = 1000) -> float:
        """How many of these a second while this many people type."""
        return self.a_burst(*what) * self.bursts_a_second(typists)

    def median_felt(self, metric: str) -> float:
        """As the relay measured it, in ms of the model."""
        return statistics.median(self.felt[metric])


def rhythms() -> list[list[int]]:
    """When each person pressed keys (ms)."""
    return [key_times(json.loads(line)["gaps_ms"]) for line in TRACES.read_text().splitlines()]


@cache
def columns() -> Mapping[str, Column]:
    """All of them; each on a core of its own, as far as there are any."""
    line_bytes()  # once, before the others are forked
    with ProcessPoolExecutor() as pool:
        played = dict(zip(KINDS, pool.map(play, KINDS.values()), strict=True))
    return {**played, POST_A_KEY: post_a_key(played[HELD].typing)}


def play(kind: Kind) -> Column:
    """Everybody, one after the other."""
    policy, counts, exact = Policy(verifies=kind.verifies, parks=kind.verifies), Counter[str](), 0
    felt: dict[str, list[int]] = {Latency.FIRST_KEY_TO_SHOWN: [], Latency.LAST_KEY_TO_ENDED: []}
    people = rhythms()
    for keys in people:
        played = Relay(policy, kind.model).play(frames_due(keys, kind.heartbeat_ms, kind.hold_ms))
        counts.update(played.counts)
        exact += [typing for _, typing in played.told] == [True, False] * len(bursts(keys, policy.debounce_ms))
        for metric, ms in played.felt:
            felt[metric].append(ms)
    return Column(typing_of(people, policy), counts, exact, felt, kind.model, policy.parks and bool(kind.hold_ms))


def typing_of(people: list[list[int]], policy: Policy) -> Typing:
    """Of all of them together."""
    found = [burst for keys in people for burst in bursts(keys, policy.debounce_ms)]
    return Typing(
        people=len(people),
        keys=sum(map(len, people)),
        bursts=len(found),
        typed_ms=sum(last - first for first, last in found),
        there_ms=sum(keys[-1] for keys in people),
    )


def post_a_key(typing: Typing) -> Column:
    """No store and no state: a frame and a POST for each key, and one more when the page says that typing is over."""
    model, calls = Model(), typing.keys + typing.bursts
    ms = model.on_cpu("Keystroke", model.invocation_cpu + model.call_cpu) + model.cxone
    counts = Counter(
        {
            "frames": calls,
            "messages": calls,
            "Keystroke calls": calls,
            "Keystroke ms": calls * math.ceil(ms),
            "POSTs": calls,
            "log_bytes": calls * line_bytes()["true"],
        }
    )
    return Column(typing, counts, 0, {})

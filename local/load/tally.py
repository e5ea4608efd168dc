"""Latency and counts of all visitors together, collected while they are connected. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

CONNECT, WELCOME, GUEST, MESSAGE, PING = (
    "connect",
    "hello → welcome",
    "hello → guest open",
    "message → accepted",
    "ping → pong",
)
SHOWN, ENDED = "first key → agent sees", "stop → agent sees"
#: How late this machine sent frames that were due.
LATE = "frames left late"
LAGS = (CONNECT, WELCOME, GUEST, MESSAGE, PING, SHOWN, ENDED)


@dataclass
class Tally:
    """``lags`` in ms by name, ``sent`` and ``received`` frames by kind, ``errors`` by kind."""

    lags: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sent: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    came: int = 0
    let_in: int = 0
    here: int = 0
    most_here: int = 0
    visited_s: float = 0.0
    #: Session -> when it could type, once for each connection, epoch ms.
    ready: dict[str, list[int]] = field(default_factory=dict)
    #: Session -> (first, last key) of each burst that was typed, epoch ms.
    typed: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def enters(self) -> None:
        """One more visitor is connected."""
        self.let_in += 1
        self.here += 1
        self.most_here = max(self.most_here, self.here)

    def leaves(self, after_s: float) -> None:
        """One has disconnected, ``after_s`` after connecting."""
        self.here -= 1
        self.visited_s += after_s

    @property
    def bursts(self) -> int:
        """The number of bursts of all visitors."""
        return sum(map(len, self.typed.values()))


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that ``share`` of ``values`` (at least one) do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]

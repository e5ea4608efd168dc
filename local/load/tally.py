"""What all visitors together have felt, counted while they are there. Pure."""

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
#: How late this machine itself sent what was due.
LATE = "frames left late"
FELT = (CONNECT, WELCOME, GUEST, MESSAGE, PING, SHOWN, ENDED)


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
    #: Session -> (first, last key) of each burst that was typed, epoch ms.
    typed: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def enters(self) -> None:
        """One more is here."""
        self.let_in += 1
        self.here += 1
        self.most_here = max(self.most_here, self.here)

    def leaves(self, after_s: float) -> None:
        """One has gone, ``after_s`` after coming in."""
        self.here -= 1
        self.visited_s += after_s

    @property
    def bursts(self) -> int:
        """Of all visitors."""
        return sum(map(len, self.typed.values()))


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that ``share`` of ``values`` (one at least) do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]

"""What agents saw of bursts: how long after the first key and after the stop, by CXone's times. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass
class Seen:
    """All visitors together: ``shown`` and ``ended`` in ms after first key and stop.

    ``missed``: bursts without their own indicator: two bursts with a pause just above the debounce may be shown as one
    (T1), and a burst that ends before it could be shown never is (T5). ``left_on``: visitors who are still shown.
    """

    shown: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    missed: int = 0
    left_on: int = 0

    def add(self, bursts: Sequence[tuple[int, int]], told: Iterable[tuple[float, bool]], debounce_ms: int) -> None:
        """Add one visitor: (first, last key) of each burst, and what CXone accepted: when, and which value."""
        changes = [*_changes(told), (None, False)]
        self.left_on += len(changes) % 2 == 0
        times = [(on, off) for (on, value), (off, _) in pairwise(changes) if value and on is not None]
        own = [
            next((time for time in times if first <= time[0] < limit), None)
            for (first, _), (limit, _) in pairwise([*bursts, (float("inf"), 0)])
        ]
        nobody_follows = (0.0, 0.0)
        for (first, last), mine, following in zip(bursts, own, [*own[1:], nobody_follows], strict=False):
            if mine is None:
                self.missed += 1
                continue
            on, off = mine
            self.shown.append(on - first)
            if off is not None and following is not None:
                self.ended.append(off - last - debounce_ms)


def _changes(told: Iterable[tuple[float, bool]]) -> Iterable[tuple[float | None, bool]]:
    """The changes only: repeated values are left out. The first value is False."""
    before = False
    for at, value in told:
        if value != before:
            yield at, value
        before = value

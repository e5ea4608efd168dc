"""Whether a figure that was measured again and again grows, and its small picture. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

BARS = "▁▂▃▄▅▆▇█"


@dataclass
class Series:
    """Measured at ``times`` (s, rising). ``may_grow``: by this much it may differ without that being a trend.

    None: whatever it does is shown, and not judged.
    """

    name: str
    unit: str
    may_grow: float | None
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, at: float, value: float) -> None:
        """One more measurement."""
        self.times.append(at)
        self.values.append(value)

    @property
    def lasted_s(self) -> float:
        """From the first measurement to the last."""
        return self.times[-1] - self.times[0] if self.times else 0.0

    def growth(self) -> float:
        """How much the median of its last third is above that of its middle third: 0 for what merely goes up and down.

        The first third is warm-up. 0 where there are fewer than six measurements.
        """
        if len(self.values) < 6:
            return 0.0
        third = len(self.values) // 3
        middle, last = self.values[third : 2 * third], self.values[2 * third :]
        return statistics.median(last) - statistics.median(middle)

    def grows(self) -> bool:
        """It has a trend upwards."""
        return self.may_grow is not None and self.growth() > self.may_grow

    def picture(self, width: int) -> str:
        """Its course, at most ``width`` characters: the highest value of each part, between its least and its most."""
        parts = _parts(self.values, width)
        least, most = min(parts, default=0.0), max(parts, default=0.0)
        span = (most - least) or 1.0
        return "".join(BARS[round((value - least) / span * (len(BARS) - 1))] for value in parts)


def _parts(values: Sequence[float], width: int) -> list[float]:
    count = min(width, len(values))
    edges = [round(number * len(values) / count) for number in range(count + 1)] if count else [0]
    return [max(values[begin:end]) for begin, end in pairwise(edges)]

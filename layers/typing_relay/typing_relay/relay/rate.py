"""How often something may happen: a number at once, and then one in each interval (T17). Pure.

What was spent is one number, ``until`` (epoch ms): each spending moves it an interval further, from now on at least.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """``at_once`` may happen together; after that one more each ``every_ms``."""

    at_once: int
    every_ms: int

    def spend(self, until: int, now: int) -> int:
        """What ``until`` is after one more at ``now``. Whether that was allowed is not asked."""
        return max(until, now) + self.every_ms

    def free_at(self, until: int) -> int:
        """From when on (epoch ms) one more is allowed; long past where nothing was spent lately."""
        return until - (self.at_once - 1) * self.every_ms

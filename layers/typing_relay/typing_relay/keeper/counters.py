"""What a keeper counts, for its metrics. Touched by the loop's thread only."""

from __future__ import annotations

from collections import Counter


class Counters:
    """Counts since they were last taken."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1) -> None:
        """Count something that happened."""
        self._counts[name] += count

    def take(self) -> dict[str, int]:
        """The counts so far; counting begins anew."""
        counts, self._counts = self._counts, Counter()
        return dict(counts)

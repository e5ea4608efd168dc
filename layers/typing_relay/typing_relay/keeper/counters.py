"""What a keeper counts, for its metrics. Touched by the loop's thread only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


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


def accepted_percent(counts: Mapping[str, int]) -> float | None:
    """How many of 100 typing frames the gateway accepted; None where none were sent.

    No visitor moves this figure (T18): one that the visitor's own message ended was accepted, and where the visitor has
    just ended the conversation none was sent.
    """
    calls = sum(count for name, count in counts.items() if name.startswith("Typing.") and name != "Typing.not_yet")
    accepted = counts.get("Typing.accepted", 0) + counts.get("Typing.ended", 0)
    return 100 * accepted / calls if calls else None

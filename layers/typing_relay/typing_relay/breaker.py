"""When CXone throttles the whole organisation, not one guest: new ``true`` signals pause. Pure.

``false`` signals go on, each at its own guest's pace, so what CXone still takes is theirs: no indicator is left on for
the sake of a new one. A process sees only its own calls, so it judges by their share and tells the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from typing_relay.cxone.outcomes import Kind, Outcome

WINDOW_MS = 10_000
#: So many different guests in trouble, and at least this share of the calls: not one guest's own limit.
MIN_GUESTS = 5
MIN_SHARE = 0.5
SHORTEST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Call:
    """One finished call to CXone."""

    at: int
    guest_id: str
    outcome: Outcome

    def is_trouble(self) -> bool:
        """CXone refused it for load, or failed."""
        return self.outcome.kind in (Kind.THROTTLED, Kind.FAILED)


def recent(calls: Sequence[Call], now: int) -> tuple[Call, ...]:
    """The calls that still count at ``now`` (ms)."""
    return tuple(call for call in calls if now - call.at < WINDOW_MS)


def pause_ms(calls: Sequence[Call], now: int) -> int:
    """How long new ``true`` signals should pause, judged by ``calls``; 0 in fair weather."""
    counted = recent(calls, now)
    troubled = [call for call in counted if call.is_trouble()]
    if len({call.guest_id for call in troubled}) < MIN_GUESTS or len(troubled) < MIN_SHARE * len(counted):
        return 0
    asked = max(call.outcome.retry_after_ms for call in troubled)
    return min(max(asked, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS)

"""When CXone is in trouble for the whole organisation, not one guest: new ``true`` signals and questions pause. Pure.

``false`` signals go on, each at its own guest's pace, so what CXone still takes is theirs: no indicator is left on for
the sake of a new one. After the pause sessions come back one after the other; if the trouble is still there, the few
that came first find out for all, and the next pause is twice as long.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from typing_relay.relay.outcomes import Kind, Outcome

#: All processes together count their calls in windows of this length.
WINDOW_MS = 10_000
#: So many different guests in trouble, and at least this share of the reported calls: not one guest's own limit, nor
#: the third of calls that fails in rough weather while some that went well are not reported yet.
MIN_GUESTS = 5
MIN_SHARE = 0.75
#: Guests are told apart by so many buckets: now and then two count as one, and the set that all share stays small.
BUCKETS = 256
SHORTEST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 60_000
#: After a pause the sessions come back spread over so long.
RETURN_MS = 5_000


@dataclass(frozen=True, slots=True)
class Tally:
    """The calls of one window, as far as they are reported."""

    calls: int = 0
    troubled_calls: int = 0
    #: Buckets of the guests in trouble, and so no more than BUCKETS however many there are.
    troubled_guests: frozenset[int] = frozenset()
    #: The sum of what the troubled calls' Retry-After asked for, each counted up to the longest pause.
    asked_ms: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """The newest pause: when it is over (epoch ms), and how many before it followed one another."""

    calm_at: int = 0
    in_a_row: int = 0


def window_of(now: int) -> int:
    """When the window that ``now`` (ms) belongs to began."""
    return now - now % WINDOW_MS


def is_trouble(outcome: Outcome) -> bool:
    """CXone refused the call for load, failed, or did not answer."""
    return outcome.kind in (Kind.THROTTLED, Kind.FAILED, Kind.LOST)


def tally_of(guest_id: str, outcome: Outcome) -> Tally:
    """One call."""
    if not is_trouble(outcome):
        return Tally(calls=1)
    return Tally(
        1, 1, frozenset({zlib.crc32(guest_id.encode()) % BUCKETS}), min(outcome.retry_after_ms, LONGEST_PAUSE_MS)
    )


def added(one: Tally, other: Tally) -> Tally:
    """Both together."""
    return Tally(
        one.calls + other.calls,
        one.troubled_calls + other.troubled_calls,
        one.troubled_guests | other.troubled_guests,
        one.asked_ms + other.asked_ms,
    )


def is_stormy(tally: Tally) -> bool:
    """Most calls fail, and not those of a few guests."""
    return len(tally.troubled_guests) >= MIN_GUESTS and tally.troubled_calls >= MIN_SHARE * tally.calls


def next_pause(tally: Tally, before: Pause, now: int) -> Pause:
    """The pause that begins ``now`` (ms), in a storm: as long as CXone asked, longer if the last one was too short."""
    follows = now - before.calm_at < RETURN_MS + WINDOW_MS
    in_a_row = before.in_a_row + 1 if follows else 0
    asked = tally.asked_ms // max(1, tally.troubled_calls)
    length = max(asked, SHORTEST_PAUSE_MS * 2 ** min(in_a_row, 10))
    return Pause(now + min(length, LONGEST_PAUSE_MS), in_a_row)


def turn_ms(session_id: str) -> int:
    """How long after the end of a pause it is this session's turn: not all at once."""
    return zlib.crc32(session_id.encode()) % RETURN_MS

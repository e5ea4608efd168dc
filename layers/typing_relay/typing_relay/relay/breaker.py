"""A circuit breaker. While CXone fails for the whole organisation, new ``true`` signals and questions pause. Pure.

``false`` signals go on, each with its own guest's delays, so whatever capacity CXone has left goes to them: no
indicator stays on for the sake of a new one. After the pause sessions resume one after the other. If CXone still fails,
the first few find out for all, and the next pause is twice as long.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from typing_relay.relay.outcomes import Kind, Outcome

#: All processes together count their calls in windows of this length.
WINDOW_MS = 10_000
#: The breaker opens at this many different guests in trouble and this share of failed calls. One guest's own rate limit
#: stays below, and so does a third of failing calls while not all successful ones are reported yet.
MIN_GUESTS = 5
MIN_SHARE = 0.75
#: Guests are counted by hash bucket. Two may share one, but the set that all processes share stays small.
BUCKETS = 256
SHORTEST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 60_000
#: After a pause the sessions resume spread over this window.
RETURN_MS = 5_000


@dataclass(frozen=True, slots=True)
class Tally:
    """The reported calls of one window."""

    calls: int = 0
    troubled_calls: int = 0
    #: Hash buckets of the guests in trouble.
    troubled_guests: frozenset[int] = frozenset()
    #: The sum of the troubled calls' Retry-After, each capped at the longest pause.
    asked_ms: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """The newest pause: when it ends (epoch ms), and how many earlier ones it directly followed."""

    until: int = 0
    in_a_row: int = 0


def window_of(now: int) -> int:
    """When the window that contains ``now`` (ms) began."""
    return now - now % WINDOW_MS


def is_trouble(outcome: Outcome) -> bool:
    """CXone throttled the call, failed, or did not answer."""
    return outcome.kind in (Kind.THROTTLED, Kind.FAILED, Kind.LOST)


def tally_of(guest_id: str, outcome: Outcome) -> Tally:
    """The tally of one call."""
    if not is_trouble(outcome):
        return Tally(calls=1)
    return Tally(
        1, 1, frozenset({zlib.crc32(guest_id.encode()) % BUCKETS}), min(outcome.retry_after_ms, LONGEST_PAUSE_MS)
    )


def added(one: Tally, other: Tally) -> Tally:
    """The sum of both."""
    return Tally(
        one.calls + other.calls,
        one.troubled_calls + other.troubled_calls,
        one.troubled_guests | other.troubled_guests,
        one.asked_ms + other.asked_ms,
    )


def must_open(tally: Tally) -> bool:
    """Most calls fail, and not only those of a few guests: the breaker opens."""
    return len(tally.troubled_guests) >= MIN_GUESTS and tally.troubled_calls >= MIN_SHARE * tally.calls


def next_pause(tally: Tally, before: Pause, now: int) -> Pause:
    """The pause that begins ``now`` (ms) when the breaker opens.

    As long as CXone asks on average, and twice as long as the last one when it directly follows that.
    """
    follows = now - before.until < RETURN_MS + WINDOW_MS
    in_a_row = before.in_a_row + 1 if follows else 0
    asked = tally.asked_ms // max(1, tally.troubled_calls)
    length = max(asked, SHORTEST_PAUSE_MS * 2 ** min(in_a_row, 10))
    return Pause(now + min(length, LONGEST_PAUSE_MS), in_a_row)


def turn_ms(session_id: str) -> int:
    """How long after the end of a pause this session resumes, in ms: spread, so that not all resume at once."""
    return zlib.crc32(session_id.encode()) % RETURN_MS

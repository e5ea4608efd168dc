"""T17 in numbers: how much CXone may hear of one session, told without the core's own rules."""

from __future__ import annotations

from collections.abc import Sequence

#: CXone hears ``true`` this many times at once, and once more a second.
TRUES_AT_ONCE, TRUE_EVERY_MS = 4, 1_000
#: A visitor's frames start this many owners at once, and one more each half second.
STARTS_AT_ONCE, START_EVERY_MS = 8, 500
#: How long after the last frame the agent sees what is true: a refused ``true`` comes a second later.
TRUE_AGAIN_MS = 1_600


def are_too_many(times: Sequence[int], at_once: int, every_ms: int, slack_ms: int = 0) -> bool:
    """Whether in any stretch of time up to the last of ``times`` (ms, in order) there are more than are allowed."""
    if not times:
        return False
    last = times[-1]
    return any((len(times) - index - at_once) * every_ms > last - at + slack_ms for index, at in enumerate(times))


def were_ever_too_many(times: Sequence[int], at_once: int, every_ms: int) -> bool:
    """The same of any stretch of time."""
    times = sorted(times)
    return any(are_too_many(times[: end + 1], at_once, every_ms) for end in range(len(times)))

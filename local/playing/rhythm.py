"""How a front end sends: the first key at once, then at most one frame a heartbeat, the last one late. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class FrameDue:
    """A keystroke frame leaves at ``at`` (ms), ``ago`` ms after the newest key."""

    at: int
    ago: int


def key_times(gaps_ms: Iterable[int], start: int = 0) -> list[int]:
    """When each key is pressed (ms): the first at ``start``, the others after their gaps."""
    return list(accumulate(gaps_ms, initial=start))


def frames_due(keys: Iterable[int], heartbeat_ms: int) -> Iterator[FrameDue]:
    """The frames of a visitor who presses ``keys`` (ms, ascending)."""
    newest, next_at = 0, 0
    is_waiting = False
    for key in keys:
        if is_waiting and next_at <= key:
            yield FrameDue(next_at, next_at - newest)
            is_waiting, next_at = False, next_at + heartbeat_ms
        newest = key
        if not is_waiting:
            if key >= next_at:
                yield FrameDue(key, 0)
                next_at = key + heartbeat_ms
            else:
                is_waiting = True
    if is_waiting:
        yield FrameDue(next_at, next_at - newest)


def bursts(keys: Iterable[int], debounce_ms: int) -> list[tuple[int, int]]:
    """(first key, last key) of each burst (ms): a gap of the debounce or more ends one (T1)."""
    found: list[tuple[int, int]] = []
    for key in keys:
        if found and key - found[-1][1] < debounce_ms:
            found[-1] = (found[-1][0], key)
        else:
            found.append((key, key))
    return found

"""When a front end sends which frame: the rules of web/typing-relay.js, with timers that are never late. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

MAX_AGO_MS = 2000
#: A key in the last 2 s of a hold renews it; without one, a timer renews it for the newest key.
SPARE_MS, LEAST_SPARE_MS = 2000, 1000


@dataclass(frozen=True, slots=True)
class FrameDue:
    """A keystroke frame is sent at ``at`` (ms), ``ago`` ms after the newest key, with a hold of ``hold_ms``."""

    at: int
    ago: int
    hold_ms: int = 0

    def frame(self, late: int = 0) -> dict[str, Any]:
        """The frame, when it is sent ``late`` ms after its time."""
        frame = {"action": "keystroke", "ago_ms": min(MAX_AGO_MS, self.ago + late)}
        return {**frame, "hold_ms": self.hold_ms} if self.hold_ms else frame


@dataclass(frozen=True, slots=True)
class StopDue:
    """A held burst was over at ``at`` (ms). A key may be pressed in the same ms, so the stop names the ms before."""

    at: int

    def frame(self, late: int = 0) -> dict[str, Any]:
        """The frame, when it is sent ``late`` ms after its time."""
        return {"action": "stop", "ago_ms": late + 1}


def key_times(gaps_ms: Iterable[int], start: int = 0) -> list[int]:
    """When each key is pressed (ms): the first at ``start``, the others after their gaps."""
    return list(accumulate(gaps_ms, initial=start))


def frames_due(
    keys: Iterable[int], heartbeat_ms: int, hold_ms: int = 0, debounce_ms: int = 2000
) -> Iterator[FrameDue | StopDue]:
    """The frames of a visitor who presses ``keys`` (ms, ascending): plain ones, or with ``hold_ms`` held ones."""
    for burst in _split(keys, debounce_ms):
        over_at = burst[-1] + debounce_ms
        told, next_at = 0, burst[0]
        for key, then in pairwise([*burst, over_at]):
            at = key if key >= next_at else max(next_at, told + hold_ms - LEAST_SPARE_MS)
            if at < then:
                yield FrameDue(at, at - key, hold_ms)
                told, next_at = key, max(at + heartbeat_ms, key + hold_ms - SPARE_MS)
        if hold_ms:
            yield StopDue(over_at)


def bursts(keys: Iterable[int], debounce_ms: int) -> list[tuple[int, int]]:
    """(first key, last key) of each burst (ms): a gap of the debounce or more ends one (T1)."""
    return [(burst[0], burst[-1]) for burst in _split(keys, debounce_ms)]


def _split(keys: Iterable[int], debounce_ms: int) -> list[list[int]]:
    found: list[list[int]] = []
    for key in keys:
        if found and key - found[-1][-1] < debounce_ms:
            found[-1].append(key)
        else:
            found.append([key])
    return found

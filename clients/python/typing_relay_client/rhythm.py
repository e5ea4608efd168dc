"""Which frame is sent when. Pure: no socket, no timer; the rules of web/typing-relay.js. Times are ms of one clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

Frame = dict[str, Any]

NEVER = -math.inf
#: The protocol's limits: how old a key, and a stop, may be said to be.
MAX_AGO_MS, MAX_STOP_AGO_MS = 2_000, 60_000
#: A key this late in a hold renews it; without one, a timer does.
SPARE_MS, LEAST_SPARE_MS = 2_000, 1_000


@dataclass(frozen=True, slots=True)
class Timings:
    """Of the welcome. ``hold_ms`` 0: the relay offers no holds, and its own debounce ends the typing."""

    debounce_ms: float = 2_000
    heartbeat_ms: float = 1_000
    hold_ms: float = 0


class Rhythm:
    """Methods take the time and return the frames to send now, in order. Call ``wake`` at ``wake_at``."""

    def __init__(self) -> None:
        self._timings = Timings()
        self._is_connected = False
        self._newest_key_at = NEVER
        self._is_unsent = False
        #: The newest key that the relay knows of.
        self._told_key_at = NEVER
        self._next_frame_at = NEVER

    @property
    def wake_at(self) -> float:
        """When ``wake`` is due; infinity: not at all."""
        if not self._is_connected:
            return math.inf
        over_at = self._newest_key_at + self._timings.debounce_ms
        hold_ends_at = self._told_key_at + self._timings.hold_ms
        stop_at = over_at if hold_ends_at > over_at else math.inf
        frame_at = max(self._next_frame_at, hold_ends_at - LEAST_SPARE_MS) if self._is_unsent else math.inf
        return min(stop_at, frame_at)

    def is_typing(self, at: float) -> bool:
        """Whether the newest key is younger than the debounce."""
        return at - self._newest_key_at < self._timings.debounce_ms

    def key(self, at: float) -> list[Frame]:
        """A key is pressed: the first of a burst is told at once, later ones when a frame is due."""
        over = [] if self.is_typing(at) else self.stop(at)  # its timer is late
        self._newest_key_at, self._is_unsent = at, True
        return over if at < self._next_frame_at else over + self._tell(at)

    def wake(self, at: float) -> list[Frame]:
        """A late call does no harm: each frame says how old it is."""
        if at < self.wake_at:
            return []
        return self._tell(at) if self.is_typing(at) else self.stop(at)

    def stop(self, at: float) -> list[Frame]:
        """Typing is over now, or was when the debounce passed. Nothing if the relay knows."""
        timings, late = self._timings, round_half_up(at - self._newest_key_at - self._timings.debounce_ms) + 1
        counts = at - self._told_key_at < max(timings.debounce_ms, timings.hold_ms)
        self._newest_key_at = self._told_key_at = self._next_frame_at = NEVER
        self._is_unsent = False
        if not counts:
            return []
        return [{"action": "stop", **({"ago_ms": min(MAX_STOP_AGO_MS, max(0, late))} if timings.hold_ms else {})}]

    def connected(self, at: float, timings: Timings) -> list[Frame]:
        """Welcomed: a key pressed meanwhile is told if it is still fresh."""
        self._timings, self._is_connected = timings, True
        return self.wake(at)

    def disconnected(self) -> None:
        """The relay has ended the typing."""
        self._is_connected = False
        self._told_key_at = self._next_frame_at = NEVER

    def _tell(self, at: float) -> list[Frame]:
        """The frame for the newest key, with its age."""
        if not self._is_connected:
            return []
        self._is_unsent = False
        timings, ago = self._timings, round_half_up(at - self._newest_key_at)
        if ago >= MAX_AGO_MS and not timings.hold_ms:
            return []
        ago = min(ago, MAX_AGO_MS)
        self._told_key_at = at - ago
        self._next_frame_at = max(at + timings.heartbeat_ms, self._told_key_at + timings.hold_ms - SPARE_MS)
        return [{"action": "keystroke", "ago_ms": ago, **({"hold_ms": timings.hold_ms} if timings.hold_ms else {})}]


def round_half_up(ms: float) -> int:
    """As JavaScript rounds; minus infinity and infinity are no age."""
    return math.floor(ms + 0.5) if math.isfinite(ms) else 0

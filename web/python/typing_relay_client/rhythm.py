"""Which frames a front end sends for its visitor's keys, and when: the rules of ``web/typing-relay.js``.

No clock, no timer, no socket: each method takes the time, in ms of one monotonic clock, and returns the frames that are
to be sent then. ``web/rhythm-vectors.json`` holds keys with the frames that follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Frame = dict[str, Any]
#: ``debounce_ms``, ``heartbeat_ms`` and, from a relay that knows holds, ``hold_ms``.
Timings = Mapping[str, int]

NEVER, AT_NO_TIME = float("-inf"), float("inf")
#: The relay takes no key for older than this.
MAX_AGO_MS = 2_000
#: A key in the last 2 s of a hold renews it; without one, a timer renews it a second before its end.
SPARE_MS, LEAST_SPARE_MS = 2_000, 1_000


class TypingRhythm:
    """Keys in, frames out. Call ``wake`` at ``wake_at``, or later."""

    def __init__(self) -> None:
        self._debounce_ms, self._heartbeat_ms, self._hold_ms = 2_000, 1_000, 0
        self._is_connected = self._is_unsent = False
        self._newest_key_at = NEVER
        #: The newest key that the relay knows of.
        self._told_key_at = NEVER
        self._next_frame_at = NEVER

    @property
    def wake_at(self) -> float:
        """When ``wake`` is to be called; infinity where nothing is due unless something happens."""
        if not self._is_connected:
            return AT_NO_TIME
        over_at, hold_ends_at = self._newest_key_at + self._debounce_ms, self._told_key_at + self._hold_ms
        stop_at = over_at if hold_ends_at > over_at else AT_NO_TIME
        frame_at = max(self._next_frame_at, hold_ends_at - LEAST_SPARE_MS) if self._is_unsent else AT_NO_TIME
        return min(stop_at, frame_at)

    def is_typing(self, at: float) -> bool:
        """The newest key is younger than the debounce."""
        return at - self._newest_key_at < self._debounce_ms

    def key(self, at: float) -> list[Frame]:
        """A key: the first of a burst is told at once, a later one when a frame is due."""
        over = [] if self.is_typing(at) else self.stop(at)  # its timer is late
        self._newest_key_at, self._is_unsent = at, True
        return over if at < self._next_frame_at else [*over, *self._tell(at)]

    def wake(self, at: float) -> list[Frame]:
        """Time has passed: a frame may be due, or the stop."""
        if at < self.wake_at:
            return []
        return self._tell(at) if self.is_typing(at) else self.stop(at)

    def stop(self, at: float) -> list[Frame]:
        """Typing is over now, or was when the debounce passed. Nothing if the relay knows."""
        over_ms = at - self._newest_key_at - self._debounce_ms
        counts = at - self._told_key_at < max(self._debounce_ms, self._hold_ms)
        self._newest_key_at = self._told_key_at = self._next_frame_at = NEVER
        self._is_unsent = False
        if not counts:
            return []
        return [{"action": "stop"} | ({"ago_ms": max(0, round(over_ms) + 1)} if self._hold_ms else {})]

    def connected(self, at: float, timings: Timings) -> list[Frame]:
        """Welcomed, with the relay's timings; a key that was pressed meanwhile is told if it is still fresh."""
        self._debounce_ms = timings.get("debounce_ms") or self._debounce_ms
        self._heartbeat_ms = timings.get("heartbeat_ms") or self._heartbeat_ms
        self._hold_ms = timings.get("hold_ms", 0)
        self._is_connected = True
        return self.wake(at)

    def disconnected(self) -> None:
        """The relay has ended the typing; a key is told to the next connection."""
        self._is_connected = False
        self._told_key_at = self._next_frame_at = NEVER

    def _tell(self, at: float) -> list[Frame]:
        if not self._is_connected:
            return []
        self._is_unsent = False
        ago = round(at - self._newest_key_at)
        if ago >= MAX_AGO_MS and not self._hold_ms:
            return []
        ago = min(ago, MAX_AGO_MS)
        self._told_key_at = at - ago
        self._next_frame_at = max(at + self._heartbeat_ms, self._told_key_at + self._hold_ms - SPARE_MS)
        return [
            {"action": "keystroke", "ago_ms": ago} | ({"hold_ms": self._hold_ms} if self._hold_ms else {}),
        ]

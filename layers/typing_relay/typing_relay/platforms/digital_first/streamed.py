"""A message that is still being written: what comes of it event by event (SSE), as NICE's web SDK reads it. Pure.

An event's data is ``{"delta":{"content":"…","finish_reason":null}}``; the last one's reason is ``stop``. Others, such
as heartbeats, say nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

#: Of what has not become a whole event yet, in bytes.
LARGEST_EVENT = 65_536


@dataclass(frozen=True, slots=True)
class Stream:
    """Where a message is being written, and until when (epoch ms) it is waited for."""

    url: str = field(repr=False)
    until: int


@dataclass(slots=True)
class Deltas:
    """Feed it the bytes as they come. ``is_over``: nothing more is said; ``is_whole``: and nothing is missing."""

    text: str = field(default="", repr=False)
    is_over: bool = False
    is_whole: bool = False
    _left: bytes = field(default=b"", repr=False)

    def feed(self, data: bytes) -> None:
        """Some more of the body."""
        *events, self._left = (self._left + data).replace(b"\r\n", b"\n").split(b"\n\n")
        for event in events:
            if not self.is_over:
                self._take(event.decode(errors="replace"))
        if len(self._left) > LARGEST_EVENT:
            self.is_over = True

    def _take(self, event: str) -> None:
        lines = [line.partition(":") for line in event.split("\n")]
        fields = [(name, value.removeprefix(" ")) for name, _, value in lines]
        kind = next((value for name, value in reversed(fields) if name == "event"), "")
        delta = _delta("\n".join(value for name, value in fields if name == "data"))
        if kind in ("", "message", "delta") and isinstance(delta.get("content"), str):
            self.text += delta["content"]
            self.is_over = bool(delta.get("finish_reason"))
            self.is_whole = delta.get("finish_reason") == "stop"


def _delta(data: str) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    delta = said.get("delta") if isinstance(said, dict) else None
    return delta if isinstance(delta, dict) else {}

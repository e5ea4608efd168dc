"""The event log of a simulator: what happened, numbered in order."""

import asyncio
from collections import deque
from itertools import islice
from typing import Any

KEPT = 200_000  # some hours of a busy run; older events are forgotten

Event = dict[str, Any]


class Broadcast:
    """Wakes everyone who is waiting at this moment."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def send(self) -> None:
        """Wake them."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """True when woken, False when `seconds` passed first."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        return True


class EventLog:
    """Events are numbered from 1 and never renumbered, so that a reader can continue where it stopped."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._news = Broadcast()
        self.last = 0

    def add(self, kind: str, at: float, **fields: Any) -> None:
        """Record an event of this kind at `at` (epoch ms)."""
        self.last += 1
        self._events.append({"n": self.last, "at": at, "kind": kind, **fields})
        self._news.send()

    def after(self, number: int) -> list[Event]:
        """The events numbered above `number`, oldest first."""
        wanted = min(self.last - number, len(self._events))
        return list(islice(self._events, len(self._events) - wanted, None)) if wanted > 0 else []

    async def wait_after(self, number: int, seconds: float) -> list[Event]:
        """Like `after`, but if there is none yet, wait up to `seconds` for one."""
        if self.last <= number and seconds > 0:
            await self._news.wait(seconds)
        return self.after(number)

"""Limits how many are under way at once and how many begin a second; first come, first served. For what thousands of
guests want at the same time.

Whoever has priority is served before all others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from typing_relay.keeper.io.loop import Loop


class Turnstile:
    """After a mass drop thousands of sockets want to reopen; CXone and our CPU get them one by one, evenly spaced.

    So do the records and visitors that are to learn of the drop.
    """

    def __init__(self, loop: Loop, at_once: int, per_second: float) -> None:
        self._loop = loop
        self._at_once = at_once
        self._gap = 1 / per_second
        self._ahead: deque[Callable[[], bool]] = deque()
        self._waiting: deque[Callable[[], bool]] = deque()
        self._next_at = loop.time()
        self._alarm_set = False
        #: How many are in now.
        self.under_way = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._ahead) + len(self._waiting)

    def enter(self, start: Callable[[], bool], ahead: bool = False) -> None:
        """Call ``start`` as soon as there is room. It returns False if it is no longer wanted and began nothing.

        After True, ``leave`` must be called once what it began has been done or has failed.
        """
        (self._ahead if ahead else self._waiting).append(start)
        self._let_in()

    def leave(self) -> None:
        """One that was in is done, or has failed."""
        self.under_way -= 1
        self._let_in()

    def _let_in(self) -> None:
        while len(self) and self.under_way < self._at_once and not self._alarm_set:
            wait = self._next_at - self._loop.time()
            if wait > 0:
                self._alarm_set = True
                self._loop.call_later(wait, self._alarm)
                return
            if (self._ahead or self._waiting).popleft()():
                self.under_way += 1
                self._next_at = max(self._next_at, self._loop.time() - self._gap) + self._gap

    def _alarm(self) -> None:
        self._alarm_set = False
        self._next_at = min(self._next_at, self._loop.time())  # by rounding the alarm may come a trifle early
        self._let_in()

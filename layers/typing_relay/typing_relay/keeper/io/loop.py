"""One thread, one selector (epoll on Linux): sockets, timers, and results that come in from worker threads."""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable

logger = logging.getLogger(__name__)

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE

Callback = Callable[[], object]


class Timer:
    """A callback due at a time on the loop's clock; ``cancel`` makes it never happen."""

    __slots__ = ("at", "callback")

    def __init__(self, at: float, callback: Callback) -> None:
        self.at = at
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Forget the callback; the heap drops the empty timer when its time comes."""
        self.callback = None


class Loop:
    """Calls back when a socket is ready, a time has come, or another thread asks.

    A callback that raises is logged and the loop goes on: one guest's trouble is not another's. All methods but
    ``call_from_thread`` are for the loop's own thread.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._soon: deque[Callback] = deque()
        self._from_threads: deque[Callback] = deque()
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._selector.register(self._woken, READ, self._drain_wake_ups)
        self._running = False
        #: The longest turn since it was last reset, in seconds: nobody waits longer than this for the loop.
        self.longest_turn = 0.0

    def time(self) -> float:
        """The loop's clock: monotonic seconds."""
        return time.monotonic()

    def watch(self, sock: socket.socket, events: int, callback: Callable[[int], object]) -> None:
        """Call ``callback(ready events)`` whenever ``sock`` is ready for ``events``."""
        self._selector.register(sock, events, callback)

    def rewatch(self, sock: socket.socket, events: int, callback: Callable[[int], object]) -> None:
        """Change what a watched socket is watched for."""
        self._selector.modify(sock, events, callback)

    def forget(self, sock: socket.socket) -> None:
        """Stop watching. Call before the socket is closed."""
        self._selector.unregister(sock)

    def call_soon(self, callback: Callback) -> None:
        """Call in the next turn, after the sockets that are ready by then."""
        self._soon.append(callback)

    def call_later(self, seconds: float, callback: Callback, slack: float = 0.0) -> Timer:
        """Call in ``seconds`` at the earliest, up to ``slack`` later.

        Timers with the same slack come together, so that thousands of slow ones wake the process now and then only.
        """
        at = self.time() + max(0.0, seconds)
        timer = Timer(math.ceil(at / slack) * slack if slack else at, callback)
        heapq.heappush(self._timers, (timer.at, next(self._order), timer))
        return timer

    def call_from_thread(self, callback: Callback) -> None:
        """Have the loop's thread call ``callback``. For any thread, and for signal handlers."""
        self._from_threads.append(callback)
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            pass  # so many wake-ups are pending that the loop will wake anyway
        except OSError:
            logger.debug("The loop has ended; a late result is dropped.")

    def run(self) -> None:
        """Turn until ``stop``."""
        self._running = True
        while self._running:
            self.turn()

    def stop(self) -> None:
        """End ``run`` after this turn."""
        self._running = False

    def turn(self, at_most: float | None = None) -> None:
        """Wait until there is something to do, for ``at_most`` seconds, and do it once."""
        ready = self._selector.select(self._patience(at_most))
        began = time.monotonic()
        for key, events in ready:
            self._call(key.data, events)
        for _ in range(len(self._from_threads)):
            self._call(self._from_threads.popleft())
        for _ in range(len(self._soon)):
            self._call(self._soon.popleft())
        self._call_due_timers()
        self.longest_turn = max(self.longest_turn, time.monotonic() - began)

    def close(self) -> None:
        """Give the selector and the wake-up pair back. After ``run`` has ended."""
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def _patience(self, at_most: float | None) -> float | None:
        """How long the selector may sleep: seconds, or None for as long as nothing is ready."""
        if self._soon or self._from_threads:
            return 0
        if not self._timers:
            return at_most
        next_timer = max(0.0, self._timers[0][0] - time.monotonic())
        return next_timer if at_most is None else min(at_most, next_timer)

    def _call_due_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is not None:
                self._call(timer.callback)

    def _call(self, callback: Callable[..., object], *arguments: object) -> None:
        try:
            callback(*arguments)
        except Exception:
            logger.exception("A callback of the loop failed.")

    def _drain_wake_ups(self, _events: int) -> None:
        try:
            while self._woken.recv(4096):
                pass
        except BlockingIOError:
            pass

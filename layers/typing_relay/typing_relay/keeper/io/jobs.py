"""Blocking calls (CXone over HTTP, AWS, DNS) on a few worker threads, in order for each key."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from typing_relay.keeper.io.loop import Loop

logger = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[], None]


class Jobs:
    """Runs jobs on ``threads`` threads. Jobs of one key run one after another, in the order they were given.

    So a slow call holds up its own guest only, and two writes about one guest cannot overtake each other. Methods are
    for the loop's thread; results come back on it. The threads are daemons: a call that hangs does not keep a process
    from ending.
    """

    def __init__(self, loop: Loop, threads: int, name: str) -> None:
        self._loop = loop
        self._ready: SimpleQueue[Job] = SimpleQueue()
        self._waiting: dict[Hashable, deque[Job]] = {}
        for number in range(threads):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def submit(
        self,
        key: Hashable,
        call: Callable[[], T],
        on_result: Callable[[T], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        """Run ``call`` on a worker thread, then ``on_result(value)`` or ``on_error(exception)`` on the loop."""

        def job() -> None:
            try:
                report = partial(on_result, call())
            except Exception as error:
                report = partial(on_error, error)
            self._loop.call_from_thread(lambda: self._finish(key, report))

        if key in self._waiting:
            self._waiting[key].append(job)
        else:
            self._waiting[key] = deque()
            self._ready.put(job)

    def __len__(self) -> int:
        """How many keys have a job, running or waiting."""
        return len(self._waiting)

    def _work(self) -> None:
        while True:
            self._ready.get()()

    def _finish(self, key: Hashable, report: Callable[[], object]) -> None:
        waiting = self._waiting[key]
        if waiting:
            self._ready.put(waiting.popleft())
        else:
            del self._waiting[key]
        report()


@dataclass(slots=True)
class Workers:
    """Worker threads by what they wait for, so that no kind of call holds up another."""

    cxone: Jobs
    store: Jobs
    names: Jobs

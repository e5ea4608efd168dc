"""A simulated process: its life, its loop and its threads, on the world's time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, ClassVar

from greenlet import greenlet
from typing_relay.keeper.io.loop import Timer


class SimulatedProcess:
    """One keeper. ``world`` has a time, ``now``, and lets things happen ``later``."""

    def __init__(self, world: Any, name: str) -> None:
        self.world, self.name = world, name
        self.is_alive, self.stalled_until = True, 0

    def call(self, at: int, callback: Callable[[], object]) -> None:
        """Of its loop and threads: not when it is dead, and not while it stalls."""
        self.world.later(at, self.name, partial(self._run, callback))

    def _run(self, callback: Callable[[], object]) -> None:
        if not self.is_alive:
            return
        if self.world.now < self.stalled_until:
            self.call(self.stalled_until, callback)
            return
        callback()

    # --- its threads

    def wait(self, ms: int) -> None:
        """This thread goes on later, if its process still lives and does not stall."""
        if ms:
            self.call(self.world.now + ms, partial(_go_on, greenlet.getcurrent()))
            self._others_go_on()

    def travel(self, ms: int) -> None:
        """What has left arrives, whatever becomes of its sender."""
        self.world.later(self.world.now + ms, self.name, partial(_go_on, greenlet.getcurrent()))
        self._others_go_on()

    def _others_go_on(self) -> None:
        greenlet.getcurrent().parent.switch()


class Killed(BaseException):
    """The process is gone, between two lines."""


class Away(OSError):
    """A call fails, or its answer is lost."""


class KeeperLoop:
    """Of ``keeper.loop.Loop``, what a keeper without sockets uses."""

    def __init__(self, process: SimulatedProcess) -> None:
        self._process, self._world = process, process.world

    def time(self) -> float:
        """In seconds."""
        return self._world.now / 1000

    def call_soon(self, callback: Callable[[], object]) -> None:
        """In its turn."""
        self._process.call(self._world.now, callback)

    call_from_thread = call_soon

    def call_later(self, seconds: float, callback: Callable[[], object], slack: float = 0.0) -> Timer:
        """As the loop's: timers with the same slack come together."""
        at = self._world.now / 1000 + max(0.0, seconds)
        timer = Timer(math.ceil(at / slack) * slack if slack else at, callback)
        self._process.call(math.ceil(timer.at * 1000 - 1e-3), partial(_ring, timer))
        return timer


def _ring(timer: Timer) -> None:
    if timer.callback:
        timer.callback()


class SimulatedJobs:
    """Of ``keeper.jobs.Jobs``: those of one key run one after another. ``_run`` is a subclass's: how a call is made."""

    def __init__(self, process: SimulatedProcess) -> None:
        self._process, self._world = process, process.world
        self._waiting: dict[Hashable, deque[Callable[[], None]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def submit(
        self,
        key: Hashable,
        call: Callable[[], Any],
        on_result: Callable[[Any], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        """Run ``call``, then ``on_result(value)`` or ``on_error(exception)``."""
        job = partial(self._run, key, call, on_result, on_error)
        if key in self._waiting:
            self._waiting[key].append(job)
        else:
            self._waiting[key] = deque()
            self._start(job)

    def _start(self, job: Callable[[], None]) -> None:
        """It is its turn."""
        job()

    def _run(
        self,
        key: Hashable,
        call: Callable[[], Any],
        on_result: Callable[[Any], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        raise NotImplementedError

    def _finish(self, key: Hashable, report: Callable[[], object]) -> None:
        waiting = self._waiting[key]
        if waiting:
            self._start(waiting.popleft())
        else:
            del self._waiting[key]
        report()


class KeeperJobs(SimulatedJobs):
    """Each on a thread of its own.

    A thread is a greenlet that waits, or travels, until the world goes on with it. So a job of many calls may stop at
    each of them, before it and before its answer, and others come between.
    """

    def _run(
        self,
        key: Hashable,
        call: Callable[[], Any],
        on_result: Callable[[Any], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        def work() -> Callable[[], None] | None:
            try:
                report = partial(on_result, call())
            except Killed:
                return None
            except OSError as error:
                report = partial(on_error, error)
            return partial(self._finish, key, report)

        thread = _Thread.idle.pop() if _Thread.idle else _Thread()
        finish = thread.go_on(work)
        if finish:  # it made no call: its result comes later all the same
            self._process.call(self._world.now, finish)


class _Thread(greenlet):
    """Does one job after another: a new greenlet takes as long as a whole job."""

    idle: ClassVar[list[_Thread]] = []

    def run(self, work: Callable[[], Any]) -> None:
        """Does ``work``, and what it is given when that is done."""
        while True:
            done = work()
            self.idle.append(self)
            work = self.parent.switch(done)

    def go_on(self, *work: Callable[[], Any]) -> Any:
        """To where it waits, or to the end of ``work``, whose value is returned then."""
        self.parent = greenlet.getcurrent()
        return self.switch(*work)


def _go_on(thread: _Thread) -> None:
    """To its next call, or to its end: what it found is reported on the loop."""
    finish = thread.go_on()
    if finish:
        finish()

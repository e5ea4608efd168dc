"""Asks after visitors who have long been silent: API Gateway's $disconnect is best effort.

One that was lost would keep a connection in the record, and with it a guest, a place here and a queue message, for as
long as the record lives. So every few minutes the record of each guest is looked at, and API Gateway is asked after its
quiet connections.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable

from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop
from typing_relay.keeper.ports import Visitors
from typing_relay.relay.effects import IsThere, Read, Sessions
from typing_relay.relay.flows import roll_called
from typing_relay.relay.runner import Runner, handled_by

logger = logging.getLogger(__name__)

TICK_S = 1.0
#: A round takes this long, evenly spread; the next one begins then, or when it has ended.
ROUND_S = 600
#: While AWS is slow no more than this are under way; the round then takes longer.
AT_ONCE = 50


class RollCall:
    """``held`` gives the session ids to call. ``clock`` gives epoch ms."""

    def __init__(
        self,
        loop: Loop,
        jobs: Jobs,
        sessions: Sessions,
        visitors: Visitors,
        clock: Callable[[], int],
        counters: Counters,
        held: Callable[[], Iterable[str]],
    ) -> None:
        self._loop, self._jobs = loop, jobs
        self._runner = Runner(sessions, clock, dict([handled_by(IsThere, lambda due: visitors.lives(due.connection))]))
        self._clock, self._counters, self._held = clock, counters, held
        self._uncalled: deque[str] = deque()
        self._each_tick = 0
        self._next_round_at = 0.0

    def start(self) -> None:
        """The first round begins after the time of one: a task that was just started has been asked already."""
        self._loop.call_later(ROUND_S, self._begin)

    def _begin(self) -> None:
        self._next_round_at = self._loop.time() + ROUND_S
        self._uncalled = deque(self._held())
        self._each_tick = math.ceil(len(self._uncalled) * TICK_S / ROUND_S)
        self._go_on()

    def _go_on(self) -> None:
        for _ in range(min(self._each_tick, len(self._uncalled), AT_ONCE - len(self._jobs))):
            self._call(self._uncalled.popleft())
        if self._uncalled:
            self._loop.call_later(TICK_S, self._go_on)
        else:
            self._loop.call_later(self._next_round_at - self._loop.time(), self._begin)

    def _call(self, session_id: str) -> None:
        self._jobs.submit(
            session_id,
            lambda: self._ask_after(session_id),
            lambda gone: self._counters.add("ConnectionsGone", gone),
            lambda error: logger.warning("A visitor's connections could not be asked after: %s", error),
        )

    def _ask_after(self, session_id: str) -> int:
        """On a worker thread. Returns how many were gone."""
        now = self._clock()
        record = self._runner.carry_out(Read(session_id, now))
        return len(self._runner.run(roll_called(record, now))) if record else 0

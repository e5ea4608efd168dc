"""Keeps the connections of silent visitors, and finds out which of them are gone.

API Gateway ends a connection on which nothing has come or gone for ten minutes. A page that has heard nothing for long
therefore pings; but a ping, its pong and the function between them cost more than twice what a pong does that comes
before. (WebSocket itself has unasked pongs for the same purpose: RFC 6455, 5.5.3.) Whoever is gone shows by the answer
(410): $disconnect is best effort, and one that was lost would keep a guest, a place here and a queue message.

The connection of a visitor whose network vanished takes pongs until the network gives up. So each fifth time nobody is
spoken to, but API Gateway asked: a page that is there pings by itself then, and a connection that is silent for ten
minutes is ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from typing_relay.aws.visitors import encoded
from typing_relay.door.frames import pong
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.ports import Visitors
from typing_relay.relay.burst import Session
from typing_relay.relay.effects import IsThere, KeepOpen, Sessions
from typing_relay.relay.flows import roll_called
from typing_relay.relay.runner import Runner, handled_by

logger = logging.getLogger(__name__)

#: A visitor who has been told nothing for this long is called. With the minute until the next look this is 490 s: ten
#: less than after which a hidden page pings, which is early enough for API Gateway.
SILENT_S = 430.0
#: Each time but the last of so many, a pong is sent.
CALLS = 5
#: While AWS is slow no more than this are under way; the others are called after their next look.
AT_ONCE = 500


class RollCall:
    """``clock`` gives epoch ms; a connection not heard from for ``silent_s`` is silent.

    On the loop's thread; jobs write and post.
    """

    def __init__(
        self,
        jobs: Jobs,
        sessions: Sessions,
        visitors: Visitors,
        clock: Callable[[], int],
        counters: Counters,
        silent_s: float = SILENT_S,
    ) -> None:
        self._jobs, self._clock, self._counters, self._silent_ms = jobs, clock, counters, round(1000 * silent_s)
        self._visitors = visitors
        answers = (
            handled_by(IsThere, lambda due: self._is_there(visitors.lives, due.connection)),
            handled_by(KeepOpen, lambda due: self._is_there(self._is_told, due.connection)),
        )
        self._runner = Runner(sessions, clock, dict(answers))

    def call(self, record: Session, number: int) -> bool:
        """Call the silent connections of ``record``, as it was just read, for the ``number``th time, from 1 on.

        Returns False where none is silent, or too many calls are under way.
        """
        if len(self._jobs) >= AT_ONCE or not record.quiet_connections(self._clock(), self._silent_ms):
            return False
        keeps_open = number % CALLS > 0
        self._jobs.submit(
            record.session_id,
            lambda: self._ask_after(record, keeps_open),
            lambda gone: self._counters.add("ConnectionsGone", gone),
            lambda error: logger.warning("A visitor's connections could not be asked after: %s", error),
        )
        return True

    def _ask_after(self, record: Session, keeps_open: bool) -> int:
        """On a worker thread. Returns how many were gone."""
        return len(self._runner.run(roll_called(record, self._clock(), self._silent_ms, keeps_open)))

    def _is_told(self, connection: str) -> bool:
        return self._visitors.post(connection, encoded(pong()))

    def _is_there(self, ask: Callable[[str], bool], connection: str) -> bool:
        """Where API Gateway does not say, it is there: the others' turn comes (T18)."""
        try:
            return ask(connection)
        except Exception as error:
            logger.warning("A visitor's connection could not be asked after: %s", error)
            self._counters.add("PostsFailed")
            return True

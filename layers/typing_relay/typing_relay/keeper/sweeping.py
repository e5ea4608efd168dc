"""Looks every few seconds for bursts whose owner died, and starts the next owner (T4).

The scheduled sweeper does the same, but a schedule fires within a minute of its time, so that two sweeps may be two
minutes apart. Keepers run all the time. Each looks for itself: a claim is conditional, so of two that find the same
burst one starts its owner.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from typing_relay.aws.sessions import SWEEP_SHARDS
from typing_relay.aws.shedding import failure_of
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop
from typing_relay.keeper.ports import Sessions
from typing_relay.relay.burst import Policy
from typing_relay.relay.flows import sweep_one
from typing_relay.relay.runner import Runner

logger = logging.getLogger(__name__)

#: With the lease that a dead owner leaves and the start of the next it makes less than T4's 30 s. The simulation takes
#: 5 s for the worst case: a look takes its time, too.
LOOK_S = 4.0
#: Session ids read of a partition at a time; when there are more, the same look goes on: what is left here for others
#: to do must not hide what is to be done here.
PAGE = 100


class Sweeping:
    """``runner`` is the scheduled sweeper's, or this keeper's own where only it can own a burst.

    ``is_ours`` tells which sessions are to be looked after here, as far as this keeper knows; ``keeper`` is its name,
    where the record must say so too, else empty.
    """

    def __init__(
        self,
        loop: Loop,
        jobs: Jobs,
        sessions: Sessions,
        runner: Runner,
        policy: Policy,
        counters: Counters,
        random: Callable[[], float],
        is_ours: Callable[[str], bool],
        keeper: str,
    ) -> None:
        """``random`` gives 0 to 1: keepers that were started together do not look together."""
        self._loop, self._jobs, self._sessions, self._runner, self._policy = loop, jobs, sessions, runner, policy
        self._counters, self._random, self._is_ours, self._keeper = counters, random, is_ours, keeper

    def start(self) -> None:
        """Look from now on."""
        self._loop.call_later(self._random() * LOOK_S, self._look)

    def _look(self) -> None:
        self._loop.call_later(LOOK_S, self._look)
        if not len(self._jobs):  # the last look is over
            for shard in range(SWEEP_SHARDS):
                self._submit(shard)

    def _submit(self, shard: int) -> None:
        self._jobs.submit(
            shard,
            lambda: self._sweep(shard),
            lambda started: self._counters.add("BurstsTakenUp", started),
            lambda error: logger.warning("Bursts whose owner died could not be looked for: %s", error),
        )

    def _sweep(self, shard: int) -> int:
        """On a worker thread. Returns how many owners were started."""
        started = 0
        for session_ids in self._sessions.all_overdue(shard, self._runner.clock(), PAGE):
            started += sum(self._sweep_one(session_id) for session_id in session_ids if self._is_ours(session_id))
        return started

    def _sweep_one(self, session_id: str) -> bool:
        """Whatever is wrong with one visitor's item, as that it is throttled: the others' turn comes (T4, T18)."""
        try:
            return self._runner.run(sweep_one(self._policy, session_id, self._keeper))
        except Exception as error:
            logger.warning("A burst whose owner died could not be taken up: %s", error, extra={"session": session_id})
            self._counters.add(failure_of(error))
            return False

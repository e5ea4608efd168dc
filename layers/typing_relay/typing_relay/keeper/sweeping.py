"""Looks every few seconds for bursts whose owner died, and starts the next owner (T4); ends holds in time (T2).

The scheduled sweeper does the same, but a schedule fires within a minute of its time, so that two sweeps may be two
minutes apart. Keepers run all the time. Each looks for itself: a claim is conditional, so of two that find the same
burst one starts its owner.

A burst that is held is parked: nobody owns it, and its lease ends with the hold. The keeper that holds the guest looks
ahead, and has a timer for that moment; if keys have held on, it parks the burst again.
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
from typing_relay.relay.runner import Runner
from typing_relay.relay.sweeping import Swept, sweep_one

logger = logging.getLogger(__name__)

#: With the lease that a dead owner leaves and the start of the next it makes less than T4's 30 s. The simulation takes
#: 4 s for the worst case: a look takes its time, too.
LOOK_S = 3.0
#: A look also finds the leases that end before the next look has come back.
AHEAD_MS = round(1000 * LOOK_S) + 1_000
#: A parked burst that could not be looked at is looked at again this soon.
AGAIN_MS = 1_000
#: A timer fires this much late: the wall clock, by which a lease ends, may be set back a little.
LATE_S = 0.01
#: How many session ids of a partition are read at a time. The look reads on while there are more, so that sessions left
#: to others cannot hide ours.
PAGE = 100

#: A session, and what came of a look at it.
Found = tuple[str, Swept]
#: A parked burst: its session, when it is looked at (epoch ms), and its generation; 0: not known yet.
Watch = tuple[str, int, int]


class Sweeping:
    """``runner`` is the scheduled sweeper's, or this keeper's own where only it can own a burst.

    ``is_ours`` tells which sessions are to be looked after here, as far as this keeper knows, ``guest_is_here`` those
    whose guests are held here; ``keeper`` is its name, where the record must say so too, else empty.
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
        guest_is_here: Callable[[str], bool],
        keeper: str,
    ) -> None:
        """``random`` gives 0 to 1: keepers that were started together do not look together."""
        self._loop, self._jobs, self._sessions, self._runner, self._policy = loop, jobs, sessions, runner, policy
        self._counters, self._random, self._is_ours, self._guest_is_here = counters, random, is_ours, guest_is_here
        self._keeper = keeper
        #: Looks under way, one a shard.
        self._looks = 0
        self._watched: set[Watch] = set()

    def start(self) -> None:
        """Look from now on."""
        self._loop.call_later(self._random() * LOOK_S, self._look)

    def _look(self) -> None:
        self._loop.call_later(LOOK_S, self._look)
        if not self._looks:  # the last look is over
            for shard in range(SWEEP_SHARDS):
                self._submit(shard)

    def _submit(self, shard: int) -> None:
        self._looks += 1
        self._jobs.submit(shard, lambda: self._sweep(shard), self._looked, self._not_looked)

    def _looked(self, found: list[Found]) -> None:
        self._looks -= 1
        for session_id, swept in found:
            self._take_in(session_id, swept)

    def _not_looked(self, error: Exception) -> None:
        logger.warning("Bursts whose owner died could not be looked for: %s", error)
        self._looked([])

    def _sweep(self, shard: int) -> list[Found]:
        """On a worker thread. What came of the leases that are over, and which of ours end before the next look."""
        found, now = [], self._runner.clock()
        before = now + AHEAD_MS if self._policy.parks else now
        try:
            for page in self._sessions.all_leases(shard, before, PAGE):
                for session_id, lease_until in page:
                    if lease_until < now and self._is_ours(session_id):
                        found.append((session_id, self._sweep_one(session_id, 0)))
                    elif lease_until >= now and self._guest_is_here(session_id):
                        found.append((session_id, Swept(look_at=lease_until)))
        except Exception as error:  # what was found until then counts: it may have been parked again
            logger.warning("Bursts whose owner died could not all be looked for: %s", error)
        return found

    def _sweep_one(self, session_id: str, watched: int) -> Swept:
        """Whatever is wrong with one visitor's item, as that it is throttled: the others' turn comes (T4, T18)."""
        flow = sweep_one(self._policy, session_id, self._keeper, watched, watches=self._guest_is_here(session_id))
        try:
            return self._runner.run(flow)
        except Exception as error:
            logger.warning("A burst whose owner died could not be taken up: %s", error, extra={"session": session_id})
            self._counters.add(failure_of(error))
            again_at = self._runner.clock() + AGAIN_MS
            return Swept(look_at=again_at, generation=watched) if watched else Swept()

    # --- parked bursts

    def _take_in(self, session_id: str, swept: Swept) -> None:
        if swept.started:
            self._counters.add("HoldsEnded" if swept.parked else "BurstsTakenUp")
        if swept.look_at:
            self._watch(session_id, swept)

    def _watch(self, session_id: str, swept: Swept) -> None:
        """Look at it when its hold ends. Each look before that finds the same lease."""
        watch = session_id, swept.look_at, swept.generation
        if watch not in self._watched:
            self._watched.add(watch)
            seconds = max(0, swept.look_at - self._runner.clock()) / 1000 + LATE_S
            self._loop.call_later(seconds, lambda: self._hold_ends(watch))

    def _hold_ends(self, watch: Watch) -> None:
        self._watched.discard(watch)
        session_id, _, generation = watch
        self._jobs.submit(
            session_id,
            lambda: self._sweep_one(session_id, generation),
            lambda swept: self._take_in(session_id, swept),
            lambda error: logger.warning("The end of a hold could not be looked at: %s", error),
        )

"""Owners that run in the keeper: on Digital-First only who holds a visitor's socket can tell CXone anything.

The flow is the sender's own (``relay.reconciling``), carried out effect by effect: typing on the socket, sleeps on the
loop's timers, all else on worker threads, so that thousands of bursts wait without a thread.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop, Timer
from typing_relay.platforms.digital_first.ports import TellTyping
from typing_relay.relay.burst import Policy, Session
from typing_relay.relay.decisions import Owner
from typing_relay.relay.effects import Effect, Flow, Read, Sleep, TellCxone, perform
from typing_relay.relay.flows import Became, take_over
from typing_relay.relay.reconciling import Reconciled, reconcile
from typing_relay.relay.runner import Runner

logger = logging.getLogger(__name__)

#: How long until an owner that failed begins again: twice as long each time, this often.
AGAIN_S, LONGEST_PAUSE = 1.0, 3


class _Run:
    """One owner at work."""

    __slots__ = ("alarm", "failures", "flow", "owner")

    def __init__(self, owner: Owner, flow: Flow[Reconciled], failures: int) -> None:
        self.owner, self.flow = owner, flow
        self.alarm: Timer | None = None
        #: How often it has failed in a row.
        self.failures = failures


class Owners:
    """On the loop's thread. ``runner`` carries out what is done on worker threads; ``tell`` speaks on the socket:
    ``in_keeper`` has the visitor's talk do it."""

    def __init__(
        self,
        keeper: str,
        loop: Loop,
        jobs: Jobs,
        runner: Runner,
        policy: Policy,
        tell: TellTyping,
        counters: Counters,
    ) -> None:
        self._keeper, self._loop, self._jobs, self._runner, self._policy = keeper, loop, jobs, runner, policy
        self._tell, self._counters = tell, counters
        self._runs: dict[str, _Run] = {}

    def __len__(self) -> int:
        """How many sessions have an owner here."""
        return len(self._runs)

    def start(self, session_id: str, generation: int) -> None:
        """Become the owner ``generation`` of this session; the former one, if it sleeps, sleeps no longer.

        Where nobody has claimed that generation, its flow does so by its first write. A nudge that comes twice, or
        after a later one, changes nothing (T12), but that an owner which failed does not wait any longer.
        """
        former = self._runs.get(session_id)
        if former:
            if former.owner.generation == generation and former.failures and former.alarm:
                former.alarm.cancel()  # it need not pause: where the frame was written, the store is back
                self._begin(former.owner, former.failures)
            if former.owner.generation >= generation:
                return
            self._let_go(former)
        self._begin(Owner(session_id, generation, self._runner.clock(), self._keeper))

    def take_up(self, record: Session) -> None:
        """Become the next owner of this record if what the agent sees, or may see, is not what is wanted.

        Whoever holds the lease now is overtaken: only here can anything be said. A lease that a key took before
        anything could be said belongs to nobody, and would keep the next keys' burst from being shown (T1). The claim's
        ``StartOwner`` comes back as ``start``.
        """
        now = self._runner.clock()
        nothing_to_say = record.is_settled_at(record.wants(now, self._policy)) or record.cannot_show()
        if nothing_to_say and record.lease_until <= now:
            return
        self._jobs.submit(
            record.session_id,
            lambda: self._runner.run(self._taken_up(record, now)),
            self._not_taken_up,
            partial(self._take_up_later, record),
        )

    def _taken_up(self, record: Session, now: int) -> Flow[Session | None]:
        """Returns the record as it stands where another owner has claimed it meanwhile."""
        became = yield from take_over(self._policy, record, now, self._keeper)
        return (yield from perform(Read(record.session_id, now))) if became is Became.COALESCED else None

    def _take_up_later(self, record: Session, error: Exception) -> None:
        """The frames that were written before may not be followed by another."""
        logger.warning("A burst could not be taken up: %s", error)
        self._loop.call_later(AGAIN_S, partial(self.take_up, record))

    def _not_taken_up(self, left: Session | None) -> None:
        """That owner is in this keeper, or it is of no use here: then it is overtaken, too."""
        if left and left.keeper == self._keeper:
            run = self._runs.get(left.session_id)
            if not run or run.owner.generation < left.generation:
                self.take_up(left)

    def drop(self, session_id: str) -> None:
        """This keeper no longer holds the guest: what is left to do is its next keeper's."""
        run = self._runs.pop(session_id, None)
        if run:
            self._let_go(run)

    def _begin(self, owner: Owner, failures: int = 0) -> None:
        run = self._runs[owner.session_id] = _Run(owner, reconcile(self._policy, owner), failures)
        self._advance(run, None)

    def _let_go(self, run: _Run) -> None:
        """One that sleeps ends here. One in the middle of a step goes on, and finds out that it has been overtaken."""
        if run.alarm:
            run.alarm.cancel()

    def _advance(self, run: _Run, answer: Any) -> None:
        run.alarm = None
        try:
            due = self._runner.advance(run.flow, answer)
        except StopIteration as finished:
            self._ended(run, finished.value)
        except Exception as error:
            self._failed(run, error)
        else:
            self._carry_out(run, due)

    def _carry_out(self, run: _Run, due: Effect[Any]) -> None:
        session_id, go_on = run.owner.session_id, partial(self._advance, run)
        if isinstance(due, Sleep):
            run.alarm = self._loop.call_later(due.ms / 1000, partial(go_on, None))
        elif isinstance(due, TellCxone):
            self._tell(session_id, due.typing, go_on)
        else:
            self._jobs.submit(session_id, lambda: self._runner.carry_out(due), go_on, partial(self._failed, run))

    def _failed(self, run: _Run, error: Exception) -> None:
        """It begins again: of one that failed before it could claim nobody else would know (T4, T9)."""
        logger.warning("An owner failed: %s", error, extra={"session": run.owner.session_id})
        self._counters.add("OwnersFailed")
        self._begin_later(run, AGAIN_S * 2 ** min(run.failures, LONGEST_PAUSE), run.failures + 1)

    def _ended(self, run: _Run, result: Reconciled) -> None:
        if not result.done:
            self._begin_later(run, result.wait_seconds)
        elif self._is_newest(run):
            del self._runs[run.owner.session_id]

    def _begin_later(self, run: _Run, seconds: float, failures: int = 0) -> None:
        """Unless another has taken its place, or the guest is held here no more."""
        if self._is_newest(run):
            run.alarm = self._loop.call_later(seconds, lambda: self._begin(run.owner, failures))

    def _is_newest(self, run: _Run) -> bool:
        return self._runs.get(run.owner.session_id) is run

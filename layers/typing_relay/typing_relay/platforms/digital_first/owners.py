"""Owners that run in the keeper: on Digital-First only who holds a visitor's socket can tell CXone anything.

The flow is the sender's own (``relay.flows.reconcile``), carried out step by step: the store's steps on worker threads,
typing on the socket, sleeps on the loop's timers, so that thousands of bursts wait without a thread.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop, Timer
from typing_relay.platforms.digital_first.ports import TellTyping
from typing_relay.relay.burst import Owner, Session
from typing_relay.relay.flows import Flow, Reconciled, Sleep, reconcile, run, take_over
from typing_relay.relay.outcomes import Outcome
from typing_relay.relay.ports import SenderWorld

logger = logging.getLogger(__name__)


class SocketTyping:
    """Stands where the flow asks for CXone's typing call; ``Owners`` takes that step out and puts it on the socket."""

    def set_typing(self, guest_id: str, typing: bool) -> Outcome:
        """Never called: a socket is not waited for on a worker thread."""
        raise AssertionError("typing goes out on the loop")

    def get_typing(self, guest_id: str) -> bool | Outcome:
        """Never called: the gateway cannot be asked what it shows (CXone fact), and the policy says so."""
        raise AssertionError("the gateway cannot be asked")


class _Run:
    """One owner at work."""

    __slots__ = ("alarm", "flow", "owner")

    def __init__(self, owner: Owner, flow: Flow[Reconciled]) -> None:
        self.owner, self.flow = owner, flow
        self.alarm: Timer | None = None


class Owners:
    """On the loop's thread. ``world.guests`` is a SocketTyping."""

    def __init__(self, loop: Loop, jobs: Jobs, world: SenderWorld, tell: TellTyping, counters: Counters) -> None:
        self._loop, self._jobs, self._world, self._tell, self._counters = loop, jobs, world, tell, counters
        self._runs: dict[str, _Run] = {}

    def __len__(self) -> int:
        """How many sessions have an owner here."""
        return len(self._runs)

    def start(self, session_id: str, generation: int) -> None:
        """Become the owner ``generation`` of this session; the former one, if it sleeps, sleeps no longer.

        A nudge that comes twice, or after a later one, changes nothing (T12).
        """
        former = self._runs.get(session_id)
        if former:
            if former.owner.generation >= generation:
                return
            self._let_go(former)
        owner = Owner(session_id, generation, started_at=self._world.clock())
        self._begin(owner)

    def take_up(self, record: Session) -> None:
        """Become the next owner of this record if what the agent sees, or may see, is not what is wanted.

        Whoever holds the lease now is overtaken: only here can anything be said. One that a key took before anything
        could be said has no owner, and would keep the next keys' burst from being shown (T1).
        """
        now = self._world.clock()
        nothing_to_say = record.is_settled_at(record.wants(now, self._world.policy)) or record.cannot_show()
        if nothing_to_say and record.lease_until <= now:
            return
        self._jobs.submit(
            record.session_id,
            lambda: run(take_over(self._world, record, now)),
            lambda became: None,
            lambda error: logger.warning("A burst could not be taken up: %s", error),
        )

    def drop(self, session_id: str) -> None:
        """The guest is held here no more: what is left to do is its next keeper's."""
        run = self._runs.pop(session_id, None)
        if run:
            self._let_go(run)

    def _begin(self, owner: Owner) -> None:
        run = self._runs[owner.session_id] = _Run(owner, reconcile(self._world, owner))
        self._advance(run, None)

    def _let_go(self, run: _Run) -> None:
        """One that sleeps ends here. One in the middle of a step goes on, and finds out that it has been overtaken."""
        if run.alarm:
            run.alarm.cancel()

    def _advance(self, run: _Run, answer: Any) -> None:
        run.alarm = None
        try:
            due = run.flow.send(answer)
        except StopIteration as finished:
            self._ended(run, finished.value)
        except Exception as error:
            self._failed(run, error)
        else:
            self._carry_out(run, due)

    def _carry_out(self, run: _Run, due: Any) -> None:
        if isinstance(due, Sleep):
            run.alarm = self._loop.call_later(due.ms / 1000, partial(self._advance, run, None))
        elif due.func == self._world.guests.set_typing:
            _guest_id, typing = due.args
            self._tell(run.owner.session_id, typing, partial(self._advance, run))
        else:
            self._jobs.submit(run.owner.session_id, due, partial(self._advance, run), partial(self._failed, run))

    def _failed(self, run: _Run, error: Exception) -> None:
        """Its lease runs out, and the next look for dead owners finds it (T4)."""
        logger.warning("An owner failed: %s", error, extra={"session": run.owner.session_id})
        self._counters.add("OwnersFailed")
        self._forget(run)

    def _ended(self, run: _Run, result: Reconciled) -> None:
        is_newest = self._runs.get(run.owner.session_id) is run
        if result.done or not is_newest:
            self._forget(run)
            return
        run.alarm = self._loop.call_later(result.wait_seconds, lambda: self._begin(run.owner))

    def _forget(self, run: _Run) -> None:
        if self._runs.get(run.owner.session_id) is run:
            del self._runs[run.owner.session_id]

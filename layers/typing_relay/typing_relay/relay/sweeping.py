"""What the sweeper does with one session, and each keeper when it sweeps: in the order of effects, as in ``flows``."""

from __future__ import annotations

from dataclasses import dataclass, replace

from typing_relay.relay import session_writes as write
from typing_relay.relay.burst import Policy, Session
from typing_relay.relay.decisions import Owner, Park, decide
from typing_relay.relay.effects import Flow, Now, Read, perform
from typing_relay.relay.flows import Became, take_over
from typing_relay.relay.reconciling import park


@dataclass(frozen=True, slots=True)
class Swept:
    """What came of a look at one session. ``started``: an owner was, unless another process was faster; ``parked``: the
    burst was, so no owner had died: its hold is over, or its question due.

    ``look_at`` (ms), with the ``generation`` that is then still the newest: when a parked burst is to be looked at
    again; 0: never.
    """

    started: bool = False
    parked: bool = False
    look_at: int = 0
    generation: int = 0


def sweep_one(
    policy: Policy, session_id: str, keeper: str = "", watched: int = 0, watches: bool = False
) -> Flow[Swept]:
    """Adopt a record whose owner died, or whose hold is over.

    Where nothing can be shown, an owner would only release the record, so that is done here. A burst that keys have
    held on since it was parked is parked again.

    ``keeper``: the keeper that sweeps, on a platform where only the keeper that holds the guest can be the owner.
    ``watches``: who asks looks again by itself at ``look_at``. Its lease may be longer, which saves writes: it tells
    others when to look should it die. ``watched``: the generation of the burst that it looks at again.
    """
    read_at = yield from perform(Now())
    record = yield from perform(Read(session_id, read_at))
    if record is None or keeper not in ("", record.keeper):
        return Swept()
    if record.cannot_show():
        yield from perform(write.Release(record))
        return Swept()
    now = yield from perform(Now())
    is_over = record.lease_until <= now or record.generation == watched
    if not record.lease_until or not is_over:
        return Swept()  # released, or another owner has it: the index was behind, or they were faster
    owner = Owner(session_id, record.generation, now)
    decision = decide(record, owner, now, replace(policy, park_from_ms=0), read_at=read_at)
    if isinstance(decision, Park):
        yield from _park_again(policy, record, decision.until, now, watches)
        return Swept(look_at=decision.until, generation=record.generation)
    started = (yield from take_over(policy, record, now)) is Became.STARTED
    was_parked = (
        policy.parks and record.types_by_hold(policy) and record.is_settled_at(True) and not record.is_in_doubt()
    )
    return Swept(started, was_parked)


def _park_again(policy: Policy, record: Session, until: int, now: int, watches: bool) -> Flow[None]:
    """Each change of a lease costs three writes: one that is watched is as long as any owner's."""
    if not watches:
        yield from park(record, until)
    elif record.lease_until <= until:
        lease_until = max(now + policy.lease_ms, until + policy.lease_margin_ms)
        yield from perform(write.Park(record, lease_until))

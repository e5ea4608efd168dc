"""What the owner of a record must do next: ``decide``, and the nine decisions that it can come to. Pure.

All times are epoch milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from typing_relay.relay.burst import Policy, Session
from typing_relay.relay.retry import MAX_RETRIES_OF_TRUE


@dataclass(frozen=True, slots=True)
class Owner:
    """Who reconciles a record: the generation it was started for, and when it began (ms).

    ``keeper``: the keeper that it is in; '': it is an execution.
    """

    session_id: str
    generation: int
    started_at: int
    keeper: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """Stop: another owner is newer, another keeper has the guest, or the record is gone."""


@dataclass(frozen=True, slots=True)
class Release:
    """All is settled: release the lease, unless a key or stop came meanwhile (T9)."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Stop with work left. The next key starts an owner, or from ``at`` on a keeper or the sweeper does."""

    at: int


@dataclass(frozen=True, slots=True)
class Park:
    """Stop while typing is shown and held: a stop starts an owner at once, and at ``until`` a keeper does."""

    until: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before ``until``."""

    until: int


@dataclass(frozen=True, slots=True)
class Send:
    """Tell CXone that the visitor is, or is no longer, typing."""

    typing: bool


@dataclass(frozen=True, slots=True)
class Verify:
    """Ask CXone what it shows."""


@dataclass(frozen=True, slots=True)
class ForgetFailures:
    """The burst that failed is over: the next one starts with all its retries again."""


@dataclass(frozen=True, slots=True)
class RequestGuest:
    """There is no guest, and none is on its way: ask for one."""


Decision = End | Release | HandOver | Park | Wait | Send | Verify | ForgetFailures | RequestGuest


def decide(
    record: Session | None, owner: Owner, now: int, policy: Policy, paused_until: int = 0, read_at: int | None = None
) -> Decision:
    """What ``owner`` must do next.

    ``paused_until`` (ms): the end of the breaker's pause for this session; no new ``true`` and no question before it.
    ``read_at`` (ms): when ``record`` was asked for; by default now.
    """
    if record is None or record.generation != owner.generation or owner.keeper not in ("", record.keeper):
        return End()
    decision = _next_step(record, now, policy, paused_until)
    decision = _looks_again(decision, record, now if read_at is None else read_at, now, policy)
    if not isinstance(decision, Wait):
        return decision
    if decision.until - now > policy.park_ms:
        return HandOver(at=now + policy.park_ms)
    if now - owner.started_at >= policy.execution_ms:
        return HandOver(at=now)
    return decision


def _looks_again(decision: Decision, record: Session, read_at: int, now: int, policy: Policy) -> Decision:
    """Stay awake while no frame may start an owner, and look once more when one may: what came meanwhile counts then.

    Functions' clocks differ, so that look comes a little later.
    """
    look_at = record.start_allowed_at(policy) + policy.arrival_slack_ms
    rests = isinstance(decision, Release | Park)
    sleeps_on = rests or (isinstance(decision, Wait) and decision.until > look_at)
    return Wait(max(now + 1, look_at)) if sleeps_on and read_at < look_at else decision


def _next_step(record: Session, now: int, policy: Policy, paused_until: int) -> Decision:
    if record.cannot_show():
        return Release()
    if now < record.sending_until:
        return Wait(min(record.sending_until, now + policy.poll_ms))
    wanted = record.wants(now, policy)
    if not record.has_guest():
        return _without_guest(record, wanted, now, policy)
    if record.is_settled_at(wanted):
        return _settled(record, wanted, now, policy, paused_until)
    return _unsettled(record, wanted, now, policy, paused_until)


def _without_guest(record: Session, wanted: bool, now: int, policy: Policy) -> Decision:
    if not wanted:
        return Release()
    if record.needs_guest(now, policy):
        return RequestGuest()
    return Wait(min(record.quiet_at(policy), now + policy.guest_poll_ms))


def _settled(record: Session, wanted: bool, now: int, policy: Policy, paused_until: int) -> Decision:
    may_call = now >= max(record.retry_at, paused_until)
    if policy.verifies and record.verify_at is not None and now >= record.verify_at and may_call:
        return Verify()
    if wanted:
        changes_at = _changes_at(record, now, policy)
        if _may_park(record, changes_at, now, policy):
            return Park(changes_at)
        return Wait(max(now + 1, min(changes_at, _question_at(record, changes_at, policy, paused_until))))
    if record.is_fresh(now, policy):  # typing beyond the cap: nothing is shown until the visitor pauses
        return Wait(record.quiet_at(policy))
    if record.attempts:
        return ForgetFailures()
    return Release()


def _may_park(record: Session, changes_at: int, now: int, policy: Policy) -> bool:
    """What is shown is held and certain: its front end says when it ends. The cap is awaited awake.

    A question that falls due meanwhile is asked when the hold ends, if keys have held on: by then most bursts are over.
    """
    is_next_to_end = changes_at == record.quiet_at(policy) and changes_at - now >= policy.park_from_ms
    return policy.parks and is_next_to_end and record.types_by_hold(policy) and not record.is_in_doubt()


def _unsettled(record: Session, wanted: bool, now: int, policy: Policy, paused_until: int) -> Decision:
    if wanted and (record.failures_of(True) > MAX_RETRIES_OF_TRUE or not record.may_begin(now, policy)):
        return Wait(record.quiet_at(policy))
    may_send_at = max(record.retry_at, paused_until, record.true_allowed_at(policy)) if wanted else record.retry_at
    if now >= may_send_at:
        return Send(wanted)
    return Wait(min(may_send_at, record.quiet_at(policy)) if wanted else may_send_at)


def _changes_at(record: Session, now: int, policy: Policy) -> int:
    """When what is shown must change, if no key follows."""
    changes = [record.quiet_at(policy)]
    pause_due_at = record.pause_due_at(policy)
    if pause_due_at is not None:
        changes.append(pause_due_at)
    if record.typing_since is not None:
        changes.append(record.typing_since + policy.cap_ms)
    return max(now + 1, min(changes))


def _question_at(record: Session, changes_at: int, policy: Policy, paused_until: int) -> int:
    """When CXone is asked; ``changes_at`` where it is not asked before."""
    if not policy.verifies or record.verify_at is None:
        return changes_at
    return max(record.verify_at, record.retry_at, paused_until)

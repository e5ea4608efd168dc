"""What an owner does, in the order of effects, as in ``flows``: it carries out what ``decisions`` says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from typing_relay.relay import session_writes as write
from typing_relay.relay.breaker import turn_ms
from typing_relay.relay.burst import MAX_MISMATCHES, Policy, Session
from typing_relay.relay.decisions import (
    Decision,
    End,
    ForgetFailures,
    HandOver,
    Owner,
    Park,
    Release,
    RequestGuest,
    Send,
    Verify,
    Wait,
    decide,
)
from typing_relay.relay.effects import (
    AskBreaker,
    AskCxone,
    AskForGuest,
    Flow,
    Jitter,
    Latency,
    Now,
    Read,
    ReportLatency,
    Sleep,
    TellBreaker,
    TellCxone,
    TellTypingUnavailable,
    perform,
)
from typing_relay.relay.flows import claim, ensure_guest
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import Lock
from typing_relay.relay.retry import BASE_MS, DENIED_MS, backoff_ms


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Done, or to be called again after ``wait_seconds``."""

    done: bool
    wait_seconds: int = 0


DONE = Reconciled(done=True)
#: When a record was asked for (ms), and the record as a read or a write returned it; None: there is none.
Seen = tuple[int, Session | None]
#: Instead of a record: nothing is left to this execution.
OVER: Seen = (0, None)
#: A flow stays in one Lambda invocation at most this long, waits of under a second included.
INVOCATION_MS = 8_000
#: With the margin this fits into a lease. If an execution dies, its lease of 14 s expires, and a keeper finds that
#: within 4 s and starts the next owner: less than 20 s, and less than 30 s in all (T4). Without a keeper, the schedule
#: may take 119 s to find it.
LONGEST_WAIT_S = 5
#: Whoever calls next may have a clock that is ahead by this much; AWS keeps them within a few ms. A Retry-After holds
#: for it all the same (T7).
CLOCKS_APART_MS = 50


def reconcile(policy: Policy, owner: Owner) -> Flow[Reconciled]:
    """Bring what CXone shows to what is wanted, as far as possible now.

    Returns whether this owner is done, or after how many seconds it must be called again. An owner that a nudge starts
    finds the generation before its own: it claims by its first write, which tells it whether it has seen all there is.
    """
    ends_at = (yield from perform(Now())) + INVOCATION_MS
    seen: Seen | None = None
    while True:
        read_at, read = seen or (yield from _read(owner))
        seen = None
        now = yield from perform(Now())
        if read is None:
            return DONE
        claims = read.generation + 1 == owner.generation
        record = read.as_claimed(now, policy) if claims else read
        paused_until = yield from _paused_until(policy, record, now)
        decision = decide(record, owner, now, policy, paused_until, read_at)
        if isinstance(decision, End):
            return DONE
        if claims and not isinstance(decision, Send | Release):  # these two are the claim as well
            yield from claim(policy, read, now, owner.keeper)
        elif isinstance(decision, Wait):
            if decision.until - now < 1000 and decision.until < ends_at:
                yield Sleep(decision.until - now)
                continue
            waiting = yield from _keep_lease(policy, record, decision.until, now)
            if waiting:
                return waiting
        else:
            seen = yield from _carry_out(policy, record, decision, claims)
            if seen is OVER:
                return DONE
        if (yield from perform(Now())) >= ends_at:
            return Reconciled(done=False, wait_seconds=1)


def _read(owner: Owner) -> Flow[Seen]:
    read_at = yield from perform(Now())
    return read_at, (yield from perform(Read(owner.session_id, read_at)))


def _paused_until(policy: Policy, record: Session, now: int) -> Flow[int]:
    """When this session resumes after the breaker's pause; read only where a ``true`` or a GET could be due."""
    may_begin = record.wants(now, policy) and not record.is_settled_at(True)
    may_ask = policy.verifies and record.verify_at is not None and now >= record.verify_at
    if not may_begin and not may_ask:
        return 0
    return (yield from perform(AskBreaker(now))) + turn_ms(record.session_id)


def _keep_lease(policy: Policy, record: Session, until: int, now: int) -> Flow[Reconciled | None]:
    """Wait as long as the lease allows, and renew it only where less than a second of waiting is left in it.

    The burst may be over before, and each change of a lease costs three writes. Returns None when this owner has been
    superseded.
    """
    allowed_s = (record.lease_until - policy.sleep_margin_ms - now) // 1000
    longest_s = min(allowed_s, LONGEST_WAIT_S) if allowed_s >= 1 else LONGEST_WAIT_S
    seconds = max(1, min((until - now) // 1000, longest_s))
    needed = now + seconds * 1000 + policy.sleep_margin_ms
    lease_until = record.lease(needed, now, policy)
    is_kept = lease_until == record.lease_until or (
        yield from perform(write.SetLease(record.session_id, record.generation, lease_until))
    )
    return Reconciled(done=False, wait_seconds=seconds) if is_kept else None


def _carry_out(policy: Policy, record: Session, decision: Decision, claims: bool) -> Flow[Seen | None]:
    """Do what was decided. Returns ``OVER`` if this execution is, else the record if a write has returned it."""
    match decision:
        case Release():
            return OVER if (yield from perform(write.Release(record, claims))) else None
        case HandOver(at):
            yield from perform(write.SetLease(record.session_id, record.generation, at))
            return OVER
        case Park(until):
            yield from park(record, until)
            return OVER
        case Send(typing):
            return (yield from _send(policy, record, typing, claims))
        case Verify():
            yield from _verify(policy, record)
        case ForgetFailures():
            yield from perform(write.ForgetFailures(record.session_id, record.generation))
        case RequestGuest():
            yield from ensure_guest(policy, record)
    return None


def park(record: Session, until: int) -> Flow[None]:
    """The lease ends with the hold. One that ends earlier stands: whoever finds it parks the burst again.

    (Each change of a lease costs three writes.)
    """
    now = yield from perform(Now())
    if not now < record.lease_until <= until:
        yield from perform(write.Park(record, until))


def _send(policy: Policy, record: Session, typing: bool, claims: bool) -> Flow[Seen | None]:
    """Lock, POST, record. The lock is taken in the same write that checks the fence (T6).

    Returns ``OVER`` if that settled everything and released the lease, else the record if it was returned.
    """
    now = yield from perform(Now())
    is_fresh = record.is_fresh(now, policy)
    goes_on = typing or (is_fresh and record.is_capped(now, policy))
    since = (record.typing_since or now) if goes_on else None
    next_from = record.newest_key_came_at() if is_fresh else None
    # Keys pressed while nobody could be shown them count from now on: so does what is felt of them.
    begun_at = record.begun_at(policy)
    burst_from = now if typing and begun_at is None else begun_at
    lock = Lock(
        typing,
        until=now + policy.lock_ms,
        lease_until=record.lease(now + policy.answer_ms, now, policy),
        typing_since=since,
        burst_from=burst_from if goes_on else next_from,
        spends=policy.trues.spend(record.sends, now) - record.sends if typing else 1,
    )
    locked = yield from perform(write.Lock(record, lock, claims))
    if locked is not True:
        return (now, locked) if locked and now // 1000 < locked.expires_at else None
    began = yield from perform(Now())
    if began - now > policy.start_within_ms:
        return None  # stalled: an answer could come after the lock's end, so nothing is sent and the lock expires
    if typing and not record.may_begin(began, policy):
        yield from perform(write.Unlock(record, lock))
        return None
    outcome = yield from perform(TellCxone(record.guest_id, typing))
    answered = yield from perform(Now())
    came = yield from _record(policy, record, lock, outcome, answered)
    yield from perform(TellBreaker(record.guest_id, outcome, answered))
    return came


def _record(policy: Policy, record: Session, lock: Lock, outcome: Outcome, now: int) -> Flow[Seen | None]:
    """Write CXone's answer into the record first: a sender may die after any step (T7). Returns as ``_send``."""
    if outcome.kind in (Kind.GUEST_OVER, Kind.UNAVAILABLE):
        yield from perform(write.Unlock(record, lock))
        yield from _guest_lost(policy, record, outcome)
        return None
    if outcome.kind is Kind.NOT_YET:
        yield from perform(write.Postpone(record, now + BASE_MS))
        yield from perform(write.Unlock(record, lock))
        return None
    if outcome.kind is Kind.ENDED:
        yield from perform(write.Unlock(record, lock, begins_anew=True))
        return None
    if outcome.kind is Kind.ACCEPTED:
        if (yield from _settle(policy, record, lock, now)):
            return OVER
        regularly = now + policy.verify_ms if lock.typing else None
        verify_at = now if record.is_in_doubt() else regularly
        shown_at = max(now, record.newest_key_at() or 0)  # clocks differ: never before the key that it shows
        accepted = yield from perform(write.Accepted(record, lock, shown_at, verify_at))
        if accepted:
            yield from _report_latency(policy, record, lock, now)
            return now, accepted
        # The guest was replaced meanwhile. Or, where keepers own, a message has ended what was shown.
        yield from perform(write.Unlock(record, lock, begins_anew=policy.keepers_own))
        return None
    delay = yield from _delay(record, lock.typing, outcome)
    yield from perform(write.Postpone(record, now + delay))
    if not (yield from perform(write.Failed(record, lock, _uncertain_until(record, lock, outcome, now)))):
        yield from perform(write.Unlock(record, lock))  # the guest was replaced: this call to the former one is over
    return None


def _settle(policy: Policy, record: Session, lock: Lock, now: int) -> Flow[bool]:
    """Record the end of a burst and release the lease in one write; False where more is to do, or a key came."""
    goes_on = record.is_in_doubt() or record.is_fresh(now, policy)
    if lock.typing or goes_on or now < record.start_allowed_at(policy):
        return False
    is_settled = yield from perform(write.Settled(record, lock, now))
    if is_settled:
        yield from _report_latency(policy, record, lock, now)
    return is_settled


def _report_latency(policy: Policy, record: Session, lock: Lock, now: int) -> Flow[None]:
    """Report how long the agent's view took to follow: once per burst, whatever came in between. Never below 0.

    A ``false`` that is sent only because it is unknown what is shown ends nothing that anybody perceived.
    """
    if lock.typing:
        if lock.burst_from:
            awaited_from = max(lock.burst_from, record.awaited_from(policy))
            yield from perform(ReportLatency(Latency.FIRST_KEY_TO_SHOWN, max(0, now - awaited_from)))
    elif (record.shown or record.typing_since) and not lock.typing_since:  # else: typing beyond the cap, which goes on
        typed_until = record.typed_until(now, policy)
        if typed_until is not None:
            yield from perform(ReportLatency(Latency.LAST_KEY_TO_ENDED, max(0, now - typed_until)))


def _uncertain_until(record: Session, lock: Lock, outcome: Outcome, now: int) -> int | None:
    """Until when (ms) the call may still be on its way; None when CXone has certainly not accepted it."""
    if outcome.kind is Kind.LOST:
        return lock.until
    taken_before = record.sending is not None
    refused = outcome.kind in (Kind.THROTTLED, Kind.DENIED)
    return None if refused and not taken_before else now


def _delay(record: Session, typing: bool, outcome: Outcome) -> Flow[int]:
    if outcome.kind is Kind.DENIED:
        return DENIED_MS
    clocks_apart_ms = CLOCKS_APART_MS if outcome.kind is Kind.THROTTLED else 0
    jitter = yield from perform(Jitter())
    return backoff_ms(record.failures_of(typing), outcome.retry_after_ms, jitter) + clocks_apart_ms


def _guest_lost(policy: Policy, record: Session, outcome: Outcome) -> Flow[None]:
    """403: whoever notices first asks for a new guest. 404: no typing for this guest; the front end is told once."""
    if outcome.kind is Kind.GUEST_OVER:
        now = yield from perform(Now())
        if (yield from perform(write.EndGuest(record.session_id, record.guest_id, now))):
            yield from perform(AskForGuest(record.session_id))
    elif (yield from perform(write.MarkTypingUnavailable(record.session_id, record.guest_id))):
        yield from perform(TellTypingUnavailable(record))


def _verify(policy: Policy, record: Session) -> Flow[None]:
    """GET what CXone shows. A mismatch is recorded as what is shown, and the next decision sends again.

    While typing is shown, the next question is put off before asking, so that a second owner does not ask too (T14).
    """
    if record.shown:
        next_at = (yield from perform(Now())) + policy.verify_ms
        if not (yield from perform(write.PutOffQuestion(record, next_at))):
            return
        record = replace(record, verify_at=next_at)
    answer = yield from perform(AskCxone(record.guest_id))
    answered = yield from perform(Now())
    if isinstance(answer, bool):
        yield from _compare(policy, record, answer, answered)
        outcome = Outcome(Kind.ACCEPTED)
    else:
        yield from _not_verified(policy, record, answer, answered)
        outcome = answer
    yield from perform(TellBreaker(record.guest_id, outcome, answered))


def _compare(policy: Policy, record: Session, shows: bool, now: int) -> Flow[None]:
    mismatches = record.mismatches + 1 if shows != record.shown else 0
    next_at = record.verify_at if record.shown else None
    if mismatches > MAX_MISMATCHES:
        shows, next_at = record.shown, None
    if mismatches > 1:
        yield from perform(write.Postpone(record, now + backoff_ms(mismatches - 1)))
    if mismatches or record.mismatches or not record.shown:  # else the record already says so
        yield from perform(write.Verified(record, shows, next_at, mismatches))


def _not_verified(policy: Policy, record: Session, outcome: Outcome, now: int) -> Flow[None]:
    if outcome.kind in (Kind.GUEST_OVER, Kind.UNAVAILABLE):
        yield from _guest_lost(policy, record, outcome)
        return
    if outcome.kind is Kind.THROTTLED:
        delay = yield from _delay(record, record.shown, outcome)
        yield from perform(write.Postpone(record, now + delay))
    if not record.shown:
        yield from perform(write.Verified(record, False, None, record.mismatches))

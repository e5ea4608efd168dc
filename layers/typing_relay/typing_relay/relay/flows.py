"""The order of effects: what is read, written and called, one after another.

Each flow is a generator of effects (``relay.effects``), so that the same code runs in a Lambda (``relay.runner``), on a
keeper's loop, and in a simulation that may delay, repeat or crash it between any two. Rules are in ``burst``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from typing_relay.relay import session_writes as write
from typing_relay.relay.breaker import turn_ms
from typing_relay.relay.burst import (
    MAX_MISMATCHES,
    Decision,
    End,
    ForgetFailures,
    HandOver,
    Owner,
    Park,
    Policy,
    Release,
    RequestGuest,
    Send,
    Session,
    Verify,
    Wait,
    decide,
)
from typing_relay.relay.effects import (
    AskBreaker,
    AskCxone,
    AskForGuest,
    Flow,
    Hint,
    IsThere,
    Jitter,
    Latency,
    Now,
    Nudge,
    Read,
    ReportLatency,
    Sleep,
    StartOwner,
    TellBreaker,
    TellCxone,
    TellTypingUnavailable,
    perform,
)
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import Absent, Coming, Key, Lock
from typing_relay.relay.retry import BASE_MS, DENIED_MS, backoff_ms


class Became(StrEnum):
    """What came of a frame."""

    #: It says nothing new, or counts no more.
    STALE = "stale"
    #: An operator takes nothing of this visitor now.
    BLOCKED = "blocked"
    #: Recorded; whoever owns the burst sees it.
    NOTED = "noted"
    #: Recorded; the burst has its owner, or will have the next one once frames may start owners again.
    COALESCED = "coalesced"
    #: CXone can show this visitor's typing to nobody.
    HOPELESS = "hopeless"
    #: An owner was started.
    STARTED = "started"
    #: An owner could not be started.
    FAILED = "failed"


# --- what visitors do ------------------------------------------------------------------------------------------------


def key_pressed(policy: Policy, session_id: str, connection: str, key: Key, token_ends: int) -> Flow[Became]:
    """A key was pressed, on a connection whose token expires at ``token_ends`` (epoch s).

    Returns: stale, blocked, coalesced, hopeless, started or failed. A coalesced key is one write and nothing else (T8).
    """
    now = yield from perform(Now())
    at = min(key.at, now)  # clocks differ: no key is from the future
    hold_ms = key.hold_ms if key.hold_ms > policy.debounce_ms else 0
    if now - at >= (hold_ms or policy.debounce_ms):
        return Became.STALE
    counted = key if (key.at, key.hold_ms) == (at, hold_ms) else replace(key, at=at, hold_ms=hold_ms)
    pressed = write.PressKey(session_id, connection, counted, now, _expires_at(policy, now))
    record = yield from perform(pressed)
    if isinstance(record, Absent):  # it expired while the visitor was connected and silent
        yield from connected(policy, session_id, connection, token_ends)
        record = yield from perform(pressed)
    if record is None or isinstance(record, Absent):
        return Became.STALE
    if record.is_blocked(now):
        return Became.BLOCKED
    if connection not in record.connections:  # forgotten too early: API Gateway told a keeper that it was gone
        yield from connected(policy, session_id, connection, token_ends)
    if record.lease_until > now and not record.ends_hold(connection, policy):
        return Became.COALESCED
    yield from ensure_guest(policy, record)
    if record.cannot_show():
        return Became.HOPELESS
    return (yield from _started(policy, record))


def stopped(policy: Policy, session_id: str, connection: str, at: int, late_ms: int = 0) -> Flow[Became]:
    """The visitor sent, cleared or left at ``at`` (ms), and said so ``late_ms`` later.

    Returns: stale, noted, started, failed or coalesced.

    Takes back the keys of this connection up to ``at``, and no other connection's (T10). Starts an owner at once if
    that changes what the agent should see, or until when: a sleeping owner would wake too late for the end of another
    tab's typing (T2), or for the end of a burst that a newer one has already followed (T1).
    """
    now = yield from perform(Now())
    at = min(at, now)
    record = yield from perform(write.NoteStop(session_id, connection, at, now, late_ms))
    if record is None:
        return Became.STALE
    nothing_to_take_back = record.is_settled_at(False) and not record.attempts
    another_types_on = record.is_fresh(now, policy) and not record.counted_longest(connection, policy)
    changes_nothing = another_types_on and record.pause_due_at(policy) is None
    if nothing_to_take_back or changes_nothing or record.cannot_show():
        return Became.NOTED
    return (yield from _started(policy, record))


def _started(policy: Policy, record: Session) -> Flow[Became]:
    """A frame that changes something takes over, unless this visitor's frames have started owners too often (T17).

    Nothing is lost by that: the newest owner looks again once that is allowed, and sees what was written before.
    """
    now = yield from perform(Now())
    if now < record.start_allowed_at(policy):
        return Became.COALESCED
    return (yield from take_over(policy, record, now))


def connected(
    policy: Policy, session_id: str, connection: str, token_ends: int, *, profile: str = "", wants_guest: bool = True
) -> Flow[Session]:
    """A front end connected, with a token that expires at ``token_ends`` (epoch s) and has this ``profile``.

    Returns the record, unchanged where it is blocked. If there is no guest, one is asked for where it ``wants_guest``:
    a visitor who has only connected costs CXone nothing (T18). A key from more than a hold and a second of delivery ago
    no longer counts, so the connection's first stop is set to that time: it takes no key back.
    """
    now = yield from perform(Now())
    expires_at = _expires_at(policy, now)
    coming = Coming(connection, now - policy.hold_ms - 1000, token_ends, profile)
    record = yield from perform(write.AddConnection(session_id, coming, now, expires_at))
    while isinstance(record, Absent):
        yield from perform(write.Create(session_id, now, expires_at))
        record = yield from perform(write.AddConnection(session_id, coming, now, expires_at))
    if record.is_blocked(now):
        return record
    if wants_guest:
        yield from ensure_guest(policy, record)
    before = now - 10 * policy.debounce_ms
    if record.forgettable(before):  # last: nobody waits for it
        yield from perform(write.Prune(record, before))
    return record


def greeted(policy: Policy, session_id: str, connection: str, token_ends: int, profile: str = "") -> Flow[Session]:
    """A front end that is there says so: what was forgotten of it is made good, and a guest asked for if none is held.

    Returns the record. A keeper that posted before the handshake had ended was told that the connection is gone (410).
    """
    now = yield from perform(Now())
    record = yield from perform(Read(session_id, now))
    if record is None or connection not in record.connections:
        return (yield from connected(policy, session_id, connection, token_ends, profile=profile))
    if not record.is_blocked(now):
        yield from ensure_guest(policy, record)
    return record


def caught_up(record: Session) -> Flow[bool]:
    """A front end that has just been welcomed hears of a conversation under way: the keeper is nudged to tell it.

    Returns whether the keeper was reached. Nothing is written, and where nothing was ever said nobody is nudged, unless
    the guest may wait for a page that signs its visitor in. (Not on v1, where keepers cannot be nudged.)
    """
    is_under_way = bool(record.conversation) and (record.contact_open or bool(record.told_at))
    may_wait = bool(record.keeper) and not record.is_open() and bool(record.signed_in or not record.conversation)
    if not is_under_way and not may_wait:
        return False
    return (yield from perform(Nudge(record, Hint.GREETED)))


def roll_called(record: Session, now: int) -> Flow[list[str]]:
    """Check whether the quiet connections of ``record`` still exist. Returns those that are gone, and forgets them.

    Connections older than API Gateway's two-hour limit are gone without asking it.
    """
    gone = []
    for connection in record.quiet_connections(now):
        if record.is_over(connection, now) or not (yield from perform(IsThere(connection))):
            yield from perform(write.ForgetConnection(record.session_id, connection, now))
            gone.append(connection)
    return gone


def disconnected(policy: Policy, session_id: str, connection: str, at: int) -> Flow[Became]:
    """A front end disconnected at ``at`` (ms): a stop of this connection, and of no other (T10)."""
    became = yield from stopped(policy, session_id, connection, at)
    now = yield from perform(Now())
    yield from perform(write.ForgetConnection(session_id, connection, now))
    return became


def ensure_guest(policy: Policy, record: Session) -> Flow[bool]:
    """Ask the keepers for a guest unless there is one or it is on its way. Returns whether it was asked for.

    The queue first: who dies in between has asked, and the record only keeps others from asking as well (T9).
    """
    now = yield from perform(Now())
    if not record.needs_guest(now, policy):
        return False
    yield from perform(AskForGuest(record.session_id))
    yield from perform(write.RequestGuest(record, now))
    return True


def _expires_at(policy: Policy, now: int) -> int:
    return now // 1000 + policy.session_ttl_s


def take_over(policy: Policy, record: Session, now: int) -> Flow[Became]:
    """Claim the next generation and start its owner; a failed start returns the lease."""
    lease_until = record.lease(now + policy.answer_ms, now, policy)
    starts_until = policy.starts.spend(record.starts_until, now)
    if not (yield from perform(write.Claim(record.session_id, record.generation, lease_until, starts_until))):
        return Became.COALESCED
    generation = record.generation + 1
    if (yield from perform(StartOwner(record, generation))):
        return Became.STARTED
    yield from perform(write.SetLease(record.session_id, generation, now))
    return Became.FAILED


# --- what an owner does ----------------------------------------------------------------------------------------------


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
#: With the margin this fits into a lease. If the owner dies, its lease of 14 s expires, and a keeper finds that within
#: 5 s and starts the next owner: less than 20 s, and less than 30 s in all (T4). Without a keeper, the schedule may
#: take 119 s to find it.
LONGEST_WAIT_S = 5
#: Whoever calls next may have a clock that is ahead by so much; AWS keeps them within a few ms. A Retry-After holds for
#: it all the same (T7).
CLOCKS_APART_MS = 50


def reconcile(policy: Policy, owner: Owner) -> Flow[Reconciled]:
    """Bring what CXone shows to what is wanted, as far as possible now.

    Returns whether this owner is done, or after how many seconds it must be called again.
    """
    ends_at = (yield from perform(Now())) + INVOCATION_MS
    seen: Seen | None = None
    while True:
        read_at, record = seen or (yield from _read(owner))
        seen = None
        now = yield from perform(Now())
        calm_at = yield from _calm_at(policy, record, now)
        decision = decide(record, owner, now, policy, calm_at, read_at)
        if record is None or isinstance(decision, End):
            return DONE
        if isinstance(decision, Wait):
            if decision.until - now < 1000 and decision.until < ends_at:
                yield Sleep(decision.until - now)
                continue
            waiting = yield from _keep_lease(policy, record, decision.until, now)
            if waiting:
                return waiting
        else:
            seen = yield from _carry_out(policy, record, decision)
            if seen is OVER:
                return DONE
        if (yield from perform(Now())) >= ends_at:
            return Reconciled(done=False, wait_seconds=1)


def _read(owner: Owner) -> Flow[Seen]:
    read_at = yield from perform(Now())
    return read_at, (yield from perform(Read(owner.session_id, read_at)))


def _calm_at(policy: Policy, record: Session | None, now: int) -> Flow[int]:
    """When this session resumes after the breaker's pause; read only where a ``true`` or a GET could be due."""
    if record is None:
        return 0
    may_begin = record.wants(now, policy) and not record.is_settled_at(True)
    may_ask = policy.verifies and record.verify_at is not None and now >= record.verify_at
    if not may_begin and not may_ask:
        return 0
    return (yield from perform(AskBreaker(now))) + turn_ms(record.session_id)


def _keep_lease(policy: Policy, record: Session, until: int, now: int) -> Flow[Reconciled | None]:
    """Wait as long as the lease allows; renew it where that is less than a second: the burst may be over before.

    (Each change of a lease costs three writes.) Returns None when this owner has been superseded.
    """
    allowed_s = (record.lease_until - policy.lease_margin_ms - now) // 1000
    longest_s = min(allowed_s, LONGEST_WAIT_S) if allowed_s >= 1 else LONGEST_WAIT_S
    seconds = max(1, min((until - now) // 1000, longest_s))
    needed = now + seconds * 1000 + policy.lease_margin_ms
    lease_until = record.lease(needed, now, policy)
    is_kept = lease_until == record.lease_until or (
        yield from perform(write.SetLease(record.session_id, record.generation, lease_until))
    )
    return Reconciled(done=False, wait_seconds=seconds) if is_kept else None


def _carry_out(policy: Policy, record: Session, decision: Decision) -> Flow[Seen | None]:
    """Do what was decided. Returns ``OVER`` if this execution is, else the record if a write has returned it."""
    match decision:
        case Release():
            return OVER if (yield from perform(write.Release(record))) else None
        case HandOver(at):
            yield from perform(write.SetLease(record.session_id, record.generation, at))
            return OVER
        case Park(until):
            yield from _park(record, until)
            return OVER
        case Send(typing):
            return (yield from _send(policy, record, typing))
        case Verify():
            yield from _verify(policy, record)
        case ForgetFailures():
            yield from perform(write.ForgetFailures(record.session_id, record.generation))
        case RequestGuest():
            yield from ensure_guest(policy, record)
    return None


def _park(record: Session, until: int) -> Flow[None]:
    """The lease ends with the hold. One that ends earlier stands: whoever finds it parks the burst again.

    (Each change of a lease costs two more writes.)
    """
    now = yield from perform(Now())
    if not now < record.lease_until <= until:
        yield from perform(write.Park(record, until))


def _send(policy: Policy, record: Session, typing: bool) -> Flow[Seen | None]:
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
    if not (yield from perform(write.Lock(record, lock))):
        return None
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
        is_noted = False
    else:
        delay = yield from _delay(record, lock.typing, outcome)
        yield from perform(write.Postpone(record, now + delay))
        is_noted = yield from perform(write.Failed(record, lock, _uncertain_until(record, lock, outcome, now)))
    if not is_noted:  # the guest was replaced meanwhile: this call to the former one no longer matters
        yield from perform(write.Unlock(record, lock))
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


# --- what the sweeper does -------------------------------------------------------------------------------------------


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
    was_parked = policy.parks and record.is_held(policy) and record.is_settled_at(True) and not record.is_in_doubt()
    return Swept(started, was_parked)


def _park_again(policy: Policy, record: Session, until: int, now: int, watches: bool) -> Flow[None]:
    """Each change of a lease costs three writes: one that is watched is as long as any owner's."""
    if not watches:
        yield from _park(record, until)
    elif record.lease_until <= until:
        lease_until = max(now + policy.lease_ms, until + policy.lease_margin_ms)
        yield from perform(write.Park(record, lease_until))

"""The order of effects: what is read, written and called, one step after another.

Each flow is a generator that yields its steps and is sent their results, so that the same code runs in a Lambda
(``run``) and in a simulation that may delay, repeat or crash it between any two steps. Rules are in ``burst``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ParamSpec, TypeVar

from typing_relay.relay.breaker import turn_ms
from typing_relay.relay.burst import (
    MAX_MISMATCHES,
    Decision,
    End,
    ForgetFailures,
    HandOver,
    Owner,
    Release,
    RequestGuest,
    Send,
    Session,
    Verify,
    Wait,
    decide,
)
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import (
    FIRST_KEY_TO_SHOWN,
    LAST_KEY_TO_ENDED,
    Absent,
    Coming,
    Connections,
    Lock,
    SenderWorld,
    World,
)
from typing_relay.relay.retry import BASE_MS, DENIED_MS, backoff_ms

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sleep:
    """A step that waits ``ms`` and does nothing else."""

    ms: int

    def __call__(self) -> None:
        """Sleep in this thread."""
        time.sleep(self.ms / 1000)


Step = partial[Any] | Sleep
Flow = Generator[Step, Any, T]


def step(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Flow[T]:
    """One effect: ``call`` with its arguments, run by whoever drives the flow."""
    result: T = yield partial(call, *args, **kwargs)
    return result


def run(flow: Flow[T], noticed: Callable[[Any], object] = lambda result: None) -> T:
    """Run a flow to its end in this thread. Returns its result. ``noticed`` is given the result of each step."""
    try:
        due = next(flow)
        while True:
            result = due()
            noticed(result)
            due = flow.send(result)
    except StopIteration as finished:
        value: T = finished.value
        return value


# --- what visitors do ------------------------------------------------------------------------------------------------


def key_pressed(
    world: World, session_id: str, connection: str, at: int, token_ends: int, hold_ms: int = 0, late_ms: int = 0
) -> Flow[str]:
    """A key was pressed at ``at`` (ms), on a connection whose token expires at ``token_ends`` (epoch s).

    ``hold_ms``: the key counts this long unless a stop or another key follows; below the debounce, it counts for that.
    ``late_ms``: how long after ``at``, as the front end says, its frame arrived.
    Returns: stale, coalesced, hopeless, started or failed. A coalesced key is one write and nothing else (T8).
    """
    now = world.clock()
    at = min(at, now)  # clocks differ: no key is from the future
    hold_ms = hold_ms if hold_ms > world.policy.debounce_ms else 0
    if now - at >= (hold_ms or world.policy.debounce_ms):
        return "stale"
    expires_at = _expires_at(world, now)
    pressed = (session_id, connection, at, now, expires_at, hold_ms, late_ms)
    record = yield from step(world.sessions.press_key, *pressed)
    if isinstance(record, Absent):  # it expired while the visitor was connected and silent
        yield from connected(world, session_id, connection, token_ends)
        record = yield from step(world.sessions.press_key, *pressed)
    if record is None or isinstance(record, Absent):
        return "stale"
    if connection not in record.connections:  # forgotten too early: API Gateway told a keeper that it was gone
        yield from connected(world, session_id, connection, token_ends)
    if record.lease_until > now:
        return "coalesced"
    yield from ensure_guest(world, record)
    if record.cannot_show():
        return "hopeless"
    return (yield from _started(world, record))


def stopped(world: World, session_id: str, connection: str, at: int, late_ms: int = 0) -> Flow[str]:
    """The visitor sent, cleared or left at ``at`` (ms), and said so ``late_ms`` later.

    Returns: stale, noted, started, failed or coalesced.

    Takes back the keys of this connection up to ``at``, and no other connection's (T10). Starts an owner at once if
    that changes what the agent should see, or until when: a sleeping owner would wake too late for the end of another
    tab's typing (T2), or for the end of a burst that a newer one has already followed (T1).
    """
    now = world.clock()
    at = min(at, now)
    record = yield from step(world.sessions.note_stop, session_id, connection, at, now, late_ms)
    if record is None:
        return "stale"
    nothing_to_take_back = record.is_settled_at(False) and not record.attempts
    another_types_on = record.is_fresh(now, world.policy) and not record.counted_longest(connection, world.policy)
    changes_nothing = another_types_on and record.pause_due_at(world.policy) is None
    if nothing_to_take_back or changes_nothing or record.cannot_show():
        return "noted"
    return (yield from _started(world, record))


def _started(world: World, record: Session) -> Flow[str]:
    """A frame that changes something takes over, unless this visitor's frames have started owners too often (T17).

    Nothing is lost by that: the newest owner looks again once that is allowed, and sees what was written before.
    """
    now = world.clock()
    if now < record.start_allowed_at(world.policy):
        return "coalesced"
    return (yield from take_over(world, record, now))


def connected(world: World, session_id: str, connection: str, token_ends: int, profile: str = "") -> Flow[Session]:
    """A front end connected, with a token that expires at ``token_ends`` (epoch s) and has this ``profile``.

    Returns the record; a guest is asked for if there is none. A key from more than a hold and a second of delivery ago
    no longer counts, so the connection's first stop is set to that time: it takes no key back.
    """
    now = world.clock()
    expires_at = _expires_at(world, now)
    coming = Coming(connection, now - world.policy.hold_ms - 1000, token_ends, profile)
    record = yield from step(world.sessions.add_connection, session_id, coming, now, expires_at)
    while isinstance(record, Absent):
        yield from step(world.sessions.create, session_id, now, expires_at)
        record = yield from step(world.sessions.add_connection, session_id, coming, now, expires_at)
    yield from ensure_guest(world, record)
    before = now - 10 * world.policy.debounce_ms
    if record.forgettable(before):  # last: nobody waits for it
        yield from step(world.sessions.prune, record, before)
    return record


def greeted(world: World, session_id: str, connection: str, token_ends: int, profile: str = "") -> Flow[Session]:
    """A front end that is there says so: what was forgotten of it is made good, and a guest asked for if none is held.

    Returns the record. A keeper that posted before the handshake had ended was told that the connection is gone (410).
    """
    record: Session | None = yield from step(world.sessions.get, session_id, world.clock())
    if record is None or connection not in record.connections:
        return (yield from connected(world, session_id, connection, token_ends, profile))
    yield from ensure_guest(world, record)
    return record


def roll_called(sessions: Connections, lives: Callable[[str], bool], record: Session, now: int) -> Flow[list[str]]:
    """Check whether the quiet connections of ``record`` still exist. Returns those that are gone, and forgets them.

    ``lives`` asks API Gateway. Connections older than its two-hour limit are gone without asking.
    """
    gone = []
    for connection in record.quiet_connections(now):
        if record.is_over(connection, now) or not (yield from step(lives, connection)):
            yield from step(sessions.forget_connection, record.session_id, connection, now)
            gone.append(connection)
    return gone


def disconnected(world: World, session_id: str, connection: str, at: int) -> Flow[str]:
    """A front end disconnected at ``at`` (ms): a stop of this connection, and of no other (T10)."""
    became = yield from stopped(world, session_id, connection, at)
    yield from step(world.sessions.forget_connection, session_id, connection, world.clock())
    return became


def ensure_guest(world: World, record: Session) -> Flow[bool]:
    """Ask the keepers for a guest unless there is one or it is on its way. Returns whether it was asked for.

    The queue first: who dies in between has asked, and the record only keeps others from asking as well (T9).
    """
    now = world.clock()
    if not record.needs_guest(now, world.policy):
        return False
    yield from step(world.ask_for_guest, record.session_id)
    yield from step(world.sessions.request_guest, record, now)
    return True


def _expires_at(world: World, now: int) -> int:
    return now // 1000 + world.policy.session_ttl_s


def take_over(world: World, record: Session, now: int) -> Flow[str]:
    """Claim the next generation and start its owner; a failed start returns the lease."""
    lease_until = record.lease(now + world.policy.lock_ms, now, world.policy)
    starts_until = world.policy.starts.spend(record.starts_until, now)
    if not (yield from step(world.sessions.claim, record.session_id, record.generation, lease_until, starts_until)):
        return "coalesced"
    generation = record.generation + 1
    if (yield from step(world.start_owner, record, generation)):
        return "started"
    yield from step(world.sessions.set_lease, record.session_id, generation, now)
    return "failed"


# --- what an owner does ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Done, or to be called again after ``wait_seconds``."""

    done: bool
    wait_seconds: int = 0


DONE = Reconciled(done=True)
#: A flow stays in one Lambda invocation at most this long, waits of under a second included.
INVOCATION_MS = 8_000
#: With the margin this fits into a lease. If the owner dies, its lease of 14 s expires, and a keeper finds that within
#: 5 s and starts the next owner: less than 20 s, and less than 30 s in all (T4). Without a keeper, the schedule may
#: take 119 s to find it.
LONGEST_WAIT_S = 5
#: Whoever calls next may have a clock that is ahead by so much; AWS keeps them within a few ms. A Retry-After holds for
#: it all the same (T7).
CLOCKS_APART_MS = 50


def reconcile(world: SenderWorld, owner: Owner) -> Flow[Reconciled]:
    """Bring what CXone shows to what is wanted, as far as possible now.

    Returns whether this owner is done, or after how many seconds it must be called again.
    """
    ends_at = world.clock() + INVOCATION_MS
    while True:
        read_at = world.clock()
        record = yield from step(world.sessions.get, owner.session_id, read_at)
        now = world.clock()
        calm_at = yield from _calm_at(world, record, now)
        decision = decide(record, owner, now, world.policy, calm_at, read_at)
        if record is None or isinstance(decision, End):
            return DONE
        if isinstance(decision, Wait):
            if decision.until - now < 1000 and decision.until < ends_at:
                yield Sleep(decision.until - now)
                continue
            waiting = yield from _keep_lease(world, record, decision.until, now)
            if waiting:
                return waiting
        elif (yield from _carry_out(world, record, decision)):
            return DONE
        if world.clock() >= ends_at:
            return Reconciled(done=False, wait_seconds=1)


def _calm_at(world: SenderWorld, record: Session | None, now: int) -> Flow[int]:
    """When this session resumes after the breaker's pause; read only where a ``true`` or a GET could be due."""
    if record is None:
        return 0
    may_begin = record.wants(now, world.policy) and not record.is_settled_at(True)
    may_ask = world.policy.verifies and record.verify_at is not None and now >= record.verify_at
    if not may_begin and not may_ask:
        return 0
    return (yield from step(world.weather.calm_at, now)) + turn_ms(record.session_id)


def _keep_lease(world: SenderWorld, record: Session, until: int, now: int) -> Flow[Reconciled | None]:
    """Renew the lease if it would expire during the wait. Returns None when this owner has been superseded."""
    seconds = max(1, min((until - now) // 1000, LONGEST_WAIT_S))
    needed = now + seconds * 1000 + world.policy.lease_margin_ms
    lease_until = record.lease(needed, now, world.policy)
    is_kept = lease_until == record.lease_until or (
        yield from step(world.sessions.set_lease, record.session_id, record.generation, lease_until)
    )
    return Reconciled(done=False, wait_seconds=seconds) if is_kept else None


def _carry_out(world: SenderWorld, record: Session, decision: Decision) -> Flow[bool]:
    """Do what was decided. Returns whether this execution is over."""
    sessions = world.sessions
    match decision:
        case Release():
            return (yield from step(sessions.release, record))
        case HandOver(at):
            yield from step(sessions.set_lease, record.session_id, record.generation, at)
            return True
        case Send(typing):
            return (yield from _send(world, record, typing))
        case Verify():
            yield from _verify(world, record)
        case ForgetFailures():
            yield from step(sessions.forget_failures, record.session_id, record.generation)
        case RequestGuest():
            yield from ensure_guest(world, record)
    return False


def _send(world: SenderWorld, record: Session, typing: bool) -> Flow[bool]:
    """Lock, POST, record. The lock is taken in the same write that checks the fence (T6).

    Returns whether that settled everything and released the lease.
    """
    policy = world.policy
    now = world.clock()
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
        lease_until=record.lease(now + policy.lock_ms, now, policy),
        typing_since=since,
        burst_from=burst_from if goes_on else next_from,
        spends=policy.trues.spend(record.sends, now) - record.sends if typing else 1,
    )
    if not (yield from step(world.sessions.lock, record, lock)):
        return False
    began = world.clock()
    if began - now > policy.start_within_ms:
        return False  # stalled: an answer could come after the lock's end, so nothing is sent and the lock expires
    if typing and not record.may_begin(began, policy):
        yield from step(world.sessions.unlock, record, lock)
        return False
    outcome = yield from step(world.guests.set_typing, record.guest_id, typing)
    answered = world.clock()
    is_settled = yield from _record(world, record, lock, outcome, answered)
    yield from step(world.weather.note, record.guest_id, outcome, answered)
    return is_settled


def _record(world: SenderWorld, record: Session, lock: Lock, outcome: Outcome, now: int) -> Flow[bool]:
    """Write CXone's answer into the record first: a sender may die after any step (T7). Returns whether all is done."""
    if outcome.kind in (Kind.GUEST_OVER, Kind.UNAVAILABLE):
        yield from step(world.sessions.unlock, record, lock)
        yield from _guest_lost(world, record, outcome)
        return False
    if outcome.kind is Kind.NOT_YET:
        yield from step(world.sessions.postpone, record, now + BASE_MS)
        yield from step(world.sessions.unlock, record, lock)
        return False
    if outcome.kind is Kind.ACCEPTED:
        if (yield from _settle(world, record, lock, now)):
            return True
        regularly = now + world.policy.verify_ms if lock.typing else None
        verify_at = now if record.is_in_doubt() else regularly
        shown_at = max(now, record.newest_key_at() or 0)  # clocks differ: never before the key that it shows
        is_noted = yield from step(world.sessions.accepted, record, lock, shown_at, verify_at)
        if is_noted:
            _report_latency(world, record, lock, now)
    else:
        yield from step(world.sessions.postpone, record, now + _delay(world, record, lock.typing, outcome))
        is_noted = yield from step(world.sessions.failed, record, lock, _uncertain_until(record, lock, outcome, now))
    if not is_noted:  # the guest was replaced meanwhile: this call to the former one no longer matters
        yield from step(world.sessions.unlock, record, lock)
    return False


def _settle(world: SenderWorld, record: Session, lock: Lock, now: int) -> Flow[bool]:
    """Record the end of a burst and release the lease in one write; False where more is to do, or a key came."""
    goes_on = record.is_in_doubt() or record.is_fresh(now, world.policy)
    if lock.typing or goes_on or now < record.start_allowed_at(world.policy):
        return False
    is_settled = yield from step(world.sessions.settled, record, lock, now)
    if is_settled:
        _report_latency(world, record, lock, now)
    return is_settled


def _report_latency(world: SenderWorld, record: Session, lock: Lock, now: int) -> None:
    """Report how long the agent's view took to follow: once per burst, whatever came in between. Never below 0.

    A ``false`` that is sent only because it is unknown what is shown ends nothing that anybody perceived.
    """
    if lock.typing:
        if lock.burst_from:
            awaited_from = max(lock.burst_from, record.awaited_from(world.policy))
            world.report_latency(FIRST_KEY_TO_SHOWN, max(0, now - awaited_from))
    elif (record.shown or record.typing_since) and not lock.typing_since:  # else: typing beyond the cap, which goes on
        typed_until = record.typed_until(now, world.policy)
        if typed_until is not None:
            world.report_latency(LAST_KEY_TO_ENDED, max(0, now - typed_until))


def _uncertain_until(record: Session, lock: Lock, outcome: Outcome, now: int) -> int | None:
    """Until when (ms) the call may still be on its way; None when CXone has certainly not accepted it."""
    if outcome.kind is Kind.LOST:
        return lock.until
    taken_before = record.sending is not None
    refused = outcome.kind in (Kind.THROTTLED, Kind.DENIED)
    return None if refused and not taken_before else now


def _delay(world: SenderWorld, record: Session, typing: bool, outcome: Outcome) -> int:
    if outcome.kind is Kind.DENIED:
        return DENIED_MS
    clocks_apart_ms = CLOCKS_APART_MS if outcome.kind is Kind.THROTTLED else 0
    return backoff_ms(record.failures_of(typing), outcome.retry_after_ms, world.random()) + clocks_apart_ms


def _guest_lost(world: SenderWorld, record: Session, outcome: Outcome) -> Flow[None]:
    """403: whoever notices first asks for a new guest. 404: no typing for this guest; the front end is told once."""
    if outcome.kind is Kind.GUEST_OVER:
        if (yield from step(world.sessions.end_guest, record.session_id, record.guest_id, world.clock())):
            yield from step(world.ask_for_guest, record.session_id)
    elif (yield from step(world.sessions.mark_typing_unavailable, record.session_id, record.guest_id)):
        yield from step(world.tell_typing_unavailable, record)


def _verify(world: SenderWorld, record: Session) -> Flow[None]:
    """GET what CXone shows. A mismatch is recorded as what is shown, and the next decision sends again.

    While typing is shown, the next question is put off before asking, so that a second owner does not ask too (T14).
    """
    if record.shown:
        next_at = world.clock() + world.policy.verify_ms
        if not (yield from step(world.sessions.put_off_question, record, next_at)):
            return
        record = replace(record, verify_at=next_at)
    answer = yield from step(world.guests.get_typing, record.guest_id)
    answered = world.clock()
    if isinstance(answer, bool):
        yield from _compare(world, record, answer, answered)
        outcome = Outcome(Kind.ACCEPTED)
    else:
        yield from _not_verified(world, record, answer, answered)
        outcome = answer
    yield from step(world.weather.note, record.guest_id, outcome, answered)


def _compare(world: SenderWorld, record: Session, shows: bool, now: int) -> Flow[None]:
    mismatches = record.mismatches + 1 if shows != record.shown else 0
    next_at = record.verify_at if record.shown else None
    if mismatches > MAX_MISMATCHES:
        shows, next_at = record.shown, None
    if mismatches > 1:
        yield from step(world.sessions.postpone, record, now + backoff_ms(mismatches - 1))
    if mismatches or record.mismatches or not record.shown:  # else the record already says so
        yield from step(world.sessions.verified, record, shows, next_at, mismatches)


def _not_verified(world: SenderWorld, record: Session, outcome: Outcome, now: int) -> Flow[None]:
    if outcome.kind in (Kind.GUEST_OVER, Kind.UNAVAILABLE):
        yield from _guest_lost(world, record, outcome)
        return
    if outcome.kind is Kind.THROTTLED:
        yield from step(world.sessions.postpone, record, now + _delay(world, record, record.shown, outcome))
    if not record.shown:
        yield from step(world.sessions.verified, record, False, None, record.mismatches)


# --- what the sweeper does -------------------------------------------------------------------------------------------


def sweep_one(world: World, session_id: str, keeper: str = "") -> Flow[bool]:
    """Adopt a record whose owner died. Returns whether an owner was started: another process may have been faster.

    Where nothing can be shown, an owner would only release the record, so that is done here.

    ``keeper``: the keeper that sweeps, on a platform where only the keeper that holds the guest can be the owner.
    """
    record = yield from step(world.sessions.get, session_id, world.clock())
    if record is None or keeper not in ("", record.keeper):
        return False
    if record.cannot_show():
        yield from step(world.sessions.release, record)
        return False
    return (yield from take_over(world, record, world.clock())) == "started"

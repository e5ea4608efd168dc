"""What visitors do, and what they share with owners and keepers (``ensure_guest``, ``take_over``, ``roll_called``).

Each flow is a generator of effects (``relay.effects``): what is read, written and called, one after another. So the
same code runs in a Lambda (``relay.runner``), on a keeper's loop, and in a simulation that may delay, repeat or crash
it between any two. What an owner does is in ``reconciling``, what the sweeper does in ``sweeping``; rules are in
``burst`` and ``decisions``.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from typing_relay.relay import session_writes as write
from typing_relay.relay.burst import SILENT_MS, Policy, Session
from typing_relay.relay.effects import AskForGuest, Flow, Hint, IsThere, KeepOpen, Now, Nudge, Read, StartOwner, perform
from typing_relay.relay.ports import Absent, Coming, Key


class Became(StrEnum):
    """What came of a frame."""

    #: It says nothing new, or counts no more.
    STALE = "stale"
    #: An operator has blocked this visitor.
    BLOCKED = "blocked"
    #: Recorded; whoever owns the burst sees it.
    NOTED = "noted"
    #: Recorded; the burst has its owner, or will have the next one once frames may start owners again.
    COALESCED = "coalesced"
    #: CXone can show this visitor's typing to nobody.
    HOPELESS = "hopeless"
    #: Its owner is asked to start; the burst is claimed, or the owner claims it. Digital-First: by a hint, or left to
    #: who will take the guest.
    STARTED = "started"
    #: An owner could not be started.
    FAILED = "failed"


def key_pressed(policy: Policy, session_id: str, connection: str, key: Key, token_ends: int) -> Flow[Became]:
    """A key was pressed, on a connection whose token expires at ``token_ends`` (epoch s).

    Returns: stale, blocked, coalesced, hopeless, started or failed. A coalesced key is one write and nothing else (T8).
    """
    now = yield from perform(Now())
    at = min(key.at, now)  # clocks differ: no key is from the future
    hold_ms = key.hold_ms if key.hold_ms > policy.debounce_ms else 0
    if now - at >= (hold_ms or policy.debounce_ms):
        return Became.STALE
    counted = replace(key, at=at, hold_ms=hold_ms)
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
    # A keeper whose socket is not open would not begin an owner, and nothing would count the frames.
    owner_claims = policy.keepers_own and record.is_open()
    if owner_claims and (yield from perform(StartOwner(record, record.generation + 1, is_claimed=False))):
        return Became.STARTED
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


def roll_called(record: Session, now: int, quiet_ms: int = SILENT_MS, keeps_open: bool = False) -> Flow[list[str]]:
    """Check whether the connections of ``record`` still exist that were not heard from for ``quiet_ms``.

    Returns those that are gone, and forgets them: those older than API Gateway's two-hour limit without asking it.
    ``keeps_open``: those that may hear something (T13) are sent a pong for it.
    """
    gone = []
    for connection in record.quiet_connections(now, quiet_ms):
        speaks = keeps_open and record.may_hear(connection, now)
        ask = KeepOpen(connection) if speaks else IsThere(connection)
        if record.is_over(connection, now) or not (yield from perform(ask)):
            yield from perform(write.ForgetConnection(record.session_id, connection, now))
            gone.append(connection)
    return gone


def disconnected(policy: Policy, session_id: str, connection: str, at: int) -> Flow[Became]:
    """A front end disconnected at ``at`` (ms): a stop of this connection, and of no other (T10)."""
    became = yield from stopped(policy, session_id, connection, at)
    now = yield from perform(Now())
    yield from perform(write.ForgetConnection(session_id, connection, now))
    return became


def ensure_guest(policy: Policy, record: Session) -> Flow[None]:
    """Ask the keepers for a guest unless there is one or it is on its way.

    The queue first: who dies in between has asked, and the record only keeps others from asking as well (T9).
    """
    now = yield from perform(Now())
    if record.needs_guest(now, policy):
        yield from perform(AskForGuest(record.session_id))
        yield from perform(write.RequestGuest(record, now))


def _expires_at(policy: Policy, now: int) -> int:
    return now // 1000 + policy.session_ttl_s


def take_over(policy: Policy, record: Session, now: int, keeper: str = "") -> Flow[Became]:
    """Claim the next generation and start its owner; a failed start returns the lease. ``keeper``: as in ``claim``."""
    if not (yield from claim(policy, record, now, keeper)):
        return Became.COALESCED
    generation = record.generation + 1
    if (yield from perform(StartOwner(record, generation))):
        return Became.STARTED
    yield from perform(write.SetLease(record.session_id, generation, now))
    return Became.FAILED


def claim(policy: Policy, record: Session, now: int, keeper: str = "") -> Flow[bool]:
    """Claim the next generation; False where somebody else has, or has the guest that ``keeper`` had."""
    lease_until = record.lease(now + policy.answer_ms, now, policy)
    starts_until = policy.starts.spend(record.starts_until, now)
    return (yield from perform(write.Claim(record.session_id, record.generation, lease_until, starts_until, keeper)))

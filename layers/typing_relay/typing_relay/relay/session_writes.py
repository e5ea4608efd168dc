"""The conditional writes of a session record: what each means, what it changes, and on which condition.

They are effects of flows; keepers make them by the methods of ``SessionStore``. ``generation`` fences owners,
``revision`` what they believed of keys and stops, ``sends`` what duplicates of one owner have read. All are in one
file, as a fence can only be judged beside the writes that it is to hold against.

Times are epoch ms, ``expires_at`` is epoch s. ``bool``: whether the write's condition held. A write that may meet its
own first try, whose answer was lost, says by what it knows it (``Update.left``).
"""

from __future__ import annotations

from typing import Any, TypeVar

from typing_relay.relay import ports
from typing_relay.relay.burst import LATE_MS, RECORD_VERSION, GuestStatus, Session
from typing_relay.relay.effects import OnRecords, Sessions
from typing_relay.relay.ports import Absent, Coming, ConversationIds, Key
from typing_relay.relay.updates import (
    Above,
    AbsentOr,
    Answer,
    AtLeast,
    AtMost,
    Below,
    KeptOr,
    OtherOr,
    Present,
    Update,
    Writer,
)

T = TypeVar("T")
#: Gone with the lease.
_BURST_IS_OVER: dict[str, Any] = {
    "lease_until": 0,
    "typing": False,
    "attempts": 0,
    "mismatches": 0,
    "typing_since": None,
    "burst_from": None,
    "verify_at": None,
}
#: Nothing is shown any more, no failure counts. ``sending_until`` stays: a call to the former guest may still be in
#: flight (T6).
_CALL_IS_FORGOTTEN: dict[str, Any] = {"attempts": 0, "retry_at": 0, "shown": False}


class Write(OnRecords[T]):
    """A write that is stated as data."""

    def on(self, sessions: Writer) -> T:
        """Carry it out there."""
        return sessions.write(self._update())

    def _update(self) -> Update[T]:
        raise NotImplementedError


class Create(OnRecords[None]):
    """A fresh record where there is none, or an expired one."""

    session_id: str
    now: int
    expires_at: int

    def on(self, sessions: Sessions) -> None:
        """Carry it out there."""
        sessions.create(self.session_id, self.now, self.expires_at)


class PressKey(OnRecords[Session | Absent | None]):
    """``key`` was pressed on ``connection``. A coalesced key is this one write (T8).

    A ``hold_ms`` of 0: it counts for the debounce. Answered with the record; ``Absent`` where there is none; None where
    a newer key or stop of this connection is known already. The same key again gives the record again: the first answer
    may have been lost on its way (T9, T12). So does a key of who is blocked.
    """

    session_id: str
    connection: str
    key: Key
    now: int
    expires_at: int

    def on(self, sessions: Writer) -> Session | Absent | None:
        """Carry it out there."""
        connection, at = self.connection, self.key.at
        record = sessions.write(self._update())
        if record and self.key.hold_ms and record.record_version < RECORD_VERSION:
            sessions.write(_upgraded(self.session_id, self.now))
            record = sessions.write(self._update())
        if record is None:
            return Absent()
        known, stop = record.keys.get(connection, -1), record.stops.get(connection, -1)
        if record.is_blocked(self.now) or (known == at and stop < at):
            return record
        if known > at > record.earlier_keys.get(connection, at):
            sessions.write(self._overtaken())
        return None

    def _update(self) -> Update[Session | None]:
        connection, key, at = self.connection, self.key, self.key.at
        came_at = at + key.late_ms
        held = {f"holds.{connection}": (at, key.hold_ms)} if key.hold_ms else {}
        late = {"late_key_at": came_at} if key.late_ms >= LATE_MS else {}
        is_older = AbsentOr(Below(at))
        return Update(
            self.session_id,
            when={
                **_may_send(self.now),
                f"keys.{connection}": is_older,
                f"stops.{connection}": is_older,
                **({"record_version": AtLeast(RECORD_VERSION)} if held else {}),
            },
            sets={
                f"earlier_keys.{connection}": OtherOr(f"keys.{connection}", 0),
                f"keys.{connection}": at,
                **held,
                "burst_from": KeptOr(came_at),
                **late,
                "expires_at": self.expires_at,
            },
            adds={"revision": 1},
            alive_at=self.now,
            answer=Answer.RECORD_ANYWAY,
        )

    def _overtaken(self) -> Update[bool]:
        """A frame that a later one overtook still tells that there was no pause between them (T12)."""
        at, earlier = self.key.at, f"earlier_keys.{self.connection}"
        return Update(
            self.session_id,
            when={f"keys.{self.connection}": Above(at), earlier: Below(at)},
            sets={earlier: at},
            adds={"revision": 1},
        )


class NoteStop(OnRecords[Session | None]):
    """Take back this connection's keys up to ``at`` (T5, T10). None: a newer stop is known, or there is no record.

    ``late_ms``: its frame came this long after ``at``. The same stop again gives the record again: the first answer may
    have been lost on its way (T2).
    """

    session_id: str
    connection: str
    at: int
    now: int
    late_ms: int

    def on(self, sessions: Writer) -> Session | None:
        """Carry it out there."""
        stop = f"stops.{self.connection}"
        late = {"late_stop_at": self.at + self.late_ms} if self.late_ms >= LATE_MS else {}
        record = sessions.write(
            Update[Session | None](
                self.session_id,
                when={stop: AbsentOr(Below(self.at))},
                sets={stop: self.at, **late},
                adds={"revision": 1},
                alive_at=self.now,
                answer=Answer.RECORD_ANYWAY,
            )
        )
        return record if record and record.stops[self.connection] == self.at else None


class AddConnection(OnRecords[Session | Absent]):
    """A front end came in. A record of an earlier version is upgraded, one of a later version used as it is.

    Of who is blocked the record is returned as it is.
    """

    session_id: str
    coming: Coming
    now: int
    expires_at: int

    def on(self, sessions: Writer) -> Session | Absent:
        """Carry it out there."""
        record = sessions.write(self._update())
        if record and record.record_version < RECORD_VERSION and not record.is_blocked(self.now):
            sessions.write(_upgraded(self.session_id, self.now))
            record = sessions.write(self._update())
        return Absent() if record is None else record

    def _update(self) -> Update[Session | None]:
        coming = self.coming
        return Update(
            self.session_id,
            when={**_may_send(self.now), "record_version": AtLeast(RECORD_VERSION)},
            sets={
                "expires_at": self.expires_at,
                f"stops.{coming.connection}": KeptOr(coming.heard_at),
                f"token_ends.{coming.connection}": coming.token_ends,
                **({"profile": coming.profile} if coming.profile else {}),
            },
            adds={"connections": frozenset({coming.connection})},
            alive_at=self.now,
            answer=Answer.RECORD_ANYWAY,
        )


class ForgetConnection(Write[bool]):
    """The connection is gone (disconnected, or 410 when posting to it)."""

    session_id: str
    connection: str
    now: int

    def _update(self) -> Update[bool]:
        gone = frozenset({self.connection})
        return Update(self.session_id, when={}, sets={}, takes={"connections": gone}, alive_at=self.now)


class Prune(OnRecords[None]):
    """Forget connections that are gone since before ``before`` (``Session.forgettable``), as many as one write takes.

    Raises nothing: what is left is left to the next handshake, and this one goes on.
    """

    record: Session
    before: int

    def on(self, sessions: Sessions) -> None:
        """Carry it out there."""
        sessions.prune(self.record, self.before)


def pruned(record: Session, before: int) -> Update[bool] | None:
    """The write of ``Prune``, if there is anything to forget."""
    old = record.forgettable(before)
    if not old or record.record_version < RECORD_VERSION:
        return None  # an older record lacks some of these maps until it is upgraded
    maps = ("keys", "earlier_keys", "stops", "holds", "token_ends")
    forgotten = {f"{name}.{connection}": None for connection in old for name in maps}
    return Update(record.session_id, when={"expires_at": Present()}, sets=forgotten)


class Block(Write[Session | None]):
    """Take nothing of this visitor until ``until`` (epoch s), which the record outlives. In the past: unblock.

    None: it is not there, or expired just now.
    """

    record: Session
    until: int
    now: int

    def _update(self) -> Update[Session | None]:
        return Update(
            self.record.session_id,
            when={},
            sets={"blocked_until": self.until, "expires_at": max(self.record.expires_at, self.until)},
            alive_at=self.now,
            answer=Answer.RECORD_IF_CHANGED,
        )


def _may_send(now: int) -> dict[str, Any]:
    """The visitor is not blocked (``make block``)."""
    return {"blocked_until": AbsentOr(AtMost(now // 1000))}


def _upgraded(session_id: str, now: int) -> Update[bool]:
    """Give a record of an earlier version what writes rely on."""
    return Update(
        session_id,
        when={"record_version": AbsentOr(Below(RECORD_VERSION))},
        sets={"token_ends": KeptOr({}), "holds": KeptOr({}), "record_version": RECORD_VERSION},
        alive_at=now,
    )


# --- what owners do


class Claim(Write[bool]):
    """Become the owner after ``generation``. ``starts_until``: what is then spent (T17).

    ``own`` names the claim, and holds ``starts_until``: that is no attribute of its own (``aws.sessions``).
    ``keeper``: who claims, as it has the guest; '': anybody.
    """

    session_id: str
    generation: int
    lease_until: int
    starts_until: int
    keeper: str = ""

    def _update(self) -> Update[bool]:
        next_one = self.generation + 1
        return Update(
            self.session_id,
            when={"generation": self.generation, **({"keeper": self.keeper} if self.keeper else {})},
            sets={"generation": next_one, "lease_until": self.lease_until, "starts_until": self.starts_until},
            in_lease_index=True,
            mark="own",
            left={"generation": next_one},
        )


class SetLease(Write[bool]):
    """Lengthen the lease, or let it run out and leave the rest to the next key or the sweeper."""

    session_id: str
    generation: int
    lease_until: int

    def _update(self) -> Update[bool]:
        return Update(self.session_id, when={"generation": self.generation}, sets={"lease_until": self.lease_until})


class Park(Write[bool]):
    """The lease of a burst that nobody owns. Not where it was changed or released since it was read."""

    record: Session
    lease_until: int

    def _update(self) -> Update[bool]:
        record = self.record
        return Update(
            record.session_id,
            when={"generation": record.generation, "lease_until": record.lease_until},
            sets={"lease_until": self.lease_until},
        )


class Lock(Write[bool | Session | None]):
    """Fence and lock in one write: only the newest owner, only on what it read, only one POST at a time (T6).

    Answered with True, or with the record that refused it, so that its owner need not read it; None: there is none.

    Nor where CXone has asked to wait for longer since: an owner before may hear that of its question (T7).

    Two executions of one owner may lock in the same ms: ``by`` tells them apart. It is not a claim's ``own``, as
    the next owner may come between the lock and its retry. The attempt counts from now on, also if nobody lives to tell
    how it ended (T7).

    ``claims``: it is the claim, too, and only the keeper that has the guest makes it. ``record`` is then as that leaves
    it (``Session.as_claimed``).
    """

    record: Session
    lock: ports.Lock
    claims: bool = False

    def _update(self) -> Update[bool | Session | None]:
        record, lock = self.record, self.lock
        return Update(
            record.session_id,
            when={
                **_as_read(record, self.claims),
                "guest_id": record.guest_id,
                "retry_at": AbsentOr(AtMost(record.retry_at)),
            },
            sets={
                **(_claimed(record) if self.claims else {}),
                "sending": lock.typing,
                "typing": lock.typing,
                "attempts": record.failures_of(lock.typing) + 1,
                "sending_until": lock.until,
                "lease_until": lock.lease_until,
                "typing_since": lock.typing_since,
                "burst_from": lock.burst_from,
            },
            adds={"sends": lock.spends},
            in_lease_index=True,
            mark="by",
            left={"sends": record.sends + lock.spends, "sending_until": lock.until},
            answer=Answer.DONE_OR_RECORD,
        )


class Unlock(Write[bool]):
    """Give a lock back when no call was made, or what came of it says nothing of what is shown now.

    ``begins_anew``: the call was accepted and is over; typing that goes on counts from when it is next pressed or sent.
    A doubt that came since the lock stands (``DoubtShown``).
    """

    record: Session
    lock: ports.Lock
    begins_anew: bool = False

    def on(self, sessions: Writer) -> bool:
        """Carry it out there."""
        return sessions.write(self._update()) or sessions.write(self._in_doubt())

    def _update(self) -> Update[bool]:
        return self._unlocking(_undoubted(self.record, self.lock), {"sending": self.record.sending})

    def _in_doubt(self) -> Update[bool]:
        return self._unlocking({}, {})

    def _unlocking(self, when: dict[str, Any], sets: dict[str, Any]) -> Update[bool]:
        anew: dict[str, Any] = {"attempts": 0} if self.begins_anew else {}
        if self.begins_anew and self.lock.burst_from:  # else it has been shown, and is measured
            anew["burst_from"] = None
        return Update(
            self.record.session_id,
            when={"sending_until": self.lock.until, **when},
            sets={**sets, "sending_until": 0, **anew},
        )


class Accepted(Write[Session | None]):
    """CXone took the call that ``lock`` allowed. ``verify_at``: when to ask whether it shows that; None: never.

    Returns the record, so that its owner need not read it; None: the lock has run out, the guest is another, or it has
    been doubted since whether that is shown.
    """

    record: Session
    lock: ports.Lock
    now: int
    verify_at: int | None

    def _update(self) -> Update[Session | None]:
        shown = _shown(self.lock, self.now)
        is_told = {"burst_from": 0} if self.lock.typing else {}
        return Update(
            self.record.session_id,
            when={**_locked(self.record, self.lock), **_undoubted(self.record, self.lock)},
            sets={**shown, "verify_at": self.verify_at, "attempts": 0, "sending": None, **is_told},
            left={**shown, "guest_id": self.record.guest_id},
            answer=Answer.RECORD_IF_DONE,
        )


class Settled(Write[bool]):
    """CXone took the ``false`` of ``lock``, and nothing is left: ``Accepted`` and ``Release`` in one write."""

    record: Session
    lock: ports.Lock
    now: int

    def _update(self) -> Update[bool]:
        record, shown = self.record, _shown(self.lock, self.now)
        return Update(
            record.session_id,
            when={
                **_locked(record, self.lock),
                **_undoubted(record, self.lock),
                "generation": record.generation,
                "revision": record.revision,
            },
            sets={**shown, "sending": None, **_BURST_IS_OVER},
            in_lease_index=False,
            left={**shown, "guest_id": record.guest_id, "lease_until": 0},
        )


class Failed(Write[bool]):
    """The call failed: until ``uncertain_until`` it may be on its way. None: CXone certainly did not take it."""

    record: Session
    lock: ports.Lock
    uncertain_until: int | None

    def _update(self) -> Update[bool]:
        certain: dict[str, Any] = {"sending": None} if self.uncertain_until is None else {}
        return Update(
            self.record.session_id,
            when=_locked(self.record, self.lock),
            sets={"sending_until": self.uncertain_until or 0, **certain},
        )


class PutOffQuestion(Write[bool]):
    """CXone is asked now, and again at ``verify_at``; False where another owner asks it (T14)."""

    record: Session
    verify_at: int

    def _update(self) -> Update[bool]:
        mine = {"generation": self.record.generation}
        return Update(
            self.record.session_id,
            when={**mine, "verify_at": self.record.verify_at or 0},
            sets={"verify_at": self.verify_at},
            left={**mine, "verify_at": self.verify_at},
        )


class Verified(Write[bool]):
    """What CXone says that it shows, and when to ask again."""

    record: Session
    shown: bool
    verify_at: int | None
    mismatches: int

    def _update(self) -> Update[bool]:
        record = self.record
        return Update(
            record.session_id,
            when={"generation": record.generation, "sends": record.sends, "guest_id": record.guest_id},
            sets={"shown": self.shown, "mismatches": self.mismatches, "verify_at": self.verify_at},
        )


class Postpone(Write[bool]):
    """No call for this guest before ``retry_at``, whoever owns it (T7)."""

    record: Session
    retry_at: int

    def _update(self) -> Update[bool]:
        return Update(
            self.record.session_id,
            when={"guest_id": self.record.guest_id, "retry_at": Below(self.retry_at)},
            sets={"retry_at": self.retry_at},
        )


class ForgetFailures(Write[bool]):
    """The burst that failed is over; the next has all its retries."""

    session_id: str
    generation: int

    def _update(self) -> Update[bool]:
        return Update(self.session_id, when={"generation": self.generation}, sets={"attempts": 0, "mismatches": 0})


class Release(Write[bool]):
    """Give the lease up, unless there is a key, a stop or a call that this owner has not seen (T4, T9).

    ``claims``: as in ``Lock``. An owner that found nothing to do has been started, too (T17).
    """

    record: Session
    claims: bool = False

    def _update(self) -> Update[bool]:
        record = self.record
        return Update(
            record.session_id,
            when=_as_read(record, self.claims),
            sets={**(_claimed(record) if self.claims else {}), **_BURST_IS_OVER},
            in_lease_index=False,
        )


# --- guests


class RequestGuest(Write[bool]):
    """Note that a guest is being asked for; False when somebody else just did."""

    record: Session
    now: int

    def _update(self) -> Update[bool]:
        record = self.record
        return Update(
            record.session_id,
            when={"guest_status": record.guest_status, "guest_requested_at": record.guest_requested_at},
            sets={"guest_status": GuestStatus.OPENING, "guest_requested_at": self.now},
        )


class TakeGuest(Write[Session | None]):
    """Make ``keeper`` the one that holds this session's guest, by ``claim`` (0: none). None: no such session.

    Returns the record. It names another keeper where that one's claim is later: a take that comes late, or twice,
    takes nothing from who has it by now.
    """

    session_id: str
    keeper: str
    now: int
    claim: int

    def _update(self) -> Update[Session | None]:
        claimed = {"held": self.claim, "guest_requested_at": self.now} if self.claim else {}
        return Update(
            self.session_id,
            when={"held": AbsentOr(AtMost(self.claim))} if self.claim else {},
            sets={"keeper": self.keeper, **claimed},
            alive_at=self.now,
            answer=Answer.RECORD_ANYWAY,
        )


class HoldAgain(Write[Session | None]):
    """``keeper`` holds the guest by another claim from now on. None: the record does not name it any more.

    Returns the record: no other keeper has held this guest since this one took it.
    """

    session_id: str
    keeper: str
    now: int
    claim: int

    def _update(self) -> Update[Session | None]:
        return Update(
            self.session_id,
            when={"keeper": self.keeper},
            sets={"held": self.claim, "guest_requested_at": self.now},
            alive_at=self.now,
            answer=Answer.RECORD_IF_CHANGED,
        )


class KeepGuest(Write[bool]):
    """``keeper`` says that it holds the guest, and the record lives on, as the visitor is there."""

    session_id: str
    keeper: str
    now: int
    expires_at: int

    def _update(self) -> Update[bool]:
        return Update(
            self.session_id,
            when={"keeper": self.keeper, "connections": Present()},
            sets={"guest_requested_at": self.now, "expires_at": self.expires_at},
        )


class OpenGuest(Write[bool]):
    """A new guest was created: nothing is shown there yet."""

    session_id: str
    keeper: str
    guest_id: str
    web_socket_url: str
    now: int

    def _update(self) -> Update[bool]:
        return Update(
            self.session_id,
            when={"keeper": self.keeper},
            sets={
                "guest_id": self.guest_id,
                "web_socket_url": self.web_socket_url,
                "guest_status": GuestStatus.OPENING,
                "guest_requested_at": self.now,
                "typing_unavailable": False,
                **_CALL_IS_FORGOTTEN,
                "sending": None,
                "typing_since": None,
            },
        )

    def __repr__(self) -> str:
        """Without the URL, which carries a secret."""
        return f"OpenGuest(session_id={self.session_id!r}, guest_id={self.guest_id!r})"


class SetGuestStatus(Write[Session | None]):
    """Where the guest's socket stands, said by its keeper. None when the record names another keeper.

    ``begins``: nobody could be shown anything before, so what is felt of keys counts from now on (T18).
    """

    session_id: str
    keeper: str
    status: GuestStatus
    begins: bool = False

    def _update(self) -> Update[Session | None]:
        return Update(
            self.session_id,
            when={"keeper": self.keeper},
            sets={"guest_status": self.status, **({"burst_from": None} if self.begins else {})},
            answer=Answer.RECORD_IF_CHANGED,
        )


class EndGuest(Write[bool]):
    """The guest session is over; True for who notices first. What the next one shows is to be asked (T14)."""

    session_id: str
    guest_id: str
    now: int

    def _update(self) -> Update[bool]:
        return Update(
            self.session_id,
            when={"guest_id": self.guest_id},
            sets={
                "guest_id": "",
                "web_socket_url": None,
                "guest_status": GuestStatus.OPENING,
                "guest_requested_at": self.now,
                **_CALL_IS_FORGOTTEN,
                "verify_at": self.now,
                "sending": None,
                "typing_since": None,
            },
            mark="ended_by",
            left={},
        )


class ReleaseGuest(Write[bool]):
    """The visitor has been gone for the grace: no guest any more, unless a front end is back.

    Nor while typing is, or may be, shown there: who holds no guest can take nothing back (T4). But it is released
    ``whatever_is_shown`` where CXone has been out of reach for long. The burst's lease goes too: on Digital-First
    nobody could own it.
    """

    session_id: str
    keeper: str
    whatever_is_shown: bool

    def _update(self) -> Update[bool]:
        nothing_is_shown: dict[str, Any] = {} if self.whatever_is_shown else {"shown": False, "sending": None}
        return Update(
            self.session_id,
            when={"keeper": self.keeper, "connections": None, **nothing_is_shown},
            sets={
                "guest_status": GuestStatus.CLOSED,
                "keeper": "",
                "guest_id": "",
                "web_socket_url": None,
                "lease_until": 0,
                **_CALL_IS_FORGOTTEN,
                "sending": None,
                "verify_at": None,
                "typing_since": None,
            },
            in_lease_index=False,
            mark="ended_by",
            left={"guest_status": GuestStatus.CLOSED},
        )


class MarkTypingUnavailable(Write[bool]):
    """CXone has no typing endpoint for this guest (404); True for the first to find out."""

    session_id: str
    guest_id: str

    def _update(self) -> Update[bool]:
        return Update(
            self.session_id,
            when={"guest_id": self.guest_id, "typing_unavailable": False},
            sets={"typing_unavailable": True, "shown": False, "sending": None, "verify_at": None},
            mark="found_by",
            left={"typing_unavailable": True},
        )


# --- Digital-First: a guest there is a visitor signed in at the gateway, the same one for the session's life

#: The URL with its token is kept beside the record; one of a version before had it itself.
_ACCESS_IS_BESIDE: dict[str, Any] = {"web_socket_url": None, "access_until": None}


class OpenConversation(Write[bool]):
    """The visitor has signed in: nothing is known yet of what agents see."""

    session_id: str
    keeper: str
    made: ConversationIds
    now: int

    def _update(self) -> Update[bool]:
        made = self.made
        return Update(
            self.session_id,
            when={"keeper": self.keeper},
            sets={
                "guest_id": made.visitor_id,
                **_ACCESS_IS_BESIDE,
                "conversation": made.identity(),
                "signed_in": made.signed_in or None,
                "guest_status": GuestStatus.OPENING,
                "guest_requested_at": self.now,
                "contact_open": False,
                "typing_unavailable": False,
                "told_at": KeptOr(0),
                **_CALL_IS_FORGOTTEN,
                "sending": None,
                "verify_at": None,
                "typing_since": None,
            },
        )


class RenewAccess(Write[bool]):
    """The same visitor has a new token, which its keeper may keep; what agents see is not touched by that."""

    session_id: str
    keeper: str
    signed_in: str = ""

    def _update(self) -> Update[bool]:
        return Update(
            self.session_id,
            when={"keeper": self.keeper},
            sets={**_ACCESS_IS_BESIDE, "signed_in": self.signed_in or None},
        )

    def __repr__(self) -> str:
        """Without the tokens."""
        return f"RenewAccess(session_id={self.session_id!r})"


class HandOverSignIn(Write[Session | None]):
    """A page signs its visitor in at ``at``: what it handed over before, and no keeper has used, counts no more.

    Refused, as is all that is not newer, where this has been written already: a keeper may have used it since, and a
    code is good once. Answered with the record, changed or not.
    """

    session_id: str
    sign_in: str
    at: int
    now: int

    def _update(self) -> Update[Session | None]:
        return Update(
            self.session_id,
            when={**_may_send(self.now), "handed_over_at": AbsentOr(Below(self.at))},
            sets={"sign_in": self.sign_in, "handed_over_at": self.at},
            alive_at=self.now,
            answer=Answer.RECORD_ANYWAY,
        )

    def __repr__(self) -> str:
        """Without what is handed over."""
        return f"HandOverSignIn(session_id={self.session_id!r})"


class UseSignIn(Write[bool]):
    """A keeper is about to use what was handed over: nobody uses it again, as a code is good once.

    Refused where it was handed to another keeper, or replaced; also where the answer to its first try was lost, and
    then the page is asked for another.
    """

    session_id: str
    keeper: str
    sign_in: str

    def _update(self) -> Update[bool]:
        return Update(self.session_id, when={"keeper": self.keeper, "sign_in": self.sign_in}, sets={"sign_in": None})

    def __repr__(self) -> str:
        """Without what was handed over."""
        return f"UseSignIn(session_id={self.session_id!r})"


class SetContact(Write[Session | None]):
    """A contact is open on the keeper's socket, or none is. None: the record names another keeper.

    ``sends`` fences what owners have read. What was said before may still be on its way, by a socket that was
    lost: its lock is waited out (T6), but named by a ms more, so that nobody's answer counts for it any more.
    ``perhaps_shown``: the agent may see typing, so what is wanted is said again. Else nobody is shown anything yet in a
    contact: no key counts there before it opens.
    """

    session_id: str
    keeper: str
    is_open: bool
    perhaps_shown: bool

    def _update(self) -> Update[Session | None]:
        nothing_counts = {"sending": None, "typing_since": None, "burst_from": None}
        return Update(
            self.session_id,
            when={"keeper": self.keeper},
            sets={
                "contact_open": self.is_open,
                **_CALL_IS_FORGOTTEN,
                "verify_at": None,
                **({"sending": True} if self.perhaps_shown else nothing_counts),
            },
            adds={"sending_until": 1, "sends": 1},
            answer=Answer.RECORD_IF_CHANGED,
        )


class DoubtShown(Write[Session | None]):
    """The agent need not see what was accepted last: what is wanted is said again."""

    session_id: str
    keeper: str

    def _update(self) -> Update[Session | None]:
        return Update(
            self.session_id,
            when={"keeper": self.keeper, "contact_open": AbsentOr(True)},
            sets={"sending": True},
            adds={"sends": 1},
            answer=Answer.RECORD_IF_CHANGED,
        )


class SetThread(Write[bool]):
    """The conversation goes on in another thread."""

    session_id: str
    keeper: str
    thread_id: str

    def _update(self) -> Update[bool]:
        return Update(
            self.session_id,
            when={"keeper": self.keeper, "conversation": Present()},
            sets={"conversation.thread": self.thread_id},
        )


class NoteTold(Write[bool]):
    """The visitor has been told the thread's messages up to this one, created ``at`` (epoch ms)."""

    session_id: str
    keeper: str
    at: int
    message_id: str

    def _update(self) -> Update[bool]:
        return Update(
            self.session_id,
            when={"keeper": self.keeper},
            sets={"told_at": self.at, "told_id": self.message_id},
        )


def _as_read(record: Session, claims: bool = False) -> dict[str, Any]:
    """No newer owner, no key or stop, no call that this owner has not seen; of one that claims, no other keeper."""
    holder = {"keeper": record.keeper} if claims else {}
    return {**holder, "generation": record.generation - claims, "revision": record.revision, "sends": record.sends}


def _claimed(record: Session) -> dict[str, Any]:
    """What a claim leaves that is part of another write."""
    return {"generation": record.generation, "starts_until": record.starts_until}


def _locked(record: Session, lock: ports.Lock) -> dict[str, Any]:
    """It is the answer to this lock, for this guest."""
    return {"sending_until": lock.until, "guest_id": record.guest_id}


def _undoubted(record: Session, lock: ports.Lock) -> dict[str, Any]:
    """Nothing has been said since that lock which makes uncertain what is shown (``DoubtShown``)."""
    return {"sends": record.sends + lock.spends}


def _shown(lock: ports.Lock, now: int) -> dict[str, Any]:
    """What the end of ``lock`` leaves: nobody else holds it."""
    return {"shown": lock.typing, "shown_at": now, "sending_until": 0}

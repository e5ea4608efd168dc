"""The conditional writes that flows make to a session record, as effects: what each means.

Times are epoch ms, ``expires_at`` is epoch s. ``bool``: whether the write's condition held.
"""

from __future__ import annotations

from typing_relay.relay import ports
from typing_relay.relay.burst import Session
from typing_relay.relay.effects import OnRecords
from typing_relay.relay.ports import Absent, Coming, Sessions


class Create(OnRecords[None]):
    """A fresh record where there is none, or an expired one."""

    session_id: str
    now: int
    expires_at: int

    def on(self, sessions: Sessions) -> None:
        """Carry it out there."""
        sessions.create(self.session_id, self.now, self.expires_at)


class PressKey(OnRecords[Session | Absent | None]):
    """A key was pressed on ``connection`` at ``at``. None: a newer key or stop of it is known already."""

    session_id: str
    connection: str
    at: int
    now: int
    expires_at: int
    hold_ms: int
    late_ms: int

    def on(self, sessions: Sessions) -> Session | Absent | None:
        """Carry it out there."""
        return sessions.press_key(
            self.session_id, self.connection, self.at, self.now, self.expires_at, self.hold_ms, self.late_ms
        )


class NoteStop(OnRecords[Session | None]):
    """Take back this connection's keys up to ``at``. None: a newer stop is known, or there is no record."""

    session_id: str
    connection: str
    at: int
    now: int
    late_ms: int

    def on(self, sessions: Sessions) -> Session | None:
        """Carry it out there."""
        return sessions.note_stop(self.session_id, self.connection, self.at, self.now, self.late_ms)


class AddConnection(OnRecords[Session | Absent]):
    """A front end connected."""

    session_id: str
    coming: Coming
    now: int
    expires_at: int

    def on(self, sessions: Sessions) -> Session | Absent:
        """Carry it out there."""
        return sessions.add_connection(self.session_id, self.coming, self.now, self.expires_at)


class ForgetConnection(OnRecords[None]):
    """The connection is gone."""

    session_id: str
    connection: str
    now: int

    def on(self, sessions: Sessions) -> None:
        """Carry it out there."""
        sessions.forget_connection(self.session_id, self.connection, self.now)


class Prune(OnRecords[None]):
    """Forget connections that are gone since before ``before``, as many as one write takes. Raises nothing."""

    record: Session
    before: int

    def on(self, sessions: Sessions) -> None:
        """Carry it out there."""
        sessions.prune(self.record, self.before)


class Claim(OnRecords[bool]):
    """Become the owner after ``generation``. ``starts_until``: what is then spent (T17)."""

    session_id: str
    generation: int
    lease_until: int
    starts_until: int

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.claim(self.session_id, self.generation, self.lease_until, self.starts_until)


class SetLease(OnRecords[bool]):
    """Lengthen the lease, or let it run out and leave the rest to the next key or the sweeper."""

    session_id: str
    generation: int
    lease_until: int

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.set_lease(self.session_id, self.generation, self.lease_until)


class Lock(OnRecords[bool]):
    """Fence and lock: only the newest owner, only on what it read, only one POST at a time (T6)."""

    record: Session
    lock: ports.Lock

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.lock(self.record, self.lock)


class Unlock(OnRecords[bool]):
    """Give the lock back: nothing was sent, or nothing that still matters."""

    record: Session
    lock: ports.Lock

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.unlock(self.record, self.lock)


class Accepted(OnRecords[bool]):
    """CXone accepted what was locked for. ``verify_at``: when to ask it again."""

    record: Session
    lock: ports.Lock
    now: int
    verify_at: int | None

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.accepted(self.record, self.lock, self.now, self.verify_at)


class Settled(OnRecords[bool]):
    """CXone accepted a ``false``, nothing came since, and the lease is released."""

    record: Session
    lock: ports.Lock
    now: int

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.settled(self.record, self.lock, self.now)


class Failed(OnRecords[bool]):
    """CXone did not accept, or may have: ``uncertain_until`` (ms) the call may be on its way. None: it did not."""

    record: Session
    lock: ports.Lock
    uncertain_until: int | None

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.failed(self.record, self.lock, self.uncertain_until)


class PutOffQuestion(OnRecords[bool]):
    """Before CXone is asked: nobody else asks before ``verify_at`` (T14)."""

    record: Session
    verify_at: int

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.put_off_question(self.record, self.verify_at)


class Verified(OnRecords[bool]):
    """CXone said what it shows."""

    record: Session
    shown: bool
    verify_at: int | None
    mismatches: int

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.verified(self.record, self.shown, self.verify_at, self.mismatches)


class Postpone(OnRecords[bool]):
    """No call for this guest before ``retry_at`` (T7)."""

    record: Session
    retry_at: int

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.postpone(self.record, self.retry_at)


class ForgetFailures(OnRecords[bool]):
    """A new burst starts with no failures."""

    session_id: str
    generation: int

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.forget_failures(self.session_id, self.generation)


class Release(OnRecords[bool]):
    """Release the lease: all is settled, and nothing came since it was read (T9)."""

    record: Session

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.release(self.record)


class RequestGuest(OnRecords[bool]):
    """A guest has been asked for, so that others need not."""

    record: Session
    now: int

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.request_guest(self.record, self.now)


class EndGuest(OnRecords[bool]):
    """The guest session is over; True for who notices first."""

    session_id: str
    guest_id: str
    now: int

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.end_guest(self.session_id, self.guest_id, self.now)


class MarkTypingUnavailable(OnRecords[bool]):
    """CXone has no typing endpoint for this guest; True for the first to find out."""

    session_id: str
    guest_id: str

    def on(self, sessions: Sessions) -> bool:
        """Carry it out there."""
        return sessions.mark_typing_unavailable(self.session_id, self.guest_id)

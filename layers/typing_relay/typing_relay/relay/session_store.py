"""The session records by name: what keepers, and tests, call on a store. A store says how one write is made."""

# Each write is documented where it is stated, in ``session_writes``, by the same name.
# ruff: noqa: D102

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from typing_relay.relay import session_writes as write
from typing_relay.relay.burst import GuestStatus, Session
from typing_relay.relay.ports import Absent, Coming, ConversationIds, KeptAccess, Key, Lock
from typing_relay.relay.value import changed

if TYPE_CHECKING:
    from typing_relay.relay.updates import Update

T = TypeVar("T")
#: An access is kept for its token's life, and no longer than this.
LONGEST_ACCESS_MS = 24 * 3_600_000


class SessionStore:
    """The writes, each by its name. A store gives ``write`` and ``create``, and says what a failed ``prune`` means."""

    def write(self, update: Update[T]) -> T:
        """Make one conditional write."""
        raise NotImplementedError

    def get(self, session_id: str, now: int) -> Session | None:
        """The record as it stands now (consistent read); None when absent or expired at ``now`` (ms)."""
        raise NotImplementedError

    def create(self, session_id: str, now: int, expires_at: int) -> None:
        """A fresh record where there is none, or an expired one."""
        raise NotImplementedError

    def keep_access(self, session_id: str, access: KeptAccess, now: int) -> None:
        """Keep it beside the record, which only the guest's keeper does, once the record names the guest.

        No condition: of two, either is good, and a guest's that is over is no other's.
        """
        raise NotImplementedError

    def access_of(self, session_id: str, now: int) -> KeptAccess | None:
        """What was kept, if its token has not ended (consistent read)."""
        raise NotImplementedError

    def with_access(self, record: Session, now: int) -> Session:
        """The record with the URL that is kept for its guest; as it is where none is."""
        access = self.access_of(record.session_id, now)
        if access is None or access.guest_id != record.guest_id:
            return record
        return changed(record, web_socket_url=access.web_socket_url, access_until=access.until)

    def press_key(
        self, session_id: str, connection: str, at: int, now: int, expires_at: int, hold_ms: int = 0, late_ms: int = 0
    ) -> Session | Absent | None:
        return write.PressKey(session_id, connection, Key(at, hold_ms, late_ms), now, expires_at).on(self)

    def note_stop(self, session_id: str, connection: str, at: int, now: int, late_ms: int = 0) -> Session | None:
        return write.NoteStop(session_id, connection, at, now, late_ms).on(self)

    def add_connection(self, session_id: str, coming: Coming, now: int, expires_at: int) -> Session | Absent:
        return write.AddConnection(session_id, coming, now, expires_at).on(self)

    def forget_connection(self, session_id: str, connection: str, now: int) -> None:
        write.ForgetConnection(session_id, connection, now).on(self)

    def prune(self, record: Session, before: int) -> None:
        update = write.pruned(record, before)
        if update:
            self.write(update)

    def block(self, session_id: str, until: int, now: int) -> Session | None:
        self.create(session_id, now, until)  # where there is none
        record = self.get(session_id, now)
        return record and write.Block(record, until, now).on(self)

    def claim(self, session_id: str, generation: int, lease_until: int, starts_until: int, keeper: str = "") -> bool:
        return write.Claim(session_id, generation, lease_until, starts_until, keeper).on(self)

    def set_lease(self, session_id: str, generation: int, lease_until: int) -> bool:
        return write.SetLease(session_id, generation, lease_until).on(self)

    def park(self, record: Session, lease_until: int) -> bool:
        return write.Park(record, lease_until).on(self)

    def lock(self, record: Session, lock: Lock, claims: bool = False) -> bool:
        return write.Lock(record, lock, claims).on(self) is True

    def unlock(self, record: Session, lock: Lock, begins_anew: bool = False) -> bool:
        return write.Unlock(record, lock, begins_anew).on(self)

    def accepted(self, record: Session, lock: Lock, now: int, verify_at: int | None) -> Session | None:
        return write.Accepted(record, lock, now, verify_at).on(self)

    def settled(self, record: Session, lock: Lock, now: int) -> bool:
        return write.Settled(record, lock, now).on(self)

    def failed(self, record: Session, lock: Lock, uncertain_until: int | None) -> bool:
        return write.Failed(record, lock, uncertain_until).on(self)

    def put_off_question(self, record: Session, verify_at: int) -> bool:
        return write.PutOffQuestion(record, verify_at).on(self)

    def verified(self, record: Session, shown: bool, verify_at: int | None, mismatches: int) -> bool:
        return write.Verified(record, shown, verify_at, mismatches).on(self)

    def postpone(self, record: Session, retry_at: int) -> bool:
        return write.Postpone(record, retry_at).on(self)

    def forget_failures(self, session_id: str, generation: int) -> bool:
        return write.ForgetFailures(session_id, generation).on(self)

    def release(self, record: Session, claims: bool = False) -> bool:
        return write.Release(record, claims).on(self)

    def request_guest(self, record: Session, now: int) -> bool:
        return write.RequestGuest(record, now).on(self)

    def take_guest(self, session_id: str, keeper: str, now: int, claim: int = 0) -> Session | None:
        return write.TakeGuest(session_id, keeper, now, claim).on(self)

    def hold_again(self, session_id: str, keeper: str, now: int, claim: int) -> Session | None:
        return write.HoldAgain(session_id, keeper, now, claim).on(self)

    def keep_guest(self, session_id: str, keeper: str, now: int, expires_at: int) -> bool:
        return write.KeepGuest(session_id, keeper, now, expires_at).on(self)

    def open_guest(self, session_id: str, keeper: str, guest_id: str, web_socket_url: str, now: int) -> bool:
        return write.OpenGuest(session_id, keeper, guest_id, web_socket_url, now).on(self)

    def set_guest_status(
        self, session_id: str, keeper: str, status: GuestStatus, now: int, begins: bool = False
    ) -> Session | None:
        return write.SetGuestStatus(session_id, keeper, status, begins).on(self)

    def end_guest(self, session_id: str, guest_id: str, now: int) -> bool:
        return write.EndGuest(session_id, guest_id, now).on(self)

    def release_guest(self, session_id: str, keeper: str, now: int, whatever_is_shown: bool = False) -> bool:
        return write.ReleaseGuest(session_id, keeper, whatever_is_shown).on(self)

    def mark_typing_unavailable(self, session_id: str, guest_id: str) -> bool:
        return write.MarkTypingUnavailable(session_id, guest_id).on(self)

    def open_conversation(self, session_id: str, keeper: str, made: ConversationIds, now: int) -> bool:
        return write.OpenConversation(session_id, keeper, made, now).on(self)

    def renew_access(self, session_id: str, keeper: str, signed_in: str = "") -> bool:
        return write.RenewAccess(session_id, keeper, signed_in).on(self)

    def hand_over(self, session_id: str, sign_in: str, at: int, now: int) -> Session | None:
        return write.HandOverSignIn(session_id, sign_in, at, now).on(self)

    def use_sign_in(self, session_id: str, keeper: str, sign_in: str) -> bool:
        return write.UseSignIn(session_id, keeper, sign_in).on(self)

    def set_contact(self, session_id: str, keeper: str, is_open: bool, perhaps_shown: bool) -> Session | None:
        return write.SetContact(session_id, keeper, is_open, perhaps_shown).on(self)

    def doubt_shown(self, session_id: str, keeper: str) -> Session | None:
        return write.DoubtShown(session_id, keeper).on(self)

    def set_thread(self, session_id: str, keeper: str, thread_id: str) -> bool:
        return write.SetThread(session_id, keeper, thread_id).on(self)

    def note_told(self, session_id: str, keeper: str, at: int, message_id: str) -> bool:
        return write.NoteTold(session_id, keeper, at, message_id).on(self)

"""What the flows need from outside: the store, CXone, the clock, and ways to start things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from typing_relay.relay.burst import Policy, Session
from typing_relay.relay.outcomes import Outcome

#: What people feel, as metrics: first key of a burst to accepted ``true``, last key (or stop) to accepted ``false``.
FIRST_KEY_TO_SHOWN, LAST_KEY_TO_ENDED = "FirstKeyToShown", "LastKeyToEnded"


class Sessions(Protocol):
    """The store of session records. Every write is conditional; ``False`` or ``None``: its condition failed."""

    def get(self, session_id: str, now: int) -> Session | None: ...
    def create(self, session_id: str, now: int, expires_at: int) -> None: ...
    def press_key(
        self, session_id: str, connection: str, at: int, now: int, expires_at: int, hold_ms: int = 0
    ) -> Session | Absent | None: ...
    def note_stop(self, session_id: str, connection: str, at: int, now: int) -> Session | None: ...
    def add_connection(self, session_id: str, coming: Coming, now: int, expires_at: int) -> Session | Absent: ...
    def forget_connection(self, session_id: str, connection: str, now: int) -> None: ...
    def prune(self, record: Session, before: int) -> None: ...
    def claim(self, session_id: str, generation: int, lease_until: int, claimed_at: int) -> bool: ...
    def set_lease(self, session_id: str, generation: int, lease_until: int) -> bool: ...
    def lock(self, record: Session, lock: Lock) -> bool: ...
    def unlock(self, record: Session, lock: Lock) -> bool: ...
    def accepted(self, record: Session, lock: Lock, now: int, verify_at: int | None) -> bool: ...
    def settled(self, record: Session, lock: Lock, now: int) -> bool: ...
    def failed(self, record: Session, lock: Lock, uncertain_until: int | None) -> bool: ...
    def verified(self, record: Session, shown: bool, verify_at: int | None, mismatches: int) -> bool: ...
    def postpone(self, record: Session, retry_at: int) -> bool: ...
    def forget_failures(self, session_id: str, generation: int) -> bool: ...
    def release(self, record: Session) -> bool: ...
    def request_guest(self, record: Session, now: int) -> bool: ...
    def end_guest(self, session_id: str, guest_id: str, now: int) -> bool: ...
    def mark_typing_unavailable(self, session_id: str, guest_id: str) -> bool: ...


class Connections(Protocol):
    """The part of ``Sessions`` by which a connection is forgotten."""

    def forget_connection(self, session_id: str, connection: str, now: int) -> None: ...


class Guests(Protocol):
    """CXone's guest typing calls, by whichever of its interfaces."""

    def set_typing(self, guest_id: str, typing: bool) -> Outcome: ...
    def get_typing(self, guest_id: str) -> bool | Outcome: ...


class Weather(Protocol):
    """What senders know of CXone as a whole."""

    def calm_at(self, now: int) -> int: ...
    def note(self, guest_id: str, outcome: Outcome, now: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Absent:
    """The record does not exist, or is past its ``expires_at`` (T11)."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A front end came in: heard of at ``heard_at`` (ms), by a token that runs out at ``token_ends`` (epoch s)."""

    connection: str
    heard_at: int
    token_ends: int


@dataclass(frozen=True, slots=True)
class Lock:
    """The right to have one POST of ``typing`` in flight until ``until`` (ms), which also names the lock (T6)."""

    typing: bool
    until: int
    lease_until: int
    typing_since: int | None
    #: When the first key was pressed of what is typed from now on (``Session.burst_from``).
    burst_from: int | None = None


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that the flows touch."""

    sessions: Sessions
    policy: Policy
    clock: Callable[[], int]
    #: Starts the execution that owns (session id, generation); False when it could not be started.
    start_execution: Callable[[str, int], bool]
    #: Asks the keepers for a guest for this session id.
    ask_for_guest: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SenderWorld(World):
    """What the sender touches besides."""

    guests: Guests
    weather: Weather
    #: Tells the visitor's front end, once, that CXone offers no typing for this guest.
    tell_typing_unavailable: Callable[[Session], None]
    #: 0 to 1, for jitter.
    random: Callable[[], float]
    #: Takes what a visitor's agent felt, in ms: FIRST_KEY_TO_SHOWN or LAST_KEY_TO_ENDED. No effect on anything.
    felt: Callable[[str, int], None]

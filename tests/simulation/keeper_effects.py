"""What a keeper of webchat v1 asks of the world: the simulation's own effects, one for each call that it makes."""

from __future__ import annotations

from typing_relay.relay.burst import GuestStatus, Session
from typing_relay.relay.effects import Effect
from typing_relay.relay.runner import Handler, handled_by

from tests.simulation.cxone import Cxone
from tests.simulation.memory_sessions import MemorySessions


class FindOverdue(Effect[list[str]]):
    """Session ids of ``shard`` whose lease ran out before ``before`` and was never released."""

    shard: int
    before: int


class TakeGuest(Effect[Session | None]):
    """``keeper`` holds the guest from now on."""

    session_id: str
    keeper: str
    now: int


class CreateGuest(Effect[str]):
    """CXone makes a new guest."""


class OpenGuest(Effect[bool]):
    """A new guest was made."""

    session_id: str
    keeper: str
    guest_id: str
    now: int


class SetGuestStatus(Effect[Session | None]):
    """Where the guest's socket stands. ``begins``: it can be shown typing from now on."""

    session_id: str
    keeper: str
    status: GuestStatus
    now: int
    begins: bool = False


class ReleaseGuest(Effect[bool]):
    """The visitor has been gone for the grace."""

    session_id: str
    keeper: str
    now: int


def handlers(sessions: MemorySessions, cxone: Cxone) -> list[Handler]:
    """What carries them out."""
    return [
        handled_by(FindOverdue, lambda due: sessions.overdue(due.shard, due.before, 100)),
        handled_by(TakeGuest, lambda due: sessions.take_guest(due.session_id, due.keeper, due.now)),
        handled_by(CreateGuest, lambda due: cxone.create_guest()),
        handled_by(
            OpenGuest,
            lambda due: sessions.open_guest(due.session_id, due.keeper, due.guest_id, "wss://guest", due.now),
        ),
        handled_by(
            SetGuestStatus,
            lambda due: sessions.set_guest_status(due.session_id, due.keeper, due.status, due.now, due.begins),
        ),
        handled_by(ReleaseGuest, lambda due: sessions.release_guest(due.session_id, due.keeper, due.now)),
    ]

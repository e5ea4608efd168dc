"""What the keeper needs from outside, and what it tells: each documented where it is implemented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from typing_relay.relay.burst import GuestStatus, Session
from typing_relay.relay.outcomes import Guest, Outcome

Frame = Mapping[str, Any]


class Sessions(Protocol):
    """The store of session records (``typing_relay.aws.sessions``)."""

    def get(self, session_id: str, now: int) -> Session | None: ...
    def get_many(self, session_ids: list[str], now: int) -> dict[str, Session]: ...
    def take_guest(self, session_id: str, keeper: str, now: int) -> Session | None: ...
    def open_guest(self, session_id: str, keeper: str, guest_id: str, web_socket_url: str, now: int) -> bool: ...
    def set_guest_status(self, session_id: str, keeper: str, status: GuestStatus, now: int) -> Session | None: ...
    def end_guest(self, session_id: str, guest_id: str, now: int) -> bool: ...
    def release_guest(self, session_id: str, keeper: str, now: int) -> bool: ...
    def forget_connection(self, session_id: str, connection: str, now: int) -> None: ...


class GuestCreator(Protocol):
    """CXone's guest creation, by whichever of its interfaces."""

    def create_guest(self, source: str) -> Guest | Outcome: ...


class Visitors(Protocol):
    """The way to a visitor's connection (``typing_relay.aws.visitors``)."""

    def send(self, connection: str, frame: Frame) -> bool: ...

"""The simulated CXone's guests, and how many calls each may make."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Protocol

from local.cxone_simulator.faults import RateLimit


@dataclass
class Allowance:
    """A token bucket: how many calls a guest has left, as of `at` (epoch ms). A new one is full."""

    left: float | None = None
    at: float = 0

    def take(self, limit: RateLimit, now: float) -> float:
        """Take one call. Returns 0, or when none is left the seconds until the next is allowed."""
        refilled = (now - self.at) / 1000 * limit.per_second
        left = limit.burst if self.left is None else min(limit.burst, self.left + refilled)
        self.at = now
        self.left = left - 1 if left >= 1 else left
        return 0 if left >= 1 else (1 - left) / limit.per_second


class Socket(Protocol):
    """An open socket of a guest, as the controls use it."""

    async def send(self, frame: dict[str, Any]) -> bool:
        """Send a JSON frame; False when the socket is silent or closing."""

    async def close(self, code: int, reason: str) -> None:
        """Close it with a close frame."""

    def reset(self) -> None:
        """End the connection with a TCP RST."""

    def go_silent(self) -> None:
        """Stop sending and answering."""


@dataclass
class Guest:
    """A guest session, as the agent sees it."""

    guest_id: str
    source: str
    secret: str
    typing: bool = False
    typing_at: float | None = None
    over: bool = False
    posts: int = 0
    allowance: Allowance = field(default_factory=Allowance)
    sockets: set[Socket] = field(default_factory=set)

    def set_typing(self, typing: bool, now: float) -> None:
        """Show the agent this, from `now` (epoch ms) on."""
        self.typing, self.typing_at = typing, now

    def end(self, now: float) -> None:
        """The session is over, and CXone keeps no typing state beyond it."""
        self.over = True
        self.set_typing(False, now)


class Guests:
    """All guests since the start or the last reset, over or not."""

    def __init__(self) -> None:
        self._guests: dict[str, Guest] = {}

    def create(self, source: str) -> Guest:
        """A new guest with a new id and secret."""
        guest = Guest(f"guest-{secrets.token_hex(8)}", source, secrets.token_urlsafe(24))
        self._guests[guest.guest_id] = guest
        return guest

    def get(self, guest_id: str) -> Guest | None:
        """The guest of this id; None when there never was one."""
        return self._guests.get(guest_id)

    def all(self) -> list[Guest]:
        """Every guest, oldest first."""
        return list(self._guests.values())

    def clear(self) -> None:
        """Forget all guests."""
        self._guests.clear()

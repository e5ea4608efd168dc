"""What is said on a guest's sockets is its platform's own; ``keeper`` only opens and closes them.

``TalkHost`` is what a talk may do, ``Talk`` what it must hear of. All on the loop's thread but ``Talk.make``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from typing_relay.keeper.guests import guest
from typing_relay.keeper.io.sockets import SocketEnd
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class TalkHost:
    """What the keeper does for one guest's talk; made by ``Keeper``. Sockets are numbered, as in ``guest``."""

    session_id: str
    #: Send a text frame on this socket; False when it is not open, or its peer does not read.
    send: Callable[[int, str], bool]
    #: This socket is of use now: the guest counts as open.
    ready: Callable[[int], None]
    #: This socket is as good as lost, for this reason: close it and go on as if it had ended.
    lost: Callable[[int, Outcome], None]
    #: Send this frame to the visitor.
    tell: Callable[[Mapping[str, Any]], None]
    #: A write was refused, as the record names another keeper: look who holds the guest.
    fenced: Callable[[], None]
    #: Do this when it is this guest's turn among all for whom CXone is asked for something new, or before all others.
    in_turn: Callable[[Callable[[], object], bool], None]
    #: The visitor's page has signed them in: what waits for that goes on.
    signed_in: Callable[[], None] = lambda: None


class Talk(Protocol):
    """What is said on one guest's sockets, one after the other."""

    def taken(self, record: Session) -> None:
        """This keeper's name has been written into the record, which stands so."""

    def refreshed(self, record: Session) -> None:
        """The record has been read again, perhaps not as it is now, and stands so."""

    def make(self) -> guest.Event:
        """On a worker thread: have CXone create the guest, and record it. Returns Created, NotCreated or FenceLost."""

    def prepare(self, number: int, url: str, go: Callable[[str], None]) -> None:
        """Socket ``number`` is about to be opened: call ``go`` with its URL, or report it lost."""

    def opened(self, number: int) -> None:
        """The socket is open."""

    def heard(self, number: int, text: str) -> None:
        """A text frame came in on it."""

    def ended(self, number: int, end: SocketEnd) -> Outcome:
        """It could not be opened, or is open no more. Returns what that means."""

    def close(self) -> None:
        """This keeper no longer holds the guest."""

    @property
    def is_shown(self) -> bool:
        """Without a socket an agent may be shown typing for longer than the visitor types."""

    @property
    def states(self) -> tuple[Mapping[str, Any], ...]:
        """Events of what lasts, as the visitor was last told here: who types and, where known, the contact."""

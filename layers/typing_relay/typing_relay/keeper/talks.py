"""What is said on a guest's sockets, by whichever of CXone's interfaces; ``keeper`` only opens and closes them.

``Voice`` is what a talk may do, ``Talk`` what it must hear of. All on the loop's thread but ``Talk.make``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from typing_relay.cxone import visitor_events as cxone_events
from typing_relay.cxone.v1 import guest_sockets, visitor_events
from typing_relay.keeper import guest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.ports import GuestCreator, Sessions
from typing_relay.keeper.sockets import SocketEnd
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome


@dataclass(frozen=True, slots=True)
class Voice:
    """What the keeper does for one guest's talk. Sockets are numbered, as in ``guest``."""

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


class Talk(Protocol):
    """What is said on one guest's sockets, one after the other."""

    def taken(self, record: Session) -> None:
        """This keeper's name has been written into the record, which stands so."""

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
        """The guest is held here no more."""

    @property
    def agent_types(self) -> bool:
        """What the visitor was last told of the agent, by this keeper."""


class WebchatTalk:
    """webchat v1: what CXone says is handed on, and nothing is ever said."""

    def __init__(
        self, voice: Voice, make: Callable[[], guest.Event], meaning: Callable[[SocketEnd], Outcome], counters: Counters
    ) -> None:
        self._voice, self._make, self._meaning, self._counters = voice, make, meaning, counters
        #: The newest open socket.
        self._number = 0
        self.agent_types = False

    def taken(self, record: Session) -> None:
        """Nothing of it matters here."""

    def make(self) -> guest.Event:
        """By CXone's guest creation."""
        return self._make()

    def prepare(self, number: int, url: str, go: Callable[[str], None]) -> None:
        """A guest's URL is good for its life."""
        go(url)

    def opened(self, number: int) -> None:
        """It is of use at once."""
        self._number = number
        self._agent_stopped()
        self._voice.ready(number)

    def heard(self, number: int, text: str) -> None:
        """Whatever is JSON goes to the visitor; kinds are told apart for the metrics only."""
        try:
            event = json.loads(text)
        except ValueError:
            self._counters.add("Frames.NotJson")
            return
        frame = visitor_events.told(event)
        self._counters.add(f"Frames.{_KINDS.get(frame.get('name', ''), 'Unknown')}")
        if frame.get("name") == "agent-typing":
            self.agent_types = frame["detail"]["typing"]
        self._voice.tell(frame)

    def ended(self, number: int, end: SocketEnd) -> Outcome:
        """As the interface defines it."""
        if number == self._number:
            self._agent_stopped()
        return self._meaning(end)

    def _agent_stopped(self) -> None:
        """The agent's next frame may be lost, or was: nobody would say that the typing is over."""
        if self.agent_types:
            self.agent_types = False
            self._voice.tell(cxone_events.agent_typing(None, False))

    def close(self) -> None:
        """Nothing is left of it."""


_KINDS = {"agent-typing": "AgentTyping", "message": "Message"}


def make_guest(
    cxone: GuestCreator, sessions: Sessions, source: str, session_id: str, keeper: str, clock: Callable[[], int]
) -> guest.Event:
    """Create a v1 guest and record it. On a worker thread."""
    made = cxone.create_guest(source)
    if isinstance(made, Outcome):
        return guest.NotCreated(made)
    recorded = sessions.open_guest(session_id, keeper, made.guest_id, made.web_socket_url, clock())
    return guest.Created(made.guest_id, made.web_socket_url) if recorded else guest.FenceLost()


def webchat_meaning(end: SocketEnd, now: int) -> Outcome:
    """What the end of a v1 guest's socket means (``now``: epoch ms)."""
    if end.http_status is not None:
        return guest_sockets.refused(end.http_status, end.headers, end.body, now)
    if end.close_code is not None:
        return guest_sockets.closed(end.close_code)
    return Outcome(Kind.FAILED, reason=end.reason)

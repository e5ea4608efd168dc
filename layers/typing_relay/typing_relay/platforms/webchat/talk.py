"""What is said on a v1 guest's socket: CXone's frames are handed on, and nothing is ever said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.talk import Voice
from typing_relay.keeper.io.sockets import SocketEnd
from typing_relay.keeper.ports import Sessions
from typing_relay.platforms.shared import visitor_events as cxone_events
from typing_relay.platforms.webchat import guest_sockets, visitor_events
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Guest, Kind, Outcome


class GuestCreator(Protocol):
    """CXone's guest creation (``guests.GuestsV1``)."""

    def create_guest(self, source: str) -> Guest | Outcome:
        """A new guest, or why there is none."""


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

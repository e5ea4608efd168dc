"""What is said on a guest's socket: the agent's frames, which go to the visitor as they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.talk import TalkHost
from typing_relay.keeper.io.sockets import SocketEnd
from typing_relay.platforms.fading.guests import FadingGuests
from typing_relay.platforms.platform import Lent
from typing_relay.platforms.shared.visitor_events import unnamed
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome


class FadingTalk:
    """One guest's."""

    #: It says nothing that lasts.
    states: tuple[Mapping[str, Any], ...] = ()
    #: Its sockets say nothing of typing, so none is opened before others.
    is_shown = False

    def __init__(self, lent: Lent, guests: FadingGuests, host: TalkHost) -> None:
        self._lent, self._guests, self._host = lent, guests, host

    def taken(self, record: Session) -> None:
        """Nothing of the record matters here."""

    refreshed = taken

    def make(self) -> guest.Event:
        """On a worker thread."""
        made, lent, session_id = self._guests.create(), self._lent, self._host.session_id
        if isinstance(made, Outcome):
            return guest.NotCreated(made)
        recorded = lent.sessions.open_guest(session_id, lent.keeper, made.guest_id, made.web_socket_url, lent.clock())
        return guest.Created(made.guest_id, made.web_socket_url) if recorded else guest.FenceLost()

    def prepare(self, number: int, url: str, go: Callable[[str], None]) -> None:
        """The URL is good for the guest's life."""
        go(url)

    def opened(self, number: int) -> None:
        """It is of use at once."""
        self._host.ready(number)

    def heard(self, number: int, text: str) -> None:
        """Whatever it is."""
        self._host.tell(unnamed(json.loads(text)))

    def ended(self, number: int, end: SocketEnd) -> Outcome:
        """Another socket may be opened."""
        return Outcome(Kind.LOST, reason=end.reason)

    def close(self) -> None:
        """Nothing is left behind."""

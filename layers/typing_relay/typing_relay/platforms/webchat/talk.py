"""What is said on a v1 guest's socket: CXone's frames are handed on, and nothing is ever said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.talk import Talk, TalkHost
from typing_relay.keeper.io.loop import Loop, Timer
from typing_relay.keeper.io.sockets import SocketEnd
from typing_relay.keeper.ports import Sessions
from typing_relay.platforms.platform import Lent
from typing_relay.platforms.shared import visitor_events as cxone_events
from typing_relay.platforms.shared.agents_typing import NOBODY, SOMEBODY, USUAL_LIFE_MS, AgentsTyping
from typing_relay.platforms.webchat import guest_sockets, visitor_events
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Guest, Kind, Outcome
from typing_relay.relay.profile import CUSTOMER, FAMILY_NAME, GIVEN_NAME, NOTHING_SAID, Profile, decoded

#: Where CXone is told that a guest comes from.
SOURCE = "typing-relay"


class GuestCreator(Protocol):
    """CXone's guest creation (``guests.GuestsV1``)."""

    def create_guest(self, attributes: Mapping[str, str]) -> Guest | Outcome:
        """A new guest, or why there is none."""


@dataclass(frozen=True, slots=True)
class Time:
    """``clock``: epoch ms; ``agent_typing_ms``: an agent types no longer when nothing has renewed it for this long."""

    loop: Loop
    clock: Callable[[], int]
    agent_typing_ms: int = USUAL_LIFE_MS


class WebchatTalk:
    """webchat v1: what CXone says is handed on, and nothing is ever said."""

    __slots__ = (
        *("_connections", "_counters", "_expiry", "_make", "_meaning"),
        *("_number", "_profile", "_time", "_typing", "_host"),
    )

    def __init__(
        self,
        host: TalkHost,
        make: Callable[[Profile], guest.Event],
        meaning: Callable[[SocketEnd], Outcome],
        counters: Counters,
        time: Time,
    ) -> None:
        self._host, self._make, self._meaning, self._counters, self._time = host, make, meaning, counters, time
        #: The newest open socket.
        self._number = 0
        self._typing = NOBODY
        self._profile = NOTHING_SAID
        #: As the record had them when it was read last.
        self._connections: frozenset[str] = frozenset()
        self._expiry: Timer | None = None

    @property
    def is_shown(self) -> bool:
        """Typing goes another way."""
        return False

    @property
    def states(self) -> tuple[Mapping[str, Any], ...]:
        """Whether an agent types, as the visitor was last told; frames of this interface do not say which one."""
        return (cxone_events.agent_typing(None, self._typing.agents),)

    def taken(self, record: Session) -> None:
        """Who the visitor is goes into the guest that may be created."""
        self._profile, self._connections = decoded(record.profile), record.connections

    def refreshed(self, record: Session) -> None:
        """Who has come since is told that the agent types. The profile is for the next guest: this one stays so."""
        newcomers = record.connections - self._connections
        self.taken(record)
        if newcomers and self._typing:
            self._host.tell(cxone_events.agent_typing(None, self._typing.agents))

    def make(self) -> guest.Event:
        """By CXone's guest creation."""
        return self._make(self._profile)

    def prepare(self, number: int, url: str, go: Callable[[str], None]) -> None:
        """A guest's URL is good for its life."""
        go(url)

    def opened(self, number: int) -> None:
        """It is of use at once."""
        self._number = number
        self._agent_stopped()
        self._host.ready(number)

    def heard(self, number: int, text: str) -> None:
        """Whatever is JSON goes to the visitor; kinds are told apart for the metrics only."""
        try:
            event = json.loads(text)
        except ValueError:
            self._counters.add("Frames.NotJson")
            return
        frame = visitor_events.frame_of(event)
        name = frame.get("name", "")
        self._counters.add(f"Frames.{_KINDS.get(name, 'Unknown')}")
        now, before = self._time.clock(), self._typing
        if name == "agent-typing" and frame["detail"]["typing"]:
            self._now_types(before.started(SOMEBODY, None, now, self._time.agent_typing_ms))
        elif name == "agent-typing":
            self._now_types(before.stopped(SOMEBODY, None, now))
        self._host.tell(frame)
        if name == "message":
            self._agents_type(self._typing.stopped(SOMEBODY, None, now))

    def ended(self, number: int, end: SocketEnd) -> Outcome:
        """As the interface defines it."""
        if number == self._number:
            self._agent_stopped()
        return self._meaning(end)

    def _agent_stopped(self) -> None:
        """The agent's next frame may be lost, or was: nobody would say that the typing is over."""
        self._agents_type(NOBODY)

    def _agents_type(self, typing: AgentsTyping) -> None:
        """The visitor is told if that is news."""
        is_news = typing.agents != self._typing.agents
        self._now_types(typing)
        if is_news:
            self._host.tell(cxone_events.agent_typing(None, typing.agents))

    def _now_types(self, typing: AgentsTyping) -> None:
        """What is not renewed ends by itself."""
        self._typing = typing
        if self._expiry:
            self._expiry.cancel()
        self._expiry = None
        if typing.wake_at is not None:
            seconds = (typing.wake_at - self._time.clock()) / 1000
            self._expiry = self._time.loop.call_later(seconds, self._expired)

    def _expired(self) -> None:
        self._agents_type(self._typing.expired(self._time.clock()))

    def close(self) -> None:
        """What the visitor is to be told from now on is the next keeper's to say."""
        self._now_types(NOBODY)


_KINDS = {"agent-typing": "AgentTyping", "message": "Message"}


def attributes_of(profile: Profile, source: str) -> dict[str, str]:
    """What CXone is told of a guest. ``source``: where it comes from; no custom field takes its place."""
    said = {GIVEN_NAME: profile.given_name, FAMILY_NAME: profile.family_name, CUSTOMER: profile.customer}
    return dict(profile.fields) | {name: value for name, value in said.items() if value} | {"source": source}


def make_guest(
    cxone: GuestCreator,
    sessions: Sessions,
    source: str,
    session_id: str,
    keeper: str,
    clock: Callable[[], int],
    profile: Profile,
) -> guest.Event:
    """Create a v1 guest and record it. On a worker thread."""
    made = cxone.create_guest(attributes_of(profile, source))
    if isinstance(made, Outcome):
        return guest.NotCreated(made)
    recorded = sessions.open_guest(session_id, keeper, made.guest_id, made.web_socket_url, clock())
    return guest.Created(made.guest_id, made.web_socket_url) if recorded else guest.FenceLost()


def talks(lent: Lent, cxone: GuestCreator) -> Callable[[TalkHost], Talk]:
    """Makes the talk of each guest that a keeper holds."""
    time = Time(lent.loop, lent.clock, lent.agent_typing_ms)

    def talk_of(host: TalkHost) -> Talk:
        make = partial(make_guest, cxone, lent.sessions, SOURCE, host.session_id, lent.keeper, lent.clock)
        return WebchatTalk(host, make, lambda end: webchat_meaning(end, lent.clock()), lent.counters, time)

    return talk_of


def webchat_meaning(end: SocketEnd, now: int) -> Outcome:
    """What the end of a v1 guest's socket means (``now``: epoch ms)."""
    if end.http_status is not None:
        return guest_sockets.refused(end.http_status, end.headers, end.body, now)
    if end.close_code is not None:
        return guest_sockets.closed(end.close_code)
    return Outcome(Kind.FAILED, reason=end.reason)

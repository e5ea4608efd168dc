"""What is said on a v1 guest's socket, what its end means, and how the guest comes to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.talk import TalkHost
from typing_relay.keeper.io.sockets import SocketEnd, Stage
from typing_relay.platforms.shared.agents_typing import SOMEBODY
from typing_relay.platforms.shared.visitor_events import agent_typing
from typing_relay.platforms.webchat.talk import Time, WebchatTalk, make_guest, webchat_meaning
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Guest, Kind, Outcome
from typing_relay.relay.profile import NOTHING_SAID, Profile

from tests.support.keeper_fakes import ManualLoop

NOW = 1_800_000_000_000
THROTTLED = Outcome(Kind.THROTTLED, 7_000, "429")
URL = "wss://chat.nicecxone.com/g1"


@pytest.mark.parametrize(
    ("end", "kind", "retry_after_ms"),
    [
        (SocketEnd(Stage.UPGRADING, "refused", 403, {}, "over"), Kind.GUEST_OVER, 0),
        (SocketEnd(Stage.UPGRADING, "refused", 429, {"retry-after": "7"}), Kind.THROTTLED, 7_000),
        (SocketEnd(Stage.OPEN, "closed", close_code=4403), Kind.GUEST_OVER, 0),
        (SocketEnd(Stage.OPEN, "closed", close_code=1006), Kind.LOST, 0),
        (SocketEnd(Stage.CONNECTING, "ECONNREFUSED"), Kind.FAILED, 0),
    ],
)
def test_the_end_of_a_socket_means_what_its_status_or_close_code_says(
    end: SocketEnd, kind: Kind, retry_after_ms: int
) -> None:
    """T7: a Retry-After at the handshake too."""
    outcome = webchat_meaning(end, NOW)
    assert (outcome.kind, outcome.retry_after_ms) == (kind, retry_after_ms)


@pytest.mark.parametrize(
    ("text", "counted", "told"),
    [
        ('{"type":"agent-typing","typing":true}', "Frames.AgentTyping", 1),
        ('{"type":"message","text":"hello"}', "Frames.Message", 1),
        ('{"type":"coffee"}', "Frames.Unknown", 1),
        ("7", "Frames.Unknown", 1),
        ("not json", "Frames.NotJson", 0),
    ],
)
def test_whatever_is_json_is_told_and_counted_by_its_kind(text: str, counted: str, told: int) -> None:
    frames: list[Mapping[str, Any]] = []
    counters = Counters()
    host = TalkHost(
        "alice", lambda *_: True, lambda _: None, lambda *_: None, frames.append, lambda: None, lambda *_: None
    )
    time = Time(ManualLoop(), lambda: NOW)  # type: ignore[arg-type]
    WebchatTalk(host, lambda _profile: guest.FenceLost(), lambda _end: THROTTLED, counters, time).heard(1, text)
    assert (len(frames), counters.take()) == (told, {counted: 1})


AGENT_TYPES, AGENT_STOPS = '{"type":"agent-typing","typing":true}', '{"type":"agent-typing","typing":false}'

MESSAGE = '{"type":"message","text":"hello"}'


class Listening:
    """A talk that hears the agent on socket 1, and what the visitor is told."""

    def __init__(self) -> None:
        self.told: list[bool] = []
        self.loop = ManualLoop()
        host = TalkHost(
            "alice", lambda *_: True, lambda _: None, lambda *_: None, self._tell, lambda: None, lambda *_: None
        )
        time = Time(self.loop, lambda: NOW + self.loop.passed_ms)  # type: ignore[arg-type]
        self.talk = WebchatTalk(host, lambda _profile: guest.FenceLost(), lambda _end: THROTTLED, Counters(), time)
        self.talk.opened(1)

    def _tell(self, frame: Mapping[str, Any]) -> None:
        if frame["name"] == "agent-typing":
            self.told.append(frame["detail"]["typing"])


@pytest.mark.parametrize("event", ["ended", "opened"])
def test_an_agent_whose_end_of_typing_may_be_lost_is_said_not_to_type(event: str) -> None:
    """T16: the socket is lost, or another one takes its place."""
    scene = Listening()
    scene.talk.heard(1, AGENT_TYPES)
    for _ in range(2):
        if event == "ended":
            scene.talk.ended(1, SocketEnd(Stage.OPEN, "reset"))
        else:
            scene.talk.opened(2)
    assert (scene.told, scene.talk.states) == ([True, False], (agent_typing(None, ()),))


def test_an_agent_is_not_said_to_stop_by_a_socket_that_was_never_opened() -> None:
    """The one in use is still heard."""
    scene = Listening()
    scene.talk.heard(1, AGENT_TYPES)
    scene.talk.ended(2, SocketEnd(Stage.CONNECTING, "refused"))
    assert (scene.told, scene.talk.states) == ([True], (agent_typing(None, (SOMEBODY,)),))


def test_of_an_agent_who_has_stopped_nothing_more_is_said() -> None:
    scene = Listening()
    scene.talk.heard(1, AGENT_TYPES)
    scene.talk.heard(1, AGENT_STOPS)
    scene.talk.ended(1, SocketEnd(Stage.OPEN, "reset"))
    assert scene.told == [True, False]


def test_an_agents_message_ends_its_typing() -> None:
    """T16: CXone need not say so."""
    scene = Listening()
    scene.talk.heard(1, AGENT_TYPES)
    scene.talk.heard(1, MESSAGE)
    assert (scene.told, scene.talk.states) == ([True, False], (agent_typing(None, ()),))


def test_an_agents_typing_ends_by_itself_unless_it_is_renewed() -> None:
    """T16: its end was lost."""
    scene = Listening()
    scene.talk.heard(1, AGENT_TYPES)
    scene.loop.advance(40)
    scene.talk.heard(1, AGENT_TYPES)
    scene.loop.advance(59.9)
    before = list(scene.told)
    scene.loop.advance(0.2)
    assert (before, scene.told) == ([True, True], [True, True, False])


@pytest.mark.parametrize(("types", "comes", "told"), [(True, "b", [True, True]), (True, "a", [True]), (False, "b", [])])
def test_a_tab_that_has_come_while_the_agent_types_is_told_so_when_its_keeper_looks(
    types: bool, comes: str, told: list[bool]
) -> None:
    """T16: no keeper can be nudged here."""
    scene = Listening()
    scene.talk.taken(Session("alice", connections=frozenset({"a"})))
    if types:
        scene.talk.heard(1, AGENT_TYPES)
    scene.talk.refreshed(Session("alice", connections=frozenset({"a", comes})))
    assert scene.told == told


def test_a_start_that_a_message_may_have_overtaken_is_not_told_for_long() -> None:
    """T16: these frames have no times of CXone's."""
    scene = Listening()
    scene.talk.heard(1, MESSAGE)
    scene.talk.heard(1, AGENT_TYPES)
    scene.loop.advance(10.1)
    assert scene.told == [True, False]


def test_of_a_guest_that_is_held_no_more_nothing_is_said() -> None:
    """T12: what the visitor hears is the next keeper's to say."""
    scene = Listening()
    scene.talk.heard(1, AGENT_TYPES)
    scene.talk.close()
    scene.loop.advance(100)
    assert scene.told == [True]


class Cxone:
    """Gives each the same answer."""

    def __init__(self, answer: Guest | Outcome) -> None:
        self.answer, self.told = answer, dict[str, str]()

    def create_guest(self, attributes: Mapping[str, str]) -> Guest | Outcome:
        self.told = dict(attributes)
        return self.answer


class Records:
    """Takes guests, or refuses them all by the fence."""

    def __init__(self, *, takes: bool) -> None:
        self.takes, self.opened = takes, list[tuple[Any, ...]]()

    def open_guest(self, *guest_opened: Any) -> bool:
        self.opened.append(guest_opened)
        return self.takes


@pytest.mark.parametrize(
    ("answer", "takes", "event"),
    [
        (Guest("g1", URL), True, guest.Created("g1", URL)),
        (Guest("g1", URL), False, guest.FenceLost()),
        (THROTTLED, True, guest.NotCreated(THROTTLED)),
    ],
)
def test_a_guest_is_created_when_cxone_and_the_record_have_it(
    answer: Guest | Outcome, takes: bool, event: guest.Event
) -> None:
    """T12: where another keeper has taken over meanwhile, that one's guest counts."""
    records = Records(takes=takes)
    made = make_guest(Cxone(answer), records, "shop", "alice", "me", lambda: NOW, NOTHING_SAID)  # type: ignore[arg-type]
    assert made == event
    assert records.opened == ([("alice", "me", "g1", URL, NOW)] if isinstance(answer, Guest) else [])


ADA = Profile("Ada", "Lovelace", "c-17", (("plan", "gold"), ("source", "the visitor's own")))


def test_cxone_is_told_who_a_guest_is() -> None:
    """The operator's own word on where guests come from is not a token's to change."""
    cxone = Cxone(THROTTLED)
    make_guest(cxone, Records(takes=True), "shop", "alice", "me", lambda: NOW, ADA)  # type: ignore[arg-type]
    names = {"given_name": "Ada", "family_name": "Lovelace", "customer": "c-17"}
    assert cxone.told == {**names, "plan": "gold", "source": "shop"}


@pytest.mark.parametrize("read", ["taken", "refreshed"])
def test_a_guest_is_created_as_the_record_says_who_the_visitor_is(read: str) -> None:
    """A token that came since counts for the next guest: this interface lets nothing of one be changed."""
    made: list[Profile] = []

    def make(profile: Profile) -> guest.Event:
        made.append(profile)
        return guest.FenceLost()

    host = TalkHost(
        "alice", lambda *_: True, lambda _: None, lambda *_: None, lambda _: None, lambda: None, lambda *_: None
    )
    time = Time(ManualLoop(), lambda: NOW)  # type: ignore[arg-type]
    talk = WebchatTalk(host, make, lambda _end: THROTTLED, Counters(), time)
    getattr(talk, read)(Session("alice", profile=ADA.encoded()))
    talk.make()
    assert made == [ADA]

"""What joins conversations, owners, messages and the line: nudges find what they are for, the channel becomes known."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests.talk import TalkHost
from typing_relay.keeper.io.jobs import Workers
from typing_relay.platforms.digital_first.api import ChannelSettings
from typing_relay.platforms.digital_first.identity import Channel
from typing_relay.platforms.digital_first.in_keeper import AGAIN_S, CHANNEL_S, Dependencies, DigitalFirst
from typing_relay.platforms.digital_first.mailbox import Mailbox
from typing_relay.platforms.digital_first.owners import Owners
from typing_relay.platforms.digital_first.talk import GatewayTalk
from typing_relay.relay.burst import Policy, Session
from typing_relay.relay.effects import StartOwner
from typing_relay.relay.outcomes import Kind, Outcome

from tests.simulation.memory_messages import MemoryMessages
from tests.simulation.memory_sessions import MemorySessions
from tests.support.keeper_fakes import ManualJobs, ManualLoop

LIVECHAT = ChannelSettings(livechat=True, authorization=False)
MESSAGING = ChannelSettings(livechat=False, authorization=False)


class FakeLoop(ManualLoop):
    """Other threads' calls come in the next turn."""

    def call_from_thread(self, callback: Any) -> None:
        self.call_soon(callback)


class Scene:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loop, self.counters = FakeLoop(), Counters()
        self.cxone, self.store, self.names = ManualJobs(), ManualJobs(), ManualJobs()
        self.answers: list[ChannelSettings | Outcome | Exception] = []
        self.held: set[str] = set()
        self.is_ready = False
        monkeypatch.setattr(GatewayTalk, "is_ready", property(lambda _: self.is_ready))
        self.owned: list[tuple[str, int]] = []
        self.fetched: list[str] = []
        monkeypatch.setattr(Owners, "start", lambda _, *owner: self.owned.append(owner))
        monkeypatch.setattr(Mailbox, "fetch", lambda _, session_id: self.fetched.append(session_id))
        self.keeper = DigitalFirst(
            Dependencies(
                "keeper-1",
                self.loop,  # type: ignore[arg-type]
                Workers(self.cxone, self.store, self.names),  # type: ignore[arg-type]
                self.cxone,  # type: ignore[arg-type]
                MemorySessions(),  # type: ignore[arg-type]
                MemoryMessages(),
                None,  # type: ignore[arg-type]
                self,  # type: ignore[arg-type]
                Channel(1386, "chat_local"),
                self.counters,
                lambda: 1_800_000_000_000,
                Policy(verifies=False, parks=False),
                lambda _session_id: None,
                300_000,
                60_000,
                ssl.create_default_context(),
                "wss://keepers.example/live",
                sign=dict,
                talk=self.talk,
                report_latency=lambda name, ms: None,
            )
        )

    def channel(self) -> ChannelSettings | Outcome:
        """The gateway's answer."""
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def talk(self, session_id: str) -> GatewayTalk | None:
        return self.a_talk() if session_id in self.held else None

    def a_talk(self) -> GatewayTalk:
        nothing: Any = lambda *_: None  # noqa: E731
        talk = self.keeper.talk_of(TalkHost("alice", nothing, nothing, nothing, nothing, nothing, nothing))
        assert isinstance(talk, GatewayTalk)
        return talk

    def waits_for_the_channel(self) -> list[str]:
        """Someone whose socket is to be opened; holds its URL once it may be."""
        urls: list[str] = []
        self.a_talk().prepare(1, "wss://gateway.example", urls.append)
        return urls


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


# --- the channel


def test_the_channel_is_asked_for_when_the_keeper_starts(scene: Scene) -> None:
    scene.answers = [LIVECHAT]
    urls = scene.waits_for_the_channel()
    scene.keeper.start()
    assert urls == []
    scene.cxone.run()
    assert urls == ["wss://gateway.example"]


@pytest.mark.parametrize("failure", [Outcome(Kind.DENIED, reason="check DfoBrandId"), OSError("check DfoBrandId")])
def test_the_channel_is_asked_for_again_until_it_is_known(
    scene: Scene, caplog: pytest.LogCaptureFixture, failure: Any
) -> None:
    scene.answers = [failure, failure, MESSAGING]
    urls = scene.waits_for_the_channel()
    scene.keeper.start()
    scene.cxone.run()
    for _ in range(2):
        assert (len(scene.cxone), urls) == (0, [])
        scene.loop.advance(AGAIN_S)
        scene.cxone.run()
    assert urls == ["wss://gateway.example"]
    assert caplog.text.count("check DfoBrandId") == 2
    assert scene.counters.take()["ChannelNotKnown"] == 2


def test_the_channel_is_asked_for_once_a_minute_and_what_it_says_then_counts(scene: Scene) -> None:
    scene.answers = [LIVECHAT, MESSAGING]
    scene.keeper.start()
    scene.cxone.run()
    scene.loop.advance(CHANNEL_S)
    scene.cxone.run()
    assert scene.answers == []


def test_a_setting_that_is_not_supported_is_reported_by_its_name(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.answers = [ChannelSettings(livechat=True, authorization=True, secured_sessions=False)]
    scene.keeper.start()
    scene.cxone.run()
    assert "isAuthorizationEnabled=true" in caplog.text
    assert scene.counters.take()["ChannelNotSupported"] == 1


class Elsewhere:
    """The API of another channel."""

    def __init__(self, channel: Channel, kind: ChannelSettings) -> None:
        self.of, self.kind, self.asked = channel, kind, 0

    def channel(self) -> ChannelSettings:
        self.asked += 1
        return self.kind


def with_another_channel(scene: Scene) -> list[Elsewhere]:
    """The deployment has a messaging channel, too; returns what is asked of others, as it comes to be."""
    made: list[Elsewhere] = []

    def api_of(channel: Channel) -> Any:
        made.append(Elsewhere(channel, MESSAGING))
        return made[-1]

    scene.keeper._around.other_channels = (Channel(1386, "chat_b"),)
    scene.keeper._around.api_of = api_of
    return made


def test_each_channel_is_asked_for_once_a_minute_by_itself(scene: Scene) -> None:
    scene.answers = [LIVECHAT, LIVECHAT]
    made = with_another_channel(scene)
    scene.keeper.start()
    scene.loop.advance(0)
    scene.cxone.run()
    scene.loop.advance(CHANNEL_S)
    scene.cxone.run()
    assert [(one.of.channel_id, one.asked) for one in made] == [("chat_b", 2)]


def test_each_channel_is_of_its_own_kind(scene: Scene) -> None:
    scene.answers = [LIVECHAT]
    with_another_channel(scene)
    scene.keeper.start()
    scene.loop.advance(0)
    scene.cxone.run()
    first = scene.keeper._context
    assert [(context.channel.channel_id, context.livechat) for context in (first.of(""), first.of("chat_b"))] == [
        ("chat_local", True),
        ("chat_b", False),
    ]
    assert first.of("chat_b").of("") is first


def test_a_channel_that_was_taken_out_keeps_its_conversations(scene: Scene) -> None:
    """They are on record in it."""
    made = with_another_channel(scene)
    context = scene.keeper._context.of("chat_former")
    scene.loop.advance(0)
    scene.cxone.run()
    assert (context.channel, context.livechat, made[0].asked) == (Channel(1386, "chat_former"), False, 1)


# --- nudges


def test_an_end_waits_for_the_messages_that_were_sent_before(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """T15: they are read from the store, where no nudge has told of them yet."""
    did: list[str] = []
    monkeypatch.setattr(GatewayTalk, "end", lambda _: did.append("end"))
    monkeypatch.setattr(Mailbox, "fetch", lambda _, session_id: did.append(f"reads {session_id}"))
    scene.held.add("alice")
    scene.keeper._mailbox.hold("alice")
    scene.keeper._nudged({"end": "alice"})
    assert did == ["reads alice"]


def test_a_nudge_makes_the_owner_of_a_burst(scene: Scene) -> None:
    scene.held.add("alice")
    scene.is_ready = True
    scene.keeper._nudged({"session": "alice", "generation": 3})
    assert scene.owned == [("alice", 3)]


def test_a_nudge_for_a_guest_that_is_not_held_here_is_ignored(scene: Scene) -> None:
    """It is late, or the record named this keeper too long: whoever holds the guest looks at the record."""
    scene.keeper._nudged({"session": "alice", "generation": 3})
    assert scene.owned == []


def test_a_nudge_for_a_guest_whose_thread_has_not_been_looked_for_is_ignored(scene: Scene) -> None:
    """Nothing can be said yet, and a lock would be in the way: what is wanted is looked at once there is a contact."""
    scene.held.add("alice")
    scene.keeper._nudged({"session": "alice", "generation": 3})
    assert (scene.owned, scene.keeper.can_own("alice")) == ([], False)


def test_a_nudge_for_messages_has_them_read(scene: Scene) -> None:
    scene.keeper._nudged({"messages": "alice"})
    assert scene.fetched == ["alice"]


@pytest.mark.parametrize(
    "nudge", [{}, {"session": "alice"}, {"session": 7, "generation": 3}, {"session": "alice", "generation": "3"}]
)
def test_a_nudge_that_makes_no_sense_is_ignored(scene: Scene, nudge: dict[str, Any]) -> None:
    scene.held.add("alice")
    scene.keeper._nudged(nudge)
    assert (scene.owned, scene.fetched) == ([], [])


# --- owners


def test_an_owner_is_made_for_a_guest_that_is_still_held_only(scene: Scene) -> None:
    """It may have been let go while a worker thread was at it."""
    scene.keeper.runner.carry_out(StartOwner(Session("alice"), 4))
    scene.loop.advance(0)
    assert scene.owned == []
    scene.held.add("alice")
    scene.is_ready = True
    scene.keeper.runner.carry_out(StartOwner(Session("alice"), 5))
    scene.loop.advance(0)
    assert scene.owned == [("alice", 5)]


def test_typing_for_a_guest_that_is_held_no_more_is_told_so(scene: Scene) -> None:
    told: list[Outcome] = []
    scene.keeper._tell_typing("alice", True, told.append)
    scene.loop.advance(0)
    assert [outcome.kind for outcome in told] == [Kind.NOT_YET]

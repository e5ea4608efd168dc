"""A conversation's typing in the keeper's log: one line for each frame, with what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests.talk import TalkHost
from typing_relay.keeper.io.sockets import SocketEnd
from typing_relay.platforms.digital_first.channel_context import ChannelContext
from typing_relay.platforms.digital_first.identity import Channel
from typing_relay.platforms.digital_first.talk import GatewayTalk
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome

from tests.support.dfo_gateway import Gateway, Thread
from tests.support.keeper_fakes import ManualJobs, ManualLoop

START = 1_000_000_000
IDENTITY = {"visitor": "v", "customer": "c", "thread": "t"}


RECORD = Session("alice", conversation=IDENTITY, access_until=START + 3_600_000)


class Silent:
    """Owners and mailbox: whatever is called on it, nothing comes of it."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Store(Silent):
    """It takes whatever it is told of the contact."""

    def set_contact(self, *_: Any) -> Session:
        return RECORD


class Scene:
    """One conversation on an open socket, with a gateway in memory at the other end."""

    def __init__(self, *, contact: bool) -> None:
        self.loop, self.outcomes = ManualLoop(), list[Outcome]()
        self.gateway = Gateway(livechat=True, threads=(Thread("t", contact=1, is_open=True),) if contact else ())
        self.answers = list[str]()
        host = TalkHost(
            "alice",
            self.send,
            lambda number: None,
            lambda number, outcome: None,
            lambda frame: None,
            lambda: None,
            lambda do, ahead: do(),
        )
        silent: Any = Silent()
        store: Any = Store()
        self.jobs: Any = ManualJobs()
        jobs = self.jobs
        loop: Any = self.loop
        channel = Channel(7, "chat_x")
        context = ChannelContext(
            "me", loop, jobs, jobs, jobs, store, silent, channel, silent, silent, Counters(), lambda: START + self.ms
        )
        context.decide(livechat=True)
        self.talk = GatewayTalk(host, context)
        self.talk.taken(RECORD)
        self.talk.prepare(1, "wss://gateway", lambda url: self.talk.opened(1))
        self.hears()

    @property
    def ms(self) -> int:
        return self.loop.passed_ms

    def send(self, number: int, text: str) -> bool:
        self.gateway, answers = self.gateway.receive(text)
        self.answers += answers
        return True

    def hears(self) -> None:
        answers, self.answers = self.answers, []
        for answer in answers:
            self.talk.heard(1, answer)
        self.loop.advance(0)
        self.jobs.run()

    def wants(self, typing: bool) -> None:
        self.talk.typing(typing, self.outcomes.append)


@pytest.fixture(autouse=True)
def level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="typing_relay")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    names = ("session", "typing", "began", "outcome", "ms")
    said = [record for record in caplog.records if record.getMessage() == "cxone typing"]
    return [{name: getattr(record, name) for name in names} for record in said]


def test_a_typing_frame_is_logged_once_something_was_heard_after_it(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(contact=True)
    scene.wants(True)
    assert lines(caplog) == []
    scene.loop.advance(0.5)
    scene.hears()
    accepted = {"outcome": Kind.ACCEPTED, "ms": 500}
    assert lines(caplog) == [{"session": "alice", "typing": True, "began": START, **accepted}]
    assert scene.outcomes == [Outcome(Kind.ACCEPTED)]


def test_one_that_the_socket_took_with_it_is_logged_as_lost(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(contact=True)
    scene.wants(True)
    scene.talk.ended(1, SocketEnd("open", "reset", close_code=1006))
    scene.loop.advance(0)
    assert [(line["typing"], line["outcome"]) for line in lines(caplog)] == [(True, Kind.LOST)]


def test_where_no_frame_left_there_is_nothing_to_log(caplog: pytest.LogCaptureFixture) -> None:
    """Before a contact there is nobody to be told."""
    scene = Scene(contact=False)
    scene.wants(True)
    scene.wants(False)
    scene.loop.advance(1)
    assert [outcome.kind for outcome in scene.outcomes] == [Kind.NOT_YET, Kind.ACCEPTED]
    assert lines(caplog) == []

"""Offline messages (T15): each is sent once, on a socket of its own, or nobody knows, and the visitor hears which."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typing_relay.keeper.io.sockets import Sending, SocketEnd, SocketListener, Stage
from typing_relay.platforms.digital_first import offline
from typing_relay.platforms.digital_first.api import Access, ChannelSettings
from typing_relay.platforms.digital_first.gateway_breaker import GatewayBreaker
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.digital_first.offline import ANSWER_S, AT_ONCE, PER_SESSION, OfflineMessages
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import Author, Coming, ConversationIds, WaitingMessage
from typing_relay.relay.profile import Profile

from tests.simulation.memory_sessions import MemorySessions
from tests.support.keeper_fakes import ManualJobs, ManualLoop

NOW = 1_800_000_000_000
LIFETIME_MS = 300_000
ADA = Author("Ada King Lovelace", "ada@example.com")
LIVECHAT = ChannelSettings(livechat=True, authorization=False)
SECURED = "wss://gateway.example/?transactionToken=s3cret"
LEGACY = "wss://gateway.example/?customerId=c&sdkVersion=3.3.0"
LOST = SocketEnd(Stage.OPEN, "gone", close_code=1006)
NOT_OPENED = SocketEnd(Stage.UPGRADING, "refused", http_status=500)


class FakeSocket:
    """The gateway at the other end is what the test does."""

    def __init__(self, url: str, listener: SocketListener) -> None:
        self.url, self.listener, self.sent, self.is_closed = url, listener, list[dict[str, Any]](), False
        self.takes = Sending.QUEUED

    def send_text(self, text: str, on_sent: Callable[[], object]) -> Sending:
        if self.takes is Sending.QUEUED:
            self.sent.append(json.loads(text))
        return self.takes

    def close(self) -> None:
        self.is_closed = True

    def answers(self, **more: Any) -> None:
        """To what was sent last."""
        self.listener.text(
            json.dumps({"eventId": self.sent[-1]["eventId"], "createdAt": "2027-01-01T00:00:00Z", **more})
        )


class Scene:
    """A keeper's offline messages, with a mailbox that records what leaves, unless it is away."""

    def __init__(self) -> None:
        self.loop, self.jobs, self.sessions = ManualLoop(), ManualJobs(), MemorySessions()
        self.channel_is: ChannelSettings | Outcome = LIVECHAT
        self.token: Outcome | None = None
        self.url = SECURED
        self.visitors: list[Visitor] = []
        self.sockets: list[FakeSocket] = []
        self.noted: list[tuple[str, ...]] = []
        self.is_recorded: bool | None = True
        self.go: Callable[[], object] = lambda: None
        for session_id in ("alice", "bob"):
            self.sessions.create(session_id, NOW, NOW // 1000 + 86_400)
        self.post = OfflineMessages(
            self.loop,  # type: ignore[arg-type]
            self.jobs,  # type: ignore[arg-type]
            self.sessions,
            self,  # type: ignore[arg-type]
            GatewayBreaker(),
            self.place_of,  # type: ignore[arg-type]
            self.dial,
            lambda: NOW + self.loop.passed_ms,
            LIFETIME_MS,
        )

    # --- the gateway over HTTP

    def place_of(self, record: Session) -> tuple[Channel, Scene]:
        return Channel(1386, "chat_local"), self

    def channel(self) -> ChannelSettings | Outcome:
        return self.channel_is

    def authorize(self, visitor: Visitor, grant: Any = None) -> Access | Outcome:
        self.visitors.append(visitor)
        return self.token or Access("s3cret", NOW + 600_000, visitor)

    def socket_url(self, visitor: Visitor, access: Access) -> str:
        return self.url

    def dial(self, url: str, listener: SocketListener) -> FakeSocket:
        self.sockets.append(FakeSocket(url, listener))
        return self.sockets[-1]

    # --- the mailbox

    def leaving(self, session_id: str, message_id: str, go: Any, stay: Any) -> None:
        self.noted.append(("leaving", message_id))
        if self.is_recorded is None:
            self.go = go
        else:
            (go if self.is_recorded else stay)()

    def taken(self, session_id: str, message_id: str) -> None:
        self.noted.append(("taken", message_id))

    def refused(self, session_id: str, message_id: str, reason: str) -> None:
        self.noted.append(("refused", message_id, reason))

    # ---

    def leaves(self, message_id: str = "m1", left_by: str = "", session_id: str = "alice", age_ms: int = 0) -> None:
        """A visitor leaves a message: it is handed over."""
        self.post.wanted(session_id, WaitingMessage(message_id, "Call me", NOW - age_ms, left_by, author=ADA))
        self.passes(0)

    def passes(self, seconds: float) -> None:
        for step in (0.0, *(1.0,) * int(seconds)):
            self.loop.advance(step)
            while len(self.jobs):
                self.jobs.run()
                self.loop.advance(0)

    @property
    def socket(self) -> FakeSocket:
        return self.sockets[-1]

    def says_it(self) -> FakeSocket:
        """It has left, and has no answer yet."""
        self.leaves()
        self.socket.listener.opened()
        return self.socket


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_it_is_recorded_sent_and_taken_and_the_socket_closed(scene: Scene) -> None:
    socket = scene.says_it()
    assert [frame["payload"]["eventType"] for frame in socket.sent] == ["SendOfflineMessage"]
    socket.answers()
    assert scene.noted == [("leaving", "m1"), ("taken", "m1")]
    assert socket.is_closed


def test_the_last_word_of_a_name_is_the_last_name_as_in_nices_client(scene: Scene) -> None:
    author = scene.says_it().sent[0]["payload"]["data"]["authorCustomerIdentity"]
    assert author == {"idOnExternalPlatform": ADA.email, "firstName": "Ada King", "lastName": "Lovelace"}


def test_a_result_is_an_answer_too(scene: Scene) -> None:
    scene.says_it().answers(postback={"eventType": "OfflineMessageSent"})
    assert scene.noted[-1] == ("taken", "m1")


def test_what_the_gateway_refuses_was_not_sent(scene: Scene) -> None:
    socket = scene.says_it()
    socket.listener.text(json.dumps({"error": {"errorCode": "SendingOfflineMessageFailed"}}))
    assert scene.noted[-1] == ("refused", "m1", "refused")


def test_other_frames_are_no_answer(scene: Scene) -> None:
    socket = scene.says_it()
    for text in ('"pong"', "no JSON", '{"eventId":"another","createdAt":"2027-01-01T00:00:00Z"}'):
        socket.listener.text(text)
    assert scene.noted == [("leaving", "m1")]


@pytest.mark.parametrize("how", ["the socket is lost", "no answer comes"])
def test_once_it_may_have_arrived_it_is_not_sent_again(scene: Scene, how: str) -> None:
    """No look shows whether it did."""
    socket = scene.says_it()
    if how == "no answer comes":
        scene.passes(ANSWER_S)
    else:
        socket.listener.ended(LOST)
    scene.passes(120)
    assert scene.noted == [("leaving", "m1"), ("refused", "m1", "unconfirmed")]
    assert len(scene.sockets) == 1


def test_one_that_a_keeper_before_may_have_sent_is_not_sent(scene: Scene) -> None:
    scene.leaves(left_by="another keeper/1")
    assert (scene.noted, scene.sockets) == ([("refused", "m1", "unconfirmed")], [])


def test_until_it_is_recorded_that_it_leaves_nothing_is_sent(scene: Scene) -> None:
    scene.is_recorded = None
    socket = scene.says_it()
    assert socket.sent == []
    scene.go()
    assert len(socket.sent) == 1


def test_one_that_may_not_leave_is_given_back(scene: Scene) -> None:
    """The mailbox hands it over again, with what the record says by then."""
    scene.is_recorded = False
    socket = scene.says_it()
    assert (socket.sent, socket.is_closed) == ([], True)
    scene.leaves(left_by="another keeper/1")
    assert scene.noted == [("leaving", "m1"), ("refused", "m1", "unconfirmed")]


def test_a_record_that_comes_after_the_socket_is_lost_sends_nothing(scene: Scene) -> None:
    """Nothing has left: the next try sends it."""
    scene.is_recorded = None
    socket = scene.says_it()
    late = scene.go
    socket.listener.ended(LOST)
    scene.passes(2)
    scene.socket.listener.opened()
    late()
    assert (socket.sent, scene.socket.sent) == ([], [])
    scene.go()
    assert len(scene.socket.sent) == 1


@pytest.mark.parametrize("trouble", ["no token", "not opened", "takes nothing"])
def test_what_keeps_it_from_leaving_is_tried_again(scene: Scene, trouble: str) -> None:
    if trouble == "no token":
        scene.token = Outcome(Kind.THROTTLED, 1_000)
    scene.leaves()
    if trouble == "not opened":
        scene.socket.listener.ended(NOT_OPENED)
    elif trouble == "takes nothing":
        scene.socket.takes = Sending.FULL
        scene.socket.listener.opened()
    scene.token = None
    scene.passes(2)
    scene.socket.listener.opened()
    scene.socket.answers()
    assert scene.noted[-1] == ("taken", "m1")


def test_what_never_left_expires(scene: Scene) -> None:
    scene.token = Outcome(Kind.LOST)
    scene.leaves()
    scene.passes(LIFETIME_MS / 1000 + 31)
    assert scene.noted == [("refused", "m1", "expired")]


@pytest.mark.parametrize("trouble", ["the page signs in", "not supported", "refused"])
def test_where_no_visitor_is_let_in_it_fails_at_once(scene: Scene, trouble: str) -> None:
    if trouble == "the page signs in":
        scene.channel_is = ChannelSettings(livechat=True, authorization=False, secured_cookies=True)
    elif trouble == "not supported":
        scene.channel_is = ChannelSettings(livechat=True, authorization=True, secured_sessions=False)
    else:
        scene.token = Outcome(Kind.DENIED, reason="access: ip_blocked")
    scene.leaves()
    assert scene.noted == [("refused", "m1", "unavailable")]


def test_where_sessions_are_not_secured_the_socket_is_authorized_first(scene: Scene) -> None:
    scene.url = LEGACY
    socket = scene.says_it()
    assert [frame["payload"]["eventType"] for frame in socket.sent] == ["AuthorizeCustomer"]
    data = {
        "status": "success",
        "consumerIdentity": {"idOnExternalPlatform": "c"},
        "accessToken": {"token": "t", "expiresIn": 60},
    }
    socket.answers(postback={"eventType": "ConsumerAuthorized", "data": data})
    assert [frame["payload"]["eventType"] for frame in socket.sent][1:] == ["SendOfflineMessage"]


def test_the_same_message_is_in_hand_once(scene: Scene) -> None:
    scene.leaves()
    scene.leaves()
    assert len(scene.sockets) == 1


def test_whoever_has_a_conversation_is_the_same_visitor_and_others_are_new(scene: Scene) -> None:
    scene.sessions.add_connection("bob", Coming("tab", NOW, NOW // 1000 + 3600), NOW, NOW // 1000 + 86_400)
    scene.sessions.take_guest("bob", "keeper-1", NOW)
    made = ConversationIds("visitor-1", "customer-1", "thread-1")
    assert scene.sessions.open_conversation("bob", "keeper-1", made, NOW)
    scene.leaves("m1")
    scene.leaves("m2", session_id="bob")
    scene.passes(1)
    new, known = scene.visitors
    assert (known.visitor_id, known.customer_id) == ("visitor-1", "customer-1")
    assert known.visitor_id != new.visitor_id


def test_a_newcomer_is_the_customer_whom_the_token_names(scene: Scene) -> None:
    profile = Profile(customer="c-17").encoded()
    coming = Coming("tab", NOW, NOW // 1000 + 3600, profile)
    scene.sessions.add_connection("alice", coming, NOW, NOW // 1000 + 86_400)
    scene.leaves()
    assert scene.visitors[0].customer_id == "c-17"


def test_a_session_leaves_a_few_and_others_are_not_kept_from_it(scene: Scene) -> None:
    """T17."""
    for number in range(4):
        scene.leaves(f"m{number}")
    scene.leaves("other", session_id="bob")
    scene.passes(5)
    assert ("refused", "m3", "too_many") in scene.noted
    assert ("refused", "other", "too_many") not in scene.noted


def test_whoever_has_left_a_few_is_remembered_however_many_others_leave_some(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T17."""
    monkeypatch.setattr(offline, "MOST_BUDGETS", 2)
    for number in range(PER_SESSION.at_once):
        scene.leaves(f"m{number}")
    for name in ("bob", "carol", "dave"):
        scene.leaves(name, session_id=name)
    scene.leaves("one more")
    assert [note[1] for note in scene.noted if note[-1] == "too_many"] == ["one more"]


def test_only_a_few_are_sent_at_once(scene: Scene) -> None:
    """T17: each is a token and a socket from the relay's own address."""
    for number in range(AT_ONCE + 1):
        name = f"visitor-{number}"
        scene.sessions.create(name, NOW, NOW // 1000 + 86_400)
        scene.leaves(f"m{number}", session_id=name)
    scene.passes(10)
    assert len(scene.sockets) == AT_ONCE
    scene.sockets[0].listener.ended(NOT_OPENED)
    scene.passes(1)
    assert len(scene.sockets) == AT_ONCE + 1


def test_no_log_has_name_address_or_text(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """T13."""
    caplog.set_level("DEBUG")
    scene.says_it().listener.ended(LOST)
    logged = " ".join(str(record.__dict__) for record in caplog.records)
    assert "An offline message" in logged
    assert not any(secret in logged for secret in ("Lovelace", ADA.email, "Call me", "s3cret"))

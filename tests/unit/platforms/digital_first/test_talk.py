"""A guest's talk with the gateway: what the conversation's machine asks for is done, on a gateway in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.talk import TalkHost
from typing_relay.keeper.io.sockets import SocketEnd, Stage
from typing_relay.platforms.digital_first import conversation
from typing_relay.platforms.digital_first.api import Access, ChannelSettings, Streamed
from typing_relay.platforms.digital_first.channel_context import ChannelContext
from typing_relay.platforms.digital_first.codes import COUNTED
from typing_relay.platforms.digital_first.gateway_breaker import Call
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.digital_first.streamed import Stream
from typing_relay.platforms.digital_first.talk import GatewayTalk
from typing_relay.platforms.digital_first.talk_parts.on_record import AGAIN_S
from typing_relay.relay.breaker import MIN_GUESTS
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import Coming, KeptAccess, Lock, WaitingMessage
from typing_relay.relay.profile import Profile

from tests.simulation.memory_sessions import MemorySessions
from tests.support import dfo_gateway
from tests.support.keeper_fakes import ManualJobs, ManualLoop

START = 1_800_000_000_000
HOUR_MS = 3_600_000
ID, ME, OTHER = "alice", "keeper-1", "keeper-2"
MESSAGE = "11111111-1111-4111-8111-111111111111"
ANOTHER = "22222222-2222-4222-8222-222222222222"
DENIED = Outcome(Kind.DENIED, reason="access: ip_blocked")
FIRST_LOOK = ["RecoverLivechat"]


class Http:
    """The gateway over HTTP: answers as told, and counts its tokens."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.tokens, self.grants = scene, 0, list[dict[str, str] | None]()
        #: What the third party gives along.
        self.refresh = "refresh-1"
        self.refusal: Outcome | None = None
        self.online: bool | Outcome = True
        self.channel_is: ChannelSettings | Outcome = ChannelSettings(livechat=True, authorization=False)
        self.stored: str | Outcome = ""
        self.written: Streamed | Outcome = Streamed("", is_whole=False)
        self.rests: list[tuple[str, ...]] = []
        self.lifetime_ms = HOUR_MS

    def authorize(self, visitor: Visitor, grant: Mapping[str, str] | None = None) -> Access | Outcome:
        self.grants.append(grant and dict(grant))
        if self.refusal:
            return self.refusal
        self.tokens += 1
        until = self.scene.clock() + self.lifetime_ms
        access = Access(f"token-{self.tokens}", until, visitor)
        if grant is None:
            return access
        visitor = replace(visitor, customer_id="customer-7")
        return replace(access, visitor=visitor, third_party_token=f"third-{self.tokens}", refresh_token=self.refresh)

    def socket_url(self, visitor: Visitor, access: Access) -> str:
        return f"wss://gateway.example/?transactionToken={access.token}"

    def channel(self) -> ChannelSettings | Outcome:
        return self.channel_is

    def is_online(self) -> bool | Outcome:
        return self.online

    def event(self, url: str) -> str | Outcome:
        return self.stored

    def message(self, path: str, token: str) -> str | Outcome:
        self.rests.append((path, token))
        return self.stored

    def streamed(self, stream: Stream) -> Streamed | Outcome:
        self.rests.append((stream.url,))
        return self.written


class Post:
    """The mailbox and the owners, as far as a talk knows them: notes what it is told."""

    def __init__(self) -> None:
        self.noted: list[tuple[Any, ...]] = []
        self.taken_up: list[Session] = []
        self.can_record = True
        self.holds_back = False
        self.held_back: list[Any] = []

    def hold(self, session_id: str) -> None:
        self.noted.append(("hold",))

    def fetch(self, session_id: str) -> None:
        self.noted.append(("fetch",))

    def forget(self, session_id: str) -> None:
        self.noted.append(("forget",))

    def drop(self, session_id: str) -> None:
        self.noted.append(("drop",))

    def leaving(self, session_id: str, message_id: str, go: Any, stay: Any) -> None:
        self.noted.append(("leaving", message_id))
        if self.holds_back:
            self.held_back.append(go)
        else:
            (go if self.can_record else stay)()

    def let_go(self) -> None:
        for go in self.held_back:
            go()

    def taken(self, session_id: str, message_id: str) -> None:
        self.noted.append(("taken", message_id))

    def refused(self, session_id: str, message_id: str, reason: str) -> None:
        self.noted.append(("refused", message_id, reason))

    def take_up(self, record: Session) -> None:
        self.taken_up.append(record)


class Scene:
    """One talk, its sockets, and the gateway at their other end."""

    def __init__(self) -> None:
        self.loop, self.store, self.cxone, self.counters = ManualLoop(), ManualJobs(), ManualJobs(), Counters()
        self.sessions, self.http, self.post = MemorySessions(), Http(self), Post()
        self.wire = dfo_gateway.Gateway(livechat=True)
        self.answers = True
        self.open: set[int] = set()
        self.said: list[tuple[int, str]] = []
        self.sent: list[dict[str, Any]] = []
        self.ready: list[int] = []
        self.lost: list[tuple[int, Outcome]] = []
        self.told: list[dict[str, Any]] = []
        self.urls: list[str] = []
        self.heard_of: list[Outcome] = []
        self.fenced = 0
        #: Who asked for a turn, and whether before all others.
        self.turns: list[bool] = []
        self.turns_come = True
        #: How often what waits for a sign-in was told to go on.
        self.went_on = 0
        #: How far the wall clock was set back.
        self.behind_ms = 0
        now = self.clock()
        self.sessions.create(ID, now, now // 1000 + 86_400)
        self.sessions.add_connection(ID, Coming("tab", now, now // 1000 + 3600), now, now // 1000 + 86_400)
        self.sessions.take_guest(ID, ME, now)
        self.context = ChannelContext(
            ME,
            self.loop,  # type: ignore[arg-type]
            self.store,  # type: ignore[arg-type]
            self.cxone,  # type: ignore[arg-type]
            self.cxone,  # type: ignore[arg-type]
            self.sessions,
            self.http,
            Channel(1386, "chat_local"),
            self.post,
            self.post,
            self.counters,
            self.clock,
            livechat=True,
        )
        self.talk = self.new_talk()

    def new_talk(self) -> GatewayTalk:
        return GatewayTalk(
            TalkHost(
                ID,
                self.send,
                self.ready.append,
                lambda *what: self.lost.append(what),  # type: ignore[arg-type]
                self.told.append,  # type: ignore[arg-type]
                self._fenced,
                self._in_turn,
                self._goes_on,
            ),
            self.context,
        )

    def clock(self) -> int:
        return START + self.loop.passed_ms - self.behind_ms

    @property
    def record(self) -> Session:
        return self.sessions.records[ID]

    @property
    def kept(self) -> KeptAccess:
        """By which URL the next keeper gets in; until 0: it has none."""
        return self.sessions.access_of(ID, self.clock()) or KeptAccess("", "", 0)

    def _in_turn(self, do: Any, ahead: bool) -> None:
        self.turns.append(ahead)
        if self.turns_come:
            do()

    def _goes_on(self) -> None:
        self.went_on += 1

    def _fenced(self) -> None:
        self.fenced += 1

    # --- the wire

    def send(self, number: int, text: str) -> bool:
        if number not in self.open:
            return False
        frame = json.loads(text)
        if frame["action"] != "heartbeat":
            self.sent.append(frame)
            self.said.append((number, frame["payload"]["eventType"]))
        if self.answers:
            self.wire, answers = self.wire.receive(text)
            for answer in answers:
                self.loop.call_soon(lambda answer=answer: self.talk.heard(number, answer))
        return True

    def says(self, text: str, number: int = 1) -> None:
        """The gateway says it by itself."""
        self.talk.heard(number, text)
        self.settles()

    def settles(self) -> None:
        """What follows from what has happened, without any time going by."""
        self.loop.advance(0)
        while len(self.store) or len(self.cxone):
            self.store.run()
            self.cxone.run()
            self.loop.advance(0)

    def passes(self, seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            self.loop.advance(0.5)
            self.settles()

    # --- its life

    def prepares(self, number: int) -> None:
        self.talk.prepare(number, self.kept.web_socket_url, self.urls.append)
        self.settles()

    def opens(self, number: int = 1) -> None:
        self.prepares(number)
        self.open.add(number)
        self.wire = self.wire.connected()
        self.talk.opened(number)
        self.settles()

    def begins(self) -> Scene:
        assert isinstance(self.talk.make(), guest.Created)
        self.opens()
        return self

    def chats(self) -> Scene:
        """The first message has opened a contact."""
        self.begins()
        self.sends(MESSAGE)
        assert self.record.contact_open
        return self

    def sends(self, message_id: str, left_by: str = "") -> None:
        self.talk.message(WaitingMessage(message_id, "Good morning", self.clock(), left_by))
        self.settles()

    def types(self, typing: bool = True) -> None:
        self.talk.typing(typing, self.heard_of.append)
        self.settles()

    def locks(self, typing: bool) -> int:
        """As an owner does before it speaks; returns until when."""
        until = self.clock() + 7_500
        assert self.sessions.lock(self.record, Lock(typing, until, 0, None))
        return until

    def takes_again(self) -> None:
        """The queue hands the guest to its keeper once more."""
        record = self.sessions.take_guest(ID, ME, self.clock())
        assert record is not None
        self.talk.taken(self.sessions.with_access(record, self.clock()))
        self.settles()

    @contextmanager
    def store_refuses(self, what: str) -> Iterator[None]:
        """DynamoDB fails, for calls of this name."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.sessions, what, lambda *_: 1 / 0)
            yield

    def socket_ends(self, number: int, **end: Any) -> Outcome:
        self.open.discard(number)
        outcome = self.talk.ended(number, SocketEnd(Stage.OPEN, "gone", **end))
        self.settles()
        return outcome

    def kinds(self) -> list[str]:
        return [kind for _, kind in self.said]


@pytest.fixture
def scene() -> Scene:
    return Scene()


# --- signing in


def test_a_visitor_signs_in_and_the_thread_is_looked_for_before_anything_else(scene: Scene) -> None:
    scene.begins()
    assert (scene.kinds(), scene.ready, scene.talk.is_ready) == (FIRST_LOOK, [1], True)
    assert scene.urls == ["wss://gateway.example/?transactionToken=token-1"]
    assert scene.record.conversation["visitor"] == scene.record.guest_id
    assert scene.post.noted == [("hold",), ("fetch",)]


def test_that_there_is_no_contact_yet_is_recorded_once(scene: Scene) -> None:
    """With the guest itself."""
    scene.begins()
    assert scene.record.contact_open is False
    assert scene.record.sends == 0


def test_whom_the_gateway_refuses_has_no_guest(scene: Scene) -> None:
    scene.http.refusal = DENIED
    assert scene.talk.make() == guest.NotCreated(DENIED)
    assert scene.record.guest_id == ""


ADA = Profile("Ada", "Lovelace", "c-17", (("plan", "gold"),))


def test_a_visitor_is_who_the_teams_server_says(scene: Scene) -> None:
    """The customer's id is the person's on each device; the message that opens the contact has the custom fields."""
    scene.sessions.records[ID] = _replaced(scene.record, profile=ADA.encoded())
    scene.chats()
    message = next(frame["payload"] for frame in scene.sent if frame["payload"]["eventType"] == "SendMessage")
    identity = {"idOnExternalPlatform": "c-17", "firstName": "Ada", "lastName": "Lovelace"}
    assert (message["consumerIdentity"], scene.record.conversation["customer"]) == (identity, "c-17")
    assert message["data"]["consumerContact"]["customFields"] == [{"ident": "plan", "value": "gold"}]


def with_another_channel(scene: Scene) -> Http:
    """The keeper has another channel of the same kind; returns its API."""
    api = Http(scene)
    first = scene.context
    contexts = {"": first, "chat_b": first.for_channel(Channel(1386, "chat_b"), api)}
    first.other = contexts["chat_b"].other = lambda channel_id: contexts[channel_id]
    contexts["chat_b"].decide(livechat=True)
    return api


def test_a_conversation_is_in_the_channel_that_the_token_names(scene: Scene) -> None:
    """Token, frames and record are of that channel."""
    api = with_another_channel(scene)
    scene.sessions.records[ID] = _replaced(scene.record, profile=Profile(channel="chat_b").encoded())
    scene.chats()
    assert {frame["payload"]["channel"]["id"] for frame in scene.sent} == {"chat_b"}
    assert (api.tokens, scene.http.tokens, scene.record.conversation["channel"]) == (1, 0, "chat_b")


def test_a_conversation_stays_in_its_channel_whatever_a_newer_token_names(scene: Scene) -> None:
    """A thread is in one channel: another keeper goes on in it."""
    with_another_channel(scene)
    scene.chats()
    scene.sessions.records[ID] = _replaced(scene.record, profile=Profile(channel="chat_b").encoded())
    scene.talk = scene.new_talk()
    scene.takes_again()
    scene.opens(2)
    assert {frame["payload"]["channel"]["id"] for frame in scene.sent} == {"chat_local"}


def test_a_conversation_that_the_version_before_began_is_in_the_first_channel(scene: Scene) -> None:
    """Its record names none."""
    scene.chats()
    without = {name: value for name, value in scene.record.conversation.items() if name != "channel"}
    scene.sessions.records[ID] = _replaced(scene.record, conversation=without)
    with_another_channel(scene)
    scene.talk = scene.new_talk()
    scene.takes_again()
    scene.opens(2)
    assert scene.sent[-1]["payload"]["channel"]["id"] == "chat_local"


def test_who_the_visitor_is_may_change_but_not_the_customer_of_a_conversation(scene: Scene) -> None:
    """A thread is one customer's."""
    scene.chats()
    before = scene.record.conversation["customer"]
    scene.talk.refreshed(_replaced(scene.record, profile=ADA.encoded()))
    scene.settles()
    identity = scene.sent[-1]["payload"]["consumerIdentity"]
    assert scene.sent[-1]["payload"]["eventType"] == "SetConsumerContactCustomFields"
    assert (identity["idOnExternalPlatform"], identity["firstName"]) == (before, "Ada")


def test_the_next_keeper_knows_who_the_visitor_is(scene: Scene) -> None:
    scene.sessions.records[ID] = _replaced(scene.record, profile=ADA.encoded())
    scene.chats()
    scene.talk.close()
    scene.talk = scene.new_talk()
    scene.takes_again()
    scene.opens(2)
    assert scene.sent[-1]["payload"]["consumerIdentity"]["firstName"] == "Ada"


def test_a_guest_for_a_session_that_is_gone_or_anothers_is_not_recorded(scene: Scene) -> None:
    """The fence."""
    scene.sessions.take_guest(ID, OTHER, scene.clock())
    assert isinstance(scene.talk.make(), guest.FenceLost)
    del scene.sessions.records[ID]
    assert isinstance(scene.talk.make(), guest.FenceLost)


@pytest.mark.parametrize(("is_kept", "tokens"), [(True, 1), (False, 2)], ids=["with its token", "which was not kept"])
def test_the_next_keeper_goes_on_as_the_same_visitor_in_the_same_thread(
    scene: Scene, is_kept: bool, tokens: int
) -> None:
    """A keeper may die between opening the conversation and keeping the URL: another token does as well."""
    before = dict(scene.chats().record.conversation)
    scene.talk.close()
    scene.talk = scene.new_talk()
    scene.talk.taken(scene.sessions.with_access(scene.record, scene.clock()) if is_kept else scene.record)
    scene.opens(2)
    assert scene.record.conversation == before
    assert (scene.http.tokens, scene.ready) == (tokens, [1, 2])
    assert scene.record.contact_open is True


def test_a_url_that_could_not_be_kept_keeps_nobody_out(scene: Scene) -> None:
    """The store is away just then."""
    scene.sessions.keep_access = raises(OSError("the store is away"))  # type: ignore[method-assign]
    scene.begins()
    assert (scene.ready, scene.kept.until, scene.counters.take()["StoreFailures"]) == ([1], 0, 1)


def test_while_a_live_chat_is_offline_nobody_signs_in(scene: Scene) -> None:
    scene.http.online = False
    assert scene.talk.make() == guest.NotCreated(Outcome(Kind.DENIED, reason="the channel is offline"))
    assert scene.http.grants == []


def test_the_page_hears_that_nobody_is_there_and_so_does_each_that_connects(scene: Scene) -> None:
    scene.http.channel_is = ChannelSettings(livechat=True, authorization=False, offline_form=True)
    scene.http.online = False
    scene.talk.make()
    scene.settles()
    offline = {"name": "availability", "detail": {"status": "offline", "offline_form": True}}
    assert [frame | offline for frame in scene.told] == scene.told != []
    scene.told.clear()
    scene.talk.greeted()
    scene.passes(3)
    assert [frame["name"] for frame in scene.told] == ["availability"]


def test_what_is_left_while_nobody_is_there_is_handed_over_and_the_page_is_not_told_again(scene: Scene) -> None:
    """T17: each minute it is asked whether somebody is there by now."""
    scene.http.online = False
    for _ in range(2):
        scene.talk.make()
        scene.settles()
    assert (scene.post.noted, len(scene.told)) == ([("hold",), ("fetch",)], 1)


def test_that_somebody_is_there_again_is_told_before_the_page_has_signed_its_visitor_in(scene: Scene) -> None:
    scene.http.channel_is = ChannelSettings(livechat=True, authorization=True)
    for scene.http.online in (False, True):
        scene.talk.make()
        scene.settles()
    said = [frame["detail"].get("status") or frame["detail"]["why"] for frame in scene.told if "name" in frame]
    assert said == ["offline", "online", "needed"]


def test_who_takes_the_guest_again_while_nobody_is_there_begins_anew(scene: Scene) -> None:
    """Another keeper may have had the messages meanwhile."""
    scene.http.online = False
    for _ in range(2):
        scene.talk.make()
        scene.takes_again()
    assert scene.post.noted.count(("hold",)) == 2


def test_once_somebody_is_there_the_page_hears_it(scene: Scene) -> None:
    scene.http.online = False
    scene.talk.make()
    scene.settles()
    scene.http.online = True
    scene.begins()
    statuses = [frame["detail"]["status"] for frame in scene.told if frame.get("name") == "availability"]
    assert statuses == ["offline", "online"]
    scene.told.clear()
    scene.talk.greeted()
    scene.passes(3)
    assert "availability" not in [frame.get("name") for frame in scene.told]


def test_a_messaging_channel_takes_messages_at_any_time(scene: Scene) -> None:
    scene.http.channel_is, scene.http.online = ChannelSettings(livechat=False, authorization=False), False
    assert isinstance(scene.talk.make(), guest.Created)


def test_that_it_cannot_be_asked_whether_agents_are_there_keeps_nobody_out(scene: Scene) -> None:
    scene.http.online = Outcome(Kind.LOST)
    assert isinstance(scene.talk.make(), guest.Created)


def test_a_channel_that_the_gateway_does_not_know_has_no_guests(scene: Scene) -> None:
    scene.context.livechat, scene.http.channel_is = None, DENIED
    assert scene.talk.make() == guest.NotCreated(DENIED)


def test_a_channel_that_asks_for_what_is_not_supported_is_refused_by_the_settings_name(scene: Scene) -> None:
    """To the operator and the page; and nobody is signed in."""
    scene.http.channel_is = ChannelSettings(livechat=True, authorization=True, secured_sessions=False)
    made = scene.talk.make()
    scene.loop.advance(0)
    assert isinstance(made, guest.NotCreated)
    assert (made.outcome.kind, "isAuthorizationEnabled=true" in made.outcome.reason) == (Kind.DENIED, True)
    [told] = scene.told
    assert (told["code"], "isAuthorizationEnabled=true" in told["message"]) == ("typing_unavailable", True)
    assert scene.http.grants == []


def test_no_socket_is_opened_before_the_channels_kind_is_known(scene: Scene) -> None:
    """The wrong look would find nothing."""
    scene.context.livechat = None
    scene.talk.make()
    scene.prepares(1)
    assert scene.urls == []
    scene.wire = dfo_gateway.Gateway(livechat=False)
    scene.context.decide(livechat=False)
    assert len(scene.urls) == 1
    scene.open.add(1)
    scene.talk.opened(1)
    assert scene.kinds() == ["RecoverThread"]


def test_a_message_that_answers_a_choice_takes_its_postback_along(scene: Scene) -> None:
    scene.begins()
    scene.talk.message(WaitingMessage(MESSAGE, "Red", scene.clock(), postback="/red"))
    scene.settles()
    sent = [frame["payload"]["data"] for frame in scene.sent if "messageContent" in frame["payload"]["data"]]
    assert [data["messageContent"]["postback"] for data in sent] == ["/red"]


# --- tokens


def test_a_token_near_its_end_is_renewed_before_a_socket_is_opened(scene: Scene) -> None:
    scene.begins()
    scene.socket_ends(1, close_code=1001)
    scene.loop.advance(HOUR_MS / 1000 - 59)
    scene.opens(2)
    assert scene.urls[-1].endswith("token-2")
    assert scene.kept.web_socket_url == scene.urls[-1]
    assert scene.kept.until == scene.clock() + HOUR_MS


def test_a_token_that_is_good_is_used_again(scene: Scene) -> None:
    scene.begins()
    scene.socket_ends(1, close_code=1001)
    scene.opens(2)
    assert (scene.http.tokens, scene.urls[-1]) == (1, scene.urls[0])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_refused_handshake_brings_a_new_token(scene: Scene, status: int) -> None:
    scene.begins()
    scene.socket_ends(1, close_code=1001)
    scene.prepares(2)
    assert scene.socket_ends(2, http_status=status).kind is Kind.FAILED
    scene.opens(3)
    assert scene.urls[-1].endswith("token-2")


def test_a_retry_after_of_a_handshake_is_heard(scene: Scene) -> None:
    """T7."""
    scene.begins()
    outcome = scene.socket_ends(2, http_status=503, headers={"retry-after": "7"})
    assert (outcome.kind, outcome.retry_after_ms) == (Kind.THROTTLED, 7000)


def test_a_token_that_is_not_renewed_loses_the_socket_to_be(scene: Scene) -> None:
    scene.begins()
    scene.socket_ends(1, http_status=401)
    scene.http.refusal = DENIED
    scene.prepares(2)
    assert (scene.lost, scene.urls[1:]) == ([(2, DENIED)], [])
    assert scene.counters.take()["TokensNotRenewed.denied"] == 1


def test_who_lost_the_guest_while_renewing_opens_no_socket(scene: Scene) -> None:
    """The fence."""
    scene.begins()
    scene.socket_ends(1, http_status=401)
    scene.sessions.take_guest(ID, OTHER, scene.clock())
    scene.prepares(2)
    [(number, outcome)] = scene.lost
    assert (number, outcome.kind, scene.urls[1:]) == (2, Kind.LOST, [])


# --- typing


def test_before_anybody_has_signed_in_nothing_can_be_shown_yet(scene: Scene) -> None:
    scene.types()
    assert [outcome.kind for outcome in scene.heard_of] == [Kind.NOT_YET]


def test_without_a_contact_nothing_can_be_shown_yet(scene: Scene) -> None:
    scene.begins()
    scene.types()
    assert ([outcome.kind for outcome in scene.heard_of], scene.kinds()) == ([Kind.NOT_YET], FIRST_LOOK)


def test_typing_is_told_as_accepted_when_something_was_heard_after_it(scene: Scene) -> None:
    scene.chats()
    scene.types()
    assert scene.wire.shows_typing
    assert [outcome.kind for outcome in scene.heard_of] == [Kind.ACCEPTED]


def test_typing_that_nothing_is_heard_after_is_lost(scene: Scene) -> None:
    scene.chats().answers = False
    scene.types()
    assert scene.heard_of == []
    scene.passes(4)
    assert [outcome.kind for outcome in scene.heard_of] == [Kind.LOST]


def test_a_guest_that_is_let_go_leaves_nobody_waiting(scene: Scene) -> None:
    scene.chats().answers = False
    scene.types()
    scene.talk.close()
    assert [outcome.kind for outcome in scene.heard_of] == [Kind.LOST]
    assert scene.post.noted[-2:] == [("drop",), ("forget",)]


def test_a_guest_that_was_let_go_says_and_decides_nothing_any_more(scene: Scene) -> None:
    """T15: what waits is the next keeper's; here its time limit counts no more."""
    scene.begins().answers = False
    scene.sends(MESSAGE)
    scene.talk.close()
    said = list(scene.said)
    scene.talk.heard(1, '"pong"')
    scene.passes(400)
    assert (scene.said, scene.talk.is_ready) == (said, False)
    assert not any(note[0] == "refused" for note in scene.post.noted)


def test_what_is_recorded_after_a_guest_was_let_go_makes_no_owner_here(scene: Scene) -> None:
    scene.begins()
    scene.talk.heard(1, dfo_gateway.case_created(scene.record.conversation["thread"]))
    scene.talk.close()
    scene.settles()
    assert scene.post.taken_up == []


# --- messages


def test_a_message_leaves_when_that_is_on_record(scene: Scene) -> None:
    """T15."""
    scene.begins()
    scene.sends(MESSAGE)
    assert scene.kinds() == [*FIRST_LOOK, "SendMessage"]
    assert scene.post.noted[2:] == [("leaving", MESSAGE), ("taken", MESSAGE)]


def test_the_contact_that_a_message_opens_is_recorded_and_what_is_wanted_looked_at(scene: Scene) -> None:
    scene.begins()
    scene.sends(MESSAGE)
    assert scene.record.contact_open is True
    assert [record.contact_open for record in scene.post.taken_up] == [True]


def test_a_message_whose_leaving_cannot_be_recorded_is_not_sent_and_the_socket_given_up(scene: Scene) -> None:
    """T15: what has become of it is looked for on the next one."""
    scene.begins()
    scene.post.can_record = False
    scene.sends(MESSAGE)
    assert (scene.kinds(), [number for number, _ in scene.lost], scene.talk.is_ready) == (FIRST_LOOK, [1], False)
    scene.post.can_record = True
    scene.open.discard(1)
    scene.opens(2)
    scene.passes(5)
    assert scene.wire.taken == (MESSAGE,)


@pytest.mark.parametrize(("late_s", "sent"), [(0.9, True), (1.1, False)])
def test_a_message_leaves_only_where_the_store_answered_in_time(scene: Scene, late_s: float, sent: bool) -> None:
    """T15: who reads meanwhile that it may have left looks for it 4 s later, and then sends it."""
    scene.chats().post.holds_back = True
    scene.sends(ANOTHER)
    before = scene.wire.taken
    scene.passes(late_s)
    scene.post.let_go()
    scene.settles()
    assert (scene.wire.taken[len(before) :], scene.talk.is_ready) == (((ANOTHER,), True) if sent else ((), False))


def test_while_the_socket_is_given_up_typing_is_not_said_into_the_void(scene: Scene) -> None:
    scene.chats().post.can_record = False
    scene.sends(ANOTHER)
    scene.types()
    assert [outcome.kind for outcome in scene.heard_of] == [Kind.NOT_YET]


def test_what_a_keeper_before_may_have_sent_is_looked_for_first(scene: Scene) -> None:
    """T15."""
    scene.begins()
    scene.sends(MESSAGE, left_by=OTHER)
    scene.passes(4)
    assert scene.kinds() == [*FIRST_LOOK, "RecoverLivechat", "SendMessage"]


def test_a_message_ends_the_typing_and_what_is_wanted_is_looked_at_again(scene: Scene) -> None:
    scene.chats()
    scene.types()
    scene.sends(ANOTHER)
    assert not scene.wire.shows_typing
    assert scene.record.sending is True
    assert len(scene.post.taken_up) == 2


def test_a_message_that_is_refused_is_told(scene: Scene) -> None:
    scene.begins().wire = dfo_gateway.Gateway(livechat=True, refuses=4, has_looked=True)
    scene.sends(MESSAGE)
    scene.passes(10)
    assert scene.post.noted[-1] == ("refused", MESSAGE, "refused")


def test_a_live_chats_next_thread_is_recorded(scene: Scene) -> None:
    former = scene.chats().record.conversation["thread"]
    scene.wire, events = scene.wire.close_contact()
    for event in events:
        scene.says(event)
    assert scene.record.contact_open is False
    scene.sends(ANOTHER)
    assert scene.record.conversation["thread"] not in ("", former)
    assert scene.record.contact_open is True


def test_that_the_visitor_has_seen_a_message_is_said(scene: Scene) -> None:
    scene.chats()
    scene.wire = dfo_gateway.Gateway()
    scene.answers = False
    scene.talk.seen()
    assert scene.kinds()[-1] == "MessageSeenByConsumer"


def test_the_end_and_earlier_messages_are_asked_for_on_the_visitors_socket(scene: Scene) -> None:
    scene.chats()
    scene.answers = False
    scene.talk.end()
    assert scene.kinds()[-1] == "EndContact"
    scene.talk.history("")
    assert scene.kinds()[-1] == "RecoverLivechat"


def test_before_the_conversation_has_begun_neither_can_be_asked_for(scene: Scene) -> None:
    """The front end hears it, and asks again."""
    scene.talk.end()
    scene.talk.history("")
    assert [frame["code"] for frame in scene.told] == ["not_ready", "not_ready"]


def test_a_front_end_that_has_just_connected_is_told_what_stands(scene: Scene) -> None:
    """T16."""
    scene.chats()
    scene.told.clear()
    scene.talk.greeted()
    assert [frame["name"] for frame in scene.told] == ["contact", "agent", "unread"]


# --- what the visitor hears


def test_what_an_agent_says_is_told_and_counted(scene: Scene) -> None:
    thread = scene.chats().record.conversation["thread"]
    scene.says(dfo_gateway.message_created(thread, ANOTHER, from_agent=True, text="How can I help?"))
    assert scene.told[-1]["detail"]["text"] == "How can I help?"
    assert scene.counters.take()["Frames.message"] >= 1


@pytest.mark.parametrize(
    ("told_at", "expected"),
    [(0, ["early", "late"]), (START - 60_000, ["late"]), (None, ["late"])],
    ids=["nothing yet", "the early one", "by an earlier version, which did not say"],
)
def test_who_takes_over_tells_what_the_record_does_not_say_was_told(
    scene: Scene, told_at: int | None, expected: list[str]
) -> None:
    """T16: however long nobody held the visitor."""
    scene.chats()
    thread = scene.record.conversation["thread"]
    told = {"told_at": told_at, "told_id": "early" if told_at else ""}
    scene.sessions.records[ID] = replace(scene.record, **told)
    scene.talk.close()
    scene.talk = scene.new_talk()
    scene.talk.taken(scene.record)
    scene.answers = False
    scene.opens()
    look = str(scene.sent[-1]["eventId"])
    page = (_message("late", START + 1_000), _message("early", START - (60_000 if told_at else 600_000)))
    scene.told.clear()
    scene.says(dfo_gateway.recovered(look, thread, page, "42"))
    assert [frame["detail"]["id"] for frame in scene.told if frame["name"] == "message"] == expected


def test_who_types_and_whether_there_is_a_contact_can_be_told_again(scene: Scene) -> None:
    """T16: as another keeper's post may have come last. What is not known yet is not told."""
    thread = scene.chats().record.conversation["thread"]
    scene.says(dfo_gateway.event("SenderTypingStarted", thread, direction="outbound"))
    typing, contact = (state["detail"] for state in scene.talk.states)
    assert (typing["typing"], contact["status"]) == (True, "open")
    scene.socket_ends(1, close_code=1006)
    [typing] = (state["detail"] for state in scene.talk.states)
    assert not typing["typing"]


def raises(error: Exception) -> Any:
    def call(*_: object) -> None:
        raise error

    return call


def _message(message_id: str, at: int) -> dict[str, Any]:
    """An agent's, created then (epoch ms)."""
    created = datetime.fromtimestamp(at / 1000, UTC).isoformat()
    return dfo_gateway.message(message_id, from_agent=True, at=created)


def test_an_event_put_elsewhere_is_fetched(scene: Scene) -> None:
    thread = scene.chats().record.conversation["thread"]
    scene.http.stored = dfo_gateway.message_created(thread, ANOTHER, from_agent=True, text="At length")
    scene.says(_event_in_s3())
    assert scene.told[-1]["detail"]["text"] == "At length"


def test_an_event_that_cannot_be_fetched_is_counted(scene: Scene) -> None:
    scene.chats().http.stored = Outcome(Kind.LOST)
    scene.says(_event_in_s3())
    assert scene.counters.take()["Gateway.event_not_fetched"] == 1


def test_what_the_gateway_complains_of_is_counted_and_logged_without_a_word_of_it(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.chats()
    scene.says('{"secret": "words"}')
    assert scene.counters.take()["Gateway.not_a_frame"] == 1
    assert "words" not in caplog.text


def test_codes_that_the_relay_does_not_know_share_one_metric(scene: Scene) -> None:
    """Each metric is paid for by the month: outside text must not make any number of them. The log has the code."""
    scene.chats()
    for code in ("SomethingNew", "SendingMessageFailed", "SomethingElse"):
        scene.says(dfo_gateway.failure(code))
    counts = scene.counters.take()
    gateway = {name: count for name, count in counts.items() if name.startswith("Gateway.")}
    assert gateway == {"Gateway.other": 2, "Gateway.SendingMessageFailed": 1}


def test_each_complaint_of_the_relays_own_has_its_metric() -> None:
    source = "".join(file.read_text() for file in Path(conversation.__path__[0]).glob("*.py"))
    assert set(re.findall(r'(?:Report\(|look_failed\(turn, )"(\w+)"', source)) <= COUNTED


# --- sockets


def test_a_heartbeat_is_sent_every_15_seconds_and_a_silent_socket_given_up(scene: Scene) -> None:
    scene.begins()
    scene.passes(60)
    assert scene.lost == []
    scene.answers = False
    scene.passes(46)
    [(number, outcome)] = scene.lost
    assert (number, outcome.kind, outcome.reason) == (1, Kind.LOST, "the gateway is silent")


def test_while_a_socket_is_replaced_what_comes_on_the_former_is_not_heard_twice(scene: Scene) -> None:
    thread = scene.chats().record.conversation["thread"]
    scene.opens(2)
    assert scene.ready == [1, 2]
    told = len(scene.told)
    scene.says(dfo_gateway.message_created(thread, ANOTHER, from_agent=True), number=1)
    assert len(scene.told) == told
    scene.socket_ends(1, close_code=1001)
    assert (scene.lost, scene.talk.is_ready) == ([], True)


def test_after_a_replacement_what_is_wanted_is_said_again(scene: Scene) -> None:
    """Another socket: what the agent sees is unknown."""
    scene.chats()
    scene.types()
    before = len(scene.post.taken_up)
    scene.opens(2)
    assert scene.record.sending is True
    assert len(scene.post.taken_up) == before + 1


def test_a_socket_that_was_to_replace_another_takes_it_along_when_it_is_lost(scene: Scene) -> None:
    """The conversation has moved on from the former."""
    scene.chats().answers = False
    scene.opens(2)
    assert scene.ready == [1]
    scene.socket_ends(2, close_code=1011)
    [(number, outcome)] = scene.lost
    assert (number, outcome.kind) == (1, Kind.LOST)


def test_a_gateway_that_refuses_the_version_stops_the_conversation(scene: Scene) -> None:
    scene.chats().answers = False
    scene.sends(ANOTHER)
    scene.says(dfo_gateway.failure("SdkVersionNotSupported"))
    [(number, outcome)] = scene.lost
    assert (number, outcome.kind) == (1, Kind.DENIED)
    assert "DfoSdkVersion" in outcome.reason
    assert scene.post.noted[-1] == ("refused", ANOTHER, "unconfirmed")


# --- the record


def test_a_call_on_a_lost_socket_is_waited_out_on_the_next_one(scene: Scene) -> None:
    """T6: what was written to it may still be taken, after what is said on the next."""
    scene.chats().answers = False
    locked_until = scene.locks(True)
    scene.types()
    scene.answers = True
    scene.socket_ends(1, close_code=1001)
    scene.opens(2)
    assert scene.record.sending_until >= locked_until
    assert (scene.record.contact_open, scene.record.sending) == (True, True)


def test_an_answer_from_before_a_contact_was_looked_for_says_nothing_of_it(scene: Scene) -> None:
    """What was accepted on the socket before is in doubt on the next one."""
    scene.chats()
    read, lock = scene.record, Lock(True, scene.clock() + 7_500, 0, None)
    scene.sessions.lock(read, lock)
    scene.types()
    scene.opens(2)
    assert not scene.sessions.accepted(read, lock, scene.clock(), None)
    assert not scene.sessions.unlock(read, lock)
    assert scene.record.sending is True


def test_a_contact_that_could_not_be_recorded_is_recorded_when_the_store_is_back(scene: Scene) -> None:
    scene.begins()
    with scene.store_refuses("set_contact"):
        scene.sends(MESSAGE)
        assert (scene.record.contact_open, scene.counters.take()["StoreFailures"]) == (False, 1)
    scene.passes(AGAIN_S)
    assert scene.record.contact_open is True
    assert [record.contact_open for record in scene.post.taken_up] == [True]


def test_a_contact_is_recorded_as_it_stands_when_the_store_is_back(scene: Scene) -> None:
    scene.begins()
    with scene.store_refuses("set_contact"):
        scene.sends(MESSAGE)
    scene.says(dfo_gateway.case_status_changed(scene.record.conversation["thread"], "closed"))
    scene.passes(AGAIN_S)
    assert scene.record.contact_open is False


def test_a_contact_that_could_not_be_recorded_is_recorded_on_the_next_socket(scene: Scene) -> None:
    scene.begins()
    with scene.store_refuses("set_contact"):
        scene.sends(MESSAGE)
        scene.socket_ends(1, close_code=1001)
        scene.passes(AGAIN_S)
    scene.opens(2)
    assert scene.record.contact_open is True


def test_a_doubt_that_could_not_be_recorded_is_recorded_when_the_store_is_back(scene: Scene) -> None:
    """A message has ended what the record says is shown."""
    scene.chats()
    scene.types()
    with scene.store_refuses("doubt_shown"):
        scene.sends(ANOTHER)
        assert scene.record.sending is None
    scene.passes(AGAIN_S)
    assert scene.record.sending is True


def test_a_thread_that_could_not_be_recorded_is_recorded_when_the_store_is_back(scene: Scene) -> None:
    before = scene.chats().record.conversation["thread"]
    scene.wire, events = scene.wire.close_contact()
    scene.says(events[0])
    with scene.store_refuses("set_thread"):
        scene.sends(ANOTHER)
        assert scene.record.conversation["thread"] == before
    scene.passes(AGAIN_S)
    assert scene.record.conversation["thread"] != before


def test_who_may_not_record_a_contact_has_it_looked_who_holds_the_guest(scene: Scene) -> None:
    """T9, T15: the record names another keeper, which goes on in the thread that is on record."""
    scene.begins()
    scene.sessions.take_guest(ID, "another keeper", scene.clock())
    scene.says(dfo_gateway.case_created(scene.record.conversation["thread"]))
    assert scene.fenced == 1


def test_who_may_not_record_a_thread_has_it_looked_who_holds_the_guest(scene: Scene) -> None:
    """T15, T16: what is said in a thread that nobody else knows is lost to the visitor."""
    scene.chats()
    scene.wire, events = scene.wire.close_contact()
    scene.says(events[0])
    scene.sessions.take_guest(ID, "another keeper", scene.clock())
    scene.sends(ANOTHER)
    assert scene.fenced >= 1


def test_while_a_contact_is_being_recorded_nothing_is_said_on_it(scene: Scene) -> None:
    """T4: the record, once written, would say that nothing is shown."""
    scene.begins()
    scene.talk.heard(1, dfo_gateway.case_created(scene.record.conversation["thread"]))
    scene.talk.typing(True, scene.heard_of.append)
    scene.settles()
    assert ([outcome.kind for outcome in scene.heard_of], scene.kinds()) == ([Kind.NOT_YET], FIRST_LOOK)
    scene.types()
    assert scene.kinds() == [*FIRST_LOOK, "SenderTypingStarted"]


# --- taken again


def test_a_guest_that_is_taken_again_is_looked_for_again_on_its_socket(scene: Scene) -> None:
    """Another keeper may have spoken for it meanwhile: what the agent sees is unknown."""
    scene.chats()
    scene.takes_again()
    assert scene.said[-1] == (1, "RecoverLivechat")
    assert (scene.record.contact_open, scene.record.sending) == (True, True)


def test_a_guest_that_is_taken_again_goes_on_in_the_thread_of_the_record(scene: Scene) -> None:
    scene.chats()
    scene.sessions.set_thread(ID, ME, "the next thread")
    scene.takes_again()
    scene.sends(ANOTHER)
    assert scene.wire.thread("the next thread").messages == (ANOTHER,)


def test_who_waited_for_an_answer_when_a_guest_was_taken_again_is_told(scene: Scene) -> None:
    scene.chats().answers = False
    scene.types()
    scene.takes_again()
    assert [outcome.kind for outcome in scene.heard_of] == [Kind.LOST]


def test_a_message_that_was_leaving_when_its_guest_was_taken_again_does_not_leave(scene: Scene) -> None:
    """T15: it is handed over again, and looked for."""
    scene.chats()
    scene.post.holds_back = True
    scene.sends(ANOTHER)
    scene.takes_again()
    scene.post.let_go()
    scene.settles()
    assert scene.kinds()[-1] == "RecoverLivechat"
    assert scene.post.noted[-2:] == [("hold",), ("fetch",)]


def test_whose_record_began_anew_begins_anew(scene: Scene) -> None:
    """It expired and was made again: another visitor, another thread."""
    before = scene.chats().record.conversation
    now = scene.clock()
    del scene.sessions.records[ID]
    scene.sessions.create(ID, now, now // 1000 + 86_400)
    scene.takes_again()
    assert isinstance(scene.talk.make(), guest.Created)
    scene.opens(2)
    scene.sends(ANOTHER)
    assert scene.record.conversation != before
    assert scene.wire.thread(scene.record.conversation["thread"]).messages == (ANOTHER,)


def _event_in_s3() -> str:
    data = {"s3Object": {"url": "https://gateway.example/s3/1"}, "originEvent": {"eventType": "MessageCreated"}}
    return json.dumps({"eventId": "x", "eventType": "EventInS3", "data": data})


def _replaced(record: Session, **values: Any) -> Session:
    return Session(**{name: getattr(record, name) for name in record.__dataclass_fields__} | values)


def test_a_clock_that_is_set_back_does_not_keep_a_silent_socket() -> None:
    """T4: the rules' time is the loop's, as their timers are."""
    scene = Scene().begins()
    scene.behind_ms, scene.answers = HOUR_MS, False
    scene.passes(46)
    assert [number for number, _ in scene.lost] == [1]


def test_a_clock_that_is_set_back_lets_no_message_leave_late() -> None:
    """T15: another keeper may have looked for it, and sent it, before the store answered."""
    scene = Scene().begins()
    scene.post.holds_back = True
    scene.sends(MESSAGE)
    scene.behind_ms = HOUR_MS
    scene.loop.advance(1.5)
    scene.post.let_go()
    scene.settles()
    assert "SendMessage" not in [what for _, what in scene.said]


def test_a_clock_that_is_set_back_keeps_no_message_beyond_its_time() -> None:
    """T15: a visitor is told after five minutes, whatever the keeper's clock says."""
    scene = Scene().begins()
    scene.socket_ends(1)
    scene.sends(MESSAGE)
    scene.behind_ms = HOUR_MS
    scene.passes(301)
    assert ("refused", MESSAGE, "expired") in scene.post.noted


def test_a_message_that_is_sent_after_the_clock_was_set_back_has_all_its_time() -> None:
    """T15: five minutes from then on, not an hour fewer."""
    scene = Scene().begins()
    scene.socket_ends(1)
    scene.behind_ms = HOUR_MS
    scene.sends(MESSAGE)
    scene.passes(290)
    assert ("refused", MESSAGE, "expired") not in scene.post.noted


def test_a_token_that_is_got_after_the_clock_was_set_back_is_not_renewed_at_once() -> None:
    """It is as good as its time says."""
    scene = Scene()
    scene.behind_ms = HOUR_MS
    scene.begins()
    scene.socket_ends(1)
    scene.opens(2)
    assert scene.http.tokens == 1


# --- messages of which a frame holds a part


def a_part(scene: Scene) -> dict[str, Any]:
    """The agent has sent a long message."""
    message = dfo_gateway.message(ANOTHER, from_agent=True, text="At len")
    return {**message, "id": "9", "hasAdditionalMessageContent": True}


def is_told(scene: Scene) -> list[tuple[str, bool]]:
    details = [frame["detail"] for frame in scene.told if frame.get("name") == "message"]
    return [(d["text"], d.get("incomplete", False)) for d in details if d["from"] == "agent"]


def gets_token(scene: Scene) -> None:
    [asked] = [f for f in scene.sent if f["payload"]["eventType"] == "GenerateAuthorizationToken"]
    data = {"authorizationToken": {"token": "t0ken"}}
    postback = {"eventType": "AuthorizationTokenGenerated", "data": data}
    scene.says(json.dumps({"eventId": asked["eventId"], "postback": postback}))


def test_the_rest_of_a_message_is_fetched_and_the_visitor_told_it_whole() -> None:
    scene = Scene().chats()
    scene.answers = False
    scene.http.stored = json.dumps({**a_part(scene), "messageContent": {"type": "TEXT", "text": "At length"}})
    thread = scene.record.conversation["thread"]
    scene.says(dfo_gateway.event("MessageCreated", thread, message=a_part(scene)))
    assert is_told(scene) == []
    gets_token(scene)
    assert scene.http.rests == [("/chat/1.0/brand/1386/messages/9", "t0ken")]
    assert is_told(scene) == [("At length", False)]


def test_a_message_that_is_being_written_is_read() -> None:
    scene = Scene().chats()
    url = "https://streams.niceincontact.com/9"
    content = {"type": "STREAMED", "payload": {"protocol": "sse", "sourceUrl": url}}
    scene.http.written = Streamed("Good mor", is_whole=False)
    message = {**dfo_gateway.message(ANOTHER, from_agent=True), "messageContent": content}
    scene.says(dfo_gateway.event("MessageCreated", scene.record.conversation["thread"], message=message))
    assert (scene.http.rests, is_told(scene)) == ([(url,)], [("Good mor", True)])
    assert scene.counters.take()["Gateway.message_not_whole"] == 1


def test_what_is_not_wanted_any_more_when_its_turn_comes_is_not_fetched() -> None:
    """A keeper's threads may be busy for longer than a message waits."""
    scene = Scene().chats()
    scene.answers = False
    thread = scene.record.conversation["thread"]
    scene.says(dfo_gateway.event("MessageCreated", thread, message=a_part(scene)))
    [asked] = [f for f in scene.sent if f["payload"]["eventType"] == "GenerateAuthorizationToken"]
    data = {"authorizationToken": {"token": "t0ken"}}
    postback = {"eventType": "AuthorizationTokenGenerated", "data": data}
    scene.talk.heard(1, json.dumps({"eventId": asked["eventId"], "postback": postback}))
    scene.talk.close()
    scene.settles()
    assert scene.http.rests == []


def test_a_fetch_that_ends_in_an_error_is_no_end_of_the_conversation() -> None:
    scene = Scene().chats()
    scene.answers = False
    scene.http.message = lambda path, token: 1 / 0  # type: ignore[assignment,method-assign,return-value]
    scene.says(dfo_gateway.event("MessageCreated", scene.record.conversation["thread"], message=a_part(scene)))
    gets_token(scene)
    assert is_told(scene) == []
    scene.passes(30)
    assert is_told(scene) == [("At len", True)]


# --- one address for all visitors

BUSY = Outcome(Kind.THROTTLED, 2_000, "access: status 429")


def storm(scene: Scene, outcome: Outcome = BUSY) -> None:
    """Other visitors of this keeper are turned away."""
    for number in range(MIN_GUESTS):
        scene.context.breaker.note(Call.TOKEN, f"visitor {number}", outcome, scene.context.now())


def test_while_most_are_turned_away_no_token_is_asked_for() -> None:
    scene = Scene()
    storm(scene)
    refused = scene.talk.make()
    assert isinstance(refused, guest.NotCreated)
    assert (refused.outcome.kind, refused.outcome.retry_after_ms > 0, scene.http.tokens) == (Kind.THROTTLED, True, 0)
    scene.passes(11)
    assert isinstance(scene.talk.make(), guest.Created)


def test_while_most_are_turned_away_no_socket_is_opened() -> None:
    scene = Scene()
    assert isinstance(scene.talk.make(), guest.Created)
    storm(scene)
    scene.prepares(1)
    lost = [(number, outcome.kind) for number, outcome in scene.lost]
    assert (scene.urls, lost) == ([], [(1, Kind.THROTTLED)])


def test_where_the_address_is_refused_everybody_is_told_that_there_is_none() -> None:
    """And asks again when the pause is over, not before."""
    scene = Scene()
    storm(scene, Outcome(Kind.DENIED, reason="ip_blocked", of_address=True))
    refused = scene.talk.make()
    assert isinstance(refused, guest.NotCreated)
    assert (refused.outcome.kind, scene.http.tokens) == (Kind.DENIED, 0)


def test_a_pause_does_not_keep_typing_on() -> None:
    """T4: what an agent is shown can only be ended on a socket."""
    scene = Scene().chats()
    scene.answers = False
    scene.types()
    scene.talk.ended(1, SocketEnd(Stage.OPEN, "reset"))
    storm(scene)
    scene.urls.clear()
    scene.prepares(2)
    assert (len(scene.urls), scene.lost) == (1, [])


def test_where_nothing_is_shown_a_pause_holds_for_a_socket_that_was_lost_too() -> None:
    scene = Scene().chats()
    scene.talk.ended(1, SocketEnd(Stage.OPEN, "reset"))
    storm(scene)
    scene.urls.clear()
    scene.prepares(2)
    assert (scene.urls, [number for number, _ in scene.lost]) == ([], [2])


@pytest.mark.parametrize("status", [500, 429, None])
def test_handshakes_that_fail_for_most_pause_the_keeper(status: int | None) -> None:
    scene = Scene().begins()
    for number in range(MIN_GUESTS):
        other = scene.new_talk()
        other._state.host = replace(other._state.host, session_id=f"visitor {number}")
        other.ended(9, SocketEnd(Stage.UPGRADING, "refused", http_status=status))
    assert scene.context.breaker.paused("another", scene.context.now())


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_a_handshake_refuses_says_nothing_of_the_gateway(status: int) -> None:
    """Tokens may be revoked for everybody: each gets another at once."""
    scene = Scene().begins()
    for number in range(20):
        other = scene.new_talk()
        other._state.host = replace(other._state.host, session_id=f"visitor {number}")
        other.ended(9, SocketEnd(Stage.UPGRADING, "refused", http_status=status))
    assert scene.context.breaker.paused("another", scene.context.now()) is None


def test_a_token_is_renewed_when_its_turn_comes() -> None:
    """Thousands may be taken over together, with tokens that have run out."""
    scene = Scene()
    scene.http.lifetime_ms = 30_000
    assert isinstance(scene.talk.make(), guest.Created)
    scene.turns_come = False
    scene.prepares(1)
    assert (scene.turns, scene.urls, scene.http.tokens) == ([False], [], 1)


def test_who_may_be_shown_typing_has_its_turn_before_all_others() -> None:
    scene = Scene().chats()
    scene.answers = False
    scene.types()
    scene.talk.ended(1, SocketEnd(Stage.UPGRADING, "refused", http_status=401))
    scene.prepares(2)
    assert scene.turns == [True]


def test_a_turn_that_comes_too_late_renews_nothing() -> None:
    scene = Scene()
    scene.http.lifetime_ms = 30_000
    assert isinstance(scene.talk.make(), guest.Created)
    turns: list[Any] = []
    scene.talk._state.host = replace(scene.talk._state.host, in_turn=lambda do, ahead: turns.append(do))
    scene.prepares(1)
    scene.talk.close()
    turns[0]()
    scene.settles()
    assert (len(scene.urls), scene.http.tokens) == (1, 1)

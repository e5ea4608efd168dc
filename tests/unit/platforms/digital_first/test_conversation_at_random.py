"""Whatever happens, in whatever order: what holds of every conversation."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from typing_relay.platforms.digital_first.conversation import happenings, machine
from typing_relay.platforms.digital_first.conversation.actions import (
    Action,
    ContactClosed,
    ContactOpened,
    MessageRefused,
    MessageTaken,
    Ready,
    Reopen,
    SendFrame,
    Stopped,
    TypingTold,
)
from typing_relay.platforms.digital_first.conversation.policy import ConversationPolicy
from typing_relay.platforms.digital_first.conversation.state import Doing
from typing_relay.platforms.digital_first.conversation.waking import wake_at
from typing_relay.platforms.digital_first.identity import Channel, Visitor

from tests.support import dfo_gateway as gateway
from tests.support.fuzzing import fuzz, json_values

POLICY = ConversationPolicy()
NOW = 1_795_600_800_000
SECRET = "s3cret words"
RECOVERED = "LivechatRecovered"
IDS = st.sampled_from(["m1", "m2", "m3", "m4"])
CONTACTS = st.sampled_from(["1", "2"])
#: An answer is to one of the newest requests, counted backwards.
BACK = st.integers(1, 4)

deeds = st.one_of(
    st.tuples(st.just("open")),
    st.tuples(st.just("lost")),
    st.tuples(st.just("wake")),
    st.tuples(st.just("message"), IDS, st.booleans()),
    st.tuples(st.just("type"), st.booleans()),
    st.tuples(st.just("seen")),
    st.tuples(st.just("end")),
    st.tuples(st.just("history"), IDS | st.just("")),
    st.tuples(st.just("more"), BACK, st.lists(IDS, max_size=3, unique=True), st.booleans()),
    st.tuples(st.just("pong")),
    st.tuples(st.just("answer"), BACK),
    st.tuples(
        st.just("fail"), BACK | st.none(), st.sampled_from(["SendingMessageFailed", "RecoveringThreadFailed", "New"])
    ),
    st.tuples(st.just("recovered"), BACK, st.lists(IDS, max_size=3, unique=True), CONTACTS | st.none(), st.booleans()),
    st.tuples(st.just("created"), CONTACTS),
    st.tuples(st.just("closed"), CONTACTS | st.none()),
    st.tuples(st.just("their message"), IDS, st.booleans()),
    st.tuples(st.just("archived")),
    st.tuples(st.just("opened again"), CONTACTS | st.none()),
    st.tuples(st.just("of a contact"), IDS, CONTACTS),
    st.tuples(st.just("position"), CONTACTS),
    st.tuples(st.just("takes no more"), BACK, CONTACTS | st.none()),
    st.tuples(st.just("another result"), BACK),
    st.tuples(st.just("nothing there"), BACK, st.booleans()),
    st.tuples(st.just("frame lost")),
    st.tuples(st.just("not fetched")),
    st.tuples(st.just("frame"), json_values),
    st.tuples(st.just("in s3")),
    st.tuples(st.just("stopped")),
)


class Judge:
    """Keeps books of its own of what went out and what was told."""

    def __init__(self, livechat: bool) -> None:
        self.state = machine.begin(Channel(1, "c"), Visitor("v", "c"), "thread", livechat=livechat, seed="s")
        self.now = NOW
        self.is_open = self.has_looked = self.has_contact = False
        self.requests: list[tuple[str, str]] = []
        self.on_its_way = ""
        self.waiting: list[str] = []
        self.tickets: Counter[str] = Counter()
        self.asked = 0

    # --- what happens

    def do(self, deed: Any) -> None:  # noqa: C901  # a table
        match deed:
            case ("open",):
                self.is_open, self.has_looked, self.has_contact, self.on_its_way = True, False, False, ""
                self.step(happenings.Opened())
            case ("lost",):
                self.is_open = self.has_contact = False
                self.step(happenings.Lost())
            case ("wake",):
                at = wake_at(self.state, POLICY)
                self.now = at if at is not None else self.now
                self.step(happenings.Woke())
            case ("message", message_id, may_have_left):
                if message_id not in self.waiting:
                    self.waiting.append(message_id)
                self.step(happenings.MessageWanted(message_id, SECRET, self.now, may_have_left))
            case ("type", typing):
                self.asked += 1
                self.step(happenings.TypingWanted(typing, str(self.asked)))
            case ("seen",):
                self.step(happenings.SeenWanted())
            case ("end",):
                self.step(happenings.EndWanted())
            case ("history", before):
                self.step(happenings.HistoryWanted(before))
            case ("not fetched",):
                self.step(happenings.NotFetched())
            case _:
                self.step(happenings.Heard(self.answer(deed) or self.event(deed)))

    def answer(self, deed: Any) -> str:  # noqa: C901  # a table
        match deed:
            case ("answer", back):
                return gateway.answer(self.request(back))
            case ("fail", back, code):
                return gateway.failure(code, None if back is None else self.request(back))
            case ("recovered", back, ids, contact, is_whole):
                more = "" if is_whole else "more"
                return gateway.recovered(
                    self.request(back), self.state.thread.thread_id, tuple(ids), contact, more=more
                )
            case ("more", back, ids, has_more):
                messages = [gateway.message(one, from_agent=True, text=SECRET) for one in ids]
                data = {"messages": messages, "scrollToken": "more" if has_more else ""}
                postback = {"eventType": "MoreMessagesLoaded", "data": data}
                return json.dumps({"eventId": self.request(back), "postback": postback})
            case ("takes no more", back, contact):
                found = json.loads(gateway.recovered(self.request(back), self.state.thread.thread_id, (), contact))
                found["postback"]["data"]["thread"]["canAddMoreMessages"] = False
                return json.dumps(found)
            case ("another result", back):
                return json.dumps({"eventId": self.request(back), "postback": {"eventType": "Else"}})
            case ("nothing there", back, is_empty):
                data = None if is_empty else {"contact": {"id": "1"}}
                return json.dumps({"eventId": self.request(back), "postback": {"eventType": RECOVERED, "data": data}})
            case ("frame lost",):
                return json.dumps({"message": "Internal server error", "connectionId": "c", "requestId": "r"})
            case ("stopped",):
                return gateway.failure("SdkVersionNotSupported")
            case ("pong",):
                return '"pong"'
        return ""

    def event(self, deed: Any) -> str:
        thread_id = self.state.thread.thread_id
        match deed:
            case ("created", contact):
                return gateway.case_created(thread_id, contact)
            case ("closed", contact):
                return gateway.case_status_changed(thread_id, "closed", contact)
            case ("their message", message_id, from_agent):
                return gateway.message_created(thread_id, message_id, from_agent=from_agent, text=SECRET)
            case ("opened again", contact):
                return gateway.case_status_changed(thread_id, "open", contact)
            case ("of a contact", message_id, contact):
                message = gateway.message(message_id, from_agent=True, text=SECRET)
                return gateway.event("MessageCreated", thread_id, message=message, case={"id": contact})
            case ("position", contact):
                data = {"positionInQueue": 1, "consumerContact": {"id": contact}}
                return json.dumps({"eventType": "SetPositionInQueue", "data": data})
            case ("archived",):
                return gateway.event("ThreadArchived", thread_id)
            case ("in s3",):
                return gateway.event("EventInS3", thread_id, s3Object={"url": f"https://s3.example/{SECRET}"})
        return json.dumps(deed[1])

    def request(self, back: int) -> str:
        return self.requests[-back][0] if back <= len(self.requests) else "none"

    def step(self, happening: happenings.Happening) -> None:
        before = self.state
        self.state, actions = machine.step(before, happening, self.now, POLICY)
        for action in actions:
            self.judge(action)
        if self.is_open and before.thread.looking and not self.state.thread.looking:
            self.has_looked = True
        at = wake_at(self.state, POLICY)
        assert at is None or at > self.now, "it would wake for ever"
        assert SECRET not in repr(actions)

    # --- what must hold

    def judge(self, action: Action) -> None:
        match action:
            case SendFrame(text):
                self.sent(json.loads(text))
            case Ready():
                self.has_looked = True
            case ContactOpened():
                self.has_contact = True
            case ContactClosed():
                self.has_contact = False
            case Reopen() | Stopped():
                self.is_open = self.has_contact = False
            case MessageTaken(message_id) | MessageRefused(message_id):
                assert message_id in self.waiting, "ended twice, or never wanted"
                self.waiting.remove(message_id)
                if message_id == self.on_its_way:
                    self.on_its_way = ""
            case TypingTold(ticket):
                self.tickets[ticket] += 1
                assert self.tickets[ticket] == 1, "a ticket ended twice"

    def sent(self, frame: Any) -> None:
        assert self.is_open, "sent without a socket"
        if frame == {"action": "heartbeat"}:
            return
        kind, data = frame["payload"]["eventType"], frame["payload"]["data"]
        assert frame["eventId"] not in dict(self.requests), "an id used twice"
        self.requests.append((frame["eventId"], kind))
        if kind in ("RecoverThread", "RecoverLivechat"):
            return
        assert self.has_looked, f"{kind} before the thread was looked for"
        if kind == "LoadMoreMessages":
            assert data["scrollToken"], "earlier messages of which there are none"
        elif kind in ("SenderTypingStarted", "SenderTypingEnded", "MessageSeenByConsumer", "EndContact"):
            assert self.has_contact, f"{kind} without a contact"
        else:
            message_id = data["idOnExternalPlatform"]
            assert self.on_its_way in ("", message_id), "two messages on their way"
            assert message_id == self.waiting[0], "out of order"
            self.on_its_way = message_id

    def end(self) -> None:
        """Nothing more is heard: the socket dies, and then time passes."""
        self.do(("lost",))
        assert sum(self.tickets.values()) == self.asked, "a ticket never ended"
        while wake_at(self.state, POLICY) is not None:
            self.do(("wake",))
        assert self.waiting == [], "a message waits for ever"
        assert SECRET not in repr(self.state)


@fuzz
@given(st.booleans(), st.lists(deeds, max_size=60))
def test_whatever_happens_order_and_bounds_hold(livechat: bool, history: list[Any]) -> None:
    """T6, T13, T15: looked for first, one message at a time and in order, all that is asked for ends exactly once."""
    judge = Judge(livechat)
    for deed in history:
        judge.do(deed)
    judge.end()


@fuzz
@given(st.lists(deeds, max_size=30))
def test_what_came_before_does_not_keep_a_new_message_from_arriving(history: list[Any]) -> None:
    """T9, T15: once all is calm, a message is taken and typing is accepted."""
    judge = Judge(livechat=False)
    for deed in history:
        judge.do(deed)
    judge.end()
    judge.do(("open",))
    judge.do(("fail", 1, "RecoveringThreadFailed"))
    judge.do(("message", "new", False))
    while judge.requests[-1][1] == "RecoverThread":  # the thread before was archived
        judge.do(("fail", 1, "RecoveringThreadFailed"))
    judge.do(("created", "9"))
    judge.do(("answer", 1))
    judge.do(("type", True))
    judge.do(("pong",))
    assert judge.state.socket.doing is Doing.OPEN
    assert judge.waiting == []
    assert judge.tickets[str(judge.asked)] == 1
    assert judge.requests[-1][1] == "SenderTypingStarted"

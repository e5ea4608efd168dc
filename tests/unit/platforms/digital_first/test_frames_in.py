"""Frames from the gateway: what each says, and whose it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_relay.platforms.digital_first import frames_in
from typing_relay.platforms.digital_first.frames_in import (
    AgentChanged,
    AgentTyping,
    Answer,
    Authorized,
    CaseCreated,
    CaseStatusChanged,
    Choice,
    Contact,
    Echo,
    Event,
    EventInS3,
    Failure,
    MessageCreated,
    MessageRead,
    MessageSeen,
    NotAFrame,
    NothingThere,
    Pong,
    QueuePosition,
    Recovered,
    Result,
    ThreadArchived,
    ThreadMessage,
    Unknown,
)
from typing_relay.platforms.digital_first.parsing.frames import parse
from typing_relay.platforms.digital_first.parsing.messages import MOST_ELEMENTS
from typing_relay.platforms.shared.agents_typing import Agent

from tests.support.fuzzing import fuzz, json_values

THREAD = {"idOnExternalPlatform": "t-1"}
AGENT = {"id": 7, "firstName": "Robin", "surname": "Hood", "nickname": None}
ROBIN = Agent("7", "Robin Hood")
SECRET = "s3cret words"


# --- answers


def recovered(**data: Any) -> Any:
    whole = {"thread": THREAD, "messages": [], "messagesScrollToken": "", "contact": None, "contactHistory": []}
    return {"eventId": "e-1", "postback": {"eventType": "ThreadRecovered", "data": {**whole, **data}}}


def test_a_recovered_thread_tells_its_newest_messages_contact_and_agent() -> None:
    ours = {
        "idOnExternalPlatform": "m-2",
        "direction": "inbound",
        "createdAt": "2026-11-25T10:00:01.500Z",
        "messageContent": {"type": "TEXT", "text": "two"},
        "authorEndUserIdentity": {"firstName": "Ada"},
    }
    theirs = {
        "id": 5,
        "direction": "outbound",
        "createdAt": "2026-11-25T10:00:00+00:00",
        "messageContent": {"type": "TEXT", "payload": {"text": "one"}},
        "authorUser": AGENT,
    }
    frame = recovered(
        messages=[ours, theirs, {"no": "id"}, 3],
        messagesScrollToken="more",
        contact={"id": 42, "status": "new"},
        inboxAssignee=AGENT,
    )
    assert parse(json.dumps(frame)) == Recovered(
        "e-1",
        "t-1",
        (
            ThreadMessage("5", True, 1_795_600_800_000, "one", "Robin Hood", theirs, author_id="7", server_id="5"),
            ThreadMessage("m-2", False, 1_795_600_801_500, "two", "Ada", ours),
        ),
        is_whole=False,
        contact=Contact("42", "new"),
        agent=ROBIN,
        scroll_token="more",
        oldest_at="2026-11-25T10:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("page", "order"),
    [
        ([("c", 1), ("b", 1), ("a", 1)], "abc"),  # newest first, all in one second
        ([("d", 2), ("c", 1), ("b", 1), ("a", 0)], "abcd"),
        ([("a", 0), ("b", 1), ("c", 1), ("d", 2)], "abcd"),
        ([("b", 1), ("c", 2), ("a", 0)], "abc"),
    ],
)
def test_a_page_is_read_oldest_first(page: list[tuple[str, int]], order: str) -> None:
    messages = [{"idOnExternalPlatform": name, "createdAt": f"2026-11-25T10:00:0{at}Z"} for name, at in page]
    found = parse(json.dumps(recovered(messages=messages)))
    assert isinstance(found, Recovered)
    assert "".join(message.message_id for message in found.messages) == order


@pytest.mark.parametrize("messages", [[], None, "none"])
def test_a_livechat_without_a_contact_or_messages_is_recovered_all_the_same(messages: Any) -> None:
    frame = recovered(messages=messages)
    frame["postback"]["eventType"] = "LivechatRecovered"
    assert parse(json.dumps(frame)) == Recovered("e-1", "t-1", (), is_whole=True, contact=None, agent=None)


@pytest.mark.parametrize("event_type", ["LivechatRecovered", "ThreadRecovered"])
@pytest.mark.parametrize(
    "postback",
    [{}, {"data": None}, {"data": {}}, {"data": {"thread": None, "contact": None, "messages": None}}],
)
def test_a_look_answered_with_nothing_in_it_found_no_thread(postback: Any, event_type: str) -> None:
    frame = {"eventId": "e-1", "postback": {"eventType": event_type, **postback}}
    assert parse(json.dumps(frame)) == NothingThere("e-1")


def test_a_look_answered_with_a_contact_but_no_thread_is_told_from_one_with_nothing_in_it() -> None:
    assert parse(json.dumps(recovered(thread={}, contact={"id": "42"}))) == NothingThere("e-1", is_empty=False)


def test_a_recovered_contact_may_have_another_name() -> None:
    found = parse(json.dumps(recovered(consumerContact={"id": 42, "status": "new"})))
    assert isinstance(found, Recovered)
    assert found.contact == Contact("42", "new")


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("pong", Pong()),
        ({"authorizationStatus": "authorized"}, Authorized()),
        ({"eventId": "e-1", "createdAt": "2026-11-25T10:00:00Z"}, Answer("e-1")),
        ({"eventId": "e-1", "error": {"errorCode": "SendingMessageFailed"}}, Failure("SendingMessageFailed", "e-1")),
        (
            {"error": {"errorCode": "RecoveringThreadFailed", "transactionId": "x"}},
            Failure("RecoveringThreadFailed", None),
        ),
        ({"eventId": "e-1", "error": {}}, Failure("unnamed", "e-1")),
        ({"eventId": "e-1", "error": {"errorCode": SECRET}}, Failure("unnamed", "e-1")),
        ({"eventId": "e-1", "postback": {"eventType": "TokenRefreshed", "data": {}}}, Result("e-1", "TokenRefreshed")),
    ],
)
def test_each_answer_is_told_apart(frame: Any, said: frames_in.Frame) -> None:
    assert parse(json.dumps(frame)) == said


# --- events


@pytest.mark.parametrize(
    ("event_type", "data", "what"),
    [
        ("CaseCreated", {"case": {"id": 42, "status": "new"}}, CaseCreated(Contact("42", "new"))),
        ("CaseStatusChanged", {"case": {"status": "closed"}}, CaseStatusChanged(Contact("", "closed"))),
        ("SenderTypingStarted", {"direction": "outbound"}, AgentTyping(True)),
        ("SenderTypingEnded", {"direction": "outbound", "user": AGENT}, AgentTyping(False, ROBIN)),
        ("SenderTypingStarted", {"user": AGENT}, AgentTyping(True, ROBIN)),
        ("SenderTypingStarted", {"direction": "inbound"}, Echo()),
        ("SenderTypingStarted", {"direction": "inbound", "user": AGENT}, Echo()),
        ("SenderTypingEnded", {"user": None}, Echo()),
        ("SenderTypingEnded", {}, Echo()),
        ("CaseInboxAssigneeChanged", {"inboxAssignee": AGENT}, AgentChanged(ROBIN)),
        ("CaseInboxAssigneeChanged", {"inboxAssignee": {**AGENT, "nickname": "Rob"}}, AgentChanged(Agent("7", "Rob"))),
        ("CaseInboxAssigneeChanged", {"inboxAssignee": None}, AgentChanged(None)),
        ("SetPositionInQueue", {"positionInQueue": 3}, QueuePosition(3)),
        ("MessageReadChanged", {"message": {"idOnExternalPlatform": "m-1"}}, MessageRead("m-1")),
        ("MessageSeenChanged", {}, MessageSeen(None)),
        ("ThreadArchived", {}, ThreadArchived()),
        ("ContactRecipientsChanged", {}, Unknown("ContactRecipientsChanged")),
        (
            "EventInS3",
            {"s3Object": {"url": "https://s3.example/1"}, "originEvent": {"eventType": "MessageCreated"}},
            EventInS3("MessageCreated", "https://s3.example/1"),
        ),
    ],
)
def test_each_event_says_what_has_happened(event_type: str, data: dict[str, Any], what: frames_in.What) -> None:
    frame = {"eventId": "x", "eventType": event_type, "createdAt": "", "data": {"thread": THREAD, **data}}
    event = parse(json.dumps(frame))
    assert isinstance(event, Event)
    assert (event.thread_id, event.what, event.frame) == ("t-1", what, frame)


def test_a_message_names_the_contact_that_it_is_part_of() -> None:
    message, case = {"idOnExternalPlatform": "m-1"}, {"id": 42, "status": "new"}
    event = parse(json.dumps({"eventType": "MessageCreated", "data": {"message": message, "case": case}}))
    assert isinstance(event, Event)
    assert isinstance(event.what, MessageCreated)
    assert event.what.contact == Contact("42", "new")


def test_a_message_that_was_sent_is_one_that_was_created() -> None:
    """MessageSent comes before MessageCreated for the same message."""
    message = {"idOnExternalPlatform": "m-1", "messageContent": {"text": "hi"}}
    event = parse(json.dumps({"eventType": "MessageSent", "data": {"message": message}}))
    assert isinstance(event, Event)
    assert isinstance(event.what, MessageCreated)


def test_a_message_that_was_sent_without_its_text_is_not_to_be_shown_yet() -> None:
    event = parse(json.dumps({"eventType": "MessageSent", "data": {"message": {"idOnExternalPlatform": "m"}}}))
    assert isinstance(event, Event)
    assert event.what == Unknown("MessageSent")


@pytest.mark.parametrize(
    ("times", "at"),
    [
        ({"createdAt": "2026-11-30T07:12:43+00:00"}, 1_796_022_763_000),
        ({"createdAt": "2026-11-30T07:12:43"}, None),
        ({"createdAtWithMilliseconds": "soon", "createdAt": "2026-11-30T07:12:43Z"}, 1_796_022_763_000),
        ({"createdAtWithMilliseconds": "2026-11-30T07:12:43", "createdAt": "2026-11-30T07:12:43Z"}, 1_796_022_763_000),
        ({"createdAtWithMilliseconds": "2026-11-30T07:12:43.5Z", "createdAt": "soon"}, 1_796_022_763_500),
        ({}, None),
    ],
)
def test_a_time_without_its_zone_is_none(times: dict[str, str], at: int | None) -> None:
    """The machine's own zone would be taken for the gateway's."""
    event = parse(json.dumps({"eventType": "Anything", "data": {}, **times}))
    assert isinstance(event, Event)
    assert event.at == at


@pytest.mark.parametrize("name", ["case", "consumerContact", "contact"])
def test_an_event_says_which_contact_it_is_about_under_each_name(name: str) -> None:
    event = parse(json.dumps({"eventType": "Anything", "data": {name: {"id": 42}}}))
    assert isinstance(event, Event)
    assert event.contact_id == "42"


@pytest.mark.parametrize(("said", "takes_more"), [({}, True), ({"canAddMoreMessages": False}, False)])
def test_a_recovered_thread_says_whether_it_takes_more_messages(said: Any, takes_more: bool) -> None:
    found = parse(json.dumps(recovered(thread={**THREAD, **said})))
    assert isinstance(found, Recovered)
    assert found.takes_more is takes_more


def test_api_gateways_own_error_is_told_apart() -> None:
    frame = {"message": "Internal server error", "connectionId": "c", "requestId": "r"}
    assert parse(json.dumps(frame)) == frames_in.FrameLost()


@pytest.mark.parametrize(
    ("message", "from_agent", "author"),
    [
        ({"direction": "outbound", "authorUser": AGENT}, True, "Robin Hood"),
        ({"direction": "outbound", "authorUser": None}, True, None),
        ({"authorUser": AGENT}, True, "Robin Hood"),
        ({"direction": "inbound", "authorEndUserIdentity": {"firstName": "Ada", "lastName": "L"}}, False, "Ada L"),
        ({"authorEndUserIdentity": {"firstName": "Ada"}}, False, "Ada"),
    ],
)
def test_a_message_is_the_agents_or_the_visitors(message: dict[str, Any], from_agent: bool, author: str | None) -> None:
    whole = {"idOnExternalPlatform": "m-1", "messageContent": {"type": "TEXT", "text": "hi"}, **message}
    frame = {"eventType": "MessageCreated", "data": {"thread": THREAD, "message": whole}}
    event = parse(json.dumps(frame))
    author_id = "7" if author == ROBIN.name else ""
    assert isinstance(event, Event)
    assert event.what == MessageCreated(
        ThreadMessage("m-1", from_agent, None, "hi", author, whole, author_id=author_id)
    )


def rich(kind: str, **payload: Any) -> ThreadMessage:
    """A message of the agent's as NICE's Android client knows it: payload before fallback."""
    content = {"type": kind, "fallbackText": "Unsupported message content", "payload": payload}
    frame = {
        "eventType": "MessageCreated",
        "data": {"message": {"idOnExternalPlatform": "m", "messageContent": content}},
    }
    event = parse(json.dumps(frame))
    assert isinstance(event, Event)
    assert isinstance(event.what, MessageCreated)
    return event.what.message


BUTTONS = [{"type": "REPLY_BUTTON", "text": "Red", "postback": "/red"}, {"type": "REPLY_BUTTON", "text": "Green"}]
NO_ANSWER = '{"type":"sessionExpiration", "isExpired":true, "workflowJobId":"7"}'
POPUP = [
    {"type": "TITLE", "text": "Hello!"},
    {"type": "COUNTDOWN", "variables": {"startedAt": "2026-11-25T10:00:00Z", "numberOfSeconds": 60}},
    {"type": "TEXT", "text": "Do you wish to continue?"},
    {"type": "BUTTON", "text": "No", "postback": NO_ANSWER},
]


@pytest.mark.parametrize(
    ("kind", "payload", "text"),
    [
        ("QUICK_REPLIES", {"text": {"content": "Which day?"}, "actions": BUTTONS}, "Which day?"),
        ("LIST_PICKER", {"title": {"content": "Colours"}, "text": {"content": "Which?"}}, "Which?"),
        ("RICH_LINK", {"title": {"content": "Look here"}, "url": "https://example.com"}, "Look here"),
        ("PLUGIN", {"elements": [{"type": "INACTIVITY_POPUP", "elements": POPUP}]}, "Hello!\nDo you wish to continue?"),
        ("TEXT", {"text": "hi"}, "hi"),
        ("UNKNOWN", {}, "Unsupported message content"),
    ],
)
def test_a_rich_message_is_told_by_what_a_person_should_read(kind: str, payload: Any, text: str) -> None:
    assert rich(kind, **payload).text == text


def test_the_answers_that_a_message_offers_are_told_in_order() -> None:
    choices = rich("QUICK_REPLIES", text={"content": "Which?"}, actions=BUTTONS).choices
    assert choices == (Choice("Red", "/red"), Choice("Green", None))


def test_the_inactivity_popup_offers_its_buttons_and_says_until_when() -> None:
    """Unanswered, the server closes the chat."""
    popup = rich("PLUGIN", elements=[{"type": "INACTIVITY_POPUP", "elements": POPUP}])
    assert popup.choices == (Choice("No", NO_ANSWER),)
    assert popup.answer_by == 1_795_600_860_000


def counting_down(seconds: Any) -> int | None:
    """When a countdown of this length ends, that began at 10 o'clock."""
    variables = {"startedAt": "2026-11-25T10:00:00Z", "numberOfSeconds": seconds}
    return rich("PLUGIN", elements=[{"type": "COUNTDOWN", "variables": variables}]).answer_by


@pytest.mark.parametrize("seconds", [True, "60", None, -1, 1_000_000, 10**12])
def test_a_countdown_that_makes_no_sense_ends_nothing(seconds: Any) -> None:
    assert counting_down(seconds) is None


@pytest.mark.parametrize(
    "element",
    [
        {"type": "COUNTDOWN", "variables": {"numberOfSeconds": 60}},
        {"type": "COUNTDOWN", "variables": {"startedAt": "at ten", "numberOfSeconds": 60}},
        {"type": "TEXT", "variables": {"startedAt": "2026-11-25T10:00:00Z", "numberOfSeconds": 60}},
    ],
    ids=["without its start", "with a start that is no time", "no countdown"],
)
def test_what_does_not_count_down_from_a_known_time_ends_nothing(element: dict[str, Any]) -> None:
    assert rich("PLUGIN", elements=[element]).answer_by is None


@pytest.mark.parametrize("seconds", [0, 60, 999_999])
def test_a_countdown_ends_as_long_after_its_start_as_it_says(seconds: int) -> None:
    assert counting_down(seconds) == 1_795_600_800_000 + seconds * 1000


def test_of_a_rich_message_without_end_a_part_is_read() -> None:
    deep: dict[str, Any] = {"type": "BUTTON", "text": "deep"}
    for _ in range(50):
        deep = {"elements": [deep]}
    many = [{"type": "BUTTON", "text": str(number)} for number in range(1_000)]
    assert rich("PLUGIN", elements=[deep]).choices == ()
    assert len(rich("QUICK_REPLIES", actions=many).choices) == MOST_ELEMENTS


def test_a_rich_message_is_told_by_the_text_that_stands_in_for_it() -> None:
    content = {"type": "QUICK_REPLIES", "fallbackText": "Choose", "payload": {"text": {"content": ""}}}
    data = {"thread": THREAD, "message": {"id": 1, "direction": "outbound", "messageContent": content}}
    event = parse(json.dumps({"eventType": "MessageCreated", "data": data}))
    assert isinstance(event, Event)
    assert isinstance(event.what, MessageCreated)
    assert event.what.message.text == "Choose"


@pytest.mark.parametrize(
    ("data", "thread_id"),
    [
        ({"thread": {"idOnExternalPlatform": "a"}, "case": {"threadIdOnExternalPlatform": "b"}}, "a"),
        ({"case": {"threadIdOnExternalPlatform": "b"}, "message": {"threadIdOnExternalPlatform": "c"}}, "b"),
        ({"message": {"threadIdOnExternalPlatform": "c"}}, "c"),
        ({"consumerContact": {"threadIdOnExternalPlatform": "d"}}, "d"),
        ({"contact": {"threadIdOnExternalPlatform": "e"}}, "e"),
        ({}, ""),
    ],
)
def test_an_event_belongs_to_the_first_thread_that_it_names(data: dict[str, Any], thread_id: str) -> None:
    event = parse(json.dumps({"eventType": "Anything", "data": data}))
    assert isinstance(event, Event)
    assert event.thread_id == thread_id


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (SECRET, "not JSON"),
        ('{"a":NaN}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        (json.dumps(SECRET), "neither an object nor a pong"),
        (json.dumps({"message": SECRET, "connectionId": "x"}), "neither an event nor an answer"),
    ],
)
def test_a_frame_that_makes_no_sense_is_refused_without_a_word_of_it(text: str, what: str) -> None:
    """T13."""
    with pytest.raises(NotAFrame, match=what) as refused:
        parse(text)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("event_type", "data", "why"),
    [
        ("MessageCreated", {"message": {"text": SECRET}}, "a message without its id"),
        ("CaseStatusChanged", {}, "a contact's status change without the status"),
        ("SetPositionInQueue", {"positionInQueue": SECRET}, "a queue position that is not a number"),
        ("EventInS3", {"s3Object": SECRET}, "an event in S3 without its URL"),
    ],
)
def test_an_event_that_lacks_what_its_kind_needs_is_one_that_is_not_understood(
    event_type: str, data: Any, why: str
) -> None:
    """T13: it says what is wrong with it, without a word of it."""
    event = parse(json.dumps({"eventType": event_type, "data": data}))
    assert isinstance(event, Event)
    assert event.what == Unknown(event_type, why)


@fuzz
@given(
    st.sampled_from(["MessageCreated", "CaseCreated", "CaseStatusChanged", "SetPositionInQueue", "EventInS3", "x"]),
    json_values,
    st.sampled_from(["data", "error", "postback", "eventId"]),
    json_values,
)
def test_whatever_comes_is_a_frame_or_refused(event_type: str, value: Any, key: str, data: Any) -> None:
    for frame in (value, {key: value}, {"eventType": event_type, "data": data}, {"eventId": "e", key: data}):
        try:
            parse(json.dumps(frame))
        except NotAFrame:
            continue


def test_nothing_that_a_person_wrote_or_is_called_is_shown() -> None:
    """T13: a repr may end in a log."""
    message = {"idOnExternalPlatform": "m-1", "messageContent": {"text": SECRET}, "authorUser": {"firstName": SECRET}}
    event = {"eventType": "MessageCreated", "data": {"thread": THREAD, "message": message}}
    found = recovered(messages=[message], inboxAssignee={"nickname": SECRET})
    for frame in (event, found):
        assert SECRET not in repr(parse(json.dumps(frame)))

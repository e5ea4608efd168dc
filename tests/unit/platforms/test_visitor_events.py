"""What a visitor is told of CXone's side: one shape, whichever of its interfaces it came by."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typing_relay.aws.visitors import encoded
from typing_relay.keeper.visitors.outbox import MAX_FRAME_BYTES
from typing_relay.platforms.digital_first import frames_in
from typing_relay.platforms.digital_first import visitor_events as dfo_events
from typing_relay.platforms.digital_first.parsing.frames import parse
from typing_relay.platforms.shared import visitor_events
from typing_relay.platforms.shared.agents_typing import AgentsTyping
from typing_relay.platforms.webchat import visitor_events as v1_events

THREAD = {"idOnExternalPlatform": "t-1"}
MESSAGE = {
    "idOnExternalPlatform": "m-1",
    "direction": "outbound",
    "createdAt": "2026-11-25T10:00:00Z",
    "messageContent": {"type": "TEXT", "text": "hi"},
    "authorUser": {"firstName": "Robin", "surname": "Hood"},
}


def dfo(event_type: str, data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """CXone's frame, and what the visitor is told."""
    frame = {"eventType": event_type, "data": {"thread": THREAD, **data}}
    event = parse(json.dumps(frame))
    assert isinstance(event, frames_in.Event)
    typing = AgentsTyping()
    if isinstance(event.what, frames_in.AgentTyping) and event.what.typing:
        typing = typing.started(event.what.agent, None, 0)
    return frame, dfo_events.frame_of(event, typing)


@pytest.mark.parametrize(
    ("frame", "name", "detail"),
    [
        ({"type": "agent-typing", "typing": True}, "agent-typing", {"typing": True, "agents": []}),
        (
            {"type": "message", "text": "hi"},
            "message",
            {"id": None, "text": "hi", "author": None, "at": None, "from": "agent"},
        ),
        (
            {"type": "message", "id": "m", "text": "hi"},
            "message",
            {"id": "m", "text": "hi", "author": None, "at": None, "from": "agent"},
        ),
    ],
)
def test_v1s_frames_are_named(frame: Any, name: str, detail: Any) -> None:
    assert v1_events.frame_of(frame) == {"type": "event", "event": frame, "name": name, "detail": detail}


def test_a_page_with_half_a_character_in_it_is_no_larger_than_a_frame() -> None:
    """T16: it would be sent as ASCII, six bytes a character, and no front end would ever get it."""
    texts = ["\ud83d", *["é" * 10_000] * 4]
    messages = tuple(
        frames_in.ThreadMessage(f"m{number}", from_agent=True, at=0, text=text, author=None, frame={})
        for number, text in enumerate(texts)
    )
    details, left = dfo_events.page(messages)
    assert (len(details), left) == (5, ())
    assert len(encoded(visitor_events.history(details, "", ""))) <= MAX_FRAME_BYTES


@pytest.mark.parametrize(
    "frame", [{"type": "agent-typing", "typing": 1}, {"type": "message"}, {"type": "new"}, [1], "x"]
)
def test_v1s_other_frames_are_handed_on_as_they_came(frame: Any) -> None:
    assert v1_events.frame_of(frame) == {"type": "event", "event": frame}


@pytest.mark.parametrize(
    ("event_type", "data", "name", "detail"),
    [
        ("SenderTypingStarted", {"direction": "outbound"}, "agent-typing", {"typing": True, "agents": []}),
        (
            "SenderTypingStarted",
            {"direction": "outbound", "user": {"id": 7, "nickname": "Rob"}},
            "agent-typing",
            {"typing": True, "agents": [{"id": "7", "name": "Rob"}]},
        ),
        ("SenderTypingEnded", {"direction": "outbound"}, "agent-typing", {"typing": False, "agents": []}),
        (
            "MessageCreated",
            {"message": MESSAGE},
            "message",
            {"id": "m-1", "text": "hi", "author": "Robin Hood", "at": 1_795_600_800_000, "from": "agent"},
        ),
        (
            "MessageCreated",
            {"message": {**MESSAGE, "direction": "inbound", "authorEndUserIdentity": None}},
            "message",
            {"id": "m-1", "text": "hi", "author": None, "at": 1_795_600_800_000, "from": "visitor"},
        ),
        (
            "CaseInboxAssigneeChanged",
            {"inboxAssignee": {"id": 7, "nickname": "Rob"}},
            "agent",
            {"id": "7", "name": "Rob"},
        ),
        ("CaseInboxAssigneeChanged", {"inboxAssignee": None}, "agent", {"id": None, "name": None}),
        ("CaseCreated", {"case": {"id": 1}}, "contact", {"status": "open"}),
        ("CaseStatusChanged", {"case": {"status": "closed"}}, "contact", {"status": "closed"}),
        ("SetPositionInQueue", {"positionInQueue": 2}, "queue", {"position": 2}),
        ("MessageReadChanged", {"message": {"idOnExternalPlatform": "m-1"}}, "read", {"id": "m-1"}),
        ("MessageSeenChanged", {}, "seen", {"id": None}),
    ],
)
def test_the_gateways_events_are_named(event_type: str, data: dict[str, Any], name: str, detail: Any) -> None:
    frame, told = dfo(event_type, data)
    assert told == {"type": "event", "event": frame, "name": name, "detail": detail}


@pytest.mark.parametrize(
    ("event_type", "data"), [("CaseStatusChanged", {"case": {"status": "pending"}}), ("ContactRecipientsChanged", {})]
)
def test_the_gateways_other_events_are_handed_on_as_they_came(event_type: str, data: dict[str, Any]) -> None:
    frame, told = dfo(event_type, data)
    assert told == {"type": "event", "event": frame}


@pytest.mark.parametrize(
    ("event_type", "data"),
    [("SenderTypingStarted", {"direction": "inbound"}), ("EventInS3", {"s3Object": {"url": "https://s3.example"}})],
)
def test_what_the_visitor_has_no_use_for_is_not_told(event_type: str, data: dict[str, Any]) -> None:
    assert dfo(event_type, data)[1] is None


def test_a_message_found_by_looking_is_told_like_one_that_was_heard() -> None:
    frame, told = dfo("MessageCreated", {"message": MESSAGE})
    assert told is not None
    event = parse(json.dumps(frame))
    assert isinstance(event, frames_in.Event)
    assert isinstance(event.what, frames_in.MessageCreated)
    missed = dfo_events.said(None, event.what.message)
    assert (missed["name"], missed["detail"]) == (told["name"], told["detail"])
    assert missed["event"]["data"]["message"] == MESSAGE

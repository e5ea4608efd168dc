"""Translates events of the Digital-First gateway into frames for the visitor. Pure."""

from __future__ import annotations

import json
from typing import Any

from typing_relay.aws.visitors import encoded
from typing_relay.platforms.digital_first import frames_in
from typing_relay.platforms.digital_first.frames_in import Event, ThreadMessage
from typing_relay.platforms.shared import visitor_events
from typing_relay.platforms.shared.agents_typing import NOBODY, AgentsTyping

#: Of one page of earlier messages, and of one message, in bytes: a frame to a visitor holds 128 KB.
LARGEST_PAGE = LARGEST_MESSAGE = 100_000


def frame_of(event: Event, typing: AgentsTyping = NOBODY) -> visitor_events.Frame | None:
    """The frame for the visitor; None for an echo of the visitor's own typing, and for an event still to be fetched.

    ``typing``: who types after the event.
    """
    frame = event.frame
    match event.what:
        case frames_in.Echo() | frames_in.EventInS3():
            return None
        case frames_in.AgentTyping():
            return visitor_events.agent_typing(frame, typing.agents)
        case frames_in.MessageCreated(message):
            return said(event, message)
        case frames_in.AgentChanged(agent):
            return visitor_events.agent(frame, agent)
        case frames_in.CaseCreated():
            return visitor_events.contact(frame, is_open=True)
        case frames_in.CaseStatusChanged(contact) if not contact.is_open:
            return visitor_events.contact(frame, is_open=False)
        case frames_in.QueuePosition(position):
            return visitor_events.queue(frame, position)
        case frames_in.MessageRead(message_id):
            return visitor_events.read(frame, message_id)
        case frames_in.MessageSeen(message_id):
            return visitor_events.seen(frame, message_id)
        case _:
            return visitor_events.unnamed(frame)


def said(event: Event | None, message: ThreadMessage) -> visitor_events.Frame:
    """The frame for ``message``, which an event told of; None: a look found it.

    With it is CXone's own event, or one in the same shape for what a look found; not where the frame would be too
    large. A text that is too large for any frame is cut, and counts as a part.
    """
    data = event.frame["data"] if event else {}
    frame = event.frame if event else {"eventType": "MessageCreated"}
    whole = _message({**frame, "data": {**data, "message": message.frame}}, message)
    if _size(whole) <= LARGEST_MESSAGE:
        return whole
    without_event = _message(None, message)
    return without_event if _size(without_event) <= LARGEST_MESSAGE else _cut(without_event)


def _cut(frame: visitor_events.Frame) -> visitor_events.Frame:
    """As much of a message as fits. Its text may be longer as JSON than it is."""
    text = frame["detail"]["text"][:LARGEST_MESSAGE]
    detail = {key: value for key, value in frame["detail"].items() if key != "choices"}
    cut = {**frame, "detail": {**detail, "text": text, "incomplete": True}}
    while text and _size(cut) > LARGEST_MESSAGE:
        text = text[: len(text) * 3 // 4]
        cut["detail"]["text"] = text
    return cut


def _size(frame: visitor_events.Frame) -> int:
    """As it is sent: half a character (a lone surrogate) has the whole frame sent as ASCII."""
    return len(encoded(frame))


def sign_in(why: str, setting: str, visitor_id: str, customer_id: str) -> visitor_events.Frame:
    """Asks the page to sign its visitor in. ``setting``: of the channel, which demands it; ``visitor_id``,
    ``customer_id``: for whom, where that is known ('': it is not)."""
    known = {"setting": setting, "visitor_id": visitor_id, "customer_id": customer_id}
    detail = {"why": why, **{name: value for name, value in known.items() if value}}
    return {"type": "event", "event": None, "name": "sign-in", "detail": detail}


def page(messages: tuple[ThreadMessage, ...]) -> tuple[list[visitor_events.Frame], tuple[ThreadMessage, ...]]:
    """The details of the newest of ``messages``, newest first, as many as one frame holds; and those that are left.

    One that is larger than any frame is left out.
    """
    details: list[visitor_events.Frame] = []
    size = 0
    for number, message in enumerate(reversed(messages)):
        # Half a character (a lone surrogate) would have the whole frame sent as ASCII, far larger than counted here.
        text = json.dumps(_message(None, message)["detail"], ensure_ascii=False).encode(errors="replace")
        detail, length = json.loads(text), len(text)
        if length > LARGEST_PAGE:
            continue
        size += length
        if size > LARGEST_PAGE:
            return details, messages[: len(messages) - number]
        details.append(detail)
    return details, ()


def _message(event: Any, message: ThreadMessage) -> visitor_events.Frame:
    frame = visitor_events.message(
        event,
        message_id=message.message_id,
        text=message.text,
        author=message.author,
        at=message.at,
        sender="agent" if message.from_agent else "visitor",
    )
    if message.choices:
        choices = [{"text": choice.text, "postback": choice.postback} for choice in message.choices]
        frame["detail"] |= {"choices": choices}
    if message.attachments:
        files = [
            {"url": file.url, "name": file.name or None, "type": file.type or None} for file in message.attachments
        ]
        frame["detail"] |= {"attachments": files}
    if message.answer_by is not None:
        frame["detail"] |= {"answer_by": message.answer_by}
    if message.is_part:
        frame["detail"] |= {"incomplete": True}
    return frame

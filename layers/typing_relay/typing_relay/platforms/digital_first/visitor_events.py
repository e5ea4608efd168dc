"""Translates events of the Digital-First gateway into frames for the visitor. Pure."""

from __future__ import annotations

import json
from typing import Any

from typing_relay.platforms.digital_first import frames_in
from typing_relay.platforms.digital_first.frames_in import Event, Message
from typing_relay.platforms.shared import visitor_events
from typing_relay.platforms.shared.agents_typing import NOBODY, AgentsTyping

#: Of one page of earlier messages, in bytes: a frame to a visitor holds 128 KB.
LARGEST_PAGE = 100_000


def told(event: Event, typing: AgentsTyping = NOBODY) -> visitor_events.Frame | None:
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
            return _message(frame, message)
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


def missed(message: Message) -> visitor_events.Frame:
    """The frame for a message found by a look: CXone's message, in the shape of the event that was missed."""
    return _message({"eventType": "MessageCreated", "data": {"message": message.frame}}, message)


def page(messages: tuple[Message, ...]) -> tuple[list[visitor_events.Frame], tuple[Message, ...]]:
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


def _message(event: Any, message: Message) -> visitor_events.Frame:
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
    return frame

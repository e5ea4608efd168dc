"""The gateway's events: what has happened, in which thread, to which contact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_relay.platforms.digital_first.codes import loggable
from typing_relay.platforms.digital_first.frames_in import (
    AgentChanged,
    AgentTyping,
    CaseCreated,
    CaseStatusChanged,
    Contact,
    Echo,
    Event,
    EventInS3,
    MessageCreated,
    MessageRead,
    MessageSeen,
    NotAFrame,
    QueuePosition,
    ThreadArchived,
    Unknown,
    What,
)
from typing_relay.platforms.digital_first.parsing.fields import (
    agent_of,
    contact_of,
    created_at,
    object_of,
    text_of,
    time_of,
)
from typing_relay.platforms.digital_first.parsing.messages import message_id_of, message_of
from typing_relay.platforms.shared.agents_typing import SOMEBODY


def event_of(frame: dict[str, Any]) -> Event:
    """What has happened; one that lacks what its kind needs is Unknown."""
    data = object_of(frame, "data")
    read, kind = _EVENTS.get(frame["eventType"]), loggable(frame["eventType"])
    try:
        what = read(data) if read else Unknown(kind)
    except NotAFrame as bad:
        what = Unknown(kind, str(bad))
    return Event(_thread_of(data), what, frame, _contact_of(data), created_at(frame))


def _thread_of(data: dict[str, Any]) -> str:
    """Which thread an event belongs to: the first of these that names one."""
    return (
        text_of(object_of(data, "thread"), "idOnExternalPlatform")
        or text_of(object_of(data, "case"), "threadIdOnExternalPlatform")
        or text_of(object_of(data, "message"), "threadIdOnExternalPlatform")
        or text_of(object_of(data, "consumerContact"), "threadIdOnExternalPlatform")
        or text_of(object_of(data, "contact"), "threadIdOnExternalPlatform")
    )


def _contact_of(data: dict[str, Any]) -> str:
    """Which contact an event is about, under each of its names."""
    names = ("case", "consumerContact", "contact")
    return next((found for name in names if (found := text_of(object_of(data, name), "id"))), "")


def _typing(data: dict[str, Any], typing: bool) -> What:
    """The web SDK tells the agent's by ``direction``, Android's by ``user``; what has neither is an echo."""
    direction = data.get("direction")
    is_agents = direction == "outbound" or (direction is None and isinstance(data.get("user"), dict))
    return AgentTyping(typing, agent_of(data.get("user")) or SOMEBODY) if is_agents else Echo()


def _queue_position(data: dict[str, Any]) -> What:
    position = data.get("positionInQueue")
    if isinstance(position, bool) or not isinstance(position, int):
        raise NotAFrame("a queue position that is not a number")
    return QueuePosition(position)


def _event_in_s3(data: dict[str, Any]) -> What:
    url = text_of(object_of(data, "s3Object"), "url")
    if not url:
        raise NotAFrame("an event in S3 without its URL")
    return EventInS3(loggable(text_of(object_of(data, "originEvent"), "eventType")), url)


def _case(data: dict[str, Any]) -> Contact:
    return contact_of(object_of(data, "case"))


def _case_status(data: dict[str, Any]) -> What:
    contact = _case(data)
    if not contact.status:
        raise NotAFrame("a contact's status change without the status")
    return CaseStatusChanged(contact, time_of(object_of(data, "case"), "statusUpdatedAt"))


def _message_created(data: dict[str, Any]) -> What:
    return MessageCreated(message_of(object_of(data, "message")), _case(data) if object_of(data, "case") else None)


def _message_sent(data: dict[str, Any]) -> What:
    """Comes before ``MessageCreated`` for the same message, without the gateway's id of it. With neither text nor file,
    or where it is a part, there is nothing to show yet."""
    message = message_of(object_of(data, "message"))
    is_shown = bool(message.text or message.attachments) and not message.is_part
    return MessageCreated(message) if is_shown else Unknown("MessageSent")


_EVENTS: dict[str, Callable[[dict[str, Any]], What]] = {
    "CaseCreated": lambda data: CaseCreated(_case(data)),
    "CaseStatusChanged": _case_status,
    "MessageCreated": _message_created,
    "MessageSent": _message_sent,
    "SenderTypingStarted": lambda data: _typing(data, True),
    "SenderTypingEnded": lambda data: _typing(data, False),
    "CaseInboxAssigneeChanged": lambda data: AgentChanged(agent_of(data.get("inboxAssignee"))),
    "SetPositionInQueue": _queue_position,
    "MessageReadChanged": lambda data: MessageRead(message_id_of(object_of(data, "message")) or None),
    "MessageSeenChanged": lambda data: MessageSeen(message_id_of(object_of(data, "message")) or None),
    "ThreadArchived": lambda data: ThreadArchived(),
    "EventInS3": _event_in_s3,
}

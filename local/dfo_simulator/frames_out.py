"""Every frame that the gateway sends, as NICE's clients expect it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from local.dfo_simulator.desk import Agent, Contact, Message, Thread, new_id
from local.dfo_simulator.frames_in import TYPING

Frame = dict[str, Any]

PONG = "pong"
AUTHORIZED: Frame = {"authorizationStatus": "authorized"}

#: The error code when a request of this type fails. For other types none is known: REFUSED.
ERROR_CODES = {
    "SendMessage": "SendingMessageFailed",
    "RecoverLivechat": "RecoveringLivechatFailed",
    "RecoverThread": "RecoveringThreadFailed",
    "ArchiveThread": "ArchivingThreadFailed",
    "SendTranscript": "SendingTranscriptFailed",
    "SendOfflineMessage": "SendingOfflineMessageFailed",
    "ReconnectConsumer": "ConsumerReconnectionFailed",
    "RefreshToken": "TokenRefreshingFailed",
}
REFUSED = "RequestFailed"
SDK_VERSION_NOT_SUPPORTED = "SdkVersionNotSupported"


@dataclass(frozen=True)
class Place:
    """The brand and channel that stand in every event."""

    brand_id: int
    channel_id: str

    def as_json(self) -> dict[str, Any]:
        """The brand and channel as in events."""
        return {"brand": {"id": self.brand_id}, "channel": {"id": self.channel_id}}


def at(moment: float) -> str:
    """A time (epoch ms) in the gateway's format: ISO 8601 with ms."""
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds")


def kind_of(frame: Any) -> str:
    """The type of a frame that goes out: an event's or a result's, else pong, error or answer."""
    if not isinstance(frame, Mapping):
        return PONG
    if "error" in frame:
        return "error"
    postback = frame.get("postback", {})
    return str(frame.get("eventType") or postback.get("eventType") or "answer")


def noted(frame: Frame) -> dict[str, Any]:
    """The parts of an outgoing frame that may be logged: ids, codes and directions, nothing that anybody wrote."""
    fields: dict[str, Any] = {"event_type": kind_of(frame), "event_id": frame.get("eventId")}
    if "error" in frame:
        fields["code"] = frame["error"]["errorCode"]
    data = frame.get("data", {})
    message, contact = data.get("message", {}), data.get("case") or data.get("consumerContact") or {}
    fields["thread_id"] = (
        data.get("thread", {}).get("idOnExternalPlatform")
        or contact.get("threadIdOnExternalPlatform")
        or message.get("threadIdOnExternalPlatform")
    )
    if message:
        fields |= {"message_id": message["idOnExternalPlatform"], "direction": message["direction"]}
    if fields["event_type"] in TYPING:
        fields["value"] = TYPING[fields["event_type"]]
    return fields


# Answers


def accepted(event_id: str, now: float) -> Frame:
    """The plain answer: the request was accepted."""
    return {"eventId": event_id, "createdAt": at(now)}


def result(event_id: str, event_type: str, now: float, data: Mapping[str, Any] | None = None) -> Frame:
    """An answer with a result."""
    postback: Frame = {"eventType": event_type} | ({} if data is None else {"data": dict(data)})
    return {"eventId": event_id, "createdAt": at(now), "postback": postback}


def internal_error() -> Frame:
    """What API Gateway says by itself where it could not hand a frame over. It names no request."""
    return {"message": "Internal server error", "connectionId": new_id(), "requestId": new_id()}


def error(event_id: str | None, code: str, message: str = "") -> Frame:
    """An error; with an id, of that request."""
    body = {"errorCode": code, "errorMessage": message, "transactionId": new_id()}
    return {"error": body} if event_id is None else {"eventId": event_id, "error": body}


def recovered(
    thread: Thread,
    event_id: str,
    event_type: str,
    page: list[Message],
    token: str,
    now: float,
    contact_name: str = "contact",
) -> Frame:
    """A thread with its newest messages, newest first. NICE's clients know the contact by either name."""
    contact = thread.contact and _contact(thread, thread.contact)
    data: Frame = {
        "thread": _thread(thread),
        "messages": [_message(thread, message) for message in page],
        "messagesScrollToken": token,
        contact_name: contact,
        "contactHistory": [],
        "inboxAssignee": _agent(thread.agent),
        "customer": {"customFields": []},
    }
    return result(event_id, event_type, now, data)


def nothing_recovered(event_id: str, event_type: str, kind: str, now: float) -> Frame:
    """There is no such thread, and that is no error: `null`, `absent` or `nulls` data, or a `plain` answer."""
    if kind == "plain":
        return accepted(event_id, now)
    answer = result(event_id, event_type, now)
    if kind == "null":
        answer["postback"]["data"] = None
    if kind == "nulls":
        answer["postback"]["data"] = {"thread": None, "contact": None, "messages": None}
    return answer


def more_messages(thread: Thread, event_id: str, page: list[Message], token: str, now: float) -> Frame:
    """An older page of messages, newest first."""
    data = {"messages": [_message(thread, message) for message in page], "scrollToken": token}
    return result(event_id, "MoreMessagesLoaded", now, data)


# Events


def event(event_type: str, now: float, data: Mapping[str, Any]) -> Frame:
    """An event of this type, with a new id."""
    return {"eventId": new_id(), "eventType": event_type, "createdAt": at(now), "data": dict(data), "context": {}}


def contact_created(place: Place, thread: Thread, contact: Contact, now: float) -> Frame:
    """A contact was created."""
    return event("CaseCreated", now, place.as_json() | {"case": _contact(thread, contact), "thread": _thread(thread)})


def contact_status(place: Place, thread: Thread, contact: Contact, now: float, *, with_id: bool) -> Frame:
    """The contact's status changed; `closed` ends it. Some clients' samples have no id there."""
    case = _contact(thread, contact) | {"statusUpdatedAt": at(now)}
    if not with_id:
        del case["id"]
    return event("CaseStatusChanged", now, place.as_json() | {"case": case})


def message_created(place: Place, thread: Thread, message: Message, now: float) -> Frame:
    """A message was added to the thread; visitors also get their own."""
    data = {
        "message": _message(thread, message),
        "thread": _thread(thread),
        "case": thread.contact and _contact(thread, thread.contact),
    }
    return event("MessageCreated", now, place.as_json() | data)


def message_sent(place: Place, thread: Thread, message: Message, now: float) -> Frame:
    """The event before `MessageCreated`: the same message without the gateway's id."""
    lean = _message(thread, message)
    del lean["id"]
    return event("MessageSent", now, place.as_json() | {"message": lean, "thread": _thread(thread)})


def message_changed(place: Place, thread: Thread, message: Message, event_type: str, now: float) -> Frame:
    """A message was read or seen: `MessageReadChanged`, `MessageSeenChanged`."""
    return event(event_type, now, place.as_json() | {"message": _message(thread, message)})


def typing(
    place: Place, thread: Thread, event_type: str, now: float, *, direction: str | None, user: Agent | None
) -> Frame:
    """Somebody started or stopped typing. Clients recognize the agent by `direction`, by `user`, or by both."""
    data: dict[str, Any] = place.as_json() | {"thread": _thread(thread)}
    if direction is not None:
        data["direction"] = direction
    if user is not None:
        data["user"] = _agent(user)
    return event(event_type, now, data)


def assignee_changed(place: Place, thread: Thread, before: Agent | None, now: float) -> Frame:
    """Another agent has the contact, or nobody has it."""
    data = {
        "case": thread.contact and _contact(thread, thread.contact),
        "inboxAssignee": _agent(thread.agent),
        "previousInboxAssignee": _agent(before),
    }
    return event("CaseInboxAssigneeChanged", now, place.as_json() | data)


def position_in_queue(thread: Thread, position: int, agent_online: bool, now: float, *, names_thread: bool) -> Frame:
    """How many wait ahead of this visitor. The contact identifies the thread, or itself only."""
    contact = thread.contact and _contact(thread, thread.contact)
    if contact and not names_thread:
        contact = {"id": contact["id"]}
    data = {
        "consumerContact": contact,
        "routingQueue": {"id": "queue-1"},
        "positionInQueue": position,
        "isAnyAgentOnlineForQueue": agent_online,
    }
    return event("SetPositionInQueue", now, data)


def in_s3(event_type: str, url: str, now: float) -> Frame:
    """The URL of an event or a result, of this type, that is too large for a frame."""
    return event("EventInS3", now, {"s3Object": {"url": url}, "originEvent": {"eventType": event_type}})


def message_with_all(thread: Thread, message: Message) -> Frame:
    """A message with everything that belongs to it, as it is fetched over HTTP."""
    return _message(thread, message) | {"hasAdditionalMessageContent": False, "messageContent": message.content}


# Their parts


def _thread(thread: Thread) -> dict[str, Any]:
    return {
        "id": thread.thread_id,
        "idOnExternalPlatform": thread.thread_id,
        "threadName": "",
        "canAddMoreMessages": not thread.archived and thread.takes_more,
    }


def _contact(thread: Thread, contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.contact_id,
        "threadIdOnExternalPlatform": thread.thread_id,
        "status": contact.status,
        "createdAt": at(contact.created_at),
        "customFields": [],
    }


def _agent(agent: Agent | None) -> dict[str, Any] | None:
    if agent is None:
        return None
    agent_id = crc32(f"{agent.first_name} {agent.surname} {agent.nickname}".encode())  # another for each
    return {"id": agent_id, "firstName": agent.first_name, "surname": agent.surname, "nickname": agent.nickname}


def _attachment(file: Mapping[str, str]) -> dict[str, Any]:
    whatever = {"id": new_id(), "previewUrl": None, "isInline": False, "canBeStored": True}
    return {**whatever, "mimeType": "", **file, "securedPermanentUrl": file["url"]}


def _message(thread: Thread, message: Message) -> dict[str, Any]:
    inbound = message.direction == "inbound"
    content = message.content
    if message.more_content:
        content = {"type": content["type"], "payload": {}, "text": content.get("text", "")[: message.cut_after]}
    return {
        "id": message.message_id,
        "idOnExternalPlatform": message.id_on_external_platform,
        "threadIdOnExternalPlatform": thread.thread_id,
        "messageContent": content,
        "hasAdditionalMessageContent": message.more_content,
        "direction": message.direction,
        "createdAt": at(message.created_at),
        "createdAtWithMilliseconds": at(message.created_at),
        "attachments": [_attachment(file) for file in message.attachments],
        "authorUser": None if inbound else _agent(message.author),
        "authorEndUserIdentity": {"idOnExternalPlatform": thread.customer_id, "fullName": ""} if inbound else None,
        "customerStatistics": {"seenAt": message.seen_at and at(message.seen_at)},
        "userStatistics": {"readAt": message.read_at and at(message.read_at)},
    }

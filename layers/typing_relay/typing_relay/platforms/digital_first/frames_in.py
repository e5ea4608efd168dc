"""Frames from the gateway, parsed strictly into typed values. Pure.

An optional field that a frame lacks is absent in the result too; without a required one the frame is NotAFrame. No
error and no repr contains what was written or who wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from typing_relay.platforms.digital_first.codes import loggable
from typing_relay.platforms.shared.agents_typing import SOMEBODY, Agent
from typing_relay.platforms.shared.urls import InsecureUrl, base_url
from typing_relay.relay.ports import Attachment

CLOSED = "closed"
#: A rich message is read to this depth, and at most this number of its elements.
MOST_DEEP, MOST_ELEMENTS = 5, 100
MOST_ATTACHMENTS = 50
MOST_SECONDS = 1_000_000
#: A contact with one of these takes no more typing.
OVER = (CLOSED, "trashed")


class NotAFrame(ValueError):
    """Not a frame that the gateway is known to send. The message names what is missing, and quotes nothing."""


# --- what frames speak of


@dataclass(frozen=True, slots=True)
class Contact:
    """What agents work on (the gateway calls it a case). Either field may be absent: ''."""

    contact_id: str
    status: str = ""

    @property
    def is_open(self) -> bool:
        """Whether an agent can still see it."""
        return self.status not in OVER


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that a message offers. ``postback``: what goes back with the text, if anything does."""

    text: str = field(repr=False)
    postback: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the thread; ``message_id`` is the id that its sender chose. ``at``: epoch ms, if known.

    ``choices``: the answers that it offers, in order; ``answer_by`` (epoch ms): the chat ends without one, if known.
    ``is_part``: there is more of it than this, to be had by ``server_id``, the gateway's own id, or from
    ``stream_url``, where it is still being written; without either nobody can get it.
    """

    message_id: str
    from_agent: bool
    at: int | None
    text: str = field(repr=False)
    author: str | None = field(repr=False)
    frame: dict[str, Any] = field(repr=False, compare=False)
    choices: tuple[Choice, ...] = ()
    answer_by: int | None = None
    author_id: str = field(default="", repr=False)
    is_part: bool = False
    server_id: str = ""
    stream_url: str = field(default="", repr=False)
    #: The visitor has seen it, as far as the gateway knows.
    is_seen: bool = False
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)

    @property
    def agent(self) -> Agent:
        """Who wrote it, where an agent did."""
        return Agent(self.author_id, self.author)


# --- answers


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a heartbeat."""


@dataclass(frozen=True, slots=True)
class Authorized:
    """The connection is authorized (legacy flow)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The request of this id was accepted."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A request was refused; without an id it may be any request that can get this code."""

    code: str
    event_id: str | None


@dataclass(frozen=True, slots=True)
class FrameLost:
    """API Gateway's own error, which names no request: whether a frame that was sent was taken is unknown."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """The thread that was looked for, with its newest messages, oldest first; ``is_whole``: these are all of them.

    ``takes_more``: a message may still be sent in it.
    """

    event_id: str
    thread_id: str
    messages: tuple[Message, ...]
    is_whole: bool
    contact: Contact | None
    agent: Agent | None
    takes_more: bool = True
    #: For the page before; '': there is none. When the oldest of these messages was created, as the gateway writes it.
    scroll_token: str = field(default="", repr=False)
    oldest_at: str = ""


@dataclass(frozen=True, slots=True)
class MoreMessages:
    """A page of earlier messages, oldest first; the rest as in ``Recovered``."""

    event_id: str
    messages: tuple[Message, ...]
    scroll_token: str = field(default="", repr=False)
    oldest_at: str = ""


@dataclass(frozen=True, slots=True)
class NothingThere:
    """The look found no thread: current tenants answer it with a result that has nothing in it, not with an error.

    ``is_empty``: it has nothing else in it either; if not, nobody knows what it means.
    """

    event_id: str
    is_empty: bool = True


@dataclass(frozen=True, slots=True)
class ConsumerToken:
    """The answer that authorizes a customer on a socket, or renews that. ``expires_s``: how long the token is good for;
    ``customer_id``: as the gateway knows the customer; '': as it was named."""

    event_id: str
    token: str = field(repr=False)
    expires_s: int
    customer_id: str = ""


@dataclass(frozen=True, slots=True)
class UrlToken:
    """A bearer token for one path of the chat host, as it was asked for."""

    event_id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """Another result of a request. It is not passed on, as it may contain a token."""

    event_id: str
    event_type: str


# --- events


@dataclass(frozen=True, slots=True)
class CaseCreated:
    """A contact has begun."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class CaseStatusChanged:
    """A contact's status changed; its id may be absent. ``at``: when (epoch ms), if known."""

    contact: Contact
    at: int | None = None


@dataclass(frozen=True, slots=True)
class MessageCreated:
    """Somebody, the visitor included, has sent this message. ``contact``: the one it is part of, if that is named."""

    message: Message
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class AgentTyping:
    """This agent has started or stopped typing."""

    typing: bool
    agent: Agent = SOMEBODY


@dataclass(frozen=True, slots=True)
class Echo:
    """This visitor's own typing, sent back by the gateway."""


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """The agent who has the contact; None: nobody has it."""

    agent: Agent | None


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """The contact's position in the queue for an agent."""

    position: int


@dataclass(frozen=True, slots=True)
class MessageRead:
    """An agent has read this message of the visitor's; None: the frame names none."""

    message_id: str | None


@dataclass(frozen=True, slots=True)
class MessageSeen:
    """This message has been seen; None: the frame names none."""

    message_id: str | None


@dataclass(frozen=True, slots=True)
class ThreadArchived:
    """The thread is over."""


@dataclass(frozen=True, slots=True)
class EventInS3:
    """An event of this kind that is too large for a frame and must be fetched. The URL may contain a signature."""

    kind: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event that the relay does not interpret; ``why``, if its kind is known: what is wrong with it."""

    event_type: str
    why: str = ""


What = (
    CaseCreated
    | CaseStatusChanged
    | MessageCreated
    | AgentTyping
    | Echo
    | AgentChanged
    | QueuePosition
    | MessageRead
    | MessageSeen
    | ThreadArchived
    | EventInS3
    | Unknown
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something has happened in this thread, to this contact ('': the frame names none).

    ``frame`` is the frame, unchanged. ``at``: when, by the gateway's clock (epoch ms), if it says.
    """

    thread_id: str
    what: What
    frame: dict[str, Any] = field(repr=False, compare=False)
    contact_id: str = ""
    at: int | None = field(default=None, compare=False)


Frame = (
    Pong
    | Authorized
    | Answer
    | Failure
    | FrameLost
    | Recovered
    | MoreMessages
    | NothingThere
    | ConsumerToken
    | UrlToken
    | Result
    | Event
)


def parse(text: str) -> Frame:
    """The frame in ``text``. Raises NotAFrame."""
    if text == '"pong"':
        return Pong()  # most frames are this one: skip the JSON parser
    try:
        value = json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise NotAFrame("not JSON") from None
    if value == "pong":
        return Pong()
    if not isinstance(value, dict):
        raise NotAFrame("neither an object nor a pong")
    if isinstance(value.get("eventType"), str):
        return _event(value)
    if value.get("authorizationStatus") == "authorized":
        return Authorized()
    return _answer(value)


def whole(part: Message, text: str) -> Message:
    """The whole of ``part``, as the chat host has it (JSON). Raises NotAFrame if it is another message, or none."""
    try:
        frame = json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise NotAFrame("not JSON") from None
    if not isinstance(frame, dict):
        raise NotAFrame("not an object")
    message = _message({**part.frame, **frame})
    if message.message_id != part.message_id:
        raise NotAFrame("another message")
    return replace(message, is_part=False)


def _reject_constant(name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _answer(frame: dict[str, Any]) -> Frame:
    event_id = _text(frame, "eventId")
    if "error" in frame:
        code = _text(_object(frame, "error"), "errorCode")
        return Failure(loggable(code), event_id or None)
    if not event_id and "message" in frame and "requestId" in frame:
        return FrameLost()
    if not event_id:
        raise NotAFrame("neither an event nor an answer")
    if "postback" in frame:
        return _result(event_id, _object(frame, "postback"))
    return Answer(event_id)


def _result(event_id: str, postback: dict[str, Any]) -> Frame:
    event_type = _text(postback, "eventType")
    if event_type in ("ConsumerAuthorized", "TokenRefreshed"):
        return _consumer_token(event_id, event_type, _object(postback, "data"))
    if event_type == "MoreMessagesLoaded":
        more = _object(postback, "data")
        token = _text(more, "scrollToken") or _text(more, "messagesScrollToken")
        return MoreMessages(event_id, _oldest_first(more.get("messages")), token, _oldest_at(more.get("messages")))
    if event_type == "AuthorizationTokenGenerated":
        token = _text(_object(_object(postback, "data"), "authorizationToken"), "token")
        return UrlToken(event_id, token) if token else Result(event_id, event_type)
    if event_type not in ("ThreadRecovered", "LivechatRecovered"):
        return Result(event_id, loggable(event_type))
    data = _object(postback, "data")
    thread = _object(data, "thread")
    thread_id = _text(thread, "idOnExternalPlatform")
    if not thread_id:
        is_empty = postback.get("data") is None or (isinstance(postback["data"], dict) and not any(data.values()))
        return NothingThere(event_id, is_empty)
    contact = data.get("contact") or data.get("consumerContact")  # NICE's web client reads the one, its apps the other
    return Recovered(
        event_id,
        thread_id,
        _oldest_first(data.get("messages")),
        is_whole=not data.get("messagesScrollToken"),
        contact=_contact(contact) if isinstance(contact, dict) else None,
        agent=_agent(data.get("inboxAssignee")),
        takes_more=thread.get("canAddMoreMessages") is not False,
        scroll_token=_text(data, "messagesScrollToken"),
        oldest_at=_oldest_at(data.get("messages")),
    )


def _consumer_token(event_id: str, event_type: str, data: dict[str, Any]) -> Frame:
    """A result without a token, or that says that it is none, is another result: it authorizes nobody."""
    access, status = _object(data, "accessToken"), data.get("status", "success")
    token, expires_s = _text(access, "token"), access.get("expiresIn")
    if isinstance(expires_s, bool) or not isinstance(expires_s, int | float) or not 0 < expires_s < MOST_SECONDS * 100:
        expires_s = 0
    if status != "success" or not token or not expires_s:
        return Result(event_id, event_type)
    customer_id = _text(_object(data, "consumerIdentity"), "idOnExternalPlatform")
    return ConsumerToken(event_id, token, int(expires_s), customer_id)


def _oldest_first(listed: Any) -> tuple[Message, ...]:
    """Pages come newest first; times may be whole seconds, so that among equals the page's order counts."""
    messages = [_message(item) for item in listed if _is_message(item)] if isinstance(listed, list) else []
    if messages and (messages[0].at or 0) >= (messages[-1].at or 0):
        messages.reverse()
    return tuple(sorted(messages, key=lambda message: message.at or 0))


def _oldest_at(listed: Any) -> str:
    """When the oldest message of a page was created, as its frame says: the last one's, as NICE's client has it."""
    messages = [item for item in listed if _is_message(item)] if isinstance(listed, list) else []
    return _text(messages[-1], "createdAt") if messages else ""


def _event(frame: dict[str, Any]) -> Event:
    data = _object(frame, "data")
    read, kind = _EVENTS.get(frame["eventType"]), loggable(frame["eventType"])
    try:
        what = read(data) if read else Unknown(kind)
    except NotAFrame as bad:
        what = Unknown(kind, str(bad))
    return Event(_thread_of(data), what, frame, _contact_of(data), _at(frame))


def _thread_of(data: dict[str, Any]) -> str:
    """Which thread an event belongs to: the first of these that names one."""
    return (
        _text(_object(data, "thread"), "idOnExternalPlatform")
        or _text(_object(data, "case"), "threadIdOnExternalPlatform")
        or _text(_object(data, "message"), "threadIdOnExternalPlatform")
        or _text(_object(data, "consumerContact"), "threadIdOnExternalPlatform")
        or _text(_object(data, "contact"), "threadIdOnExternalPlatform")
    )


def _contact_of(data: dict[str, Any]) -> str:
    """Which contact an event is about, under each of its names."""
    return next(
        (found for name in ("case", "consumerContact", "contact") if (found := _text(_object(data, name), "id"))), ""
    )


def _typing(data: dict[str, Any], typing: bool) -> What:
    """The web SDK tells the agent's by ``direction``, Android's by ``user``; what has neither is an echo."""
    direction = data.get("direction")
    is_agents = direction == "outbound" or (direction is None and isinstance(data.get("user"), dict))
    return AgentTyping(typing, _agent(data.get("user")) or SOMEBODY) if is_agents else Echo()


def _queue_position(data: dict[str, Any]) -> What:
    position = data.get("positionInQueue")
    if isinstance(position, bool) or not isinstance(position, int):
        raise NotAFrame("a queue position that is not a number")
    return QueuePosition(position)


def _event_in_s3(data: dict[str, Any]) -> What:
    url = _text(_object(data, "s3Object"), "url")
    if not url:
        raise NotAFrame("an event in S3 without its URL")
    return EventInS3(loggable(_text(_object(data, "originEvent"), "eventType")), url)


def _case(data: dict[str, Any]) -> Contact:
    return _contact(_object(data, "case"))


def _case_status(data: dict[str, Any]) -> What:
    contact = _case(data)
    if not contact.status:
        raise NotAFrame("a contact's status change without the status")
    return CaseStatusChanged(contact, _time(_object(data, "case"), "statusUpdatedAt"))


def _message_created(data: dict[str, Any]) -> What:
    return MessageCreated(_message(_object(data, "message")), _case(data) if _object(data, "case") else None)


def _message_sent(data: dict[str, Any]) -> What:
    """Comes before ``MessageCreated`` for the same message, without the gateway's id of it. With neither text nor file,
    or where it is a part, there is nothing to show yet."""
    message = _message(_object(data, "message"))
    is_shown = bool(message.text or message.attachments) and not message.is_part
    return MessageCreated(message) if is_shown else Unknown("MessageSent")


_EVENTS: dict[str, Callable[[dict[str, Any]], What]] = {
    "CaseCreated": lambda data: CaseCreated(_case(data)),
    "CaseStatusChanged": _case_status,
    "MessageCreated": _message_created,
    "MessageSent": _message_sent,
    "SenderTypingStarted": lambda data: _typing(data, True),
    "SenderTypingEnded": lambda data: _typing(data, False),
    "CaseInboxAssigneeChanged": lambda data: AgentChanged(_agent(data.get("inboxAssignee"))),
    "SetPositionInQueue": _queue_position,
    "MessageReadChanged": lambda data: MessageRead(_message_id(_object(data, "message")) or None),
    "MessageSeenChanged": lambda data: MessageSeen(_message_id(_object(data, "message")) or None),
    "ThreadArchived": lambda data: ThreadArchived(),
    "EventInS3": _event_in_s3,
}


def _contact(case: dict[str, Any]) -> Contact:
    return Contact(_text(case, "id"), _text(case, "status"))


def _is_message(item: Any) -> bool:
    return isinstance(item, dict) and bool(_message_id(item))


def _message_id(message: dict[str, Any]) -> str:
    return _text(message, "idOnExternalPlatform") or _text(message, "id")


def _message(message: dict[str, Any]) -> Message:
    message_id = _message_id(message)
    if not message_id:
        raise NotAFrame("a message without its id")
    direction = message.get("direction")
    from_agent = direction == "outbound" or (direction is None and isinstance(message.get("authorUser"), dict))
    author = message.get("authorUser" if from_agent else "authorEndUserIdentity")
    content = _object(message, "messageContent")
    is_streamed = content.get("type") == "STREAMED" and not _is_said(content)
    elements = list(islice(_elements(_object(content, "payload"), MOST_DEEP), MOST_ELEMENTS))
    return Message(
        message_id,
        from_agent,
        _at(message),
        _content(content, elements),
        _person(author),
        message,
        tuple(_choices(elements)),
        next((at for element in elements if (at := _ends_at(element)) is not None), None),
        _text(author, "id") if from_agent and isinstance(author, dict) else "",
        is_part=is_streamed or message.get("hasAdditionalMessageContent") is True,
        server_id=_text(message, "id"),
        stream_url=_stream_url(_object(content, "payload")) if is_streamed else "",
        is_seen=bool(_text(_object(message, "customerStatistics"), "seenAt")),
        attachments=tuple(islice(_attachments(message), MOST_ATTACHMENTS)),
    )


def _is_said(content: dict[str, Any]) -> bool:
    """A streamed message is usually empty, as what it says is still being written elsewhere."""
    return bool(_readable(_object(content, "payload"), "text") or _text(content, "text"))


def _stream_url(payload: dict[str, Any]) -> str:
    """Where it is written, event by event (SSE); by another protocol the web SDK does not read it either."""
    return _text(payload, "sourceUrl") if payload.get("protocol") == "sse" else ""


def _content(content: dict[str, Any], elements: list[dict[str, Any]]) -> str:
    """What a person should read: the payload's text or title, then its elements' texts; else what stands in for it."""
    payload = _object(content, "payload")
    texts = (_text(item, "text") for item in elements if item.get("type") in ("TITLE", "SUBTITLE", "TEXT"))
    return (
        _readable(payload, "text")
        or _readable(payload, "title")
        or "\n".join(text for text in texts if text)
        or _text(content, "text")
        or _text(content, "fallbackText")
    )


def _readable(payload: dict[str, Any], key: str) -> str:
    """Rich messages have an object with the text as its ``content``."""
    return _text(payload, key) or _text(_object(payload, key), "content")


def _elements(payload: dict[str, Any], deep: int) -> Iterator[dict[str, Any]]:
    """What a rich message is made of: its actions and elements, and theirs, in order."""
    for key in ("actions", "elements"):
        listed = payload.get(key)
        for item in listed if isinstance(listed, list) and deep else []:
            if isinstance(item, dict):
                yield item
                yield from _elements(item, deep - 1)


def _choices(elements: list[dict[str, Any]]) -> Iterator[Choice]:
    """A choice has a text and is a button, or has a postback."""
    for element in elements:
        text, postback = _text(element, "text"), _text(element, "postback")
        if text and (postback or element.get("type") in ("BUTTON", "REPLY_BUTTON")):
            yield Choice(text, postback or None)


def _attachments(message: dict[str, Any]) -> Iterator[Attachment]:
    """The files of a message that a page may link to: no other URL than https (http: on this machine) is safe there."""
    listed = message.get("attachments")
    for item in listed if isinstance(listed, list) else []:
        url = _text(item, "url") if isinstance(item, dict) else ""
        with suppress(InsecureUrl):
            base_url(url)
            yield Attachment(url, _text(item, "friendlyName") or _text(item, "fileName"), _text(item, "mimeType"))


def _ends_at(element: dict[str, Any]) -> int | None:
    """When a countdown is over."""
    variables = _object(element, "variables")
    began, seconds = _time(variables, "startedAt"), variables.get("numberOfSeconds")
    if element.get("type") != "COUNTDOWN" or began is None or isinstance(seconds, bool):
        return None
    return began + seconds * 1000 if isinstance(seconds, int) and 0 <= seconds < MOST_SECONDS else None


def _agent(person: Any) -> Agent | None:
    return Agent(_text(person, "id"), _person(person)) if isinstance(person, dict) else None


def _person(person: Any) -> str | None:
    """The name to show: the nickname, else first and last name."""
    if not isinstance(person, dict):
        return None
    full = f"{_text(person, 'firstName')} {_text(person, 'surname') or _text(person, 'lastName')}".strip()
    return _text(person, "nickname") or full or None


def _at(message: dict[str, Any]) -> int | None:
    """When it was created, in epoch ms."""
    return _time(message, "createdAtWithMilliseconds", "createdAt")


def _time(fields: dict[str, Any], *keys: str) -> int | None:
    """The first of these that is a time, in epoch ms: without a zone it is none."""
    for key in keys:
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(_text(fields, key))
            if moment.tzinfo:
                return int(moment.timestamp() * 1000)
    return None


def _object(fields: dict[str, Any], key: str) -> dict[str, Any]:
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def _text(fields: dict[str, Any], key: str) -> str:
    """A string, or a number converted to one (ids come as either); '' if absent."""
    value = fields.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""

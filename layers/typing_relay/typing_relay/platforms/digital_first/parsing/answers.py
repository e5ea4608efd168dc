"""The gateway's answers to requests, and their results."""

from __future__ import annotations

from typing import Any

from typing_relay.platforms.digital_first.codes import loggable
from typing_relay.platforms.digital_first.frames_in import (
    Answer,
    ConsumerToken,
    Failure,
    Frame,
    FrameLost,
    MoreMessages,
    NotAFrame,
    NothingThere,
    Recovered,
    Result,
    ThreadMessage,
    UrlToken,
)
from typing_relay.platforms.digital_first.parsing.fields import agent_of, contact_of, object_of, text_of
from typing_relay.platforms.digital_first.parsing.messages import is_message, message_of

#: A token that claims to be good for longer counts as none.
LONGEST_TOKEN_S = 100_000_000


def answer_of(frame: dict[str, Any]) -> Frame:
    """What a frame says that is no event. Raises NotAFrame."""
    event_id = text_of(frame, "eventId")
    if "error" in frame:
        code = text_of(object_of(frame, "error"), "errorCode")
        return Failure(loggable(code), event_id or None)
    if not event_id and "message" in frame and "requestId" in frame:
        return FrameLost()
    if not event_id:
        raise NotAFrame("neither an event nor an answer")
    if "postback" in frame:
        return _result(event_id, object_of(frame, "postback"))
    return Answer(event_id)


def _result(event_id: str, postback: dict[str, Any]) -> Frame:
    event_type = text_of(postback, "eventType")
    if event_type in ("ConsumerAuthorized", "TokenRefreshed"):
        return _consumer_token(event_id, event_type, object_of(postback, "data"))
    if event_type == "MoreMessagesLoaded":
        more = object_of(postback, "data")
        token = text_of(more, "scrollToken") or text_of(more, "messagesScrollToken")
        return MoreMessages(event_id, _oldest_first(more.get("messages")), token, _oldest_at(more.get("messages")))
    if event_type == "AuthorizationTokenGenerated":
        token = text_of(object_of(object_of(postback, "data"), "authorizationToken"), "token")
        return UrlToken(event_id, token) if token else Result(event_id, event_type)
    if event_type not in ("ThreadRecovered", "LivechatRecovered"):
        return Result(event_id, loggable(event_type))
    data = object_of(postback, "data")
    thread = object_of(data, "thread")
    thread_id = text_of(thread, "idOnExternalPlatform")
    if not thread_id:
        is_empty = postback.get("data") is None or (isinstance(postback["data"], dict) and not any(data.values()))
        return NothingThere(event_id, is_empty)
    contact = data.get("contact") or data.get("consumerContact")  # NICE's web client reads the one, its apps the other
    return Recovered(
        event_id,
        thread_id,
        _oldest_first(data.get("messages")),
        is_whole=not data.get("messagesScrollToken"),
        contact=contact_of(contact) if isinstance(contact, dict) else None,
        agent=agent_of(data.get("inboxAssignee")),
        takes_more=thread.get("canAddMoreMessages") is not False,
        scroll_token=text_of(data, "messagesScrollToken"),
        oldest_at=_oldest_at(data.get("messages")),
    )


def _consumer_token(event_id: str, event_type: str, data: dict[str, Any]) -> Frame:
    """A result without a token, or that says that it is none, is another result: it authorizes nobody."""
    access, status = object_of(data, "accessToken"), data.get("status", "success")
    token, expires_s = text_of(access, "token"), access.get("expiresIn")
    if isinstance(expires_s, bool) or not isinstance(expires_s, int | float) or not 0 < expires_s < LONGEST_TOKEN_S:
        expires_s = 0
    if status != "success" or not token or not expires_s:
        return Result(event_id, event_type)
    customer_id = text_of(object_of(data, "consumerIdentity"), "idOnExternalPlatform")
    return ConsumerToken(event_id, token, int(expires_s), customer_id)


def _oldest_first(listed: Any) -> tuple[ThreadMessage, ...]:
    """Pages come newest first; times may be whole seconds, so that among equals the page's order counts."""
    messages = [message_of(item) for item in listed if is_message(item)] if isinstance(listed, list) else []
    if messages and (messages[0].at or 0) >= (messages[-1].at or 0):
        messages.reverse()
    return tuple(sorted(messages, key=lambda message: message.at or 0))


def _oldest_at(listed: Any) -> str:
    """When the oldest message of a page was created, as its frame says: the last one's, as NICE's client has it."""
    messages = [item for item in listed if is_message(item)] if isinstance(listed, list) else []
    return text_of(messages[-1], "createdAt") if messages else ""

"""A message of the thread: what a person should read of it, its choices, its countdown, its files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from typing_relay.platforms.digital_first.frames_in import Choice, NotAFrame, ThreadMessage
from typing_relay.platforms.digital_first.parsing.fields import (
    created_at,
    json_of,
    name_of,
    object_of,
    text_of,
    time_of,
)
from typing_relay.platforms.shared.urls import InsecureUrl, base_url
from typing_relay.relay.ports import Attachment

#: A rich message is read to this depth, and at most this number of its elements.
MOST_DEEP, MOST_ELEMENTS = 5, 100
MOST_ATTACHMENTS = 50
LONGEST_COUNTDOWN_S = 1_000_000


def whole(part: ThreadMessage, text: str) -> ThreadMessage:
    """The whole of ``part``, as the chat host has it (JSON). Raises NotAFrame if it is another message, or none."""
    frame = json_of(text)
    if not isinstance(frame, dict):
        raise NotAFrame("not an object")
    message = message_of({**part.frame, **frame})
    if message.message_id != part.message_id:
        raise NotAFrame("another message")
    return replace(message, is_part=False)


def message_of(message: dict[str, Any]) -> ThreadMessage:
    """The message that this object of a frame is. Raises NotAFrame if it has no id."""
    message_id = message_id_of(message)
    if not message_id:
        raise NotAFrame("a message without its id")
    direction = message.get("direction")
    from_agent = direction == "outbound" or (direction is None and isinstance(message.get("authorUser"), dict))
    author = message.get("authorUser" if from_agent else "authorEndUserIdentity")
    content = object_of(message, "messageContent")
    is_streamed = content.get("type") == "STREAMED" and not _is_said(content)
    elements = list(islice(_elements(object_of(content, "payload"), MOST_DEEP), MOST_ELEMENTS))
    return ThreadMessage(
        message_id,
        from_agent,
        created_at(message),
        _content(content, elements),
        name_of(author),
        message,
        tuple(_choices(elements)),
        next((at for element in elements if (at := _ends_at(element)) is not None), None),
        text_of(author, "id") if from_agent and isinstance(author, dict) else "",
        is_part=is_streamed or message.get("hasAdditionalMessageContent") is True,
        server_id=text_of(message, "id"),
        stream_url=_stream_url(object_of(content, "payload")) if is_streamed else "",
        is_seen=bool(text_of(object_of(message, "customerStatistics"), "seenAt")),
        attachments=tuple(islice(_attachments(message), MOST_ATTACHMENTS)),
    )


def is_message(item: Any) -> bool:
    """Whether it is an object that has a message's id."""
    return isinstance(item, dict) and bool(message_id_of(item))


def message_id_of(message: dict[str, Any]) -> str:
    """The id that its sender chose, else the gateway's; '' if it has neither."""
    return text_of(message, "idOnExternalPlatform") or text_of(message, "id")


def _is_said(content: dict[str, Any]) -> bool:
    """A streamed message is usually empty, as what it says is still being written elsewhere."""
    return bool(_readable(object_of(content, "payload"), "text") or text_of(content, "text"))


def _stream_url(payload: dict[str, Any]) -> str:
    """Where it is written, event by event (SSE); by another protocol the web SDK does not read it either."""
    return text_of(payload, "sourceUrl") if payload.get("protocol") == "sse" else ""


def _content(content: dict[str, Any], elements: list[dict[str, Any]]) -> str:
    """What a person should read: the payload's text or title, then its elements' texts; else what stands in for it."""
    payload = object_of(content, "payload")
    texts = (text_of(item, "text") for item in elements if item.get("type") in ("TITLE", "SUBTITLE", "TEXT"))
    return (
        _readable(payload, "text")
        or _readable(payload, "title")
        or "\n".join(text for text in texts if text)
        or text_of(content, "text")
        or text_of(content, "fallbackText")
    )


def _readable(payload: dict[str, Any], key: str) -> str:
    """Rich messages have an object with the text as its ``content``."""
    return text_of(payload, key) or text_of(object_of(payload, key), "content")


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
        text, postback = text_of(element, "text"), text_of(element, "postback")
        if text and (postback or element.get("type") in ("BUTTON", "REPLY_BUTTON")):
            yield Choice(text, postback or None)


def _attachments(message: dict[str, Any]) -> Iterator[Attachment]:
    """The files of a message that a page may link to: no other URL than https (http: on this machine) is safe there."""
    listed = message.get("attachments")
    for item in listed if isinstance(listed, list) else []:
        url = text_of(item, "url") if isinstance(item, dict) else ""
        with suppress(InsecureUrl):
            base_url(url)
            yield Attachment(url, text_of(item, "friendlyName") or text_of(item, "fileName"), text_of(item, "mimeType"))


def _ends_at(element: dict[str, Any]) -> int | None:
    """When a countdown is over."""
    variables = object_of(element, "variables")
    began, seconds = time_of(variables, "startedAt"), variables.get("numberOfSeconds")
    if element.get("type") != "COUNTDOWN" or began is None or isinstance(seconds, bool):
        return None
    return began + seconds * 1000 if isinstance(seconds, int) and 0 <= seconds < LONGEST_COUNTDOWN_S else None

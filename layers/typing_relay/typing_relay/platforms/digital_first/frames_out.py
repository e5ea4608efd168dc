"""Frames to the gateway, in the envelope that NICE's own web SDK uses. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from typing_relay.platforms.digital_first.fingerprint import fingerprint
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.relay.device import NOTHING_KNOWN, Device
from typing_relay.relay.ports import Attachment, Author

#: Idents and values of custom fields.
Fields = tuple[tuple[str, str], ...]

#: Sent every 15 s; answered by "pong".
HEARTBEAT = '{"action":"heartbeat"}'

AUTHORIZE = "AuthorizeCustomer"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the gateway. ``data`` may contain a visitor's message."""

    event_type: str
    data: dict[str, Any] = field(repr=False)


def recover(thread_id: str, livechat: bool) -> Request:
    """Look for this thread: its contact, newest messages and agent. Must be sent first on every open socket."""
    return Request("RecoverLivechat" if livechat else "RecoverThread", _thread(thread_id))


def typing(thread_id: str, is_typing: bool) -> Request:
    """The visitor has started or stopped typing."""
    return Request("SenderTypingStarted" if is_typing else "SenderTypingEnded", _thread(thread_id))


def message(
    thread_id: str,
    message_id: str,
    text: str,
    postback: str = "",
    fields: Fields = (),
    third_party_token: str = "",
    attachments: tuple[Attachment, ...] = (),
    device: Device = NOTHING_KNOWN,
) -> Request:
    """A visitor's message; a thread's first one starts its contact. ``message_id``: a UUID, chosen by the front end.

    ``postback``: of the choice that the message is, as it came; '': it is none. ``fields``: idents and values of the
    contact's custom fields. ``third_party_token``: of whoever has signed the visitor in; '': nobody has.
    ``attachments``: files that were uploaded; NICE's web client does not say their type, its apps do. ``device``: the
    visitor's browser.
    """
    said = {"postback": postback} if postback else {}
    data = {
        "idOnExternalPlatform": message_id,
        **_thread(thread_id),
        "messageContent": {"type": "TEXT", "payload": {"text": text, **said}, **said},
        "consumer": {"customFields": []},
        "consumerContact": {"customFields": _named(fields)},
        "attachments": [_attachment(file) for file in attachments],
        "browserFingerprint": fingerprint(device),
        **({"accessToken": {"token": third_party_token}} if third_party_token else {}),
    }
    return Request("SendMessage", data)


def set_contact_fields(thread_id: str, fields: Fields) -> Request:
    """These are the custom fields of the open contact."""
    return Request("SetConsumerContactCustomFields", {"customFields": _named(fields), **_thread(thread_id)})


def authorize(sdk_version: str) -> Request:
    """Authorize an anonymous customer on a socket of a session that is not secured: the first frame on it."""
    data = {
        "authorization": {"authorizationCode": None},
        "disableChannelInfo": True,
        "sdkVersion": sdk_version,
        "sdkPlatform": "web",
    }
    return Request(AUTHORIZE, data)


def refresh_token(token: str) -> Request:
    """Asks for another consumer token before this one ends."""
    return Request("RefreshToken", {"accessToken": {"token": token}})


def message_seen(thread_id: str) -> Request:
    """The visitor has seen all messages."""
    return Request("MessageSeenByConsumer", _thread(thread_id))


def end_contact(thread_id: str, contact_id: str) -> Request:
    """The visitor ends the conversation."""
    return Request("EndContact", {**_thread(thread_id), "contact": {"id": contact_id}})


def send_transcript(contact_id: str, email: str) -> Request:
    """Asks for an e-mail with what was said in this contact."""
    recipients = [{"idOnExternalPlatform": email}]
    return Request("SendTranscript", {"consumerContact": {"id": contact_id}, "consumerRecipients": recipients})


def offline_message(author: Author, text: str) -> Request:
    """Leave a message while the channel is offline. CXone's clients give it no id, and name the author as here."""
    first_name, _, last_name = author.name.rpartition(" ")
    data = {
        "messageContent": {"type": "TEXT", "payload": {"text": text}},
        "authorCustomerIdentity": {
            "idOnExternalPlatform": author.email,
            "firstName": first_name,
            "lastName": last_name,
        },
    }
    return Request("SendOfflineMessage", data)


def load_more(thread_id: str, scroll_token: str, oldest_at: str, contact_id: str) -> Request:
    """Asks for the page of messages before the one that gave ``scroll_token``; ``contact_id``: on live chat only."""
    of_contact = {"contact": {"id": contact_id}} if contact_id else {}
    data = {"scrollToken": scroll_token, "oldestMessageDatetime": oldest_at, **_thread(thread_id), **of_contact}
    return Request("LoadMoreMessages", data)


def message_path(brand_id: int, server_id: str) -> str:
    """Where the chat host has the whole of a message, by the gateway's own id of it."""
    return f"/chat/1.0/brand/{brand_id}/messages/{quote(server_id, safe='')}"


def generate_authorization_token(thread_id: str, path: str) -> Request:
    """Asks for a bearer token for ``path`` on the chat host (to fetch the rest of a rich message)."""
    return Request("GenerateAuthorizationToken", {**_thread(thread_id), "url": path})


def encoded(request: Request, event_id: str, channel: Channel, visitor: Visitor) -> str:
    """The frame as text. ``event_id``: a UUID that the gateway repeats in its answer."""
    identity = {"idOnExternalPlatform": visitor.customer_id}
    names = {"firstName": visitor.first_name, "lastName": visitor.last_name}
    frame = {
        "action": "register" if request.event_type == AUTHORIZE else "chatWindowEvent",
        "eventId": event_id,
        "payload": {
            "eventType": request.event_type,
            "brand": {"id": channel.brand_id},
            "channel": {"id": channel.channel_id},
            "consumerIdentity": identity | {key: name for key, name in names.items() if name},
            "data": request.data,
            "destination": {},
            "visitor": {"id": visitor.visitor_id},
            "visit": {},
        },
    }
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def _attachment(file: Attachment) -> dict[str, str]:
    return {"url": file.url, "friendlyName": file.name} | ({"mimeType": file.type} if file.type else {})


def _named(fields: Fields) -> list[dict[str, str]]:
    return [{"ident": ident, "value": value} for ident, value in fields]


def _thread(thread_id: str) -> dict[str, Any]:
    return {"thread": {"idOnExternalPlatform": thread_id}}

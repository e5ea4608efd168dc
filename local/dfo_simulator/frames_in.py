"""What visitors' clients may send: every frame is checked key by key. Pure.

What a real gateway would let pass is not known, so this one lets pass nothing that NICE's own clients do not send.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Check = Callable[[Any, str], None]

HEARTBEAT = "heartbeat"
LONGEST_FIELD = 1024
TYPING = {"SenderTypingStarted": True, "SenderTypingEnded": False}
RECOVER = {"RecoverLivechat": "LivechatRecovered", "RecoverThread": "ThreadRecovered"}


class Violation(Exception):
    """A client broke the protocol: `rule` names the rule, `detail` says where, and quotes nothing that was written."""

    def __init__(self, rule: str, detail: str):
        super().__init__(f"{rule}: {detail}")
        self.rule, self.detail = rule, detail


@dataclass(frozen=True)
class Sender:
    """What a frame must name: the brand and channel of the gateway, the visitor and customer of the socket."""

    brand_id: int
    channel_id: str
    visitor_id: str
    customer_id: str


@dataclass(frozen=True)
class Request:
    """A valid frame. A heartbeat has no `event_id` and no data."""

    event_type: str
    event_id: str = ""
    data: Mapping[str, Any] | None = None
    thread_id: str | None = None
    #: First and last name of the customer, as far as the frame says.
    names: tuple[str, str] = ("", "")

    @property
    def message_id(self) -> str | None:
        """The id that the client gave the message it sends."""
        return self.data["idOnExternalPlatform"] if self.data and self.event_type == "SendMessage" else None


def parse_json(text: str) -> dict[str, Any]:
    """The JSON object of a text frame. Raises Violation."""
    try:
        frame = json.loads(text)
    except ValueError:
        raise Violation("not_json", "a frame that is no JSON") from None
    if not isinstance(frame, dict):
        raise Violation("not_an_object", "a frame that is no JSON object")
    return frame


def parse_request(frame: Mapping[str, Any], sender: Sender) -> Request:
    """The request in this frame. Raises Violation."""
    if frame.get("action") == HEARTBEAT:
        _object({"action": _any})(frame, "frame")
        return Request(HEARTBEAT)
    _FRAME(frame, "frame")
    payload = frame["payload"]
    event_type = payload["eventType"]
    if event_type not in DATA:
        raise Violation("unknown_event_type", f"eventType {event_type[:40]!r}")
    expected = "register" if event_type == "AuthorizeCustomer" else "chatWindowEvent"
    if frame["action"] != expected:
        raise Violation("wrong_action", f"{event_type} goes out with the action {expected}")
    _check_sender(event_type, payload, sender)
    DATA[event_type](payload["data"], f"{event_type}.data")
    thread = payload["data"].get("thread", {})
    named = payload["consumerIdentity"]
    names = named.get("firstName", ""), named.get("lastName", "")
    return Request(event_type, frame["eventId"], payload["data"], thread.get("idOnExternalPlatform"), names)


def event_id_of(frame: Mapping[str, Any]) -> str | None:
    """The id for the answer to a frame, even to an invalid one."""
    event_id = frame.get("eventId")
    return event_id if isinstance(event_id, str) else None


def event_type_of(frame: Mapping[str, Any]) -> str | None:
    """The event type of a frame, even of an invalid one."""
    payload = frame.get("payload")
    event_type = payload.get("eventType") if isinstance(payload, dict) else None
    return event_type if event_type in DATA else None


def _check_sender(event_type: str, payload: Mapping[str, Any], sender: Sender) -> None:
    if payload["brand"]["id"] != sender.brand_id:
        raise Violation("wrong_brand", f"{event_type} names another brand than the socket")
    if payload["channel"]["id"] != sender.channel_id:
        raise Violation("wrong_channel", f"{event_type} names another channel than the socket")
    if payload["consumerIdentity"]["idOnExternalPlatform"] != sender.customer_id:
        raise Violation("wrong_customer", f"{event_type} names another customer than the socket's token")
    visitor = payload["visitor"].get("id", sender.visitor_id)
    # When it registers, NICE's client names a visitor that it has chosen itself.
    if visitor != sender.visitor_id and event_type != "AuthorizeCustomer":
        raise Violation("wrong_visitor", f"{event_type} names another visitor than the socket")


# Checks: each takes a value and its place, and raises Violation.


def _any(value: Any, place: str) -> None:
    pass


def _text(value: Any, place: str) -> None:
    if not isinstance(value, str):
        raise Violation("wrong_value", f"{place} is no string")


def _filled(value: Any, place: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise Violation("wrong_value", f"{place} is no string with something in it")


def _text_or_null(value: Any, place: str) -> None:
    if value is not None:
        _text(value, place)


def _number(value: Any, place: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Violation("wrong_value", f"{place} is no number")


def _uuid(value: Any, place: str) -> None:
    try:
        if isinstance(value, str) and str(uuid.UUID(value)) == value.lower():
            return
    except ValueError:
        pass
    raise Violation("wrong_value", f"{place} is no UUID")


def _exactly(expected: Any) -> Check:
    def check(value: Any, place: str) -> None:
        if value != expected or type(value) is not type(expected):
            raise Violation("wrong_value", f"{place} is not {json.dumps(expected)}")

    return check


def _list(value: Any, place: str) -> None:
    if not isinstance(value, list):
        raise Violation("wrong_value", f"{place} is no list")


def _object(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    known = {**required, **(optional or {})}

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise Violation("wrong_value", f"{place} is no object")
        for key in required.keys() - value.keys():
            raise Violation("missing_key", f"{place}.{key}")
        for key in value.keys() - known.keys():
            raise Violation("unknown_key", f"{place}.{key[:40]}")
        for key, item in value.items():
            known[key](item, f"{place}.{key}")

    return check


def _fields(value: Any, place: str) -> None:
    """NICE: an ident and a value of at most 1,024 characters each."""
    _list(value, place)
    for number, field in enumerate(value):
        _FIELD(field, f"{place}[{number}]")


def _field_value(value: Any, place: str) -> None:
    _text(value, place)
    if len(value) > LONGEST_FIELD:
        raise Violation("field_too_long", f"{place} has more than {LONGEST_FIELD} characters")


def _attachments(value: Any, place: str) -> None:
    """NICE's web client sends the first two, its Android app the type, too, its iOS app also the name of the file."""
    _list(value, place)
    for number, file in enumerate(value):
        _ATTACHMENT(file, f"{place}[{number}]")


def _with_something_in_it(check: Check) -> Check:
    """A message has a text, or files."""

    def checked(value: Any, place: str) -> None:
        check(value, place)
        if not value["attachments"]:
            _filled(value["messageContent"]["payload"]["text"], f"{place}.messageContent.payload.text")

    return checked


_ATTACHMENT = _object({"url": _filled, "friendlyName": _filled}, {"mimeType": _filled, "fileName": _filled})
_FIELD = _object({"ident": _filled, "value": _field_value})
_ID = _object({"id": _filled})
_ID_IF_KNOWN = _object({}, {"id": _filled})
_UUID_IF_KNOWN = _object({}, {"id": _uuid})
_THREAD = _object({"idOnExternalPlatform": _uuid})
_TOKEN = _object({"token": _filled})
_CUSTOM_FIELDS = _object({"customFields": _fields})
_SOFTWARE = ("browser", "browserVersion", "os", "osVersion", "deviceType", "applicationType")
_FINGERPRINT = _object({"language": _filled}, dict.fromkeys(("country", "ip", "location", *_SOFTWARE), _text_or_null))

_FRAME = _object(
    {
        "action": _filled,
        "eventId": _uuid,
        "payload": _object(
            {
                "eventType": _filled,
                "brand": _object({"id": _number}),
                "channel": _ID,
                "consumerIdentity": _object(
                    {"idOnExternalPlatform": _filled}, {"firstName": _text, "lastName": _text, "image": _text}
                ),
                "data": _any,
                "destination": _ID_IF_KNOWN,
                "visitor": _UUID_IF_KNOWN,
            },
            {"visit": _UUID_IF_KNOWN},
        ),
    }
)


def _recipients(value: Any, place: str) -> None:
    _list(value, place)
    for number, recipient in enumerate(value):
        _RECIPIENT(recipient, f"{place}[{number}]")


_RECIPIENT = _object({"idOnExternalPlatform": _filled})
_ONLY_THREAD = _object({"thread": _THREAD})

#: The data of each event type that clients may send.
DATA: Mapping[str, Check] = {
    "RecoverLivechat": _object({}, {"thread": _THREAD}),
    "RecoverThread": _object({}, {"thread": _THREAD}),
    "SenderTypingStarted": _ONLY_THREAD,
    "SenderTypingEnded": _ONLY_THREAD,
    "MessageSeenByConsumer": _ONLY_THREAD,
    "ArchiveThread": _ONLY_THREAD,
    "SetConsumerContactCustomFields": _object({"customFields": _fields, "thread": _THREAD}),
    "SendTranscript": _object({"consumerContact": _ID, "consumerRecipients": _recipients}),
    "EndContact": _object({"thread": _THREAD, "contact": _ID}),
    "GenerateAuthorizationToken": _object({"thread": _THREAD, "url": _filled}),
    "LoadMoreMessages": _object(
        {"thread": _THREAD, "scrollToken": _filled, "oldestMessageDatetime": _filled}, {"contact": _ID}
    ),
    "SendMessage": _with_something_in_it(
        _object(
            {
                "idOnExternalPlatform": _uuid,
                "thread": _THREAD,
                "messageContent": _object(
                    {"type": _exactly("TEXT"), "payload": _object({"text": _text}, {"postback": _text})},
                    {"postback": _text},
                ),
                "consumer": _CUSTOM_FIELDS,
                "consumerContact": _CUSTOM_FIELDS,
                "attachments": _attachments,
                "browserFingerprint": _FINGERPRINT,
            },
            {"accessToken": _TOKEN},
        )
    ),
    "SendOfflineMessage": _object(
        {
            "messageContent": _object({"type": _exactly("TEXT"), "payload": _object({"text": _filled})}),
            "authorCustomerIdentity": _object(
                {"idOnExternalPlatform": _filled, "firstName": _text, "lastName": _filled}
            ),
        }
    ),
    "AuthorizeCustomer": _object(
        {
            "authorization": _object({"authorizationCode": _text_or_null}),
            "disableChannelInfo": _exactly(True),
            "sdkVersion": _filled,
            "sdkPlatform": _exactly("web"),
        },
        {"browserFingerprint": _FINGERPRINT},
    ),
    "ReconnectConsumer": _object({"accessToken": _TOKEN}),
    "RefreshToken": _object({"accessToken": _TOKEN}),
}

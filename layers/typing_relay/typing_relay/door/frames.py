"""Frames between front end and relay: parsed strictly, built in one place. Pure.

Frames hold the messages that a visitor sent, never what is being typed. No error quotes a frame's content (T13).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from typing_relay.plain_url import is_plain
from typing_relay.relay.ports import Attachment, Author, MessageStatus, Standing
from typing_relay.relay.sign_in import SignIn

#: A keystroke frame has 40 bytes; only messages may be larger than this.
MAX_FRAME_BYTES = 1_024
#: In UTF-16 units, as JavaScript counts: this many fit into the 32 KB of API Gateway's largest WebSocket frame.
MAX_TEXT = 10_000
MAX_POSTBACK = 2_000
#: Files of one message; the characters of each one's URL and name.
MAX_ATTACHMENTS = 10
MAX_FILE_URL = 2_000
MAX_FILE_NAME = 255
#: The second for a CXone on this machine: what is not there is refused by whoever knows the deployment's hosts.
_SCHEMES = ("https://", "http://")
#: The characters of the name of whoever leaves an offline message.
MAX_NAME = 100
#: RFC 5321: of an address, without the angle brackets.
MAX_EMAIL = 254
#: The id of a message, as the relay told it.
MAX_KNOWN_ID = 200
#: Of each token and code that a page hands over: CXone's own travels in the URL of a socket.
MAX_TOKEN = 4_096
MAX_SIGN_IN_BYTES = 2 * MAX_TOKEN + MAX_FRAME_BYTES
#: Of a token's life, in s.
MIN_EXPIRES_IN, MAX_EXPIRES_IN = 10, 86_400
#: JSON may escape each unit into six bytes.
MAX_MESSAGE_BYTES = MAX_FRAME_BYTES + 6 * MAX_TEXT
MAX_AGO_MS = 2_000
#: A stop may be reported late: browsers run a hidden page's timers once a minute.
MAX_STOP_AGO_MS = 60_000
#: The message of `session_expired`.
EXPIRED = "The token has expired. Connect again with a new one."

ErrorCode = Literal[
    "bad_frame",
    "bad_message",
    "bad_attachment",
    "too_large",
    "unknown_action",
    "rate_limited",
    "session_expired",
    "typing_unavailable",
    "blocked",
    "not_ready",
    "not_supported",
    "not_ended",
    "history_unknown",
    "history_failed",
    "transcript_failed",
    "sign_in_needed",
    "sign_in_refused",
]
#: What may be sent: by one connection, by all of a visitor together, and how many of those frames may be messages.
Budget = Literal["connection", "session", "messages"]


@dataclass(frozen=True, slots=True)
class Hello:
    """The front end asks for the welcome. ``client``: its name and version; "" when it gave none."""

    client: str = ""


@dataclass(frozen=True, slots=True)
class Keystroke:
    """A key was pressed ``ago_ms`` before this frame left. It counts for ``hold_ms``; 0 means the debounce."""

    ago_ms: int = 0
    hold_ms: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """The message was sent, the box cleared or left, or the debounce was over, ``ago_ms`` before this frame left."""

    ago_ms: int = 0


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a pong."""


@dataclass(frozen=True, slots=True)
class Message:
    """The visitor sent this text. The front end chose the id; the same id again is the same message.

    ``postback``: of the choice that the message is, as CXone sent it; '': it is none. Without ``attachments`` the text
    is not blank. ``author``: it is left while nobody is there to chat with; None: it is said in the conversation.
    """

    message_id: str
    text: str = field(repr=False)
    postback: str = field(default="", repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)
    author: Author | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """The visitor has seen all messages."""


@dataclass(frozen=True, slots=True)
class End:
    """The visitor ends the conversation."""


@dataclass(frozen=True, slots=True)
class History:
    """The front end asks for the messages before the one of this id; '': for the newest."""

    before: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The visitor wants what was said, by e-mail to this address."""

    email: str = field(repr=False)


Frame = Hello | Keystroke | Stop | Ping | Message | Seen | End | History | Transcript | SignIn


class BadFrame(ValueError):
    """A frame that is refused. ``code`` and message go back to the front end; neither quotes the frame.

    ``message_id``: the message that is refused, where the frame had a valid id; else "".
    """

    def __init__(self, code: ErrorCode, message: str, message_id: str = "") -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message_id = message_id


def parse(body: str | None, longest_hold_ms: int, is_file_url: Callable[[str], bool] = is_plain) -> Frame:
    """The frame in ``body``. Raises BadFrame, also for a ``hold_ms`` above ``longest_hold_ms``.

    ``is_file_url``: whether a file that a visitor sends may be there.
    """
    body = body or ""
    size = _size(body)
    fields = _object(body)
    action = fields.pop("action", None)
    most = _LARGER.get(action) if isinstance(action, str) else None
    if size > (most or MAX_FRAME_BYTES):
        raise BadFrame("too_large", f"A frame may have {MAX_FRAME_BYTES} bytes, a sign_in {MAX_SIGN_IN_BYTES}.")
    if not isinstance(action, str):
        raise BadFrame("bad_frame", f'A frame needs an "action": {_ACTIONS}.')
    if action == "keystroke":
        hold_ms = _hold_ms(fields.pop("hold_ms"), longest_hold_ms) if "hold_ms" in fields else 0
        frame: Frame = Keystroke(_ago_ms(fields.pop("ago_ms", 0), MAX_AGO_MS), hold_ms)
    elif action == "stop":
        frame = Stop(_ago_ms(fields.pop("ago_ms", 0), MAX_STOP_AGO_MS))
    elif action == "hello":
        frame = Hello(_client(fields.pop("client")) if "client" in fields else "")
    elif action == "message":
        frame = _message(fields.pop("id", None), fields, is_file_url)
    elif action == "offline_message":
        frame = _offline_message(fields.pop("id", None), fields)
    else:
        frame = _asking(action, fields)
    if fields:
        raise BadFrame("bad_frame", "Unknown key in the frame; frames never carry typed text.")
    return frame


def _asking(action: str, fields: dict[str, Any]) -> Frame:
    """What is asked of the conversation, or of the relay itself."""
    if action == "history":
        return History(_known_id(fields.pop("before")) if "before" in fields else "")
    if action == "transcript":
        return Transcript(_email(fields.pop("email", None)))
    if action == "sign_in":
        return _sign_in(fields)
    if action in _PLAIN:
        return _PLAIN[action]
    raise BadFrame("unknown_action", f"Unknown action. Known are {_ACTIONS}.")


_ACTIONS = "hello, keystroke, stop, ping, message, offline_message, seen, end, history, transcript or sign_in"
_LARGER = {"message": MAX_MESSAGE_BYTES, "offline_message": MAX_MESSAGE_BYTES, "sign_in": MAX_SIGN_IN_BYTES}
_PLAIN: dict[str, Frame] = {"ping": Ping(), "seen": Seen(), "end": End()}


def _size(body: str) -> int:
    """The size in bytes. Raises BadFrame for what is larger than any frame."""
    size = len(body) if len(body) > MAX_MESSAGE_BYTES else len(body.encode("utf-8", "surrogatepass"))
    if size > MAX_MESSAGE_BYTES:
        raise BadFrame("too_large", f"A message may have {MAX_MESSAGE_BYTES} bytes, any other frame {MAX_FRAME_BYTES}.")
    return size


def _object(body: str) -> dict[str, Any]:
    try:
        value = json.loads(body, object_pairs_hook=_reject_duplicate_keys, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise BadFrame("bad_frame", "A frame must be one JSON object.") from None
    if not isinstance(value, dict):
        raise BadFrame("bad_frame", "A frame must be one JSON object.")
    return value


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("duplicate key")
    return fields


def _reject_constant(name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _ago_ms(value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise BadFrame("bad_frame", f'"ago_ms" must be a number of milliseconds from 0 to {most}.')
    return int(value)


def _hold_ms(value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise BadFrame("bad_frame", f'"hold_ms" must be a whole number of milliseconds from 1 to {most}.')
    return value


#: It goes into a log line: short, and only characters that are safe in one.
_CLIENT = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}/[0-9][A-Za-z0-9.+-]{0,30}")


def _client(value: object) -> str:
    if not isinstance(value, str) or not _CLIENT.fullmatch(value):
        raise BadFrame(
            "bad_frame",
            '"client" must be a name and a version, like "typing-relay.js/1.2.0": a letter and at most 31 of A-Z, a-z,'
            ' 0-9, ".", "_", "-"; a slash; a digit and at most 30 of A-Z, a-z, 0-9, ".", "+", "-".',
        )
    return value


#: As `crypto.randomUUID` makes them. Upper case is refused: another spelling would be another message.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _message(message_id: object, fields: dict[str, Any], is_file_url: Callable[[str], bool]) -> Message:
    """Takes what it knows out of ``fields``."""
    text, postback = fields.pop("text", None), fields.pop("postback", "")
    if not isinstance(message_id, str) or not _UUID.fullmatch(message_id):
        raise BadFrame("bad_message", '"id" must be a UUID in lower case.')
    attachments = _attachments(fields.pop("attachments", []), message_id, is_file_url)
    if not isinstance(text, str) or not (text.strip() or attachments):
        raise BadFrame("bad_message", '"text" must not be blank, unless there are attachments.', message_id)
    if not isinstance(postback, str):
        raise BadFrame("bad_message", '"postback" must be a string.', message_id)
    for name, said, most in (("text", text, MAX_TEXT), ("postback", postback, MAX_POSTBACK)):
        _check_length(name, said, most, message_id)
    return Message(message_id, text, postback, attachments)


def _offline_message(message_id: object, fields: dict[str, Any]) -> Message:
    """With the names of NICE's web SDK; takes what it knows out of ``fields``."""
    if not isinstance(message_id, str) or not _UUID.fullmatch(message_id):
        raise BadFrame("bad_message", '"id" must be a UUID in lower case.')
    name, email, text = (fields.pop(key, None) for key in ("name", "email", "message"))
    for key, said, most in (("name", name, MAX_NAME), ("message", text, MAX_TEXT)):
        if not isinstance(said, str) or not said.strip():
            raise BadFrame("bad_message", f'"{key}" must not be blank.', message_id)
        _check_length(key, said, most, message_id)
    if not _is_email(email):
        raise BadFrame("bad_message", _NO_EMAIL, message_id)
    return Message(message_id, text, author=Author(" ".join(name.split()), email))


def _check_length(name: str, said: str, most: int, message_id: str) -> None:
    """``most``: in UTF-16 units. Raises BadFrame."""
    try:
        units = len(said.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        raise BadFrame("bad_message", f'"{name}" contains a lone surrogate.', message_id) from None
    if units > most:
        raise BadFrame("bad_message", f'"{name}" may have at most {most} characters.', message_id)


#: RFC 6838, as browsers say it of a file; '' where they do not know it.
_MIME_TYPE = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63})?")
#: No controls, and no half of a surrogate pair, which is no character.
_FILE_NAME = re.compile(rf"[^\x00-\x1f\x7f\ud800-\udfff]{{1,{MAX_FILE_NAME}}}")


def _attachments(value: object, message_id: str, is_file_url: Callable[[str], bool]) -> tuple[Attachment, ...]:
    try:
        if not isinstance(value, list) or len(value) > MAX_ATTACHMENTS:
            raise ValueError(f'"attachments" must be a list of at most {MAX_ATTACHMENTS} files.')
        return tuple(_attachment(item, is_file_url) for item in value)
    except ValueError as wrong:
        raise BadFrame("bad_attachment", str(wrong), message_id) from None


def _attachment(value: object, is_file_url: Callable[[str], bool]) -> Attachment:
    """Raises ValueError with what is wrong, which quotes nothing."""
    if not isinstance(value, dict) or not {"url", "name"} <= value.keys() <= {"url", "name", "type"}:
        raise ValueError('An attachment has a "url", a "name", and perhaps a "type".')
    url, name, kind = value["url"], value["name"], value.get("type", "")
    if not isinstance(url, str) or len(url) > MAX_FILE_URL or not (is_plain(url) and url.startswith(_SCHEMES)):
        raise ValueError(f'"url" must be an https URL of at most {MAX_FILE_URL} characters.')
    if not is_file_url(url):
        raise ValueError('"url" must be where CXone has put the file. If it is, add its host to DfoFileHosts.')
    if not isinstance(name, str) or not _FILE_NAME.fullmatch(name) or not name.strip():
        raise ValueError(f'"name" must have 1 to {MAX_FILE_NAME} characters, and not only blanks.')
    if not isinstance(kind, str) or not _MIME_TYPE.fullmatch(kind):
        raise ValueError('"type" must be a MIME type like image/png.')
    return Attachment(url, name, kind)


def _known_id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_KNOWN_ID:
        raise BadFrame("bad_frame", f'"before" must be the id of a message, of at most {MAX_KNOWN_ID} characters.')
    return value


#: Whether there is such a mailbox only a mail can tell.
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")


_NO_EMAIL = f'"email" must be an e-mail address of at most {MAX_EMAIL} characters.'


def _is_email(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_EMAIL and _EMAIL.fullmatch(value) is not None


def _email(value: object) -> str:
    if not _is_email(value):
        raise BadFrame("bad_frame", _NO_EMAIL)
    return str(value)


#: As RFC 6750 and RFC 6749 have tokens and codes, and RFC 7636 verifiers: no blanks, no controls.
_SECRET = re.compile(rf"[!-~]{{1,{MAX_TOKEN}}}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CUSTOMER = re.compile(r"[!-~]{1,128}")


def _sign_in(fields: dict[str, Any]) -> SignIn:
    """An access token and whom it is for, or a code; takes what it knows out of ``fields``."""
    if "code" in fields or "verifier" in fields:
        verifier = _matching(fields, "verifier", _VERIFIER) if "verifier" in fields else ""
        return SignIn(code=_matching(fields, "code", _SECRET), verifier=verifier)
    access_token = _matching(fields, "access_token", _SECRET)
    expires_in = fields.pop("expires_in", None)
    is_number = isinstance(expires_in, int | float) and not isinstance(expires_in, bool)
    if not is_number or not MIN_EXPIRES_IN <= expires_in <= MAX_EXPIRES_IN:
        raise BadFrame("bad_frame", f'"expires_in" must be seconds, from {MIN_EXPIRES_IN} to {MAX_EXPIRES_IN}.')
    visitor_id, customer_id = (_matching(fields, "visitor_id", _UUID), _matching(fields, "customer_id", _CUSTOMER))
    third_party = _matching(fields, "third_party_token", _SECRET) if "third_party_token" in fields else ""
    return SignIn(access_token, int(expires_in * 1000), visitor_id, customer_id, third_party)


def _matching(fields: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = fields.pop(name, None)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadFrame("bad_frame", f'"{name}" of a sign_in is missing or not as documented.')
    return value


@dataclass(frozen=True, slots=True)
class Timings:
    """The timings of the deployment that a front end needs, in ms."""

    debounce_ms: int
    heartbeat_ms: int
    hold_ms: int
    #: An agent types no longer when nothing has renewed it for this long (the relay says so itself).
    agent_typing_ms: int = 60_000


def welcome(
    session_id: str, timings: Timings, guest: str, token_ends_in_ms: int, signals: str = "on"
) -> dict[str, Any]:
    """The answer to hello. ``signals`` is in the frame only when typing signals are off.

    ``token_ends_in_ms``: the relay takes frames by this connection's token for this long, in ms; by the relay's
    clock, as a front end's may be wrong.
    """
    frame: dict[str, Any] = {
        "type": "welcome",
        "session": session_id,
        "timings": asdict(timings),
        "guest": guest,
        "token_ends_in_ms": token_ends_in_ms,
    }
    return frame if signals == "on" else {**frame, "signals": signals}


def pong() -> dict[str, Any]:
    """The answer to ping; also sent unasked, to keep an idle connection."""
    return {"type": "pong"}


def guest(status: str) -> dict[str, Any]:
    """The status of the visitor's CXone guest has changed to ``status``."""
    return {"type": "guest", "status": status}


def event(frame: Any) -> dict[str, Any]:
    """A JSON frame that CXone sent the guest, unchanged."""
    return {"type": "event", "event": frame}


def message_status(message_id: str, standing: Standing) -> dict[str, Any]:
    """The status of a message that the visitor sent; ``reason`` is in the frame only when it has failed."""
    frame = {"type": "message", "id": message_id, "status": str(standing.status)}
    return {**frame, "reason": standing.reason} if standing.status is MessageStatus.FAILED else frame


def error(code: ErrorCode, message: str, message_id: str = "") -> dict[str, Any]:
    """Something was refused or is unavailable; ``message_id``: the message that was refused, if it was one."""
    frame = {"type": "error", "code": code, "message": message}
    return {**frame, "id": message_id} if message_id else frame


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A budget that is spent. A frame is taken again after ``retry_in_ms`` if none comes in the meantime."""

    budget: Budget
    retry_in_ms: int


def blocked(for_ms: int) -> dict[str, Any]:
    """An operator has blocked this visitor for ``for_ms``."""
    message = "The deployment's operator has blocked this session."
    return {**error("blocked", message), "retry_in_ms": for_ms}


def rate_limited(message: str, exceeded: Exceeded, message_id: str = "") -> dict[str, Any]:
    """A frame was dropped, as its visitor has sent too many; ``message_id``: of the message that it was, if it was."""
    return {**error("rate_limited", message, message_id), **asdict(exceeded)}

"""Frames between front end and relay: parsed strictly, built in one place. Pure.

A frame in never holds what was typed, and no error repeats what a frame held (T13).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

#: A keystroke frame has 40 bytes; whatever is so much larger is not ours.
MAX_FRAME_BYTES = 1_024
MAX_AGO_MS = 2_000
#: Said with `session_expired`.
EXPIRED = "The token has expired. Connect again with a new one."

ErrorCode = Literal["bad_frame", "too_large", "unknown_action", "rate_limited", "session_expired", "typing_unavailable"]


@dataclass(frozen=True, slots=True)
class Hello:
    """The front end introduces itself and wants the timings."""


@dataclass(frozen=True, slots=True)
class Keystroke:
    """A key was pressed ``ago_ms`` before this frame left."""

    ago_ms: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """The message was sent, the box cleared or left."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there?"""


Frame = Hello | Keystroke | Stop | Ping


class BadFrame(ValueError):
    """A frame that is refused. ``code`` and message go back to the front end; neither repeats what came."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code


def parse(body: str | None) -> Frame:
    """The frame in ``body``. Raises BadFrame."""
    fields = _object(body or "")
    action = fields.pop("action", None)
    if not isinstance(action, str):
        raise BadFrame("bad_frame", 'A frame needs an "action": hello, keystroke, stop or ping.')
    if action == "keystroke":
        ago_ms = _ago_ms(fields.pop("ago_ms", 0))
        frame: Frame = Keystroke(ago_ms)
    elif action in _PLAIN:
        frame = _PLAIN[action]
    else:
        raise BadFrame("unknown_action", "Unknown action. Known are hello, keystroke, stop and ping.")
    if fields:
        raise BadFrame("bad_frame", "The frame holds a key that has no place there; nothing typed belongs in a frame.")
    return frame


_PLAIN: dict[str, Frame] = {"hello": Hello(), "stop": Stop(), "ping": Ping()}


def _object(body: str) -> dict[str, Any]:
    if len(body) > MAX_FRAME_BYTES or len(body.encode("utf-8", "surrogatepass")) > MAX_FRAME_BYTES:
        raise BadFrame("too_large", f"A frame may have {MAX_FRAME_BYTES} bytes.")
    try:
        value = json.loads(body, object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadFrame("bad_frame", "A frame must be one JSON object.") from None
    if not isinstance(value, dict):
        raise BadFrame("bad_frame", "A frame must be one JSON object.")
    return value


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands twice")
    return fields


def _no_constant(name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _ago_ms(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_AGO_MS:
        raise BadFrame("bad_frame", f'"ago_ms" must be a number of milliseconds from 0 to {MAX_AGO_MS}.')
    return int(value)


def welcome(session_id: str, debounce_ms: int, heartbeat_ms: int, guest: str, signals: str = "on") -> dict[str, Any]:
    """The answer to hello. ``signals`` is said only when typing signals are switched off."""
    timings = {"debounce_ms": debounce_ms, "heartbeat_ms": heartbeat_ms}
    frame: dict[str, Any] = {"type": "welcome", "session": session_id, "timings": timings, "guest": guest}
    return frame if signals == "on" else {**frame, "signals": signals}


def pong() -> dict[str, Any]:
    """The answer to ping."""
    return {"type": "pong"}


def guest(status: str) -> dict[str, Any]:
    """The visitor's CXone guest has come to stand so."""
    return {"type": "guest", "status": status}


def event(frame: Any) -> dict[str, Any]:
    """A JSON frame that CXone sent the guest, handed on as it came."""
    return {"type": "event", "event": frame}


def error(code: ErrorCode, message: str) -> dict[str, Any]:
    """Something was refused or cannot be had."""
    return {"type": "error", "code": code, "message": message}

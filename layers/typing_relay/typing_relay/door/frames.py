"""Frames between front end and relay: parsed strictly, built in one place. Pure.

A frame in never holds what was typed, and no error repeats what a frame held (T13).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

#: A keystroke frame has 40 bytes; whatever is so much larger is not ours.
MAX_FRAME_BYTES = 1_024
MAX_AGO_MS = 2_000
#: A stop may be told of late: browsers wake a page that is out of sight once a minute.
MAX_STOP_AGO_MS = 60_000
#: Said with `session_expired`.
EXPIRED = "The token has expired. Connect again with a new one."

ErrorCode = Literal["bad_frame", "too_large", "unknown_action", "rate_limited", "session_expired", "typing_unavailable"]


@dataclass(frozen=True, slots=True)
class Hello:
    """The front end introduces itself and wants the timings."""


@dataclass(frozen=True, slots=True)
class Keystroke:
    """A key was pressed ``ago_ms`` before this frame left. It counts for ``hold_ms``; 0: for the debounce."""

    ago_ms: int = 0
    hold_ms: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """The message was sent, the box cleared or left, or the debounce was over, ``ago_ms`` before this frame left."""

    ago_ms: int = 0


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there?"""


Frame = Hello | Keystroke | Stop | Ping


class BadFrame(ValueError):
    """A frame that is refused. ``code`` and message go back to the front end; neither repeats what came."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code


def parse(body: str | None, longest_hold_ms: int) -> Frame:
    """The frame in ``body``; no key may ask to be held for longer than ``longest_hold_ms``. Raises BadFrame."""
    fields = _object(body or "")
    action = fields.pop("action", None)
    if not isinstance(action, str):
        raise BadFrame("bad_frame", 'A frame needs an "action": hello, keystroke, stop or ping.')
    if action == "keystroke":
        hold_ms = _hold_ms(fields.pop("hold_ms"), longest_hold_ms) if "hold_ms" in fields else 0
        frame: Frame = Keystroke(_ago_ms(fields.pop("ago_ms", 0), MAX_AGO_MS), hold_ms)
    elif action == "stop":
        frame = Stop(_ago_ms(fields.pop("ago_ms", 0), MAX_STOP_AGO_MS))
    elif action in _PLAIN:
        frame = _PLAIN[action]
    else:
        raise BadFrame("unknown_action", "Unknown action. Known are hello, keystroke, stop and ping.")
    if fields:
        raise BadFrame("bad_frame", "The frame holds a key that has no place there; nothing typed belongs in a frame.")
    return frame


_PLAIN: dict[str, Frame] = {"hello": Hello(), "ping": Ping()}


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


def _ago_ms(value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise BadFrame("bad_frame", f'"ago_ms" must be a number of milliseconds from 0 to {most}.')
    return int(value)


def _hold_ms(value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise BadFrame("bad_frame", f'"hold_ms" must be a whole number of milliseconds from 1 to {most}.')
    return value


@dataclass(frozen=True, slots=True)
class Timings:
    """What a front end needs to know of the deployment's timings, in ms."""

    debounce_ms: int
    heartbeat_ms: int
    hold_ms: int


def welcome(session_id: str, timings: Timings, guest: str, signals: str = "on") -> dict[str, Any]:
    """The answer to hello. ``signals`` is said only when typing signals are switched off."""
    frame: dict[str, Any] = {
        "type": "welcome",
        "session": session_id,
        "timings": asdict(timings),
        "guest": guest,
    }
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

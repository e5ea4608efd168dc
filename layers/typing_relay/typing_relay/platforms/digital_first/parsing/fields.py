"""Fields of a frame, each read as what it has to be; whatever else it is counts as absent."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

from typing_relay.platforms.digital_first.frames_in import Contact, NotAFrame
from typing_relay.platforms.shared.agents_typing import Agent


def json_of(text: str) -> Any:
    """The value in ``text``. Raises NotAFrame."""
    try:
        return json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise NotAFrame("not JSON") from None


def _reject_constant(name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def object_of(fields: dict[str, Any], key: str) -> dict[str, Any]:
    """An object; {} if absent."""
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def text_of(fields: dict[str, Any], key: str) -> str:
    """A string, or a number converted to one (ids come as either); '' if absent."""
    value = fields.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def time_of(fields: dict[str, Any], *keys: str) -> int | None:
    """The first of these that is a time, in epoch ms: without a zone it is none."""
    for key in keys:
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(text_of(fields, key))
            if moment.tzinfo:
                return int(moment.timestamp() * 1000)
    return None


def created_at(message: dict[str, Any]) -> int | None:
    """When it was created, in epoch ms."""
    return time_of(message, "createdAtWithMilliseconds", "createdAt")


def agent_of(person: Any) -> Agent | None:
    """The agent that this object is; None if it is none."""
    return Agent(text_of(person, "id"), name_of(person)) if isinstance(person, dict) else None


def name_of(person: Any) -> str | None:
    """The name to show: the nickname, else first and last name."""
    if not isinstance(person, dict):
        return None
    full = f"{text_of(person, 'firstName')} {text_of(person, 'surname') or text_of(person, 'lastName')}".strip()
    return text_of(person, "nickname") or full or None


def contact_of(case: dict[str, Any]) -> Contact:
    """The contact that this object is, with what it lacks absent."""
    return Contact(text_of(case, "id"), text_of(case, "status"))

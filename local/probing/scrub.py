"""What may leave a team's tenant: the shape of frames, without a name, a text or an id. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Of these keys a value that looks like a code is kept.
CODES = frozenset(
    (
        *("action", "eventType", "direction", "status", "type", "errorCode", "authorizationStatus"),
        *("sdkPlatform", "sdkVersion"),
    )
)
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}|[0-9]+(\.[0-9]+){1,3}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.+Z-]+")
#: A key that looks otherwise may be somebody's word.
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9]{0,49}")
#: Left out: their keys are texts' names, and there are thousands.
_LEFT_OUT = frozenset(("translations",))
MOST_ITEMS = 3


def is_code(value: object) -> bool:
    """Whether it looks like one of an interface's own words."""
    return bool(_CODE.fullmatch(str(value)))


def scrubbed(value: Any, key: str = "") -> Any:
    """The shape of a JSON value: keys, lists' beginnings, codes, whether and null; of all else its kind alone."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        kept = {name: item for name, item in value.items() if name not in _LEFT_OUT}
        return {(name if _KEY.fullmatch(name) else "<key>"): scrubbed(item, name) for name, item in kept.items()}
    if isinstance(value, list):
        return [scrubbed(item, key) for item in value[:MOST_ITEMS]]
    if isinstance(value, int | float):
        return "<number>"
    return value if key in CODES and is_code(value) else _kind(str(value))


def _kind(text: str) -> str:
    if not text:
        return ""
    if _UUID.fullmatch(text):
        return "<uuid>"
    return "<time>" if _TIME.fullmatch(text) else "<text>"

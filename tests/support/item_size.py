"""How large an item is by DynamoDB's rules, which is what reads and writes are billed by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from typing_relay.relay.burst import Session

#: Attributes that come and go; the others are there from a record's creation, or its first call, on.
_OPTIONAL = {
    *("connections", "typing_since", "burst_from", "sending", "verify_at", "web_socket_url"),
    *("late_key_at", "late_stop_at", "blocked_until"),
    *(
        "conversation",
        "access_until",
        "sign_in",
        "handed_over_at",
        "signed_in",
        "profile",
        "contact_open",
        "told_at",
        "told_id",
        "held",
    ),
}
_SWEEP_SHARD = len("sweep_shard") + 2


def size_of(value: Mapping[str, Any]) -> int:
    """Bytes of a typed value: two digits a byte and one more, three for a list or map, one an element."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return (len(content) + 1) // 2 + 1
        case "BOOL":
            return 1
        case "SS":
            return sum(map(len, content))
        case "L":
            return 3 + sum(1 + size_of(inner) for inner in content)
        case "M":
            return 3 + sum(1 + len(name) + size_of(inner) for name, inner in content.items())
        case _:
            return len(content.encode())


def item_size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Bytes of a whole item."""
    return sum(len(name) + size_of(value) for name, value in item.items())


def record_size(record: Session, in_lease_index: bool) -> int:
    """Bytes of the item of ``record``; ``in_lease_index``: its lease is unreleased, so it has a key of the index."""
    return (_SWEEP_SHARD if in_lease_index else 0) + sum(
        len(name) + _plain_size(value) for name in _NAMES if _is_there(name, value := getattr(record, name))
    )


#: ``starts_until`` is part of ``own``: counted as large as both.
_NAMES = tuple(field.name for field in fields(Session))


def _is_there(name: str, value: Any) -> bool:
    if name not in _OPTIONAL or isinstance(value, bool):
        return name != "contact_open" or not value
    return bool(value) or (name == "burst_from" and value == 0)


def _plain_size(value: Any) -> int:
    match value:
        case bool():
            return 1
        case int():
            return _number_size(value)
        case str():
            return len(value)
        case Mapping():
            return 3 + sum(1 + len(name) + _plain_size(inner) for name, inner in value.items())
        case tuple():
            return 3 + sum(1 + _plain_size(inner) for inner in value)
        case _:
            return _set_size(value)


@cache
def _number_size(value: int) -> int:
    return (len(str(value)) + 1) // 2 + 1


def _set_size(values: Iterable[str]) -> int:
    return sum(map(len, values))

"""Compiles a write that is stated as data (``relay.updates``) into what DynamoDB's UpdateItem takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_relay.relay.updates import Above, AbsentOr, AtLeast, AtMost, Below, KeptOr, OtherOr, Present, Update

#: Attributes whose names are words of DynamoDB's own.
_RESERVED = frozenset({"own", "by", "keys"})
_SIGNS: dict[type, str] = {Below: "<", Above: ">", AtMost: "<=", AtLeast: ">="}


def typed(value: Any) -> dict[str, Any]:
    """A plain value as DynamoDB's typed one."""
    match value:
        case bool():  # before int, which it is, too
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case Mapping():
            return {"M": {name: typed(inner) for name, inner in value.items()}}
        case tuple():
            return {"L": [typed(inner) for inner in value]}
        case frozenset():
            return {"SS": sorted(value)}
    raise TypeError(f"{type(value).__name__} is no attribute of a record")


class Compiler:
    """One update: ``update`` and ``condition`` are expressions, ``values`` and ``names`` what stands in them."""

    def __init__(self, update: Update[Any], also: Mapping[str, Mapping[str, Any]]) -> None:
        """``also``: typed attributes that are set in addition."""
        self.values: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        sets = [
            f"{self._path(name)} = {self._new(name, value)}"
            for name, value in update.sets.items()
            if value is not None and name != "starts_until"  # which is part of the claim's mark
        ]
        sets += [f"{self._path(name)} = {self._typed(value)}" for name, value in also.items()]
        removed = [self._path(name) for name, value in update.sets.items() if value is None]
        removed += ["sweep_shard"] if update.in_lease_index is False else []
        added = [f"{name} {self._value(by)}" for name, by in update.adds.items()]
        taken = [f"{name} {self._value(members)}" for name, members in update.takes.items()]
        parts = (("SET", sets), ("REMOVE", removed), ("ADD", added), ("DELETE", taken))
        self.update = " ".join(f"{verb} {', '.join(terms)}" for verb, terms in parts if terms)
        conditions = [self._condition(self._path(name), wanted) for name, wanted in update.when.items()]
        if update.alive_at is not None:
            conditions.append(f"expires_at > {self._value(update.alive_at // 1000)}")  # which a record has
        self.condition = " AND ".join(conditions)

    def _new(self, name: str, value: Any) -> str:
        if isinstance(value, KeptOr):
            return f"if_not_exists({self._path(name)}, {self._value(value.value)})"
        if isinstance(value, OtherOr):
            return f"if_not_exists({self._path(value.other)}, {self._value(value.value)})"
        return self._value(value)

    def _condition(self, path: str, wanted: Any) -> str:
        if sign := _SIGNS.get(type(wanted)):
            return f"{path} {sign} {self._value(wanted.limit)}"
        if isinstance(wanted, AbsentOr):
            return f"(attribute_not_exists({path}) OR {self._condition(path, wanted.wanted)})"
        if isinstance(wanted, Present):
            return f"attribute_exists({path})"
        if wanted is None:
            return f"attribute_not_exists({path})"
        return f"{path} = {self._value(wanted)}"

    def _value(self, value: Any) -> str:
        return self._typed({"N": str(value)} if type(value) is int else typed(value))  # mostly it is one

    def _typed(self, value: Mapping[str, Any]) -> str:
        """The place of a typed value. Equal ones share it, as each byte is sent; a number and a truth are not equal."""
        for place, known in self.values.items():
            if known == value:
                return place
        place = f":v{len(self.values)}"
        self.values[place] = value
        return place

    def _path(self, name: str) -> str:
        """The place of an attribute, or of an entry of a map, whose key may be any text."""
        attribute, _, key = name.partition(".")
        if attribute in _RESERVED:
            self.names[f"#{attribute}"] = attribute
            attribute = f"#{attribute}"
        return f"{attribute}.{self._named(key)}" if key else attribute

    def _named(self, key: str) -> str:
        """Equal keys share their place."""
        for place, known in self.names.items():
            if known == key:
                return place
        place = f"#k{len(self.names)}"
        self.names[place] = key
        return place

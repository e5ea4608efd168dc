"""docs/asyncapi.yaml as tests use it: which message of the protocol is this frame?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator, ValidationError
from jsonschema.exceptions import best_match

PATH = Path(__file__).parents[2] / "docs/asyncapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(PATH.read_text())


def the(place: str) -> Any:
    """What stands in the document at a JSON pointer such as `#/components/schemas/hello`."""
    found: Any = DOCUMENT
    for step in place.removeprefix("#/").split("/"):
        found = found[step]
    return the(found["$ref"]) if isinstance(found, dict) and "$ref" in found else found


@dataclass(frozen=True)
class Message:
    """A message of the document."""

    name: str
    said: Mapping[str, Any]

    @property
    def examples(self) -> list[Any]:
        """Frames."""
        return [example["payload"] for example in self.said["examples"]]

    @property
    def platforms(self) -> set[str]:
        """`v1`, `dfo` or both: where the frame has a meaning."""
        return {the(tag["$ref"])["name"] for tag in self.said["tags"]}

    @property
    def schema(self) -> dict[str, Any]:
        """The frame's JSON schema."""
        schema: dict[str, Any] = the(self.said["payload"]["$ref"])
        return schema

    @cached_property
    def validator(self) -> Draft7Validator:
        """AsyncAPI's schemas are JSON schemas of draft 7, and references go into the document."""
        return Draft7Validator({**self.said["payload"], "components": DOCUMENT["components"]})


Messages = Mapping[str, Message]


def _of(action: str) -> Messages:
    """The messages that the relay receives, or sends: unasked, or as a reply."""
    lists = [op["messages"] for op in DOCUMENT["operations"].values() if op["action"] == action]
    if action == "send":
        lists += [op["reply"]["messages"] for op in DOCUMENT["operations"].values() if "reply" in op]
    names = [reference["$ref"].rpartition("/")[2] for references in lists for reference in references]
    return {name: Message(name, the(f"#/channels/visitor/messages/{name}")) for name in names}


TO_RELAY, FROM_RELAY = _of("receive"), _of("send")


def names(frame: Any, among: Messages) -> list[str]:
    """The messages that ``frame`` is one of: one, or none."""
    return [name for name, message in among.items() if message.validator.is_valid(frame)]


def undocumented(frames: Iterator[Any] | list[Any], among: Messages) -> list[tuple[Any, str]]:
    """The frames that are not exactly one of these messages, each with what is wrong with it."""
    return [(frame, _complaint(frame, among)) for frame in frames if len(names(frame, among)) != 1]


def _complaint(frame: Any, among: Messages) -> str:
    taken = names(frame, among)
    if taken:
        return f"is each of {taken}"
    errors = [best_match(message.validator.iter_errors(frame)) for message in among.values()]
    return "; ".join(sorted({_short(error) for error in errors if error})) + f": see {PATH.name}"


def _short(error: ValidationError) -> str:
    return f"{'.'.join(map(str, error.path)) or 'the frame'}: {error.message[:200]}"

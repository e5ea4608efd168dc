"""docs/asyncapi.yaml as AsyncAPI's own parser reads it, and web/typing-relay.d.ts as TypeScript does: they agree."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.npm import MISSING, installed, npm_can_run
from tests.support.protocol import FROM_RELAY, PATH, TO_RELAY, Message, the

PROJECT = Path(__file__).parent / "asyncapi"
TYPES = Path(__file__).parents[2] / "web/typing-relay.d.ts"
#: As AsyncAPI's tools count severities; what follows is advice.
ERROR, WARNING = 0, 1
EVENTS = {m.schema["properties"]["name"]["const"]: m for m in FROM_RELAY.values() if "name" in m.schema["properties"]}
TYPE_NAMES = {
    "string": {"string"},
    "integer": {"number"},
    "number": {"number"},
    "boolean": {"true", "false"},
    "null": {"null"},
}

pytestmark = pytest.mark.skipif(not npm_can_run(), reason=MISSING)


def _told(script: str, path: Path) -> Any:
    """What a script of the project says of the file."""
    command = ["node", str(PROJECT / script), str(installed(PROJECT)), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def types() -> dict[str, Any]:
    """What typing-relay.d.ts exports."""
    told: dict[str, Any] = _told("types.mjs", TYPES)
    return told


def _diagnoses(path: Path) -> list[dict[str, Any]]:
    return [told for told in _told("diagnose.mjs", path) if told["severity"] in (ERROR, WARNING)]


def test_asyncapis_own_parser_finds_no_fault_with_the_document() -> None:
    assert _diagnoses(PATH) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("action: receive", "action: obtain"),
        ('"#/components/messages/hello"', '"#/components/messages/goodbye"'),
    ],
    ids=["an action", "a reference"],
)
def test_what_is_wrong_with_a_document_the_parser_says(tmp_path: Path, right: str, wrong: str) -> None:
    """Without this, a parser that takes everything would pass."""
    broken = tmp_path / "asyncapi.yaml"
    text = PATH.read_text()
    assert right in text
    broken.write_text(text.replace(right, wrong, 1))
    assert _diagnoses(broken)


# --- typing-relay.d.ts


def _shape(schema: dict[str, Any]) -> Any:
    """A schema as types.mjs says types."""
    if "$ref" in schema:
        return _shape(the(schema["$ref"]))
    if "allOf" in schema:
        return _shape(schema["allOf"][0])
    if schema.get("type") == "object":
        return {name: _shape(value) for name, value in schema["properties"].items()}
    if "const" in schema or "enum" in schema:
        return {json.dumps(value) for value in schema.get("enum", [schema.get("const")])}
    if schema.get("type") == "array":  # of a schema that has a name, which the types have too
        items = schema["items"]
        named = the(items["$ref"]) if "$ref" in items else items
        of_ref = items.get("$ref", "").rpartition("/")[2].capitalize()
        return {f"{named.get('title') or of_ref or named['type']}[]"}
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return set().union(*(TYPE_NAMES[kind] for kind in kinds))


def _fields(shape: Any) -> Any:
    """The same of a type: names and what they may be."""
    if isinstance(shape, list):
        return set(shape)
    return {name: _fields(field["shape"]) for name, field in shape["fields"].items()}


def _frame_types(types: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields of each frame that the client sends, by action."""
    kinds = [kind["fields"] for kind in types["Frame"]["oneOf"]]
    return {json.loads(action): kind for kind in kinds for action in kind["action"]["shape"]}


def _of_action(action: str) -> Message:
    return next(m for m in TO_RELAY.values() if m.schema["properties"]["action"]["const"] == action)


def test_each_frame_that_the_client_sends_is_typed_as_documented(types: dict[str, Any]) -> None:
    """Every field; what must be there is there. The client need not send all that there is."""
    for action, fields in _frame_types(types).items():
        documented = _of_action(action).schema
        typed = {name: set(field["shape"]) for name, field in fields.items()} | {"action": {json.dumps(action)}}
        assert typed.items() <= _shape(documented).items(), action
        assert {name for name, field in fields.items() if not field["optional"]} >= set(documented["required"]), action


@pytest.mark.parametrize("name", EVENTS)
def test_each_event_is_typed_as_documented(types: dict[str, Any], name: str) -> None:
    """Its detail. Of `message` also a frame as CXone has it is typed: an older relay says no more."""
    typed = types["RelayEvents"]["fields"][name]["shape"]
    if name == "message":
        assert "ChatMessage" in typed
        typed = types["ChatMessage"]
    assert _fields(typed) == _shape(EVENTS[name].schema["properties"]["detail"])


def test_a_person_is_typed_as_documented(types: dict[str, Any]) -> None:
    assert _fields(types["Person"]) == _shape(the("#/components/schemas/person"))


def test_how_a_message_ended_is_typed_as_documented(types: dict[str, Any]) -> None:
    """To the reasons the client adds its own, and those of a later relay."""
    documented = _shape(FROM_RELAY["messageStatus"].schema)
    del documented["type"]
    typed = _fields(types["MessageStatus"])
    assert typed.pop("reason") > documented.pop("reason") | {"Other"}
    assert typed == documented


def test_each_status_of_a_guest_is_a_status_of_the_clients(types: dict[str, Any]) -> None:
    assert _shape(the("#/components/schemas/guestStatus")) <= set(types["Status"])


def test_each_code_of_an_error_is_typed(types: dict[str, Any]) -> None:
    """The client adds its own, and those of a later relay."""
    documented = _shape(FROM_RELAY["error"].schema)["code"]
    assert set(types["ErrorCode"]) == documented | {'"connect_failed"'}


def test_what_an_error_says_is_typed(types: dict[str, Any]) -> None:
    """The client tells of a message's by its promise, so the id is left out; its own names have no underscores."""
    documented = _shape(FROM_RELAY["error"].schema).keys() - {"type", "id"}
    assert _fields(types["RelayError"]).keys() >= {re.sub("_(.)", lambda m: m[1].upper(), name) for name in documented}

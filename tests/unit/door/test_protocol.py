"""docs/asyncapi.yaml says of frames what the code says of them, the samples in events/ and docs/front-end.md."""

import inspect
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from typing_relay.door import frames
from typing_relay.door.frames import BadFrame, parse
from typing_relay.door.visitor_tokens import MAX_TOKEN_CHARACTERS
from typing_relay.platforms.digital_first import visitor_events as dfo_events
from typing_relay.platforms.digital_first.conversation import actions
from typing_relay.platforms.shared import visitor_events
from typing_relay.platforms.shared.agents_typing import Agent
from typing_relay.platforms.webchat.visitor_events import frame_of
from typing_relay.relay import ports
from typing_relay.relay.burst import GuestStatus
from typing_relay.relay.ports import MessageStatus, Standing

from tests.support.fuzzing import fuzz, json_values
from tests.support.protocol import DOCUMENT, FROM_RELAY, TO_RELAY, Message, Messages, names, the, undocumented
from tests.support.template import PARAMETERS

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/front-end.md").read_text()
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
BAD_IDS = [ID.upper(), ID.replace("f8fad5b", "F8FAD5B"), ID + "\n", f"{{{ID}}}", ID.replace("-", ""), ""]
BAD_CLIENTS = ["", "name", "name/", "/1.0", "name/v1", f"{'a' * 33}/1", f"a/{'1' * 32}", "na me/1", "name/1\n"]
BOTH = [*TO_RELAY.values(), *FROM_RELAY.values()]
#: The most that a deployment may allow; what less it allows, the welcome says.
LONGEST_HOLD_MS = the("#/components/schemas/keystroke")["properties"]["hold_ms"]["maximum"]


def is_taken(body: str, longest_hold_ms: int = LONGEST_HOLD_MS) -> bool:
    """The door takes this frame."""
    try:
        parse(body, longest_hold_ms)
    except BadFrame:
        return False
    return True


# --- the document by itself


def test_every_message_is_somebodys_to_send() -> None:
    assert {*TO_RELAY, *FROM_RELAY} == DOCUMENT["channels"]["visitor"]["messages"].keys()
    assert not TO_RELAY.keys() & FROM_RELAY.keys()


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_schema_is_one(name: str) -> None:
    Draft7Validator.check_schema(the(f"#/components/schemas/{name}"))


@pytest.mark.parametrize("message", BOTH, ids=lambda message: message.name)
def test_every_example_is_of_its_message_and_no_other(message: Message) -> None:
    among = TO_RELAY if message.name in TO_RELAY else FROM_RELAY
    assert message.examples
    assert [names(example, among) for example in message.examples] == [[message.name]] * len(message.examples)


@pytest.mark.parametrize("message", BOTH, ids=lambda message: message.name)
def test_a_key_that_is_not_documented_is_none(message: Message) -> None:
    """In the frame, and in what it holds of the relay's own."""
    for example in message.examples:
        assert not message.validator.is_valid({**example, "more": 1})
        for part in ("timings", "detail"):
            if part in example:
                assert not message.validator.is_valid({**example, part: {**example[part], "more": 1}})


# --- frames to the relay


SAMPLES = {path.stem: json.loads(path.read_text()).get("body") for path in sorted((ROOT / "events").glob("*.json"))}


@pytest.mark.parametrize("name", [name for name, body in SAMPLES.items() if body is not None])
def test_the_sample_events_hold_frames_of_the_document_or_bad_ones(name: str) -> None:
    """`bad_frame` and `unknown_action` are refused by both."""
    is_documented = len(names(_read(SAMPLES[name]), TO_RELAY)) == 1
    assert is_documented == is_taken(SAMPLES[name])
    assert is_documented == (name not in ("bad_frame", "unknown_action"))


def _read(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _near(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a property may have, or just not."""
    if "$ref" in schema:
        return _near(the(schema["$ref"]))
    if "const" in schema:
        return st.just(schema["const"])
    if "maximum" in schema:
        low, high = schema["minimum"], schema["maximum"]
        whole = st.sampled_from([low - 1, low, high, high + 1]) | st.integers(low, high)
        return whole if schema["type"] == "integer" else whole | st.floats(low - 1, high + 1)
    if schema is the("#/components/schemas/messageId"):
        return st.sampled_from([ID, *BAD_IDS]) | st.uuids().map(str)
    if "items" in schema:
        return st.lists(_near(schema["items"]), max_size=schema["maxItems"] + 1)
    if "properties" in schema:
        return _frame_near(schema)
    lengths = [schema["maxLength"] + more for more in (0, 1)] if "maxLength" in schema else [0]
    samples = st.sampled_from(["", " \n\u2003", *("x" * length for length in lengths)])
    known = st.from_regex(schema["pattern"]) if "pattern" in schema else st.just("x")
    return known | samples | st.text()


def _frames_near(messages: Messages) -> st.SearchStrategy[dict[str, Any]]:
    """Frames of these messages, or nearly: with a value that is off, a key too few, or one too many."""
    near = st.one_of([_frame_near(message.schema) for message in messages.values()])
    keys = sorted({key for message in messages.values() for key in message.schema["properties"]})
    strange = st.dictionaries(st.sampled_from([*keys, "type", "key"]), json_values, max_size=2)
    return near | st.builds(lambda frame, more: {**frame, **more}, near, strange)


def _frame_near(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    near = {key: _near(value) for key, value in schema["properties"].items()}
    needed = {key: near[key] for key in schema["required"]}
    rest = {key: value for key, value in near.items() if key not in needed}
    return st.fixed_dictionaries(needed, optional=rest) | st.fixed_dictionaries({}, optional=near)


def _can_be_said(value: Any) -> bool:
    """By a JSON schema: `6000.0` is a whole number there, and text has characters, not UTF-16 units."""
    as_text = json.dumps(value, ensure_ascii=False)
    is_plain = all(character < "\ud800" or "\ue000" <= character <= "\uffff" for character in as_text)
    larger = dict.fromkeys(("message", "offline_message"), frames.MAX_MESSAGE_BYTES)
    larger |= {"sign_in": frames.MAX_SIGN_IN_BYTES}
    most = larger.get(str(value.get("action")), frames.MAX_FRAME_BYTES)
    fits = len(as_text.encode("utf-8", "surrogatepass")) <= most
    return is_plain and fits and not (isinstance(value.get("hold_ms"), float) and "." in json.dumps(value["hold_ms"]))


@fuzz
@given(_frames_near(TO_RELAY).filter(_can_be_said))
def test_the_door_takes_what_is_documented_and_nothing_else(frame: dict[str, Any]) -> None:
    """T13: of all that a JSON schema can tell apart."""
    body = json.dumps(frame, ensure_ascii=False)  # as it was counted: escapes would make it longer
    if "NaN" not in body and "Infinity" not in body:  # no JSON
        assert is_taken(body) == (len(names(frame, TO_RELAY)) == 1), frame


@pytest.mark.parametrize("message", TO_RELAY.values(), ids=lambda message: message.name)
def test_the_door_takes_every_example(message: Message) -> None:
    assert [is_taken(json.dumps(example)) for example in message.examples] == [True] * len(message.examples)


@pytest.mark.parametrize(
    "body",
    [
        '{"action":"ping"' + " " * frames.MAX_FRAME_BYTES + "}",
        f'{{"action":"message","id":"{ID}","text":"x"{" " * frames.MAX_MESSAGE_BYTES}}}',
        '{"action":"ping","action":"ping"}',
        '{"action":"keystroke","hold_ms":6000.0}',
        json.dumps({"action": "message", "id": ID, "text": "\U0001f600" * (frames.MAX_TEXT // 2 + 1)}),
        f'{{"action":"message","id":"{ID}","text":"\\ud83d"}}',
        f'{{"action":"message","id":"{ID}","text":"x","postback":"\\ud83d"}}',
        f'{{"action":"message","id":"{ID}","text":"","attachments":[{{"url":"https://a.b","name":"\\ud83d"}}]}}',
    ],
    ids=[
        *("a frame's size", "a message's size", "a key twice", "not written whole", "utf-16", "half a character"),
        *("half a character's postback", "half a character's file"),
    ],
)
def test_what_a_schema_cannot_say_is_refused_all_the_same(body: str) -> None:
    """T13: and the document says so in words."""
    assert names(json.loads(body), TO_RELAY)
    assert not is_taken(body)
    assert "What a JSON schema cannot say" in DOCUMENT["info"]["description"]


def test_a_hold_longer_than_this_deployments_is_refused_and_the_welcome_said_so() -> None:
    """The document knows the longest that any deployment has."""
    body = '{"action":"keystroke","hold_ms":6001}'
    assert is_taken(body)
    assert not is_taken(body, longest_hold_ms=6000)


@pytest.mark.parametrize("message_id", BAD_IDS)
def test_an_id_that_is_no_uuid_in_lower_case_is_neither_documented_nor_taken(message_id: str) -> None:
    frame = {"action": "message", "id": message_id, "text": "Good morning"}
    assert names(frame, TO_RELAY) == []
    assert not is_taken(json.dumps(frame))


@pytest.mark.parametrize("client", BAD_CLIENTS)
def test_a_client_that_is_no_name_and_version_is_neither_documented_nor_taken(client: str) -> None:
    frame = {"action": "hello", "client": client}
    assert names(frame, TO_RELAY) == []
    assert not is_taken(json.dumps(frame))


def test_limits_are_those_of_the_door() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["keystroke"]["properties"]["ago_ms"]["maximum"] == frames.MAX_AGO_MS
    assert schemas["stop"]["properties"]["ago_ms"]["maximum"] == frames.MAX_STOP_AGO_MS
    assert schemas["message"]["properties"]["text"]["maxLength"] == frames.MAX_TEXT
    assert schemas["message"]["properties"]["postback"]["maxLength"] == frames.MAX_POSTBACK
    assert schemas["message"]["properties"]["attachments"]["maxItems"] == frames.MAX_ATTACHMENTS
    assert schemas["attachment"]["properties"]["url"]["maxLength"] == frames.MAX_FILE_URL
    assert schemas["attachment"]["properties"]["name"]["maxLength"] == frames.MAX_FILE_NAME
    assert schemas["token"]["maxLength"] == MAX_TOKEN_CHARACTERS
    sign_in = schemas["signIn"]["properties"]
    assert {sign_in[name]["maxLength"] for name in ("access_token", "third_party_token", "code")} == {frames.MAX_TOKEN}
    life = sign_in["expires_in"]
    assert (life["minimum"], life["maximum"]) == (frames.MIN_EXPIRES_IN, frames.MAX_EXPIRES_IN)
    for size in (frames.MAX_FRAME_BYTES, frames.MAX_MESSAGE_BYTES, frames.MAX_SIGN_IN_BYTES):
        assert f"{size:,}" in DOCUMENT["info"]["description"]
        assert f"{size:,}" in schemas["error"]["properties"]["code"]["description"]


# --- frames from the relay


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("debounce_ms", "DebounceMs"),
        ("heartbeat_ms", "HeartbeatMs"),
        ("hold_ms", "HoldMs"),
        ("agent_typing_ms", "AgentTypingSeconds"),
    ],
)
def test_timings_are_what_the_template_allows(name: str, parameter: str) -> None:
    timing = the("#/components/schemas/welcome")["properties"]["timings"]["properties"][name]
    allowed = PARAMETERS[parameter]
    unit = 1000 if parameter.endswith("Seconds") else 1
    assert (timing["minimum"], timing["maximum"]) == (allowed["MinValue"] * unit, allowed["MaxValue"] * unit)


@pytest.mark.parametrize("signals", ["on", "off"])
@pytest.mark.parametrize("status", [status for status in GuestStatus if status is not GuestStatus.CLOSED])
def test_welcome_and_guest_are_documented(status: GuestStatus, signals: str) -> None:
    """A front end never hears `closed`: for it such a guest is being opened."""
    timings = frames.Timings(debounce_ms=2000, heartbeat_ms=1000, hold_ms=6000)
    assert names(frames.welcome("alice", timings, str(status), 3_540_000, signals), FROM_RELAY) == ["welcome"]
    assert names(frames.guest(str(status)), FROM_RELAY) == ["guest"]


def test_only_who_opted_out_of_signals_is_told_so() -> None:
    """T13."""
    timings = frames.Timings(debounce_ms=2000, heartbeat_ms=1000, hold_ms=6000)
    told = [frames.welcome("alice", timings, "open", 3_540_000, signals).get("signals") for signals in ("on", "off")]
    assert told == [None, "off"]


def test_no_other_status_of_a_guest_is_documented() -> None:
    assert {*the("#/components/schemas/guestStatus")["enum"], "closed"} == set(GuestStatus)


REASONS = {
    *(ports.UNAVAILABLE, ports.DUPLICATE_ID, ports.EXPIRED, ports.UNCONFIRMED),
    *get_args(actions.Reason),
}


def test_reasons_are_those_of_the_code() -> None:
    assert set(the("#/components/schemas/messageStatus")["properties"]["reason"]["enum"]) == REASONS


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_how_a_message_ended_is_documented(reason: str) -> None:
    """A reason stands by a failure, and only there."""
    failed, accepted = Standing(MessageStatus.FAILED, reason), Standing(MessageStatus.ACCEPTED)
    assert names(frames.message_status(ID, failed), FROM_RELAY) == ["messageStatus"]
    assert names(frames.message_status(ID, accepted), FROM_RELAY) == ["messageStatus"]
    assert names({**frames.message_status(ID, accepted), "reason": reason}, FROM_RELAY) == []
    assert names({**frames.message_status(ID, accepted), "status": "failed"}, FROM_RELAY) == []
    assert names(frames.message_status(ID, replace(failed, status=MessageStatus.WAITING)), FROM_RELAY) == []


def test_error_codes_are_those_of_the_code() -> None:
    assert set(the("#/components/schemas/error")["properties"]["code"]["enum"]) == set(get_args(frames.ErrorCode))


@pytest.mark.parametrize("code", get_args(frames.ErrorCode))
def test_errors_are_documented_and_which_have_an_id(code: frames.ErrorCode) -> None:
    assert names(frames.error(code, "Why."), FROM_RELAY) == ["error"]
    of_a_message = ["error"] if code in ("bad_message", "bad_attachment", "rate_limited") else []
    assert names(frames.error(code, "Why.", ID), FROM_RELAY) == of_a_message


@pytest.mark.parametrize("budget", get_args(frames.Budget))
def test_which_budget_and_until_when_is_documented_of_a_rate_limit_alone(budget: frames.Budget) -> None:
    told = frames.rate_limited("Why.", frames.Exceeded(budget, 50))
    assert names(told, FROM_RELAY) == ["error"]
    assert names({**told, "code": "too_large"}, FROM_RELAY) == []
    assert names({name: value for name, value in told.items() if name != "retry_in_ms"}, FROM_RELAY) == []


def test_a_block_says_until_when() -> None:
    assert names(frames.blocked(60_000), FROM_RELAY) == ["error"]


def test_budgets_are_those_of_the_code() -> None:
    assert set(the("#/components/schemas/error")["properties"]["budget"]["enum"]) == set(get_args(frames.Budget))


def test_a_pong_is_documented() -> None:
    assert names(frames.pong(), FROM_RELAY) == ["pong"]


@pytest.mark.parametrize("event", [None, {"eventType": "Whatever", "data": {}}], ids=["learned otherwise", "a frame"])
@pytest.mark.parametrize("known", [True, False])
def test_events_are_documented(event: Any, known: bool) -> None:
    """As they are built for both platforms, with what may not be known."""
    some = "some" if known else None
    built = {
        "agentTyping": visitor_events.agent_typing(event, (Agent("7", "Ada"), Agent("8"), Agent()) if known else ()),
        "said": visitor_events.message(
            event, message_id=some, text="Hello", author=some, at=1 if known else None, sender="agent"
        ),
        "agent": visitor_events.agent(event, Agent("7", some) if known else None),
        "contact": visitor_events.contact(event, known),
        "queue": visitor_events.queue(event, 2),
        "read": visitor_events.read(event, some),
        "wasSeen": visitor_events.seen(event, some),
        "unread": visitor_events.unread(2),
        "files": visitor_events.files("https://x" if known else "", 1024, ("image/*",)),
        "transcriptSent": visitor_events.transcript(),
        "availability": visitor_events.availability(known, True if known else None),
        "unnamed": visitor_events.unnamed(event),
        "signInWanted": dfo_events.sign_in("ends", *(("isX=true", ID, "c-17") if known else ("", "", ""))),
    }
    assert {name: names(frame, FROM_RELAY) for name, frame in built.items()} == {name: [name] for name in built}


@fuzz
@given(json_values)
def test_whatever_cxone_sends_on_v1_becomes_a_documented_frame(event: Any) -> None:
    """Any JSON value."""
    assert undocumented([frame_of(event), frames.event(event)], FROM_RELAY) == []


# --- docs/front-end.md


def _frames_in(text: str) -> list[str]:
    """What stands between backticks and looks like a frame."""
    return re.findall(r'`(\{"(?:action|type|message)":.*?\})`', text)


def _filled(frame: str) -> Any:
    """Where the guide says `…`, it says "some value": that of the document's example."""
    known = dict(re.findall(r'"(action|type|name)":"([^"]+)"', frame))
    gaps = set(re.findall(r'"(\w+)":…', frame))
    examples = [example for message in BOTH for example in message.examples]
    for example in examples:
        if known.items() <= example.items() and gaps <= example.keys():
            for gap in gaps:
                frame = frame.replace(f'"{gap}":…', json.dumps({gap: example[gap]})[1:-1])
            return json.loads(frame)
    raise AssertionError(f"no message of the document has the keys of {frame}")


@pytest.mark.parametrize("frame", sorted(set(_frames_in(GUIDE))))
def test_every_frame_of_the_guide_is_documented(frame: str) -> None:
    filled = _filled(frame)
    assert undocumented([filled], TO_RELAY if "action" in filled else FROM_RELAY) == []


def test_the_guide_tells_of_every_message() -> None:
    """Events by their names: they share one line."""
    told_of = {tuple(names(frame, TO_RELAY) or names(frame, FROM_RELAY)) for frame in map(_filled, _frames_in(GUIDE))}
    events = {name for name, message in FROM_RELAY.items() if "name" in message.schema["properties"]}
    assert {name for [name] in told_of} | events == {*TO_RELAY, *FROM_RELAY}
    for name in events:
        assert f"`{FROM_RELAY[name].schema['properties']['name']['const']}`" in GUIDE


def test_the_guide_tells_of_every_code_and_reason() -> None:
    errors, statuses = the("#/components/schemas/error"), the("#/components/schemas/messageStatus")
    for word in errors["properties"]["code"]["enum"] + statuses["properties"]["reason"]["enum"]:
        assert f"\n| `{word}`" in GUIDE, word


def _keys(value: Any) -> set[str]:
    """Of a frame, and of what is within."""
    if not isinstance(value, dict):
        return set()
    return set(value) | {key for inner in value.values() for key in _keys(inner)}


def _is_taken(frame: dict[str, Any], key: str) -> bool:
    """Whether the door knows this key in a frame of this action, whatever it says of the value."""
    try:
        parse(json.dumps({**frame, key: frame.get(key, [])}), longest_hold_ms=6000)
    except BadFrame as refused:
        return "Unknown key" not in str(refused)
    return True


@pytest.mark.parametrize(
    "action", sorted({message.schema["properties"]["action"]["const"] for message in TO_RELAY.values()})
)
def test_the_door_the_document_and_the_guide_know_the_same_keys_of(action: str) -> None:
    """A field that is added to this frame in one of the three is missing from the other two."""
    message = next(m for m in TO_RELAY.values() if m.schema["properties"]["action"]["const"] == action)
    popped = set(re.findall(r'fields\.pop\("(\w+)"', inspect.getsource(parse)))
    told = {
        key for frame in _frames_in(GUIDE) if f'"action":"{action}"' in frame for key in re.findall(r'"(\w+)":', frame)
    }
    documented = set(message.schema["properties"])
    taken = {key for key in popped | told | documented if _is_taken(dict(message.examples[0]), key)}
    assert taken == documented == told


@pytest.mark.parametrize("name", sorted(FROM_RELAY))
def test_the_guide_tells_of_every_key_that_the_relay_sends(name: str) -> None:
    """In a frame, or between backticks beside it."""
    section = GUIDE.partition("\nFrom the relay:")[2]
    keys = set(FROM_RELAY[name].schema["properties"])
    assert {key for key in keys if f'"{key}":' not in section and f"`{key}`" not in section} == set()


def test_the_guide_shows_every_key_that_each_welcome_has() -> None:
    """The keys of the welcome's row; what only some welcomes have may stand in its text."""
    welcome = next(frame for frame in _frames_in(GUIDE) if '"welcome"' in frame)
    sent = frames.welcome("alice", frames.Timings(2000, 1000, 6000), "open", 3_540_000)
    assert set(re.findall(r'"(\w+)":', welcome)) == _keys(sent)

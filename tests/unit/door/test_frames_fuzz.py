"""Fuzzing the frame parser (T13): a frame, or BadFrame; never a crash, never a word of what came."""

import json
import string
import traceback
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typing_relay.door.frames import (
    MAX_AGO_MS,
    MAX_FRAME_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_STOP_AGO_MS,
    MAX_TEXT,
    BadFrame,
    Hello,
    Keystroke,
    Message,
    Ping,
    Stop,
    parse,
)

from tests.support.fuzzing import fuzz, json_values

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
HOLD_MS = 6_000
GOOD = [
    '{"action":"hello"}',
    '{"action":"hello","client":"typing-relay.js/1.2.0"}',
    '{"action":"keystroke","ago_ms":120}',
    '{"action":"keystroke","hold_ms":6000}',
    '{"action":"stop"}',
    '{"action":"stop","ago_ms":2500}',
    '{"action":"ping"}',
    f'{{"action":"message","id":"{ID}","text":"hello"}}',
]
CODES = {"bad_frame", "bad_message", "too_large", "unknown_action"}
CANARY = "c4n4ry"

# Text as Lambda hands it over: any code point, lone surrogates too, which JSON can carry.
any_text = st.text(st.characters(), max_size=200)
near_json = st.text(st.sampled_from('{}[]":,\\ \n\t0123456789-+.eEaction_mskytroku\u0000\ud800'), max_size=120)
frame_like = st.fixed_dictionaries(
    {
        "action": st.sampled_from(["hello", "keystroke", "stop", "ping", "message", "$default", "Keystroke"])
        | json_values
    },
    optional={
        "ago_ms": json_values,
        "hold_ms": json_values,
        "client": json_values,
        "text": json_values,
        "session": st.text(),
        "__proto__": json_values,
    },
)
message_like = st.fixed_dictionaries(
    {"action": st.just("message")},
    optional={
        "id": st.just(ID) | st.uuids().map(str) | st.uuids().map(lambda made: str(made).upper()) | json_values,
        "text": any_text | st.just("x" * (MAX_TEXT + 1)) | json_values,
        "ago_ms": json_values,
    },
)


def _outcome(body: str) -> str:
    """What parse made of `body`; the test fails if that is anything but a frame or a BadFrame."""
    try:
        frame = parse(body, HOLD_MS)
    except BadFrame as refusal:
        return refusal.code
    assert isinstance(frame, Hello | Keystroke | Stop | Ping | Message)
    return "taken"


def _is_ours(body: str) -> bool:
    """The frame contract, said once more in another way."""
    fields: dict[str, Any] = json.loads(body)
    if fields["action"] == "message":
        return fields.keys() == {"action", "id", "text"} and _is_a_message(fields["id"], fields["text"])
    if len(body.encode("utf-8", "surrogatepass")) > MAX_FRAME_BYTES:
        return False
    if fields["action"] == "hello" and "client" in fields:
        return fields.keys() == {"action", "client"} and _is_a_client(fields["client"])
    if fields["action"] in ("hello", "ping"):
        return fields.keys() == {"action"}
    known = {"keystroke": {"action", "ago_ms", "hold_ms"}, "stop": {"action", "ago_ms"}}[fields["action"]]
    most = {"keystroke": MAX_AGO_MS, "stop": MAX_STOP_AGO_MS}[fields["action"]]
    ago_ms, hold_ms = fields.get("ago_ms", 0), fields.get("hold_ms", 1)
    is_held_well = type(hold_ms) is int and 0 < hold_ms <= HOLD_MS
    return fields.keys() <= known and type(ago_ms) in (int, float) and 0 <= ago_ms <= most and is_held_well


def _is_a_client(client: Any) -> bool:
    name, slash, version = client.partition("/") if type(client) is str else ("", "", "")
    alphanumeric = set(string.ascii_letters + string.digits)
    well_spelt = set(name) <= alphanumeric | set("._-") and set(version) <= alphanumeric | set(".+-")
    well_begun = name[:1].isalpha() and version[:1].isdigit()
    return bool(slash) and well_spelt and well_begun and len(name) <= 32 and len(version) <= 31


def _is_a_message(message_id: Any, text: Any) -> bool:
    if type(message_id) is not str or str(UUID(message_id)) != message_id or type(text) is not str:
        return False
    has_half_characters = any("\ud800" <= character <= "\udfff" for character in text)
    units = sum(2 if character > "\uffff" else 1 for character in text)
    return not has_half_characters and text.strip() != "" and units <= MAX_TEXT


@fuzz
@given(any_text | near_json)
@example("")
@example("null")
@example("[" * MAX_FRAME_BYTES)
@example('{"a":' * 200)
@example('{"action":"keystroke","ago_ms":' + "9" * 900 + "}")
@example('{"action":"keystroke","ago_ms":1e999}')
@example('{"action":"keystroke","ago_ms":NaN}')
@example('{"action":"ping","action":"stop"}')
@example('\ufeff{"action":"ping"}')
@example('{"action":"\\ud800"}')
@example("\ud800")
def test_any_text_is_a_frame_or_refused(body: str) -> None:
    """T13: whatever comes, nothing crashes."""
    assert _outcome(body) in CODES | {"taken"}


@pytest.mark.parametrize("body", ['{"action":"ping","action":"stop"}', '{"action":"keystroke","ago_ms":1,"ago_ms":2}'])
def test_a_frame_in_which_a_key_stands_twice_is_refused(body: str) -> None:
    """T13: JSON leaves open which of the two counts, so two readers may see two frames."""
    assert _outcome(body) == "bad_frame"


@fuzz
@given(frame_like | message_like | json_values, st.sampled_from([None, 0, 2]), st.booleans())
def test_of_all_json_only_frames_are_taken(value: Any, indent: int | None, ascii_only: bool) -> None:
    """T13: exactly those of the contract, however they are spelled."""
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    if _outcome(body) == "taken":
        assert _is_ours(body)


@fuzz
@given(st.sampled_from(GOOD), st.integers(0, 60), st.integers(0, 4), any_text)
def test_a_frame_with_something_changed_is_a_frame_or_refused(good: str, at: int, cut: int, put: str) -> None:
    """T13: bits lost or added on the way, or a client a little off."""
    body = good[:at] + put + good[at + cut :]
    if _outcome(body) == "taken":
        assert _is_ours(body)


@fuzz
@given(st.sampled_from(GOOD), st.text("abc", min_size=1, max_size=8), json_values)
def test_a_frame_with_one_more_key_is_refused(good: str, key: str, value: Any) -> None:
    """T13: nothing typed can travel in a frame, whatever the key is called."""
    assert _outcome(json.dumps({**json.loads(good), key: value})) in CODES


@fuzz
@given(st.integers(MAX_MESSAGE_BYTES + 1, 200_000), st.sampled_from("a[{\u20ac"))
def test_a_frame_too_large_is_refused_as_that(size: int, character: str) -> None:
    """T13: by its size alone, unread."""
    assert _outcome(character * size) == "too_large"


def test_of_as_many_characters_as_a_message_may_have_bytes_each_is_counted_as_sent() -> None:
    """T13: a euro sign is three bytes."""
    assert _outcome("\u20ac" * MAX_MESSAGE_BYTES) == "too_large"


@fuzz
@given(st.sampled_from(["hello", "keystroke", "stop", "ping", "unknown", ""]), st.integers(MAX_FRAME_BYTES, 60_000))
def test_a_frame_as_large_as_a_message_that_is_none_is_refused_as_too_large(action: str, blanks: int) -> None:
    """T13: only a message has a reason to be."""
    assert _outcome(f'{{"action":"{action}"{" " * blanks}}}') == "too_large"


@pytest.mark.parametrize("character", ["x", "\u20ac", "\n", "\x01", '"', "\ud83d\ude00"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_message_may_have_ten_thousand_characters_whatever_they_are(character: str, ascii_only: bool) -> None:
    """As JavaScript counts them; JSON may take six bytes for one."""
    character = character.encode("utf-16", "surrogatepass").decode("utf-16")
    units = len(character.encode("utf-16-le")) // 2
    text = "x" + character * (MAX_TEXT // units - 1) + "x" * (units - 1)
    body = json.dumps({"action": "message", "id": ID, "text": text}, ensure_ascii=ascii_only)
    assert parse(body, HOLD_MS) == Message(ID, text)
    assert _outcome(json.dumps({"action": "message", "id": ID, "text": text + "x"})) == "bad_message"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"text": "hello"}, '"id"'),
        ({"id": "1", "text": "hello"}, '"id"'),
        ({"id": ID.upper(), "text": "hello"}, '"id"'),
        ({"id": ID + "\n", "text": "hello"}, '"id"'),
        ({"id": ID}, '"text"'),
        ({"id": ID, "text": ""}, '"text"'),
        ({"id": ID, "text": " \n\t\u2003"}, '"text"'),
        ({"id": ID, "text": 1}, '"text"'),
        *(({"id": ID, "text": half}, '"text"') for half in ("\ud800", "\ud83d", "\udfff")),
    ],
)
def test_a_bad_message_is_refused_with_what_is_wrong_and_which_it_is(fields: dict[str, Any], named: str) -> None:
    """T13: a front end that waits for its answer finds it by the id."""
    with pytest.raises(BadFrame) as refusal:
        parse(json.dumps({"action": "message", **fields}), HOLD_MS)
    assert refusal.value.code == "bad_message"
    assert str(refusal.value).startswith(named)
    assert refusal.value.message_id == (ID if named == '"text"' else "")


def test_a_message_does_not_show_its_text_when_it_is_printed() -> None:
    """T13: nor when it is logged."""
    assert CANARY not in repr(parse(json.dumps({"action": "message", "id": ID, "text": CANARY}), HOLD_MS))


@fuzz
@given(st.sampled_from([CANARY, f'"{CANARY}"', f'{{"{CANARY}":1}}', f'{{"action":"{CANARY}"}}']), any_text)
def test_no_refusal_repeats_what_came(part: str, rest: str) -> None:
    """T13: neither to the front end nor, as a traceback, in a log."""
    for body in (
        part,
        part + rest,
        rest + part,
        f'{{"action":"stop","text":{json.dumps(part + rest)}}}',
        f'{{"action":"hello","client":{json.dumps(part + rest)}}}',
        f'{{"action":"message","id":{json.dumps(part + rest)},"text":"hello"}}',
        f'{{"action":"message","id":"{ID}","text":{json.dumps(CANARY + chr(0xD800))}}}',
    ):
        with pytest.raises(BadFrame) as refusal:
            parse(body, HOLD_MS)
        assert CANARY not in "".join(traceback.format_exception(refusal.value))


@pytest.mark.parametrize("hold_ms", ["6001", "0", "-1", "1.5", "6000.0", "true", "null", '"3000"', "[3000]", "1e3"])
def test_a_hold_that_is_none_or_longer_than_the_servers_is_refused(hold_ms: str) -> None:
    """T13: with what to send instead."""
    with pytest.raises(BadFrame, match='"hold_ms" must be a whole number of milliseconds from 1 to 6000') as refusal:
        parse(f'{{"action":"keystroke","hold_ms":{hold_ms}}}', HOLD_MS)
    assert refusal.value.code == "bad_frame"


def test_a_front_end_may_say_which_client_it_is_and_need_not() -> None:
    """Front ends that do not say are as welcome."""
    assert parse('{"action":"hello","client":"typing-relay.js/1.2.0-rc.1+5"}', HOLD_MS) == Hello(
        "typing-relay.js/1.2.0-rc.1+5"
    )
    assert parse('{"action":"hello"}', HOLD_MS) == Hello("")
    longest = f"{'a' * 32}/{'1' * 31}"
    assert parse(json.dumps({"action": "hello", "client": longest}), HOLD_MS) == Hello(longest)


@pytest.mark.parametrize(
    "client",
    [
        *("", "typing-relay.js", "/1.0", "name/", "name/v1", "1name/1", ".js/1", "a b/1", "name/1\n", "näme/1"),
        *(
            "name/１",
            "a/1/2",
            f"{'a' * 33}/1",
            f"a/{'1' * 32}",
            '{"a":1}/1',
            "<b>/1",
            "${x}/1",
            "a=b/1",
            "name@x/1",
            "name/1 2",
        ),
        *(1, None, True, ["name/1"], {"name": "1"}),
    ],
)
def test_a_client_that_is_no_name_and_version_is_refused(client: Any) -> None:
    """T13: it goes into a log line, so it may hold nothing else; and with what to send instead."""
    with pytest.raises(BadFrame, match='"client" must be a name and a version') as refusal:
        parse(json.dumps({"action": "hello", "client": client}), HOLD_MS)
    assert refusal.value.code == "bad_frame"


def test_a_key_says_how_long_it_counts_and_a_stop_when_it_was() -> None:
    assert parse('{"action":"keystroke","ago_ms":7,"hold_ms":6000}', HOLD_MS) == Keystroke(7, 6000)
    assert parse('{"action":"keystroke"}', HOLD_MS) == Keystroke(0, 0)
    assert parse('{"action":"stop","ago_ms":60000}', HOLD_MS) == Stop(60_000)


@pytest.mark.parametrize("ago_ms", ["60001", "-1", "true", '"1"'])
def test_a_stop_of_more_than_a_minute_ago_is_refused(ago_ms: str) -> None:
    """T13."""
    assert _outcome(f'{{"action":"stop","ago_ms":{ago_ms}}}') == "bad_frame"

"""What is exactly as large, or as many, as documented is taken; one more is not."""

import json
from typing import Any

import pytest
from typing_relay.door import frames
from typing_relay.door.frames import BadFrame, parse

ID = "3f0c2a52-6a77-4d36-9d2a-1d7c7b0f3a11"
FILE = {"url": "https://files.example/1", "name": "photo.png", "type": "image/png"}
SIGN_IN = {"action": "sign_in", "access_token": "t", "visitor_id": ID, "customer_id": "c"}
MESSAGE = {"action": "message", "id": ID, "text": "hi"}


def is_taken(frame: dict[str, Any] | str) -> bool:
    try:
        parse(frame if isinstance(frame, str) else json.dumps(frame), longest_hold_ms=15_000)
    except BadFrame:
        return False
    return True


def of_size(frame: dict[str, Any], size: int) -> str:
    """A frame of that many bytes; JSON does not mind blanks."""
    text = json.dumps(frame)
    return text + " " * (size - len(text))


def with_address(length: int) -> dict[str, Any]:
    """A frame with an e-mail address of that many characters."""
    parts = [*("x" * 63 for _ in range(2)), "x" * (length - 3 * 64 - 3), "de"]
    return {"action": "transcript", "email": f"{'a' * 63}@{'.'.join(parts)}"}


@pytest.mark.parametrize(
    ("frame_of", "most"),
    [
        (lambda n: of_size({"action": "ping"}, n), frames.MAX_FRAME_BYTES),
        (lambda n: of_size(SIGN_IN | {"expires_in": 60}, n), frames.MAX_SIGN_IN_BYTES),
        (lambda n: of_size(MESSAGE, n), frames.MAX_MESSAGE_BYTES),
        (lambda n: MESSAGE | {"text": "x" * n}, frames.MAX_TEXT),
        (lambda n: MESSAGE | {"postback": "x" * n}, frames.MAX_POSTBACK),
        (lambda n: MESSAGE | {"attachments": [FILE] * n}, frames.MAX_ATTACHMENTS),
        (lambda n: MESSAGE | {"attachments": [FILE | {"url": "https://a.b/".ljust(n, "x")}]}, frames.MAX_FILE_URL),
        (lambda n: MESSAGE | {"attachments": [FILE | {"name": "x" * n}]}, frames.MAX_FILE_NAME),
        (with_address, frames.MAX_EMAIL),
        (lambda n: {"action": "history", "before": "x" * n}, frames.MAX_KNOWN_ID),
        (lambda n: SIGN_IN | {"expires_in": n}, frames.MAX_EXPIRES_IN),
        (lambda n: {"action": "keystroke", "ago_ms": n}, frames.MAX_AGO_MS),
        (lambda n: {"action": "stop", "ago_ms": n}, frames.MAX_STOP_AGO_MS),
        (lambda n: {"action": "keystroke", "hold_ms": n}, 15_000),
    ],
    ids=[
        *("a frame", "a sign-in", "a message", "a text", "a postback", "files", "a file's URL", "a file's name"),
        *("an e-mail address", "a known id", "a token's life", "a key's age", "a stop's age", "a hold"),
    ],
)
def test_what_is_as_large_as_it_may_be_is_taken_and_one_more_is_not(frame_of: Any, most: int) -> None:
    """T13."""
    assert [is_taken(frame_of(most)), is_taken(frame_of(most + 1))] == [True, False]


@pytest.mark.parametrize(
    ("frame_of", "least"),
    [
        (lambda n: SIGN_IN | {"expires_in": n}, frames.MIN_EXPIRES_IN),
        (lambda n: {"action": "keystroke", "ago_ms": n}, 0),
        (lambda n: {"action": "keystroke", "hold_ms": n}, 1),
        (lambda n: {"action": "history", "before": "x" * n}, 1),
    ],
    ids=["a token's life", "a key's age", "a hold", "a known id"],
)
def test_what_is_as_small_as_it_may_be_is_taken_and_one_less_is_not(frame_of: Any, least: int) -> None:
    """T13."""
    assert [is_taken(frame_of(least)), is_taken(frame_of(least - 1))] == [True, False]


def test_a_file_without_a_type_is_taken() -> None:
    """Browsers do not know that of every file."""
    assert is_taken(MESSAGE | {"attachments": [{"url": FILE["url"], "name": FILE["name"]}]})


@pytest.mark.parametrize(("expires_in", "life_ms"), [(60, 60_000), (10.5, 10_500)])
def test_a_tokens_life_is_said_in_seconds(expires_in: float, life_ms: int) -> None:
    signed_in = parse(json.dumps(SIGN_IN | {"expires_in": expires_in}), longest_hold_ms=15_000)
    assert isinstance(signed_in, frames.SignIn)
    assert signed_in.expires_in_ms == life_ms

"""Frames as they are sent to front ends, and what API Gateway says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typing_relay.aws.visitors import Visitors, encoded


class ApiGateway:
    """@connections: takes all, or answers with a status."""

    def __init__(self, status: int = 200) -> None:
        self._status = status
        self.posts: list[bytes] = []

    def _answer(self) -> None:
        if self._status != 200:
            raise ClientError({"ResponseMetadata": {"HTTPStatusCode": self._status}}, "any")  # type: ignore[typeddict-item]

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # noqa: N803  # boto3's names
        self._answer()
        self.posts.append(Data)

    def get_connection(self, *, ConnectionId: str) -> None:  # noqa: N803
        self._answer()

    def delete_connection(self, *, ConnectionId: str) -> None:  # noqa: N803
        self._answer()


@pytest.mark.parametrize("text", ["plain", "Grüße, 東京 🙂", "half a character: \ud83d"])
def test_a_frame_says_the_same_at_the_other_end(text: str) -> None:
    frame = {"type": "event", "event": {"text": text}}
    assert json.loads(encoded(frame)) == frame


def test_text_takes_the_room_that_it_has_as_text() -> None:
    """Escaped, a message of 30,000 Japanese characters would be more than API Gateway takes (128 KB)."""
    assert len(encoded({"text": "東" * 30_000})) < 128 * 1024


def told(visitors: Visitors) -> list[Any]:
    return [visitors.send("c", {"type": "pong"}), visitors.lives("c"), visitors.send_all(["c", "d"], {"n": 1})]


def test_whoever_is_there_gets_it() -> None:
    assert told(Visitors(ApiGateway())) == [True, True, []]


def test_whoever_is_gone_is_said_to_be() -> None:
    """AWS fact: 410."""
    visitors = Visitors(ApiGateway(410))
    assert told(visitors) == [False, False, ["c", "d"]]
    visitors.close("c")


@pytest.mark.parametrize("call", [lambda v: v.send("c", {}), lambda v: v.lives("c"), lambda v: v.close("c")])
def test_any_other_refusal_is_raised(call: Any) -> None:
    with pytest.raises(ClientError):
        call(Visitors(ApiGateway(500)))

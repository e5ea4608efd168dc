"""A brown-out of AWS's services ends every function's invocation in an error, and never in a killed sandbox."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import HTTPClientError
from typing_relay import runtime

from tests.support.http_peer import DRIP, SILENCE, HttpPeer
from tests.support.invocation import Invocation
from tests.support.load_function import load_function

EVENTS = Path(__file__).parents[3] / "events"
#: What the invocation has left, in ms; three tries by their own limits would take 6 s and more.
LEFT_MS = 1_300
SENDER_EVENT = {"session_id": "alice", "generation": 1, "started_at": "2027-01-15T08:00:00.000Z"}
KEEPER_COMES = {"requestContext": {"connectionId": "c", "eventType": "CONNECT"}, "headers": {"x-keeper": "k"}}


@pytest.fixture
def brown_out(peer: HttpPeer, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpPeer]:
    """AWS takes every request, and answers none in time."""
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": peer.url,
        "AWS_SECRET_ACCESS_KEY": "test",
        "CONNECTIONS_URL": f"{peer.url}/live",
        "CXONE_BASE_URL": "https://acme.api.nicecxone.com",
        "CXONE_SECRET_ARN": "cxone",
        "CXONE_STATE_TABLE": "cxone",
        "GUEST_QUEUE_URL": f"{peer.url}/queue",
        "KEEPERS_TABLE": "keepers",
        "POWERTOOLS_METRICS_NAMESPACE": "TypingRelay",
        "POWERTOOLS_SERVICE_NAME": "test",
        "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:typing",
        "TABLE_NAME": "sessions",
        "VISITOR_SECRET_ARN": "visitors",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield peer
    for wired in vars(runtime).values():
        if hasattr(wired, "cache_clear"):
            wired.cache_clear()


def sample(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.mark.parametrize("trouble", [SILENCE, DRIP])
@pytest.mark.parametrize(
    ("function", "event"),
    [
        ("authorizer", sample("authorizer")),
        ("connection", sample("connect")),
        ("keeper_line", KEEPER_COMES),
        ("keystroke", sample("hello")),
        ("sender", SENDER_EVENT),
        ("sweeper", sample("sweep")),
    ],
)
def test_the_invocation_ends_in_an_error_before_its_time_is_over(
    brown_out: HttpPeer, function: str, event: Any, trouble: str
) -> None:
    handler = load_function(function).handler
    brown_out.say(*[trouble] * 9)
    began = time.monotonic()
    with pytest.raises(HTTPClientError):
        handler(event, Invocation(LEFT_MS))
    assert time.monotonic() - began < LEFT_MS / 1000
    assert brown_out.requests, "it failed for another reason"

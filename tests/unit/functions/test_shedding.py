"""Where DynamoDB turns calls away frames are dropped and counted, and no invocation fails (T18)."""

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typing_relay import runtime

from tests.support.invocation import Invocation
from tests.support.load_function import load_function
from tests.unit.functions.test_keystroke_door import ENVIRONMENT, EVENTS, FrontEnds, UnclosableFrontEnds

THROTTLED = "ProvisionedThroughputExceededException"
FRAMES = {
    "hello": {"action": "hello"},
    "ping": {"action": "ping"},
    "keystroke": {"action": "keystroke", "ago_ms": 0},
    "stop": {"action": "stop"},
}


class Refusing:
    """A table that answers every call with this error."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __getattr__(self, name: str) -> Any:
        def call(*_: Any, **__: Any) -> Any:
            raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, name)

        return call


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The functions' surroundings."""
    for name, value in {**ENVIRONMENT, "GUEST_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/guests"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "TypingRelay/test")
    yield
    for wired in vars(runtime).values():
        if hasattr(wired, "cache_clear"):
            wired.cache_clear()


def loaded(name: str, code: str) -> tuple[ModuleType, FrontEnds]:
    """A function whose store refuses all calls with ``code``."""
    function, front_ends = load_function(name), FrontEnds()
    function.visitors = front_ends  # type: ignore[attr-defined]
    object.__setattr__(function.world.sessions, "_client", Refusing(code))
    object.__setattr__(function.world, "clock", lambda: _event("ping")["requestContext"]["requestTimeEpoch"])
    return function, front_ends


def _event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def shed(printed: str) -> int:
    """How many times the metric was reported."""
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return sum(line["FramesShed"][0] for line in lines if "FramesShed" in line)


@pytest.mark.parametrize("action", FRAMES)
def test_a_throttled_frame_is_dropped_counted_and_answered(
    action: str, relay: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """T18: no exception, so no alarm that rolls a deployment back."""
    keystroke, front_ends = loaded("keystroke", THROTTLED)
    event = _event("ping") | {"body": json.dumps(FRAMES[action])}
    assert keystroke.handler(event, Invocation()) == {"statusCode": 200}
    assert front_ends.codes() == ["rate_limited"]
    assert shed(capsys.readouterr().out) == 1


@pytest.mark.parametrize(("event", "status"), [("connect", 503), ("disconnect", 503)])
def test_a_throttled_handshake_is_refused_and_counted(
    event: str, status: int, relay: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """T18: the front end tries again."""
    connection, _ = loaded("connection", THROTTLED)
    assert connection.handler(_event(event), Invocation())["statusCode"] == status
    assert shed(capsys.readouterr().out) == 1


def test_another_error_of_the_store_fails_the_invocation(relay: None) -> None:
    """What an operator must see is not hidden as throttling."""
    keystroke, _ = loaded("keystroke", "AccessDeniedException")
    with pytest.raises(ClientError):
        keystroke.handler(_event("ping") | {"body": json.dumps(FRAMES["stop"])}, Invocation())


def test_one_visitors_tabs_share_a_budget_of_twice_what_one_may(relay: None) -> None:
    """T18: ten tabs of one token cannot send ten times as much; another visitor's frame is taken."""
    keystroke, _ = loaded("keystroke", THROTTLED)
    taken = []
    keystroke._take = lambda event: taken.append(event["requestContext"]["authorizer"]["session"])  # type: ignore[attr-defined]
    for number in range(10 * 40):
        event = _event("ping")
        event["requestContext"]["connectionId"] = f"tab-{number % 10}"
        keystroke.handler(event, Invocation())
    event = _event("ping")
    event["requestContext"]["connectionId"] = "bobs"
    event["requestContext"]["authorizer"]["session"] = "bob"
    keystroke.handler(event, Invocation())
    assert [taken.count("bob"), len(taken) - 1] == [1, 80]


def reserved(number: int) -> dict[str, Any]:
    """A frame whose action is `$connect`: API Gateway hands it to the function of that route."""
    event = _event("connect")
    event["requestContext"] |= {"eventType": "MESSAGE", "routeKey": "$connect"}
    event["requestContext"]["requestTimeEpoch"] += number
    return event | {"body": '{"action":"$connect"}'}


def test_frames_with_a_reserved_action_are_bad_frames_as_others_are(relay: None) -> None:
    """T18: the twentieth ends the connection; nothing is written, and nobody answers."""
    connection, front_ends = loaded("connection", THROTTLED)
    for number in range(19):
        assert connection.handler(reserved(number), Invocation()) == {"statusCode": 200}
    assert front_ends.closed == []
    connection.handler(reserved(19), Invocation())
    assert (front_ends.closed, front_ends.sent) == ([reserved(0)["requestContext"]["connectionId"]], [])


def test_one_that_cannot_be_closed_just_now_fails_no_invocation(relay: None) -> None:
    """T18: API Gateway throttles calls to its connections, too."""
    connection, _ = loaded("connection", THROTTLED)
    connection.visitors = UnclosableFrontEnds()  # type: ignore[attr-defined]
    for number in range(500):
        assert connection.handler(reserved(number), Invocation()) == {"statusCode": 200}

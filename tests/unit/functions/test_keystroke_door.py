"""The keystroke function at the door (T13): what it refuses, tells and hangs up on, before anything is written."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typing_relay import runtime
from typing_relay.aws.visitors import Visitors
from typing_relay.door.frame_budget import MAX_BAD_FRAMES, MAX_EXCESS_FRAMES

from tests.support.invocation import Invocation
from tests.support.load_function import load_function

EVENTS = Path(__file__).parents[3] / "events"
EXPIRES_AT = 4_102_448_400  # epoch s, in the sample events
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_SECRET_ACCESS_KEY": "test",
    "CONNECTIONS_URL": "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/live",
    "POWERTOOLS_SERVICE_NAME": "keystroke",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:typing",
    "TABLE_NAME": "sessions",
}


class FrontEnds(Visitors):
    """Keeps what was sent to connections instead of sending it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Mapping[str, Any]]] = []
        self.closed: list[str] = []

    def send(self, connection: str, frame: Mapping[str, Any]) -> bool:
        """Keep the frame."""
        self.sent.append((connection, frame))
        return True

    def close(self, connection: str) -> None:
        """Keep that it was closed."""
        self.closed.append(connection)

    def codes(self) -> list[str]:
        """The codes of the error frames, in order."""
        return [str(frame["code"]) for _, frame in self.sent if frame["type"] == "error"]


@pytest.fixture
def front_ends() -> FrontEnds:
    """The other end of all connections."""
    return FrontEnds()


@pytest.fixture
def keystroke(monkeypatch: pytest.MonkeyPatch, front_ends: FrontEnds) -> Iterator[ModuleType]:
    """The function, cold; a frame that it took as far as AWS would meet a refused socket, and fail the test."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    function = load_function("keystroke")
    function.visitors = front_ends  # type: ignore[attr-defined]
    function._greet = lambda _request: None  # type: ignore[attr-defined]  # whoever pings is looked up behind the door
    yield function
    for wired in vars(runtime).values():
        if hasattr(wired, "cache_clear"):
            wired.cache_clear()


def _send(function: ModuleType, body: str, connection: str = "c1", at: int = 0, **context: str) -> None:
    """Hand the function a frame, `at` ms after the sample's time."""
    event = json.loads((EVENTS / "ping.json").read_text())
    request = event["requestContext"]
    request["connectionId"] = connection
    request["requestTimeEpoch"] += at
    request["authorizer"].update(context)
    assert function.handler({**event, "body": body}, Invocation()) == {"statusCode": 200}


PING = '{"action":"ping"}'


def test_a_frame_within_all_limits_is_answered(keystroke: ModuleType, front_ends: FrontEnds) -> None:
    """T13: the door is open for those who may come in."""
    _send(keystroke, PING)
    assert front_ends.sent == [("c1", {"type": "pong"})]


def test_from_the_moment_a_token_expires_its_connection_is_closed(keystroke: ModuleType, front_ends: FrontEnds) -> None:
    """T13: the frame is not taken, and the front end is told to come back with a new token."""
    _send(keystroke, '{"action":"keystroke"}', at=3_600_000)
    assert (front_ends.codes(), front_ends.closed) == (["session_expired"], ["c1"])


def test_until_then_it_is_served(keystroke: ModuleType, front_ends: FrontEnds) -> None:
    """T13: to the millisecond."""
    _send(keystroke, PING, at=3_599_999)
    assert front_ends.closed == []


@pytest.mark.parametrize("body", ["", "null", '{"action":"ping","session":"bob"}', '{"action":"keystroke","key":"a"}'])
def test_a_bad_frame_gets_an_error_frame(keystroke: ModuleType, front_ends: FrontEnds, body: str) -> None:
    """T13: and nothing else happens."""
    _send(keystroke, body)
    assert (front_ends.codes(), front_ends.closed) == (["bad_frame"], [])


def test_the_twentieth_bad_frame_is_answered_and_the_connection_closed(
    keystroke: ModuleType, front_ends: FrontEnds
) -> None:
    """T13: the last error says why."""
    for n in range(MAX_BAD_FRAMES):
        assert front_ends.closed == []
        _send(keystroke, "nonsense", at=n * 100)
    assert (len(front_ends.codes()), front_ends.closed) == (MAX_BAD_FRAMES, ["c1"])


def test_frames_above_the_rate_are_refused_with_one_answer_a_second(
    keystroke: ModuleType, front_ends: FrontEnds
) -> None:
    """T13: 40 at once are taken, the rest of that second is told once."""
    for _ in range(60):
        _send(keystroke, PING)
    assert len(front_ends.sent) == 41
    assert front_ends.codes() == ["rate_limited"]


def test_whoever_is_over_a_budget_is_told_once_which_and_until_when(
    keystroke: ModuleType, front_ends: FrontEnds
) -> None:
    """T18: 20 frames a second, so the next is taken 50 ms later; the operators' log names the session."""
    for _ in range(60):
        _send(keystroke, PING)
    [(_, frame)] = [(connection, frame) for connection, frame in front_ends.sent if frame["type"] == "error"]
    assert (frame["budget"], frame["retry_in_ms"]) == ("connection", 50)


def test_tabs_that_are_over_the_budget_of_their_session_are_told_that(
    keystroke: ModuleType, front_ends: FrontEnds
) -> None:
    """T18: twice as much as a connection, so 25 ms."""
    for number in range(90):
        _send(keystroke, PING, connection=f"c{number % 5}")
    [frame] = [frame for _, frame in front_ends.sent if frame["type"] == "error"]
    assert (frame["budget"], frame["retry_in_ms"]) == ("session", 25)


def test_a_refused_frame_is_not_even_read(keystroke: ModuleType, front_ends: FrontEnds) -> None:
    """T13: above the rate, bad frames are neither parsed nor answered one by one."""
    for _ in range(40):
        _send(keystroke, PING)
    for _ in range(MAX_BAD_FRAMES):
        _send(keystroke, "nonsense")
    assert (front_ends.codes(), front_ends.closed) == (["rate_limited"], [])


def test_a_connection_that_floods_is_closed(keystroke: ModuleType, front_ends: FrontEnds) -> None:
    """T13: it would use up the throttle that all visitors share."""
    for _ in range(40 + MAX_EXCESS_FRAMES):
        _send(keystroke, PING)
    assert front_ends.closed == ["c1"]


def test_another_tab_is_served_while_one_floods(keystroke: ModuleType, front_ends: FrontEnds) -> None:
    """T10: budgets are per connection."""
    for _ in range(60):
        _send(keystroke, PING)
    _send(keystroke, PING, connection="c2")
    assert front_ends.sent[-1] == ("c2", {"type": "pong"})


@pytest.mark.parametrize("action", ["keystroke", "stop"])
def test_signals_of_a_visitor_who_opted_out_are_dropped(
    keystroke: ModuleType, front_ends: FrontEnds, action: str
) -> None:
    """T13: the frame goes no further than here (the store would need a socket), and is no error."""
    _send(keystroke, f'{{"action":"{action}"}}', signals="off")
    assert front_ends.sent == []


class SlowFrontEnds(FrontEnds):
    """Front ends that do not read: API Gateway answers a post with 429."""

    def send(self, connection: str, frame: Mapping[str, Any]) -> bool:
        """Fail."""
        answer = {"Error": {"Code": "LimitExceededException"}, "ResponseMetadata": {"HTTPStatusCode": 429}}
        raise ClientError(answer, "PostToConnection")  # type: ignore[arg-type]


def test_a_front_end_that_does_not_read_makes_no_invocation_fail(keystroke: ModuleType) -> None:
    """T13: or any visitor could set off the alarm on failures."""
    keystroke.visitors = SlowFrontEnds()  # type: ignore[attr-defined]
    _send(keystroke, PING)


class UnclosableFrontEnds(FrontEnds):
    """API Gateway refuses to close a connection just now."""

    def close(self, connection: str) -> None:
        """Fail."""
        answer = {"Error": {"Code": "LimitExceededException"}, "ResponseMetadata": {"HTTPStatusCode": 429}}
        raise ClientError(answer, "DeleteConnection")  # type: ignore[arg-type]


def test_a_connection_that_cannot_be_closed_just_now_makes_no_invocation_fail(keystroke: ModuleType) -> None:
    """T13: its next frame is refused as well, and closing is tried again then."""
    keystroke.visitors = UnclosableFrontEnds()  # type: ignore[attr-defined]
    _send(keystroke, PING, at=EXPIRES_AT * 1000)

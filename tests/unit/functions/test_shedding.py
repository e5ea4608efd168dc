"""Where DynamoDB turns calls away frames are dropped and counted, and no invocation fails (T18)."""

import json
from collections.abc import Iterator
from datetime import datetime
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typing_relay import runtime

from tests.support.invocation import Invocation
from tests.support.load_function import load_function
from tests.unit.functions.test_keystroke_door import ENVIRONMENT, EVENTS, FrontEnds, UnclosableFrontEnds

THROTTLED = "ProvisionedThroughputExceededException"
#: What connection and sender are told in addition.
ALSO_NEEDED = {
    "CXONE_BASE_URL": "https://acme.api.nicecxone.com",
    "CXONE_SECRET_ARN": "cxone",
    "CXONE_STATE_TABLE": "cxone",
    "GUEST_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/guests",
}
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
    for name, value in (ENVIRONMENT | ALSO_NEEDED).items():
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
    object.__setattr__(function.runner.sessions, "_client", Refusing(code))
    object.__setattr__(function.runner, "clock", lambda: _event("ping")["requestContext"]["requestTimeEpoch"])
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


def reconciled(code: str, after_ms: int) -> dict[str, Any]:
    """What the sender answers this long after its execution began, while the store refuses all calls."""
    event = json.loads((EVENTS / "reconcile.json").read_text())
    sender, _ = loaded("sender", code)
    began = int(datetime.fromisoformat(event["started_at"]).timestamp() * 1000)
    object.__setattr__(sender.runner, "clock", lambda: began + after_ms)
    answer: dict[str, Any] = sender.handler(event, Invocation())
    return answer


def test_an_owner_that_is_throttled_looks_again_in_a_second(relay: None, capsys: pytest.CaptureFixture[str]) -> None:
    """T18: the item of a visitor who writes as fast as DynamoDB lets them fails no invocation of the sender."""
    assert reconciled(THROTTLED, after_ms=0) == {"done": False, "wait_seconds": 1}
    assert shed(capsys.readouterr().out) == 1


def test_an_owner_that_is_throttled_for_as_long_as_an_execution_lasts_leaves_the_rest_to_the_next(relay: None) -> None:
    """T4, T18: its lease runs out, and no execution runs out of time, which an alarm counts."""
    assert reconciled(THROTTLED, after_ms=240_000) == {"done": True, "wait_seconds": 0}


def test_another_error_of_the_store_fails_the_sender(relay: None) -> None:
    """The state machine tries again, and an operator sees it."""
    with pytest.raises(ClientError):
        reconciled("AccessDeniedException", after_ms=0)


class Alices(Refusing):
    """A table that answers for everybody but alice; ``asked``: of whom records were read."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.asked: list[str] = []

    def query(self, **request: Any) -> dict[str, Any]:
        """Two leases have run out, in one shard."""
        is_first = request["ExpressionAttributeValues"][":shard"] == {"N": "0"}
        items = [{"session_id": {"S": name}, "lease_until": {"N": "1"}} for name in ("alice", "bob")]
        return {"Items": items if is_first else []}

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Bob has no record."""
        self.asked.append(request["Key"]["session_id"]["S"])
        if self.asked[-1] != "alice":
            return {}
        raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, "GetItem")


def swept(code: str, context: Invocation | None = None) -> list[str]:
    """Of whom the sweeper read the record."""
    table = Alices(code)
    sweeper, _ = loaded("sweeper", code)
    object.__setattr__(sweeper.runner.sessions, "_client", table)
    sweeper.handler({}, context or Invocation())
    return table.asked


class Ending(Invocation):
    """Each look at the clock finds ten seconds less."""

    def get_remaining_time_in_millis(self) -> int:
        """Of Lambda's context."""
        self._left_ms -= 10_000
        return self._left_ms


def test_a_visitor_whose_item_is_throttled_keeps_the_sweeper_from_nobody_else(relay: None) -> None:
    """T4, T18: the others' bursts are ended, and no invocation fails."""
    assert swept(THROTTLED) == ["alice", "bob"]


def test_visitors_whose_items_are_throttled_take_the_sweeper_no_longer_than_it_has(relay: None) -> None:
    """T18: each is tried again for a while; whoever is left is the next minute's."""
    assert swept(THROTTLED, Ending(left_ms=45_000)) == ["alice"]


def test_another_error_of_the_store_fails_the_sweeper(relay: None) -> None:
    """As before."""
    with pytest.raises(ClientError):
        swept("AccessDeniedException")


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

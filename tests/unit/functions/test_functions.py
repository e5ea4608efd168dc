"""The functions on DynamoDB, SQS and Secrets Manager as moto has them, fed with the sample events."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typing_relay import runtime
from typing_relay.aws.sessions import DynamoSessions
from typing_relay.relay.burst import Session
from typing_relay.relay.effects import AskCxone, IsThere, StartOwner, TellCxone, TellTypingUnavailable
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.runner import handled_by
from typing_relay.reporting import ReportedGuests

from tests.support.invocation import Invocation
from tests.support.load_function import load_function
from tests.support.moto_aws import send_to_moto
from tests.support.runners import with_handlers

EVENTS = Path(__file__).parents[3] / "events"
REGION = "eu-central-1"


class Time:
    """Starts now and moves only when somebody sleeps: no test waits."""

    def __init__(self) -> None:
        self.ms = runtime.clock()

    def __call__(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


class Aws:
    """The account that the functions run in, and the calls that they make of it."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.dynamodb = boto3.client("dynamodb", REGION)
        self.sqs = boto3.client("sqs", REGION)
        self.calls: list[str] = []
        self.started: list[tuple[str, int]] = []
        self.can_start = True
        self._create_tables()
        self.queue_url = self.sqs.create_queue(QueueName="guests")["QueueUrl"]

    def _create_tables(self) -> None:
        self.dynamodb.create_table(
            TableName="sessions",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "session_id", "AttributeType": "S"},
                {"AttributeName": "sweep_shard", "AttributeType": "N"},
                {"AttributeName": "lease_until", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "session_id", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_lease",
                    "KeySchema": [
                        {"AttributeName": "sweep_shard", "KeyType": "HASH"},
                        {"AttributeName": "lease_until", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )
        self.dynamodb.create_table(
            TableName="cxone",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        )

    def start(self, record: Session, generation: int) -> bool:
        """Step Functions, as far as a function sees it."""
        if self.can_start:
            self.started.append((record.session_id, generation))
        return self.can_start

    def record(self) -> Session | None:
        """The sample visitor's record."""
        return DynamoSessions(self.dynamodb, "sessions").get("alice", self.time())

    def guests_asked_for(self) -> list[str]:
        """The bodies of the messages in the guest queue."""
        messages = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in messages]

    def set_connections(self, connections: set[str]) -> None:
        """Let the sample visitor have these connections and no others."""
        DynamoSessions(self.dynamodb, "sessions").create("alice", self.time(), self.time() // 1000 + 600)
        self.set(connections={"SS": sorted(connections)})

    def set(self, **values: dict[str, Any]) -> None:
        """Change the sample visitor's record behind the functions' backs."""
        self.dynamodb.update_item(
            TableName="sessions",
            Key={"session_id": {"S": "alice"}},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in values),
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )


class Cxone:
    """CXone's guest API, as far as the sender sees it."""

    def __init__(self) -> None:
        self.typing: list[bool] = []
        self.asked = 0
        self.answer = Outcome(Kind.ACCEPTED)

    def set_typing(self, guest_id: str, typing: bool) -> Outcome:
        """Take a typing call."""
        self.typing.append(typing)
        return self.answer

    def get_typing(self, guest_id: str) -> bool:
        """What was taken last."""
        self.asked += 1
        return self.typing[-1]


class FrontEnds:
    """What front ends are sent, as far as a function sees them."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.gone: set[str] = set()
        self.asked: list[str] = []

    def send(self, connection: str, frame: dict[str, Any]) -> bool:
        """Take a frame."""
        self.frames.append(frame)
        return True

    def lives(self, connection: str) -> bool:
        """Whether it is there, when API Gateway is asked."""
        self.asked.append(connection)
        return connection not in self.gone


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    time = Time()
    monkeypatch.setattr("time.sleep", time.sleep)
    environment = {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "TABLE_NAME": "sessions",
        "CXONE_STATE_TABLE": "cxone",
        "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:typing",
        "CONNECTIONS_URL": "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/live",
        "CXONE_BASE_URL": "https://acme.api.nicecxone.com",
        "CXONE_SECRET_ARN": "cxone",
        "POWERTOOLS_METRICS_NAMESPACE": "TypingRelay",
        "POWERTOOLS_SERVICE_NAME": "test",
        "VERIFY_SECONDS": "10",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        account = Aws(time)
        monkeypatch.setenv("GUEST_QUEUE_URL", account.queue_url)
        send_to_moto(monkeypatch, account.calls)
        yield account
    for wired in vars(runtime).values():
        if hasattr(wired, "cache_clear"):
            wired.cache_clear()


def load(name: str, aws: Aws) -> ModuleType:
    """A function, cold, whose executions ``aws`` counts."""
    function = load_function(name)
    starts = handled_by(StartOwner, lambda due: aws.start(due.record, due.generation))
    function.runner = with_handlers(function.runner, starts, clock=aws.time)  # type: ignore[attr-defined]
    return function


def have_front_ends(connection: ModuleType) -> FrontEnds:
    """API Gateway, as the connection function asks it."""
    front_ends = FrontEnds()
    asked = handled_by(IsThere, lambda due: front_ends.lives(due.connection))
    connection.runner = with_handlers(connection.runner, asked)  # type: ignore[attr-defined]
    return front_ends


def send(function: ModuleType, sample: str, connection: str = "tab-1", at: int | None = None) -> dict[str, Any]:
    """Hand a function a sample event, now or at ``at`` (ms)."""
    event = json.loads((EVENTS / f"{sample}.json").read_text())
    event["requestContext"]["connectionId"] = connection
    if at is not None:
        event["requestContext"]["requestTimeEpoch"] = at
    answer: dict[str, Any] = function.handler(event, Invocation())
    return answer


def test_an_execution_that_is_refused_is_counted_at_once(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    """Typing is not shown then, for anybody: an alarm must ring (quota, permission, outage)."""
    assert not runtime.start_execution(StartOwner(Session("alice"), 1))
    counted = [line for line in capsys.readouterr().out.splitlines() if '"BurstsNotStarted":[1.0]' in line]
    assert len(counted) == 1


@pytest.fixture
def connection(aws: Aws) -> ModuleType:
    return load("connection", aws)


@pytest.fixture
def keystroke(aws: Aws, connection: ModuleType) -> ModuleType:
    """The keystroke function, with the sample visitor connected and their guest open."""
    send(connection, "connect")
    aws.set(guest_id={"S": "g1"}, guest_status={"S": "open"}, keeper={"S": "k1"})
    aws.calls.clear()
    return load("keystroke", aws)


@pytest.fixture
def cxone() -> Cxone:
    return Cxone()


@pytest.fixture
def sender(aws: Aws, cxone: Cxone) -> ModuleType:
    function = load("sender", aws)
    guests = ReportedGuests(cxone, runtime.logger, function.metrics, aws.time)
    function.runner = with_handlers(  # type: ignore[attr-defined]
        function.runner,  # type: ignore[attr-defined]
        handled_by(TellCxone, lambda due: guests.set_typing(due.guest_id, due.typing)),
        handled_by(AskCxone, lambda due: guests.get_typing(due.guest_id)),
    )
    return function


def reconcile(sender: ModuleType, generation: int = 1) -> dict[str, Any]:
    event = {"session_id": "alice", "generation": generation, "started_at": "2027-01-15T08:00:00.000Z"}
    answer: dict[str, Any] = sender.handler(event, Invocation())
    return answer


def test_a_visitor_who_connects_is_recorded_and_costs_cxone_nothing(aws: Aws, connection: ModuleType) -> None:
    """T18: a handshake alone creates no guest, however many there are."""
    assert send(connection, "connect") == {"statusCode": 200, "headers": {}}
    record = aws.record()
    assert record is not None
    assert record.connections == {"tab-1"}
    assert aws.guests_asked_for() == []


def test_the_hello_of_the_first_tab_asks_for_a_guest_and_that_of_the_second_for_no_other(
    aws: Aws, connection: ModuleType
) -> None:
    """T10: two tabs, one session, one guest."""
    keystroke = load("keystroke", aws)
    keystroke.visitors = FrontEnds()  # type: ignore[attr-defined]
    for tab in ("tab-1", "tab-2"):
        send(connection, "connect", tab)
        send(keystroke, "hello", tab)
    assert aws.guests_asked_for() == ['{"session": "alice"}']


def test_a_browser_that_offers_subprotocols_is_answered_with_the_one_without_the_token(
    connection: ModuleType,
) -> None:
    """T13: the token stays out of the answer."""
    answer = send(connection, "connect_subprotocol")
    assert answer["headers"] == {"Sec-WebSocket-Protocol": "typing-relay"}


def test_one_tab_too_many_is_refused_and_forgotten(aws: Aws, connection: ModuleType) -> None:
    """T13: ten connections a session; more would only make every write of its record dearer."""
    have_front_ends(connection)
    aws.set_connections({f"tab-{n}" for n in range(connection.MAX_CONNECTIONS - 1)})
    assert send(connection, "connect", "last")["statusCode"] == 200
    assert send(connection, "connect", "too-many")["statusCode"] == 429
    record = aws.record()
    assert record is not None
    assert len(record.connections) == connection.MAX_CONNECTIONS
    assert "too-many" not in record.connections


def test_tabs_that_went_without_a_word_make_room_for_a_new_one(aws: Aws, connection: ModuleType) -> None:
    """AWS fact: $disconnect is best effort. Those that were lost must not lock the visitor out."""
    tabs = {f"tab-{n}" for n in range(connection.MAX_CONNECTIONS)}
    front_ends = have_front_ends(connection)
    front_ends.gone = {"tab-7", "tab-8"}
    aws.set_connections(tabs)
    assert send(connection, "connect", "newest")["statusCode"] == 200
    record = aws.record()
    assert record is not None
    assert record.connections == tabs - front_ends.gone | {"newest"}


def test_tabs_that_have_just_been_heard_of_are_not_asked_after(aws: Aws, connection: ModuleType) -> None:
    """One call each, while a handshake waits."""
    tabs = [f"tab-{n}" for n in range(connection.MAX_CONNECTIONS)]
    front_ends = have_front_ends(connection)
    aws.set_connections(set(tabs))
    stops = {"M": {tab: {"N": str(aws.time())} for tab in tabs[1:]}}
    aws.set(stops=stops)
    send(connection, "connect", "newest")
    assert front_ends.asked == [tabs[0]]


def test_a_refused_tab_that_tries_again_costs_no_second_round_of_questions(aws: Aws, connection: ModuleType) -> None:
    """Ten calls for each refused handshake would let one token flood @connections, which all visitors share."""
    front_ends = have_front_ends(connection)
    aws.set_connections({f"tab-{n}" for n in range(connection.MAX_CONNECTIONS)})
    statuses = [send(connection, "connect", f"too-many-{n}")["statusCode"] for n in range(5)]
    assert statuses == [429] * 5
    assert len(front_ends.asked) == connection.MAX_CONNECTIONS


def test_where_api_gateway_does_not_say_which_tabs_are_there_one_too_many_is_refused_and_nothing_fails(
    aws: Aws, connection: ModuleType
) -> None:
    """T18: its 429, which may name no code, is no failed invocation; nor is it asked again at each try."""
    front_ends = have_front_ends(connection)
    asked: list[str] = []

    def throttled(name: str) -> bool:
        asked.append(name)
        raise ClientError({"Error": {"Code": "429"}, "ResponseMetadata": {"HTTPStatusCode": 429}}, "GetConnection")  # type: ignore[typeddict-item]

    front_ends.lives = throttled  # type: ignore[method-assign]
    tabs = {f"tab-{n}" for n in range(connection.MAX_CONNECTIONS)}
    aws.set_connections(tabs)
    assert [send(connection, "connect", f"too-many-{n}")["statusCode"] for n in range(3)] == [429] * 3
    record = aws.record()
    assert record is not None
    assert (record.connections, len(asked)) == (tabs, 1)


def test_once_the_pause_is_over_lost_tabs_make_room_again(aws: Aws, connection: ModuleType) -> None:
    front_ends = have_front_ends(connection)
    aws.set_connections({f"tab-{n}" for n in range(connection.MAX_CONNECTIONS)})
    assert send(connection, "connect", "too-many")["statusCode"] == 429
    front_ends.gone = {"tab-7"}
    connection.fruitless["alice"] -= connection.ASK_AGAIN_MS
    assert send(connection, "connect", "newest")["statusCode"] == 200


def test_a_disconnect_that_says_not_whose_it_was_is_taken_without_an_error(aws: Aws, connection: ModuleType) -> None:
    """AWS fact: $disconnect may come without the authorizer's context. The roll call finds that connection."""
    send(connection, "connect")
    event = json.loads((EVENTS / "disconnect.json").read_text())
    del event["requestContext"]["authorizer"]
    assert connection.handler(event, Invocation()) == {"statusCode": 200}


def test_a_hello_makes_known_again_who_was_thought_gone(aws: Aws, keystroke: ModuleType) -> None:
    """AWS fact: a post before the handshake has ended is answered 410, and the keeper may forget the connection."""
    aws.set_connections({"other"})
    keystroke.visitors = FrontEnds()  # type: ignore[attr-defined]
    send(keystroke, "hello", "tab-1")
    record = aws.record()
    assert record is not None
    assert record.connections == {"other", "tab-1"}


def test_a_hello_of_one_that_is_known_writes_nothing(aws: Aws, keystroke: ModuleType) -> None:
    aws.set_connections({"tab-1"})
    aws.set(guest_status={"S": "open"}, guest_id={"S": "g1"})
    keystroke.visitors = FrontEnds()  # type: ignore[attr-defined]
    aws.calls.clear()
    send(keystroke, "hello", "tab-1")
    assert aws.calls == ["GetItem"]


def test_a_key_makes_known_again_who_was_thought_gone(aws: Aws, keystroke: ModuleType) -> None:
    aws.set_connections({"other"})
    send(keystroke, "keystroke", "tab-1", at=aws.time())
    record = aws.record()
    assert record is not None
    assert (record.connections, list(record.keys)) == ({"other", "tab-1"}, ["tab-1"])


def test_a_frame_named_like_a_lifecycle_route_disconnects_nobody(aws: Aws, connection: ModuleType) -> None:
    """T13: an action "$disconnect" is routed here; only API Gateway's own event counts."""
    send(connection, "connect")
    event = json.loads((EVENTS / "bad_frame.json").read_text())
    event["requestContext"] |= {"routeKey": "$disconnect", "connectionId": "tab-1"}
    assert connection.handler(event, Invocation()) == {"statusCode": 200}
    record = aws.record()
    assert record is not None
    assert record.connections == {"tab-1"}


@pytest.mark.parametrize(("values", "guest"), [({}, "open"), ({"typing_unavailable": {"BOOL": True}}, "unavailable")])
def test_the_welcome_says_how_the_guest_stands(
    aws: Aws, keystroke: ModuleType, values: dict[str, Any], guest: str
) -> None:
    """A page that is loaded anew is as honest as the one before."""
    aws.set(**{"guest_id": {"S": "g1"}, **values})
    keystroke.visitors = front_ends = FrontEnds()  # type: ignore[attr-defined]
    send(keystroke, "hello")
    assert [(frame["type"], frame["guest"]) for frame in front_ends.frames] == [("welcome", guest)]
    assert front_ends.frames[0]["timings"] == {
        "debounce_ms": 2000,
        "heartbeat_ms": 1000,
        "hold_ms": 6000,
        "agent_typing_ms": 60_000,
    }


def test_the_welcome_says_how_long_the_token_is_good(aws: Aws, keystroke: ModuleType) -> None:
    """By the relay's own clock: the page's may be wrong."""
    aws.set(guest_id={"S": "g1"})
    keystroke.visitors = front_ends = FrontEnds()  # type: ignore[attr-defined]
    event = json.loads((EVENTS / "hello.json").read_text())
    event["requestContext"]["authorizer"]["expires_at"] = event["requestContext"]["requestTimeEpoch"] // 1000 + 3600
    keystroke.handler(event, Invocation())
    left_ms = 3_600_000 - event["requestContext"]["requestTimeEpoch"] % 1000
    assert front_ends.frames[0]["token_ends_in_ms"] == left_ms


@pytest.mark.parametrize(
    ("values", "calls"),
    [
        ({}, ["GetItem"]),
        ({"guest_status": {"S": "closed"}}, ["GetItem", "SendMessage", "UpdateItem"]),
        (
            {"held": {"N": "1"}, "guest_requested_at": {"N": "0"}},
            ["GetItem", "SendMessage", "UpdateItem"],
        ),
    ],
    ids=["held", "never asked for", "its keeper has been silent for half an hour"],
)
def test_a_ping_asks_for_the_guest_that_nobody_holds(
    aws: Aws, keystroke: ModuleType, values: dict[str, Any], calls: list[str]
) -> None:
    """T9: who only waits has nothing else that would notice. The queue first: who dies in between has asked."""
    aws.set(**{"keeper": {"S": "keeper-1"}, "guest_id": {"S": "g1"}, **values})
    keystroke.visitors = front_ends = FrontEnds()  # type: ignore[attr-defined]
    aws.calls.clear()
    send(keystroke, "ping")
    assert ([frame["type"] for frame in front_ends.frames], aws.calls) == (["pong"], calls)


def test_the_first_key_starts_one_execution(aws: Aws, keystroke: ModuleType) -> None:
    """T2: without waiting."""
    send(keystroke, "keystroke")
    assert aws.started == [("alice", 1)]


def test_a_coalesced_key_is_one_write_and_no_other_call(aws: Aws, keystroke: ModuleType) -> None:
    """T8."""
    send(keystroke, "keystroke", at=aws.time() - 100)
    aws.calls.clear()
    send(keystroke, "keystroke")
    assert (aws.calls, len(aws.started)) == (["UpdateItem"], 1)


def test_a_frame_delivered_twice_starts_one_execution(aws: Aws, keystroke: ModuleType) -> None:
    """T12: duplicates change nothing."""
    at = aws.time()
    send(keystroke, "keystroke", at=at)
    send(keystroke, "keystroke", at=at)
    assert aws.started == [("alice", 1)]


def test_when_no_execution_can_be_started_the_next_key_tries_again(aws: Aws, keystroke: ModuleType) -> None:
    """T9: the lease is released when starting fails."""
    aws.can_start = False
    send(keystroke, "keystroke", at=aws.time() - 50)
    aws.can_start = True
    send(keystroke, "keystroke")
    assert aws.started == [("alice", 2)]


def test_a_key_for_a_record_past_its_time_starts_afresh(aws: Aws, keystroke: ModuleType) -> None:
    """T11: an item past expires_at is absent, deleted or not."""
    send(keystroke, "keystroke", at=aws.time() - 1_000)
    aws.set(expires_at={"N": str(aws.time() // 1000)})
    assert aws.record() is None
    send(keystroke, "keystroke")
    record = aws.record()
    assert record is not None
    assert (record.generation, record.guest_id) == (1, "")


def test_a_visitor_who_comes_back_to_a_record_past_its_time_gets_a_new_guest(aws: Aws, connection: ModuleType) -> None:
    """T11: nothing of the old record is believed."""
    send(connection, "connect")
    aws.set(guest_status={"S": "open"}, expires_at={"N": str(aws.time() // 1000)})
    send(connection, "connect", "tab-2")
    record = aws.record()
    assert record is not None
    assert (record.connections, record.guest_status) == ({"tab-2"}, "closed")


def test_the_sender_tells_cxone_and_comes_back_later(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """T1, T2: `true`, then a wait of whole seconds for the quiet time."""
    send(keystroke, "keystroke")
    assert reconcile(sender) == {"done": False, "wait_seconds": 2}
    assert cxone.typing == [True]


def test_a_sleeping_owners_lease_outlives_its_wait(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """T8: keys that come meanwhile are coalesced, and start no second owner."""
    send(keystroke, "keystroke")
    wait_seconds = reconcile(sender)["wait_seconds"]
    record = aws.record()
    assert record is not None
    assert record.lease_until >= aws.time() + wait_seconds * 1000 + sender.policy.lease_margin_ms


def test_a_stop_takes_over_and_sends_false_at_once(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """A stop takes a new generation; the old execution ends."""
    send(keystroke, "keystroke", at=aws.time() - 100)
    reconcile(sender)
    send(keystroke, "stop")
    assert aws.started[-1] == ("alice", 2)
    assert reconcile(sender, generation=1) == {"done": True, "wait_seconds": 0}
    assert reconcile(sender, generation=2) == {"done": True, "wait_seconds": 0}
    assert cxone.typing == [True, False]


def send_frame(aws: Aws, keystroke: ModuleType, at: int | None = None, **frame: Any) -> None:
    """A frame of the sample visitor's first tab, now or at ``at``."""
    event = json.loads((EVENTS / "keystroke.json").read_text())
    event["requestContext"] |= {"connectionId": "tab-1", "requestTimeEpoch": aws.time() if at is None else at}
    event["body"] = json.dumps(frame)
    keystroke.handler(event, Invocation())


@pytest.mark.parametrize(
    ("frame", "logged"),
    [({"client": "typing-relay.js/1.2.0"}, "typing-relay.js/1.2.0"), ({}, "unnamed")],
)
def test_the_line_of_a_hello_says_which_client_it_was(
    aws: Aws, keystroke: ModuleType, monkeypatch: pytest.MonkeyPatch, frame: dict[str, str], logged: str
) -> None:
    """So that a deployment can tell who still runs an old one."""
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(
        keystroke.logger, "info", lambda message, **fields: lines.append({"message": message, **fields})
    )
    keystroke.visitors = FrontEnds()  # type: ignore[attr-defined]
    send_frame(aws, keystroke, action="hello", **frame)
    assert lines == [{"message": "hello", "session": "alice", "client": logged}]


def test_a_held_burst_is_parked_until_its_stop_calls_the_next_owner(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """T2, T8: no execution sleeps, keys that hold on start none; the stop's owner is at work at once."""
    send_frame(aws, keystroke, action="keystroke", hold_ms=6000)
    assert reconcile(sender) == {"done": True, "wait_seconds": 0}
    aws.time.ms += 4_000
    send_frame(aws, keystroke, action="keystroke", hold_ms=6000, ago_ms=300)
    assert aws.started == [("alice", 1)]
    send_frame(aws, keystroke, action="stop", ago_ms=20)
    assert aws.started == [("alice", 1), ("alice", 2)]
    assert reconcile(sender, generation=2)["done"]
    assert cxone.typing == [True, False]


def test_a_burst_without_faults_asks_cxone_nothing(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """T14: and its end is done with in the same write as CXone's word."""
    send(keystroke, "keystroke", at=aws.time() - 100)
    reconcile(sender)
    send(keystroke, "stop")
    aws.calls.clear()
    assert reconcile(sender, generation=2)["done"]
    assert (cxone.typing, cxone.asked) == ([True, False], 0)
    assert aws.calls == ["GetItem", "UpdateItem", "UpdateItem"]  # read, lock, settled


def test_an_end_of_typing_whose_first_call_failed_is_asked_after(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """T4, T14: CXone's word alone does not settle what may have been taken twice."""
    send(keystroke, "keystroke", at=aws.time() - 100)
    reconcile(sender)
    cxone.answer = Outcome(Kind.FAILED)
    send(keystroke, "stop")
    reconcile(sender, generation=2)
    cxone.answer = Outcome(Kind.ACCEPTED)
    aws.time.ms += 2_000
    assert reconcile(sender, generation=2)["done"]
    assert (cxone.typing, cxone.asked) == ([True, False, False], 1)


def test_a_stop_told_of_late_takes_no_newer_key_back(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """T12: time decides, not arrival."""
    send_frame(aws, keystroke, action="keystroke", hold_ms=6000)
    reconcile(sender)
    send_frame(aws, keystroke, action="stop", ago_ms=30)
    assert aws.started == [("alice", 1)]
    assert cxone.typing == [True]


def test_a_held_key_delivered_after_its_debounce_still_counts(aws: Aws, keystroke: ModuleType) -> None:
    """T5: until its hold is over."""
    send_frame(aws, keystroke, at=aws.time() - 5_999, action="keystroke", hold_ms=6000)
    assert aws.started == [("alice", 1)]


def test_a_held_key_delivered_after_its_hold_is_dropped_unwritten(aws: Aws, keystroke: ModuleType) -> None:
    """T5."""
    send_frame(aws, keystroke, at=aws.time() - 6_000, action="keystroke", hold_ms=6000)
    assert (aws.calls, aws.started) == ([], [])


def test_a_closing_tab_takes_back_its_own_typing_only(
    aws: Aws, connection: ModuleType, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """T10: the other tab goes on."""
    now = aws.time()
    send(keystroke, "keystroke", "tab-1", at=now - 200)
    send(keystroke, "keystroke", "tab-2", at=now - 100)
    reconcile(sender)
    send(connection, "disconnect", "tab-2")
    assert reconcile(sender, generation=2)["done"] is False
    assert cxone.typing == [True]


def test_a_stop_for_nothing_starts_nothing(aws: Aws, keystroke: ModuleType) -> None:
    """An idle visitor who closes the page costs no execution."""
    send(keystroke, "stop")
    assert aws.started == []


def test_a_stop_that_arrives_before_its_key_keeps_the_key_back(aws: Aws, keystroke: ModuleType) -> None:
    """T5, T12: reordering changes nothing the agent sees."""
    now = aws.time()
    send(keystroke, "stop", at=now)
    send(keystroke, "keystroke", at=now - 100)
    assert aws.started == []


def test_keys_that_the_record_refuses_are_paid_for_by_their_session(aws: Aws, keystroke: ModuleType) -> None:
    """T18: each may cost two writes that fail, and leaves nothing by which other processes could count it."""
    send_frame(aws, keystroke, action="stop")
    stopped_at = aws.time()
    aws.calls.clear()
    for _ in range(40):  # as many as one connection may send at once
        send_frame(aws, keystroke, stopped_at, action="keystroke", ago_ms=100)
    assert 0 < len(aws.calls) <= 2 * (1 + 80 / (1 + keystroke.STALE_COSTS))


def test_a_key_pressed_longer_ago_than_the_debounce_is_dropped_unwritten(aws: Aws, keystroke: ModuleType) -> None:
    """T5: no `true` for a key older than the debounce."""
    send(keystroke, "keystroke", at=aws.time() - 2_000)
    assert (aws.calls, aws.started) == ([], [])


def test_a_key_pressed_while_the_connection_was_made_counts(aws: Aws, keystroke: ModuleType) -> None:
    """T5: its frame carries the time of the key, which may be before that of the handshake."""
    send(keystroke, "keystroke", at=aws.time() - 1_999)
    assert aws.started == [("alice", 1)]


def metrics_in(output: str) -> dict[str, list[float]]:
    """The metrics that a function wrote to its log."""
    lines = [json.loads(line) for line in output.splitlines() if '"_aws"' in line]
    found: dict[str, list[float]] = {}
    for line in lines:
        (declared,) = line["_aws"]["CloudWatchMetrics"]
        for metric in declared["Metrics"]:
            found.setdefault(metric["Name"], []).extend(line[metric["Name"]])
    return found


def test_what_people_feel_of_a_burst_is_measured(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """T2 in production: first key to shown, last key or stop to ended, and whether CXone took the calls."""
    send(keystroke, "keystroke", at=aws.time() - 120)
    send(keystroke, "keystroke")
    reconcile(sender)
    aws.time.ms += 500
    send(keystroke, "stop", at=aws.time() - 80)
    reconcile(sender, generation=2)
    felt = metrics_in(capsys.readouterr().out)
    assert (felt["FirstKeyToShown"], felt["LastKeyToEnded"]) == ([120], [2080])
    assert felt["CallsAccepted"] == [100, 100]


def test_a_look_that_finds_nothing_to_do_is_no_line_of_the_log(
    aws: Aws,
    keystroke: ModuleType,
    sender: ModuleType,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A line a call to CXone, and one for its metrics, not one a look."""
    send_frame(aws, keystroke, action="keystroke", hold_ms=6000)
    caplog.clear()
    reconcile(sender)
    assert caplog.messages == ["cxone typing"]
    capsys.readouterr()
    aws.time.ms += 1_000
    reconcile(sender)
    assert (caplog.messages, capsys.readouterr().out) == (["cxone typing"], "")


def test_a_burst_shown_after_a_429_is_measured_from_its_first_key(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone, capsys: pytest.CaptureFixture[str]
) -> None:
    """T2: what came in between is what people felt."""
    cxone.answer = Outcome(Kind.THROTTLED, 1_000)
    began = aws.time()
    send(keystroke, "keystroke")
    reconcile(sender)
    aws.time.ms += 1_500
    send(keystroke, "keystroke", at=aws.time())
    cxone.answer = Outcome(Kind.ACCEPTED)
    reconcile(sender)
    felt = metrics_in(capsys.readouterr().out)
    assert (felt["FirstKeyToShown"], felt["CallsAccepted"]) == ([aws.time() - began], [0, 100])


def test_clocks_that_differ_make_no_negative_time(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    send(keystroke, "keystroke")
    aws.time.ms -= 40
    reconcile(sender)
    assert metrics_in(capsys.readouterr().out)["FirstKeyToShown"] == [0]


def trouble_at_cxone(aws: Aws) -> None:
    """Another process has found that most guests' calls fail: all pause for a minute."""
    item = {"name": {"S": "breaker"}, "calm_at": {"N": str(aws.time() + 60_000)}, "in_a_row": {"N": "1"}}
    aws.dynamodb.put_item(TableName="cxone", Item=item)


def test_while_cxone_is_in_trouble_no_burst_begins(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """T7: what CXone still takes is for those that must end."""
    trouble_at_cxone(aws)
    send(keystroke, "keystroke")
    reconcile(sender)
    assert cxone.typing == []


def test_while_cxone_is_in_trouble_a_burst_ends_all_the_same(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """T4."""
    send(keystroke, "keystroke")
    reconcile(sender)
    aws.time.ms += 2_000
    trouble_at_cxone(aws)
    send(keystroke, "stop")
    reconcile(sender, generation=2)
    assert cxone.typing == [True, False]


def test_a_throttled_call_is_waited_out_by_the_state_machine(
    keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """T7: waits are spent in Step Functions, not in a paid Lambda."""
    cxone.answer = Outcome(Kind.THROTTLED, 5_000)
    send(keystroke, "keystroke")
    assert reconcile(sender)["wait_seconds"] == 2  # until quiet: a `true` nobody wants then is not sent
    assert cxone.typing == [True]


def test_a_guest_that_is_over_is_asked_for_anew_once(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """403: a new guest, asked for by whoever notices first."""
    aws.guests_asked_for()
    cxone.answer = Outcome(Kind.GUEST_OVER)
    send(keystroke, "keystroke")
    reconcile(sender)
    record = aws.record()
    assert record is not None
    assert (record.guest_id, record.guest_status) == ("", "opening")
    assert aws.guests_asked_for() == ['{"session": "alice"}']


def test_a_guest_without_typing_is_told_once_and_called_no_more(
    aws: Aws, keystroke: ModuleType, sender: ModuleType, cxone: Cxone
) -> None:
    """404: marked, told once, no further call."""
    told: list[TellTypingUnavailable] = []
    sender.runner = with_handlers(sender.runner, handled_by(TellTypingUnavailable, told.append))  # type: ignore[attr-defined]
    cxone.answer = Outcome(Kind.UNAVAILABLE)
    send(keystroke, "keystroke", at=aws.time() - 10)
    assert reconcile(sender)["done"] is True
    send(keystroke, "keystroke")
    assert (len(told), len(cxone.typing), len(aws.started)) == (1, 1, 1)


def test_the_sweeper_takes_up_what_a_dead_owner_left(aws: Aws, keystroke: ModuleType) -> None:
    """T4: a lease that ran out unreleased."""
    send(keystroke, "keystroke")
    aws.set(lease_until={"N": str(aws.time() - 1)})
    sweeper = load("sweeper", aws)
    assert sweeper.handler(json.loads((EVENTS / "sweep.json").read_text()), Invocation()) == {
        "found": 1,
        "started": 1,
        "expired": 0,
    }
    assert aws.started[-1] == ("alice", 2)


def test_the_sweeper_leaves_a_live_owner_alone(aws: Aws, keystroke: ModuleType) -> None:
    """T6: one owner at a time."""
    send(keystroke, "keystroke")
    sweeper = load("sweeper", aws)
    assert sweeper.handler({}, Invocation()) == {"found": 0, "started": 0, "expired": 0}


def test_a_missing_setting_is_named(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad input: a clear message."""
    monkeypatch.delenv("TABLE_NAME")
    with pytest.raises(runtime.SettingWrong, match="TABLE_NAME is not set"):
        load_function("sweeper")


def test_a_hold_no_longer_than_the_debounce_stops_the_function_at_its_start(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Timings that contradict each other."""
    monkeypatch.setenv("DEBOUNCE_MS", "3000")
    monkeypatch.setenv("HOLD_MS", "3000")
    with pytest.raises(ValueError, match="Raise HoldMs"):
        load_function("keystroke")


def test_a_debounce_below_2000_ms_stops_the_function_at_its_start(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """CXone fact: debounce below 2000 ms is refused."""
    monkeypatch.setenv("DEBOUNCE_MS", "500")
    with pytest.raises(ValueError, match="Raise DebounceMs"):
        load_function("keystroke")

"""DynamoDB's limits hold in the stores that tests use, and the product's stores do what its answers ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typing_relay.aws import client as aws_client
from typing_relay.aws.client import DeadlinePassed
from typing_relay.aws.messages import DynamoMessages
from typing_relay.aws.sessions import DynamoSessions
from typing_relay.relay.burst import FORGOTTEN_AT_ONCE, Session
from typing_relay.relay.ports import Coming, SentMessage

from tests.simulation.dynamodb_limits import LimitedDynamoDb, check_expression
from tests.simulation.memory_sessions import MemorySessions
from tests.support.message_table import TABLE as MESSAGES
from tests.support.message_table import create_message_table
from tests.support.session_table import TABLE, create_session_table

NOW = 1_800_000_000_000
EXPIRES = NOW // 1000 + 3600
KEY = {"session_id": {"S": "visitor"}}
#: As API Gateway names them.
CONNECTIONS = [f"L0SM9cOFvHc{number:04}=" for number in range(8000)]


@pytest.fixture
def dynamodb() -> Iterator[LimitedDynamoDb]:
    with mock_aws():
        client = boto3.client("dynamodb", "eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
        create_session_table(client)
        create_message_table(client)
        yield LimitedDynamoDb(client)


def removal(connections: int) -> dict[str, Any]:
    maps = ("#keys", "earlier_keys", "stops", "holds", "token_ends")
    paths = [f"{name}.#c{number}" for number in range(connections) for name in maps]
    names = {"#keys": "keys"} | {f"#c{number}": CONNECTIONS[number] for number in range(connections)}
    return {"UpdateExpression": "REMOVE " + ", ".join(paths), "ExpressionAttributeNames": names}


def refusal_of(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    return str(refused.value)


# --- the limits themselves


def test_an_expression_of_more_than_4096_bytes_is_refused(dynamodb: LimitedDynamoDb) -> None:
    """58 connections that are gone, as one write would have removed them."""
    assert "4131" in refusal_of(dynamodb.update_item, TableName=TABLE, Key=KEY, **removal(58))
    with pytest.raises(ClientError, match="4131"):
        check_expression(removal(58)["UpdateExpression"])


def test_an_expression_of_more_than_300_operators_is_refused(dynamodb: LimitedDynamoDb) -> None:
    values = {f":{n}": {"N": "1"} for n in range(151)}
    expression = "SET " + ",".join(f"a{n}=:{n}" for n in range(151))
    request = {"UpdateExpression": expression, "ExpressionAttributeValues": values}
    assert "operators" in refusal_of(dynamodb.update_item, TableName=TABLE, Key=KEY, **request)


def test_an_item_of_more_than_400_kb_is_refused(dynamodb: LimitedDynamoDb) -> None:
    """Whole, or as an update would make it."""
    half = {"S": "x" * 250 * 1024}
    refusal_of(dynamodb.put_item, TableName=TABLE, Item={**KEY, "a": half, "b": half})
    dynamodb.put_item(TableName=TABLE, Item={**KEY, "a": half})
    values = {":b": half}
    refusal_of(
        dynamodb.update_item, TableName=TABLE, Key=KEY, UpdateExpression="SET b = :b", ExpressionAttributeValues=values
    )


def test_names_and_values_of_more_than_2_mb_are_refused(dynamodb: LimitedDynamoDb) -> None:
    value = {":v": {"S": "x" * 2 * 1024 * 1024}}
    request = {"ConditionExpression": "a <> :v", "ExpressionAttributeValues": value}
    assert "2 MB" in refusal_of(dynamodb.put_item, TableName=TABLE, Item=KEY, **request)


@pytest.mark.parametrize("key", ["", "x" * 2049])
def test_a_key_that_is_empty_or_too_long_is_refused(dynamodb: LimitedDynamoDb, key: str) -> None:
    refusal_of(dynamodb.get_item, TableName=TABLE, Key={"session_id": {"S": key}})


@pytest.mark.parametrize("names", [[str(n) for n in range(101)], ["a", "a"]])
def test_a_batch_of_too_many_keys_or_one_key_twice_is_refused(dynamodb: LimitedDynamoDb, names: list[str]) -> None:
    keys = [{"session_id": {"S": name}} for name in names]
    refusal_of(dynamodb.batch_get_item, RequestItems={TABLE: {"Keys": keys}})


def test_the_store_in_memory_refuses_a_record_of_more_than_400_kb() -> None:
    sessions = MemorySessions()
    times = dict.fromkeys(CONNECTIONS, NOW)
    sessions.records["visitor"] = Session("visitor", keys=times, stops=times, token_ends=times, expires_at=EXPIRES)
    with pytest.raises(ClientError, match="maximum allowed size"):
        sessions.add_connection("visitor", Coming("one-more", NOW, EXPIRES), NOW, EXPIRES)


# --- what the product does about them


def test_forgetting_as_many_connections_as_one_write_takes_stays_below_the_limit(dynamodb: LimitedDynamoDb) -> None:
    stops = dict.fromkeys(CONNECTIONS[:2000], NOW)
    record = Session("visitor", stops=stops)
    assert len(record.forgettable(NOW + 1)) == FORGOTTEN_AT_ONCE
    assert len(removal(FORGOTTEN_AT_ONCE)["UpdateExpression"]) < 4096
    DynamoSessions(dynamodb, TABLE).create("visitor", NOW, EXPIRES)
    DynamoSessions(dynamodb, TABLE).prune(record, NOW + 1)


class Unreachable:
    """A DynamoDB that takes no write."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def update_item(self, **_: Any) -> dict[str, Any]:
        raise self._error


TROUBLE = [
    ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "UpdateItem"),
    ClientError({"Error": {"Code": "ThrottlingException", "Message": "no"}}, "UpdateItem"),
    DeadlinePassed(),
]


@pytest.mark.parametrize("trouble", TROUBLE, ids=["refused", "throttled", "no time left"])
def test_what_cannot_be_forgotten_now_is_no_trouble_of_the_handshake(
    caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    """The next one forgets it. A line of the log says so."""
    DynamoSessions(Unreachable(trouble), TABLE).prune(Session("visitor", stops={"gone": 1}), NOW)
    assert "could not be forgotten" in caplog.text


def test_keys_that_were_not_read_are_asked_for_again_after_a_growing_pause(
    dynamodb: LimitedDynamoDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS: asked for at once they would be unprocessed again."""
    pauses: list[float] = []
    monkeypatch.setattr(aws_client, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr("random.random", lambda: 0.5)
    monkeypatch.setattr("time.sleep", pauses.append)
    sessions = DynamoSessions(dynamodb, TABLE)
    ids = [f"visitor-{number}" for number in range(90)]
    for session_id in ids:
        sessions.create(session_id, NOW, EXPIRES)
    assert sessions.get_many(ids, NOW).keys() == set(ids)
    assert pauses == [0.05, 0.1]


class Starved(LimitedDynamoDb):
    """It reads nothing of any batch."""

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}


def test_a_record_that_cannot_be_read_is_an_error_and_not_an_absent_one(dynamodb: LimitedDynamoDb) -> None:
    """A keeper lets a visitor go whose record is absent."""
    with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
        DynamoSessions(Starved(dynamodb), TABLE).get_many(["visitor"], NOW)


def test_the_longest_message_is_a_small_part_of_an_item(dynamodb: LimitedDynamoDb) -> None:
    """10,000 characters of three bytes."""
    messages = DynamoMessages(dynamodb, MESSAGES)
    message = SentMessage("3d7e6c3e-2f5c-4d5e-9b7c-5d1f9d8a7b6c", "€" * 10_000, NOW)
    assert messages.put("s" * 128, message, NOW, NOW + 1, EXPIRES) is None

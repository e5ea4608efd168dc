"""Records written by another version of this software: rolled forward over an older one, and back from a newer one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typing_relay.aws.sessions import DynamoSessions
from typing_relay.relay.burst import RECORD_VERSION, GuestStatus, Policy, Session
from typing_relay.relay.ports import Absent, Coming, ConversationIds

from tests.support.session_table import TABLE, create_session_table

NOW = 1_800_000_000_000
EXPIRES = NOW // 1000 + 3600
COMING = Coming("tab-2", NOW - 3000, EXPIRES)


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", "eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
        create_session_table(client)
        yield client


@pytest.fixture
def sessions(dynamodb: Any) -> DynamoSessions:
    """The visitor types in one tab, an owner is at work, a guest is open."""
    store = DynamoSessions(dynamodb, TABLE)
    store.create("alice", NOW, EXPIRES)
    store.add_connection("alice", Coming("tab-1", NOW - 3000, EXPIRES), NOW, EXPIRES)
    store.press_key("alice", "tab-1", NOW, NOW, EXPIRES)
    store.claim("alice", 0, NOW + 8000, 0)
    return store


def rewrite(dynamodb: Any, without: tuple[str, ...] = (), **values: dict[str, Any]) -> None:
    """Make the record one of another version."""
    key = {"session_id": {"S": "alice"}}
    item = dynamodb.get_item(TableName=TABLE, Key=key)["Item"] | values
    dynamodb.put_item(TableName=TABLE, Item={name: value for name, value in item.items() if name not in without})


def record_of(sessions: DynamoSessions) -> Session:
    record = sessions.get("alice", NOW)
    assert record is not None
    return record


def make_it_of_version_1(dynamodb: Any) -> None:
    """Before connections carried the ends of their tokens."""
    rewrite(dynamodb, without=("token_ends", "holds", "record_version"))


def make_it_of_version_2(dynamodb: Any) -> None:
    """Before keys could be held."""
    rewrite(dynamodb, without=("holds", "burst_from"), record_version={"N": "2"})


def test_an_older_record_is_read_with_what_it_has(dynamodb: Any, sessions: DynamoSessions) -> None:
    """Roll forward: no visitor loses a burst or a guest by a deployment."""
    before = record_of(sessions)
    make_it_of_version_1(dynamodb)
    record = record_of(sessions)
    assert (record.record_version, record.token_ends) == (1, {})
    assert (record.keys, record.generation, record.connections) == (before.keys, 1, before.connections)


def test_it_is_taken_over_when_a_front_end_comes(dynamodb: Any, sessions: DynamoSessions) -> None:
    """Roll forward: with its fences, for an owner may be at work (T6)."""
    make_it_of_version_1(dynamodb)
    record = sessions.add_connection("alice", COMING, NOW, EXPIRES)
    assert isinstance(record, Session)
    assert (record.record_version, record.token_ends) == (RECORD_VERSION, {"tab-2": EXPIRES})
    assert (record.connections, record.generation, record.revision) == ({"tab-1", "tab-2"}, 1, 1)


def test_where_there_is_no_record_none_is_taken_over(dynamodb: Any) -> None:
    """A visitor's first coming costs one refused write and no other."""
    writes: list[str] = []
    dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", lambda **_: writes.append("update"))
    assert DynamoSessions(dynamodb, TABLE).add_connection("nobody", COMING, NOW, EXPIRES) == Absent()
    assert writes == ["update"]


def test_until_then_keys_stops_and_owners_go_on(dynamodb: Any, sessions: DynamoSessions) -> None:
    """Roll forward: tabs that were open before the deployment say hello to nobody."""
    make_it_of_version_1(dynamodb)
    assert sessions.press_key("alice", "tab-1", NOW + 5, NOW + 5, EXPIRES)
    assert sessions.note_stop("alice", "tab-1", NOW + 9, NOW + 9)
    assert sessions.set_lease("alice", 1, NOW + 9000)
    sessions.forget_connection("alice", "tab-1", NOW)
    sessions.prune(record_of(sessions), NOW + 60_000)
    assert record_of(sessions).connections == frozenset()


def test_in_an_older_record_a_key_counts_by_the_debounce(dynamodb: Any, sessions: DynamoSessions) -> None:
    """Roll forward, roll back: also one that an older relay writes after a held one."""
    make_it_of_version_2(dynamodb)
    record = record_of(sessions)
    assert (record.holds, record.counts_until(Policy())) == ({}, NOW + 2000)
    sessions.press_key("alice", "tab-1", NOW + 500, NOW + 500, EXPIRES)
    assert record_of(sessions).counts_until(Policy()) == NOW + 2500


@pytest.mark.parametrize("make_older", [make_it_of_version_1, make_it_of_version_2])
def test_the_first_held_key_takes_an_older_record_over(
    dynamodb: Any, sessions: DynamoSessions, make_older: Callable[[Any], None]
) -> None:
    """Roll forward: a tab that was connected before the deployment and said hello after it."""
    make_older(dynamodb)
    record = sessions.press_key("alice", "tab-1", NOW + 5, NOW + 5, EXPIRES, 6000)
    assert isinstance(record, Session)
    assert (record.holds, record.record_version) == ({"tab-1": (NOW + 5, 6000)}, RECORD_VERSION)


def test_a_record_of_a_later_version_is_used_as_it_is(dynamodb: Any, sessions: DynamoSessions) -> None:
    """Roll back: what only the later version knows is left alone and overwritten by nobody."""
    later = {"N": str(RECORD_VERSION + 1)}
    rewrite(dynamodb, record_version=later, mood={"S": "cheerful"})
    record = sessions.add_connection("alice", COMING, NOW, EXPIRES)
    assert isinstance(record, Session)
    assert record.record_version == RECORD_VERSION + 1
    item = dynamodb.get_item(TableName=TABLE, Key={"session_id": {"S": "alice"}})["Item"]
    assert (item["mood"], item["record_version"]) == ({"S": "cheerful"}, later)


def test_a_guest_status_that_only_a_later_version_knows_means_that_there_is_no_guest(
    dynamodb: Any, sessions: DynamoSessions
) -> None:
    """Roll back: a guest is asked for anew, and no function fails over it."""
    rewrite(dynamodb, guest_status={"S": "on_holiday"})
    assert record_of(sessions).guest_status is GuestStatus.CLOSED


def test_what_an_older_record_has_itself_is_not_looked_for_beside_it(dynamodb: Any, sessions: DynamoSessions) -> None:
    """Roll forward, on Digital-First: the URL was part of the record, and is no longer once another token is used."""
    sessions.take_guest("alice", "keeper", NOW)
    sessions.open_conversation("alice", "keeper", ConversationIds("guest", "customer", "thread"), NOW)
    rewrite(dynamodb, web_socket_url={"S": "wss://older"}, access_until={"N": str(NOW + 5)})
    assert (record_of(sessions).web_socket_url, record_of(sessions).access_until) == ("wss://older", NOW + 5)
    sessions.renew_access("alice", "keeper")
    assert (record_of(sessions).web_socket_url, record_of(sessions).access_until) == ("", 0)

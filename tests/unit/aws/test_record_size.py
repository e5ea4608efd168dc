"""A write costs one unit per KB of the whole item: a record with two tabs stays below the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typing_relay.aws.sessions import DynamoSessions
from typing_relay.relay.burst import GuestStatus, claim_of
from typing_relay.relay.ports import Coming, ConversationIds, KeptAccess, Lock

from tests.support.item_size import item_size, record_size
from tests.support.session_table import TABLE, create_session_table

NOW = 1_800_000_000_000
EXPIRES = NOW // 1000 + 3600
ID, KEEPER = "0c6f3a52-7a0b-4f0e-9f0c-2b1d6c1c9c11", "ip-10-0-12-34-0c6f3a52"
GUEST = "5f1c2f7e-3f63-4b6e-8a39-6d7d3f2f8f10"
TABS = ("L0SM9cOFvHcCIhw=", "LfP1eeM7FiAEJ6A=")
LONG_URL = "wss://".ljust(200, "x")


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", "eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
        create_session_table(client)
        yield client


def open_webchat(sessions: DynamoSessions) -> None:
    """A guest's URL is part of the record."""
    sessions.open_guest(ID, KEEPER, GUEST, LONG_URL, NOW)


def open_gateway(sessions: DynamoSessions) -> None:
    """A visitor's is twice as long, and beside the record; agents see a contact, and messages were told."""
    sessions.open_conversation(ID, KEEPER, ConversationIds(GUEST, GUEST, GUEST, "chat_4a1f0c9e"), NOW)
    sessions.keep_access(ID, KeptAccess(GUEST, LONG_URL * 2, NOW + 600_000), NOW)
    sessions.set_contact(ID, KEEPER, is_open=False, perhaps_shown=False)


@pytest.mark.parametrize("open_guest", [open_webchat, open_gateway])
def test_a_record_with_two_tabs_and_a_long_socket_url_costs_one_unit_a_write(
    dynamodb: Any, open_guest: Callable[[DynamoSessions], None]
) -> None:
    sessions = DynamoSessions(dynamodb, TABLE)
    sessions.create(ID, NOW, EXPIRES)
    for tab in TABS:
        sessions.add_connection(ID, Coming(tab, NOW - 7000, EXPIRES), NOW, EXPIRES)
        for at in (NOW, NOW + 4000):
            sessions.press_key(ID, tab, at, at, EXPIRES, 6000)
    sessions.take_guest(ID, KEEPER, NOW, claim_of("0c6f3a52-7a0b-4f0e-9f0c-2b1d6c1c9c11", NOW))
    open_guest(sessions)
    sessions.set_guest_status(ID, KEEPER, GuestStatus.RECONNECTING, NOW)
    sessions.claim(ID, 0, NOW + 14_000, NOW + 500)
    record = sessions.get(ID, NOW)
    assert record is not None
    lock = Lock(True, NOW + 7500, NOW + 14_000, typing_since=NOW, burst_from=NOW, spends=NOW + 1000)
    sessions.lock(record, lock)
    sessions.accepted(record, lock, NOW + 100, NOW + 30_000)
    locked = sessions.get(ID, NOW)
    assert locked is not None
    sessions.postpone(locked, NOW + 9000)
    end = Lock(False, NOW + 8500, NOW + 14_000, typing_since=NOW, burst_from=0)
    sessions.lock(locked, end)
    item = dynamodb.get_item(TableName=TABLE, Key={"session_id": {"S": ID}})["Item"]
    assert item_size(item) <= 1024
    record = sessions.get(ID, NOW)
    assert record is not None
    assert record_size(record, in_lease_index=True) == pytest.approx(
        item_size(item), abs=20
    )  # mismatches: not written yet

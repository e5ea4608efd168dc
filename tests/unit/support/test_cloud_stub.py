"""The benchmarks' stand-in for DynamoDB lets a keeper take a guest, by the store's own writes."""

import time
from typing import Any

from typing_relay.aws.sessions import DynamoSessions

from tests.benchmarks.cloud_stub import Table

#: The stand-in has the time of day: its records live for a day.
NOW = time.time_ns() // 1_000_000


class Client:
    """As ``services.DynamoDb``, answered by the stand-in; an empty answer is a refusal, as its server says it."""

    def __init__(self) -> None:
        self._table = Table()

    def update_item(self, **call: Any) -> dict[str, Any]:
        return self._table.update_item(call)

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        return self._table.batch_get_item(call)


def test_a_keeper_takes_a_guest_by_its_claim_and_holds_it_again() -> None:
    sessions = DynamoSessions(Client(), "sessions")
    taken = sessions.take_guest("alice", "keeper-1", NOW, claim=NOW)
    assert taken
    assert taken.keeper == "keeper-1"
    assert sessions.open_guest("alice", "keeper-1", "guest-1", "wss://127.0.0.1/guest-1", NOW)
    assert sessions.hold_again("alice", "keeper-1", NOW, NOW + 1)


def test_a_keeper_takes_a_guest_from_another() -> None:
    sessions = DynamoSessions(Client(), "sessions")
    sessions.take_guest("alice", "keeper-1", NOW, claim=NOW)
    taken = sessions.take_guest("alice", "keeper-2", NOW, claim=NOW + 1)
    assert taken
    assert taken.keeper == "keeper-2"


def test_a_look_at_many_records_leaves_out_what_a_record_does_not_have() -> None:
    sessions = DynamoSessions(Client(), "sessions")
    sessions.take_guest("alice", "keeper-1", NOW, claim=NOW)
    looked = sessions.get_many(["alice", "bob"], NOW)
    assert {name: record.keeper for name, record in looked.items()} == {"alice": "keeper-1", "bob": ""}

"""The contract of the session store, on both of its implementations, and that they cannot be told apart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from typing_relay.aws.sessions import SWEEP_SHARDS, DynamoSessions
from typing_relay.relay.burst import GuestStatus, claim_of
from typing_relay.relay.ports import Coming, ConversationIds, KeptAccess, Lock

from tests.simulation.dynamodb_limits import LimitedDynamoDb
from tests.simulation.memory_sessions import MemorySessions
from tests.support.session_table import TABLE, create_session_table, delete_all_records
from tests.support.sessions_contract import SessionsContract

#: As many as suit the histories that are simulated: 50 in `make check`.
EXAMPLES = max(10, int(os.environ.get("HISTORIES", "100000")) // 2_000)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """DynamoDB as moto has it, with the limits that moto does not know."""
    with mock_aws():
        dynamodb = boto3.client("dynamodb", "eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
        create_session_table(dynamodb)
        yield LimitedDynamoDb(dynamodb)


def emptied(client: Any) -> DynamoSessions:
    """A store on that table, without any record."""
    delete_all_records(client)
    return DynamoSessions(client, TABLE)


class TestMemorySessions(SessionsContract):
    """The store of the simulation."""

    @pytest.fixture
    def sessions(self) -> MemorySessions:
        """Empty."""
        return MemorySessions()


class TestDynamoSessions(SessionsContract):
    """The store of the product, on moto."""

    @pytest.fixture
    def sessions(self, client: Any) -> DynamoSessions:  # type: ignore[override]  # the same methods, one by one
        """Empty."""
        return emptied(client)


NOW = 1_800_000_000_000
TIMES = st.integers(0, 4).map(lambda tick: NOW + tick * 1000)
TABS = st.sampled_from(["tab-1", "tab-2"])
KEEPERS = st.sampled_from(["keeper-1", "keeper-2"])
NUMBERS = st.integers(0, 3)
#: Often the record expires within the times above.
EXPIRIES = st.sampled_from([NOW // 1000 + 2, NOW // 1000 + 3600])
COMINGS = st.builds(Coming, TABS, TIMES, EXPIRIES)
CLAIMS = st.builds(claim_of, st.sampled_from(["message-1", "message-2"]), TIMES)
LOCKS = st.builds(Lock, st.booleans(), TIMES, TIMES, st.none() | TIMES, st.none() | TIMES, NUMBERS)
IDS = st.sampled_from(["visitor", "visitor", "visitor", "another"])
GUESTS = st.sampled_from(["", "guest-1", "guest-2"])
#: What a caller read before: an index into the records seen so far, the newest first.
SEEN = st.integers(0, 2)
STATUSES = st.sampled_from(GuestStatus)
CONVERSATIONS = st.builds(ConversationIds, GUESTS, st.just("customer"), st.just("thread-0"))
ACCESSES = st.builds(KeptAccess, GUESTS, st.sampled_from(["wss://gateway", "wss://renewed"]), TIMES)

CALLS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "get": (IDS, TIMES),
    "overdue": (st.integers(0, SWEEP_SHARDS - 1), TIMES, NUMBERS.map(lambda number: number + 1)),
    "create": (IDS, TIMES, EXPIRIES),
    "press_key": (IDS, TABS, TIMES, TIMES, EXPIRIES, st.sampled_from([0, 6000])),
    "note_stop": (IDS, TABS, TIMES, TIMES),
    "add_connection": (IDS, COMINGS, TIMES, EXPIRIES),
    "forget_connection": (IDS, TABS, TIMES),
    "prune": (SEEN, TIMES),
    "claim": (IDS, NUMBERS, TIMES, TIMES),
    "set_lease": (IDS, NUMBERS, TIMES),
    "lock": (SEEN, LOCKS),
    "unlock": (SEEN, LOCKS, st.booleans()),
    "accepted": (SEEN, LOCKS, TIMES, st.none() | TIMES),
    "settled": (SEEN, LOCKS, TIMES),
    "failed": (SEEN, LOCKS, st.none() | TIMES),
    "put_off_question": (SEEN, TIMES),
    "verified": (SEEN, st.booleans(), st.none() | TIMES, NUMBERS),
    "postpone": (SEEN, TIMES),
    "forget_failures": (IDS, NUMBERS),
    "release": (SEEN,),
    "request_guest": (SEEN, TIMES),
    "take_guest": (IDS, KEEPERS, TIMES, st.just(0) | CLAIMS),
    "hold_again": (IDS, KEEPERS, TIMES, CLAIMS),
    "keep_guest": (IDS, KEEPERS, TIMES, EXPIRIES),
    "open_guest": (IDS, KEEPERS, GUESTS, st.just("wss://guest"), TIMES),
    "set_guest_status": (IDS, KEEPERS, STATUSES, TIMES, st.booleans()),
    "end_guest": (IDS, GUESTS, TIMES),
    "release_guest": (IDS, KEEPERS, TIMES, st.booleans()),
    "mark_typing_unavailable": (IDS, GUESTS),
    "open_conversation": (IDS, KEEPERS, CONVERSATIONS, TIMES),
    "renew_access": (IDS, KEEPERS, st.sampled_from(["", "token"])),
    "keep_access": (IDS, ACCESSES, TIMES),
    "access_of": (IDS, TIMES),
    "with_access": (SEEN, TIMES),
    "set_contact": (IDS, KEEPERS, st.booleans(), st.booleans()),
    "doubt_shown": (IDS, KEEPERS),
    "set_thread": (IDS, KEEPERS, st.sampled_from(["thread-1", "thread-2"])),
    "note_told": (IDS, KEEPERS, TIMES, st.sampled_from(["message-1", ""])),
}
CALL = st.sampled_from(sorted(CALLS)).flatmap(lambda name: st.tuples(st.just(name), *CALLS[name]))


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALL, min_size=5, max_size=40))
def test_no_sequence_of_calls_tells_the_two_stores_apart(client: Any, calls: list[tuple[Any, ...]]) -> None:
    """What the simulation proves on the one holds for the other: every answer and every record is the same."""
    memory, dynamo = MemorySessions(), emptied(client)
    memory.create("visitor", NOW, NOW // 1000 + 3600)
    dynamo.create("visitor", NOW, NOW // 1000 + 3600)
    seen = [memory.records["visitor"]] * 3
    for name, *arguments in calls:
        if CALLS[name][0] is SEEN:
            arguments[0] = seen[arguments[0]]
        answers = [getattr(store, name)(*arguments) for store in (memory, dynamo)]
        assert answers[0] == answers[1], name
        for session_id in ("another", "visitor"):
            record = memory.get(session_id, 0)
            assert record == dynamo.get(session_id, 0), name
        assert memory.get_many(["visitor", "another"], 0) == dynamo.get_many(["visitor", "another"], 0), name
        seen = [record, *seen[:2]]

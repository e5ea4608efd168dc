"""The contract of the message store, on both of its implementations, and that they cannot be told apart."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from typing_relay.aws.messages import DynamoMessages
from typing_relay.aws.sessions import shard_of
from typing_relay.relay.ports import AlreadyThere, Attachment, MessageStatus, SentMessage, Standing

from tests.simulation.dynamodb_limits import LimitedDynamoDb
from tests.simulation.memory_messages import MemoryMessages
from tests.support.canary import found_in
from tests.support.message_table import TABLE, create_message_table, delete_all_messages
from tests.support.messages_contract import (
    ACCEPTED,
    FIRST,
    ID,
    KEY,
    NEVER_LEFT,
    NOBODY_KNOWS,
    REFUSED,
    MessagesContract,
    put,
)

#: As many as suit the histories that are simulated: 50 in `make check`.
EXAMPLES = max(10, int(os.environ.get("HISTORIES", "100000")) // 2_000)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """DynamoDB as moto has it, with the limits that moto does not know."""
    with mock_aws():
        dynamodb = boto3.client("dynamodb", "eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
        create_message_table(dynamodb)
        yield LimitedDynamoDb(dynamodb)


def emptied(client: Any) -> DynamoMessages:
    """A store on that table, without any message."""
    delete_all_messages(client)
    return DynamoMessages(client, TABLE)


class TestMemoryMessages(MessagesContract):
    """The store of tests and simulation."""

    @pytest.fixture
    def messages(self) -> MemoryMessages:
        """Empty."""
        return MemoryMessages()


class TestDynamoMessages(MessagesContract):
    """The store of the product, on moto."""

    @pytest.fixture
    def messages(self, client: Any) -> DynamoMessages:  # type: ignore[override]  # the same methods, one by one
        """Empty."""
        return emptied(client)


@pytest.mark.parametrize("standing", [ACCEPTED, REFUSED, NEVER_LEFT, NOBODY_KNOWS])
def test_nothing_of_the_text_is_kept_once_a_message_is_settled(client: Any, standing: Standing) -> None:
    """What a visitor wrote is there for as long as somebody has to send it on, and no longer."""
    messages = emptied(client)
    sent = SentMessage(FIRST, "my card is 4111", NOW, postback="4111")
    messages.put(ID, sent, NOW, NOW + 1000, NOW // 1000 + 60)
    messages.settle(ID, FIRST, standing)
    [item] = client.scan(TableName=TABLE)["Items"]
    assert "4111" not in str(item)
    assert item.keys() == {"session_id", "message_id", "sent_at", "fingerprint", "standing", "reason", "expires_at"}


class Metered:
    """A client that counts the items that reads looked at."""

    def __init__(self, client: Any) -> None:
        self._client, self.looked_at = client, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def query(self, **request: Any) -> Any:
        answer = self._client.query(**request)
        self.looked_at += answer["ScannedCount"]
        return answer

    def batch_get_item(self, **request: Any) -> Any:
        answer = self._client.batch_get_item(**request)
        self.looked_at += len(answer["Responses"][TABLE])
        return answer


def test_a_look_reads_nothing_that_is_settled(client: Any) -> None:
    """T18: else a visitor who writes for an hour makes each look of their keeper cost megabytes."""
    emptied(client)
    metered = Metered(client)
    messages = DynamoMessages(metered, TABLE)
    for number in range(30):
        put(messages, f"settled-{number}")  # type: ignore[arg-type]
        messages.settle(ID, f"settled-{number}", ACCEPTED)
    put(messages)  # type: ignore[arg-type]
    assert ([message.message_id for message in messages.waiting(ID, 10, NOW)], metered.looked_at) == ([FIRST], 2)
    assert (messages.count_waiting(ID, 20), metered.looked_at) == (1, 3)


def test_a_look_at_all_sessions_ends_with_those_that_are_due_first(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T18: however much waits, a look has an end; the others are found as the first are settled."""
    monkeypatch.setattr("typing_relay.aws.messages._MOST_FOUND", 2)
    messages = emptied(client)
    for number in (3, 1, 2):
        message = SentMessage(f"due-{number}", "hi", NOW)
        messages.put(ID, message, NOW, NOW + number * 1000, NOW // 1000 + 3600)
    assert messages.waiting_sessions(shard_of(ID)) == {ID: {"due-1", "due-2"}}


def test_a_message_of_the_version_before_is_found_in_the_index(client: Any) -> None:
    """T15: it has no mark. Whoever looks for waiting messages names it."""
    messages = emptied(client)
    put(messages, "old", at=NOW - 1)  # type: ignore[arg-type]
    put(messages, "new")  # type: ignore[arg-type]
    messages._remove_mark(ID, "old")
    waits = messages.waiting_sessions(shard_of(ID))[ID]
    assert [message.message_id for message in messages.waiting(ID, 9, NOW, waits)] == ["old", "new"]
    assert messages.settle(ID, "old", ACCEPTED) == ACCEPTED


def test_a_mark_that_a_death_left_behind_is_removed_once_its_message_cannot_be_on_its_way(client: Any) -> None:
    """T18: it would count as one that waits."""
    messages = emptied(client)
    messages._mark(ID, FIRST, NOW, NOW + 300_000)
    assert (messages.waiting(ID, 9, NOW + 30_000), messages.count_waiting(ID, 9)) == ([], 1)
    assert (messages.waiting(ID, 9, NOW + 90_000), messages.count_waiting(ID, 9)) == ([], 0)


def test_one_that_was_settled_and_is_sent_again_counts_as_waiting_no_more(client: Any) -> None:
    messages = emptied(client)
    put(messages)  # type: ignore[arg-type]
    messages.settle(ID, FIRST, ACCEPTED)
    put(messages)  # type: ignore[arg-type]
    assert messages.count_waiting(ID, 9) == 0


def settled_item(client: Any, sent: SentMessage) -> dict[str, Any]:
    """What is left of it."""
    messages = emptied(client)
    messages.put(ID, sent, NOW, NOW + 1000, NOW // 1000 + 60)
    messages.settle(ID, FIRST, ACCEPTED)
    [item] = client.scan(TableName=TABLE)["Items"]
    return dict(item)


def test_whoever_knows_the_table_alone_cannot_find_the_text_by_trying(client: Any) -> None:
    """A short text is found in no time by its plain hash. By which key it was hashed is not in the table."""
    sent = SentMessage(FIRST, "my pin is 483107", NOW, key=KEY)
    left = str(settled_item(client, sent))
    assert (found_in(left, sent.text, (ID, FIRST)), KEY in left) == ([], False)


def test_fingerprints_of_two_keys_have_nothing_in_common(client: Any) -> None:
    items = [settled_item(client, SentMessage(FIRST, "hi", NOW, key=key)) for key in (KEY, "another key")]
    one, other = (set(item["fingerprint"]["S"].split(".")) for item in items)
    assert not one & other


@pytest.mark.parametrize("postback", ["/red", ""])
def test_a_fingerprint_of_a_version_before_is_still_compared(client: Any, postback: str) -> None:
    """For the day that such a message is known."""
    messages = emptied(client)
    sent = SentMessage(FIRST, "Red", NOW, postback=postback, key=KEY)
    item = settled_item(client, sent)
    plain = hashlib.sha256("\0".join(filter(None, (ID, FIRST, "Red", postback))).encode()).hexdigest()
    client.put_item(TableName=TABLE, Item=item | {"fingerprint": {"S": plain}})
    until = (NOW, NOW + 1000, NOW // 1000 + 60)
    assert messages.put(ID, sent, *until) == AlreadyThere(ACCEPTED, same_text=True)
    assert messages.put(ID, replace(sent, text="Blue"), *until) == AlreadyThere(ACCEPTED, same_text=False)


def test_no_value_shows_what_a_visitor_wrote_when_it_is_printed() -> None:
    """Nor when it is logged, or part of an error."""
    messages = MemoryMessages()
    put(messages, text="my card is 4111")
    assert "4111" not in repr([SentMessage("m", "my card is 4111", 0, key="4111"), *messages.waiting(ID, 1, 0)])


NOW = 1_800_000_000_000
TIMES = st.integers(0, 4).map(lambda tick: NOW + tick * 1000)
SESSIONS = st.sampled_from(["visitor", "visitor", "another"])
IDS = st.sampled_from(["message-1", "message-2", "message-3"])
TEXTS = st.sampled_from(["hello", "good bye"])
KEEPERS = st.sampled_from(["keeper-1", "keeper-2"])
SHARDS = st.sampled_from([shard_of("visitor"), shard_of("another")])
LIMITS = st.integers(1, 4)
STANDINGS = st.sampled_from([ACCEPTED, REFUSED, NOBODY_KNOWS])
FILES = st.sampled_from([(), (), (Attachment("https://files/1", "a photo.png", "image/png"),)])
MESSAGES = st.builds(SentMessage, IDS, TEXTS, TIMES, attachments=FILES, key=st.sampled_from(["", "key-1", "key-2"]))
#: Often the message expires within the times above.
EXPIRIES = st.sampled_from([NOW // 1000 + 2, NOW // 1000 + 3600])

CALLS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "put": (SESSIONS, MESSAGES, TIMES, TIMES, EXPIRIES),
    "get": (SESSIONS, IDS, TIMES),
    "waiting": (SESSIONS, LIMITS, TIMES),
    "leave": (SESSIONS, IDS, st.just("") | KEEPERS, KEEPERS),
    "settle": (SESSIONS, IDS, STANDINGS),
    "expire": (SESSIONS, IDS),
    "waiting_sessions": (SHARDS,),
}
#: What happens most: the rest is for it.
NAMES = [*sorted(CALLS), "put", "put", "leave"]
CALL = st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), *CALLS[name]))


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALL, min_size=5, max_size=40))
def test_no_sequence_of_calls_tells_the_two_stores_apart(client: Any, calls: list[tuple[Any, ...]]) -> None:
    """What is proven on the one holds for the other: every answer and every message is the same."""
    memory, dynamo = MemoryMessages(), emptied(client)
    for name, *arguments in calls:
        answers = [getattr(store, name)(*arguments) for store in (memory, dynamo)]
        assert answers[0] == answers[1], name
        for session_id in ("visitor", "another"):
            assert memory.waiting(session_id, 9, 0) == dynamo.waiting(session_id, 9, 0), name
            shard = shard_of(session_id)
            assert set(memory.overdue(shard, NOW * 2, 9)) == set(dynamo.overdue(shard, NOW * 2, 9)), name
        for session_id, message_id in memory.kept:
            standing = memory.get(session_id, message_id, 0)
            assert standing == dynamo.get(session_id, message_id, 0), name
            assert standing is not None
            assert bool(standing.reason) == (standing.status is MessageStatus.FAILED)

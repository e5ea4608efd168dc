"""What all processes share of CXone, on moto's DynamoDB: the token with its lock, and the breaker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typing_relay.platforms.webchat.auth import ShareUnavailable, Token
from typing_relay.platforms.webchat.shared_state import (
    LOCK_MS,
    LOOK_MS,
    REPORT_CALLS,
    SHARDS,
    SharedBreaker,
    SharedToken,
)
from typing_relay.relay.breaker import BUCKETS, LONGEST_PAUSE_MS, WINDOW_MS
from typing_relay.relay.outcomes import Kind, Outcome

TABLE = "cxone"
NOW = 1_800_000_000_000
FINE, THROTTLED = Outcome(Kind.ACCEPTED), Outcome(Kind.THROTTLED, 8_000)


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("dynamodb", "eu-central-1")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        )
        yield client


# --- the token


def test_a_saved_token_is_read_by_another_process(dynamodb: Any) -> None:
    token = Token("tok", NOW + 3_600_000)
    SharedToken(dynamodb, TABLE).save(token)
    assert SharedToken(dynamodb, TABLE).read() == token


def test_one_process_renews_at_a_time(dynamodb: Any) -> None:
    """Single flight."""
    assert SharedToken(dynamodb, TABLE).try_lock(NOW)
    assert not SharedToken(dynamodb, TABLE).try_lock(NOW + LOCK_MS - 1)


def test_the_lock_of_a_process_that_died_runs_out(dynamodb: Any) -> None:
    SharedToken(dynamodb, TABLE).try_lock(NOW)
    assert SharedToken(dynamodb, TABLE).try_lock(NOW + LOCK_MS)


def test_saving_gives_the_lock_back(dynamodb: Any) -> None:
    share = SharedToken(dynamodb, TABLE)
    share.try_lock(NOW)
    share.save(Token("tok", NOW))
    assert share.try_lock(NOW)


def test_forgetting_leaves_a_newer_token_alone(dynamodb: Any) -> None:
    """A process that is late with a 401 takes nothing from the others."""
    share = SharedToken(dynamodb, TABLE)
    share.save(Token("new", NOW))
    share.forget("old")
    assert share.read() == Token("new", NOW)
    share.forget("new")
    assert share.read() is None


def test_a_table_that_is_away_is_said_to_be(dynamodb: Any) -> None:
    with pytest.raises(ShareUnavailable):
        SharedToken(dynamodb, "no-such-table").read()
    with pytest.raises(ShareUnavailable):
        SharedToken(dynamodb, "no-such-table").try_lock(NOW)


# --- the breaker


class Processes:
    """Senders, each with a view of its own, and the pauses that they reported."""

    def __init__(self, dynamodb: Any, count: int) -> None:
        self.reported: list[int] = []
        self.each = [SharedBreaker(dynamodb, TABLE, self.reported.append) for _ in range(count)]

    def note(self, outcome: Outcome, now: int = NOW) -> None:
        """Each process makes one call, for a guest of its own."""
        for n, process in enumerate(self.each):
            process.note(f"guest-{n}", outcome, now)


def test_processes_that_each_see_one_guest_see_the_storm_together(dynamodb: Any) -> None:
    """CXone throttles the whole organisation; no process sees more than one of its guests."""
    processes = Processes(dynamodb, 5)
    processes.note(THROTTLED)
    assert processes.reported == [8_000]
    assert [process.paused_until(NOW + LOOK_MS) for process in processes.each] == [NOW + 8_000] * 5


def test_four_guests_in_trouble_leave_the_breaker_closed(dynamodb: Any) -> None:
    """Isolation."""
    processes = Processes(dynamodb, 4)
    processes.note(THROTTLED)
    assert processes.reported == []
    assert processes.each[0].paused_until(NOW) == 0


def test_calls_that_went_well_weigh_against_those_that_did_not(dynamodb: Any) -> None:
    """Isolation: 5 of 15 calls fail."""
    processes = Processes(dynamodb, 5)
    processes.note(FINE)
    processes.note(FINE)
    processes.note(THROTTLED)
    assert processes.reported == []


def test_in_trouble_every_call_that_went_well_counts(dynamodb: Any) -> None:
    """Isolation: processes that have only good to report would keep it to themselves."""
    processes = Processes(dynamodb, 5)
    troubled, *fine = processes.each
    for n in range(4):
        troubled.note(f"troubled-{n}", THROTTLED, NOW)
    for process in fine:
        process.paused_until(NOW)
        process.note("fine", FINE, NOW)
    troubled.note("troubled-4", THROTTLED, NOW)
    assert processes.reported == []


def test_trouble_of_a_few_guests_is_said_beside_the_newest_pause(dynamodb: Any) -> None:
    """In one item, which every process looks at; a version before reads the pause there all the same."""
    processes = Processes(dynamodb, 5)
    processes.note(THROTTLED)
    processes.each[0].note("late", THROTTLED, NOW + 20_000)
    assert processes.each[1].paused_until(NOW + 20_000) == NOW + 8_000
    item = dynamodb.get_item(TableName=TABLE, Key={"name": {"S": "breaker"}})["Item"]
    assert (item["rough_window"], item["in_a_row"]) == ({"N": str(NOW + 20_000)}, {"N": "0"})


def test_what_is_shared_of_trouble_runs_out_a_minute_after_its_use(dynamodb: Any) -> None:
    """DynamoDB deletes it: by then no process counts it any more."""
    processes = Processes(dynamodb, 5)
    processes.note(THROTTLED)
    assert _runs_out(dynamodb)["breaker"] == (NOW + 8_000) // 1000 + 60
    processes.each[0].note("late", THROTTLED, NOW + 20_000)
    ends = _runs_out(dynamodb)
    assert ends.pop("breaker") == (NOW + 20_000 + WINDOW_MS + LONGEST_PAUSE_MS) // 1000 + 60
    assert {(window, at) for name, at in ends.items() for window in [int(name.split()[1])]} == {
        (NOW, NOW // 1000 + 60),
        (NOW + 20_000, (NOW + 20_000) // 1000 + 60),
    }


def _runs_out(dynamodb: Any) -> dict[str, int]:
    items = dynamodb.scan(TableName=TABLE)["Items"]
    return {item["name"]["S"]: int(item["expires_at"]["N"]) for item in items}


def test_that_there_is_trouble_is_said_once_by_each_process_in_each_window(dynamodb: Any) -> None:
    """In a storm the breaker's item is not hot."""
    said: list[str] = []
    name = "before-parameter-build.dynamodb.UpdateItem"
    dynamodb.meta.events.register(name, lambda params, **_: said.append(params["Key"]["name"]["S"]))
    [process] = Processes(dynamodb, 1).each
    for now in (NOW, NOW + 1, NOW + 10_000, NOW + 10_001):
        process.note("guest", THROTTLED, now)
    assert said.count("breaker") == 2


def test_whoever_sees_anothers_trouble_in_its_own_report_counts_every_call_from_then_on(dynamodb: Any) -> None:
    """Isolation: not only at the next look, which may be a second away."""
    troubled, fine = Processes(dynamodb, 2).each
    troubled.note("troubled", THROTTLED, NOW)
    for n in range(REPORT_CALLS + 1):
        fine.note(f"fine-{n}", FINE, NOW)
    items = [item for item in dynamodb.scan(TableName=TABLE)["Items"] if item["name"]["S"].startswith("calls")]
    assert sum(int(item["calls"]["N"]) for item in items) == 1 + REPORT_CALLS + 1


def test_while_all_goes_well_one_call_in_three_is_a_report(dynamodb: Any) -> None:
    """A write for each would be paid for nothing."""
    [process] = Processes(dynamodb, 1).each
    for n in range(3 * REPORT_CALLS - 1):
        process.note(f"guest-{n}", FINE, NOW)
    items = [item for item in dynamodb.scan(TableName=TABLE)["Items"] if item["name"]["S"].startswith("calls")]
    assert sum(int(item["calls"]["N"]) for item in items) == 2 * REPORT_CALLS


def test_trouble_of_an_earlier_window_does_not_count(dynamodb: Any) -> None:
    processes = Processes(dynamodb, 4)
    processes.note(THROTTLED)
    processes.note(THROTTLED, NOW + 10_000)
    assert processes.reported == []


def test_one_process_opens_the_breaker_for_all(dynamodb: Any) -> None:
    """The metric counts openings, not processes."""
    processes = Processes(dynamodb, 20)
    processes.note(THROTTLED)
    assert len(processes.reported) == 1


def test_trouble_while_it_is_open_does_not_prolong_the_pause(dynamodb: Any) -> None:
    """The `false`s that go on then may well be refused."""
    processes = Processes(dynamodb, 5)
    processes.note(THROTTLED)
    for process in processes.each:
        process.paused_until(NOW + LOOK_MS)
    processes.note(THROTTLED, NOW + 4_000)
    assert processes.each[0].paused_until(NOW + 5_000) == NOW + 8_000


def test_trouble_after_the_pause_opens_it_for_longer(dynamodb: Any) -> None:
    """Half-open."""
    processes = Processes(dynamodb, 5)
    processes.note(Outcome(Kind.FAILED))
    processes.note(Outcome(Kind.FAILED), NOW + 10_000)
    assert processes.reported == [5_000, 10_000]


class CountedReads:
    """DynamoDB, and how often it was read."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb, self.reads = dynamodb, 0

    def get_item(self, **request: Any) -> Any:
        self.reads += 1
        return self._dynamodb.get_item(**request)

    def batch_get_item(self, **request: Any) -> Any:
        self.reads += 1
        return self._dynamodb.batch_get_item(**request)


def test_a_process_looks_at_the_breaker_once_a_second(dynamodb: Any) -> None:
    """Every `true` asks; while all goes well, a read for each would be paid for nothing."""
    counted = CountedReads(dynamodb)
    process = SharedBreaker(counted, TABLE, lambda _pause: None)
    process.paused_until(NOW)
    once = counted.reads
    process.paused_until(NOW + LOOK_MS - 1)
    assert counted.reads == once
    process.paused_until(NOW + LOOK_MS)
    assert counted.reads == 2 * once


def test_without_its_table_the_breaker_stays_closed(dynamodb: Any) -> None:
    """A sender works on when the shared state cannot be reached."""
    process = SharedBreaker(dynamodb, "no-such-table", lambda _pause: None)
    process.note("guest", THROTTLED, NOW)
    assert process.paused_until(NOW) == 0


def test_a_storm_of_thousands_of_guests_leaves_items_small_and_none_of_them_hot(dynamodb: Any) -> None:
    """An item that grew with every guest in trouble would slow every sender down when it matters."""
    process = SharedBreaker(dynamodb, TABLE, lambda _pause: None)
    for number in range(300):
        process._open = lambda *_: None  # type: ignore[method-assign,assignment]  # as though it were not noticed
        process.note(f"guest-{number}", THROTTLED, NOW)
    items = [item for item in dynamodb.scan(TableName=TABLE)["Items"] if item["name"]["S"].startswith("calls")]
    assert len(items) == SHARDS
    assert max(int(item["calls"]["N"]) for item in items) < 150
    assert all(len(item["troubled_guests"]["NS"]) <= BUCKETS for item in items)

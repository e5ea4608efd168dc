"""What the docs say that it costs is what is counted."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from typing_relay.relay.burst import Policy
from typing_relay.relay.effects import Latency

from local.load.bill import BILL
from local.playing.rhythm import bursts
from tests.cost.columns import FRAME_A_KEY, GATEWAY, HELD, PLAIN, POST_A_KEY, Column, columns, rhythms
from tests.cost.docs import DOCS, PARTS, MarkerMissing, counted_anew
from tests.cost.goals import GOALS, missed
from tests.cost.prices import dollars
from tests.cost.report import bill_of_a_load


@pytest.fixture(scope="module")
def counted() -> Mapping[str, Column]:
    return columns()


@pytest.mark.parametrize("name", PARTS)
def test_the_docs_tables_are_what_is_counted(name: str, counted: Mapping[str, Column]) -> None:
    text = (DOCS / name).read_text()
    assert counted_anew(name, text, counted) == text, "write them anew: .venv/bin/python -m tests.cost.docs"


def test_what_a_load_is_said_to_cost_is_what_is_counted(counted: Mapping[str, Column]) -> None:
    """In as many digits as matter: sums of floats differ in the last."""
    assert json.loads(BILL.read_text()) == {
        platform: pytest.approx(parts) for platform, parts in json.loads(bill_of_a_load(counted)).items()
    }, "write it anew: .venv/bin/python -m tests.cost.docs"


def test_a_file_without_a_place_for_a_counted_part_is_named(counted: Mapping[str, Column]) -> None:
    with pytest.raises(MarkerMissing, match=r"docs/operations\.md must have one place for 'capacity', not 0"):
        counted_anew("operations.md", "nothing", counted)


def test_a_burst_of_held_keys_takes_two_calls_and_one_a_verification(counted: Mapping[str, Column]) -> None:
    """T14: bursts without faults; of a pause of just the debounce, time tells which two bursts they are."""
    policy = Policy()
    lasted = [
        last - first + policy.debounce_ms for keys in rhythms() for first, last in bursts(keys, policy.debounce_ms)
    ]
    held = counted[HELD].counts
    assert held["POSTs"] <= 2 * len(lasted)
    assert 0 < held["GETs"] <= sum(ms // policy.verify_ms for ms in lasted)


def test_what_was_set_out_to_be_reached_is(counted: Mapping[str, Column]) -> None:
    """`make bench ARGS=cost` exits with 1 where one is missed."""
    assert [(goal.what, goal.counted(counted), goal.most) for goal in missed(counted)] == []


def test_a_goal_that_is_exceeded_is_missed(counted: Mapping[str, Column]) -> None:
    dear = {kind: replace(column, counts=column.counts + Counter({"POSTs": 10**6})) for kind, column in counted.items()}
    assert [goal.what for goal in missed(dear)] == [goal.what for goal in GOALS if "CXone" in goal.what]


def test_nobody_is_shown_typing_for_more_than_there_are_bursts(counted: Mapping[str, Column]) -> None:
    """T1: with every kind of client, on both platforms; a pause of 2.0 to 2.1 s may be told as none."""
    for kind in (HELD, PLAIN, GATEWAY, FRAME_A_KEY):
        column = counted[kind]
        told = column.counts["POSTs"] + column.counts["frames to the gateway"]
        assert 0.99 * 2 * column.typing.bursts <= told <= 2 * column.typing.bursts, kind
        assert len(column.felt[Latency.FIRST_KEY_TO_SHOWN]) * 2 == told


def test_held_keys_cost_less_than_plain_ones_and_both_less_than_the_peers(counted: Mapping[str, Column]) -> None:
    cost = {kind: dollars(column.billed) for kind, column in counted.items()}
    assert max(cost[GATEWAY], cost[HELD]) < cost[PLAIN] < min(cost[FRAME_A_KEY], cost[POST_A_KEY])

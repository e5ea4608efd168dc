"""What a visitor's message on Digital-First is counted as."""

from __future__ import annotations

import pytest

from tests.cost.message import billed, message
from tests.cost.prices import dollars


def test_a_message_is_kept_sent_and_settled_in_three_writes_of_its_item() -> None:
    """Each of one unit, as a sentence is far below 1 KB; its place in the index is made and given up."""
    counted = message()
    assert counted["DynamoDB, the message"] == {"write_units": 3}
    assert counted["DynamoDB, its place in the index"] == {"write_units": 2}


def test_its_mark_is_written_and_deleted() -> None:
    """T18: two small writes, so that a look reads nothing that is settled."""
    assert message()["DynamoDB, its mark"] == {"write_units": 2}


def test_what_a_message_costs_is_the_sum_of_its_lines() -> None:
    """Nothing is counted twice, or left out of the sum."""
    lines = sum(dollars(dict(line)) for line in message().values())
    assert dollars(billed()) == pytest.approx(lines)
    assert lines > 0

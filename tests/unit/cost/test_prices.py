"""Prices of large volumes, and what few people share."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.cost.columns import Column, Typing
from tests.cost.crowd import begun, keys_asked, traced
from tests.cost.prices import PRICES, TIERS, dollars, dollars_a_month
from tests.support.template import TEMPLATE

#: A burst of ten seconds and four frames, each 100 ms of the function; two executions.
COLUMN = Column(
    Typing(people=1, keys=10, bursts=1, typed_ms=10_000, there_ms=60_000),
    Counter({"Keystroke calls": 4, "Keystroke ms": 400, "executions": 2}),
    1,
    {},
)


@pytest.mark.parametrize("what", TIERS)
def test_a_small_volume_has_the_list_price_and_a_large_one_is_cheaper(what: str) -> None:
    assert dollars_a_month({what: 1000}) == pytest.approx(dollars({what: 1000}))
    assert dollars_a_month({what: 1e12}) < dollars({what: 1e12})


def test_each_part_of_a_volume_has_its_own_price() -> None:
    """AWS Step Functions pricing: the first 1,000 GB-hours, the next 4,000, what is beyond."""
    assert dollars_a_month({"express_gb_s": 20e6}) == pytest.approx(
        3.6e6 * 0.00001667 + 14.4e6 * 0.00000833 + 2e6 * 0.00000456
    )


def test_a_task_is_priced_by_the_size_that_the_template_gives_it() -> None:
    """Fargate, Linux on Arm: by vCPU and by GB."""
    task = TEMPLATE["Resources"]["KeeperTask"]["Properties"]
    hour = int(task["Cpu"]) / 1024 * 0.03238 + int(task["Memory"]) / 1024 * 0.00356
    assert PRICES["task_hours"] == pytest.approx(hour)


def test_of_few_calls_each_is_traced_and_of_many_one_in_twenty() -> None:
    """X-Ray: the first of each second, and 5 % of the others."""
    assert traced(COLUMN, 1) == pytest.approx(6 * PRICES["traces"])
    assert traced(COLUMN, 100_000) == pytest.approx(0.05 * 6 * PRICES["traces"], rel=0.01)


def test_the_fewer_people_type_the_more_each_pays_for_connections_and_environments() -> None:
    for shared in (keys_asked, begun):
        assert shared(COLUMN, 1) > shared(COLUMN, 10) >= shared(COLUMN, 1000) > 0

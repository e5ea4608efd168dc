"""Which quota a stack meets first, as more visitors are connected."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.cost.columns import HELD, Column, Typing
from tests.cost.month import Load
from tests.cost.quotas import QUOTAS, quotas_table

#: A burst takes two executions, 100 ms of functions, and ten write units.
COLUMN = Column(
    Typing(people=1, keys=10, bursts=1, typed_ms=8000, there_ms=60_000),
    Counter({"executions": 2, "Keystroke ms": 40, "Sender ms": 60, "write_units": 10, "messages": 4}),
    1,
    {},
)
NEEDED = {quota.name.partition(",")[2].strip(): quota.needed for quota in QUOTAS}


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("messages in flight of a queue", 36_000),
        ("new connections a second", 5),
        ("Express starts a second", 36_000 * 20 * 2 / 3600),
        ("concurrent executions", 36_000 * 20 * 0.1 / 3600),
        ("write units a second of a table", 36_000 * (20 * 10 + 3) / 3600),
        ("requests and posts a second", 36_000 * (20 * 4 + 2 * 18 + 60) / 3600),
        ("vCPU on demand", 40 * 0.25),
    ],
)
def test_what_visitors_who_chat_need_of_a_quota(name: str, needed: float) -> None:
    assert NEEDED[name](COLUMN, Load(36_000, bursts=20)) == pytest.approx(needed)


def test_what_is_more_than_there_is_stands_out() -> None:
    row = next(line for line in quotas_table({HELD: COLUMN}).splitlines() if line.startswith("| SQS"))
    assert row == "| SQS, messages in flight of a queue | 120,000, fixed | 10,000 | 100,000 | **1,000,000** |"

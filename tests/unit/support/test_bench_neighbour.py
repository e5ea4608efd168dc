"""The verdict of `make bench ARGS=neighbour`."""

from __future__ import annotations

import pytest

from tests.benchmarks.neighbour import verdict


@pytest.mark.parametrize(
    ("calls", "ratio", "wrong"), [(20, 1.2, 0), (21, 1.0, 1), (12, 1.21, 1), (21, 1.21, 2)], ids=str
)
def test_a_flurry_may_cause_twenty_calls_and_be_felt_by_a_fifth(calls: int, ratio: float, wrong: int) -> None:
    """T17, T18: beyond that the benchmark ends with an error."""
    assert len(verdict(50, calls, ratio)) == wrong

"""Short histories in every order, with every fault at every step."""

from __future__ import annotations

import pytest

from tests.simulation.explorer import Scenario, explore
from tests.simulation.scenarios import LARGE, SMALL

ALL = (*SMALL, *(pytest.param(scenario, marks=pytest.mark.whole_proof) for scenario in LARGE))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_no_order_of_events_violates_a_clause(scenario: Scenario) -> None:
    """T1 to T7, T9, T10, T12: to the end of every branch."""
    explored = explore(scenario)
    print(f"{explored.states:,} states, {explored.endings:,} endings, {explored.deepest} choices deep")
    assert explored.violation is None, "\n".join(explored.story)

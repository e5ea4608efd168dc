"""For the tests that play histories in their own process."""

import gc
from collections.abc import Iterator

import pytest

from tests.simulation.campaign import collect_seldom


@pytest.fixture(scope="session", autouse=True)
def _collect_seldom() -> Iterator[None]:
    """As campaigns do."""
    thresholds = gc.get_threshold()
    collect_seldom()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)

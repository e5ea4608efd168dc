"""For the tests that play histories in their own process."""

import gc
import logging
from collections.abc import Iterator

import pytest

from tests.simulation.campaign import expect_many


@pytest.fixture(scope="session", autouse=True)
def _expect_many() -> Iterator[None]:
    """As campaigns do."""
    thresholds, package = gc.get_threshold(), logging.getLogger("typing_relay")
    level = package.level
    expect_many()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    package.setLevel(level)

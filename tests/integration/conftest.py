"""One running stack for all tests that need the whole of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.relay_stage import SOON_TAKEN_OVER, RelayStage


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Emulator, simulated CXone, keeper and console, as `make run` starts them."""
    with Stack(as_newest=False, senders=10, keeper=SOON_TAKEN_OVER) as running:
        yield running


@pytest.fixture(scope="session")
def stage(stack: Stack) -> RelayStage:
    """The running stack, with what a fault test does to it."""
    return RelayStage(stack)

"""Each line of the worst bill is lowered by the parameter that the docs name for it."""

from collections.abc import Callable, Mapping
from functools import partial

import pytest

from tests.cost import worst
from tests.cost.columns import Column, columns


@pytest.fixture(scope="module")
def counted() -> Mapping[str, Column]:
    return columns()


@pytest.mark.parametrize(("name", "less"), [("FrameRate", 10), ("MaxConnections", 5)])
def test_one_token_costs_less(counted: Mapping[str, Column], name: str, less: int) -> None:
    """T18."""
    cost = partial(worst.one_token, counted)
    assert 0 < cost(worst.limits(**{name: less})) < cost(worst.limits())


@pytest.mark.parametrize(
    ("cost", "name", "less"),
    [
        (worst.frames_of_all, "MessageRateLimit", 1000),
        (worst.frames_of_all, "KeystrokeConcurrency", 10),
        (worst.handshakes_of_all, "ConnectRateLimit", 100),
        (worst.keepers, "KeeperMaxTasks", 5),
    ],
)
def test_strangers_cost_less(cost: Callable[[Mapping[str, int]], float], name: str, less: int) -> None:
    """T18."""
    assert 0 < cost(worst.limits(**{name: less})) < cost(worst.limits())

"""A deadline is said once, and holds for all that is done before it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from typing_relay import deadline

from tests.support.invocation import Invocation


def test_without_a_deadline_there_is_no_end_of_time() -> None:
    """A keeper: its calls have their own limits."""
    assert deadline.left_s() == float("inf")


def test_a_deadline_holds_inside_and_no_longer() -> None:
    with deadline.within(10):
        assert 9 < deadline.left_s() <= 10
    assert deadline.left_s() == float("inf")


def test_a_deadline_inside_another_is_never_later() -> None:
    with deadline.within(1), deadline.within(10):
        assert deadline.left_s() <= 1


def test_a_deadline_ends_with_an_error_too() -> None:
    """The next invocation of the same sandbox has its own."""
    with pytest.raises(ZeroDivisionError), deadline.within(1):
        _ = 1 / 0
    assert deadline.left_s() == float("inf")


def test_what_is_over_is_below_zero() -> None:
    with deadline.within(0.01):
        time.sleep(0.02)
        assert deadline.left_s() < 0


def test_a_handler_has_what_its_invocation_has_left_less_the_margin() -> None:
    @deadline.of_the_invocation
    def handler(event: str, context: Any) -> tuple[str, float]:
        """What it is called with, and how long it has."""
        return event, deadline.left_s()

    event, left_s = handler("event", Invocation(5_000))
    assert event == "event"
    assert 5 - deadline.MARGIN_S - 0.2 < left_s <= 5 - deadline.MARGIN_S
    assert handler.__doc__ == "What it is called with, and how long it has."

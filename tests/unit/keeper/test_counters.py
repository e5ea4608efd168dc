"""What a keeper's counts say of typing frames."""

from __future__ import annotations

import pytest
from typing_relay.keeper.counters import accepted_percent


def test_a_frame_that_the_visitors_own_message_ended_counts_as_accepted() -> None:
    """T18: whoever types in one tab and writes in another moves no objective."""
    assert accepted_percent({"Typing.accepted": 3, "Typing.ended": 7, "GuestsCreated": 5}) == 100


def test_what_was_not_sent_for_want_of_a_contact_is_no_call() -> None:
    """T18: whoever ends their conversation, and types, and begins another one, moves no objective."""
    assert accepted_percent({"Typing.accepted": 3, "Typing.not_yet": 7}) == 100


@pytest.mark.parametrize("kind", ["throttled", "failed", "lost", "denied"])
def test_every_other_one_counts_as_not_accepted(kind: str) -> None:
    """It is what ``CallsNotAccepted`` is for."""
    assert accepted_percent({"Typing.accepted": 3, f"Typing.{kind}": 1}) == 75


def test_without_a_frame_there_is_no_figure() -> None:
    """A minute in which nobody types is no minute of failures."""
    assert accepted_percent({"GuestsCreated": 5}) is None

"""The breaker's rules: when CXone as a whole is in trouble, for how long, and how sessions come back."""

from __future__ import annotations

from functools import reduce

import pytest
from typing_relay.relay.breaker import (
    LONGEST_PAUSE_MS,
    RETURN_MS,
    SHORTEST_PAUSE_MS,
    WINDOW_MS,
    Pause,
    Tally,
    added,
    must_open,
    next_pause,
    tally_of,
    turn_ms,
)
from typing_relay.relay.outcomes import Kind, Outcome

NOW = 1_000_000
FINE = Outcome(Kind.ACCEPTED)
THROTTLED = Outcome(Kind.THROTTLED, 2_000)


def throttled(seconds: int) -> Outcome:
    return Outcome(Kind.THROTTLED, seconds * 1000)


def tally(*calls: tuple[str, Outcome]) -> Tally:
    return reduce(added, (tally_of(guest, outcome) for guest, outcome in calls), Tally())


def guests_in_trouble(count: int, outcome: Outcome = THROTTLED) -> Tally:
    return tally(*((f"guest-{n}", outcome) for n in range(count)))


def test_five_guests_in_trouble_open_the_breaker() -> None:
    """Isolation: many guests' trouble is CXone's."""
    assert must_open(guests_in_trouble(5))


def test_one_guests_trouble_is_its_own_however_often() -> None:
    """Isolation: one guest's 429s do not slow another's."""
    assert not must_open(tally(*[("guest", THROTTLED)] * 50))


def test_five_guests_in_trouble_among_many_that_are_not_leave_it_closed() -> None:
    """Isolation: most calls must fail."""
    fine = tally(*[("another", FINE)] * 4)
    assert not must_open(added(guests_in_trouble(10), fine))


@pytest.mark.parametrize(("fine", "opens"), [(2, True), (3, False)])
def test_three_of_four_calls_must_fail(fine: int, opens: bool) -> None:
    assert must_open(added(guests_in_trouble(6), tally(*[("another", FINE)] * fine))) == opens


@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.FAILED, Kind.LOST])
def test_429_5xx_and_no_answer_are_trouble(kind: Kind) -> None:
    assert must_open(guests_in_trouble(5, Outcome(kind)))


@pytest.mark.parametrize("kind", [Kind.ACCEPTED, Kind.GUEST_OVER, Kind.UNAVAILABLE, Kind.DENIED])
def test_other_outcomes_are_not(kind: Kind) -> None:
    """A guest that is over, or credentials that are wrong, say nothing of CXone's load."""
    assert not must_open(guests_in_trouble(5, Outcome(kind)))


def test_the_pause_is_as_long_as_cxone_asked() -> None:
    assert next_pause(guests_in_trouble(5, throttled(20)), Pause(), NOW) == Pause(NOW + 20_000)


def test_without_being_asked_the_pause_is_a_short_one() -> None:
    assert next_pause(guests_in_trouble(5, Outcome(Kind.FAILED)), Pause(), NOW) == Pause(NOW + SHORTEST_PAUSE_MS)


def test_one_absurd_retry_after_does_not_rule_the_pause() -> None:
    """A week for one guest counts as the longest pause, one of many."""
    asked = added(guests_in_trouble(9, throttled(10)), tally(("absurd", throttled(604_800))))
    assert next_pause(asked, Pause(), NOW) == Pause(NOW + 15_000)


def test_trouble_right_after_a_pause_makes_the_next_twice_as_long() -> None:
    """Half-open: what comes back first finds out."""
    trouble = guests_in_trouble(5, Outcome(Kind.FAILED))
    first = next_pause(trouble, Pause(), NOW)
    second = next_pause(trouble, first, first.until + 1_000)
    assert second == Pause(first.until + 1_000 + 2 * SHORTEST_PAUSE_MS, in_a_row=1)


def test_a_pause_never_grows_beyond_a_minute() -> None:
    trouble = guests_in_trouble(5, Outcome(Kind.FAILED))
    assert next_pause(trouble, Pause(NOW, in_a_row=50), NOW).until == NOW + LONGEST_PAUSE_MS


@pytest.mark.parametrize(("ago_ms", "in_a_row"), [(RETURN_MS + WINDOW_MS - 1, 6), (RETURN_MS + WINDOW_MS, 0)])
def test_trouble_long_after_a_pause_begins_anew(ago_ms: int, in_a_row: int) -> None:
    """Once all are back, and the window in which they came back is over."""
    trouble = guests_in_trouble(5, Outcome(Kind.FAILED))
    assert next_pause(trouble, Pause(NOW - ago_ms, in_a_row=5), NOW).in_a_row == in_a_row


def test_sessions_come_back_one_after_the_other() -> None:
    """Half-open: not all at once; in each second about a fifth."""
    turns = [turn_ms(f"visitor-{n}") for n in range(1000)]
    for second in range(RETURN_MS // 1000):
        assert 150 < sum(second * 1000 <= turn < (second + 1) * 1000 for turn in turns) < 250

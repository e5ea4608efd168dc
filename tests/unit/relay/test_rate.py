"""How often something may happen (T17)."""

from typing_relay.relay.rate import Rate

RATE = Rate(at_once=4, every_ms=1_000)
NOW = 1_000_000


def spent(times: int, until: int = 0) -> int:
    """What ``until`` is after this many at NOW."""
    for _ in range(times):
        until = RATE.spend(until, NOW)
    return until


def test_as_many_as_are_allowed_at_once_may_come_together() -> None:
    """T17: the fourth is allowed at the time of the first."""
    assert RATE.free_at(spent(3)) <= NOW


def test_one_more_is_allowed_an_interval_later() -> None:
    """T17."""
    assert RATE.free_at(spent(4)) == NOW + 1_000


def test_what_was_spent_long_ago_no_longer_counts() -> None:
    """T17: after a pause all are allowed again, and no more than that."""
    assert RATE.free_at(spent(4, until=NOW - 60_000)) == NOW + 1_000


def test_what_nothing_was_spent_of_is_free() -> None:
    """A new record, or one of a version before."""
    assert RATE.free_at(0) < NOW

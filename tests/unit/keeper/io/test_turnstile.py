"""This many at once, this many a second."""

from __future__ import annotations

from collections.abc import Callable

from typing_relay.keeper.io.turnstile import Turnstile

from tests.support.keeper_fakes import ManualLoop


class Door:
    """A turnstile that notes when each was let in."""

    def __init__(self, at_once: int, per_second: float) -> None:
        self.loop = ManualLoop()
        self.turnstile = Turnstile(self.loop, at_once, per_second)  # type: ignore[arg-type]
        self.let_in_at: list[float] = []

    def start(self) -> bool:
        self.let_in_at.append(self.loop.now)
        return True


def test_no_more_are_opened_at_once_than_allowed() -> None:
    door = Door(at_once=3, per_second=1000)
    for _ in range(10):
        door.turnstile.enter(door.start)
    door.loop.advance(10)
    assert len(door.let_in_at) == 3


def test_one_that_has_opened_makes_room_for_the_next() -> None:
    door = Door(at_once=1, per_second=1000)
    for _ in range(2):
        door.turnstile.enter(door.start)
    door.turnstile.leave()
    door.loop.advance(1)
    assert len(door.let_in_at) == 2


def test_a_crowd_is_let_in_evenly_spaced() -> None:
    door = Door(at_once=10_000, per_second=50)
    for _ in range(200):
        door.turnstile.enter(door.start)
    door.loop.advance(60)
    gaps = [later - earlier for earlier, later in zip(door.let_in_at, door.let_in_at[1:], strict=False)]
    assert len(door.let_in_at) == 200
    assert min(gaps) >= 0.0199


def test_a_quiet_time_saves_up_nothing_for_a_burst() -> None:
    door = Door(at_once=100, per_second=10)
    door.loop.advance(60)
    for _ in range(10):
        door.turnstile.enter(door.start)
    assert len(door.let_in_at) <= 2


def test_an_alarm_that_rounding_lets_come_early_is_set_once() -> None:
    """Else the loop turns and turns until the clock shows the rest."""
    door, alarms = Door(at_once=10, per_second=10), list[Callable[[], object]]()
    door.loop.call_later = lambda seconds, callback, slack=0.0: alarms.append(callback)  # type: ignore[method-assign,assignment]
    for _ in range(2):
        door.turnstile.enter(door.start)
    door.loop.now += 0.1 - 1e-9
    alarms.pop()()
    assert (len(door.let_in_at), len(alarms)) == (2, 0)


def test_one_that_is_no_longer_wanted_takes_no_turn() -> None:
    door = Door(at_once=1, per_second=10)
    door.turnstile.enter(lambda: False)
    door.turnstile.enter(door.start)
    assert len(door.let_in_at) == 1


def test_who_goes_ahead_is_let_in_before_all_who_wait() -> None:
    """T18: a crowd of newcomers keeps nobody waiting who has been served before."""
    door, let_in = Door(at_once=1, per_second=1000), list[str]()
    for name in ("first", "second", "third"):
        door.turnstile.enter(lambda name=name: let_in.append(name) or True)  # type: ignore[misc,func-returns-value]
    door.turnstile.enter(lambda: let_in.append("known") or True, ahead=True)  # type: ignore[func-returns-value]
    for _ in range(3):
        door.loop.advance(0.1)
        door.turnstile.leave()
    door.loop.advance(0.1)
    assert let_in == ["first", "known", "second", "third"]

"""The rate limit of one connection (T13): 20 frames a second, 40 at once, then refusals that cost nothing."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from typing_relay.door.frame_budget import (
    MAX_BAD_FRAMES,
    MAX_CONNECTIONS,
    MAX_EXCESS_FRAMES,
    UNKNOWN_SHARE,
    Budget,
    Budgets,
    FrameLimits,
    Ruling,
    note_bad_frame,
    spend,
)

NOW = 1_800_000_000_000  # epoch ms
LIMITS = FrameLimits(rate=20, burst=40)
FULL = Budget(frames=40, at=NOW)
EMPTY = Budget(frames=0, at=NOW)


def test_forty_frames_may_come_at_once() -> None:
    """T13: a tab that wakes up, a reconnect."""
    budgets = Budgets(LIMITS)
    assert [budgets.spend("c", NOW) for _ in range(41)] == [Ruling.TAKE] * 40 + [Ruling.REFUSE]


def test_twenty_frames_a_second_are_taken_for_ever() -> None:
    """T13: the sustained rate."""
    budgets = Budgets(LIMITS)
    assert {budgets.spend("c", NOW + 50 * n) for n in range(2000)} == {Ruling.TAKE}


def test_an_empty_budget_takes_the_next_frame_fifty_milliseconds_later() -> None:
    """T13: 20 a second."""
    assert spend(EMPTY, LIMITS, NOW + 49)[1] is Ruling.REFUSE
    assert spend(EMPTY, LIMITS, NOW + 50)[1] is Ruling.TAKE


def test_a_long_silence_saves_up_no_more_than_the_burst() -> None:
    """T13: nobody collects an hour's worth of frames."""
    assert spend(EMPTY, LIMITS, NOW + 3_600_000)[0].frames == 39


def test_a_refusal_is_answered_once_a_second() -> None:
    """T13: answers are not a lever for whoever floods."""
    told = spend(EMPTY, LIMITS, NOW)[0]
    assert spend(replace(told, frames=-50), LIMITS, NOW + 999)[1] is Ruling.DROP
    assert spend(replace(told, frames=-50), LIMITS, NOW + 1000)[1] is Ruling.REFUSE


def test_a_connection_that_goes_on_and_on_is_closed() -> None:
    """T13: it would use up the throttle that all visitors share."""
    budget = replace(EMPTY, excess=MAX_EXCESS_FRAMES - 1)
    assert spend(budget, LIMITS, NOW)[1] is Ruling.CLOSE


def test_a_frame_stamped_earlier_than_the_last_gives_nothing_back() -> None:
    """T12: frames may come in another order."""
    assert spend(EMPTY, LIMITS, NOW - 10_000)[0].at == NOW


def test_the_twentieth_bad_frame_closes_the_connection() -> None:
    """T13: nineteen are borne."""
    assert note_bad_frame(replace(FULL, bad=MAX_BAD_FRAMES - 2))[1] is False
    assert note_bad_frame(replace(FULL, bad=MAX_BAD_FRAMES - 1))[1] is True


def test_one_connection_spends_nothing_of_anothers() -> None:
    """T10: a tab that floods does not silence the other."""
    budgets = Budgets(LIMITS)
    for _ in range(100):
        budgets.spend("flooding", NOW)
    assert budgets.spend("calm", NOW) is Ruling.TAKE


def test_bad_frames_are_counted_across_good_ones() -> None:
    """T13: a good frame now and then makes a bad peer no better."""
    budgets = Budgets(LIMITS)
    closed = []
    for n in range(MAX_BAD_FRAMES):
        budgets.spend("c", NOW + 2000 * n)
        closed.append(budgets.note_bad_frame("c"))
        budgets.spend("c", NOW + 2000 * n + 1000)
    assert closed == [False] * (MAX_BAD_FRAMES - 1) + [True]


def test_the_connection_longest_silent_is_forgotten_first() -> None:
    """T13: strangers cannot fill the memory of a function."""
    budgets = Budgets(LIMITS)
    for n in range(MAX_CONNECTIONS + 1):
        for _ in range(40 if n < 2 else 1):
            budgets.spend(f"c{n}", NOW)
    assert budgets.spend("c1", NOW) is not Ruling.TAKE
    assert budgets.spend("c0", NOW) is Ruling.TAKE


@given(st.lists(st.integers(min_value=-2000, max_value=2000), max_size=200))
def test_no_schedule_gets_more_than_burst_and_rate_allow(steps: list[int]) -> None:
    """T13: whatever the gaps between frames, forwards or back."""
    budget, now, latest, taken = FULL, NOW, NOW, 0
    for step in steps:
        now += step
        latest = max(latest, now)
        budget, ruling = spend(budget, LIMITS, now)
        taken += ruling is Ruling.TAKE
    assert taken <= LIMITS.burst + (latest - NOW) * LIMITS.rate / 1000


# --- of a session, whose frames other processes take as well


def test_what_other_processes_took_is_paid_by_this_ones_bucket() -> None:
    """T18: the record counts the frames of all."""
    budgets = Budgets(LIMITS)
    budgets.spend("s", NOW)
    budgets.saw("s", 1)
    budgets.spend("s", NOW)
    budgets.saw("s", 1 + LIMITS.burst)
    assert budgets.spend("s", NOW) is not Ruling.TAKE


def test_frames_that_came_at_a_pace_which_is_allowed_cost_nothing_later() -> None:
    """T18: one a second for ten minutes, all by another process."""
    budgets = Budgets(LIMITS)
    budgets.spend("s", NOW)
    budgets.saw("s", 1)
    budgets.spend("s", NOW + 600_000)
    budgets.saw("s", 602)
    rulings = [budgets.spend("s", NOW + 600_000) for _ in range(10)]
    assert rulings == [Ruling.TAKE] * 10


def test_a_record_that_began_anew_costs_nothing() -> None:
    """T11: its count does, too."""
    budgets = Budgets(LIMITS)
    budgets.spend("s", NOW)
    budgets.saw("s", 500)
    budgets.spend("s", NOW)
    budgets.saw("s", 1)
    assert budgets.spend("s", NOW) is Ruling.TAKE


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), min_size=50, max_size=400))
def test_five_processes_take_little_more_than_one_may(frames: list[tuple[int, int]]) -> None:
    """T18: each frame goes to any of them, as many a second as it likes."""
    processes, revision, now = [Budgets(LIMITS) for _ in range(5)], 0, NOW
    for number, gap in frames:
        now += gap
        if processes[number].spend("s", now) is Ruling.TAKE:
            revision += 1
            processes[number].saw("s", revision)
    each_may_not_know = len(processes) * LIMITS.burst * UNKNOWN_SHARE
    assert revision <= LIMITS.burst + (now - NOW) * LIMITS.rate / 1000 + each_may_not_know


def test_what_a_session_pays_in_addition_it_cannot_spend() -> None:
    """T18: a frame that leaves no trace in the record costs more in the one process that saw it."""
    budgets = Budgets(LIMITS)
    taken = 0
    for _ in range(1000):
        if budgets.spend("s", NOW) is Ruling.TAKE:
            taken += 1
            budgets.pay("s", 7)
    assert taken == LIMITS.burst / 8


def test_processes_that_saw_nothing_for_long_give_a_flood_little_more() -> None:
    """T18: they cannot tell whether what others took came just now."""
    processes = [Budgets(LIMITS) for _ in range(5)]
    for number, process in enumerate(processes):
        process.spend("s", NOW)
        process.saw("s", number + 1)
    revision, now = 5, NOW + 600_000
    for process in processes:
        for _ in range(100):
            if process.spend("s", now) is Ruling.TAKE:
                revision += 1
                process.saw("s", revision)
    assert revision - 5 <= LIMITS.burst + 4 * LIMITS.burst * UNKNOWN_SHARE

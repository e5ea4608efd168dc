"""`make load CELLS=2`: which cell a visitor is sent to, what counts as felt, and what is wrong after a loss."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from local.commands.deployed import UsageError
from local.commands.load import cells_of, plan_of
from local.load.cells import Group, Loss, halves, place, table
from local.load.plan import Plan
from local.load.tally import ENDED, PING, SHOWN

CELLS = ("east", "west", "south")
SESSIONS = [f"visitor-{number}" for number in range(3000)]
FELT = {PING: [10.0, 20.0], SHOWN: [150.0, 170.0], ENDED: [160.0, 180.0]}
AS_BEFORE = Group(2, FELT, FELT)
#: Two visitors of the lost cell, one of them typing in that moment, and two others.
AS_IT_SHOULD_BE = Loss(AS_BEFORE, AS_BEFORE, back_s=[2.5, 4.0], shown=1)


class TestTheCellOfASession:
    def test_is_the_same_whoever_asks_and_in_whichever_order_the_cells_are_named(self) -> None:
        assert {place("alice", cells) for cells in (CELLS, CELLS[::-1], set(CELLS))} == {place("alice", CELLS)}

    def test_each_cell_gets_about_its_share(self) -> None:
        placed = Counter(place(session, CELLS) for session in SESSIONS)
        assert all(900 < placed[cell] < 1100 for cell in CELLS)

    def test_a_cell_that_is_added_takes_visitors_and_no_other_gets_any(self) -> None:
        moved = {session for session in SESSIONS if place(session, CELLS[:2]) != place(session, CELLS)}
        assert moved == {session for session in SESSIONS if place(session, CELLS) == "south"}

    def test_one_that_is_left_out_spreads_its_own_visitors_over_all_others_and_moves_nobody_else(self) -> None:
        moved = [session for session in SESSIONS if place(session, CELLS) == "south"]
        assert all(place(one, CELLS[:2]) == place(one, CELLS) for one in set(SESSIONS) - set(moved))
        taken = Counter(place(session, CELLS[:2]) for session in moved)
        assert all(taken[cell] > len(moved) / 3 for cell in CELLS[:2])


class TestBeforeAndAfter:
    def test_a_burst_belongs_to_the_half_in_which_it_began_with_its_end(self) -> None:
        bursts, told = [(0, 900), (5000, 6000)], [(150.0, True), (3000.0, False), (5150.0, True), (8100.0, False)]
        assert halves(bursts, told, 500) == ((bursts[:1], told[:2]), (bursts[1:], told[2:]))

    def test_all_is_before_where_nothing_was_typed_after(self) -> None:
        assert halves([(0, 900)], [(150.0, True)], 500) == (([(0, 900)], [(150.0, True)]), ([], []))


class TestWhatIsWrong:
    def test_nothing_where_the_lost_cells_visitors_are_back_and_nobody_else_felt_it(self) -> None:
        assert AS_IT_SHOULD_BE.wrong() == []

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"back_s": [2.5]}, "1 of the lost cell's visitors could not type again"),
            ({"wrongly": 1}, "1 who did not type when their cell was lost are shown typing"),
            ({"dropped": 2}, "2 connections of other cells' visitors ended"),
            ({"elsewhere": 1}, "1 of other cells' visitors would be sent to another cell"),
            ({"left_on": 1}, "1 are shown typing to the end in a living cell"),
            ({"errors": Counter({"no pong": 3})}, "3 errors of other cells' visitors: no pong"),
            (
                {"others": Group(2, FELT, {**FELT, SHOWN: [900.0, 800.0]})},
                f"for other cells' visitors, {SHOWN}: slower, or not measured",
            ),
            (
                {"others": Group(2, FELT, {**FELT, PING: []})},
                f"for other cells' visitors, {PING}: slower, or not measured",
            ),
        ],
    )
    def test_what_a_lost_cell_must_not_do_is_told(self, change: dict[str, Any], told: str) -> None:
        assert replace(AS_IT_SHOULD_BE, **change).wrong() == [told]

    def test_the_lost_cells_visitors_may_feel_it(self) -> None:
        assert replace(AS_IT_SHOULD_BE, lost=Group(2, FELT, {SHOWN: [900.0]})).wrong() == []


class TestTheTable:
    def test_says_who_moved_how_soon_and_what_stays_shown(self) -> None:
        printed = table(AS_IT_SHOULD_BE, "west")
        assert "2 of 2 of west could type again, after 2.5 s (median), 4.0 s (longest)" in printed
        assert "1 who typed when west was lost" in printed

    def test_has_before_and_after_in_one_line(self) -> None:
        lines = [line.split() for line in table(AS_IT_SHOULD_BE, "west").splitlines() if SHOWN in line]
        assert [line[-8:] for line in lines] == [["150", "170", "170", "2"] * 2] * 2

    def test_what_was_not_measured_is_a_dash(self) -> None:
        loss = replace(AS_IT_SHOULD_BE, lost=Group(2, FELT, {}))
        assert table(loss, "west").count("–") == 3 * 4


class TestUsage:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"CELLS": "1"}, "CELLS must be a whole number from 2 to 4, not '1'"),
            ({"CELLS": "two"}, "CELLS must be a whole number from 2 to 4, not 'two'"),
            ({"CELLS": "2", "STACK": "shop"}, "stacks of its own on this machine: without STACK"),
            ({"CELLS": "2", "URL": "wss://x", "TOKENS": "x"}, "without URL and TOKENS"),
            ({"CELLS": "3", "VISITORS": "5"}, "3 cells need 6 VISITORS or more, not 5"),
            ({"CELLS": "2", "MINUTES": "0.1"}, "MINUTES must be a number from 0.4 to 100"),
            ({"CELLS": "2", "CXONE_PLATFORM": "fax"}, "CXONE_PLATFORM must be"),
            (
                {
                    "CELLS": "2",
                    "CXONE_BASE_URL": "https://x.example",
                    "CXONE_CLIENT_ID": "a",
                    "CXONE_CLIENT_SECRET": "b",
                },
                "without CXONE_BASE_URL and DFO_",
            ),
        ],
    )
    def test_what_cannot_be_done_is_bad_usage(self, given: dict[str, str], told: str) -> None:
        with pytest.raises(UsageError, match=told):
            cells_of(given, plan_of(given))

    def test_cells_have_few_visitors_for_a_minute_unless_that_is_said(self) -> None:
        assert plan_of({"CELLS": "2"}) == Plan(20, 1)

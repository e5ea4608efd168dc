"""`make load`: who comes when, how they type, what agents saw of it, the closing table, and bad settings."""

from collections import Counter
from pathlib import Path
from typing import Any

import jwt
import pytest

from local.commands import deployed, load
from local.load.bill import Prices, dollars, prices_of
from local.load.plan import Plan, gaps_of, keys_within
from local.load.report import Machine, progress, table
from local.load.seen import Seen
from local.load.tally import PING, Tally, quantile
from local.stack.processes import StackError

TOKEN = jwt.encode({"sub": "somebody"}, "a secret of more than 32 bytes, for HS256", algorithm="HS256")
URL = "wss://abc.execute-api.eu-central-1.amazonaws.com/live"
SETTINGS = (
    "URL",
    "TOKENS",
    "STACK",
    "VISITOR_SECRET_ARN",
    "VISITORS",
    "MINUTES",
    "A_SECOND",
    "YES",
    "PORT",
    "CONTACTS",
)
FREE = Prices("today", 0, 0, 0)


class TestWhoComesWhen:
    def test_visitors_come_evenly_and_stay_until_the_last_has_had_its_minutes(self) -> None:
        plan = Plan(visitors=21, minutes=2, a_second=10)
        assert [plan.comes_at(number) for number in (0, 1, 20)] == [0, 0.1, 2.0]
        assert plan.seconds == 122

    def test_each_is_one_of_the_recorded_people(self) -> None:
        recordings = {"a": [100, 200], "b": [300]}
        assert [gaps_of(number, recordings) for number in (0, 1)] == [[100, 200], [300]]

    def test_two_with_the_same_recording_are_at_different_places_of_it(self) -> None:
        [first, second] = (gaps_of(number, {"a": list(range(1, 5001))}) for number in (0, 1))
        assert (first[0], second[0], second[-1]) == (1, 998, 997)

    def test_a_rhythm_begins_anew_where_the_time_is_longer(self) -> None:
        assert keys_within([100, 300], 1000) == [0, 100, 400, 500, 800, 900]

    def test_nobody_types_beyond_their_time(self) -> None:
        assert keys_within([100, 300], 0) == []


class TestWhatAgentsSaw:
    def test_a_burst_is_shown_after_its_first_key_and_ended_after_its_stop(self) -> None:
        seen = Seen()
        seen.add([(1000, 3000)], [(1150, True), (5200, False)], debounce_ms=2000)
        assert (seen.shown, seen.ended, seen.missed, seen.left_on) == ([150], [200], 0, 0)

    def test_an_end_that_comes_after_the_next_first_key_is_still_the_first_bursts(self) -> None:
        seen = Seen()
        told = [(1150, True), (5200, False), (5400, True), (8000, False)]
        seen.add([(1000, 3000), (5100, 5900)], told, debounce_ms=2000)
        assert (seen.shown, seen.ended) == ([150, 300], [200, 100])

    def test_bursts_that_were_told_as_one_count_as_one_shown_and_one_missed(self) -> None:
        """T1: a pause hardly longer than the debounce. The end belongs to neither of them."""
        seen = Seen()
        seen.add([(1000, 3000), (5050, 6000)], [(1150, True), (8100, False)], debounce_ms=2000)
        assert (seen.shown, seen.ended, seen.missed) == ([150], [], 1)

    def test_what_was_said_again_is_no_change(self) -> None:
        seen = Seen()
        seen.add([(1000, 3000)], [(900, False), (1150, True), (1300, True), (5200, False)], debounce_ms=2000)
        assert (seen.shown, seen.ended) == ([150], [200])

    def test_who_is_shown_to_the_last_is_left_on(self) -> None:
        seen = Seen()
        seen.add([(1000, 3000)], [(1150, True)], debounce_ms=2000)
        assert (seen.shown, seen.ended, seen.left_on) == ([150], [], 1)

    def test_who_has_not_typed_to_the_end_of_a_burst_adds_nothing(self) -> None:
        seen = Seen()
        seen.add([], [(1150, True), (1300, False)], debounce_ms=2000)
        assert (seen.shown, seen.ended, seen.missed, seen.left_on) == ([], [], 0, 0)

    def test_a_burst_of_which_nothing_was_told_is_missed(self) -> None:
        seen = Seen()
        seen.add([(1000, 3000)], [], debounce_ms=2000)
        assert (seen.missed, seen.left_on) == (1, 0)


class TestTheTable:
    def test_a_quantile_is_one_of_the_values(self) -> None:
        values = [float(value) for value in range(100, 0, -1)]
        assert [quantile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
        assert quantile([7.0], 0.5) == 7

    def test_lags_are_shown_with_their_count_and_what_was_not_measured_is_left_out(self) -> None:
        tally = Tally()
        tally.lags[PING] += [10, 30, 20]
        printed = table(tally, FREE, Machine(0, 0), None)
        [line] = [line for line in printed.splitlines() if line.strip().startswith(PING)]
        assert line.split()[-5:] == ["20", "30", "30", "30", "3"]
        assert "connect " not in printed

    def test_errors_are_counted_by_kind(self) -> None:
        tally = Tally(errors=Counter({"no pong within 15 s": 1, "not let in (429)": 3}))
        assert "3 × not let in (429)\n" in table(tally, FREE, Machine(0, 0), None)

    def test_what_cxone_was_called_for_is_shown_where_it_is_known(self) -> None:
        tally = Tally(typed={"a": [(0, 1), (5000, 6000)]})
        assert "(2.00 typing calls a burst)" in table(
            tally, FREE, Machine(0, 0), (Seen(), Counter({"typing calls": 4}))
        )
        assert "simulator of a stack on this machine only" in table(tally, FREE, Machine(0, 0), None)

    def test_what_a_load_costs_is_bursts_time_and_pings(self) -> None:
        assert dollars(Prices("today", burst=2, visitor_hour=3, ping=5), 10, 7200, 1) == {
            "typing": 20,
            "being there": 6,
            "pings": 5,
        }

    @pytest.mark.parametrize("platform", ["v1", "dfo"])
    def test_a_burst_has_a_price_on_each_platform(self, platform: str) -> None:
        assert 0 < prices_of(platform).burst < 0.001

    def test_the_bar_grows_and_is_left_out_of_a_file(self) -> None:
        half = progress(Tally(), 0.5, with_bar=True)
        assert (half.count("█"), half.count("░")) == (12, 12)
        assert progress(Tally(), 0.5, with_bar=False).startswith(" 50 %")


class TestUsage:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({}, "no stack is running"),
            ({"VISITORS": "many"}, "VISITORS must be a whole number from 1 to 5000, not 'many'"),
            ({"VISITORS": "1.5"}, "VISITORS must be a whole number"),
            ({"MINUTES": "0"}, "MINUTES must be a number from 0.1 to 100"),
            ({"MINUTES": "nan"}, "MINUTES must be a number"),
            ({"A_SECOND": "1000"}, "A_SECOND must be a number from 0.1 to 100"),
            ({"VISITORS": "501"}, "501 visitors are many: YES=1 if that is meant"),
            ({"URL": URL, "VISITORS": "1"}, "give STACK=, VISITOR_SECRET_ARN= or TOKENS="),
            ({"URL": "ws://shop.example", "TOKENS": "file"}, "URL must be wss://"),
            ({"URL": f"{URL}?token={TOKEN}"}, "the token goes into TOKENS="),
            ({"URL": URL, "TOKENS": "/nowhere/at/all"}, "TOKENS must be a file with a token on each line"),
        ],
    )
    def test_what_cannot_be_done_is_bad_usage(
        self,
        given: dict[str, str],
        told: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def nothing_runs(_: str | None) -> dict[str, Any]:
            raise StackError("no stack is running. Start one: make run")

        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(deployed, "running", nothing_runs)
        assert load.main() == 2
        printed = capsys.readouterr().err
        assert told in printed
        assert TOKEN not in printed

    def test_tokens_of_ones_own_are_a_line_each_and_never_shown(self, tmp_path: Path) -> None:
        file = tmp_path / "tokens"
        file.write_text(f"{TOKEN}\n{TOKEN}\n")
        given = {"URL": URL, "TOKENS": str(file)}
        target = load.target_of(given, deployed.deployed(given, own="TOKENS"), Plan(2, 1))
        assert (target.tokens, target.sessions) == ([TOKEN, TOKEN], ["somebody", "somebody"])
        assert TOKEN not in repr(target)

    def test_fewer_tokens_than_visitors_are_too_few(self, tmp_path: Path) -> None:
        file = tmp_path / "tokens"
        file.write_text(TOKEN)
        given = {"URL": URL, "TOKENS": str(file)}
        with pytest.raises(deployed.UsageError, match="1 tokens, and 2 visitors"):
            load.target_of(given, deployed.deployed(given, own="TOKENS"), Plan(2, 1))

    def test_a_file_of_something_else_is_not_sent_anywhere(self, tmp_path: Path) -> None:
        file = tmp_path / "tokens"
        file.write_text('{"client_secret": "do not tell"}')
        with pytest.raises(deployed.UsageError, match="no JWT with a sub") as refused:
            load.target_of(
                {"TOKENS": str(file)}, deployed.deployed({"URL": URL, "TOKENS": "x"}, own="TOKENS"), Plan(1, 1)
            )
        assert "do not tell" not in str(refused.value)

    def test_on_a_deployment_no_contact_is_opened_unless_that_is_asked_for(self) -> None:
        """Real agents would have them before them."""
        place = deployed.Deployed(URL, None, "shop", "dfo", deployed.OwnAccount(), lambda: lambda *_: TOKEN)
        assert not deployed.opens_contacts({}, place)
        assert deployed.opens_contacts({"CONTACTS": "1"}, place)

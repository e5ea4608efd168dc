"""How a burst is counted: by hand, for one as short as can be."""

import pytest
from typing_relay.relay.burst import Policy

from local.playing.rhythm import frames_due
from tests.cost.log_lines import line_bytes
from tests.cost.model import Model, memory_mb
from tests.cost.played import Played, Relay
from tests.cost.prices import PRICES, dollars


def one_key(hold_ms: int = 6000, verifies: bool = True) -> Played:
    return Relay(Policy(verifies=verifies, parks=verifies), Model()).play(frames_due([0], 1000, hold_ms))


def test_a_held_key_is_two_frames_two_calls_and_two_executions() -> None:
    counts = one_key().counts
    assert (counts["frames"], counts["POSTs"], counts["GETs"], counts["executions"]) == (2, 2, 0, 2)


def test_its_writes_are_the_key_the_stop_two_claims_two_locks_and_what_cxone_said_twice() -> None:
    """And of the sweeper's index: put in, and taken out."""
    counts = one_key().counts
    assert (counts["writes"], counts["index writes"]) == (8, 2)


def test_its_two_executions_last_as_long_as_their_calls() -> None:
    """Between them the burst is parked. Billed by 100 ms and 64 MB."""
    gb_s = one_key().counts["express_gb_s"]
    assert gb_s * 16 == pytest.approx(0.4)


def test_keys_that_hold_on_make_the_keeper_look_once_a_hold_and_write_once_a_lease() -> None:
    """A key each 4 s for 20 s, each held for 6 s; the last look finds all done."""
    counts = Relay(Policy(), Model()).play(frames_due(range(0, 20_001, 500), 4_000, 6_000)).counts
    assert (counts["executions"], counts["keeper reads"], counts["keeper writes"]) == (2, 5, 2)


def test_a_burst_that_is_shown_for_a_minute_is_asked_about_twice_and_counts_as_one_asked_about() -> None:
    """T14: a question in each 30 s; shorter bursts before it and after it are asked about by none."""
    keys = [0, *range(10_000, 75_001, 500), 90_000]
    counts = Relay(Policy(), Model()).play(frames_due(keys, 1000, 6000)).counts
    assert (counts["POSTs"], counts["GETs"], counts["bursts asked about"]) == (6, 2, 1)


def test_a_plain_key_is_one_frame_and_one_execution() -> None:
    counts = one_key(hold_ms=0).counts
    assert (counts["frames"], counts["POSTs"], counts["executions"]) == (1, 2, 1)


def test_on_digital_first_a_nudge_takes_the_executions_place() -> None:
    counts = one_key(verifies=False).counts
    assert (counts["executions"], counts["Sender calls"], counts["POSTs"]) == (0, 0, 0)
    assert (counts["nudges"], counts["frames to the gateway"], counts["messages"]) == (2, 2, 4)


def test_the_lines_of_a_burst_are_those_of_its_start_its_end_and_its_calls() -> None:
    lines = line_bytes()
    assert one_key().counts["log_bytes"] == sum(lines[of] for of in ("key started", "true", "stop started", "false"))


def test_most_frames_and_looks_write_no_line() -> None:
    assert (line_bytes()["key coalesced"], line_bytes()[""]) == (0, 0)


def test_a_function_with_less_memory_takes_longer_for_its_work() -> None:
    assert Model().on_cpu("Keystroke", 1) == pytest.approx(1769 / memory_mb("Keystroke"))


def test_what_has_no_price_costs_nothing() -> None:
    assert dollars({"frames": 5, "messages": 2}) == 2 * PRICES["messages"]

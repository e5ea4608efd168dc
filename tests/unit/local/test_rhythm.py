"""A front end's rules, plain and with holds, on made-up and on real rhythms."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from local.playing.rhythm import FrameDue, StopDue, bursts, frames_due, key_times

TRACES = [json.loads(line) for line in (Path(__file__).parents[2] / "data/typing.jsonl").read_text().splitlines()]


def test_the_first_key_leaves_at_once_and_the_last_one_late() -> None:
    """T2: the first without waiting; `ago_ms` keeps the last one exact."""
    assert list(frames_due([0, 100, 250], 1000)) == [FrameDue(0, 0), FrameDue(1000, 750)]


def test_a_key_after_a_pause_leaves_at_once() -> None:
    assert list(frames_due([0, 1000, 3000], 1000)) == [FrameDue(0, 0), FrameDue(1000, 0), FrameDue(3000, 0)]


def test_a_held_burst_is_its_first_key_one_in_the_last_seconds_of_each_hold_and_a_stop() -> None:
    """T2, T3: the last key needs no frame; a hold without a key in time is renewed a second before its end."""
    keys = [*range(0, 4600, 500), 6400, 7900]
    assert list(frames_due(keys, 1000, 6000)) == [
        FrameDue(0, 0, 6000),
        FrameDue(4000, 0, 6000),
        FrameDue(9000, 1100, 6000),
        StopDue(9900),
    ]


def test_what_leaves_late_says_how_late() -> None:
    """Time, not arrival, decides."""
    assert FrameDue(0, 700, 6000).frame(late=40) == {"action": "keystroke", "ago_ms": 740, "hold_ms": 6000}
    assert FrameDue(0, 0).frame() == {"action": "keystroke", "ago_ms": 0}
    assert StopDue(2000).frame(late=40) == {"action": "stop", "ago_ms": 41}


@pytest.mark.parametrize(("hold_ms", "count"), [(0, 14_713), (6000, 5_681)])
def test_real_typing_makes_as_many_frames_as_the_browsers_client_does(hold_ms: int, count: int) -> None:
    """The same numbers are asserted of web/typing-relay.js, in tests/unit/web/rhythm.test.mjs."""
    assert sum(len(list(frames_due(key_times(trace["gaps_ms"]), 1000, hold_ms))) for trace in TRACES) == count


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace["trace"])
def test_frames_are_a_heartbeat_apart_and_tell_every_burst_exactly(trace: dict[str, list[int]]) -> None:
    """At most one frame per heartbeat, and the keys that the relay learns of make the same bursts."""
    keys = key_times(trace["gaps_ms"])
    frames = list(frames_due(keys, 1000))
    assert all(later.at - earlier.at >= 1000 for earlier, later in pairwise(frames))
    assert bursts([frame.at - frame.ago for frame in frames], 2000) == bursts(keys, 2000)


def test_the_traces_have_as_many_bursts_as_they_say() -> None:
    """64,036 keystrokes in 1,461 bursts."""
    assert sum(trace["keystrokes"] for trace in TRACES) == 64_036
    assert sum(len(bursts(key_times(trace["gaps_ms"]), 2000)) for trace in TRACES) == 1_461

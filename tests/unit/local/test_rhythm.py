"""The heartbeat rule of a front end, on made-up and on real rhythms."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from local.playing.rhythm import FrameDue, bursts, frames_due, key_times

TRACES = [json.loads(line) for line in (Path(__file__).parents[2] / "data/typing.jsonl").read_text().splitlines()]


def test_the_first_key_leaves_at_once_and_the_last_one_late() -> None:
    """T2: the first without waiting; `ago_ms` keeps the last one exact."""
    assert list(frames_due([0, 100, 250], 1000)) == [FrameDue(0, 0), FrameDue(1000, 750)]


def test_a_key_after_a_pause_leaves_at_once() -> None:
    assert list(frames_due([0, 1000, 3000], 1000)) == [FrameDue(0, 0), FrameDue(1000, 0), FrameDue(3000, 0)]


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

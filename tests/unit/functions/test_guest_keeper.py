"""What the keeper's process reports each minute."""

from __future__ import annotations

import json
from collections import deque
from types import SimpleNamespace

import pytest
from typing_relay.keeper.counters import Counters

from tests.support.load_function import load_function


def reported(capsys: pytest.CaptureFixture[str], felt: deque[tuple[str, int]]) -> list[dict[str, object]]:
    """The lines of one report."""
    process = SimpleNamespace(
        counters=Counters(),
        felt=felt,
        keeper=SimpleNamespace(gauges=lambda: {"GuestsHeld": 2}),
        custody=["a", "b"],
        max_guests=10,
        loop=SimpleNamespace(longest_turn=0.0),
    )
    load_function("guest_keeper").Process._emit_metrics(process)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_what_people_perceived_is_in_the_one_line_of_the_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """T2 in production. Each value counts, and none twice."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "TypingRelay/shop")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "guest_keeper")
    felt = deque([("FirstKeyToShown", 120), ("LastKeyToEnded", 2080), ("FirstKeyToShown", 90)])
    [line] = reported(capsys, felt)
    assert (line["FirstKeyToShown"], line["LastKeyToEnded"]) == ([120, 90], [2080])
    assert not felt


def test_more_values_than_a_line_may_have_become_more_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudWatch takes 100 values of a metric in a line (EMF's specification)."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "TypingRelay/shop")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "guest_keeper")
    lines = reported(capsys, deque([("FirstKeyToShown", ms) for ms in range(250)]))
    values = [line.get("FirstKeyToShown", []) for line in lines]
    assert [len(some) for some in values] == [100, 100, 50]  # type: ignore[arg-type]

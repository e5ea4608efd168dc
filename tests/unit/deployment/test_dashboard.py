"""The dashboard's pictures are drawn from template.yaml and EMF lines; docs/metrics.md knows each alarm."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from tests.support.dashboard import Line, figures, points, widgets
from tests.support.graphs import svg
from tests.support.template import ROOT, of_type

DOCS = ROOT / "docs"
ALARMS = list(of_type("AWS::CloudWatch::Alarm"))
MOST_BYTES = 150_000


def emf(at: int, **values: float | list[float]) -> str:
    """A line of the sender's."""
    metrics = [{"Name": name, "Unit": "Count"} for name in values]
    described = {"Timestamp": at, "CloudWatchMetrics": [{"Namespace": "TypingRelay/shop", "Metrics": metrics}]}
    return json.dumps({"_aws": described, "service": "sender", **values})


@pytest.mark.parametrize("alarm", ALARMS)
def test_what_each_alarm_looks_like_is_described(alarm: str) -> None:
    assert f"\n| `{alarm}` |" in (DOCS / "metrics.md").read_text()


def test_no_alarm_is_described_that_there_is_not() -> None:
    section = (DOCS / "metrics.md").read_text().partition("\n## Each alarm\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == sorted(ALARMS)


def test_the_pictures_that_are_shown_are_those_there_are_and_small() -> None:
    shown = re.findall(r"\(images/(metrics-[\w-]+\.png)\)", (DOCS / "metrics.md").read_text())
    there = {path.name: path.stat().st_size for path in (DOCS / "images").glob("metrics-*.png")}
    assert sorted(shown) == sorted(there)
    assert max(there.values()) < MOST_BYTES


def test_the_objectives_are_drawn_with_the_levels_of_their_alarms() -> None:
    """LastKeyToEnded counts from the last key: DebounceMs and a second. Of guests, three are the least that count."""
    levels = {name: level for widget in widgets("sender") for name, level, _ in widget.alarms}
    assert {"TypingShownLate": 1000, "TypingEndedLate": 3000, "CallsNotAccepted": 99, "GuestsNotHeld": 3}.items() <= (
        levels.items()
    )


def test_graphs_of_awss_own_metrics_are_left_out() -> None:
    titles = [widget.title for widget in widgets("sender")]
    assert "CXone's answers" in titles
    assert "Function errors" not in titles


def test_what_was_reported_is_read_from_lines_that_report_something() -> None:
    lines = ["START RequestId: 1", emf(1000, Shown=[70, 90]), '{"message": "not a metric"}', emf(2000, Shown=50)]
    assert figures(lines) == {("Shown", "sender"): [(1000, 70), (1000, 90), (2000, 50)]}


@pytest.mark.parametrize(("stat", "first"), [("Sum", 160), ("Average", 80), ("Maximum", 90), ("p50", 70), ("p95", 90)])
def test_a_point_is_the_statistic_of_its_period(stat: str, first: float) -> None:
    found = figures([emf(1000, Shown=[70, 90]), emf(61_000, Shown=50), emf(500_000, Shown=1)])
    line = Line("Shown", "sender", stat, "shown")
    assert points(found, line, 1000, 400_000, 60_000) == [(30_000, first), (90_000, 50)]


def test_a_row_of_graphs_is_one_well_formed_picture() -> None:
    found = figures([emf(1000, FirstKeyToShown=[70, 90], CallsAccepted=100), emf(61_000, FirstKeyToShown=1200)])
    drawn = svg(widgets("sender")[:3], found, 0, 120_000, 60_000, [(0, 60_000, "a <trouble>")])
    texts = [element.text for element in ET.fromstring(drawn).iter() if element.text]
    assert {"p95", "TypingShownLate", "a <trouble>"} <= set(texts)

"""The dashboard of template.yaml, and its figures from what a stack of this machine reports itself (EMF). Pure.

AWS's own metrics (namespaces AWS/…) are not there: a widget is taken when most of its metrics are the stack's own.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.load.tally import quantile
from tests.support.template import PARAMETERS, of_type, properties

#: Metric and service -> (epoch ms, value), as reported.
Figures = Mapping[tuple[str, str], Sequence[tuple[float, float]]]
_OWN = "TypingRelay/"


@dataclass(frozen=True)
class Line:
    """One metric of a widget. ``is_right``: by the right axis."""

    metric: str
    service: str
    stat: str
    label: str
    is_right: bool = False


@dataclass(frozen=True)
class Widget:
    """One graph. ``alarms``: the value from which an alarm rings, with its name, and whether by the right axis."""

    title: str
    lines: Sequence[Line]
    alarms: Sequence[tuple[str, float, bool]]


def widgets(owner: str) -> list[Widget]:
    """Those that can be drawn from the stack's own figures; ``owner``: the service that tells CXone."""
    body, _ = properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    text = re.sub(r"\$\{(.*?)\}", lambda found: owner if found[1] == "Owner" else found[1], body)
    found = [widget["properties"] for widget in json.loads(text)["widgets"]]
    return [_widget(drawn, own) for drawn in found if 2 * len(own := list(_own(drawn))) > len(drawn["metrics"])]


def _own(drawn: Mapping[str, Any]) -> Iterator[Line]:
    for namespace, metric, _, service, *more in drawn["metrics"]:
        if namespace.startswith(_OWN):
            options = more[0] if more else {}
            stat = options.get("stat") or drawn["stat"]
            yield Line(metric, service, stat, options.get("label", metric), options.get("yAxis") == "right")


def _widget(drawn: Mapping[str, Any], own: Sequence[Line]) -> Widget:
    is_right = {line.metric: line.is_right for line in own}
    alarms = [(name, level, is_right[metric]) for name, metric, level in _levels() if metric in is_right]
    return Widget(drawn["title"], own, alarms)


def _levels() -> Iterator[tuple[str, str, float]]:
    """Name, metric and level of each alarm that can be drawn as a line in the graph of its metric."""
    for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
        if not isinstance(alarm["Threshold"], (int, float)):
            continue
        if alarm.get("MetricName") and alarm.get("Statistic") != "SampleCount":
            yield name, alarm["MetricName"], alarm["Threshold"]
        parts = alarm.get("Metrics", [])
        metrics = {part["Id"]: part["MetricStat"]["Metric"]["MetricName"] for part in parts if "MetricStat" in part}
        for expression in (str(part.get("Expression")) for part in parts):
            if beyond := re.search(r"(\w+) - \$\{(\w+)\}", expression):
                yield name, metrics[beyond[1]], alarm["Threshold"] + PARAMETERS[beyond[2]]["Default"]
            elif as_it_is := re.fullmatch(r"IF\(.*, (\w+), 100\)", expression):
                yield name, metrics[as_it_is[1]], alarm["Threshold"]
            elif (share := re.match(r"IF\((\w+) >= (\d+), 100 \* ", expression)) and share[1] in metrics:
                yield name, metrics[share[1]], int(share[2])  # the least count that is judged at all


def figures(log_lines: Iterable[str]) -> Figures:
    """What lines in CloudWatch's embedded metric format report; other lines are passed over."""
    found: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for line in log_lines:
        if '"_aws"' not in line:
            continue
        report = json.loads(line[line.index("{") :])
        for metric in (metric for group in report["_aws"]["CloudWatchMetrics"] for metric in group["Metrics"]):
            values = report[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                found[metric["Name"], report["service"]].append((report["_aws"]["Timestamp"], value))
    return found


def points(figures: Figures, line: Line, since: float, until: float, period_ms: float) -> list[tuple[float, float]]:
    """(ms after ``since``, value) of each whole period in which something was reported."""
    periods: defaultdict[int, list[float]] = defaultdict(list)
    for at, value in figures.get((line.metric, line.service), ()):
        if 0 <= at - since < (until - since) // period_ms * period_ms:
            periods[int((at - since) // period_ms)].append(value)
    return [((number + 0.5) * period_ms, _statistic(line.stat, values)) for number, values in sorted(periods.items())]


def _statistic(stat: str, values: Sequence[float]) -> float:
    if percent := re.fullmatch(r"p(\d+)", stat):
        return quantile(values, int(percent[1]) / 100)
    return {"Sum": sum(values), "Average": sum(values) / len(values), "Maximum": max(values)}[stat]

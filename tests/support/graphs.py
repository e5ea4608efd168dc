"""Widgets of a dashboard as one SVG, three in a row: lines over minutes, alarm levels dashed, troubles shaded. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

from tests.support.dashboard import Figures, Line, Widget, points

COLUMNS, WIDTH, HEIGHT = 3, 400, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 36, 36, 62
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f")
ALARM = "#c0392b"
STEPS = 4

#: What went wrong: from and to (ms after the start), and how it is called.
Trouble = tuple[float, float, str]
Series = list[tuple[Line, list[tuple[float, float]]]]


def svg(
    widgets: Sequence[Widget],
    figures: Figures,
    since: float,
    until: float,
    period_ms: float,
    troubles: Sequence[Trouble],
) -> str:
    """All of them, between two times (epoch ms)."""
    rows = -(-len(widgets) // COLUMNS)
    parts = []
    for index, widget in enumerate(widgets):
        series = [(line, points(figures, line, since, until, period_ms)) for line in widget.lines]
        drawn = "".join(_graph(widget, [(line, at) for line, at in series if at], until - since, troubles))
        x, y = index % COLUMNS * WIDTH, index // COLUMNS * HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{drawn}</g>')
    width, height = COLUMNS * WIDTH, rows * HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif"'
        f' font-size="11" fill="#333"><rect width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _graph(widget: Widget, series: Series, span: float, troubles: Sequence[Trouble]) -> Iterator[str]:
    across = _scale(0, span, LEFT, WIDTH - RIGHT)
    bottom = HEIGHT - BOTTOM
    yield f'<text x="{LEFT}" y="16" font-weight="bold" font-size="12">{escape(widget.title)}</text>'
    for begin, end, _ in troubles:
        x = across(begin)
        yield f'<rect x="{x:.0f}" y="{TOP}" width="{across(end) - x:.0f}" height="{bottom - TOP}" fill="#fdecea"/>'
    yield from _minutes(across, span, bottom)
    colours = {line: COLOURS[index % len(COLOURS)] for index, (line, _) in enumerate(series)}
    for is_right in (False, True):
        own = [(line, at) for line, at in series if line.is_right == is_right]
        alarms = [(name, level) for name, level, right in widget.alarms if right == is_right]
        if own:
            yield from _axis(own, alarms, across, bottom, colours)
    for begin, _, name in troubles:
        yield f'<text x="{across(begin) + 3:.0f}" y="{TOP - 4}" fill="{ALARM}">{escape(name)}</text>'
    for index, (line, _) in enumerate(series):
        x, y = LEFT + index % 3 * 112, bottom + 30 + index // 3 * 14
        yield f'<rect x="{x}" y="{y - 7}" width="8" height="8" fill="{colours[line]}"/>'
        yield f'<text x="{x + 12}" y="{y}">{escape(line.label)}</text>'


def _minutes(across: Callable[[float], float], span: float, bottom: float) -> Iterator[str]:
    for minute in range(int(span // 60_000) + 1):
        x = across(minute * 60_000)
        yield f'<text x="{x:.0f}" y="{bottom + 14}" text-anchor="middle">{minute}{" min" if not minute else ""}</text>'


def _axis(
    series: Series,
    alarms: Sequence[tuple[str, float]],
    across: Callable[[float], float],
    bottom: float,
    colours: Mapping[Line, str],
) -> Iterator[str]:
    """The series of one axis, its scale, and the alarms that are near."""
    is_right = series[0][0].is_right
    values = [value for _, at in series for _, value in at]
    most, low = max(values), _floor(series, values)
    step = _step(max(most, *(level for _, level in alarms if level <= 2 * most), 4) - low)
    top = low + STEPS * step
    up = _scale(low, top, bottom, TOP)
    x, anchor = (WIDTH - RIGHT + 4, "start") if is_right else (LEFT - 4, "end")
    for value in (low + step * number for number in range(STEPS + 1)):
        yield f'<text x="{x}" y="{up(value) + 4:.0f}" text-anchor="{anchor}">{value:,.0f}</text>'
        if not is_right:
            yield f'<path d="M{LEFT} {up(value):.0f}H{WIDTH - RIGHT}" stroke="#eee"/>'
    for name, level in alarms:
        if max(low, top / 20) <= level <= top:
            y = up(level)
            yield f'<path d="M{LEFT} {y:.0f}H{WIDTH - RIGHT}" stroke="{ALARM}" stroke-dasharray="4 3"/>'
            clear = y + 12 if y < bottom - 30 else y - 4
            yield f'<text x="{WIDTH - RIGHT}" y="{clear:.0f}" text-anchor="end" fill="{ALARM}">{name}</text>'
    for width, (line, at) in reversed(list(enumerate(series, start=1))):  # what lies on each other is all seen
        path = " ".join(f"{across(ms):.0f},{up(value):.1f}" for ms, value in at)
        yield f'<polyline points="{path}" fill="none" stroke="{colours[line]}" stroke-width="{1 + width}"/>'
        for ms, value in at:
            yield f'<circle cx="{across(ms):.0f}" cy="{up(value):.1f}" r="{1.5 + width / 2}" fill="{colours[line]}"/>'


def _step(span: float) -> float:
    """A round number, of which ``STEPS`` are at least ``span``."""
    size = 10.0 ** math.floor(math.log10(span / STEPS))
    return next(size * round_one for round_one in (1, 2, 5, 10) if size * round_one * STEPS >= span)


def _floor(series: Series, values: Sequence[float]) -> float:
    """Where the scale begins: just below what is worst, where all of it is percent near 100."""
    is_percent = all(line.metric == "CallsAccepted" for line, _ in series)
    return min(80.0, *values) // 20 * 20 if is_percent else 0.0


def _scale(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    return lambda value: first + (value - low) / (high - low or 1) * (last - first)

"""Draws a visitor's typing and its results as lanes over time, for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from local.playing.calls import TypingCall

WIDTH = 96  # columns
_DENSITY = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Played:
    """What was played, and the result; all times in epoch ms. `way_out`: the name of the calls' lane."""

    title: str
    start: int
    keys: Sequence[int]
    frames: Sequence[int]
    calls: Sequence[TypingCall]
    way_out: str = "calls out"

    @property
    def end(self) -> int:
        """When the last thing happened, and a little more."""
        return max([*self.keys, *self.frames, *(call.ended for call in self.calls)], default=self.start) + 500


def draw(played: Played, width: int = WIDTH) -> str:
    """The lanes: keys, frames in, calls out, the agent's view, and a scale in seconds."""
    span = max(1, played.end - played.start)

    def column(at: int) -> int:
        return min(width - 1, max(0, (at - played.start) * width // span))

    lanes = {
        "keys": _density(map(column, played.keys), width),
        "frames in": _marks(((column(at), "•") for at in played.frames), width),
        played.way_out: _marks(((column(call.began), _sign(call)) for call in played.calls), width),
        "agent sees": _shown(played.calls, column, width),
        "seconds": _scale(span, width),
    }
    return "\n".join([played.title, *(f"  {name:>10} │{lane}│" for name, lane in lanes.items())])


def _density(columns: Iterable[int], width: int) -> str:
    counts = [0] * width
    for index in columns:
        counts[index] += 1
    most = max([*counts, 1])
    return "".join(_DENSITY[-(-count * 8 // most)] for count in counts)


def _marks(marks: Iterable[tuple[int, str]], width: int) -> str:
    lane = [" "] * width
    for index, mark in marks:
        lane[index] = mark
    return "".join(lane)


def _sign(call: TypingCall) -> str:
    if not call.was_accepted:
        return "✗"
    return "▲" if call.typing else "▽"


def _shown(calls: Sequence[TypingCall], column: object, width: int) -> str:
    assert callable(column)  # noqa: S101
    lane = ["·"] * width
    begun: int | None = None
    for call in (call for call in calls if call.was_accepted):
        at = column(call.ended)
        if call.typing and begun is None:
            begun = at
        elif not call.typing and begun is not None:
            lane[begun:at] = "█" * (at - begun)
            begun = None
    if begun is not None:
        lane[begun:] = "█" * (width - begun)
    return "".join(lane)


def _scale(span: int, width: int) -> str:
    step = next(step for step in (1, 2, 5, 10, 20, 60, 600) if span / 1000 / step <= width / 6)
    lane = [" "] * width
    for second in range(0, span // 1000 + 1, step):
        index = second * 1000 * width // span
        label = f"{second}"
        if index + len(label) <= width:
            lane[index : index + len(label)] = label
    return "".join(lane)

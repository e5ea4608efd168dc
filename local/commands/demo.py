"""`make demo`: starts the stack, plays the 5 s scenario and a piece of real typing, draws and checks the timeline."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence

from local.commands.token import visitor_token
from local.platforms.platform import view_of
from local.playing.calls import TypingCall
from local.playing.cxone_view import CxoneView
from local.playing.recordings import recordings
from local.playing.rhythm import bursts, frames_due, key_times
from local.playing.timeline import Played, draw
from local.playing.visitor import Visitor
from local.stack import left_out
from local.stack.processes import StackError
from local.stack.settings import read_settings
from local.stack.stack import Stack, StopRequested, stopping_on_signals

DEBOUNCE_MS = 2000
HEARTBEAT_MS = 1000
#: 50 keys, one each 100 ms: CXone's own scenario.
SCENARIO = list(range(0, 5000, 100))
#: A piece of real typing in five bursts: this trace, from this gap on, this number of gaps.
TRACE, FIRST_GAP, GAPS = "open-22", 60, 75
SETTLE_S = 15


def main() -> int:
    """Play, draw, judge. Returns 0 when all checks passed, else 1."""
    try:
        with stopping_on_signals():
            print("Starting the stack …", flush=True)
            with Stack(read_settings(os.environ)) as stack:
                return _play_all(stack)
    except StopRequested:
        print("\nStopped.")
        return 1
    except (StackError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _play_all(stack: Stack) -> int:
    print(f"Ready: visitors connect to {stack.info['websocket_url']}\n{left_out.summary()}\n", flush=True)
    problems, cxone = [], view_of(stack.aws, stack.info)
    for visitor, title, keys in (
        ("alice", "50 keys in 5 s", SCENARIO),
        ("bob", f"real typing (trace {TRACE})", key_times(recordings()[TRACE][FIRST_GAP : FIRST_GAP + GAPS])),
    ):
        played = _play(stack, cxone, visitor, title, keys)
        print(draw(played), "\n", flush=True)
        problems += _judge(played) + cxone.problems(visitor)
    problems += [str(failure) for failure in stack.failed_invocations]
    for problem in problems:
        print(f"WRONG: {problem}")
    print("Some checks failed." if problems else "All checks passed. Everything is stopped.")
    return 1 if problems else 0


def _play(stack: Stack, cxone: CxoneView, visitor: str, title: str, keys: Sequence[int]) -> Played:
    seconds = keys[-1] / 1000
    print(f"{visitor} types: {title}, {len(keys)} keys, {seconds:.0f} s …", flush=True)
    token = visitor_token(stack.aws, stack.info["visitor_secret_arn"], visitor)
    with Visitor(stack.info["websocket_url"], token) as front_end:
        hold_ms = front_end.is_ready()["timings"]["hold_ms"]
        cxone.begin(front_end, visitor)
        start = front_end.type(keys, HEARTBEAT_MS, hold_ms)
        expected = 2 * len(bursts(keys, DEBOUNCE_MS))
        calls = _wait_for_calls(lambda: cxone.calls(visitor), expected)
    frames = [start + frame.at for frame in frames_due(keys, HEARTBEAT_MS, hold_ms)]
    summary = _summary(keys, frames, f"{len(calls)} {cxone.unit}")
    return Played(f"{title}: {summary}", start, [start + key for key in keys], frames, calls, cxone.way_out)


def _wait_for_calls(look: Callable[[], list[TypingCall]], expected: int) -> list[TypingCall]:
    """The calls, once there are as many as expected and a second has passed without another."""
    deadline = time.monotonic() + SETTLE_S
    while len(look()) < expected and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)
    return look()


def _summary(keys: Sequence[int], frames: Sequence[int], told: str) -> str:
    count = len(bursts(keys, DEBOUNCE_MS))
    return f"{len(keys)} keys → {len(frames)} frames → {told} for {count} burst{'s' if count > 1 else ''}"


def _judge(played: Played) -> list[str]:
    """What violates the rules (T1, T2, T3), as sentences."""
    expected = bursts(played.keys, DEBOUNCE_MS)
    said = [call.typing for call in played.calls]
    if said != [True, False] * len(expected):
        return [f"{played.title}: expected one true and one false for each of {len(expected)} bursts; CXone got {said}"]
    lags_on = [call.ended - first for call, (first, _) in zip(played.calls[::2], expected, strict=True)]
    lags_off = [call.ended - last for call, (_, last) in zip(played.calls[1::2], expected, strict=True)]
    print(f"  shown {_range(lags_on)} after the first key, cleared {_range(lags_off)} after the last\n")
    return [f"{played.title}: a false came {lag} ms after the last key" for lag in lags_off if lag < DEBOUNCE_MS]


def _range(lags: Sequence[int]) -> str:
    low, high = min(lags) / 1000, max(lags) / 1000
    return f"{low:.2f} s" if len(lags) == 1 else f"{low:.2f} to {high:.2f} s"


if __name__ == "__main__":
    sys.exit(main())

"""24 people type at the same time, 60 s of each: what the relay makes of it, beside one that forwards every heartbeat.

They hold their keys, as web/typing-relay.js does; the 5 s scenario is played by a client without holds, too, at the
same time. Lags are from the key press in the browser to CXone's having taken the call.
"""

import json
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.commands.token import visitor_token
from local.cxone_simulator.client import SimulatorControl
from local.playing.rhythm import bursts, frames_due, key_times
from local.playing.visitor import Visitor
from local.stack.stack import Stack

TRACES = Path(__file__).parents[1] / "data/typing.jsonl"
DEBOUNCE_MS, HEARTBEAT_MS, HOLD_MS, SPAN_MS = 2000, 1000, 6000, 60_000
PLAIN = 0  # ms of hold
#: This long the relay waits for frames on their way before it takes a pause for one.
ON_THEIR_WAY_MS = 100
SCENARIO = list(range(0, 5000, 100))
SCENARIO_RUNS = 10


@dataclass(frozen=True)
class Result:
    """What one visitor pressed (ms from ``start``), in how many frames, which calls CXone took (epoch ms, typing)."""

    start: int
    keys: Sequence[int]
    frames: int
    calls: Sequence[tuple[float, bool]]

    @property
    def bursts(self) -> list[tuple[int, int]]:
        """(first, last key) of each burst, epoch ms.

        A pause that is hardly longer than the debounce may be seen or not: docs/guarantees.md does not promise it.
        """
        found, at_least = bursts(self.keys, DEBOUNCE_MS), bursts(self.keys, DEBOUNCE_MS + ON_THEIR_WAY_MS)
        if len(self.calls) == 2 * len(at_least):
            found = at_least
        return [(self.start + first, self.start + last) for first, last in found]

    @property
    def is_exact(self) -> bool:
        """One true and one false a burst, in this order (T1)."""
        return [typing for _, typing in self.calls] == [True, False] * len(self.bursts)

    def lags(self) -> tuple[list[float], list[float]]:
        """From first key to `true`, from last key to `false`, of each burst (ms)."""
        on = [at - first for (at, _), (first, _) in zip(self.calls[::2], self.bursts, strict=True)]
        off = [at - last for (at, _), (_, last) in zip(self.calls[1::2], self.bursts, strict=True)]
        return on, off


def main() -> None:
    """Play and print."""
    with Stack(as_newest=False, senders=12) as stack, ThreadPoolExecutor(32) as pool:
        held, plain = zip(*(play_scenario(stack, pool, n) for n in range(SCENARIO_RUNS)), strict=True)
        print_table(f"50 keys in 5 s, {SCENARIO_RUNS} times, one after the other", held)
        print_table("the same at the same time, by clients without holds", plain)
        traces = [json.loads(line) for line in TRACES.read_text().splitlines()]
        keys = [[key for key in key_times(trace["gaps_ms"]) if key < SPAN_MS] for trace in traces]
        names = [trace["trace"] for trace in traces]
        everybody = list(pool.map(partial(play, stack), names, keys))
        print_table(f"{len(names)} people, {SPAN_MS // 1000} s of each, all at the same time", everybody)
        cxone = SimulatorControl(stack.info["cxone_base_url"])
        kinds = [event["kind"] for event in cxone.events()]
        left_on = sum(guest["typing"] for guest in cxone.guests())
        print(
            f"indicators left on: {left_on}; visitors: {len(names) + 2 * SCENARIO_RUNS};",
            f"guests: {kinds.count('guest')};",
            end=" ",
        )
        print(f"guest sockets: {kinds.count('socket_open')}; tokens: {kinds.count('token')}")


def play_scenario(stack: Stack, pool: Executor, run: int) -> tuple[Result, Result]:
    """The 5 s scenario by two visitors at once: one who holds keys, one who does not."""
    plain = pool.submit(play, stack, f"plain-{run}", SCENARIO, PLAIN)
    return play(stack, f"scenario-{run}", SCENARIO), plain.result()


def play(stack: Stack, visitor: str, keys: Sequence[int], hold_ms: int = HOLD_MS) -> Result:
    """One visitor's typing, and what CXone took of it."""
    cxone = SimulatorControl(stack.info["cxone_base_url"])
    token = visitor_token(stack.aws, stack.info["visitor_secret_arn"], visitor)
    with Visitor(stack.info["websocket_url"], token) as front_end:
        front_end.is_ready(30)
        start = front_end.type(keys, HEARTBEAT_MS, hold_ms)
        time.sleep(4)
    guest_id = stack.aws.client("dynamodb").get_item(
        TableName=stack.info["table_name"], Key={"session_id": {"S": visitor}}
    )["Item"]["guest_id"]["S"]
    calls = [
        (event["at"], event["value"])
        for event in cxone.events()
        if event["kind"] == "typing" and event["guest_id"] == guest_id and event["accepted"]
    ]
    return Result(start, keys, len(list(frames_due(keys, HEARTBEAT_MS, hold_ms))), calls)


def print_table(title: str, results: Sequence[Result]) -> None:
    """Counts and lags of all visitors together."""
    count = sum(len(result.bursts) for result in results)
    keys = sum(len(result.keys) for result in results)
    frames = sum(result.frames for result in results)
    beats = sum(len(list(frames_due(result.keys, HEARTBEAT_MS))) for result in results)
    calls = sum(len(result.calls) for result in results)
    exact = [result for result in results if result.is_exact]
    lags = [result.lags() for result in exact]
    print(f"\n{title}")
    print(f"  keys {keys}, bursts {count}, exact visitors {len(exact)} of {len(results)}")
    print(f"  frames: {frames}, {frames / count:.2f} a burst; one a heartbeat: {beats}, ratio {frames / beats:.2f}")
    print(f"  calls: {calls} (2 x bursts = {2 * count}); a relay that forwards every heartbeat: {beats},", end=" ")
    print(f"ratio {calls / beats:.2f}; every key: {keys}, ratio {calls / keys:.3f}")
    for name, values in (
        ("first key to true", [lag for on, _ in lags for lag in on]),
        ("last key to false", [lag for _, off in lags for lag in off]),
    ):
        cuts = statistics.quantiles(values, n=20, method="inclusive")
        print(
            f"  {name}: min {min(values):.0f} ms, median {statistics.median(values):.0f} ms,"
            f" p95 {cuts[-1]:.0f} ms, max {max(values):.0f} ms"
        )
    for result in results:
        if not result.is_exact:
            print("  not exact:", [(round(at - result.start), typing) for at, typing in result.calls], result.keys)


if __name__ == "__main__":
    main()

"""How much memory each function needs at most, while 24 people type: what `MemorySize` in template.yaml is set by.

The peer, in the same run: a Python process that has done nothing yet.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.commands.token import visitor_token
from local.playing.rhythm import key_times
from local.playing.visitor import Visitor
from local.stack.stack import Stack
from tests.benchmarks.real_typing import HEARTBEAT_MS, TRACES

SPAN_MS = 30_000
PEER = "print(open('/proc/self/status').read())"


def main() -> None:
    """Play, look at the workers, print."""
    traces = [json.loads(line) for line in TRACES.read_text().splitlines()]
    with Stack(as_newest=False, senders=8) as stack, ThreadPoolExecutor(len(traces)) as pool:
        stack.aws.client("lambda").invoke(FunctionName=stack.info["functions"]["Sweeper"], Payload=b"{}")
        for _ in pool.map(lambda trace: play(stack, trace), traces):
            pass
        peaks = dict(sorted(peaks_of_workers(stack.emulator_pid)))
    idle = peak_mb(subprocess.run([sys.executable, "-c", PEER], capture_output=True, text=True, check=True).stdout)
    print(f"\npeak resident memory of a worker, {len(traces)} people, {SPAN_MS // 1000} s of each\n")
    for name, mb in {"a bare Python": idle, **peaks}.items():
        print(f"  {name:<40}{mb:>6.0f} MB{mb / idle:>8.1f} x")


def play(stack: Stack, trace: dict) -> None:
    """One visitor's first seconds, keys held."""
    token = visitor_token(stack.aws, stack.info["visitor_secret_arn"], trace["trace"])
    with Visitor(stack.info["websocket_url"], token) as front_end:
        welcome = front_end.is_ready(30)
        keys = [key for key in key_times(trace["gaps_ms"]) if key < SPAN_MS]
        front_end.type(keys, HEARTBEAT_MS, welcome["timings"]["hold_ms"])
        threading.Event().wait(3)


def peaks_of_workers(parent: int) -> Iterator[tuple[str, float]]:
    """(function, the largest peak among its workers so far in MB)."""
    peaks: dict[str, float] = {}
    for process in Path("/proc").iterdir():
        try:
            status = (process / "status").read_text()
            environment = (process / "environ").read_text().split("\0") if f"PPid:\t{parent}\n" in status else []
        except OSError:
            continue
        for setting in environment:
            if setting.startswith("POWERTOOLS_SERVICE_NAME="):
                name = setting.partition("=")[2]
                peaks[name] = max(peaks.get(name, 0), peak_mb(status))
    yield from peaks.items()


def peak_mb(status: str) -> float:
    """Of a process, as /proc tells it."""
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()

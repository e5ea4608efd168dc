"""What CXone's frames cost a keeper, and whether a quarter of a vCPU carries them when half of the keepers are lost.

Two keepers hold GUESTS together: idle, then with a frame to each guest every minute (a chat), then every 10 s (a busy
one). Then one of them is killed, and the other, held to a quarter of a core as Fargate holds a task, takes over.

python -m tests.benchmarks.keeper_traffic [GUESTS]
"""

from __future__ import annotations

import signal
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.cpu_share import cpu_clock_s, held_to
from tests.benchmarks.keeper_at_scale import Scene, report, scene, seconds_until

#: What template.yaml gives to a task, of a core.
TASK = 0.25
MEASURED_S = 20
#: From a change until what is measured is steady.
SETTLE_S = 5
CHAT_S, BUSY_S = 60, 10


@dataclass(frozen=True)
class Measured:
    """Some seconds of some keepers: CPU of a core, frames relayed a second, and how late they were (ms)."""

    core: float
    frames: float
    delays_ms: list[int]

    def late(self) -> str:
        """Median, and 19 of 20."""
        if len(self.delays_ms) < 2:
            return "no frame"
        cuts = statistics.quantiles(self.delays_ms, n=20)
        return f"{statistics.median(self.delays_ms):.0f} ms; {cuts[18]:.0f} ms"


def measured(it: Scene, pids: Sequence[int]) -> Measured:
    """The next ``MEASURED_S``."""
    it.delays_ms()
    began, used = time.monotonic(), sum(map(cpu_clock_s, pids))
    time.sleep(MEASURED_S)
    cpu, took = sum(map(cpu_clock_s, pids)) - used, time.monotonic() - began
    delays = it.delays_ms()
    return Measured(cpu / took, len(delays) / took, delays)


def talking(it: Scene, pids: Sequence[int], every_s: float) -> Measured:
    """With a frame to each guest every ``every_s`` seconds."""
    it.sockets.ask(f"talk {every_s}")
    time.sleep(SETTLE_S)
    return measured(it, pids)


def measure_traffic(it: Scene, guests: int) -> None:
    """Two keepers, the guests shared between them."""
    pids = [keeper.pid for keeper in it.keepers]
    idle = measured(it, pids)
    chat, busy = talking(it, pids, CHAT_S), talking(it, pids, BUSY_S)
    a_frame = (busy.core - idle.core) / busy.frames
    report("CPU of a relayed frame (a read of the record, a post)", f"{1000 * a_frame:.2f} ms")
    for what, this in (("idle", idle), (f"a frame each {CHAT_S} s", chat), (f"a frame each {BUSY_S} s", busy)):
        report(
            f"{guests} guests, {what}: of a task's quarter of a core; beside idle",
            f"{100 * this.core / TASK:.0f} %; {this.core / idle.core:.1f} ×",
        )
        if this.frames:
            report("… frames a second; how late, median and 95 %", f"{this.frames:.0f}; {this.late()}")


def measure_lost_half(it: Scene, guests: int) -> None:
    """One of the keepers dies; the other gets no more than a task has."""
    died, survivor = it.keepers
    it.sockets.ask(f"talk {BUSY_S}")
    with held_to(TASK, survivor.pid):
        died.signal(signal.SIGKILL)
        died.wait()
        took = seconds_until(lambda: it.open_by_keeper_alone(guests))
        report(f"half of {guests} guests lost with their keeper, all open again within", f"{took:.0f} s")
        time.sleep(SETTLE_S)
        left = measured(it, [survivor.pid])
        report("one task holds all: of its quarter of a core", f"{100 * left.core / TASK:.0f} %")
        report(
            f"… of the frames sent, each {BUSY_S} s; how late",
            f"{100 * left.frames * BUSY_S / guests:.0f} %; {left.late()}",
        )


def main(arguments: Sequence[str] = ()) -> None:
    """Two keepers, then one."""
    guests = int(arguments[0]) if arguments else 2000
    with scene() as it:
        it.start_keeper()
        it.start_keeper()
        it.ask_for_guests(guests)
        seconds_until(lambda: it.sockets_open() == guests)
        time.sleep(SETTLE_S)
        measure_traffic(it, guests)
        measure_lost_half(it, guests)


if __name__ == "__main__":
    main(sys.argv[1:])

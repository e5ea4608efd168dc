"""A process held to a share of a core, as Fargate holds a task.

Its quota used up, it stands still until the next period. Linux does the same by a cgroup's
cpu.max, which takes root; here signals do it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: As the kernel's cpu.max has it by default.
PERIOD_S = 0.1
#: Least time between two looks at the clock of the process.
LOOK_S = 0.002


def cpu_clock_s(pid: int) -> float:
    """CPU seconds of all threads of a process so far, as exact as the kernel counts (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


@contextmanager
def held_to(share: float, pid: int) -> Iterator[None]:
    """Within it the process ``pid`` gets ``share`` of a core (0.25: a quarter)."""
    over = threading.Event()
    holder = threading.Thread(target=_hold, args=(share * PERIOD_S, pid, over))
    holder.start()
    try:
        yield
    finally:
        over.set()
        holder.join()
        os.kill(pid, signal.SIGCONT)


def _hold(quota_s: float, pid: int, over: threading.Event) -> None:
    """Period by period. What a period took too much is taken from the next; what it left is lost."""
    budget_s = quota_s
    while not over.is_set():
        ends, began_s = time.monotonic() + PERIOD_S, cpu_clock_s(pid)
        while (rest_s := ends - time.monotonic()) > 0:
            left_s = budget_s - (cpu_clock_s(pid) - began_s)
            if left_s <= 0:
                os.kill(pid, signal.SIGSTOP)
                time.sleep(rest_s)
                break
            time.sleep(min(max(left_s, LOOK_S), rest_s))
        budget_s = min(quota_s, budget_s + quota_s - (cpu_clock_s(pid) - began_s))
        os.kill(pid, signal.SIGCONT)

"""Runs all tests, in two parts at the same time.

python -m tests.run [--gate] [PYTEST'S ARGUMENTS FOR THE SIMULATION]

The simulation computes, and the other tests mostly wait: together they take hardly longer than the longer one. The
simulation has the lowest priority, so that tests that measure time are not slowed. With ``--gate`` lint, types and the
other checks are a third part, of that priority too, and the demo is played when the other tests are over. Each line
says whose it is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, RLock, Thread
from typing import IO

PYTEST = (sys.executable, "-m", "pytest")
MAKE = ("make", "--no-print-directory")
LOWEST_PRIORITY = 19


@dataclass(frozen=True, slots=True)
class Part:
    """A command, by how much its priority is lowered, as ``nice`` counts, and the part that must be over before."""

    command: Sequence[str]
    niceness: int = 0
    after: str = ""


def parts(arguments: Sequence[str]) -> dict[str, Part]:
    """What there is to run. ``arguments``: pytest's, for the simulation; and whether it is the gate."""
    is_gate = "--gate" in arguments
    arguments = [argument for argument in arguments if argument != "--gate"]
    patient = ("--timeout", "1800")  # s: it runs when the others do not
    balanced = ("--numprocesses", "auto", "--dist", "worksteal")  # its tests take from a second to minutes
    simulation = (*PYTEST, *balanced, *patient, *arguments, "tests/simulation")
    waiting = ("--numprocesses", "3", "--dist", "loadfile", "--no-loadscope-reorder")
    others = (*PYTEST, *waiting, "tests/e2e", "tests/integration", "tests/unit")
    return {
        **({"checks": Part((*MAKE, "checks"), LOWEST_PRIORITY)} if is_gate else {}),
        **({"demo": Part((*MAKE, "demo"), after="others")} if is_gate else {}),
        "simulation": Part(simulation, LOWEST_PRIORITY),
        "others": Part(others),
    }


def together(what: Mapping[str, Part], out: IO[str]) -> int:
    """Run all of ``what`` to its end; each line goes to ``out`` with its part's name, the last of each once more.

    Returns the first exit code that is not 0. SIGTERM ends all of them, as Ctrl-C in a terminal does.
    """
    running = _Running(what, out)
    with _ended_by_signals(running):
        threads = [Thread(target=running.carry_out, args=(name,)) for name in what]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(*running.last.values(), sep="", end="", file=out, flush=True)
    return next(filter(None, running.codes.values()), 0)


class _Running:
    """Parts, a thread each."""

    def __init__(self, what: Mapping[str, Part], out: IO[str]) -> None:
        self._what, self._out = what, out
        self._over = {name: Event() for name in what}
        self._processes: list[subprocess.Popen[str]] = []
        self._lock = RLock()  # a signal may interrupt whoever holds it
        self._is_ended = False
        self.codes = dict.fromkeys(what, 0)
        self.last = dict.fromkeys(what, "")

    def carry_out(self, name: str) -> None:
        part, width = self._what[name], max(map(len, self._what))
        if part.after:
            self._over[part.after].wait()
        if process := self._begun(part):
            assert process.stdout
            for line in process.stdout:
                print(f"{name:{width}} | {line}", end="", file=self._out, flush=True)
                self.last[name] = line
            self.codes[name] = process.wait()
        self._over[name].set()

    def begin_no_more(self) -> None:
        with self._lock:
            self._is_ended = True

    def end(self) -> None:
        self.begin_no_more()
        for process in self._processes:
            process.send_signal(signal.SIGINT)

    def _begun(self, part: Part) -> subprocess.Popen[str] | None:
        command = ("nice", "-n", str(part.niceness), *part.command)
        with self._lock:
            if self._is_ended:
                return None
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self._processes.append(process)
        return process


@contextmanager
def _ended_by_signals(running: _Running) -> Iterator[None]:
    """Pytest tears down what it has set up when it is interrupted, and not when it is terminated."""
    terminated = signal.signal(signal.SIGTERM, lambda *_: running.end())
    interrupted = signal.signal(signal.SIGINT, lambda *_: running.begin_no_more())  # a terminal interrupts all of them
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, terminated)
        signal.signal(signal.SIGINT, interrupted)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(together(parts(sys.argv[1:]), sys.stdout))

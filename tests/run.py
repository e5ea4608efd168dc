"""Runs all tests, in two parts at the same time.

python -m tests.run [--checks] [PYTEST'S ARGUMENTS FOR THE SIMULATION]

The simulation computes, and the other tests mostly wait: together they take hardly longer than the longer one. The
simulation has the lowest priority, so that tests that measure time are not slowed; so have lint, types and the other
checks of the gate, which are a third part with ``--checks``. Each line says whose it is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import IO

PYTEST = (sys.executable, "-m", "pytest")
CHECKS = ("make", "--no-print-directory", "checks")
LOWEST_PRIORITY = 19


@dataclass(frozen=True, slots=True)
class Part:
    """A command, and by how much its priority is lowered, as ``nice`` counts."""

    command: Sequence[str]
    niceness: int = 0


def parts(arguments: Sequence[str]) -> dict[str, Part]:
    """What there is to run. ``arguments``: pytest's, for the simulation; and whether the checks are run, too."""
    checks = {"checks": Part(CHECKS, LOWEST_PRIORITY)} if "--checks" in arguments else {}
    arguments = [argument for argument in arguments if argument != "--checks"]
    patient = ("--timeout", "1800")  # s: it runs when the others do not
    balanced = ("--numprocesses", "auto", "--dist", "worksteal")  # its tests take from a second to minutes
    simulation = (*PYTEST, *balanced, *patient, *arguments, "tests/simulation")
    waiting = ("--numprocesses", "3", "--dist", "loadfile", "--no-loadscope-reorder")
    return {
        **checks,
        "simulation": Part(simulation, LOWEST_PRIORITY),
        "others": Part((*PYTEST, *waiting, "tests/e2e", "tests/integration", "tests/unit")),
    }


def together(what: Mapping[str, Part], out: IO[str]) -> int:
    """Run all of ``what`` to its end; each line goes to ``out`` with its part's name, the last of each once more.

    Returns the first exit code that is not 0. SIGTERM ends all of them, as Ctrl-C in a terminal does.
    """
    began = {name: _begun(part) for name, part in what.items()}
    last = dict.fromkeys(began, "")
    width = max(map(len, began))

    def repeat(name: str, lines: IO[str]) -> None:
        for line in lines:
            print(f"{name:{width}} | {line}", end="", file=out, flush=True)
            last[name] = line

    with _ended_by_signals(began.values()):
        readers = [Thread(target=repeat, args=(name, process.stdout)) for name, process in began.items()]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        codes = [process.wait() for process in began.values()]
    print(*last.values(), sep="", end="", file=out, flush=True)
    return next(filter(None, codes), 0)


def _begun(part: Part) -> subprocess.Popen[str]:
    command = ("nice", "-n", str(part.niceness), *part.command)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextmanager
def _ended_by_signals(processes: Collection[subprocess.Popen[str]]) -> Iterator[None]:
    """Pytest tears down what it has set up when it is interrupted, and not when it is terminated."""

    def end(*_: object) -> None:
        for process in processes:
            process.send_signal(signal.SIGINT)

    terminated = signal.signal(signal.SIGTERM, end)
    interrupted = signal.signal(signal.SIGINT, lambda *_: None)  # a terminal interrupts all of its processes
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, terminated)
        signal.signal(signal.SIGINT, interrupted)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(together(parts(sys.argv[1:]), sys.stdout))

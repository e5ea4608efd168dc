"""Runs all tests, in two parts at the same time.

python -m tests.run [--gate] [PYTEST'S ARGUMENTS FOR THE SIMULATION]

The simulation computes, and the other tests mostly wait: together they take hardly longer than the longer one. The
simulation has the lowest priority, so that tests that measure time are not slowed. With ``--gate`` lint, types and the
other checks are a third part, of that priority too, and the demo is played when the other tests are over. Each line
says whose it is.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import IO

PYTEST = (sys.executable, "-m", "pytest")
MAKE = ("make", "--no-print-directory")
LOWEST_PRIORITY = 19
#: Of a part's failed tests, at the end: how many, and how much of each.
SHOWN, SHOWN_CHARACTERS = 10, 200
#: A line of pytest's summary; lines of a test's own log look much the same.
FAILED = re.compile(r"(FAILED|ERROR) \S+\.py(::| - |$)")


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
    """Run all of ``what`` to its end; each line goes to ``out`` with its part's name.

    At the end it repeats the first failed tests of each part, then the last line of each.

    Returns the first exit code that is not 0. SIGTERM ends all of them, as Ctrl-C in a terminal does.
    """
    running = _Running(what, out)
    with _ended_by_signals(running):
        for name in sorted(what, key=lambda name: bool(what[name].after)):
            running.begin(name)
        running.wait()
    for name, failed in running.failed.items():
        for line in failed[:SHOWN]:
            print(f"{name}: {line[:SHOWN_CHARACTERS]}", file=out)
        if len(failed) > SHOWN:
            print(f"{name}: … and {len(failed) - SHOWN} more", file=out)
    print(*running.last.values(), sep="", end="", file=out, flush=True)
    return next(filter(None, running.codes.values()), 0)


class _Running:
    """Parts. Only the main thread begins them: Python handles signals there, so before the next part begins it knows of
    every signal that ended the one before. A thread for each part reads its output.
    """

    def __init__(self, what: Mapping[str, Part], out: IO[str]) -> None:
        self._what, self._out = what, out
        self._readers: dict[str, Thread] = {}
        self._begun: list[subprocess.Popen[str]] = []
        self._is_ended = False
        #: 1 until it is over, should reading fail; of one that was not begun 0.
        self.codes = dict.fromkeys(what, 0)
        self.last = dict.fromkeys(what, "")
        #: Lines of pytest's summary.
        self.failed: dict[str, list[str]] = {name: [] for name in what}

    def begin(self, name: str) -> None:
        part = self._what[name]
        if part.after and not self._is_ended:
            self._readers[part.after].join()
        if self._is_ended:
            return
        command = ("nice", "-n", str(part.niceness), *part.command)
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        self._begun.append(process)
        if self._is_ended:  # by a signal that came while it began
            self.end()
        self._readers[name] = Thread(target=self._read, args=(name, process))
        self._readers[name].start()

    def wait(self) -> None:
        for reader in self._readers.values():
            reader.join()

    def begin_no_more(self) -> None:
        self._is_ended = True

    def end(self) -> None:
        self.begin_no_more()
        while self._begun:  # a second one would keep pytest from tearing down
            self._begun.pop().send_signal(signal.SIGINT)

    def _read(self, name: str, process: subprocess.Popen[str]) -> None:
        width = max(map(len, self._what))
        self.codes[name] = 1
        assert process.stdout
        for line in process.stdout:
            print(f"{name:{width}} | {line}", end="", file=self._out, flush=True)
            self.last[name] = line
            if FAILED.match(line):
                self.failed[name].append(line.rstrip())
        self.codes[name] = process.wait()


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

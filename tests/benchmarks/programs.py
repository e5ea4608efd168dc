"""Child programs of benchmarks: started, asked a line for a line, stopped."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TICKS_PER_S = 100  # USER_HZ, as /proc counts


class Program:
    """A child that answers a line for a line."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT / 'layers' / 'typing_relay'}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def ask(self, command: str) -> str:
        self.tell(command)
        return self.line()

    def tell(self, command: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def usage(self) -> dict[str, float]:
        answer: dict[str, float] = json.loads(self.ask("usage"))
        return answer

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def running(module: str, *arguments: str) -> Iterator[Program]:
    program = Program(module, *arguments)
    try:
        yield program
    finally:
        program.stop()


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used so far, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def resident_mb(pid: int) -> float:
    """Memory of a process that is in use now, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1e6

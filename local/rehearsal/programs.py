"""Runs SAM, and shows that it lives: its output goes to a file, its last line to the terminal now and then."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.stack.deploy import ROOT

#: How often a line says how far it is (s): on a terminal in place, else beneath the one before.
_TERMINAL_S, _LINE_S = 1.0, 30.0
_END_S = 10.0
_WIDTH = 100


class Progress:
    """One line that says how long it has taken and what was said last."""

    def __init__(self) -> None:
        self._began = self._shown = time.monotonic()

    def show(self, text: str) -> None:
        """``text``, unless a line was shown a moment ago."""
        is_terminal, now = sys.stdout.isatty(), time.monotonic()
        if now - self._shown < (_TERMINAL_S if is_terminal else _LINE_S):
            return
        self._shown = now
        line = f"      {now - self._began:4.0f} s  {text[:_WIDTH]}"
        print(f"\r\033[K{line}" if is_terminal else line, end="" if is_terminal else "\n", flush=True)

    def over(self) -> None:
        """Take the line away."""
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)


def run(command: Sequence[str], environment: Mapping[str, str], log: Path) -> tuple[int, str]:
    """Run it from the top of the checkout; its exit status, and the end of its output, which goes to ``log``.

    Nobody is there to answer a question. When this is interrupted, it is ended first. What it leaves in its temporary
    folder is removed: `sam deploy` leaves a copy of each function there.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        status = _run(command, {**environment, "TMPDIR": scratch}, log)
    return status, _last_lines(log, 15)


def _run(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    progress = Progress()
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        while child.poll() is None:
            time.sleep(0.1)
            progress.show(_last_lines(log, 1))
    finally:
        progress.over()
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(_END_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
    return child.returncode


def _last_lines(log: Path, count: int) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return "\n".join(lines[-count:])

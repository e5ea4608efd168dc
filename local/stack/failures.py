"""Invocations of functions that failed on the local stack: a file of JSON lines in the stack's folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "failures.log"


@dataclass(frozen=True)
class Failure:
    """A function raised `error`, died, or ran out of its time; `at` in epoch ms."""

    at: float
    function: str
    error: str
    trace: str = ""

    @classmethod
    def now(cls, function: str, error: str, trace: str) -> Failure:
        """One of this moment."""
        return cls(time.time() * 1000, function, error, trace)

    def __str__(self) -> str:
        said = self.error.strip().splitlines() or ["no reason was given"]
        return f"{self.function} failed: {said[-1]}"


def note(log: Path, failure: Failure) -> None:
    """Add a line, whole: several threads note failures."""
    with log.open("a") as file:
        file.write(json.dumps(asdict(failure)) + "\n")


class Failures:
    """Reads what is new in the file; it need not be there yet."""

    def __init__(self, log: Path) -> None:
        self._log, self._read = log, 0

    def new(self) -> Iterator[Failure]:
        """Those noted since the last look, oldest first."""
        try:
            with self._log.open("rb") as file:
                file.seek(self._read)
                for line in file:
                    if not line.endswith(b"\n"):
                        return  # still being written
                    self._read += len(line)
                    yield Failure(**json.loads(line))
        except FileNotFoundError:
            return

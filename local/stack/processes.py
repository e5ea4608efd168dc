"""Child programs of the local stack: started with their output in a log file, ended with all that they started."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1  # prctl(2)
_STOP_SECONDS = 8.0  # a keeper hands its guests back well inside this
_LOG_TAIL_LINES = 15


class StackError(Exception):
    """The stack cannot start or go on; the message says why and what to do."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_taken(port: int) -> bool:
    """Whether something listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Child:
    """A running program. It leads a process group of its own, so that its workers end with it."""

    def __init__(
        self, name: str, args: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path | None = None
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                args,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether the program is over."""
        return self._process.poll() is not None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready()`; StackError when the program ends before or `seconds` are over."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.has_ended():
                raise StackError(f"the {self.name} ended while starting.\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise StackError(f"the {self.name} was not ready within {seconds:.0f} s.\n{self.last_words()}")
            time.sleep(0.02)

    def last_words(self) -> str:
        """The end of its log, with the path of the whole."""
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return "\n".join([*(f"  {line}" for line in lines), f"Its whole log: {self.log}"])

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the program itself."""
        if not self.has_ended():
            self._process.terminate()

    def stop(self) -> None:
        """SIGTERM, a while to tidy up, then SIGKILL to whatever is left of its group."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to its whole group: nothing is tidied up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def end_with_parent() -> None:
    """Have this process sent SIGTERM when its parent dies, even of SIGKILL. Linux only; elsewhere nothing happens."""
    if _PRCTL:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)

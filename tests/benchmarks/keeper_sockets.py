"""Guest sockets over TLS: the keeper's loop beside asyncio ``websockets`` and a thread for each socket.

python -m tests.benchmarks.keeper_sockets [COUNT [COUNT_OF_THREADS]]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.web_socket_peers import Certificates

ROOT = Path(__file__).resolve().parents[2]
IDLE_S = 10
ROUNDS = 10


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
        return self._process.stdout.readline()

    def ask(self, command: str) -> str:
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self.line()

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


def wait_for(client: Program, name: str, count: int) -> dict[str, float]:
    while (usage := client.usage())[name] < count:
        time.sleep(0.2)
    return usage


def measure(kind: str, count: int, certificate: Path) -> dict[str, float]:
    """Open, be idle, take ROUNDS messages on each socket."""
    with running("socket_server", str(certificate)) as server:
        url = f"wss://127.0.0.1:{int(server.line())}/socket"
        with running("socket_clients", kind, url, str(certificate), str(count)) as client:
            began = time.monotonic()
            opened = wait_for(client, "opened", count)
            opening_s = time.monotonic() - began
            time.sleep(2)
            before = client.usage()
            time.sleep(IDLE_S)
            idle = client.usage()
            server.ask(f"send {ROUNDS}")
            after = wait_for(client, "messages", count * ROUNDS)
    messages = count * ROUNDS
    return {
        "opening s": opening_s,
        "opening ms CPU each": 1000 * opened["cpu_s"] / count,
        "resident MB": idle["resident_mb"],
        "KB each": 1000 * (idle["resident_mb"] - 30) / count,
        "idle CPU %": 100 * (idle["cpu_s"] - before["cpu_s"]) / IDLE_S,
        "ms CPU per 1000 messages": 1000 * (after["cpu_s"] - idle["cpu_s"]) / (messages / 1000),
    }


def print_table(rows: list[tuple[str, int, dict[str, float]]]) -> None:
    names = list(rows[0][2])
    print(f"{'held by':<12}{'sockets':>8}" + "".join(f"{name:>26}" for name in names))
    for kind, count, figures in rows:
        print(f"{kind:<12}{count:>8}" + "".join(f"{figures[name]:>26.1f}" for name in names))


def main(arguments: list[str]) -> None:
    count = int(arguments[0]) if arguments else 5000
    count_of_threads = int(arguments[1]) if len(arguments) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        certificate = Certificates(Path(folder)).path
        plan = [("loop", count), ("asyncio", count), ("loop", count_of_threads), ("threads", count_of_threads)]
        print_table([(kind, number, measure(kind, number, certificate)) for kind, number in plan])


if __name__ == "__main__":
    main(sys.argv[1:])

"""Guest sockets over TLS: the keeper's loop beside asyncio ``websockets`` and a thread for each socket.

    python -m tests.benchmarks.keeper_sockets [COUNT [COUNT_OF_THREADS]]

The peers of a row of figures run at the same time and take turns in receiving, so that a busy machine is the same to
all of them. Threads are compared at a smaller number: more than that, nobody would try.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.programs import Program, running
from tests.support.web_socket_peers import Certificates

IDLE_S = 60
TURNS, ROUNDS_A_TURN = 5, 4


class Holder:
    """Sockets held in one way, in a process of its own, with a server of their own."""

    def __init__(self, kind: str, count: int, server: Program, client: Program) -> None:
        self.kind, self.count = kind, count
        self._server, self._client = server, client
        self.figures: dict[str, float] = {}
        self._received = 0
        self._receiving_s = 0.0

    def open_all(self) -> None:
        usage = self._wait_for("opened", self.count)
        self.figures["ms CPU to open one"] = 1000 * usage["cpu_s"] / self.count

    def begin_idling(self) -> None:
        self._idle_from = self._client.usage()["cpu_s"], time.monotonic()

    def end_idling(self) -> None:
        used, began = self._idle_from
        usage = self._client.usage()
        self.figures["resident MB"] = usage["resident_mb"]
        self.figures["idle CPU %"] = 100 * (usage["cpu_s"] - used) / (time.monotonic() - began)

    def receive(self) -> None:
        """One turn of messages to every socket."""
        before = self._client.usage()["cpu_s"]
        self._server.ask(f"send {ROUNDS_A_TURN}")
        self._received += ROUNDS_A_TURN * self.count
        self._receiving_s += self._wait_for("messages", self._received)["cpu_s"] - before
        self.figures["ms CPU for 1000 messages"] = 1e6 * self._receiving_s / self._received

    def _wait_for(self, name: str, count: int) -> dict[str, float]:
        while (usage := self._client.usage())[name] < count:
            time.sleep(0.2)
        return usage


def measure(kinds: list[str], count: int, certificate: Path) -> list[Holder]:
    """Open, be idle, receive."""
    with ExitStack() as stack:
        holders = []
        for kind in kinds:
            server = stack.enter_context(running("socket_server", str(certificate)))
            url = f"wss://127.0.0.1:{server.line()}/socket"
            client = stack.enter_context(running("socket_clients", kind, url, str(certificate), str(count)))
            holders.append(Holder(kind, count, server, client))
            holders[-1].open_all()
        time.sleep(3)
        for holder in holders:
            holder.begin_idling()
        time.sleep(IDLE_S)
        for holder in holders:
            holder.end_idling()
        for _ in range(TURNS):
            for holder in holders:
                holder.receive()
        return holders


def print_table(holders: list[Holder]) -> None:
    names = list(holders[0].figures)
    print(f"{'held by':<10}{'sockets':>8}" + "".join(f"{name:>27}" for name in names))
    for holder in holders:
        figures = "".join(f"{holder.figures[name]:>27.2f}" for name in names)
        print(f"{holder.kind:<10}{holder.count:>8}{figures}")


def main(arguments: Sequence[str] = ()) -> None:
    count = int(arguments[0]) if arguments else 5000
    count_of_threads = int(arguments[1]) if len(arguments) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        certificate = Certificates(Path(folder)).path
        holders = measure(["loop", "asyncio"], count, certificate)
        holders += measure(["loop", "threads"], count_of_threads, certificate)
    print_table(holders)


if __name__ == "__main__":
    main(sys.argv[1:])

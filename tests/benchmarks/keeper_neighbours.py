"""How late a guest's frames are while another guest's peer misbehaves, on one loop: over TLS, beside a quiet loop.

python -m tests.benchmarks.keeper_neighbours
"""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from typing_relay.keeper.io.sockets import SocketLimits

from tests.support.web_socket_peers import CONTINUATION, PING, TEXT, Certificates, Heard, Wire, frame, reset, upgrade

FRAMES, GAP_S = 200, 0.01
STORM = 1000


class Punctual(Heard):
    """A listener that notes how late each frame is, in ms; frames say when they were sent."""

    def __init__(self) -> None:
        super().__init__()
        self.late_ms: list[float] = []

    def text(self, text: str) -> None:
        self.late_ms.append((time.monotonic() - float(text)) * 1000)


def send_punctually(peer: socket.socket) -> None:
    for _ in range(FRAMES):
        peer.sendall(frame(TEXT, str(time.monotonic()).encode()))
        time.sleep(GAP_S)


def quiet(_wire: Wire) -> None:
    """Nobody else."""


def in_a_process(work: Callable[[], None]) -> None:
    """Beside this process: it must not take the loop's time as another thread would."""
    multiprocessing.get_context("fork").Process(target=work, daemon=True).start()


def sending(data: bytes) -> Callable[[Wire], None]:
    """A peer that sends ``data`` over and over, and reads what comes back."""

    def misbehave(wire: Wire) -> None:
        _, _, peer = wire.opened()

        def work() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer.settimeout(None)
                    peer.sendall(data)
                    peer.settimeout(0)
                    with contextlib.suppress(ssl.SSLWantReadError):
                        while peer.recv(65_536):
                            pass

        in_a_process(work)

    return misbehave


def mass_reset(wire: Wire) -> None:
    """A thousand sockets opened, and reset at the same moment in the midst of it."""
    peers: list[socket.socket] = []
    while len(peers) < STORM:
        heard = [Heard() for _ in range(50)]
        for one in heard:
            wire.begin(one)
        peers += wire.while_turning(lambda heard=heard: [upgrade(wire.accept()) for _ in heard])  # type: ignore[misc]
        wire.turn_until(lambda heard=heard: all(one.opened_count for one in heard))  # type: ignore[misc]

    def storm() -> None:
        for peer in peers:
            reset(peer)

    threading.Timer(FRAMES * GAP_S / 2, storm).start()


NEIGHBOURS: dict[str, Callable[[Wire], None]] = {
    "nobody else": quiet,
    "pings without end": sending(frame(PING) * 1000),
    "1 MB messages without end": sending(frame(TEXT, b"x" * 1_000_000)),
    "fragments of one byte without end": sending(
        frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"x", fin=False) * 998 + frame(CONTINUATION, b"x")
    ),
    f"{STORM} sockets reset at once": mass_reset,
}


def measure(certificates: Certificates, misbehave: Callable[[Wire], None]) -> list[float]:
    wire = Wire(certificates, tls=True)
    heard = Punctual()
    wire.begin(heard, SocketLimits(open_within=60))
    peer = wire.while_turning(lambda: upgrade(wire.accept()))
    wire.turn_until(lambda: heard.opened_count == 1)
    misbehave(wire)
    in_a_process(lambda: send_punctually(peer))
    wire.turn_until(lambda: len(heard.late_ms) == FRAMES)
    for child in multiprocessing.active_children():
        child.kill()
    wire.close()
    return sorted(heard.late_ms)


def main() -> None:
    print(f"{'on the same loop':<40}{'median ms late':>16}{'p95':>10}{'worst':>10}")
    with tempfile.TemporaryDirectory() as folder:
        certificates = Certificates(Path(folder))
        for name, misbehave in NEIGHBOURS.items():
            late = measure(certificates, misbehave)
            print(f"{name:<40}{late[FRAMES // 2]:>16.1f}{late[FRAMES * 95 // 100]:>10.1f}{late[-1]:>10.1f}", flush=True)


if __name__ == "__main__":
    main()

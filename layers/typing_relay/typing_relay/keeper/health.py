"""Is the loop turning? Answered by the loop itself, on a port of the container's loopback.

``python -m typing_relay.keeper.health`` asks, and exits 0 or 1: the container's health check.
"""

from __future__ import annotations

import os
import socket
import sys

from typing_relay.keeper.io.loop import READ, Loop

PATIENCE_S = 3.0
ANSWER = b"turning\n"


class HealthPort:
    """Accepts and answers in the loop: no answer comes from a loop that stalls."""

    def __init__(self, loop: Loop, port: int) -> None:
        """``port`` 0 is any free one. Raises OSError when the port is taken."""
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        loop.watch(self._listener, READ, self._answer)

    def close(self) -> None:
        """After the loop has ended."""
        self._listener.close()

    def _answer(self, _events: int) -> None:
        asking, _ = self._listener.accept()
        with asking:
            asking.setblocking(False)
            asking.send(ANSWER)


def is_turning(port: int) -> bool:
    """Ask the keeper on this machine; False when it does not answer in time."""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as asking:
            asking.settimeout(PATIENCE_S)
            return asking.recv(len(ANSWER)) == ANSWER
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_turning(int(os.environ.get("KEEPER_HEALTH_PORT", "8081"))) else 1)

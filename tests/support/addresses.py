"""A name with several addresses on loopback, of which some take no connection, and a resolver that may be slow."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_socket

from tests.support.http_peer import HttpPeer


class Addresses:
    """The name leads to ``peer``; ``are`` says how."""

    def __init__(self, peer: HttpPeer, monkeypatch: pytest.MonkeyPatch, name: str = "cxone.test") -> None:
        self.name, self.port = name, urlsplit(peer.url).port or 0
        self._monkeypatch = monkeypatch
        self._held: list[socket.socket] = []

    def are(self, silent: int, answering: bool = True, looked_up_after_s: float = 0.0) -> list[threading.Thread]:
        """This many that take no connection, and then the one that does. Returns the threads that will have asked."""
        hosts = [f"127.0.0.{number}" for number in range(2, 2 + silent)]
        pytest_socket.socket_allow_hosts(["127.0.0.1", *hosts], allow_unix_socket=True)
        for host in hosts:
            self._fill(host)
        found = [*hosts, "127.0.0.1"] if answering else hosts
        real, asked_in = socket.getaddrinfo, []

        def look_up(host: str, port: int, *rest: Any, **more: Any) -> Any:
            if host != self.name:
                return real(host, port, *rest, **more)
            asked_in.append(threading.current_thread())
            time.sleep(looked_up_after_s)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in found]

        self._monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked_in

    def _fill(self, host: str) -> None:
        """A listener whose queue is full: Linux then drops what would connect."""
        listener = socket.socket()
        listener.bind((host, self.port))
        listener.listen(0)
        self._held.append(listener)
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect((host, self.port))
            self._held.append(waiting)

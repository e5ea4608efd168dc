"""An HTTP server as a client's socket sees it: notes requests, and answers or misbehaves as told."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Request(NamedTuple):
    """What came in. `connection` counts from 1; names of headers are in lower case."""

    connection: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """An answer in one segment. `hang_up`: the connection is closed after it."""

    content: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        body = self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()
        lines = [f"HTTP/1.1 {self.status} Said", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


#: Instead of an answer.
CLOSE, RESET, HALF, SILENCE = "close", "reset", "half", "silence"
#: An answer, a byte each 50 ms: no read takes long, and the whole takes seconds.
DRIP = "drip"
#: A piece of an answer each 50 ms, which has no end.
ENDLESS = "endless"
PIECE = b'data: {"delta":{"content":"so far "}}\n\n'


class HttpPeer:
    """Listens on loopback. The n-th request gets the n-th of `script`, and every further one the last `Reply`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.script: list[Reply | str] = []
        self.otherwise = Reply()
        self.closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._count = 0
        self._tls: ssl.SSLContext | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def wrap(self, tls: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._tls = tls

    def say(self, *script: Reply | str) -> None:
        """What the next requests meet."""
        self.script += script

    def stop(self) -> None:
        """Close everything."""
        with contextlib.suppress(OSError):  # stopped before
            self._listener.shutdown(socket.SHUT_RDWR)  # closing alone would leave accept() waiting, and accepting
        for each in (self._listener, *self._open):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self._count += 1
            self._open.append(accepted)
            threading.Thread(target=self._serve, args=(accepted, self._count), daemon=True).start()

    def _serve(self, peer: socket.socket, number: int) -> None:
        if self._tls:
            try:
                peer = self._tls.wrap_socket(peer, server_side=True)
            except OSError:  # whom the client does not believe
                return
        stream = peer.makefile("rb")
        try:
            while (line := stream.readline()).endswith(b" HTTP/1.1\r\n"):
                self.requests.append(_read(stream, line, number))
                if not self._answer(peer):
                    break
        except OSError:
            pass
        finally:
            stream.close()
            peer.close()
            self.closed.set()

    def _answer(self, peer: socket.socket) -> bool:
        """Returns whether the connection is kept."""
        due = self.script.pop(0) if self.script else self.otherwise
        if isinstance(due, Reply):
            peer.sendall(due.encoded())
            return not due.hang_up
        if due == RESET:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif due == HALF:
            peer.sendall(Reply({"much": "x" * 100}).encoded()[:-50])
        elif due == DRIP:
            for byte in Reply({"slow": "x" * 20}).encoded():
                peer.sendall(bytes([byte]))
                time.sleep(0.05)
        elif due == SILENCE:
            time.sleep(2)
        elif due == ENDLESS:
            peer.sendall(b"HTTP/1.1 200 Said\r\n\r\n")
            while True:
                peer.sendall(PIECE)
                time.sleep(0.05)
        return False


def _read(stream: Any, line: bytes, number: int) -> Request:
    method, path, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (header := stream.readline().decode().strip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Request(number, method, path, headers, stream.read(int(headers.get("content-length", 0))))

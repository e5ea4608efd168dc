"""One kept HTTP connection to AWS. One that sat idle, or that the other side closed, is not used again.

What it does ends before the deadline of the work in hand (``typing_relay.deadline``).
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cache
from urllib.parse import SplitResult

from typing_relay import deadline, wire
from typing_relay.aws.answers import Answer, read_answer

#: A connection idle for longer is not reused: what lies between us and AWS may have dropped it, for instance while the
#: Lambda was frozen. A process that runs on hears that its connection ended, and may keep it longer: each new one is a
#: handshake of TLS, and a call of KMS that is paid for (docs/cost.md).
IDLE_S = 5.0
#: The other side has closed the connection. http.client's RemoteDisconnected is a ConnectionError.
_CLOSED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Connection:
    """Towards ``endpoint``, opened by the first request. For one thread.

    ``connect_s`` is for each address and for the handshake of TLS, ``read_s`` for sending and for reading the answer;
    one that was not used for ``idle_s`` is not used again.
    """

    def __init__(self, endpoint: SplitResult, connect_s: float, read_s: float, idle_s: float = IDLE_S) -> None:
        self._is_tls = endpoint.scheme == "https"
        self._host = endpoint.hostname or ""
        self._port = endpoint.port or (443 if self._is_tls else 80)
        self._connect_s, self._read_s, self._idle_s = connect_s, read_s, idle_s
        self._socket: socket.socket | None = None
        self._used_at = 0.0

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send and read. Raises OSError or http.client.HTTPException; the next request then opens a connection anew.

        A kept connection that turns out to be closed costs one new connection and no error.
        """
        is_kept = self._is_fit()
        try:
            return self._send_and_read(method, path, headers, body)
        except _CLOSED:
            if not is_kept:
                raise
            return self._send_and_read(method, path, headers, body)

    def _is_fit(self) -> bool:
        if self._socket is None:
            return False
        # The wall clock: whether the other one runs on while a Lambda is frozen is nowhere promised.
        if abs(time.time() - self._used_at) > self._idle_s or _has_something_to_read(self._socket):
            self._close()
            return False
        return True

    def _send_and_read(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            self._socket = used = self._socket or self._open()
            used.settimeout(_in_time(self._read_s))
            used.sendall(_request(method, path, headers, body))
            used.settimeout(_in_time(self._read_s))
            with wire.reader_in_time(used) as file:
                answer = read_answer(file)
        except BaseException:
            self._close()
            raise
        if not answer.keeps:
            self._close()
        self._used_at = time.time()
        return answer

    def _close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket = None

    def _open(self) -> socket.socket:
        opened = wire.dial(self._host, self._port, self._connect_s, deadline.left_s())
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            opened.settimeout(_in_time(self._connect_s))
            return tls().wrap_socket(opened, server_hostname=self._host) if self._is_tls else opened
        except BaseException:
            opened.close()
            raise


def _request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """As one piece, for one segment. Raises ValueError for what would be read as another line."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    head = "".join(f"{line}\r\n" for line in lines)
    if len(head.splitlines()) != len(lines):
        raise ValueError("a header, or the path, has a line break in it")
    return f"{head}\r\n".encode("latin-1") + body


def _in_time(limit_s: float) -> float:
    """The limit, or what is left before the deadline. Raises TimeoutError when nothing is left."""
    left_s = deadline.left_s()
    if left_s <= 0:
        raise TimeoutError("the deadline has passed")
    return min(limit_s, left_s)


def _has_something_to_read(kept: socket.socket) -> bool:
    """Nothing was asked: it can only be the end, or an error."""
    poll = select.poll()  # unlike select() it takes any descriptor; a keeper has thousands
    poll.register(kept, select.POLLIN)
    return bool(poll.poll(0))


@cache
def tls() -> ssl.SSLContext:
    """The process's one context: loading the authorities costs 20 ms. AWS_CA_BUNDLE names others, as in boto3."""
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)

"""Sockets, and what else talks to the network, that keep to a time as a whole.

The standard library's limits, and those of ``requests``, are for each address of a name and for each read from the
socket; looking the name up has none.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

#: As ``socket.getaddrinfo`` returns them.
_Addresses = list[tuple[Any, Any, int, str, Any]]
Result = TypeVar("Result")


def dial(host: str, port: int, each_s: float, within_s: float = math.inf) -> socket.socket:
    """A connected socket. An address has ``each_s`` at most; all of them, and the name's look-up, ``within_s``.

    The addresses share what is left, so one that does not answer keeps nobody from the next. Raises OSError:
    ``socket.gaierror`` when there is no such name, TimeoutError when it took too long.
    """
    ends_at = time.monotonic() + within_s
    addresses = _look_up(host, port, within_s)
    trouble = OSError(f"{host} has no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        share_s = min(each_s, (ends_at - time.monotonic()) / (len(addresses) - tried))
        if share_s <= 0:
            raise TimeoutError(f"{host} could not be reached in time")
        dialled = socket.socket(family, kind, protocol)
        try:
            dialled.settimeout(share_s)
            dialled.connect(address)
        except OSError as error:
            dialled.close()
            trouble = error
        else:
            return dialled
    raise trouble


def _look_up(host: str, port: int, within_s: float) -> _Addresses:
    look_up = partial(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
    if within_s == math.inf:
        return look_up()
    try:
        return done_within(look_up, within_s)
    except TimeoutError:
        raise TimeoutError(f"the addresses of {host} could not be looked up in time") from None


def done_within(work: Callable[[], Result], within_s: float) -> Result:
    """What ``work`` returns or raises, or TimeoutError after ``within_s`` (s).

    For what cannot be interrupted, only left alone: it then goes on in a thread of its own, and nobody hears its end.
    """
    ended: SimpleQueue[Callable[[], Result]] = SimpleQueue()

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            ended.put(partial(_raise, error))
        else:
            ended.put(lambda: result)

    threading.Thread(target=run, daemon=True).start()
    try:
        end = ended.get(timeout=max(0.0, within_s))
    except Empty:
        raise TimeoutError("it was not done in time") from None
    return end()


def _raise(error: Exception) -> Any:
    raise error


def reader_in_time(sock: socket.socket) -> io.BufferedReader:
    """Reads ``sock`` within the timeout that it has now, all reads together; they raise TimeoutError after that."""
    return io.BufferedReader(_Reads(sock))


class AnswerInTime(http.client.HTTPResponse):
    """An answer that is read to its end within the timeout that its socket has now, or raises TimeoutError."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Readable(sock), *args, **kwargs)  # type: ignore[arg-type]  # it only calls makefile


class _Readable:
    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return reader_in_time(self._socket)


class _Reads(io.RawIOBase):
    """Every read has what the ones before it have left."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket, self._file = sock, sock.makefile("rb", buffering=0)
        self._ends_at = time.monotonic() + (sock.gettimeout() or math.inf)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer was not read in time")
        self._socket.settimeout(None if left_s == math.inf else left_s)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()

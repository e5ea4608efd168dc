"""One kept HTTP session towards CXone, for all threads of a process. What sat idle is not used again.

Its limits are for a request as a whole, where those of ``requests`` are for each address and each read: an answer is
read to its end within the time limit of a read, and a request may have a time by which it is written or not at all.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProtocolError

from typing_relay import deadline, wire
from typing_relay.version import VERSION

#: Unused for longer, in s, and nothing between here and CXone need know of a connection any more: a Lambda is frozen
#: between bursts. A call lost on a dead one would keep its session's lock to the end, and count for the breaker.
IDLE_S = 5.0


#: When a request must have been written, in s of time.monotonic().
_write_by: ContextVar[float] = ContextVar("write_by", default=math.inf)


class NotSent(Exception):
    """The time by which the request was to be written was over before a byte of it was: CXone has heard nothing."""


@contextmanager
def written_within(seconds: float) -> Iterator[None]:
    """What is requested inside is written in this many seconds from now, or NotSent is raised."""
    token = _write_by.set(min(_write_by.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _write_by.reset(token)


def _left_to_write_s() -> float:
    return _write_by.get() - time.monotonic()


class KeptConnectionClosed(requests.ConnectionError):
    """A connection that had served before ended before a byte of this answer: the same request may be sent again."""


def session() -> requests.Session:
    """It reads no proxy or .netrc from its surroundings: a .netrc entry would replace the bearer token.

    It keeps no cookies: one visitor's must not go out with another's call. It says who calls, in which release.
    """
    http = requests.Session()
    http.trust_env = False
    http.headers["User-Agent"] = f"typing-relay/{VERSION}"
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        http.mount(scheme, _Connections())
    return http


class _Connections(HTTPAdapter):
    """requests' own, which knows how long its connections have been idle, and whether there are any.

    A request that could not be answered before the deadline of the work in hand is not written.
    """

    def __init__(self) -> None:
        super().__init__()
        self._used_at, self._has_kept = 0.0, False

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        timeout = kwargs.get("timeout") or 0.0
        answer_s = timeout[1] if isinstance(timeout, tuple) else timeout
        with written_within(deadline.left_s() - answer_s):
            return self._send(request, *args, **kwargs)

    def _send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        # The wall clock: whether the other one runs on while a Lambda is frozen is nowhere promised.
        if abs(time.time() - self._used_at) > IDLE_S:
            self._drop()
        try:
            response = super().send(request, *args, **kwargs)
        except requests.ConnectionError as error:
            had_kept = self._has_kept
            self._drop()
            if had_kept and error.args and isinstance(error.args[0], ProtocolError):
                raise KeptConnectionClosed(*error.args, request=request) from error
            raise
        self._used_at, self._has_kept = time.time(), response.headers.get("Connection", "").lower() != "close"
        return response

    def _drop(self) -> None:
        self.poolmanager.clear()
        self._has_kept = False


class _InTime(HTTPConnection):
    """urllib3's connection, which looks at the time once more before it writes the first byte of a request."""

    response_class = wire.AnswerInTime

    def _new_conn(self) -> socket.socket:
        """As urllib3's, with a limit for all addresses and for their look-up."""
        try:
            opened = wire.dial(self._dns_host, self.port, self.timeout or math.inf, _left_to_write_s())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            if _left_to_write_s() <= 0:
                raise NotSent from error
            raise ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        for option in self.socket_options or ():
            opened.setsockopt(*option)
        return opened

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        """Connect if that is still to be done, then write the request's head."""
        if self.sock is None:
            self.connect()
        if _left_to_write_s() <= 0:
            raise NotSent
        super().endheaders(*args, **kwargs)


class _InTimeOverTls(_InTime, HTTPSConnection):
    """The same over TLS."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _InTime


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _InTimeOverTls

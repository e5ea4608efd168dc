"""This keeper's line: its own connection to the stack's API for keepers, on which nudges come in.

A connection leaves no orphans: API Gateway knows when it has ended. It is replaced before the two hours that any may
last, and kept alive by a ping every few minutes.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.addresses import Addresses
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop, Timer
from typing_relay.keeper.io.protocol import GOING_AWAY
from typing_relay.keeper.io.sockets import GuestSocket, SocketEnd, SocketLimits

logger = logging.getLogger(__name__)

#: API Gateway ends a connection after ten minutes without a message, and any after two hours.
KEEPALIVE_S = 240.0
REPLACE_S, REPLACE_SPREAD_S = 110 * 60.0, 20 * 60.0
LONGEST_PAUSE_S = 10.0
KEEPALIVE = json.dumps({"action": "ping"})


class _Connection:
    """One connection of the line: its socket, and what comes on it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.socket: GuestSocket | None = None

    def opened(self) -> None:
        self._line._opened(self)

    def text(self, text: str) -> None:
        self._line._heard(text)

    def ended(self, end: SocketEnd) -> None:
        self._line._ended(self, end)


class Line:
    """On the loop's thread.

    ``sign`` gives the headers of a handshake, on a worker thread; ``nudged`` is called with each nudge, ``is_back``
    when nudges can come in again: some may have been lost. ``random``: 0 to 1.
    """

    def __init__(
        self,
        loop: Loop,
        jobs: Jobs,
        addresses: Addresses,
        tls: ssl.SSLContext,
        url: str,
        sign: Callable[[], Mapping[str, str]],
        nudged: Callable[[Mapping[str, Any]], object],
        is_back: Callable[[], object],
        counters: Counters,
        random: Callable[[], float],
    ) -> None:
        self._loop, self._jobs, self._addresses, self._tls, self._url = loop, jobs, addresses, tls, url
        self._sign, self._nudged, self._is_back = sign, nudged, is_back
        self._counters, self._random = counters, random
        self._current: _Connection | None = None
        self._opening: _Connection | None = None
        self._failures = 0
        self._keepalive: Timer | None = None
        self._next: Timer | None = None
        self._is_stopped = False

    @property
    def is_open(self) -> bool:
        """Whether nudges can come in now."""
        return self._current is not None

    def start(self) -> None:
        """Open it, and from then on keep it open."""
        self._jobs.submit("line", self._sign, self._open, self._not_signed)

    def stop(self) -> None:
        """Close it for good."""
        self._is_stopped = True
        for timer in (self._keepalive, self._next):
            if timer:
                timer.cancel()
        for connection in (self._current, self._opening):
            if connection and connection.socket:
                connection.socket.close(GOING_AWAY)
        self._current = self._opening = None

    def _open(self, headers: Mapping[str, str]) -> None:
        if self._is_stopped:
            return
        connection = self._opening = _Connection(self)
        socket = connection.socket = GuestSocket(self._loop, self._url, self._tls, SocketLimits(), connection, headers)
        self._addresses.resolve(
            self._url,
            lambda addresses: socket.connect(addresses, self._addresses.not_reached),
            lambda error: socket.fail(str(error)),
        )

    def _opened(self, connection: _Connection) -> None:
        former, self._current, self._opening = self._current, connection, None
        self._failures = 0
        if former and former.socket:
            former.socket.close(GOING_AWAY)
        else:
            self._is_back()
        self._keep_alive_later(connection)
        self._again_in(REPLACE_S - self._random() * REPLACE_SPREAD_S)
        logger.info("keeper line open")

    def _ended(self, connection: _Connection, end: SocketEnd) -> None:
        self._counters.add("LinesLost" if connection is self._current else "LinesNotOpened")
        logger.warning("keeper line lost", extra={"reason": end.reason, "failures": self._failures})
        if connection is self._current:
            self._current = None
        if connection is self._opening:
            self._opening = None
        if not self._opening:
            self._retry()

    def _not_signed(self, error: Exception) -> None:
        logger.warning("The keeper's line could not be signed for: %s", error)
        self._retry()

    def _retry(self) -> None:
        self._again_in(self._random() * min(LONGEST_PAUSE_S, 2.0**self._failures))
        self._failures = min(self._failures + 1, 16)

    def _again_in(self, seconds: float) -> None:
        if self._is_stopped:
            return
        if self._next:
            self._next.cancel()
        self._next = self._loop.call_later(seconds, self.start)

    def _keep_alive_later(self, connection: _Connection) -> None:
        if self._keepalive:
            self._keepalive.cancel()
        self._keepalive = self._loop.call_later(KEEPALIVE_S, partial(self._keep_alive, connection))

    def _keep_alive(self, connection: _Connection) -> None:
        if connection is self._current and connection.socket:
            connection.socket.send_text(KEEPALIVE, lambda: None)
            self._keep_alive_later(connection)

    def _heard(self, text: str) -> None:
        try:
            nudge = json.loads(text)
        except ValueError:
            nudge = None
        if isinstance(nudge, dict):
            self._counters.add("Nudges")
            self._nudged(nudge)

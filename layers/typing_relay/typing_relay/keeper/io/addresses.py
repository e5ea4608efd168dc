"""Where a host can be reached: its addresses, found on a worker thread, in the order in which to try them."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop
from typing_relay.keeper.io.sockets import Address

REMEMBER_S = 30.0
#: A family without a way out of here is tried after the others for this long.
BEHIND_S = 300.0
#: From here there seems to be no way to addresses of this family: a task without IPv6 egress, mostly. A refusal
#: (ECONNREFUSED) shows that there is one.
NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ETIMEDOUT})

Found = Callable[[Sequence[Address]], object]


class Addresses:
    """Host names resolved, remembered for a little while, and their addresses taken in turns.

    Names are not looked up with AI_ADDRCONFIG: a task with only a link-local IPv6 address passes for one with IPv6.
    What counts is which family could not be reached.
    """

    def __init__(self, jobs: Jobs, loop: Loop) -> None:
        self._jobs, self._loop = jobs, loop
        self._known: dict[tuple[str, int], tuple[float, list[Address]]] = {}
        self._behind: dict[socket.AddressFamily, float] = {}

    def resolve(self, url: str, found: Found, failed: Callable[[Exception], object]) -> None:
        """Give all addresses of the URL's host, at once if they are known; next time the next one is the first."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
        if self._is_known((host, port)):
            found(self._next((host, port)))
            return
        self._jobs.submit(
            (host, port),
            lambda: self._lookup(host, port),
            lambda _: found(self._next((host, port))),
            failed,
        )

    def not_reached(self, address: Address, error: int) -> None:
        """``error``, an errno, ended a try to connect to ``address``."""
        if error in NO_WAY:
            self._behind[address[0]] = self._loop.time() + BEHIND_S

    def _is_known(self, place: tuple[str, int]) -> bool:
        at, _ = self._known.get(place, (-REMEMBER_S, []))
        return self._loop.time() - at < REMEMBER_S

    def _lookup(self, host: str, port: int) -> None:
        """On a worker thread, one at a time for each host: the second of two finds what the first has found."""
        if not self._is_known((host, port)):
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses: list[Address] = [(family, sockaddr) for family, _, _, _, sockaddr in answers]
            self._known[host, port] = (self._loop.time(), addresses)

    def _next(self, place: tuple[str, int]) -> Sequence[Address]:
        at, addresses = self._known[place]
        self._known[place] = (at, addresses[1:] + addresses[:1])
        now = self._loop.time()
        return sorted(addresses, key=lambda address: self._behind.get(address[0], 0.0) > now)  # stable

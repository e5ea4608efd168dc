"""One kept HTTP session towards CXone, for all threads of a process. What sat idle is not used again."""

from __future__ import annotations

import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError

from typing_relay.version import VERSION

#: Unused for longer, in s, and nothing between here and CXone need know of a connection any more: a Lambda is frozen
#: between bursts. A call lost on a dead one would keep its session's lock to the end, and count for the breaker.
IDLE_S = 5.0


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
    """requests' own, which knows how long its connections have been idle, and whether there are any."""

    def __init__(self) -> None:
        super().__init__()
        self._used_at, self._has_kept = 0.0, False

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
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

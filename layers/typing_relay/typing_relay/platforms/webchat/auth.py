"""The OAuth token: fetched once, shared by all senders and keepers, renewed before it expires."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import requests

from typing_relay.platforms.shared.http import KeptConnectionClosed, NotSent
from typing_relay.relay.outcomes import Kind, Outcome

TOKEN_PATH = "/api/v1/oauth/token"  # noqa: S105 a path, not a secret
SCOPES = "webchat.guest webchat.message"
#: CXone fact: treat a token as expired this long before it is.
EARLY_MS = 30_000
#: How long a call waits for another process that renews the token; after that the call would begin too late.
PATIENCE_S = 1.5
REQUEST_TIMEOUT_S = (1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Credentials:
    """CXone's client id and secret."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and when (epoch ms) it expires."""

    value: str = field(repr=False)
    expires_at: int

    def is_good(self, now: int) -> bool:
        """CXone still accepts it at ``now`` (epoch ms)."""
        return now < self.expires_at - EARLY_MS


class AuthFailed(Exception):
    """There is no token. ``outcome`` says what a caller can do about it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class TokenShare(Protocol):
    """The copy of the token that all processes share. Each method may raise ShareUnavailable."""

    def read(self) -> Token | None:
        """The shared token, if there is one."""

    def try_lock(self, now: int) -> bool:
        """Become the process that renews it. Returns whether this one did; ``now`` in epoch ms."""

    def save(self, token: Token) -> None:
        """Share a new token and return the lock."""

    def forget(self, value: str) -> None:
        """Remove this token if it is the shared one."""


class ShareUnavailable(Exception):
    """The shared copy is out of reach: each process then requests its own token."""


class Tokens:
    """Gives the current token; asks CXone only when neither this process nor the shared copy has a good one."""

    def __init__(
        self,
        http: requests.Session,
        base_url: str,
        credentials: Callable[[], Credentials],
        share: TokenShare,
        clock: Callable[[], int],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http, self._base_url, self._credentials = http, base_url, credentials
        self._share, self._clock, self._sleep = share, clock, sleep
        self._token: Token | None = None
        self._refused = ""
        #: When this process last asked CXone for a token (epoch ms).
        self.requested_at = 0

    def get(self) -> str:
        """The bearer token. Raises AuthFailed."""
        if self._token is None or not self._token.is_good(self._clock()):
            self._token = self._shared_or_new()
        return self._token.value

    def refused(self, value: str) -> None:
        """CXone answered 401 to ``value``: no process must use it again."""
        self._refused = value
        if self._token is not None and self._token.value == value:
            self._token = None
        with suppress(ShareUnavailable):  # _is_usable rejects it in this process anyway
            self._share.forget(value)

    def _shared_or_new(self) -> Token:
        """One process renews, the others wait for its result: many cold starts at once make one request."""
        try:
            return self._from_share() or self._renew_shared()
        except ShareUnavailable:
            return self._request()

    def _from_share(self) -> Token | None:
        token = self._share.read()
        return token if token is not None and self._is_usable(token) else None

    def _is_usable(self, token: Token) -> bool:
        return token.is_good(self._clock()) and token.value != self._refused

    def _renew_shared(self) -> Token:
        waited = 0.0
        while not self._share.try_lock(self._clock()):
            if waited >= PATIENCE_S:  # that process may have died; its lock expires before the next try
                raise AuthFailed(Outcome(Kind.THROTTLED, reason="another process is still renewing the token"))
            self._sleep(0.1)
            waited += 0.1
            token = self._from_share()
            if token is not None:
                return token
        token = self._from_share()  # another process may have renewed it between our read and our lock
        if token is None:
            token = self._request()
            with suppress(ShareUnavailable):  # this process can use it anyway
                self._share.save(token)
        return token

    def _request(self) -> Token:
        self.requested_at = self._clock()
        credentials = self._credentials()
        try:
            try:
                answer = self._post(credentials)
            except KeptConnectionClosed:
                answer = self._post(credentials)
        except (requests.RequestException, NotSent) as lost:
            raise AuthFailed(Outcome(Kind.THROTTLED, reason=f"token request: {type(lost).__name__}")) from None
        return self._parse(answer)

    def _post(self, credentials: Credentials) -> requests.Response:
        return self._http.post(
            self._base_url + TOKEN_PATH,
            data={"grant_type": "client_credentials", "scope": SCOPES},
            auth=(credentials.client_id, credentials.client_secret),
            timeout=REQUEST_TIMEOUT_S,
            allow_redirects=False,
        )

    def _parse(self, answer: requests.Response) -> Token:
        status = answer.status_code
        if status in (400, 401, 403):
            reason = f"CXone refused the client credentials ({status}): check client id, secret and scopes {SCOPES!r}"
            raise AuthFailed(Outcome(Kind.DENIED, reason=reason))
        try:
            body = answer.json()
            lifetime_s, value = int(body["expires_in"]), body["access_token"]
        except (ValueError, KeyError, TypeError):
            reason = f"token request: status {status} without a token"
            raise AuthFailed(Outcome(Kind.FAILED, reason=reason)) from None
        return Token(str(value), self._clock() + lifetime_s * 1000)

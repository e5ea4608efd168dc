"""Where the keys of visitor tokens come from: a secret being rotated, or an issuer's JWKS."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from typing_relay import deadline, wire
from typing_relay.door.pyjwt import jwt
from typing_relay.door.visitor_tokens import AdmittedVisitor, Reason, Refusal, TokenRules, key_id, verify
from typing_relay.plain_url import is_plain

MIN_SECRET_BYTES = 32  # RFC 7518 §3.2: an HS256 key is no shorter than its hash
_LIFE_SECONDS = 300
#: For a token that fits nothing known the source is read again, but no sooner than this after the last try.
_SECRET_REREAD_AFTER_SECONDS = 10
_JWKS_REREAD_AFTER_SECONDS = 30
#: A fetch as a whole: the name's look-up, all its addresses, the answer to its end.
_JWKS_TIMEOUT_SECONDS = 3
#: While their source is out of reach, the keys last read stay in use this long; the source is tried at this interval.
STALE_KEYS_SECONDS = 3600
_RETRY_SECONDS = 30
#: The interval in a process that knows no keys, and refuses everybody in between.
COLD_RETRY_SECONDS = 5
Keys = TypeVar("Keys")


class TokenVerifier(Protocol):
    """Judges tokens by the keys of one source."""

    def verify(self, token: str, now: float) -> AdmittedVisitor | Refusal:
        """Judge a token, `now` in epoch seconds. Raises when the keys cannot be read, which is no visitor's fault.

        It raises once for each try to read them: whoever comes before the next try is refused, and costs nothing.
        """


class Secret(Protocol):
    """A secret that may be rotated."""

    def value(self) -> str:
        """What it holds now."""

    def previous_value(self) -> str | None:
        """What it held before the last rotation; None when there was none."""


class _KeptKeys(Generic[Keys]):
    """The keys last read from a source: `known`, or None, and when they are read again. Times in epoch seconds.

    Strangers choose how often tokens come, and whether they fit: neither makes it read more often than its intervals.
    """

    def __init__(self, read: Callable[[], Keys], reread_after: float, using_stale_keys: Callable[[], None]) -> None:
        self._read, self._reread_after, self._using_stale_keys = read, reread_after, using_stale_keys
        self.known: Keys | None = None
        self._tried_at = self._good_at = self._due_at = -float("inf")

    def keep_fresh(self, now: float) -> None:
        """Read them if they are five minutes old. Raises if that fails and the last ones are older than an hour."""
        if now >= self._due_at:
            self._try(now)

    def look_again(self, now: float) -> bool:
        """A token fits none of them: read them unless that was tried lately. Returns whether there is an answer."""
        is_out_of_reach = self._tried_at > self._good_at
        wait = _RETRY_SECONDS if is_out_of_reach else self._reread_after
        if self.known is None or now - self._tried_at < wait:
            return False
        return self._try(now)

    def _try(self, now: float) -> bool:
        self._tried_at = now
        try:
            self.known = self._read()
        except Exception as error:
            is_unusable = isinstance(error, SecretTooShort)
            if is_unusable or now - self._good_at >= STALE_KEYS_SECONDS:
                self.known = None
                self._due_at = now + COLD_RETRY_SECONDS
                raise
            self._due_at = now + _RETRY_SECONDS
            self._using_stale_keys()
            return False
        self._good_at, self._due_at = now, now + _LIFE_SECONDS
        return True


class SecretTooShort(ValueError):
    """The visitor secret was read, and is too short to trust."""


class SecretVerifier:
    """HS256 by a secret: its current value and the one before.

    Read at the first token, then every five minutes, and at once when a token fits neither value, as the secret
    may have been rotated; but at most once in ten seconds, whatever strangers send. While it cannot be read, the
    values last read stay in use for an hour, and `using_stale_keys` is called at each failed try.
    """

    def __init__(self, secret: Secret, rules: TokenRules, using_stale_keys: Callable[[], None]) -> None:
        self._secret, self._rules = secret, rules
        self._kept = _KeptKeys(self._read, _SECRET_REREAD_AFTER_SECONDS, using_stale_keys)

    def verify(self, token: str, now: float) -> AdmittedVisitor | Refusal:
        """Judge a token. Raises SecretTooShort, or the client's error for an unreadable secret."""
        self._kept.keep_fresh(now)
        verdict = self._judge(token, now)
        if verdict == Refusal(Reason.SIGNATURE_WRONG) and self._kept.look_again(now):
            verdict = self._judge(token, now)
        return verdict

    def _judge(self, token: str, now: float) -> AdmittedVisitor | Refusal:
        secrets = self._kept.known
        return Refusal(Reason.KEYS_OUT_OF_REACH) if secrets is None else verify(token, secrets, self._rules, now)

    def _read(self) -> tuple[bytes, ...]:
        current, previous = self._secret.value().encode(), (self._secret.previous_value() or "").encode()
        if len(current) < MIN_SECRET_BYTES:
            raise SecretTooShort(f"The visitor secret is too short: put {MIN_SECRET_BYTES} bytes or more into it.")
        # A short previous value is a placeholder from before the first rotation: it must not verify tokens.
        return (current, previous) if len(previous) >= MIN_SECRET_BYTES else (current,)


class JwksVerifier:
    """RS256 and ES256 by an issuer's JWKS URL, read by PyJWT's client.

    The key set is fetched at the first token, then every five minutes, and at once for an unknown key id, but
    at most once in 30 s. Redirects are not followed. HS256 is never accepted: these keys are public. While the set
    cannot be fetched, the one last fetched stays in use for an hour, and `using_stale_keys` is called at each failed
    try.
    """

    def __init__(self, client: jwt.PyJWKClient, rules: TokenRules, using_stale_keys: Callable[[], None]) -> None:
        self._client, self._rules = client, rules
        self._kept = _KeptKeys(self._read, _JWKS_REREAD_AFTER_SECONDS, using_stale_keys)

    def verify(self, token: str, now: float) -> AdmittedVisitor | Refusal:
        """Judge a token. Raises PyJWT's errors or ValueError when the key set cannot be fetched or parsed."""
        kid = key_id(token, self._rules)
        if isinstance(kid, Refusal):
            return kid
        self._kept.keep_fresh(now)
        if self._kept.known is None:
            return Refusal(Reason.KEYS_OUT_OF_REACH)
        if kid not in self._kept.known:
            self._kept.look_again(now)
        key = self._kept.known.get(kid)
        return verify(token, (key,), self._rules, now) if key else Refusal(Reason.KEY_UNKNOWN)

    def _read(self) -> Mapping[str, jwt.PyJWK]:
        return {str(key.key_id): key for key in self._client.get_signing_keys()}


class _KeySetInTime(jwt.PyJWKClient):
    """PyJWT's client, whose own limit is for each address and each read. A fetch ends before the deadline, too."""

    def fetch_data(self) -> Any:
        """As PyJWT's: what takes too long is out of reach."""
        try:
            return wire.done_within(super().fetch_data, min(_JWKS_TIMEOUT_SECONDS, deadline.left_s()))
        except TimeoutError as error:
            raise jwt.PyJWKClientConnectionError("The key set could not be fetched in time.") from error


def jwks_client(url: str) -> jwt.PyJWKClient:
    """A client for `url`. Raises ValueError unless it is https (http: loopback hosts only)."""
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError("VISITOR_JWKS_URL must start with https:// (http:// only for localhost).")
    if not is_plain(url):
        raise ValueError("VISITOR_JWKS_URL must name a host, and have no user, backslash or white space.")
    # When it is fetched `_KeptKeys` decides, by the requests' clock: no second cache.
    return _KeySetInTime(url, cache_jwk_set=False, timeout=_JWKS_TIMEOUT_SECONDS)

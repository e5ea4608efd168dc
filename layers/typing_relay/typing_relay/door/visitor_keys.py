"""Where the keys of visitor tokens come from: a secret being rotated, or an issuer's JWKS."""

from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from typing_relay import deadline, wire
from typing_relay.door.pyjwt import jwt
from typing_relay.door.visitor_tokens import Reason, Refusal, TokenRules, Visitor, key_id, verify
from typing_relay.plain_url import is_plain

MIN_SECRET_BYTES = 32  # RFC 7518 §3.2: an HS256 key is no shorter than its hash
_SECRET_LIFE_SECONDS = 300
_REREAD_AFTER_SECONDS = 10
_JWKS_LIFE_SECONDS = 300
_JWKS_REFRESH_AFTER_SECONDS = 30
#: A fetch as a whole: the name's look-up, all its addresses, the answer to its end.
_JWKS_TIMEOUT_SECONDS = 3
#: While their source is out of reach, the keys last read stay in use this long; the source is tried at this interval.
STALE_KEYS_SECONDS = 3600
_RETRY_SECONDS = 30


class TokenVerifier(Protocol):
    """Judges tokens by the keys of one source."""

    def verify(self, token: str, now: float) -> Visitor | Refusal:
        """Judge a token, `now` in epoch seconds. Raises when the keys cannot be read, which is no visitor's fault."""


class Secret(Protocol):
    """A secret that may be rotated."""

    def value(self) -> str:
        """What it holds now."""

    def previous_value(self) -> str | None:
        """What it held before the last rotation; None when there was none."""


class SecretVerifier:
    """HS256 by a secret: its current value and the one before.

    Read at the first token, then every five minutes, and at once when a token fits neither value, as the secret
    may have been rotated; but at most once in ten seconds, whatever strangers send. While it cannot be read, the
    values last read stay in use for an hour, and `using_stale_keys` is called at each failed try.
    """

    def __init__(self, secret: Secret, rules: TokenRules, using_stale_keys: Callable[[], None]) -> None:
        self._secret, self._rules, self._using_stale_keys = secret, rules, using_stale_keys
        self._secrets: tuple[bytes, ...] = ()
        self._read_at = self._good_at = -float("inf")

    def verify(self, token: str, now: float) -> Visitor | Refusal:
        """Judge a token. Raises ValueError for a secret that is too short, the client's error for an unreadable one."""
        if now - self._read_at >= _SECRET_LIFE_SECONDS:
            self._read_or_keep(now)
        verdict = verify(token, self._secrets, self._rules, now)
        if verdict == Refusal(Reason.SIGNATURE_WRONG) and now - self._read_at >= _REREAD_AFTER_SECONDS:
            self._read_or_keep(now)
            verdict = verify(token, self._secrets, self._rules, now)
        return verdict

    def _read_or_keep(self, now: float) -> None:
        try:
            self._read(now)
        except ValueError:
            raise  # it was read, and is too short to trust
        except Exception:
            if now - self._good_at >= STALE_KEYS_SECONDS:
                raise
            self._read_at = now - _SECRET_LIFE_SECONDS + _RETRY_SECONDS
            self._using_stale_keys()

    def _read(self, now: float) -> None:
        current, previous = self._secret.value().encode(), (self._secret.previous_value() or "").encode()
        if len(current) < MIN_SECRET_BYTES:
            raise ValueError(f"The visitor secret is too short: put {MIN_SECRET_BYTES} bytes or more into it.")
        # A short previous value is a placeholder from before the first rotation: it must not verify tokens.
        self._secrets = (current, previous) if len(previous) >= MIN_SECRET_BYTES else (current,)
        self._read_at = self._good_at = now


class JwksVerifier:
    """RS256 and ES256 by an issuer's JWKS URL, cached by PyJWT's client.

    The key set is fetched at the first token, then every five minutes, and at once for an unknown key id, but
    at most once in 30 s. Redirects are not followed. HS256 is never accepted: these keys are public. While the set
    cannot be fetched, the one last fetched stays in use for an hour, and `using_stale_keys` is called at each failed
    try.
    """

    def __init__(self, client: jwt.PyJWKClient, rules: TokenRules, using_stale_keys: Callable[[], None]) -> None:
        self._client, self._rules, self._using_stale_keys = client, rules, using_stale_keys
        self._known: dict[str, jwt.PyJWK] = {}
        self._good_at = self._ask_at = -float("inf")

    def verify(self, token: str, now: float) -> Visitor | Refusal:
        """Judge a token. Raises PyJWT's errors or ValueError when the key set cannot be fetched or parsed."""
        kid = key_id(token, self._rules)
        if isinstance(kid, Refusal):
            return kid
        key = self._key(kid) if self._is_within_reach(now) else self._known.get(kid)
        return verify(token, (key,), self._rules, now) if key else Refusal(Reason.KEY_UNKNOWN)

    def _is_within_reach(self, now: float) -> bool:
        """Whether the key set could be fetched. Raises when it could not, and the last one is older than an hour."""
        if now < self._ask_at:
            return False
        try:
            self._known = {str(key.key_id): key for key in self._client.get_signing_keys()}
        except (jwt.PyJWTError, ValueError):
            if now - self._good_at >= STALE_KEYS_SECONDS:
                raise
            self._ask_at = now + _RETRY_SECONDS
            self._using_stale_keys()
            return False
        self._good_at = now
        return True

    def _key(self, kid: str) -> jwt.PyJWK | None:
        """The key of this id, or None: the token names an unknown one. Raises when fetching the set again fails."""
        try:
            return self._client.get_signing_key(kid)
        except jwt.PyJWKClientConnectionError:
            raise
        except jwt.PyJWKClientError:
            return None


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
    return _KeySetInTime(
        url,
        lifespan=_JWKS_LIFE_SECONDS,
        cooldown_duration=_JWKS_REFRESH_AFTER_SECONDS,
        timeout=_JWKS_TIMEOUT_SECONDS,
    )

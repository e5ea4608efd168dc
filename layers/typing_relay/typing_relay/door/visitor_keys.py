"""Where the keys of visitor tokens come from: a secret being rotated, or an issuer's JWKS."""

from typing import Protocol
from urllib.parse import urlsplit

from typing_relay.door.pyjwt import jwt
from typing_relay.door.visitor_tokens import Reason, Refusal, TokenRules, Visitor, key_id, verify

MIN_SECRET_BYTES = 32  # RFC 7518 §3.2: an HS256 key is no shorter than its hash
_SECRET_LIFE_SECONDS = 300
_REREAD_AFTER_SECONDS = 10
_JWKS_LIFE_SECONDS = 300
_JWKS_REFRESH_AFTER_SECONDS = 30
_JWKS_TIMEOUT_SECONDS = 3


class TokenVerifier(Protocol):
    """Judges tokens by the keys it knows how to get."""

    def verify(self, token: str, now: float) -> Visitor | Refusal:
        """Judge a token, `now` in epoch seconds. Raises when the keys cannot be had: no visitor's fault."""


class Secret(Protocol):
    """A secret that may be rotated."""

    def value(self) -> str:
        """What it holds now."""

    def previous_value(self) -> str | None:
        """What it held before the last rotation; None when there was none."""


class SecretVerifier:
    """HS256 by a secret: its current value and the one before.

    Read at the first token, then every five minutes, and at once when a token fits neither value, for the
    secret may have been rotated; but never oftener than every ten seconds, whatever strangers send.
    """

    def __init__(self, secret: Secret, issuer: str | None = None, audience: str | None = None) -> None:
        self._secret = secret
        self._rules = TokenRules(("HS256",), issuer, audience)
        self._secrets: tuple[bytes, ...] = ()
        self._read_at = -float("inf")

    def verify(self, token: str, now: float) -> Visitor | Refusal:
        """Judge a token; raises ValueError for a secret too short, the secret's own error when it cannot be read."""
        if now - self._read_at >= _SECRET_LIFE_SECONDS:
            self._read(now)
        verdict = verify(token, self._secrets, self._rules, now)
        if verdict == Refusal(Reason.SIGNATURE_WRONG) and now - self._read_at >= _REREAD_AFTER_SECONDS:
            self._read(now)
            verdict = verify(token, self._secrets, self._rules, now)
        return verdict

    def _read(self, now: float) -> None:
        current, previous = self._secret.value().encode(), (self._secret.previous_value() or "").encode()
        if len(current) < MIN_SECRET_BYTES:
            raise ValueError(f"The visitor secret is too short: put {MIN_SECRET_BYTES} bytes or more into it.")
        # A short previous value is a placeholder from before the first rotation: nobody may sign with that.
        self._secrets = (current, previous) if len(previous) >= MIN_SECRET_BYTES else (current,)
        self._read_at = now


class JwksVerifier:
    """RS256 and ES256 by an issuer's JWKS URL, as PyJWT's client keeps it.

    The key set is fetched at the first token, then every five minutes, and at once for an unknown key id, but
    then no oftener than every 30 s. Redirects are not followed. HS256 is never taken: these keys are public.
    """

    def __init__(self, client: jwt.PyJWKClient, issuer: str | None = None, audience: str | None = None) -> None:
        self._client = client
        self._rules = TokenRules(("RS256", "ES256"), issuer, audience)

    def verify(self, token: str, now: float) -> Visitor | Refusal:
        """Judge a token; raises PyJWT's errors or ValueError when the key set cannot be fetched or makes no sense."""
        kid = key_id(token, self._rules)
        if isinstance(kid, Refusal):
            return kid
        self._client.get_signing_keys()  # from here on, what is not found is the token's fault
        try:
            key = self._client.get_signing_key(kid)
        except jwt.PyJWKClientConnectionError:
            raise
        except jwt.PyJWKClientError:
            return Refusal(Reason.KEY_UNKNOWN)
        return verify(token, (key,), self._rules, now)


def jwks_client(url: str) -> jwt.PyJWKClient:
    """A client for `url`; raises ValueError unless that is https (or plain http on this very machine)."""
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError("VISITOR_JWKS_URL must start with https:// (http:// only for localhost).")
    return jwt.PyJWKClient(
        url,
        lifespan=_JWKS_LIFE_SECONDS,
        cooldown_duration=_JWKS_REFRESH_AFTER_SECONDS,
        timeout=_JWKS_TIMEOUT_SECONDS,
    )

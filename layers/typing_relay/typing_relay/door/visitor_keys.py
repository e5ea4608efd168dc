"""Where the keys of visitor tokens come from: a secret being rotated, or an issuer's JWKS."""

from typing import Any, Protocol
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


class SecretVerifier:
    """HS256 by a secret in Secrets Manager: its current value and the one before.

    Read at the first token, then every five minutes, and at once when a token fits neither value, for the
    secret may have been rotated; but never oftener than every ten seconds, whatever strangers send.
    """

    def __init__(
        self, secrets_manager: Any, secret_arn: str, issuer: str | None = None, audience: str | None = None
    ) -> None:
        self._secrets_manager = secrets_manager
        self._secret_arn = secret_arn
        self._rules = TokenRules(("HS256",), issuer, audience)
        self._secrets: tuple[bytes, ...] = ()
        self._read_at = -float("inf")

    def verify(self, token: str, now: float) -> Visitor | Refusal:
        """Judge a token; raises ValueError for a secret too short, botocore's for one it cannot read."""
        if now - self._read_at >= _SECRET_LIFE_SECONDS:
            self._read(now)
        verdict = verify(token, self._secrets, self._rules, now)
        if verdict == Refusal(Reason.SIGNATURE_WRONG) and now - self._read_at >= _REREAD_AFTER_SECONDS:
            self._read(now)
            verdict = verify(token, self._secrets, self._rules, now)
        return verdict

    def _read(self, now: float) -> None:
        current, previous = self._value("AWSCURRENT"), self._previous_value()
        if len(current) < MIN_SECRET_BYTES:
            raise ValueError(f"Visitor secret {self._secret_arn}: too short, put {MIN_SECRET_BYTES} bytes or more.")
        # A short previous value is a placeholder from before the first rotation: nobody may sign with that.
        self._secrets = (current, previous) if len(previous) >= MIN_SECRET_BYTES else (current,)
        self._read_at = now

    def _value(self, stage: str) -> bytes:
        answer = self._secrets_manager.get_secret_value(SecretId=self._secret_arn, VersionStage=stage)
        return str(answer["SecretString"]).encode()

    def _previous_value(self) -> bytes:
        try:
            return self._value("AWSPREVIOUS")
        except self._secrets_manager.exceptions.ResourceNotFoundException:  # never rotated yet
            return b""


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

"""The rules of a visitor token: what makes it good, whose session it opens, until when (T13).

Pure: keys and `now` come in, a `Visitor` or a `Refusal` comes out; signatures and JSON are PyJWT's.
Nothing here raises for a bad token, and no reason quotes a word of it, so a reason may be logged.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from typing_relay.door.pyjwt import jwt

MAX_TOKEN_CHARACTERS = 4096  # as long as API Gateway lets a WebSocket URL be
MAX_KEY_ID_CHARACTERS = 256
MAX_EPOCH_SECONDS = 253_402_300_799  # the end of the year 9999

_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# A session id becomes a table key, a queue message and a log field: no white space, no quotes, no controls.
_SESSION_ID = re.compile(r"[A-Za-z0-9._:@|~+=-]{1,128}")


class Reason(StrEnum):
    """Why a visitor was refused: for the log; the visitor is told nothing but 403."""

    MISSING = "missing"
    REPEATED = "repeated"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    ALGORITHM_NOT_ALLOWED = "algorithm_not_allowed"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE_WRONG = "signature_wrong"
    CLAIM_MISSING = "claim_missing"
    EXPIRED = "expired"
    LIVES_TOO_LONG = "lives_too_long"
    NOT_YET_VALID = "not_yet_valid"
    AUDIENCE_WRONG = "audience_wrong"
    ISSUER_WRONG = "issuer_wrong"
    SUBJECT_MALFORMED = "subject_malformed"
    SIGNALS_MALFORMED = "signals_malformed"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"


@dataclass(frozen=True)
class Refusal:
    """The visitor may not come in."""

    reason: Reason


@dataclass(frozen=True)
class Visitor:
    """Who a good token admits.

    session: the token's `sub`, the only session its connection can act on.
    signals: False when the visitor opted out of typing signals (claim `"signals": "off"`).
    expires_at: epoch seconds from which the token counts no more, leeway included.
    """

    session: str
    signals: bool
    expires_at: int


@dataclass(frozen=True)
class TokenRules:
    """What this deployment asks of a token beyond a good signature, `exp` and `sub`.

    algorithms: those a token may name; never HMAC beside RSA or EC, lest a public key pass for a secret.
    issuer, audience: required value of `iss`, of `aud`; None: not configured. A token that names an audience
    where none is configured is refused: it was meant for somebody else (RFC 7519 §4.1.3).
    leeway_seconds: how far the issuer's clock may be from ours.
    max_life_seconds: a token that lives longer from now on is refused; 0: however long it may live.
    """

    algorithms: tuple[str, ...]
    issuer: str | None = None
    audience: str | None = None
    leeway_seconds: int = 10
    max_life_seconds: int = 0


def key_id(token: str, rules: TokenRules) -> str | Refusal:
    """The `kid` a token names, still unverified: only good for choosing among keys that are trusted."""
    malformed = _check_form(token)
    if malformed:
        return malformed
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        return Refusal(Reason.MALFORMED)
    if header.get("alg") not in rules.algorithms:
        return Refusal(Reason.ALGORITHM_NOT_ALLOWED)
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KEY_ID_CHARACTERS:
        return Refusal(Reason.KEY_UNKNOWN)
    return kid


def verify(token: str, keys: Sequence[bytes | jwt.PyJWK], rules: TokenRules, now: float) -> Visitor | Refusal:
    """Judge a token as it came from outside; `now` in epoch seconds.

    keys: all that are trusted now, tried in turn (a secret being rotated: the current and the previous one).
    """
    malformed = _check_form(token)
    if malformed:
        return malformed
    for key in keys:
        claims = _verified_claims(token, key, rules)
        if claims != Refusal(Reason.SIGNATURE_WRONG):
            return claims if isinstance(claims, Refusal) else _admit(claims, rules, now)
    return Refusal(Reason.SIGNATURE_WRONG)


def _check_form(token: str) -> Refusal | None:
    if len(token) > MAX_TOKEN_CHARACTERS:
        return Refusal(Reason.TOO_LONG)
    if not _COMPACT_JWS.fullmatch(token):
        return Refusal(Reason.MALFORMED)
    return None


# The most special first: PyJWT's exceptions derive from one another.
_REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (jwt.InvalidSignatureError, Reason.SIGNATURE_WRONG),
    (jwt.InvalidAlgorithmError, Reason.ALGORITHM_NOT_ALLOWED),
    (jwt.InvalidKeyError, Reason.KEY_UNKNOWN),
    (jwt.MissingRequiredClaimError, Reason.CLAIM_MISSING),
    (jwt.InvalidAudienceError, Reason.AUDIENCE_WRONG),
    (jwt.InvalidIssuerError, Reason.ISSUER_WRONG),
    (jwt.PyJWTError, Reason.MALFORMED),
)


def _verified_claims(token: str, key: bytes | jwt.PyJWK, rules: TokenRules) -> dict[str, Any] | Refusal:
    try:
        return jwt.decode(
            token,
            key,
            algorithms=rules.algorithms,
            issuer=rules.issuer,
            audience=rules.audience,
            options={
                "require": ["exp", "sub"],
                "enforce_minimum_key_length": True,
                # PyJWT would read the clock itself; the times and the subject are judged below.
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_sub": False,
            },
        )
    except jwt.PyJWTError as error:
        return Refusal(next(reason for kind, reason in _REASONS if isinstance(error, kind)))


def _admit(claims: dict[str, Any], rules: TokenRules, now: float) -> Visitor | Refusal:
    expires, not_before = claims["exp"], claims.get("nbf", 0)
    session, signals = claims["sub"], claims.get("signals", "on")
    if not _is_epoch_seconds(expires) or not _is_epoch_seconds(not_before):
        return Refusal(Reason.MALFORMED)
    if now >= expires + rules.leeway_seconds:
        return Refusal(Reason.EXPIRED)
    if rules.max_life_seconds and expires - now > rules.max_life_seconds + rules.leeway_seconds:
        return Refusal(Reason.LIVES_TOO_LONG)
    if now < not_before - rules.leeway_seconds:
        return Refusal(Reason.NOT_YET_VALID)
    if not isinstance(session, str) or not _SESSION_ID.fullmatch(session):
        return Refusal(Reason.SUBJECT_MALFORMED)
    if signals not in ("on", "off"):
        return Refusal(Reason.SIGNALS_MALFORMED)
    return Visitor(session, signals == "on", math.floor(expires) + rules.leeway_seconds)


def _is_epoch_seconds(value: object) -> bool:
    # JSON as Python reads it also knows true (which is 1), NaN and Infinity; neither passes.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_EPOCH_SECONDS

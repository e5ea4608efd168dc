"""The rules of a visitor token: when it is valid, which session it opens, and until when (T13).

Pure: keys and `now` come in, an `AdmittedVisitor` or a `Refusal` comes out; PyJWT does signatures and JSON.
Nothing here raises for a bad token. No reason quotes the token, so a reason may be logged.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from typing_relay.door.pyjwt import jwt
from typing_relay.relay.profile import NOTHING_SAID, BadProfile, Profile, profile_of

MAX_TOKEN_CHARACTERS = 4096  # the longest WebSocket URL that API Gateway accepts
MAX_KEY_ID_CHARACTERS = 256
MAX_EPOCH_SECONDS = 253_402_300_799  # the end of the year 9999

_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# A session id becomes a table key, a queue message and a log field: no white space, no quotes, no controls.
_SESSION_ID = re.compile(r"[A-Za-z0-9._:@|~+=-]{1,128}")
# Personal data, which would stand in log lines, queue messages and the address of the agent's contact.
_EMAIL_ADDRESS = re.compile(r"[^@]+@[^@]+\.[^@.]+")


class Reason(StrEnum):
    """Why a visitor was refused. It is logged; the visitor sees only 403."""

    MISSING = "missing"
    REPEATED = "repeated"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    ALGORITHM_NOT_ALLOWED = "algorithm_not_allowed"
    KEY_UNKNOWN = "key_unknown"
    KEYS_OUT_OF_REACH = "keys_out_of_reach"
    SIGNATURE_WRONG = "signature_wrong"
    CLAIM_MISSING = "claim_missing"
    EXPIRED = "expired"
    LIFETIME_TOO_LONG = "lifetime_too_long"
    NOT_YET_VALID = "not_yet_valid"
    AUDIENCE_WRONG = "audience_wrong"
    ISSUER_WRONG = "issuer_wrong"
    SUBJECT_MALFORMED = "subject_malformed"
    SUBJECT_IS_EMAIL_ADDRESS = "subject_is_email_address"
    SIGNALS_MALFORMED = "signals_malformed"
    NAME_MALFORMED = "name_malformed"
    CUSTOMER_MALFORMED = "customer_malformed"
    CHANNEL_UNKNOWN = "channel_unknown"
    SIGN_IN_MALFORMED = "sign_in_malformed"
    FIELDS_MALFORMED = "fields_malformed"
    FIELD_UNKNOWN = "field_unknown"
    FIELD_MALFORMED = "field_malformed"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    ADDRESS_TOO_BUSY = "address_too_busy"


@dataclass(frozen=True)
class Refusal:
    """The visitor may not connect. about: the claim or the custom field that is not right, where it is one."""

    reason: Reason
    about: str = ""


@dataclass(frozen=True)
class AdmittedVisitor:
    """The visitor that a valid token admits.

    session: the token's `sub`, the only session that its connection can act on.
    signals: False when the visitor opted out of typing signals (claim `"signals": "off"`).
    expires_at: epoch seconds at which the token expires, leeway included.
    profile: who the visitor is, for agents.
    """

    session: str
    signals: bool
    expires_at: int
    profile: Profile = NOTHING_SAID


@dataclass(frozen=True)
class TokenRules:
    """What this deployment requires of a token beyond a valid signature, `exp` and `sub`.

    algorithms: those a token may name; never HMAC together with RSA or EC, or a public key could pass for a secret.
    issuer, audience: required value of `iss`, of `aud`; None: not configured. A token that names an audience
    where none is configured is refused: it was meant for somebody else (RFC 7519 §4.1.3).
    leeway_seconds: how far the issuer's clock may be from ours.
    max_life_seconds: a token that expires later than this from now is refused; 0: no limit.
    custom_fields: idents of the fields that a token may set.
    channels: chat channels that a token may name.
    """

    algorithms: tuple[str, ...]
    issuer: str | None = None
    audience: str | None = None
    leeway_seconds: int = 10
    max_life_seconds: int = 0
    custom_fields: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()


def key_id(token: str, rules: TokenRules) -> str | Refusal:
    """The `kid` that a token names. It is unverified: use it only to choose among trusted keys."""
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


def verify(token: str, keys: Sequence[bytes | jwt.PyJWK], rules: TokenRules, now: float) -> AdmittedVisitor | Refusal:
    """Judge an untrusted token; `now` in epoch seconds.

    keys: all that are trusted now, tried in turn (during a rotation: the current and the previous one).
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


# Most specific first: PyJWT's exceptions derive from one another.
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
                # PyJWT would read the clock itself; `_admit` checks the times and the subject.
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_sub": False,
            },
        )
    except jwt.PyJWTError as error:
        return Refusal(next(reason for kind, reason in _REASONS if isinstance(error, kind)))


def _admit(claims: dict[str, Any], rules: TokenRules, now: float) -> AdmittedVisitor | Refusal:
    expires, not_before = claims["exp"], claims.get("nbf", 0)
    session, signals = claims["sub"], claims.get("signals", "on")
    if not _is_epoch_seconds(expires) or not _is_epoch_seconds(not_before):
        return Refusal(Reason.MALFORMED)
    if now >= expires + rules.leeway_seconds:
        return Refusal(Reason.EXPIRED)
    if rules.max_life_seconds and expires - now > rules.max_life_seconds + rules.leeway_seconds:
        return Refusal(Reason.LIFETIME_TOO_LONG)
    if now < not_before - rules.leeway_seconds:
        return Refusal(Reason.NOT_YET_VALID)
    if not isinstance(session, str) or not _SESSION_ID.fullmatch(session):
        return Refusal(Reason.SUBJECT_MALFORMED)
    if _EMAIL_ADDRESS.fullmatch(session):
        return Refusal(Reason.SUBJECT_IS_EMAIL_ADDRESS)
    if signals not in ("on", "off"):
        return Refusal(Reason.SIGNALS_MALFORMED)
    profile = profile_of(claims, rules.custom_fields, rules.channels)
    if isinstance(profile, BadProfile):
        return Refusal(Reason(profile.reason), profile.about)
    return AdmittedVisitor(session, signals == "on", math.floor(expires) + rules.leeway_seconds, profile)


def _is_epoch_seconds(value: object) -> bool:
    # Python's json also gives True (an int), NaN and Infinity; none of them is a time.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_EPOCH_SECONDS

"""How a visitor gets into the gateway: by the relay's own anonymous sign-in, or by what their page hands over.

What a page hands over is used once. On worker threads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from typing_relay.platforms.digital_first.api import (
    COOKIES,
    NO_THIRD_PARTY,
    NOT_SECURED,
    THIRD_PARTY,
    Access,
    ChannelSettings,
)
from typing_relay.platforms.digital_first.identity import Visitor
from typing_relay.platforms.digital_first.ports import Conversations, Entrance
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.profile import decoded
from typing_relay.relay.sign_in import RENEWED_AT, SignedIn, SignIn, sign_in_of, signed_in_of

#: ``needed``: there is none; ``ends``: the one in use does, soon; ``refused``: CXone, or the relay, did not take it.
Why = Literal["needed", "ends", "refused"]

#: However short a life the third party gives its tokens.
RENEWED_AFTER_MS = 20_000


@dataclass(frozen=True, slots=True)
class Needed:
    """The page is asked to sign its visitor in. ``setting``: of the channel, which demands it; ``fault``: what is wrong
    with what it handed over before. Neither quotes anything of that."""

    why: Why
    setting: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """How the visitor gets in. ``signed_in``: None where the relay signs them in by itself."""

    access: Access
    signed_in: SignedIn | None = None

    @property
    def kept(self) -> str:
        """As the record has it."""
        return self.signed_in.encoded() if self.signed_in else ""


def admit(
    gateway: Entrance, sessions: Conversations, keeper: str, record: Session, visitor: Visitor, now: int
) -> Admission | Needed | Outcome:
    """Get the visitor of ``record`` in, at ``now`` (epoch ms). ``visitor``: the conversation's, or a newcomer."""
    settings = gateway.channel()
    if isinstance(settings, Outcome):
        return settings
    kept, handed = signed_in_of(record.signed_in), sign_in_of(record.sign_in)
    if handed:
        if not sessions.use_sign_in(record.session_id, keeper, record.sign_in):
            return Outcome(Kind.LOST, reason="what the page handed over was replaced, or is another keeper's")
        wrong = unfit(handed, settings, record, now)
        if wrong:
            return wrong
        return _by_code(gateway, handed, record, visitor, now) if handed.code else _by_token(handed)
    if kept and kept.refresh_token and settings.secured_sessions:
        refreshed = _refreshed(gateway, sessions, keeper, record, visitor, now)
        is_refused = isinstance(refreshed, Outcome) and refreshed.by_visitor
        return Needed("needed", settings.demands_sign_in) if is_refused else refreshed
    if settings.secured_sessions and is_by_page(settings, record):
        return Needed("needed", settings.demands_sign_in)
    access = gateway.authorize(visitor)
    return access if isinstance(access, Outcome) else Admission(access)


def is_by_page(settings: ChannelSettings, record: Session) -> bool:
    """Whether the page signs its visitor in: the channel demands it, the team's server says so, or it has done so."""
    return bool(settings.demands_sign_in or record.signed_in or decoded(record.profile).by_page)


def unfit(handed: SignIn, settings: ChannelSettings, record: Session, now: int) -> Needed | None:
    """What is wrong with what a page handed over; None if nothing is. Pure."""

    def refused(fault: str, setting: str = "") -> Needed:
        return Needed("refused", setting, fault)

    if not settings.secured_sessions:
        return refused("this channel takes no tokens", NOT_SECURED)
    if handed.code:
        if settings.secured_cookies:
            return refused("only the visitor's own browser can get a token: hand over that", COOKIES)
        return None if settings.authorization else refused("no third party signs in here", NO_THIRD_PARTY)
    if handed.expires_at <= now:
        return refused("the access token has ended")
    if settings.authorization and not settings.secured_cookies and not handed.third_party_token:
        return refused("the third party's token is missing (third_party_token)", THIRD_PARTY)
    known = record.conversation
    if known and handed.visitor_id != known["visitor"]:
        return refused("the token is another visitor's: ask CXone for one with the visitor_id that sign-in names")
    if (known and handed.customer_id != known["customer"]) or _is_somebody_else(handed.customer_id, record):
        return refused("the token is another customer's, who needs a session (sub) of their own")
    return None


def _is_somebody_else(customer_id: str, record: Session) -> bool:
    customer = decoded(record.profile).customer
    return customer != "" and customer != customer_id


def _by_token(handed: SignIn) -> Admission:
    visitor = Visitor(handed.visitor_id, handed.customer_id)
    access = Access(handed.access_token, handed.expires_at, visitor, handed.third_party_token)
    renew_at = handed.at + int(handed.expires_in_ms * RENEWED_AT)
    return Admission(access, SignedIn(renew_at, handed.third_party_token))


def _by_code(
    gateway: Entrance, handed: SignIn, record: Session, visitor: Visitor, now: int
) -> Admission | Needed | Outcome:
    """Whatever comes of it, the code is spent."""
    verifier = {"code_verifier": handed.verifier} if handed.verifier else {}
    grant = {"grant_type": "authorization_code", "authorization_code": handed.code, **verifier}
    access = _granted(gateway, grant, record, visitor, now, "")
    if isinstance(access, Outcome) and access.by_visitor:
        return Needed("refused", THIRD_PARTY, "CXone did not take the code")
    return access


def _refreshed(
    gateway: Entrance, sessions: Conversations, keeper: str, record: Session, visitor: Visitor, now: int
) -> Admission | Needed | Outcome:
    """By the refresh token; one that is refused is not tried again, and the page is asked."""
    kept = signed_in_of(record.signed_in)
    assert kept  # noqa: S101
    grant = {"grant_type": "refresh_token", "refresh_token": kept.refresh_token}
    access = _granted(gateway, grant, record, visitor, now, kept.refresh_token)
    if isinstance(access, Outcome) and access.by_visitor:
        without = replace(kept, refresh_token="").encoded()
        sessions.renew_access(record.session_id, keeper, without)
    return access


def _granted(
    gateway: Entrance, grant: dict[str, Any], record: Session, visitor: Visitor, now: int, refresh_token: str
) -> Admission | Needed | Outcome:
    access = gateway.authorize(visitor, grant)
    if isinstance(access, Outcome):
        return access
    customer_id = access.visitor.customer_id
    if (record.conversation and customer_id != record.conversation["customer"]) or _is_somebody_else(
        customer_id, record
    ):
        return Needed("refused", THIRD_PARTY, "it signs in another customer, who needs a session (sub) of their own")
    good_until = access.good_until or access.expires_at
    renew_at = now + max(int((good_until - now) * RENEWED_AT), RENEWED_AFTER_MS)
    return Admission(access, SignedIn(renew_at, access.third_party_token, access.refresh_token or refresh_token))

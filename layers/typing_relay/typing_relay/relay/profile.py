"""Who a visitor is, as the team's own server says in the token: names, their id as a customer, custom fields,
which chat channel, and who signs them in at CXone. Pure.

Names, ids and values are personal data: no refusal quotes them, and none is ever logged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from typing_relay.relay.device import NOTHING_KNOWN, Device

LONGEST_NAME = 100
#: CXone: a custom field holds this many characters.
LONGEST_VALUE = 1024
#: Not for people's eyes: no blanks, no controls.
_CUSTOMER = re.compile(r"[!-~]{1,128}")
_IDENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
#: Controls but line break and tab; and half of a surrogate pair, which is no character: no encoding has it.
_NO_TEXT = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f\\ud800-\\udfff]")

GIVEN_NAME, FAMILY_NAME, CUSTOMER, FIELDS, CHANNEL, SIGN_IN = CLAIMS = (
    "given_name",
    "family_name",
    "customer",
    "fields",
    "channel",
    "sign_in",
)
#: The only value of the claim `sign_in`.
BY_PAGE = "page"
#: No claim: what the browser's handshake says.
DEVICE = "device"


class BadProfile(NamedTuple):
    """Why a token's claims are no profile. ``about``: the claim, or the field's ident; never its value."""

    reason: str
    about: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What agents may know of a visitor. '' and () where the token says nothing."""

    given_name: str = field(default="", repr=False)
    family_name: str = field(default="", repr=False)
    #: CXone's customer: the same person has the same one on each device.
    customer: str = field(default="", repr=False)
    #: Idents and values of custom fields, in the token's order.
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    #: The chat channel of a session that has no conversation yet.
    channel: str = field(default="", repr=False)
    #: The visitor's page signs them in at CXone, also where the channel does not demand it.
    by_page: bool = field(default=False, repr=False)
    #: The visitor's browser, where the deployment passes that on.
    device: Device = field(default=NOTHING_KNOWN, repr=False)

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return self != NOTHING_SAID

    def encoded(self) -> str:
        """As the record keeps it; '' when there is nothing to keep."""
        said = {GIVEN_NAME: self.given_name, FAMILY_NAME: self.family_name, CUSTOMER: self.customer}
        known: dict[str, Any] = {name: value for name, value in said.items() if value}
        if self.fields:
            known[FIELDS] = dict(self.fields)
        if self.channel:
            known[CHANNEL] = self.channel
        if self.by_page:
            known[SIGN_IN] = BY_PAGE
        if self.device != NOTHING_KNOWN:
            known[DEVICE] = [self.device.user_agent, self.device.language, self.device.country]
        return json.dumps(known, ensure_ascii=False, separators=(",", ":")) if known else ""


NOTHING_SAID = Profile()


def decoded(text: str) -> Profile:
    """What ``Profile.encoded`` made."""
    if not text:
        return NOTHING_SAID
    known = json.loads(text)
    fields = tuple(known.get(FIELDS, {}).items())
    names = known.get(GIVEN_NAME, ""), known.get(FAMILY_NAME, "")
    browser = Device(*known.get(DEVICE, ()))
    return Profile(*names, known.get(CUSTOMER, ""), fields, known.get(CHANNEL, ""), SIGN_IN in known, browser)


def profile_of(
    claims: Mapping[str, Any], idents: Collection[str], channels: Collection[str] = ()
) -> Profile | BadProfile:
    """The profile in a verified token's claims. ``idents``: the custom fields that this deployment knows; ``channels``:
    its chat channels."""
    for name in (GIVEN_NAME, FAMILY_NAME):
        if not _is_text(claims.get(name, ""), LONGEST_NAME):
            return BadProfile("name_malformed", name)
    customer, fields, channel = claims.get(CUSTOMER, ""), claims.get(FIELDS, {}), claims.get(CHANNEL, "")
    if channel != "" and not (isinstance(channel, str) and channel in channels):
        return BadProfile("channel_unknown", CHANNEL)
    if claims.get(SIGN_IN, BY_PAGE) != BY_PAGE:
        return BadProfile("sign_in_malformed", SIGN_IN)
    if customer != "" and not (isinstance(customer, str) and _CUSTOMER.fullmatch(customer)):
        return BadProfile("customer_malformed", CUSTOMER)
    if not isinstance(fields, dict):
        return BadProfile("fields_malformed", FIELDS)
    for ident, value in fields.items():
        if ident not in idents:
            return BadProfile("field_unknown", ident if _IDENT.fullmatch(ident) else FIELDS)
        if not _is_text(value, LONGEST_VALUE):
            return BadProfile("field_malformed", ident)
    names = claims.get(GIVEN_NAME, ""), claims.get(FAMILY_NAME, "")
    return Profile(*names, customer, tuple(fields.items()), channel, SIGN_IN in claims)


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and not _NO_TEXT.search(value)

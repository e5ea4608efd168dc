"""The visitor and the channel that every frame to the gateway names. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from typing_relay.relay.profile import Profile


class BadChannel(ValueError):
    """A malformed brand or channel id. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One chat configuration of one tenant."""

    brand_id: int
    channel_id: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser and the person at it. The ids are UUIDs, kept in the session record: a new keeper reuses them."""

    visitor_id: str
    customer_id: str
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)


def known_as(visitor: Visitor, profile: Profile) -> Visitor:
    """With the names that the team's own server gives them; where it gives none, those that CXone knows."""
    first_name, last_name = profile.given_name or visitor.first_name, profile.family_name or visitor.last_name
    return replace(visitor, first_name=first_name, last_name=last_name)


def channel(brand_id: str, channel_id: str) -> Channel:
    """A channel from an operator's settings. Raises BadChannel."""
    if not (brand_id.isascii() and brand_id.isdigit() and len(brand_id) <= 15):
        raise BadChannel("The brand id (DfoBrandId) must be a number, as CXone shows it in the channel's script.")
    if not channel_id or len(channel_id) > 100 or not channel_id.isascii() or not channel_id.isprintable():
        raise BadChannel("The channel id (DfoChannelId) must be the text that CXone shows, such as chat_1b2c.")
    return Channel(int(brand_id), channel_id)

"""The visitor and the channel that every frame to the gateway names. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


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


def channel(brand_id: str, channel_id: str) -> Channel:
    """A channel from an operator's settings. Raises BadChannel."""
    if not (brand_id.isascii() and brand_id.isdigit() and len(brand_id) <= 15):
        raise BadChannel("The brand id (DfoBrandId) must be a number, as CXone shows it in the channel's script.")
    if not channel_id or len(channel_id) > 100 or not channel_id.isascii() or not channel_id.isprintable():
        raise BadChannel("The channel id (DfoChannelId) must be the text that CXone shows, such as chat_1b2c.")
    return Channel(int(brand_id), channel_id)

"""The Digital-First gateway's URLs: NICE's environments, hosts set by an operator, the socket's URL. Pure.

NICE moves its hosts, so each can be set instead (the mobile SDKs use another name for the gateway).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from typing_relay.plain_url import is_plain
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.shared import urls
from typing_relay.platforms.shared.urls import InsecureUrl, base_url, without_query

#: NICE's environments and the domain of each.
DOMAINS = {
    **dict.fromkeys(("AU1", "CA1", "EU1", "JP1", "NA1", "UK1"), "niceincontact.com"),
    **dict.fromkeys(("AE1", "JO1", "KR1", "ZA1"), "nicecxone.com"),
    "NA2": "nicecxone-gov.com",
    "AU2": "nicecxone-sov1.au",
    "EU2": "nicecxone-sov1.eu",
    "UK2": "nicecxone-sov1.uk",
}
#: Who may serve an event too large for a frame (EventInS3), on port 443: S3, by each form of its endpoints, and NICE.
#: All else below amazonaws.com is anybody's: a virtual machine's name is there, too.
_S3_HOST = re.compile(
    r"(?:[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\.)?"  # the bucket
    r"s3(?:[.-](?:dualstack\.)?[a-z]{2,3}(?:-[a-z]+)+-[0-9]{1,2})?\.amazonaws\.com"
)
_NICE_HOST = re.compile(rf"(?:[a-z0-9-]+\.)*(?:{'|'.join(re.escape(name) for name in sorted(set(DOMAINS.values())))})")


class UnknownEnvironment(ValueError):
    """Not one of NICE's environments. The message names them."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Base URLs without a trailing slash: wss for the gateway, https for the others."""

    gateway: str
    chat: str
    authorize: str


@dataclass(frozen=True, slots=True)
class Client:
    """The client that the relay claims to be. The gateway refuses SDK versions that are too old."""

    sdk_version: str = "3.3.0"
    #: The web SDK says 0 unless the page sets its own version.
    app_version: str = "0"


def hosts(environment: str) -> Hosts:
    """The hosts of one of NICE's environments, by its name in either case. Raises UnknownEnvironment."""
    domain = DOMAINS.get(environment.upper())
    if domain is None:
        raise UnknownEnvironment(f"Unknown environment. CXone has {', '.join(sorted(DOMAINS))}. Or set the three URLs.")
    where = f"{environment.lower()}.{domain}"
    return Hosts(f"wss://chat-gw-de-{where}", f"https://channels-de-{where}", f"https://digital-oauth-de-{where}")


def custom_hosts(gateway: str, chat: str, authorize: str) -> Hosts:
    """An operator's hosts. Raises InsecureUrl unless wss, https, https (ws, http: loopback only), without query."""
    return Hosts(
        _bare(urls.socket_url(gateway, "The gateway URL"), "The gateway URL").rstrip("/"),
        _bare(base_url(chat, "The chat URL"), "The chat URL"),
        _bare(base_url(authorize, "The authorize URL"), "The authorize URL"),
    )


def socket_url(hosts: Hosts, channel: Channel, client: Client, visitor: Visitor, access_token: str) -> str:
    """The socket's URL. Its query contains the token, of a secured session: log it only by ``without_query``. Without a
    token it is that of a legacy session, which names the customer."""
    query = {
        "v": client.app_version,
        "sdkPlatform": "web",
        "sdkVersion": client.sdk_version,
        "brandId": channel.brand_id,
        "channelId": channel.channel_id,
        "visitorId": visitor.visitor_id,
        **({"transactionToken": access_token} if access_token else {"customerId": visitor.customer_id}),
    }
    return f"{hosts.gateway}/?{urlencode(query)}"


def registers_as(socket_url: str) -> str:
    """The SDK's version by which a socket that was opened by this URL is to be authorized on it; '': its session is
    secured."""
    query = parse_qs(urlsplit(socket_url).query)
    return query["sdkVersion"][0] if "customerId" in query and "sdkVersion" in query else ""


def event_url(text: str, chat: str) -> str:
    """``text``, if it may be the URL of an event too large for a frame. Its query may contain a signature.

    Raises InsecureUrl unless it is https at Amazon S3 or NICE on port 443, or the origin of ``chat`` (an operator's
    own host, or a gateway on this machine).
    """
    what = "The event's URL"
    base_url(text, what)
    parts = urlsplit(text)
    host = parts.hostname or ""
    origin = urlsplit(chat)
    is_known = (
        parts.scheme == "https"
        and parts.port in (None, 443)
        and bool(_S3_HOST.fullmatch(host) or _NICE_HOST.fullmatch(host))
    )
    if not is_known and (parts.scheme, parts.netloc) != (origin.scheme, origin.netloc):
        raise InsecureUrl(f"{what} {without_query(text)!r} is at neither Amazon S3 nor NICE.")
    return text


def is_file_url(text: str, chat: str, hosts: tuple[str, ...]) -> bool:
    """Whether a file that was uploaded to CXone may be at ``text``: https at NICE or at one of ``hosts``, on port 443,
    or at the origin of ``chat`` ('': NICE's own)."""
    if not is_plain(text):
        return False
    try:
        parts, origin = urlsplit(text), urlsplit(chat)
        is_secure = parts.scheme == "https" and parts.port in (None, 443)
    except ValueError:
        return False
    host = parts.hostname or ""
    if chat and (parts.scheme, parts.netloc) == (origin.scheme, origin.netloc):
        return True
    return is_secure and (host in hosts or _NICE_HOST.fullmatch(host) is not None)


def _bare(url: str, what: str) -> str:
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise InsecureUrl(f"{what} {without_query(url)!r} must have no query and no fragment.")
    return url

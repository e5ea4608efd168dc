"""Which URLs of CXone the relay accepts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

from typing_relay.plain_url import is_plain

#: CXone's own domains: hosts below them may serve a guest's socket.
CXONE_DOMAINS = ("nicecxone.com", "niceincontact.com")
#: The setting that names further domains.
SUFFIXES_SETTING = "CXONE_SOCKET_HOST_SUFFIXES"
_DOMAIN = re.compile(r"(?=.{4,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


class InsecureUrl(ValueError):
    """Not a URL, or one that would carry secrets in clear text or to a stranger. The message says what to do."""


def without_query(url: str) -> str:
    """``url`` without its query, to be logged: CXone puts a secret into the query of a guest's socket URL."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, host + port, parts.path, "", ""))


def base_url(text: str, what: str = "The CXone base URL") -> str:
    """A CXone base URL without its trailing slash. Raises InsecureUrl unless https (http: loopback hosts only)."""
    _require(text, secure="https", plain="http", what=what)
    return text.rstrip("/")


def web_socket_url(text: str, base_url: str, suffixes: Iterable[str] = ()) -> str:
    """A guest's webSocketUrl, as CXone at ``base_url`` returned it. ``suffixes`` come from ``host_suffixes``.

    Raises InsecureUrl unless it is wss (CXone fact; ws: loopback hosts only) and its host is the base URL's, below one
    of CXone's domains, or one of ``suffixes`` or below one. Loopback is accepted only if the base URL is on loopback.
    """
    _require(text, secure="wss", plain="ws", what="The guest's webSocketUrl")
    host, base_host = _host(text), _host(base_url)
    if host == base_host or (_is_loopback(host) and _is_loopback(base_host)):
        return text
    is_below = any(host.endswith(f".{domain}") for domain in (*CXONE_DOMAINS, *suffixes))
    if _DOMAIN.fullmatch(host) and (is_below or host in suffixes):
        return text
    raise InsecureUrl(
        f"The guest's webSocketUrl has the host {host!r}: neither the CXone base URL's, nor one below "
        f"{' or '.join(CXONE_DOMAINS)}. If it is CXone's, add its domain to {SUFFIXES_SETTING}."
    )


def host_suffixes(text: str) -> tuple[str, ...]:
    """The domains of a comma-separated list. Raises InsecureUrl, which names the setting, for anything else."""
    suffixes = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    for suffix in suffixes:
        if not _DOMAIN.fullmatch(suffix):
            raise InsecureUrl(
                f"{SUFFIXES_SETTING} takes domains like chat.example.com, separated by commas, not {suffix!r}."
            )
    return suffixes


def socket_url(text: str, what: str) -> str:
    """``text``, if it is a WebSocket's URL. Raises InsecureUrl unless wss (ws: loopback hosts only)."""
    _require(text, secure="wss", plain="ws", what=what)
    return text


def _require(url: str, *, secure: str, plain: str, what: str) -> None:
    if not is_plain(url):
        raise InsecureUrl(
            f"{what} cannot be read as a URL. It must start with {secure}:// and a host, and have no user, backslash "
            "or white space."
        )
    try:
        parts = urlsplit(url)
        host, shown = parts.hostname, without_query(url)
    except ValueError:
        raise InsecureUrl(f"{what} cannot be read as a URL. It must start with {secure}://.") from None
    if not host:
        raise InsecureUrl(f"{what} {shown!r} names no host. It must start with {secure}://.")
    if parts.scheme == secure or (parts.scheme == plain and _is_loopback(host)):
        return
    raise InsecureUrl(f"{what} {shown!r} must start with {secure}:// ({plain}:// is for loopback hosts only).")


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

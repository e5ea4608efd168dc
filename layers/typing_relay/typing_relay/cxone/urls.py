"""Which URLs CXone may be reached at. Pure."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit


class InsecureUrl(ValueError):
    """A URL that would carry credentials or tokens in the clear, or none at all. The message says what to do."""


def without_query(url: str) -> str:
    """``url`` as it may be logged: CXone puts a secret into the query of a guest's socket URL."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, host + port, parts.path, "", ""))


def base_url(text: str, what: str = "The CXone base URL") -> str:
    """A CXone base URL without its trailing slash. Raises InsecureUrl unless https (http: loopback hosts only)."""
    _require(text, secure="https", plain="http", what=what)
    return text.rstrip("/")


def web_socket_url(text: str, what: str = "The guest's webSocketUrl") -> str:
    """A WebSocket's URL. Raises InsecureUrl unless wss (CXone fact; ws: loopback hosts only)."""
    _require(text, secure="wss", plain="ws", what=what)
    return text


def _require(url: str, *, secure: str, plain: str, what: str) -> None:
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


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Who may call a server of the local stack: programs and pages of this machine, no page of another site."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

_OWN_HOSTS = ("127.0.0.1", "localhost", "::1")


def is_own_host(host: str | None) -> bool:
    """Whether this Host header names this machine. A page that was rebound by DNS names its own site."""
    return host is None or _is_own(f"//{host}")


def is_own_origin(origin: str | None) -> bool:
    """Whether this Origin header is of a page of this machine, on any port; None: no page calls."""
    return origin is None or (origin.startswith(("http://", "https://")) and _is_own(origin))


def comes_from_a_page(headers: Mapping[str, str]) -> bool:
    """Whether a browser sent this request on behalf of a page. Names of ``headers`` are in small letters.

    A browser names the origin with each POST, and says with each other request where it comes from.
    """
    return "origin" in headers or headers.get("sec-fetch-site", "none") != "none"


def _is_own(url: str) -> bool:
    try:
        name = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return name in _OWN_HOSTS or name.endswith(".localhost")

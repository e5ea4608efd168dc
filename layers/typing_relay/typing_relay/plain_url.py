"""URLs that all parsers read alike.

A URL is judged by one parser (``urllib.parse``) and fetched by another (urllib3, http.client, websocket-client). Where
they disagree about the host, the judgement is worth nothing: ``https://evil.example\\.amazonaws.com/`` is below
amazonaws.com for the first and at evil.example for the second. Pure.
"""

import re

#: RFC 3986 without what is read in several ways: no user, no backslash, no white space, nothing beyond ASCII.
_PLAIN = re.compile(
    r"[A-Za-z]+://"
    r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"  # the host: a name, IPv4, or IPv6
    r"(?::[0-9]{1,5})?"
    r"(?:[/?#][!-\[\]-~]*)?"
)


def is_plain(url: str) -> bool:
    """Whether every parser finds the same scheme, host and port in ``url``: judge no other."""
    return _PLAIN.fullmatch(url) is not None

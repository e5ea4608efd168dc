"""The token and the origin of a WebSocket handshake, read from API Gateway's authorizer event.

A browser cannot set its own headers on a WebSocket, so the token comes as a subprotocol:
`Sec-WebSocket-Protocol: typing-relay, token.<jwt>`. The answer names the first. Older pages send it as `?token=…`, and
URLs are logged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_relay.door.visitor_tokens import Reason, Refusal
from typing_relay.relay.device import Device, device

_TOKEN_PROTOCOL = "token."  # noqa: S105 a prefix, not a secret


@dataclass(frozen=True)
class Handshake:
    """All tokens and origins that a handshake names; a valid one names one of each."""

    tokens: tuple[str, ...]
    origins: tuple[str, ...]


def read_handshake(event: Mapping[str, Any]) -> Handshake:
    """Read an authorizer event. Absent fields give empty tuples."""
    headers = event.get("multiValueHeaders") or {}
    query = event.get("multiValueQueryStringParameters") or {}
    offered = (item.strip() for line in _header(headers, "sec-websocket-protocol") for item in line.split(","))
    by_protocol = [item.removeprefix(_TOKEN_PROTOCOL) for item in offered if item.startswith(_TOKEN_PROTOCOL)]
    return Handshake((*query.get("token", ()), *by_protocol), tuple(_header(headers, "origin")))


def read_device(event: Mapping[str, Any]) -> Device:
    """What the browser says of itself. The country is CloudFront's word, where the relay is behind that."""
    headers = event.get("multiValueHeaders") or {}
    names = ("user-agent", "accept-language", "cloudfront-viewer-country")
    return device(*(next(iter(_header(headers, name)), "") for name in names))


def the_token(handshake: Handshake) -> str | Refusal:
    """The one token of a handshake. Two are refused, even equal ones: the relay must not guess which counts."""
    if len(handshake.tokens) > 1:
        return Refusal(Reason.REPEATED)
    if not handshake.tokens or not handshake.tokens[0]:
        return Refusal(Reason.MISSING)
    return handshake.tokens[0]


def check_origin(handshake: Handshake, allowed: Sequence[str]) -> Refusal | None:
    """Refuse an origin that is not on the list. An empty list allows every origin, and none.

    Compared as whole strings: wildcards and suffixes are where origin checks go wrong.
    """
    if not allowed:
        return None
    if len(handshake.origins) == 1 and handshake.origins[0] in allowed:
        return None
    return Refusal(Reason.ORIGIN_NOT_ALLOWED)


def _header(headers: Mapping[str, Sequence[str]], name: str) -> list[str]:
    return [value for key, values in headers.items() if key.lower() == name for value in values]

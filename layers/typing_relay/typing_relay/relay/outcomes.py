"""How a call to CXone ended, as a value. Only ``cxone/`` sees HTTP status codes and the gateway's error codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a caller can do about it."""

    ACCEPTED = "accepted"
    #: 429, or no token could be had in time: not taken; come back no earlier than ``retry_after_ms``.
    THROTTLED = "throttled"
    #: 5xx or an answer that makes no sense: probably not taken.
    FAILED = "failed"
    #: Timeout or connection lost: nobody knows whether it was taken.
    LOST = "lost"
    #: The guest session is over: a new one is needed.
    GUEST_OVER = "guest_over"
    #: CXone has no typing endpoint for this guest.
    UNAVAILABLE = "unavailable"
    #: There is nobody to be told yet (no contact, or no socket): nothing was sent; it counts from when there is.
    NOT_YET = "not_yet"
    #: Credentials or scopes are wrong: only a change of configuration helps.
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``reason`` is for logs: no secret, no token, no query of a URL."""

    kind: Kind
    retry_after_ms: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest session as CXone created it. The URL carries a secret: never log its query."""

    guest_id: str
    web_socket_url: str

"""How a call to CXone ended, as a value. Only ``platforms/`` sees HTTP status codes and the gateway's error codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of outcome, by what a caller can do about each."""

    ACCEPTED = "accepted"
    #: 429, or no token in time: not accepted; retry no earlier than ``retry_after_ms``.
    THROTTLED = "throttled"
    #: 5xx or an unreadable answer: probably not accepted.
    FAILED = "failed"
    #: Timeout or connection lost: CXone may or may not have accepted it.
    LOST = "lost"
    #: The guest session is over: a new one is needed.
    GUEST_OVER = "guest_over"
    #: CXone has no typing endpoint for this guest.
    UNAVAILABLE = "unavailable"
    #: No contact or no socket yet: nothing was sent; it counts from when there is one.
    NOT_YET = "not_yet"
    #: Accepted, and ended by a message of the visitor before that was known: what goes on counts from there.
    ENDED = "ended"
    #: Wrong credentials or scopes: only a change of configuration helps.
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one call ended. ``reason`` is for logs: it holds no secret, no token and no URL's query."""

    kind: Kind
    retry_after_ms: int = 0
    reason: str = ""
    #: CXone refuses the address that the call came from, and so everybody's calls.
    of_address: bool = False
    #: What the visitor's page handed over is missing or not good: no fault of CXone's or the deployment's.
    by_visitor: bool = False


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest session as CXone created it. The URL carries a secret: never log its query."""

    guest_id: str
    web_socket_url: str

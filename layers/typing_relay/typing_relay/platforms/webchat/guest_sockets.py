"""What the end of a guest's WebSocket means (webchat v1). The only place that knows its statuses and close codes."""

from __future__ import annotations

from collections.abc import Mapping

from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.retry import retry_after_ms

#: The close code in place of HTTP's 403 on a socket that is open: 4000 and the status.
CLOSED_GUEST_OVER = 4403


def refused(status: int, headers: Mapping[str, str], body: str, now: int) -> Outcome:
    """The upgrade was refused with an HTTP status. ``headers`` have lower-case names; ``now`` in epoch ms.

    403 means a missing scope or a guest session that is over (CXone fact); only the former mentions a scope.
    """
    if status in (403, 410):
        if "scope" in (headers.get("www-authenticate", "") + body).lower():
            reason = "CXone says that a scope is missing (403): give the client webchat.guest and webchat.message"
            return Outcome(Kind.DENIED, reason=reason)
        return Outcome(Kind.GUEST_OVER, reason=f"the guest session is over ({status})")
    if status in (429, 503) and "retry-after" in headers:
        return Outcome(Kind.THROTTLED, retry_after_ms(headers["retry-after"], now), f"status {status}")
    return Outcome(Kind.FAILED, reason=f"status {status}")


def closed(code: int) -> Outcome:
    """The open socket was closed with this code, or lost without one (1006)."""
    if code == CLOSED_GUEST_OVER:
        return Outcome(Kind.GUEST_OVER, reason=f"the guest session is over (close code {code})")
    return Outcome(Kind.LOST, reason=f"close code {code}")

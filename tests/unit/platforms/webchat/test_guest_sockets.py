"""What the end of a guest's socket means: over, denied, throttled, or only lost."""

from __future__ import annotations

import pytest
from typing_relay.platforms.webchat import guest_sockets
from typing_relay.relay.outcomes import Kind

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind"),
    [
        (403, {}, "the session is over", Kind.GUEST_OVER),
        (403, {}, '{"error":"insufficient_Scope"}', Kind.DENIED),
        (403, {"www-authenticate": 'Bearer error="insufficient_scope"'}, "", Kind.DENIED),
        (410, {}, "", Kind.GUEST_OVER),
        (429, {"retry-after": "7"}, "", Kind.THROTTLED),
        (503, {}, "", Kind.FAILED),
    ],
)
def test_a_refused_handshake_says_why(status: int, headers: dict[str, str], body: str, kind: Kind) -> None:
    """CXone fact: 403 is a missing scope or a guest that is over; only the former mentions a scope."""
    outcome = guest_sockets.refused(status, headers, body, NOW)
    assert outcome.kind is kind
    assert outcome.retry_after_ms == (7000 if status == 429 else 0)


@pytest.mark.parametrize(("code", "is_over"), [(4403, True), (1000, False), (1001, False), (1006, False)])
def test_a_close_code_says_whether_the_guest_is_over(code: int, is_over: bool) -> None:
    assert (guest_sockets.closed(code).kind is Kind.GUEST_OVER) == is_over

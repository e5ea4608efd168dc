"""The rules by which the fault tests judge an event log: each can be broken, and then says so."""

from __future__ import annotations

from typing import Any

from tests.support.call_rules import repeats, violations


def post(
    at: float, value: bool = True, status: int | None = 200, kind: str = "typing", took: float = 0, **more: Any
) -> dict[str, Any]:
    """A call as the simulated CXone notes it."""
    accepted = more.pop("accepted", status == 200)
    return {
        "kind": kind,
        "guest_id": "guest",
        "received_at": at,
        "at": at + took,
        "value": value,
        "status": status,
        "accepted": accepted,
        **more,
    }


def test_a_whole_burst_breaks_nothing() -> None:
    """T6, T7."""
    log = [post(0), post(2100, False), post(2110, False, kind="typing_read")]
    assert violations(log) == []
    assert repeats(log) == []


def test_a_post_before_another_ended_is_found() -> None:
    """T6."""
    assert len(violations([post(0, took=1000), post(900, False)])) == 1


def test_a_post_while_another_hangs_is_found() -> None:
    """T6: the relay gives up after 3 s, not before."""
    hanging = post(0, status=None, fault="hang")
    assert len(violations([hanging, post(2900, False)])) == 1
    assert violations([hanging, post(3100, False)]) == []


def test_posts_of_two_guests_may_overlap() -> None:
    """T6 is about one guest."""
    assert violations([post(0, took=1000), post(900, False) | {"guest_id": "another"}]) == []


def test_a_call_before_retry_after_is_found() -> None:
    """T7: a read as well as a post."""
    throttled = post(0, status=429, retry_after="3")
    assert len(violations([throttled, post(2900)])) == 1
    assert len(violations([throttled, post(2900, kind="typing_read")])) == 1
    assert violations([throttled, post(3000)]) == []


def test_a_retry_after_that_only_a_dead_sender_heard_binds_nobody() -> None:
    """T7: one that died before the answer had not heard it, and one that lived on has written it down."""
    log = [post(0, status=429, retry_after="3", kind="typing_read"), post(1000)]
    assert violations(log, deaths={"guest": [200]}) == []
    assert len(violations(log, deaths={"guest": [-200]})) == 1
    assert len(violations(log, deaths={"guest": [2200]})) == 1


def test_a_date_is_a_retry_after() -> None:
    """T7."""
    throttled = post(0, status=429, retry_after="Thu, 01 Jan 1970 00:00:05 GMT")
    assert len(violations([throttled, post(4900)])) == 1
    assert violations([throttled, post(5000)]) == []


def test_an_absurd_retry_after_counts_as_two_seconds() -> None:
    """T7."""
    for header in (None, "-5", "soon"):
        throttled = post(0, status=429, retry_after=header)
        assert len(violations([throttled, post(1900)])) == 1
        assert violations([throttled, post(2000)]) == []


def test_a_fifth_post_of_one_true_is_found() -> None:
    """T7."""
    log = [post(at * 10_000, status=503) for at in range(5)]
    assert len(violations(log)) == 1
    assert violations(log[:4]) == []


def test_a_repeat_with_a_new_token_is_no_retry() -> None:
    """T7: CXone fact: 401 → refresh once, retry once."""
    log = [post(0, status=401), *(post(1 + at * 10_000, status=503) for at in range(4))]
    assert violations(log) == []


def test_a_later_burst_has_its_own_true() -> None:
    """T7."""
    log = [post(at * 10_000, status=503) for at in range(5)]
    assert violations(log, {"guest": [0, 35_000]}) == []


def test_a_repeat_for_no_reason_is_found() -> None:
    """T12."""
    assert len(repeats([post(0), post(5000)])) == 1


def test_a_lost_answer_is_a_reason_to_repeat() -> None:
    """T12."""
    assert repeats([post(0, status=None, accepted=True), post(8000)]) == []


def test_what_cxone_forgot_is_a_reason_to_repeat() -> None:
    """T12."""
    assert repeats([post(0), post(10_000, False, kind="typing_read"), post(10_010)]) == []

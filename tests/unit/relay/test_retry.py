"""Delays before the next try (T7)."""

import pytest
from typing_relay.relay.burst import Session
from typing_relay.relay.effects import Jitter
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.reconciling import CLOCKS_APART_MS, _delay
from typing_relay.relay.retry import DEFAULT_RETRY_AFTER_MS, backoff_ms, retry_after_ms
from typing_relay.relay.runner import Runner, handled_by

from tests.simulation.memory_sessions import MemorySessions

NOW = 1_800_000_000_000  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(("attempt", "expected"), [(0, 1_000), (1, 2_000), (2, 4_000), (3, 8_000)])
def test_the_delay_doubles_with_each_attempt(attempt: int, expected: int) -> None:
    """CXone fact: 1000 ms x 2^attempt."""
    assert backoff_ms(attempt) == expected


def test_a_longer_retry_after_wins() -> None:
    """CXone fact: the larger of Retry-After and the doubled delay."""
    assert backoff_ms(0, retry_after_ms=5_000) == 5_000


def test_a_shorter_retry_after_does_not_shorten_the_delay() -> None:
    """CXone fact: the larger of both."""
    assert backoff_ms(2, retry_after_ms=1_000) == 4_000


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_jitter_only_adds(jitter: float) -> None:
    """T7: never earlier than Retry-After."""
    assert 3_000 <= backoff_ms(0, retry_after_ms=3_000, jitter=jitter) <= 3_250


def test_the_doubling_has_an_end() -> None:
    """T4: a `false` lands soon after CXone recovers."""
    assert backoff_ms(1_000_000) == 16_000


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("3", 3_000),
        (" 7 ", 7_000),
        ("0", 0),
        ("604800", 604_800_000),  # a week is obeyed
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30_000),
        (None, DEFAULT_RETRY_AFTER_MS),
        ("", DEFAULT_RETRY_AFTER_MS),
        ("-5", DEFAULT_RETRY_AFTER_MS),
        ("soon", DEFAULT_RETRY_AFTER_MS),
        ("1.5", DEFAULT_RETRY_AFTER_MS),
        ("²", DEFAULT_RETRY_AFTER_MS),
        ("Fri, 15 Jan 2027 08:00:00 GMT", DEFAULT_RETRY_AFTER_MS),  # now
        ("Fri, 15 Jan 2027 07:59:00 GMT", DEFAULT_RETRY_AFTER_MS),
        ("Fri, 99 Jan 2027 08:00:30 GMT", DEFAULT_RETRY_AFTER_MS),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_counts_as_absent(header: str | None, expected: int) -> None:
    """CXone fact: 2 s if absent; seconds or HTTP date."""
    assert retry_after_ms(header, NOW) == expected


def test_a_retry_after_beyond_all_measure_is_still_a_number() -> None:
    """An absurd value must not stop the relay."""
    assert retry_after_ms("9" * 400, NOW) > 604_800_000


@pytest.mark.parametrize(("kind", "delay_ms"), [(Kind.THROTTLED, 5_000 + CLOCKS_APART_MS), (Kind.FAILED, 1_000)])
def test_a_retry_after_holds_for_a_process_whose_clock_is_ahead(kind: Kind, delay_ms: int) -> None:
    """T7: never earlier than CXone asked for, also where nothing is added by chance."""
    runner = Runner(MemorySessions(), lambda: NOW, dict([handled_by(Jitter, lambda due: 0.0)]))
    outcome = Outcome(kind, retry_after_ms=5_000 if kind is Kind.THROTTLED else 0)
    assert runner.run(_delay(Session("alice"), True, outcome)) == delay_ms

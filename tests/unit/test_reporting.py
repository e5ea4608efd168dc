"""What the log and the metrics say of a call to CXone, and that its result is handed on as it came."""

from __future__ import annotations

from typing import Any

import pytest
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.reporting import ReportedGuests


class Cxone:
    """Answers each call alike, 70 ms later."""

    def __init__(self, answer: bool | Outcome) -> None:
        self.answer, self.now = answer, 1_000

    def clock(self) -> int:
        return self.now

    def set_typing(self, guest_id: str, typing: bool) -> Any:
        self.now += 70
        return self.answer

    def get_typing(self, guest_id: str) -> Any:
        self.now += 70
        return self.answer


class Notes:
    """A logger and metrics, as far as they are told something."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []
        self.metrics: dict[str, float] = {}

    def info(self, message: str, **more: Any) -> None:
        self.lines.append(("info", message, more))

    def warning(self, message: str, **more: Any) -> None:
        self.lines.append(("warning", message, more))

    def add_metric(self, name: str, _unit: object, value: float) -> None:
        self.metrics[name] = value


def reported(cxone: Cxone, notes: Notes) -> ReportedGuests:
    return ReportedGuests(cxone, notes, notes, cxone.clock)  # type: ignore[arg-type]


@pytest.mark.parametrize("shows", [True, False])
def test_what_cxone_shows_is_logged_and_no_outcome_of_a_call(shows: bool) -> None:
    notes = Notes()
    assert reported(Cxone(shows), notes).get_typing("g1") is shows
    assert notes.lines == [("info", "cxone verify", {"guest": "g1", "shows": shows, "ms": 70})]
    assert notes.metrics == {}


@pytest.mark.parametrize(
    ("outcome", "level", "percent"),
    [(Outcome(Kind.ACCEPTED), "info", 100), (Outcome(Kind.THROTTLED, 2_000, "429"), "warning", 0)],
)
def test_how_a_call_ended_is_logged_and_counted(outcome: Outcome, level: str, percent: int) -> None:
    """What went wrong stands out."""
    notes = Notes()
    assert reported(Cxone(outcome), notes).set_typing("g1", True) == outcome
    [(how, message, more)] = notes.lines
    assert (how, message, more["outcome"], more["ms"]) == (level, "cxone typing", outcome.kind, 70)
    assert (more["began"], more["typing"]) == (1_000, True)
    assert more.get("reason") == (outcome.reason or None)  # a field with nothing in it is paid for all the same
    assert notes.metrics == {f"Typing.{outcome.kind}": 1, "CallsAccepted": percent}


def test_a_question_without_an_answer_is_reported_as_a_call() -> None:
    notes = Notes()
    assert reported(Cxone(Outcome(Kind.LOST)), notes).get_typing("g1") == Outcome(Kind.LOST)
    assert [(how, message) for how, message, _ in notes.lines] == [("warning", "cxone verify")]
    assert notes.metrics == {f"Typing.{Kind.LOST}": 1}

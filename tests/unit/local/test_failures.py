"""What the local stack notes of an invocation that failed, and who reads it."""

from __future__ import annotations

from pathlib import Path

from local.stack.failures import Failure, Failures, note

FAILED = Failure(
    1.0, "typing-relay-Connection-1", "An error occurred (ValidationException)\nExpression too long", "at …"
)


def test_each_failure_is_read_once_in_the_order_in_which_it_was_noted(tmp_path: Path) -> None:
    log = tmp_path / "failures.log"
    failures = Failures(log)
    assert list(failures.new()) == []
    note(log, FAILED)
    later = Failure.now("typing-relay-Keystroke-1", "Task timed out after 5.00 seconds", "")
    note(log, later)
    assert list(failures.new()) == [FAILED, later]
    assert list(failures.new()) == []


def test_a_line_that_is_still_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "failures.log"
    note(log, FAILED)
    line = log.read_text()
    log.write_text(line[:20])
    failures = Failures(log)
    assert list(failures.new()) == []
    log.write_text(line)
    assert list(failures.new()) == [FAILED]


def test_a_failure_is_told_in_one_line() -> None:
    assert str(FAILED) == "typing-relay-Connection-1 failed: Expression too long"
    assert str(Failure(1.0, "f", "")) == "f failed: no reason was given"

"""What makes an invocation fail on the running stack, what does not any more, and that a failure is seen."""

from __future__ import annotations

import json
import time

import pytest
from websocket import WebSocketException
from websockets.sync.client import connect

from tests.support.relay_stage import PATIENCE_S, RelayStage, wait_until

#: After this long the connections of a visit that is over are forgotten: ten times the debounce.
FORGOTTEN_AFTER_S = 20


def test_a_visitor_who_came_and_went_sixty_times_still_gets_in(stage: RelayStage) -> None:
    """T13: one write forgot all sixty connections, over DynamoDB's limit of an expression; nobody came in again.

    Each visit waits for room below the cap of connections.
    """
    failed_before = len(stage.stack.failed_invocations)

    def comes_and_goes() -> bool:
        try:
            stage.connect("sixty-visits").close()
        except WebSocketException:
            return False
        return True

    for _ in range(60):
        wait_until(comes_and_goes, "room for another visit")
    time.sleep(FORGOTTEN_AFTER_S + 1)
    with stage.connect("sixty-visits") as front_end:
        front_end.is_ready(PATIENCE_S)
        assert len(stage.record("sixty-visits").stops) <= 51
    assert stage.stack.failed_invocations[failed_before:] == []


def test_a_function_that_failed_is_told_of_in_the_runs_log_and_on_the_console(
    stage: RelayStage, capfd: pytest.CaptureFixture[str]
) -> None:
    """The emulator itself says nothing of a frame's function that failed."""
    failed_before = len(stage.stack.failed_invocations)
    stage.aws.client("lambda").invoke(FunctionName=stage.stack.info["functions"]["Keystroke"], Payload=b"{}")
    wait_until(lambda: len(stage.stack.failed_invocations) > failed_before, "the failure to be noted")
    failure = stage.stack.failed_invocations[failed_before]
    assert "Keystroke" in failure.function
    assert "KeyError" in failure.trace
    assert str(failure) in capfd.readouterr().err
    console_url = stage.stack.info["console_url"]
    with connect(f"{console_url.replace('http', 'ws')}/api/feed?seen=", origin=console_url) as feed:
        told: list[str] = []
        while str(failure) not in told:  # the feed's timeout ends the wait
            told += [event.get("text", "") for event in json.loads(feed.recv(timeout=10))["events"]]

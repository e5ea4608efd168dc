"""One visitor does their worst within the frame budget: what CXone hears, and what others feel."""

from __future__ import annotations

import threading

import pytest
from websocket import WebSocketException

from local.playing.visitor import now_ms
from tests.support.relay_stage import Actor, RelayStage, repeat, wait_until

FLURRY_S = 6.0
MOST_CALLS = 20
SHOWN_WITHIN_MS = 1_000


@pytest.mark.parametrize("gap_ms", [50, 200, 400])
def test_keys_and_stops_in_turn_are_heard_once_a_second_and_slow_nobody(gap_ms: int, stage: RelayStage) -> None:
    """T17, T18: four signals at once and one more a second; another visitor's first key is shown within T2."""
    failed_before = len(stage.stack.failed_invocations)
    with Actor(stage, f"flurry-{gap_ms}") as flurry, Actor(stage, f"beside-{gap_ms}") as beside:
        over, turns = threading.Event(), iter(range(10**6))

        def alternate() -> None:
            flurry.stop() if next(turns) % 2 else flurry.key()

        thread = threading.Thread(target=repeat, args=(over, gap_ms / 1000, alternate), daemon=True)
        thread.start()
        over.wait(FLURRY_S / 2)
        pressed = now_ms()
        beside.key()
        shown = beside.waits_for_post(True)["at"] - pressed
        over.wait(FLURRY_S - FLURRY_S / 2 - (now_ms() - pressed) / 1000)
        over.set()
        thread.join()
        flurry.stop()
        flurry.settles()
        calls = [event for event in flurry.events() if event["kind"] == "typing"]
        print(f"{gap_ms} ms: {len(calls)} calls, {flurry.stage.record(flurry.name).generation} owners, {shown:.0f} ms")
        assert len(calls) <= MOST_CALLS
        assert not calls or calls[-1]["value"] is False
        assert shown <= SHOWN_WITHIN_MS
    assert stage.stack.failed_invocations[failed_before:] == []


def test_after_sixty_quick_visits_the_door_is_open_again(stage: RelayStage) -> None:
    """T18: whoever reloads a page again and again shuts nobody out, nor themselves for long."""
    failed_before = len(stage.stack.failed_invocations)

    def is_let_in() -> bool:
        try:
            with stage.connect("reloads") as visitor:
                visitor.is_ready()
        except WebSocketException:
            return False
        return True

    came_in = 0
    for _ in range(60):
        try:
            stage.connect("reloads").close()
            came_in += 1
        except WebSocketException:
            continue
    print(f"{came_in} of 60 visits came in")
    wait_until(is_let_in, "the door to open again")
    assert stage.stack.failed_invocations[failed_before:] == []

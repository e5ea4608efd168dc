"""CXone throttles the whole organisation on the running stack: new `true` signals pause for all, `false` goes out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from local.playing.visitor import now_ms
from tests.support.relay_stage import Actor, RelayStage, wait_until

#: One more than make a storm, by the breaker's rules.
THROTTLED_GUESTS = 6
ASKED_S = 8


@pytest.fixture
def on_stage(stage: RelayStage) -> Iterator[ExitStack]:
    """Actors that leave at the end, each settled by T6 and T7; then the breaker is closed for those who come next."""
    with ExitStack() as actors:
        yield actors
    state = {"TableName": stage.stack.info["cxone_state_table"], "Key": {"name": {"S": "breaker"}}}
    stage.aws.client("dynamodb").delete_item(**state)
    time.sleep(1.5)  # a sender looks at it once a second


def enter(on_stage: ExitStack, stage: RelayStage, name: str) -> Actor:
    """An actor that settles before it leaves."""
    actor = on_stage.enter_context(Actor(stage, name))
    on_stage.callback(actor.settles)
    return actor


def openings(stage: RelayStage) -> int:
    """How often the breaker's metric was counted."""
    return sum("BreakerOpened" in line for line in stage.sender_log())


def test_a_throttled_organisation_gets_no_new_true_and_every_false(stage: RelayStage, on_stage: ExitStack) -> None:
    """Isolation: the pause is as long as CXone asked, and is a metric once; a `false` needs not wait for its end."""
    before = openings(stage)
    shown = enter(on_stage, stage, "shown-before-the-storm")
    newcomer = enter(on_stage, stage, "newcomer-in-the-storm")
    throttled = [enter(on_stage, stage, f"throttled-{n}") for n in range(THROTTLED_GUESTS)]
    for actor in throttled:
        actor.fault(throttle={"rate": 1, "retry_after": str(ASKED_S)})
    with shown.typing():
        shown.waits_for_post(True)
        with ExitStack() as fingers:
            for actor in throttled:
                fingers.enter_context(actor.typing())
            wait_until(lambda: openings(stage) > before, "the breaker to open")
    over_at = now_ms() + ASKED_S * 1000
    time.sleep(1.5)  # every sender has looked at the breaker by then
    with newcomer.typing():
        begun = newcomer.waits_for_post(True)
    put_out = shown.waits_for_post(False)
    calls = [event for actor in throttled for event in actor.events() if event["kind"] == "typing"]
    refused = sorted(call["at"] for call in calls if call["status"] == 429)
    assert refused[4] + ASKED_S * 1000 <= begun["received_at"]
    assert put_out["received_at"] < over_at
    assert openings(stage) == before + 1

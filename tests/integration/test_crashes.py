"""Processes that die or stand still on the running stack: whatever is lost, no indicator stays on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest

from tests.support.relay_stage import Actor, RelayStage, kill, wait_until

VISITORS = 3


@pytest.fixture
def actors(stage: RelayStage, request: pytest.FixtureRequest) -> Iterator[Sequence[Actor]]:
    """Some visitors, connected; in the end each of them settles, by T6 and T7."""
    name = request.node.name.removeprefix("test_").replace("_", "-")
    with ExitStack() as on_stage:
        actors = [on_stage.enter_context(Actor(stage, f"{name}-{n}")) for n in range(VISITORS)]
        yield actors
        for actor in actors:
            actor.settles()


def test_a_revoked_token_causes_one_request_for_all(actors: Sequence[Actor], stage: RelayStage) -> None:
    """Senders and keeper share the token; its end is not the end of a burst."""
    cxone = stage.cxone()
    with ExitStack() as fingers:
        for actor in actors:
            fingers.enter_context(actor.typing())
        for actor in actors:
            actor.waits_for_post(True)
        before = cxone.last_event()
        cxone.revoke_tokens()
    for actor in actors:
        actor.waits_for_post(False)
    assert sum(event["kind"] == "token" for event in cxone.events(before)) == 1


def test_senders_killed_before_their_post_leave_nothing_on(actors: Sequence[Actor], stage: RelayStage) -> None:
    """T4: every sender dies as the burst begins; the next call of the state machine does the work."""
    with ExitStack() as fingers:
        for actor in actors:
            fingers.enter_context(actor.typing())
        time.sleep(0.1)
        assert stage.kill_workers("Sender")
        for actor in actors:
            actor.waits_for_post(True)
    for actor in actors:
        actor.waits_for_post(False)


def test_senders_killed_while_cxone_takes_the_call_leave_nothing_on(actors: Sequence[Actor], stage: RelayStage) -> None:
    """T4, T6: CXone shows what nobody recorded."""
    for actor in actors:
        actor.fault(calls=["typing"], latency_ms=2500)
        actor.key()
    for actor in actors:
        wait_until(lambda actor=actor: stage.record(actor.name).sending, "the sender to lock")
    time.sleep(0.5)
    assert stage.kill_workers("Sender")
    for actor in actors:
        actor.calm()
    for actor in actors:
        actor.waits_for_post(False)
    assert any((True, 200) in actor.posts() for actor in actors)


def test_a_lost_execution_is_taken_up_by_the_sweeper(actors: Sequence[Actor], stage: RelayStage) -> None:
    """T4: nobody is left who would say `false`, no keeper either: the lease runs out, and a sweep finds it."""
    states = stage.aws.client("stepfunctions")
    for actor in actors:
        actor.key()
    for actor in actors:
        actor.waits_for_post(True)
    machine = stage.stack.info["state_machine_arn"]
    for execution in states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
        states.stop_execution(executionArn=execution["executionArn"])
    for actor in actors:
        assert stage.record(actor.name).shown
    with stage.frozen_keeper():  # it has a timer for each lease of its guests
        wait_until(lambda: stage.sweep()["started"] > 0, "the leases to run out")
    for actor in actors:
        wait_until(lambda actor=actor: stage.sweep() and not stage.record(actor.name).shown, "the indicator to go out")


def test_an_emulator_that_stands_still_leaves_nothing_on(actors: Sequence[Actor], stage: RelayStage) -> None:
    """T4: no function, no write and no timer for 4 s in the middle of a burst."""
    with ExitStack() as fingers:
        for actor in actors:
            fingers.enter_context(actor.typing())
        for actor in actors:
            actor.waits_for_post(True)
        with stage.frozen_emulator(4):
            pass
    for actor in actors:
        actor.waits_for_post(False)


def test_a_killed_keeper_leaves_nothing_on(actors: Sequence[Actor], stage: RelayStage) -> None:
    """T4: senders need no keeper, and the next keeper takes the guests over."""
    with ExitStack() as fingers:
        for actor in actors:
            fingers.enter_context(actor.typing())
        for actor in actors:
            actor.waits_for_post(True)
        [keeper] = stage.stack.info["keeper_pids"]
        kill(keeper)
    for actor in actors:
        actor.waits_for_post(False)
    for actor in actors:
        wait_until(
            lambda actor=actor: any(g["sockets"] for g in actor.cxone.guests() if g["guest_id"] == actor.guest),
            "the next keeper to hold the guest",
            timeout_s=60,
        )
    for actor in actors:
        with actor.typing():
            actor.waits_for_post(True)
        actor.waits_for_post(False)

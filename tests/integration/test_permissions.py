"""Least privilege, proven: the emulator enforces the template's roles, and notes each call that they let through.

Scenes on both platforms bring about whatever functions and keeper do. None of it may be refused, and each statement
must be missed: without it the emulator would refuse something that was done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, ParsedStatement, evaluate, parse_policy_document
from typing_relay.aws.client import CallLimits
from typing_relay.aws.credentials import EnvironmentCredentials
from typing_relay.aws.messages import DynamoMessages
from typing_relay.aws.services import Account, VisitorConnections
from typing_relay.aws.sessions import shard_of
from typing_relay.aws.visitors import Visitors
from typing_relay.relay.burst import SILENT_MS
from typing_relay.relay.messages import MOST_WAITING
from typing_relay.relay.ports import SentMessage
from websocket import WebSocketException

from local.playing.visitor import now_ms
from local.stack import permissions
from local.stack.aws import REGION
from local.stack.permissions import Call
from local.stack.settings import read_settings
from local.stack.stack import Stack
from local.stack.task_credentials import TaskCredentials
from tests.support.gateway_stage import Chatter, GatewayStage
from tests.support.relay_stage import PATIENCE_S, Actor, RelayStage, wait_until

#: The emulator calls the sender for the state machine, and the sweeper for its schedule, without asking their roles.
#: unit/deployment/test_template.py compares these with what the machine calls and what AWS's documentation asks for.
NOT_ENFORCED = {"TypingBurstRole", "SweeperScheduleRole"}
#: Functions that are deployed on both platforms and called on one: nobody takes their roles on where they are idle.
NOT_CALLED = {"v1": {"KeeperLineRole"}, "dfo": {"SenderRole"}}
BRISK = {
    "KEEPER_VISIBILITY_SECONDS": "8",
    "KEEPER_REFRESH_SECONDS": "5",
    "KEEPER_SILENT_SECONDS": "10",
    "GUEST_GRACE_SECONDS": "1",
}
MOST_CONNECTIONS = 10
LONGEST_HOLD_MS = 6_000
#: An expired token is good for this long.
LEEWAY_S = 10


@dataclass(frozen=True)
class Played:
    """What the roles of a running stack did in the scenes, and the stack."""

    stage: RelayStage
    platform: str

    @property
    def calls(self) -> list[Call]:
        """Those that were made up to now."""
        return noted(self.stage)


@pytest.fixture(scope="module", params=["v1", "dfo"])
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    """All scenes of one platform."""
    platform = request.param
    with Stack(read_settings({"CXONE_PLATFORM": platform}), as_newest=False, senders=2, keeper=BRISK) as running:
        stage = GatewayStage(running) if platform == "dfo" else RelayStage(running)
        for scene in (*ON_BOTH, *(ON_DFO if platform == "dfo" else ON_V1)):
            scene(stage)
        yield Played(stage, platform)


def test_nothing_that_the_product_does_is_refused(played: Played) -> None:
    assert [str(call) for call in played.calls if not call.granted] == []


def test_each_statement_is_missed_where_it_is_taken_away(played: Played) -> None:
    """One at a time, by the emulator's own rules: some call of the scenes would be refused."""
    idle = NOT_ENFORCED | NOT_CALLED[played.platform]
    superfluous = [
        f"{role}: {statement['Action']} on {statement['Resource']}"
        for role, name in roles(played.stage).items()
        if role not in idle
        for index, statement in enumerate(statements(played.stage, name))
        if not misses(statements(played.stage, name), index, [c for c in played.calls if c.role == name])
    ]
    assert superfluous == []


def test_a_statement_that_is_really_taken_away_is_noticed(played: Played) -> None:
    """The emulator enforces what these tests compare."""
    iam, name = played.stage.aws.client("iam"), roles(played.stage)["KeystrokeRole"]
    [policy] = iam.list_role_policies(RoleName=name)["PolicyNames"]
    whole = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    rest = [s for s in whole["Statement"] if s["Action"] != "dynamodb:UpdateItem"]
    with played.stage.connect("unpermitted") as visitor:
        visitor.is_ready(PATIENCE_S)
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps({**whole, "Statement": rest}))
        try:
            visitor.send({"action": "keystroke"})
            wait_until(lambda: any(not call.granted for call in noted(played.stage)), "the refusal")
        finally:
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(whole))
    refused = next(call for call in noted(played.stage) if not call.granted)
    assert (refused.role, refused.action) == (name, "dynamodb:UpdateItem")


# --- what the emulator says


def noted(stage: RelayStage) -> list[Call]:
    """All calls of the stack's roles."""
    return permissions.noted(Path(stage.stack.info["logs"]) / permissions.NAME)


def roles(stage: RelayStage) -> dict[str, str]:
    """The roles with statements of the template's own: names by logical id."""
    pages = stage.aws.client("cloudformation").get_paginator("list_stack_resources")
    resources = [r for page in pages.paginate(StackName="typing-relay") for r in page["StackResourceSummaries"]]
    made = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::IAM::Role"}
    return {logical: name for logical, name in made.items() if statements(stage, name)}


def statements(stage: RelayStage, role: str) -> list[dict[str, Any]]:
    """Those in the role's own policies, as deployed."""
    iam = stage.aws.client("iam")
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    return [statement for document in documents for statement in document["Statement"]]


def misses(whole: Sequence[dict[str, Any]], index: int, calls: Sequence[Call]) -> bool:
    """Whether one of these calls would be refused without the statement at ``index``."""
    rest = parse_policy_document({"Statement": [*whole[:index], *whole[index + 1 :]]})
    return any(not _is_allowed(rest, call) for call in calls if call.granted and _is_allowed(_parsed(whole), call))


def _parsed(whole: Sequence[dict[str, Any]]) -> list[ParsedStatement]:
    parsed: list[ParsedStatement] = parse_policy_document({"Statement": list(whole)})
    return parsed


def _is_allowed(policy: list[ParsedStatement], call: Call) -> bool:
    context = EvalContext(call.role, "AssumedRole", "", call.action, call.resource, REGION)
    return bool(evaluate(context, [policy]).decision == "Allow")


# --- scenes on both platforms


def a_visitor_with_too_many_tabs(stage: RelayStage) -> None:
    """The connection function asks after those that have been silent."""
    tabs = [stage.connect("many-tabs") for _ in range(MOST_CONNECTIONS)]
    long_ago = {connection: {"N": str(now_ms() - SILENT_MS)} for connection in stage.record("many-tabs").connections}
    _update_record(stage, "many-tabs", "SET stops = :stops", {":stops": {"M": long_ago}})
    with suppress(WebSocketException):
        stage.connect("many-tabs")
    for tab in tabs:
        tab.close()


def nonsense(stage: RelayStage) -> None:
    """Connections that go on with it are closed: by the keystroke function, and by the connection function."""
    for frame in ({"action": "hello", "text": "mine"}, {"action": "$disconnect"}):
        front_end = stage.connect(f"nonsense-{frame['action'].strip('$')}")
        with suppress(WebSocketException, OSError):
            for _ in range(200):
                front_end.send(frame)
                time.sleep(0.03)


def a_record_that_ran_out(stage: RelayStage) -> None:
    """A key makes a new one."""
    with stage.connect("ran-out") as front_end:
        front_end.send({"action": "hello"})
        front_end.wait_for("welcome", PATIENCE_S)
        _delete_record(stage, "ran-out")
        front_end.send({"action": "keystroke"})
        wait_until(lambda: stage.is_recorded("ran-out"), "another record")


def a_queue_that_lost_a_message(stage: RelayStage) -> None:
    """The keeper sends another one in its place."""
    with stage.connect("lost-message") as front_end:
        front_end.is_ready(PATIENCE_S)
        stage.aws.client("sqs").purge_queue(QueueUrl=stage.stack.info["guest_queue_url"])
        wait_until(lambda: _did(stage, "KeeperRole", "sqs:SendMessage"), "the message in its place", 60)


def a_visitor_who_leaves(stage: RelayStage) -> None:
    """Their guest is released, and the queue's message deleted."""
    stage.connect("leaves").close()
    with stage.connect("leaves") as front_end:
        front_end.is_ready(PATIENCE_S)
    wait_until(lambda: _did(stage, "KeeperRole", "sqs:DeleteMessage"), "the message to be deleted", 60)


def a_silent_tab(stage: RelayStage) -> None:
    """It hears a pong that it did not ask for; each fifth time API Gateway is asked instead, here by itself."""
    with stage.connect("silent") as front_end:
        front_end.is_ready(PATIENCE_S)
        front_end.wait_for("pong", 60)
    role = roles(stage)["KeeperRole"]
    task = TaskCredentials(stage.aws, role)
    given = task.read()
    task.stop()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", given["AccessKeyId"])
        environment.setenv("AWS_SECRET_ACCESS_KEY", given["SecretAccessKey"])
        environment.setenv("AWS_SESSION_TOKEN", given["Token"])
        account = Account(REGION, EnvironmentCredentials())
        limits = CallLimits(connect_s=1, read_s=5, tries=3)
        assert not Visitors(VisitorConnections(account, stage.stack.info["connections_url"], limits)).lives("gone=")


ON_BOTH: Sequence[Callable[[Any], None]] = (
    a_visitor_with_too_many_tabs,
    nonsense,
    a_record_that_ran_out,
    a_visitor_who_leaves,
    a_queue_that_lost_a_message,
    a_silent_tab,
)


# --- v1


def bursts_of_all_kinds(stage: RelayStage) -> None:
    """Shown and ended, by a stop, by a tab that closes; CXone in trouble, its tokens revoked, its guest over."""
    with Actor(stage, "types") as actor:
        actor.key()
        actor.waits_for_post(True)
        actor.stop()
        actor.waits_for_post(False)
        actor.fault(calls=["typing"], error_rate=1)
        actor.key()
        actor.waits_for("typing", value=True)
        actor.calm()
        actor.settles()
        actor.looks_away()  # the `true` that was tried again is not the next key's
        actor.cxone.revoke_tokens()
        actor.key()
        actor.waits_for_post(True)
        actor.settles()
        actor.looks_away()
        actor.key(hold_ms=LONGEST_HOLD_MS)  # it is not over before the tab closes
        actor.waits_for_post(True)
        wait_until(lambda: stage.record("types").shown, "the record to know that it is shown")
    wait_until(lambda: _did(stage, "ConnectionRole", "states:StartExecution"), "the stop of a tab that closed")


def owners_that_died(stage: RelayStage) -> None:
    """The sweeper finds the one, the keeper the other."""
    with Actor(stage, "orphan") as actor:
        with stage.frozen_keeper():  # it looks each 3 s, and may be the first to find it
            _orphan(stage, actor.name)
            stage.sweep()
            wait_until(lambda: _did(stage, "SweeperRole", "states:StartExecution"), "the sweeper's start")
        actor.settles()
        _orphan(stage, actor.name)
        wait_until(lambda: _did(stage, "KeeperRole", "states:StartExecution"), "the keeper's start")
        actor.settles()


def a_token_that_runs_out(stage: RelayStage) -> None:
    """The keeper closes the tab when it has something to pass on."""
    with stage.connect("runs-out", life_s=3) as front_end:
        front_end.is_ready(PATIENCE_S)
        time.sleep(3 + LEEWAY_S)
        frame = {"eventType": "TYPING", "payload": {"typing": True}}
        stage.cxone().send_agent_frame(stage.record("runs-out").guest_id, frame)
        front_end.wait_for("error", PATIENCE_S, code="session_expired")


def a_guest_that_is_over(stage: RelayStage) -> None:
    """The sender is told so first, and asks for another one."""
    with Actor(stage, "over") as actor, stage.frozen_keeper():
        actor.cxone.expire_guest(actor.guest)
        actor.key()
        wait_until(lambda: _did(stage, "SenderRole", "sqs:SendMessage"), "the sender to ask for a guest")


def a_guest_without_typing(stage: RelayStage) -> None:
    """The sender says so to the visitor."""
    with Actor(stage, "no-typing") as actor:
        actor.fault(typing_unavailable=True)
        actor.key()
        actor.front_end.wait_for("error", PATIENCE_S, code="typing_unavailable")


ON_V1: Sequence[Callable[[Any], None]] = (
    bursts_of_all_kinds,
    owners_that_died,
    a_token_that_runs_out,
    a_guest_that_is_over,
    a_guest_without_typing,
)


# --- Digital-First


def a_conversation(stage: GatewayStage) -> None:
    """Messages, one of them sent again, and typing, and a tab that closes in the midst of it."""
    with Chatter(stage, "talks") as actor:
        actor.begins()
        message_id = actor.says("Hello")
        assert actor.is_told(message_id) == "accepted"
        actor.front_end.forget("message")
        actor.says("Hello", message_id)
        assert actor.is_told(message_id) == "accepted"
        actor.key()
        actor.waits_for("SenderTypingStarted")
        actor.front_end.close()
        wait_until(lambda: _did(stage, "ConnectionRole", "execute-api:ManageConnections", "/POST/"), "the nudge")


def a_message_for_a_token_that_ran_out(stage: GatewayStage) -> None:
    """The keeper closes the tab instead."""
    with Chatter(stage, "ran-out-meanwhile", life_s=3) as actor:
        actor.begins()
        time.sleep(3 + LEEWAY_S)
        actor.gateway.agent_says(actor.thread_id, "Are you there?")
        actor.front_end.wait_for("error", PATIENCE_S, code="session_expired")


def more_messages_than_may_wait(stage: GatewayStage) -> None:
    """While the keeper stands still; whether the next one is known is looked up."""
    with Chatter(stage, "writes-much") as actor, stage.frozen_keeper():
        for number in range(MOST_WAITING):
            _put_message(stage, actor.name, f"waiting-{number}", now_ms() + 60_000)
        assert actor.is_told(actor.says("one more")) == "too_many"


def work_that_nobody_did(stage: GatewayStage) -> None:
    """The sweeper gives a message up that nobody delivered, and nudges the keeper of an owner that died."""
    with Chatter(stage, "overdue") as actor:
        actor.begins()
        _orphan(stage, actor.name)
        stage.sweep()
        with stage.frozen_keeper():
            _put_message(stage, actor.name, "overdue", now_ms() - 60_000)
            stage.sweep()
        assert actor.is_told("overdue") == "expired"


ON_DFO: Sequence[Callable[[Any], None]] = (
    a_conversation,
    a_message_for_a_token_that_ran_out,
    more_messages_than_may_wait,
    work_that_nobody_did,
)


# --- by hand


def _did(stage: RelayStage, role: str, action: str, on: str = "") -> bool:
    name = roles(stage)[role]
    made = (call for call in noted(stage) if call.role == name and on in call.resource)
    return any(call.action in (action, f"{action}Batch") for call in made)  # here each has its own


def _delete_record(stage: RelayStage, visitor: str) -> None:
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.stack.info["table_name"], Key={"session_id": {"S": visitor}}
    )


def _orphan(stage: RelayStage, visitor: str) -> None:
    """The record says that an owner had it, whose lease ran out."""
    values = {":ended": {"N": str(now_ms() - 1000)}, ":shard": {"N": str(shard_of(visitor))}}
    _update_record(stage, visitor, "SET lease_until = :ended, sweep_shard = :shard", values)


def _update_record(stage: RelayStage, visitor: str, update: str, values: dict[str, Any]) -> None:
    stage.aws.client("dynamodb").update_item(
        TableName=stage.stack.info["table_name"],
        Key={"session_id": {"S": visitor}},
        UpdateExpression=update,
        ExpressionAttributeValues=values,
    )


def _put_message(stage: RelayStage, visitor: str, message_id: str, deadline: int) -> None:
    name = stage.stack.info["functions"]["Keystroke"]
    settings = stage.aws.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    store = DynamoMessages(stage.aws.client("dynamodb"), settings["MESSAGES_TABLE"])
    now = now_ms()
    store.put(visitor, SentMessage(message_id, "put by hand", now), now, deadline, now // 1000 + 3600)

"""`make block` and `make forget` on running stacks: one visitor is kept out, or nothing is kept of one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from local.commands.token import visitor_token
from local.stack.aws import CREDENTIALS, REGION
from local.stack.deploy import ROOT
from local.stack.stack import Stack
from tests.support.canary import found_in
from tests.support.gateway_stage import Chatter, GatewayStage
from tests.support.relay_stage import PATIENCE_S, RelayStage, wait_until

PIN = "my pin is 483107"


def made(command: str, stack: Stack, **given: str) -> tuple[int, str]:
    """The exit status, and what was printed."""
    settings = {"PORT": stack.info["console_url"].rsplit(":", 1)[1], **given}
    done = subprocess.run(
        [sys.executable, "-m", f"local.commands.{command}"],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def in_the_account(stack: Stack) -> dict[str, str]:
    """The same deployment by its name and the caller's credentials."""
    account = CREDENTIALS | {"AWS_ENDPOINT_URL": stack.info["aws_endpoint_url"], "AWS_DEFAULT_REGION": REGION}
    return {"STACK": stack.info["stack_name"], **account}


def answered(stage: RelayStage, visitor: str) -> int:
    """The HTTP status of a new handshake of this visitor, by a good token."""
    token = visitor_token(stage.aws, stage.stack.info["visitor_secret_arn"], visitor)
    try:
        with connect(f"{stage.stack.info['websocket_url']}?token={token}", open_timeout=PATIENCE_S):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def test_a_blocked_visitor_is_told_until_when_closed_and_refused_until_it_is_lifted(stage: RelayStage) -> None:
    """T18: and nobody else is."""
    blocked, other = stage.connect("blocked"), stage.connect("not-blocked")
    status, printed = made("block", stage.stack, SESSION="blocked", MINUTES="10")
    assert (status, "1 connection told so and closed" in printed) == (0, True), printed
    wait_until(lambda: any(frame.get("code") == "blocked" for frame in blocked.heard), "the frame that says so")
    [told] = [frame for frame in blocked.heard if frame.get("code") == "blocked"]
    assert 590_000 < told["retry_in_ms"] <= 600_000
    wait_until(lambda: not stage.record("blocked").connections, "the end of the connection")
    assert answered(stage, "blocked") == 403
    other.send({"action": "ping"})
    wait_until(lambda: any(frame["type"] == "pong" for frame in other.heard), "the other visitor's pong")
    made("block", stage.stack, SESSION="blocked", MINUTES="0", **in_the_account(stage.stack))
    assert answered(stage, "blocked") == 101


def test_a_frame_on_a_connection_that_was_missed_is_refused_and_the_connection_closed(stage: RelayStage) -> None:
    """T18: keys are not taken, in a condition that is evaluated anyway."""
    missed = stage.connect("missed")
    before = stage.record("missed")
    assert stage._sessions.block("missed", int(time.time()) + 600, int(time.time() * 1000)) is not None
    missed.send({"action": "keystroke"})
    wait_until(lambda: any(frame.get("code") == "blocked" for frame in missed.heard), "the frame that says so")
    wait_until(lambda: not stage.record("missed").connections, "the end of the connection")
    assert stage.record("missed").keys == before.keys


def test_of_a_forgotten_visitor_no_record_is_left_and_no_guest(stage: RelayStage) -> None:
    """T4: what was shown has ended before."""
    forgotten = stage.connect("forgotten")
    assert stage.record("forgotten").guest_status == "closed"  # a handshake alone creates none (T18)
    forgotten.send({"action": "hello"})
    wait_until(lambda: stage.record("forgotten").guest_status == "open", "the guest")
    guest = stage.record("forgotten").guest_id
    forgotten.send({"action": "keystroke"})
    wait_until(lambda: stage.record("forgotten").shown, "typing")
    status, printed = made("forget", stage.stack, SESSION="forgotten")
    assert (status, "no agent sees any" in printed, "What remains" in printed) == (0, True, True), printed
    assert not stage.is_recorded("forgotten")
    cxone = stage.cxone()
    wait_until(lambda: not cxone.guest(guest)["sockets"], "the socket's end", 60)
    assert answered(stage, "forgotten") == 101  # as a new visitor


def test_of_a_forgotten_visitors_messages_none_is_left(dfo_stage: GatewayStage) -> None:
    """Nor of a word of them, in any table; a block stays."""
    with Chatter(dfo_stage, "forgets-messages") as actor:
        actor.begins(PIN)
        made("block", dfo_stage.stack, SESSION=actor.name, MINUTES="10")
        status, printed = made("forget", dfo_stage.stack, SESSION=actor.name)
        assert (status, "1 deleted, 0 of them not delivered" in printed) == (0, True), printed
        kept = str(everything(dfo_stage))
        assert (found_in(kept, PIN, (actor.name,)), "thread" in str(dfo_stage.record(actor.name).conversation)) == (
            [],
            False,
        )
        assert answered(dfo_stage, actor.name) == 403
        made("block", dfo_stage.stack, SESSION=actor.name, MINUTES="0")


def everything(stage: RelayStage) -> list[Any]:
    """All items of all tables."""
    dynamodb = stage.aws.client("dynamodb")
    return [dynamodb.scan(TableName=name)["Items"] for name in dynamodb.list_tables()["TableNames"]]


@pytest.mark.parametrize(
    ("command", "given", "says"),
    [
        ("block", {"SESSION": "alice", "MINUTES": "soon"}, "MINUTES must be a whole number"),
        ("block", {"SESSION": "two words", "MINUTES": "5"}, "SESSION must be"),
        ("forget", {}, "SESSION must be"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(stack: Stack, command: str, given: dict[str, str], says: str) -> None:
    status, printed = made(command, stack, **given)
    assert (status, says in printed, f"make {command} SESSION=alice" in printed) == (2, True, True)

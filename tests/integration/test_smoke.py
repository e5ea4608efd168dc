"""`make smoke` on the running stack: it passes there, and says what is wrong when something is."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest

from local.cxone_simulator.client import SimulatorControl
from local.stack.aws import CREDENTIALS, REGION
from local.stack.deploy import ROOT
from local.stack.processes import free_port
from local.stack.stack import Stack
from tests.support.gateway_stage import GatewayStage

STEPS = ["handshake", "forged token", "welcome", "guest", "ping", "burst", "bad frame", "stop", "CXone"]
FORGED = jwt.encode({"sub": "mallory"}, "a secret that the deployment does not know", algorithm="HS256")


def smoke(stack: Stack, **given: str) -> tuple[int, str]:
    """The exit status, and what was printed; never a token."""
    settings = {"PORT": stack.info["console_url"].rsplit(":", 1)[1], **given}
    done = subprocess.run(
        [sys.executable, "-m", "local.commands.smoke"],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "eyJ" not in done.stdout + done.stderr  # with which every token begins
    return done.returncode, done.stdout + done.stderr


def line_of(printed: str, step: str) -> str:
    """The line about this step, with the places it names."""
    found = re.search(rf"^  . {step} .*(\n +look at: .*)*", printed, re.MULTILINE)
    assert found, printed
    return found[0]


@contextmanager
def faults(stack: Stack, calls: list[str], **common: Any) -> Iterator[None]:
    """These faults for these calls of everybody, while the block lasts."""
    cxone = SimulatorControl(stack.info["cxone_base_url"])
    before = cxone.faults()
    cxone.set_faults(calls=calls, **common)
    try:
        yield
    finally:
        cxone.set_faults(**{name: before[name] for name in ("calls", *common)})
        cxone.close()


def test_on_a_stack_that_works_every_step_is_well(stack: Stack) -> None:
    status, printed = smoke(stack)
    assert [step for step in STEPS if line_of(printed, step).startswith("  ✓")] == STEPS, printed
    assert "It works." in printed
    assert status == 0


def test_a_deployment_is_looked_at_by_its_name_and_the_callers_credentials(stack: Stack) -> None:
    """With a URL only because the emulator is not where a stack's own output says."""
    account = CREDENTIALS | {"AWS_ENDPOINT_URL": stack.info["aws_endpoint_url"], "AWS_DEFAULT_REGION": REGION}
    status, printed = smoke(stack, STACK=stack.info["stack_name"], URL=stack.info["websocket_url"], **account)
    assert "true " in line_of(printed, "CXone"), printed
    assert status == 0


def test_on_digital_first_every_step_is_well_and_the_agent_sees_the_typing(dfo_stage: GatewayStage) -> None:
    """What CXone was told is read from the keeper's log, once a message has opened a contact."""
    status, printed = smoke(dfo_stage.stack)
    steps = [*STEPS[:4], "contact", *STEPS[4:]]
    assert [step for step in steps if line_of(printed, step).startswith("  ✓")] == steps, printed
    assert re.search(r"true \d\.\d s after the first key, false \d\.\d s after the stop", line_of(printed, "CXone"))
    assert status == 0


def test_on_digital_first_without_a_contact_nothing_is_wrong_and_nobody_is_told(dfo_stage: GatewayStage) -> None:
    status, printed = smoke(dfo_stage.stack, CONTACTS="0")
    assert line_of(printed, "contact").startswith("  –")
    assert "CONTACTS=1" in line_of(printed, "contact")
    assert line_of(printed, "CXone").startswith("  –")
    assert "It works. 2 steps were not looked at." in printed
    assert status == 0


def test_a_wrong_token_is_told_with_where_its_reason_is_logged(stack: Stack) -> None:
    status, printed = smoke(stack, TOKEN=FORGED)
    assert "✗" in line_of(printed, "handshake")
    assert "refused (403)" in line_of(printed, "handshake")
    assert "/aws/lambda/typing-relay-authorizer" in line_of(printed, "handshake")
    assert "– the rest" in printed
    assert status == 1


def test_that_nobody_listens_is_told(stack: Stack) -> None:
    status, printed = smoke(stack, URL=f"ws://127.0.0.1:{free_port()}/live", TOKEN=FORGED)
    assert "nobody answers there (ConnectionRefusedError)" in line_of(printed, "handshake")
    assert status == 1


def test_that_cxone_refuses_is_told_with_its_alarm(stack: Stack) -> None:
    with faults(stack, ["typing"], throttle={"rate": 1, "retry_after": "1"}):
        status, printed = smoke(stack)
    assert "✗" in line_of(printed, "CXone")
    assert "true was not taken" in line_of(printed, "CXone")
    assert "throttled" in line_of(printed, "CXone")
    assert "CxoneThrottles" in line_of(printed, "CXone")
    assert "✓" in line_of(printed, "burst")
    assert status == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [({"hang_rate": 1}, "not open after 4 s (opening)"), ({"scope_missing": True}, "CXone gives no guest")],
)
def test_that_the_guest_never_opens_is_told_with_the_keepers_log(
    stack: Stack, fault: dict[str, Any], told: str
) -> None:
    with faults(stack, ["guest"], **fault):
        status, printed = smoke(stack, GUEST_SECONDS="4")
    assert told in line_of(printed, "guest"), printed
    assert "/ecs/typing-relay-guest-keeper" in line_of(printed, "guest")
    assert line_of(printed, "CXone").startswith("  –")
    assert status == 1

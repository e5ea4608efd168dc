"""`make load` on the running stack: what its table says, and that a signal closes every connection."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from local.console.records import Record, read_records
from local.load.tally import CONNECT, ENDED, GUEST, MESSAGE, PING, SHOWN, WELCOME
from local.stack.deploy import ROOT
from local.stack.processes import free_port
from local.stack.stack import Stack
from tests.support.gateway_stage import GatewayStage

VISITORS = 4
PATIENCE_S = 30.0


def load(stack: Stack, **given: str) -> subprocess.Popen[str]:
    """It runs, and the visitors of any other are gone."""
    wait_until(lambda: connections(stack) == 0)
    settings = {"PORT": stack.info["console_url"].rsplit(":", 1)[1], "VISITORS": str(VISITORS), "MINUTES": "0.2"}
    return subprocess.Popen(
        [sys.executable, "-m", "local.commands.load"],
        cwd=ROOT,
        env=os.environ | settings | given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit status, and what was printed; never a token."""
    printed, _ = process.communicate(timeout=90)
    assert "eyJ" not in printed  # with which every token begins
    return process.returncode, printed


def counts(printed: str) -> dict[str, int]:
    """How many values each line of lags is made of."""
    return {name: int(count) for name, count in re.findall(r"^  (\S.*?) {2,}[\d, ]+ (\d+)$", printed, re.MULTILINE)}


def connections(stack: Stack) -> int:
    """Of any load's visitors, known to the relay."""
    return sum(record["connections"] for record in records(stack))


def have_typed(stack: Stack) -> int:
    """How many of the visitors who are here have begun a burst."""
    return sum(record["connections"] > 0 and record.get("generation", 0) > 0 for record in records(stack))


def records(stack: Stack) -> list[Record]:
    """Of any load's visitors."""
    found = read_records(stack.aws.client("dynamodb"), stack.info["table_name"])
    return [record for session, record in found.items() if session.startswith("load-")]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_load_says_what_visitors_felt_and_agents_saw(stack: Stack) -> None:
    status, printed = ended(load(stack))
    measured = counts(printed)
    assert [measured.get(name) for name in (CONNECT, WELCOME, GUEST, PING)] == [VISITORS] * 4, printed
    assert measured[SHOWN] >= VISITORS
    assert measured[ENDED] >= VISITORS
    assert re.search(r"errors +none", printed)
    assert re.search(r"left on: 0", printed)
    assert status == 0


def test_on_digital_first_each_opens_a_contact_first(dfo_stage: GatewayStage) -> None:
    dfo_stage.gateway().set_faults()  # the stage is others' too
    dfo_stage.gateway().set_settings(availability="online", oldest_sdk_version="0.0.0")
    status, printed = ended(load(dfo_stage.stack))
    measured = counts(printed)
    assert measured.get(MESSAGE) == VISITORS, printed
    assert measured[SHOWN] >= VISITORS
    assert status == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_all_connections_and_still_says_what_came_of_it(stack: Stack, number: signal.Signals) -> None:
    process = load(stack, MINUTES="5")
    wait_until(lambda: have_typed(stack) == VISITORS)
    process.send_signal(number)
    status, printed = ended(process)
    assert "all connections are closed" in printed
    assert counts(printed)[CONNECT] == VISITORS
    assert status == 128 + number
    wait_until(lambda: connections(stack) == 0)


def test_where_nobody_is_let_in_all_is_over_soon(stack: Stack) -> None:
    """The others do not even knock."""
    status, printed = ended(
        load(stack, URL=f"ws://127.0.0.1:{free_port()}/live", VISITORS="50", A_SECOND="100", **_account(stack))
    )
    assert "20 handshakes in a row failed" in printed
    assert "handshake failed (ClientConnectorError)" in printed
    assert status == 1


def test_a_visitor_who_is_dropped_is_an_error_of_its_own(stack: Stack) -> None:
    process = load(stack, VISITORS="1", MINUTES="1")
    wait_until(lambda: have_typed(stack) == 1)
    close_all(stack)
    status, printed = ended(process)
    assert "closed by the other side" in printed
    assert status == 1


def close_all(stack: Stack) -> None:
    """API Gateway closes the load's connections, as after two hours."""
    items = stack.aws.client("dynamodb").scan(TableName=stack.info["table_name"])["Items"]
    management = stack.aws.connections(stack.info["connections_url"])
    for item in items:
        if item["session_id"]["S"].startswith("load-"):
            for connection in item.get("connections", {}).get("SS", ()):
                with suppress(management.exceptions.GoneException):
                    management.delete_connection(ConnectionId=connection)


def _account(stack: Stack) -> dict[str, str]:
    """Where the visitor secret is."""
    return {
        "VISITOR_SECRET_ARN": stack.info["visitor_secret_arn"],
        "AWS_ENDPOINT_URL": stack.aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }

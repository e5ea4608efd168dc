"""The template's defaults, and what docs/operations.md says of them and of going live."""

from __future__ import annotations

import re

import pytest

from local.deploying.account_rules import FOR_A_THOUSAND
from tests.support.template import PARAMETERS, ROOT

OPERATIONS = (ROOT / "docs/operations.md").read_text()
#: Rows that begin with one parameter and its default as a number.
SAID = re.findall(r"^\| `(\w+)` \| (\d+) \|", OPERATIONS, re.MULTILINE)
TYPING, CONNECTED = 1_000, 20_000  # whom the table is for, as its head says


def number(text: str) -> int:
    return int(text.replace(",", ""))


def needed(quota: str) -> str:
    """What the go-live table says is needed of a quota."""
    [cell] = re.findall(rf"^\| {re.escape(quota)} \| [^|]* \| ([^|]*) \|$", OPERATIONS, re.MULTILINE)
    return str(cell)


@pytest.mark.parametrize(("name", "default"), SAID)
def test_the_docs_name_the_default_of_the_template(name: str, default: str) -> None:
    assert PARAMETERS[name]["Default"] == int(default)


def test_the_table_is_for_the_crowd_that_these_tests_are_for() -> None:
    assert f"needed for {TYPING:,} people typing, {CONNECTED:,} connected" in OPERATIONS


def test_connections_come_as_fast_as_going_live_asks_for() -> None:
    asked = needed("API Gateway, new WebSocket connections a second")
    rate, clients, seconds = map(number, re.match(r"([\d,]+): .* ([\d,]+) clients are back in (\d+) s", asked).groups())  # type: ignore[union-attr]
    assert PARAMETERS["ConnectRateLimit"]["Default"] == rate
    assert (clients, clients / rate) == (CONNECTED, seconds)
    assert "ConnectRateLimit" in dict(SAID)


def test_a_route_lets_through_the_frames_that_are_counted() -> None:
    [row] = re.findall(r"^\| frames a second \| ([\d,]+) \| ([\d,]+) \| [\d,]+ \|$", OPERATIONS, re.MULTILINE)
    assert PARAMETERS["MessageRateLimit"]["Default"] >= max(map(number, row))
    assert "MessageRateLimit" in dict(SAID)


def test_keepers_may_hold_all_who_are_connected() -> None:
    assert PARAMETERS["KeeperMaxTasks"]["Default"] * PARAMETERS["KeeperMaxGuests"]["Default"] >= CONNECTED


def test_preflight_asks_for_the_concurrency_that_going_live_asks_for() -> None:
    assert number(needed("Lambda, concurrent executions")) == FOR_A_THOUSAND

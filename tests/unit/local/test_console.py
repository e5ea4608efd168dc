"""The console's parts that need no server: what it shows of a record, what it follows, what its switches set."""

import json
import os

import pytest

from local.console.faults import BLOWS, SWITCHES
from local.console.records import changed_records, to_record
from local.console.stack import read_stack
from local.cxone_simulator.faults import FaultPlan

ITEM = {
    "session_id": {"S": "alice"},
    "connections": {"SS": ["c1", "c2"]},
    "typing": {"BOOL": True},
    "generation": {"N": "3"},
    "guest_id": {"S": "guest-1"},
    "web_socket_url": {"S": "wss://cxone/socket?secret=s"},
    "keys": {"M": {"c1": {"N": "1"}}},
}
STACK = {
    "websocket_url": "ws://127.0.0.1:1/live",
    "cxone_base_url": "http://127.0.0.1:2",
    "cxone_control_url": "http://127.0.0.1:2/_control",
    "aws_endpoint_url": "http://127.0.0.1:3",
    "table_name": "sessions",
    "visitor_secret_arn": "arn:secret",
    "keeper_pids": [4],
    "logs": "elsewhere",
}


def test_a_record_is_shown_with_plain_numbers_and_the_count_of_its_connections():
    """DynamoDB's numbers are decimals; the page wants JSON."""
    record = to_record(ITEM)
    assert json.loads(json.dumps(record)) == {
        "session": "alice",
        "connections": 2,
        "typing": True,
        "generation": 3,
        "guest_id": "guest-1",
    }


def test_the_guests_secret_url_is_not_shown():
    """T13."""
    assert "secret" not in json.dumps(to_record(ITEM))


def test_only_records_that_are_new_or_differ_are_told():
    """A page is not sent what it knows."""
    alice, bob, carol = ({"session": name, "typing": False} for name in ("alice", "bob", "carol"))
    before = {"alice": alice, "bob": bob}
    after = {"alice": alice, "bob": {**bob, "typing": True}, "carol": carol}
    assert changed_records(before, after) == [{**bob, "typing": True}, carol]


def test_a_running_stack_is_read_from_its_file(tmp_path):
    """Keys that the console does not use do not disturb."""
    file = tmp_path / "stack.json"
    file.write_text(json.dumps(STACK | {"pid": os.getpid()}))
    stack = read_stack(file)
    assert stack is not None
    assert stack.keeper_pids == (4,)


@pytest.mark.parametrize(
    "content",
    [None, "{", "{}", json.dumps(STACK | {"pid": 2**22 + 1})],
    ids=["no file", "half a file", "nothing in it", "its process is gone"],
)
def test_without_a_living_stack_there_is_none(tmp_path, content):
    """The page then says that the stack is stopped."""
    file = tmp_path / "stack.json"
    if content is not None:
        file.write_text(content)
    assert read_stack(file) is None


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_a_switch_sets_and_unsets_what_the_simulator_understands(switch):
    """The simulator refuses settings it does not know."""
    plan = FaultPlan()
    assert not switch.is_on(plan.as_json())
    plan = plan.changed(switch.on)
    assert switch.is_on(plan.as_json())
    plan = plan.changed(switch.off)
    assert plan == FaultPlan()


def test_no_two_faults_share_a_name():
    """Names are what the page calls them by."""
    names = [fault.name for fault in (*SWITCHES, *BLOWS)]
    assert len(set(names)) == len(names)

"""The console's parts that need no server: what it shows of a record, what it follows, what its switches set."""

import json
import os

import pytest

from local.console.desk import gateway_call
from local.console.faults import GATEWAY, NO_SIMULATOR, WEBCHAT
from local.console.gateway_events import Threads, as_console_events, changes_threads
from local.console.records import changed_records, to_record
from local.console.stack import read_stack
from local.cxone_simulator.faults import FaultPlan
from local.dfo_simulator.faults import parse_faults

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
    "platform": "v1",
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


@pytest.mark.parametrize("switch", WEBCHAT.switches, ids=lambda switch: switch.name)
def test_a_switch_sets_and_unsets_what_the_simulator_understands(switch):
    """The simulator refuses settings it does not know."""
    plan = FaultPlan()
    assert not switch.is_on(plan.as_json())
    plan = plan.changed(switch.change(plan.as_json(), True))
    assert switch.is_on(plan.as_json())
    plan = plan.changed(switch.change(plan.as_json(), False))
    assert plan == FaultPlan()


@pytest.mark.parametrize("switch", GATEWAY.switches, ids=lambda switch: switch.name)
def test_a_gateways_switch_adds_its_fault_to_those_that_are_on_and_takes_it_away_again(switch):
    """The gateway's simulator takes and shows all of them as one list."""
    others = [fault.as_json() for fault in parse_faults([{"on": "authorize", "do": "slow"}])]
    assert not switch.is_on(others)
    on = [fault.as_json() for fault in parse_faults(switch.change(others, True)["faults"])]
    assert switch.is_on(json.loads(json.dumps(on)))
    assert switch.change(json.loads(json.dumps(on)), False) == {"faults": others}


@pytest.mark.parametrize("panel", [WEBCHAT, GATEWAY, NO_SIMULATOR], ids=["v1", "dfo", "none"])
def test_no_two_faults_share_a_name(panel):
    """Names are what the page calls them by."""
    names = [fault.name for fault in (*panel.switches, *panel.one_shots)]
    assert len(set(names)) == len(names)


def frame(event_type: str, **fields) -> dict:
    event = {"kind": "frame", "at": 5.0, "visitor_id": "v", "thread_id": "t", "event_type": event_type, "event_id": "e"}
    return event | {"accepted": True, "fault": None} | fields


def test_typing_on_a_gateways_socket_is_told_as_v1s_calls_are():
    """So the page counts and draws both alike."""
    taken, refused = frame("SenderTypingStarted", value=True), frame("SenderTypingEnded", value=False, accepted=False)
    told = list(as_console_events([taken, refused]))
    assert [(event["kind"], event["guest_id"], event["value"], event["status"]) for event in told] == [
        ("typing", "v", True, "taken"),
        ("typing", "v", False, "refused"),
    ]


def test_what_tells_the_page_nothing_is_left_out():
    """Answers are many, and each is known by its request."""
    push = {"kind": "push", "at": 1.0, "visitor_id": "v", "event_type": "answer", "fault": None}
    assert list(as_console_events([push, {"kind": "channel", "at": 2.0, "status": 200}])) == []


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (frame("SendMessage"), True),
        (frame("SenderTypingStarted", value=True), False),
        ({"kind": "agent", "what": "close-contact"}, True),
        ({"kind": "agent", "what": "typing"}, False),
        ({"kind": "push"}, False),
    ],
)
def test_threads_are_looked_at_again_when_they_may_have_changed(event, changes):
    """Typing changes nothing that is read there."""
    assert changes_threads(event) is changes


def thread(*messages: str, status: str = "new", agent: dict | None = None, thread_id: str = "t") -> dict:
    file = {"url": "https://files.example/1", "friendlyName": "a.png", "mimeType": "image/png"}
    inbound = {"direction": "inbound", "created_at": 3.0, "attachments": [file]}
    contents = [{"id_on_external_platform": text, "content": {"text": text}, **inbound} for text in messages]
    contact = {"id": "1", "status": status, "fields": {"plan": "gold"}}
    known = {"thread_id": thread_id, "visitor_id": "v", "customer_name": "Ada Lovelace"}
    return known | {"contact": contact, "agent": agent, "messages": contents}


def test_of_threads_only_what_is_new_is_told():
    """Messages once each, a contact when it changes."""
    threads = Threads()
    first = threads.news([thread("one")], 9.0)
    assert [(event["kind"], event.get("text"), event.get("contact")) for event in first] == [
        ("visitor_message", "one", None),
        ("thread", None, "new"),
    ]
    assert first[0]["attachments"] == [{"url": "https://files.example/1", "name": "a.png"}]
    assert (first[1]["customer"], first[1]["fields"]) == ("Ada Lovelace", {"plan": "gold"})
    assert [event["text"] for event in threads.news([thread("one", "two")], 9.0)] == ["two"]
    assert [event["contact"] for event in threads.news([thread("one", "two", status="closed")], 9.0)] == ["closed"]
    assert threads.news([thread("one", "two", status="closed")], 9.0) == []


def test_an_agents_act_is_about_the_newest_thread():
    """A livechat that begins anew has another thread."""
    threads = Threads()
    assert threads.newest_of("v") is None
    threads.news([thread("one", status="closed"), thread("two", thread_id="t2")], 9.0)
    assert threads.newest_of("v") == "t2"


@pytest.mark.parametrize("frame", [None, {}, {"type": "message"}, {"type": "agent-typing", "typing": "yes"}])
def test_what_no_agent_does_is_no_call(frame):
    """The page is told so."""
    threads = Threads()
    threads.news([thread("one")], 9.0)
    with pytest.raises(ValueError, match="frame: expected"):
        gateway_call(threads, "v", frame)


def test_an_agent_cannot_act_for_a_visitor_without_a_contact():
    """It begins with a message."""
    with pytest.raises(ValueError, match="no contact"):
        gateway_call(Threads(), "v", {"type": "accept"})

"""The console's server on the real simulator: who may call it, and what it answers."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from local.cxone_simulator.client import SimulatorControl, running_simulator

ROOT = Path(__file__).parents[2]
READY = "console ready "
NOWHERE = "http://127.0.0.1:9"  # discard: nothing listens


@dataclass(frozen=True)
class Console:
    """A running console on a stack of which only the simulator is there."""

    url: str
    simulator: SimulatorControl

    def request(self, method: str, path: str, **options) -> requests.Response:
        return requests.request(method, f"{self.url}{path}", timeout=10, **options)

    def feed(self, seen: str = "", **options):
        return connect(f"{self.url.replace('http', 'ws')}/api/feed?seen={seen}", **options)


@pytest.fixture(scope="module")
def console(tmp_path_factory) -> Iterator[Console]:
    file = tmp_path_factory.mktemp("console") / "stack.json"
    with running_simulator() as simulator:
        file.write_text(json.dumps(stack_of(simulator.base_url)))
        command = [sys.executable, "-m", "local.console", "--port", "0", "--stack", str(file)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix(READY).strip()
        yield Console(url, simulator)
        process.terminate()
        assert process.wait(10) == 0


def stack_of(simulator_url: str) -> dict:
    return {
        "pid": os.getpid(),
        "platform": "v1",
        "keeper_pids": [],
        "websocket_url": "ws://127.0.0.1:9/live",
        "cxone_base_url": simulator_url,
        "cxone_control_url": f"{simulator_url}/_control",
        "aws_endpoint_url": NOWHERE,
        "table_name": "sessions",
        "visitor_secret_arn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:visitor",
    }


def next_event(feed, kind: str) -> dict:
    """The next event of this kind; the feed's timeout ends the wait."""
    while True:
        for event in json.loads(feed.recv(timeout=10))["events"]:
            if event["kind"] == kind:
                return event


@pytest.mark.parametrize(
    "path", ["/", "/visitor", "/typing-relay.js", "/files.js", "/console/console.css", "/traces.jsonl"]
)
def test_the_page_and_its_files_are_served(console, path):
    """Everything comes from here: no CDN."""
    assert console.request("GET", path).status_code == 200


def test_the_page_loads_nothing_from_elsewhere(console):
    """The policy forbids it, and nothing asks for it."""
    policy = console.request("GET", "/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    for file in (ROOT / "web/console").iterdir():
        assert not re.search(r"(src|href|import)\W+https?://", file.read_text())


def test_a_page_under_another_name_is_refused(console):
    """DNS rebinding: the name is another site's, the address is ours."""
    answer = console.request("GET", "/api/token?visitor=alice", headers={"Host": "evil.example:80"})
    assert answer.status_code == 403


def test_another_sites_form_cannot_break_the_stack(console):
    """The browser says where a call comes from."""
    answer = console.request("POST", "/api/faults/kill", json={}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_another_site_cannot_read_the_feed(console):
    """WebSockets know no same-origin rule: the server has to."""
    with pytest.raises(InvalidStatus, match="403"), console.feed(origin="https://evil.example"):
        pass


def test_a_page_of_this_machine_may_ask_for_a_token_and_for_nothing_else(console):
    """A developer's own page is on another port."""
    own = {"Origin": "http://localhost:5173"}
    answer = console.request("GET", "/api/token?visitor=a/b", headers=own)
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert console.request("POST", "/api/faults/kill", json={}, headers=own).status_code == 403


def test_a_page_of_another_site_gets_no_token(console):
    answer = console.request("GET", "/api/token?visitor=alice", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, "Access-Control-Allow-Origin" in answer.headers) == (403, False)


@pytest.mark.parametrize("visitor", ["", "a" * 65, "a/b", "ä"])
def test_a_visitor_without_a_plain_name_gets_no_token(console, visitor):
    """And is told what a name may hold."""
    answer = console.request("GET", "/api/token", params={"visitor": visitor})
    assert answer.status_code == 400
    assert "letters" in answer.json()["error"]


def test_without_an_emulator_there_is_no_token_but_a_reason(console):
    """A stack on its way up or down."""
    answer = console.request("GET", "/api/token?visitor=alice")
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["error"]


def test_a_feed_begins_with_the_state_of_the_stack(console):
    """A page knows at once whether there is one."""
    with console.feed() as feed:
        event = json.loads(feed.recv(timeout=10))["events"][0]
    assert (event["kind"], event["running"], event["simulator"]) == ("stack", True, True)


def test_the_simulators_events_come_through_the_feed(console):
    """With their own time and fields."""
    with console.feed() as feed:
        console.simulator.revoke_tokens()
        while (event := next_event(feed, "fault"))["what"] != "revoke-tokens":
            pass
    assert event["at"] > 0


def test_a_page_that_comes_back_is_told_only_what_it_has_not_seen(console):
    """It says what it has seen."""
    with console.feed() as feed:
        console.request("POST", "/api/messages", json={"session": "alice", "text": "one"})
        next_event(feed, "visitor_message")
    with console.feed() as feed:
        message = json.loads(feed.recv(timeout=10))
    console.request("POST", "/api/messages", json={"session": "alice", "text": "two"})
    with console.feed(seen=f"{message['run']}:{message['last']}") as feed:
        assert next_event(feed, "visitor_message")["text"] == "two"


def test_a_switch_changes_the_simulator_and_is_shown_as_on(console):
    """And off again."""
    assert console.request("PUT", "/api/faults/slow", json={"on": True}).json() == {"name": "slow", "on": True}
    assert console.simulator.faults()["latency_ms"] == 1500
    switches = {switch["name"]: switch["on"] for switch in console.request("GET", "/api/faults").json()["switches"]}
    assert switches["slow"]
    console.request("PUT", "/api/faults/slow", json={"on": False})
    assert console.simulator.faults()["latency_ms"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/api/faults/slow", {"on": "yes"}, 400),
        ("PUT", "/api/faults/nothing", {"on": True}, 400),
        ("POST", "/api/faults/nothing", {}, 404),
        ("POST", "/api/faults/expire", {}, 400),
        ("POST", "/api/faults/expire", {"guest_id": "nobody"}, 400),
        ("POST", "/api/faults/kill", {}, 409),
        ("POST", "/api/agent", {"guest_id": "nobody", "frame": {}}, 400),
        ("POST", "/api/messages", {"session": "alice", "text": ""}, 400),
        ("POST", "/api/messages", {"session": "alice", "text": "x" * 2001}, 400),
        ("POST", "/api/messages", {"session": "a b", "text": "hello"}, 400),
        ("POST", "/api/messages", ["alice"], 400),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_with_a_reason(console, method, path, body, status):
    """The page shows the reason."""
    answer = console.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_taken_port_is_named(console):
    """With what to do about it."""
    port = console.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "local.console", "--port", port]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert run.returncode == 1
    assert f"port {port} is taken" in run.stderr

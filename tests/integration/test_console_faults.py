"""Each fault of the console does what its card says, and nothing else; switched off, it is over.

A check is found by the card's text: whoever changes the text must look at the check.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from local.console.faults import GATEWAY, WEBCHAT
from local.cxone_simulator.client import SimulatorControl, running_simulator
from local.dfo_simulator.client import DfoControl, running_gateway
from local.simulating.client import ROOT
from tests.integration.test_cxone_simulator import Guest, bearer, handshake_status, new_guest, post_guest, post_token
from tests.support.dfo_client import DfoClient

NOWHERE = "http://127.0.0.1:9"  # discard: nothing listens
SLOW_S = 1.5
SOON_S = 1.0


@dataclass(frozen=True)
class Stage:
    """A console on a stack of which only the simulator and a process that stands for the keeper are there."""

    url: str
    simulator: Any
    keeper: subprocess.Popen[bytes]

    def switch(self, name: str, on: bool) -> None:
        """As the page's switch does."""
        answer = requests.put(f"{self.url}/api/faults/{name}", json={"on": on}, timeout=10)
        assert answer.json()["on"] is on

    def trigger(self, name: str, guest_id: str | None = None) -> None:
        """As the page's button does."""
        requests.post(f"{self.url}/api/faults/{name}", json={"guest_id": guest_id}, timeout=10).raise_for_status()


def _stage(simulator: Any, control_url: str, platform: str, file: Path) -> Iterator[Stage]:
    keeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    stack = {
        "pid": os.getpid(),
        "platform": platform,
        "keeper_pids": [keeper.pid],
        "websocket_url": "ws://127.0.0.1:9/live",
        "cxone_base_url": NOWHERE,
        "cxone_control_url": control_url,
        "aws_endpoint_url": NOWHERE,
        "table_name": "sessions",
        "visitor_secret_arn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:visitor",
    }
    file.write_text(json.dumps(stack))
    command = [sys.executable, "-m", "local.console", "--port", "0", "--stack", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as console:
        assert console.stdout is not None
        yield Stage(console.stdout.readline().removeprefix("console ready ").strip(), simulator, keeper)
        console.terminate()
    keeper.kill()
    keeper.wait()


@pytest.fixture(scope="module")
def webchat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_simulator() as simulator:
        file = tmp_path_factory.mktemp("v1") / "stack.json"
        yield from _stage(simulator, f"{simulator.base_url}/_control", "v1", file)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_gateway() as simulator:
        simulator.set_settings(message_sent_events=False)
        file = tmp_path_factory.mktemp("dfo") / "stack.json"
        yield from _stage(simulator, f"{simulator.base_url}/_control", "dfo", file)


# --- what to look at


def calls(simulator: SimulatorControl, guest: Guest) -> list[Callable[[], requests.Response]]:
    """A call of each kind, but for the token's."""
    return [
        lambda: post_guest(simulator, guest.headers, {"attributes": {"source": "test"}}),
        lambda: guest.post_typing(True),
        guest.read_typing,
    ]


def is_reset(connection: websocket.WebSocket) -> bool:
    try:
        while True:
            connection.recv()
    except websocket.WebSocketTimeoutException:
        return False
    except (ConnectionResetError, websocket.WebSocketConnectionClosedException):
        return True


def seconds(act: Callable[[], object]) -> float:
    begun = time.monotonic()
    act()
    return time.monotonic() - begun


# --- webchat v1


def throttled(stage: Stage, guest: Guest) -> None:
    stage.switch("storm", True)
    for call in calls(stage.simulator, guest):
        answer = call()
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    assert post_token(stage.simulator).status_code == 200


def slow(stage: Stage, guest: Guest) -> None:
    stage.switch("slow", True)
    for call in calls(stage.simulator, guest):
        assert SLOW_S <= seconds(call) < SLOW_S + SOON_S
    assert seconds(lambda: post_token(stage.simulator)) < SLOW_S


def resets(stage: Stage, guest: Guest) -> None:
    stage.switch("reset", True)
    for call in calls(stage.simulator, guest):
        with pytest.raises(requests.ConnectionError):
            call()
    assert stage.simulator.guest(guest.guest_id)["typing"] is False
    assert post_token(stage.simulator).status_code == 200


def refused(stage: Stage, guest: Guest) -> None:
    before = guest.connect()
    stage.switch("refuse", True)
    assert handshake_status(guest.socket_url) == 503
    before.ping()
    assert before.recv_frame().opcode == websocket.ABNF.OPCODE_PONG
    before.shutdown()


def no_endpoint(stage: Stage, guest: Guest) -> None:
    stage.switch("unavailable", True)
    created, posted, read = (call().status_code for call in calls(stage.simulator, guest))
    assert (created, posted, read) == (201, 404, 404)


def revoked(stage: Stage, guest: Guest) -> None:
    stage.trigger("revoke")
    assert [call().status_code for call in calls(stage.simulator, guest)] == [401, 401, 401]
    new_guest(stage.simulator).post_typing(True).raise_for_status()


def expired(stage: Stage, guest: Guest) -> None:
    other = new_guest(stage.simulator)
    connection = guest.connect()
    stage.trigger("expire", guest.guest_id)
    assert guest.post_typing(True).status_code == 403
    assert connection.recv_frame().opcode == websocket.ABNF.OPCODE_CLOSE
    other.post_typing(True).raise_for_status()


def dropped(stage: Stage, guest: Guest) -> None:
    connections = [guest.connect(), new_guest(stage.simulator).connect()]
    stage.trigger("drop")
    assert [is_reset(connection) for connection in connections] == [True, True]
    guest.connect().shutdown()


def killed(stage: Stage, _: object) -> None:
    assert stage.keeper.poll() is None
    stage.trigger("kill")
    assert stage.keeper.wait(5) == -9


# --- Digital-First


def said(client: DfoClient) -> list[dict[str, Any]]:
    """The answers to typing and a message."""
    return [client.ask(client.frame(kind, client.thread)) for kind in ("SenderTypingStarted", "SenderTypingEnded")] + [
        client.ask(client.message())
    ]


def errors(stage: Stage, client: DfoClient) -> None:
    stage.switch("errors", True)
    assert all("error" in answer for answer in said(client))
    client.send({"action": "heartbeat"})
    assert client.hear() == "pong"


def slow_frames(stage: Stage, client: DfoClient) -> None:
    stage.switch("slow", True)
    assert SLOW_S <= seconds(lambda: client.ask(client.message())) < SLOW_S + SOON_S
    client.wait_for("MessageCreated")  # it came with the answer
    client.send({"action": "heartbeat"})
    assert SLOW_S <= seconds(client.hear) < SLOW_S + SOON_S


def lost(stage: Stage, client: DfoClient) -> None:
    stage.switch("lost", True)
    client.send(client.message("Are you there?"))
    assert is_reset(client.socket)
    texts = [message["content"]["text"] for message in stage.simulator.thread(client.thread_id)["messages"]]
    assert texts[-1] == "Are you there?"


def mute(stage: Stage, client: DfoClient) -> None:
    stage.switch("mute", True)
    client.send({"action": "heartbeat"})
    client.send(client.message("Nobody hears this"))
    assert client.is_silent(1.0)  # neither an answer nor an end
    assert len(stage.simulator.thread(client.thread_id)["messages"]) == 1


def refused_gateway(stage: Stage, client: DfoClient) -> None:
    stage.switch("refuse", True)
    token = client.post_token().json()["accessToken"]
    assert handshake_status(client.socket_url(transactionToken=token)) == 503
    client.send({"action": "heartbeat"})
    assert client.hear() == "pong"


def twice(stage: Stage, client: DfoClient) -> None:
    stage.switch("duplicate", True)
    client.send({"action": "heartbeat"})
    assert [client.hear(), client.hear()] == ["pong", "pong"]
    stage.simulator.agent_says(client.thread_id, "How can I help?")
    one, other = client.wait_for("MessageCreated"), client.wait_for("MessageCreated")
    assert one == other


def revoked_tokens(stage: Stage, client: DfoClient) -> None:
    token = client.post_token().json()["accessToken"]
    stage.trigger("revoke")
    assert handshake_status(client.socket_url(transactionToken=token)) == 401
    client.connect()


def dropped_gateway(stage: Stage, client: DfoClient) -> None:
    other = DfoClient(stage.simulator.gateway)
    other.connect()
    stage.trigger("drop")
    assert [is_reset(one.socket) for one in (client, other)] == [True, True]
    client.connect()


CHECKS: dict[str, dict[str, Callable[[Stage, Any], None]]] = {
    "v1": {
        "Guest and typing calls are answered 429, Retry-After 2 s.": throttled,
        "Guest and typing calls take 1.5 s.": slow,
        "Guest and typing calls end in a connection reset.": resets,
        "New guest sockets are answered 503.": refused,
        "Typing calls are answered 404.": no_endpoint,
        "CXone refuses the access tokens issued so far. The relay gets a new one.": revoked,
        "CXone ends this visitor's session. The keeper opens another.": expired,
        "Every guest socket is reset. The keeper connects again.": dropped,
        "The process that holds the guest sockets dies at once. Another takes over within a minute.": killed,
    },
    "dfo": {
        "Typing and messages are answered with an error.": errors,
        "Every frame is handled 1.5 s late.": slow_frames,
        "Messages are accepted, but the socket ends in a reset.": lost,
        "Sockets stay open, but nothing is accepted or answered.": mute,
        "New sockets are answered 503.": refused_gateway,
        "Every frame from CXone comes twice.": twice,
        "No token issued so far opens a socket any more. The keeper gets a new one.": revoked_tokens,
        "Every guest socket is reset. The keeper connects again.": dropped_gateway,
        "The process that holds the guest sockets dies at once. Another takes over within a minute.": killed,
    },
}


PANELS = {"v1": WEBCHAT, "dfo": GATEWAY}


def of(platform: str) -> list[Any]:
    panel = PANELS[platform]
    return [pytest.param(fault, id=fault.label) for fault in (*panel.switches, *panel.one_shots)]


@pytest.mark.parametrize("platform", PANELS)
def test_every_fault_has_its_check(platform: str) -> None:
    assert {param.values[0].effect for param in of(platform)} == CHECKS[platform].keys()


@pytest.mark.parametrize("fault", of("v1"))
def test_a_fault_of_webchat_does_what_its_card_says(webchat: Stage, fault: Any) -> None:
    guest = new_guest(webchat.simulator)
    is_switch = PANELS["v1"].switch(fault.name) is not None
    try:
        CHECKS["v1"][fault.effect](webchat, guest)
    finally:
        if is_switch:
            webchat.switch(fault.name, False)
    again = new_guest(webchat.simulator)
    begun = time.monotonic()
    again.post_typing(True).raise_for_status()
    again.read_typing().raise_for_status()
    again.connect().shutdown()
    assert time.monotonic() - begun < SLOW_S
    assert bearer(webchat.simulator)


@pytest.mark.parametrize("fault", of("dfo"))
def test_a_fault_of_the_gateway_does_what_its_card_says(gateway: Stage, fault: Any) -> None:
    simulator: DfoControl = gateway.simulator
    simulator.set_settings(acknowledge_typing=True)
    client = DfoClient(simulator.gateway)
    client.connect()
    client.start()
    client.wait_for("MessageCreated")
    is_switch = PANELS["dfo"].switch(fault.name) is not None
    try:
        CHECKS["dfo"][fault.effect](gateway, client)
    finally:
        if is_switch:
            gateway.switch(fault.name, False)
        client.close()
    again = DfoClient(simulator.gateway)
    again.connect()
    again.recover()
    answer = again.ask(again.message())
    assert "error" not in answer
    again.close()

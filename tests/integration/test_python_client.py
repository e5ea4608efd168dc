"""The client in Python (clients/python), and the program with it in docs/front-end.md, on the running stack."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_relay_client import Visitor

from local.commands.token import visitor_token
from tests.support import python_client
from tests.support.protocol import FROM_RELAY, undocumented
from tests.support.relay_stage import PATIENCE_S, Actor, RelayStage


@pytest.fixture
def agent(stage: RelayStage, request: pytest.FixtureRequest) -> Iterator[Actor]:
    """What CXone sees of the visitor; its own tab is silent."""
    with Actor(stage, request.node.name.removeprefix("test_").replace("_", "-")) as actor:
        yield actor
        actor.settles()


def token(agent: Actor) -> str:
    """As your server gives it to this visitor."""
    stage = agent.stage
    return visitor_token(stage.aws, stage.stack.info["visitor_secret_arn"], agent.name)


def test_its_program_shows_a_burst_and_puts_it_out(agent: Actor, tmp_path: Path) -> None:
    """T1: run as the guide says; it prints what it hears."""
    program = tmp_path / "visitor.py"
    program.write_text(python_client.program())
    command = [sys.executable, str(program), agent.stage.stack.info["websocket_url"], token(agent)]
    environment = {**os.environ, "PYTHONPATH": str(python_client.PACKAGE)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "'type': 'welcome'" in done.stdout
    agent.waits_for_post(True)
    agent.waits_for_post(False)
    assert agent.posts() == [(True, 200), (False, 200)]


def test_it_hears_and_comes_back_with_a_new_token(agent: Actor) -> None:
    """The connection is closed from the other side, as API Gateway may at any time; typing and events go on."""
    heard: list[dict[str, Any]] = []
    tokens: list[str] = []

    def fetch_token() -> str:
        tokens.append(token(agent))
        return tokens[-1]

    own = agent.stage.record(agent.name).connections
    visitor = Visitor(agent.stage.stack.info["websocket_url"], fetch_token, heard.append)
    _live_until(visitor, lambda: visitor.guest == "open")
    _close(agent, but=own)
    _live_until(visitor, lambda: len(tokens) == 2 and visitor.guest == "open")
    for _ in range(10):
        visitor.key()
        visitor.live(0.2)
    agent.waits_for_post(True)
    agent.cxone.send_agent_frame(agent.guest, {"type": "agent-typing", "typing": True})
    _live_until(visitor, lambda: any(frame.get("name") == "agent-typing" for frame in heard))
    visitor.live(2)
    agent.waits_for_post(False)
    assert agent.posts() == [(True, 200), (False, 200)]
    assert undocumented(heard, FROM_RELAY) == []
    visitor.close()


def _live_until(visitor: Any, is_so: Any) -> None:
    for _ in range(int(PATIENCE_S * 10)):
        if is_so():
            return
        visitor.live(0.1)
    raise TimeoutError("waited in vain")


def _close(agent: Actor, but: frozenset[str]) -> None:
    """Close every connection of the visitor's but these."""
    connections = agent.stage.aws.connections(agent.stage.stack.info["connections_url"])
    closed = agent.stage.record(agent.name).connections - but
    assert closed
    for connection in closed:
        connections.delete_connection(ConnectionId=connection)

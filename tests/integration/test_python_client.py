"""The client in Python on the running stack: installed, and its program as docs/front-end.md shows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_relay_client import Visitor

from local.commands.token import visitor_token
from tests.support.protocol import FROM_RELAY, undocumented
from tests.support.relay_stage import PATIENCE_S, Actor, RelayStage

ROOT = Path(__file__).parents[2]
UV, CLIENT = ROOT / ".local/uv/bin/uv", ROOT / "web/python"


def shown_program() -> str:
    """The one that docs/front-end.md shows."""
    section = (ROOT / "docs/front-end.md").read_text().partition("\n## In Python\n")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


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
    """T1: installed and run as the guide says; it prints what it hears."""
    installed = tmp_path / "installed"
    install = [UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--target", installed, CLIENT]
    subprocess.run(install, check=True, timeout=60)
    program = tmp_path / "visitor.py"
    program.write_text(shown_program())
    command = [sys.executable, program, agent.stage.stack.info["websocket_url"], token(agent)]
    only_there = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=only_there)
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

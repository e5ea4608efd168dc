"""Two relays of two names in one account and region, by the commands a user gives: neither notices the other.

`sam build` and `sam deploy`, by the project's samconfig.toml, go to the emulator; where there is no SAM CLI or no
Python 3.13 for it, the stacks are made as `make run` makes its own. Visitors of the same name type in both at once.
"""

import json
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import websocket

from local.commands.token import visitor_token
from local.cxone_simulator.client import SimulatorControl, running_simulator
from local.playing.visitor import Visitor
from local.stack.aws import Aws
from local.stack.deploy import ROOT, Deployment, as_the_emulator_takes_it, deploy, put_right
from local.stack.emulator import Emulator
from local.stack.keepers import Keepers
from local.stack.warm_up import warm_up

NAMES = ("shop-live", "shop-test")
SAM = ROOT / ".venv-sam/bin/sam"
CREDENTIALS = {"client_id": "local-client", "client_secret": "local-secret"}
KEYS = list(range(0, 5000, 100))
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Relay:
    """One of the two, with the CXone behind it."""

    name: str
    aws: Aws
    deployment: Deployment
    cxone: SimulatorControl

    def token(self) -> str:
        """Alice's, good for this relay."""
        return visitor_token(self.aws, self.deployment.outputs["VisitorSecretArn"], "alice")

    def play(self) -> None:
        """Alice types for 5 s, and CXone is told that it has ended."""
        with Visitor(self.deployment.websocket_url, self.token()) as front_end:
            front_end.is_ready(PATIENCE_S)
            front_end.type(KEYS)
            self.cxone.wait_for("typing", timeout=PATIENCE_S, value=False, status=200)

    def log_lines(self) -> list[dict[str, Any]]:
        """What its functions logged."""
        groups = [id_ for name, id_ in self.deployment.resources.items() if name.endswith("Logs")]
        logs = self.aws.client("logs").get_paginator("filter_log_events")
        events = [event for group in groups for page in logs.paginate(logGroupName=group) for event in page["events"]]
        return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]


@pytest.fixture(scope="module")
def relays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Relay]]:
    """Both, each with a keeper and a CXone of its own, after Alice has typed in both at the same time."""
    folder = tmp_path_factory.mktemp("two-stacks")
    with ExitStack() as cleanup, ThreadPoolExecutor(len(NAMES)) as side_by_side:
        emulator = Emulator(folder, folder / "emulator.log")
        cleanup.callback(emulator.child.stop)
        simulators = [cleanup.enter_context(running_simulator()) for _ in NAMES]
        emulator.wait_until_ready()
        aws = Aws(emulator.endpoint_url)
        parameters = [{"CxoneBaseUrl": cxone.base_url, "KeeperImage": "guest-keeper:local"} for cxone in simulators]
        deployments = _deploy_all(emulator, aws, parameters, folder)
        for name, deployment in zip(NAMES, deployments, strict=True):
            log = folder / f"{name}-keeper.log"
            keepers = Keepers(aws, deployment, emulator.client_environment(), {}, log, count=1)
            cleanup.callback(keepers.stop)
            warm_up(aws, deployment.functions, at_once=1)
        both = [Relay(*parts) for parts in zip(NAMES, [aws] * 2, deployments, simulators, strict=True)]
        list(side_by_side.map(Relay.play, both))
        yield both


def _deploy_all(emulator: Emulator, aws: Aws, parameters: list[dict[str, str]], folder: Path) -> list[Deployment]:
    python = shutil.which("python3.13")
    if not SAM.exists() or not python or subprocess.run([python, "--version"], capture_output=True).returncode:
        warnings.warn("no SAM CLI, or no Python 3.13 for it: deployed without them", stacklevel=2)
        return [deploy(aws, given, CREDENTIALS, name) for name, given in zip(NAMES, parameters, strict=True)]
    environment = emulator.client_environment() | {"SAM_CLI_TELEMETRY": "0"}
    built = folder / "built"
    _run([SAM, "build", "--build-dir", built], environment)
    template = built / "for-the-emulator.json"
    template.write_text(json.dumps(as_the_emulator_takes_it(built / "template.yaml", aws.endpoint_url)))
    for name, given in zip(NAMES, parameters, strict=True):  # one by one: both may be the first to want SAM's bucket
        config = _filled_in(folder / f"{name}.toml", name, given)
        _run([SAM, "deploy", "--template-file", template, "--config-file", config], environment)
    return [put_right(aws, name, CREDENTIALS) for name in NAMES]


def _filled_in(path: Path, stack_name: str, given: dict[str, str]) -> Path:
    """The project's samconfig.toml for these parameters alone: the emulator runs no service of ECS."""
    text = (ROOT / "samconfig.toml").read_text()
    text = text.replace('stack_name = "typing-relay"', f'stack_name = "{stack_name}"')
    lines = [line for line in text.splitlines() if "FILL_IN" not in line]
    first = lines.index("parameter_overrides = [") + 1
    lines[first:first] = [f'    "{key}={value}",' for key, value in given.items()]
    path.write_text("\n".join(lines))
    return path


def _run(command: list[str | Path], environment: dict[str, str]) -> None:
    """Nobody is there to answer a question."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_visitors_are_shown_once_and_put_out_once(relays: list[Relay]) -> None:
    """T1, in each of the two, and each of the two keepers holds one guest."""
    for relay in relays:
        posts = [(e["value"], e["status"]) for e in relay.cxone.events() if e["kind"] == "typing"]
        assert posts == [(True, 200), (False, 200)], relay.name
        assert len(relay.cxone.guests()) == 1, relay.name


def test_nothing_that_one_is_made_of_belongs_to_the_other(relays: list[Relay]) -> None:
    """But for a name inside an API, which is the API's own."""
    one, other = (
        {id_ for name, id_ in relay.deployment.resources.items() if not name.endswith("Stage")} for relay in relays
    )
    assert len(one) > 30
    shared = one & other
    assert not shared


def test_each_counts_in_its_own_namespace(relays: list[Relay]) -> None:
    """Else one would alarm and scale on the figures of the other."""
    for relay in relays:
        blobs = [line["_aws"]["CloudWatchMetrics"] for line in relay.log_lines() if "_aws" in line]
        assert {metrics["Namespace"] for blob in blobs for metrics in blob} == {f"TypingRelay/{relay.name}"}


def test_a_token_of_one_opens_nothing_of_the_other(relays: list[Relay]) -> None:
    """T13: each has a visitor secret of its own."""
    one, other = relays
    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        Visitor(one.deployment.websocket_url, other.token())
    assert refusal.value.status_code == 403

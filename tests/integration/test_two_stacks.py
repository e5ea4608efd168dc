"""Two relays in one account and region, one for each platform, by the commands a user gives: neither notices the other.

`sam build` and `sam deploy`, by the project's samconfig.toml, go to the emulator; where there is no SAM CLI or no
Python 3.13 for it, the stacks are made as `make run` makes its own. Visitors of the same name type in both at once.
"""

import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
import websocket

from local.commands.token import visitor_token
from local.cxone_simulator.client import running_simulator
from local.dfo_simulator.client import running_gateway
from local.platforms.platform import view_of
from local.playing.calls import TypingCall
from local.playing.cxone_view import CxoneView
from local.playing.visitor import Visitor
from local.stack.aws import Aws
from local.stack.deploy import ROOT, Deployment, as_the_emulator_takes_it, deploy, put_right
from local.stack.emulator import Emulator
from local.stack.keepers import Keepers
from local.stack.warm_up import warm_up
from tests.support.relay_stage import wait_until

#: What each is called, and the platform that it speaks to.
PLATFORMS = {"shop-webchat": "v1", "shop-digital": "dfo"}
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
    cxone: CxoneView
    guests: Callable[[], int]  # how many CXone has
    keeper_log: Path

    def token(self) -> str:
        """Alice's, good for this relay."""
        return visitor_token(self.aws, self.deployment.outputs["VisitorSecretArn"], "alice")

    def calls(self) -> list[TypingCall]:
        """What CXone was told of Alice's typing."""
        return self.cxone.calls("alice")

    def play(self) -> None:
        """Alice types for 5 s, and CXone is told that it has ended."""
        with Visitor(self.deployment.websocket_url, self.token()) as front_end:
            front_end.is_ready(PATIENCE_S)
            self.cxone.begin(front_end, "alice")
            front_end.type(KEYS)
            wait_until(lambda: len(self.calls()) == 2, "CXone to be told that it has ended")

    def log_lines(self) -> list[dict[str, Any]]:
        """What its functions and its keeper logged."""
        groups = [id_ for name, id_ in self.deployment.resources.items() if name.endswith("Logs")]
        logs = self.aws.client("logs").get_paginator("filter_log_events")
        events = [event for group in groups for page in logs.paginate(logGroupName=group) for event in page["events"]]
        lines = [event["message"] for event in events] + self.keeper_log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture(scope="module")
def relays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Relay]]:
    """Both, each with a keeper and a CXone of its own, after Alice has typed in both at the same time."""
    folder = tmp_path_factory.mktemp("two-stacks")
    with ExitStack() as cleanup, ThreadPoolExecutor(len(PLATFORMS)) as side_by_side:
        emulator = Emulator(folder, folder / "emulator.log")
        cleanup.callback(emulator.child.stop)
        simulated = [_simulated(platform, cleanup) for platform in PLATFORMS.values()]
        emulator.wait_until_ready()
        aws = Aws(emulator.endpoint_url)
        deployments = _deploy_all(emulator, aws, [one.parameters for one in simulated], folder)
        both = []
        for name, deployment, cxone in zip(PLATFORMS, deployments, simulated, strict=True):
            logs = folder / name
            logs.mkdir()
            log = logs / "keeper.log"
            keepers = Keepers(aws, deployment, emulator.client_environment(), {}, log, count=1)
            cleanup.callback(keepers.stop)
            warm_up(aws, deployment.functions, at_once=1)
            info = {**cxone.told, "platform": PLATFORMS[name], "functions": deployment.functions, "logs": str(logs)}
            both.append(Relay(name, aws, deployment, view_of(aws, info), cxone.guests, log))
        list(side_by_side.map(Relay.play, both))
        yield both


@dataclass(frozen=True)
class Simulated:
    """A CXone: the parameters that name it in the template, what stack.json would say of it, how many guests it has."""

    parameters: dict[str, str]
    told: dict[str, Any]
    guests: Callable[[], int]


def _simulated(platform: str, cleanup: ExitStack) -> Simulated:
    if platform == "v1":
        webchat = cleanup.enter_context(running_simulator())
        url = webchat.base_url
        told = {"cxone_base_url": url, "cxone_control_url": f"{url}/_control"}
        return Simulated({"CxoneBaseUrl": url}, told, lambda: len(webchat.guests()))
    digital = cleanup.enter_context(running_gateway())
    gateway = digital.gateway
    parameters = {
        "CxonePlatform": "dfo",
        "DfoEnvironment": "custom",
        "DfoGatewayUrl": gateway.gateway_url,
        "DfoChatUrl": gateway.chat_url,
        "DfoAuthorizeUrl": gateway.authorize_url,
        "DfoBrandId": str(gateway.brand_id),
        "DfoChannelId": gateway.channel_id,
    }
    told = {f"dfo_{name}": value for name, value in asdict(gateway).items()}
    told["cxone_control_url"] = f"{gateway.chat_url}/_control"
    return Simulated(parameters, told, lambda: len(digital.visitors()))


def _deploy_all(emulator: Emulator, aws: Aws, parameters: list[dict[str, str]], folder: Path) -> list[Deployment]:
    python = shutil.which("python3.13")
    parameters = [{**given, "KeeperImage": "guest-keeper:local"} for given in parameters]
    if not SAM.exists() or not python or subprocess.run([python, "--version"], capture_output=True).returncode:
        assert not os.environ.get("LEAVE_NOTHING_OUT"), "no SAM CLI, or no Python 3.13 for it"
        warnings.warn("no SAM CLI, or no Python 3.13 for it: deployed without them", stacklevel=2)
        return [deploy(aws, given, CREDENTIALS, name) for name, given in zip(PLATFORMS, parameters, strict=True)]
    environment = emulator.client_environment() | {"SAM_CLI_TELEMETRY": "0", "TMPDIR": str(folder)}
    built = folder / "built"
    _run([SAM, "build", "--build-dir", built], environment)
    assert {"typing_relay", "requests", "jwt"} <= set(os.listdir(built / "TypingRelayLayer/python")), "an empty layer"
    template = built / "for-the-emulator.json"
    template.write_text(json.dumps(as_the_emulator_takes_it(built / "template.yaml", aws.endpoint_url)))
    for name, given in zip(PLATFORMS, parameters, strict=True):  # one by one: both may want SAM's bucket first
        config = _filled_in(folder / f"{name}.toml", name, given)
        _run([SAM, "deploy", "--template-file", template, "--config-file", config], environment)
    return [put_right(aws, name, CREDENTIALS) for name in PLATFORMS]


def _filled_in(path: Path, stack_name: str, given: dict[str, str]) -> Path:
    """The project's samconfig.toml for these parameters alone: the emulator runs no service of ECS."""
    text = (ROOT / "samconfig.toml").read_text()
    text = text.replace('stack_name = "typing-relay"', f'stack_name = "{stack_name}"')
    lines = [line for line in text.splitlines() if "FILL_IN" not in line and "CxonePlatform" not in line]
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
        assert [(call.typing, call.was_accepted) for call in relay.calls()] == [(True, True), (False, True)], relay.name
        assert relay.guests() == 1, relay.name


def test_nothing_is_wrong_in_the_eyes_of_either_cxone(relays: list[Relay]) -> None:
    """Nobody is left typing, one token or one socket served all, and no rule was broken."""
    assert {relay.name: relay.cxone.problems("alice") for relay in relays} == {name: [] for name in PLATFORMS}


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

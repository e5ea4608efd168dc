"""The AWS emulator in the place of an account, with simulated CXones and keepers that are processes of this machine."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.cxone_simulator.client import running_simulator
from local.dfo_simulator.client import running_gateway
from local.rehearsal.plan import Credentials, Plan, Tenant
from local.stack.aws import Aws
from local.stack.deploy import as_the_emulator_takes_it, put_right
from local.stack.emulator import Emulator
from local.stack.keepers import Keepers
from local.stack.warm_up import warm_up
from local.template_file import read_template

#: The simulators', and nobody's secret.
_CREDENTIALS = Credentials("local-client", "local-secret")
_SHIP_S = 0.3
_STREAM = "keeper"


@contextmanager
def emulated(folder: Path) -> Iterator[EmulatedAccount]:
    """Run the emulator and both simulators until the block ends. From then on no program that this process starts knows
    of an account of AWS: neither do its own clients.
    """
    with ExitStack() as cleanup:
        emulator = Emulator(folder, folder / "emulator.log")
        cleanup.callback(emulator.child.stop)
        cxone = cleanup.enter_context(running_simulator())
        gateway = cleanup.enter_context(running_gateway()).gateway
        emulator.wait_until_ready()
        os.environ.update(emulator.client_environment())
        for name in [name for name in os.environ if name not in emulator.client_environment()]:
            del os.environ[name]
        tenants = {
            "v1": Tenant({"CxoneBaseUrl": cxone.base_url}, credentials=_CREDENTIALS),
            "dfo": Tenant(
                {
                    "DfoEnvironment": "custom",
                    "DfoGatewayUrl": gateway.gateway_url,
                    "DfoChatUrl": gateway.chat_url,
                    "DfoAuthorizeUrl": gateway.authorize_url,
                    "DfoBrandId": str(gateway.brand_id),
                    "DfoChannelId": gateway.channel_id,
                },
                contacts=True,
            ),
        }
        place = EmulatedAccount(emulator, tenants, folder)
        cleanup.callback(place.close)
        yield place


class EmulatedAccount:
    """``tenants``: the simulators', by platform."""

    poll_s = 0.3

    def __init__(self, emulator: Emulator, tenants: Mapping[str, Tenant], folder: Path) -> None:
        self.aws = Aws(emulator.endpoint_url)
        self.tenants = tenants
        self._emulator, self._folder = emulator, folder
        self._keepers: dict[str, tuple[Keepers, _LogDriver]] = {}

    def environment(self) -> dict[str, str]:
        """Turned towards the emulator."""
        return self._emulator.client_environment() | {"SAM_CLI_TELEMETRY": "0"}

    def template(self, built: Path) -> tuple[Path, Collection[str]]:
        """Without what the emulator refuses to deploy."""
        source = built / "template.yaml"
        taken = as_the_emulator_takes_it(source, self._emulator.endpoint_url)
        whole = read_template(source)
        path = built / "for-the-emulator.json"
        path.write_text(json.dumps(taken))
        return path, whole["Resources"].keys() - taken["Resources"].keys()

    def after_deployment(self, plan: Plan, platform: str, outputs: Mapping[str, str]) -> str:
        """What ECS would do: old keepers end, new ones start as the task definition says. What the emulator left out is
        put right.
        """
        self.before_deletion(platform)
        stack, credentials = plan.stack(platform), plan.tenants[platform].credentials or _CREDENTIALS
        given = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        deployment = put_right(self.aws, stack, given)
        log = self._folder / f"{stack}-keeper-{time.time_ns()}.log"
        keepers = Keepers(self.aws, deployment, self._emulator.client_environment(), {}, log, count=1)
        self._keepers[platform] = keepers, _LogDriver(self.aws, deployment.resources["KeeperLogs"], log)
        warm_up(self.aws, deployment.functions, at_once=1)
        return deployment.websocket_url

    def before_deletion(self, platform: str) -> None:
        """The keepers end, and hand their guests back."""
        if platform in self._keepers:
            keepers, driver = self._keepers.pop(platform)
            try:
                keepers.stop()
            finally:
                driver.stop()

    def close(self) -> None:
        """All keepers end."""
        for platform in list(self._keepers):
            self.before_deletion(platform)


class _LogDriver:
    """Brings a keeper's lines to its log group, as the task definition's log driver does on ECS."""

    def __init__(self, aws: Aws, group: str, log: Path) -> None:
        self._logs, self._group, self._log = aws.client("logs"), group, log
        self._sent = 0
        self._ending = threading.Event()
        self._stream = f"{_STREAM}/{log.stem}"
        self._logs.create_log_stream(logGroupName=group, logStreamName=self._stream)
        self._thread = threading.Thread(target=self._run, name="log driver", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Bring the last lines and end."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(_SHIP_S):
            self._ship()
        self._ship()

    def _ship(self) -> None:
        lines = self._log.read_text(errors="replace").splitlines()[self._sent :]
        if not lines:
            return
        at = time.time_ns() // 1_000_000
        events = [{"timestamp": at, "message": line} for line in lines]
        with suppress(BotoCoreError, ClientError):  # like ECS's in this mode: a line may be lost, the keeper goes on
            self._logs.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=events)
        self._sent += len(lines)

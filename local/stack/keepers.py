"""The guest keepers of a local stack: started as the task definition says, replaced when they die, as ECS does."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from local.stack.aws import CREDENTIALS, Aws
from local.stack.deploy import ROOT, Deployment
from local.stack.processes import Child, StackError
from local.stack.task_credentials import TaskCredentials

# One that ends sooner than this after its start is not worth starting again.
_LEAST_SECONDS = 3.0


class Keepers:
    """`count` keeper processes, with their role's credentials in place of the account's root.

    `settings`: those in which they differ from the template's.
    """

    def __init__(
        self,
        aws: Aws,
        deployment: Deployment,
        environment: Mapping[str, str],
        settings: Mapping[str, str],
        log: Path,
        count: int,
    ) -> None:
        self._log = log
        self._credentials = TaskCredentials(aws, deployment.resources["KeeperRole"])
        general = {name: value for name, value in environment.items() if name not in CREDENTIALS}
        own = {"PYTHONPATH": str(ROOT / "layers/typing_relay"), "KEEPER_HEALTH_PORT": "0"}
        self._environment = {
            **general,
            **deployment.keeper_environment,
            **settings,
            **self._credentials.environment(),
            **own,
        }
        self._children = [self._start() for _ in range(count)]

    @property
    def pids(self) -> list[int]:
        """Their process ids."""
        return [child.pid for child, _ in self._children]

    def replace_dead(self) -> bool:
        """Start a new one for each that has died; whether there was any.

        StackError when one ended right after its start.
        """
        replaced = False
        for index, (child, started) in enumerate(self._children):
            if not child.has_ended():
                continue
            if time.monotonic() - started < _LEAST_SECONDS:
                raise StackError(f"the guest keeper ended right after its start.\n{child.last_words()}")
            self._children[index] = self._start()
            replaced = True
        return replaced

    def kill(self) -> None:
        """SIGKILL to them all: nothing is handed back."""
        for child, _ in self._children:
            child.kill()

    def stop(self) -> None:
        """End them all; they hand their guests back."""
        for child, _ in self._children:
            child.ask_to_stop()
        for child, _ in self._children:
            child.stop()
        self._credentials.stop()

    def _start(self) -> tuple[Child, float]:
        program = [sys.executable, str(ROOT / "functions/guest_keeper/app.py")]
        return Child("guest keeper", program, self._environment, self._log), time.monotonic()

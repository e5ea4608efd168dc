"""AWS on this machine: a MiniStack process with a free port and a temporary folder of its own."""

import os
import sys
from pathlib import Path

import requests

from local.stack import failures, permissions
from local.stack.aws import CREDENTIALS, REGION
from local.stack.processes import Child, free_port

ROOT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 20.0


class Emulator:
    """A MiniStack of this stack's own, on `port`; 0: a free one.

    `scratch` must be removed by whoever made it, after `stop()`.
    """

    def __init__(self, scratch: Path, log: Path, port: int = 0) -> None:
        self.port = port or free_port()
        self.endpoint_url = f"http://127.0.0.1:{self.port}"
        program = [sys.executable, "-m", "local.stack.ministack_program"]
        notes = {
            "FAILURES_LOG": failures.NAME,
            "PERMISSIONS_LOG": permissions.NAME,
            "FUNCTIONS_LOG": "functions.log",
        }
        environment = self._environment(scratch) | {name: str(log.parent / file) for name, file in notes.items()}
        self._child = Child("AWS emulator", program, environment, log, ROOT)

    @property
    def child(self) -> Child:
        """The process."""
        return self._child

    def _environment(self, scratch: Path) -> dict[str, str]:
        return self.client_environment() | {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "IOT_MTLS_ENABLED": "0",
            "TMPDIR": str(scratch),
            "S3_DATA_DIR": str(scratch / "s3"),
            "STATE_DIR": str(scratch / "state"),
            "LOG_LEVEL": "INFO",
            "LAMBDA_WARM_TTL_SECONDS": "3600",  # what was warmed up stays warm
            "AUTH": "true",  # the roles of the template are enforced, as on AWS
        }

    def client_environment(self) -> dict[str, str]:
        """This process's environment, turned towards the emulator: for any program that uses an AWS SDK.

        Without the developer's own AWS account and CXone credentials, and without PYTHONPATH: functions find the
        package in their layer only.
        """
        foreign = ("AWS_", "CXONE_", "PYTHONPATH")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return inherited | CREDENTIALS | {"AWS_ENDPOINT_URL": self.endpoint_url, "AWS_DEFAULT_REGION": REGION}

    def wait_until_ready(self) -> None:
        """StackError when it does not come up."""
        self._child.wait_until(self._answers, _READY_SECONDS)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.endpoint_url}/_ministack/health", timeout=2).ok
        except requests.RequestException:
            return False

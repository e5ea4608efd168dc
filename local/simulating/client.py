"""Run a simulator for a test or a demo, and read its event log."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]

Event = dict[str, Any]


class Control:
    """The controls that every simulator has. Each call raises requests.HTTPError when it is refused."""

    def __init__(self, base_url: str):
        self.base_url = base_url
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy for loopback traffic

    def close(self) -> None:
        """Close the connection to the simulator."""
        self._session.close()

    def events(self, after: int = 0, wait: float = 0) -> list[Event]:
        """The events numbered above `after`; when there is none, wait up to `wait` seconds for one."""
        events: list[Event] = self._call("GET", f"events?after={after}&wait={wait}")["events"]
        return events

    def last_event(self) -> int:
        """The number of the newest event: pass it to `events` later."""
        return int(self._call("GET", f"events?after={sys.maxsize}")["next"])

    def wait_for(self, kind: str, after: int = 0, timeout: float = 5.0, **fields: Any) -> Event:
        """The first event above `after` of this kind and with these fields. Raises TimeoutError after `timeout` s."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            for event in self.events(after, wait=left):
                after = event["n"]
                if event["kind"] == kind and fields.items() <= event.items():
                    return event
        raise TimeoutError(f"no event {kind} with {fields} within {timeout} s")

    def revoke_tokens(self) -> None:
        """Invalidate all tokens issued so far."""
        self._call("POST", "revoke-tokens", {})

    def reset(self) -> int:
        """Reset to the state after the start, but keep the events. Returns the number of the newest."""
        return int(self._call("POST", "reset")["next"])

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        response = self._session.request(method, f"{self.base_url}/_control/{path}", json=body, timeout=70)
        if response.status_code in (400, 404):
            raise requests.HTTPError(response.json()["error"], response=response)
        response.raise_for_status()
        return response.json()


@contextmanager
def running_program(module: str, name: str, arguments: Sequence[str]) -> Iterator[str]:
    """Run `python -m module` until the block ends; yields what its ready line says.

    Raises RuntimeError when it does not start.
    """
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith(f"{name} ready "):
                raise RuntimeError(f"the {name} did not start (exit code {process.wait(5)})")
            yield line.removeprefix(f"{name} ready ").strip()
        finally:
            process.terminate()

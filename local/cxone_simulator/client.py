"""Run the simulated CXone beside a test or a demo, and work its controls."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import requests

READY = "cxone simulator ready "
ROOT = Path(__file__).resolve().parents[2]

Event = dict[str, Any]


class SimulatorControl:
    """The controls of a running simulator. Each call raises requests.HTTPError when it is refused."""

    def __init__(self, base_url: str):
        self.base_url = base_url
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy has no part in loopback traffic

    def close(self) -> None:
        """Let go of the connection to the simulator."""
        self._session.close()

    def events(self, after: int = 0, wait: float = 0) -> list[Event]:
        """The events numbered above `after`; when there is none, wait up to `wait` seconds for one."""
        events: list[Event] = self._call("GET", f"events?after={after}&wait={wait}")["events"]
        return events

    def last_event(self) -> int:
        """The number of the newest event, to read on from later."""
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

    def guests(self) -> list[dict[str, Any]]:
        """All guests: guest_id, source, typing, typing_at (epoch ms), sockets (how many are open), over."""
        guests: list[dict[str, Any]] = self._call("GET", "guests")
        return guests

    def guest(self, guest_id: str) -> dict[str, Any]:
        """One guest of `guests()`. Raises KeyError."""
        return {guest["guest_id"]: guest for guest in self.guests()}[guest_id]

    def faults(self) -> dict[str, Any]:
        """All settings, as described by faults.Faults, and those of single guests as `guests`."""
        faults: dict[str, Any] = self._call("GET", "faults")
        return faults

    def set_faults(self, **changes: Any) -> None:
        """Replace these settings; `guests` as a whole."""
        self._call("PUT", "faults", changes)

    def send_agent_frame(self, guest_id: str, frame: dict[str, Any]) -> int:
        """Send this frame on the guest's sockets; returns on how many."""
        return int(self._call("POST", "agent", {"guest_id": guest_id, "frame": frame})["sockets"])

    def revoke_tokens(self) -> None:
        """No token issued until now is good any more."""
        self._call("POST", "revoke-tokens")

    def expire_guest(self, guest_id: str) -> None:
        """End the guest session: calls get 403, its sockets are closed with 4403."""
        self._call("POST", "expire-guest", {"guest_id": guest_id})

    def drop_sockets(self, how: str, guest_id: str | None = None) -> int:
        """Break the sockets of one guest or of all: `close`, `reset` or `silent`. Returns how many."""
        body = {"how": how} | ({} if guest_id is None else {"guest_id": guest_id})
        return int(self._call("POST", "drop-sockets", body)["sockets"])

    def reset(self) -> int:
        """As freshly started, but events go on; returns the number of the newest."""
        return int(self._call("POST", "reset")["next"])

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        response = self._session.request(method, f"{self.base_url}/_control/{path}", json=body, timeout=70)
        if response.status_code in (400, 404):
            raise requests.HTTPError(response.json()["error"], response=response)
        response.raise_for_status()
        return response.json()


@contextmanager
def running_simulator(port: int = 0, seed: int = 0) -> Iterator[SimulatorControl]:
    """Run the simulator as a process of its own until the block ends. Raises RuntimeError when it does not start."""
    command = [sys.executable, "-m", "local.cxone_simulator", "--port", str(port), "--seed", str(seed)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith(READY):
                raise RuntimeError(f"the CXone simulator did not start (exit code {process.wait(5)})")
            with closing(SimulatorControl(line.removeprefix(READY).strip())) as control:
                yield control
        finally:
            process.terminate()

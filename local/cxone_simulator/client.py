"""Run the simulated CXone for a test or a demo, and call its controls."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from local.simulating.client import Control, running_program


class SimulatorControl(Control):
    """The controls of a running simulator. Each call raises requests.HTTPError when it is refused."""

    def guests(self) -> list[dict[str, Any]]:
        """All guests: guest_id, source, typing, typing_at (epoch ms), sockets (how many are open), over."""
        guests: list[dict[str, Any]] = self._call("GET", "guests")
        return guests

    def guest(self, guest_id: str) -> dict[str, Any]:
        """One guest of `guests()`. Raises KeyError."""
        return {guest["guest_id"]: guest for guest in self.guests()}[guest_id]

    def faults(self) -> dict[str, Any]:
        """All settings, as described by faults.Faults; those of single guests are under `guests`."""
        faults: dict[str, Any] = self._call("GET", "faults")
        return faults

    def set_faults(self, **changes: Any) -> None:
        """Replace these settings; `guests` is replaced as a whole."""
        self._call("PUT", "faults", changes)

    def send_agent_frame(self, guest_id: str, frame: dict[str, Any]) -> int:
        """Send this frame on the guest's sockets; returns on how many."""
        return int(self._call("POST", "agent", {"guest_id": guest_id, "frame": frame})["sockets"])

    def expire_guest(self, guest_id: str) -> None:
        """End the guest session: calls get 403, its sockets are closed with 4403."""
        self._call("POST", "expire-guest", {"guest_id": guest_id})

    def drop_sockets(self, how: str, guest_id: str | None = None) -> int:
        """Break the sockets of one guest or of all: `close`, `reset` or `silent`. Returns how many."""
        body = {"how": how} | ({} if guest_id is None else {"guest_id": guest_id})
        return int(self._call("POST", "drop-sockets", body)["sockets"])


@contextmanager
def running_simulator(port: int = 0, seed: int = 0) -> Iterator[SimulatorControl]:
    """Run the simulator as a separate process until the block ends. Raises RuntimeError when it does not start."""
    arguments = ["--port", str(port), "--seed", str(seed)]
    with (
        running_program("local.cxone_simulator", "cxone simulator", arguments) as base_url,
        closing(SimulatorControl(base_url)) as control,
    ):
        yield control

"""What agents saw on this machine's running stack, from the event log of its simulated CXone, on either platform."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from local.console.records import read_records
from local.load.seen import Seen
from local.platforms.platform import local_platform
from local.stack.aws import Aws

#: How long the last bursts may take to end, whatever died (T4).
SETTLE_S = 30.0
#: The names of the simulator's events in the table.
_CALLS = {
    "typing": "typing calls",
    "typing_read": "questions",
    "guest": "guests",
    "token": "tokens",
    "socket_frame": "other frames on sockets",
    "authorize": "authorizations",
}


class Agents:
    """Observes from its creation on. Only for a simulated CXone: see ``can_look``."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        self._info = info
        self._platform = local_platform(info["platform"])
        assert self._platform.control is not None  # noqa: S101  # see can_look
        self._simulator = self._platform.control(info)
        self._after = self._simulator.last_event()

    @staticmethod
    def can_look(info: Mapping[str, Any]) -> bool:
        """The stack's CXone is the simulator, with controls."""
        return bool(info["cxone_control_url"]) and local_platform(info["platform"]).control is not None

    def look(self, typed: Mapping[str, list[tuple[int, int]]], debounce_ms: int) -> tuple[Seen, Counter[str]]:
        """Once all is quiet: what agents saw of these sessions' bursts, and how often CXone was called, by kind."""
        deadline = time.monotonic() + SETTLE_S
        while (found := self._look(typed, debounce_ms))[0].left_on and time.monotonic() < deadline:
            time.sleep(0.5)
        return found

    def guests(self) -> dict[str, str]:
        """Session -> its guest, as the stack's records say now."""
        records = read_records(Aws(self._info["aws_endpoint_url"]).client("dynamodb"), self._info["table_name"])
        return {session: record.get("guest_id", "") for session, record in records.items()}

    def told(self) -> dict[str, list[tuple[float, bool]]]:
        """Guest -> what CXone accepted of its typing: when (epoch ms), and which value."""
        return _told(self._events())

    def _look(self, typed: Mapping[str, list[tuple[int, int]]], debounce_ms: int) -> tuple[Seen, Counter[str]]:
        events, guests, seen = list(self._events()), self.guests(), Seen()
        told = _told(events)
        for session, bursts in typed.items():
            seen.add(bursts, told.get(guests.get(session, ""), ()), debounce_ms)
        return seen, Counter(_CALLS[event["kind"]] for event in events if event["kind"] in _CALLS)

    def _events(self) -> Iterable[dict[str, Any]]:
        return self._platform.events(self._simulator.events(self._after))


def _told(events: Iterable[Mapping[str, Any]]) -> dict[str, list[tuple[float, bool]]]:
    told: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    for event in events:
        if event["kind"] == "typing" and event["accepted"]:
            told[event["guest_id"]].append((event["at"], event["value"]))
    return dict(told)

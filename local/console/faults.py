"""The page's fault switches: what each is called, what it does, and which control of the simulated CXone."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Switch:
    """A fault that lasts until it is switched off: settings of the simulator for on and off."""

    name: str
    label: str
    effect: str
    on: dict[str, Any]
    off: dict[str, Any]

    def is_on(self, faults: dict[str, Any]) -> bool:
        """Whether these settings of the simulator hold it."""
        return all(faults.get(key) == value for key, value in self.on.items())


@dataclass(frozen=True)
class Blow:
    """A fault that happens once. `path` is the simulator's control, None for what the console does itself."""

    name: str
    label: str
    effect: str
    path: str | None
    body: dict[str, Any]
    of_guest: bool = False


SWITCHES = (
    Switch(
        "storm",
        "429 storm",
        "Every call is answered 429, Retry-After 2 s.",
        {"throttle": {"rate": 1.0, "retry_after": "2"}},
        {"throttle": {"rate": 0.0, "retry_after": "2"}},
    ),
    Switch("slow", "Slow", "Every call takes 1.5 s.", {"latency_ms": 1500.0}, {"latency_ms": 0.0}),
    Switch(
        "reset",
        "Resets",
        "Every call ends in a connection reset.",
        {"reset_rate": 1.0},
        {"reset_rate": 0.0},
    ),
    Switch(
        "refuse",
        "Sockets refused",
        "New guest sockets are answered 503.",
        {"refuse_handshake": 503},
        {"refuse_handshake": None},
    ),
    Switch(
        "unavailable",
        "No typing endpoint",
        "Typing calls are answered 404.",
        {"typing_unavailable": True},
        {"typing_unavailable": False},
    ),
)

BLOWS = (
    Blow("revoke", "Revoke the token", "CXone refuses the access token from now on.", "revoke-tokens", {}),
    Blow(
        "expire",
        "End the guest session",
        "CXone ends this visitor's session.",
        "expire-guest",
        {},
        of_guest=True,
    ),
    Blow("drop", "Drop the sockets", "Every guest socket ends in a reset.", "drop-sockets", {"how": "reset"}),
    Blow("kill", "Kill the keeper", "The process that holds the guest sockets dies at once.", None, {}),
)


def switch_named(name: str) -> Switch | None:
    """The switch of this name, if there is one."""
    return next((switch for switch in SWITCHES if switch.name == name), None)


def blow_named(name: str) -> Blow | None:
    """The blow of this name, if there is one."""
    return next((blow for blow in BLOWS if blow.name == name), None)

"""The page's fault switches: what each is called, what it does, and which control of the simulated CXone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Switch(Protocol):
    """A fault that lasts until it is switched off. `faults`: all of the simulator's, as its controls show them."""

    @property
    def name(self) -> str:
        """What the page calls it by."""

    @property
    def label(self) -> str:
        """What a person reads on it."""

    @property
    def effect(self) -> str:
        """What it does, in a sentence."""

    def is_on(self, faults: Any) -> bool:
        """Whether these faults hold it."""

    def change(self, faults: Any, on: bool) -> dict[str, Any]:
        """What to PUT so that it is on, or off, and everything else as it was."""


@dataclass(frozen=True)
class WebchatSwitch:
    """At v1's simulator: settings of its one plan for on and off."""

    name: str
    label: str
    effect: str
    on: dict[str, Any]
    off: dict[str, Any]

    def is_on(self, faults: dict[str, Any]) -> bool:
        """Whether these settings of the simulator hold it."""
        return all(faults.get(key) == value for key, value in self.on.items())

    def change(self, faults: dict[str, Any], on: bool) -> dict[str, Any]:
        """What is not named stays as it is."""
        return self.on if on else self.off


@dataclass(frozen=True)
class GatewaySwitch:
    """At the gateway's simulator: one fault of its list."""

    name: str
    label: str
    effect: str
    fault: dict[str, Any]

    def is_on(self, faults: Sequence[dict[str, Any]]) -> bool:
        """Whether the list holds it."""
        return any(self._is_in(item) for item in faults)

    def change(self, faults: Sequence[dict[str, Any]], on: bool) -> dict[str, Any]:
        """The whole list: it is replaced as one."""
        others = [item for item in faults if not self._is_in(item)]
        return {"faults": [*others, self.fault] if on else others}

    def _is_in(self, item: dict[str, Any]) -> bool:
        return self.fault.items() <= item.items()


@dataclass(frozen=True)
class Blow:
    """A fault that happens once. `path` is the simulator's control, None for what the console does itself."""

    name: str
    label: str
    effect: str
    path: str | None
    body: dict[str, Any]
    of_guest: bool = False


@dataclass(frozen=True)
class Panel:
    """All faults of one platform."""

    switches: tuple[Switch, ...]
    blows: tuple[Blow, ...]

    def switch(self, name: str) -> Switch | None:
        """The switch of this name, if there is one."""
        return next((switch for switch in self.switches if switch.name == name), None)

    def blow(self, name: str) -> Blow | None:
        """The blow of this name, if there is one."""
        return next((blow for blow in self.blows if blow.name == name), None)


_WEBCHAT_SWITCHES = (
    WebchatSwitch(
        "storm",
        "429 storm",
        "Every call is answered 429, Retry-After 2 s.",
        {"throttle": {"rate": 1.0, "retry_after": "2"}},
        {"throttle": {"rate": 0.0, "retry_after": "2"}},
    ),
    WebchatSwitch("slow", "Slow", "Every call takes 1.5 s.", {"latency_ms": 1500.0}, {"latency_ms": 0.0}),
    WebchatSwitch(
        "reset",
        "Resets",
        "Every call ends in a connection reset.",
        {"reset_rate": 1.0},
        {"reset_rate": 0.0},
    ),
    WebchatSwitch(
        "refuse",
        "Sockets refused",
        "New guest sockets are answered 503.",
        {"refuse_handshake": 503},
        {"refuse_handshake": None},
    ),
    WebchatSwitch(
        "unavailable",
        "No typing endpoint",
        "Typing calls are answered 404.",
        {"typing_unavailable": True},
        {"typing_unavailable": False},
    ),
)

_DROP = Blow("drop", "Drop the sockets", "Every guest socket ends in a reset.", "drop-sockets", {"how": "reset"})
_KILL = Blow("kill", "Kill the keeper", "The process that holds the guest sockets dies at once.", None, {})

_WEBCHAT_BLOWS = (
    Blow("revoke", "Revoke the token", "CXone refuses the access token from now on.", "revoke-tokens", {}),
    Blow(
        "expire",
        "End the guest session",
        "CXone ends this visitor's session.",
        "expire-guest",
        {},
        of_guest=True,
    ),
    _DROP,
    _KILL,
)

_SAID = ["SenderTypingStarted", "SenderTypingEnded", "SendMessage"]
_GATEWAY_SWITCHES = (
    GatewaySwitch(
        "errors",
        "Error frames",
        "Typing and messages are answered with an error.",
        {"on": "frame", "do": "error", "types": _SAID},
    ),
    GatewaySwitch("slow", "Slow", "Every frame is taken 1.5 s late.", {"on": "frame", "do": "slow", "seconds": 1.5}),
    GatewaySwitch(
        "lost",
        "Answers lost",
        "Messages are taken, but the socket ends in a reset.",
        {"on": "frame", "do": "lost_answer", "types": ["SendMessage"]},
    ),
    GatewaySwitch(
        "mute", "Mute", "Sockets stay open, but nothing is taken or answered.", {"on": "socket", "do": "mute"}
    ),
    GatewaySwitch(
        "refuse",
        "Sockets refused",
        "New sockets are answered 503.",
        {"on": "handshake", "do": "refuse", "status": 503},
    ),
    GatewaySwitch(
        "duplicate", "Duplicates", "Whatever comes from CXone comes twice.", {"on": "push", "do": "duplicate"}
    ),
)
_GATEWAY_BLOWS = (
    Blow("revoke", "Revoke the tokens", "No token that was given out opens a socket any more.", "revoke-tokens", {}),
    _DROP,
    _KILL,
)

#: By the stack's platform.
PANELS = {"v1": Panel(_WEBCHAT_SWITCHES, _WEBCHAT_BLOWS), "dfo": Panel(_GATEWAY_SWITCHES, _GATEWAY_BLOWS)}

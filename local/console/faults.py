"""The page's faults: the name and effect of each, and the control of the simulated CXone that causes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Switch(Protocol):
    """A fault that lasts until it is switched off. `faults`: all of the simulator's, as its controls show them."""

    @property
    def name(self) -> str:
        """Its name in the page's calls."""

    @property
    def label(self) -> str:
        """Its label on the page."""

    @property
    def effect(self) -> str:
        """What it does, as a sentence."""

    def is_on(self, faults: Any) -> bool:
        """Whether it is on in these settings of the simulator."""

    def change(self, faults: Any, on: bool) -> dict[str, Any]:
        """What to PUT to switch it on or off and leave everything else unchanged."""


@dataclass(frozen=True)
class WebchatSwitch:
    """A fault of v1's simulator: the settings that switch it on, and off."""

    name: str
    label: str
    effect: str
    on: dict[str, Any]
    off: dict[str, Any]

    def is_on(self, faults: dict[str, Any]) -> bool:
        """Whether it is on in these settings of the simulator."""
        return all(faults.get(key) == value for key, value in self.on.items())

    def change(self, faults: dict[str, Any], on: bool) -> dict[str, Any]:
        """Only the named settings change."""
        return self.on if on else self.off


@dataclass(frozen=True)
class GatewaySwitch:
    """A fault of the gateway's simulator: one entry of its list."""

    name: str
    label: str
    effect: str
    fault: dict[str, Any]

    def is_on(self, faults: Sequence[dict[str, Any]]) -> bool:
        """Whether it is in the list."""
        return any(self._is_in(item) for item in faults)

    def change(self, faults: Sequence[dict[str, Any]], on: bool) -> dict[str, Any]:
        """The whole list, which is replaced at once."""
        others = [item for item in faults if not self._is_in(item)]
        return {"faults": [*others, self.fault] if on else others}

    def _is_in(self, item: dict[str, Any]) -> bool:
        return self.fault.items() <= item.items()


@dataclass(frozen=True)
class OneShotFault:
    """A fault that happens once. `path` is the simulator's control; None: the console does it itself."""

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
    one_shots: tuple[OneShotFault, ...]

    def switch(self, name: str) -> Switch | None:
        """The switch of this name, if there is one."""
        return next((switch for switch in self.switches if switch.name == name), None)

    def one_shot(self, name: str) -> OneShotFault | None:
        """The one-shot fault of this name, if there is one."""
        return next((fault for fault in self.one_shots if fault.name == name), None)

    def label_of(self, path: str) -> str:
        """The label of the button that uses this control of the simulator; of a control without a button, its path."""
        return next((fault.label for fault in self.one_shots if fault.path == path), path)


_WEBCHAT_SWITCHES = (
    WebchatSwitch(
        "storm",
        "429 storm",
        "Guest and typing calls are answered 429, Retry-After 2 s.",
        {"throttle": {"rate": 1.0, "retry_after": "2"}},
        {"throttle": {"rate": 0.0, "retry_after": "2"}},
    ),
    WebchatSwitch(
        "slow",
        "Slow",
        "Guest and typing calls take 1.5 s.",
        {"latency_ms": 1500.0},
        {"latency_ms": 0.0},
    ),
    WebchatSwitch(
        "reset",
        "Resets",
        "Guest and typing calls end in a connection reset.",
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

_DROP = OneShotFault(
    "drop",
    "Drop the sockets",
    "Every guest socket is reset. The keeper connects again.",
    "drop-sockets",
    {"how": "reset"},
)
_KILL = OneShotFault(
    "kill",
    "Kill the keeper",
    "The process that holds the guest sockets dies at once. Another takes over within a minute.",
    None,
    {},
)

_WEBCHAT_ONE_SHOTS = (
    OneShotFault(
        "revoke",
        "Revoke the token",
        "CXone refuses the access tokens issued so far. The relay gets a new one.",
        "revoke-tokens",
        {},
    ),
    OneShotFault(
        "expire",
        "End the guest session",
        "CXone ends this visitor's session. The keeper opens another.",
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
    GatewaySwitch("slow", "Slow", "Every frame is handled 1.5 s late.", {"on": "frame", "do": "slow", "seconds": 1.5}),
    GatewaySwitch(
        "lost",
        "Answers lost",
        "Messages are accepted, but the socket ends in a reset.",
        {"on": "frame", "do": "lost_answer", "types": ["SendMessage"]},
    ),
    GatewaySwitch(
        "mute", "Mute", "Sockets stay open, but nothing is accepted or answered.", {"on": "socket", "do": "mute"}
    ),
    GatewaySwitch(
        "refuse",
        "Sockets refused",
        "New sockets are answered 503.",
        {"on": "handshake", "do": "refuse", "status": 503},
    ),
    GatewaySwitch("duplicate", "Duplicates", "Every frame from CXone comes twice.", {"on": "push", "do": "duplicate"}),
)
_GATEWAY_ONE_SHOTS = (
    OneShotFault(
        "revoke",
        "Revoke the tokens",
        "No token issued so far opens a socket any more. The keeper gets a new one.",
        "revoke-tokens",
        {},
    ),
    _DROP,
    _KILL,
)

WEBCHAT = Panel(_WEBCHAT_SWITCHES, _WEBCHAT_ONE_SHOTS)
GATEWAY = Panel(_GATEWAY_SWITCHES, _GATEWAY_ONE_SHOTS)
#: Of a platform that nothing here simulates a keeper can be killed.
NO_SIMULATOR = Panel((), (_KILL,))

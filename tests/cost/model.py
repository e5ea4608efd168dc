"""How long things take that virtual time cannot tell. Everything else of the bill is counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from typing_relay.aws.connection import IDLE_S

from local.template_file import read_template

#: With this much memory a function has one whole core, and with less its share (AWS Lambda's guide).
MB_OF_A_CORE = 1769


@dataclass(frozen=True)
class Model:
    """All in ms."""

    #: One call, there and back, in the region: a read or write; StartExecution; a post to a connection.
    dynamodb: int = 5
    start_execution: int = 20
    post: int = 10
    #: A typing call to CXone, on a kept connection.
    cxone: int = 100
    #: From API Gateway's taking a frame to the handler, and from one state of a machine to the next.
    gateway: int = 10
    state: int = 10
    #: CPU of a whole core. `make bench ARGS=coalesced_key` measures 0.1 for a handler without its call and 0.2 for a
    #: call; Lambda's own runtime, and TLS, are taken to be as much again and more.
    invocation_cpu: float = 0.6
    call_cpu: float = 0.4
    #: A keeper's, by `make bench ARGS=keeper_traffic`: ms of a core for a call to AWS with what belongs to it, and the
    #: part of a core that a guest takes to whom nothing happens.
    keeper_call_cpu: float = 0.5
    keeper_guest_core: float = 7.5e-6
    #: Of a core, until a new environment of a function takes its first call (`make bench ARGS=cold_start`); it is paid
    #: for. How long AWS keeps one that is in use, it does not promise: some hours.
    init_cpu: float = 250
    environment_s: int = 7200
    #: A connection to DynamoDB that was not used for this long is not used again (``aws.connection``).
    connection_idle_s: float = IDLE_S
    #: A function that is given half of what the template says.
    halved: str = ""

    def memory_mb(self, function: str) -> int:
        """What ``function`` has."""
        return memory_mb(function) // (2 if function == self.halved else 1)

    def on_cpu(self, function: str, ms: float) -> float:
        """How long ``ms`` of a core's work take on the share that ``function`` has."""
        return ms * MB_OF_A_CORE / self.memory_mb(function)


@cache
def guests_a_task() -> int:
    """What a keeper task holds when scaling by guests has done its work: the target's part of KeeperMaxGuests."""
    return int(_template()["Parameters"]["KeeperMaxGuests"]["Default"] * _target("KeeperScalingByGuestsHeld"))


@cache
def core_a_task() -> float:
    """What a keeper task uses of a core when scaling by CPU has done its work."""
    return int(_template()["Resources"]["KeeperTask"]["Properties"]["Cpu"]) / 1024 * _target("KeeperScalingByCpu")


def _target(policy: str) -> float:
    tracking = _template()["Resources"][policy]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    return float(tracking["TargetValue"]) / 100


@cache
def _template() -> dict[str, Any]:
    return read_template()


@cache
def memory_mb(function: str) -> int:
    """The memory that template.yaml gives to a function."""
    properties = _template()["Resources"][function]["Properties"]
    return int(properties.get("MemorySize", _template()["Globals"]["Function"]["MemorySize"]))

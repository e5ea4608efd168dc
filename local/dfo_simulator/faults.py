"""What goes wrong at the simulated gateway: a list of faults, each for one place where things happen. Pure.

A place is an HTTP call (`channel`, `availability`, `authorize`, `message`, `attachment`, `s3_object`, `stream`), the
`handshake` of a socket, a `frame` that a visitor sent, a `push` (any frame that the gateway sends, answers included),
or a whole `socket`.
"""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from local.simulating.settings import (
    Parser,
    SettingError,
    checked,
    flag,
    number,
    one_of,
    or_null,
    share,
    text,
    whole_number,
)

NOBODYS_CALLS = ("channel", "availability", "attachment", "s3_object")  # they do not name their visitor
HTTP_CALLS = (*NOBODYS_CALLS, "authorize", "message")

_BEFORE_TAKING = ("refuse", "slow", "hang", "reset")
#: What can go wrong where.
ACTIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(HTTP_CALLS, (*_BEFORE_TAKING, "lost_answer")),
    "handshake": _BEFORE_TAKING,
    "stream": (*_BEFORE_TAKING, "cut"),  # cut: it ends half-way
    # error, ignore, reset, close, dropped: not accepted. unanswered, lost_answer, dropped_taken: accepted, then no
    # answer, a reset, or API Gateway's own error, which dropped brings, too.
    "frame": (
        *("error", "ignore", "slow", "reset", "close", "dropped"),
        *("unanswered", "lost_answer", "dropped_taken"),
    ),
    "push": ("lose", "slow", "duplicate", "late"),  # late: after the next one
    "socket": ("mute",),  # open, but nothing is accepted, sent or answered, not even a ping
}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    `on` is the place, `do` one of its ACTIONS. `types`: only frames of these event types (`heartbeat`, `pong`,
    `answer` and `error` count as types); None: all. `visitor`: only this visitor's; None: everybody's. `rate` is the
    share that it affects, `count` how often before it ends; None: without end. The other fields are for single actions:
    `seconds` to slow, hang and late, `status`, `code` and `retry_after` to refuse, `code` and `with_event_id` to error,
    `close_code` to close.
    """

    on: str
    do: str
    types: tuple[str, ...] | None = None
    visitor: str | None = None
    rate: float = 1.0
    count: int | None = None
    seconds: float = 1.0
    status: int = 503
    code: str | None = None
    retry_after: str | None = None
    with_event_id: bool = True
    close_code: int = 1001

    def befalls(self, on: str, kind: str, visitor: str | None) -> bool:
        """Whether it applies to this type of frame of this visitor at this place."""
        return (
            self.on == on
            and (self.types is None or kind in self.types)
            and (self.visitor is None or self.visitor == visitor)
        )

    def as_json(self) -> dict[str, Any]:
        """The fault as JSON, as in the control API."""
        return asdict(self)


class Faults:
    """The faults that are on. At most one happens at a time: the first of the list whose roll succeeds."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def replace(self, faults: Sequence[Fault], visitor: str | None = None) -> None:
        """Replace all faults by these; with a `visitor`, only this visitor's."""
        others = [] if visitor is None else [fault for fault in self._faults if fault.visitor != visitor]
        self._faults = [*others, *faults]

    def pick(self, roll: random.Random, on: str, kind: str = "", visitor: str | None = None) -> Fault | None:
        """The fault that happens this time, if any. Its count goes down by one."""
        for index, fault in enumerate(self._faults):
            if fault.befalls(on, kind, visitor) and (fault.rate >= 1 or roll.random() < fault.rate):
                if fault.count is not None:
                    self._use(index, fault, fault.count)
                return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """All faults that are on, with their remaining counts."""
        return [fault.as_json() for fault in self._faults]

    def _use(self, index: int, fault: Fault, count: int) -> None:
        if count > 1:
            self._faults[index] = replace(fault, count=count - 1)
        else:
            del self._faults[index]


def parse_faults(value: Any) -> list[Fault]:
    """The faults of a JSON list. Raises SettingError."""
    if not isinstance(value, list):
        raise SettingError("faults: expected a list of faults")
    return [_parse_fault(item) for item in value]


def _parse_fault(value: Any) -> Fault:
    if not isinstance(value, dict) or not {"on", "do"} <= value.keys():
        raise SettingError(f"expected a fault as an object with on and do, not {value!r}")
    fault = Fault(**{key: checked(_PARSERS, key, item) for key, item in value.items()})
    if fault.do not in ACTIONS[fault.on]:
        raise SettingError(f"do: on {fault.on} there are {', '.join(ACTIONS[fault.on])}, not {fault.do!r}")
    if fault.on == "socket" and (fault.count is not None or fault.rate < 1):
        raise SettingError("count, rate: a socket is mute as long as the fault is on")
    if fault.visitor is not None and fault.on in NOBODYS_CALLS:
        raise SettingError(f"visitor: a call of {fault.on} does not say whose it is")
    if fault.types is not None and fault.on not in ("frame", "push"):
        raise SettingError(f"types: only frame and push have types, not {fault.on}")
    return fault


def _types(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value or not all(isinstance(item, str) for item in value):
        raise ValueError("a list of event types")
    return tuple(value)


_PARSERS: dict[str, Parser] = {
    "on": one_of(*ACTIONS),
    "do": text,
    "types": or_null(_types),
    "visitor": or_null(text),
    "rate": share,
    "count": or_null(whole_number(1, 1_000_000)),
    "seconds": number(0, 600),
    "status": whole_number(400, 599),
    "code": or_null(text),
    "retry_after": or_null(text),
    "with_event_id": flag,
    "close_code": whole_number(1000, 4999),
}

"""What of a world decides its future: two worlds with one fingerprint need to be explored only once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from typing_relay.relay.burst import Session

from tests.simulation.world import Action, Process, World

#: Locals of a flow that are the same in every world.
_SURROUNDINGS = frozenset({"policy", "self"})


class Fingerprints:
    """Remembers how records read, as most of a world stays as it was."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Session, str]] = {}

    def of(self, world: World, pending: Iterable[Action], *more: Any) -> int:
        """A number for the record, CXone, the clock, all that is pending and what the watch will judge by."""
        actions = sorted(
            (action.at, action.kind, action.what, self._process(action.process), str(action.call))
            for action in pending
            if action.call or not action.process or action.process.is_alive
        )
        cxone = world.cxone
        guests = (str(cxone.shows), sorted(cxone.over), sorted(cxone.unavailable), world.keepers)
        record = (self._text(world.record), len(world.sessions.in_lease_index))
        return hash((world.now, record, str(guests), str(actions), world.watch.state(), more))

    def _process(self, process: Process | None) -> str:
        if process is None or not process.is_alive:
            return ""
        where = [process.what, process.ends_at, process.told_to_wait, process.then is None]
        flow: Any = process.flow
        while flow is not None and flow.gi_frame is not None:
            frame = flow.gi_frame
            if flow.__name__ != "perform":
                where.append((flow.__name__, frame.f_lasti, self._values(frame.f_locals)))
            flow = flow.gi_yieldfrom
        return str(where)

    def _values(self, values: dict[str, Any]) -> list[str]:
        return [f"{name}={self._text(value)}" for name, value in values.items() if name not in _SURROUNDINGS]

    def _text(self, value: Any) -> str:
        if not isinstance(value, Session):
            return str(value)
        known = self._texts.get(id(value))
        if known is None or known[0] is not value:
            known = self._texts[id(value)] = (value, str(value))
        return known[1]

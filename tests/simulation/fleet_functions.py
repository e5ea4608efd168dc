"""A Lambda of a fleet's world: one invocation runs a flow, step by step, and may die between any two.

Where the store has no capacity left it ends in good order: ``shed`` is called then, or else ``died``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from typing_relay.relay.effects import AskCxone, Effect, Flow, Sleep, TellCxone

from tests.simulation.process import Away
from tests.simulation.world import SENDER_MS

if TYPE_CHECKING:
    from tests.simulation.fleet import FleetWorld


class Function:
    """One invocation of a Lambda: ``then`` gets what it returns, ``died`` is called if it dies."""

    def __init__(
        self,
        world: FleetWorld,
        what: str,
        flow: Flow[Any],
        then: Callable[[Any], object],
        died: Callable[[], object],
        shed: Callable[[], object] | None = None,
    ) -> None:
        self._world, self._what, self._flow, self._then, self._died = world, what, flow, then, died
        self._shed = shed or died
        self._ends_at = world.now + SENDER_MS

    def go(self, value: Any) -> None:
        """Up to its next effect."""
        world = self._world
        try:
            due = world.runner.advance(self._flow, value)
        except StopIteration as finished:
            self._then(finished.value)
            return
        if isinstance(due, Sleep):
            world.later(world.now + due.ms, self._what, lambda: self.go(None))
            return
        # What leaves to CXone does so in time or never: the histories of v1 play that.
        ms = 0 if isinstance(due, TellCxone | AskCxone) else world.comes_late("step")
        world.later(world.now + world.pace + ms, self._what, lambda: self._effect(due))

    def _effect(self, due: Effect[Any]) -> None:
        world = self._world
        number = world.next_number("step")
        fault = world.fault("step", number)
        kind = fault.kind if fault else ""
        if kind in ("crash", "refuse"):
            self._dies()
            return
        world.sessions.request = "step", number  # the client's own retry has the same name
        try:
            value = world.runner.carry_out(due)
        except Away:
            self._ends(self._shed)
            return
        if kind == "again":
            value = world.runner.carry_out(due)
        name = type(due).__name__
        world.note(f"step {world.numbers['step']}: {self._what}: {name} -> {world.in_brief(value)} {kind}")
        if kind in ("crash-after", "refuse-after") or world.now >= self._ends_at:
            self._dies()
        else:
            answered_at = world.now + world.pace + (fault.ms if fault and kind == "hold" else 0)
            world.later(answered_at, self._what, lambda: self.go(value))

    def _dies(self) -> None:
        self._ends(self._died)

    def _ends(self, then: Callable[[], object]) -> None:
        self._world.note(f"{self._what} dies")
        self._flow.close()
        then()


def nothing(_: Any = None) -> None:
    """Nobody waits for it."""

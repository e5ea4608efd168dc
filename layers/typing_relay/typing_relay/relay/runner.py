"""Runs flows to their end in the calling thread, as a function or a worker thread does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from typing_relay.relay.effects import Effect, Flow, Instant, Now, OnRecords, Sessions, Sleep
from typing_relay.relay.message_writes import OnMessages
from typing_relay.relay.ports import Messages

T = TypeVar("T")
E = TypeVar("E", bound=Effect[Any])
#: An effect's type, and what carries it out: it takes the effect and returns the answer.
Handler = tuple[type[Effect[Any]], Callable[[Any], object]]


def handled_by(kind: type[E], do: Callable[[E], object]) -> Handler:
    """``do`` carries out effects of this kind."""
    return kind, do


@dataclass(frozen=True, slots=True)
class Runner:
    """Carries out effects: those of the stores there, the others by ``handlers``."""

    sessions: Sessions
    clock: Callable[[], int]
    handlers: Mapping[type[Effect[Any]], Callable[[Any], object]]
    #: None: this platform takes no messages.
    messages: Messages | None = None

    def run(self, flow: Flow[T], noticed: Callable[[Any], object] = lambda answer: None) -> T:
        """Run a flow to its end. Returns its result. ``noticed`` is given the answer to each effect outside."""
        try:
            due = self.advance(flow)
            while True:
                answer = self.carry_out(due)
                noticed(answer)
                due = self.advance(flow, answer)
        except StopIteration as finished:
            value: T = finished.value
            return value

    def advance(self, flow: Flow[Any], answer: Any = None) -> Effect[Any]:
        """Let ``flow`` go on to its next effect outside the process. Raises StopIteration with its result."""
        due = flow.send(answer)
        while isinstance(due, Instant):
            due = flow.send(self.carry_out(due))
        return due

    def carry_out(self, effect: Effect[T]) -> T:
        """The effect's answer. Raises TypeError for one that cannot occur where this runs."""
        answer: Any
        if isinstance(effect, OnRecords):
            answer = self.sessions.carry_out(effect)
        elif isinstance(effect, Now):
            answer = self.clock()
        elif isinstance(effect, Sleep):
            answer = time.sleep(effect.ms / 1000)  # type: ignore[func-returns-value]
        elif isinstance(effect, OnMessages) and self.messages is not None:
            answer = effect.on(self.messages)
        elif type(effect) in self.handlers:
            answer = self.handlers[type(effect)](effect)
        else:
            raise TypeError(f"{type(effect).__name__} is not to be carried out here")
        return answer  # type: ignore[no-any-return]

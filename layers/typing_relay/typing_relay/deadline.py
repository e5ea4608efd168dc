"""By when the work in hand must have ended: said once by whoever has a limited time, heeded by every call on the way.

A function's handler has what is left of its invocation, so that trouble ends in an error and not in a killed sandbox.
A keeper has no invocation: its calls have their own limits alone.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

#: Kept of an invocation, in s, for what follows the last call: the error, its line in the log, metrics, the answer.
MARGIN_S = 0.5

_ends_at: ContextVar[float] = ContextVar("ends_at", default=math.inf)  # s, of time.monotonic()

Event = TypeVar("Event")
Answer = TypeVar("Answer")


class Invocation(Protocol):
    """The part of Lambda's context that tells the time."""

    def get_remaining_time_in_millis(self) -> int:
        """How much of the function's timeout is left."""


def left_s() -> float:
    """How long the work in hand may still take, in s; infinite where nobody set a deadline, below 0 once it is over."""
    return _ends_at.get() - time.monotonic()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done inside ends in this many seconds from now. A deadline inside another cannot be later."""
    token = _ends_at.set(min(_ends_at.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends_at.reset(token)


def of_the_invocation(handler: Callable[[Event, Any], Answer]) -> Callable[[Event, Any], Answer]:
    """Give a Lambda handler the time that its invocation has left, less the margin."""

    @functools.wraps(handler)
    def in_time(event: Event, context: Invocation) -> Answer:
        with within(context.get_remaining_time_in_millis() / 1000 - MARGIN_S):
            return handler(event, context)

    return in_time

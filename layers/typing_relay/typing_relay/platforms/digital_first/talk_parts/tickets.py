"""Who waits for what became of a typing frame. On the loop's thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from typing_relay.platforms.digital_first.talk_parts.state import TalkState
from typing_relay.relay.outcomes import Kind, Outcome

logger = logging.getLogger(__name__)


class Tickets:
    """One for each frame that is wanted; its holder hears once, and later."""

    def __init__(self, state: TalkState) -> None:
        self._state = state
        self._callbacks: dict[str, Callable[[Outcome], object]] = {}
        self._number = 0

    def new(self, on_outcome: Callable[[Outcome], object]) -> str:
        """The ticket of ``on_outcome``."""
        self._number += 1
        ticket = str(self._number)
        self._callbacks[ticket] = on_outcome
        return ticket

    def frame_left(self, ticket: str, typing: bool, on_outcome: Callable[[Outcome], object]) -> None:
        """The frame that this ticket is for is on its way: how it ends is logged, too."""
        self._callbacks[ticket] = partial(self._ended, typing, self._state.context.clock(), on_outcome)

    def tell(self, ticket: str, outcome: Outcome) -> None:
        """Later: who hears of it may want more at once."""
        on_outcome = self._callbacks.pop(ticket, None)
        if on_outcome:
            self._state.context.loop.call_soon(partial(on_outcome, outcome))

    def close(self) -> None:
        """Nobody hears any more what came of what is on its way."""
        tickets, self._callbacks = self._callbacks, {}
        for on_outcome in tickets.values():
            on_outcome(Outcome(Kind.LOST, reason="this keeper no longer holds the guest"))

    def _ended(self, typing: bool, began: int, on_outcome: Callable[[Outcome], object], outcome: Outcome) -> None:
        """A line as the sender's (``reporting``): what was said, when, how it ended, how long until that was known."""
        log = logger.info if outcome.kind in (Kind.ACCEPTED, Kind.ENDED) else logger.warning
        ended = {"outcome": outcome.kind, "ms": self._state.context.clock() - began}
        if outcome.reason:
            ended["reason"] = outcome.reason
        log("cxone typing", extra={"session": self._state.session_id, "typing": typing, "began": began, **ended})
        on_outcome(outcome)

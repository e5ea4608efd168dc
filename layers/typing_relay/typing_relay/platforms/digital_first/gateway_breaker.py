"""A circuit breaker for the gateway, in one keeper: while most of its visitors are turned away, none is sent there.

All visitors come from the relay's address. Who is turned away alone meets a limit of its own, and waits alone. Where
most are, it is the gateway, or a limit of the address: then the keeper pauses, and its visitors come back one after the
other. An address that is refused for good concerns everybody at once. The rules are those of the webchat API's breaker
(``relay/breaker.py``); a keeper counts its own calls alone, as it sees those of hundreds of visitors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from typing_relay.platforms.digital_first.api import Access, ChannelSettings
from typing_relay.platforms.digital_first.identity import Visitor
from typing_relay.platforms.digital_first.ports import Entrance
from typing_relay.relay import breaker
from typing_relay.relay.breaker import LONGEST_PAUSE_MS, RETURN_MS, Pause, Tally
from typing_relay.relay.outcomes import Kind, Outcome

#: Whoever was refused asks again after a minute, and finds the pause over, its own turn included.
ADDRESS_PAUSE_MS = LONGEST_PAUSE_MS - RETURN_MS


class Call(Enum):
    """What is asked of the gateway. A token that is given says nothing of whether sockets can be opened."""

    TOKEN = auto()
    SOCKET = auto()


class GatewayBreaker:
    """On any thread. ``report`` hears of each pause: how long it is (ms), and the outcome that began it."""

    def __init__(self, report: Callable[[int, Outcome], object] = lambda ms, outcome: None) -> None:
        self._report = report
        self._counting = threading.Lock()
        self._pause, self._of_address = Pause(), False
        self._window = 0
        self._tallies = dict.fromkeys(Call, Tally())

    def paused(self, session_id: str, now: int) -> Outcome | None:
        """Why this visitor is not sent to the gateway for now, and for how long; None: it may go.

        ``now``: ms of a clock that never goes back.
        """
        waits_ms = self._pause.until + breaker.turn_ms(session_id) - now
        if not self._pause.until or waits_ms <= 0:
            return None
        if self._of_address:
            return Outcome(Kind.DENIED, waits_ms, "CXone refuses the relay's address")
        return Outcome(Kind.THROTTLED, waits_ms, "the gateway turns most visitors away")

    def note(self, call: Call, session_id: str, outcome: Outcome, now: int) -> None:
        """This came of a call for a visitor. What its page is to blame for says nothing of the gateway."""
        if outcome.by_visitor:
            return
        with self._counting:
            pause = self._paused_by(call, session_id, outcome, now)
            if pause is None:
                return
            self._pause, self._of_address = pause, outcome.of_address
            self._tallies = dict.fromkeys(Call, Tally())
        self._report(pause.until - now, outcome)

    def _paused_by(self, call: Call, session_id: str, outcome: Outcome, now: int) -> Pause | None:
        if now < self._pause.until:
            return None  # it left before the pause began
        if breaker.window_of(now) != self._window:
            self._window, self._tallies = breaker.window_of(now), dict.fromkeys(Call, Tally())
        tally = breaker.added(self._tallies[call], breaker.tally_of(session_id, outcome))
        self._tallies[call] = tally
        if outcome.of_address:
            return Pause(now + ADDRESS_PAUSE_MS, self._pause.in_a_row + 1)
        return breaker.next_pause(tally, self._pause, now) if breaker.must_open(tally) else None


@dataclass(frozen=True, slots=True)
class WatchedGateway:
    """A gateway whose answers to one visitor's token requests are reported to the breaker, at its ``now``."""

    gateway: Entrance
    breaker: GatewayBreaker
    session_id: str
    now: Callable[[], int]

    def channel(self) -> ChannelSettings | Outcome:
        """As the gateway has it."""
        return self.gateway.channel()

    def authorize(self, visitor: Visitor, grant: Mapping[str, str] | None = None) -> Access | Outcome:
        """As the gateway answers."""
        access = self.gateway.authorize(visitor, grant)
        if isinstance(access, Outcome) or access.token:  # else none was asked for
            outcome = access if isinstance(access, Outcome) else Outcome(Kind.ACCEPTED)
            self.breaker.note(Call.TOKEN, self.session_id, outcome, self.now())
        return access

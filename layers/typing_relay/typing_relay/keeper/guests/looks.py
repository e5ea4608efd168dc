"""When the record of each guest that is held is looked at: a visitor may have left, or another keeper have the guest.

Each has its turn after half a minute. Where nothing has happened for minutes, every other turn is passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from typing_relay.keeper.guests.hand import Hand
from typing_relay.keeper.io.loop import Loop
from typing_relay.relay.burst import Session

TICK_S = 1.0
#: Nothing was told, no key or stop came, and nobody connected for this long: no agent types of whom a page that is
#: loaded anew should hear (``AgentTypingSeconds`` is at most this).
QUIET_S = 300


class Looks:
    """On the loop's thread. ``hands``: the guests by session id, the one whose turn was longest ago first.

    ``every_s``: from turn to turn; ``batch``: how many records are read together at most, by ``look_at``.
    """

    def __init__(
        self, loop: Loop, hands: dict[str, Hand], every_s: float, batch: int, look_at: Callable[[list[Hand]], object]
    ) -> None:
        self._loop, self._hands, self._every_s, self._batch, self._look_at = loop, hands, every_s, batch, look_at

    def start(self) -> None:
        """Look from now on, each second at whose turn has come."""
        self._loop.call_later(TICK_S, self._look)

    def seen(self, hand: Hand, record: Session) -> None:
        """So the record of ``hand`` stood: note whether its visitor has done anything."""
        seen = record.revision, record.connections
        if seen != hand.seen:
            hand.seen, hand.changed_at = seen, self._loop.time()

    def _look(self) -> None:
        self._loop.call_later(TICK_S, self._look)
        due = self._loop.time() - self._every_s
        while self._hands and next(iter(self._hands.values())).turn_at <= due:
            self._look_at_batch(due + self._every_s / 3)

    def _look_at_batch(self, until: float) -> None:
        """Of those whose last turn was before ``until``: those that are due, filled up with those that are due next."""
        looked_at: list[Hand] = []
        for hand in takewhile(lambda hand: hand.turn_at <= until, list(self._hands.values())):
            self._take_turn(hand)
            if not hand.passed_over:
                looked_at.append(hand)
            if len(looked_at) == self._batch:
                break
        if looked_at:
            self._look_at(looked_at)

    def _take_turn(self, hand: Hand) -> None:
        session_id, now = hand.held.session_id, self._loop.time()
        hand.turn_at = now
        self._hands[session_id] = self._hands.pop(session_id)
        is_quiet = bool(hand.held.socket) and now - max(hand.told_at, hand.changed_at) >= QUIET_S
        hand.passed_over = is_quiet and not hand.passed_over

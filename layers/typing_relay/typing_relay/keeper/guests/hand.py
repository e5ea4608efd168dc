"""One guest in a keeper's hands: its state (``guest``), and what carrying that out needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field

from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.talk import Talk
from typing_relay.keeper.io.loop import Timer
from typing_relay.keeper.io.sockets import GuestSocket


@dataclass(slots=True, eq=False)
class Hand:
    """``talk`` is set right after it was made."""

    held: guest.Held
    talk: Talk = field(init=False)
    sockets: dict[int, GuestSocket] = field(default_factory=dict)
    #: Sockets whose talk prepares them; each has its place among the openings.
    preparing: frozenset[int] = frozenset()
    #: How often its guest was to be created, and whether that waits for its turn.
    creations: int = 0
    creation_waits: bool = False
    #: The next status that is written says that typing can be shown from now on: latency is measured from then
    #: (``SetGuestStatus.begins``).
    begins: bool = False
    #: It was taken here, and no answer of the record has said otherwise since.
    is_ours: bool = False
    alarm: Timer | None = None
    alarm_at: int | None = None
    #: When (s, the loop's) its turn to be looked at last came, and whether that was passed over.
    turn_at: float = 0.0
    passed_over: bool = False
    #: When the visitor was last told anything, and when the record was last seen to have changed (s).
    told_at: float = 0.0
    changed_at: float = 0.0
    #: What tells whether it has: its inputs, and who is connected.
    seen: tuple[int, frozenset[str]] | None = None
    #: How often the visitor's connections were called, and when last (s).
    calls: int = 0
    called_at: float = 0.0

    @property
    def is_worth_a_line(self) -> bool:
        """Its failures 1, 2, 4, 8, …: thousands of guests that cannot reconnect must not flood the log."""
        return self.held.failures & (self.held.failures + 1) == 0

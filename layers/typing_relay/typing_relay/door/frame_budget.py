"""How many frames one connection may send: a token bucket, a count of bad frames, and when to hang up.

Pure rules over a frozen `Budget`, and `Budgets`, which keeps those of this process's connections. A process
counts only what it serves itself: with n warm Lambdas a connection may reach n times the rate before all of
them refuse. That is meant: an exact count would cost a write per frame, which the limit is there to save. The
bounds that hold whatever happens are the API stage's throttles.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import Enum, auto

MAX_BAD_FRAMES = 20
MAX_EXCESS_FRAMES = 400  # at twice the default rate: 20 s of it
TELL_EVERY_MS = 1000
MAX_CONNECTIONS = 10_000  # about 3 MB; the connection longest silent is forgotten first


class Ruling(Enum):
    """What to do with a frame."""

    TAKE = auto()
    REFUSE = auto()  # answer rate_limited
    DROP = auto()  # refuse without an answer: one was given less than a second ago
    CLOSE = auto()  # enough of this connection


@dataclass(frozen=True)
class Limits:
    """Sustained frames per second and how many may come at once."""

    rate: float = 20
    burst: float = 40


@dataclass(frozen=True)
class Budget:
    """What one connection may still send, at a time.

    frames: left in the bucket at `at` (epoch ms). bad, excess: frames of each kind so far.
    told_at: when rate_limited was last answered (epoch ms).
    """

    frames: float
    at: int
    bad: int = 0
    excess: int = 0
    told_at: int | None = None


def spend(budget: Budget, limits: Limits, now: int) -> tuple[Budget, Ruling]:
    """Account for one frame that came at `now` (epoch ms); a late one counts as of the latest seen."""
    now = max(now, budget.at)
    frames = min(limits.burst, budget.frames + (now - budget.at) * limits.rate / 1000)
    if frames >= 1:
        return replace(budget, frames=frames - 1, at=now), Ruling.TAKE
    budget = replace(budget, frames=frames, at=now, excess=budget.excess + 1)
    if budget.excess >= MAX_EXCESS_FRAMES:
        return budget, Ruling.CLOSE
    if budget.told_at is not None and now - budget.told_at < TELL_EVERY_MS:
        return budget, Ruling.DROP
    return replace(budget, told_at=now), Ruling.REFUSE


def note_bad_frame(budget: Budget) -> tuple[Budget, bool]:
    """Account for one bad frame; True: it was the last that is borne, close the connection."""
    budget = replace(budget, bad=budget.bad + 1)
    return budget, budget.bad >= MAX_BAD_FRAMES


class Budgets:
    """The budgets of the connections that this process serves."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_connection: OrderedDict[str, Budget] = OrderedDict()

    def spend(self, connection: str, now: int) -> Ruling:
        """Rule on a frame of `connection` that came at `now` (epoch ms)."""
        budget = self._by_connection.get(connection) or Budget(frames=self._limits.burst, at=now)
        budget, ruling = spend(budget, self._limits, now)
        self._keep(connection, budget)
        return ruling

    def note_bad_frame(self, connection: str) -> bool:
        """Count a bad frame of `connection`, after `spend`; True: close the connection."""
        budget, close = note_bad_frame(self._by_connection[connection])
        self._keep(connection, budget)
        return close

    def _keep(self, connection: str, budget: Budget) -> None:
        self._by_connection[connection] = budget
        self._by_connection.move_to_end(connection)
        if len(self._by_connection) > MAX_CONNECTIONS:
            self._by_connection.popitem(last=False)

"""How many frames one connection, and one session, may send, and how many handshakes an address: a token bucket.

Pure rules over a frozen `Budget`, and `Budgets`, which keeps those of this process. A process counts only the frames
it handles itself: with n warm Lambdas a connection may reach n times the rate before all of them refuse. An exact count
would cost one write per frame, the very cost that the limit saves. A session's budget is told, with each record that a
frame reads or writes, how many keys and stops all processes have taken in (`charge`): so all of them together take
little more than one of them may (T18). The API stage's throttles hold whatever happens.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum, auto

from typing_relay.relay.value import changed

MAX_BAD_FRAMES = 20
MAX_EXCESS_FRAMES = 400  # 20 s at twice the default rate
ANSWER_EVERY_MS = 1000
UNKNOWN_SHARE = 0.25
MAX_CONNECTIONS = 10_000  # about 3 MB; the least recently used is forgotten first


class Ruling(Enum):
    """What to do with a frame."""

    TAKE = auto()
    REFUSE = auto()  # answer rate_limited
    DROP = auto()  # refuse without an answer: one was given less than a second ago
    CLOSE = auto()  # too many were in excess: close the connection


@dataclass(frozen=True)
class FrameLimits:
    """`rate`: sustained frames per second; `burst`: how many may come at once."""

    rate: float = 20
    burst: float = 40

    def times(self, factor: float) -> "FrameLimits":
        """This many times as much."""
        return FrameLimits(self.rate * factor, self.burst * factor)


@dataclass(frozen=True)
class Budget:
    """What one connection, or session, may still send.

    frames: left in the bucket at `at` (epoch ms). bad, excess: frames of each kind so far.
    answered_at: when rate_limited was last answered (epoch ms).
    revision: of the session's record when it was last seen (`Session.revision`); None: not yet.
    spare: what a full bucket could not take since then: others' frames are paid from it first.
    """

    frames: float
    at: int
    bad: int = 0
    excess: int = 0
    answered_at: int | None = None
    revision: int | None = None
    spare: float = 0


def spend(budget: Budget, limits: FrameLimits, now: int) -> tuple[Budget, Ruling]:
    """Account for one frame that came at `now` (epoch ms); one that comes out of order counts at the latest time seen.

    Returns the new budget, and what to do with the frame.
    """
    now = max(now, budget.at)
    refilled = budget.frames + (now - budget.at) * limits.rate / 1000
    frames = min(limits.burst, refilled)
    spare = budget.spare + refilled - frames
    if frames >= 1:
        return changed(budget, frames=frames - 1, at=now, spare=spare), Ruling.TAKE
    budget = changed(budget, frames=frames, at=now, spare=spare, excess=budget.excess + 1)
    if budget.excess >= MAX_EXCESS_FRAMES:
        return budget, Ruling.CLOSE
    if budget.answered_at is not None and now - budget.answered_at < ANSWER_EVERY_MS:
        return budget, Ruling.DROP
    return changed(budget, answered_at=now), Ruling.REFUSE


def charge(budget: Budget, limits: FrameLimits, revision: int) -> Budget:
    """Account for what other processes took of this session: its record, as this frame left it, is at `revision`.

    When they took it is not known. While this bucket was full it cost little; but it may have come just now, so at most
    `UNKNOWN_SHARE` of a burst is left.
    """
    before = 0 if budget.revision is None else budget.revision
    others = max(0, revision - before - 1)
    unpaid = 0.0 if budget.revision is None else max(0.0, others - budget.spare)
    left = min(budget.frames, limits.burst * UNKNOWN_SHARE) if others else budget.frames
    return changed(budget, frames=left - unpaid, revision=revision, spare=0)


def retry_in_ms(budget: Budget, limits: FrameLimits) -> int:
    """How long after its last frame a frame is taken again, if none comes in the meantime."""
    return max(0, math.ceil((1 - budget.frames) * 1000 / limits.rate))


def note_bad_frame(budget: Budget) -> tuple[Budget, bool]:
    """Account for one bad frame. Returns the new budget, and True when it was one too many: close the connection."""
    budget = changed(budget, bad=budget.bad + 1)
    return budget, budget.bad >= MAX_BAD_FRAMES


class Budgets:
    """The budgets of the connections, sessions or addresses of which this process handles something."""

    def __init__(self, limits: FrameLimits) -> None:
        self._limits = limits
        self._by_connection: OrderedDict[str, Budget] = OrderedDict()

    def spend(self, connection: str, now: int) -> Ruling:
        """What to do with a frame of `connection` that came at `now` (epoch ms)."""
        budget = self._by_connection.get(connection) or Budget(frames=self._limits.burst, at=now)
        budget, ruling = spend(budget, self._limits, now)
        self._keep(connection, budget)
        return ruling

    def retry_in_ms(self, connection: str) -> int:
        """After ``spend``: how long until a frame of ``connection`` is taken, if none comes in the meantime."""
        return retry_in_ms(self._by_connection[connection], self._limits)

    def saw(self, session_id: str, revision: int) -> None:
        """The record of this session is at `revision`, after a frame that was taken."""
        budget = self._by_connection.get(session_id)
        if budget is not None:
            self._keep(session_id, charge(budget, self._limits, revision))

    def pay(self, session_id: str, frames: float) -> None:
        """A frame of this session, after `spend`, was as much work as this many more."""
        budget = self._by_connection[session_id]
        self._keep(session_id, changed(budget, frames=budget.frames - frames))

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

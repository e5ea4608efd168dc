"""CXone as the simulation has it: guests that show typing or not, and calls with a beginning, a taking, an answer."""

from __future__ import annotations

from dataclasses import dataclass

from typing_relay.platforms.webchat.guests import LATEST_WRITE_MS, READ_TIMEOUT_S
from typing_relay.relay.outcomes import Kind, Outcome

from tests.simulation.history import Fault

#: How long a call may be under way: the relay's HTTP time limits. CXone takes nothing after.
HTTP_LIMIT_MS = 4_000
#: The same where connecting took long: a call is written no later than the relay allows, and then has a read's time.
LATE_LIMIT_MS = LATEST_WRITE_MS + int(READ_TIMEOUT_S * 1000)


@dataclass(slots=True)
class Call:
    """A typing POST, or a GET (``typing`` None)."""

    number: int
    guest: str
    typing: bool | None
    began: int
    generation: int
    #: CXone has acted on it, or will no more.
    is_taken: bool = False
    #: The relay has the answer, or its process died.
    is_answered: bool = False
    #: What a GET read.
    read: bool = False
    fault: Fault | None = None

    def is_under_way(self, now: int) -> bool:
        """Its sender waits for the answer, or CXone may still act on it."""
        return not (self.is_answered and self.is_taken) and now < self.ends_at

    @property
    def ends_at(self) -> int:
        """When its sender gives it up, and CXone takes it no more."""
        is_late = self.fault is not None and self.fault.kind == "late"
        return self.began + (LATE_LIMIT_MS if is_late else HTTP_LIMIT_MS)


class Breaker:
    """The senders' breaker: closed, unless a history opens it."""

    def __init__(self) -> None:
        self.pauses_until = 0

    def paused_until(self, now: int) -> int:
        """Of the port."""
        return self.pauses_until

    def note(self, guest_id: str, outcome: Outcome, now: int) -> None:
        """Of the port. One visitor's outcomes say nothing of CXone as a whole."""


class Cxone:
    """What agents see, guest by guest."""

    def __init__(self) -> None:
        self.shows: dict[str, bool] = {}
        self.over: set[str] = set()
        self.unavailable: set[str] = set()

    def create_guest(self) -> str:
        """A new guest, shown as not typing."""
        guest = f"guest-{len(self.shows) + 1}"
        self.shows[guest] = False
        return guest

    def end_all_guests(self) -> None:
        """The guest sessions are over: 403 from now on."""
        self.over.update(self.shows)

    def forget(self) -> None:
        """CXone does not keep typing state for ever (CXone fact)."""
        self.shows = dict.fromkeys(self.shows, False)

    def stuck(self) -> list[str]:
        """Guests that an agent sees typing and could still be told not to."""
        gone = self.over | self.unavailable
        return [guest for guest, typing in self.shows.items() if typing and guest not in gone]

    def take(self, call: Call) -> None:
        """Act on ``call``, unless it is refused or gets lost on its way."""
        call.is_taken = True
        kind = call.fault.kind if call.fault else ""
        if kind == "over":
            self.over.add(call.guest)
        if kind == "unavailable":
            self.unavailable.add(call.guest)
        if call.guest in self.over or call.guest in self.unavailable:
            return
        call.read = self.shows[call.guest]
        if call.typing is not None and kind in ("", "slow", "late", "lost", "failed-taken", "orphan"):
            self.shows[call.guest] = call.typing

    def answer(self, call: Call) -> bool | Outcome:
        """What the relay hears."""
        fault = call.fault
        if fault is not None and fault.kind in ("lost", "lost-untaken"):
            return Outcome(Kind.LOST)
        if call.guest in self.over:
            return Outcome(Kind.GUEST_OVER)
        if call.guest in self.unavailable:
            return Outcome(Kind.UNAVAILABLE)
        match fault.kind if fault else "":
            case "throttled":
                return Outcome(Kind.THROTTLED, fault.ms if fault else 0)
            case "unsent":
                return Outcome(Kind.THROTTLED)
            case "failed" | "failed-taken":
                return Outcome(Kind.FAILED)
            case "denied":
                return Outcome(Kind.DENIED)
        return call.read if call.typing is None else Outcome(Kind.ACCEPTED)

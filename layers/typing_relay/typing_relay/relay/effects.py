"""Effects: what a flow asks of the world outside, as values.

A flow yields an effect and is sent its answer: ``Effect[T]`` is answered with a ``T``. Who drives the flow looks at the
effect's type and carries it out: ``relay.runner`` in a function, ``platforms.digital_first.owners`` in a keeper, the
simulation in its own time.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Outcome
from typing_relay.relay.ports import Standing
from typing_relay.relay.updates import Update
from typing_relay.relay.value import Value

T = TypeVar("T")


class Effect(Value, Generic[T]):
    """What a flow asks for; its driver answers with a ``T``."""


Flow = Generator[Effect[Any], Any, T]


def perform(effect: Effect[T]) -> Flow[T]:
    """Have ``effect`` carried out; returns its answer.

    By whom: a store's effect has a method ``on``, which ``Runner.carry_out`` calls with the store; for the others see
    the table of the function's runner in ``runtime``, and in a keeper ``digital_first.owners``.
    """
    answer: T = yield effect
    return answer


# --- within the process: they take no time and cannot fail


class Instant(Effect[T]):
    """An effect that its driver answers at once, as if the flow had not been left."""


class Now(Instant[int]):
    """The time, in epoch ms."""


class Jitter(Instant[float]):
    """A random number from 0 to 1."""


class Latency(StrEnum):
    """What people perceive of the relay, as names of metrics."""

    #: From the first key of a burst to its accepted ``true``.
    FIRST_KEY_TO_SHOWN = "FirstKeyToShown"
    #: From the last key to the accepted ``false``.
    LAST_KEY_TO_ENDED = "LastKeyToEnded"


class ReportLatency(Instant[None]):
    """Record ``ms`` as a metric. Nothing depends on it."""

    latency: Latency
    ms: int


# --- outside


class Sleep(Effect[None]):
    """Wait ``ms`` and do nothing else."""

    ms: int


class Sessions(Protocol):
    """The store of session records. Every write is conditional; ``False`` or ``None``: its condition failed."""

    def carry_out(self, effect: OnRecords[T]) -> T:
        """What ``effect`` is answered with."""

    def write(self, update: Update[T]) -> T:
        """Carry out ``update``, if its condition holds."""

    def get(self, session_id: str, now: int) -> Session | None:
        """The record; None where there is none, or it is past its ``expires_at`` (T11)."""

    def create(self, session_id: str, now: int, expires_at: int) -> None:
        """An empty record, unless there is one."""

    def prune(self, record: Session, before: int) -> None:
        """Forget connections that have gone, those that were heard of ``before`` (epoch ms) first."""


class OnRecords(Effect[T]):
    """A read or write of the store of session records."""

    def on(self, sessions: Sessions) -> T:
        """Carry it out there."""
        raise NotImplementedError


class Read(OnRecords[Session | None]):
    """A session's record; None when it is absent or expired at ``now`` (ms). Consistent."""

    session_id: str
    now: int

    def on(self, sessions: Sessions) -> Session | None:
        """Carry it out there."""
        return sessions.get(self.session_id, self.now)


class StartOwner(Effect[bool]):
    """Start the owner ``generation`` of this record's burst; False when that failed. See ``runtime.visitor_runner``.

    ``is_claimed``: that generation is the record's. Else the owner claims it by its first write, which a keeper does;
    False then also where the guest's keeper, of a version before, cannot.
    """

    record: Session
    generation: int
    is_claimed: bool = True


class AskForGuest(Effect[None]):
    """Ask the keepers to hold a guest for this session."""

    session_id: str


class TellCxone(Effect[Outcome]):
    """Tell CXone whether the guest is typing: ``runtime.sender_runner``, in a keeper ``digital_first.owners``."""

    guest_id: str
    typing: bool


class AskCxone(Effect[bool | Outcome]):
    """Ask CXone whether it shows the guest as typing."""

    guest_id: str


class AskBreaker(Effect[int]):
    """When the pause of the circuit breaker that all senders share ends (epoch ms); 0: there is none."""

    now: int


class TellBreaker(Effect[None]):
    """How a call to CXone for this guest ended, at ``now`` (ms)."""

    guest_id: str
    outcome: Outcome
    now: int


class TellTypingUnavailable(Effect[None]):
    """Tell the visitor's front ends, once, that CXone offers no typing for this guest."""

    record: Session


class IsThere(Effect[bool]):
    """Ask API Gateway whether a connection still exists."""

    connection: str


class KeepOpen(Effect[bool]):
    """Send a pong that nobody asked for, so that API Gateway does not end an idle connection; False: it is gone."""

    connection: str


class Hint(StrEnum):
    """What a keeper is nudged about, other than a burst: the key in the nudge."""

    #: Messages of the visitor wait.
    MESSAGES = "messages"
    #: The visitor has seen all messages.
    SEEN = "seen"
    #: A front end of the visitor has connected, and knows nothing of the conversation yet.
    GREETED = "greeted"
    #: The visitor ends the conversation.
    END = "end"
    #: A front end asks for earlier messages; ``about``: those before this one.
    HISTORY = "history"
    #: The visitor wants a transcript; ``about``: the e-mail address.
    TRANSCRIPT = "transcript"
    #: A page has signed its visitor in.
    SIGNED_IN = "signed_in"


class Nudge(Effect[bool]):
    """Nudge the keeper that the record names. A hint; False: it was lost."""

    record: Session
    hint: Hint
    about: str = ""

    @property
    def body(self) -> dict[str, str]:
        """What the keeper is sent."""
        return {self.hint: self.record.session_id, **({"about": self.about} if self.about else {})}


class TellStanding(Effect[None]):
    """Send the front ends of this session the status of a message."""

    record: Session
    message_id: str
    standing: Standing

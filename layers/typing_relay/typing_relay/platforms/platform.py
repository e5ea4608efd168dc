"""What a chat platform must offer: all that the rest of the relay knows of it.

A platform is a folder beside this file. The folder's ``platform.py`` holds a ``PLATFORM``, and ``registry.py`` gives it
the name by which a deployment chooses it. Every function loads that file in a cold start: at its top it imports nothing
but this file, and the rest where it is called.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing_relay.aws.sessions import DynamoSessions
    from typing_relay.keeper.counters import Counters
    from typing_relay.keeper.guests.talk import Talk, TalkHost
    from typing_relay.keeper.io.jobs import Workers
    from typing_relay.keeper.io.loop import Loop
    from typing_relay.keeper.visitors.outbox import Outbox
    from typing_relay.relay.burst import Policy
    from typing_relay.relay.effects import Latency
    from typing_relay.relay.outcomes import Outcome
    from typing_relay.relay.ports import Guests, Messages
    from typing_relay.relay.runner import Runner


@dataclass(frozen=True, slots=True)
class Platform:
    """``verifies``: it can be asked what it shows; where it cannot, what is uncertain is told again.

    ``calls``: makes what a Lambda calls to say who types; its argument is called with the pause (ms) when the breaker
    opens. Then an execution of the state machine owns a burst. None: that is said on the visitor's own socket. Then the
    keeper that holds it owns the burst, and there is no guest without a socket. Each of its functions raises
    SettingWrong or InsecureUrl.
    """

    verifies: bool
    in_keeper: Callable[[Lent], InKeeper]
    calls: Callable[[Callable[[int], None]], Calls] | None = None
    #: Gives whether a file that a visitor sends may be at a URL. None: no message is taken, wherever its files are.
    file_urls: Callable[[], Callable[[str], bool]] | None = None

    @property
    def speaks_on_socket(self) -> bool:
        """Only who holds a visitor's socket can say there that the visitor types."""
        return self.calls is None


class Breaker(Protocol):
    """Pauses new signals of all visitors while most are in trouble."""

    def paused_until(self, now: int) -> int:
        """When the next may leave (epoch ms)."""

    def note(self, guest_id: str, outcome: Outcome, now: int) -> None:
        """This came of a call for ``guest_id``."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What a sender calls. ``breaker``: None where the platform has none."""

    guests: Guests
    breaker: Breaker | None = None


@dataclass(frozen=True, slots=True)
class Lent:
    """What a keeper lends to its platform. ``clock``: epoch ms; ``talk``: that of a guest held here.

    ``messages``: None where the deployment has no table for them. ``agent_typing_ms``: an agent types no longer when
    nothing has renewed it for this long. ``report_latency`` takes a metric and ms, from any thread.
    """

    keeper: str
    loop: Loop
    workers: Workers
    sessions: DynamoSessions
    messages: Messages | None
    outbox: Outbox
    counters: Counters
    clock: Callable[[], int]
    policy: Policy
    ask_for_guest: Callable[[str], None]
    agent_typing_ms: int
    tls: ssl.SSLContext
    talk: Callable[[str], Talk | None]
    report_latency: Callable[[Latency, int], None]


@dataclass(frozen=True, slots=True)
class InKeeper:
    """A platform's part in a keeper: what is said on a guest's sockets and, where it is said there that somebody types,
    who owns the bursts."""

    talk_of: Callable[[TalkHost], Talk]
    bursts: BurstsHere | None = None


class BurstsHere(Protocol):
    """Owns the bursts of the visitors whose sockets this keeper holds."""

    @property
    def runner(self) -> Runner:
        """Runs the flows by which a burst without an owner is taken up here."""

    def can_own(self, session_id: str) -> bool:
        """Whether this session's burst can be owned here."""

    def start(self) -> None:
        """Before the loop runs."""

    def stop(self) -> None:
        """Nothing new is taken up."""

"""Which agents type, as a visitor is to be told (T16). Pure: frozen data, times are epoch ms of this relay's clock.

CXone says when an agent starts and stops, and its words can be lost, late or in another order. So an agent also
stops typing with a message of its own, when another agent takes its place, and by itself when nothing renews it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

#: An agent types no longer when nothing has renewed it for this long (``AgentTypingSeconds``). How often CXone renews
#: it while an agent types on is not known.
USUAL_LIFE_MS = 60_000
#: A start that may be older than what ended the typing counts this long only, unless it is renewed.
DOUBTFUL_LIFE_MS = 10_000
#: A start within this time after an end, or a message, may have been sent before it.
OVERTAKEN_MS = 2_000
#: Of this many agents it is remembered when they stopped.
_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as far as CXone names it: '' and None where it does not."""

    agent_id: str = ""
    name: str | None = field(default=None, repr=False)

    def may_be(self, other: Agent) -> bool:
        """Whether both may be the same person: ids decide, else names; who is not named may be anybody."""
        if self.agent_id and other.agent_id:
            return self.agent_id == other.agent_id
        if self.name and other.name:
            return self.name == other.name
        return True

    def is_certainly(self, other: Agent) -> bool:
        """Whether both are known to be the same person, and nothing says otherwise."""
        ids, names = {self.agent_id, other.agent_id} - {""}, {self.name, other.name} - {None, ""}
        is_named = bool((self.agent_id and other.agent_id) or (self.name and other.name))
        return is_named and len(ids) < 2 and len(names) < 2


SOMEBODY = Agent()


@dataclass(frozen=True, slots=True)
class _Typist:
    """``said_at``: when CXone said last that the agent types, by its clock, if it says."""

    agent: Agent
    until: int
    said_at: int | None


@dataclass(frozen=True, slots=True)
class _Stop:
    """``said_at``: when CXone said so, by its clock, if it says; ``heard_at``: when the relay heard of it."""

    agent: Agent
    said_at: int | None
    heard_at: int


@dataclass(frozen=True, slots=True)
class AgentsTyping:
    """Who types. Each method returns what is true after the event."""

    typists: tuple[_Typist, ...] = ()
    stops: tuple[_Stop, ...] = ()

    def __bool__(self) -> bool:
        """Whether any agent types."""
        return bool(self.typists)

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The agents who type, the one that began first first."""
        return tuple(typist.agent for typist in self.typists)

    @property
    def wake_at(self) -> int | None:
        """When ``expired`` is due."""
        return min((typist.until for typist in self.typists), default=None)

    def is_overtaken(self, agent: Agent, said_at: int | None) -> bool:
        """Whether a start that CXone said at ``said_at`` is older than this agent's stop."""
        return any(
            stop.said_at is not None and said_at is not None and said_at < stop.said_at
            for stop in self.stops
            if stop.agent.may_be(agent)
        )

    def started(
        self, agent: Agent, said_at: int | None, now: int, life_ms: int = USUAL_LIFE_MS, *, is_doubtful: bool = False
    ) -> AgentsTyping:
        """``agent`` types, or types on. ``is_doubtful``: it may be over already."""
        if self.is_overtaken(agent, said_at):
            return self
        if is_doubtful or self._may_be_overtaken(agent, said_at, now):
            life_ms = min(life_ms, DOUBTFUL_LIFE_MS)
        before = next((typist for typist in self.typists if typist.agent.may_be(agent)), None)
        if before is None:
            return replace(self, typists=(*self.typists, _Typist(agent, now + life_ms, said_at)))
        known = Agent(agent.agent_id or before.agent.agent_id, agent.name or before.agent.name)
        renewed = _Typist(known, max(before.until, now + life_ms), said_at)
        return replace(self, typists=tuple(renewed if typist is before else typist for typist in self.typists))

    def stopped(self, agent: Agent, said_at: int | None, now: int) -> AgentsTyping:
        """``agent`` has stopped, or has sent a message; one that is not named may be each. A later start holds."""
        left = tuple(
            typist for typist in self.typists if not typist.agent.may_be(agent) or _is_later(typist.said_at, said_at)
        )
        return AgentsTyping(left, (*self.stops, _Stop(agent, said_at, now))[-_REMEMBERED:])

    def taken_over(self, agent: Agent | None) -> AgentsTyping:
        """``agent`` has the conversation now, None: nobody: whoever else typed does so no longer."""
        left = tuple(typist for typist in self.typists if agent and typist.agent.is_certainly(agent))
        return replace(self, typists=left)

    def expired(self, now: int) -> AgentsTyping:
        """What is not renewed ends."""
        left = tuple(typist for typist in self.typists if now < typist.until)
        return self if len(left) == len(self.typists) else replace(self, typists=left)

    def _may_be_overtaken(self, agent: Agent, said_at: int | None, now: int) -> bool:
        return any(
            now < stop.heard_at + OVERTAKEN_MS and not _is_later(said_at, stop.said_at)
            for stop in self.stops
            if stop.agent.may_be(agent)
        )


def _is_later(said_at: int | None, before: int | None) -> bool:
    return said_at is not None and before is not None and said_at > before


NOBODY = AgentsTyping()

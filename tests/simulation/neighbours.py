"""Two runs that differ in what one visitor sends: nothing else changes of what others are told, or seen to do (T18).

A history names the visitor who is beside the others. It is played twice, with all that this one sends and with nothing
of it but the first handshake. Of everybody else, what agents see and what front ends are told must be the same, within
T2's times. They share all that a deployment's visitors share: the door's processes, the store, the breaker with its own
rules, the queue, the keepers, and a CXone that turns away a guest who calls too often.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from typing_relay.door.frame_budget import Budgets, FrameLimits, Ruling
from typing_relay.relay import breaker
from typing_relay.relay.breaker import Pause, Tally
from typing_relay.relay.burst import Session
from typing_relay.relay.effects import TellCxone
from typing_relay.relay.outcomes import Kind, Outcome

from tests.simulation.fleet import FleetSessions, FleetWorld, playing
from tests.simulation.fleet_front import FleetFront
from tests.simulation.fleet_history import FleetAct, FleetHistory, FleetTurn
from tests.simulation.invariants import Violated
from tests.simulation.process import Away
from tests.simulation.world import START

#: How far apart the two runs' times may be.
APART_MS = 300
#: How long after the last act all has come to rest.
RESTS_MS = 12_000
#: CXone answers 429 to a guest's calls beyond this many in this long; a person's bursts stay below.
CALLS, CALLS_MS, RETRY_AFTER_MS = 8, 10_000, 1_000

#: Frames, which the door counts.
FRAMES = ("key", "stop", "message", "seen", "bad")
#: What strikes all, whatever the neighbour sends; the last two: posts to the neighbour are refused, or throttled.
STRIKES = ("cxone throttles", "cxone fails", "starts refused", "front gone", "front slow")
STRIKE_MS = (900, 2_500, 6_000)
#: The store takes this many writes of one item a second: more than a person causes, and less than a flood.
CAPACITIES, SECOND_MS = (0, 0, 25), 1_000

#: Of the visitor beside the others: gaps between frames, how many, in which tabs.
GAPS, LENGTHS, TABS = (0, 20, 50, 100, 200, 400), (20, 60, 120), ("A", "A", "AB", "ABC")
KINDS = ("key stop", "key stop", "key stop stop", "key close open", "key reload", "stop", "open close key", "bad key")
DFO_KINDS = (*KINDS, "message", "key message", "seen", "key seen message")
#: Of a person: gaps between keys, how many in a burst, and the pause after it.
KEY_GAPS, KEYS, PAUSES = (150, 300, 600, 900), (1, 3, 8), (2_600, 4_000, 7_000)


def random_neighbours(random: Random) -> FleetHistory:
    """Beth types like a person, and alice is beside her; one sweep looks for both."""
    dfo = random.random() < 0.4
    acts = [FleetAct("open", "alice", "A", 0), FleetAct("open", "beth", "A", 100)]
    acts += _noise(random, 2_000 + random.randrange(2_000), DFO_KINDS if dfo else KINDS)
    acts += _person(random, 3_000 + random.randrange(3_000), dfo)
    ends = max(act.at for act in acts)
    turns = [FleetTurn("contacts open", 1_500)] if dfo else []
    for _ in range(random.randrange(4)):
        kind = random.choice(("agent types", "agent stops", "agent writes"))
        turns.append(FleetTurn(kind, 2_000 + random.randrange(ends), 1))
    if random.random() < 0.4:
        at, ms = 2_000 + random.randrange(ends), random.choice(STRIKE_MS)
        turns.append(FleetTurn(random.choice(STRIKES), at, 0, ms))
    return FleetHistory(
        dfo=dfo,
        beside="alice",
        keepers=random.choice((1, 1, 2)),
        pace=random.choice((1, 3, 8)),
        capacity=random.choice(CAPACITIES),
        acts=tuple(sorted(acts, key=lambda act: act.at)),
        turns=tuple(sorted(turns, key=lambda turn: turn.at)),
    )


def _noise(random: Random, at: int, kinds: Sequence[str]) -> list[FleetAct]:
    acts = []
    words, tabs, gap = random.choice(kinds).split(), random.choice(TABS), random.choice(GAPS)
    for number in range(random.choice(LENGTHS)):
        acts.append(FleetAct(words[number % len(words)], "alice", random.choice(tabs), at))
        at += gap if random.random() < 0.9 else random.choice(GAPS)
    return acts


def _person(random: Random, at: int, dfo: bool) -> list[FleetAct]:
    acts = []
    for _ in range(random.choice((1, 2, 3))):
        gap = random.choice(KEY_GAPS)
        for _ in range(random.choice(KEYS)):
            acts.append(FleetAct("key", "beth", "A", at))
            at += gap
        if random.random() < 0.3:
            acts.append(FleetAct("message" if dfo and random.random() < 0.5 else "stop", "beth", "A", at))
        at += random.choice(PAUSES)
    return acts


@dataclass(slots=True)
class Trace:
    """Of all but one visitor, with when: what agents see of each, and what each is told."""

    seen: list[tuple[int, str]] = field(default_factory=list)
    told: list[tuple[int, str]] = field(default_factory=list)


def play(history: FleetHistory, log: list[str] | None = None) -> FleetWorld:
    """Play both; ``log`` receives the story of the one with all frames. Raises Violated."""
    until = START + max((part.at for part in (*history.acts, *history.turns)), default=0) + RESTS_MS
    loud, quiet = _played(history, until, log), _played(_without(history, history.beside), until, None)
    _compare("what agents see of the others", loud.trace.seen, quiet.trace.seen)
    _compare("what the others are told", loud.trace.told, quiet.trace.told)
    return loud


def _without(history: FleetHistory, visitor: str) -> FleetHistory:
    """The same without what this visitor sends after the first handshake."""
    own = [act for act in history.acts if act.visitor == visitor]
    return replace(history, acts=tuple(act for act in history.acts if act not in own[1:]))


def _played(history: FleetHistory, until: int, log: list[str] | None) -> NeighboursWorld:
    with playing():
        world = NeighboursWorld(history, log)
        world.begin()
        world.run_until(until)
        return world


def _compare(what: str, loud: Sequence[tuple[int, str]], quiet: Sequence[tuple[int, str]]) -> None:
    texts = [[text for _, text in trace] for trace in (loud, quiet)]
    if texts[0] != texts[1]:
        raise Violated("T18", f"{what} depends on a neighbour's frames: {texts[0]}, and without them {texts[1]}")
    for (at, text), (alone, _) in zip(loud, quiet, strict=True):
        if abs(at - alone) > APART_MS:
            times = f"{at - START} ms, and without them {alone - START} ms"
            raise Violated("T18", f"{what} is later by a neighbour's frames: {text} at {times}")


class NeighboursWorld(FleetWorld):
    """A fleet whose visitors share what a deployment's do, and what becomes of all but one."""

    def __init__(self, history: FleetHistory, log: list[str] | None) -> None:
        self.trace = Trace()
        self._shown: dict[str, bool] = {}
        self._calls: dict[str, deque[int]] = {}
        self._budgets = {"connection": Budgets(FrameLimits()), "session": Budgets(FrameLimits().times(2))}
        self._budgets["messages"] = Budgets(FrameLimits(rate=2, burst=10))
        #: When CXone, Step Functions and the neighbour's connections are themselves again.
        self._until = dict.fromkeys(STRIKES, 0)
        super().__init__(history, log)
        self.front = NoticingFront(self)

    def breaker(self) -> Any:
        """One breaker for all."""
        return OneBreaker()

    def _store(self) -> FleetSessions:
        return BusySessions(self)

    def act(self, act: FleetAct) -> None:
        """The door first, in one process for all: of a connection's frames, and of a session's."""
        rulings = [self._ruling(budget, of) for budget, of in _budgets_of(act).items()]
        is_bad = act.kind == "bad" and self._budgets["connection"].note_bad_frame(f"{act.visitor} {act.tab}")
        if is_bad or Ruling.CLOSE in rulings:
            super().act(replace(act, kind="close"))
        elif all(ruling is Ruling.TAKE for ruling in rulings):
            super().act(act)

    def _ruling(self, budget: str, of: str) -> Ruling:
        record = self.sessions.records.get(of)
        if budget == "session" and record:
            self._budgets[budget].saw(of, record.revision)
        return self._budgets[budget].spend(of, self.now)

    def turn(self, turn: FleetTurn) -> None:
        """What strikes all for a while, and what becomes of the neighbour's own connections."""
        if turn.kind not in STRIKES:
            super().turn(turn)
            return
        self.note(str(turn))
        self._until[turn.kind] = self.now + turn.ms

    def strikes(self, kind: str) -> bool:
        """Just now."""
        return self.now < self._until[kind]

    def _start_owner(self, record: Session, generation: int) -> bool:
        return not self.strikes("starts refused") and super()._start_owner(record, generation)

    def later(self, at: int, what: str, do: Callable[[], object]) -> None:
        """Look after each event what agents see by then."""

        def then() -> None:
            do()
            self._look()

        super().later(at, what, then)

    def _look(self) -> None:
        for visitor in self.sessions.records:
            shown = self.is_shown(visitor)
            if visitor != self.history.beside and shown is not self._shown.get(visitor, False):
                self._shown[visitor] = shown
                self.trace.seen.append((self.now, f"{visitor} {shown}"))

    def set_typing(self, due: TellCxone) -> Outcome:
        """CXone counts a guest's calls, those it refuses, too."""
        calls = self._calls.setdefault(due.guest_id, deque())
        calls.append(self.now)
        while calls[0] <= self.now - CALLS_MS:
            calls.popleft()
        if len(calls) > CALLS or self.strikes("cxone throttles"):
            return Outcome(Kind.THROTTLED, RETRY_AFTER_MS)
        if self.strikes("cxone fails"):
            return Outcome(Kind.FAILED)
        return super().set_typing(due)


class NoticingFront(FleetFront):
    """Notes what front ends are told."""

    _world: NeighboursWorld

    def posted(self, connection_id: str, data: bytes) -> bool:
        """A frame arrives."""
        beside = self._is_beside(connection_id)
        if beside and self._world.strikes("front slow"):
            raise Away("API Gateway is throttling posts to this connection")
        if beside and self._world.strikes("front gone"):
            return False
        arrived = super().posted(connection_id, data)
        connection = self.connections.get(connection_id)
        if arrived and connection and not beside:
            frame = json.loads(data)
            said = [frame["type"], frame.get("status"), frame.get("name")]
            said += [frame.get("detail", {}).get(name) for name in ("typing", "from")]
            self._world.trace.told.append((self._world.now, f"{connection.visitor} {said}"))
        return arrived

    def _is_beside(self, connection_id: str) -> bool:
        connection = self.connections.get(connection_id)
        return connection is not None and connection.visitor == self._world.history.beside


class BusySessions(FleetSessions):
    """A store that takes only this many writes of one item a second, as a partition of DynamoDB does."""

    _world: NeighboursWorld

    def __init__(self, world: NeighboursWorld) -> None:
        super().__init__(world)
        self._written: dict[str, deque[int]] = {}

    def _set(self, record: Session, **changes: Any) -> Session:
        """Raises Away where a second's capacity is used up, the retries of the client included."""
        written = self._written.setdefault(record.session_id, deque())
        now, most = self._world.now, self._world.history.capacity
        while written and written[0] <= now - SECOND_MS:
            written.popleft()
        if most and len(written) >= most:
            self._world.note(f"{record.session_id}: the store has no capacity")
            raise Away("throttled")
        written.append(now)
        return super()._set(record, **changes)


def _budgets_of(act: FleetAct) -> dict[str, str]:
    """Which budgets a frame is paid from, and whose each is."""
    if act.kind not in FRAMES:
        return {}
    paid = {"connection": f"{act.visitor} {act.tab}", "session": act.visitor}
    return paid | ({"messages": act.visitor} if act.kind == "message" else {})


class OneBreaker:
    """The product's rules, with what all processes have counted."""

    def __init__(self) -> None:
        self._window, self._tally, self._pause = 0, Tally(), Pause()

    def paused_until(self, now: int) -> int:
        """When the pause ends."""
        return self._pause.until

    def note(self, guest_id: str, outcome: Outcome, now: int) -> None:
        """Count a call."""
        if now < self._pause.until:
            return
        if breaker.window_of(now) != self._window:
            self._window, self._tally = breaker.window_of(now), Tally()
        self._tally = breaker.added(self._tally, breaker.tally_of(guest_id, outcome))
        if breaker.must_open(self._tally):
            self._pause = breaker.next_pause(self._tally, self._pause, now)

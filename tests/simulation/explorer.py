"""Tries every order of events of a short history, with every fault at every step that its budget allows.

At each moment all that is ready may happen next, in any order. Time passes when nothing is ready or, as often as the
scenario's delays allow, before: whatever is ready then is late. States seen before are not explored again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from typing_relay.relay.burst import Policy

from tests.simulation.fingerprint import Fingerprints
from tests.simulation.history import Act, Fault, Turn
from tests.simulation.invariants import Violated
from tests.simulation.runner import PROBE_KEYS, PROBE_OVER_MS, PROBE_SHOWN_MS
from tests.simulation.world import START, Action, World

#: Looks while waiting for another process are seldom here: each is one more moment at which anything may happen.
POLICY = Policy(poll_ms=2_500, guest_poll_ms=1_000)
#: Steps that touch nothing that another process sees: their order does not matter.
_LOCAL = frozenset({"AskBreaker", "TellBreaker"})


@dataclass(frozen=True)
class Scenario:
    """A short history with a budget of trouble. ``faults`` by the kind of action that they may befall."""

    name: str
    acts: tuple[Act, ...]
    turns: tuple[Turn, ...] = ()
    faults: dict[str, tuple[Fault, ...]] = field(default_factory=dict)
    most_faults: int = 0
    delays: int = 0
    sweep: int = 4_000
    #: What agents may see, in order; None: not judged, as trouble may hide a burst.
    seen: frozenset[tuple[bool, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Explored:
    """How much was tried, and what was found: a violation and the way to it."""

    states: int
    endings: int
    deepest: int
    violation: Violated | None = None
    story: tuple[str, ...] = ()
    path: tuple[int, ...] = ()


class Branch:
    """One world on its way through a scenario, choice after choice."""

    def __init__(self, scenario: Scenario, log: list[str] | None = None) -> None:
        self._scenario = scenario
        self.pending: list[Action] = []
        self.world = World(POLICY, self.pending.append)
        self.world.log = log
        self.faults_left, self.delays_left = scenario.most_faults, scenario.delays
        self.world.open_guest()
        for act in scenario.acts:
            self._add(START + act.at + act.late, "act", partial(self.world.act, act))
        for turn in scenario.turns:
            self._add(START + turn.at, "turn", partial(self.world.turn, turn.kind, turn.ms))
        self._add(START + scenario.sweep, "sweep", self._sweep)
        self.settle()

    def _add(self, at: int, kind: str, do: Callable[[], object]) -> None:
        self.pending.append(Action(at, kind, kind, do))

    def _sweep(self) -> None:
        self.world.sweep()
        self._add(self.world.now + self.world.sweep_ms, "sweep", self._sweep)

    def settle(self) -> None:
        """Do what needs no choice, and let time pass while nothing is ready."""
        while True:
            self.pending[:] = [action for action in self.pending if _matters(action)]
            ready = self._ready()
            forced = next((action for action in ready if self._needs_no_choice(action)), None)
            if forced:
                self._do(forced, None)
            elif ready or self.is_over():
                return
            else:
                self._pass_time()

    def _needs_no_choice(self, action: Action) -> bool:
        """It concerns nobody else; an answer or a start does so only as long as time may pass before it."""
        if _is_local(action):
            return True
        is_own = action.kind in ("answer", "start") and not self.delays_left
        return is_own and not (self.faults_left and self._scenario.faults.get(_kind(action)))

    def _ready(self) -> list[Action]:
        return [action for action in self.pending if action.at <= self.world.now]

    def _pass_time(self) -> None:
        self.world.now = min(action.at for action in self.pending if action.at > self.world.now)

    def is_over(self) -> bool:
        """Nothing happens before the deadline of T4 any more."""
        deadline = self.world.watch.deadline()
        return all(action.at > deadline for action in self.pending)

    def choices(self) -> list[tuple[Action | None, Fault | None]]:
        """What may come next; no action: time passes though something is ready."""
        ready = self._ready()
        found: list[tuple[Action | None, Fault | None]] = [(action, None) for action in ready]
        if self.faults_left:
            found += [(action, fault) for action in ready for fault in self._scenario.faults.get(_kind(action), ())]
        if ready and self.delays_left and any(action.at > self.world.now for action in self.pending):
            found.append((None, None))
        return found

    def choose(self, index: int) -> None:
        """Take one of the choices, and what follows of itself."""
        action, fault = self.choices()[index]
        if action is None:
            self.delays_left -= 1
            self._pass_time()
            self.world.watch.disturbed(self.world.now)
        else:
            self.faults_left -= fault is not None
            self._do(action, fault)
        self.settle()

    def _do(self, action: Action, fault: Fault | None) -> None:
        self.pending.remove(action)
        action.do(*(fault,) if fault else ())

    def check_end(self) -> None:
        """T4, what agents saw, and that the relay still reacts (T9)."""
        world = self.world
        world.now = world.watch.deadline()
        world.watch.check_settled()
        seen = tuple(value for _, value in world.watch.seen)
        if self._scenario.seen is not None and seen not in self._scenario.seen:
            raise Violated("T1", f"agents saw {seen}")
        if world.record.guest_id not in world.cxone.unavailable:
            self._probe()

    def _probe(self) -> None:
        world, began = self.world, self.world.now
        for ms in PROBE_KEYS:
            act = Act("key", "B", began - START + ms)
            self._add(began + ms, "act", partial(world.act, act))
        self._run_until(began + PROBE_SHOWN_MS)
        if not world.cxone.stuck():
            raise Violated("T9", "all is calm again, but a new burst is not shown")
        self._run_until(began + PROBE_OVER_MS)
        if world.cxone.stuck():
            raise Violated("T2", "all is calm again, but the end of a new burst is not shown in time")

    def _run_until(self, at: int) -> None:
        while due := [action for action in self.pending if action.at <= at]:
            first = min(due, key=lambda action: action.at)
            self.world.now = max(self.world.now, first.at)
            self._do(first, None)
        self.world.now = at


def _matters(action: Action) -> bool:
    return action.call is not None or action.process is None or action.process.is_alive


def _is_local(action: Action) -> bool:
    return action.kind in ("resume", "act", "turn", "sweep") or action.what in _LOCAL


def _kind(action: Action) -> str:
    """Faults of the lock's answer are named apart: they are where T6 is decided."""
    return "lock" if action.what == "Lock" else action.kind


def explore(scenario: Scenario, most_states: int = 1_000_000) -> Explored:
    """Every order of ``scenario``, or as far as to the first violation. Raises RuntimeError beyond ``most_states``."""
    prints, seen, endings, deepest = Fingerprints(), set[int](), 0, 0
    unexplored: list[tuple[int, ...]] = [()]
    while unexplored:
        path = unexplored.pop()
        try:
            branch = _follow(scenario, path)
            while True:
                mark = prints.of(branch.world, branch.pending, branch.faults_left, branch.delays_left, _saw(branch))
                if mark in seen:
                    break
                seen.add(mark)
                deepest = max(deepest, len(path))
                count = len(branch.choices())
                if not count:
                    endings += 1
                    branch.check_end()
                    break
                unexplored += [(*path, other) for other in range(1, count)]
                path = (*path, 0)
                branch.choose(0)
        except Violated as violation:
            return Explored(len(seen), endings, deepest, violation, tuple(story(scenario, path)), path)
        if len(seen) > most_states:
            raise RuntimeError(f"{scenario.name}: more than {most_states} states; give it a smaller budget")
    return Explored(len(seen), endings, deepest)


def _saw(branch: Branch) -> tuple[bool, ...]:
    return tuple(value for _, value in branch.world.watch.seen)


def _follow(scenario: Scenario, path: Sequence[int], log: list[str] | None = None) -> Branch:
    branch = Branch(scenario, log)
    for index in path:
        branch.choose(index)
    return branch


def story(scenario: Scenario, path: Sequence[int]) -> Iterator[str]:
    """What happens along ``path``, line by line, up to the violation if there is one."""
    log: list[str] = []
    try:
        branch = _follow(scenario, path, log)
        branch.check_end()
    except Violated as violation:
        log.append(str(violation))
    yield from log

"""Plays a history to its end, and then one more burst: the relay must still be alive."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from typing_relay.platforms.registry import platform_named
from typing_relay.relay.burst import Policy

from tests.simulation import fleet, neighbours, oracle
from tests.simulation.dfo_world import COMES_MS, DfoWorld
from tests.simulation.fleet_history import FleetHistory
from tests.simulation.gateway import Shape
from tests.simulation.history import KNOWN, Act, Fault, History, Turn
from tests.simulation.invariants import Violated
from tests.simulation.keepers import AGENT_TYPING_MS
from tests.simulation.third_party import ThirdParty
from tests.simulation.world import START, Action, World

#: The burst after all has come to rest: ms after that, and by when it must be seen.
PROBE_KEYS = (10, 600, 1200)
PROBE_SHOWN_MS, PROBE_OVER_MS = 1_200, 3_600
#: By when a new message has arrived.
PROBE_ARRIVES_MS = 1_500
#: By when a visitor has been told what an agent does, where nothing goes wrong.
TOLD_MS = 300
#: A tab that has just come knows the current state after this: others may have been told it just before.
CAUGHT_UP_MS = 2_000 + TOLD_MS
LATE_TAB = "L"
USUAL = Policy()
#: A visitor without a keeper has one after this, once a key asks for it.
ASKED_MS = 2_000
#: A socket that was lost is open again, and its thread has been looked for.
REOPENED_MS = 4_000
#: More than anybody has to do in one ms.
EVENTS_AT_ONCE = 20_000
#: More often than by default: bursts here are short, and each question is one more thing to go wrong.
VERIFY_MS = 10_000


class Runner:
    """The agenda of one history: what is due, in order of time."""

    def __init__(self, history: History, log: list[str] | None = None) -> None:
        self._agenda, self._order = list[tuple[int, int, Action]](), count()
        self._at_this_moment = 0
        self._goes_by(history)
        # No frame asks for a longer hold than its deployment allows.
        hold_ms = max(USUAL.hold_ms, history.debounce + 1, *(act.hold for act in history.acts))
        platform = platform_named(history.platform)
        policy = Policy(
            history.debounce,
            hold_ms,
            cap_ms=history.cap,
            verify_ms=VERIFY_MS,
            verifies=platform.verifies,
            parks=not platform.speaks_on_socket,
        )
        if history.dfo:
            self.world: World = self._digital_first(policy, log)
        else:
            self.world = World(policy, self._add, history.pace, history.keepers)
            self.world.log, self.world.skew, self.world.sessions.lag_ms = log, history.skew, history.lag
            self.world.opening_ms = history.opening
            if history.guest:
                self.world.open_guest()
        #: How many acts and turns are to come, and since when nothing is left of all trouble.
        self._to_come = 0
        self._calm_since: int | None = START
        #: Which two of the ends of an agent's typing are tried: any number that the history has will do.
        self._which_ends = history.sweep % 3
        for act in history.acts:
            self._deliver(act)
        for turn in history.turns:
            self._to_come += 1
            self._add(Action(START + turn.at, "turn", turn.kind, partial(self._turn, turn)))
        self._add(Action(START + history.sweep, "sweep", "sweep", self._sweep))

    def _digital_first(self, policy: Policy, log: list[str] | None) -> World:
        """A world whose visitor has come in already, unless the history says otherwise."""
        history = self._history
        self._goes_by(History())
        world = self.world = DfoWorld(policy, self._add, history.pace, history.livechat, self._fault_of)
        world.cxone.legacy = history.legacy
        world.page.every, world.page.good_from = history.page, START + history.acts[-1].at if history.acts else 0
        world.cxone.third_party = ThirdParty(world, history.code) if history.has_codes() else None
        world.skew, world.sessions.lag_ms, world.messages.lag_ms = history.skew, history.lag, history.lag
        world.messages.clock = world.sessions.clock
        world.token_ms, world.cxone.shapes = history.token, Shape(history.shapes)
        world.look_ms = history.look if history.look != History.look else 0
        world.opening_ms = history.opening
        if history.guest:
            world.open_guest()
            self._run_until(START - COMES_MS // 2)
            if history.contact:
                world.open_contact()
        self._run_until(START)
        self._goes_by(history)
        world.log = log
        world.numbers = dict.fromkeys(world.numbers, 0)
        return world

    def play(self) -> World:
        """To the end. Raises Violated."""
        is_fault_free = self._history.is_fault_free()
        self._run_until_settled()
        self._check_what_was_seen()
        if self._history.kills_nobody():
            self.world.watch.check_told_unavailable()
        if isinstance(self.world, DfoWorld):
            self.world.front.check_settled()
            self._have_a_contact(self.world)
            if self.world.cxone.third_party:
                self._probe_message(self.world, self.world.cxone.third_party, is_fault_free)
            self._have_an_agent(self.world)
        if self.world.record.guest_id not in self.world.cxone.unavailable:
            self._probe()
        return self.world

    def _have_a_contact(self, world: DfoWorld) -> None:
        """T9 asks for a burst that agents can see."""
        world.check_messages(all_reach=self._history.is_fault_free())
        if self._history.only_ends():
            world.check_ended()
        self._goes_by(History())
        world.cxone.shapes &= ~Shape.REST_FAILS
        if not world.record.conversation:
            self._deliver(Act("key", self._tab(), world.now - START))
            self._run_until(world.now + ASKED_MS)
        world.open_contact()
        self._run_until(world.now + 1_000)

    def _have_an_agent(self, world: DfoWorld) -> None:
        """T16: what an agent does from now on is told at once to each tab that was there.

        Each history plays two of the six ways in which typing ends: all six would take a third of the time. Not while
        the visitor changes hands: what a gateway says between two sockets nobody hears.
        """
        self._run_until(max(world.now, world.queue_rests_at + ASKED_MS))
        cxone, world.front.all_is_calm = world.cxone, True
        if world.is_sound():
            self._have_a_late_tab(world)
        ends: tuple[tuple[Callable[[], object], int], ...] = (
            (partial(cxone.agent_writes, overtakes=True), 0),
            (cxone.agent_changes, 0),
            (cxone.agent_vanishes, AGENT_TYPING_MS),
            (cxone.agent_stops, 0),
            (cxone.close_contact, 0),
            (cxone.drop_sockets, 0),
        )
        for end, told_after_ms in ends[self._which_ends :: 3]:
            cxone.agent_types()
            self._run_until(world.now + TOLD_MS)
            world.front.check_told(agent_typing=True)
            end()
            self._run_until(world.now + told_after_ms + TOLD_MS)
            world.front.check_told(agent_typing=False)
            if end == cxone.drop_sockets:
                self._run_until(world.now + REOPENED_MS)
                # The page may have handed over a token that is not good, which only another socket shows.
                self._run_until(max(world.now, world.watch.troubled_until))
        world.open_contact()
        self._run_until(world.now + TOLD_MS)

    def _have_a_late_tab(self, world: DfoWorld) -> None:
        """T16: a tab that comes while an agent types is told so, and of the contact, and goes again."""
        world.cxone.agent_types()
        self._deliver(Act("open", LATE_TAB, world.now - START))
        self._run_until(world.now + CAUGHT_UP_MS)
        world.front.check_caught_up(LATE_TAB)
        self._deliver(Act("close", LATE_TAB, world.now - START))
        self._run_until(world.now + TOLD_MS)

    def _tab(self) -> str:
        """One that is there: a new one would set right what a visitor who only types cannot."""
        there = self.world.record.connections
        if not there:
            self._deliver(Act("open", "B", self.world.now - START))
            self._run_until(self.world.now + 1_000)
        return max(there, default="B")

    def _run_until_settled(self) -> None:
        """To the end of what the history says, and on until all must have come to rest; in its pauses, too (T4)."""
        watch = self.world.watch
        while self._agenda:
            if self._agenda[0][0] > watch.deadline():
                self.world.now = max(self.world.now, watch.deadline())
                self._settled()
                if not self._to_come:
                    return
            self._next()

    def _settled(self) -> None:
        world = self.world
        world.watch.check_settled()
        if world.watch.troubled_until >= (self._calm_since or 0):
            self._calm_since = world.now if world.is_sound() else None
            world.watch.nothing_is_shown()  # what a former guest was shown nobody sees any more

    def _check_what_was_seen(self) -> None:
        """What agents saw once all trouble was over, if there was any: as much as if there had been none."""
        retried_ms = self._history.only_retried_ms()
        if retried_ms is not None:
            oracle.check(self._history, self.world, slack_ms=retried_ms)
        elif self._calm_since is not None and self.world.watch.troubled_until < self._calm_since:
            oracle.check_since(self._calm_since, self._history, self.world)

    def _run_until(self, at: int) -> None:
        while self._agenda and self._agenda[0][0] <= at:
            self._next()
        self.world.now = at

    def _next(self) -> None:
        at, _, action = heapq.heappop(self._agenda)
        self._at_this_moment = self._at_this_moment + 1 if at <= self.world.now else 0
        if self._at_this_moment > EVENTS_AT_ONCE:
            raise Violated("T4", "the relay turns in circles, and time does not go on")
        self.world.now = max(self.world.now, at)
        if action.number and (fault := self._fault(action)):
            action.do(fault)
        else:
            action.do()

    def _goes_by(self, history: History) -> None:
        """What goes wrong from now on is this history's."""
        self._history, self._faults = history, {kind: history.faults(kind) for kind in KNOWN}

    def _fault(self, action: Action) -> Fault | None:
        return self._faults[action.kind].get(action.number)

    def _fault_of(self, kind: str, number: int) -> Fault | None:
        return self._faults[kind].get(number)

    def _add(self, action: Action) -> None:
        fault = self._fault(action) if action.number else None
        if fault and fault.kind == "stall":
            action.at += fault.ms
            self.world.watch.disturbed(action.at)
        if fault and fault.kind == "lost" and action.kind == "wait":
            action.at = self.world.now  # it is lost as it begins to wait, which leaves the longest lease behind
        heapq.heappush(self._agenda, (action.at, next(self._order), action))

    def _deliver(self, act: Act) -> None:
        at = START + act.at + act.late
        self._to_come += 1
        self._add(Action(at, "act", str(act), partial(self._act, act)))
        if act.twice:
            again = partial(self.world.act, act, repeated=True)
            self._add(Action(at + act.twice, "act", f"{act} again", again))

    def _act(self, act: Act) -> None:
        self._to_come -= 1
        self.world.act(act)

    def _turn(self, turn: Turn) -> None:
        self._to_come -= 1
        self.world.turn(turn.kind, turn.ms)

    def _sweep(self) -> None:
        """A sweep that would find nothing is only counted, unless a fault befalls it."""
        world = self.world
        if world.has_nothing_to_sweep() and not self._fault_of("step", world.numbers["step"] + 1):
            world.count_sweep()
        else:
            world.sweep()
        self._add(Action(self.world.now + self.world.sweep_ms, "sweep", "sweep", self._sweep))

    def _probe(self) -> None:
        """T9: whatever happened, a new burst is shown, and its end."""
        self._goes_by(History())
        world, tab = self.world, self._tab()
        began, over_ms = world.now, PROBE_OVER_MS + world.policy.debounce_ms - USUAL.debounce_ms
        for ms in PROBE_KEYS:
            self._deliver(Act("key", tab, began - START + ms))
        self._run_until(began + PROBE_SHOWN_MS)
        if not world.cxone.stuck():
            raise Violated("T9", "all is calm again, but a new burst is not shown")
        self._run_until(began + over_ms)
        if world.cxone.stuck():
            raise Violated("T2", "all is calm again, but the end of a new burst is not shown in time")

    def _probe_message(self, world: DfoWorld, third_party: ThirdParty, is_fault_free: bool) -> None:
        """T15: a third party has signed the visitor in, or does so again, and a new message arrives.

        T13: where nothing goes wrong the page is not asked while there is what refreshes the tokens in use.
        """
        if is_fault_free and third_party.is_asked_needlessly:
            raise Violated("T13", "the page was asked to sign in, and what refreshes was good")
        self._deliver(Act("message", self._tab(), world.now - START))
        self._run_until(world.now + PROBE_ARRIVES_MS)
        world.check_messages(all_reach=False)
        world.check_arrived()


def play(history: History | FleetHistory, log: list[str] | None = None) -> Any:
    """Play ``history``; ``log`` receives the story. Returns its world. Raises Violated."""
    if isinstance(history, FleetHistory):
        return (neighbours if history.beside else fleet).play(history, log)
    with fleet.playing():
        return Runner(history, log).play()

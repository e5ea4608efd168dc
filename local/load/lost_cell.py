"""`make load CELLS=2`: several stacks on this machine as cells; visitors type in all, and one cell is lost.

All cells use the same simulated CXone, as a site's cells use the same tenant.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from local.commands.token import token_maker
from local.load.agents import SETTLE_S, Agents
from local.load.cells import Group, Loss, Told, halves, place, table
from local.load.crowd import Crowd
from local.load.plan import Plan
from local.load.report import progress
from local.load.seen import Seen
from local.load.tally import ENDED, SHOWN, Tally
from local.load.until_over import until_over
from local.playing.recordings import recordings
from local.stack.processes import free_port
from local.stack.settings import Settings
from local.stack.stack import Stack, stopping_on_signals

#: When in the time: what comes after takes longer than a client's pauses between attempts.
LOST_AT = 0.4
#: How long after the loss the token route sends nobody there any more: an operator, or a health check, needs longer.
LEFT_OUT_S = 2.0
PING_S = 5.0
#: At most this long after its last key and the debounce a burst may still be shown (ms).
_OVER_MS = 3000
#: The template's.
DEBOUNCE_MS = 2000


@dataclass
class Visitors:
    """Those whose cell is lost, or the others: the token route, and what they felt. ``way_of`` goes by the session."""

    sessions: Sequence[str]
    way_of: Callable[[str], tuple[str, str]]
    tally: Tally = field(default_factory=Tally)
    origin: str | None = None
    felt_before: dict[str, list[float]] = field(default_factory=dict)

    def way(self, number: int) -> tuple[str, str]:
        """The cell's URL, and a token that is good there."""
        return self.way_of(self.sessions[number])

    def cell_is_lost(self) -> None:
        """What is felt from now on counts as felt after it."""
        self.felt_before = {name: list(values) for name, values in self.tally.lags.items()}

    def group(self, before: Seen, after: Seen) -> Group:
        """With what agents saw."""
        felt = {name: values[len(self.felt_before.get(name, ())) :] for name, values in self.tally.lags.items()}
        return Group(
            len(self.sessions),
            {**self.felt_before, SHOWN: before.shown, ENDED: before.ended},
            {**felt, SHOWN: after.shown, ENDED: after.ended},
        )


def play_lost_cell(plan: Plan, settings: Settings, cells: int) -> int:
    """0: all is as docs/operations.md says; 1: not so; 128 and more: stopped by that signal. Raises StackError."""
    names = [f"cell-{number + 1}" for number in range(cells)]
    with ExitStack() as running:
        with stopping_on_signals():
            stacks = dict(zip(names, _started(names, settings, running), strict=True))
        return LostCell(plan, stacks).play()


def _started(names: Sequence[str], settings: Settings, running: ExitStack) -> Iterator[Stack]:
    cxone = None
    for name in names:
        print(f"Starting {name} …", flush=True)
        own = replace(settings, console_port=free_port(), ws_port=0)
        stack = running.enter_context(Stack(own, as_newest=False, cxone=cxone))
        cxone = stack.cxone
        yield stack


class LostCell:
    """The play: the last of the cells is lost in the middle of it. The first one's CXone stays."""

    def __init__(self, plan: Plan, stacks: Mapping[str, Stack]) -> None:
        self._plan, self._stacks, self._lost = plan, stacks, list(stacks)[-1]
        self._agents = {name: Agents(stack.info) for name, stack in stacks.items()}
        self._in_use = list(stacks)  # the site's token route sends visitors to these
        self._makers = {
            name: token_maker(stack.aws, stack.info["visitor_secret_arn"]) for name, stack in stacks.items()
        }
        sessions = self._sessions()
        self._cells = {session: self._cell_of(session) for session in sessions}
        self._moved, self._others = (
            Visitors([one for one in sessions if (self._cells[one] == self._lost) is own], self._way)
            for own in (True, False)
        )
        self._lost_at = 0
        self._guests_before: dict[str, str] = {}

    def play(self) -> int:
        """See ``play_lost_cell``."""
        counts = ", ".join(f"{name} {count}" for name, count in sorted(Counter(self._cells.values()).items()))
        print(f"{self._plan.visitors} visitors, placed by their sessions: {counts}", flush=True)
        stopped_by = asyncio.run(until_over(self._type(), self._plan.seconds, self._line))
        if stopped_by:
            print("Stopped; all connections are closed.")
            return 128 + stopped_by
        with stopping_on_signals():
            loss = self._looked_at()
        print(f"\n{table(loss, self._lost)}")
        wrong = loss.wrong()
        for sentence in wrong:
            print(f"WRONG: {sentence}")
        print("Some checks failed." if wrong else "All is as docs/operations.md says of a lost cell.", flush=True)
        return 1 if wrong else 0

    def _cell_of(self, session: str) -> str:
        return place(session, self._in_use)

    def _way(self, session: str) -> tuple[str, str]:
        cell = self._cell_of(session)
        return self._stacks[cell].info["websocket_url"], self._makers[cell](session, round(self._plan.seconds) + 300)

    def _sessions(self) -> list[str]:
        """Such that each cell gets more than half of its share."""
        while True:
            run = secrets.token_hex(3)
            sessions = [f"load-{run}-{number}" for number in range(self._plan.visitors)]
            placed = Counter(map(self._cell_of, sessions))
            if all(placed[name] > len(sessions) // len(self._stacks) // 2 for name in self._stacks):
                return sessions

    async def _type(self) -> None:
        async with asyncio.TaskGroup() as everything:
            for visitors in (self._moved, self._others):
                share = len(visitors.sessions) / self._plan.visitors
                plan = replace(self._plan, visitors=len(visitors.sessions), a_second=self._plan.a_second * share)
                crowd = Crowd(plan, visitors, recordings(), visitors.tally, comes_back=True, ping_s=PING_S)
                everything.create_task(crowd.play())
            everything.create_task(self._lose())

    async def _lose(self) -> None:
        await asyncio.sleep(LOST_AT * self._plan.seconds)
        self._guests_before = await asyncio.to_thread(self._guests)
        for visitors in (self._moved, self._others):
            visitors.cell_is_lost()
        await asyncio.to_thread(self._stacks[self._lost].kill)
        self._lost_at = _now_ms()
        await asyncio.sleep(LEFT_OUT_S)
        self._in_use.remove(self._lost)
        print(f"\n{self._lost} is lost: all its processes were killed, and it is left out of the choice.", flush=True)

    def _guests(self) -> dict[str, str]:
        """Each visitor's, as the cells in use know it."""
        found = (self._agents[name].guests() for name in self._in_use)
        return {session: guest for guests in found for session, guest in guests.items()}

    def _line(self, done: float, with_bar: bool) -> str:
        others = progress(self._others.tally, done, with_bar=with_bar)
        moved = self._moved.tally
        return f"{others};  of {self._lost}: here {moved.here}, bursts {moved.bursts:,}"

    def _looked_at(self) -> Loss:
        """Once nobody of a living cell is shown typing, or could not be any more (T4)."""
        deadline = time.monotonic() + SETTLE_S
        while (loss := self._look()).left_on and time.monotonic() < deadline:
            time.sleep(0.5)
        return loss

    def _look(self) -> Loss:
        told = next(iter(self._agents.values())).told()  # of all: their CXone is the same
        guests = self._guests()
        ready = self._moved.tally.ready
        back = [min((at for at in ready.get(one, ()) if at > self._lost_at), default=0) for one in self._moved.sessions]
        shown = [one for one in self._moved.sessions if _is_shown(told, self._guests_before.get(one))]
        return Loss(
            lost=self._group(self._moved, told, guests),
            others=self._group(self._others, told, guests),
            back_s=[(at - self._lost_at) / 1000 for at in back if at],
            shown=len(shown),
            wrongly=sum(not self._typed_then(session) for session in shown),
            dropped=sum(len(self._others.tally.ready.get(one, ())) != 1 for one in self._others.sessions),
            elsewhere=sum(self._cell_of(session) != self._cells[session] for session in self._others.sessions),
            left_on=sum(_is_shown(told, guests.get(session)) for session in self._cells),
            errors=self._others.tally.errors,
        )

    def _group(self, visitors: Visitors, told: Mapping[str, Told], guests: Mapping[str, str]) -> Group:
        """What they felt, and what agents saw in the guests of before and in those of after."""
        before, after = Seen(), Seen()
        for session in visitors.sessions:
            typed = visitors.tally.typed.get(session, [])
            for half, (seen, its) in enumerate(((before, self._guests_before), (after, guests))):
                seen.add(*halves(typed, told.get(its.get(session, ""), ()), self._lost_at)[half], DEBOUNCE_MS)
        return visitors.group(before, after)

    def _typed_then(self, session: str) -> bool:
        typed = self._moved.tally.typed.get(session, ())
        return any(first <= self._lost_at <= last + DEBOUNCE_MS + _OVER_MS for first, last in typed)


def _is_shown(told: Mapping[str, Told], guest: str | None) -> bool:
    return bool(guest and told.get(guest) and told[guest][-1][1])


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

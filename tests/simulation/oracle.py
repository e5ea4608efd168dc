"""What agents should see in a fault-free history, told from the acts alone (T1, T2, T9, T10, T12)."""

from __future__ import annotations

from dataclasses import dataclass

from typing_relay.relay.ports import FIRST_KEY_TO_SHOWN, LAST_KEY_TO_ENDED

from tests.simulation.history import FAULTS, LATE_MS, Act, History
from tests.simulation.invariants import Violated, Watch
from tests.simulation.world import START, World

#: Two stretches of typing less than this apart may be seen as one, and one as short may go unseen: signals take time.
BLUR_MS = 500
#: T2: a true after its first key, a false after the last one, a false after a stop.
TRUE_WITHIN_MS, FALSE_AFTER_MS, FALSE_WITHIN_MS, STOP_WITHIN_MS = 300, 2_000, 2_300, 500
#: Typing for so long is shown in any case, however closely it follows what went before.
LONG_MS = 2_700
#: A message ends the typing of other tabs, too; so long after it, it is shown again.
DARK_MS = 1_500
#: What ends the typing of its tab.
STOPS = ("stop", "close", "message")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Typing from the first key to its end: the debounce or the hold after the last one, or a stop."""

    begins: int
    ends: int
    by_stop: bool


def stretches(history: History, debounce_ms: int) -> list[Stretch]:
    """When the visitor types in any tab, in order."""
    stops = [(act.tab, act.at) for act in history.acts if act.kind in STOPS]
    found: list[Stretch] = []
    keys = sorted((act for act in history.acts if act.kind == "key"), key=lambda act: act.at)
    for key, ends in zip(keys, _ends(keys, debounce_ms), strict=True):
        stop = min((at for tab, at in stops if tab == key.tab and at >= key.at), default=ends)
        mine = Stretch(key.at, min(stop, ends), stop < ends)
        if found and mine.begins < found[-1].ends:
            last = found.pop()
            later = max(last, mine, key=lambda stretch: stretch.ends)
            mine = Stretch(last.begins, later.ends, later.by_stop)
        found.append(mine)
    return found


def _ends(keys: list[Act], debounce_ms: int) -> list[int]:
    """Until when each key counts: a newer one of its tab decides anew, though it may ask for less."""
    ends, after = [0] * len(keys), dict[str, tuple[int, int]]()
    for number, key in reversed(list(enumerate(keys))):
        mine = key.at + max(debounce_ms, key.hold)
        next_at, next_ends = after.get(key.tab, (mine, mine))
        ends[number] = min(mine, next_ends) if next_at < mine else mine
        after[key.tab] = (key.at, ends[number])
    return ends


def check(history: History, world: World) -> None:
    """Raises Violated when agents saw something else."""
    expected = stretches(history, world.policy.debounce_ms)
    seen = [(at - START, value) for at, value in world.watch.seen]
    messages = [act for act in history.acts if act.kind == "message"]
    _check_alternation(world.watch, bool(messages))
    if history.guest and history.contact:
        for number, stretch in enumerate(expected):
            before = expected[number - 1].ends if number else -BLUR_MS
            after = expected[number + 1].begins if number + 1 < len(expected) else stretch.ends + 60_000
            overtaken = any(stretch.begins <= stop.at <= stretch.ends for stop in stops_before_late_keys(history))
            overtaken = overtaken or any(0 < stretch.ends - message.at < DARK_MS for message in messages)
            clear = stretch.ends - stretch.begins >= BLUR_MS
            if clear and stretch.begins - before >= BLUR_MS:
                _check_beginning(stretch, seen)
            if clear and after - stretch.ends >= BLUR_MS and not overtaken:
                _check_end(stretch, after, seen)
            if stretch.ends - stretch.begins >= LONG_MS and not overtaken:
                _check_middle(stretch, seen)
    if not messages:
        _check_what_was_felt(history, world)
    if not any(history.faults(name) for name in FAULTS):  # of two executions each may ask
        _check_price(world)
    trues = sum(value for _, value in seen)
    if trues > len(expected) + len(stops_before_late_keys(history)) + len(messages):
        raise Violated("T1", f"{trues} times true for {len(expected)} bursts")


def stops_before_late_keys(history: History) -> list[Act]:
    """When somebody stopped while a key was still on its way: the two may arrive in either order."""
    keys = [act for act in history.acts if act.kind == "key"]
    stops = [act for act in history.acts if act.kind in STOPS]
    return [stop for stop in stops if any(key.at <= stop.at <= key.at + LATE_MS for key in keys)]


def _check_alternation(watch: Watch, has_messages: bool) -> None:
    """T1: true, false, true, false; nothing twice, but that a message ends the typing once more."""
    values = [call.typing for call in watch.posts]
    if has_messages:
        values = [value for value, before in zip(values, [None, *values], strict=False) if value or value != before]
    wanted = [number % 2 == 0 for number in range(len(values))]
    if values != wanted or len(values) % 2:
        raise Violated("T1", f"the POSTs are {values}")


def _check_price(world: World) -> None:
    """T14: two calls, and a question for each VerifySeconds that it lasted."""
    began, asked = 0, 0
    for call in world.watch.calls:
        if call.typing is None:
            asked += 1
        elif call.typing:
            began = call.began
        elif asked > (call.began - began) // world.policy.verify_ms:
            raise Violated("T14", f"{asked} questions in a burst of {call.began - began} ms")
        else:
            asked = 0
    if asked:
        raise Violated("T14", f"{asked} questions after the last burst")


def _check_what_was_felt(history: History, world: World) -> None:
    """T2 as production measures it: one figure for each true and false; a guest may have had to be opened first."""
    names = [FIRST_KEY_TO_SHOWN if call.typing else LAST_KEY_TO_ENDED for call in world.watch.posts]
    if [name for name, _ in world.felt] != names:
        raise Violated("T2", f"the POSTs are measured as {world.felt}")
    bounds = {
        FIRST_KEY_TO_SHOWN: (0, TRUE_WITHIN_MS + BLUR_MS),
        LAST_KEY_TO_ENDED: (FALSE_AFTER_MS, FALSE_WITHIN_MS + BLUR_MS),
    }
    late = [(name, ms) for name, ms in world.felt if not bounds[name][0] <= ms <= bounds[name][1]]
    if late:
        raise Violated("T2", f"measured: {late}")


def _check_beginning(stretch: Stretch, seen: list[tuple[int, bool]]) -> None:
    trues = [at for at, value in seen if value and stretch.begins <= at <= stretch.begins + TRUE_WITHIN_MS]
    if not trues:
        raise Violated("T2", f"typing from {stretch.begins} on is not shown within {TRUE_WITHIN_MS} ms: {seen}")


def _check_middle(stretch: Stretch, seen: list[tuple[int, bool]]) -> None:
    """T9: however it began, before it ends it is shown."""
    shown = [value for at, value in seen if at < stretch.ends]
    if not shown or not shown[-1]:
        raise Violated("T9", f"typing from {stretch.begins} to {stretch.ends} is not shown: {seen}")


def _check_end(stretch: Stretch, next_begins: int, seen: list[tuple[int, bool]]) -> None:
    within = STOP_WITHIN_MS if stretch.by_stop else FALSE_WITHIN_MS - FALSE_AFTER_MS
    ended = max((at for at, value in seen if not value and stretch.begins <= at < next_begins), default=-1)
    if not stretch.ends <= ended <= stretch.ends + within:
        raise Violated("T2", f"typing until {stretch.ends} is shown until {ended}: {seen}")

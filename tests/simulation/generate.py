"""Random histories from a seed, and the shrinking of one that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

from tests.simulation.history import FAULTS, KNOWN, LATE_MS, TURNS, Act, Fault, History, Turn
from tests.simulation.world import KEEPERS_LOOK_MS, SCHEDULE_MS

#: Gaps within a burst; the long ones lie just below the debounce.
GAPS = (20, 90, 180, 180, 300, 300, 450, 900, 1_500, 1_990)
#: Typing on for long enough to meet every retry.
LONG_GAPS = (1_300, 1_700, 1_990)
#: Between bursts: just above the debounce, while its false is on its way, long after.
PAUSES = (2_010, 2_090, 2_120, 2_150, 2_200, 2_400, 3_000, 6_000, 15_000)
#: Lengths of stalls, delays and Retry-Afters: around the limits of locks, leases, sleeps and HTTP calls.
LENGTHS = (50, 300, 900, 1_100, 1_950, 2_500, 3_900, 7_000, 9_000, 14_000, 31_000)
RETRY_AFTERS = (0, 1_000, 2_000, 5_000, 12_000, 30_000, 90_000, 3_600_000)
DEBOUNCE_MS = 2_000
LAST_NUMBER = {"step": 70, "call": 14, "start": 5, "wait": 6}


def random_history(random: Random) -> History:
    """One history: visitors at work and, in two of three, trouble."""
    acts = visits(random)
    history = History(
        guest=random.random() < 0.9,
        keepers=(keepers := random.random() < 0.8),
        sweep=random.randrange(KEEPERS_LOOK_MS if keepers else SCHEDULE_MS),
        pace=random.choice((1, 3, 5, 8)),
        cap=random.choice((600_000, 600_000, 600_000, 6_000)),
    )
    if not history.guest:
        acts.insert(0, Act("open", "A", 0))
    if random.random() < 0.33:
        twice = {"start": {random.randint(1, 3): Fault("twice")}} if random.random() < 0.2 else {}
        return replace(with_faults(history, twice), acts=tuple(acts), cap=600_000)
    troubled = [_delayed(act, random) for act in acts]
    turns = [_turn(random, acts[-1].at) for _ in range(random.choice((0, 0, 0, 1)))]
    faults = _faults(random)
    return replace(with_faults(history, faults), acts=tuple(troubled), turns=tuple(turns))


def visits(random: Random) -> list[Act]:
    """What visitors do in their tabs, some by a client that holds its keys."""
    acts = list(_acts(random))
    for tab in random.choice(("", "", "A", "B", "AB")):
        acts = _held(acts, tab, random)
    return acts


def _acts(random: Random) -> Iterator[Act]:
    at, tab = random.randrange(500), "A"
    for _ in range(random.choice((1, 1, 2, 3))):
        gaps = GAPS if random.random() < 0.95 else LONG_GAPS
        for _ in range(random.choice((1, 2, 3, 6)) if gaps is GAPS else 16):
            yield Act("key", tab, at, late=random.choice((0, 0, 10, LATE_MS)), twice=random.choice((0, 0, 0, 15)))
            at += random.choice(gaps)
            tab = random.choice("AAAB") if random.random() < 0.2 else tab
        if random.random() < 0.4:
            kind = random.choice(("stop", "stop", "stop", "close"))
            yield Act(kind, random.choice((tab, tab, "B")), at, late=random.choice((0, 0, 30)))
        at += random.choice(PAUSES)


def _held(acts: list[Act], tab: str, random: Random) -> list[Act]:
    """What a client in ``tab`` sends that asks for holds: fewer keys, and a stop at the debounce or nothing."""
    found = [act for act in acts if act.tab != tab]
    hold = random.choice((6_000, 6_000, 6_000, 3_000))
    frame_at = last_at = -(10**6)
    stopped = True
    for act in [*(act for act in acts if act.tab == tab), None]:
        if not stopped and (act is None or act.at >= last_at + DEBOUNCE_MS):
            stopped = True
            if random.random() < 0.93:
                found.append(Act("stop", tab, last_at + DEBOUNCE_MS, late=random.choice((0, 0, 30))))
        if act is None or act.kind != "key":
            found += [act] if act else []
            stopped = True
            continue
        if stopped or act.at >= frame_at + hold - DEBOUNCE_MS:
            found.append(replace(act, hold=hold))
            frame_at = act.at
        last_at, stopped = act.at, False
    return sorted(found, key=lambda act: act.at)


def _delayed(act: Act, random: Random) -> Act:
    """Some frames come late, and so in another order."""
    return replace(act, late=random.choice(LENGTHS)) if random.random() < 0.08 else act


def _turn(random: Random, until: int) -> Turn:
    kind = random.choice(TURNS)
    return Turn(kind, random.randrange(until + 4_000), random.choice(LENGTHS) if kind == "cxone pauses" else 0)


def _faults(random: Random) -> dict[str, dict[int, Fault]]:
    found: dict[str, dict[int, Fault]] = {name: {} for name in FAULTS}
    for _ in range(random.choice((0, 1, 1, 2, 3, 5))):
        name = random.choice(("step", "step", "call", "call", "call", "start", "wait"))
        found[name][random.randint(1, LAST_NUMBER[name])] = _fault(random, name)
    if random.random() < 0.1:  # a storm
        kinds = random.choices(FAULTS["call"][:5], k=6)
        found["call"] = {number + 1: Fault(kind, random.choice(RETRY_AFTERS)) for number, kind in enumerate(kinds)}
    return found


def _fault(random: Random, name: str) -> Fault:
    kind = random.choice(FAULTS[name])
    if kind == "throttled":
        return Fault(kind, random.choice(RETRY_AFTERS))
    if kind in ("stall", "hold"):
        return Fault(kind, random.choice(LENGTHS))
    if kind in ("lost", "slow", "orphan"):
        return Fault(kind, random.choice([length for length in LENGTHS if length < 4_000]))
    if kind == "late":
        return Fault(kind, random.choice((900, 2_800, 5_800, 9_000)))
    return Fault(kind)


def with_faults(history: History, faults: dict[str, dict[int, Fault]]) -> History:
    """Faults by the name of their kind, and by number."""
    return replace(history, **{name + "s": by_number for name, by_number in faults.items()})


def shrink(history: History, fails: Callable[[History], bool]) -> History:
    """The shortest history found that still ``fails``: parts are left out as long as that can be done."""
    smaller = next(filter(fails, _smaller(history)), None)
    while smaller is not None:
        history, smaller = smaller, next(filter(fails, _smaller(smaller)), None)
    return history


def _smaller(history: History) -> Iterator[History]:
    for name in KNOWN:
        for number in history.faults(name):
            rest = {other: fault for other, fault in history.faults(name).items() if other != number}
            yield replace(history, **{name + "s": rest})
    for index in range(len(history.turns)):
        yield replace(history, turns=history.turns[:index] + history.turns[index + 1 :])
    for index, act in enumerate(history.acts):
        before, after = history.acts[:index], history.acts[index + 1 :]
        yield replace(history, acts=before + after)
        if act.twice:
            yield replace(history, acts=(*before, replace(act, twice=0), *after))
        if act.late:
            yield replace(history, acts=(*before, replace(act, late=0), *after))
        if act.hold:
            yield replace(history, acts=(*before, replace(act, hold=0), *after))
    default = History()
    for name in ("guest", "keepers", "contact", "livechat", "cap", "pace", "sweep"):
        if getattr(history, name) != getattr(default, name):
            yield replace(history, **{name: getattr(default, name)})

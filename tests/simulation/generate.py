"""Random histories from a seed, and the shrinking of one that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

from tests.simulation.fleet_history import FleetHistory
from tests.simulation.history import FAULTS, KNOWN, LATE_MS, NUMBERS, TURNS, Act, Fault, History, Turn
from tests.simulation.world import KEEPERS_LOOK_MS, SCHEDULE_MS

H = TypeVar("H", History, FleetHistory)

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
#: Timings that a deployment may choose; how old a read may be, and how far apart functions' clocks.
DEBOUNCES = (*[DEBOUNCE_MS] * 6, 2_700, 5_000)
HOLDS = (6_000, 6_000, 6_000, 3_000, 2_100, 15_000)
LAGS = (*[0] * 5, 50, 900)
SKEWS = (*[0] * 6, 30)
#: How long after the last visit the next one begins: when all has come to rest; after a keeper's grace; after two.
LATER = (40_000, 65_000, 130_000)
#: A page that was left is open again this long before its visitor types.
BACK_MS = 3_000
#: How long the client waits for an answer that is lost, before it makes the request again; and while that is a trifle.
RETRIES = (0, 0, 300, 900, 2_500)
TRIFLES = (0, 100, 300)
LAST_NUMBER = {"step": 70, "call": 14, "start": 5, "wait": 6}


def random_history(random: Random) -> History:
    """One history: visitors at work and, in two of three, trouble."""
    debounce = random.choice(DEBOUNCES)
    acts = with_later_visits(visits(random, debounce), random, debounce)
    history = History(
        debounce=debounce,
        lag=random.choice(LAGS),
        skew=random.choice(SKEWS),
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
        return replace(with_faults(history, twice | retries(random)), acts=tuple(acts), cap=600_000)
    troubled = [_delayed(act, random) for act in acts]
    turns = [_turn(random, acts[-1].at) for _ in range(random.choice((0, 0, 0, 1)))]
    faults = _faults(random)
    return replace(with_faults(history, faults), acts=tuple(troubled), turns=tuple(turns))


def visits(random: Random, debounce: int = DEBOUNCE_MS) -> list[Act]:
    """What visitors do in their tabs, some by a client that holds its keys."""
    acts = list(_acts(random, debounce))
    for tab in random.choice(("", "", "A", "B", "AB", "ABCD")):
        acts = _held(acts, tab, random, debounce)
    return acts


def with_later_visits(acts: list[Act], random: Random, debounce: int = DEBOUNCE_MS) -> list[Act]:
    """Some come again when all trouble is over: what they see then is judged as if there had been none."""
    if random.random() < 0.75:
        return acts
    if random.random() < 0.3:  # everybody leaves: the keeper's grace runs out, or does not
        acts = acts + [Act("close", tab, acts[-1].at + 2_500) for tab in "AB"]
    later = acts[-1].at + random.choice(LATER)
    back = [Act("open", tab, later - BACK_MS) for tab in "AB" if any(act.kind == "close" for act in acts)]
    return acts + back + [replace(act, at=act.at + later) for act in visits(random, debounce)]


def retries(random: Random) -> dict[str, dict[int, Fault]]:
    """Now and then an answer of the store is lost, and the client makes its request again: nothing else goes wrong."""
    if random.random() < 0.7:
        return {}
    numbers = (random.randint(1, 40) for _ in range(random.choice((1, 1, 2, 3))))
    return {"step": {number: Fault("again", random.choice(TRIFLES)) for number in numbers}}


def _acts(random: Random, debounce: int) -> Iterator[Act]:
    at, tab = random.randrange(500), "A"
    tabs = random.choice(("AAAB", "AAAB", "AAAB", "ABCD"))
    for _ in range(random.choice((1, 1, 2, 3))):
        gaps = GAPS if random.random() < 0.95 else LONG_GAPS
        for _ in range(random.choice((1, 2, 3, 6)) if gaps is GAPS else 16):
            yield Act("key", tab, at, late=random.choice((0, 0, 10, LATE_MS)), twice=random.choice((0, 0, 0, 15)))
            at += random.choice(gaps) * debounce // DEBOUNCE_MS
            tab = random.choice(tabs) if random.random() < 0.2 else tab
        if random.random() < 0.4:
            kind = random.choice(("stop", "stop", "stop", "close"))
            yield Act(kind, random.choice((tab, tab, *tabs[3:])), at, late=random.choice((0, 0, 30)))
        at += random.choice(PAUSES) + debounce - DEBOUNCE_MS


def _held(acts: list[Act], tab: str, random: Random, debounce: int) -> list[Act]:
    """What a client in ``tab`` sends that asks for holds: fewer keys, and a stop at the debounce or nothing."""
    found = [act for act in acts if act.tab != tab]
    hold = max(random.choice(HOLDS), debounce + 100)
    frame_at = last_at = -(10**6)
    stopped = True
    for act in [*(act for act in acts if act.tab == tab), None]:
        if not stopped and (act is None or act.at >= last_at + debounce):
            stopped = True
            if random.random() < 0.93:
                found.append(Act("stop", tab, last_at + debounce, late=random.choice((0, 0, 30))))
        if act is None or act.kind != "key":
            found += [act] if act else []
            stopped = True
            continue
        if stopped or act.at >= frame_at + hold - debounce:
            found.append(replace(act, hold=hold if act.at % 37 else 0))  # 0, now and then: by another client
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
    if kind == "again":
        return Fault(kind, random.choice(RETRIES))
    if kind in ("lost", "slow", "orphan"):
        return Fault(kind, random.choice([length for length in LENGTHS if length < 4_000]))
    if kind == "late":
        return Fault(kind, random.choice((900, 2_800, 5_800, 9_000)))
    return Fault(kind)


def with_faults(history: History, faults: dict[str, dict[int, Fault]]) -> History:
    """Faults by the name of their kind, and by number."""
    return replace(history, **{name + "s": by_number for name, by_number in faults.items()})


def shrink(history: H, fails: Callable[[H], bool]) -> H:
    """The shortest history found that still ``fails``: parts are left out as long as that can be done."""
    smaller = next(filter(fails, _smaller(history)), None)
    while smaller is not None:
        history, smaller = smaller, next(filter(fails, _smaller(smaller)), None)
    return history


def _smaller(history: Any) -> Iterator[Any]:
    return history.smaller() if isinstance(history, FleetHistory) else _smaller_visit(history)


def _smaller_visit(history: History) -> Iterator[History]:
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
    for name in ("guest", "keepers", "contact", "livechat", "legacy", *NUMBERS):
        if getattr(history, name) != getattr(default, name):
            yield replace(history, **{name: getattr(default, name)})

"""Random histories of the Digital-First platform: the same visitors, and the trouble that its keepers can meet."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.simulation.gateway import Shape
from tests.simulation.generate import (
    DEBOUNCES,
    LAGS,
    LENGTHS,
    RETRIES,
    SKEWS,
    retries,
    visits,
    with_faults,
    with_later_visits,
)
from tests.simulation.history import DFO_FAULTS, DFO_TURNS, VISITOR_TURNS, Act, Fault, History, Turn
from tests.simulation.world import KEEPERS_LOOK_MS

#: Of tabs that come back.
NEW_IDS = {"A": "E", "B": "F"}
LAST_NUMBER = {"step": 70, "start": 5, "frame": 12, "post": 20}
#: A frame that is late, or whose socket is lost, is taken before a message that may have left is looked for, or never.
LATE_FRAMES = tuple(length for length in LENGTHS if length < 3_000)
#: How long a keeper stalls: its message in the queue becomes another's when that is long.
STALLS = (*LENGTHS, 31_000, 45_000)
#: How long the gateway, or the store, is away.
AWAY = (300, 1_100, 2_500, 7_000, 14_000)
#: How often a keeper looks at its records: as its settings say, or each moment is one at which it looks.
LOOKS = (*[30_000] * 12, 5_000, 1_000, 200)
#: How long a token is good for: the socket that comes a minute later needs another one.
TOKENS = (3_600_000, 3_600_000, 3_600_000, 70_000)
LASTING = {"keeper stalls": STALLS, "gateway refuses": AWAY, "store refuses": AWAY, "posts refuse": AWAY}


def random_dfo_history(random: Random) -> History:
    """One history: visitors at work and, in two of three, trouble. Some ask more of their conversation."""
    history = _history(random)
    history = replace(history, legacy=random.random() < 0.1)
    if not history.legacy and random.random() < 0.15:
        history = replace(history, page=random.choice((1, 1, 2, 3)))
    if random.random() >= 0.85:
        until = history.acts[-1].at + 4_000
        asked = [Turn(random.choice(VISITOR_TURNS), random.randrange(until), 0) for _ in range(random.randint(1, 4))]
        history = replace(history, turns=(*history.turns, *sorted(asked, key=lambda turn: turn.at)))
    shapes = Shape(history.shapes)
    shapes |= Shape.ANSWERS_FIRST if random.random() < 0.15 else Shape(0)
    if random.random() < 0.25:
        shapes |= random.choice((Shape.PARTS, Shape.PARTS | Shape.REST_FAILS))
    history = replace(history, shapes=shapes.value)
    return _with_refused_address(history, random) if random.random() < 0.04 else history


def _with_refused_address(history: History, random: Random) -> History:
    """While the socket is lost and another token is needed, the address is refused."""
    at, ms = 9_000 + random.randrange(history.acts[-1].at + 4_000), random.choice(AWAY)
    turns = (Turn("gateway drops", at, 0), Turn("address refused", max(0, at - 100), ms))
    return replace(history, turns=(*history.turns, *turns), token=70_000, cap=600_000)


def _history(random: Random) -> History:
    debounce = random.choice(DEBOUNCES)
    acts = _back_under_new_ids(with_later_visits(visits(random, debounce), random, debounce))
    history = History(
        dfo=True,
        debounce=debounce,
        lag=random.choice(LAGS),
        look=random.choice(LOOKS),
        skew=random.choice(SKEWS),
        token=random.choice(TOKENS),
        livechat=random.random() < 0.7,
        contact=random.random() < 0.85,
        sweep=random.randrange(KEEPERS_LOOK_MS),
        pace=random.choice((1, 3, 5, 8)),
        cap=random.choice((600_000, 600_000, 600_000, 6_000)),
    )
    if random.random() < 0.5:
        history = replace(history, shapes=random.randrange(Shape.ANSWERS_FIRST.value))
    if random.random() < (0.3 if history.contact else 0.9):
        acts = _with_messages(acts, random)
    if random.random() < 0.33:
        return replace(with_faults(history, retries(random)), acts=tuple(acts), cap=600_000)
    if random.random() < 0.1:
        history = replace(history, guest=False, contact=False)
        acts.insert(0, Act("open", "A", 0))
    troubled = [replace(act, late=random.choice(LENGTHS)) if random.random() < 0.08 else act for act in acts]
    turns = [_turn(random, acts[-1].at) for _ in range(random.choice((0, 1, 1, 2, 3)))]
    return replace(with_faults(history, _faults(random)), acts=tuple(troubled), turns=tuple(turns))


def _back_under_new_ids(acts: list[Act]) -> list[Act]:
    """A tab that comes back is another connection: API Gateway never gives an id twice."""
    back = {act.tab: act.at for act in acts if act.kind == "open"}
    return [replace(act, tab=NEW_IDS[act.tab]) if act.at >= back.get(act.tab, act.at + 1) else act for act in acts]


def _with_messages(acts: list[Act], random: Random) -> list[Act]:
    """Some send what they typed: in the place of a stop, or in the midst of it."""
    found = [replace(act, kind="message", twice=0, hold=0) if act.kind == "stop" else act for act in acts]
    at = random.randrange(acts[-1].at + 3_000)
    return sorted([*found, Act("message", random.choice("AAB"), at)], key=lambda act: act.at)


def _turn(random: Random, until: int) -> Turn:
    kind = random.choice(DFO_TURNS)
    return Turn(kind, random.randrange(until + 4_000), random.choice(LASTING[kind]) if kind in LASTING else 0)


def _faults(random: Random) -> dict[str, dict[int, Fault]]:
    found: dict[str, dict[int, Fault]] = {name: {} for name in DFO_FAULTS}
    for _ in range(random.choice((0, 1, 1, 2, 3, 5))):
        name = random.choice(("step", "step", "step", "frame", "frame", "start", "post", "post"))
        found[name][random.randint(1, LAST_NUMBER[name])] = _fault(random, name)
    return found


def _fault(random: Random, name: str) -> Fault:
    kind = random.choice(DFO_FAULTS[name])
    if kind in ("slow", "ghost"):
        return Fault(kind, random.choice(LATE_FRAMES))
    lengths = {"stall": LENGTHS, "hold": LENGTHS, "again": RETRIES, "freeze": STALLS}.get(kind)
    return Fault(kind, random.choice(lengths)) if lengths else Fault(kind)

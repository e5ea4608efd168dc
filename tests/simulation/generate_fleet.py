"""Random histories of fleets."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.simulation.fleet_history import ACTS, KNOWN, TURNS, FleetAct, FleetHistory, FleetTurn
from tests.simulation.history import Fault

VISITORS = ("alice", "bob", "carol", "dan")
#: Of stalls and outages: around a renewal, a visibility, a look.
LENGTHS = (500, 2_500, 5_100, 12_000, 21_000, 31_000, 45_000, 61_000, 130_000)
#: Of a call that is late, or whose answer is.
LATE = (50, 300, 900, 2_500, 5_100, 7_000, 31_000)
#: How stale a look is. AWS names no bound; a second is far more than is measured.
STALE = (20, 100, 300, 1_000)
#: Where faults are looked for: most at the beginning, where each of them meets something.
LAST_NUMBERS = {
    "step": (12, 30, 60, 120),
    "call": (6, 20, 40),
    "look": (4, 12, 24),
    "post": (4, 12, 40),
    "name": (2, 6),
}
LASTING = {"keeper stalls", "queue away", "store away", "posts away", "sockets refused"}


def random_fleet(random: Random) -> FleetHistory:
    """Visitors who come and go, keepers that come and go, and trouble."""
    span = random.choice((10_000, 60_000, 150_000))
    dfo = random.random() < 0.4
    acts = [act for visitor in VISITORS[: random.choice((1, 1, 2, 3, 4))] for act in _visit(visitor, span, random)]
    turns = [_turn(random, span, dfo) for _ in range(random.choice((0, 1, 1, 2, 3, 6)))]
    history = FleetHistory(
        dfo=dfo,
        keepers=random.choice((1, 2, 2, 3)),
        pace=random.choice((1, 3, 8)),
        acts=tuple(sorted(acts, key=lambda act: act.at)),
        turns=tuple(sorted(turns, key=lambda turn: turn.at)),
    )
    faults: dict[str, dict[int, Fault]] = {name: {} for name in KNOWN}
    for _ in range(random.choice((0, 1, 2, 3, 6, 10))):
        name = random.choice(("step", "step", "step", "call", "look", "post", "post", "name"))
        faults[name][random.randint(1, random.choice(LAST_NUMBERS[name]))] = _fault(random, name)
    history = replace(history, **{name + "s": by_number for name, by_number in faults.items()})
    return replace(history, idle=random.choice((60_000, 15_000)))


def _visit(visitor: str, span: int, random: Random) -> list[FleetAct]:
    at = random.randrange(min(span, 30_000))
    acts = [FleetAct("open", visitor, "A", at)]
    for _ in range(random.choice((0, 1, 2, 4))):
        at += random.choice((30, 400, 2_000, 20_000, 61_000, 95_000))
        kind = random.choice((*ACTS, "close", "open"))
        acts.append(FleetAct(kind, visitor, random.choice("AAB"), at))
    return [act for act in acts if act.at <= span + 60_000]


def _turn(random: Random, span: int, dfo: bool) -> FleetTurn:
    elsewhere = "guest ends" if dfo else "contacts open"
    kind = random.choice([kind for kind in TURNS if kind != elsewhere])
    return FleetTurn(
        kind, random.randrange(span), random.randrange(4), random.choice(LENGTHS) if kind in LASTING else 0
    )


def _fault(random: Random, name: str) -> Fault:
    kind = random.choice(KNOWN[name])
    if kind == "stale":
        return Fault(kind, random.choice(STALE))
    return Fault(kind, random.choice(LATE)) if kind in ("late", "hold", "slow") else Fault(kind)

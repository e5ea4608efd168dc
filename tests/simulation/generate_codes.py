"""Random histories of pages that sign their visitor in by a third party's codes."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.simulation.gateway import Shape
from tests.simulation.generate_dfo import random_dfo_history
from tests.simulation.history import Act, History, Turn

#: How long what a code brings is good for: until shortly after the visitor's first burst, or its later visits, or on.
LIVES = (40_000, 40_000, 70_000, 600_000)
REFRESHES = (
    Shape(0),
    Shape.REFRESHED_ONCE,
    Shape.REFRESHED_ONCE,
    Shape.REFRESH_STAYS,
    Shape.REFRESHED_ONCE | Shape.REFRESH_STAYS,
    Shape.NO_REFRESH,
)
#: This long after a history begins, what was signed in before it is refreshed; and for this long before and after that
#: the visitor is at work.
AROUND_MS = 4_000


def random_code_history(random: Random) -> History:
    """A Digital-First history, and in it a visitor who comes first, or is there when another token is due."""
    history = replace(random_dfo_history(random), legacy=False)
    shapes = Shape(history.shapes) | random.choice(REFRESHES)
    history = replace(history, page=random.choice((1, 1, 2, 3)), code=random.choice(LIVES), shapes=shapes.value)
    if random.random() < 0.3:
        return _of_a_newcomer(history)
    return _when_another_is_due(history, random) if random.random() < 0.6 else history


def _of_a_newcomer(history: History) -> History:
    if not history.guest:
        return history
    return replace(history, guest=False, contact=False, acts=(Act("open", "A", 0), *history.acts))


def _when_another_is_due(history: History, random: Random) -> History:
    """What is done, and goes wrong on its own, comes this much later."""
    due_at = history.code * 9 // 10 - 2_000
    later = max(0, due_at - random.randrange(2 * AROUND_MS))
    if later > 100_000:
        return history
    acts = tuple(replace(act, at=act.at + later) for act in history.acts)
    turns = tuple(Turn(turn.kind, turn.at + later, turn.ms) for turn in history.turns)
    return replace(history, acts=acts, turns=turns)

"""What the count must not exceed: `make bench ARGS=cost` fails above it. The one table of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from typing_relay.relay.effects import Latency

from tests.cost.columns import GATEWAY, HELD, PLAIN, Column
from tests.cost.crowd import burst
from tests.cost.report import idle_hour

Columns = Mapping[str, Column]


@dataclass(frozen=True)
class Goal:
    """``asked``: at most so much of it. ``reached``: so far it is this much, and must not become more."""

    what: str
    asked: float
    counted: Callable[[Columns], float]
    reached: float = 0.0

    @property
    def most(self) -> float:
        """What is failed above."""
        return max(self.asked, self.reached)


def _bursts(kind: str, typists: int) -> Callable[[Columns], float]:
    return lambda columns: 1000 * burst(columns[kind], typists)


def _felt(kind: str, latency: Latency) -> Callable[[Columns], float]:
    return lambda columns: columns[kind].median_felt(latency)


#: In the model's time, as counted in November 2026: what makes a burst cheaper must not make it slower.
SHOWN = ((HELD, 163), (PLAIN, 163), (GATEWAY, 44))
ENDED = ((HELD, 2152), (PLAIN, 2214), (GATEWAY, 2045))
GOALS = (
    Goal("v1, held keys: $ per 1,000 bursts, 1,000 people typing", 0.0225, _bursts(HELD, 1000)),
    Goal("… and 24 people", 0.0250, _bursts(HELD, 24)),
    Goal("v1, plain frames: $ per 1,000 bursts, 1,000 people typing", 0.0543, _bursts(PLAIN, 1000)),
    Goal("Digital-First: $ per 1,000 bursts, 1,000 people typing", 0.0150, _bursts(GATEWAY, 1000)),
    Goal("executions of a held burst, s", 1.5, lambda columns: 16 * columns[HELD].a_burst("express_gb_s")),
    Goal(
        "calls to CXone of any kind, a held burst",
        2.1,
        lambda columns: columns[HELD].a_burst("POSTs", "GETs"),
    ),
    Goal("frames, a held burst", 4, lambda columns: columns[HELD].a_burst("frames")),
    Goal("sender environments for 1,000 people typing", 60, lambda columns: columns[HELD].at_once("Sender")),
    Goal("idle, a hidden page: $ per 1,000 visitor-hours", 0.05, lambda columns: 1000 * idle_hour()),
    *(Goal(f"{kind}: first key to true, ms", most, _felt(kind, Latency.FIRST_KEY_TO_SHOWN)) for kind, most in SHOWN),
    *(Goal(f"{kind}: last key to false, ms", most, _felt(kind, Latency.LAST_KEY_TO_ENDED)) for kind, most in ENDED),
)


def missed(columns: Columns) -> list[Goal]:
    """Those that are exceeded."""
    return [goal for goal in GOALS if goal.counted(columns) > goal.most]


def goals_text(columns: Columns) -> str:
    """One a line, for a terminal."""
    return "\n".join(
        f"  {'✗' if goal in missed(columns) else '✓'} {goal.what}: {goal.counted(columns):.4g}, at most {goal.most:g}"
        + (f"; asked {goal.asked:g}" if goal.most > goal.asked else "")
        for goal in GOALS
    )

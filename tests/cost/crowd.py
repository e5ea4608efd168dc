"""What 1,000 bursts cost by how many people type at the same time: few share what does not shrink with the load."""

from __future__ import annotations

from collections.abc import Mapping

from tests.cost.columns import GATEWAY, HELD, Column
from tests.cost.prices import PRICES, TRACED_A_SECOND, TRACED_BEYOND, dollars
from tests.cost.report import table

TYPISTS = (1, 10, 24, 100, 1000)
#: Each begins traces of its own: WebSocket APIs begin none, and the state machine's go on into its sender.
TRACED = ("Keystroke calls", "executions")


def traced(column: Column, typists: int) -> float:
    """Dollars of a burst for X-Ray, with Tracing=Active."""
    rates = [column.a_second(what, typists=typists) for what in TRACED]
    traces = sum(min(rate, TRACED_A_SECOND) + TRACED_BEYOND * max(0, rate - TRACED_A_SECOND) for rate in rates)
    return PRICES["traces"] * traces / column.bursts_a_second(typists)


def crowd_table(columns: Mapping[str, Column]) -> str:
    """$ per 1,000 bursts."""
    kinds = (HELD, GATEWAY)
    rows = []
    for typists in TYPISTS:
        bursts = [1000 * dollars(columns[kind].billed) for kind in kinds]
        traces = [1000 * traced(columns[kind], typists) for kind in kinds]
        amounts = [amount for pair in zip(bursts, traces, strict=True) for amount in pair]
        rows.append([f"{typists:,}", *(f"{amount:.4f}" for amount in amounts)])
    head = ["$ per 1,000 bursts, people typing", *(column for kind in kinds for column in (kind, "+ `Tracing=Active`"))]
    return table(head, rows)

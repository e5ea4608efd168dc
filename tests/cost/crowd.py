"""What 1,000 bursts cost by how many people type at the same time: few share what does not shrink with the load."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tests.cost.columns import GATEWAY, HELD, PLAIN, Column
from tests.cost.prices import KEY_S, PRICES, TRACED_A_SECOND, TRACED_BEYOND, dollars
from tests.cost.report import table

TYPISTS = (1, 10, 24, 100, 1000)
#: Each begins traces of its own: WebSocket APIs begin none, and the state machine's go on into its sender.
TRACED = ("Keystroke calls", "executions")
FUNCTIONS = ("Keystroke", "Sender")


def traced(column: Column, typists: int) -> float:
    """Dollars of a burst for X-Ray, with Tracing=Active."""
    rates = [column.a_second(what, typists=typists) for what in TRACED]
    traces = sum(min(rate, TRACED_A_SECOND) + TRACED_BEYOND * max(0, rate - TRACED_A_SECOND) for rate in rates)
    return PRICES["traces"] * traces / column.bursts_a_second(typists)


def environments(column: Column, typists: int) -> dict[str, int]:
    """Of each function that is called."""
    return {name: column.at_once(name, typists) for name in FUNCTIONS if column.counts[f"{name} calls"]}


def begun(column: Column, typists: int) -> float:
    """Dollars of a burst for environments that begin: each is replaced after some hours."""
    model, inits = column.model, environments(column, typists)
    gb_s = [
        model.on_cpu(name, model.init_cpu) / 1000 * model.memory_mb(name) / 1024 * count / model.environment_s
        for name, count in inits.items()
    ]
    return PRICES["lambda_gb_s"] * sum(gb_s) / column.bursts_a_second(typists)


def keys_asked(column: Column, typists: int) -> float:
    """Dollars of a burst for KMS: a call that comes after its environment was idle for long opens a connection.

    Calls come at random, and each environment gets its share.
    """
    asked = 0.0
    for name, count in environments(column, typists).items():
        rate = column.a_second(f"{name} calls", typists=typists)
        asked += rate * math.exp(-column.model.connection_idle_s * rate / count) + count / KEY_S
    return PRICES["kms_requests"] * asked / column.bursts_a_second(typists)


def burst(column: Column, typists: int) -> float:
    """Dollars of a burst, all of it, without traces."""
    return dollars(column.billed) + begun(column, typists) + keys_asked(column, typists)


def crowd_table(columns: Mapping[str, Column]) -> str:
    """$ per 1,000 bursts."""
    rows = []
    for typists in TYPISTS:
        amounts = [1000 * burst(columns[kind], typists) for kind in (HELD, PLAIN, GATEWAY)]
        amounts += [1000 * traced(columns[kind], typists) for kind in (HELD, GATEWAY)]
        rows.append([f"{typists:,}", *(f"{amount:.4f}" for amount in amounts)])
    more = [f"+ `Tracing=Active`, {kind}" for kind in (HELD, GATEWAY)]
    return table(["$ per 1,000 bursts, people typing", HELD, PLAIN, GATEWAY, *more], rows)

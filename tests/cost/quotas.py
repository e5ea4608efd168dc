"""Which of AWS's quotas is met first when one stack holds ever more visitors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.cost.columns import HELD, Column
from tests.cost.month import CHAT_BURSTS, FRAMES, Load
from tests.cost.report import KEEPER_HOUR, PING_S, pings, table

CONNECTED = (10_000, 100_000, 1_000_000)
#: API Gateway ends each connection after two hours.
CONNECTION_S = 7200
TASK_VCPU = 0.25


@dataclass(frozen=True)
class Quota:
    """``needed``: how much of it these visitors take. ``kept``: it cannot be raised."""

    name: str
    limit: int
    needed: Callable[[Column, Load], float]
    kept: bool = False


def _an_hour(column: Column, load: Load, *what: str) -> float:
    """How many of these the bursts of an hour take."""
    return load.visitors * load.bursts * column.a_burst(*what)


def _requests(column: Column, load: Load) -> float:
    idle = load.visitors * (pings(3600 / PING_S)["messages"] + FRAMES)
    return (_an_hour(column, load, "messages") + idle) / 3600


def _environments(column: Column, load: Load) -> float:
    return _an_hour(column, load, "Keystroke ms", "Sender ms") / 3_600_000


def _write_units(column: Column, load: Load) -> float:
    return (_an_hour(column, load, "write_units") + load.visitors * KEEPER_HOUR["write_units"]) / 3600


def _read_units(column: Column, load: Load) -> float:
    idle = load.visitors * (KEEPER_HOUR["read_units"] + pings(3600 / PING_S)["read_units"] + FRAMES)
    return (_an_hour(column, load, "read_units") + idle) / 3600


#: As AWS's tables of quotas have them, in its large regions.
QUOTAS = (
    Quota("Fargate, vCPU on demand", 6, lambda column, load: load.keepers(column) * TASK_VCPU),
    Quota("SQS, messages in flight of a queue", 120_000, lambda _, load: load.visitors, kept=True),
    Quota("NAT, connections of one address to one host", 55_000, lambda _, load: load.visitors, kept=True),
    Quota("API Gateway, requests and posts a second", 10_000, _requests),
    Quota("API Gateway, new connections a second", 500, lambda _, load: load.visitors / CONNECTION_S),
    Quota("Step Functions, Express starts a second", 6_000, lambda c, load: _an_hour(c, load, "executions") / 3600),
    Quota("Lambda, concurrent executions", 1_000, _environments),
    Quota("DynamoDB, write units a second of a table", 40_000, _write_units),
    Quota("DynamoDB, read units a second of a table", 40_000, _read_units),
)


def quotas_table(columns: Mapping[str, Column]) -> str:
    """What visitors who chat need of each quota, and where that is more than there is at first."""
    loads = [Load(visitors, CHAT_BURSTS) for visitors in CONNECTED]
    head = ["quota", "at first", *(f"{load.visitors:,} connected" for load in loads)]
    rows = [
        [
            quota.name,
            f"{quota.limit:,}{', fixed' if quota.kept else ''}",
            *(_cell(quota, columns[HELD], load) for load in loads),
        ]
        for quota in QUOTAS
    ]
    return table(head, rows)


def _cell(quota: Quota, column: Column, load: Load) -> str:
    needed = quota.needed(column, load)
    text = f"{math.ceil(needed):,}"
    return f"**{text}**" if needed > quota.limit else text

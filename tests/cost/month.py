"""A month's whole bill: visitors round the clock, what they type, the keepers, NAT's bytes, and what is fixed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from typing_relay.keeper.sweeping import LOOK_S

from tests.cost.columns import GATEWAY, HELD, Column
from tests.cost.model import core_a_task, guests_a_task
from tests.cost.network import AROUND_IT, IN_A_PACKET, RECEIPT, TOKEN, bytes_of
from tests.cost.played import UNIT_READ
from tests.cost.prices import PRICES, dollars, dollars_a_month
from tests.cost.report import KEEPER_HOUR, PING_S, bursts_an_hour, paragraph, pings, table
from tests.support.cloudformation import as_deployed
from tests.support.template import PARAMETERS, TEMPLATE, of_type

HOURS = 730
#: A chat: the visitor types twenty times an hour, and so does the agent: typing, typing no longer, the message.
CHAT_BURSTS, FRAMES = 20, 60
VISITORS = (1_000, 100_000)
#: A keeper: a long poll of 2 s; at each look eight queries, half a read unit each, for leases that end.
POLLS, QUERIES = 3600 / 2, 8 * 3600 / LOOK_S
#: A lease that such a look finds, in bytes: stored in the index, and in the answer.
STORED, ANSWERED = 80, 110
#: The scheduled sweeper does the same once a minute.
SWEEPS = 60
#: A guest's socket: CXone is silent longer than 45 s at a time; on Digital-First a heartbeat each 15 s.
PINGS, HEARTBEATS = 3600 / 60, 3600 / 15
#: One for each of two zones.
NAT_GATEWAYS = 2
OWN_METRICS = 40
#: What the stack looks like where it runs for many visitors.
GIVEN = {"CxoneOrgId": "acme", "KeeperImage": "image", "VpcId": "vpc-0a", "AlarmEmail": "ops@shop.example"}

Counts = Mapping[str, float]


@dataclass(frozen=True)
class Load:
    """This many visitors, always there, each with this many bursts an hour."""

    visitors: int
    bursts: float

    @property
    def visitor_hours(self) -> int:
        """A month's."""
        return self.visitors * HOURS

    def leases(self, column: Column) -> float:
        """How many end until a keeper's look comes back: half of those of all who just then type by holds."""
        typing_s = self.bursts * column.typing.typed_ms / column.typing.bursts / 1000
        return self.visitors * typing_s / 3600 / 2 if column.parks else 0

    def keepers(self, column: Column) -> int:
        """As many as scaling starts, by guests or by CPU, but never fewer than there must be."""
        calls = 2 * FRAMES + column.a_burst("keeper reads", "keeper writes") * self.bursts
        guest_core = column.model.keeper_guest_core + calls / 3600 * column.model.keeper_call_cpu / 1000
        tasks = max(self.visitors / guests_a_task(), self.visitors * guest_core / core_a_task())
        return max(PARAMETERS["KeeperMinTasks"]["Default"], math.ceil(tasks))


@dataclass(frozen=True)
class Month:
    """What is paid for, by the lines of the bill."""

    load: Load
    keepers: int
    lines: Mapping[str, Counts]

    def dollars(self, *lines: str) -> float:
        """Of these lines, or of all."""
        return sum(dollars_a_month(dict(self.lines[line])) for line in lines or self.lines)


TABLES_BYTES = "NAT, bytes of DynamoDB"
FIXED = "NAT gateways, alarms, metrics, secrets"


def month(platform: str, column: Column, load: Load) -> Month:
    """`platform`: v1 or dfo."""
    hours, bursts = load.visitor_hours, load.visitor_hours * load.bursts
    frames, task_hours = hours * FRAMES, load.keepers(column) * HOURS
    typed = {what: count * bursts for what, count in column.billed.items() if what != "connection_minutes"}
    used = Counter(typed) + Counter({what: count * hours for what, count in pings(3600 / PING_S).items()})
    used.update(
        {  # type: ignore[arg-type]  # halves are counted too
            "connection_minutes": 60 * hours,
            "messages": frames,
            "calls": SWEEPS * HOURS,
            "queue_requests": KEEPER_HOUR["queue_requests"] * hours + POLLS * task_hours,
            "kms_requests": KEEPER_HOUR["kms_requests"] * hours,
            "write_units": KEEPER_HOUR["write_units"] * hours,
            # each frame is posted by a record that is read consistently
            "read_units": KEEPER_HOUR["read_units"] * hours
            + frames
            + (QUERIES * task_hours + 8 * SWEEPS * HOURS) / 2
            + load.leases(column) * STORED / UNIT_READ / 2 * 3600 / LOOK_S * task_hours,
        }
    )
    to_tables, to_others = nat_bytes(platform, column, load)
    lines: dict[str, Counts] = {
        "API Gateway": _only(used, "messages", "connection_minutes"),
        "Lambda": _only(used, "calls", "lambda_gb_s"),
        "Step Functions": _only(used, "executions", "express_gb_s"),
        "DynamoDB": _only(used, "write_units", "read_units", "kms_requests"),
        "SQS": _only(used, "queue_requests"),
        "CloudWatch Logs": _only(used, "log_bytes"),
        "keepers": {"task_hours": task_hours},
        TABLES_BYTES: {"nat_bytes": to_tables},
        "NAT, other bytes": {"nat_bytes": to_others},
        FIXED: fixed(platform),
    }
    return Month(load, load.keepers(column), lines)


def nat_bytes(platform: str, column: Column, load: Load) -> tuple[float, float]:
    """A month's, (to and from DynamoDB, to and from everything else)."""
    of, hours, frames = bytes_of(), load.visitor_hours, load.visitor_hours * FRAMES
    bursts, task_hours = load.visitor_hours * load.bursts, load.keepers(column) * HOURS
    to_tables = (
        of["look at a hundred"] / 100 * 3600 / 30 * hours
        + of["read"] * (frames + column.a_burst("keeper reads") * bursts)
        + of["write"] * column.a_burst("keeper writes") * bursts
        + of["look for dead owners"] * QUERIES * task_hours
        + ANSWERED * load.leases(column) * 3600 / LOOK_S * task_hours
    )
    idle = of["heartbeat"] * HEARTBEATS if platform == "dfo" else of["ping and pong"] * PINGS
    to_others = (
        (of["renewal of ten"] * KEEPER_HOUR["queue_requests"] + idle) * hours
        + (of["post"] + of["frame"]) * frames
        + of["frame"] * (column.a_burst("frames to the gateway") + column.a_burst("nudges")) * bursts
        + of["long poll"] * POLLS * task_hours
    )
    return to_tables, to_others


def fixed(platform: str) -> Counts:
    """Whatever the load. Autoscaling makes two alarms for each target that it tracks."""
    tracked = [p for p in of_type("AWS::ApplicationAutoScaling::ScalingPolicy").values() if "Target" in p["PolicyType"]]
    return {
        "nat_hours": NAT_GATEWAYS * HOURS,
        "alarm_metrics": alarm_metrics(platform) + 2 * len(tracked),
        "composite_alarms": len(of_type("AWS::CloudWatch::CompositeAlarm")),
        "own_metrics": OWN_METRICS,
        "dashboards": len(of_type("AWS::CloudWatch::Dashboard")),
        "secrets": len(of_type("AWS::SecretsManager::Secret")),
    }


def alarm_metrics(platform: str) -> int:
    """Metrics that the alarms of a stack on this platform look at; CloudWatch charges for each."""
    made = as_deployed(TEMPLATE, {**GIVEN, "CxonePlatform": platform})["Resources"].values()
    return sum(_metrics(resource["Properties"]) for resource in made if resource["Type"] == "AWS::CloudWatch::Alarm")


def _metrics(alarm: Mapping[str, Any]) -> int:
    return sum("MetricStat" in metric for metric in alarm["Metrics"]) if "Metrics" in alarm else 1


def month_table(platform: str) -> Callable[[Mapping[str, Column]], str]:
    """$ a month, by line and load."""

    def write(columns: Mapping[str, Column]) -> str:
        column = columns[HELD if platform == "v1" else GATEWAY]
        rates = {"chat": CHAT_BURSTS, "essays": bursts_an_hour(column)}
        loads = {f"{count:,}, {name}": Load(count, rate) for count in VISITORS for name, rate in rates.items()}
        months = [month(platform, column, load) for load in loads.values()]
        rows = [[line, *(_dollars(each.dollars(line)) for each in months)] for line in months[0].lines]
        less = [each.dollars() - each.dollars(TABLES_BYTES) for each in months]
        rows += [
            ["**sum**", *(f"**{_dollars(each.dollars())}**" for each in months)],
            ["with a gateway endpoint for DynamoDB", *map(_dollars, less)],
            [
                "… for 1,000 visitor-hours",
                *(_cents(1000 * amount / each.load.visitor_hours) for amount, each in zip(less, months, strict=True)),
            ],
            ["keeper tasks", *(str(each.keepers) for each in months)],
        ]
        return table(["$ a month", *loads], rows)

    return write


def nat_text(columns: Mapping[str, Column]) -> str:
    """What a full task moves through NAT, idle and with chats."""
    of, guests = bytes_of(), PARAMETERS["KeeperMaxGuests"]["Default"]
    full, a_frame = guests * HOURS, of["read"] + of["post"] + of["frame"]
    renewals = of["renewal of ten"] * KEEPER_HOUR["queue_requests"] * full
    looks = of["look at a hundred"] / 100 * 120 * full
    frames = a_frame * FRAMES * full
    return paragraph(
        f"A full task, {guests:,} guests, moves {_gb(renewals)} GB a month through NAT for custody"
        f" ({of['renewal of ten']:,} bytes for ten guests each 20 s), {_gb(looks)} GB for its looks at the"
        f" records ({of['look at a hundred']:,} bytes for a hundred each 30 s) and, with {FRAMES} frames an hour to"
        f" each visitor, {_gb(frames)} GB for these ({a_frame:,} bytes each):"
        f" ${PRICES['nat_bytes'] * (renewals + looks + frames):.2f}. Taken for granted: receipts of {RECEIPT}"
        f" characters, a session token of {TOKEN:,}, and {AROUND_IT} bytes of TCP, IP and TLS around {IN_A_PACKET:,}."
    )


def fixed_table(columns: Mapping[str, Column]) -> str:
    """$ a month of what is paid for when nobody is there."""
    keepers = Load(visitors=0, bursts=0).keepers(columns[HELD])
    task_hours, counts = keepers * HOURS, fixed("v1")
    looks = {"queue_requests": POLLS * task_hours, "read_units": (QUERIES * task_hours + 8 * SWEEPS * HOURS) / 2}
    parts: dict[str, tuple[str, Counts]] = {
        "keeper tasks": (f"{keepers} × {HOURS} h × (0.25 × 0.03238 + 0.5 GB × 0.00356)", {"task_hours": task_hours}),
        "their long polls of 2 s": (f"{looks['queue_requests'] / 1e6:.1f} M requests", _only(looks, "queue_requests")),
        "looks for dead owners, theirs and the sweeper's": (
            f"{looks['read_units'] / 1e6:.1f} M read units",
            _only(looks, "read_units"),
        ),
        "public IPv4, with `AssignPublicIp=ENABLED`": (f"{keepers} × {HOURS} h × 0.005", {"ipv4_hours": task_hours}),
        "or NAT gateways, if your subnets have none": (
            f"{NAT_GATEWAYS} × {HOURS} h × 0.045",
            _only(counts, "nat_hours"),
        ),
        "alarms": (
            f"{counts['alarm_metrics']} metrics × 0.10, those of scaling included; on Digital-First"
            f" {fixed('dfo')['alarm_metrics']}",
            _only(counts, "alarm_metrics"),
        ),
        "composite alarms": (f"{counts['composite_alarms']} × 0.50", _only(counts, "composite_alarms")),
        "own metrics": (f"about {OWN_METRICS} × 0.30", _only(counts, "own_metrics")),
        "dashboard": ("", _only(counts, "dashboards")),
        "secrets": (f"{counts['secrets']} × 0.40", _only(counts, "secrets")),
    }
    return table(
        ["what", "arithmetic", "$"], [[what, how, _dollars(dollars(dict(of)))] for what, (how, of) in parts.items()]
    )


def _only(counts: Counts, *what: str) -> Counts:
    return {name: counts[name] for name in what}


def _gb(count: float) -> str:
    return f"{count / 2**30:,.0f}"


def _dollars(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.1f}" if amount >= 1 else f"{amount:.2f}" if amount else "–"


def _cents(amount: float) -> str:
    return f"{amount:.3f}"

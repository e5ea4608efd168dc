"""The bill as tables, for a terminal and for the docs."""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from typing_relay.keeper.guests.keeper import Settings
from typing_relay.keeper.visitors.roll_call import CALLS, SILENT_S
from typing_relay.relay.burst import Policy
from typing_relay.relay.effects import Latency

from tests.cost.columns import FRAME_A_KEY, GATEWAY, HALVED, HELD, PLAIN, POST_A_KEY, Column
from tests.cost.model import Model, guests_a_task, memory_mb
from tests.cost.prices import AS_OF, KEY_S, PRICES, dollars

CLIENT = Path(__file__).parents[2] / "web/typing-relay.js"
#: What one pays for -> what of it, by the names of ``PRICES``. Lambda comes function by function.
SERVICES = {
    "API Gateway, messages": ("messages",),
    "API Gateway, connection": ("connection_minutes",),
    "Lambda, calls": ("calls",),
    "Lambda, time": ("lambda_gb_s",),
    "Step Functions, executions": ("executions",),
    "Step Functions, time": ("express_gb_s",),
    "DynamoDB, writes": ("write_units",),
    "DynamoDB, reads": ("read_units",),
    "CloudWatch Logs": ("log_bytes",),
}
COUNTED: dict[str, Callable[[Column], float]] = {
    "frames from the browser": lambda column: column.a_burst("frames"),
    "POSTs to CXone": lambda column: column.a_burst("POSTs"),
    "GETs to CXone": lambda column: column.a_burst("GETs"),
    "frames to the gateway": lambda column: column.a_burst("frames to the gateway"),
    "nudges of a keeper": lambda column: column.a_burst("nudges"),
    "calls of the keystroke function": lambda column: column.a_burst("Keystroke calls"),
    "… ms": lambda column: column.a_burst("Keystroke ms"),
    "calls of the sender": lambda column: column.a_burst("Sender calls"),
    "… ms, sleep included ": lambda column: column.a_burst("Sender ms"),
    "… of it asleep": lambda column: column.a_burst("slept ms") if column.counts["Sender calls"] else 0,
    "executions": lambda column: column.a_burst("executions"),
    "… s": lambda column: column.a_burst("express_gb_s") * 16,
    "writes of the record": lambda column: column.a_burst("writes"),
    "… of the sweeper's index": lambda column: column.a_burst("index writes"),
    "write units, all": lambda column: column.a_burst("write_units"),
    "read units": lambda column: column.a_burst("read_units"),
    "bytes of logs": lambda column: column.a_burst("log_bytes"),
}
#: The browser's client, after this long a silence (s): where the page is in view, and where it is hidden.
PING_S, HIDDEN_PING_S = (
    int(re.search(rf"const {name} = ([\d_]+);", CLIENT.read_text())[1]) // 1000  # type: ignore[index]
    for name in ("PING_MS", "HIDDEN_PING_MS")
)
#: A keeper's threads that call DynamoDB, each on a connection of its own (``functions/guest_keeper/app.py``): those
#: that look at records, tell visitors, and look for dead owners.
KEEPER_CONNECTIONS = 8 + 12 + 2
#: From one look at a record to the next (s): always, and where nothing has happened for minutes.
LOOK_S = Settings("a keeper").refresh_s
QUIET_LOOK_S = 2 * LOOK_S
#: A keeper: a request renews the custody of ten guests each 20 s; a record is looked at, eventually consistent, and
#: written each 20 min, to say that its guest is held.
KEEPER_HOUR = {
    "queue_requests": 3600 / 20 / 10,
    "read_units": 3600 / LOOK_S / 2,
    "write_units": 3600 / 1200,
    "kms_requests": KEEPER_CONNECTIONS * 3600 / KEY_S / guests_a_task(),
}
QUIET_HOUR = KEEPER_HOUR | {"read_units": 3600 / QUIET_LOOK_S / 2}
#: Whoever is told nothing is called after a look, this long (s) after the last time: all but the last of CALLS by a
#: pong.
CALL_S = math.ceil(SILENT_S / QUIET_LOOK_S) * QUIET_LOOK_S
#: A guest's share of a task.
TASK_HOUR = PRICES["task_hours"] / guests_a_task()


SHOWN = (HELD, PLAIN, GATEWAY, FRAME_A_KEY, POST_A_KEY)


def counted_table(columns: Mapping[str, Column]) -> str:
    """What a burst takes, by kind."""
    rows = [[what, *(_number(count(column)) for column in _shown(columns))] for what, count in COUNTED.items()]
    return table(["a burst", *SHOWN], rows)


def bill_table(columns: Mapping[str, Column]) -> str:
    """$ per 1,000 bursts, by service and kind."""
    rows = [
        [service, *(_money(dollars(column.billed, *of)) for column in _shown(columns))]
        for service, of in SERVICES.items()
    ]
    total = ["**sum**", *(f"**{_money(dollars(column.billed))}**" for column in _shown(columns))]
    return table(["$ per 1,000 bursts", *SHOWN], [*rows, total])


def hours_table(columns: Mapping[str, Column]) -> str:
    """$ per 1,000 visitor-hours: connected, held by a keeper, and typing as much as these people."""
    rows = [
        ["connection", *(_money(60 * PRICES["connection_minutes"]) for _ in SHOWN)],
        ["a silent connection kept, its page hidden", *(_money(dollars(keeping(HIDDEN_PING_S))) for _ in SHOWN)],
        ["a guest held", *(_money(dollars(QUIET_HOUR) + TASK_HOUR) for _ in SHOWN)],
        ["**idle**", *(f"**{_money(idle_hour())}**" for _ in SHOWN)],
        [
            f"more where it is in view, and pings after {PING_S} s",
            *(_money(dollars(keeping(PING_S)) - dollars(keeping(HIDDEN_PING_S))) for _ in SHOWN),
        ],
        ["typing", *(_money(_typing_hour(column)) for column in _shown(columns))],
    ]
    total = ["**sum**", *(f"**{_money(idle_hour(PING_S) + _typing_hour(column))}**" for column in _shown(columns))]
    return table(["$ per 1,000 visitor-hours", *SHOWN], [*rows, total])


def questions_text(columns: Mapping[str, Column]) -> str:
    """Which bursts make more than two calls to CXone."""
    held = columns[HELD]
    return paragraph(
        f"Calls to CXone: two a burst. {held.counts['bursts asked about']:,} of the {held.typing.bursts:,} held bursts"
        f" made more, {held.a_burst('POSTs', 'GETs'):.3f} on average: those that are shown for longer than"
        f" {Policy().verify_ms // 1000} s, one question in each {Policy().verify_ms // 1000} s (T14), asked at the end"
        " of a hold if keys have held on. CXone may lose what it was told: without questions a longer burst would then"
        " stay unseen."
    )


def idle_table(_: Mapping[str, Column]) -> str:
    """$ per 1,000 visitor-hours: what an idle one is made of, and what depends on it."""
    asked, held = pings(pings_of_silence(HIDDEN_PING_S)), QUIET_HOUR
    unasked = dollars(keeping(HIDDEN_PING_S)) - dollars(asked)
    parts = {
        "API Gateway, minutes": (60 * PRICES["connection_minutes"], "the connection"),
        f"a pong that nobody asked for, each {CALL_S:.0f} s": (
            unasked,
            f"a page pings {HIDDEN_PING_S} s after it heard the last one, its timer may be a minute late, and API"
            " Gateway waits for 600 s",
        ),
        f"a hidden page's ping in place of each {CALLS}th": (
            dollars(asked),
            "a visitor whose network vanished takes pongs until the network gives up, but does not ping",
        ),
        "a share of a task": (TASK_HOUR, "room for the guests of the tasks that a zone takes with it"),
        "renewals, each 20 s": (dollars(held, "queue_requests"), "guests of a dead task are taken over within 30 s"),
        f"looks at the record, each {QUIET_LOOK_S:.0f} s": (
            dollars(held, "read_units"),
            "a guest whose visitor has left, or whom another keeper has, is let go",
        ),
        "a write each 20 min, and KMS": (
            dollars(held, "write_units", "kms_requests"),
            "a guest whose keeper and message are both lost is asked for after half an hour",
        ),
    }
    rows = [[what, _money(cost), why] for what, (cost, why) in parts.items()]
    return table(
        ["$ per 1,000 visitor-hours", "$", "what depends on it"],
        [*rows, ["**idle**", f"**{_money(idle_hour())}**", ""]],
    )


def _shown(columns: Mapping[str, Column]) -> list[Column]:
    return [columns[name] for name in SHOWN]


def pings_of_silence(ping_s: int) -> float:
    """How often in an hour a page pings that hears nothing but the keeper's pongs and its own, after ``ping_s``."""
    a_cycle = (CALLS - 2) * (math.ceil(CALL_S / ping_s) - 1) + math.ceil(2 * CALL_S / ping_s) - 1
    return a_cycle * 3600 / (CALLS * CALL_S)


def keeping(ping_s: int) -> dict[str, float]:
    """An hour's, of a connection on which nothing else passes."""
    pongs = 3600 / CALL_S * (CALLS - 1) / CALLS
    asked = pings(pings_of_silence(ping_s))
    return asked | {"messages": asked["messages"] + pongs}


def pings(count: float) -> dict[str, float]:
    """Of so many: there and back, and a call of the keystroke function that posts the answer."""
    model = Model()
    ms = model.post + model.dynamodb + model.on_cpu("Keystroke", model.invocation_cpu + 2 * model.call_cpu)
    gb_s = ms / 1000 * memory_mb("Keystroke") / 1024
    return {
        "messages": 2 * count,
        "calls": count,
        "lambda_gb_s": count * gb_s,
        "read_units": count,
    }


def idle_hour(ping_s: int = HIDDEN_PING_S) -> float:
    """Dollars of an hour in which nothing is typed."""
    return 60 * PRICES["connection_minutes"] + dollars(keeping(ping_s)) + dollars(QUIET_HOUR) + TASK_HOUR


def _typing_hour(column: Column) -> float:
    """Without the minutes of the connection, which are paid for anyway."""
    a_burst = dollars(column.billed) - dollars(column.billed, "connection_minutes")
    return a_burst * bursts_an_hour(column)


def bursts_an_hour(column: Column) -> float:
    """Of one visitor."""
    return column.typing.bursts / (column.typing.there_ms / 3_600_000)


def load_text(columns: Mapping[str, Column]) -> str:
    """What was played, by which model and prices."""
    typing, model = columns[HELD].typing, Model()
    load = (
        f"{typing.bursts:,} bursts of real typing: {typing.typed_ms / typing.bursts / 1000:.1f} s and"
        f" {typing.keys / typing.bursts:.1f} keys each, {bursts_an_hour(columns[HELD]):.0f} an hour and visitor."
        f" Exactly one `true` and one `false` a burst for {columns[HELD].exact} of {typing.people} people with held"
        f" keys and for {columns[PLAIN].exact} with plain frames."
    )
    assumed = (
        f"Taken for granted, in ms: a call of DynamoDB {model.dynamodb}, of CXone {model.cxone}, StartExecution"
        f" {model.start_execution}, from state to state {model.state}; CPU of a whole core {model.invocation_cpu} an"
        f" invocation and {model.call_cpu} a call, on the share that memory gives (keystroke"
        f" {memory_mb('Keystroke')} MB, sender {memory_mb('Sender')} MB). Prices as of {AS_OF}, or since."
    )
    return f"{paragraph(load)}\n\n{paragraph(assumed)}"


def memory_text(columns: Mapping[str, Column]) -> str:
    """What half the memory of the sender would change."""
    held, halved = columns[HELD], columns[HALVED]
    saved = 1000 * (dollars(held.billed) - dollars(halved.billed))
    slower = halved.median_felt(Latency.FIRST_KEY_TO_SHOWN) - held.median_felt(Latency.FIRST_KEY_TO_SHOWN)
    mb = memory_mb("Sender")
    return paragraph(
        f"The sender has {mb} MB for its CPU, not for its memory: with {mb // 2} MB 1,000 bursts would cost"
        f" ${saved:.4f} less, each `true` would come {slower:.0f} ms later, and one that meets a cold start far later."
    )


def bill_of_a_load(columns: Mapping[str, Column]) -> str:
    """For `make load`: dollars of a burst, an hour of being there, a ping, by platform; JSON."""

    def part(column: Column) -> dict[str, float]:
        return {
            "burst": dollars(column.billed) - dollars(column.billed, "connection_minutes"),
            "visitor_hour": 60 * PRICES["connection_minutes"] + dollars(KEEPER_HOUR) + TASK_HOUR,
            "ping": dollars(pings(1)),
        }

    bill = {"as_of": AS_OF, "v1": part(columns[HELD]), "dfo": part(columns[GATEWAY])}
    return json.dumps(bill, indent=2, default=float) + "\n"


def capacity_text(columns: Mapping[str, Column]) -> str:
    """What 1,000 people who type at the same time need."""
    return "\n".join(
        [
            "A thousand people typing at the same time need (`make bench ARGS=cost`):",
            "",
            table(
                ["", HELD, PLAIN, FRAME_A_KEY],
                [
                    [what, *(f"{need(columns[name]):,.0f}" for name in (HELD, PLAIN, FRAME_A_KEY))]
                    for what, need in NEEDS.items()
                ],
            ),
        ]
    )


NEEDS: dict[str, Callable[[Column], float]] = {
    "frames a second": lambda column: column.a_second("frames"),
    "Lambda environments for frames": lambda column: column.at_once("Keystroke"),
    "sender calls a second": lambda column: column.a_second("Sender calls"),
    "Lambda environments for senders, sleep included": lambda column: column.at_once("Sender"),
    "StartExecution a second": lambda column: column.a_second("executions"),
    "DynamoDB write units a second": lambda column: column.a_second("write_units"),
    "DynamoDB read units a second": lambda column: column.a_second("read_units"),
    "calls to CXone a second": lambda column: column.a_second("POSTs", "GETs"),
}


def paragraph(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cell.strip() for cell in line)} |" for line in lines)


def _number(count: float) -> str:
    if not count:
        return "–"
    return f"{count:,.0f}" if count >= 100 else f"{count:.1f}" if count >= 20 else f"{count:.2f}"


def _money(a_thousandth: float) -> str:
    return f"{1000 * a_thousandth:.4f}" if a_thousandth else "–"

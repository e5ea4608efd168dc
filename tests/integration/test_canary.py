"""Once a message is settled, nothing of the running stack has its text, nor a hash that could be made by trying (T13).

The gateway's own side, which the text was for, is the simulator's; all else is searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.dfo_simulator.faults import Fault
from tests.support.canary import found_in
from tests.support.gateway_stage import Chatter, GatewayStage
from tests.support.relay_stage import wait_until

ACCEPTED, REFUSED, SLOW = "my pin is 483107", "my other pin is 906215", "and the last one is 771530"
#: What the stack's processes write; the simulator's log is CXone's.
LOGS = ("functions.log", "emulator.log", "keeper.log", "console.log", "failures.log", "permissions.log")


def test_nothing_of_what_a_visitor_wrote_is_left_once_it_is_settled(dfo_stage: GatewayStage) -> None:
    """T13: accepted or refused. While one is on its way its text is where it must be, so the search can find it."""
    with Chatter(dfo_stage, "canary") as actor:
        actor.begins(ACCEPTED)
        actor.fault(Fault("frame", "error", types=("SendMessage",), count=4))
        refused = actor.says(REFUSED)
        assert actor.is_told(refused) not in ("accepted", "waiting")
        actor.fault(Fault("frame", "slow", types=("SendMessage",), seconds=8, count=1))
        slow = actor.says(SLOW)
        wait_until(lambda: _found(dfo_stage, SLOW, ()) == ["table MessagesTable"], "the text of what waits")
        assert actor.is_told(slow) == "accepted"
        searched = [where for where, content in _everything(dfo_stage) if actor.name in content]
        assert {"table SessionsTable", "file keeper.log", "file functions.log"} <= set(searched)  # it is not nowhere
        ids = (actor.name, refused, slow)
        assert {text: _found(dfo_stage, text, ids) for text in (ACCEPTED, REFUSED, SLOW)} == {
            ACCEPTED: [],
            REFUSED: [],
            SLOW: [],
        }


def _found(stage: GatewayStage, text: str, known: tuple[str, ...]) -> list[str]:
    """Where the text is, or a hash of it with these ids."""
    return [where for where, content in _everything(stage) if found_in(content, text, known)]


def _everything(stage: GatewayStage) -> Iterator[tuple[str, str]]:
    """(where, content) of each table, queue, log and metric."""
    dynamodb, logs, sqs = (stage.aws.client(name) for name in ("dynamodb", "logs", "sqs"))
    for table in dynamodb.list_tables()["TableNames"]:
        yield f"table {table.split('-')[2]}", str(_pages(dynamodb, "scan", "Items", TableName=table))
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        yield f"log {name}", str(_pages(logs, "filter_log_events", "events", logGroupName=name))
    for url in sqs.list_queues()["QueueUrls"]:
        yield f"queue {url}", str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))
    yield "metrics", str(stage.aws.client("cloudwatch").list_metrics()["Metrics"])
    for name in LOGS:
        log = Path(stage.stack.info["logs"]) / name
        yield f"file {name}", log.read_text() if log.exists() else ""


def _pages(client: Any, call: str, what: str, **request: Any) -> list[Any]:
    pages = client.get_paginator(call).paginate(**request)
    return [item for page in pages for item in page[what]]

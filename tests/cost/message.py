"""A visitor's message on Digital-First, from its frame until it is settled: every billed thing of it counted.

The function's part is the product's flow; the store of messages is the product's, on a table whose items are sized by
DynamoDB's rules. What a keeper does after that stands here in its order (``mailbox``, ``outbox``).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import boto3
from moto import mock_aws
from typing_relay.aws.messages import DynamoMessages, is_mark
from typing_relay.relay import ports
from typing_relay.relay.burst import Policy
from typing_relay.relay.effects import Effect, Nudge
from typing_relay.relay.message_writes import OnMessages
from typing_relay.relay.messages import Sender, message_sent
from typing_relay.relay.runner import Runner, handled_by

from local.template_file import read_template
from tests.cost.log_lines import CONNECTION, ID, NOW
from tests.cost.model import Model, memory_mb
from tests.cost.played import KEEPER, UNIT_READ, UNIT_WRITTEN, Relay
from tests.cost.prices import dollars
from tests.cost.report import table
from tests.support.item_size import item_size

TABLE = "messages"
#: A sentence.
TEXT = "x" * 100
KEY = "k" * 43
ACCEPTED = ports.Standing(ports.MessageStatus.ACCEPTED, "")
#: What the visitor's tab is posted: that the message is accepted, and CXone's event of it.
TOLD = 2


class CountedTable:
    """boto3's client of a table: each call's units, by what it is about: a message, its mark."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.writes, self.units, self.calls = Counter[str](), Counter[str](), 0

    def put_item(self, **request: Any) -> Any:
        answer = self._client.put_item(**request)
        self._wrote({}, request["Item"])
        return answer

    def update_item(self, **request: Any) -> Any:
        before = self._item(request["Key"])
        answer = self._client.update_item(**request)
        self._wrote(before, self._item(request["Key"]))
        return answer

    def delete_item(self, **request: Any) -> Any:
        before = self._item(request["Key"])
        answer = self._client.delete_item(**request)
        self._wrote(before, {})
        return answer

    def query(self, **request: Any) -> Any:
        answer = self._client.query(**request)
        self._read(sum(map(item_size, answer["Items"])))
        return answer

    def batch_get_item(self, **request: Any) -> Any:
        answer = self._client.batch_get_item(**request)
        self.calls += 1
        for item in answer["Responses"][TABLE]:
            self.units["read_units"] += math.ceil(item_size(item) / UNIT_READ)
        return answer

    def _item(self, key: Mapping[str, Any]) -> dict[str, Any]:
        item: dict[str, Any] = self._client.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item", {})
        return item

    def _read(self, size: int) -> None:
        self.calls += 1
        self.units["read_units"] += max(1, math.ceil(size / UNIT_READ))

    def _wrote(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """The larger of both, in whole KB; and the sparse index where the item comes into it or leaves it."""
        what = "its mark" if is_mark(after or before) else "the message"
        self.calls += 1
        self.writes[what] += 1
        self.units[what] += math.ceil(max(item_size(before), item_size(after)) / UNIT_WRITTEN)
        self.units["index by_deadline"] += ("waiting_shard" in before) != ("waiting_shard" in after)


class Chat(Relay):
    """A visitor in a conversation who sends a message."""

    def __init__(self, client: Any) -> None:
        self.table = CountedTable(client)
        self.messages = DynamoMessages(self.table, TABLE)
        super().__init__(Policy(verifies=False, parks=False), Model())

    def _runner(self) -> Runner:
        known = super()._runner()
        handlers = dict([*known.handlers.items(), handled_by(Nudge, lambda due: self._nudged())])
        return Runner(self.sessions, known.clock, handlers, self.messages)

    def _nudged(self) -> bool:
        """The keeper's connection is looked up, and a message sent to it."""
        self.counts.update(read_units=1, messages=1, nudges=1)
        return True

    def _carry_out(self, due: Effect[Any], call_cpu: float) -> tuple[Any, float]:
        if not isinstance(due, OnMessages):
            return super()._carry_out(due, call_cpu)
        before = self.table.calls
        answer = self.runner.carry_out(due)
        return answer, (self.table.calls - before) * (self.model.dynamodb + call_cpu)

    def sends(self) -> None:
        """Until it is settled and told."""
        self.counts.update(messages=1)
        message = ports.SentMessage("0d6f3a52-7a0b-4f0e-9f0c-2b1d6c1c9c12", TEXT, NOW, key=KEY)
        flow = message_sent(self.policy, Sender(ID, CONNECTION, NOW // 1000 + 7200), message, 300_000)
        self.later(self.model.gateway, partial(self.invoke, "Keystroke", flow, lambda standing: None))
        self.play(())
        self.messages.waiting(ID, 10, NOW)
        assert self.messages.leave(ID, message.message_id, "", f"{KEEPER}/1")
        assert self.messages.settle(ID, message.message_id, ACCEPTED)
        self.counts.update(messages=TOLD, read_units=TOLD)  # each by a record that is read consistently


@cache
def message() -> Mapping[str, Mapping[str, float]]:
    """By the lines of the table, what is billed of one message."""
    declared = read_template()["Resources"]["MessagesTable"]["Properties"]
    keys = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    with mock_aws():
        given = {"aws_access_key_id": "unused", "aws_secret_access_key": "unused"}
        client = boto3.client("dynamodb", region_name="us-east-1", **given)
        client.create_table(TableName=TABLE, **{name: declared[name] for name in keys})
        chat = Chat(client)
        opened = chat.counts["write_units"]
        chat.sends()
    counts, units = chat.counts, chat.table.units
    gb_s = counts["Keystroke ms"] / 1000 * memory_mb("Keystroke") / 1024
    return {
        "API Gateway: the frame, the nudge, what the visitor is told": {"messages": counts["messages"]},
        "Lambda": {"calls": counts["Keystroke calls"], "lambda_gb_s": gb_s},
        "DynamoDB, the session's record": {"write_units": counts["write_units"] - opened},
        "DynamoDB, the message": {"write_units": units["the message"]},
        "DynamoDB, its place in the index": {"write_units": units["index by_deadline"]},
        "DynamoDB, its mark": {"write_units": units["its mark"]},
        "DynamoDB, reads": {"read_units": counts["read_units"] + units["read_units"]},
    }


def billed() -> dict[str, float]:
    """All of one message."""
    return dict(sum((Counter(line) for line in message().values()), Counter()))


def message_table(_: object) -> str:
    """The table of docs/cost.md."""
    rows = [[what, _counted(line), f"{1000 * dollars(dict(line)):.4f}"] for what, line in message().items()]
    total = ["**sum**", "", f"**{1000 * dollars(billed()):.4f}**"]
    return table(["1,000 messages, Digital-First", "of one message", "$"], [*rows, total])


def _counted(line: Mapping[str, float]) -> str:
    names = {"messages": "message", "calls": "call", "write_units": "write unit", "read_units": "read unit"}
    return ", ".join(f"{count:.0f} {names[what]}{'s' * (count > 1)}" for what, count in line.items() if what in names)

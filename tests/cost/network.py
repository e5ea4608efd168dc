"""Bytes between a keeper and the world, both ways, as a NAT gateway counts them.

The product's own client makes the requests; the answers are as long as AWS's are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from typing_relay.aws.answers import Answer
from typing_relay.aws.client import CallLimits, Client, Service
from typing_relay.aws.credentials import Keys
from typing_relay.aws.sessions import LOOKED_AT, DynamoSessions
from typing_relay.aws.visibility import BATCH, Visibility
from typing_relay.aws.visitors import Visitors
from typing_relay.relay.ports import Lock

from tests.benchmarks.cloud_stub import Table
from tests.cost.log_lines import CONNECTION, GUEST, ID, NOW, visitor
from tests.cost.played import CLAIM, KEEPER, SOCKET_URL

#: What AWS does not promise, in characters: SQS's receipts, and the session token of a role with each request.
RECEIPT, TOKEN = 400, 1100
#: The bytes of a packet that are the relay's, and those of TCP, IP and TLS with it, its acknowledgement included.
IN_A_PACKET, AROUND_IT = 1400, 126
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/typing-relay-guests"
ANSWER_HEADERS = {
    "x-amzn-RequestId": "0c6f3a527a0b4f0e9f0c2b1d6c1c9c11KV4KQNSO5AEMVJF66Q9ASUAAJG",
    "Date": "Fri, 15 Jan 2027 08:00:00 GMT",
    "Content-Type": "application/x-amz-json-1.0",
    "x-amz-crc32": "2745614147",
    "Content-Length": "1000",
    "Connection": "keep-alive",
}
#: What an agent's typing looks like to a visitor, as CXone sends it.
FRAME = {
    "type": "event",
    "event": {"type": "agent-typing", "typing": True, "agent": {"id": GUEST, "nickname": "Robin"}},
}


@cache
def bytes_of() -> dict[str, int]:
    """Of each call that a keeper makes all the time, and of what comes in on a guest's socket."""
    record, session, lock = _record(), visitor().records[ID], Lock(True, NOW, NOW, None)
    look = {name: record[name] for name in LOOKED_AT if name in record}
    ids, receipts = [ID] * 100, ["x" * RECEIPT] * BATCH
    renewed = {"Successful": [{"Id": str(place)} for place in range(BATCH)], "Failed": []}
    return {
        "renewal of ten": _exchange(
            "sqs", renewed, lambda wire: Visibility(_Sqs(wire), QUEUE_URL).change(receipts, 30)
        ),
        "look at a hundred": _exchange(
            "dynamodb", {"Responses": {"sessions": [look] * 100}}, lambda wire: _sessions(wire).get_many(ids, NOW)
        ),
        "read": _exchange("dynamodb", {"Item": record}, lambda wire: _sessions(wire).get(ID, NOW)),
        "write": _exchange("dynamodb", {}, lambda wire: _sessions(wire).accepted(session, lock, NOW, None)),
        "post": _exchange("execute-api", {}, lambda wire: Visitors(_Connections(wire)).send(CONNECTION, FRAME)),
        "long poll": _exchange("sqs", {}, lambda wire: wire.call("ReceiveMessage", _poll())),
        "look for dead owners": _exchange("dynamodb", {"Items": []}, lambda wire: _sessions(wire).overdue(0, NOW, 100)),
        "frame": on_wire(len(json.dumps(FRAME["event"])) + 4),
        "ping and pong": on_wire(6) + on_wire(2),
        # Digital-First: {"action": "heartbeat"} with its token, and "pong".
        "heartbeat": on_wire(120) + on_wire(8),
    }


def on_wire(payload: int) -> int:
    """Bytes that pass for this many of ours, in one direction."""
    return payload + math.ceil(payload / IN_A_PACKET) * AROUND_IT


class _Keys:
    def keys(self) -> Keys:
        return Keys("A" * 20, "s" * 40, "t" * TOKEN)

    def forget(self) -> bool:
        return False


class _Wire(Client):
    """A client whose connection counts instead of sending."""

    def __init__(self, service: str, answer: Mapping[str, Any]) -> None:
        targets = {"sqs": "AmazonSQS", "dynamodb": "DynamoDB_20120810", "execute-api": ""}
        path = "/live" if service == "execute-api" else ""
        host = f"https://{'a1b2c3d4e5.' if path else ''}{service}.us-east-1.amazonaws.com{path}"
        super().__init__(Service(service, targets[service]), host, "us-east-1", _Keys(), CallLimits(2, 5, 1))
        self._answer = json.dumps(answer, separators=(",", ":")).encode() if answer else b""
        self.bytes = 0

    def _connection(self) -> Any:
        return self

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As ``Connection.exchange``."""
        lines = len(f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n") + _length(headers)
        self.bytes += on_wire(lines + len(body))
        self.bytes += on_wire(len("HTTP/1.1 200 OK\r\n\r\n") + _length(ANSWER_HEADERS) + len(self._answer))
        return Answer(200, {}, self._answer)


def _length(headers: Mapping[str, str]) -> int:
    return sum(len(f"{name}: {value}\r\n") for name, value in headers.items())


def _exchange(service: str, answer: Mapping[str, Any], call: Callable[[_Wire], object]) -> int:
    wire = _Wire(service, answer)
    call(wire)
    return wire.bytes


class _Sqs:
    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        return self._wire.call("ChangeMessageVisibilityBatch", request)


class _Table:
    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def get_item(self, **request: Any) -> dict[str, Any]:
        return self._wire.call("GetItem", request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        return self._wire.call("BatchGetItem", request)

    def query(self, **request: Any) -> dict[str, Any]:
        return self._wire.call("Query", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._wire.call("UpdateItem", request)


class _Connections:
    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # noqa: N803  # boto3's names
        self._wire.send("PostToConnection", "POST", f"/@connections/{ConnectionId}", {}, Data)


def _sessions(wire: _Wire) -> DynamoSessions:
    return DynamoSessions(_Table(wire), "typing-relay-sessions")


def _record() -> dict[str, Any]:
    """As DynamoDB returns it: every attribute with its type."""
    urls = {"guest_id": GUEST, "keeper": KEEPER, "web_socket_url": SOCKET_URL, "guest_status": "open"}
    numbers = {"held": CLAIM, "guest_requested_at": NOW}
    return Table().item(ID) | {
        **{name: {"S": text} for name, text in urls.items()},
        **{name: {"N": str(number)} for name, number in numbers.items()},
    }


def _poll() -> dict[str, Any]:
    """As ``custody`` receives."""
    return {
        **{"QueueUrl": QUEUE_URL, "MaxNumberOfMessages": BATCH, "VisibilityTimeout": 30, "WaitTimeSeconds": 2},
        "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
    }

"""One visitor's record, messages and connections in a deployment, as an operator's commands find and change them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError
from typing_relay.aws.messages import is_mark
from typing_relay.aws.sessions import DynamoSessions, beside
from typing_relay.door import frames
from typing_relay.relay.burst import Session
from typing_relay.relay.ports import MessageStatus

#: While a visitor is being forgotten nothing new of them is taken.
FORGETTING_S = 120
#: A `false` usually follows a closed connection within half a second.
SETTLED_WITHIN_S = 15.0


class Account(Protocol):
    """An account of AWS, emulated or not."""

    def client(self, service: str) -> Any:
        """The boto3 client of this service."""

    def connections(self, url: str) -> Any:
        """A client of the connections to the WebSocket API that is managed at this URL."""


@dataclass(frozen=True)
class Places:
    """Where a stack keeps what it knows of visitors. ``messages`` is "" where its platform takes none."""

    sessions: str
    messages: str
    connections_url: str


def places_of(aws: Account, stack: str) -> Places:
    """As the stack's own function is told. Raises boto3's errors."""
    found = aws.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId="Keystroke")
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    told = aws.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    return Places(told["TABLE_NAME"], told.get("MESSAGES_TABLE", ""), told["CONNECTIONS_URL"])


class Visitor:
    """One session of a deployment. Raises boto3's errors."""

    def __init__(self, aws: Account, places: Places, session: str) -> None:
        self._aws, self._places, self._session = aws, places, session
        self._dynamodb = aws.client("dynamodb")
        self._sessions = DynamoSessions(self._dynamodb, places.sessions)

    def record(self) -> Session | None:
        """The record as it stands; None: there is none."""
        return self._sessions.get(self._session, _now_ms())

    def block(self, until: int) -> int:
        """Let this session send nothing until ``until`` (epoch s). Returns how many connections were closed."""
        record = self._sessions.block(self._session, until, _now_ms())
        is_over = record is None or not record.is_blocked(_now_ms())
        return 0 if is_over or record is None else self._close(record.connections, until)

    def _close(self, connections: Iterable[str], until: int) -> int:
        client = self._aws.connections(self._places.connections_url)
        told = json.dumps(frames.blocked(until * 1000 - _now_ms())).encode()
        closed = 0
        for connection in sorted(connections):
            try:
                client.post_to_connection(ConnectionId=connection, Data=told)
                client.delete_connection(ConnectionId=connection)
                closed += 1
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 410:
                    raise
        return closed

    def settles(self, within_s: float = SETTLED_WITHIN_S) -> bool:
        """Wait until no agent sees this visitor typing, and no connection is left. False: it took too long."""
        ends_at = time.monotonic() + within_s
        while (record := self.record()) is not None:
            if record.is_settled_at(False) and not record.connections and not record.lease_until:
                break
            if time.monotonic() >= ends_at:
                return False
            time.sleep(0.2)
        return True

    def delete_messages(self) -> tuple[int, int]:
        """Delete them. Returns how many there were, and how many of those had not been delivered."""
        deleted = waiting = 0
        for item in self._messages() if self._places.messages else ():
            key = {name: item[name] for name in ("session_id", "message_id")}
            self._dynamodb.delete_item(TableName=self._places.messages, Key=key)
            if not is_mark(item):
                deleted += 1
                waiting += item["standing"]["S"] == MessageStatus.WAITING
        return deleted, waiting

    def _messages(self) -> Iterator[dict[str, Any]]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._places.messages,
            KeyConditionExpression="session_id = :session",
            ExpressionAttributeValues={":session": {"S": self._session}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def delete_record(self, blocked_until: int) -> None:
        """Delete it, and what is beside it. A block (epoch s) that is not over stays, in a record of its own."""
        for key in ({"session_id": {"S": self._session}}, beside(self._session)):
            self._dynamodb.delete_item(TableName=self._places.sessions, Key=key)
        if blocked_until * 1000 > _now_ms():
            self._sessions.block(self._session, blocked_until, _now_ms())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""Nudges to the keeper that holds a visitor's socket: the connection of each keeper, and the posts to it.

Each keeper keeps a connection of its own to the stack's second WebSocket API, its *line*. A nudge is a hint: one that
is lost costs time (a lease, a sweep), never truth, so nothing here is tried for long or waited for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from typing_relay.relay.value import Value

#: A process caches a keeper's line this long; a 410 reveals a line that has changed meanwhile.
REMEMBER_MS = 60_000
#: Longer than API Gateway's limit for a connection (2 h).
LINE_TTL_S = 3 * 3600


class Line(Value):
    """The connection that leads to a keeper. ``claims``: the keeper claims the bursts that it is nudged about.

    One of a version before does not say so, and is nudged about what has been claimed.
    """

    connection: str
    claims: bool = False


class KeeperLines:
    """``client`` is ``services.DynamoDb``; ``clock`` gives epoch ms."""

    def __init__(self, client: Any, table_name: str, clock: Callable[[], int]) -> None:
        self._client, self._table, self._clock = client, table_name, clock

    def note(self, keeper: str, line: Line) -> None:
        """Record that this line leads to ``keeper``."""
        self._client.update_item(
            TableName=self._table,
            Key=_key(keeper),
            UpdateExpression="SET connection_id = :connection, claims = :claims, expires_at = :ttl",
            ExpressionAttributeValues={
                ":connection": {"S": line.connection},
                ":claims": {"BOOL": line.claims},
                ":ttl": {"N": str(self._clock() // 1000 + LINE_TTL_S)},
            },
        )

    def find(self, keeper: str) -> Line | None:
        """The line that leads to ``keeper``; None when there is none."""
        item = self._client.get_item(TableName=self._table, Key=_key(keeper), ConsistentRead=True).get("Item", {})
        if "connection_id" not in item:
            return None
        return Line(item["connection_id"]["S"], item.get("claims", {}).get("BOOL", False))


class Nudges:
    """Posts to keepers. ``connections`` is ``services.VisitorConnections`` of the keepers' API."""

    def __init__(self, lines: KeeperLines, connections: Any, clock: Callable[[], int]) -> None:
        self._lines, self._connections, self._clock = lines, connections, clock
        self._known: dict[str, tuple[int, Line]] = {}

    def send(self, keeper: str, nudge: Mapping[str, Any], to_claim: bool = False) -> bool:
        """Nudge ``keeper``; False when it cannot be reached now. A changed line is looked up once more.

        ``to_claim``: a keeper that does not claim by itself is not nudged (False).
        """
        data = json.dumps(nudge).encode()
        try:
            known = self._recall(keeper)
            if known and to_claim and not known.claims:
                return False
            if known and self._post(known, data):
                return True
            self._known.pop(keeper, None)
            found = self._lines.find(keeper)
            if not found or found == known:
                return False
            self._known[keeper] = (self._clock(), found)
            return (found.claims or not to_claim) and self._post(found, data)
        except (BotoCoreError, ClientError):
            return False

    def _recall(self, keeper: str) -> Line | None:
        at, line = self._known.get(keeper, (0, None))
        return line if self._clock() - at < REMEMBER_MS else None

    def _post(self, line: Line, data: bytes) -> bool:
        """False: that connection is gone (410)."""
        try:
            self._connections.post_to_connection(ConnectionId=line.connection, Data=data)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 410:
                return False
            raise
        return True


def _key(keeper: str) -> dict[str, Any]:
    return {"keeper": {"S": keeper}}

"""Frames out to visitors' front ends, through API Gateway's management API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError


class Visitors:
    """``client`` posts to the deployed stage's connections: ``services.VisitorConnections``, or boto3's."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def send(self, connection: str, frame: Mapping[str, Any]) -> bool:
        """Send ``frame``; False when that connection is gone (410)."""
        try:
            self._client.post_to_connection(ConnectionId=connection, Data=json.dumps(frame).encode())
        except ClientError as error:
            if is_gone(error):
                return False
            raise
        return True

    def send_all(self, connections: Iterable[str], frame: Mapping[str, Any]) -> list[str]:
        """Send ``frame`` to each; returns the connections that are gone."""
        return [connection for connection in sorted(connections) if not self.send(connection, frame)]

    def lives(self, connection: str) -> bool:
        """Whether API Gateway still holds the connection."""
        try:
            self._client.get_connection(ConnectionId=connection)
        except ClientError as error:
            if is_gone(error):
                return False
            raise
        return True

    def close(self, connection: str) -> None:
        """Close the connection from this side."""
        try:
            self._client.delete_connection(ConnectionId=connection)
        except ClientError as error:
            if not is_gone(error):
                raise


def is_gone(error: ClientError) -> bool:
    """API Gateway's 410: nobody is at the other end any more."""
    return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 410)


def is_throttled(error: ClientError) -> bool:
    """API Gateway's 429: too many posts, or the front end's buffer is full because it does not read."""
    return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 429)

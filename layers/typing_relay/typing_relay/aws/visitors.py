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
        return self.post(connection, encoded(frame))

    def post(self, connection: str, data: bytes) -> bool:
        """Send an encoded frame; False when that connection is gone (410)."""
        try:
            self._client.post_to_connection(ConnectionId=connection, Data=data)
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

    def close_unless_throttled(self, connection: str) -> bool:
        """As ``close``. Returns False when API Gateway is throttling (429), and the connection is still open."""
        try:
            self.close(connection)
        except ClientError as error:
            if not is_throttled(error):
                raise
            return False
        return True


def encoded(frame: Mapping[str, Any]) -> bytes:
    """As it is sent: UTF-8, in which text has its own size and not six bytes a character."""
    try:
        return json.dumps(frame, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character, as JSON may hold it
        return json.dumps(frame).encode()


def is_gone(error: ClientError) -> bool:
    """API Gateway's 410: nobody is at the other end any more."""
    return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 410)


def is_too_large(error: ClientError) -> bool:
    """API Gateway's 413: more than 128 KB."""
    return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 413)


def is_throttled(error: ClientError) -> bool:
    """API Gateway's 429: too many posts, or the front end's buffer is full because it does not read."""
    return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 429)

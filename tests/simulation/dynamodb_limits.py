"""DynamoDB's limits, for stores that would not know them: the store in memory, and moto behind boto3's client.

Sources: "Quotas and limits in DynamoDB" and the pages of BatchGetItem and Query in AWS's documentation.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError
from typing_relay.relay.burst import Session

from tests.support.item_size import item_size, record_size

MAX_EXPRESSION_BYTES = 4_096
MAX_OPERATORS = 300
MAX_IN = 100
MAX_SUBSTITUTIONS_BYTES = 2 * 1024 * 1024
MAX_ITEM_BYTES = 400 * 1024
MAX_KEY_BYTES = (2_048, 1_024)  # of a partition key, of a sort key
MAX_BATCH_KEYS = 100

#: Operators and functions. Every path of an update counts as one, too: AWS does not say that it is free.
_OPERATORS = re.compile(r"[=<>+,]+|\b(?:AND|OR|NOT|BETWEEN|IN|SET|REMOVE|ADD|DELETE)\b|\b[a-z_]+\(", re.ASCII)
_IN = re.compile(r"\bIN \(([^)]*)\)")
_PARTITION_KEY, _SORT_KEY = "session_id", "message_id"


def refused(message: str, operation: str = "UpdateItem") -> ClientError:
    """What DynamoDB says to a request beyond a limit."""
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, operation)


def check_record(record: Session) -> None:
    """Refuse a record larger than an item may be. Only what may have grown is measured."""
    if len(record.stops) + len(record.keys) + len(record.connections) > 500:
        _check_item_bytes(record_size(record, in_lease_index=True))


def check_expression(expression: str) -> None:
    """Refuse an expression of too many bytes, operators or operands."""
    size = len(expression.encode())
    if size > MAX_EXPRESSION_BYTES:
        raise refused(f"Expression size has exceeded the maximum allowed size; expression size: {size}")
    operators = len(_OPERATORS.findall(expression))
    if operators > MAX_OPERATORS:
        raise refused(f"The expression contains {operators} operators; the maximum is {MAX_OPERATORS}")
    if any(operands.count(",") >= MAX_IN for operands in _IN.findall(expression)):
        raise refused(f"IN takes up to {MAX_IN} operands")


def check_item(item: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse an item that is too large."""
    _check_item_bytes(item_size(item))


def _check_item_bytes(size: int) -> None:
    if size > MAX_ITEM_BYTES:
        raise refused(f"Item size has exceeded the maximum allowed size: {size}")


class LimitedDynamoDb:
    """boto3's client with DynamoDB's limits in front.

    A page of a query ends at 1 MB, and a batch hands back what it had no capacity for. Here a page ends after
    ``page_items`` items, and a batch after ``batch_keys`` keys, so that a test with few records sees it, too.
    """

    def __init__(self, client: Any, page_items: int = 3, batch_keys: int = 30) -> None:
        self._client, self._page_items, self._batch_keys = client, page_items, batch_keys
        sys.setrecursionlimit(10_000)  # moto's parser goes deeper with each path of an expression

    def __getattr__(self, name: str) -> Any:
        """What tests do to the table themselves."""
        return getattr(self._client, name)

    def get_item(self, **request: Any) -> dict[str, Any]:
        """One item."""
        _check(request)
        return self._answer("get_item", request)

    def put_item(self, **request: Any) -> dict[str, Any]:
        """A whole item."""
        _check(request)
        check_item(request["Item"])
        return self._answer("put_item", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        """A conditional write. moto measures the item that comes of it."""
        _check(request)
        return self._answer("update_item", request)

    def query(self, **request: Any) -> dict[str, Any]:
        """A page, which may be empty though another follows: a filter is applied to what was read."""
        _check(request)
        limit = min(request.get("Limit", self._page_items), self._page_items)
        return self._answer("query", {**request, "Limit": limit})

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Some of the items; the keys of the others come back."""
        ((table, asked),) = request["RequestItems"].items()
        keys = asked["Keys"]
        if not 0 < len(keys) <= MAX_BATCH_KEYS:
            raise refused(f"Too many items requested for the BatchGetItem call: {len(keys)}", "BatchGetItem")
        if len({str(sorted(key.items())) for key in keys}) < len(keys):
            raise refused("Provided list of item keys contains duplicates", "BatchGetItem")
        _check(asked)
        for key in keys:
            _check({"Key": key})
        now, later = keys[: self._batch_keys], keys[self._batch_keys :]
        answer = self._answer("batch_get_item", {"RequestItems": {table: {**asked, "Keys": now}}})
        return {**answer, "UnprocessedKeys": {table: {**asked, "Keys": later}} if later else {}}

    def _answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._client, operation)(**request)
        return answer


def _check(request: Mapping[str, Any]) -> None:
    for name, value in request.items():
        if name.endswith("Expression"):
            check_expression(value)
    if sum(_substitutions(request)) > MAX_SUBSTITUTIONS_BYTES:
        raise refused("The names and values of an expression exceed 2 MB")
    for name, value in request.get("Key", request.get("Item", {})).items():
        if name in (_PARTITION_KEY, _SORT_KEY):
            most = MAX_KEY_BYTES[name == _SORT_KEY]
            if not 0 < len(value["S"].encode()) <= most:
                raise refused(f"The key {name} must have 1 to {most} bytes")


def _substitutions(request: Mapping[str, Any]) -> Iterator[int]:
    yield from (len(f"{short}{name}".encode()) for short, name in request.get("ExpressionAttributeNames", {}).items())
    yield item_size(request.get("ExpressionAttributeValues", {}))

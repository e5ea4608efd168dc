"""Queries of a DynamoDB table. A page ends at 1 MB, or earlier: what was asked for may be on the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def found_by(client: Any, **request: Any) -> Iterator[Mapping[str, Any]]:
    """The items that a query finds, page by page as they are taken. Raises the client's errors."""
    start: dict[str, Any] = {}
    while True:
        answer = client.query(**request, **start)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

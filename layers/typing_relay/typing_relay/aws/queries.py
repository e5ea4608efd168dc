"""Reads of many items of a DynamoDB table. A page ends at 1 MB, or earlier: what was asked for may be on the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from typing_relay.aws.client import pause

_BATCH = 100  # BatchGetItem's limit
#: A batch that DynamoDB could not read at once is read in this many parts, with growing pauses between them.
_BATCH_TRIES = 7


def found_by(client: Any, **request: Any) -> Iterator[Mapping[str, Any]]:
    """The items that a query finds, page by page as they are taken. Raises the client's errors."""
    start: dict[str, Any] = {}
    while True:
        answer = client.query(**request, **start)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def in_batches(
    client: Any, table: str, keys: Sequence[Mapping[str, Any]], how: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """The items of these keys, no two of which may be the same, in any order; ``how``: what else BatchGetItem takes.

    Raises ClientError rather than leaving one out: it would count as absent.
    """
    for start in range(0, len(keys), _BATCH):
        yield from _batch(client, table, {"Keys": keys[start : start + _BATCH], **how})


def _batch(client: Any, table: str, asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    request = {table: asked}
    for tried in range(1, _BATCH_TRIES + 1):
        answer = client.batch_get_item(RequestItems=request)
        yield from answer["Responses"].get(table, [])
        request = answer.get("UnprocessedKeys", {})
        if not request:
            return
        if not pause(tried):  # AWS advises a pause: retried at once they would be throttled again
            break
    error = {"Code": "ProvisionedThroughputExceededException", "Message": "Some items could not be read."}
    raise ClientError({"Error": error}, "BatchGetItem")

"""The session records as the page shows them: what is wanted, what CXone accepted, and the owner."""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from typing_relay.aws.sessions import is_record

# What the page may see. Not web_socket_url: it holds the guest's secret.
SHOWN = (
    "typing",
    "shown",
    "sending",
    "generation",
    "revision",
    "attempts",
    "guest_id",
    "guest_status",
    "keeper",
    "last_key_at",
    "typing_since",
    "shown_at",
)

Record = dict[str, Any]


def read_records(dynamodb: Any, table_name: str) -> dict[str, Record]:
    """All session records of the table by session. Raises botocore errors when the table cannot be read."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
    records = (to_record(item) for page in pages for item in page["Items"] if is_record(item))
    return {record["session"]: record for record in records}


def to_record(item: Mapping[str, Any]) -> Record:
    """The shown part of one DynamoDB item, numbers as int."""
    plain = {name: TypeDeserializer().deserialize(value) for name, value in item.items() if name in SHOWN}
    numbers = {name: int(value) for name, value in plain.items() if not isinstance(value, str | bool)}
    return {
        "session": item["session_id"]["S"],
        "connections": len(item.get("connections", {}).get("SS", ())),
        **plain,
        **numbers,
    }


def changed_records(before: Mapping[str, Record], after: Mapping[str, Record]) -> list[Record]:
    """The records that are new or differ."""
    return [record for session, record in after.items() if before.get(session) != record]

"""The table of messages, for any DynamoDB."""

from typing import Any

TABLE = "messages"
DECLARED: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "session_id", "AttributeType": "S"},
        {"AttributeName": "message_id", "AttributeType": "S"},
        {"AttributeName": "waiting_shard", "AttributeType": "N"},
        {"AttributeName": "deadline", "AttributeType": "N"},
    ],
    "KeySchema": [
        {"AttributeName": "session_id", "KeyType": "HASH"},
        {"AttributeName": "message_id", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_deadline",
            "KeySchema": [
                {"AttributeName": "waiting_shard", "KeyType": "HASH"},
                {"AttributeName": "deadline", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}


def create_message_table(client: Any) -> None:
    """Create the table named ``TABLE``, with its keys and its index of deadlines."""
    client.create_table(TableName=TABLE, **DECLARED)


def delete_all_messages(client: Any) -> None:
    """Empty that table."""
    pages = client.get_paginator("scan").paginate(TableName=TABLE, ProjectionExpression="session_id, message_id")
    for item in [item for page in pages for item in page["Items"]]:
        client.delete_item(TableName=TABLE, Key=item)

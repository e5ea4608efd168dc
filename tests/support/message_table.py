"""The table of messages, for any DynamoDB."""

from typing import Any

from tests.support.template import properties

TABLE = "messages"
DECLARED = {
    name: value
    for name, value in properties("MessagesTable").items()
    if name in ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
}


def create_message_table(client: Any) -> None:
    """Create the table named ``TABLE``, with its keys and its index of deadlines."""
    client.create_table(TableName=TABLE, **DECLARED)


def delete_all_messages(client: Any) -> None:
    """Empty that table."""
    pages = client.get_paginator("scan").paginate(TableName=TABLE, ProjectionExpression="session_id, message_id")
    for item in [item for page in pages for item in page["Items"]]:
        client.delete_item(TableName=TABLE, Key=item)

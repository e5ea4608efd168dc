"""The table of session records as template.yaml declares it, for any DynamoDB."""

from typing import Any

from local.template_file import read_template

TABLE = "sessions"


def create_session_table(client: Any) -> None:
    """Create the table named ``TABLE``, with its keys and its index of leases."""
    declared = read_template()["Resources"]["SessionsTable"]["Properties"]
    keys = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    client.create_table(TableName=TABLE, **{name: declared[name] for name in keys})


def delete_all_records(client: Any) -> None:
    """Empty that table."""
    for item in client.scan(TableName=TABLE, ProjectionExpression="session_id")["Items"]:
        client.delete_item(TableName=TABLE, Key=item)

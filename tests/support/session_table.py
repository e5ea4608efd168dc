"""The table of session records as template.yaml declares it, for any DynamoDB."""

from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
TABLE = "sessions"


def create_session_table(client: Any) -> None:
    """Create the table named ``TABLE``, with its keys and its index of leases."""
    declared = yaml_parse(TEMPLATE.read_text())["Resources"]["SessionsTable"]["Properties"]
    keys = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    client.create_table(TableName=TABLE, **{name: declared[name] for name in keys})


def delete_all_records(client: Any) -> None:
    """Empty that table."""
    for item in client.scan(TableName=TABLE, ProjectionExpression="session_id")["Items"]:
        client.delete_item(TableName=TABLE, Key=item)

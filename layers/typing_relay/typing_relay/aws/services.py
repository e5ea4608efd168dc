"""The AWS services of this product, by the operations it calls. Arguments and answers are boto3's."""

# ruff: noqa: N803  # boto3's argument names

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from typing_relay.aws import credentials, settings
from typing_relay.aws.client import CallLimits, Client, Service


class Account(NamedTuple):
    """Where calls go, and whose they are."""

    region: str
    credentials: credentials.Credentials

    @classmethod
    def here(cls) -> Account:
        """As environment and profile say. Raises AwsSettingWrong."""
        return cls(settings.region(), credentials.find())


class DynamoDb:
    """Session records, and what processes share about CXone."""

    def __init__(self, account: Account, limits: CallLimits) -> None:
        self._client = _client(account, Service("dynamodb", "DynamoDB_20120810"), "dynamodb", "DYNAMODB", limits)

    def get_item(self, **request: Any) -> dict[str, Any]:
        """One item."""
        return self._client.call("GetItem", request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Up to a hundred items."""
        return self._client.call("BatchGetItem", request)

    def query(self, **request: Any) -> dict[str, Any]:
        """Items of one partition."""
        return self._client.call("Query", request)

    def put_item(self, **request: Any) -> dict[str, Any]:
        """A whole item."""
        return self._client.call("PutItem", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        """A conditional write."""
        return self._client.call("UpdateItem", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        """An item, if it is there."""
        return self._client.call("DeleteItem", request)


class StepFunctions:
    """Owners of bursts."""

    def __init__(self, account: Account, limits: CallLimits) -> None:
        self._client = _client(account, Service("states", "AWSStepFunctions"), "states", "SFN", limits)

    def start_execution(self, **request: Any) -> dict[str, Any]:
        """Begin an execution."""
        return self._client.call("StartExecution", request)


class Sqs:
    """The guest queue."""

    def __init__(self, account: Account, limits: CallLimits) -> None:
        self._client = _client(account, Service("sqs", "AmazonSQS"), "sqs", "SQS", limits)

    def send_message(self, **request: Any) -> dict[str, Any]:
        """Put one message in."""
        return self._client.call("SendMessage", request)

    def receive_message(self, **request: Any) -> dict[str, Any]:
        """Up to ten messages. ``WaitTimeSeconds`` must be shorter than the limit for a read."""
        return self._client.call("ReceiveMessage", request)

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        """How long up to ten messages are hidden from others."""
        return self._client.call("ChangeMessageVisibilityBatch", request)

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:
        """Be done with up to ten messages."""
        return self._client.call("DeleteMessageBatch", request)


class SecretsManager:
    """CXone's credentials, and the secret of visitors' tokens."""

    def __init__(self, account: Account, limits: CallLimits) -> None:
        service = Service("secretsmanager", "secretsmanager", "1.1")
        self._client = _client(account, service, "secretsmanager", "SECRETS_MANAGER", limits)

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        """A secret's content."""
        return self._client.call("GetSecretValue", request)


class VisitorConnections:
    """API Gateway's management API (@connections) of one deployed stage, at ``url``.

    ``setting`` is the environment variable that the URL came from, named where the URL is refused (AwsSettingWrong).
    """

    def __init__(self, account: Account, url: str, limits: CallLimits, setting: str = "CONNECTIONS_URL") -> None:
        url = settings.checked(url, setting)
        self._client = Client(Service("execute-api"), url, *account, limits)

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:
        """Send a frame."""
        self._send("PostToConnection", "POST", ConnectionId, Data)

    def get_connection(self, *, ConnectionId: str) -> None:
        """Raises ClientError with status 410 when it has ended; what else it says is of no use here."""
        self._send("GetConnection", "GET", ConnectionId, b"")

    def delete_connection(self, *, ConnectionId: str) -> None:
        """Close a connection."""
        self._send("DeleteConnection", "DELETE", ConnectionId, b"")

    def _send(self, operation: str, method: str, connection: str, body: bytes) -> None:
        self._client.send(operation, method, f"/@connections/{quote(connection, safe='')}", {}, body)


def _client(account: Account, service: Service, name: str, variable: str, limits: CallLimits) -> Client:
    return Client(service, settings.endpoint(name, variable, account.region), *account, limits)

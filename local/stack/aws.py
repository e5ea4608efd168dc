"""boto3 clients: for the emulator of a stack, or for the account that the environment names."""

from typing import Any, Protocol

import boto3
from botocore.config import Config

REGION = "us-east-1"
# What MiniStack takes for its account's root.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
_CONFIG = Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=40)
_SHORT_OF_PATIENCE = Config(retries={"total_max_attempts": 3}, connect_timeout=3, read_timeout=5)


class HasClients(Protocol):
    """An account of AWS, emulated or not."""

    def client(self, service: str) -> Any:
        """The boto3 client of this service."""


class OwnAccount:
    """The account and region that the environment or profile names, as for any program that uses an AWS SDK."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of this service, made when first asked for."""
        if service not in self._clients:
            self._clients[service] = boto3.client(service, config=_SHORT_OF_PATIENCE)
        return self._clients[service]

    def connections(self, url: str) -> Any:
        """A client of the connections to the WebSocket API that is managed at this URL."""
        return boto3.client("apigatewaymanagementapi", endpoint_url=url, config=_SHORT_OF_PATIENCE)


class Aws:
    """One client per service of the emulator at `endpoint_url`, made when first asked for."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self._clients: dict[str, Any] = {}
        self._session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )

    def client(self, service: str) -> Any:
        """The client of this service."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=self.endpoint_url, config=_CONFIG)
        return self._clients[service]

    def connections(self, url: str) -> Any:
        """A client of the connections to the WebSocket API that is managed at this URL."""
        return self._session.client("apigatewaymanagementapi", endpoint_url=url, config=_CONFIG)

    def patient_client(self, service: str, seconds: int) -> Any:
        """A client of its own that waits this long for an answer and asks once."""
        return self._session.client(
            service, endpoint_url=self.endpoint_url, config=_CONFIG.merge(Config(read_timeout=seconds))
        )

"""The contract of the session store on the emulator's DynamoDB, over its real protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.credentials import Credentials
from typing_relay.aws.json_calls import DynamoCalls, JsonCalls
from typing_relay.aws.sessions import DynamoSessions

from local.stack.aws import Aws
from local.stack.emulator import Emulator
from tests.support.session_table import TABLE, create_session_table, delete_all_records
from tests.support.sessions_contract import SessionsContract


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The DynamoDB of an emulator of this module's own."""
    scratch = tmp_path_factory.mktemp("emulator")
    emulator = Emulator(scratch, scratch / "emulator.log")
    try:
        emulator.wait_until_ready()
        dynamodb = Aws(emulator.endpoint_url).client("dynamodb")
        create_session_table(dynamodb)
        yield dynamodb
    finally:
        emulator.child.stop()


class KeepersCalls(DynamoCalls):
    """What a keeper calls by its own client, and by boto3's what only functions call."""

    def __init__(self, client: Any) -> None:
        credentials = Credentials("local", "local")
        super().__init__(JsonCalls(client, credentials, "DynamoDB_20120810"))
        self.put_item, self.query = client.put_item, client.query


class TestDynamoSessionsOnEmulator(SessionsContract):
    """The store of the product, on the emulator."""

    @pytest.fixture
    def sessions(self, client: Any) -> DynamoSessions:  # type: ignore[override]  # the same methods, one by one
        """Empty."""
        delete_all_records(client)
        return DynamoSessions(client, TABLE)


class TestKeepersSessionsOnEmulator(SessionsContract):
    """The same store with the keeper's client."""

    @pytest.fixture
    def sessions(self, client: Any) -> DynamoSessions:  # type: ignore[override]
        """Empty."""
        delete_all_records(client)
        return DynamoSessions(KeepersCalls(client), TABLE)

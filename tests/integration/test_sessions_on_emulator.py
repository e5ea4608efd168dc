"""The contract of the session store on the emulator's DynamoDB, over its real protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typing_relay.aws.client import CallLimits
from typing_relay.aws.credentials import EnvironmentCredentials
from typing_relay.aws.services import Account, DynamoDb
from typing_relay.aws.sessions import DynamoSessions

from local.stack.aws import CREDENTIALS, REGION, Aws
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


class TestDynamoSessionsOnEmulator(SessionsContract):
    """The store on boto3's client: the reference."""

    @pytest.fixture
    def sessions(self, client: Any) -> DynamoSessions:  # type: ignore[override]  # the same methods, one by one
        """Empty."""
        delete_all_records(client)
        return DynamoSessions(client, TABLE)


class TestOurClientsSessionsOnEmulator(SessionsContract):
    """The store as functions and keepers have it, on the product's own client."""

    @pytest.fixture
    def sessions(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> DynamoSessions:  # type: ignore[override]
        """Empty."""
        delete_all_records(client)
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": client.meta.endpoint_url}.items():
            monkeypatch.setenv(name, value)
        account = Account(REGION, EnvironmentCredentials())
        return DynamoSessions(DynamoDb(account, CallLimits(connect_s=1, read_s=5, tries=3)), TABLE)

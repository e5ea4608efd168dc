"""The contract of the session store on the emulator's DynamoDB, over its real protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typing_relay.sessions import DynamoSessions

from local.aws import Aws
from local.emulator import Emulator
from tests.session_table import TABLE, create_session_table, delete_all_records
from tests.sessions_contract import SessionsContract


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
    """The store of the product, on the emulator."""

    @pytest.fixture
    def sessions(self, client: Any) -> DynamoSessions:  # type: ignore[override]  # the same methods, one by one
        """Empty."""
        delete_all_records(client)
        return DynamoSessions(client, TABLE)

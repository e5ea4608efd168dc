"""The contract of the message store on the emulator's DynamoDB, with our own client, over its real protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typing_relay.aws.client import CallLimits
from typing_relay.aws.credentials import EnvironmentCredentials
from typing_relay.aws.messages import DynamoMessages
from typing_relay.aws.services import Account, DynamoDb

from local.stack.aws import CREDENTIALS, REGION, Aws
from local.stack.emulator import Emulator
from tests.support.message_table import TABLE, create_message_table, delete_all_messages
from tests.support.messages_contract import MessagesContract


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The DynamoDB of an emulator of this module's own."""
    scratch = tmp_path_factory.mktemp("emulator")
    emulator = Emulator(scratch, scratch / "emulator.log")
    try:
        emulator.wait_until_ready()
        dynamodb = Aws(emulator.endpoint_url).client("dynamodb")
        create_message_table(dynamodb)
        yield dynamodb
    finally:
        emulator.child.stop()


class TestMessagesOnEmulator(MessagesContract):
    """The store as functions and keepers have it."""

    @pytest.fixture
    def messages(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> DynamoMessages:  # type: ignore[override]
        """Empty."""
        delete_all_messages(client)
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": client.meta.endpoint_url}.items():
            monkeypatch.setenv(name, value)
        account = Account(REGION, EnvironmentCredentials())
        return DynamoMessages(DynamoDb(account, CallLimits(connect_s=1, read_s=5, tries=3)), TABLE)

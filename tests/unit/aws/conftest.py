"""Sockets to a peer on loopback, to see what goes over the wire."""

from collections.abc import Iterator

import pytest
import pytest_socket
from typing_relay.aws import client

from tests.support.aws_peer import AwsPeer


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsPeer]:
    """AWS, on this machine; tries follow each other without a pause."""
    monkeypatch.setattr(client, "LONGEST_PAUSE_S", 0.0)
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    running = AwsPeer()
    yield running
    running.stop()

"""Unit tests reach no network: opening a socket fails the test, save those that ask for a `peer` on loopback."""

from collections.abc import Iterator
from functools import cache

import pytest
import pytest_socket
from botocore.loaders import JSONFileLoader

from tests.support.http_peer import HttpPeer


@pytest.fixture(autouse=True, scope="session")
def each_model_of_aws_is_read_once() -> Iterator[None]:
    """moto gives each test a new session of boto3, which reads megabytes of JSON anew."""
    load, seen = JSONFileLoader.load_file, cache(JSONFileLoader().load_file)
    JSONFileLoader.load_file = lambda self, file_path: seen(file_path)  # type: ignore[method-assign]
    yield
    JSONFileLoader.load_file = load  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Refuse every socket, save the local pairs that event loops are built on."""
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture
def peer(no_network: None) -> Iterator[HttpPeer]:
    """AWS or CXone, on this machine, to see what goes over the wire."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    running = HttpPeer()
    yield running
    running.stop()

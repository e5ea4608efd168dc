"""HTTP towards CXone and AWS goes on to a name's next address within one call (``typing_relay.wire``)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from typing_relay.aws.connection import Connection
from typing_relay.platforms.shared import http as cxone_http

from tests.support.web_socket_peers import read_request

UNREACHABLE, REFUSING, SERVING = "255.255.255.255", "127.0.0.2", "127.0.0.1"


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A host of three addresses, of which the last one answers one request. Its name is cxone.example."""
    with socket.create_server((SERVING, 0)) as listener:
        port = listener.getsockname()[1]
        answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in (UNREACHABLE, REFUSING, SERVING)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                read_request(peer)
                peer.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield port
        server.join(5)


def test_calls_to_cxone_go_on_to_the_next_address(port: int) -> None:
    answer = cxone_http.session().get(f"http://cxone.example:{port}/", timeout=(1, 3))
    assert answer.status_code == 204


def test_calls_to_aws_go_on_to_the_next_address(port: int) -> None:
    connection = Connection(urlsplit(f"http://cxone.example:{port}"), connect_s=1, read_s=3)
    assert connection.exchange("GET", "/", {}, b"").status == 204

"""Connecting takes no longer than it may, whatever a name's addresses and its look-up do."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from typing_relay import deadline, wire
from typing_relay.aws import connection
from typing_relay.door.visitor_keys import jwks_client
from typing_relay.platforms.shared import http

from tests.support.addresses import Addresses
from tests.support.http_peer import DRIP, HttpPeer
from tests.support.web_socket_peers import Certificates


@pytest.fixture
def addresses(peer: HttpPeer, monkeypatch: pytest.MonkeyPatch) -> Addresses:
    return Addresses(peer, monkeypatch)


@pytest.mark.parametrize("silent", [0, 1, 6])
def test_addresses_that_do_not_answer_share_the_time_with_the_one_that_does(addresses: Addresses, silent: int) -> None:
    addresses.are(silent)
    began = time.monotonic()
    wire.dial(addresses.name, addresses.port, each_s=1, within_s=0.8).close()
    assert time.monotonic() - began < 0.8


def test_no_address_has_more_than_its_own_limit(addresses: Addresses) -> None:
    addresses.are(1)
    began = time.monotonic()
    wire.dial(addresses.name, addresses.port, each_s=0.1).close()
    assert 0.1 <= time.monotonic() - began < 0.5


def test_addresses_that_all_stay_silent_end_in_a_timeout(addresses: Addresses) -> None:
    addresses.are(3, answering=False)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        wire.dial(addresses.name, addresses.port, each_s=1, within_s=0.3)
    assert time.monotonic() - began < 0.6


def test_what_a_look_up_raises_is_raised(addresses: Addresses) -> None:
    """At once, whatever it is: a name that cannot be one is no OSError."""
    with pytest.raises(UnicodeError):
        wire.dial("a..b", addresses.port, each_s=1, within_s=5)


def test_a_look_up_that_stalls_ends_in_a_timeout(addresses: Addresses) -> None:
    """One lost packet of DNS: the resolver asks again after 5 s."""
    addresses.are(0, looked_up_after_s=5)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="looked up"):
        wire.dial(addresses.name, addresses.port, each_s=1, within_s=0.2)
    assert time.monotonic() - began < 0.5


def test_a_name_that_does_not_exist_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any) -> Any:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    for within_s in (1.0, float("inf")):
        with pytest.raises(socket.gaierror):
            wire.dial("cxone.test", 443, each_s=1, within_s=within_s)


def test_without_a_limit_nobody_is_started_to_look_a_name_up(addresses: Addresses) -> None:
    """Keepers open thousands of connections."""
    looked_up_in = addresses.are(0)
    wire.dial(addresses.name, addresses.port, each_s=1).close()
    assert looked_up_in == [threading.current_thread()]


@pytest.mark.parametrize("trouble", ["silent addresses", "a slow look-up"])
def test_connecting_to_aws_ends_by_the_deadline(addresses: Addresses, trouble: str) -> None:
    """A stall of DNS killed the sandbox of a function, too."""
    if trouble == "silent addresses":
        addresses.are(5, answering=False)
    else:
        addresses.are(0, looked_up_after_s=5)
    kept = connection.Connection(urlsplit(f"http://{addresses.name}:{addresses.port}"), connect_s=1, read_s=1)
    began = time.monotonic()
    with deadline.within(0.3), pytest.raises(TimeoutError):
        kept.exchange("POST", "/", {"Host": "aws"}, b"{}")
    assert time.monotonic() - began < 0.6


# --- over TLS


@pytest.fixture
def over_tls(peer: HttpPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same peer behind TLS; AWS_CA_BUNDLE names its certificate."""
    certificates = Certificates(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificates.path))
    connection.tls.cache_clear()
    peer.wrap(certificates.server)
    yield peer.url.replace("http:", "https:")
    connection.tls.cache_clear()


def test_aws_is_spoken_to_over_tls_by_the_deadline(peer: HttpPeer, over_tls: str) -> None:
    kept = connection.Connection(urlsplit(over_tls), connect_s=1, read_s=1)
    for _ in range(2):
        assert kept.exchange("POST", "/", {"Host": "aws"}, b"{}").status == 200
    assert [request.connection for request in peer.requests] == [1, 1]
    peer.say(DRIP)
    began = time.monotonic()
    with deadline.within(0.4), pytest.raises(TimeoutError):
        kept.exchange("POST", "/", {"Host": "aws"}, b"{}")
    assert time.monotonic() - began < 0.7


def test_aws_is_not_believed_with_another_names_certificate(peer: HttpPeer, over_tls: str) -> None:
    elsewhere = over_tls.replace("127.0.0.1", "localhost")
    kept = connection.Connection(urlsplit(elsewhere), connect_s=1, read_s=1)
    with pytest.raises(ssl.SSLCertVerificationError):
        kept.exchange("POST", "/", {"Host": "aws"}, b"{}")
    assert peer.requests == []


def test_cxone_is_spoken_to_over_tls_in_time_or_not_at_all(peer: HttpPeer, over_tls: str, tmp_path: Path) -> None:
    session = http.session()
    session.verify = str(tmp_path / "peer.pem")
    assert session.post(over_tls, json={}, timeout=(1, 1)).status_code == 200
    with http.written_within(0), pytest.raises(http.NotSent):
        session.post(over_tls, json={}, timeout=(1, 1))
    assert len(peer.requests) == 1
    with pytest.raises(requests.exceptions.SSLError):
        http.session().post(over_tls, json={}, timeout=(1, 1))


def test_a_key_set_whose_addresses_are_all_silent_is_given_up_by_the_deadline(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T13: an issuer behind a CDN has four addresses, and each would take the fetch's whole limit."""
    addresses = Addresses(peer, monkeypatch, "localhost")
    addresses.are(4, answering=False)
    began = time.monotonic()
    with deadline.within(0.4), pytest.raises(jwt.PyJWKClientConnectionError):
        jwks_client(f"http://localhost:{addresses.port}/jwks").get_signing_keys()
    assert time.monotonic() - began < 0.8

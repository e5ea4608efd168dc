"""Connecting takes no longer than it may, whatever a name's addresses and its look-up do."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest
from typing_relay import wire

from tests.support.addresses import Addresses
from tests.support.http_peer import HttpPeer


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

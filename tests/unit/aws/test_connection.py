"""A kept connection to AWS: used again while it is fit, and never at the price of an error."""

from __future__ import annotations

import http.client
import ssl
import time
from urllib.parse import urlsplit

import pytest
from typing_relay.aws import connection
from typing_relay.aws.connection import Connection

from tests.support.http_peer import CLOSE, HALF, RESET, SILENCE, HttpPeer, Reply


class WallClock:
    """Moves when told."""

    def __init__(self) -> None:
        self.s = time.time()

    def time(self) -> float:
        return self.s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    wall_clock = WallClock()
    monkeypatch.setattr(connection, "time", wall_clock)
    return wall_clock


def kept_to(peer: HttpPeer, read_s: float = 1.0) -> Connection:
    return Connection(urlsplit(peer.url), connect_s=1.0, read_s=read_s)


def ask(kept: Connection) -> int:
    return kept.exchange("POST", "/", {"Host": "aws"}, b"{}").status


def connections_of(peer: HttpPeer) -> list[int]:
    """Which connection each request came on."""
    return [request.connection for request in peer.requests]


def test_requests_follow_each_other_on_one_connection(peer: HttpPeer):
    kept = kept_to(peer)
    assert [ask(kept) for _ in range(3)] == [200, 200, 200]
    assert connections_of(peer) == [1, 1, 1]


def test_a_connection_that_sat_idle_is_not_used_again(peer: HttpPeer, clock: WallClock):
    """A Lambda was frozen: whatever is between here and AWS may have forgotten the connection."""
    kept = kept_to(peer)
    ask(kept)
    clock.s += connection.IDLE_S + 0.1
    ask(kept)
    assert connections_of(peer) == [1, 2]


def test_the_new_one_in_its_place_is_new(peer: HttpPeer, clock: WallClock):
    """When that one ends without an answer too, it is not for having been idle."""
    kept = kept_to(peer)
    ask(kept)
    clock.s += connection.IDLE_S + 0.1
    peer.say(CLOSE)
    with pytest.raises(ConnectionError):
        ask(kept)
    assert connections_of(peer) == [1, 2]


def test_one_that_was_used_a_moment_ago_is(peer: HttpPeer, clock: WallClock):
    kept = kept_to(peer)
    ask(kept)
    clock.s += connection.IDLE_S - 0.1
    ask(kept)
    assert connections_of(peer) == [1, 1]


def test_a_process_that_runs_on_may_keep_one_longer(peer: HttpPeer, clock: WallClock):
    kept = Connection(urlsplit(peer.url), connect_s=1.0, read_s=1.0, idle_s=120)
    for idle_s in (119.9, 120.1):
        ask(kept)
        clock.s += idle_s
    ask(kept)
    assert connections_of(peer) == [1, 1, 2]


def test_a_clock_that_was_set_back_does_not_keep_a_connection_for_ever(peer: HttpPeer, clock: WallClock):
    kept = kept_to(peer)
    ask(kept)
    clock.s -= 3600
    ask(kept)
    assert connections_of(peer) == [1, 2]


def test_one_that_the_other_side_closed_meanwhile_is_seen_before_use(peer: HttpPeer):
    """Nothing is sent into it: the request that counts is sent once."""
    peer.say(Reply(hang_up=True))
    kept = kept_to(peer)
    ask(kept)
    assert peer.closed.wait(1)
    ask(kept)
    assert connections_of(peer) == [1, 2]


@pytest.mark.parametrize("ending", [CLOSE, RESET])
def test_one_that_turns_out_to_be_closed_costs_one_new_connection_and_no_error(peer: HttpPeer, ending: str):
    """The peer's end crossed our request on its way."""
    kept = kept_to(peer)
    ask(kept)
    peer.say(ending)
    assert ask(kept) == 200
    assert connections_of(peer) == [1, 1, 2]


@pytest.mark.parametrize("ending", [CLOSE, RESET])
def test_a_new_connection_that_ends_at_once_is_an_error(peer: HttpPeer, ending: str):
    """Then it is not the idle time: the caller decides about another try."""
    peer.say(ending)
    with pytest.raises(ConnectionError):
        ask(kept_to(peer))
    assert len(peer.requests) == 1


def test_the_second_connection_is_not_followed_by_a_third(peer: HttpPeer):
    kept = kept_to(peer)
    ask(kept)
    peer.say(CLOSE, CLOSE)
    with pytest.raises(ConnectionError):
        ask(kept)
    assert connections_of(peer) == [1, 1, 2]


def test_half_an_answer_is_an_error_and_the_next_request_goes_well(peer: HttpPeer):
    peer.say(HALF)
    kept = kept_to(peer)
    with pytest.raises(http.client.IncompleteRead):
        ask(kept)
    assert ask(kept) == 200


def test_silence_ends_with_the_time_for_a_read_and_the_next_request_is_not_given_the_late_answer(peer: HttpPeer):
    kept = kept_to(peer, read_s=0.5)
    ask(kept)
    peer.say(SILENCE)
    with pytest.raises(TimeoutError):
        ask(kept)
    ask(kept)
    assert connections_of(peer) == [1, 1, 2]


def test_nobody_there_is_an_error(peer: HttpPeer):
    peer.stop()
    with pytest.raises(OSError, match="refused"):
        ask(kept_to(peer))


def test_https_is_never_spoken_in_the_clear(peer: HttpPeer):
    with pytest.raises(ssl.SSLError):
        ask(Connection(urlsplit(peer.url.replace("http:", "https:")), connect_s=1.0, read_s=1.0))
    assert peer.requests == []


def test_it_trusts_the_authorities_that_aws_ca_bundle_names(monkeypatch: pytest.MonkeyPatch):
    connection.tls.cache_clear()
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/authorities.pem")
    with pytest.raises(FileNotFoundError):
        connection.tls()
    monkeypatch.delenv("AWS_CA_BUNDLE")
    assert connection.tls().verify_mode.name == "CERT_REQUIRED"


@pytest.mark.parametrize(("path", "header"), [("/a\r\nHost: b", "c"), ("/", "a\nb: c"), ("/", "a\r"), ("/", "a\n")])
def test_a_request_of_more_lines_than_meant_is_not_sent(peer: HttpPeer, path: str, header: str):
    """Who writes a line break into a value would write a header of their own."""
    with pytest.raises(ValueError, match="line break"):
        kept_to(peer).exchange("GET", path, {"X-Header": header}, b"")
    assert peer.requests == []

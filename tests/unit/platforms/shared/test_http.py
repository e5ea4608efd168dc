"""Connections to CXone that sat idle: a frozen Lambda's first call must not be lost on a dead one (T2, T6)."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import requests
from typing_relay import deadline
from typing_relay.platforms.shared import http
from typing_relay.platforms.webchat import guests as guests_v1
from typing_relay.platforms.webchat.auth import Credentials, Token, Tokens
from typing_relay.platforms.webchat.guests import LATEST_START_MS, LATEST_WRITE_MS, READ_TIMEOUT_S, GuestsV1
from typing_relay.relay.outcomes import Guest, Kind, Outcome

from tests.support.addresses import Addresses
from tests.support.http_peer import CLOSE, DRIP, HALF, RESET, HttpPeer, Reply

ACCEPTED = Outcome(Kind.ACCEPTED)


class Share:
    """A shared token that never runs out, until it is taken away."""

    token: Token | None = Token("tok", 4_102_444_800_000)

    def read(self) -> Token | None:
        return self.token

    def try_lock(self, now: int) -> bool:
        return True

    def save(self, token: Token) -> None:
        self.token = token

    def forget(self, value: str) -> None:
        self.token = None


class WallClock:
    """Moves when told, and by itself from one look to the next if told so."""

    def __init__(self) -> None:
        self.s, self.step_s = time.time(), 0.0

    def time(self) -> float:
        return self.s

    def monotonic(self) -> float:
        return time.monotonic()

    def ms(self) -> int:
        self.s += self.step_s
        return int(self.s * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    wall_clock = WallClock()
    monkeypatch.setattr(http, "time", wall_clock)
    return wall_clock


@pytest.fixture
def share() -> Share:
    return Share()


@pytest.fixture
def guests(peer: HttpPeer, clock: WallClock, share: Share) -> GuestsV1:
    """A sender that has just made a call."""
    session = http.session()
    tokens = Tokens(session, peer.url, lambda: Credentials("id", "secret"), share, clock.ms, sleep=lambda _s: None)
    made = GuestsV1(session, peer.url, tokens, clock.ms)
    made.set_typing("g", False)
    return made


def connections_of(peer: HttpPeer) -> list[int]:
    return [request.connection for request in peer.requests]


def test_calls_follow_each_other_on_one_connection(peer: HttpPeer, guests: GuestsV1):
    assert guests.set_typing("g", True) == ACCEPTED
    assert connections_of(peer) == [1, 1]


@pytest.mark.parametrize(("idle_s", "connections"), [(http.IDLE_S - 0.1, [1, 1]), (http.IDLE_S + 0.1, [1, 2])])
def test_a_connection_that_sat_idle_is_not_used_again(
    peer: HttpPeer, guests: GuestsV1, clock: WallClock, idle_s: float, connections: list[int]
):
    """A Lambda was frozen between two bursts."""
    clock.s += idle_s
    assert guests.set_typing("g", True) == ACCEPTED
    assert connections_of(peer) == connections


@pytest.mark.parametrize("ending", [CLOSE, RESET])
def test_a_kept_connection_that_is_closed_costs_nobody_a_signal(peer: HttpPeer, guests: GuestsV1, ending: str):
    """The same value at once, under the same lock: to the relay it is one call (T6)."""
    peer.say(ending)
    assert guests.set_typing("g", True) == ACCEPTED
    assert connections_of(peer) == [1, 1, 2]
    assert [request.json for request in peer.requests[1:]] == [{"typing": True}] * 2


@pytest.mark.parametrize("ending", [CLOSE, RESET])
def test_a_new_connection_that_is_closed_is_a_lost_call(
    peer: HttpPeer, guests: GuestsV1, clock: WallClock, ending: str
):
    """Not for lack of freshness: CXone may have taken it, and is in trouble."""
    clock.s += http.IDLE_S + 1
    peer.say(ending)
    assert guests.set_typing("g", True).kind is Kind.LOST
    assert connections_of(peer) == [1, 2]


def test_it_is_repeated_once(peer: HttpPeer, guests: GuestsV1):
    peer.say(CLOSE, CLOSE)
    assert guests.set_typing("g", True).kind is Kind.LOST
    assert connections_of(peer) == [1, 1, 2]


def test_it_is_not_repeated_so_late_that_the_lock_could_end_before_the_answer(
    peer: HttpPeer, guests: GuestsV1, clock: WallClock
):
    """T6."""
    clock.step_s = LATEST_START_MS / 1000 * 0.4  # the fourth look at the clock is the one after the first try
    peer.say(CLOSE)
    assert guests.set_typing("g", True).kind is Kind.LOST
    assert len(peer.requests) == 2


def test_an_answer_that_has_begun_is_not_asked_for_again(peer: HttpPeer, guests: GuestsV1):
    peer.say(HALF)
    assert guests.set_typing("g", True).kind is Kind.LOST
    assert len(peer.requests) == 2


def test_a_call_after_a_lost_one_is_on_a_connection_of_its_own(peer: HttpPeer, guests: GuestsV1):
    peer.say(HALF)
    guests.set_typing("g", True)
    assert guests.set_typing("g", False) == ACCEPTED
    assert connections_of(peer) == [1, 1, 2]


def test_a_token_is_asked_for_again_too(peer: HttpPeer, guests: GuestsV1, share: Share):
    """Else the first call of a burst would wait out a failure that was none."""
    peer.say(Reply({}, 401), CLOSE, Reply({"access_token": "new", "expires_in": 3600}))
    assert guests.set_typing("g", True) == ACCEPTED
    assert share.token == replace(Token("new", 0), expires_at=share.token.expires_at)
    assert [request.path.rpartition("/")[2] for request in peer.requests[1:]] == ["typing", "token", "token", "typing"]


# --- limits are those of the whole call, and not of each address or each read


@pytest.fixture
def addresses(peer: HttpPeer, monkeypatch: pytest.MonkeyPatch) -> Addresses:
    return Addresses(peer, monkeypatch)


def guests_at(addresses: Addresses, share: Share) -> GuestsV1:
    """A sender that has made no call yet."""
    session, base_url = http.session(), f"http://{addresses.name}:{addresses.port}"
    tokens = Tokens(session, base_url, credentials, share, now_ms)
    return GuestsV1(session, base_url, tokens, now_ms)


def credentials() -> Credentials:
    return Credentials("id", "secret")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_a_post_leaves_within_its_time_though_six_addresses_do_not_answer(
    peer: HttpPeer, addresses: Addresses, share: Share
):
    """T6: one after the other, a second each, it left after its lock had nearly ended."""
    addresses.are(6)
    began = time.monotonic()
    assert guests_at(addresses, share).set_typing("g", True) == ACCEPTED
    assert time.monotonic() - began < LATEST_WRITE_MS / 1000


def test_a_post_that_could_not_leave_in_time_is_never_sent(peer: HttpPeer, addresses: Addresses, share: Share):
    """T6: the resolver answers in the end, and nobody is waiting any more. CXone certainly did not take it."""
    addresses.are(0, looked_up_after_s=LATEST_WRITE_MS / 1000 + 0.2)
    outcome = guests_at(addresses, share).set_typing("g", True)
    assert (outcome.kind, "nothing was sent" in outcome.reason) == (Kind.THROTTLED, True)
    time.sleep(0.5)
    assert peer.requests == []


def test_the_clock_is_looked_at_after_connecting_and_before_the_first_byte(
    peer: HttpPeer, share: Share, monkeypatch: pytest.MonkeyPatch
):
    """T6: a process that stood still meanwhile, a TLS handshake of small steps."""
    connect = http._InTime.connect

    def slowly(self: http._InTime) -> None:
        connect(self)
        time.sleep(0.1)

    monkeypatch.setattr(http._InTime, "connect", slowly)
    with http.written_within(0.05), pytest.raises(http.NotSent):
        http.session().post(f"{peer.url}/typing", json={"typing": True}, timeout=(1, 1))
    time.sleep(0.1)
    assert peer.requests == []


def test_a_kept_connection_is_not_written_to_after_the_time(peer: HttpPeer):
    session = http.session()
    session.get(peer.url, timeout=(1, 1))
    with http.written_within(0), pytest.raises(http.NotSent):
        session.get(peer.url, timeout=(1, 1))
    assert len(peer.requests) == 1


def test_a_repeated_request_that_came_too_late_leaves_open_what_became_of_the_first(
    peer: HttpPeer, guests: GuestsV1, monkeypatch: pytest.MonkeyPatch
):
    """The connection ended before a byte of the answer: CXone may have acted."""
    connect = http._InTime.connect

    def slowly(self: http._InTime) -> None:
        monkeypatch.setattr(http, "_left_to_write_s", lambda: -1.0)
        connect(self)

    peer.say(CLOSE)
    monkeypatch.setattr(http._InTime, "connect", slowly)
    assert guests.set_typing("g", True).kind is Kind.LOST


def test_creating_a_guest_has_no_lock_to_keep_to(peer: HttpPeer, share: Share, monkeypatch: pytest.MonkeyPatch):
    """A keeper takes the time that the addresses take."""
    monkeypatch.setattr(guests_v1, "LATEST_WRITE_MS", -1)
    peer.otherwise = Reply({"id": "g", "webSocketUrl": "ws://127.0.0.1:1"})
    made = GuestsV1(http.session(), peer.url, Tokens(http.session(), peer.url, credentials, share, now_ms), now_ms)
    assert made.set_typing("g", True).kind is Kind.THROTTLED
    assert made.create_guest({"source": "typing-relay"}) == Guest("g", "ws://127.0.0.1:1")


def test_an_answer_that_drips_is_lost_when_its_time_is_over(peer: HttpPeer):
    """A limit for each read would be none for the whole."""
    peer.say(DRIP)
    began = time.monotonic()
    with pytest.raises(requests.RequestException):
        http.session().get(peer.url, timeout=(1, 0.3))
    assert time.monotonic() - began < 0.8


def test_nothing_is_sent_that_could_not_be_answered_before_the_deadline(peer: HttpPeer, share: Share):
    """A sender's invocation is about to end: an answer that nobody hears is worth less than no call."""
    made = GuestsV1(http.session(), peer.url, Tokens(http.session(), peer.url, credentials, share, now_ms), now_ms)
    with deadline.within(READ_TIMEOUT_S - 0.1):
        assert made.set_typing("g", True).kind is Kind.THROTTLED
        assert made.get_typing("g") == made.set_typing("g", True)
    assert peer.requests == []
    with deadline.within(READ_TIMEOUT_S + 5):
        assert made.set_typing("g", True) == ACCEPTED


def test_no_token_is_asked_for_that_could_not_be_had_before_the_deadline(peer: HttpPeer, share: Share):
    share.token = None
    made = GuestsV1(http.session(), peer.url, Tokens(http.session(), peer.url, credentials, share, now_ms), now_ms)
    with deadline.within(1):
        assert made.set_typing("g", True).kind is Kind.THROTTLED
    assert peer.requests == []

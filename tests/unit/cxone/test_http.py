"""Connections to CXone that sat idle: a frozen Lambda's first call must not be lost on a dead one (T2, T6)."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from typing_relay.cxone import http
from typing_relay.cxone.v1.auth import Credentials, Token, Tokens
from typing_relay.cxone.v1.guests import LATEST_START_MS, GuestsV1
from typing_relay.relay.outcomes import Kind, Outcome

from tests.support.http_peer import CLOSE, HALF, RESET, HttpPeer, Reply

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

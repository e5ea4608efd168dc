"""Most visitors are turned away, or one is, or the address is: who waits, and how long."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from typing_relay.platforms.digital_first.api import Access
from typing_relay.platforms.digital_first.gateway_breaker import ADDRESS_PAUSE_MS, Call, GatewayBreaker, WatchedGateway
from typing_relay.platforms.digital_first.identity import Visitor
from typing_relay.relay.breaker import MIN_GUESTS, RETURN_MS, SHORTEST_PAUSE_MS, turn_ms
from typing_relay.relay.outcomes import Kind, Outcome

NOW = 1_000_000
FINE, BUSY = Outcome(Kind.ACCEPTED), Outcome(Kind.THROTTLED, 2_000, "access: status 429")
BLOCKED = Outcome(Kind.DENIED, reason="ip_blocked", of_address=True)


class Scene:
    def __init__(self) -> None:
        self.reports: list[tuple[int, Kind]] = []
        self.breaker = GatewayBreaker(lambda ms, outcome: self.reports.append((ms, outcome.kind)))

    def note(self, outcome: Outcome, visitors: Any = range(MIN_GUESTS), call: Call = Call.TOKEN, at: int = NOW) -> None:
        for visitor in visitors:
            self.breaker.note(call, f"visitor {visitor}", outcome, at)

    def may_go(self, at: int, visitor: str = "another") -> bool:
        return self.breaker.paused(visitor, at) is None


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_while_all_goes_well_everybody_may_go(scene: Scene) -> None:
    scene.note(FINE, range(100))
    assert (scene.may_go(NOW), scene.reports) == (True, [])


@pytest.mark.parametrize("trouble", [BUSY, Outcome(Kind.FAILED), Outcome(Kind.LOST)])
@pytest.mark.parametrize("call", Call)
def test_where_most_visitors_are_turned_away_all_wait(scene: Scene, trouble: Outcome, call: Call) -> None:
    scene.note(trouble, call=call)
    assert scene.reports == [(SHORTEST_PAUSE_MS, trouble.kind)]
    paused = scene.breaker.paused("another", NOW)
    assert paused is not None
    assert (paused.kind, paused.retry_after_ms >= SHORTEST_PAUSE_MS) == (Kind.THROTTLED, True)
    assert scene.may_go(NOW + SHORTEST_PAUSE_MS + RETURN_MS)


def test_a_limit_of_one_visitor_is_that_visitors_alone(scene: Scene) -> None:
    """However often it is turned away."""
    scene.note(BUSY, [7] * 100)
    assert (scene.may_go(NOW), scene.reports) == (True, [])


def test_a_few_among_many_who_get_through_pause_nobody(scene: Scene) -> None:
    scene.note(FINE, range(100, 110))
    scene.note(BUSY)
    assert scene.may_go(NOW)


def test_tokens_that_are_given_do_not_hide_that_no_socket_opens(scene: Scene) -> None:
    """A handshake that is refused brings a new token before the next one."""
    for visitor in range(MIN_GUESTS):
        scene.note(FINE, [visitor], Call.TOKEN)
        scene.note(BUSY, [visitor], Call.SOCKET)
    assert not scene.may_go(NOW)


def test_one_answer_says_that_the_address_is_refused_for_everybody(scene: Scene) -> None:
    scene.note(BLOCKED, [1])
    paused = scene.breaker.paused("another", NOW)
    assert paused is not None
    assert (paused.kind, scene.reports) == (Kind.DENIED, [(ADDRESS_PAUSE_MS, Kind.DENIED)])
    assert not scene.may_go(NOW + ADDRESS_PAUSE_MS - 1)
    assert scene.may_go(NOW + 60_000)


def test_another_refusal_of_one_visitor_pauses_nobody(scene: Scene) -> None:
    """A wrong channel, an old token: asked again in a minute, by that visitor."""
    scene.note(Outcome(Kind.DENIED, reason="access: unknown_channel (403)"), range(100))
    assert scene.may_go(NOW)


@pytest.mark.parametrize("call", Call)
def test_strangers_who_sign_in_with_junk_pause_nobody(scene: Scene, call: Call) -> None:
    """T18: as many as there are, and whatever they hand over."""
    scene.note(Outcome(Kind.FAILED, reason="access: invalid_grant (401)", by_visitor=True), range(100), call)
    assert (scene.may_go(NOW), scene.reports) == (True, [])


@pytest.mark.parametrize(("token", "pauses"), [("", True), ("t0ken", False)])
def test_where_no_token_was_asked_for_the_gateway_has_said_nothing(scene: Scene, token: str, pauses: bool) -> None:
    """As where sessions are not secured: then only sockets tell of trouble."""
    gateway: Any = SimpleNamespace(authorize=lambda visitor, grant: Access(token, NOW, visitor))
    for number in range(100):
        WatchedGateway(gateway, scene.breaker, f"visitor {number}", lambda: NOW).authorize(Visitor("v", "c"))
    scene.note(BUSY)
    assert scene.may_go(NOW) != pauses


def test_a_visitor_may_go_when_its_turn_has_come(scene: Scene) -> None:
    scene.note(BUSY)
    turn_at = NOW + SHORTEST_PAUSE_MS + turn_ms("another")
    assert [scene.may_go(at) for at in (turn_at - 1, turn_at)] == [False, True]


def test_visitors_come_back_one_after_the_other(scene: Scene) -> None:
    scene.note(BUSY)
    paused_until = NOW + SHORTEST_PAUSE_MS
    back = [sum(scene.may_go(paused_until + ms, f"v{n}") for n in range(1000)) for ms in (0, RETURN_MS // 2, RETURN_MS)]
    assert back[0] < 20
    assert 400 < back[1] < 600
    assert back[2] == 1000


def test_a_pause_that_follows_another_is_longer(scene: Scene) -> None:
    at = NOW
    for expected in (5_000, 10_000, 20_000, 40_000, 60_000, 60_000):
        scene.note(BUSY, at=at)
        assert scene.reports[-1][0] == expected
        at += expected


def test_what_left_before_a_pause_makes_it_no_longer(scene: Scene) -> None:
    scene.note(BUSY)
    scene.note(BUSY, at=NOW + 100)
    scene.note(BLOCKED, at=NOW + 200)
    assert len(scene.reports) == 1


def test_trouble_of_different_times_is_not_added_up(scene: Scene) -> None:
    for visitor in range(MIN_GUESTS):
        scene.note(BUSY, [visitor], at=NOW + 10_000 * visitor)
    assert scene.may_go(NOW + 10_000 * MIN_GUESTS)

"""A page signs its visitor in at the gateway: what it hands over is used once, asked for in time, refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from typing_relay.keeper.guests import guest
from typing_relay.keeper.io.sockets import SocketEnd, Stage
from typing_relay.platforms.digital_first.api import Access, ChannelSettings
from typing_relay.platforms.digital_first.gateway_breaker import WatchedGateway
from typing_relay.platforms.digital_first.identity import Visitor
from typing_relay.platforms.digital_first.signing_in import Needed, unfit
from typing_relay.platforms.digital_first.talk import GatewayTalk
from typing_relay.relay.breaker import MIN_GUESTS
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.profile import Profile
from typing_relay.relay.sign_in import SignedIn, SignIn, sign_in_of, signed_in_of

from tests.unit.platforms.digital_first.test_talk import (
    DENIED,
    HOUR_MS,
    ID,
    MESSAGE,
    OTHER,
    START,
    Scene,
    _replaced,
    storm,
)

COOKIES = ChannelSettings(livechat=True, authorization=False, secured_cookies=True)
THIRD_PARTY = ChannelSettings(livechat=True, authorization=True)
VISITOR_ID = "33333333-3333-4333-8333-333333333333"
TOKEN = SignIn("page-token-1", 600_000, VISITOR_ID, "customer-7", at=START)
CODE = SignIn(code="the-code", verifier="v" * 43, at=START)


VISITOR = Visitor(VISITOR_ID, "customer-7")


@dataclass(frozen=True)
class Refusing:
    """A gateway that answers each request for a token with this."""

    outcome: Outcome

    def channel(self) -> ChannelSettings:
        return THIRD_PARTY

    def authorize(self, visitor: Visitor, grant: Mapping[str, str] | None = None) -> Access | Outcome:
        return self.outcome


@pytest.fixture
def scene() -> Scene:
    return Scene()


def hands_over(scene: Scene, sign_in: SignIn, *, nudges: bool = True) -> None:
    """As the keystroke function writes it, and nudges. No two frames come in the same ms."""
    at = max(scene.clock(), scene.record.handed_over_at + 1)
    assert scene.sessions.hand_over(ID, replace(sign_in, at=at).encoded(), at, at)
    if nudges:
        scene.talk.signed_in()
        scene.settles()


def asked(scene: Scene) -> list[dict[str, Any]]:
    """By which the page was asked."""
    return [frame["detail"] for frame in scene.told if frame.get("name") == "sign-in"]


def errors(scene: Scene) -> list[str]:
    return [frame["code"] for frame in scene.told if frame["type"] == "error"]


def makes(scene: Scene) -> guest.Event:
    made = scene.talk.make()
    scene.loop.advance(0)
    return made


def signs_in(scene: Scene, settings: ChannelSettings, sign_in: SignIn) -> Scene:
    """By what the page hands over; its socket is open."""
    scene.http.channel_is = settings
    hands_over(scene, sign_in, nudges=False)
    return scene.begins()


# --- before the first socket


@pytest.mark.parametrize(
    ("settings", "named"), [(COOKIES, "isSecuredCookieEnabled=true"), (THIRD_PARTY, "isAuthorizationEnabled=true")]
)
def test_what_the_channel_demands_the_page_is_asked_for_by_the_settings_name(
    scene: Scene, settings: ChannelSettings, named: str
) -> None:
    """Nobody is signed in until then, and nobody but the page is to blame."""
    scene.http.channel_is = settings
    made = makes(scene)
    assert isinstance(made, guest.NotCreated)
    assert (made.outcome.kind, made.outcome.by_visitor) == (Kind.NOT_YET, True)
    [error, event] = scene.told
    assert (error["code"], named in error["message"]) == ("sign_in_needed", True)
    assert event["detail"] == {"why": "needed", "setting": named}
    assert (scene.http.grants, scene.counters.take()["SignIns.needed"]) == ([], 1)


def test_whom_the_teams_server_says_so_of_is_signed_in_by_the_page(scene: Scene) -> None:
    """With the visitor's own address; the channel demands nothing."""
    scene.sessions.records[ID] = _replaced(scene.record, profile=Profile(by_page=True).encoded())
    makes(scene)
    assert (asked(scene), errors(scene)) == ([{"why": "needed"}], [])


def test_a_token_that_the_page_hands_over_opens_the_socket_as_its_visitor_and_customer(scene: Scene) -> None:
    signs_in(scene, COOKIES, TOKEN)
    assert (scene.urls, scene.http.grants) == (["wss://gateway.example/?transactionToken=page-token-1"], [])
    payload = scene.sent[0]["payload"]
    identity = payload["visitor"]["id"], payload["consumerIdentity"]["idOnExternalPlatform"]
    assert identity == (VISITOR_ID, "customer-7")
    known = scene.record.conversation
    assert ((known["visitor"], known["customer"]), scene.record.sign_in) == (identity, "")
    assert scene.kept.until == START + 600_000


def test_a_code_is_redeemed_with_its_verifier_and_names_the_customer(scene: Scene) -> None:
    signs_in(scene, THIRD_PARTY, CODE)
    grant = {"grant_type": "authorization_code", "authorization_code": "the-code", "code_verifier": "v" * 43}
    assert scene.http.grants == [grant]
    assert (scene.record.conversation["customer"], scene.record.sign_in) == ("customer-7", "")


def test_a_code_is_spent_before_it_is_used(scene: Scene) -> None:
    """Whoever takes over does not use it again, whatever came of it: the page is asked."""
    scene.http.channel_is, scene.http.refusal = THIRD_PARTY, Outcome(Kind.LOST, reason="access: ReadTimeout")
    hands_over(scene, CODE, nudges=False)
    assert makes(scene) == guest.NotCreated(scene.http.refusal)
    scene.http.refusal = None
    makes(scene)
    assert (len(scene.http.grants), asked(scene)[-1]["why"]) == (1, "needed")


def test_what_another_keeper_has_taken_since_the_record_was_read_is_not_used(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fence."""
    scene.http.channel_is = THIRD_PARTY
    hands_over(scene, CODE, nudges=False)
    read = scene.record
    monkeypatch.setattr(scene.sessions, "get", lambda *_: read)
    scene.sessions.take_guest(ID, OTHER, scene.clock())
    made = makes(scene)
    assert isinstance(made, guest.NotCreated)
    assert (made.outcome.kind, scene.http.grants) == (Kind.LOST, [])


def test_what_waits_for_a_sign_in_is_told_to_go_on(scene: Scene) -> None:
    scene.http.channel_is = COOKIES
    makes(scene)
    hands_over(scene, TOKEN)
    assert scene.went_on == 1


def test_a_page_is_told_which_customer_its_token_names(scene: Scene) -> None:
    """A token for any other would be refused."""
    scene.http.channel_is = COOKIES
    scene.sessions.records[ID] = _replaced(scene.record, profile=Profile(customer="c-17").encoded())
    scene.talk.make()
    scene.settles()
    assert asked(scene)[-1].get("customer_id") == "c-17"


@pytest.mark.parametrize("handed", [CODE, None])
def test_a_keeper_that_has_lost_the_guest_asks_cxone_for_nothing(scene: Scene, handed: SignIn | None) -> None:
    """A code is spent by whoever holds the guest."""
    scene.http.channel_is = THIRD_PARTY if handed else PLAIN
    if handed:
        scene.sessions.records[ID] = _replaced(scene.record, sign_in=handed.encoded())
    scene.sessions.take_guest(ID, OTHER, scene.clock())
    assert scene.talk.make() == guest.FenceLost()
    assert (scene.http.grants, scene.record.sign_in) == ([], handed.encoded() if handed else "")


def test_a_page_that_comes_later_is_asked_too_but_at_most_every_two_seconds(scene: Scene) -> None:
    """T17: however often it says hello."""
    scene.http.channel_is = COOKIES
    makes(scene)
    for _ in range(5):
        scene.talk.greeted()
    scene.loop.advance(1)
    assert len(asked(scene)) == 1
    scene.loop.advance(1)
    assert len(asked(scene)) == 2


# --- messages


@pytest.mark.parametrize(
    ("settings", "sign_in", "token"),
    [
        (THIRD_PARTY, CODE, "third-1"),
        (THIRD_PARTY, replace(TOKEN, third_party_token="from-the-page"), "from-the-page"),
        (COOKIES, TOKEN, None),
    ],
)
def test_a_message_carries_the_third_partys_token(
    scene: Scene, settings: ChannelSettings, sign_in: SignIn, token: str | None
) -> None:
    signs_in(scene, settings, sign_in)
    scene.sends(MESSAGE)
    data = scene.sent[-1]["payload"]["data"]
    assert data.get("accessToken") == (token and {"token": token})


def test_the_next_keeper_goes_on_with_all_that_was_signed_in(scene: Scene) -> None:
    """Without another sign-in."""
    signs_in(scene, THIRD_PARTY, replace(TOKEN, third_party_token="from-the-page"))
    scene.talk.close()
    scene.talk = scene.new_talk()
    scene.takes_again()
    scene.opens(2)
    scene.sends(MESSAGE)
    assert scene.sent[-1]["payload"]["data"]["accessToken"] == {"token": "from-the-page"}
    assert (asked(scene), scene.http.tokens) == ([], 0)


# --- before the token ends


def test_the_page_is_asked_for_another_before_the_old_one_ends_and_the_socket_goes_on(scene: Scene) -> None:
    signs_in(scene, COOKIES, TOKEN)
    scene.passes(539)
    assert asked(scene) == []
    scene.passes(2)
    assert asked(scene) == [
        {"why": "ends", "setting": "isSecuredCookieEnabled=true", "visitor_id": VISITOR_ID, "customer_id": "customer-7"}
    ]
    hands_over(scene, replace(TOKEN, access_token="page-token-2"))
    assert (scene.kept.web_socket_url.endswith("page-token-2"), scene.lost, errors(scene)) == (True, [], [])
    scene.passes(535)
    assert len(asked(scene)) == 1
    scene.passes(8)
    assert len(asked(scene)) == 2


def test_a_page_that_does_not_answer_is_asked_again_until_its_token_ends(scene: Scene) -> None:
    """Every half a minute: the event, or what came of it, may have been lost."""
    signs_in(scene, COOKIES, TOKEN)
    scene.passes(545)
    assert len(asked(scene)) == 1
    scene.passes(30)
    assert [one["why"] for one in asked(scene)] == ["ends", "ends"]
    scene.passes(600)
    assert len(asked(scene)) == 2


def test_a_page_is_asked_on_once_the_third_partys_token_has_ended(scene: Scene) -> None:
    """T15: messages carry it, on the socket in use, too."""
    signs_in(scene, THIRD_PARTY, replace(TOKEN, third_party_token="t"))
    scene.passes(541)
    assert len(asked(scene)) == 1
    scene.passes(150)
    assert [one["why"] for one in asked(scene)] == ["ends"] * 6


def test_a_code_whose_answer_is_lost_is_asked_for_again(scene: Scene) -> None:
    """While the socket goes on."""
    signs_in(scene, THIRD_PARTY, replace(TOKEN, third_party_token="t"))
    scene.passes(541)
    scene.http.refusal = Outcome(Kind.LOST, reason="access: ReadTimeout")
    hands_over(scene, replace(CODE, code="lost"))
    scene.http.refusal = None
    scene.passes(30)
    assert ([one["why"] for one in asked(scene)], len(scene.http.grants)) == (["ends", "ends"], 1)


def test_a_page_whose_code_is_refused_is_told_and_asked_again(scene: Scene) -> None:
    """On the socket in use."""
    signs_in(scene, THIRD_PARTY, CODE)
    scene.http.refusal = Outcome(Kind.FAILED, reason="access: invalid_grant (401)", by_visitor=True)
    hands_over(scene, CODE)
    assert (errors(scene), [one["why"] for one in asked(scene)]) == (["sign_in_refused"], ["refused"])
    scene.talk.greeted()
    scene.loop.advance(2)
    assert len(asked(scene)) == 2


def test_a_keeper_that_has_lost_the_guest_spends_no_refresh_token(scene: Scene) -> None:
    """It is the next keeper's, which would be refused."""
    signs_in(scene, THIRD_PARTY, CODE)
    scene.sessions.take_guest(ID, OTHER, scene.clock())
    scene.passes(HOUR_MS * 0.9 / 1000 + 60)
    assert (len(scene.http.grants), scene.counters.take()["TokensNotRenewed.lost"]) == (1, 1)


def test_a_pages_token_is_used_to_its_end(scene: Scene) -> None:
    """There may be no other: a socket that is lost shortly before is opened with it again."""
    signs_in(scene, COOKIES, TOKEN)
    scene.loop.advance(599)
    scene.talk.ended(1, SocketEnd(Stage.OPEN, "gone", close_code=1001))
    scene.opens(2)
    assert [url.rpartition("=")[2] for url in scene.urls] == ["page-token-1"] * 2


def test_the_next_socket_is_opened_with_the_newest_token(scene: Scene) -> None:
    signs_in(scene, COOKIES, TOKEN)
    hands_over(scene, replace(TOKEN, access_token="page-token-2"))
    scene.socket_ends(1, close_code=1001)
    scene.opens(2)
    assert scene.urls[-1].endswith("page-token-2")


def test_a_token_that_was_handed_over_is_found_though_nobody_was_told(scene: Scene) -> None:
    """The nudge was lost: the keeper looks at its records all the same."""
    signs_in(scene, COOKIES, TOKEN)
    hands_over(scene, replace(TOKEN, access_token="page-token-2"), nudges=False)
    scene.talk.refreshed(scene.record)
    scene.settles()
    assert scene.kept.web_socket_url.endswith("page-token-2")


def test_a_nudge_about_what_is_in_use_already_asks_for_nothing(scene: Scene) -> None:
    """Else page and relay would ask each other for ever."""
    signs_in(scene, THIRD_PARTY, CODE)
    scene.talk.signed_in()
    scene.settles()
    assert (asked(scene), len(scene.http.grants)) == ([], 1)


def test_what_a_code_brought_is_refreshed_without_the_page(scene: Scene) -> None:
    """At nine tenths of its life; the old refresh token goes on where no other comes."""
    signs_in(scene, THIRD_PARTY, CODE)
    scene.http.refresh = ""
    for number in (2, 3):
        scene.passes(HOUR_MS * 0.9 / 1000 + 1)
        assert scene.http.grants[-1] == {"grant_type": "refresh_token", "refresh_token": "refresh-1"}
        assert scene.kept.web_socket_url.endswith(f"token-{number}")
    assert asked(scene) == []
    scene.sends(MESSAGE)
    assert scene.sent[-1]["payload"]["data"]["accessToken"] == {"token": "third-3"}


def test_tokens_that_end_at_once_are_not_refreshed_at_once(scene: Scene) -> None:
    """Whatever the provider says of their life."""
    scene.http.lifetime_ms = 1_000
    signs_in(scene, THIRD_PARTY, CODE)
    scene.passes(19)
    assert len(scene.http.grants) == 1
    scene.passes(2)
    assert len(scene.http.grants) == 2


def test_a_refresh_that_is_lost_is_tried_again(scene: Scene) -> None:
    signs_in(scene, THIRD_PARTY, CODE)
    scene.http.refusal = Outcome(Kind.LOST)
    scene.passes(HOUR_MS * 0.9 / 1000 + 1)
    scene.http.refusal = None
    scene.passes(10)
    assert (len(scene.http.grants), scene.kept.web_socket_url[-7:]) == (3, "token-2")


def test_a_refresh_token_that_is_refused_is_not_tried_again_and_the_page_is_asked(scene: Scene) -> None:
    signs_in(scene, THIRD_PARTY, CODE)
    scene.http.refusal = Outcome(Kind.FAILED, reason="access: invalid_grant (401)", by_visitor=True)
    scene.passes(HOUR_MS * 0.9 / 1000 + 1)
    assert (len(scene.http.grants), [one["why"] for one in asked(scene)]) == (2, ["ends"])
    scene.passes(30)
    assert (len(scene.http.grants), [one["why"] for one in asked(scene)]) == (2, ["ends", "ends"])


def test_a_token_in_use_is_renewed_when_its_turn_comes(scene: Scene) -> None:
    """As before a socket: thousands may be due together."""
    signs_in(scene, THIRD_PARTY, CODE)
    scene.turns.clear()
    scene.turns_come = False
    scene.passes(HOUR_MS * 0.9 / 1000 + 1)
    assert (scene.turns, len(scene.http.grants)) == ([False], 1)


def test_a_token_in_use_is_not_renewed_before_the_gateways_retry_after(scene: Scene) -> None:
    signs_in(scene, THIRD_PARTY, CODE)
    scene.http.refusal = Outcome(Kind.THROTTLED, 60_000)
    scene.passes(HOUR_MS * 0.9 / 1000 + 58)
    assert len(scene.http.grants) == 2
    scene.http.refusal = None
    scene.passes(5)
    assert (len(scene.http.grants), scene.kept.web_socket_url[-7:]) == (3, "token-2")


def test_while_most_are_turned_away_no_token_in_use_is_renewed(scene: Scene) -> None:
    signs_in(scene, THIRD_PARTY, CODE)
    scene.passes(HOUR_MS * 0.9 / 1000 - 1)
    storm(scene)
    scene.passes(3)
    assert len(scene.http.grants) == 1
    scene.passes(12)
    assert (len(scene.http.grants), scene.kept.web_socket_url[-7:]) == (2, "token-2")


def test_who_takes_over_when_a_sign_in_is_due_renews_once(scene: Scene) -> None:
    signs_in(scene, THIRD_PARTY, CODE)
    scene.talk.close()
    scene.loop.advance(HOUR_MS / 1000)
    scene.talk = scene.new_talk()
    scene.takes_again()
    scene.opens(2)
    assert len(scene.http.grants) == 2


def test_who_takes_over_when_a_sign_in_is_due_has_the_page_asked_on_the_socket(scene: Scene) -> None:
    """The page's token is good for a while: it opens the socket."""
    signs_in(scene, COOKIES, TOKEN)
    scene.talk.close()
    scene.loop.advance(550)
    scene.talk = scene.new_talk()
    scene.takes_again()
    scene.prepares(2)
    assert asked(scene) == []
    scene.opens(3)
    assert [one["why"] for one in asked(scene)] == ["ends"]


def test_a_page_does_not_have_cxone_called_at_its_own_pace(scene: Scene) -> None:
    """T17: while its socket is in use each refusal makes the next use later, up to five minutes."""
    signs_in(scene, THIRD_PARTY, CODE)
    scene.http.refusal = Outcome(Kind.FAILED, reason="access: invalid_grant (401)", by_visitor=True)
    used = []
    for _ in range(1_500):
        hands_over(scene, CODE)
        scene.passes(1)
        used.append(len(scene.http.grants) - 1)
    assert [used[seconds] for seconds in (1, 15, 25, 65, 145, 305, 1_499)] == [1, 1, 2, 3, 4, 5, 9]


def test_nor_does_it_before_its_token_ends(scene: Scene) -> None:
    """When another is due anyway."""
    signs_in(scene, THIRD_PARTY, replace(TOKEN, third_party_token="t"))
    scene.http.refusal = Outcome(Kind.FAILED, reason="access: invalid_grant (401)", by_visitor=True)
    for _ in range(595):
        hands_over(scene, CODE)
        scene.passes(1)
    assert len(scene.http.grants) == 5


def test_what_is_handed_over_too_soon_is_used_when_it_may_be(scene: Scene) -> None:
    """Nothing good is lost."""
    signs_in(scene, COOKIES, TOKEN)
    for number in (2, 3, 4):
        hands_over(scene, replace(TOKEN, access_token=f"page-token-{number}"))
    assert scene.kept.web_socket_url.endswith("page-token-2")
    scene.passes(10)
    assert scene.kept.web_socket_url.endswith("page-token-4")


# --- refused


def test_a_token_that_the_gateway_refuses_costs_the_page_another(scene: Scene) -> None:
    """And is nobody's fault but the page's."""
    signs_in(scene, COOKIES, TOKEN)
    scene.socket_ends(1, close_code=1001)
    scene.prepares(2)
    assert scene.socket_ends(2, http_status=400).by_visitor
    scene.prepares(3)
    [(number, outcome)] = scene.lost
    assert (number, outcome.kind, asked(scene)[-1]["why"], scene.http.grants) == (3, Kind.NOT_YET, "needed", [])
    hands_over(scene, replace(TOKEN, access_token="page-token-2"))
    scene.opens(4)
    assert scene.urls[-1].endswith("page-token-2")


def test_a_refused_sign_in_makes_the_next_try_later_and_is_asked_for_once(scene: Scene) -> None:
    """A failure, so that page and relay do not go round and round, and nobody's but the page's."""
    scene.http.channel_is = COOKIES
    scene.sessions.records[ID] = _replaced(scene.record, profile=Profile(customer="another").encoded())
    hands_over(scene, TOKEN, nudges=False)
    made = makes(scene)
    assert isinstance(made, guest.NotCreated)
    assert (made.outcome.kind, made.outcome.by_visitor) == (Kind.FAILED, True)
    scene.loop.advance(1)
    makes(scene)
    assert [one["why"] for one in asked(scene)] == ["refused"]
    scene.loop.advance(10)
    makes(scene)
    assert [one["why"] for one in asked(scene)] == ["refused", "needed"]


@pytest.mark.parametrize("status", [429, 500, None])
def test_a_gateway_that_is_in_trouble_is_no_fault_of_the_pages(scene: Scene, status: int | None) -> None:
    signs_in(scene, COOKIES, TOKEN)
    assert not scene.socket_ends(1, http_status=status).by_visitor


def strangers(scene: Scene) -> list[GatewayTalk]:
    """As many as pause the keeper where the gateway turns them away."""
    talks = [scene.new_talk() for _ in range(MIN_GUESTS)]
    for number, talk in enumerate(talks):
        talk._state.host = replace(talk._state.host, session_id=f"visitor {number}")
    return talks


def test_codes_that_are_refused_keep_nobody_else_from_the_gateway(scene: Scene) -> None:
    """T18: five strangers with junk."""
    refused = Outcome(Kind.FAILED, reason="access: invalid_grant (401)", by_visitor=True)
    for number in range(MIN_GUESTS):
        gateway = Refusing(refused)
        WatchedGateway(gateway, scene.context.breaker, f"visitor {number}", scene.context.now).authorize(VISITOR, {})
    assert scene.context.breaker.paused("another", scene.context.now()) is None


@pytest.mark.parametrize(("by_page", "pauses"), [(True, False), (False, True)])
@pytest.mark.parametrize("status", [400, 500, None])
def test_what_a_handshake_says_to_pages_tokens_keeps_nobody_else_from_the_gateway(
    scene: Scene, status: int | None, by_page: bool, pauses: bool
) -> None:
    """T18: what the gateway makes of junk is not known. The relay's own tokens do say how it is."""
    for talk in strangers(scene):
        talk._state.is_by_page = by_page
        talk.ended(9, SocketEnd(Stage.UPGRADING, "refused", http_status=status))
    assert (scene.context.breaker.paused("another", scene.context.now()) is not None) is pauses


def test_a_refusal_of_the_relays_own_sign_in_is_none_of_the_pages(scene: Scene) -> None:
    scene.begins()
    assert not scene.socket_ends(1, http_status=401).by_visitor
    scene.http.refusal = DENIED
    scene.prepares(2)
    assert (scene.lost, asked(scene)) == ([(2, DENIED)], [])


def test_a_code_that_signs_in_another_customer_is_refused(scene: Scene) -> None:
    """A conversation is one customer's."""
    signs_in(scene, THIRD_PARTY, replace(TOKEN, customer_id="customer-1", third_party_token="t"))
    hands_over(scene, CODE)
    assert (errors(scene), [one["why"] for one in asked(scene)]) == (["sign_in_refused"], ["refused"])
    assert scene.kept.web_socket_url.endswith("page-token-1")


def test_where_sessions_are_not_secured_what_a_page_hands_over_is_refused_and_the_relay_goes_on(scene: Scene) -> None:
    scene.http.channel_is = replace(ChannelSettings(True, False), secured_sessions=False)
    hands_over(scene, TOKEN, nudges=False)
    makes(scene)
    [error] = [frame for frame in scene.told if frame["type"] == "error"]
    assert (error["code"], "securedSessions=false" in error["message"]) == ("sign_in_refused", True)
    scene.begins()
    assert scene.record.conversation["customer"] != "customer-7"


def test_whom_the_relay_signs_in_by_itself_hears_of_a_refusal_once(scene: Scene) -> None:
    """Not with each hello: the guest is there."""
    scene.http.channel_is = PLAIN
    hands_over(scene, CODE, nudges=False)
    makes(scene)
    scene.begins()
    scene.talk.greeted()
    scene.loop.advance(2)
    assert len(asked(scene)) == 1
    hands_over(scene, CODE)
    scene.talk.greeted()
    scene.loop.advance(2)
    assert (errors(scene), len(asked(scene))) == (["sign_in_refused"] * 2, 2)


def test_a_page_is_not_asked_by_a_keeper_that_has_let_the_guest_go(scene: Scene) -> None:
    scene.http.channel_is = COOKIES
    makes(scene)
    scene.talk.greeted()
    scene.talk.close()
    scene.loop.advance(2)
    assert len(asked(scene)) == 1


def _record(**known: Any) -> Session:
    return Session(ID, **known)


CONVERSATION = {"visitor": VISITOR_ID, "customer": "customer-7", "thread": "t"}
PLAIN = ChannelSettings(livechat=True, authorization=False)


@pytest.mark.parametrize(
    ("settings", "sign_in", "record", "setting"),
    [
        (replace(PLAIN, secured_sessions=False), TOKEN, _record(), "securedSessions=false"),
        (COOKIES, CODE, _record(), "isSecuredCookieEnabled=true"),
        (PLAIN, CODE, _record(), "isAuthorizationEnabled=false"),
        (THIRD_PARTY, TOKEN, _record(), "isAuthorizationEnabled=true"),
        (PLAIN, replace(TOKEN, at=START - 600_000), _record(), ""),
        (PLAIN, TOKEN, _record(conversation={**CONVERSATION, "visitor": "another"}), ""),
        (PLAIN, TOKEN, _record(conversation={**CONVERSATION, "customer": "another"}), ""),
        (PLAIN, TOKEN, _record(profile=Profile(customer="another").encoded()), ""),
    ],
)
def test_what_is_not_fit_is_refused_by_the_settings_name_and_quotes_nothing(
    settings: ChannelSettings, sign_in: SignIn, record: Session, setting: str
) -> None:
    wrong = unfit(sign_in, settings, record, START)
    assert isinstance(wrong, Needed)
    assert (wrong.why, wrong.setting, bool(wrong.fault)) == ("refused", setting, True)
    assert not any(secret in repr(wrong) for secret in ("page-token", "customer-7", "the-code", VISITOR_ID))


@pytest.mark.parametrize(
    ("settings", "sign_in", "record"),
    [
        (PLAIN, TOKEN, _record()),
        (COOKIES, TOKEN, _record(conversation=CONVERSATION)),
        (THIRD_PARTY, CODE, _record(conversation=CONVERSATION)),
        (THIRD_PARTY, replace(TOKEN, third_party_token="t"), _record(profile=Profile(customer="customer-7").encoded())),
        (replace(THIRD_PARTY, secured_cookies=True), TOKEN, _record()),
    ],
)
def test_what_is_fit_is_taken(settings: ChannelSettings, sign_in: SignIn, record: Session) -> None:
    assert unfit(sign_in, settings, record, START) is None


def test_what_the_record_keeps_reads_back_and_nothing_of_it_is_shown() -> None:
    full = replace(TOKEN, third_party_token="third", code="the-code", verifier="v")
    used = SignedIn(START, "third", "refresh")
    assert (sign_in_of(full.encoded()), signed_in_of(used.encoded())) == (full, used)
    assert (sign_in_of(""), signed_in_of("")) == (None, None)
    shown = repr((full, used))
    assert not any(secret in shown for secret in ("page-token", "third", "the-code", "refresh'", "customer-7"))

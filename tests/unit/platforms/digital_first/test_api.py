"""Access tokens, channel settings and availability. HTTP is answered in process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from typing_relay.platforms.digital_first.api import Access, ChannelSettings, DfoApi
from typing_relay.platforms.digital_first.files import FileRules
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.digital_first.urls import Client, hosts, registers_as
from typing_relay.platforms.shared.http import KeptConnectionClosed, session
from typing_relay.relay.outcomes import Kind, Outcome

NOW = 1_800_000_000_000
TOKEN_URL = "https://digital-oauth-de-na1.niceincontact.com/oauth/token"
CHANNEL_URL = "https://channels-de-na1.niceincontact.com/chat/1.0/brand/1386/channel/chat_1"
VISITOR = Visitor("v-1", "c-1")


@pytest.fixture
def cxone() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def api() -> DfoApi:
    return DfoApi(session(), hosts("NA1"), Channel(1386, "chat_1"), Client(), lambda: NOW)


def test_an_anonymous_visitor_is_let_in_by_its_customer_id(cxone: responses.RequestsMock, api: DfoApi) -> None:
    cxone.post(TOKEN_URL, json={"accessToken": "tok", "expiresIn": 3600})
    assert api.authorize(VISITOR) == Access("tok", NOW + 3_600_000, VISITOR)
    [call] = cxone.calls
    assert call.request.params == {"brandId": "1386", "channelId": "chat_1", "visitorId": "v-1"}
    assert json.loads(call.request.body) == {"customerIdentity": {"idOnExternalPlatform": "c-1"}}
    assert call.request.headers["x-sdk-version"] == "3.3.0"


def test_a_third_partys_code_is_handed_over_and_names_the_customer(cxone: responses.RequestsMock, api: DfoApi) -> None:
    identity = {"idOnExternalPlatform": "c-9", "firstName": "Ada", "lastName": "L"}
    cxone.post(TOKEN_URL, json={"accessToken": "tok", "expiresIn": 60, "customerIdentity": identity})
    assert api.authorize(VISITOR, "c0de") == Access("tok", NOW + 60_000, Visitor("v-1", "c-9", "Ada", "L"))
    sent = {"thirdParty": {"authorization_code": "c0de", "grant_type": "authorization_code"}}
    assert json.loads(cxone.calls[0].request.body) == sent


def test_an_identity_that_makes_no_sense_leaves_the_visitor_as_it_was(
    cxone: responses.RequestsMock, api: DfoApi
) -> None:
    identity = {"idOnExternalPlatform": 7, "firstName": None, "lastName": {}}
    cxone.post(TOKEN_URL, json={"accessToken": "tok", "expiresIn": 60, "customerIdentity": identity})
    access = api.authorize(VISITOR)
    assert isinstance(access, Access)
    assert access.visitor == VISITOR


@pytest.mark.parametrize(
    ("status", "headers", "body", "outcome"),
    [
        (429, {"Retry-After": "7"}, {}, Outcome(Kind.THROTTLED, 7000, "access: status 429")),
        (429, {}, {}, Outcome(Kind.THROTTLED, 2000, "access: status 429")),
        (503, {"Retry-After": "3"}, {}, Outcome(Kind.THROTTLED, 3000, "access: status 503")),
        (503, {}, {}, Outcome(Kind.FAILED, 0, "access: status 503")),
        (500, {}, {}, Outcome(Kind.FAILED, 0, "access: status 500")),
        (302, {"Location": "https://elsewhere.example"}, {}, Outcome(Kind.FAILED, 0, "access: status 302")),
        (401, {}, {"errorCode": "invalid_grant"}, Outcome(Kind.DENIED, 0, "access: invalid_grant (401)")),
        (400, {}, {"error": {"errorCode": "Bad"}}, Outcome(Kind.DENIED, 0, "access: Bad (400)")),
        (400, {}, {"errorCode": "the code c0de is bad"}, Outcome(Kind.DENIED, 0, "access: unnamed (400)")),
        (400, {}, "not JSON", Outcome(Kind.DENIED, 0, "access: unnamed (400)")),
    ],
)
def test_a_refusal_says_what_can_be_done(
    cxone: responses.RequestsMock, api: DfoApi, status: int, headers: dict[str, str], body: Any, outcome: Outcome
) -> None:
    cxone.post(TOKEN_URL, status=status, headers=headers, json=body)
    assert api.authorize(VISITOR, "c0de") == outcome


def test_an_address_refused_for_good_is_told_apart(cxone: responses.RequestsMock, api: DfoApi) -> None:
    cxone.post(TOKEN_URL, status=403, json={"errorCode": "ip_blocked"})
    outcome = api.authorize(VISITOR)
    assert outcome == Outcome(Kind.DENIED, reason="access: CXone refuses the relay's address (ip_blocked)")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (requests.ReadTimeout("s3cret"), Kind.LOST),
        (requests.ConnectionError("s3cret"), Kind.LOST),
        (requests.ConnectTimeout("s3cret"), Kind.FAILED),
    ],
)
def test_a_lost_request_says_how_and_no_more(
    cxone: responses.RequestsMock, api: DfoApi, error: Exception, kind: Kind
) -> None:
    cxone.post(TOKEN_URL, body=error)
    outcome = api.authorize(VISITOR)
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, "s3cret" in repr(outcome)) == (kind, False)


def test_a_kept_connection_found_closed_costs_a_second_try(cxone: responses.RequestsMock, api: DfoApi) -> None:
    cxone.post(TOKEN_URL, body=KeptConnectionClosed())
    cxone.post(TOKEN_URL, json={"accessToken": "tok", "expiresIn": 60})
    assert isinstance(api.authorize(VISITOR), Access)


@pytest.mark.parametrize(
    "body",
    [{}, [], {"accessToken": "tok"}, {"accessToken": "", "expiresIn": 60}, {"accessToken": "tok", "expiresIn": True}]
    + [{"accessToken": "tok", "expiresIn": bad} for bad in (0, -1, "60", 1e300)],
)
def test_an_answer_without_a_token_and_its_life_makes_no_sense(
    cxone: responses.RequestsMock, api: DfoApi, body: Any
) -> None:
    cxone.post(TOKEN_URL, json=body)
    outcome = api.authorize(VISITOR)
    assert isinstance(outcome, Outcome)
    assert outcome.kind is Kind.FAILED


def test_a_token_is_not_shown() -> None:
    """T13."""
    assert "tok" not in repr(Access("tok", NOW, VISITOR))


def test_one_visitors_cookies_do_not_go_out_with_anothers_call(cxone: responses.RequestsMock, api: DfoApi) -> None:
    """All visitors share the HTTP session."""
    cxone.post(TOKEN_URL, json={"accessToken": "tok", "expiresIn": 60}, headers={"Set-Cookie": "who=ada; Path=/"})
    api.authorize(VISITOR)
    api.authorize(Visitor("v-2", "c-2"))
    assert "Cookie" not in cxone.calls[1].request.headers


@pytest.mark.parametrize(
    ("body", "settings"),
    [
        ({"isLiveChat": True, "isAuthorizationEnabled": True, "fileRestrictions": {}}, ChannelSettings(True, True)),
        ({"isLiveChat": False}, ChannelSettings(False, False)),
        ({"isLiveChat": True, "isSecuredCookieEnabled": True}, ChannelSettings(True, False, secured_cookies=True)),
        ({"isLiveChat": True, "settings": {"features": {}}}, ChannelSettings(True, False)),
        (
            {
                "isLiveChat": True,
                "settings": {"fileRestrictions": {"isAttachmentsEnabled": True, "allowedFileSize": "1"}},
            },
            ChannelSettings(True, False, files=FileRules(True, 1024 * 1024)),
        ),
        (
            {"isLiveChat": True, "settings": {"features": {"securedSessions": False}}},
            ChannelSettings(True, False, secured_sessions=False),
        ),
    ],
)
def test_a_channel_says_which_kind_it_is(
    cxone: responses.RequestsMock, api: DfoApi, body: dict[str, Any], settings: ChannelSettings
) -> None:
    cxone.get(CHANNEL_URL, json=body)
    assert api.channel() == settings
    assert cxone.calls[0].request.params == {"locale": "en_US"}


@pytest.mark.parametrize(
    ("settings", "has_code", "named"),
    [
        (ChannelSettings(True, False), False, ""),
        (ChannelSettings(True, True), True, ""),
        (ChannelSettings(True, True), False, "isAuthorizationEnabled=true"),
        (ChannelSettings(True, True, secured_cookies=True), True, "isSecuredCookieEnabled=true"),
        (ChannelSettings(True, False, secured_sessions=False), False, ""),
        (ChannelSettings(True, True, secured_sessions=False), True, "isAuthorizationEnabled=true"),
    ],
)
def test_what_is_not_supported_is_named(settings: ChannelSettings, has_code: bool, named: str) -> None:
    assert settings.not_supported(has_code=has_code) == named


def test_where_sessions_are_not_secured_no_token_is_asked_for(cxone: responses.RequestsMock, api: DfoApi) -> None:
    """The socket's URL names the customer instead, and nothing of it is a secret."""
    cxone.get(CHANNEL_URL, json={"isLiveChat": True, "settings": {"features": {"securedSessions": False}}})
    api.channel()
    access = api.authorize(Visitor("v-1", "c-1"))
    assert isinstance(access, Access)
    url = api.socket_url(access.visitor, access)
    query = parse_qs(urlsplit(url).query)
    assert (query["customerId"], "transactionToken" in query, len(cxone.calls)) == (["c-1"], False, 1)
    assert registers_as(url) == Client().sdk_version


def test_a_secured_session_is_not_authorized_on_its_socket(api: DfoApi) -> None:
    access = Access("token", NOW, Visitor("v-1", "c-1"))
    assert registers_as(api.socket_url(access.visitor, access)) == ""


class Asked:
    """An API whose clock the test moves."""

    def __init__(self) -> None:
        self.now = NOW
        self.api = DfoApi(session(), hosts("NA1"), Channel(1386, "chat_1"), Client(), lambda: self.now)

    def again(self, after_ms: int) -> ChannelSettings | Outcome:
        self.now += after_ms
        return self.api.channel()


def test_a_channel_is_asked_for_once_a_minute_for_all_guests(cxone: responses.RequestsMock) -> None:
    cxone.get(CHANNEL_URL, json={"isLiveChat": True})
    cxone.get(CHANNEL_URL, json={"isLiveChat": False})
    asked = Asked()
    answers = [asked.again(after_ms) for after_ms in (0, 59_999, 1)]
    assert [isinstance(answer, ChannelSettings) and answer.livechat for answer in answers] == [True, True, False]


def test_a_channel_that_cannot_be_asked_for_is_as_it_was(cxone: responses.RequestsMock) -> None:
    cxone.get(CHANNEL_URL, json={"isLiveChat": True})
    cxone.get(CHANNEL_URL, status=500)
    asked = Asked()
    assert asked.again(0) == asked.again(60_000) == asked.again(1)
    assert len(cxone.calls) == 2


def test_a_channel_that_is_not_known_yet_is_not_asked_for_by_each_guest(cxone: responses.RequestsMock) -> None:
    cxone.get(CHANNEL_URL, status=500)
    cxone.get(CHANNEL_URL, json={"isLiveChat": True})
    asked = Asked()
    answers = [asked.again(after_ms) for after_ms in (0, 3_999, 1)]
    assert [isinstance(answer, Outcome) for answer in answers] == [True, True, False]


def test_a_channel_that_does_not_exist_names_the_settings_to_check(cxone: responses.RequestsMock, api: DfoApi) -> None:
    cxone.get(CHANNEL_URL, status=404)
    outcome = api.channel()
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, "check DfoBrandId and DfoChannelId" in outcome.reason) == (Kind.DENIED, True)


def test_a_channel_of_no_kind_makes_no_sense(cxone: responses.RequestsMock, api: DfoApi) -> None:
    cxone.get(CHANNEL_URL, json={"isLiveChat": "yes"})
    outcome = api.channel()
    assert isinstance(outcome, Outcome)
    assert outcome.kind is Kind.FAILED


@pytest.mark.parametrize(("status", "is_online"), [("online", True), ("offline", False)])
def test_a_channel_says_whether_it_is_online(
    cxone: responses.RequestsMock, api: DfoApi, status: str, is_online: bool
) -> None:
    cxone.get(f"{CHANNEL_URL}/availability", json={"status": status})
    assert api.is_online() is is_online


def test_a_channel_that_is_neither_online_nor_offline_makes_no_sense(
    cxone: responses.RequestsMock, api: DfoApi
) -> None:
    cxone.get(f"{CHANNEL_URL}/availability", json={"status": "maybe"})
    outcome = api.is_online()
    assert isinstance(outcome, Outcome)
    assert outcome.kind is Kind.FAILED

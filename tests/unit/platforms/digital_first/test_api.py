"""Access tokens, channel settings and availability. HTTP is answered in process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from typing_relay.platforms.digital_first import api as dfo_api
from typing_relay.platforms.digital_first.api import LARGEST_EVENT_BYTES, Access, ChannelSettings, DfoApi, Streamed
from typing_relay.platforms.digital_first.files import FileRules
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.digital_first.streamed import Stream
from typing_relay.platforms.digital_first.urls import Client, custom_hosts, hosts, registers_as
from typing_relay.platforms.shared.http import KeptConnectionClosed, session
from typing_relay.relay.outcomes import Kind, Outcome

from tests.support.http_peer import ENDLESS, HttpPeer

NOW = 1_800_000_000_000
TOKEN_URL = "https://digital-oauth-de-na1.niceincontact.com/oauth/token"
CHANNEL_URL = "https://channels-de-na1.niceincontact.com/chat/1.0/brand/1386/channel/chat_1"
VISITOR = Visitor("v-1", "c-1")
CODE = {"authorization_code": "c0de", "grant_type": "authorization_code"}


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
    assert api.authorize(VISITOR, CODE) == Access("tok", NOW + 60_000, Visitor("v-1", "c-9", "Ada", "L"))
    assert json.loads(cxone.calls[0].request.body) == {"thirdParty": CODE}


@pytest.mark.parametrize(
    ("life_s", "good_ms"), [(30, 30_000), (90, 60_000), *((odd, 60_000) for odd in (None, True, 0, 1e9))]
)
def test_a_third_partys_own_token_comes_along_and_the_first_of_both_to_end_counts(
    cxone: responses.RequestsMock, api: DfoApi, life_s: object, good_ms: int
) -> None:
    tokens = {"access_token": "third", "refresh_token": "again", "expires_in": life_s}
    cxone.post(TOKEN_URL, json={"accessToken": "tok", "expiresIn": 60, "thirdParty": tokens})
    assert api.authorize(VISITOR, CODE) == Access("tok", NOW + 60_000, VISITOR, "third", "again", NOW + good_ms)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("invalid_grant", (Kind.FAILED, True)),
        ("not_ip_blocked", (Kind.FAILED, True)),
        ("ip_blocked", (Kind.DENIED, False)),
    ],
)
def test_a_grant_that_is_refused_is_no_fault_of_the_deployments_but_an_address_is(
    cxone: responses.RequestsMock, api: DfoApi, code: str, outcome: tuple[Kind, bool]
) -> None:
    cxone.post(TOKEN_URL, status=401, json={"errorCode": code})
    refused = api.authorize(VISITOR, CODE)
    assert isinstance(refused, Outcome)
    assert (refused.kind, refused.by_visitor) == outcome


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
    assert api.authorize(VISITOR) == outcome


def test_an_address_refused_for_good_is_told_apart(cxone: responses.RequestsMock, api: DfoApi) -> None:
    cxone.post(TOKEN_URL, status=403, json={"errorCode": "ip_blocked"})
    outcome = api.authorize(VISITOR)
    reason = "access: CXone refuses the relay's address (ip_blocked)"
    assert outcome == Outcome(Kind.DENIED, reason=reason, of_address=True)


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


def test_a_code_is_not_sent_again_on_another_connection(cxone: responses.RequestsMock, api: DfoApi) -> None:
    """T13: CXone may have taken it before it closed the kept one."""
    cxone.post(TOKEN_URL, body=KeptConnectionClosed())
    outcome = api.authorize(VISITOR, {"grant_type": "authorization_code", "authorization_code": "the-code"})
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, len(cxone.calls)) == (Kind.LOST, 1)


@pytest.mark.parametrize(
    "body",
    [{}, [], {"accessToken": "tok"}, {"accessToken": "", "expiresIn": 60}, {"accessToken": "tok", "expiresIn": True}]
    + [{"accessToken": "tok", "expiresIn": bad} for bad in (0, -1, "60", 1e9, 1e300)],
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
    ("settings", "demanded", "not_supported"),
    [
        (ChannelSettings(True, False), "", ""),
        (ChannelSettings(True, True), "isAuthorizationEnabled=true", ""),
        (ChannelSettings(True, True, secured_cookies=True), "isSecuredCookieEnabled=true", ""),
        (ChannelSettings(True, False, secured_sessions=False), "", ""),
        (ChannelSettings(True, True, secured_sessions=False), *["isAuthorizationEnabled=true"] * 2),
    ],
)
def test_what_a_channel_demands_and_what_is_not_supported_is_named(
    settings: ChannelSettings, demanded: str, not_supported: str
) -> None:
    assert (settings.demands_sign_in, settings.not_supported()) == (demanded, not_supported)


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


CHAT = "https://channels-de-na1.niceincontact.com"
STREAM = "https://streams-na1.niceincontact.com/9"
STREAM_NOW = Stream(STREAM, NOW + 25_000)


def said(content: str, reason: str | None = None) -> str:
    return f"data: {json.dumps({'delta': {'content': content, 'finish_reason': reason}})}\n\n"


def test_the_whole_of_a_message_is_got_with_the_token_for_it(cxone: responses.RequestsMock, api: DfoApi) -> None:
    cxone.get(f"{CHAT}/chat/1.0/brand/1386/messages/9", body="{}")
    assert api.message("/chat/1.0/brand/1386/messages/9", "t0ken") == "{}"
    assert cxone.calls[0].request.headers["Authorization"] == "Bearer t0ken"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 401}, Kind.FAILED),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example"}}, Kind.FAILED),
        ({"body": "x" * (LARGEST_EVENT_BYTES + 1)}, Kind.FAILED),
        ({"body": requests.ConnectionError("t0ken")}, Kind.LOST),
    ],
    ids=["refused", "elsewhere", "too large", "lost"],
)
def test_a_message_that_cannot_be_got_says_why_without_the_token(
    cxone: responses.RequestsMock, api: DfoApi, answer: dict[str, Any], kind: Kind
) -> None:
    cxone.get(f"{CHAT}/path", **answer)
    outcome = api.message("/path", "t0ken")
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, "t0ken" in outcome.reason) == (kind, False)


def test_what_is_written_of_a_message_is_read_to_its_end(cxone: responses.RequestsMock, api: DfoApi) -> None:
    cxone.get(STREAM, body=said("Good ") + said("morning", "stop") + said("!"))
    assert api.streamed(STREAM_NOW) == Streamed("Good morning", is_whole=True)
    assert cxone.calls[0].request.headers["Accept"] == "text/event-stream"


def test_of_a_stream_that_ends_too_early_there_is_what_came(cxone: responses.RequestsMock, api: DfoApi) -> None:
    cxone.get(STREAM, body=said("Good ") + said("mor"))
    assert api.streamed(STREAM_NOW) == Streamed("Good mor", is_whole=False)


@pytest.mark.parametrize("answer", [{"status": 404}, {"body": requests.ConnectionError()}])
def test_a_stream_that_cannot_be_read_is_none(
    cxone: responses.RequestsMock, api: DfoApi, answer: dict[str, Any]
) -> None:
    cxone.get(STREAM, **answer)
    assert isinstance(api.streamed(STREAM_NOW), Outcome)


@pytest.mark.parametrize("url", ["https://elsewhere.example/9", "http://streams-na1.niceincontact.com/9"])
def test_a_stream_is_read_at_nice_alone(api: DfoApi, url: str) -> None:
    outcome = api.streamed(Stream(url, NOW + 25_000))
    assert isinstance(outcome, Outcome)
    assert outcome.kind is Kind.DENIED


def test_a_stream_whose_turn_comes_too_late_is_not_read(cxone: responses.RequestsMock, api: DfoApi) -> None:
    """The keeper's threads were busy, and nobody waits for it any more."""
    outcome = api.streamed(Stream(STREAM, NOW + 1_000))
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, len(cxone.calls)) == (Kind.LOST, 0)


@pytest.mark.parametrize(("timeout_s", "until"), [(0.5, NOW + 25_000), (20.0, NOW + 1_500)])
def test_a_stream_that_goes_on_for_ever_is_left_in_time(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch, timeout_s: float, until: int
) -> None:
    """A real socket: pieces come, and no end. What had come is told, also where its turn came late."""
    monkeypatch.setattr(dfo_api, "STREAM_TIMEOUT_S", timeout_s)
    peer.say(ENDLESS)
    at = custom_hosts(peer.url.replace("http", "ws"), peer.url, peer.url)
    began = time.monotonic()
    streamed = DfoApi(session(), at, Channel(1386, "chat_1"), Client(), lambda: NOW).streamed(
        Stream(f"{peer.url}/9", until)
    )
    assert isinstance(streamed, Streamed)
    assert streamed.text.startswith("so far so far ")
    assert (streamed.is_whole, time.monotonic() - began < 5) == (False, True)

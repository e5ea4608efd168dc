"""The simulated Digital-First gateway over real sockets: what it promises to everything that is tested against it."""

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import requests
import websocket

from local.dfo_simulator.client import DfoControl, parse_ready, running_gateway
from local.dfo_simulator.faults import Fault
from local.simulating.client import ROOT
from tests.support.dfo_client import DfoClient, Frame, new_id


@pytest.fixture(scope="module")
def running() -> Iterator[DfoControl]:
    """One simulator process for all tests of this file."""
    with running_gateway() as control:
        yield control


@pytest.fixture
def gateway(running: DfoControl) -> DfoControl:
    """The running simulator, as freshly started: a livechat channel; each message is told by one event."""
    running.reset()
    running.set_settings(message_sent_events=False)
    return running


@pytest.fixture
def new_client(gateway: DfoControl) -> Iterator[Callable[..., DfoClient]]:
    """Makes clients, whose sockets are let go afterwards."""
    made: list[DfoClient] = []

    def make(**options: Any) -> DfoClient:
        made.append(DfoClient(gateway.gateway, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(new_client: Callable[..., DfoClient]) -> DfoClient:
    """A visitor, not connected yet."""
    return new_client()


@pytest.fixture
def connected(client: DfoClient) -> DfoClient:
    """A visitor whose secured socket is open."""
    client.connect()
    return client


@pytest.fixture
def chatting(connected: DfoClient) -> DfoClient:
    """A visitor with an open contact."""
    connected.start()
    connected.wait_for("MessageCreated")
    return connected


def rules(gateway: DfoControl) -> list[str]:
    """The rules that were broken, in order."""
    return [violation["rule"] for violation in gateway.violations()]


def error_code(frame: Frame) -> str:
    return str(frame["error"]["errorCode"])


def handshake_status(url: str) -> int:
    """The HTTP status with which the handshake is refused."""
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(url, timeout=5)
    return refused.value.status_code


# Channel and access token


def test_the_channel_says_of_which_kind_it_is(gateway: DfoControl, client: DfoClient) -> None:
    """Channel settings: isLiveChat; setting `livechat`."""
    assert client.channel().json()["isLiveChat"] is True
    gateway.set_settings(livechat=False)
    assert client.channel().json()["isLiveChat"] is False


def test_the_channel_says_how_visitors_sign_in(gateway: DfoControl, client: DfoClient) -> None:
    """Channel settings: isAuthorizationEnabled, isSecuredCookieEnabled, securedSessions; settings of like names."""
    gateway.set_settings(third_party=True, secured_cookies=True, secured_sessions=False)
    said = client.channel().json()
    assert (said["isAuthorizationEnabled"], said["isSecuredCookieEnabled"]) == (True, True)
    assert said["settings"]["features"]["securedSessions"] is False


def test_a_channel_can_be_offline(gateway: DfoControl, client: DfoClient) -> None:
    """Availability; setting `availability`."""
    gateway.set_settings(availability="offline")
    assert client.channel("/availability").json() == {"status": "offline"}


def test_another_channel_is_not_found(client: DfoClient) -> None:
    """One brand, one channel."""
    assert client.get("/chat/1.0/brand/1/channel/chat_other").status_code == 404


def test_an_anonymous_visitor_gets_a_token_for_its_customer(gateway: DfoControl, client: DfoClient) -> None:
    """Access token: anonymous; setting `token_expires_in`."""
    gateway.set_settings(token_expires_in=90)
    access = client.post_token().json()
    assert (access["expiresIn"], access["customerIdentity"]) == (90, {"idOnExternalPlatform": client.customer_id})


def test_a_visitor_without_a_customer_is_given_one(client: DfoClient) -> None:
    """Access token: the gateway names the customer."""
    assert client.post_token({}).json()["customerIdentity"]["idOnExternalPlatform"]


def test_a_third_party_code_stands_for_a_customer(gateway: DfoControl, client: DfoClient) -> None:
    """Access token: thirdParty; setting `third_party`."""
    gateway.set_settings(third_party=True)
    gateway.add_authorization_code("the-code", "customer-7")
    grant = {"authorization_code": "the-code", "grant_type": "authorization_code"}
    access = client.post_token({"thirdParty": grant}).json()
    assert access["customerIdentity"] == {"idOnExternalPlatform": "customer-7"}
    again = {"refresh_token": access["thirdParty"]["refresh_token"], "grant_type": "refresh_token"}
    assert client.post_token({"thirdParty": again}).json()["customerIdentity"] == access["customerIdentity"]


def test_a_code_for_single_use_is_good_once(gateway: DfoControl, client: DfoClient) -> None:
    """Access token: thirdParty, refused."""
    gateway.set_settings(third_party=True)
    gateway.add_authorization_code("the-code", "customer-7", single_use=True)
    grant = {"thirdParty": {"authorization_code": "the-code", "grant_type": "authorization_code"}}
    assert [client.post_token(grant).status_code for _ in range(2)] == [200, 401]


def test_a_code_with_a_verifier_is_good_with_that_alone(gateway: DfoControl, client: DfoClient) -> None:
    """Access token: thirdParty with PKCE."""
    gateway.set_settings(third_party=True)
    gateway.add_authorization_code("the-code", "customer-7", verifier="v" * 43)
    grant = {"authorization_code": "the-code", "grant_type": "authorization_code"}
    tried = [{}, {"code_verifier": "w" * 43}, {"code_verifier": "v" * 43}]
    assert [client.post_token({"thirdParty": grant | more}).status_code for more in tried] == [401, 401, 200]


@pytest.mark.parametrize(
    ("kept", "comes", "statuses"),
    [
        ("another", [True, True], [200, 200]),
        ("once", [True, True], [200, 401]),
        ("same", [True, False], [200, 200]),
        ("none", [False], []),
    ],
)
def test_a_refresh_token_is_good_once_or_on_and_another_comes_or_none(
    gateway: DfoControl, client: DfoClient, kept: str, comes: list[bool], statuses: list[int]
) -> None:
    """Setting `refresh_tokens`: what is used twice is the first one."""
    gateway.set_settings(third_party=True, refresh_tokens=kept)
    gateway.add_authorization_code("the-code", "customer-7")
    grant = {"authorization_code": "the-code", "grant_type": "authorization_code"}
    answers = [client.post_token({"thirdParty": grant})]
    token = answers[0].json()["thirdParty"].get("refresh_token")
    again = {"thirdParty": {"refresh_token": token, "grant_type": "refresh_token"}}
    answers += [client.post_token(again) for _ in statuses]
    assert [answer.status_code for answer in answers[1:]] == statuses
    assert ["refresh_token" in answer.json()["thirdParty"] for answer in answers[:2]] == comes


def test_secured_cookies_know_a_browser_again_and_nobody_else(gateway: DfoControl, client: DfoClient) -> None:
    """Setting `secured_cookies`: the gateway names the customer; who names one itself is refused."""
    gateway.set_settings(secured_cookies=True)
    assert client.post_token().status_code == 401
    first = client.post_token({})
    known = client.post_token({}, cookies=first.cookies.get_dict()).json()["customerIdentity"]
    assert known == first.json()["customerIdentity"]
    assert client.post_token({}).json()["customerIdentity"] != known


def test_pages_of_any_site_may_sign_in_with_their_cookies(client: DfoClient) -> None:
    """As NICE's web client does: the browser asks first, and allows cookies for a named origin alone."""
    page = {"Origin": "https://shop.example"}
    where = f"{client.gateway.authorize_url}/oauth/token"
    may = requests.options(where, headers=page, timeout=5).headers
    answer = requests.post(where, headers=page, json={}, timeout=5)  # refused: its page may read why
    for headers in (may, answer.headers):
        allowed = headers["Access-Control-Allow-Origin"], headers["Access-Control-Allow-Credentials"]
        assert allowed == (page["Origin"], "true")
    assert "authorization" in may["Access-Control-Allow-Headers"]


def test_where_cookies_are_blocked_an_identity_token_stands_for_them(gateway: DfoControl, client: DfoClient) -> None:
    """Setting `secured_cookies`, and `storageFallback`."""
    gateway.set_settings(secured_cookies=True)
    first = client.post_token({}, storageFallback="1").json()
    again = client.post_token({}, bearer=first["identityToken"], storageFallback="1").json()
    assert again["customerIdentity"] == first["customerIdentity"]


@pytest.mark.parametrize("lives_s", [3600, 0])
def test_a_message_needs_the_third_partys_token(gateway: DfoControl, client: DfoClient, lives_s: float) -> None:
    """Setting `third_party_expires_in`: one that has ended is as good as none."""
    gateway.set_settings(third_party=True, third_party_expires_in=lives_s)
    gateway.add_authorization_code("the-code", client.customer_id)
    grant = {"authorization_code": "the-code", "grant_type": "authorization_code"}
    access = client.post_token({"thirdParty": grant}).json()
    client.connect(transactionToken=access["accessToken"])
    client.recover()
    message = client.message()
    message["payload"]["data"]["accessToken"] = {"token": access["thirdParty"]["access_token"]}
    assert ("error" in client.ask(message)) == (lives_s == 0)
    assert rules(gateway) == (["wrong_third_party_token"] if lives_s == 0 else [])


@pytest.mark.parametrize(("third_party", "token"), [(True, None), (True, "unheard-of"), (False, "unheard-of")])
def test_a_message_with_a_token_that_is_none_breaks_the_protocol(
    gateway: DfoControl, client: DfoClient, third_party: bool, token: str | None
) -> None:
    """Strictness: `accessToken` of SendMessage."""
    gateway.add_authorization_code("the-code", client.customer_id)
    gateway.set_settings(third_party=third_party)
    grant = {"thirdParty": {"authorization_code": "the-code", "grant_type": "authorization_code"}}
    client.connect(transactionToken=client.post_token(grant if third_party else None).json()["accessToken"])
    client.recover()
    message = client.message()
    if token:
        message["payload"]["data"]["accessToken"] = {"token": token}
    assert "error" in client.ask(message)
    assert rules(gateway) == ["wrong_third_party_token"]


def test_a_channel_with_third_party_takes_nobody_anonymous(gateway: DfoControl, client: DfoClient) -> None:
    """Access token: the channel says who may come in."""
    gateway.set_settings(third_party=True)
    assert client.post_token().status_code == 401


def test_a_token_for_another_brand_is_refused(client: DfoClient) -> None:
    """A wrong brand."""
    response = client.post_token(brandId=1)
    assert (response.status_code, response.json()["errorCode"]) == (403, "unknown_channel")


@pytest.mark.parametrize("body", [[], {"customerIdentity": {}}, {"thirdParty": {"grant_type": "password"}}, {"x": 1}])
def test_a_token_request_of_another_shape_breaks_the_protocol(
    gateway: DfoControl, client: DfoClient, body: object
) -> None:
    """Strictness: the body of /oauth/token."""
    assert client.post_token(body).status_code == 400
    assert rules(gateway) == ["wrong_body"]


# The handshake


def test_a_token_opens_the_socket_of_its_visitor_only(client: DfoClient) -> None:
    """Secured session: transactionToken."""
    token = client.post_token().json()["accessToken"]
    assert handshake_status(client.socket_url(transactionToken=token, visitorId=new_id())) == 401


def test_an_expired_token_opens_nothing(gateway: DfoControl, client: DfoClient) -> None:
    """Setting `token_expires_in`."""
    gateway.set_settings(token_expires_in=0)
    token = client.post_token().json()["accessToken"]
    assert handshake_status(client.socket_url(transactionToken=token)) == 401


def test_a_revoked_token_opens_nothing(gateway: DfoControl, client: DfoClient) -> None:
    """Control `revoke-tokens`."""
    token = client.post_token().json()["accessToken"]
    gateway.revoke_tokens()
    assert handshake_status(client.socket_url(transactionToken=token)) == 401


def test_tokens_of_others_than_the_visitor_named_stay_good(gateway: DfoControl, client: DfoClient) -> None:
    """Control `revoke-tokens` with a `visitor_id`: who shares the gateway notices nothing."""
    other = DfoClient(client.gateway)
    theirs, ours = (one.post_token().json()["accessToken"] for one in (other, client))
    client.connect(transactionToken=ours)
    gateway.revoke_tokens_of(client.visitor_id)
    assert handshake_status(client.socket_url(transactionToken=ours)) == 401
    with closing(other):
        other.connect(transactionToken=theirs)
        other.start()


def test_a_socket_for_another_channel_is_refused(client: DfoClient) -> None:
    """A wrong channel."""
    token = client.post_token().json()["accessToken"]
    assert handshake_status(client.socket_url(transactionToken=token, channelId="chat_other")) == 403


@pytest.mark.parametrize("query", [{"v": None}, {"sdkPlatform": None}, {"customerId": "both"}, {"more": 1}])
def test_a_handshake_with_another_query_breaks_the_protocol(
    gateway: DfoControl, client: DfoClient, query: dict[str, object]
) -> None:
    """Strictness: the query of the gateway's URL."""
    token = client.post_token().json()["accessToken"]
    assert handshake_status(client.socket_url(transactionToken=token, **query)) == 400
    assert rules(gateway) == ["wrong_query"]


def test_a_heartbeat_is_answered_with_a_json_string(gateway: DfoControl, connected: DfoClient) -> None:
    """Heartbeat: every answer is JSON."""
    connected.send({"action": "heartbeat"})
    assert connected.hear() == "pong"
    assert gateway.visitor(connected.visitor_id)["heartbeats"] == 1


def test_a_ping_of_the_protocol_is_answered(connected: DfoClient) -> None:
    """RFC 6455, 5.5.2."""
    connected.socket.ping("x")
    assert connected.socket.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"x")


# The conversation


def test_a_thread_that_is_not_there_is_an_error(gateway: DfoControl, connected: DfoClient) -> None:
    """Recover: no thread yet is an answer, not a fault of the client; setting `no_thread`."""
    gateway.set_settings(no_thread="error")
    assert error_code(connected.recover()) == "RecoveringLivechatFailed"
    assert gateway.violations() == []


@pytest.mark.parametrize(
    ("kind", "postback"),
    [
        ("null", {"eventType": "LivechatRecovered", "data": None}),
        ("absent", {"eventType": "LivechatRecovered"}),
        ("nulls", {"eventType": "LivechatRecovered", "data": dict.fromkeys(("thread", "contact", "messages"))}),
        ("plain", None),
    ],
)
def test_a_live_chat_that_is_not_there_is_recovered_with_nothing(
    gateway: DfoControl, connected: DfoClient, kind: str, postback: Any
) -> None:
    """Setting `no_thread`; the first is the default, as tenants of today have it."""
    gateway.set_settings_of(connected.visitor_id, no_thread=kind)
    assert connected.recover().get("postback") == postback


def test_a_live_chat_that_is_not_there_may_be_recovered_empty(gateway: DfoControl, connected: DfoClient) -> None:
    """Setting `no_thread`: the thread that was looked for, without contact and messages."""
    gateway.set_settings(no_thread="empty")
    data = connected.recover()["postback"]["data"]
    assert data["thread"]["idOnExternalPlatform"] == connected.thread_id
    assert (data["contact"], data["messages"]) == (None, [])


def test_a_look_may_find_the_newest_thread_instead(gateway: DfoControl, chatting: DfoClient) -> None:
    """Setting `newest_instead`."""
    gateway.set_settings(newest_instead=True)
    other = chatting.frame("RecoverLivechat", {"thread": {"idOnExternalPlatform": new_id()}})
    assert chatting.ask(other)["postback"]["data"]["thread"]["idOnExternalPlatform"] == chatting.thread_id


def test_a_recovered_contact_has_either_name(gateway: DfoControl, chatting: DfoClient) -> None:
    """Setting `contact_name`."""
    gateway.set_settings(contact_name="consumerContact")
    assert chatting.recover()["postback"]["data"]["consumerContact"]["status"] == "new"


def test_the_answer_to_a_look_may_have_to_be_fetched(gateway: DfoControl, chatting: DfoClient) -> None:
    """Setting `recovered_in_s3`: the whole postback, with the request's id."""
    gateway.set_settings(recovered_in_s3=True)
    look = chatting.frame("RecoverLivechat", chatting.thread)
    chatting.send(look)
    data = chatting.wait_for("EventInS3")["data"]
    assert data["originEvent"]["eventType"] == "LivechatRecovered"
    assert requests.get(data["s3Object"]["url"], timeout=5).json()["eventId"] == look["eventId"]


def test_a_contact_may_be_first_named_by_its_message(gateway: DfoControl, connected: DfoClient) -> None:
    """Setting `case_created_events`."""
    gateway.set_settings(case_created_events=False)
    connected.recover()
    connected.send(connected.message())
    assert connected.wait_for("MessageCreated")["data"]["case"]["status"] == "new"
    assert "CaseCreated" not in [frame.get("eventType") for frame in connected.heard]


def test_a_queue_position_may_come_first_and_name_its_contact_only(gateway: DfoControl, connected: DfoClient) -> None:
    """Settings `queue_position_first`, `queue_position_names`."""
    gateway.set_settings(queue_position_first=True, queue_position_names="contact")
    connected.recover()
    connected.send(connected.message())
    contact = connected.wait_for("SetPositionInQueue")["data"]["consumerContact"]
    assert contact == {"id": connected.wait_for("CaseCreated")["data"]["case"]["id"]}


def test_a_closed_contact_is_opened_again_by_its_status(gateway: DfoControl, chatting: DfoClient) -> None:
    """Control `agent/reopen-contact`."""
    gateway.close_contact(chatting.thread_id)
    gateway.reopen_contact(chatting.thread_id)
    statuses = [chatting.wait_for("CaseStatusChanged")["data"]["case"]["status"] for _ in range(2)]
    assert statuses == ["closed", "open"]


def test_a_thread_may_take_no_more_messages(gateway: DfoControl, chatting: DfoClient) -> None:
    """Control `agent/end-thread`."""
    gateway.end_thread(chatting.thread_id)
    assert chatting.recover()["postback"]["data"]["thread"]["canAddMoreMessages"] is False
    assert error_code(chatting.ask(chatting.message())) == "SendingMessageFailed"


@pytest.mark.parametrize(("do", "taken"), [("dropped", 1), ("dropped_taken", 2)])
def test_api_gateway_may_say_that_it_lost_a_frame(
    gateway: DfoControl, chatting: DfoClient, do: str, taken: int
) -> None:
    """Faults `dropped`, `dropped_taken`: it names no request."""
    gateway.set_faults(Fault("frame", do, types=("SendMessage",), count=1))
    chatting.send(chatting.message())
    while "requestId" not in (frame := chatting.hear()):
        pass
    assert frame["message"] == "Internal server error"
    assert len(gateway.thread(chatting.thread_id)["messages"]) == taken


def test_a_visitors_own_settings_are_no_other_visitors(
    gateway: DfoControl, new_client: Callable[..., DfoClient]
) -> None:
    """`PUT settings` with a visitor."""
    one, other = new_client(), new_client()
    gateway.set_settings_of(one.visitor_id, no_thread="error")
    for client in (one, other):
        client.connect()
    assert ["error" in client.recover() for client in (one, other)] == [True, False]


def attachment_url(client: DfoClient) -> str:
    gateway = client.gateway
    return f"{gateway.chat_url}/chat/1.0/brand/{gateway.brand_id}/channel/{gateway.channel_id}/attachment"


def uploaded(client: DfoClient, content: bytes = b"a photo", kind: str = "image/png") -> requests.Response:
    body = {"content": base64.b64encode(content).decode(), "fileName": "a photo.png", "mimeType": kind}
    return requests.post(attachment_url(client), json=body, timeout=5)


def test_a_file_is_uploaded_and_sent_by_either_side(gateway: DfoControl, chatting: DfoClient) -> None:
    """Attachments: the upload's answer, the message of each side, and the file itself."""
    url = uploaded(chatting).json()["fileUrl"]
    message = chatting.message("")
    message["payload"]["data"]["attachments"] = [{"url": url, "friendlyName": "a photo.png"}]
    chatting.send(message)
    told = chatting.wait_for("MessageCreated")["data"]["message"]
    assert [(file["url"], file["friendlyName"]) for file in told["attachments"]] == [(url, "a photo.png")]
    files = [{"url": url, "friendlyName": "back.png", "mimeType": "image/png"}]
    gateway.agent_says(chatting.thread_id, "", attachments=files)
    [file] = chatting.wait_for("MessageCreated")["data"]["message"]["attachments"]
    assert (file["friendlyName"], file["mimeType"]) == ("back.png", "image/png")
    assert requests.get(url, timeout=5).content == b"a photo"
    assert rules(gateway) == []


def test_a_file_against_the_channels_rules_is_answered_with_them(gateway: DfoControl, client: DfoClient) -> None:
    """File rules; settings `attachments`, `largest_file`, `file_types`."""
    gateway.set_settings(largest_file=1, file_types=["image/*"])
    said = client.channel().json()["settings"]["fileRestrictions"]
    assert (said["isAttachmentsEnabled"], said["allowedFileSize"]) == (True, "1")
    for answer in (uploaded(client, kind="text/plain"), uploaded(client, b"x" * (1024 * 1024 + 1))):
        assert (answer.status_code, answer.json()) == (200, said)
    gateway.set_settings(attachments=False)
    assert uploaded(client).json()["isAttachmentsEnabled"] is False


def test_pages_of_any_site_may_upload(client: DfoClient) -> None:
    """As NICE's web client does: the browser asks first."""
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    may = requests.options(attachment_url(client), headers=asked, timeout=5).headers
    assert (may["Access-Control-Allow-Origin"], may["Access-Control-Allow-Methods"]) == ("*", "POST")
    assert "content-type" in may["Access-Control-Allow-Headers"]
    assert uploaded(client).headers["Access-Control-Allow-Origin"] == "*"


def test_a_file_that_was_not_uploaded_breaks_the_protocol(gateway: DfoControl, chatting: DfoClient) -> None:
    message = chatting.message("")
    message["payload"]["data"]["attachments"] = [{"url": "https://elsewhere.example/1", "friendlyName": "x"}]
    assert error_code(chatting.ask(message)) == "SendingMessageFailed"
    assert rules(gateway) == ["unknown_attachment"]


def test_the_first_message_makes_a_contact(gateway: DfoControl, connected: DfoClient) -> None:
    """SendMessage: the plain answer, CaseCreated, MessageCreated with the client's own id."""
    connected.recover()
    connected.send(message := connected.message())
    accepted, created, told = (connected.hear() for _ in range(3))
    assert accepted.keys() == {"eventId", "createdAt"}
    assert accepted["eventId"] == message["eventId"]
    assert (created["eventType"], created["data"]["case"]["threadIdOnExternalPlatform"]) == (
        "CaseCreated",
        connected.thread_id,
    )
    assert told["eventType"] == "MessageCreated"
    assert told["data"]["message"]["idOnExternalPlatform"] == message["payload"]["data"]["idOnExternalPlatform"]
    assert told["data"]["message"]["direction"] == "inbound"
    assert gateway.violations() == []


def test_a_second_message_makes_no_second_contact(connected: DfoClient) -> None:
    """CaseCreated comes with the first message only."""
    connected.start()
    connected.wait_for("MessageCreated")
    connected.send(connected.message("again"))
    assert [connected.hear().get("eventType") for _ in range(2)] == [None, "MessageCreated"]


def test_a_recovered_thread_has_its_messages_newest_first(chatting: DfoClient) -> None:
    """LivechatRecovered: thread, contact, messages, contactHistory."""
    chatting.ask(second := chatting.message("second"))
    data = chatting.recover()["postback"]["data"]
    assert data["thread"]["idOnExternalPlatform"] == chatting.thread_id
    assert (data["contact"]["status"], data["contactHistory"]) == ("new", [])
    newest = data["messages"][0]["idOnExternalPlatform"]
    assert (newest, len(data["messages"])) == (second["payload"]["data"]["idOnExternalPlatform"], 2)


def test_older_messages_come_page_by_page(gateway: DfoControl, chatting: DfoClient) -> None:
    """LoadMoreMessages; setting `page_size`."""
    gateway.set_settings(page_size=1)
    chatting.ask(chatting.message("second"))
    newest = chatting.recover()["postback"]["data"]
    asked = {
        **chatting.thread,
        "scrollToken": newest["messagesScrollToken"],
        "oldestMessageDatetime": newest["messages"][-1]["createdAt"],
    }
    older = chatting.ask(chatting.frame("LoadMoreMessages", asked))["postback"]["data"]
    assert (older["messages"][0]["messageContent"]["text"], older["scrollToken"]) == ("Good morning", "")


def test_nobody_recovers_another_customers_thread(chatting: DfoClient, new_client: Callable[..., DfoClient]) -> None:
    """A thread belongs to its customer."""
    thief = new_client(thread_id=chatting.thread_id)
    thief.connect()
    assert "error" in thief.recover()


def test_the_agent_sees_typing_from_started_to_ended(gateway: DfoControl, chatting: DfoClient) -> None:
    """SenderTypingStarted, SenderTypingEnded: no answer, and what is shown changes."""
    start = gateway.last_event()
    chatting.send_event("SenderTypingStarted")
    gateway.wait_for("frame", start, event_type="SenderTypingStarted", value=True, accepted=True)
    assert gateway.thread(chatting.thread_id)["typing"] is True
    chatting.send_event("SenderTypingEnded")
    gateway.wait_for("frame", start, event_type="SenderTypingEnded", value=False, accepted=True)
    assert [shown for _, shown in gateway.thread(chatting.thread_id)["typing_changes"]] == [True, False]
    assert chatting.is_silent()


def test_typing_is_echoed_and_acknowledged_if_wanted(gateway: DfoControl, chatting: DfoClient) -> None:
    """Settings `echo_typing`, `acknowledge_typing`: what is unsure can be tried both ways."""
    gateway.set_settings(echo_typing=True, acknowledge_typing=True)
    assert chatting.ask(chatting.frame("SenderTypingStarted", chatting.thread)).keys() == {"eventId", "createdAt"}
    assert chatting.wait_for("SenderTypingStarted")["data"]["direction"] == "inbound"


@pytest.mark.parametrize("ends", [True, False])
def test_a_message_ends_the_typing_or_does_not(gateway: DfoControl, chatting: DfoClient, ends: bool) -> None:
    """Setting `message_ends_typing`."""
    gateway.set_settings(message_ends_typing=ends)
    chatting.send_event("SenderTypingStarted")
    chatting.ask(chatting.message())
    assert gateway.thread(chatting.thread_id)["typing"] is not ends


def test_a_live_chat_ends_with_its_contact(gateway: DfoControl, chatting: DfoClient) -> None:
    """CaseStatusChanged: closed; control `close-contact`."""
    chatting.send_event("SenderTypingStarted")
    gateway.wait_for("frame", event_type="SenderTypingStarted", accepted=True)
    gateway.close_contact(chatting.thread_id)
    assert chatting.wait_for("CaseStatusChanged")["data"]["case"]["status"] == "closed"
    assert gateway.thread(chatting.thread_id)["typing"] is False
    assert error_code(chatting.ask(chatting.message())) == "SendingMessageFailed"
    assert gateway.violations() == []  # it may have crossed the event


def test_a_closed_contact_may_be_told_without_its_id(gateway: DfoControl, chatting: DfoClient) -> None:
    """Android's samples have none."""
    gateway.close_contact(chatting.thread_id, with_id=False)
    assert "id" not in chatting.wait_for("CaseStatusChanged")["data"]["case"]


def test_the_visitor_can_end_the_contact(gateway: DfoControl, connected: DfoClient) -> None:
    """EndContact names the contact."""
    contact_id = connected.start()
    answer = connected.ask(connected.frame("EndContact", {**connected.thread, "contact": {"id": contact_id}}))
    assert "error" not in answer
    assert connected.wait_for("CaseStatusChanged")["data"]["case"]["status"] == "closed"


def test_on_a_messaging_channel_a_message_to_a_closed_contact_opens_another(
    gateway: DfoControl, connected: DfoClient
) -> None:
    """Messaging: threads live on."""
    gateway.set_settings(livechat=False)
    connected.recover("RecoverThread")
    connected.send(connected.message())
    first = connected.wait_for("CaseCreated")["data"]["case"]["id"]
    gateway.close_contact(connected.thread_id)
    connected.wait_for("CaseStatusChanged")
    assert connected.recover("RecoverThread")["postback"]["data"]["contact"]["status"] == "closed"
    connected.send(connected.message())
    assert connected.wait_for("CaseCreated")["data"]["case"]["id"] != first


def test_an_archived_thread_is_gone(gateway: DfoControl, chatting: DfoClient) -> None:
    """ArchiveThread."""
    answer = chatting.ask(chatting.frame("ArchiveThread", chatting.thread))
    assert answer["postback"]["eventType"] == "ThreadArchived"
    assert chatting.recover()["postback"]["data"] is None
    assert gateway.violations() == []


def test_two_sockets_of_a_visitor_hear_the_same(
    gateway: DfoControl, chatting: DfoClient, new_client: Callable[..., DfoClient]
) -> None:
    """A takeover: the new socket is open before the old one closes."""
    other = new_client(visitor_id=chatting.visitor_id, customer_id=chatting.customer_id, thread_id=chatting.thread_id)
    other.connect()
    assert gateway.agent_types(chatting.thread_id, True) == 2
    assert [each.wait_for("SenderTypingStarted")["data"]["direction"] for each in (chatting, other)] == ["outbound"] * 2


# The agent


def test_an_assigned_agent_is_named_and_can_leave(gateway: DfoControl, chatting: DfoClient) -> None:
    """CaseInboxAssigneeChanged; control `agent/assign`."""
    gateway.assign(chatting.thread_id, "Ada", "Lovelace", "ada")
    assert chatting.wait_for("CaseInboxAssigneeChanged")["data"]["inboxAssignee"]["surname"] == "Lovelace"
    gateway.unassign(chatting.thread_id)
    assert chatting.wait_for("CaseInboxAssigneeChanged")["data"]["inboxAssignee"] is None


@pytest.mark.parametrize("fields", [["direction"], ["user"], ["direction", "user"]])
def test_agent_typing_can_be_told_in_each_way(gateway: DfoControl, chatting: DfoClient, fields: list[str]) -> None:
    """Setting `agent_typing_fields`: NICE's web client goes by direction, its Android client by user."""
    gateway.set_settings(agent_typing_fields=fields)
    gateway.agent_types(chatting.thread_id, False)
    data = chatting.wait_for("SenderTypingEnded")["data"]
    assert [name for name in ("direction", "user") if name in data] == fields


def test_an_agents_message_has_its_author(gateway: DfoControl, chatting: DfoClient) -> None:
    """MessageCreated, outbound; control `agent/message`."""
    message_id = gateway.agent_says(chatting.thread_id, "How can I help?")
    message = chatting.wait_for("MessageCreated")["data"]["message"]
    assert (message["idOnExternalPlatform"], message["direction"]) == (message_id, "outbound")
    assert (message["messageContent"]["text"], message["authorUser"]["firstName"]) == ("How can I help?", "Avery")


def test_a_rich_message_has_a_text_to_fall_back_on(gateway: DfoControl, chatting: DfoClient) -> None:
    """messageContent of another type."""
    payload = {"text": {"content": "Which day?"}, "actions": []}
    gateway.agent_says(chatting.thread_id, "Which day?", type="QUICK_REPLIES", payload=payload)
    content = chatting.wait_for("MessageCreated")["data"]["message"]["messageContent"]
    assert content == {
        "type": "QUICK_REPLIES",
        "payload": payload,
        "text": "Which day?",
        "fallbackText": "Which day?",
    }


def test_a_large_event_is_fetched(gateway: DfoControl, chatting: DfoClient) -> None:
    """EventInS3: the event itself is behind a URL."""
    message_id = gateway.agent_says(chatting.thread_id, "long", in_s3=True)
    data = chatting.wait_for("EventInS3")["data"]
    event = requests.get(data["s3Object"]["url"], timeout=5).json()
    assert data["originEvent"] == {"eventType": "MessageCreated"}
    assert event["data"]["message"]["idOnExternalPlatform"] == message_id


def test_the_rest_of_a_message_is_fetched_with_a_token_for_it(gateway: DfoControl, chatting: DfoClient) -> None:
    """GenerateAuthorizationToken, then the message by HTTP."""
    payload = {"cards": [1, 2, 3]}
    gateway.agent_says(chatting.thread_id, "cards", type="ADAPTIVE_CARD", payload=payload, more_content=True)
    message = chatting.wait_for("MessageCreated")["data"]["message"]
    assert (message["hasAdditionalMessageContent"], message["messageContent"]["payload"]) == (True, {})
    url = f"/chat/1.0/brand/{gateway.gateway.brand_id}/messages/{message['id']}"
    answer = chatting.ask(chatting.frame("GenerateAuthorizationToken", {**chatting.thread, "url": url}))
    token = answer["postback"]["data"]["authorizationToken"]["token"]
    assert chatting.get(url, Authorization=f"Bearer {token}").json()["messageContent"]["payload"] == payload
    assert chatting.get(url, Authorization="Bearer another").status_code == 401


def test_a_long_text_comes_cut_and_whole_by_its_url(gateway: DfoControl, chatting: DfoClient) -> None:
    """Setting `longest_text`."""
    gateway.set_settings(longest_text=6)
    gateway.agent_says(chatting.thread_id, "At length.")
    message = chatting.wait_for("MessageCreated")["data"]["message"]
    assert (message["hasAdditionalMessageContent"], message["messageContent"]["text"]) == (True, "At len")
    url = f"/chat/1.0/brand/{gateway.gateway.brand_id}/messages/{message['id']}"
    answer = chatting.ask(chatting.frame("GenerateAuthorizationToken", {**chatting.thread, "url": url}))
    token = answer["postback"]["data"]["authorizationToken"]["token"]
    whole = chatting.get(url, Authorization=f"Bearer {token}").json()
    assert (whole["hasAdditionalMessageContent"], whole["messageContent"]["text"]) == (False, "At length.")
    gateway.agent_says(chatting.thread_id, "Short.")
    assert chatting.wait_for("MessageCreated")["data"]["message"]["hasAdditionalMessageContent"] is False


@pytest.mark.parametrize("cut", [False, True])
def test_a_streamed_message_is_read_elsewhere(gateway: DfoControl, chatting: DfoClient, cut: bool) -> None:
    """Setting `streamed_messages`: server-sent events, the last of which says that it is over."""
    gateway.set_settings(streamed_messages=True)
    if cut:
        gateway.set_faults_of(chatting.visitor_id, Fault("stream", "cut"))
    gateway.agent_says(chatting.thread_id, "Good morning to you all")
    content = chatting.wait_for("MessageCreated")["data"]["message"]["messageContent"]
    assert (content["type"], content["text"], content["payload"]["protocol"]) == ("STREAMED", "", "sse")
    events = requests.get(content["payload"]["sourceUrl"], timeout=5).text.strip().split("\n\n")
    deltas = [json.loads(event.partition("data: ")[2])["delta"] for event in events]
    text = "".join(delta["content"] for delta in deltas)
    assert (text, deltas[-1]["finish_reason"]) == (
        ("Good morning ", None) if cut else ("Good morning to you all", "stop")
    )


def test_an_unknown_stream_is_not_there(gateway: DfoControl) -> None:
    assert requests.get(f"{gateway.gateway.chat_url}/streams/9", timeout=5).status_code == 404


@pytest.mark.parametrize(("what", "event"), [("read", "MessageReadChanged"), ("seen", "MessageSeenChanged")])
def test_the_agent_reads_what_the_visitor_wrote(
    gateway: DfoControl, chatting: DfoClient, what: str, event: str
) -> None:
    """Control `agent/read`."""
    gateway.agent_reads(chatting.thread_id, what)
    assert chatting.wait_for(event)["data"]["message"]["direction"] == "inbound"
    assert gateway.thread(chatting.thread_id)["messages"][0][f"{what}_at"]


def test_the_agent_sees_that_the_visitor_has_seen(gateway: DfoControl, chatting: DfoClient) -> None:
    """MessageSeenByConsumer."""
    gateway.agent_says(chatting.thread_id, "Hello")
    assert "error" not in chatting.ask(chatting.frame("MessageSeenByConsumer", chatting.thread))
    assert gateway.thread(chatting.thread_id)["messages"][-1]["seen_at"]


def test_a_visitor_hears_its_position_in_the_queue(gateway: DfoControl, chatting: DfoClient) -> None:
    """SetPositionInQueue; control `agent/queue-position`."""
    gateway.queue_position(chatting.thread_id, 3, agent_online=False)
    data = chatting.wait_for("SetPositionInQueue")["data"]
    assert (data["positionInQueue"], data["isAnyAgentOnlineForQueue"]) == (3, False)


def test_a_message_can_be_told_twice_over(gateway: DfoControl, chatting: DfoClient) -> None:
    """Setting `message_sent_events`: MessageSent, without the gateway's id, comes before MessageCreated."""
    gateway.set_settings(message_sent_events=True)
    gateway.agent_says(chatting.thread_id, "Hello")
    sent = chatting.wait_for("MessageSent")["data"]["message"]
    created = chatting.wait_for("MessageCreated")["data"]["message"]
    assert ("id" in sent, sent["idOnExternalPlatform"]) == (False, created["idOnExternalPlatform"])


# The legacy session


def test_a_legacy_session_registers_first(gateway: DfoControl, client: DfoClient) -> None:
    """AuthorizeCustomer, RefreshToken, and ReconnectConsumer on a later socket."""
    client.connect(customerId=client.customer_id)
    token = register(client)
    refreshed = client.ask(client.frame("RefreshToken", {"accessToken": {"token": token}}))["postback"]
    assert refreshed["eventType"] == "TokenRefreshed"
    client.close()
    client.connect(customerId=client.customer_id)
    token = refreshed["data"]["accessToken"]["token"]
    answer = client.ask(client.frame("ReconnectConsumer", {"accessToken": {"token": token}}))
    assert answer["postback"]["eventType"] == "ConsumerReconnected"
    assert {"authorizationStatus": "authorized"} in client.heard
    client.start()
    assert gateway.violations() == []


def register(client: DfoClient) -> str:
    """Authorize the legacy way; returns the access token."""
    data = {
        "authorization": {"authorizationCode": None},
        "disableChannelInfo": True,
        "sdkVersion": client.sdk_version,
        "sdkPlatform": "web",
    }
    answer = client.ask(client.frame("AuthorizeCustomer", data, "register"))["postback"]
    assert (answer["eventType"], answer["data"]["status"]) == ("ConsumerAuthorized", "success")
    return str(answer["data"]["accessToken"]["token"])


@pytest.mark.parametrize(
    ("event_type", "code"),
    [("ReconnectConsumer", "ConsumerReconnectionFailed"), ("RefreshToken", "TokenRefreshingFailed")],
)
def test_a_revoked_legacy_token_is_refused(gateway: DfoControl, client: DfoClient, event_type: str, code: str) -> None:
    """Control `revoke-tokens`."""
    client.connect(customerId=client.customer_id)
    token = register(client)
    gateway.revoke_tokens()
    answer = client.ask(client.frame(event_type, {"accessToken": {"token": token}}))
    assert error_code(answer) == code


# Strict about order


def broken(gateway: DfoControl, client: DfoClient, frame: Frame) -> str:
    """The one rule that this frame breaks. It is answered with an error frame, by its eventId."""
    assert "error" in client.ask(frame)
    (rule,) = rules(gateway)
    return rule


def test_nothing_comes_before_a_recover_on_this_socket(gateway: DfoControl, chatting: DfoClient) -> None:
    """Rule `before_recover`: whatever happened on a former socket."""
    chatting.close()
    chatting.connect()
    frame = chatting.frame("SenderTypingStarted", chatting.thread)
    assert broken(gateway, chatting, frame) == "before_recover"


def test_no_message_comes_before_a_recover(gateway: DfoControl, connected: DfoClient) -> None:
    """Rule `before_recover`."""
    assert broken(gateway, connected, connected.message()) == "before_recover"


def test_no_typing_without_a_contact(gateway: DfoControl, connected: DfoClient) -> None:
    """Rule `without_contact`."""
    connected.recover()
    assert broken(gateway, connected, connected.frame("SenderTypingEnded", connected.thread)) == "without_contact"


def test_no_request_before_a_legacy_session_is_authorized(gateway: DfoControl, client: DfoClient) -> None:
    """Rule `before_authorization`."""
    client.connect(customerId=client.customer_id)
    assert broken(gateway, client, client.frame("RecoverLivechat", client.thread)) == "before_authorization"


def test_a_message_id_is_used_once(gateway: DfoControl, chatting: DfoClient) -> None:
    """Rule `repeated_message_id`; the message stays single."""
    chatting.ask(message := chatting.message())
    again = message | {"eventId": new_id()}
    assert broken(gateway, chatting, again) == "repeated_message_id"
    assert len(gateway.thread(chatting.thread_id)["messages"]) == 2


def test_an_event_id_is_used_once(gateway: DfoControl, chatting: DfoClient) -> None:
    """Rule `repeated_event_id`."""
    chatting.ask(frame := chatting.frame("RecoverLivechat", chatting.thread))
    assert broken(gateway, chatting, frame) == "repeated_event_id"


def test_a_channel_is_recovered_in_its_own_way(gateway: DfoControl, connected: DfoClient) -> None:
    """Rule `wrong_recover`."""
    assert broken(gateway, connected, connected.frame("RecoverThread", connected.thread)) == "wrong_recover"


def test_more_requests_than_nices_clients_send_are_too_many(gateway: DfoControl, connected: DfoClient) -> None:
    """Rule `too_many_requests`: 100 within 5 s."""
    for _ in range(100):
        connected.send(connected.frame("RecoverLivechat", connected.thread))
    assert broken(gateway, connected, connected.frame("RecoverLivechat", connected.thread)) == "too_many_requests"


# Strict about shape


def without(frame: Frame, key: str) -> Frame:
    del frame["payload"][key]
    return frame


BAD_FRAMES: dict[str, tuple[Callable[[DfoClient], Frame], str]] = {
    "brand as text": (lambda c: c.frame("RecoverLivechat", c.thread, brand={"id": "1386"}), "wrong_value"),
    "another brand": (lambda c: c.frame("RecoverLivechat", c.thread, brand={"id": 1}), "wrong_brand"),
    "another channel": (lambda c: c.frame("RecoverLivechat", c.thread, channel={"id": "x"}), "wrong_channel"),
    "another visitor": (lambda c: c.frame("RecoverLivechat", c.thread, visitor={"id": new_id()}), "wrong_visitor"),
    "another customer": (
        lambda c: c.frame("RecoverLivechat", c.thread, consumerIdentity={"idOnExternalPlatform": "x"}),
        "wrong_customer",
    ),
    "no destination": (lambda c: without(c.frame("RecoverLivechat", c.thread), "destination"), "missing_key"),
    "no visitor": (lambda c: without(c.frame("RecoverLivechat", c.thread), "visitor"), "missing_key"),
    "an unknown key": (lambda c: c.frame("RecoverLivechat", c.thread, more=1), "unknown_key"),
    "an unknown key in data": (lambda c: c.frame("SenderTypingStarted", c.thread | {"text": "x"}), "unknown_key"),
    "typing without a thread": (lambda c: c.frame("SenderTypingStarted", {}), "missing_key"),
    "a thread id that is no uuid": (
        lambda c: c.frame("SenderTypingStarted", {"thread": {"idOnExternalPlatform": "1"}}),
        "wrong_value",
    ),
    "a message without text": (lambda c: c.message(" "), "wrong_value"),
    "a message id that is no uuid": (lambda c: c.message(message_id="1"), "wrong_value"),
    "what is typed": (lambda c: c.frame("SendMessagePreview", c.thread), "unknown_event_type"),
    "register": (lambda c: c.frame("RecoverLivechat", c.thread, "register"), "wrong_action"),
}


@pytest.mark.parametrize("what", BAD_FRAMES)
def test_a_frame_of_another_shape_breaks_the_protocol(gateway: DfoControl, connected: DfoClient, what: str) -> None:
    """Strictness: nothing passes that NICE's own clients do not send."""
    make, rule = BAD_FRAMES[what]
    assert broken(gateway, connected, make(connected)) == rule


@pytest.mark.parametrize(
    ("text", "rule"), [("{", "not_json"), ("[]", "not_an_object"), ('{"action":"heartbeat","x":1}', "unknown_key")]
)
def test_what_is_no_frame_breaks_the_protocol(gateway: DfoControl, connected: DfoClient, text: str, rule: str) -> None:
    """Strictness: answered with an error that names no request."""
    connected.socket.send(text)
    assert connected.hear().keys() == {"error"}
    assert rules(gateway) == [rule]


def test_a_binary_frame_breaks_the_protocol(gateway: DfoControl, connected: DfoClient) -> None:
    """Rule `not_text`."""
    connected.socket.send_binary(json.dumps(connected.frame("RecoverLivechat", connected.thread)).encode())
    assert "error" in connected.hear()
    assert rules(gateway) == ["not_text"]


# Faults


def test_a_mute_socket_answers_nothing_until_the_fault_is_over(gateway: DfoControl, connected: DfoClient) -> None:
    """Fault socket/mute: no answer, no pong of either kind."""
    gateway.set_faults(Fault("socket", "mute", visitor=connected.visitor_id))
    connected.send({"action": "heartbeat"})
    connected.socket.ping()
    assert connected.is_silent()
    gateway.set_faults()
    connected.send({"action": "heartbeat"})
    assert connected.hear() == "pong"


@pytest.mark.parametrize("with_event_id", [True, False])
def test_a_frame_is_answered_with_an_error(gateway: DfoControl, chatting: DfoClient, with_event_id: bool) -> None:
    """Fault frame/error: by code, naming its request or not; the frame is not taken."""
    fault = Fault("frame", "error", types=("SendMessage",), code="SendingOutboundFailed", with_event_id=with_event_id)
    gateway.set_faults(fault)
    chatting.send(chatting.message())
    answer = chatting.hear()
    assert (error_code(answer), "eventId" in answer) == ("SendingOutboundFailed", with_event_id)
    assert len(gateway.thread(chatting.thread_id)["messages"]) == 1


def test_a_fault_with_a_count_is_over_after_so_many(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault `count`."""
    gateway.set_faults(Fault("frame", "error", types=("SendMessage",), count=2))
    assert ["error" in chatting.ask(chatting.message()) for _ in range(3)] == [True, True, False]
    assert gateway.faults() == []


def test_faults_of_one_visitor_are_replaced_without_touching_those_of_others(gateway: DfoControl) -> None:
    """The control `faults` with a visitor."""
    gateway.set_faults(Fault("authorize", "refuse"))
    gateway.set_faults_of("alice", Fault("handshake", "refuse"), Fault("socket", "mute"))
    gateway.set_faults_of("bob", Fault("handshake", "hang"))
    gateway.set_faults_of("alice", Fault("frame", "error"))
    assert [(fault["visitor"], fault["on"]) for fault in gateway.faults()] == [
        (None, "authorize"),
        ("bob", "handshake"),
        ("alice", "frame"),
    ]


def test_a_fault_with_a_rate_befalls_the_same_each_time(
    gateway: DfoControl, new_client: Callable[..., DfoClient]
) -> None:
    """Fault `rate`; a run with faults can be repeated."""

    def outcomes() -> list[bool]:
        gateway.reset()
        client = new_client()
        client.connect()
        client.recover()
        gateway.set_faults(Fault("frame", "error", types=("SendMessage",), rate=0.5))
        return ["error" in client.ask(client.message()) for _ in range(20)]

    first = outcomes()
    assert set(first) == {True, False}
    assert outcomes() == first


def test_a_fault_of_one_visitor_leaves_the_others_alone(
    gateway: DfoControl, connected: DfoClient, new_client: Callable[..., DfoClient]
) -> None:
    """Fault `visitor`."""
    gateway.set_faults(Fault("handshake", "refuse", status=403, visitor=connected.visitor_id))
    token = connected.post_token().json()["accessToken"]
    assert handshake_status(connected.socket_url(transactionToken=token)) == 403
    new_client().connect()


@pytest.mark.parametrize("status", [401, 403, 502])
def test_a_handshake_is_refused(gateway: DfoControl, client: DfoClient, status: int) -> None:
    """Fault handshake/refuse."""
    gateway.set_faults(Fault("handshake", "refuse", status=status))
    token = client.post_token().json()["accessToken"]
    assert handshake_status(client.socket_url(transactionToken=token)) == status
    refused = gateway.wait_for("handshake_refused", visitor_id=client.visitor_id)
    assert (refused["status"], refused["fault"]) == (status, "refuse")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("authorize", "refuse", status=403, code="ip_blocked"), (403, "ip_blocked", None)),
        (Fault("authorize", "refuse", status=401), (401, "refused", None)),
        (Fault("authorize", "refuse", status=500), (500, "refused", None)),
        (Fault("authorize", "refuse", status=429, retry_after="7"), (429, "refused", "7")),
    ],
)
def test_an_access_token_is_refused(
    gateway: DfoControl, client: DfoClient, fault: Fault, expected: tuple[int, str, str | None]
) -> None:
    """Fault authorize/refuse: ip_blocked, 401, 5xx, 429 with Retry-After."""
    gateway.set_faults(fault)
    response = client.post_token()
    assert (response.status_code, response.json()["errorCode"], response.headers.get("Retry-After")) == expected


@pytest.mark.parametrize("do", ["slow", "hang"])
def test_an_access_token_takes_long(gateway: DfoControl, client: DfoClient, do: str) -> None:
    """Faults authorize/slow and hang."""
    gateway.set_faults(Fault("authorize", do, seconds=1))
    with pytest.raises(requests.ReadTimeout):
        client.post_token(timeout=0.2)
    gateway.wait_for("authorize")  # else it ends in a later test


@pytest.mark.parametrize("do", ["reset", "lost_answer"])
def test_an_access_token_gets_lost(gateway: DfoControl, client: DfoClient, do: str) -> None:
    """Faults authorize/reset and lost_answer."""
    gateway.set_faults(Fault("authorize", do, count=1))
    with pytest.raises(requests.ConnectionError):
        client.post_token()
    assert client.post_token().status_code == 200


def test_a_frame_can_be_lost_with_its_socket_before_it_is_taken(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault frame/reset."""
    gateway.set_faults(Fault("frame", "reset", types=("SendMessage",)))
    chatting.send(chatting.message())
    with pytest.raises(ConnectionResetError):
        chatting.hear()
    assert len(gateway.thread(chatting.thread_id)["messages"]) == 1


def test_a_frame_can_be_taken_and_its_answer_lost_with_the_socket(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault frame/lost_answer: what a client finds when it recovers the thread."""
    gateway.set_faults(Fault("frame", "lost_answer", types=("SendMessage",), count=1))
    chatting.send(message := chatting.message())
    with pytest.raises(ConnectionResetError):
        chatting.hear()
    chatting.connect()
    newest = chatting.recover()["postback"]["data"]["messages"][0]
    assert newest["idOnExternalPlatform"] == message["payload"]["data"]["idOnExternalPlatform"]


def test_a_frame_can_be_taken_and_never_be_answered(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault frame/unanswered: only the event tells."""
    gateway.set_faults(Fault("frame", "unanswered", types=("SendMessage",)))
    chatting.send(chatting.message())
    assert chatting.hear()["eventType"] == "MessageCreated"


def test_a_frame_can_be_ignored(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault frame/ignore."""
    gateway.set_faults(Fault("frame", "ignore", types=("SendMessage",)))
    chatting.send(chatting.message())
    assert chatting.is_silent()
    assert len(gateway.thread(chatting.thread_id)["messages"]) == 1


def test_a_frame_can_close_the_socket(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault frame/close, with a code."""
    gateway.set_faults(Fault("frame", "close", types=("heartbeat",), close_code=1011))
    chatting.send({"action": "heartbeat"})
    opcode, data = chatting.socket.recv_data()
    assert (opcode, int.from_bytes(data[:2])) == (websocket.ABNF.OPCODE_CLOSE, 1011)


def test_a_slow_frame_holds_up_those_behind_it(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault frame/slow."""
    gateway.set_faults(Fault("frame", "slow", types=("SendMessage",), seconds=0.2))
    chatting.send(message := chatting.message())
    chatting.send({"action": "heartbeat"})
    assert chatting.is_silent(0.1)
    assert chatting.hear()["eventId"] == message["eventId"]


def test_an_answer_can_come_after_the_event_it_should_precede(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault push/late."""
    gateway.set_faults(Fault("push", "late", types=("answer",)))
    chatting.send(chatting.message())
    assert [chatting.hear().get("eventType") for _ in range(2)] == ["MessageCreated", None]


def test_a_late_frame_comes_though_none_follows(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault push/late, `seconds`."""
    gateway.set_faults(Fault("push", "late", types=("SenderTypingStarted",), seconds=0.1))
    gateway.agent_types(chatting.thread_id, True)
    chatting.wait_for("SenderTypingStarted")


def test_a_slow_push_is_overtaken(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault push/slow."""
    gateway.set_faults(Fault("push", "slow", types=("SenderTypingStarted",), seconds=0.2))
    gateway.agent_types(chatting.thread_id, True)
    gateway.agent_types(chatting.thread_id, False)
    assert [chatting.hear()["eventType"] for _ in range(2)] == ["SenderTypingEnded", "SenderTypingStarted"]


def test_an_event_can_come_twice(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault push/duplicate: the very same event, its eventId too."""
    gateway.set_faults(Fault("push", "duplicate", types=("MessageCreated",)))
    gateway.agent_says(chatting.thread_id, "Hello")
    assert chatting.hear() == chatting.hear()


def test_an_event_can_get_lost(gateway: DfoControl, chatting: DfoClient) -> None:
    """Fault push/lose."""
    gateway.set_faults(Fault("push", "lose", types=("MessageCreated",)))
    gateway.agent_says(chatting.thread_id, "Hello")
    assert chatting.is_silent()


def test_an_old_client_is_refused_by_name(gateway: DfoControl, new_client: Callable[..., DfoClient]) -> None:
    """Setting `oldest_sdk_version`: over HTTP, and for each request on a socket."""
    gateway.set_settings(oldest_sdk_version="4.0.0")
    old, new = new_client(sdk_version="3.3.0"), new_client(sdk_version="4.0.0")
    assert error_code(old.channel().json()) == "SdkVersionNotSupported"
    old.connect()
    assert error_code(old.recover()) == "SdkVersionNotSupported"
    new.connect()
    assert "error" not in new.recover()


@pytest.mark.parametrize("code", [1001, 4000])
def test_sockets_can_be_closed_with_a_code(gateway: DfoControl, connected: DfoClient, code: int) -> None:
    """Control `drop-sockets`: close."""
    assert gateway.drop_sockets("close", connected.visitor_id, code) == 1
    assert int.from_bytes(connected.socket.recv_data()[1][:2]) == code


def test_sockets_can_be_reset(gateway: DfoControl, connected: DfoClient) -> None:
    """Control `drop-sockets`: reset."""
    assert gateway.drop_sockets("reset") == 1
    with pytest.raises(ConnectionResetError):
        connected.hear()


def test_a_silent_socket_stays_open(gateway: DfoControl, connected: DfoClient) -> None:
    """Control `drop-sockets`: silent, until it is closed from the other end."""
    gateway.drop_sockets("silent", connected.visitor_id)
    connected.send({"action": "heartbeat"})
    assert connected.is_silent()
    assert gateway.visitor(connected.visitor_id)["sockets"] == 1


def test_any_text_can_be_sent_to_a_visitor(gateway: DfoControl, connected: DfoClient) -> None:
    """Control `push`: for what a client makes of it."""
    assert gateway.push(connected.visitor_id, "{not json") == 1
    assert connected.socket.recv() == "{not json"


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({}, "faults: expected a list"),
        ([{"on": "frame"}], "expected a fault as an object with on and do"),
        ([{"on": "sky", "do": "fall"}], "on: expected one of"),
        ([{"on": "push", "do": "mute"}], "do: on push there are lose"),
        ([{"on": "frame", "do": "error", "rate": 2}], "rate: expected a number from 0 to 1"),
        ([{"on": "frame", "do": "error", "cuont": 2}], "cuont: no such setting"),
        ([{"on": "handshake", "do": "refuse", "types": ["x"]}], "types: only frame and push"),
        ([{"on": "channel", "do": "refuse", "visitor": "x"}], "visitor: a call of channel does not say whose"),
        ([{"on": "socket", "do": "mute", "count": 1}], "count, rate: a socket is mute as long"),
    ],
)
def test_what_is_no_fault_is_named_and_changes_nothing(gateway: DfoControl, faults: object, message: str) -> None:
    """Control `faults`: a bad one gets a clear error."""
    gateway.set_faults(Fault("push", "lose"))
    before = gateway.faults()
    response = requests.put(f"{gateway.base_url}/_control/faults", json={"faults": faults}, timeout=5)
    assert (response.status_code, message in response.json()["error"]) == (400, True)
    assert gateway.faults() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"live": True}, "live: no such setting"),
        ({"availability": "maybe"}, "availability: expected one of online, offline"),
        ({"oldest_sdk_version": "new"}, "oldest_sdk_version: expected a version like 3.3.0"),
    ],
)
def test_what_is_no_setting_is_named(gateway: DfoControl, changes: dict[str, Any], message: str) -> None:
    """Control `settings`."""
    with pytest.raises(requests.HTTPError, match=message):
        gateway.set_settings(**changes)


def test_an_unknown_thread_is_named_as_such_by_the_controls(gateway: DfoControl) -> None:
    """Controls: bad input gets a clear error."""
    with pytest.raises(requests.HTTPError, match="thread_id: no such thread"):
        gateway.agent_types(new_id(), True)


# The event log and the process


def test_no_text_and_no_token_is_in_the_event_log(gateway: DfoControl, chatting: DfoClient) -> None:
    """What a visitor or an agent wrote, and what opens doors, is in no log."""
    token = chatting.post_token().json()["accessToken"]
    chatting.ask(chatting.message("my secret"))
    gateway.agent_says(chatting.thread_id, "your secret")
    chatting.send(chatting.frame("SendMessage", {"text": "broken secret"}))
    chatting.wait_for("MessageCreated")
    log = json.dumps([gateway.events(), gateway.violations()])
    assert [secret in log for secret in ("secret", token)] == [False, False]


def test_a_frame_is_kept_only_if_wanted(gateway: DfoControl, connected: DfoClient) -> None:
    """Setting `keep_frames`."""
    connected.recover()
    gateway.set_settings(keep_frames=True)
    connected.ask(frame := connected.frame("RecoverLivechat", connected.thread))
    kept = {"visitor_id": connected.visitor_id, "event_type": "RecoverLivechat", "frame": frame}
    assert gateway.frames() == [kept]


def test_what_an_agent_does_is_noted_by_visitor_thread_and_value(gateway: DfoControl, chatting: DfoClient) -> None:
    """Event `push`."""
    start = gateway.last_event()
    gateway.agent_types(chatting.thread_id, True)
    told = gateway.wait_for("push", start, event_type="SenderTypingStarted")
    assert (told["visitor_id"], told["thread_id"], told["value"]) == (chatting.visitor_id, chatting.thread_id, True)
    message_id = gateway.agent_says(chatting.thread_id, "Hello")
    assert gateway.wait_for("push", start, message_id=message_id)["direction"] == "outbound"


def test_a_reset_leaves_the_readers_of_events_where_they_were(gateway: DfoControl, chatting: DfoClient) -> None:
    """Control `reset`."""
    start = gateway.last_event()
    gateway.reset()
    assert [event["n"] for event in gateway.events(start)] == list(range(start + 1, gateway.last_event() + 1))
    assert (gateway.threads(), gateway.visitors()) == ([], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_good_order(number: signal.Signals) -> None:
    """SIGINT and SIGTERM: exit code 0 and not a word, even with a silent socket open."""
    command = [sys.executable, "-m", "local.dfo_simulator", "--port", "0", "--brand", "7", "--channel", "chat_x"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        gateway = parse_ready(line.removeprefix("dfo simulator ready "))
        assert (gateway.brand_id, gateway.channel_id) == (7, "chat_x")
        client = DfoClient(gateway)
        client.connect()
        control = DfoControl(gateway)
        control.drop_sockets("silent")
        control.close()
        process.send_signal(number)
        _, complaints = process.communicate(timeout=30)
        client.close()
    assert (process.returncode, complaints) == (0, "")


def test_a_reader_is_woken_by_the_next_event(gateway: DfoControl, connected: DfoClient) -> None:
    """Control `events` with `wait`."""
    gateway.set_faults(Fault("frame", "slow", types=("RecoverLivechat",), seconds=0.2))
    start = gateway.last_event()
    connected.send_event("RecoverLivechat")
    assert gateway.events(start, wait=30)[0]["kind"] == "frame"

"""NICE's own chat SDK against the simulated gateway: what it accepts, the simulator says as the real one does."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from typing_relay.platforms.digital_first import frames_out
from typing_relay.platforms.digital_first.fingerprint import fingerprint
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.relay.device import Device
from typing_relay.relay.ports import Attachment, Author

from local.dfo_simulator import frames_in
from local.dfo_simulator.client import DfoControl, running_gateway
from local.dfo_simulator.faults import Fault
from tests.support.dfo_client import new_id
from tests.support.npm import MISSING, installed, npm_can_run
from tests.support.sdk_frames import ABSENT, Frame, Person, differences, find_no_thread, normalised, sdk_of
from tests.support.sdk_peer import PROJECT, SdkError
from tests.support.user_agents import USER_AGENTS

ADA = Visitor("visitor", "customer", "Ada", "Lovelace")
#: `visit` is `{}` here, and has an id there.
NO_VISIT = {"payload.visit": ({}, ABSENT), "payload.visit.id": (ABSENT, "<visit>")}

pytestmark = pytest.mark.skipif(not npm_can_run(), reason=MISSING)


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where the SDK is installed."""
    return installed(PROJECT)


@pytest.fixture(scope="module")
def running() -> Iterator[DfoControl]:
    """One simulator process for all tests of this file."""
    with running_gateway() as control:
        yield control


@pytest.fixture
def gateway(running: DfoControl) -> DfoControl:
    """The running simulator, as freshly started; SDK 2.2.0 takes only an error for a live chat that is not there."""
    running.reset()
    running.set_settings(no_thread="error")
    return running


def test_the_sdk_holds_a_live_chat(gateway: DfoControl, folder: Path) -> None:
    """Secured: authorise, start, type, write, read; agent joined, typing, writing (also through S3), queue, closed."""
    person = Person()
    with sdk_of(gateway, folder, person, secured="anonymous") as sdk:
        assert sdk.do("availability") == {"status": "online"}
        assert sdk.do("channel")["isLiveChat"] is True
        sdk.do("connect")
        find_no_thread(sdk)
        sdk.do("startChat", "Good morning")
        sdk.wait_for("ContactCreated")
        assert sdk.wait_for("MessageCreated")["message"]["messageContent"]["text"] == "Good morning"

        sdk.do("keystroke", 50)
        gateway.wait_for("frame", event_type="SenderTypingEnded", accepted=True)
        changes = gateway.thread(person.thread_id)["typing_changes"]
        assert [shown for _, shown in changes] == [True, False]

        gateway.queue_position(person.thread_id, 2)
        assert sdk.wait_for("SetPositionInQueue")["positionInQueue"] == 2
        gateway.assign(person.thread_id, "Ada", "Lovelace", "ada")
        assert sdk.wait_for("AssignedAgentChanged")["inboxAssignee"]["surname"] == "Lovelace"
        gateway.agent_types(person.thread_id, True)
        sdk.wait_for("AgentTypingStarted")
        gateway.agent_types(person.thread_id, False)
        sdk.wait_for("AgentTypingEnded")
        gateway.agent_says(person.thread_id, "How can I help?")
        assert sdk.wait_for("MessageCreated")["message"]["authorUser"]["firstName"] == "Ada"
        gateway.agent_says(person.thread_id, "At length", in_s3=True)
        assert sdk.wait_for("MessageCreated")["message"]["messageContent"]["text"] == "At length"
        gateway.agent_reads(person.thread_id)
        sdk.wait_for("MessageReadChanged")
        sdk.do("seen")
        sdk.do("endChat")
        sdk.wait_for("ContactStatusChanged")
    assert gateway.thread(person.thread_id)["contact"]["status"] == "closed"
    assert gateway.violations() == []


@pytest.mark.parametrize("how", ["close", "reset"])
def test_the_sdk_reconnects_after_a_drop_and_recovers(gateway: DfoControl, folder: Path, how: str) -> None:
    """What was said meanwhile is not sent again, but the recovered thread has it."""
    person = Person()
    with sdk_of(gateway, folder, person, secured="anonymous") as sdk:
        sdk.do("connect")
        find_no_thread(sdk)
        sdk.do("startChat")
        sdk.wait_for("open")
        gateway.drop_sockets(how)
        sdk.wait_for("close")
        missed = gateway.agent_says(person.thread_id, "Are you there?")
        sdk.wait_for("open")
        data = sdk.do("recover")["data"]
        assert data["messages"][0]["idOnExternalPlatform"] == missed
        sdk.do("sendText", "I am")
    assert gateway.visitor(person.visitor_id)["opened"] == 2
    assert gateway.violations() == []


def test_the_sdk_writes_to_a_messaging_channel(gateway: DfoControl, folder: Path) -> None:
    """Legacy: register; a thread that lives on, page by page, until it is archived."""
    gateway.set_settings(livechat=False, page_size=1)
    person = Person()
    with sdk_of(gateway, folder, person) as sdk:
        sdk.do("connect")
        assert sdk.do("authorize")["status"] == "success"
        find_no_thread(sdk)
        for text in ("first", "second"):
            sdk.do("sendText", text)
        assert [each["messageContent"]["text"] for each in sdk.do("recover")["data"]["messages"]] == ["second"]
        assert [each["messageContent"]["text"] for each in sdk.do("loadMore")["data"]["messages"]] == ["first"]
        assert sdk.do("authorize") == {"reconnected": True}
        assert sdk.do("archive") is True
    assert gateway.violations() == []


def test_a_third_party_code_lets_the_sdk_in(gateway: DfoControl, folder: Path) -> None:
    """The customer is the code's; a message brings the access token along."""
    gateway.set_settings(third_party=True)
    gateway.add_authorization_code("the-code", "customer-7")
    person = Person(customer_id="customer-7")
    with sdk_of(gateway, folder, person, secured="thirdParty", authorizationCode="the-code", customerId=None) as sdk:
        sdk.do("connect")
        find_no_thread(sdk)
        sdk.do("startChat")
    assert gateway.thread(person.thread_id)["customer_id"] == "customer-7"
    assert gateway.violations() == []


def test_the_sdk_takes_its_heartbeats_for_answered(gateway: DfoControl, folder: Path) -> None:
    """Heartbeats of 15 s, here a hundred times as fast."""
    person = Person()
    with sdk_of(gateway, folder, person, secured="anonymous", hurry=100) as sdk:
        sdk.do("connect")
        find_no_thread(sdk)
        sdk.do("startChat")
        for _ in range(3):
            gateway.agent_says(person.thread_id, "Still here")
            sdk.wait_for("MessageCreated")
    assert gateway.visitor(person.visitor_id)["heartbeats"] >= 1
    assert gateway.violations() == []


def test_the_sdk_understands_that_its_address_is_blocked(gateway: DfoControl, folder: Path) -> None:
    """`ip_blocked`, instead of an access token."""
    gateway.set_faults(Fault("authorize", "refuse", status=403, code="ip_blocked"))
    with sdk_of(gateway, folder, Person(), secured="anonymous") as sdk:
        sdk.begin("connect")  # it will never be done
        assert "IP address is blocked" in sdk.wait_for("error")["message"]


def test_the_sdk_understands_why_it_is_refused(gateway: DfoControl, folder: Path) -> None:
    """A message that failed, a version that is too old: over HTTP and in a frame."""
    gateway.set_faults(Fault("frame", "error", types=("SendMessage",)))
    with sdk_of(gateway, folder, Person(), secured="anonymous") as sdk:
        sdk.do("connect")
        find_no_thread(sdk)
        with pytest.raises(SdkError, match="Sending initial message failed"):
            sdk.do("startChat")
        gateway.set_settings(oldest_sdk_version="99.0.0")
        with pytest.raises(SdkError, match="SdkVersionNotSupported"):
            sdk.do("channel")
        sdk.begin("seen")
        assert "update to the latest ChatSDK" in sdk.wait_for("error")["message"]


def test_the_sdk_has_sent_every_kind_of_frame_that_the_simulator_takes(sdk_frames: dict[str, Frame]) -> None:
    """Nothing in the simulator's grammar is there only because somebody here thinks so."""
    assert sdk_frames.keys() == frames_in.DATA.keys()


def test_recorded_frames_have_names_for_ids(sdk_frames: dict[str, Frame]) -> None:
    """What anybody else's frames are compared with."""
    assert sdk_frames["SenderTypingStarted"] == {
        "action": "chatWindowEvent",
        "eventId": "<id>",
        "payload": {
            "eventType": "SenderTypingStarted",
            "brand": {"id": 1386},
            "channel": {"id": "chat_local"},
            "consumerIdentity": {"idOnExternalPlatform": "<customer>", "firstName": "Ada", "lastName": "Lovelace"},
            "data": {"thread": {"idOnExternalPlatform": "<thread>"}},
            "destination": {},
            "visitor": {"id": "<visitor>"},
            "visit": {"id": "<visit>"},
        },
    }


@pytest.mark.parametrize(
    "request_",
    [
        frames_out.recover("thread", livechat=True),
        frames_out.recover("thread", livechat=False),
        frames_out.typing("thread", True),
        frames_out.typing("thread", False),
        frames_out.message("thread", new_id(), "Good morning"),
        frames_out.set_contact_fields("thread", (("plan", "gold"),)),
        frames_out.message_seen("thread"),
        frames_out.send_transcript("1", "ada@example.com"),
        frames_out.offline_message(Author("Ada King Lovelace", "ada@example.com"), "Call me"),
        frames_out.generate_authorization_token("thread", "/chat/1.0/brand/1386/messages/1"),
        frames_out.end_contact("thread", "1"),
        frames_out.load_more("thread", "1", "2026-11-25T10:00:00Z", contact_id=""),
        frames_out.refresh_token("token"),
    ],
    ids=lambda request: request.event_type,
)
def test_what_the_relay_sends_is_field_by_field_what_the_sdk_sends(
    sdk_frames: dict[str, Frame], request_: frames_out.Request
) -> None:
    """But for the visit, which may be left out: the relay knows of none."""
    assert differences(ours(request_), sdk_frames[request_.event_type]) == NO_VISIT


def ours(request_: frames_out.Request) -> Frame:
    """As the relay sends it, for the people that recorded frames are of."""
    text = frames_out.encoded(request_, new_id(), Channel(1386, "chat_local"), ADA)
    return normalised(json.loads(text), Person(visitor_id="visitor", customer_id="customer", thread_id="thread"))


def test_a_session_that_is_not_secured_is_authorized_as_the_sdk_does_it(sdk_frames: dict[str, Frame]) -> None:
    """But that the SDK says what browser it is, and names a visitor that it has chosen itself."""
    theirs = sdk_frames["AuthorizeCustomer"]
    version = theirs["payload"]["data"]["sdkVersion"]
    found = differences(ours(frames_out.authorize(version)), theirs)
    left_out = {field for field in found if field.startswith("payload.data.browserFingerprint")}
    assert found.keys() - left_out - {"payload.visitor.id"} == NO_VISIT.keys()


def test_a_message_of_whom_a_third_party_signs_in_is_field_by_field_what_the_sdk_sends(
    gateway: DfoControl, folder: Path
) -> None:
    """With the third party's own token; and the answer to a choice with its postback."""
    gateway.set_settings(third_party=True, keep_frames=True)
    gateway.add_authorization_code("the-code", "customer-7")
    person = Person(customer_id="customer-7")
    with sdk_of(gateway, folder, person, secured="thirdParty", authorizationCode="the-code", customerId=None) as sdk:
        sdk.do("connect")
        sdk.do("setName", "Ada Lovelace")
        find_no_thread(sdk)
        sdk.do("startChat", "Good morning")
        sdk.wait_for("ContactCreated")
        sdk.do("sendPostback", "/red", "Red")
    first, answer = (normalised(one["frame"], person) for one in gateway.frames() if one["event_type"] == "SendMessage")
    message = partial(frames_out.message, "thread", new_id(), third_party_token="token")
    assert differences(ours(message("Good morning")), first) == NO_VISIT
    assert differences(ours(message("Red", postback="/red")), answer) == NO_VISIT
    assert gateway.violations() == []


def test_a_page_of_a_live_chats_history_is_asked_for_field_by_field_as_the_sdk_does(
    gateway: DfoControl, folder: Path
) -> None:
    """There it names the contact."""
    gateway.set_settings(keep_frames=True, page_size=1)
    person = Person()
    with sdk_of(gateway, folder, person, secured="anonymous") as sdk:
        sdk.do("connect")
        sdk.do("setName", "Ada Lovelace")
        find_no_thread(sdk)
        sdk.do("startChat", "Good morning")
        sdk.wait_for("ContactCreated")
        sdk.do("sendText", "Is anybody there?")
        sdk.do("recover")
        assert [each["messageContent"]["text"] for each in sdk.do("loadMore")["data"]["messages"]] == ["Good morning"]
    [theirs] = (normalised(one["frame"], person) for one in gateway.frames() if one["event_type"] == "LoadMoreMessages")
    request = frames_out.load_more("thread", "1", "2026-11-25T10:00:00Z", contact_id="1")
    assert differences(ours(request), theirs) == NO_VISIT


def test_a_browser_is_told_by_the_names_that_the_sdk_has_for_it(gateway: DfoControl, folder: Path) -> None:
    """All but the time zone, which no handshake has."""
    with sdk_of(gateway, folder, Person(), secured="anonymous") as sdk:
        theirs = {agent: sdk.do("fingerprint", agent) for agent in USER_AGENTS}
    found = {agent: {**fingerprint(Device(agent)), "location": said["location"]} for agent, said in theirs.items()}
    assert found == theirs


def test_a_file_is_field_by_field_what_the_sdk_sends(gateway: DfoControl, folder: Path) -> None:
    """It uploads it as `files.js` does; the relay also says the type, where it knows it, as NICE's apps do."""
    gateway.set_settings(keep_frames=True)
    person = Person()
    with sdk_of(gateway, folder, person, secured="anonymous") as sdk:
        sdk.do("connect")
        sdk.do("setName", "Ada Lovelace")
        find_no_thread(sdk)
        sdk.do("sendFile", "a photo", "a photo.png", "image/png")
        with pytest.raises(SdkError, match="Upload attachment failed"):
            sdk.do("sendFile", "a film", "a film.mp4", "video/mp4")  # breaks the channel's rules
    [theirs] = (normalised(one["frame"], person) for one in gateway.frames() if one["event_type"] == "SendMessage")
    [sent] = theirs["payload"]["data"]["attachments"]

    def with_file(mime_type: str) -> Frame:
        file = Attachment(sent["url"], "a photo.png", mime_type)
        return ours(frames_out.message("thread", new_id(), "", attachments=(file,)))

    assert differences(with_file(""), theirs) == NO_VISIT
    typed = {"payload.data.attachments": ([{**sent, "mimeType": "image/png"}], [sent])}
    assert differences(with_file("image/png"), theirs) == NO_VISIT | typed
    assert gateway.violations() == []


@pytest.mark.parametrize("answer", ["result", "plain"])
def test_the_sdk_leaves_an_offline_message_whatever_answers_it(gateway: DfoControl, folder: Path, answer: str) -> None:
    """On a socket, though the channel is offline; nothing is looked for before."""
    gateway.set_settings(availability="offline", offline_message_answer=answer)
    left = {"name": "Ada", "email": "ada@example.com", "message": "Call me"}
    with sdk_of(gateway, folder, Person(), secured="anonymous") as sdk:
        assert sdk.do("availability") == {"status": "offline"}
        sdk.do("connect")
        sdk.do("offlineMessage", left)
    [taken] = gateway.offline_messages()
    assert (taken["name"], taken["email"], taken["text"]) == ("Ada", "ada@example.com", "Call me")
    assert gateway.violations() == []


def test_the_sdk_understands_that_an_offline_message_is_refused(gateway: DfoControl, folder: Path) -> None:
    gateway.set_settings(offline_form=False)
    with sdk_of(gateway, folder, Person(), secured="anonymous") as sdk:
        sdk.do("connect")
        with pytest.raises(SdkError, match="Send offline message failed"):
            sdk.do("offlineMessage", {"name": "Ada", "email": "ada@example.com", "message": "Call me"})


def test_the_sdk_holds_a_live_chat_with_a_tenant_of_today(running: DfoControl, folder: Path) -> None:
    """All settings as they are by default."""
    running.reset()
    person = Person()
    with sdk_of(running, folder, person, secured="anonymous") as sdk:
        sdk.do("connect")
        sdk.begin("recover")  # 2.2.0 takes only an error for a live chat that is not there: it will never be done
        sdk.wait_for("error")
        sdk.do("startChat", "Good morning")
        sdk.wait_for("ContactCreated")
        sdk.do("keystroke", 50)
        running.wait_for("frame", event_type="SenderTypingEnded", accepted=True)
        running.agent_says(person.thread_id, "How can I help?")
        sdk.wait_for("MessageCreated")
        sdk.do("endChat")
    assert running.thread(person.thread_id)["contact"]["status"] == "closed"
    assert running.violations() == []

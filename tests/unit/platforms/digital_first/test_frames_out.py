"""Frames to the gateway: the envelope, and what each request says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typing_relay.platforms.digital_first import frames_out
from typing_relay.platforms.digital_first.identity import Channel, Visitor

CHANNEL = Channel(1386, "chat_1")
VISITOR = Visitor("v-1", "c-1")
THREAD = {"idOnExternalPlatform": "t-1"}
SECRET = "s3cret words"
NO_ANSWER = '{"type":"sessionExpiration", "isExpired":true, "workflowJobId":"7"}'


def sent(request: frames_out.Request, visitor: Visitor = VISITOR) -> Any:
    return json.loads(frames_out.encoded(request, "e-1", CHANNEL, visitor))


def test_every_request_comes_in_the_same_envelope() -> None:
    assert sent(frames_out.typing("t-1", True)) == {
        "action": "chatWindowEvent",
        "eventId": "e-1",
        "payload": {
            "eventType": "SenderTypingStarted",
            "brand": {"id": 1386},
            "channel": {"id": "chat_1"},
            "consumerIdentity": {"idOnExternalPlatform": "c-1"},
            "data": {"thread": THREAD},
            "destination": {},
            "visitor": {"id": "v-1"},
            "visit": {},
        },
    }


def test_names_are_said_as_far_as_they_are_known() -> None:
    frame = sent(frames_out.typing("t-1", True), Visitor("v-1", "c-1", first_name="Ada"))
    assert frame["payload"]["consumerIdentity"] == {"idOnExternalPlatform": "c-1", "firstName": "Ada"}


@pytest.mark.parametrize(
    ("request_", "event_type", "data"),
    [
        (frames_out.recover("t-1", livechat=True), "RecoverLivechat", {"thread": THREAD}),
        (frames_out.recover("t-1", livechat=False), "RecoverThread", {"thread": THREAD}),
        (frames_out.typing("t-1", False), "SenderTypingEnded", {"thread": THREAD}),
        (frames_out.message_seen("t-1"), "MessageSeenByConsumer", {"thread": THREAD}),
        (frames_out.end_contact("t-1", "42"), "EndContact", {"thread": THREAD, "contact": {"id": "42"}}),
        (
            frames_out.load_more("t-1", "s-1", "2026-11-25T10:00:00Z", "42"),
            "LoadMoreMessages",
            {
                "thread": THREAD,
                "scrollToken": "s-1",
                "oldestMessageDatetime": "2026-11-25T10:00:00Z",
                "contact": {"id": "42"},
            },
        ),
        (
            frames_out.generate_authorization_token("t-1", "/chat/1.0/brand/1386/messages/9"),
            "GenerateAuthorizationToken",
            {"thread": THREAD, "url": "/chat/1.0/brand/1386/messages/9"},
        ),
    ],
)
def test_each_request_says_what_it_is_about(request_: frames_out.Request, event_type: str, data: Any) -> None:
    payload = sent(request_)["payload"]
    assert (payload["eventType"], payload["data"]) == (event_type, data)


def test_a_message_brings_all_that_the_web_sdk_sends() -> None:
    payload = sent(frames_out.message("t-1", "m-1", "Grüße 👋"))["payload"]
    fingerprint = payload["data"].pop("browserFingerprint")
    assert (payload["eventType"], payload["data"]) == (
        "SendMessage",
        {
            "idOnExternalPlatform": "m-1",
            "thread": THREAD,
            "messageContent": {"type": "TEXT", "payload": {"text": "Grüße 👋"}},
            "consumer": {"customFields": []},
            "consumerContact": {"customFields": []},
            "attachments": [],
        },
    )
    assert (fingerprint["language"], fingerprint["country"], fingerprint["applicationType"]) == ("en-US", "", "browser")


def test_the_heartbeat_is_what_the_gateway_waits_for() -> None:
    assert json.loads(frames_out.HEARTBEAT) == {"action": "heartbeat"}


def test_a_request_does_not_show_what_was_written() -> None:
    """T13."""
    assert SECRET not in repr(frames_out.message("t-1", "m-1", SECRET))


def test_an_answer_to_a_choice_brings_its_postback_as_it_came() -> None:
    content = sent(frames_out.message("t-1", "m-1", "No", NO_ANSWER))["payload"]["data"]["messageContent"]
    assert content == {"type": "TEXT", "payload": {"text": "No", "postback": NO_ANSWER}, "postback": NO_ANSWER}

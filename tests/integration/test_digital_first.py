"""Typing and messages on the running Digital-First stack, one visitor's trouble at a time, and then everybody's.

Every scene ends with no agent shown typing, and with no rule of the gateway broken.
"""

from __future__ import annotations

import base64
import json
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket
from typing_relay.relay.sign_in import signed_in_of
from typing_relay_client import Visitor as ClientVisitor

from local.commands.token import visitor_token
from local.dfo_simulator.client import DfoControl
from local.dfo_simulator.faults import Fault
from local.playing.visitor import Visitor, now_ms
from tests.support.at_the_same_time import Performance, Played
from tests.support.dfo_client import DfoClient
from tests.support.gateway_stage import ENDED, STARTED, Chatter, GatewayStage
from tests.support.protocol import FROM_RELAY, TO_RELAY, names, undocumented
from tests.support.relay_stage import PATIENCE_S, wait_until
from tests.support.sdk_frames import Frame, Person, differences, normalised
from tests.support.user_agents import USER_AGENTS

DEBOUNCE_MS = 2_000
#: As NICE knows an agent.
ADA = {"first_name": "Ada", "surname": "Lovelace", "nickname": "ada"}
#: These take longest, and wait most.
patient = Performance(at_once=4, actor=Chatter)
scenes = Performance(at_once=5, actor=Chatter)
BURST = [(STARTED, True), (ENDED, True)]


@pytest.fixture(scope="module")
def played(dfo_stage: GatewayStage, request: pytest.FixtureRequest) -> Iterator[Played]:
    """What became of each scene."""
    with dfo_stage.pings() as slow:
        yield {**patient.play(dfo_stage, slow, request), **scenes.play(dfo_stage, slow, request)}


def shows_a_burst(actor: Chatter) -> None:
    """Keys, and the agent sees them come and go."""
    with actor.typing():
        actor.waits_for(STARTED, accepted=True)
    actor.waits_for(ENDED, accepted=True)


# --- typing


@scenes.test
def test_fifty_keys_are_one_started_and_one_ended(actor: Chatter) -> None:
    """T1, T2: the end comes when the debounce is over, not before."""
    actor.begins()
    start = actor.front_end.type(range(0, 5000, 100))
    ended = actor.waits_for(ENDED)
    actor.settles()
    assert actor.typing_frames() == BURST
    assert ended["at"] - (start + 4900) >= DEBOUNCE_MS


@scenes.test
def test_keys_less_than_the_debounce_apart_are_one_burst(actor: Chatter) -> None:
    """T3."""
    actor.begins()
    actor.front_end.type(range(0, 6001, 1500))
    actor.waits_for(ENDED)
    actor.settles()
    assert actor.typing_frames() == BURST


@scenes.test
def test_a_stop_ends_the_typing_at_once(actor: Chatter) -> None:
    """T2."""
    actor.begins()
    with actor.typing():
        actor.waits_for(STARTED)
    stopped_at = now_ms()
    actor.stop()
    assert actor.waits_for(ENDED)["at"] - stopped_at < DEBOUNCE_MS


@scenes.test
def test_a_disconnect_is_a_stop(actor: Chatter) -> None:
    """A closed tab types no more."""
    actor.begins()
    with actor.typing():
        actor.waits_for(STARTED)
    actor.front_end.close()
    actor.waits_for(ENDED)


@scenes.test
def test_a_stop_from_the_other_tab_changes_nothing(actor: Chatter) -> None:
    """T10."""
    actor.begins()
    with actor.stage.connect(actor.name) as other_tab, actor.typing():
        actor.waits_for(STARTED)
        actor.key_in(other_tab)
        other_tab.send({"action": "stop"})
        time.sleep(3)
        assert actor.typing_frames() == BURST[:1]
    actor.waits_for(ENDED)


@scenes.test
def test_keys_before_there_is_a_contact_are_kept_from_the_gateway(actor: Chatter) -> None:
    """Nobody can be shown anything; and what was typed then is stale when the contact opens (T5)."""
    with actor.typing():
        time.sleep(2)
    time.sleep(3)
    actor.begins()
    actor.settles()
    assert actor.typing_frames() == []


@scenes.test
def test_keys_while_the_contact_opens_count_from_when_it_does(actor: Chatter) -> None:
    """Fresh ones, pressed after the message that opens it."""
    actor.fault(Fault("frame", "slow", types=("SendMessage",), seconds=2))
    first = actor.says("Good morning")
    with actor.typing():
        actor.waits_for(STARTED, accepted=True)
    actor.waits_for(ENDED, accepted=True)
    assert actor.is_told(first) == "accepted"


@scenes.test
def test_a_message_ends_the_typing(actor: Chatter) -> None:
    """And the gateway is told: nobody knows whether a message alone puts the indicator out."""
    actor.begins()
    with actor.typing():
        actor.waits_for(STARTED)
    assert actor.is_told(actor.says("Hm")) == "accepted"
    wait_until(lambda: not actor.thread()["typing"], "the end of the typing")


@scenes.test
def test_after_a_message_typing_is_shown_again(actor: Chatter) -> None:
    """T9."""
    actor.begins()
    for text in ("one", "two"):
        with actor.typing():
            actor.waits_for(STARTED)
        assert actor.is_told(actor.says(text)) == "accepted"
        actor.settles()
    assert actor.shown() == [True, False, True, False]


# --- messages


@scenes.test
def test_the_first_message_opens_a_contact(actor: Chatter) -> None:
    """And the visitor hears of it."""
    actor.begins("Is anybody there?")
    actor.hears("contact", status="open")
    assert actor.texts() == ["Is anybody there?"]
    assert actor.thread()["contact"]["status"] == "new"


@scenes.test
def test_messages_are_taken_once_and_in_order(actor: Chatter) -> None:
    """T15."""
    texts = [f"message {n}" for n in range(8)]
    ids = [actor.says(text) for text in texts]
    assert [actor.is_told(message_id) for message_id in ids] == ["accepted"] * len(ids)
    assert actor.texts() == texts


@scenes.test
def test_a_message_sent_twice_is_one_message(actor: Chatter) -> None:
    """T15: the same id and text."""
    actor.begins()
    message_id = actor.says("once")
    assert actor.is_told(message_id) == "accepted"
    actor.front_end.forget("message")
    actor.says("once", message_id)
    assert actor.is_told(message_id) == "accepted"
    assert actor.texts() == ["Good morning", "once"]


@scenes.test
def test_an_id_of_another_message_is_refused(actor: Chatter) -> None:
    """Bad input: and what was sent by it first stays what it was."""
    actor.begins()
    message_id = actor.says("the first")
    assert actor.is_told(message_id) == "accepted"
    actor.front_end.forget("message")
    actor.says("another", message_id)
    assert actor.is_told(message_id) == "duplicate_id"
    assert actor.texts() == ["Good morning", "the first"]


@pytest.mark.parametrize("text", ["", " \n", "x" * 10_001], ids=["empty", "blank", "too long"])
def test_a_text_that_is_no_message_is_refused_by_its_id(dfo_stage: GatewayStage, text: str) -> None:
    """Bad input: the front end hears which one, and nothing is sent."""
    with Chatter(dfo_stage, f"speechless-{len(text)}") as actor:
        message_id = actor.says(text)
        refused = actor.front_end.wait_for("error", PATIENCE_S, id=message_id)
        assert (refused["code"], actor.events("frame")[1:]) == ("bad_message", [])
        actor.settles()


@scenes.test
def test_a_text_may_be_as_long_as_is_promised(actor: Chatter) -> None:
    """10,000 characters."""
    actor.begins("ä" * 10_000)
    assert actor.texts() == ["ä" * 10_000]


# --- what agents do


@scenes.test
def test_what_an_agent_does_is_told_in_one_shape(actor: Chatter) -> None:
    """Joined, typing, a message, queue, read, closed; CXone's own frame is beside each."""
    actor.begins()
    actor.gateway.queue_position(actor.thread_id, 2)
    actor.gateway.assign(actor.thread_id, **ADA)
    actor.gateway.agent_types(actor.thread_id, True)
    message_id = actor.gateway.agent_says(actor.thread_id, "How can I help?")
    actor.gateway.agent_types(actor.thread_id, False)
    actor.gateway.agent_reads(actor.thread_id)
    said = actor.hears("message", id=message_id)
    assert {"text": "How can I help?", "from": "agent"}.items() <= said["detail"].items()
    assert said["detail"]["author"] == ADA["nickname"]
    assert said["event"]["eventType"] == "MessageSent"  # it comes first
    for name, detail in {
        "queue": {"position": 2},
        "agent": {"name": ADA["nickname"]},
        "agent-typing": {"typing": True},
        "read": {},
    }.items():
        assert actor.hears(name, **detail)["event"]["eventType"]
    actor.hears("agent-typing", typing=False)
    actor.gateway.close_contact(actor.thread_id)
    actor.hears("contact", status="closed")


def agents_typing(actor: Chatter) -> list[dict[str, Any]]:
    """What the visitor was told of who types, in order."""
    return [frame["detail"] for frame in actor.front_end.heard if frame.get("name") == "agent-typing"]


@pytest.mark.parametrize("end", ["message", "another agent", "the socket is lost", "the contact is closed"])
def test_an_agents_typing_is_over_though_cxone_does_not_say_so(dfo_stage: GatewayStage, end: str) -> None:
    """T16: and a start that is older than the message is not told."""
    with Chatter(dfo_stage, f"watching-{end.replace(' ', '-')}") as actor:
        actor.begins()
        actor.gateway.assign(actor.thread_id, **ADA)
        before = {"createdAt": datetime.now(UTC).isoformat(), "eventId": "e", "eventType": "SenderTypingStarted"}
        actor.gateway.agent_types(actor.thread_id, True)
        actor.hears("agent-typing", typing=True)
        if end == "message":
            actor.gateway.agent_says(actor.thread_id, "How can I help?")
            late = {**before, "data": {"direction": "outbound", "thread": {"idOnExternalPlatform": actor.thread_id}}}
            actor.gateway.push(actor.visitor_id, json.dumps(late))
        elif end == "another agent":
            actor.gateway.assign(actor.thread_id, first_name="Bob", surname="B", nickname="bob")
        elif end == "the contact is closed":
            actor.gateway.close_contact(actor.thread_id)
        else:
            actor.gateway.drop_sockets("reset", actor.visitor_id)
        actor.hears("agent-typing", typing=False)
        actor.settles()
        named = [[agent["name"] for agent in detail["agents"]] for detail in agents_typing(actor)]
        assert (named[0], {tuple(names) for names in named[1:]}) == ([ADA["nickname"]], {()})


@scenes.test
def test_all_that_is_said_in_a_conversation_is_documented(actor: Chatter) -> None:
    """docs/asyncapi.yaml: each message of Digital-First is sent or heard here, and nothing else is.

    But for those of signing in, and while nobody is there: the pages below have them.
    """
    front_end = actor.front_end
    actor.begins()
    front_end.type(range(0, 500, 100), hold_ms=6000)
    for action in ("seen", "ping"):
        front_end.send({"action": action})
    actor.gateway.queue_position(actor.thread_id, 2)
    actor.gateway.assign(actor.thread_id, **ADA)
    actor.gateway.agent_types(actor.thread_id, True)
    actor.gateway.agent_says(actor.thread_id, "How can I help?")
    for what in ("read", "seen"):
        actor.gateway.agent_reads(actor.thread_id, what)
    surprise = {"eventType": "Surprise", "data": {"thread": {"idOnExternalPlatform": actor.thread_id}}}
    actor.gateway.push(actor.visitor_id, json.dumps(surprise))
    front_end.send({"action": "history"})
    actor.hears("history")
    front_end.send({"action": "transcript", "email": "ada@example.com"})
    actor.hears("transcript", status="sent")
    assert actor.thread()["transcripts"] == ["ada@example.com"]
    front_end.send({"action": "seen"})
    actor.hears("unread", count=0)
    front_end.send({"action": "end"})
    front_end.wait_for("pong", PATIENCE_S)
    front_end.wait_for("event", PATIENCE_S, event=surprise)
    actor.hears("contact", status="closed")
    assert undocumented(front_end.sent, TO_RELAY) == []
    front_end.send({"action": "sing"})
    front_end.wait_for("error", PATIENCE_S, code="unknown_action")
    said = {name for frame in front_end.sent for name in names(frame, TO_RELAY)}
    assert said == {name for name, message in TO_RELAY.items() if "dfo" in message.platforms} - {
        "signIn",
        "offlineMessage",
    }
    heard = {name for frame in front_end.heard for name in names(frame, FROM_RELAY)}
    known = {name for name, message in FROM_RELAY.items() if "dfo" in message.platforms}
    assert heard == known - {"gatewayFailure", "signInWanted", "availability"}


def test_a_token_names_the_channel_of_the_conversation(dfo_stage: GatewayStage) -> None:
    """With a token, a socket and a thread of that channel; the end of a keeper does not change it."""
    with Chatter(dfo_stage, "second-channel", channel="chat_second") as actor:
        actor.begins()
        shows_a_burst(actor)
        actor.loses_socket()
        shows_a_burst(actor)
        actor.settles()
        assert actor.thread()["channel_id"] == "chat_second"
        assert {event["channel_id"] for event in actor.events("socket_open")} == {"chat_second"}


def test_without_a_name_it_is_the_first_channel(dfo_stage: GatewayStage) -> None:
    with Chatter(dfo_stage, "first-channel") as actor:
        actor.begins()
        assert actor.thread()["channel_id"] == dfo_stage.stage_channel()


def test_a_channel_that_is_not_the_deployments_is_refused_at_the_door(dfo_stage: GatewayStage) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        dfo_stage.connect("no-channel", channel="chat_third")


@scenes.test
def test_a_visitor_ends_the_conversation_and_begins_another(actor: Chatter) -> None:
    """After what was said before; and the next message is in a thread of its own."""
    actor.begins()
    actor.says("Good-bye")
    actor.front_end.send({"action": "end"})
    actor.hears("contact", status="closed")
    former = actor.thread()
    assert (former["contact"]["status"], actor.texts()) == ("closed", ["Good morning", "Good-bye"])
    actor.front_end.forget("event")
    actor.begins("One more thing")
    assert actor.thread_id != former["thread_id"]


@scenes.test
def test_a_page_that_is_loaded_again_has_the_conversation_back(actor: Chatter) -> None:
    """In pages, newest first, of both sides, also those that no page of the visitor's was told."""
    actor.begins("1")
    for number in range(2, 30):
        actor.gateway.agent_says(actor.thread_id, str(number))
    found: list[str] = []
    with actor.stage.connect(actor.name) as page:
        page.send({"action": "history"})
        while True:
            detail = page.wait_for("event", PATIENCE_S, name="history")["detail"]
            page.forget("event")
            found += [message["text"] for message in detail["messages"]]
            if not detail["before"]:
                break
            page.send({"action": "history", "before": detail["before"]})
    assert found == [str(number) for number in range(29, 0, -1)]


@scenes.test
def test_a_page_that_is_loaded_again_knows_what_is_unread_until_it_was_seen(actor: Chatter) -> None:
    """As the gateway knows it: whoever has kept the visitor's socket. Seen in one tab is seen in all."""
    actor.begins()
    for text in ("How can I help?", "Are you there?"):
        actor.gateway.agent_says(actor.thread_id, text)
    actor.hears("message", text="Are you there?")
    for count in (2, 0):
        with actor.stage.connect(actor.name) as page:
            page.send({"action": "hello"})
            assert page.wait_for("event", PATIENCE_S, name="unread")["detail"] == {"count": count}
        actor.front_end.send({"action": "seen"})
        actor.hears("unread", count=0)
    assert all(message["seen_at"] for message in actor.thread()["messages"] if message["direction"] == "outbound")


@scenes.test
def test_a_keeper_that_takes_over_knows_what_is_unread(actor: Chatter) -> None:
    """The look finds it."""
    actor.begins()
    actor.gateway.agent_says(actor.thread_id, "How can I help?")
    actor.hears("message", text="How can I help?")
    actor.loses_socket()
    actor.front_end.send({"action": "hello"})
    actor.hears("unread", count=1)


@scenes.test
def test_the_client_in_python_comes_back_to_its_conversation(actor: Chatter) -> None:
    """Contact, agent, what is unread, and the messages."""
    actor.begins()
    actor.gateway.assign(actor.thread_id, **ADA)
    actor.gateway.agent_says(actor.thread_id, "How can I help?")
    actor.hears("message", text="How can I help?")
    stage, heard = actor.stage, list[dict[str, Any]]()
    token = visitor_token(stage.aws, stage.stack.info["visitor_secret_arn"], actor.name)
    visitor = ClientVisitor(stage.stack.info["websocket_url"], lambda: token, heard.append)

    def known() -> dict[str, Any]:
        visitor.live(0.1)
        return {frame["name"]: frame["detail"] for frame in heard if "name" in frame}

    wait_until(lambda: "unread" in known(), "the current state")
    visitor.send(action="history")
    wait_until(lambda: "history" in known(), "the messages")
    visitor.close()
    stands = known()
    assert (stands["contact"], stands["agent"]["name"], stands["unread"]) == ({"status": "open"}, "ada", {"count": 1})
    assert [message["text"] for message in stands["history"]["messages"]] == ["How can I help?", "Good morning"]
    assert undocumented(heard, FROM_RELAY) == []


def uploaded(rules: dict[str, Any], content: bytes) -> str:
    """As a visitor's own browser uploads it."""
    body = {"content": base64.b64encode(content).decode(), "fileName": "a photo.png", "mimeType": "image/png"}
    return str(requests.post(rules["upload"], json=body, timeout=5).json()["fileUrl"])


@scenes.test
def test_files_go_both_ways_and_stay_in_the_conversation(actor: Chatter) -> None:
    """The page uploads what the rules allow, and the message names it; a page that is loaded again has it back."""
    rules = actor.hears("files")["detail"]
    assert (rules["largest_bytes"], "image/*" in rules["types"]) == (20 * 1024 * 1024, True)
    photo = {"url": uploaded(rules, b"a photo"), "name": "a photo.png", "type": "image/png"}
    message_id = str(uuid.uuid4())
    actor.front_end.send({"action": "message", "id": message_id, "text": "", "attachments": [photo]})
    assert actor.is_told(message_id) == "accepted"
    [message] = actor.thread()["messages"]
    assert message["attachments"] == [{"url": photo["url"], "friendlyName": photo["name"], "mimeType": "image/png"}]
    back = {"url": photo["url"], "friendlyName": "back.png", "mimeType": "image/png"}
    told = actor.gateway.agent_says(actor.thread_id, "Here it is", attachments=[back])
    assert actor.hears("message", id=told)["detail"]["attachments"] == [{**photo, "name": "back.png"}]
    with actor.stage.connect(actor.name) as page:
        page.send({"action": "hello"})
        page.send({"action": "history"})
        assert page.wait_for("event", PATIENCE_S, name="files")["detail"] == rules
        newest = page.wait_for("event", PATIENCE_S, name="history")["detail"]["messages"]
    assert [message["attachments"][0]["name"] for message in newest] == ["back.png", "a photo.png"]


@scenes.test
def test_a_file_that_is_not_at_cxone_is_refused_at_the_door(actor: Chatter) -> None:
    """By name, and the next message goes on."""
    stray = {"url": "https://elsewhere.example/1", "name": "a photo.png"}
    message_id = str(uuid.uuid4())
    actor.front_end.send({"action": "message", "id": message_id, "text": "", "attachments": [stray]})
    actor.front_end.wait_for("error", PATIENCE_S, code="bad_attachment", id=message_id)
    actor.begins()


@scenes.test
def test_an_answer_with_a_page_may_have_to_be_fetched(actor: Chatter) -> None:
    """It was too large for a frame."""
    actor.begins("1")
    actor.gateway.set_settings_of(actor.visitor_id, recovered_in_s3=True)
    actor.front_end.send({"action": "history"})
    assert [message["text"] for message in actor.hears("history")["detail"]["messages"]] == ["1"]


@scenes.test
def test_where_cxone_refuses_them_end_and_history_are_named_errors(actor: Chatter) -> None:
    """And nothing else is disturbed."""
    actor.begins()
    actor.fault(Fault("frame", "error", types=("EndContact",), code="Refused"))
    actor.front_end.send({"action": "end"})
    actor.front_end.wait_for("error", PATIENCE_S, code="not_ended")
    actor.front_end.send({"action": "history", "before": "unheard-of"})
    actor.front_end.wait_for("error", PATIENCE_S, code="history_unknown")
    actor.calm()
    shows_a_burst(actor)


@scenes.test
def test_a_choice_is_offered_and_answered_with_its_postback(actor: Chatter) -> None:
    """The inactivity popup: what is not understood of a postback goes back as it came."""
    actor.begins()
    postback = '{"type":"sessionExpiration", "isExpired":false, "workflowJobId":"7"}'
    elements = [{"type": "TEXT", "text": "Still there?"}, {"type": "BUTTON", "text": "Yes", "postback": postback}]
    payload = {"elements": [{"type": "INACTIVITY_POPUP", "elements": elements}]}
    fallback = "Unsupported message content"
    popup = actor.gateway.agent_says(actor.thread_id, fallback, type="PLUGIN", payload=payload)
    detail = actor.hears("message", id=popup)["detail"]
    assert (detail["text"], detail["choices"]) == ("Still there?", [{"text": "Yes", "postback": postback}])
    message_id = str(uuid.uuid4())
    actor.front_end.send({"action": "message", "id": message_id, "text": "Yes", "postback": postback})
    assert actor.is_told(message_id) == "accepted"
    assert actor.thread()["messages"][-1]["content"]["postback"] == postback


@scenes.test
def test_a_second_tab_shows_at_once_what_the_first_one_shows(actor: Chatter) -> None:
    """T16: contact, agent, and that the agent types."""
    actor.begins()
    actor.gateway.assign(actor.thread_id, **ADA)
    actor.gateway.agent_types(actor.thread_id, True)
    actor.hears("agent-typing", typing=True)
    with actor.stage.connect(actor.name) as second:
        second.send({"action": "hello"})

        def known() -> dict[str, Any]:
            return {frame["name"]: frame["detail"] for frame in list(second.frames) if "name" in frame}

        wait_until(lambda: "agent-typing" in known(), "the second tab's events")
        assert (known()["contact"]["status"], known()["agent"]["name"]) == ("open", ADA["nickname"])
        assert known()["agent-typing"]["typing"] is True
    actor.gateway.agent_types(actor.thread_id, False)


@scenes.test
def test_a_long_message_of_an_agent_is_fetched(actor: Chatter) -> None:
    """EventInS3."""
    actor.begins()
    message_id = actor.gateway.agent_says(actor.thread_id, "At length. " * 500, in_s3=True)
    assert actor.hears("message", id=message_id)["detail"]["text"] == "At length. " * 500


@scenes.test
def test_a_message_of_which_a_frame_holds_a_part_is_told_whole_and_in_order(actor: Chatter) -> None:
    """`hasAdditionalMessageContent`."""
    actor.begins()
    actor.gateway.set_settings_of(actor.visitor_id, longest_text=20)
    texts = [f"{number}: at length. " * 100 if number % 2 else f"{number}: short" for number in range(4)]
    ids = [actor.gateway.agent_says(actor.thread_id, text) for text in texts]
    actor.hears("message", id=ids[-1])
    assert said_by_agents(actor) == [(text, False) for text in texts]


@scenes.test
def test_a_long_message_that_was_missed_is_told_whole(actor: Chatter) -> None:
    """A look finds a part of it."""
    actor.begins()
    actor.gateway.set_settings_of(actor.visitor_id, longest_text=20)
    actor.fault(Fault("handshake", "refuse", count=2))
    actor.gateway.drop_sockets("reset", actor.visitor_id)
    text = "At length. " * 100
    actor.hears("message", id=actor.gateway.agent_says(actor.thread_id, text), text=text)


@scenes.test
def test_the_rest_of_a_message_is_asked_for_again(actor: Chatter) -> None:
    """Whatever went wrong with its token, or with it."""
    token = ("GenerateAuthorizationToken",)
    faults = (
        Fault("message", "refuse", status=401, count=2),
        Fault("message", "reset", count=1),
        Fault("frame", "error", types=token, count=2),
        Fault("frame", "dropped", types=token, count=1),
    )
    actor.begins()
    actor.gateway.set_settings_of(actor.visitor_id, longest_text=20)
    text = "At length. " * 100
    for fault in faults:
        actor.fault(fault)
        actor.hears("message", id=actor.gateway.agent_says(actor.thread_id, text), text=text)
    assert said_by_agents(actor) == [(text, False)] * len(faults)


@patient.test
def test_without_its_rest_a_message_is_told_as_a_part(actor: Chatter) -> None:
    """And what comes after it is told after it, within half a minute; no request is repeated without end."""
    actor.begins()
    actor.gateway.set_settings_of(actor.visitor_id, longest_text=20)
    text = "At length. " * 100
    for fault in (
        Fault("message", "refuse", status=500),
        Fault("frame", "unanswered", types=("GenerateAuthorizationToken",)),
    ):
        actor.fault(fault)
        actor.gateway.agent_says(actor.thread_id, text)
        actor.hears("message", id=actor.gateway.agent_says(actor.thread_id, "Next"), timeout_s=2 * PATIENCE_S)
    assert said_by_agents(actor) == [(text[:20], True), ("Next", False)] * 2
    calls = [event for event in actor.gateway.events(actor.began) if event.get("visitor_id") == actor.visitor_id]
    assert len([event for event in calls if event["kind"] == "message"]) == 3


@scenes.test
def test_a_streamed_message_is_told_once_it_is_written(actor: Chatter) -> None:
    """NICE's web SDK shows it piece by piece, and knows no other way to its text."""
    actor.begins()
    actor.gateway.set_settings_of(actor.visitor_id, streamed_messages=True)
    message_id = actor.gateway.agent_says(actor.thread_id, "Good morning to you all")
    actor.hears("message", id=message_id)
    assert said_by_agents(actor) == [("Good morning to you all", False)]


@scenes.test
def test_of_a_stream_that_fails_the_text_so_far_is_told(actor: Chatter) -> None:
    actor.begins()
    actor.gateway.set_settings_of(actor.visitor_id, streamed_messages=True)
    for do in ("cut", "refuse"):
        actor.fault(Fault("stream", do))
        actor.hears("message", id=actor.gateway.agent_says(actor.thread_id, "Good morning to you all"))
    assert said_by_agents(actor) == [("Good morning ", True), ("", True)]


def said_by_agents(actor: Chatter) -> list[tuple[str, bool]]:
    """The texts that the front end was told, in order, and which of them are parts."""
    details = [frame["detail"] for frame in actor.front_end.frames if frame.get("name") == "message"]
    return [(d["text"], d.get("incomplete", False)) for d in details if d["from"] == "agent"]


@scenes.test
def test_what_an_agent_said_while_the_socket_was_down_is_told(actor: Chatter) -> None:
    """The gateway replays nothing: it is found by looking."""
    actor.begins()
    actor.fault(Fault("handshake", "refuse", count=2))
    actor.gateway.drop_sockets("reset", actor.visitor_id)
    message_id = actor.gateway.agent_says(actor.thread_id, "Are you there?")
    actor.hears("message", id=message_id, text="Are you there?")


@scenes.test
def test_a_live_chat_ends_with_its_contact_and_the_next_message_begins_another(actor: Chatter) -> None:
    """Closed while the visitor types: nothing is left on, and what is typed then is shown in the new one only."""
    actor.begins()
    former = actor.thread_id
    with actor.typing():
        actor.waits_for(STARTED)
        actor.gateway.close_contact(former)
        actor.hears("contact", status="closed")
        time.sleep(1)
    actor.settles()
    assert [frame for frame in actor.typing_frames() if frame[0] == STARTED] == BURST[:1]
    actor.looks_away()
    assert actor.is_told(actor.says("Once more")) == "accepted"
    assert actor.thread_id != former
    assert actor.texts() == ["Once more"]
    shows_a_burst(actor)


# --- in each of the ways that NICE's own clients know


def meets(actor: Chatter, **settings: object) -> None:
    """From the next socket on this visitor's gateway speaks like that."""
    actor.gateway.set_settings_of(actor.visitor_id, **settings)
    actor.loses_socket()


@scenes.test
def test_a_live_chat_opens_however_it_is_said_that_there_is_none_yet(actor: Chatter) -> None:
    """No loop: one look each."""
    kinds = ("absent", "nulls", "empty", "plain", "error")
    for kind in kinds:
        meets(actor, no_thread=kind)
    wait_until(lambda: len(actor.events("frame")) == 1 + len(kinds), "the last look")
    actor.begins()
    shows_a_burst(actor)
    assert len(actor.events("socket_open")) == 1 + len(kinds)


@scenes.test
def test_another_thread_that_a_look_finds_is_gone_on_in(actor: Chatter) -> None:
    """Its contact is open again, which the relay was not told."""
    actor.begins()
    found = actor.thread_id
    actor.gateway.set_settings_of(actor.visitor_id, newest_instead=True)
    actor.gateway.close_contact(found)
    actor.hears("contact", status="closed")
    actor.fault(Fault("push", "lose", types=("CaseStatusChanged",)))
    actor.gateway.reopen_contact(found)
    assert actor.is_told(actor.says("Once more")) == "accepted"
    assert actor.thread_id == found
    assert actor.texts() == ["Good morning", "Once more"]


@scenes.test
def test_a_contact_under_its_other_name_is_known(actor: Chatter) -> None:
    """After a reconnect; what is recovered has to be fetched, too."""
    actor.begins()
    meets(actor, contact_name="consumerContact", recovered_in_s3=True)
    shows_a_burst(actor)


@scenes.test
def test_an_inactivity_popup_that_nobody_answers_ends_the_chat_and_one_that_is_answered_does_not(
    actor: Chatter,
) -> None:
    """The page answers it; the relay never does."""
    actor.begins()
    elements = [{"type": "TEXT", "text": "Still there?"}, {"type": "BUTTON", "text": "Yes", "postback": "{}"}]
    popup = {"type": "PLUGIN", "payload": {"elements": elements}, "expires_in": 4}
    actor.hears("message", id=actor.gateway.agent_says(actor.thread_id, "Still there?", **popup))
    message_id = str(uuid.uuid4())
    actor.front_end.send({"action": "message", "id": message_id, "text": "Yes", "postback": "{}"})
    assert actor.is_told(message_id) == "accepted"
    time.sleep(5)
    assert actor.thread()["contact"]["status"] != "closed"
    actor.hears("message", id=actor.gateway.agent_says(actor.thread_id, "And now?", **popup))
    actor.hears("contact", status="closed")


@scenes.test
def test_every_kind_of_rich_message_can_be_read(actor: Chatter) -> None:
    """As NICE's guides show them; of one that nobody knows there is what stands in for it."""
    actor.begins()
    action = {"type": "REPLY_BUTTON", "text": "Yes", "postback": "y"}
    kinds: dict[str, tuple[dict[str, Any], str, list[str]]] = {
        "QUICK_REPLIES": ({"text": {"content": "Ready?"}, "actions": [action]}, "Ready?", ["Yes"]),
        "LIST_PICKER": (
            {"title": {"content": "Which?"}, "text": {"content": ""}, "actions": [action]},
            "Which?",
            ["Yes"],
        ),
        "RICH_LINK": ({"title": {"content": "Our page"}, "url": "https://nice.example"}, "Our page", []),
        "ADAPTIVE_CARD": ({"body": [{"type": "TextBlock", "text": "?"}]}, "Instead", []),
    }
    for kind, (payload, text, choices) in kinds.items():
        message_id = actor.gateway.agent_says(actor.thread_id, "Instead", type=kind, payload=payload)
        detail = actor.hears("message", id=message_id)["detail"]
        assert (detail["text"], [choice["text"] for choice in detail.get("choices", [])]) == (text, choices), kind


@scenes.test
def test_typing_is_shown_whatever_the_gateway_says_to_it(actor: Chatter) -> None:
    """It may echo it, answer it, and end it with a message: none of that is an agent's typing, or an error."""
    own = {"echo_typing": True, "acknowledge_typing": True, "message_ends_typing": True}
    actor.gateway.set_settings_of(actor.visitor_id, **own)
    actor.begins()
    shows_a_burst(actor)
    with actor.typing():
        actor.waits_for(STARTED, accepted=True)
    assert actor.is_told(actor.says("Hm")) == "accepted"
    actor.settles()
    assert [frame for frame in actor.front_end.frames if frame.get("name") == "agent-typing"] == []


@scenes.test
def test_an_agents_typing_is_told_by_whichever_field_the_gateway_has(actor: Chatter) -> None:
    actor.begins()
    for number, fields in enumerate((["direction"], ["user"], ["direction", "user"])):
        actor.gateway.set_settings_of(actor.visitor_id, agent_typing_fields=fields)
        for typing in (True, False):
            actor.gateway.agent_types(actor.thread_id, typing)
            wait_until(lambda n=2 * number + (not typing) + 1: len(typing_told(actor)) == n, "the agent's typing")  # type: ignore[misc]
    assert typing_told(actor) == [True, False] * 3


def typing_told(actor: Chatter) -> list[bool]:
    """Whether an agent types, as the front end was told, in order."""
    frames = list(actor.front_end.frames)
    return [frame["detail"]["typing"] for frame in frames if frame.get("name") == "agent-typing"]


@scenes.test
def test_further_pages_may_have_to_be_fetched(actor: Chatter) -> None:
    """`MoreMessagesLoaded` as `EventInS3`."""
    actor.gateway.set_settings_of(actor.visitor_id, recovered_in_s3=True, page_size=1)
    actor.begins("1")
    assert actor.is_told(actor.says("2")) == "accepted"
    actor.front_end.send({"action": "history"})
    page = actor.hears("history")["detail"]
    actor.front_end.send({"action": "history", "before": page["before"]})
    former = actor.hears("history", asked=page["before"])["detail"]
    assert [message["text"] for message in (*page["messages"], *former["messages"])] == ["2", "1"]


@scenes.test
def test_a_contact_that_only_its_message_names_is_known(actor: Chatter) -> None:
    """And so is the queue position that came before it, without a thread."""
    actor.gateway.set_settings_of(
        actor.visitor_id, case_created_events=False, queue_position_first=True, queue_position_names="contact"
    )
    actor.begins()
    actor.hears("contact", status="open")
    actor.hears("queue", position=1)
    actor.gateway.queue_position(actor.thread_id, 7)
    actor.hears("queue", position=7)
    shows_a_burst(actor)


@scenes.test
def test_a_contact_that_was_closed_and_opened_again_goes_on(actor: Chatter) -> None:
    """In the same thread."""
    actor.begins()
    thread_id = actor.thread_id
    actor.gateway.close_contact(thread_id)
    actor.hears("contact", status="closed")
    actor.front_end.forget("event")
    actor.gateway.reopen_contact(thread_id)
    actor.hears("contact", status="open")
    shows_a_burst(actor)
    assert actor.is_told(actor.says("Once more")) == "accepted"
    assert actor.thread_id == thread_id


@scenes.test
def test_a_message_is_told_once_although_it_is_sent_and_created(actor: Chatter) -> None:
    """MessageSent comes before MessageCreated."""
    actor.begins()
    message_id = actor.gateway.agent_says(actor.thread_id, "How can I help?")
    actor.gateway.agent_types(actor.thread_id, True)
    actor.hears("agent-typing", typing=True)
    told = [frame for frame in actor.front_end.frames if frame.get("detail", {}).get("id") == message_id]
    assert [frame["name"] for frame in told] == ["message"]


@scenes.test
def test_after_a_thread_that_takes_no_more_another_begins(actor: Chatter) -> None:
    """As soon as a look has said so, though its contact is open."""
    actor.begins()
    former = actor.thread_id
    actor.gateway.end_thread(former)
    actor.loses_socket()
    assert actor.is_told(actor.says("Once more")) == "accepted"
    assert actor.thread_id != former
    shows_a_burst(actor)


@scenes.test
def test_what_nobody_understands_is_passed_on(actor: Chatter) -> None:
    """A kind that is not known, of no thread; one that lacks what it needs; one whose contact names its thread."""
    odd = {"eventType": "Surprise", "data": {}}
    lacking = {"eventType": "SetPositionInQueue", "data": {"thread": {"idOnExternalPlatform": actor.thread_id}}}
    contact = {"id": "1", "threadIdOnExternalPlatform": actor.thread_id}
    elsewhere = {"eventType": "ContactRecipientsChanged", "data": {"contact": contact, "recipients": []}}
    for event in (odd, lacking, elsewhere):
        actor.gateway.push(actor.visitor_id, json.dumps(event))
        actor.front_end.wait_for("event", PATIENCE_S, event=event)


@scenes.test
def test_a_handshake_refused_with_any_status_gets_a_new_token(actor: Chatter) -> None:
    """Another one for each attempt."""
    actor.begins()
    before = len(actor.events("authorize"))
    actor.fault(Fault("handshake", "refuse", status=500, count=1))
    actor.loses_socket()
    shows_a_burst(actor)
    assert len(actor.events("authorize")) == before + 1


@scenes.test
def test_what_api_gateway_lost_is_looked_for_and_sent_once(actor: Chatter) -> None:
    """T15: its error names no request."""
    actor.begins()
    for do in ("dropped", "dropped_taken"):
        actor.fault(Fault("frame", do, types=("SendMessage",), count=1))
        assert actor.is_told(actor.says(do)) == "accepted"
    assert actor.texts() == ["Good morning", "dropped", "dropped_taken"]


# --- faults: the socket


@patient.test
def test_a_socket_that_went_silent_is_replaced_and_what_is_wanted_is_said_again(actor: Chatter) -> None:
    """T4, with the fault's own 45 s: nothing can be said, and nothing heard, until the keeper gives the socket up."""
    actor.begins()
    with actor.typing():
        actor.waits_for(STARTED)
        actor.gateway.drop_sockets("silent", actor.visitor_id)
    actor.waits_for(ENDED, 75, accepted=True)
    assert len(actor.events("socket_open")) == 2
    shows_a_burst(actor)


@scenes.test
def test_a_reset_while_typing_is_followed_by_what_is_wanted(actor: Chatter) -> None:
    """After a reconnect nobody knows what the agent sees."""
    actor.begins()
    with actor.typing():
        actor.waits_for(STARTED)
        actor.loses_socket("reset")
        actor.waits_for(STARTED, accepted=True)
    actor.waits_for(ENDED, accepted=True)


@scenes.test
def test_a_socket_that_the_gateway_closes_while_typing_is_replaced(actor: Chatter) -> None:
    """1001 and 1011."""
    actor.begins()
    with actor.typing():
        actor.waits_for(STARTED)
        for code in (1001, 1011):
            actor.loses_socket("close", code)
            actor.waits_for(STARTED, accepted=True)
    actor.waits_for(ENDED, accepted=True)


@scenes.test
def test_a_reset_between_bursts_is_followed_by_nothing(actor: Chatter) -> None:
    """T1: nothing was shown, so nothing is said."""
    actor.begins()
    actor.loses_socket()
    shows_a_burst(actor)
    actor.settles()
    assert actor.typing_frames() == BURST


@scenes.test
def test_typing_that_ends_while_the_socket_is_down_is_ended(actor: Chatter) -> None:
    """T4."""
    actor.begins()
    with actor.typing():
        actor.waits_for(STARTED)
    actor.fault(Fault("handshake", "refuse", count=3))
    actor.gateway.drop_sockets("reset", actor.visitor_id)
    actor.waits_for(ENDED, accepted=True)


@scenes.test
def test_a_handshake_that_is_refused_is_tried_again(actor: Chatter) -> None:
    """503, then 401: either may mean that the token is not good any more, so another is got first."""
    actor.begins()
    actor.fault(Fault("handshake", "refuse", count=1), Fault("handshake", "refuse", status=401, count=1))
    before = len(actor.events("authorize"))
    actor.gateway.drop_sockets("reset", actor.visitor_id)
    assert actor.is_told(actor.says("Still here")) == "accepted"
    assert len(actor.events("handshake_refused")) == 2
    assert len(actor.events("authorize")) == before + 2


@scenes.test
def test_a_revoked_token_is_replaced_when_a_socket_is_opened(actor: Chatter) -> None:
    """The gateway answers 401; the visitor notices nothing."""
    actor.begins()
    actor.gateway.revoke_tokens_of(actor.visitor_id)
    actor.gateway.drop_sockets("reset", actor.visitor_id)
    assert actor.is_told(actor.says("Still here")) == "accepted"
    shows_a_burst(actor)


# --- faults: frames


@scenes.test
def test_typing_that_is_answered_with_an_error_is_tried_again(actor: Chatter) -> None:
    """T7."""
    actor.begins()
    actor.fault(Fault("frame", "error", types=(STARTED,), count=1))
    with actor.typing():
        actor.waits_for(STARTED, accepted=False)
        actor.waits_for(STARTED, accepted=True)
    actor.waits_for(ENDED, accepted=True)


@scenes.test
def test_an_end_that_is_answered_with_an_error_is_tried_until_it_is_taken(actor: Chatter) -> None:
    """T4, T7."""
    actor.begins()
    actor.fault(Fault("frame", "error", types=(ENDED,), count=3))
    with actor.typing():
        actor.waits_for(STARTED)
    for _ in range(3):
        actor.waits_for(ENDED, accepted=False)
    actor.waits_for(ENDED, accepted=True)


@scenes.test
def test_a_reset_by_the_end_of_typing_leaves_nothing_on(actor: Chatter) -> None:
    """T4: the frame was not taken, and the socket is gone with it."""
    actor.begins()
    actor.fault(Fault("frame", "reset", types=(ENDED,), count=1))
    with actor.typing():
        actor.waits_for(STARTED)
    actor.waits_for(ENDED, accepted=False)
    actor.waits_for(ENDED, accepted=True)


@scenes.test
def test_a_message_that_fails_is_tried_again(actor: Chatter) -> None:
    """T15: some errors pass."""
    actor.begins()
    actor.fault(Fault("frame", "error", types=("SendMessage",), count=2))
    assert actor.is_told(actor.says("again")) == "accepted"
    assert actor.texts() == ["Good morning", "again"]


@scenes.test
def test_a_message_that_is_refused_is_reported_and_the_next_one_goes_on(actor: Chatter) -> None:
    """T15: after three retries; what follows is not held up for ever."""
    actor.begins()
    actor.fault(Fault("frame", "error", types=("SendMessage",), count=4))
    first, second = actor.says("refused"), actor.says("taken")
    assert (actor.is_told(first), actor.is_told(second)) == ("refused", "accepted")
    assert actor.texts() == ["Good morning", "taken"]


@scenes.test
def test_a_message_whose_socket_broke_before_it_was_taken_is_delivered(actor: Chatter) -> None:
    """T15: looked for, not found, sent again."""
    actor.begins()
    actor.fault(Fault("frame", "reset", types=("SendMessage",), count=1))
    first, second = actor.says("first"), actor.says("second")
    assert (actor.is_told(first), actor.is_told(second)) == ("accepted", "accepted")
    assert actor.texts() == ["Good morning", "first", "second"]


@scenes.test
def test_a_message_whose_socket_broke_after_it_was_taken_is_delivered_once(actor: Chatter) -> None:
    """T15: looked for, and found."""
    actor.begins()
    actor.fault(Fault("frame", "lost_answer", types=("SendMessage",), count=1))
    first, second = actor.says("first"), actor.says("second")
    assert (actor.is_told(first), actor.is_told(second)) == ("accepted", "accepted")
    assert actor.texts() == ["Good morning", "first", "second"]


@patient.test
def test_a_message_that_nothing_is_heard_of_is_looked_for(actor: Chatter) -> None:
    """T15: taken, but answer and event are lost; after 10 s the socket is replaced."""
    actor.begins()
    actor.fault(
        Fault("frame", "unanswered", types=("SendMessage",), count=1),
        Fault("push", "lose", types=("MessageCreated",), count=1),
    )
    assert actor.is_told(actor.says("hello?")) == "accepted"
    assert actor.texts() == ["Good morning", "hello?"]


@scenes.test
def test_events_that_come_twice_or_late_are_told_once(actor: Chatter) -> None:
    """T12."""
    actor.begins()
    actor.fault(Fault("push", "duplicate", types=("MessageCreated",), count=1))
    message_id = actor.gateway.agent_says(actor.thread_id, "once")
    actor.fault(Fault("push", "late", types=("MessageCreated",), count=1, seconds=0.5))
    other_id = actor.gateway.agent_says(actor.thread_id, "late")
    actor.hears("message", id=other_id)
    told = [f["detail"]["id"] for f in actor.front_end.frames if f.get("name") == "message"]
    assert (told.count(message_id), told.count(other_id)) == (1, 1)


# --- everybody's trouble, one after the other


@pytest.fixture
def actor(dfo_stage: GatewayStage, request: pytest.FixtureRequest) -> Iterator[Chatter]:
    """A visitor whom the agent knows; settled in the end."""
    with Chatter(dfo_stage, request.node.name.removeprefix("test_").replace("_", "-")) as made:
        made.begins()
        yield made
        made.settles()


def test_a_token_that_runs_out_is_renewed_before_a_socket_is_opened(dfo_stage: GatewayStage) -> None:
    """One that lives shorter than a minute is never good enough."""
    gateway = dfo_stage.gateway()
    gateway.set_settings(token_expires_in=30)
    with Chatter(dfo_stage, "short-lived") as actor:
        gateway.set_settings(token_expires_in=3600)
        asked = len(actor.events("authorize"))
        for _ in range(2):
            actor.loses_socket()
            actor.begins()
        assert len(actor.events("authorize")) == asked + 1
        assert actor.events("handshake_refused") == []


def test_functions_know_of_each_keeper_that_it_claims_what_it_is_nudged_about(dfo_stage: GatewayStage) -> None:
    """T8: it says so in a signed handshake; were that lost on the way, each burst would cost a claim more, unseen."""
    lines = dfo_stage.keeper_lines()
    assert lines
    assert all(line["claims"] == {"BOOL": True} for line in lines)


def test_a_line_that_is_lost_delays_and_loses_nothing(actor: Chatter, dfo_stage: GatewayStage) -> None:
    """T4: nudges cannot come in; the burst ends all the same, and the line is back for the next."""
    with actor.typing():
        actor.waits_for(STARTED)
        assert dfo_stage.close_keeper_lines() == 1
    actor.waits_for(ENDED, accepted=True)
    shows_a_burst(actor)
    assert actor.is_told(actor.says("and messages")) == "accepted"


def test_a_keeper_that_drains_hands_its_visitors_on(actor: Chatter, dfo_stage: GatewayStage) -> None:
    """SIGTERM: typing and messages of its visitors go on, and nothing is said twice."""
    with actor.typing():
        actor.waits_for(STARTED)
        with dfo_stage.keeper_gone(signal.SIGTERM):
            first = actor.says("in the midst of it")
        assert actor.is_told(first) == "accepted"
        actor.waits_for(STARTED, accepted=True)
    actor.waits_for(ENDED, accepted=True)
    assert actor.texts() == ["Good morning", "in the midst of it"]


def test_a_keeper_that_is_killed_loses_nothing(actor: Chatter, dfo_stage: GatewayStage) -> None:
    """T4, T15: SIGKILL."""
    with actor.typing():
        actor.waits_for(STARTED)
        with dfo_stage.keeper_gone(signal.SIGKILL):
            ids = [actor.says(text) for text in ("one", "two")]
        assert [actor.is_told(message_id) for message_id in ids] == ["accepted"] * 2
        actor.waits_for(STARTED, accepted=True)
    actor.waits_for(ENDED, accepted=True)
    assert actor.texts() == ["Good morning", "one", "two"]


def test_on_a_messaging_channel_the_thread_lives_on(dfo_stage: GatewayStage) -> None:
    """Keepers ask for the channel's kind when they start; a message to a closed contact opens another."""
    gateway = dfo_stage.gateway()
    gateway.set_settings(livechat=False)
    with dfo_stage.keeper_gone(signal.SIGTERM):
        pass
    with Chatter(dfo_stage, "messenger") as actor:
        actor.begins()
        thread_id = actor.thread_id
        shows_a_burst(actor)
        actor.gateway.close_contact(thread_id)
        actor.hears("contact", status="closed")
        assert actor.is_told(actor.says("Later")) == "accepted"
        shows_a_burst(actor)
        assert (actor.thread_id, actor.texts()) == (thread_id, ["Good morning", "Later"])
        actor.settles()
    gateway.set_settings(livechat=True)
    with dfo_stage.keeper_gone(signal.SIGTERM):
        pass


def test_where_sessions_are_not_secured_each_socket_is_authorized(dfo_stage: GatewayStage) -> None:
    """Typing, messages and history are as ever, on the next socket, too; no token is asked for."""
    gateway = dfo_stage.gateway()
    gateway.set_settings(secured_sessions=False)
    time.sleep(4)  # a keeper that lived for less is not started again
    with dfo_stage.keeper_gone(signal.SIGTERM):
        pass
    with Chatter(dfo_stage, "legacy") as actor:
        actor.begins()
        shows_a_burst(actor)
        actor.loses_socket()
        shows_a_burst(actor)
        actor.front_end.send({"action": "history"})
        assert [message["text"] for message in actor.hears("history")["detail"]["messages"]] == ["Good morning"]
        actor.settles()
        assert (actor.events("authorize"), {e["secured"] for e in actor.events("socket_open")}) == ([], {False})
    gateway.set_settings(secured_sessions=True)
    time.sleep(4)
    with dfo_stage.keeper_gone(signal.SIGTERM):
        pass


@contextmanager
def channel_with(dfo_stage: GatewayStage, **settings: object) -> Iterator[DfoControl]:
    """The channel has these settings. A keeper that starts asks at once."""
    gateway = dfo_stage.gateway()
    before = {name: value for name, value in gateway.settings().items() if name in settings}

    def has(wanted: dict[str, object]) -> None:
        gateway.set_settings(**wanted)
        time.sleep(4)  # a keeper that lived for less is not started again
        with dfo_stage.keeper_gone(signal.SIGTERM):
            pass

    has(settings)
    try:
        yield gateway
    finally:
        has(before)


@contextmanager
def page(dfo_stage: GatewayStage, name: str, sign_in: Callable[[Any], Any], /, **claims: Any) -> Iterator[Visitor]:
    """A page that says hello and answers each `sign-in` by what ``sign_in`` makes of its detail, if it is anything."""
    over = threading.Event()
    with dfo_stage.connect(name, **claims) as front_end:
        front_end.send({"action": "hello"})

        def answer() -> None:
            answered = 0
            while not over.wait(0.1):
                wanted = [frame["detail"] for frame in list(front_end.frames) if frame.get("name") == "sign-in"]
                for detail in wanted[answered:]:
                    handed = sign_in(detail)
                    if handed:
                        front_end.send({"action": "sign_in", **handed})
                answered = len(wanted)

        answering = threading.Thread(target=answer)
        answering.start()
        yield front_end
        over.set()
        answering.join()


def test_what_a_channel_asks_for_and_the_relay_lacks_is_named(dfo_stage: GatewayStage) -> None:
    """To the page and in the keeper's log; and nobody is signed in."""
    named = "isAuthorizationEnabled=true"
    with channel_with(dfo_stage, third_party=True, secured_sessions=False), dfo_stage.connect("unsupported") as tab:
        tab.send({"action": "hello"})
        refused = tab.wait_for("error", PATIENCE_S, code="typing_unavailable")
        tab.wait_for("guest", PATIENCE_S, status="unavailable")
        assert named in refused["message"]
        assert any(named in line["message"] for line in dfo_stage.keeper_log() if line.get("level") == "ERROR")


def test_with_secured_cookies_the_visitors_own_browser_gets_the_tokens(dfo_stage: GatewayStage) -> None:
    """The page is told the setting, and asked again when a token is refused; a cookie keeps it the same customer."""
    with channel_with(dfo_stage, secured_cookies=True) as gateway:
        browser, cookies, asked = DfoClient(gateway.gateway), dict[str, str](), list[Any]()

        def sign_in(detail: Any) -> Any:
            asked.append(detail)
            answer = browser.post_token({}, cookies=cookies)
            cookies.update(answer.cookies.get_dict())
            access = answer.json()
            customer_id = access["customerIdentity"]["idOnExternalPlatform"]
            ids = {"visitor_id": browser.visitor_id, "customer_id": customer_id}
            return {"access_token": access["accessToken"], "expires_in": access["expiresIn"], **ids}

        with page(dfo_stage, "by-cookie", sign_in) as tab:
            error = tab.wait_for("error", PATIENCE_S, code="sign_in_needed")
            assert "isSecuredCookieEnabled=true" in error["message"]
            tab.wait_for("guest", PATIENCE_S, status="open")
            with Chatter(dfo_stage, "by-cookie") as actor:
                actor.begins()
                gateway.revoke_tokens()
                actor.loses_socket()
                shows_a_burst(actor)
                actor.settles()
                assert (actor.events("authorize")[-1]["status"], actor.visitor_id) == (200, browser.visitor_id)
        known = dfo_stage.record("by-cookie").conversation
        assert asked == [
            {"why": "needed", "setting": "isSecuredCookieEnabled=true"},
            {
                "why": "needed",
                "setting": "isSecuredCookieEnabled=true",
                "visitor_id": known["visitor"],
                "customer_id": known["customer"],
            },
        ]


def test_a_third_partys_code_is_used_once_and_refreshed_and_no_log_has_any_of_it(dfo_stage: GatewayStage) -> None:
    """Messages carry its token, also by the next keeper, and when the first token has ended."""
    code, verifier = f"code-{uuid.uuid4()}", "v3rifier-" + "v" * 40
    with channel_with(dfo_stage, third_party=True, token_expires_in=20, third_party_expires_in=20) as gateway:
        gateway.add_authorization_code(code, "customer-of-third-party", single_use=True, verifier=verifier)
        handed = [{"code": code, "verifier": verifier}]
        with page(dfo_stage, "by-code", lambda detail: handed.pop() if handed else None) as tab:
            tab.wait_for("guest", PATIENCE_S, status="open")
            with Chatter(dfo_stage, "by-code") as actor:
                actor.begins()
                time.sleep(4)  # a keeper that lived for less is not started again
                with dfo_stage.keeper_gone(signal.SIGTERM):
                    pass
                wait_until(lambda: bool(actor.events("authorize")), "a refreshed token", PATIENCE_S)
                time.sleep(4)  # the first one has ended
                assert actor.is_told(actor.says("Still me")) == "accepted"
                actor.settles()
                assert {event["status"] for event in actor.events("authorize")} == {200}
        record = dfo_stage.record("by-code")
    assert record.conversation["customer"] == "customer-of-third-party"
    kept = signed_in_of(record.signed_in)
    assert kept is not None
    secrets = (code, verifier, kept.third_party_token, kept.refresh_token)
    logs = "".join(path.read_text() for path in Path(dfo_stage.stack.info["logs"]).glob("*.log"))
    assert all(secrets)
    assert not [secret for secret in secrets if secret in logs]


def test_a_page_signs_in_with_the_visitors_own_address_where_its_token_says_so(dfo_stage: GatewayStage) -> None:
    """The channel demands nothing; a page that hands over what is wrong is told so, and asked again."""
    browser = DfoClient(dfo_stage.gateway().gateway)
    good = {"visitor_id": browser.visitor_id, "customer_id": browser.customer_id, "expires_in": 600}
    handed = [{**good, "access_token": browser.post_token().json()["accessToken"]}, {"code": "there-is-no-third-party"}]
    claims = {"sign_in": "page"}
    with page(dfo_stage, "own-address", lambda detail: handed.pop() if handed else None, **claims) as tab:
        refused = tab.wait_for("error", PATIENCE_S, code="sign_in_refused")
        assert "isAuthorizationEnabled=false" in refused["message"]
        tab.wait_for("guest", PATIENCE_S, status="open")
        with Chatter(dfo_stage, "own-address", **claims) as actor:
            actor.begins()
            assert actor.visitor_id == browser.visitor_id


def test_the_keepers_frames_are_those_of_nices_sdk(dfo_stage: GatewayStage, sdk_frames: dict[str, Frame]) -> None:
    """Field by field, as they came over the wire; but for the visit, which may be left out."""
    gateway = dfo_stage.gateway()
    gateway.set_settings(keep_frames=True)
    who = {"given_name": "Ada", "family_name": "Lovelace"}
    with Chatter(dfo_stage, "recorded", **who) as actor:
        actor.begins("Good morning")
        shows_a_burst(actor)
        dfo_stage.connect(actor.name, **who, fields={"plan": "gold"}).close()
        actor.waits_for("SetConsumerContactCustomFields", accepted=True)
        actor.front_end.send({"action": "end"})
        actor.waits_for("EndContact", accepted=True)
        actor.settles()
        record = actor.stage.record(actor.name)
    gateway.set_settings(keep_frames=False)
    person = Person(
        visitor_id=record.conversation["visitor"],
        customer_id=record.conversation["customer"],
        thread_id=record.conversation["thread"],
    )
    sent = {one["event_type"]: one["frame"] for one in gateway.frames() if one["visitor_id"] == person.visitor_id}
    kinds = {"RecoverLivechat", "SendMessage", STARTED, ENDED, "SetConsumerContactCustomFields", "EndContact"}
    assert sent.keys() == kinds
    for event_type, frame in sent.items():
        found = differences(normalised(frame, person), sdk_frames[event_type])
        assert found.keys() - {"payload.data.contact.id"} == {"payload.visit", "payload.visit.id"}  # of another contact


def test_a_message_names_the_visitors_browser_where_the_deployment_passes_it_on(dfo_stage: GatewayStage) -> None:
    """As its handshake has it; T13: no log has it."""
    agent, name = next(iter(USER_AGENTS)), "with-a-browser"
    headers = {"User-Agent": agent, "Accept-Language": "de-DE,de;q=0.9"}
    gateway, stage = dfo_stage.gateway(), dfo_stage
    gateway.set_settings(keep_frames=True)
    token = visitor_token(stage.aws, stage.stack.info["visitor_secret_arn"], name)
    with Visitor(stage.stack.info["websocket_url"], token, headers=headers) as page:
        page.send({"action": "hello"})
        message_id = str(uuid.uuid4())
        page.send({"action": "message", "id": message_id, "text": "Good morning"})
        assert page.wait_for("message", PATIENCE_S, id=message_id)["status"] == "accepted"
        visitor_id = stage.record(name).guest_id
    gateway.set_settings(keep_frames=False)
    sent = [one for one in gateway.frames() if (one["visitor_id"], one["event_type"]) == (visitor_id, "SendMessage")]
    [said] = [one["frame"]["payload"]["data"]["browserFingerprint"] for one in sent]
    assert (said["browser"], said["os"], said["language"]) == (*USER_AGENTS[agent][::2][:2], "de-DE")
    logs = Path(stage.stack.info["logs"])
    assert [log.name for log in logs.iterdir() if log.is_file() and agent in log.read_text(errors="replace")] == []


def test_agents_see_who_the_visitor_is_and_what_changes(dfo_stage: GatewayStage) -> None:
    """As the token of the site's server says; a tab with a newer token is enough."""
    ada = {"given_name": "Ada", "family_name": "Lovelace", "customer": "c-17"}
    with Chatter(dfo_stage, "known", **ada, fields={"plan": "silver"}) as actor:
        actor.begins()
        thread = dfo_stage.gateway().thread(actor.thread_id)
        assert (thread["customer_id"], thread["customer_name"]) == ("c-17", "Ada Lovelace")
        assert thread["contact"]["fields"] == {"plan": "silver"}
        dfo_stage.connect(actor.name, **ada, fields={"plan": "gold"}).close()
        wait_until(
            lambda: dfo_stage.gateway().thread(actor.thread_id)["contact"]["fields"] == {"plan": "gold"},
            "the new plan",
            PATIENCE_S,
        )


def test_no_rule_of_the_gateway_was_broken(dfo_stage: GatewayStage) -> None:
    """By anybody, in all of the above."""
    assert dfo_stage.gateway().violations() == []


def test_every_frame_that_a_visitor_heard_is_documented(dfo_stage: GatewayStage) -> None:
    """In docs/asyncapi.yaml; in all of the above."""
    assert undocumented(dfo_stage.heard(), FROM_RELAY) == []


def test_a_visitor_whom_the_gateway_refuses_hears_unavailable(dfo_stage: GatewayStage) -> None:
    """As it does for a wrong brand or channel: 403. The keeper says so, and messages fail at once."""
    dfo_stage.gateway().set_faults(Fault("authorize", "refuse", status=403, code="unknown_channel"))
    with dfo_stage.connect("a-stranger") as front_end:
        front_end.send({"action": "hello"})
        front_end.wait_for("guest", PATIENCE_S, status="unavailable")
        message_id = str(uuid.uuid4())
        front_end.send({"action": "message", "id": message_id, "text": "Hello"})
        assert front_end.wait_for("message", PATIENCE_S, id=message_id)["reason"] == "unavailable"
    dfo_stage.gateway().set_faults()
    [line] = [line for line in dfo_stage.keeper_log() if line.get("session") == "a-stranger" and "reason" in line]
    assert "unknown_channel" in line["reason"]


def test_while_a_live_chat_is_offline_visitors_hear_unavailable(dfo_stage: GatewayStage) -> None:
    """And messages fail at once: nobody would answer."""
    gateway = dfo_stage.gateway()
    gateway.set_settings(availability="offline")
    with dfo_stage.connect("a-night-owl") as front_end:
        front_end.send({"action": "hello"})
        front_end.wait_for("guest", PATIENCE_S, status="unavailable")
        message_id = str(uuid.uuid4())
        front_end.send({"action": "message", "id": message_id, "text": "Hello"})
        assert front_end.wait_for("message", PATIENCE_S, id=message_id)["reason"] == "unavailable"
    gateway.set_settings(availability="online")
    assert any(line.get("reason") == "the channel is offline" for line in dfo_stage.keeper_log())


def test_while_a_live_chat_is_offline_a_visitor_may_leave_a_message(dfo_stage: GatewayStage) -> None:
    """T15: it is taken once, however often it is sent; a second tab hears of both. T13: no log has any of it."""
    gateway = dfo_stage.gateway()
    gateway.set_settings(availability="offline")
    left = {"action": "offline_message", "id": str(uuid.uuid4()), "name": "Ada Lovelace"}
    left |= {"email": "ada-offline@example.com", "message": "Please call me back"}
    with dfo_stage.connect("a-late-visitor") as page, dfo_stage.connect("a-late-visitor") as other:
        page.send({"action": "hello"})
        offline = page.wait_for("event", PATIENCE_S, name="availability")
        assert offline["detail"] == {"status": "offline", "offline_form": True}
        other.send({"action": "hello"})
        other.wait_for("event", PATIENCE_S, name="availability")
        page.send({**left, "email": "nobody"})
        assert "email" in page.wait_for("error", PATIENCE_S, code="bad_message", id=left["id"])["message"]
        page.send(left)
        for tab in (page, other):
            assert tab.wait_for("message", PATIENCE_S, id=left["id"])["status"] == "accepted"
        page.forget("message")
        page.send(left)
        assert page.wait_for("message", PATIENCE_S, id=left["id"])["status"] == "accepted"
        assert undocumented(page.heard, FROM_RELAY) == []
    gateway.set_settings(availability="online")
    taken = [one for one in gateway.offline_messages() if one["email"] == left["email"]]
    assert [(one["name"], one["text"]) for one in taken] == [(left["name"], left["message"])]
    assert gateway.violations() == []
    assert left["email"] not in (Path(dfo_stage.stack.info["logs"]) / "keeper.log").read_text()


def test_an_offline_message_whose_answer_is_lost_is_sent_once(dfo_stage: GatewayStage) -> None:
    """T15: nobody can know, and that is what the visitor hears."""
    gateway = dfo_stage.gateway()
    gateway.set_settings(availability="offline")
    gateway.set_faults(Fault("frame", "lost_answer", types=("SendOfflineMessage",)))
    left = {"action": "offline_message", "id": str(uuid.uuid4()), "name": "Ada"}
    left |= {"email": "ada-lost@example.com", "message": "Please call me back"}
    with dfo_stage.connect("a-lost-visitor") as page:
        page.send({"action": "hello"})
        page.send(left)
        assert page.wait_for("message", PATIENCE_S, id=left["id"])["reason"] == "unconfirmed"
    gateway.set_faults()
    gateway.set_settings(availability="online")
    assert [one["email"] for one in gateway.offline_messages()].count(left["email"]) == 1


def test_a_version_that_the_gateway_refuses_is_reported_to_whom_it_concerns(dfo_stage: GatewayStage) -> None:
    """SdkVersionNotSupported: the visitor hears unavailable, messages fail, the log says what to change."""
    with Chatter(dfo_stage, "outdated") as actor:
        actor.begins()
        actor.gateway.set_settings(oldest_sdk_version="99.0.0")
        assert actor.is_told(actor.says("Hello?")) == "unavailable"
        actor.front_end.wait_for("guest", PATIENCE_S, status="unavailable")
        assert actor.is_told(actor.says("Hello?")) == "unavailable"
        actor.gateway.set_settings(oldest_sdk_version="0.0.0")
        said = [line for line in dfo_stage.keeper_log() if line.get("session") == "outdated"]
        assert any("DfoSdkVersion" in line.get("reason", "") for line in said)


def test_where_most_visitors_are_turned_away_the_keeper_waits_for_all(dfo_stage: GatewayStage) -> None:
    """429 to each token: after the first few nobody asks for a while, and then they come back."""
    gateway, names = dfo_stage.gateway(), [f"in-the-crowd-{number}" for number in range(10)]
    before = gateway.last_event()
    gateway.set_faults(Fault("authorize", "refuse", status=429, retry_after="1"))
    with ExitStack() as crowd:
        front_ends = [crowd.enter_context(dfo_stage.connect(name)) for name in names]
        for front_end in front_ends:
            front_end.send({"action": "hello"})
        paused = "turns most visitors away"
        wait_until(lambda: any(paused in line.get("message", "") for line in dfo_stage.keeper_log()), "the pause")
        time.sleep(10)
        asked = [event for event in gateway.events(before) if event["kind"] == "authorize"]
        gateway.set_faults()
        for front_end in front_ends:
            front_end.wait_for("guest", 2 * PATIENCE_S, status="open")
    assert len(asked) <= 3 * len(names)  # each for itself asks six times as often


def test_an_address_that_is_refused_is_tried_by_one_for_all(dfo_stage: GatewayStage) -> None:
    """`ip_blocked`: every visitor of this keeper hears at once that there is nobody."""
    gateway, names = dfo_stage.gateway(), [f"at-the-address-{number}" for number in range(5)]
    before = gateway.last_event()
    gateway.set_faults(Fault("authorize", "refuse", status=403, code="ip_blocked"))
    with ExitStack() as visitors:
        for name in names:
            front_end = visitors.enter_context(dfo_stage.connect(name))
            front_end.send({"action": "hello"})
            front_end.wait_for("guest", PATIENCE_S, status="unavailable")
        time.sleep(3)
        assert len([event for event in gateway.events(before) if event["kind"] == "authorize"]) == 1
    gateway.set_faults()
    assert any("turns the relay's address away" in line.get("message", "") for line in dfo_stage.keeper_log())
    with dfo_stage.keeper_gone(signal.SIGTERM):
        pass  # another one has no pause to wait for

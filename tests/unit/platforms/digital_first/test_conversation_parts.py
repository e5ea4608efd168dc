"""Messages of which a frame holds a part only: the rest is fetched, and the visitor is told each once, in order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typing_relay.platforms.digital_first.conversation import happenings
from typing_relay.platforms.digital_first.conversation.actions import (
    Action,
    FetchMessage,
    FetchStream,
    Report,
    SendFrame,
    Tell,
)
from typing_relay.platforms.digital_first.streamed import Stream

from tests.support import dfo_gateway as gateway
from tests.unit.platforms.digital_first.test_conversation import POLICY, SECRET, THREAD, Life, told

PATH = "/chat/1.0/brand/1/messages/9"
STREAM = "https://stream.niceincontact.com/9"


def part(message_id: str = "m1", text: str = "At len", **more: Any) -> gateway.Frame:
    """A message whose rest is to be fetched."""
    message = gateway.message(message_id, from_agent=True, text=text)
    return {**message, "id": "9", "hasAdditionalMessageContent": True, **more}


def streamed(message_id: str = "m1", **payload: Any) -> gateway.Frame:
    content = {"type": "STREAMED", "payload": {"protocol": "sse", "sourceUrl": STREAM, **payload}, "text": ""}
    return {**gateway.message(message_id, from_agent=True), "id": "9", "messageContent": content}


def created(message: gateway.Frame) -> str:
    return gateway.event("MessageCreated", THREAD, message=message)


def token(event_id: str, value: Any = "t0ken") -> str:
    data = {"authorizationToken": {"token": value}}
    return json.dumps({"eventId": event_id, "postback": {"eventType": "AuthorizationTokenGenerated", "data": data}})


class Reader(Life):
    """A contact is open, and messages are told."""

    def __init__(self) -> None:
        super().__init__()
        self.is_ready("42")
        #: Ids and texts of what the visitor was told, in order, and whether it was a part.
        self.told: list[tuple[str, str, bool]] = []
        self.events: list[Any] = []
        self.reports: list[str] = []

    def happens(self, happening: happenings.Happening, after_ms: int = 0) -> tuple[Action, ...]:
        actions = super().happens(happening, after_ms)
        for name, detail in told(actions):
            if name == "message" and hasattr(self, "told"):
                self.told.append((detail["id"], detail["text"], detail.get("incomplete", False)))
        self.events = [a.frame["event"] for a in actions if isinstance(a, Tell)] or getattr(self, "events", [])
        self.reports = [*getattr(self, "reports", []), *(a.code for a in actions if isinstance(a, Report))]
        return actions

    def asks(self) -> str:
        """The id of the token request that was just sent."""
        [request] = [r for r in self.requests() if r["payload"]["eventType"] == "GenerateAuthorizationToken"]
        assert request["payload"]["data"] == {"thread": {"idOnExternalPlatform": THREAD}, "url": PATH}
        return str(request["eventId"])

    def fetches(self, kind: type = FetchMessage) -> Any:
        [fetch] = [action for action in self.actions if isinstance(action, kind)]
        return fetch

    def gets_token(self) -> Any:
        """It asks for a token and gets one; what is fetched with it."""
        self.hears(token(self.asks()))
        return self.fetches()

    def ends(self) -> None:
        """Time goes by, and nothing comes."""
        for _ in range(200):
            if not self.state.incoming.untold:
                return
            self.wakes()
            self.hears('"pong"')
        raise AssertionError("it never ends")


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_the_rest_of_a_message_is_fetched_and_it_is_told_whole_and_once(reader: Reader) -> None:
    reader.hears(created(part()))
    fetch = reader.gets_token()
    assert (fetch.path, fetch.token, reader.told) == (PATH, "t0ken", [])
    reader.happens(
        happenings.RestFetched(fetch.name, json.dumps(part(text="At length.", hasAdditionalMessageContent=False)))
    )
    assert reader.told == [("m1", "At length.", False)]
    assert reader.events[-1]["data"]["message"]["messageContent"]["text"] == "At length."
    reader.hears(created(part()))
    assert (len(reader.told), reader.state.incoming.untold, reader.reports) == (1, (), [])


def test_messages_after_it_wait_so_that_all_are_told_in_order(reader: Reader) -> None:
    """T16. What is no message does not wait."""
    reader.hears(created(part()), gateway.message_created(THREAD, "m2", from_agent=True), created(part("m3")))
    assert reader.told == []
    reader.hears(gateway.event("SetPositionInQueue", THREAD, positionInQueue=2))
    assert ("queue", {"position": 2}) in told(reader.actions)
    reader = Reader()
    reader.hears(created(part()))
    fetch = reader.gets_token()
    reader.hears(gateway.message_created(THREAD, "m2", from_agent=True), created(part("m3")))
    reader.happens(happenings.RestFetched(fetch.name, json.dumps(part(text="whole"))))
    assert [message_id for message_id, *_ in reader.told] == ["m1", "m2"]
    fetch = reader.gets_token()
    reader.happens(happenings.RestFetched(fetch.name, json.dumps(part("m3", text="too"))))
    assert reader.told == [("m1", "whole", False), ("m2", "hi", False), ("m3", "too", False)]


def test_one_is_fetched_at_a_time(reader: Reader) -> None:
    reader.hears(created(part("m1")))
    first = reader.asks()
    reader.hears(created(part("m2")))
    assert reader.requests() == []
    reader.hears(token(first))
    assert len([a for a in reader.actions if isinstance(a, FetchMessage)]) == 1


def test_what_a_look_finds_is_fetched_too() -> None:
    life = Reader()
    life.happens(happenings.Lost())
    look = life.opens()
    life.hears(gateway.recovered(look, THREAD, (part(),), "42"))
    fetch = life.gets_token()
    life.happens(happenings.RestFetched(fetch.name, json.dumps(part(text="whole"))))
    assert life.told == [("m1", "whole", False)]


def test_without_its_rest_it_is_told_as_a_part_and_counted(reader: Reader) -> None:
    """Three times at most, and then no more."""
    reader.hears(created(part()))
    for _ in range(POLICY.most_fetches):
        fetch = reader.gets_token()
        reader.happens(happenings.RestNotFetched(fetch.name))
        if reader.state.incoming.untold:
            reader.wakes_until(SendFrame)
    assert reader.told == [("m1", "At len", True)]
    assert reader.reports == ["rest_not_fetched"] * 3 + ["message_not_whole"]
    assert reader.state.incoming.untold == ()


@pytest.mark.parametrize(
    "answer",
    [
        lambda event_id: gateway.failure("SomethingFailed", event_id),
        gateway.answer,
        lambda event_id: token(event_id, value=None),
        lambda event_id: json.dumps({"eventId": event_id, "postback": {"eventType": "SomethingElse", "data": {}}}),
        lambda event_id: json.dumps({"message": "Internal server error", "requestId": "r"}),
    ],
    ids=["error", "plain", "no token", "another result", "lost"],
)
def test_whatever_answers_the_token_request_there_is_no_loop(reader: Reader, answer: Any) -> None:
    reader.hears(created(part()))
    for _ in range(POLICY.most_fetches):
        reader.hears(answer(reader.asks()))
        if reader.state.incoming.untold:
            reader.wakes_until(SendFrame)
    assert reader.told == [("m1", "At len", True)]


@pytest.mark.parametrize("text", ["", "[]", "{", json.dumps(part("another")), "NaN"])
def test_what_is_not_the_message_is_asked_for_again(reader: Reader, text: str) -> None:
    reader.hears(created(part()))
    fetch = reader.gets_token()
    reader.happens(happenings.RestFetched(fetch.name, text))
    assert (reader.told, reader.reports) == ([], ["rest_not_fetched"])
    reader.ends()
    assert reader.told == [("m1", "At len", True)]


def test_nothing_waits_for_ever(reader: Reader) -> None:
    """Neither the answer to the request for the token nor what is fetched ever comes."""
    began = reader.now
    reader.hears(created(part()))
    reader.ends()
    assert reader.told == [("m1", "At len", True)]
    assert reader.now - began <= POLICY.rest_ms
    reader.hears(created(part("m2")))
    reader.gets_token()
    began = reader.now
    reader.ends()
    assert reader.told[1:] == [("m2", "At len", True)]
    assert reader.now - began <= POLICY.rest_ms


def test_where_the_socket_is_lost_the_next_one_asks_again(reader: Reader) -> None:
    reader.hears(created(part()))
    first = reader.asks()
    reader.happens(happenings.Lost())
    reader.is_ready("42")
    assert reader.asks() != first
    reader.hears(token(first))
    assert [a for a in reader.actions if isinstance(a, FetchMessage)] == []


def test_without_any_socket_it_is_told_in_time(reader: Reader) -> None:
    reader.hears(created(part()))
    reader.happens(happenings.Lost())
    reader.wakes()
    assert reader.told == [("m1", "At len", True)]


def test_what_comes_too_late_changes_nothing(reader: Reader) -> None:
    reader.hears(created(part()))
    fetch = reader.gets_token()
    reader.ends()
    reader.happens(happenings.RestFetched(fetch.name, json.dumps(part(text="late"))))  # nothing waits
    reader.hears(created(part("m2")))
    reader.happens(happenings.RestFetched(fetch.name, json.dumps(part(text="late"))))
    reader.happens(happenings.RestFetched(fetch.name, json.dumps(part("m2", text="of another"))))
    reader.happens(happenings.RestNotFetched(fetch.name))
    assert reader.told == [("m1", "At len", True)]
    assert [untold.fetches for untold in reader.state.incoming.untold] == [0]


def test_no_more_than_a_few_messages_wait(reader: Reader) -> None:
    """The first is then told as it is."""
    reader.hears(created(part()), *(gateway.message_created(THREAD, f"n{n}", from_agent=True) for n in range(25)))
    assert [message_id for message_id, *_ in reader.told][:2] == ["m1", "n0"]
    assert reader.told[0] == ("m1", "At len", True)


def test_as_many_messages_wait_as_may(reader: Reader) -> None:
    *others, one_more = (gateway.message_created(THREAD, f"n{n}", from_agent=True) for n in range(POLICY.most_untold))
    reader.hears(created(part()), *others)
    assert (len(reader.state.incoming.untold), reader.told) == (POLICY.most_untold, [])
    reader.hears(one_more)
    assert reader.told[0] == ("m1", "At len", True)


def test_a_part_that_is_only_sent_waits_until_it_is_created(reader: Reader) -> None:
    """`MessageSent` has no id by which its rest could be had."""
    sent = part()
    del sent["id"]
    reader.hears(gateway.event("MessageSent", THREAD, message=sent))
    assert (reader.told, reader.state.incoming.untold) == ([], ())
    reader.hears(created(part()))
    fetch = reader.gets_token()
    reader.happens(happenings.RestFetched(fetch.name, json.dumps(part(text="whole"))))
    assert reader.told == [("m1", "whole", False)]


def test_a_message_without_the_gateways_id_is_told_as_it_is(reader: Reader) -> None:
    message = part()
    del message["id"]
    reader.hears(created(message))
    assert reader.told == [("m1", "At len", True)]


def test_a_message_that_is_still_being_written_is_read_to_its_end_and_told_once(reader: Reader) -> None:
    reader.hears(created(streamed()))
    fetch = reader.fetches(FetchStream)
    assert (fetch.stream, reader.told) == (Stream(STREAM, reader.now + POLICY.rest_ms), [])
    reader.happens(happenings.RestFetched(fetch.name, "Good morning", is_whole=True))
    assert (reader.told, reader.reports) == ([("m1", "Good morning", False)], [])


def test_of_a_stream_that_breaks_off_the_text_so_far_is_told(reader: Reader) -> None:
    """It is not read again: it would begin from anew."""
    reader.hears(created(streamed()))
    reader.happens(happenings.RestFetched(reader.fetches(FetchStream).name, "Good mor", is_whole=False))
    assert (reader.told, reader.reports) == ([("m1", "Good mor", True)], ["message_not_whole"])


def test_a_stream_of_which_nothing_came_is_read_again_and_then_told_empty(reader: Reader) -> None:
    reader.hears(created(streamed()))
    reader.happens(happenings.RestFetched(reader.fetches(FetchStream).name, "", is_whole=False))
    assert reader.told == []
    reader.wakes()
    reader.happens(happenings.RestNotFetched(reader.fetches(FetchStream).name))
    reader.ends()
    assert reader.told == [("m1", "", True)]


def test_what_is_streamed_by_another_protocol_is_told_as_it_is(reader: Reader) -> None:
    message = streamed(protocol="websocket")
    del message["id"]
    reader.hears(created(message))
    assert reader.told == [("m1", "", True)]


def test_a_streamed_message_that_says_something_is_whole(reader: Reader) -> None:
    """As a look may find it, once it was written."""
    reader.hears(created(streamed(text="Good morning")))
    assert reader.told == [("m1", "Good morning", False)]


def test_a_message_too_large_for_a_frame_loses_its_event_and_then_its_end(reader: Reader) -> None:
    """API Gateway carries 128 KB to a visitor."""
    for number, length in enumerate((60_000, 300_000)):
        reader.hears(created(part(f"m{number}")))
        fetch = reader.gets_token()
        whole = part(f"m{number}", text="x\n" * (length // 2))
        reader.happens(happenings.RestFetched(fetch.name, json.dumps(whole)))
        [frame] = [a.frame for a in reader.actions if isinstance(a, Tell) and a.frame.get("name") == "message"]
        assert frame["event"] is None
        assert len(json.dumps(frame).encode()) <= 128 * 1024
        assert frame["detail"].get("incomplete", False) is (length == 300_000)


def test_no_text_and_no_token_is_in_what_is_logged(reader: Reader) -> None:
    reader.hears(created(part(text=SECRET)))
    fetch = reader.gets_token()
    assert SECRET not in repr(reader.state)
    assert "t0ken" not in repr(fetch)
    assert STREAM not in repr(FetchStream("n", Stream(STREAM, 0)))
    assert SECRET not in repr(happenings.RestFetched("n", SECRET))

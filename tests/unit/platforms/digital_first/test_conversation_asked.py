"""What a visitor asks of a conversation other than typing and messages: its end, and the messages that were before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typing_relay.platforms.digital_first.conversation import happenings
from typing_relay.platforms.digital_first.conversation.actions import Reopen, Report, Tell
from typing_relay.platforms.digital_first.visitor_events import LARGEST_PAGE

from tests.support import dfo_gateway as gateway
from tests.unit.platforms.digital_first.test_conversation import POLICY, SECRET, THREAD, Life, told


def in_contact(livechat: bool = False) -> Life:
    """A socket is open, and so is contact 42."""
    life = Life(livechat)
    life.is_ready("42")
    return life


def errors(life: Life) -> list[str]:
    return [a.frame["code"] for a in life.actions if isinstance(a, Tell) and a.frame["type"] == "error"]


def page_of(life: Life) -> dict[str, Any]:
    [detail] = [detail for name, detail in told(life.actions) if name == "history"]
    assert isinstance(detail, dict)
    return detail


def messages(*numbers: int, text: str = "hi") -> list[gateway.Frame]:
    """Newest first, as pages are."""
    return [
        gateway.message(f"m{n}", from_agent=bool(n % 2), text=text, at=f"2026-11-25T10:00:{n:02}Z")
        for n in sorted(numbers, reverse=True)
    ]


def more_loaded(event_id: str, *numbers: int, token: str = "", text: str = "hi") -> str:
    data = {"messages": messages(*numbers, text=text), "scrollToken": token}
    return json.dumps({"eventId": event_id, "postback": {"eventType": "MoreMessagesLoaded", "data": data}})


def has_newest(life: Life, *numbers: int, more: str = "s1", text: str = "hi") -> dict[str, Any]:
    """A front end asks for the newest, which are these."""
    life.happens(happenings.HistoryWanted())
    [look] = life.requests()
    found = gateway.recovered(
        look["eventId"],
        THREAD,
        tuple(messages(*numbers, text=text)),
        "42",
        more=more,  # type: ignore[arg-type]
    )
    life.hears(found)
    return page_of(life)


# --- the end


def test_the_end_names_thread_and_contact() -> None:
    life = in_contact()
    life.happens(happenings.EndWanted())
    [request] = life.requests()
    assert (request["payload"]["eventType"], request["payload"]["data"]) == (
        "EndContact",
        {"thread": {"idOnExternalPlatform": THREAD}, "contact": {"id": "42"}},
    )


def test_that_the_contact_is_closed_is_told_by_its_event() -> None:
    """T16: the plain answer tells nobody anything."""
    life = in_contact()
    life.happens(happenings.EndWanted())
    assert told(life.hears(gateway.answer(life.requests()[0]["eventId"]))) == []
    assert ("contact", {"status": "closed"}) in told(life.hears(gateway.case_status_changed(THREAD, "closed", 42)))


def test_an_end_wanted_twice_is_sent_once() -> None:
    """T17."""
    life = in_contact()
    sent = []
    for _ in range(20):
        life.happens(happenings.EndWanted(), 50)
        sent += life.kinds()
    assert sent == ["EndContact"]


def test_the_end_comes_after_the_messages_that_wait() -> None:
    """T15: or a good-bye would open another contact."""
    life = in_contact()
    life.wants("m1")
    [message] = life.requests()[:1]
    life.happens(happenings.EndWanted())
    assert life.kinds() == []
    life.hears(gateway.answer(message["eventId"]))
    assert life.kinds() == ["EndContact"]


def ends_behind_its_first_message(answered_first: bool) -> Life:
    """A message was taken that opens a contact, which the gateway has not told of yet; the visitor ends it."""
    life = Life()
    life.is_ready()
    life.wants("m1")
    [message] = life.requests()
    if not answered_first:
        life.happens(happenings.EndWanted())
    life.hears(gateway.answer(message["eventId"]))
    if answered_first:
        life.happens(happenings.EndWanted())
    return life


@pytest.mark.parametrize("answered_first", [False, True])
def test_the_end_waits_for_the_contact_that_a_message_opens(answered_first: bool) -> None:
    """The gateway's answer to the message comes before the event that names the contact."""
    life = ends_behind_its_first_message(answered_first)
    assert (told(life.actions), life.kinds()) == ([], [])
    life.hears(gateway.case_created(THREAD, 42))
    assert life.kinds() == ["EndContact"]
    assert life.requests()[0]["payload"]["data"]["contact"] == {"id": "42"}


def test_where_the_message_opens_no_contact_the_visitor_is_told_that_it_is_over_in_time() -> None:
    """T16: who ended the conversation sees whether it is over."""
    life = ends_behind_its_first_message(answered_first=False)
    taken_at = life.now
    assert ("contact", {"status": "closed"}) in told(life.wakes_until(Tell))
    assert life.now - taken_at == POLICY.answer_ms


def test_without_a_contact_the_visitor_is_told_that_it_is_over() -> None:
    life = Life()
    life.is_ready()
    assert told(life.happens(happenings.EndWanted())) == [("contact", {"status": "closed"})]
    assert life.kinds() == []


def test_the_end_is_sent_again_where_the_socket_was_lost_and_the_contact_is_open_still() -> None:
    life = in_contact()
    life.happens(happenings.EndWanted())
    life.happens(happenings.Lost())
    life.is_ready("42")
    assert life.kinds() == ["EndContact"]


def test_the_end_ends_no_other_contact() -> None:
    """One that was opened after it was asked for."""
    life = in_contact()
    life.happens(happenings.EndWanted())
    life.happens(happenings.Lost())
    life.is_ready("43")
    assert life.kinds() == []
    life.happens(happenings.Woke(), 60_000)
    assert "EndContact" not in life.kinds()


def test_an_end_that_was_wanted_while_no_socket_was_open_ends_what_is_found_open() -> None:
    life = in_contact()
    life.happens(happenings.Lost())
    life.happens(happenings.EndWanted())
    life.is_ready("42")
    assert life.kinds() == ["EndContact"]


def test_an_end_that_the_gateway_refuses_is_told_by_name_and_not_tried_again() -> None:
    life = in_contact()
    life.happens(happenings.EndWanted())
    life.hears(gateway.failure("EndingFailed", life.requests()[0]["eventId"]))
    assert errors(life) == ["not_ended"]
    assert life.kinds() == []


def test_an_end_without_an_answer_is_told_by_name_and_costs_no_socket() -> None:
    life = in_contact()
    life.happens(happenings.EndWanted())
    life.happens(happenings.Woke(), POLICY.answer_ms)
    assert errors(life) == ["not_ended"]
    assert not [action for action in life.actions if isinstance(action, Reopen)]


def test_a_contact_without_an_id_cannot_be_ended() -> None:
    life = Life()
    life.is_ready("")
    life.hears(gateway.event("CaseCreated", THREAD, case={"status": "new"}))
    life.happens(happenings.EndWanted())
    assert errors(life) == ["not_ended"]


# --- the messages before


def test_the_newest_messages_are_told_newest_first_with_what_is_before_them() -> None:
    """In the one shape of messages."""
    page = has_newest(in_contact(), 1, 2, 3)
    assert [message["id"] for message in page["messages"]] == ["m3", "m2", "m1"]
    assert page["messages"][0] == {
        **{"id": "m3", "text": "hi", "author": None, "at": page["messages"][0]["at"], "from": "agent"}
    }
    assert (page["asked"], page["before"]) == (None, "m1")


def test_what_is_before_is_asked_for_as_nices_client_does() -> None:
    life = in_contact(livechat=True)
    has_newest(life, 3, 4)
    life.happens(happenings.HistoryWanted("m3"))
    [request] = life.requests()
    assert (request["payload"]["eventType"], request["payload"]["data"]) == (
        "LoadMoreMessages",
        {
            "scrollToken": "s1",
            "oldestMessageDatetime": "2026-11-25T10:00:03Z",
            "thread": {"idOnExternalPlatform": THREAD},
            "contact": {"id": "42"},
        },
    )


def test_on_messaging_channels_no_contact_is_named() -> None:
    """The conversation goes back beyond it."""
    life = in_contact()
    has_newest(life, 3)
    life.happens(happenings.HistoryWanted("m3"))
    assert "contact" not in life.requests()[0]["payload"]["data"]


def test_pages_go_back_to_the_beginning() -> None:
    life = in_contact()
    has_newest(life, 5, 6)
    for before, numbers, token in (("m5", (3, 4), "s2"), ("m3", (1, 2), "")):
        life.happens(happenings.HistoryWanted(before))
        life.hears(more_loaded(life.requests()[0]["eventId"], *numbers, token=token))
        assert page_of(life)["asked"] == before
    assert page_of(life)["before"] is None


def test_a_page_may_be_asked_for_again() -> None:
    """By another tab."""
    life = in_contact()
    has_newest(life, 3)
    for _ in range(2):
        life.happens(happenings.HistoryWanted("m3"))
        life.hears(more_loaded(life.requests()[0]["eventId"], 1, 2, token="s2"))
        assert page_of(life)["before"] == "m1"


def test_the_page_of_a_thread_that_was_left_is_asked_for_in_it() -> None:
    life = in_contact()
    has_newest(life, 3)
    life.hears(gateway.event("ThreadArchived", THREAD))
    life.wants("another")
    look = life.requests()[0]["eventId"]
    life.hears(gateway.failure("RecoveringThreadFailed", look))
    life.hears(gateway.answer(life.requests()[0]["eventId"]))
    assert life.state.thread.thread_id != THREAD
    life.happens(happenings.HistoryWanted("m3"))
    assert life.requests()[0]["payload"]["data"]["thread"] == {"idOnExternalPlatform": THREAD}


def test_where_there_is_no_thread_yet_there_are_no_messages() -> None:
    life = Life()
    life.is_ready()
    life.happens(happenings.HistoryWanted())
    life.hears(gateway.failure("RecoveringThreadFailed", life.requests()[0]["eventId"]))
    assert page_of(life) == {"messages": [], "asked": None, "before": None}


def test_a_message_that_is_shown_by_its_page_is_not_told_as_missed() -> None:
    """T16: what was told before is not told again, and what is that old is not new."""
    life = Life(newest_at=gateway_ms("2026-11-25T10:00:09Z"))
    life.is_ready("42")
    has_newest(life, 1, 2)
    assert [name for name, _ in told(life.actions)] == ["history"]


def gateway_ms(at: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(at).timestamp() * 1000)


def test_a_page_too_large_for_a_frame_comes_in_parts_that_are_asked_for() -> None:
    """Of the second part nobody needs to ask CXone."""
    life = in_contact()
    page = has_newest(life, *range(1, 8), text="x" * (LARGEST_PAGE // 3))
    shown = [message["id"] for message in page["messages"]]
    assert len(json.dumps(page)) <= LARGEST_PAGE + 1_000
    while page["before"] and page["before"] != "m1":
        life.happens(happenings.HistoryWanted(page["before"]))
        assert life.kinds() == []
        page = page_of(life)
        shown += [message["id"] for message in page["messages"]]
    assert shown == [f"m{n}" for n in range(7, 0, -1)]
    assert page["before"] == "m1"
    life.happens(happenings.HistoryWanted("m1"))
    assert life.kinds() == ["LoadMoreMessages"]


def test_the_same_page_again_and_again_has_an_end() -> None:
    """A front end that asks for more until there is none does not ask for ever."""
    life = in_contact()
    has_newest(life, 3)
    life.happens(happenings.HistoryWanted("m3"))
    life.hears(more_loaded(life.requests()[0]["eventId"], 3, token="s1"))
    assert page_of(life)["before"] is None


def test_before_a_message_that_is_not_known_nothing_is_asked_for() -> None:
    life = in_contact()
    life.happens(happenings.HistoryWanted("unheard-of"))
    assert (errors(life), life.kinds()) == (["history_unknown"], [])


@pytest.mark.parametrize("answer", ["refused", "unanswered", "plainly", "another result", "lost"])
def test_a_page_that_does_not_come_is_told_by_name_once(answer: str) -> None:
    """No answer leads to a loop: it is asked for again by the front end only."""
    life = in_contact()
    has_newest(life, 3)
    life.happens(happenings.HistoryWanted("m3"))
    event_id = life.requests()[0]["eventId"]
    match answer:
        case "refused":
            life.hears(gateway.failure("LoadingFailed", event_id))
        case "unanswered":
            life.happens(happenings.Woke(), POLICY.answer_ms)
        case "plainly":
            life.hears(gateway.answer(event_id))
        case "another result":
            life.hears(json.dumps({"eventId": event_id, "postback": {"eventType": "Other"}}))
        case "lost":
            life.happens(happenings.Lost())
    assert errors(life) == ["history_failed"]
    assert any(isinstance(action, Report) for action in life.actions)
    life.happens(happenings.Woke(), 3 * POLICY.answer_ms)
    assert (errors(life), "LoadMoreMessages" in life.kinds()) == ([], False)


def test_a_look_for_the_newest_that_is_never_answered_costs_one_socket_and_no_more() -> None:
    life = in_contact()
    life.happens(happenings.HistoryWanted())
    life.happens(happenings.Woke(), POLICY.answer_ms)
    assert [action.reason for action in life.actions if isinstance(action, Reopen)] == ["look_overdue"]
    assert errors(life) == ["history_failed"]
    life.is_ready("42")
    assert life.kinds() == []


def test_newest_messages_that_cxone_will_not_give_are_told_by_name_once() -> None:
    life = in_contact()
    life.happens(happenings.HistoryWanted())
    for _ in range(POLICY.most_refusals):
        life.hears(gateway.failure("SomethingNew", life.requests()[0]["eventId"]))
        assert errors(life) == []
        life.wakes()
    life.hears(gateway.failure("SomethingNew", life.requests()[0]["eventId"]))
    assert errors(life) == ["history_failed"]
    life.happens(happenings.HistoryWanted())
    assert life.kinds() == ["RecoverThread"]


def test_front_ends_that_ask_for_the_same_are_answered_once() -> None:
    """T17: all tabs of a visitor get each page."""
    life = in_contact()
    asked = []
    for _ in range(10):
        life.happens(happenings.HistoryWanted())
        asked += life.kinds()
    assert asked == ["RecoverThread"]


def test_only_so_many_pages_are_asked_for_at_a_time() -> None:
    """T17."""
    life = in_contact()
    has_newest(life, 9)
    for before in range(9, 4, -1):
        life.happens(happenings.HistoryWanted(f"m{before}"))
        life.hears(more_loaded(life.requests()[0]["eventId"], before - 1, token="s"))
    for before in range(9, 5, -1):
        life.happens(happenings.HistoryWanted(f"m{before}"))
    assert errors(life) == ["history_failed"]


def test_a_page_that_was_forgotten_while_it_was_asked_for_is_told_by_name() -> None:
    """Two tabs ask at once; for the page of the one, what was left of the other's is forgotten."""
    life = in_contact()
    before = has_newest(life, *range(1, 8), text="x" * (LARGEST_PAGE // 3))["before"]
    life.happens(happenings.HistoryWanted())
    [look] = life.requests()
    life.happens(happenings.HistoryWanted(before))
    assert before in [page.before for page in life.state.history.pages]
    newest = tuple(messages(9, 10))
    life.hears(gateway.recovered(look["eventId"], THREAD, newest, "42", more="s2"))  # type: ignore[arg-type]
    assert (errors(life), life.kinds()) == (["history_unknown"], [])
    assert life.state.history.due == ()


def test_a_message_does_not_wait_for_a_page() -> None:
    """T15."""
    life = in_contact()
    has_newest(life, 3)
    life.happens(happenings.HistoryWanted("m3"))
    life.wants("mine")
    assert life.kinds()[0] == "SendMessage"


def test_nothing_that_was_said_stands_in_the_state_of_it() -> None:
    """T13: neither texts nor the gateway's tokens are in a repr."""
    life = in_contact()
    has_newest(life, *range(1, 8), text=SECRET * 8_000, more=SECRET)
    assert life.state.history.pages
    assert SECRET not in repr(life.state)
    assert SECRET not in repr(life.actions)


# --- the transcript

EMAIL = "ada@example.com"


def test_a_transcript_names_contact_and_address_as_nices_clients_do() -> None:
    life = in_contact()
    life.happens(happenings.TranscriptWanted(EMAIL))
    [request] = life.requests()
    assert (request["payload"]["eventType"], request["payload"]["data"]) == (
        "SendTranscript",
        {"consumerContact": {"id": "42"}, "consumerRecipients": [{"idOnExternalPlatform": EMAIL}]},
    )
    sent = {"eventId": request["eventId"], "postback": {"eventType": "TranscriptSent"}}
    assert told(life.hears(json.dumps(sent))) == [("transcript", {"status": "sent"})]


def test_a_transcript_of_the_contact_that_was_closed_last() -> None:
    """When it is over people ask for one."""
    life = in_contact(livechat=True)
    life.hears(gateway.case_status_changed(THREAD, "closed", 42))
    life.happens(happenings.TranscriptWanted(EMAIL))
    assert life.requests()[0]["payload"]["data"]["consumerContact"] == {"id": "42"}


@pytest.mark.parametrize("how", ["refused", "refused without an id", "no answer", "the socket is lost"])
def test_a_transcript_that_was_not_sent_is_a_named_error(how: str) -> None:
    """And the next one may be asked for."""
    life = in_contact()
    life.happens(happenings.TranscriptWanted(EMAIL))
    [request] = life.requests()
    if how.startswith("refused"):
        life.hears(gateway.failure("SendingTranscriptFailed", request["eventId"] if how == "refused" else None))
    elif how == "no answer":
        life.happens(happenings.Woke(), POLICY.answer_ms)
    else:
        life.happens(happenings.Lost())
    assert errors(life) == ["transcript_failed"]
    assert EMAIL not in str(life.actions)
    assert life.state.transcript.asked is None


def test_without_a_conversation_there_is_no_transcript() -> None:
    life = Life()
    life.is_ready()
    life.happens(happenings.TranscriptWanted(EMAIL))
    assert (errors(life), life.kinds()) == (["transcript_failed"], [])


def test_transcripts_are_few() -> None:
    """T17: anybody could name any address."""
    life, sent = in_contact(), 0
    for _ in range(20):
        life.happens(happenings.TranscriptWanted(EMAIL), 1_000)
        sent += len(requests := life.requests())
        for request in requests:
            life.hears(gateway.answer(request["eventId"]))
    assert sent == POLICY.transcripts.at_once
    another_at = POLICY.transcripts.free_at(life.state.transcript.spent_until)
    life.happens(happenings.Heard('"pong"'), another_at - 1 - life.now)
    life.happens(happenings.TranscriptWanted(EMAIL))
    assert life.kinds() == []
    life.happens(happenings.TranscriptWanted(EMAIL), 1)
    assert life.kinds() == ["SendTranscript"]

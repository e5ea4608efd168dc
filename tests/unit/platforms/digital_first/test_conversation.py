"""A visitor's conversation on the gateway: what happens, and what is to be done about it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from typing_relay.platforms.digital_first import frames_out
from typing_relay.platforms.digital_first.conversation import happenings, machine
from typing_relay.platforms.digital_first.conversation.actions import (
    Action,
    ContactClosed,
    ContactOpened,
    Fetch,
    MessageLeaving,
    MessageRefused,
    MessageTaken,
    Ready,
    Reauthorize,
    Reopen,
    Report,
    SendFrame,
    ShownUnknown,
    Stopped,
    Tell,
    ThreadChanged,
    TypingTold,
)
from typing_relay.platforms.digital_first.conversation.happenings import MessageWanted, TypingWanted
from typing_relay.platforms.digital_first.conversation.policy import ConversationPolicy
from typing_relay.platforms.digital_first.conversation.state import Doing
from typing_relay.platforms.digital_first.conversation.waking import wake_at
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.shared.agents_typing import DOUBTFUL_LIFE_MS
from typing_relay.relay.device import Device
from typing_relay.relay.outcomes import Kind
from typing_relay.relay.profile import Profile

from tests.support import dfo_gateway as gateway

POLICY = ConversationPolicy()
NOW = 1_795_600_800_000
HOUR_MS = 3_600_000
THREAD = "thread"
PONG = '"pong"'
SECRET = "s3cret words"


class Life:
    """One conversation, fed with happenings at a time that only the test moves."""

    def __init__(self, livechat: bool = False, **begin: Any) -> None:
        visitor = Visitor("v", "c")
        self.state = machine.begin(Channel(1, "chat_1"), visitor, THREAD, livechat=livechat, seed="seed", **begin)
        self.now = NOW
        self.actions: tuple[Action, ...] = ()
        self.happens(happenings.Admitted(visitor, NOW + HOUR_MS))

    def happens(self, happening: happenings.Happening, after_ms: int = 0) -> tuple[Action, ...]:
        self.now += after_ms
        self.state, self.actions = machine.step(self.state, happening, self.now, POLICY)
        return self.actions

    def hears(self, *frames: str) -> tuple[Action, ...]:
        return sum((self.happens(happenings.Heard(frame)) for frame in frames), ())

    def opens(self) -> str:
        """Returns the id of the look."""
        self.happens(happenings.Opened())
        return str(self.requests()[0]["eventId"])

    def is_ready(self, contact: str | None = None, **found: Any) -> tuple[Action, ...]:
        """The socket opens and the thread is looked for."""
        look = self.opens()
        if contact is None and not found:
            return self.hears(gateway.failure("RecoveringThreadFailed", look))
        return self.hears(gateway.recovered(look, self.state.thread.thread_id, contact=contact, **found))

    def wakes(self) -> tuple[Action, ...]:
        at = wake_at(self.state, POLICY)
        assert at is not None
        assert at > self.now
        return self.happens(happenings.Woke(), at - self.now)

    def wakes_until(self, kind: type) -> tuple[Action, ...]:
        for _ in range(20):
            actions = tuple(action for action in self.wakes() if isinstance(action, kind))
            if actions:
                return actions
        raise AssertionError(f"{kind.__name__} never came")

    def requests(self) -> list[Any]:
        """What was sent last, heartbeats left out."""
        sent = [json.loads(action.text) for action in self.actions if isinstance(action, SendFrame)]
        return [frame for frame in sent if frame["action"] != "heartbeat"]

    def kinds(self) -> list[str]:
        """The same, by what they are."""
        return [frame["payload"]["eventType"] for frame in self.requests()]

    def wants(self, message_id: str, **rest: Any) -> tuple[Action, ...]:
        return self.happens(MessageWanted(message_id, rest.pop("text", "hi"), self.now, **rest))


def outcomes(actions: tuple[Action, ...]) -> list[tuple[str, Kind]]:
    return [(action.ticket, action.outcome.kind) for action in actions if isinstance(action, TypingTold)]


def told(actions: tuple[Action, ...]) -> list[tuple[Any, Any]]:
    return [(action.frame.get("name"), action.frame.get("detail")) for action in actions if isinstance(action, Tell)]


@pytest.fixture
def ready() -> Life:
    """The socket is open and there is no contact yet."""
    life = Life()
    life.is_ready()
    return life


@pytest.fixture
def in_contact() -> Life:
    """The socket is open, and so is a contact."""
    life = Life()
    life.is_ready("42")
    return life


# --- opening


def test_on_every_open_the_thread_is_looked_for_and_nothing_else_is_sent() -> None:
    life = Life()
    life.wants("m1")
    for _ in range(2):
        life.opens()
        assert life.kinds() == ["RecoverThread"]


def nothing_there(look: str) -> str:
    return json.dumps({"eventId": look, "postback": {"eventType": "LivechatRecovered", "data": None}})


def test_a_fresh_live_chat_opens_where_a_look_is_answered_with_nothing_in_it() -> None:
    """Tenants with isRecoverLivechatDoesNotFailEnabled answer so."""
    life = Life(livechat=True)
    life.wants("m1")
    assert Ready() in life.hears(nothing_there(life.opens()))
    assert life.kinds() == ["SendMessage"]


def test_a_message_in_doubt_is_sent_again_after_a_look_with_nothing_in_it() -> None:
    """T15: it means the same as the error that there is no such thread."""
    life = Life(livechat=True)
    life.wants("m1", may_have_left=True)
    look = life.opens()
    assert Ready() in life.hears(nothing_there(look))
    life.wakes_until(SendFrame)
    assert life.kinds() == ["RecoverLivechat"]
    life.hears(nothing_there(str(life.requests()[0]["eventId"])))
    assert life.kinds() == ["SendMessage"]


def test_a_message_that_waits_and_has_left_since_is_looked_for_before_it_is_sent() -> None:
    """T15: a keeper before this one sent it after this one had looked in vain."""
    life = Life(livechat=True)
    life.wants("m1")
    look = life.opens()
    life.wants("m1", may_have_left=True)
    assert Ready() in life.hears(nothing_there(look))
    assert life.kinds() == []
    life.wakes_until(SendFrame)
    assert life.kinds() == ["RecoverLivechat"]


def test_a_look_answered_plainly_found_nothing_and_is_reported_once() -> None:
    """No loop; T15: what may have arrived is not sent again."""
    life = Life(livechat=True)
    life.wants("m1", may_have_left=True)
    actions = life.hears(gateway.answer(life.opens()))
    assert (Report("look_answered_plainly") in actions, Ready() in actions) == (True, True)
    assert MessageRefused("m1", "unconfirmed") in actions
    assert life.kinds() == []


def test_a_thread_without_its_id_counts_as_none_and_costs_no_message_its_word() -> None:
    """No loop; T15: what may have arrived is not sent again."""
    life = Life(livechat=True)
    life.wants("m1", may_have_left=True)
    look = life.opens()
    data = {"thread": {}, "contact": {"id": "42", "status": "new"}}
    actions = life.hears(json.dumps({"eventId": look, "postback": {"eventType": "LivechatRecovered", "data": data}}))
    assert (Report("thread_without_id") in actions, Ready() in actions) == (True, True)
    assert MessageRefused("m1", "unconfirmed") in actions
    assert life.kinds() == []


def test_another_thread_with_an_open_contact_is_the_conversation_from_now_on() -> None:
    life = Life(livechat=True)
    life.wants("m1", may_have_left=True)
    life.wants("m2", may_have_left=True)
    life.wants("m3")
    actions = life.hears(gateway.recovered(life.opens(), "another", ("m1",), "42"))
    assert {ThreadChanged("another"), ContactOpened("42"), MessageTaken("m1")} <= {
        action for action in actions if not isinstance(action, Tell)
    }
    assert MessageRefused("m2", "unconfirmed") in actions
    message = life.requests()[0]
    assert message["payload"]["data"]["thread"] == {"idOnExternalPlatform": "another"}


def test_another_thread_that_is_over_counts_as_none() -> None:
    """Adopted, it would be found again by each look for the thread after it."""
    life = Life(livechat=True)
    life.wants("m1")
    actions = life.hears(gateway.recovered(life.opens(), "another", (), "42", "closed"))
    assert (Report("another_thread_found") in actions, Ready() in actions) == (True, True)
    [message] = life.requests()
    assert message["payload"]["eventType"] == "SendMessage"
    assert message["payload"]["data"]["thread"] == {"idOnExternalPlatform": THREAD}


def test_a_livechat_is_looked_for_as_one() -> None:
    life = Life(livechat=True)
    life.opens()
    assert life.kinds() == ["RecoverLivechat"]


def test_once_the_thread_has_been_looked_for_messages_can_be_sent() -> None:
    assert Ready() in Life().is_ready("42")


def test_a_look_that_finds_no_thread_is_no_failure() -> None:
    assert Life().is_ready() == (Ready(),)


def test_an_error_without_an_id_answers_the_look_while_nothing_else_was_asked() -> None:
    life = Life()
    life.opens()
    assert life.hears(gateway.failure("RecoveringLivechatFailed")) == (Ready(),)


@pytest.mark.parametrize(("code", "is_answered"), [("RecoveringThreadFailed", True), ("SendingMessageFailed", False)])
def test_later_an_error_without_an_id_answers_the_look_if_it_is_of_that_kind(
    code: str, is_answered: bool, ready: Life
) -> None:
    """T15: what a look has not shown is not believed."""
    ready.wants("m1", may_have_left=True)
    ready.wakes()
    assert ready.kinds() == ["RecoverThread"]
    ready.hears(gateway.failure(code))
    assert (ready.state.thread.looking is None) == is_answered


def test_a_look_that_the_gateway_could_not_make_is_made_again() -> None:
    """T4, T15: whether there is a contact, or a message that may have left, is not known by that."""
    life = Life()
    look = life.opens()
    for seconds in (1, 2, 4):
        assert life.hears(gateway.failure("SomethingNew", look)) == (Report("SomethingNew"),)
        before = life.now
        life.wakes()
        look = life.requests()[0]["eventId"]
        assert (life.kinds(), life.now - before) == (["RecoverThread"], seconds * 1000)
    assert ContactOpened("42") in life.hears(gateway.recovered(look, THREAD, contact="42"))


def test_where_looking_fails_again_and_again_there_is_taken_to_be_nothing_but_for_doubts() -> None:
    """T15: what a message's fate is stays open; others go on."""
    life = Life()
    life.wants("m1", may_have_left=True)
    look = life.opens()
    for _ in range(POLICY.most_refusals):
        life.hears(gateway.failure("SomethingNew", look))
        life.wakes()
        look = life.requests()[0]["eventId"]
    assert Ready() in life.hears(gateway.failure("SomethingNew", look))
    assert life.state.outgoing.queue[0].in_doubt


def test_another_ones_answer_does_not_answer_the_look() -> None:
    life = Life()
    life.opens()
    frames = (gateway.answer("other"), gateway.recovered("other", THREAD), gateway.failure("Some", "other"))
    assert Ready() not in life.hears(*frames)


def test_a_look_that_is_not_answered_replaces_the_socket() -> None:
    life = Life()
    life.opens()
    assert life.wakes_until(Reopen) == (Reopen("look_overdue"),)
    assert life.now == NOW + 10_000


@pytest.mark.parametrize(("later_ms", "actions"), [(0, ()), (HOUR_MS - POLICY.renew_early_ms, (Reauthorize(),))])
def test_a_token_is_renewed_before_a_socket_that_it_would_not_open(
    later_ms: int, actions: tuple[Action, ...], ready: Life
) -> None:
    assert ready.happens(happenings.Lost(), later_ms) == actions


def test_what_comes_on_a_socket_given_up_counts_no_more(ready: Life) -> None:
    ready.happens(happenings.Lost())
    assert ready.hears(gateway.case_created(THREAD)) == ()


# --- life of the socket


def test_a_heartbeat_leaves_every_15_s(ready: Life) -> None:
    for beat in (1, 2, 3):
        ready.hears(PONG)
        assert ready.wakes() == (SendFrame(frames_out.HEARTBEAT),)
        assert ready.now == NOW + beat * 15_000


def test_45_s_of_silence_are_a_dead_socket(ready: Life) -> None:
    assert ready.wakes_until(Reopen) == (Reopen("silent"),)
    assert ready.now == NOW + 45_000


@pytest.mark.parametrize("frame", [PONG, "not a frame", gateway.event("Unknown", "another thread")])
def test_whatever_is_heard_is_a_sign_of_life(frame: str, ready: Life) -> None:
    ready.happens(happenings.Woke(), 44_000)
    ready.hears(frame)
    assert Reopen("silent") not in ready.happens(happenings.Woke(), 2_000)


def test_a_frame_that_makes_no_sense_is_reported_without_a_word_of_it(ready: Life) -> None:
    """T13."""
    assert ready.hears(SECRET) == (Report("not_a_frame", "not JSON"),)


def test_an_sdk_version_that_is_refused_stops_everything(in_contact: Life) -> None:
    in_contact.happens(TypingWanted(True, "a"))
    in_contact.wants("m1")
    in_contact.wants("m2")
    actions = in_contact.hears(gateway.failure("SdkVersionNotSupported"))
    [stopped] = [action for action in actions if isinstance(action, Stopped)]
    assert (stopped.outcome.kind, "DfoSdkVersion" in stopped.outcome.reason) == (Kind.DENIED, True)
    assert outcomes(actions) == [("a", Kind.DENIED)]
    assert {MessageRefused("m1", "unconfirmed"), MessageRefused("m2", "unavailable")} <= set(actions)
    assert wake_at(in_contact.state, POLICY) is None


def test_a_message_that_is_itself_refused_with_the_version_was_not_taken(in_contact: Life) -> None:
    in_contact.wants("m1")
    [sent] = [frame["eventId"] for frame in in_contact.requests() if frame["payload"]["eventType"] == "SendMessage"]
    actions = in_contact.hears(gateway.failure("SdkVersionNotSupported", sent))
    assert MessageRefused("m1", "unavailable") in actions


def test_nothing_more_is_tried_until_a_socket_opens_again(ready: Life) -> None:
    ready.hears(gateway.failure("SdkVersionNotSupported"))
    assert ready.wants("m1") == (MessageRefused("m1", "unavailable"),)
    assert outcomes(ready.happens(TypingWanted(False, "a"))) == [("a", Kind.DENIED)]
    ready.happens(happenings.Lost())
    assert ready.state.socket.doing is Doing.STOPPED
    ready.opens()
    assert ready.kinds() == ["RecoverThread"]


# --- the contact


def test_a_contact_that_is_found_open_takes_typing_once_messages_can_be_sent(in_contact: Life) -> None:
    assert told(in_contact.actions) == [("contact", {"status": "open"})]
    assert in_contact.actions[1:] == (Ready(), ContactOpened("42"))


def test_a_second_look_at_the_same_contact_opens_it_no_second_time(in_contact: Life) -> None:
    in_contact.wants("m1", may_have_left=True)
    in_contact.wakes()
    look = in_contact.requests()[0]["eventId"]
    assert in_contact.hears(gateway.recovered(look, THREAD, ("m1",), "42"))[1:] == (MessageTaken("m1"),)


@pytest.mark.parametrize("livechat", [False, True])
def test_a_contact_that_is_found_closed_counts_as_none(livechat: bool) -> None:
    life = Life(livechat)
    assert life.is_ready("42", status="closed") == (Ready(),)


def test_a_contact_begins_with_its_event(ready: Life) -> None:
    actions = ready.hears(gateway.case_created(THREAD, "42"))
    assert ContactOpened("42") in actions
    assert told(actions) == [("contact", {"status": "open"})]


@pytest.mark.parametrize("contact", [None, "42"])
def test_a_contact_ends_with_its_event_which_may_not_name_it(contact: str | None, in_contact: Life) -> None:
    actions = in_contact.hears(gateway.case_status_changed(THREAD, "closed", contact))
    assert ContactClosed() in actions
    assert told(actions) == [("contact", {"status": "closed"})]


@pytest.mark.parametrize("status", ["closed", "pending"])
def test_what_becomes_of_another_contact_changes_nothing(status: str, in_contact: Life) -> None:
    assert in_contact.hears(gateway.case_status_changed(THREAD, status, "41")) == ()


def test_a_contact_heard_of_before_the_look_is_answered_takes_typing_after_it() -> None:
    life = Life()
    look = life.opens()
    assert ContactOpened("42") not in life.hears(gateway.case_created(THREAD, "42"))
    assert outcomes(life.happens(TypingWanted(True, "a"))) == [("a", Kind.NOT_YET)]
    assert life.hears(gateway.failure("RecoveringThreadFailed", look)) == (Ready(), ContactOpened("42"))


@pytest.mark.parametrize("status", ["open", "pending", "escalated", "resolved"])
def test_a_contact_goes_on_until_it_is_closed(status: str, in_contact: Life) -> None:
    in_contact.hears(gateway.case_status_changed(THREAD, status, "42"))
    assert in_contact.state.contacts.open is not None


def test_a_contacts_beginning_that_comes_twice_or_after_its_end_changes_nothing(in_contact: Life) -> None:
    """T12."""
    created = gateway.case_created(THREAD, "42")
    assert in_contact.hears(created) == ()
    in_contact.hears(gateway.case_status_changed(THREAD, "closed", "42"))
    assert in_contact.hears(created) == ()


def test_another_contact_that_begins_takes_the_place_of_the_one_known(in_contact: Life) -> None:
    assert ContactOpened("43") in in_contact.hears(gateway.case_created(THREAD, "43"))


def test_a_contact_that_was_closed_while_the_socket_was_away_is_told_as_closed(in_contact: Life) -> None:
    in_contact.happens(happenings.Lost())
    actions = in_contact.is_ready("42", status="closed")
    assert ContactClosed() in actions
    assert told(actions) == [("contact", {"status": "closed"})]


def test_a_contact_that_is_still_open_takes_typing_again_and_is_not_told_again(in_contact: Life) -> None:
    in_contact.happens(happenings.Lost())
    actions = in_contact.is_ready("42")
    assert (ContactOpened("42") in actions, told(actions)) == (True, [])


# --- typing


def test_typing_is_not_sent_before_there_is_a_contact(ready: Life) -> None:
    actions = ready.happens(TypingWanted(True, "a"))
    assert (outcomes(actions), ready.kinds()) == ([("a", Kind.NOT_YET)], [])


@pytest.mark.parametrize("typing", [True, False])
def test_typing_is_not_sent_without_a_socket_or_before_the_look(typing: bool) -> None:
    life = Life()
    assert outcomes(life.happens(TypingWanted(typing, "a"))) == [("a", Kind.NOT_YET)]
    life.opens()
    assert outcomes(life.happens(TypingWanted(typing, "b"))) == [("b", Kind.NOT_YET)]


def test_without_a_contact_nothing_is_shown_so_its_end_needs_no_frame(ready: Life) -> None:
    actions = ready.happens(TypingWanted(False, "a"))
    assert (outcomes(actions), ready.kinds()) == ([("a", Kind.ACCEPTED)], [])


@pytest.mark.parametrize(("typing", "kind"), [(True, "SenderTypingStarted"), (False, "SenderTypingEnded")])
def test_typing_leaves_at_once_with_a_heartbeat_behind_it(typing: bool, kind: str, in_contact: Life) -> None:
    """T2: the heartbeat makes the gateway say something. A new keeper does not know what is shown: it sends Ended."""
    actions = in_contact.happens(TypingWanted(typing, "a"))
    assert (in_contact.kinds(), actions[-1]) == ([kind], SendFrame(frames_out.HEARTBEAT))


def test_the_answer_to_its_heartbeat_proves_that_typing_arrived(in_contact: Life) -> None:
    in_contact.happens(TypingWanted(True, "a"))
    assert outcomes(in_contact.hears(PONG, PONG)) == [("a", Kind.ACCEPTED)]


@pytest.mark.parametrize(
    "frame", ["not a frame", gateway.event("Unknown", "another thread"), gateway.failure("Some", "x")]
)
def test_what_else_comes_in_may_have_been_on_its_way_and_proves_nothing(frame: str, in_contact: Life) -> None:
    """T4: an Ended that is lost with its socket must not count as said."""
    in_contact.happens(TypingWanted(False, "a"))
    assert outcomes(in_contact.hears(frame)) == []
    assert in_contact.state.shown.perhaps_shown


def test_the_answer_to_an_earlier_heartbeat_proves_nothing(in_contact: Life) -> None:
    in_contact.now += 15_000
    in_contact.happens(happenings.Woke())
    in_contact.happens(TypingWanted(True, "a"))
    assert outcomes(in_contact.hears(PONG)) == []
    assert outcomes(in_contact.hears(PONG, PONG)) == [("a", Kind.ACCEPTED)]


def test_typing_whose_heartbeat_was_not_answered_for_4_s_counts_as_lost(in_contact: Life) -> None:
    in_contact.happens(TypingWanted(True, "a"))
    assert outcomes(in_contact.wakes()) == [("a", Kind.LOST)]
    assert in_contact.now == NOW + 4_000


def test_a_gateway_that_leaves_out_a_pong_is_believed_again_after_that(in_contact: Life) -> None:
    in_contact.happens(TypingWanted(True, "a"))
    in_contact.wakes()
    in_contact.happens(TypingWanted(True, "b"))
    assert outcomes(in_contact.hears(PONG)) == [("b", Kind.ACCEPTED)]


def test_typing_is_lost_with_its_socket_and_what_is_shown_is_unknown(in_contact: Life) -> None:
    in_contact.happens(TypingWanted(True, "a"))
    actions = in_contact.happens(happenings.Lost())
    assert (outcomes(actions), ShownUnknown() in actions) == ([("a", Kind.LOST)], True)


def test_typing_that_is_answered_with_an_error_has_failed(in_contact: Life) -> None:
    in_contact.happens(TypingWanted(True, "a"))
    request = in_contact.requests()[0]["eventId"]
    actions = in_contact.hears(gateway.failure("Some", request))
    assert (outcomes(actions), Report("Some") in actions) == ([("a", Kind.FAILED)], True)


def test_an_end_that_is_known_to_have_arrived_is_not_sent_again(in_contact: Life) -> None:
    in_contact.happens(TypingWanted(False, "a"))
    in_contact.hears(PONG)
    actions = in_contact.happens(TypingWanted(False, "b"))
    assert (outcomes(actions), in_contact.kinds()) == ([("b", Kind.ACCEPTED)], [])


def test_an_end_that_arrived_does_not_end_what_was_sent_after_it(in_contact: Life) -> None:
    """T4: that may have arrived, too, though its proof was lost."""
    in_contact.happens(TypingWanted(False, "a"))
    in_contact.happens(TypingWanted(True, "b"))
    assert outcomes(in_contact.hears(PONG)) == [("a", Kind.ACCEPTED)]
    assert outcomes(in_contact.wakes()) == [("b", Kind.LOST)]
    in_contact.kinds()
    in_contact.happens(TypingWanted(False, "c"))
    assert in_contact.kinds() == ["SenderTypingEnded"]


def test_an_end_that_is_on_its_way_is_not_sent_twice_and_answers_both(in_contact: Life) -> None:
    in_contact.happens(TypingWanted(False, "a"))
    in_contact.happens(TypingWanted(False, "b"))
    assert in_contact.kinds() == []
    assert outcomes(in_contact.hears(PONG)) == [("a", Kind.ACCEPTED), ("b", Kind.ACCEPTED)]


def test_an_end_after_a_reconnect_is_sent_though_it_was_lost_before(in_contact: Life) -> None:
    """T4: what is shown after a drop is unknown."""
    in_contact.happens(TypingWanted(True, "a"))
    in_contact.hears(PONG)
    in_contact.happens(happenings.Lost())
    in_contact.is_ready("42")
    in_contact.happens(TypingWanted(False, "b"))
    assert in_contact.kinds() == ["SenderTypingEnded"]


def test_a_contact_that_ends_takes_its_typing_along(in_contact: Life) -> None:
    in_contact.happens(TypingWanted(True, "a"))
    in_contact.happens(TypingWanted(False, "b"))
    closed = gateway.case_status_changed(THREAD, "closed")
    in_contact.happens(happenings.Fetched(closed))  # not a sign of life: nothing has been proven
    assert outcomes(in_contact.actions) == [("a", Kind.NOT_YET), ("b", Kind.ACCEPTED)]


# --- messages


def test_a_message_waits_for_the_look(ready: Life) -> None:
    life = Life()
    assert life.wants("m1") == ()
    life.is_ready()
    assert life.kinds() == ["SendMessage"]


def test_one_message_is_on_its_way_at_a_time_in_order(ready: Life) -> None:
    """T15."""
    ready.wants("m1")
    [first] = ready.requests()
    ready.wants("m2")
    assert ready.requests() == []
    assert ready.hears(gateway.answer(first["eventId"]))[0] == MessageTaken("m1")
    [second] = ready.requests()
    assert second["payload"]["data"]["idOnExternalPlatform"] == "m2"


def test_a_message_is_taken_when_its_own_event_comes(ready: Life) -> None:
    ready.wants("m1")
    actions = ready.hears(gateway.message_created(THREAD, "m1", from_agent=False))
    assert MessageTaken("m1") in actions
    assert told(actions)[0][1]["from"] == "visitor"


def test_a_message_whose_answer_was_lost_is_taken_if_a_look_finds_it(ready: Life) -> None:
    ready.wants("m1")
    ready.happens(happenings.Lost())
    assert MessageTaken("m1") in ready.is_ready("42", messages=("m1",))
    assert ready.kinds() == []


def test_a_message_without_an_answer_for_10_s_replaces_the_socket_and_is_repeated_if_not_found(ready: Life) -> None:
    ready.wants("m1")
    assert ready.wakes_until(Reopen) == (Reopen("message_overdue"),)
    assert ready.now == NOW + 10_000
    ready.is_ready("42", messages=())
    [again] = ready.requests()
    assert again["payload"]["data"]["idOnExternalPlatform"] == "m1"


def test_a_look_too_soon_after_a_message_left_is_not_believed(ready: Life) -> None:
    """It may be taken a little later: it is looked for again before it is repeated."""
    ready.wants("m1")
    ready.happens(happenings.Lost())
    ready.is_ready("42", messages=())
    assert ready.kinds() == []
    ready.wakes()
    assert (ready.kinds(), ready.now) == (["RecoverThread"], NOW + 4_000)
    look = ready.requests()[0]["eventId"]
    assert MessageTaken("m1") in ready.hears(gateway.recovered(look, THREAD, ("m1",), "42"))


def test_a_message_that_a_keeper_before_may_have_sent_is_looked_for_first(ready: Life) -> None:
    ready.wants("m1", may_have_left=True)
    assert ready.kinds() == []
    ready.wakes()
    assert ready.kinds() == ["RecoverThread"]


@pytest.mark.parametrize(("newest_s", "reason"), [(10, "unconfirmed"), (-6, None)])
def test_a_page_of_newer_messages_alone_cannot_show_that_a_message_did_not_arrive(
    newest_s: int, reason: str | None, ready: Life
) -> None:
    ready.wants("m1")
    ready.happens(happenings.Lost(), 5_000)
    at = f"2026-11-25T10:00:{newest_s:02}Z" if newest_s > 0 else f"2026-11-25T09:59:{60 + newest_s}Z"
    page = (gateway.message("other", from_agent=True, at=at),)
    actions = ready.is_ready("42", messages=page, more="token")
    refused = [action.reason for action in actions if isinstance(action, MessageRefused)]
    assert refused == ([reason] if reason else [])
    assert ready.kinds() == ([] if reason else ["SendMessage"])


def test_an_error_that_may_pass_has_the_message_sent_again_after_growing_pauses_and_then_refused(ready: Life) -> None:
    ready.wants("m1")
    for pause_ms in (1_000, 2_000, 4_000):
        ready.hears(gateway.failure("SendingMessageFailed", ready.requests()[0]["eventId"]))
        before = ready.now
        ready.wakes()
        assert (ready.kinds(), ready.now - before) == (["SendMessage"], pause_ms)
    actions = ready.hears(gateway.failure("SendingMessageFailed", ready.requests()[0]["eventId"]))
    assert actions == (Report("SendingMessageFailed"), MessageRefused("m1", "refused"))


def test_another_error_refuses_the_message_at_once(ready: Life) -> None:
    ready.wants("m1")
    actions = ready.hears(gateway.failure("TextNotAllowed", ready.requests()[0]["eventId"]))
    assert MessageRefused("m1", "refused") in actions


def test_an_error_of_messages_without_an_id_is_about_the_message_on_its_way(ready: Life) -> None:
    ready.wants("m1")
    ready.hears(gateway.failure("SendingMessageFailed"))
    ready.wakes()
    assert ready.kinds() == ["SendMessage"]


def test_an_error_of_another_kind_without_an_id_is_only_reported(ready: Life) -> None:
    ready.wants("m1")
    assert ready.hears(gateway.failure("MetadataLoadFailed")) == (Report("MetadataLoadFailed"),)


def test_a_message_expires_after_5_minutes_without_a_socket() -> None:
    """T15: nothing waits for ever."""
    life = Life()
    life.wants("m1")
    assert life.wakes() == (MessageRefused("m1", "expired"),)
    assert life.now == NOW + 300_000


def test_a_message_that_may_have_arrived_is_not_said_to_have_failed(ready: Life) -> None:
    ready.wants("m1")
    ready.happens(happenings.Lost())
    assert ready.wakes() == (MessageRefused("m1", "unconfirmed"),)


def test_a_message_that_costs_every_socket_is_given_up(ready: Life) -> None:
    ready.wants("m1")
    for _ in range(POLICY.most_sends):
        assert ready.kinds() == ["SendMessage"]
        ready.wakes_until(Reopen)
        ready.is_ready("42", messages=())
    assert MessageRefused("m1", "expired") in ready.actions


def test_an_id_that_waits_is_not_queued_twice(ready: Life) -> None:
    """T12."""
    ready.wants("m1")
    ready.wants("m1")
    assert len(ready.state.outgoing.queue) == 1


def test_an_id_that_was_taken_is_taken_again_without_being_sent(ready: Life) -> None:
    """T12."""
    ready.wants("m1")
    ready.hears(gateway.answer(ready.requests()[0]["eventId"]))
    assert ready.wants("m1") == (MessageTaken("m1"),)


def test_a_message_that_another_keeper_has_settled_is_not_sent(ready: Life) -> None:
    """T16: nor looked for; the one behind it goes on."""
    ready.happens(happenings.Lost())
    ready.wants("m1", may_have_left=True)
    ready.wants("m2")
    ready.happens(happenings.MessageSettled("m1"))
    ready.is_ready()
    assert [action.message_id for action in ready.actions if isinstance(action, MessageLeaving)] == ["m2"]


def test_a_message_on_its_way_is_taken_when_its_answer_comes_whoever_has_settled_it(ready: Life) -> None:
    """T15: the other keeper knew nothing of it."""
    ready.wants("m1")
    sent = ready.requests()[0]["eventId"]
    ready.happens(happenings.MessageSettled("m1"))
    assert MessageTaken("m1") in ready.hears(gateway.answer(sent))


def test_so_many_messages_wait_and_no_more() -> None:
    life = Life()
    for number in range(POLICY.most_messages):
        assert life.wants(f"m{number}") == ()
    assert life.wants("one more") == (MessageRefused("one more", "too_many"),)


def test_half_a_character_is_refused(ready: Life) -> None:
    assert ready.wants("m1", text="\ud83d") == (MessageRefused("m1", "refused"),)


def test_a_message_ends_the_typing(in_contact: Life) -> None:
    in_contact.happens(TypingWanted(True, "a"))
    in_contact.hears(PONG)
    actions = in_contact.wants("m1")
    assert (in_contact.kinds(), ShownUnknown() in actions) == (["SendMessage", "SenderTypingEnded"], True)


def test_whoever_ends_the_typing_after_a_message_adds_no_frame(in_contact: Life) -> None:
    """T1: one Ended for a burst."""
    in_contact.happens(TypingWanted(True, "a"))
    in_contact.hears(PONG)
    in_contact.wants("m1")
    in_contact.happens(TypingWanted(False, "b"))
    assert in_contact.kinds() == []
    assert outcomes(in_contact.hears(PONG)) == [("b", Kind.ACCEPTED)]


def test_a_message_behind_an_end_of_typing_on_the_same_socket_says_no_second_one(in_contact: Life) -> None:
    """T1: nor is anything in doubt, as the gateway takes both in order."""
    in_contact.happens(TypingWanted(True, "a"))
    in_contact.hears(PONG)
    in_contact.happens(TypingWanted(False, "b"))
    actions = in_contact.wants("m1")
    assert (in_contact.kinds(), ShownUnknown() in actions) == (["SendMessage"], False)
    assert outcomes(in_contact.hears(PONG)) == [("b", Kind.ACCEPTED)]


def test_a_start_stands_where_the_gateway_refuses_the_end_that_a_message_says(in_contact: Life) -> None:
    """T4: whoever said it hears that it is shown, and ends it."""
    in_contact.happens(TypingWanted(True, "a"))
    in_contact.wants("m1")
    [end] = [frame for frame in in_contact.requests() if frame["payload"]["eventType"] == "SenderTypingEnded"]
    in_contact.hears(gateway.failure("SomethingFailed", end["eventId"]))
    assert outcomes(in_contact.hears(PONG, PONG)) == [("a", Kind.ACCEPTED)]


def test_a_start_that_a_message_has_ended_is_told_as_not_shown_once_both_have_arrived(in_contact: Life) -> None:
    """T9: the next burst is to be shown, though it begins before the answers are in."""
    in_contact.happens(TypingWanted(True, "a"))
    in_contact.wants("m1")
    assert in_contact.kinds() == ["SendMessage", "SenderTypingEnded"]
    assert outcomes(in_contact.hears(PONG)) == []
    assert outcomes(in_contact.hears(PONG)) == [("a", Kind.ENDED)]
    assert not in_contact.state.shown.perhaps_shown


def test_a_start_that_a_message_has_ended_is_lost_with_its_socket(in_contact: Life) -> None:
    """T6: its lock is waited out."""
    in_contact.happens(TypingWanted(True, "a"))
    in_contact.wants("m1")
    assert outcomes(in_contact.happens(happenings.Lost())) == [("a", Kind.LOST)]


def test_a_livechat_whose_contact_is_opened_again_goes_on_in_its_thread() -> None:
    life = Life(livechat=True)
    life.is_ready("42")
    life.hears(gateway.case_status_changed(THREAD, "closed", "42"), gateway.case_created(THREAD, "43"))
    life.wants("m1")
    assert (life.kinds()[0], life.state.thread.thread_id) == ("SendMessage", THREAD)


# --- what may come late from a socket that was lost


def with_a_start_in_flight(life: Life) -> Life:
    """A Started was on its way when the socket was lost; the next one is ready."""
    life.happens(TypingWanted(True, "a"))
    life.happens(happenings.Lost())
    life.is_ready("42")
    return life


def test_an_end_does_not_settle_what_may_still_come_from_a_socket_before(in_contact: Life) -> None:
    """T4: the message's Ended arrives, then the late Started; whoever waited out its lock must say Ended again."""
    with_a_start_in_flight(in_contact).wants("m1")
    in_contact.hears(PONG)
    in_contact.happens(TypingWanted(False, "b"), after_ms=POLICY.in_flight_ms)
    assert in_contact.kinds() == ["SenderTypingEnded"]


def test_once_that_time_is_over_an_end_that_arrived_settles_it(in_contact: Life) -> None:
    with_a_start_in_flight(in_contact).happens(happenings.Woke(), after_ms=POLICY.in_flight_ms)
    in_contact.happens(TypingWanted(False, "b"))
    in_contact.hears(PONG, PONG)
    assert not in_contact.state.shown.perhaps_shown


def test_a_late_start_may_be_shown_in_the_next_contact(in_contact: Life) -> None:
    """T4."""
    with_a_start_in_flight(in_contact).hears(gateway.case_status_changed(THREAD, "closed", "42"))
    in_contact.hears(gateway.case_created(THREAD, "43"))
    assert in_contact.state.shown.perhaps_shown


def test_what_a_keeper_before_has_sent_may_come_late() -> None:
    life = Life(in_flight_until=NOW + POLICY.in_flight_ms)
    life.is_ready("42")
    life.happens(TypingWanted(False, "a"))
    life.hears(PONG)
    assert life.state.shown.perhaps_shown


@pytest.mark.parametrize("is_heard", [True, False])
def test_a_message_to_a_closed_contact_goes_to_the_same_thread_of_a_messaging_channel(is_heard: bool) -> None:
    life = Life()
    life.is_ready("42", status="open" if is_heard else "closed")
    if is_heard:
        life.hears(gateway.case_status_changed(THREAD, "closed"))
    life.wants("m1")
    [request] = life.requests()
    assert request["payload"]["eventType"] == "SendMessage"
    assert request["payload"]["data"]["thread"] == {"idOnExternalPlatform": THREAD}


def test_a_message_after_a_livechats_end_begins_a_new_thread_which_is_looked_for_first() -> None:
    """A keeper that takes over would find there what this one had sent (T15)."""
    life = Life(livechat=True)
    life.is_ready("42")
    life.hears(gateway.case_status_changed(THREAD, "closed"))
    life.wants("m1")
    assert life.kinds() == ["RecoverLivechat"]
    [look] = life.requests()
    thread_id = look["payload"]["data"]["thread"]["idOnExternalPlatform"]
    assert ThreadChanged(thread_id) in life.actions
    assert thread_id != THREAD
    life.hears(gateway.failure("RecoveringLivechatFailed", look["eventId"]))
    [message] = life.requests()
    assert message["payload"]["data"]["thread"] == {"idOnExternalPlatform": thread_id}


def test_a_message_after_the_thread_was_archived_begins_a_new_one(in_contact: Life) -> None:
    assert ContactClosed() in in_contact.hears(gateway.event("ThreadArchived", THREAD))
    assert any(isinstance(action, ThreadChanged) for action in in_contact.wants("m1"))


# --- what the visitor is told


def test_an_agents_message_is_told_once(in_contact: Life) -> None:
    """T12."""
    frame = gateway.message_created(THREAD, "a1", from_agent=True, text="hello")
    assert [detail["text"] for _, detail in told(in_contact.hears(frame, frame))] == ["hello"]


def test_messages_that_were_missed_are_told_after_the_look_and_once(in_contact: Life) -> None:
    in_contact.hears(gateway.message_created(THREAD, "a1", from_agent=True))
    in_contact.happens(happenings.Lost())
    page = tuple(gateway.message(name, from_agent=True) for name in ("a1", "a2"))
    assert [detail["id"] for _, detail in told(in_contact.is_ready("42", messages=page))] == ["a2"]


def test_what_was_missed_is_told_before_what_comes_meanwhile(in_contact: Life) -> None:
    """T16: a message that comes on the new socket before the look is answered waits for those it follows."""
    in_contact.happens(happenings.Lost())
    look = in_contact.opens()
    third = gateway.message_created(THREAD, "a3", from_agent=True)
    fourth = gateway.message_created(THREAD, "a4", from_agent=True)
    before = in_contact.hears(third, fourth)
    page = tuple(gateway.message(name, from_agent=True) for name in ("a3", "a2", "a1"))  # newest first
    after = in_contact.hears(gateway.recovered(look, THREAD, page, "42"))
    assert (told(before), [detail["id"] for _, detail in told(after)]) == ([], ["a1", "a2", "a3", "a4"])


@pytest.mark.parametrize("code", ["RecoveringThreadFailed", "SomethingFailed"])
def test_what_waited_for_a_look_is_told_whatever_comes_of_the_look(code: str) -> None:
    """T16."""
    life = Life()
    look = life.opens()
    life.hears(gateway.message_created(THREAD, "a1", from_agent=True))
    found = told(life.hears(gateway.failure(code, look)))
    while not life.state.thread.ready:
        life.wakes()
        found += told(life.hears(gateway.failure(code, str(life.requests()[0]["eventId"]))))
    assert [detail["id"] for _, detail in found] == ["a1"]


def test_a_message_that_waited_on_a_lost_socket_is_found_by_the_next_look(in_contact: Life) -> None:
    """T16: once."""
    in_contact.happens(happenings.Lost())
    in_contact.opens()
    in_contact.hears(gateway.message_created(THREAD, "a1", from_agent=True))
    in_contact.happens(happenings.Lost())
    page = (gateway.message("a1", from_agent=True),)
    assert [detail["id"] for _, detail in told(in_contact.is_ready("42", messages=page))] == ["a1"]


def test_a_message_of_the_visitors_is_known_to_be_taken_before_the_look_is_answered(in_contact: Life) -> None:
    """T15: what the visitor is told of it later changes nothing about that."""
    in_contact.wants("m1")
    in_contact.happens(happenings.Lost())
    in_contact.opens()
    actions = in_contact.hears(gateway.message_created(THREAD, "m1", from_agent=False))
    assert MessageTaken("m1") in actions


_AGENT_TYPES = gateway.event("SenderTypingStarted", THREAD, direction="outbound")
_AGENT_STOPS = gateway.event("SenderTypingEnded", THREAD, direction="outbound")
_NOT_TYPING = ("agent-typing", {"typing": False, "agents": []})


@pytest.mark.parametrize(
    "happening",
    [
        happenings.Lost(),
        happenings.Opened(),
        happenings.Heard(gateway.case_status_changed(THREAD, "closed", 42)),
        happenings.Heard(gateway.failure("SdkVersionNotSupported")),
    ],
    ids=["its socket is lost", "its socket is replaced", "the contact is closed", "the gateway refuses"],
)
def test_an_agent_whose_end_of_typing_may_be_lost_is_said_not_to_type(
    happening: happenings.Happening, in_contact: Life
) -> None:
    """T16: at once, and once."""
    in_contact.hears(_AGENT_TYPES)
    assert told(in_contact.happens(happening)).count(_NOT_TYPING) == 1
    assert _NOT_TYPING not in told(in_contact.happens(happenings.Lost()))


def test_of_an_agent_who_does_not_type_nothing_is_said_when_the_socket_is_lost(in_contact: Life) -> None:
    in_contact.hears(_AGENT_TYPES, _AGENT_STOPS)
    assert told(in_contact.happens(happenings.Lost())) == []


def test_a_silent_gateways_agent_is_said_not_to_type(in_contact: Life) -> None:
    """T16."""
    in_contact.hears(_AGENT_TYPES)
    assert _NOT_TYPING in told(in_contact.wakes_until(Tell))


def agent_frame(kind: str, second: int | None = None, user: int | None = None, **data: Any) -> str:
    """An event of an agent, said by the gateway in this second; ``user``: its id."""
    who = {} if user is None else {"user": {"id": user, "nickname": f"agent {user}"}}
    frame = json.loads(gateway.event(kind, THREAD, direction="outbound", **who, **data))
    return json.dumps(frame if second is None else {**frame, "createdAt": f"2026-11-25T10:00:{second:02}Z"})


def agents_message(second: int | None = None, author: int | None = None) -> str:
    """A message of an agent, as an event."""
    message = gateway.message(f"a{second}{author}", from_agent=True)
    if author is not None:
        message["authorUser"] = {"id": author}
    return agent_frame("MessageCreated", second, message=message)


def who_types(life: Life) -> list[str]:
    """The agents that the visitor was last told of."""
    return [agent.agent_id for agent in life.state.agents.typing.agents]


def test_an_agents_message_ends_its_typing(in_contact: Life) -> None:
    """T16: CXone need not say so."""
    in_contact.hears(_AGENT_TYPES)
    assert [name for name, _ in told(in_contact.hears(agents_message()))] == ["message", "agent-typing"]
    assert not in_contact.state.agents.typing


def test_a_message_found_by_a_look_ends_its_authors_typing(in_contact: Life) -> None:
    """T16: its event was lost."""
    look = in_contact.opens()
    in_contact.hears(_AGENT_TYPES)
    page = (gateway.message("a1", from_agent=True),)
    assert _NOT_TYPING in told(in_contact.hears(gateway.recovered(look, THREAD, page, "42")))


def test_one_agent_stops_and_another_types_on(in_contact: Life) -> None:
    """T16: one is left."""
    in_contact.hears(agent_frame("SenderTypingStarted", user=1), agent_frame("SenderTypingStarted", user=2))
    frames = told(in_contact.hears(agent_frame("SenderTypingEnded", user=1)))
    assert frames == [("agent-typing", {"typing": True, "agents": [{"id": "2", "name": "agent 2"}]})]


def test_an_agents_message_does_not_end_the_typing_of_another(in_contact: Life) -> None:
    in_contact.hears(agent_frame("SenderTypingStarted", user=1), agent_frame("SenderTypingStarted", user=2))
    in_contact.hears(agents_message(author=1))
    assert who_types(in_contact) == ["2"]


@pytest.mark.parametrize(("assignee", "left"), [({"id": 2}, []), (None, []), ({"id": 1}, ["1"])])
def test_another_agent_in_its_place_ends_an_agents_typing(
    assignee: dict[str, Any] | None, left: list[str], in_contact: Life
) -> None:
    """T16."""
    in_contact.hears(agent_frame("SenderTypingStarted", user=1))
    in_contact.hears(gateway.event("CaseInboxAssigneeChanged", THREAD, inboxAssignee=assignee))
    assert who_types(in_contact) == left


def test_another_contact_ends_an_agents_typing(in_contact: Life) -> None:
    """T16: that the one before was closed may never be said."""
    in_contact.hears(_AGENT_TYPES)
    assert _NOT_TYPING in told(in_contact.hears(gateway.case_created(THREAD, 43)))


def test_an_agents_typing_ends_by_itself_unless_it_is_renewed(in_contact: Life) -> None:
    """T16: its end was lost."""
    in_contact.hears(_AGENT_TYPES)
    in_contact.now += 40_000
    in_contact.hears(_AGENT_TYPES, PONG)
    in_contact.now += POLICY.agent_typing_ms - 1
    socket = replace(in_contact.state.socket, heard_at=in_contact.now, heartbeat_at=in_contact.now + 15_000)
    in_contact.state = replace(in_contact.state, socket=socket)
    assert told(in_contact.happens(happenings.Woke())) == []
    assert wake_at(in_contact.state, POLICY) == in_contact.now + 1
    assert told(in_contact.happens(happenings.Woke(), 1)) == [_NOT_TYPING]


def test_a_start_that_is_older_than_the_agents_message_is_not_told(in_contact: Life) -> None:
    """T16: the message overtook it."""
    in_contact.hears(agents_message(5))
    assert told(in_contact.hears(agent_frame("SenderTypingStarted", 4))) == []


def test_a_start_that_is_newer_than_the_agents_message_counts_as_any(in_contact: Life) -> None:
    in_contact.hears(agents_message(5), agent_frame("SenderTypingStarted", 6))
    assert in_contact.state.agents.typing.wake_at == in_contact.now + POLICY.agent_typing_ms


@pytest.mark.parametrize("second", [5, None])
def test_a_start_that_a_message_may_have_overtaken_is_not_told_for_long(second: int | None, in_contact: Life) -> None:
    """T16: times of the gateway may be whole seconds, or be missing."""
    in_contact.hears(agents_message(5), agent_frame("SenderTypingStarted", second))
    assert in_contact.state.agents.typing.wake_at == in_contact.now + DOUBTFUL_LIFE_MS


def test_an_end_that_the_agents_next_start_overtook_changes_nothing(in_contact: Life) -> None:
    """T12."""
    in_contact.hears(agent_frame("SenderTypingStarted", 6), agent_frame("SenderTypingEnded", 5))
    assert in_contact.state.agents.typing


def test_a_start_without_a_contact_is_not_told_for_long(ready: Life) -> None:
    """T16: the end of the contact may have overtaken it."""
    ready.hears(_AGENT_TYPES)
    assert ready.state.agents.typing.wake_at == ready.now + DOUBTFUL_LIFE_MS


def test_who_takes_over_tells_contact_and_agent_anew() -> None:
    """T16: what the keeper before has told may not be so any more."""
    life = Life(tells_anew=True)
    page = (gateway.message("m1", from_agent=False),)
    assert told(life.is_ready("42", status="closed", messages=page))[1:] == [
        ("agent", {"id": None, "name": None}),
        ("contact", {"status": "closed"}),
    ]
    life.happens(happenings.Lost())
    assert told(life.is_ready("42", status="closed", messages=page)) == []


def test_what_the_keeper_before_told_is_not_told_again() -> None:
    life = Life(newest_at=NOW, told=("a2",))
    page = (
        gateway.message("a1", from_agent=True, at="2026-11-25T09:59:00Z"),
        gateway.message("a2", from_agent=True),
        gateway.message("a3", from_agent=True, at="2026-11-25T10:00:01Z"),
    )
    life.is_ready("42", messages=page)
    assert [detail["id"] for name, detail in told(life.actions) if name == "message"] == ["a3"]
    assert life.state.incoming.newest_at == NOW + 1_000


def test_the_agent_found_by_looking_is_told_when_it_is_another(in_contact: Life) -> None:
    robin = {"nickname": "Robin"}
    in_contact.happens(happenings.Lost())
    assert told(in_contact.is_ready("42", agent=robin)) == [("agent", {"id": None, "name": "Robin"})]
    in_contact.happens(happenings.Lost())
    assert told(in_contact.is_ready("42", agent=robin)) == []


def test_an_agent_that_was_told_is_not_told_again(in_contact: Life) -> None:
    in_contact.hears(gateway.event("CaseInboxAssigneeChanged", THREAD, inboxAssignee={"nickname": "Robin"}))
    in_contact.happens(happenings.Lost())
    assert told(in_contact.is_ready("42", agent={"nickname": "Robin"})) == []


def test_an_event_that_nobody_knows_is_handed_on(in_contact: Life) -> None:
    frame = gateway.event("SomethingNew", THREAD)
    assert in_contact.hears(frame) == (Tell({"type": "event", "event": json.loads(frame)}),)


@pytest.mark.parametrize("thread_id", ["another", ""])
def test_what_is_not_of_this_thread_is_not_told(thread_id: str, in_contact: Life) -> None:
    frames = (
        gateway.message_created(thread_id, "a1", from_agent=True),
        gateway.case_status_changed(thread_id, "closed"),
    )
    assert in_contact.hears(*frames) == ()


def test_an_agents_typing_in_another_thread_is_not_told(in_contact: Life) -> None:
    """T16."""
    assert in_contact.hears(gateway.event("SenderTypingStarted", "another", direction="outbound")) == ()
    assert not in_contact.state.agents.typing


def test_the_visitors_own_typing_that_comes_back_is_not_told(in_contact: Life) -> None:
    assert in_contact.hears(gateway.event("SenderTypingStarted", THREAD, direction="inbound")) == ()


def test_an_answer_that_may_hold_a_token_is_not_told(in_contact: Life) -> None:
    postback = {"eventType": "AuthorizationTokenGenerated", "data": {"authorizationToken": {"token": SECRET}}}
    assert in_contact.hears(json.dumps({"eventId": "x", "postback": postback})) == ()


def test_the_agent_learns_that_all_was_seen_while_there_is_a_contact(in_contact: Life, ready: Life) -> None:
    in_contact.happens(happenings.SeenWanted())
    assert in_contact.kinds() == ["MessageSeenByConsumer"]
    assert ready.happens(happenings.SeenWanted()) == ()


def test_that_all_was_seen_is_said_once_for_each_newest_message(in_contact: Life) -> None:
    """T17: twenty a second from one page would be twenty requests a second on its socket."""
    said = []
    for _ in range(20):
        in_contact.happens(happenings.SeenWanted(), 50)
        said += in_contact.kinds()
    assert said == ["MessageSeenByConsumer"]
    in_contact.hears(gateway.message_created(THREAD, "a9", from_agent=True))
    in_contact.happens(happenings.SeenWanted())
    assert in_contact.kinds() == ["MessageSeenByConsumer"]


def test_that_all_was_seen_is_said_again_on_the_next_socket(in_contact: Life) -> None:
    """What was said on a socket that was lost may not have arrived."""
    in_contact.happens(happenings.SeenWanted())
    in_contact.happens(happenings.Lost())
    in_contact.is_ready(contact="42")
    in_contact.happens(happenings.SeenWanted())
    assert in_contact.kinds() == ["MessageSeenByConsumer"]


def test_a_socket_sends_no_more_frames_in_5_s_than_nices_own_client_would(in_contact: Life) -> None:
    """T17: messages one after the other, each taken at once."""
    began, frames = in_contact.now, 0
    for number in range(1_000):
        in_contact.wants(f"m{number}")
        while in_contact.state.outgoing.queue:
            frames += len(in_contact.requests())
            for request in in_contact.requests():
                in_contact.hears(gateway.answer(request["eventId"]))
            if in_contact.state.outgoing.queue:
                in_contact.wakes()
        in_contact.now += 5
        if in_contact.now >= began + 5_000:
            break
    assert 60 <= frames <= 100


# --- events too large for a frame


def in_s3(kind: str, thread_id: str = THREAD) -> str:
    url = "https://s3.example/event?signature"
    return gateway.event("EventInS3", thread_id, s3Object={"url": url}, originEvent={"eventType": kind})


@pytest.mark.parametrize("thread_id", [THREAD, ""])
def test_an_event_in_s3_is_fetched_and_then_told_like_any(thread_id: str, in_contact: Life) -> None:
    assert in_contact.hears(in_s3("MessageCreated", thread_id)) == (Fetch("https://s3.example/event?signature"),)
    body = gateway.message_created(THREAD, "a1", from_agent=True)
    assert [name for name, _ in told(in_contact.happens(happenings.Fetched(body)))] == ["message"]


def test_another_threads_event_in_s3_is_not_fetched(in_contact: Life) -> None:
    assert in_contact.hears(in_s3("MessageCreated", "another")) == ()


def test_what_was_fetched_does_not_lead_on_to_another(in_contact: Life) -> None:
    assert in_contact.happens(happenings.Fetched(in_s3("MessageCreated"))) == ()


def test_a_look_may_be_answered_by_way_of_s3_and_gets_the_time_for_it() -> None:
    life = Life()
    look = life.opens()
    life.now += 9_000
    life.hears(in_s3("ThreadRecovered", ""))
    life.happens(happenings.Woke(), 9_000)
    assert Ready() in life.happens(happenings.Fetched(gateway.recovered(look, THREAD, (), "42")))


# --- what real gateways say besides


def message_of(contact: str, thread_id: str = THREAD, status: str = "new", message_id: str = "a1") -> str:
    case, agents = {"id": contact, "status": status}, gateway.message(message_id, from_agent=True)
    return gateway.event("MessageCreated", thread_id, message=agents, case=case)


def position(contact: str, number: int = 2) -> str:
    data = {"positionInQueue": number, "consumerContact": {"id": contact}}
    return json.dumps({"eventId": "x", "eventType": "SetPositionInQueue", "data": data})


def test_a_contact_is_learned_from_the_message_that_is_the_first_word_of_it(ready: Life) -> None:
    actions = ready.hears(message_of("42"))
    assert ContactOpened("42") in actions
    assert told(actions)[1:] == [("contact", {"status": "open"})]
    ready.happens(TypingWanted(True, "a"))
    assert ready.kinds() == ["SenderTypingStarted"]


def test_a_contact_is_learned_from_a_message_that_is_known_already(ready: Life) -> None:
    """MessageSent has shown it, and names no contact."""
    sent = gateway.event("MessageSent", THREAD, message=gateway.message("a1", from_agent=True))
    assert [name for name, _ in told(ready.hears(sent, message_of("42")))] == ["message", "contact"]
    assert ready.state.contacts.open is not None


def test_a_message_of_a_contact_that_was_closed_opens_none(in_contact: Life) -> None:
    """T5: it may be late."""
    in_contact.hears(gateway.case_status_changed(THREAD, "closed", 42))
    assert ContactOpened("42") not in in_contact.hears(message_of("42"))


def test_a_message_of_the_contact_that_a_look_found_closed_opens_none() -> None:
    """T5."""
    life = Life()
    life.is_ready("42", status="closed")
    assert ContactOpened("42") not in life.hears(message_of("42"))


@pytest.mark.parametrize("contact", ["42", None])
def test_a_contact_that_was_closed_is_opened_again_by_its_status(contact: str | None, in_contact: Life) -> None:
    in_contact.hears(gateway.case_status_changed(THREAD, "closed", 42))
    actions = in_contact.hears(gateway.case_status_changed(THREAD, "open", contact))
    assert (ContactOpened("42") in actions, told(actions)) == (True, [("contact", {"status": "open"})])


def test_a_live_chat_whose_contact_was_opened_again_goes_on_in_its_thread() -> None:
    life = Life(livechat=True)
    life.is_ready("42")
    life.hears(gateway.case_status_changed(THREAD, "closed", 42), gateway.case_status_changed(THREAD, "open", 42))
    life.wants("m1")
    assert "SendMessage" in life.kinds()


def status_at(status: str, at: str) -> str:
    return gateway.event("CaseStatusChanged", THREAD, case={"id": "42", "status": status, "statusUpdatedAt": at})


def test_a_status_from_before_the_close_opens_nothing_again(in_contact: Life) -> None:
    """T5: an event may come late."""
    in_contact.hears(status_at("closed", "2026-11-25T10:00:02Z"))
    assert in_contact.hears(status_at("open", "2026-11-25T10:00:01Z")) == ()
    assert ContactOpened("42") in in_contact.hears(status_at("open", "2026-11-25T10:00:03Z"))


def test_a_queue_position_may_name_its_contact_only(in_contact: Life) -> None:
    assert told(in_contact.hears(position("42"))) == [("queue", {"position": 2})]


def test_a_queue_position_of_another_contact_is_not_told(in_contact: Life) -> None:
    assert in_contact.hears(position("43")) == ()


def test_a_queue_position_before_its_contact_is_known_is_told_when_it_is(ready: Life) -> None:
    assert ready.hears(position("42", 3), position("42", 2)) == ()
    actions = ready.hears(gateway.case_created(THREAD, "42"))
    assert told(actions) == [("contact", {"status": "open"}), ("queue", {"position": 2})]
    assert ready.hears(gateway.case_status_changed(THREAD, "open", 42), position("43")) != ()


# --- a front end that has just connected

_CONTACT, _NOBODY = ("contact", {"status": "open"}), ("agent", {"id": None, "name": None})
_ALL_SEEN = ("unread", {"count": 0})


def test_a_front_end_that_has_just_connected_is_told_what_the_others_know(in_contact: Life) -> None:
    """T16: a page loaded late, or a second tab, shows at once what the first one shows."""
    in_contact.hears(position("42", 3))
    in_contact.hears(gateway.event("CaseInboxAssigneeChanged", THREAD, inboxAssignee={"id": 1, "nickname": "Ann"}))
    in_contact.hears(agent_frame("SenderTypingStarted", user=1))
    ann = {"id": "1", "name": "Ann"}
    agents = [{"id": "1", "name": "agent 1"}]
    assert told(in_contact.happens(happenings.Greeted())) == [
        _CONTACT,
        ("agent", ann),
        _ALL_SEEN,
        ("agent-typing", {"typing": True, "agents": agents}),
    ]


def test_a_page_that_comes_when_typing_has_run_out_is_told_of_nobody(in_contact: Life) -> None:
    """T16: its end was lost before the page came."""
    in_contact.hears(_AGENT_TYPES)
    socket = replace(in_contact.state.socket, heard_at=in_contact.now + POLICY.agent_typing_ms)
    in_contact.state = replace(in_contact.state, socket=socket)
    in_contact.happens(happenings.Woke(), POLICY.agent_typing_ms)
    assert told(in_contact.happens(happenings.Greeted())) == [_CONTACT, _NOBODY, _ALL_SEEN]


def test_the_place_in_the_queue_is_told_while_it_is_one(in_contact: Life) -> None:
    """T16: with an agent it is over."""
    in_contact.hears(position("42", 3))
    assert told(in_contact.happens(happenings.Greeted())) == [_CONTACT, _NOBODY, ("queue", {"position": 3}), _ALL_SEEN]
    in_contact.hears(gateway.event("CaseInboxAssigneeChanged", THREAD, inboxAssignee={"id": 1}))
    assert [name for name, _ in told(in_contact.happens(happenings.Greeted(), POLICY.catch_up_ms))] == [
        *("contact", "agent", "unread")
    ]


@pytest.mark.parametrize("gap", ["the socket is replaced", "another contact"])
def test_a_place_in_the_queue_from_before_a_gap_is_not_told(gap: str, in_contact: Life) -> None:
    """T16: nobody knows whether it still stands."""
    in_contact.hears(position("42", 3))
    if gap == "another contact":
        in_contact.hears(gateway.case_created(THREAD, 43))
    else:
        in_contact.is_ready("42")
    names = [name for name, _ in told(in_contact.happens(happenings.Greeted()))]
    assert names.count("queue") == 0


def test_that_the_contact_was_closed_is_told_to_a_page_that_comes_back(in_contact: Life) -> None:
    in_contact.hears(gateway.case_status_changed(THREAD, "closed", 42))
    assert told(in_contact.happens(happenings.Greeted()))[0] == ("contact", {"status": "closed"})


def test_many_front_ends_that_connect_are_told_what_stands_once_in_two_seconds(in_contact: Life) -> None:
    """T17: and the last one is told, too."""
    in_contact.happens(happenings.Greeted())
    assert told(in_contact.happens(happenings.Greeted()) + in_contact.happens(happenings.Greeted(), 500)) == []
    assert wake_at(in_contact.state, POLICY) == in_contact.now - 500 + POLICY.catch_up_ms
    assert told(in_contact.happens(happenings.Woke(), POLICY.catch_up_ms - 500)) == [_CONTACT, _NOBODY, _ALL_SEEN]
    assert told(in_contact.happens(happenings.Woke(), POLICY.catch_up_ms)) == []


def test_a_front_end_that_connects_in_a_gap_is_told_what_stands_after_it(in_contact: Life) -> None:
    """T16: what is true now is not known before the thread has been looked for."""
    look = in_contact.opens()
    assert told(in_contact.happens(happenings.Greeted())) == []
    assert told(in_contact.hears(gateway.recovered(look, THREAD, (), "42"))) == [_CONTACT, _NOBODY, _ALL_SEEN]


def unread(life: Life) -> object:
    """What a page hears that connects now."""
    return dict(told(life.happens(happenings.Greeted(), POLICY.catch_up_ms)))["unread"]


def said(*numbers: int, seen: tuple[int, ...] = ()) -> tuple[gateway.Frame, ...]:
    """A page, newest first: of the visitor where the number is a multiple of ten."""
    page = []
    for n in sorted(numbers, reverse=True):
        message = gateway.message(f"m{n}", from_agent=bool(n % 10), at=f"2026-11-25T10:00:{n:02}Z")
        page.append(message | {"customerStatistics": {"seenAt": "2026-11-25T11:00:00Z" if n in seen else None}})
    return tuple(page)


@pytest.mark.parametrize(
    ("page", "count"),
    [
        ((), 0),
        (said(10, 11, 12), 2),
        (said(10, 11, 12, seen=(11,)), 1),
        (said(10, 11, 12, seen=(12,)), 0),
        (said(1, 10, 11, seen=(10,)), 2),  # that the visitor's own was seen says nothing
    ],
)
def test_a_page_that_is_loaded_anew_is_told_how_many_messages_are_unread(
    page: tuple[gateway.Frame, ...], count: int, in_contact: Life
) -> None:
    """The agents' newest, up to the last that the gateway knows to be seen."""
    in_contact.hears(gateway.recovered(in_contact.opens(), THREAD, page, "42"))
    assert unread(in_contact) == {"count": count}


def test_a_message_that_comes_is_unread_until_the_visitor_has_seen_all(in_contact: Life) -> None:
    """And who has a badge on another tab is told."""
    in_contact.hears(gateway.message_created(THREAD, "m1", from_agent=True))
    in_contact.hears(gateway.message_created(THREAD, "m1", from_agent=True))
    in_contact.hears(gateway.message_created(THREAD, "m2", from_agent=False))
    assert unread(in_contact) == {"count": 1}
    assert told(in_contact.happens(happenings.SeenWanted())) == [_ALL_SEEN]
    in_contact.hears(gateway.message_created(THREAD, "m3", from_agent=True))
    assert unread(in_contact) == {"count": 1}


def test_that_all_was_seen_is_remembered_where_the_gateway_does_not_know_it(in_contact: Life) -> None:
    """Its answer to a look may have been on its way."""
    in_contact.hears(gateway.recovered(in_contact.opens(), THREAD, said(10, 11, 12), "42"))
    in_contact.happens(happenings.SeenWanted())
    in_contact.hears(gateway.recovered(in_contact.opens(), THREAD, said(10, 11, 12, 13), "42"))
    assert unread(in_contact) == {"count": 1}


def test_nothing_is_unread_where_no_contact_is_open(in_contact: Life) -> None:
    """What is seen then cannot be said."""
    in_contact.hears(gateway.message_created(THREAD, "m1", from_agent=True))
    in_contact.hears(gateway.case_status_changed(THREAD, "closed", 42))
    assert unread(in_contact) == {"count": 0}


def test_a_queue_position_before_another_contact_is_known_is_not_told(ready: Life) -> None:
    ready.hears(position("43"))
    assert [name for name, _ in told(ready.hears(gateway.case_created(THREAD, "42")))] == ["contact"]


def test_a_message_is_shown_when_it_is_sent_and_once(in_contact: Life) -> None:
    message = gateway.message("a1", from_agent=True)
    sent = gateway.event("MessageSent", THREAD, message=message)
    created = gateway.event("MessageCreated", THREAD, message=message)
    assert [name for name, _ in told(in_contact.hears(sent))] == ["message"]
    assert told(in_contact.hears(created)) == []


def takes_no_more(look: str, thread_id: str, contact: str | None = "42") -> str:
    found = json.loads(gateway.recovered(look, thread_id, (), contact))
    found["postback"]["data"]["thread"]["canAddMoreMessages"] = False
    return json.dumps(found)


def test_after_a_thread_that_takes_no_more_the_next_message_begins_a_new_one() -> None:
    """As NICE's apps do."""
    life = Life(livechat=True)
    life.wants("m1")
    actions = life.hears(takes_no_more(life.opens(), THREAD))
    assert Report("thread_takes_no_more") in actions
    [changed] = [action for action in actions if isinstance(action, ThreadChanged)]
    assert told(actions)[-1] == ("contact", {"status": "closed"})
    life.hears(nothing_there(str(life.requests()[0]["eventId"])))
    [message] = life.requests()
    assert message["payload"]["data"]["thread"] == {"idOnExternalPlatform": changed.thread_id}


def test_where_no_thread_takes_a_message_it_fails_by_name() -> None:
    """No loop; and the next message is not failed unasked."""
    life = Life(livechat=True)
    life.wants("m1")
    actions = life.hears(takes_no_more(life.opens(), THREAD, None))
    for _ in range(POLICY.most_threads):
        look = str(life.requests()[0]["eventId"])
        actions = life.hears(takes_no_more(look, life.state.thread.thread_id, None))
    assert MessageRefused("m1", "thread_closed") in actions
    assert life.kinds() == []
    life.wants("m2")
    assert life.kinds() == ["RecoverLivechat"]


def test_an_event_of_no_thread_that_nobody_understands_is_handed_on(in_contact: Life) -> None:
    frame = json.dumps({"eventId": "x", "eventType": "SomethingNew", "data": {}})
    assert in_contact.hears(frame) == (Tell({"type": "event", "event": json.loads(frame)}),)


def test_an_event_that_lacks_what_its_kind_needs_is_reported_and_handed_on(in_contact: Life) -> None:
    frame = gateway.event("SetPositionInQueue", THREAD)
    why = "SetPositionInQueue: a queue position that is not a number"
    tell = Tell({"type": "event", "event": json.loads(frame)})
    assert in_contact.hears(frame) == (Report("event_not_understood", why), tell)


def with_another_result(look: str) -> str:
    return json.dumps({"eventId": look, "postback": {"eventType": "SomethingElse", "data": {}}})


def with_no_frame(look: str) -> str:
    return json.dumps([look])


@pytest.mark.parametrize(
    ("answer", "code"), [(with_another_result, "look_answered_otherwise"), (with_no_frame, "not_a_frame")]
)
def test_an_answer_to_a_look_that_cannot_be_understood_means_that_there_is_nothing(answer: Any, code: str) -> None:
    """No loop; T15: what may have arrived is not sent again."""
    life = Life(livechat=True)
    life.wants("m1", may_have_left=True)
    actions = life.hears(answer(life.opens()))
    assert code in [action.code for action in actions if isinstance(action, Report)]
    assert (Ready() in actions, MessageRefused("m1", "unconfirmed") in actions) == (True, True)


def test_a_message_that_is_answered_with_a_result_was_taken(ready: Life) -> None:
    ready.wants("m1")
    assert MessageTaken("m1") in ready.hears(with_another_result(str(ready.requests()[0]["eventId"])))


@pytest.mark.parametrize("what", [happenings.NotFetched(), happenings.Fetched("no frame")])
def test_an_answer_that_could_not_be_fetched_is_asked_for_again(what: happenings.Happening) -> None:
    life = Life(livechat=True)
    life.opens()
    life.hears(json.dumps({"eventId": "x", "eventType": "EventInS3", "data": {"s3Object": {"url": "https://s3"}}}))
    assert Report("event_not_fetched") in life.happens(what)
    life.wakes()
    assert life.kinds() == ["RecoverLivechat"]


LOST_FRAME = json.dumps({"message": "Internal server error", "connectionId": "c", "requestId": "r"})


def test_a_look_that_api_gateway_lost_is_made_again() -> None:
    life = Life()
    life.opens()
    assert life.hears(LOST_FRAME) == (Report("frame_lost"),)
    life.wakes()
    assert life.kinds() == ["RecoverThread"]


def test_a_message_that_api_gateway_may_have_lost_is_looked_for_before_it_is_sent_again(ready: Life) -> None:
    """T15."""
    ready.wants("m1")
    ready.hears(LOST_FRAME)
    ready.wakes()
    assert ready.kinds() == ["RecoverThread"]
    ready.hears(gateway.failure("RecoveringThreadFailed", str(ready.requests()[0]["eventId"])))
    assert ready.kinds() == ["SendMessage"]


def test_typing_that_api_gateway_may_have_lost_is_said_again(in_contact: Life) -> None:
    """T4."""
    in_contact.happens(TypingWanted(True, "a"))
    actions = in_contact.hears(LOST_FRAME)
    assert (outcomes(actions), ShownUnknown() in actions) == ([("a", Kind.LOST)], True)


def test_choices_are_told_in_the_relays_own_words(in_contact: Life) -> None:
    actions = [{"type": "REPLY_BUTTON", "text": "Red", "postback": "/red"}]
    content = {"type": "QUICK_REPLIES", "payload": {"text": {"content": "Which?"}, "actions": actions}}
    message = {**gateway.message("a1", from_agent=True), "messageContent": content}
    [(_, detail)] = told(in_contact.hears(gateway.event("MessageCreated", THREAD, message=message)))
    assert (detail["text"], detail["choices"]) == ("Which?", [{"text": "Red", "postback": "/red"}])
    assert "answer_by" not in detail


def test_a_message_that_answers_a_choice_takes_its_postback_along(ready: Life) -> None:
    ready.wants("m1", postback="/red")
    [message] = ready.requests()
    assert message["payload"]["data"]["messageContent"]["postback"] == "/red"


# --- secrets


def test_nothing_that_was_written_is_shown(ready: Life) -> None:
    """T13: a repr may end in a log."""
    agents = gateway.message_created(THREAD, "a1", from_agent=True, text=SECRET)
    ready.hears(agents)
    shown = [repr(ready.actions), repr(happenings.Heard(agents)), repr(happenings.Fetched(agents))]
    shown += [repr(ready.wants("m1", text=SECRET)), repr(MessageWanted("m1", SECRET, NOW)), repr(ready.state)]
    assert [text for text in shown if SECRET in text] == []


# --- who the visitor is

GOLD, SILVER = (("plan", "gold"),), (("plan", "silver"),)


def named(fields: frames_out.Fields) -> list[dict[str, str]]:
    return [{"ident": ident, "value": value} for ident, value in fields]


def contact_fields(request: Any) -> list[dict[str, str]]:
    """What a message says of its contact, or a request of its own sets."""
    data = request["payload"]["data"]
    found: list[dict[str, str]] = data.get("consumerContact", data)["customFields"]
    return found


def test_every_frame_names_the_visitor_as_the_teams_server_does(ready: Life) -> None:
    """And goes on to after a new access token."""
    ready.happens(happenings.ProfileKnown(Profile("Ada", "Lovelace")))
    ready.happens(happenings.Admitted(Visitor("v", "c", "somebody"), NOW + HOUR_MS))
    ready.wants("m1")
    [request] = ready.requests()
    identity = {"idOnExternalPlatform": "c", "firstName": "Ada", "lastName": "Lovelace"}
    assert request["payload"]["consumerIdentity"] == identity


def test_a_message_says_of_the_browser_what_is_known_of_it(ready: Life) -> None:
    ready.happens(happenings.ProfileKnown(Profile(device=Device("Firefox/127.0", "de-DE", "DE"))))
    ready.wants("m1")
    [request] = ready.requests()
    said = request["payload"]["data"]["browserFingerprint"]
    assert (said["browser"], said["language"], said["country"]) == ("Firefox", "de-DE", "DE")


def test_the_message_that_opens_a_contact_brings_its_custom_fields_and_the_next_one_none(ready: Life) -> None:
    ready.happens(happenings.ProfileKnown(Profile(fields=GOLD)))
    ready.wants("m1")
    [first] = ready.requests()
    ready.hears(gateway.case_created(THREAD, 42), gateway.answer(first["eventId"]))
    ready.wants("m2")
    assert (contact_fields(first), ready.kinds()) == (named(GOLD), ["SendMessage"])
    assert contact_fields(ready.requests()[0]) == []


def test_custom_fields_that_change_are_set_at_once_and_once(in_contact: Life) -> None:
    for fields in (GOLD, SILVER):
        in_contact.happens(happenings.ProfileKnown(Profile(fields=fields)))
        [request] = in_contact.requests()
        assert request["payload"]["eventType"] == "SetConsumerContactCustomFields"
        assert contact_fields(request) == named(fields)
        assert not any(isinstance(action, SendFrame) for action in in_contact.happens(happenings.Woke()))


def test_a_contact_that_was_closed_loses_its_custom_fields_and_the_next_one_gets_them(in_contact: Life) -> None:
    """NICE's guides: they are set again."""
    in_contact.happens(happenings.ProfileKnown(Profile(fields=GOLD)))
    in_contact.hears(gateway.case_status_changed(THREAD, "closed", 42))
    in_contact.wants("m1")
    assert contact_fields(in_contact.requests()[0]) == named(GOLD)


def test_after_a_gap_custom_fields_are_said_again_where_a_contact_is_open(in_contact: Life) -> None:
    """Which contact it is, and what a keeper before has said, is not known."""
    in_contact.happens(happenings.ProfileKnown(Profile(fields=GOLD)))
    in_contact.happens(happenings.Lost())
    in_contact.is_ready("42")
    assert "SetConsumerContactCustomFields" in in_contact.kinds()


def test_without_a_contact_nothing_is_set(ready: Life) -> None:
    """There is none to have them."""
    ready.happens(happenings.ProfileKnown(Profile(fields=GOLD)))
    assert ready.requests() == []


def test_custom_fields_wait_for_their_turn(in_contact: Life) -> None:
    """T17: a socket sends ten frames a second, whatever changes."""
    for number in range(60):
        in_contact.happens(happenings.ProfileKnown(Profile(fields=(("plan", str(number)),))))
    while in_contact.state.contacts.fields_said != in_contact.state.access.profile.fields:
        in_contact.wakes()
    assert NOW + 100 <= in_contact.now <= NOW + 1_000

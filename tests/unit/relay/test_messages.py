"""A visitor's message on its way into the store, and out of it when nobody could deliver it (T15)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typing_relay.relay.burst import GuestStatus, Policy
from typing_relay.relay.effects import AskForGuest, Flow, Hint, Nudge, StartOwner, TellStanding
from typing_relay.relay.flows import caught_up
from typing_relay.relay.messages import (
    KEEPERS_GRACE_MS,
    Sender,
    asked_of_keeper,
    expire,
    handed_over,
    message_sent,
    messages_seen,
    overdue_before,
)
from typing_relay.relay.ports import Author, Coming, ConversationIds, MessageStatus, SentMessage, Standing
from typing_relay.relay.runner import Runner, handled_by
from typing_relay.relay.sign_in import SignIn

from tests.simulation.memory_messages import WAITS, MemoryMessages
from tests.simulation.memory_sessions import MemorySessions
from tests.support.runners import killed_after

NOW = 1_800_000_000_000
EXPIRES = NOW // 1000 + 3600
ID, TAB, KEEPER = "visitor", "tab-1", "keeper-1"
WITHIN_MS = 300_000
ACCEPTED = Standing(MessageStatus.ACCEPTED)


def failed(reason: str) -> Standing:
    return Standing(MessageStatus.FAILED, reason)


class Scene:
    """A visitor with an open guest, held by a keeper."""

    def __init__(self) -> None:
        self.now = NOW
        self.sessions, self.messages = MemorySessions(), MemoryMessages()
        self.nudged: list[str] = []
        self.said: list[dict[str, str]] = []
        self.told: list[tuple[frozenset[str], str, Standing]] = []
        self.started: list[str] = []
        self.guests_asked_for: list[str] = []
        self.nudges_arrive = True
        self.sessions.create(ID, NOW, EXPIRES)
        self.sessions.add_connection(ID, Coming(TAB, NOW - 3000, EXPIRES), NOW, EXPIRES)
        self.sessions.take_guest(ID, KEEPER, NOW)
        self.sessions.open_guest(ID, KEEPER, "guest-1", "wss://one", NOW)
        self.becomes(GuestStatus.OPEN)
        known = dict(
            [
                handled_by(StartOwner, self._start),
                handled_by(AskForGuest, lambda due: self.guests_asked_for.append(due.session_id)),
                handled_by(Nudge, self._nudge),
                handled_by(
                    TellStanding,
                    lambda due: self.told.append((due.record.connections, due.message_id, due.standing)),
                ),
            ]
        )
        self.runner = Runner(self.sessions, lambda: self.now, known, self.messages)

    def becomes(self, status: GuestStatus) -> None:
        self.sessions.set_guest_status(ID, KEEPER, status, NOW)

    def _start(self, due: StartOwner) -> bool:
        self.started.append(due.record.session_id)
        return True

    def _nudge(self, due: Nudge) -> bool:
        self.nudged.append(due.record.keeper)
        self.said.append(due.body)
        return self.nudges_arrive

    def sends(self, message_id: str = "m1", text: str = "hello", *, tab: str = TAB) -> Standing:
        return self.runner.run(self._sending(message_id, text, tab))

    def _sending(self, message_id: str, text: str, tab: str = TAB) -> Flow[Standing]:
        return message_sent(Policy(), Sender(ID, tab, EXPIRES), SentMessage(message_id, text, self.now), WITHIN_MS)

    def dies_after(self, effects: int) -> None:
        """The function is killed after this many effects of sending m1."""
        killed_after(self.runner, self._sending("m1", "hello"), effects)

    def waiting(self) -> list[str]:
        return [message.message_id for message in self.messages.waiting(ID, 99, self.now)]

    def sweeps(self) -> list[Standing | None]:
        found = [key for shard in range(8) for key in self.messages.overdue(shard, overdue_before(self.now), 99)]
        return [self.runner.run(expire(*key)) for key in found]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_message_is_kept_before_its_keeper_hears_of_it(scene: Scene) -> None:
    """T15: a nudge is a hint, the store is the truth. Nothing is said before the gateway has it."""
    assert scene.sends() == WAITS
    assert (scene.waiting(), scene.nudged) == (["m1"], [KEEPER])


def test_a_nudge_that_is_lost_loses_no_message(scene: Scene) -> None:
    """T15: it costs time."""
    scene.nudges_arrive = False
    assert scene.sends() == WAITS
    assert scene.waiting() == ["m1"]


@pytest.mark.parametrize(("keeper", "nudged"), [(KEEPER, [KEEPER]), ("", [])])
def test_what_signs_a_visitor_in_is_kept_and_told_to_the_keeper_if_there_is_one(
    scene: Scene, keeper: str, nudged: list[str]
) -> None:
    """T15: without one, who takes the guest finds it on the record."""
    scene.sessions.records[ID] = replace(scene.sessions.records[ID], keeper=keeper)
    sign_in = SignIn(code="c1", verifier="v1", at=NOW)
    assert scene.runner.run(handed_over(ID, sign_in))
    assert (scene.sessions.records[ID].sign_in, scene.nudged) == (sign_in.encoded(), nudged)


def test_messages_wait_in_the_order_in_which_they_were_sent(scene: Scene) -> None:
    """T15."""
    for message_id in ("z", "a", "m"):
        scene.sends(message_id)
        scene.now += 1
    assert scene.waiting() == ["z", "a", "m"]


def test_a_message_ends_the_typing_of_its_own_tab(scene: Scene) -> None:
    """T10: and of no other."""
    for tab in (TAB, "tab-2"):
        scene.sessions.press_key(ID, tab, NOW, NOW, EXPIRES)
    scene.now += 10
    scene.sends()
    record = scene.sessions.get(ID, NOW)
    assert record is not None
    assert record.newest_key_at() == NOW
    assert record.stops[TAB] == NOW + 10


def test_without_a_guest_to_be_had_a_message_fails_at_once(scene: Scene) -> None:
    """T15: and is not kept."""
    scene.becomes(GuestStatus.UNAVAILABLE)
    assert scene.sends() == failed("unavailable")
    assert scene.waiting() == []


def test_without_a_guest_to_be_had_an_offline_message_waits(scene: Scene) -> None:
    """That is what it is for: its keeper hears of it."""
    scene.becomes(GuestStatus.UNAVAILABLE)
    left = SentMessage("m1", "hello", scene.now, author=Author("Ada", "ada@example.com"))
    assert scene.runner.run(message_sent(Policy(), Sender(ID, TAB, EXPIRES), left, WITHIN_MS)) == WAITS
    assert (scene.waiting(), scene.nudged) == (["m1"], [KEEPER])


def test_one_that_was_accepted_before_is_said_to_be_accepted_though_no_guest_is_to_be_had(scene: Scene) -> None:
    """T15: the same message, asked after again."""
    scene.sends()
    scene.messages.settle(ID, "m1", ACCEPTED)
    scene.becomes(GuestStatus.UNAVAILABLE)
    assert scene.sends() == ACCEPTED


@pytest.mark.parametrize("status", [GuestStatus.OPENING, GuestStatus.RECONNECTING])
def test_while_the_guest_is_on_its_way_a_message_waits(scene: Scene, status: GuestStatus) -> None:
    """T15."""
    scene.becomes(status)
    assert scene.sends() == WAITS


def test_the_same_message_again_is_one_message_and_another_nudge(scene: Scene) -> None:
    """T12, T15: its answer may have been lost, or its nudge."""
    assert [scene.sends(), scene.sends()] == [WAITS, WAITS]
    assert (scene.waiting(), scene.nudged) == (["m1"], [KEEPER, KEEPER])


@pytest.mark.parametrize("standing", [ACCEPTED, failed("refused")])
def test_the_same_message_again_is_answered_as_it_stands(scene: Scene, standing: Standing) -> None:
    """T15: it is not delivered a second time."""
    scene.sends()
    scene.messages.settle(ID, "m1", standing)
    assert scene.sends() == standing
    assert (scene.waiting(), scene.nudged) == ([], [KEEPER])


def test_another_text_of_a_known_id_is_refused(scene: Scene) -> None:
    """A mistake of the front end: the first message stands."""
    scene.sends(text="hello")
    assert scene.sends(text="good bye") == failed("duplicate_id")
    assert scene.messages.waiting(ID, 9, NOW)[0].text == "hello"


def test_a_visitor_whose_record_ran_out_gets_a_new_one_and_a_guest(scene: Scene) -> None:
    """T11: they were connected and silent."""
    scene.now = EXPIRES * 1000
    assert scene.sends() == WAITS
    assert scene.guests_asked_for == [ID]


def test_a_connection_that_was_forgotten_is_known_again(scene: Scene) -> None:
    """Or it would not hear of its message."""
    scene.sessions.forget_connection(ID, TAB, NOW)
    scene.sends()
    record = scene.sessions.get(ID, NOW)
    assert record is not None
    assert record.connections == {TAB}


@pytest.mark.parametrize("steps", range(8))
def test_wherever_its_function_dies_sending_it_again_makes_one_message(scene: Scene, steps: int) -> None:
    """T15: kept or not, told or not."""
    scene.sessions.press_key(ID, TAB, NOW, NOW, EXPIRES)
    scene.dies_after(steps)
    scene.now += 20_000
    assert scene.sends() == WAITS
    assert scene.waiting() == ["m1"]


# --- giving up


def test_nothing_waits_for_ever(scene: Scene) -> None:
    """T15: the visitor hears that it was not delivered, on all tabs."""
    scene.sends()
    scene.now += WITHIN_MS + KEEPERS_GRACE_MS
    assert scene.sweeps() == []
    scene.now += 1
    assert scene.sweeps() == [failed("expired")]
    assert scene.told == [(frozenset({TAB}), "m1", failed("expired"))]
    assert scene.waiting() == []


def test_one_that_left_without_an_answer_is_not_said_to_be_undelivered(scene: Scene) -> None:
    """T15: nobody knows."""
    scene.sends()
    scene.messages.leave(ID, "m1", "", KEEPER)
    scene.now += WITHIN_MS + KEEPERS_GRACE_MS + 1
    assert scene.sweeps() == [failed("unconfirmed")]


def test_one_that_is_settled_as_the_sweeper_comes_is_told_as_it_stands(scene: Scene) -> None:
    """T12, T15."""
    scene.sends()
    flow, runner = expire(ID, "m1"), scene.runner
    first = runner.advance(flow)
    scene.messages.settle(ID, "m1", ACCEPTED)
    second = runner.advance(flow, runner.carry_out(first))
    runner.carry_out(runner.advance(flow, runner.carry_out(second)))
    assert scene.told == [(frozenset({TAB}), "m1", ACCEPTED)]


def test_when_the_session_is_gone_nobody_is_told(scene: Scene) -> None:
    """T11."""
    scene.sends()
    scene.now = EXPIRES * 1000
    assert scene.sweeps() == [failed("expired")]
    assert scene.told == []


def test_that_messages_were_seen_is_told_to_the_keeper_and_kept_nowhere(scene: Scene) -> None:
    assert scene.runner.run(messages_seen(ID))
    assert scene.nudged == [KEEPER]


@pytest.mark.parametrize(("is_open", "told_at", "is_nudged"), [(True, 0, True), (False, NOW, True), (False, 0, False)])
def test_who_connects_is_caught_up_where_a_conversation_is_or_was_under_way(
    scene: Scene, is_open: bool, told_at: int, is_nudged: bool
) -> None:
    """T16: a page of a visitor who has never said a word costs no nudge."""
    made = ConversationIds("visitor", "customer", "thread")
    scene.sessions.open_conversation(ID, KEEPER, made, NOW)
    scene.sessions.set_contact(ID, KEEPER, is_open=is_open, perhaps_shown=False)
    scene.sessions.records[ID] = replace(scene.sessions.records[ID], told_at=told_at)
    assert scene.runner.run(caught_up(scene.sessions.records[ID])) is is_nudged
    assert scene.nudged == [KEEPER] * is_nudged


def test_nobody_is_caught_up_on_v1(scene: Scene) -> None:
    """Its keepers cannot be nudged."""
    assert not scene.runner.run(caught_up(scene.sessions.records[ID]))


@pytest.mark.parametrize("hint", [Hint.END, Hint.HISTORY])
def test_what_only_the_keeper_can_do_it_is_asked_for_with_what_it_is_about(scene: Scene, hint: Hint) -> None:
    assert scene.runner.run(asked_of_keeper(ID, hint, "m1"))
    assert scene.said == [{hint: ID, "about": "m1"}]


@pytest.mark.parametrize("status", [GuestStatus.OPENING, GuestStatus.RECONNECTING, GuestStatus.CLOSED])
def test_while_no_guest_is_open_nobody_is_asked(scene: Scene, status: GuestStatus) -> None:
    """The front end hears that it is too early, and asks again."""
    scene.becomes(status)
    assert not scene.runner.run(asked_of_keeper(ID, Hint.END))
    assert scene.nudged == []


def test_a_keeper_that_could_not_be_asked_is_not_said_to_have_been(scene: Scene) -> None:
    scene.nudges_arrive = False
    assert not scene.runner.run(asked_of_keeper(ID, Hint.END))


def test_nobody_is_told_of_it_where_there_is_no_conversation(scene: Scene) -> None:
    scene.sessions.set_contact(ID, KEEPER, is_open=False, perhaps_shown=False)
    assert not scene.runner.run(messages_seen(ID))
    assert scene.nudged == []

"""Visitors' messages in a keeper's hands: to the conversation once and in order, and back into the store (T15)."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.platforms.digital_first.mailbox import LOOK_S, RETRY_S, WINDOW, Mailbox
from typing_relay.relay.ports import MessageStatus, SentMessage, Standing, WaitingMessage

from tests.simulation.memory_messages import MemoryMessages
from tests.support.keeper_fakes import ManualJobs, ManualLoop

NOW = 1_800_000_000_000
EXPIRES = NOW // 1000 + 3600
ID, ME, OTHER = "alice", "keeper-1", "keeper-2"
ACCEPTED = Standing(MessageStatus.ACCEPTED)


class Store(MemoryMessages):
    """A store that is away at times."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.reads = 0

    def _answers(self) -> None:
        if self.away:
            raise OSError("the network is down")

    def waiting(self, session_id: str, limit: int, now: int, also: Collection[str] = ()) -> list[WaitingMessage]:
        self._answers()
        self.reads += 1
        return super().waiting(session_id, limit, now, also)

    def leave(self, session_id: str, message_id: str, seen: str, keeper: str) -> bool:
        self._answers()
        return super().leave(session_id, message_id, seen, keeper)

    def settle(self, session_id: str, message_id: str, standing: Standing) -> Standing | None:
        self._answers()
        return super().settle(session_id, message_id, standing)


class Outgoing:
    """What visitors are told, in order."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, Any]] = []

    def send(self, session_id: str, data: bytes) -> None:
        self.frames.append((session_id, json.loads(data)))


class Scene:
    """One keeper's mailbox between a store and the conversations, which are what the test does."""

    def __init__(self, store: Store | None = None, keeper: str = ME) -> None:
        self.store, self.told = store or Store(), Outgoing()
        self.loop, self.jobs, self.counters = ManualLoop(), ManualJobs(), Counters()
        self.settled_elsewhere: list[str] = []
        self.wanted: list[tuple[str, WaitingMessage]] = []
        self.did: list[str] = []
        self.mailbox = Mailbox(
            self.loop,  # type: ignore[arg-type]
            self.jobs,  # type: ignore[arg-type]
            self.store,
            self.told,  # type: ignore[arg-type]
            keeper,
            lambda: NOW,
            self.counters,
            lambda: 0.5,
            lambda session_id, message: self.wanted.append((session_id, message)),
            lambda session_id, message_id: self.settled_elsewhere.append(message_id),
        )

    def visitor_sends(self, *message_ids: str, session_id: str = ID, at: int = NOW) -> None:
        for place, message_id in enumerate(message_ids):
            message = SentMessage(message_id, f"text of {message_id}", at + place)
            self.store.put(session_id, message, NOW, NOW + 300_000, EXPIRES)

    def holds(self, session_id: str = ID) -> None:
        self.mailbox.hold(session_id)

    def fetches(self, session_id: str = ID) -> None:
        self.mailbox.fetch(session_id)
        self.jobs.run()

    def handed(self) -> list[str]:
        return [message.message_id for _, message in self.wanted]

    def settles(self) -> None:
        """Let all that is under way come to its end."""
        while len(self.jobs):
            self.jobs.run()

    def leaves(self, message_id: str, session_id: str = ID) -> str:
        """The conversation is about to send it; returns what it may do."""
        self.did.clear()
        self.mailbox.leaving(session_id, message_id, lambda: self.did.append("go"), lambda: self.did.append("stay"))
        self.settles()
        [what] = self.did
        return what

    def stands(self, message_id: str) -> Standing | None:
        return self.store.get(ID, message_id, NOW)


@pytest.fixture
def scene() -> Scene:
    return Scene()


# --- to the conversation


def ends(scene: Scene) -> list[list[str]]:
    """Something is to be done after the messages; what had been handed over then, each time that it is done."""
    done: list[list[str]] = []
    scene.mailbox.after_messages(ID, lambda: done.append(scene.handed()))
    return done


def test_what_comes_after_the_messages_waits_until_they_are_handed_over(scene: Scene) -> None:
    """T15: the nudge that tells of them may come later, or never."""
    scene.holds()
    scene.visitor_sends("a", "b")
    done = ends(scene)
    assert done == []
    scene.settles()
    assert done == [["a", "b"]]


def test_a_read_that_began_before_does_not_count(scene: Scene) -> None:
    """A message may have been written since."""
    scene.holds()
    scene.mailbox.fetch(ID)
    done = ends(scene)
    scene.visitor_sends("a")
    scene.jobs.run()
    scene.settles()
    assert done == [["a"]]


def test_what_comes_after_more_messages_than_are_handed_over_at_once_waits_for_the_last(scene: Scene) -> None:
    scene.holds()
    sent = [f"m{n}" for n in range(WINDOW + 2)]
    scene.visitor_sends(*sent)
    done = ends(scene)
    scene.settles()
    assert done == []
    for message_id in sent[:3]:
        scene.mailbox.taken(ID, message_id)
        scene.settles()
    assert done == [sent]


def test_where_the_messages_could_not_be_read_what_comes_after_waits(scene: Scene) -> None:
    scene.holds()
    scene.visitor_sends("a")
    scene.store.away = True
    done = ends(scene)
    scene.settles()
    scene.store.away = False
    assert done == []
    scene.loop.advance(RETRY_S)
    scene.settles()
    assert done == [["a"]]


def test_where_nobody_is_held_nothing_is_waited_for(scene: Scene) -> None:
    assert ends(scene) == [[]]


def test_what_waits_is_handed_over_in_the_order_in_which_it_was_sent(scene: Scene) -> None:
    """T15."""
    scene.visitor_sends("z", "a", "m")
    scene.holds()
    scene.fetches()
    assert [(s, m.message_id, m.text, m.left_by) for s, m in scene.wanted] == [
        (ID, "z", "text of z", ""),
        (ID, "a", "text of a", ""),
        (ID, "m", "text of m", ""),
    ]


def test_each_is_handed_over_once_however_often_it_is_looked_for(scene: Scene) -> None:
    """T12: nudges come twice, openings many times."""
    scene.visitor_sends("a")
    scene.holds()
    for _ in range(3):
        scene.fetches()
    scene.visitor_sends("b", at=NOW + 5)
    scene.fetches()
    assert scene.handed() == ["a", "b"]


def test_nudges_that_come_together_are_one_more_look(scene: Scene) -> None:
    """The last of them may tell of what the look under way does not see."""
    scene.holds()
    scene.mailbox.fetch(ID)
    scene.visitor_sends("a")
    for _ in range(5):
        scene.mailbox.fetch(ID)
    scene.settles()
    assert (scene.handed(), scene.store.reads) == (["a"], 2)


def test_a_message_of_a_session_that_is_not_held_is_left_alone(scene: Scene) -> None:
    """Its keeper is another."""
    scene.visitor_sends("a")
    scene.fetches()
    assert (scene.handed(), scene.store.reads) == ([], 0)


def test_what_is_read_after_the_session_was_let_go_is_handed_to_nobody(scene: Scene) -> None:
    scene.visitor_sends("a")
    scene.holds()
    scene.mailbox.fetch(ID)
    scene.mailbox.forget(ID)
    scene.settles()
    assert scene.handed() == []


def test_a_conversation_that_begins_anew_is_handed_all_that_waits(scene: Scene) -> None:
    """T15: the one before took what it had been handed with it."""
    scene.visitor_sends("a", "b")
    scene.holds()
    scene.fetches()
    scene.holds()
    scene.fetches()
    assert scene.handed() == ["a", "b", "a", "b"]


def test_so_many_are_in_hand_and_the_rest_follows_as_they_are_settled(scene: Scene) -> None:
    """T15: in order; a visitor who sends a thousand costs no more memory."""
    ids = [f"m{number:02}" for number in range(3 * WINDOW)]
    scene.visitor_sends(*ids)
    scene.holds()
    scene.fetches()
    assert scene.handed() == ids[:WINDOW]
    scene.fetches()
    assert scene.store.reads == 1
    for number in range(2 * WINDOW):
        scene.mailbox.taken(ID, ids[number])
        scene.settles()
    assert scene.handed() == ids


def test_when_the_store_is_away_the_next_look_goes_on(scene: Scene) -> None:
    scene.visitor_sends("a")
    scene.holds()
    scene.store.away = True
    scene.fetches()
    scene.store.away = False
    scene.fetches()
    assert scene.handed() == ["a"]


def test_a_lost_nudge_costs_half_a_minute(scene: Scene) -> None:
    """T15: one look finds the waiting messages of all sessions."""
    scene.mailbox.start()
    scene.holds()
    scene.holds("bob")
    scene.visitor_sends("a")
    scene.visitor_sends("b", session_id="bob")
    scene.visitor_sends("c", session_id="of another keeper")
    for _ in range(int(LOOK_S)):
        scene.loop.advance(1)
        scene.settles()
    assert sorted(scene.handed()) == ["a", "b"]
    assert scene.store.reads == 2


def test_it_goes_on_looking(scene: Scene) -> None:
    scene.mailbox.start()
    scene.holds()
    scene.loop.advance(3 * LOOK_S)
    scene.settles()
    scene.visitor_sends("a")
    scene.loop.advance(LOOK_S)
    scene.settles()
    assert scene.handed() == ["a"]


# --- leaving


def test_it_is_on_record_that_a_message_may_have_left_before_it_leaves(scene: Scene) -> None:
    """T15: for the keeper that comes after."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    assert scene.leaves("a") == "go"
    assert scene.store.waiting(ID, 1, NOW)[0].left_by.startswith(ME)


def test_the_next_keeper_knows_that_it_may_have_left(scene: Scene) -> None:
    """T15: it looks whether the message has arrived before it sends it again."""
    scene.visitor_sends("a", "b")
    scene.holds()
    scene.fetches()
    scene.leaves("a")
    successor = Scene(scene.store, OTHER)
    successor.holds()
    successor.fetches()
    assert [(m.message_id, m.left_by.startswith(ME)) for _, m in successor.wanted] == [("a", True), ("b", False)]
    assert successor.leaves("a") == "go"


def test_the_next_keeper_notices_that_a_message_left_again_since_it_looked(scene: Scene) -> None:
    """T15: sent by one that does not know that it lost its session."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.leaves("a")
    successor = Scene(scene.store, OTHER)
    successor.holds()
    successor.fetches()
    assert scene.leaves("a") == "go"
    assert successor.leaves("a") == "stay"


def test_a_keeper_that_lost_its_session_sends_nothing_that_its_successor_may_have_sent(scene: Scene) -> None:
    """T15: it may not know yet that another has taken over."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    successor = Scene(scene.store, OTHER)
    successor.holds()
    successor.fetches()
    assert successor.leaves("a") == "go"
    assert scene.leaves("a") == "stay"


def test_one_that_another_may_have_sent_is_handed_over_again_as_such(scene: Scene) -> None:
    """T15: should this keeper be the one that goes on with it."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.store.leave(ID, "a", "", OTHER)
    assert scene.leaves("a") == "stay"
    assert [m.left_by for _, m in scene.wanted] == ["", OTHER]
    assert scene.leaves("a") == "go"


def test_a_message_that_was_given_up_does_not_leave(scene: Scene) -> None:
    """T15: the visitor was told that it failed."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.store.expire(ID, "a")
    assert scene.leaves("a") == "stay"
    assert scene.handed() == ["a"]


def test_nothing_leaves_while_the_store_is_away(scene: Scene) -> None:
    """T15: and it may leave later."""
    could_not_leave(scene)
    scene.fetches()  # the next socket is open
    assert scene.leaves("a") == "go"


def could_not_leave(scene: Scene) -> None:
    """That "a" leaves was to be recorded while the store was away; now it is back."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.store.away = True
    assert scene.leaves("a") == "stay"
    scene.store.away = False


def test_once_the_store_is_back_it_leaves_without_being_read_again(scene: Scene) -> None:
    """T15: else a sound socket would be replaced for nothing."""
    could_not_leave(scene)
    assert scene.leaves("a") == "go"
    assert scene.handed() == ["a"]


def test_one_whose_leaving_was_recorded_though_no_answer_came_is_handed_over_again(scene: Scene) -> None:
    """T15: its mark is another, and whoever sends it looks first."""
    could_not_leave(scene)
    assert scene.store.leave(ID, "a", "", f"{ME}/1")
    scene.fetches()
    assert [message.left_by for _, message in scene.wanted] == ["", f"{ME}/1"]
    assert scene.leaves("a") == "go"


def test_what_is_read_as_it_is_known_is_not_handed_over_again(scene: Scene) -> None:
    could_not_leave(scene)
    scene.fetches()
    scene.fetches()
    assert scene.handed() == ["a"]


def test_nothing_leaves_before_the_store_knows_of_one_that_was_given_up(scene: Scene) -> None:
    """T15, order: the next keeper would send that one after this one."""
    scene.visitor_sends("a", "b")
    scene.holds()
    scene.fetches()
    scene.store.away = True
    scene.mailbox.refused(ID, "a", "refused")
    scene.settles()
    scene.mailbox.leaving(ID, "b", lambda: scene.did.append("go"), lambda: scene.did.append("stay"))
    scene.settles()
    assert scene.did == []
    scene.store.away = False
    for _ in range(2):
        scene.loop.advance(RETRY_S)
        scene.settles()
    assert scene.did == ["go"]


def test_the_message_after_one_that_was_given_up_leaves_as_soon_as_the_store_knows(scene: Scene) -> None:
    """T15: a second later its time to leave would be over, and a sound socket would be replaced for nothing."""
    scene.visitor_sends("a", "b")
    scene.holds()
    scene.fetches()
    scene.mailbox.refused(ID, "a", "refused")
    scene.mailbox.leaving(ID, "b", lambda: scene.did.append("go"), lambda: scene.did.append("stay"))
    scene.settles()
    assert scene.did == ["go"]


def test_one_that_is_given_up_here_and_has_left_elsewhere_is_unconfirmed(scene: Scene) -> None:
    """T15: never `expired`, which says that it has not arrived."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.store.leave(ID, "a", "", OTHER)
    scene.mailbox.refused(ID, "a", "expired")
    scene.settles()
    assert scene.stands("a") == Standing(MessageStatus.FAILED, "unconfirmed")


def test_nothing_leaves_for_a_session_that_was_let_go(scene: Scene) -> None:
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.mailbox.forget(ID)
    assert scene.leaves("a") == "stay"


def test_a_message_is_sent_again_by_the_keeper_that_sent_it(scene: Scene) -> None:
    """T15: it has looked, and it was not there."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    assert [scene.leaves("a"), scene.leaves("a")] == ["go", "go"]


# --- back into the store


def test_what_the_gateway_took_is_settled_and_told(scene: Scene) -> None:
    """T15."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.mailbox.taken(ID, "a")
    assert scene.told.frames == []  # the store first
    scene.settles()
    assert scene.stands("a") == ACCEPTED
    assert scene.told.frames == [(ID, {"type": "message", "id": "a", "status": "accepted"})]


def test_what_it_refused_is_settled_and_told_with_the_reason(scene: Scene) -> None:
    """T15: one that cannot be delivered is reported."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.mailbox.refused(ID, "a", "refused")
    scene.settles()
    assert scene.stands("a") == Standing(MessageStatus.FAILED, "refused")
    assert scene.told.frames == [(ID, {"type": "message", "id": "a", "status": "failed", "reason": "refused"})]
    assert scene.counters.take()["MessagesFailed.refused"] == 1


def test_the_visitor_is_told_what_the_store_says(scene: Scene) -> None:
    """T12: the former keeper had it accepted, and this one gave up looking for it."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.store.settle(ID, "a", ACCEPTED)
    scene.mailbox.refused(ID, "a", "unconfirmed")
    scene.settles()
    assert [frame["status"] for _, frame in scene.told.frames] == ["accepted"]


def test_one_given_up_that_turns_out_to_have_arrived_is_told_so(scene: Scene) -> None:
    """T15: the truth, late."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.leaves("a")
    scene.store.expire(ID, "a")
    scene.mailbox.taken(ID, "a")
    scene.settles()
    assert scene.stands("a") == ACCEPTED


def test_until_the_store_knows_what_the_gateway_took_it_is_told_again_and_again(scene: Scene) -> None:
    """T15: and the message is not handed over again meanwhile, nor is anything told."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.store.away = True
    scene.mailbox.taken(ID, "a")
    for _ in range(3):
        scene.settles()
        scene.loop.advance(RETRY_S)
    assert (len(scene.mailbox), scene.told.frames) == (1, [])
    scene.holds()  # a conversation that begins anew, too, is not handed it
    scene.store.away = False
    scene.fetches()
    assert scene.handed() == ["a"]
    scene.loop.advance(RETRY_S)
    scene.settles()
    assert (scene.stands("a"), len(scene.mailbox), len(scene.told.frames)) == (ACCEPTED, 0, 1)


def test_what_was_taken_is_told_to_the_store_though_the_session_was_let_go(scene: Scene) -> None:
    """T15: or its next keeper would send it once more."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.store.away = True
    scene.mailbox.taken(ID, "a")
    scene.settles()
    scene.mailbox.forget(ID)
    scene.store.away = False
    scene.loop.advance(RETRY_S)
    scene.settles()
    assert (scene.stands("a"), len(scene.mailbox)) == (ACCEPTED, 0)


def test_a_read_that_was_under_way_when_it_was_settled_does_not_bring_it_back(scene: Scene) -> None:
    """T15: the read saw it waiting."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.mailbox.fetch(ID)
    scene.mailbox.taken(ID, "a")
    scene.settles()
    scene.fetches()
    assert scene.handed() == ["a"]


def test_what_another_keeper_has_settled_is_taken_back_from_the_conversation(scene: Scene) -> None:
    """T16: else it would want to send it, again and again, and each time cost the visitor the socket."""
    scene.visitor_sends("a", "b")
    scene.holds()
    scene.fetches()
    scene.store.settle(ID, "a", ACCEPTED)
    scene.store.settle(ID, "b", ACCEPTED)
    assert scene.leaves("a") == "stay"
    assert (scene.settled_elsewhere, scene.handed()) == (["a", "b"], ["a", "b"])
    assert scene.told.frames == [(ID, {"type": "message", "id": one, "status": "accepted"}) for one in "ab"]


def test_one_that_is_settled_and_wants_to_leave_again_is_taken_back_then(scene: Scene) -> None:
    """T16: where the conversation could not let go of it before, as it was on its way."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.store.settle(ID, "a", ACCEPTED)
    assert [scene.leaves("a"), scene.leaves("a")] == ["stay", "stay"]
    assert scene.settled_elsewhere == ["a", "a"]


def test_what_another_keeper_may_have_sent_and_not_settled_stays_with_the_conversation(scene: Scene) -> None:
    """T15: which looks for it."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.store.leave(ID, "a", "", "another/1")
    assert scene.leaves("a") == "stay"
    assert (scene.settled_elsewhere, scene.handed()) == ([], ["a", "a"])


def test_an_end_that_is_told_twice_is_one_end(scene: Scene) -> None:
    """T12: the gateway's answer and its event."""
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.mailbox.taken(ID, "a")
    scene.mailbox.taken(ID, "a")
    scene.settles()
    assert (scene.stands("a"), len(scene.mailbox)) == (ACCEPTED, 0)


def test_nothing_that_a_visitor_wrote_is_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """T13: whatever goes wrong."""
    caplog.set_level("DEBUG")
    scene.visitor_sends("a")
    scene.holds()
    scene.fetches()
    scene.store.away = True
    scene.fetches()
    scene.leaves("a")
    scene.mailbox.taken(ID, "a")
    scene.jobs.run()
    assert caplog.text
    assert "text of" not in caplog.text

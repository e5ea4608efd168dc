"""Holding guests by holding queue messages: claim, hold, hand back, be done, and what SQS may do meanwhile."""

from __future__ import annotations

import math
from random import Random

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests.custody import (
    PROVEN_AFTER_S,
    REPLACE_AFTER_RECEIVES,
    REPLACE_AFTER_S,
    WORN_OUT_S,
    Custody,
    Terms,
)
from typing_relay.relay.burst import are_by_one_message

from tests.support.keeper_fakes import FakeQueue, ManualJobs, ManualLoop

TERMS = Terms(visibility_s=30, max_guests=25)


class Task:
    """One keeper's custody of a shared queue."""

    def __init__(self, loop: ManualLoop, queue: FakeQueue, terms: Terms = TERMS) -> None:
        self.loop, self.queue, self.jobs, self.counters = loop, queue, ManualJobs(), Counters()
        self.requested: list[str] = []
        self.custody = Custody(
            loop,
            self.jobs,
            queue,
            queue,
            "url",
            terms,
            self.counters,
            self.requested.append,
            lambda: int(loop.time() * 1000),
        )  # type: ignore[arg-type]

    def works(self, seconds: float = 0, step: float = 1.0) -> None:
        """Let time pass, calls being answered at once."""
        self.jobs.run()
        for _ in range(int(seconds / step)):
            self.loop.advance(step)
            self.jobs.run()

    def holds(self, *visitors: str) -> None:
        """These are held, and taken at one moment."""
        self.queue.ask(*visitors)
        while len(self.custody) < len(visitors):
            self.jobs.run()

    def drains(self) -> None:
        self.custody.stop()
        self.custody.hand_back()


@pytest.fixture
def loop() -> ManualLoop:
    return ManualLoop()


@pytest.fixture
def queue(loop: ManualLoop) -> FakeQueue:
    return FakeQueue(loop.time)


@pytest.fixture
def task(loop: ManualLoop, queue: FakeQueue) -> Task:
    made = Task(loop, queue)
    made.custody.start()
    return made


def test_receiving_a_message_is_claiming_its_guest(task: Task, queue: FakeQueue) -> None:
    queue.ask("alice")
    task.works()
    assert task.requested == ["alice"]


def test_a_guest_is_held_for_hours_by_renewing(task: Task, queue: FakeQueue) -> None:
    queue.ask("alice")
    task.works(seconds=3 * 3600, step=5)
    assert (task.requested, queue.visible()) == (["alice"], 0)


def test_renewals_go_ten_to_a_call(task: Task, queue: FakeQueue) -> None:
    queue.ask(*(f"visitor {number}" for number in range(20)))
    task.works(seconds=5)
    queue.calls.clear()
    task.works(seconds=TERMS.renew_s)
    assert queue.calls.count("renew") == 2


def test_what_a_dead_task_held_appears_to_the_others_when_its_visibility_ends(
    task: Task, queue: FakeQueue, loop: ManualLoop
) -> None:
    queue.ask("alice")
    task.works()
    other = Task(loop, queue)
    other.custody.start()
    other.works(seconds=TERMS.visibility_s + 2)  # only the other's calls get through
    assert other.requested == ["alice"]


def test_a_message_is_renewed_when_two_thirds_of_its_visibility_are_over(task: Task, queue: FakeQueue) -> None:
    """T9: ten seconds are left for calls that fail."""
    queue.ask("alice")
    task.works()
    task.works(seconds=TERMS.renew_s - 1)
    assert "renew" not in queue.calls
    task.works(seconds=1)
    assert queue.calls.count("renew") == 1


@pytest.mark.parametrize("guests", [8, 25, 60, 110, 230])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_however_guests_arrive_a_call_renews_ten(loop: ManualLoop, queue: FakeQueue, guests: int, seed: int) -> None:
    """Each call costs money. Those that are due next fill one up, but nothing that has just been renewed."""
    task, arrivals = Task(loop, queue, Terms(visibility_s=30, max_guests=guests)), Random(seed)
    task.custody.start()
    comes = sorted(arrivals.uniform(0, 100) for _ in range(guests))
    for second in range(100):
        queue.ask(*(f"visitor {number}" for number, at in enumerate(comes) if second <= at < second + 1))
        task.works(seconds=1)
    task.works(seconds=20 * TERMS.renew_s)  # they come to be renewed together
    queue.calls.clear()
    task.works(seconds=6 * TERMS.renew_s)
    assert queue.calls.count("renew") <= 6 * math.ceil(guests / 10)


def test_whose_message_is_lost_is_known_in_each_call_of_a_job(task: Task, queue: FakeQueue) -> None:
    """One job renews ten messages a call; the place that SQS names is one in the call."""
    task.holds(*(f"visitor {number}" for number in range(20)))
    task.requested.clear()
    lost = list(task.custody._held)[13]
    queue._messages = [one for one in queue._messages if one.receipt != task.custody._held[lost].receipt]
    task.works(seconds=TERMS.renew_s + 2)
    assert task.requested == [lost]


def test_an_entry_that_failed_is_what_the_next_call_renews_first(
    task: Task, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    task.holds(*(f"visitor {number}" for number in range(20)))
    failing = list(task.custody._held.values())[13].receipt
    first: list[str] = []
    change = queue.change

    def change_and_note(receipts: list[str], seconds: int) -> tuple[list[int], list[int]]:
        first.append(receipts[0])
        return change(receipts, seconds)

    monkeypatch.setattr(queue, "change", change_and_note)
    queue.fails_for = {failing}
    task.works(seconds=TERMS.renew_s + 2)
    assert first[2] == failing  # after the two calls that renew all


def test_done_after_leave_deletes_nothing(task: Task, queue: FakeQueue) -> None:
    """Its message is another keeper's by now."""
    queue.ask("alice")
    task.works()
    task.custody.leave("alice")
    task.custody.done("alice")
    task.works(seconds=2)
    assert len(queue) == 1


def test_what_is_done_is_deleted(task: Task, queue: FakeQueue) -> None:
    queue.ask("alice")
    task.works()
    task.custody.done("alice")
    task.works(seconds=2)
    assert len(queue) == 0


def test_a_full_task_stops_receiving(task: Task, queue: FakeQueue) -> None:
    queue.ask(*(f"visitor {number}" for number in range(TERMS.max_guests + 5)))
    task.works(seconds=20)
    assert (len(task.requested), queue.visible()) == (TERMS.max_guests, 5)
    queue.calls.clear()
    task.works(seconds=5)
    assert "receive" not in queue.calls


def test_a_full_task_receives_again_as_soon_as_a_guest_is_done(task: Task, queue: FakeQueue) -> None:
    queue.ask(*(f"visitor {number}" for number in range(TERMS.max_guests + 1)))
    task.works(seconds=20)
    task.custody.done("visitor 0")
    task.works(seconds=3)
    assert len(task.requested) == TERMS.max_guests + 1


def test_a_drain_hands_everything_back_at_once(task: Task, queue: FakeQueue) -> None:
    queue.ask(*(f"visitor {number}" for number in range(15)))
    task.works(seconds=3)
    task.drains()
    task.works()
    assert queue.visible() == 15


def test_what_is_received_during_a_drain_is_handed_back(task: Task, queue: FakeQueue) -> None:
    queue.ask("late")
    task.drains()  # a receive is under way
    task.works(seconds=1)
    assert (task.requested, queue.visible()) == ([], 1)


def test_a_drain_is_over_when_no_call_is_under_way_any_more(task: Task, queue: FakeQueue) -> None:
    queue.ask("alice")
    task.works()
    task.drains()
    before = task.custody.is_drained()
    task.works(seconds=1)
    assert (before, task.custody.is_drained()) == (False, True)


def test_a_full_task_at_rest_is_not_drained(task: Task, queue: FakeQueue) -> None:
    """Nothing is under way there either."""
    queue.ask(*(f"visitor {number}" for number in range(TERMS.max_guests)))
    task.works(seconds=5)
    assert (len(task.jobs), task.custody.is_drained()) == (0, False)


def test_a_renewal_under_way_is_known_of_so_that_it_is_not_overtaken_by_the_handing_back(
    task: Task, queue: FakeQueue, loop: ManualLoop
) -> None:
    queue.ask("alice")
    task.works()
    loop.advance(TERMS.renew_s + 1)
    under_way = task.custody.is_renewing
    task.works()
    assert (under_way, task.custody.is_renewing) == (True, False)


def test_a_renewal_that_begins_after_the_stop_hides_nothing_again(
    task: Task, queue: FakeQueue, loop: ManualLoop
) -> None:
    """One job renews many messages; what is left of it when the drain begins is left out."""
    queue.ask("alice")
    task.works()
    loop.advance(TERMS.renew_s + 1)
    task.custody.stop()
    queue.calls.clear()
    task.works()
    assert "renew" not in queue.calls


def test_a_call_that_fails_holds_up_no_other_renewal(
    task: Task, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its own messages are renewed a second later."""
    task.holds(*(f"visitor {number}" for number in range(20)))
    renewed: list[tuple[str, ...]] = []
    change = queue.change

    def change_but_once(receipts: list[str], seconds: int) -> tuple[list[int], list[int]]:
        renewed.append(tuple(receipts))
        if len(renewed) == 1:
            raise OSError("SQS does not answer")
        return change(receipts, seconds)

    monkeypatch.setattr(queue, "change", change_but_once)
    task.works(seconds=TERMS.renew_s + 2)
    first, other, again = renewed[:3]  # two batches, and the first again a second later
    assert (len(first), len(other), again) == (10, 10, first)
    assert other != first


def test_an_entry_that_failed_at_sqs_is_renewed_a_second_later(task: Task, queue: FakeQueue) -> None:
    """Else it counts as held for another 20 s, 10 s longer than SQS hides it: another keeper would take the guest."""
    queue.ask("alice", "bob")
    task.works(seconds=5)
    queue.fails_for = {task.custody._held["alice"].receipt}
    task.works(seconds=TERMS.renew_s - 4)
    queue.fails_for = set()
    task.works(seconds=TERMS.visibility_s)
    assert (task.requested, task.counters.take().get("MessagesLost", 0)) == (["alice", "bob"], 0)


@pytest.mark.parametrize("body", ['{"visitor": "alice"}', "not json", '{"session": 7}', '{"session": ""}', "[]"])
def test_a_message_that_names_no_session_ends_in_the_dead_letter_queue(task: Task, queue: FakeQueue, body: str) -> None:
    queue.put(body)
    task.works(seconds=31 * FakeQueue.MAX_RECEIVES + 10)
    assert (task.requested, queue.dead) == ([], [body])


def test_a_message_delivered_twice_to_one_task_is_held_by_its_newest_receipt(task: Task, queue: FakeQueue) -> None:
    """T12: whatever SQS delivers twice is held once."""
    queue.ask("alice")
    task.works()
    queue.redeliver()
    task.works(seconds=60)
    assert (len(task.custody), len(queue), queue.visible()) == (1, 1, 0)


def test_of_two_messages_for_one_session_the_older_is_deleted(task: Task, queue: FakeQueue) -> None:
    """T12: a second request for a guest that is held adds no second message."""
    queue.ask("alice")
    task.works()
    queue.ask("alice")
    task.works(seconds=60)
    assert (task.requested, len(queue)) == (["alice", "alice"], 1)


def test_a_message_is_left_alone_where_another_keeper_may_hold_by_it(task: Task, queue: FakeQueue) -> None:
    """T9: if nobody renews it, it appears again."""
    queue.ask("alice")
    task.works()
    task.custody.leave("alice")
    task.works(seconds=TERMS.visibility_s + 2)
    assert (task.requested, len(queue)) == (["alice", "alice"], 1)


def test_of_two_receives_of_a_message_it_is_known_which_began_later(task: Task, queue: FakeQueue) -> None:
    queue.ask("alice")
    task.works(seconds=5)
    first = task.custody.claim("alice")
    queue.redeliver()
    task.works(seconds=60)
    again = task.custody.claim("alice")
    assert again > first
    assert are_by_one_message(again, first)


def test_a_message_whose_replacement_never_comes_is_replaced_again(task: Task, queue: FakeQueue) -> None:
    """T9: another keeper may have consumed it."""
    queue.ask("alice")
    task.works()
    task.custody._receive = lambda: None  # type: ignore[method-assign]
    for _ in range(200):
        queue._messages.clear()
        task.works(seconds=1)
    assert task.counters.take()["MessagesReplaced"] == 2


def test_an_entry_that_sqs_could_not_delete_is_deleted_again(
    task: Task, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each entry of a batch fails by itself; one that is not ours any more is not tried again."""
    queue.ask("alice", "bob")
    task.works()
    asked: list[list[str]] = []

    def fails_once(*, Entries: list[dict[str, str]], **_: object) -> dict[str, object]:  # noqa: N803
        asked.append([entry["ReceiptHandle"] for entry in Entries])
        return (
            {"Failed": [{"Id": "0", "SenderFault": False}, {"Id": "1", "SenderFault": True}]} if len(asked) == 1 else {}
        )

    monkeypatch.setattr(queue, "delete_message_batch", fails_once)
    for session_id in ("alice", "bob"):
        task.custody.done(session_id)
    task.works(seconds=5)
    assert asked == [["m1/1", "m2/1"], ["m1/1"]]


def test_a_call_that_deletes_and_fails_is_made_again(task: Task, queue: FakeQueue) -> None:
    queue.ask("alice", "bob")
    task.works()
    for session_id in ("alice", "bob"):
        task.custody.done(session_id)
    queue.fails = True
    task.works(seconds=3)
    queue.fails = False
    task.works(seconds=2)
    assert len(queue) == 0


def test_a_message_that_is_handed_out_again_is_not_deleted_by_its_older_receipt(task: Task, queue: FakeQueue) -> None:
    """T9: two messages of a visitor, received together after a stall, must not be the end of both."""
    queue.ask("alice")
    task.works()
    first, second = ({"MessageId": name, "Body": '{"session": "alice"}'} for name in ("m1", "m2"))
    task.custody._take_in({**second, "ReceiptHandle": "m2/1"}, 1)
    task.custody._take_in({**first, "ReceiptHandle": "m1/2"}, 1)
    deleted: list[str] = []
    queue.delete_message_batch = lambda Entries, **_: deleted.extend(e["ReceiptHandle"] for e in Entries) or {}  # type: ignore[method-assign,func-returns-value]  # noqa: N803
    task.works(seconds=3)
    assert deleted == ["m2/1"]


def test_a_message_that_sqs_lost_is_replaced(task: Task, queue: FakeQueue) -> None:
    queue.ask("alice")
    task.works()
    queue._messages.clear()
    task.works(seconds=30)
    assert (len(queue), task.counters.take()["MessagesLost"]) == (1, 1)


def test_a_renewal_that_fails_as_a_whole_is_made_again_a_second_later(
    task: Task, queue: FakeQueue, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever went wrong: it is logged, and a drain does not wait for it for ever."""
    task.holds("alice")

    def breaks(_receipts: list[str]) -> object:
        raise RuntimeError("unforeseen")

    with monkeypatch.context() as broken:
        broken.setattr(task.custody, "_change", breaks)
        task.works(seconds=TERMS.renew_s)
    assert ("unforeseen" in caplog.text, task.custody.is_renewing) == (True, False)
    queue.calls.clear()
    task.works(seconds=1)
    assert queue.calls.count("renew") == 1


def test_a_receive_that_fails_is_made_again(task: Task, queue: FakeQueue) -> None:
    queue.fails = True
    task.works(seconds=3)
    queue.fails = False
    queue.ask("alice")
    task.works(seconds=2)
    assert task.requested == ["alice"]


def test_a_message_is_replaced_before_the_twelve_hours_that_sqs_allows(task: Task, queue: FakeQueue) -> None:
    queue.ask("alice")
    task.works()
    task.works(seconds=REPLACE_AFTER_S - WORN_OUT_S, step=5)
    assert (task.requested, REPLACE_AFTER_S + 600 < 12 * 3600) == (["alice"], True)
    task.works(seconds=WORN_OUT_S + 5)
    assert (task.requested, len(queue), queue.visible()) == (["alice", "alice"], 1, 0)


def test_a_message_handed_on_too_often_is_replaced_once_its_guest_has_been_held_for_a_while(
    loop: ManualLoop, queue: FakeQueue
) -> None:
    """Just at the bound: each further deployment would bring it nearer to the dead-letter queue."""
    queue.ask("alice")
    for handed_on in range(1, REPLACE_AFTER_RECEIVES + 1):
        task = Task(loop, queue)
        task.custody.start()
        task.works(seconds=PROVEN_AFTER_S + 2 * WORN_OUT_S)
        replaced = task.counters.take().get("MessagesReplaced", 0)
        assert replaced == (handed_on == REPLACE_AFTER_RECEIVES)
        task.drains()
        task.works(seconds=1)


def test_a_guest_that_was_just_taken_has_not_proved_its_message(loop: ManualLoop, queue: FakeQueue) -> None:
    queue.ask("alice")
    for _ in range(REPLACE_AFTER_RECEIVES - 1):
        queue.receive_message(MaxNumberOfMessages=1, VisibilityTimeout=0)
    task = Task(loop, queue)
    task.custody.start()
    task.works()
    task.works(seconds=PROVEN_AFTER_S - 1)
    assert task.counters.take().get("MessagesReplaced", 0) == 0
    task.works(seconds=1)
    assert task.counters.take()["MessagesReplaced"] == 1


def test_during_a_drain_no_message_is_replaced(loop: ManualLoop, queue: FakeQueue) -> None:
    """The next keeper has the old one at once; a second one would only make it look again."""
    queue.ask("alice")
    for _ in range(REPLACE_AFTER_RECEIVES - 1):
        queue.receive_message(MaxNumberOfMessages=1, VisibilityTimeout=0)
    task = Task(loop, queue)
    task.custody.start()
    task.works(seconds=PROVEN_AFTER_S - WORN_OUT_S / 2)
    task.custody.stop()
    task.works(seconds=2 * WORN_OUT_S)
    assert "send" not in queue.calls


def test_many_deployments_do_not_send_a_good_guest_to_the_dead_letter_queue(loop: ManualLoop, queue: FakeQueue) -> None:
    queue.ask("alice")
    for _ in range(3 * FakeQueue.MAX_RECEIVES):
        task = Task(loop, queue)
        task.custody.start()
        task.works(seconds=90)
        task.drains()
        task.works(seconds=1)
    assert queue.dead == []


def test_a_message_that_kills_every_task_at_once_is_not_replaced(loop: ManualLoop, queue: FakeQueue) -> None:
    """Only a guest that was held for a while has proved that its message is no poison."""
    queue.ask("poison")
    for _ in range(FakeQueue.MAX_RECEIVES + 2):
        task = Task(loop, queue)
        task.custody.start()
        task.works(seconds=2)
        loop.advance(TERMS.visibility_s)
    assert len(queue.dead) == 1
    assert REPLACE_AFTER_RECEIVES < FakeQueue.MAX_RECEIVES


def test_a_renewal_that_fails_after_its_guest_is_done_disturbs_nobody(task: Task, queue: FakeQueue) -> None:
    queue.ask("alice")
    queue.ask("bob")
    task.works()
    queue.fails = True
    task.loop.advance(TERMS.renew_s + 1)  # the renewal of both is under way
    task.custody.done("alice")
    task.jobs.run()
    queue.fails = False
    task.works(seconds=60)
    assert (len(task.custody), queue.visible()) == (1, 0)


def test_renewals_go_on_after_calls_have_failed(task: Task, queue: FakeQueue) -> None:
    visitors = [f"visitor {number}" for number in range(TERMS.max_guests)]
    for visitor in visitors:  # one a second, so that their renewals are due one after another
        queue.ask(visitor)
        task.works(seconds=1)
    for _ in range(10):
        queue.fails = True
        task.works(seconds=7)
        queue.fails = False
        task.works(seconds=7)
    assert (task.requested, queue.visible()) == (visitors, 0)

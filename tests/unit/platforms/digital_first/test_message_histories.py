"""T15 over histories that nobody thought of: functions and keepers die, answers are lost, the store is away.

The flow, the mailbox and the rules of the store are the product's. The gateway is a list of what has arrived, and a
conversation does what any on it must: it looks before it sends again what may have left.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from typing_relay.keeper.counters import Counters
from typing_relay.platforms.digital_first.mailbox import Mailbox
from typing_relay.relay.burst import GuestStatus, Policy
from typing_relay.relay.effects import AskForGuest, Flow, Nudge, StartOwner
from typing_relay.relay.messages import MOST_WAITING, Sender, message_sent
from typing_relay.relay.ports import Coming, MessageStatus, SentMessage, Standing, WaitingMessage
from typing_relay.relay.runner import Runner, handled_by

from tests.simulation.memory_messages import WAITS, MemoryMessages
from tests.simulation.memory_sessions import MemorySessions
from tests.support.keeper_fakes import ManualJobs, ManualLoop
from tests.support.runners import killed_after

EXAMPLES = max(100, int(os.environ.get("HISTORIES", "100000")) // 200)
NOW = 1_800_000_000_000
EXPIRES = NOW // 1000 + 3600
ID, TAB = "alice", "tab-1"
#: A conversation gives up after this many tries.
MOST_TRIES = 6


class Store(MemoryMessages):
    """Away at times: a write may have been done all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble = ""

    def leave(self, session_id: str, message_id: str, seen: str, keeper: str) -> bool:
        if self.trouble == "away":
            raise OSError("the network is down")
        left = super().leave(session_id, message_id, seen, keeper)
        if self.trouble == "answers lost":
            raise OSError("the answer is lost")
        return left

    def settle(self, session_id: str, message_id: str, standing: Standing) -> Standing | None:
        if self.trouble == "away":
            raise OSError("the network is down")
        stands = super().settle(session_id, message_id, standing)
        if self.trouble == "answers lost":
            raise OSError("the answer is lost")
        return stands


class Nobody:
    """The visitor's connections are all gone: what they are told is lost."""

    def send(self, session_id: str, data: bytes) -> None:
        """Lose it."""


class Keeper:
    """One keeper's mailbox with a conversation."""

    def __init__(self, name: str, store: Store, arrived: list[str]) -> None:
        self.store, self.arrived, self.dead = store, arrived, False
        self.loop, self.jobs = ManualLoop(), ManualJobs()
        self.queue: list[str] = []
        self.in_doubt: set[str] = set()
        self.tries: dict[str, int] = {}
        self.leaving, self.has_given_up = False, False
        self.mailbox = Mailbox(
            self.loop,  # type: ignore[arg-type]
            self.jobs,  # type: ignore[arg-type]
            store,
            Nobody(),  # type: ignore[arg-type]
            name,
            lambda: NOW,
            Counters(),
            lambda: 0.5,
            self._wanted,
            lambda session_id, message_id: None,
        )
        self.mailbox.hold(ID)
        self.mailbox.fetch(ID)

    def _wanted(self, session_id: str, message: WaitingMessage) -> None:
        if message.message_id not in self.queue:
            self.queue.append(message.message_id)
        if message.left_by:
            self.in_doubt.add(message.message_id)

    def works(self, happens: str) -> None:
        """What is first in the queue is looked for, or sent; ``happens``: what becomes of it on its way."""
        if not self.queue or self.leaving or self.dead:
            return
        first = self.queue[0]
        if first in self.in_doubt:
            self.in_doubt.discard(first)
            if first in self.arrived:
                self._ended(first)
                self.mailbox.taken(ID, first)
            return
        self.tries[first] = self.tries.get(first, 0) + 1
        if self.tries[first] > MOST_TRIES:
            self._ended(first)
            self.has_given_up = self.has_given_up or self.store.get(ID, first, NOW) == WAITS
            self.mailbox.refused(ID, first, "expired")
            return
        self.leaving = True
        self.mailbox.leaving(ID, first, lambda: self._goes(first, happens), lambda: self._stays(first))

    def _goes(self, first: str, happens: str) -> None:
        self.leaving = False
        if self.dead or first not in self.queue:
            return
        if happens in ("taken", "answer lost"):
            self.arrived.append(first)
        if happens == "taken":
            self._ended(first)
            self.mailbox.taken(ID, first)
        elif happens == "refused":
            self._ended(first)
            self.mailbox.refused(ID, first, "refused")
        else:
            self.in_doubt.add(first)

    def _stays(self, first: str) -> None:
        self.leaving = False
        self.in_doubt.add(first)

    def _ended(self, first: str) -> None:
        self.queue.remove(first)

    def runs(self) -> None:
        """What is under way in its process comes to its end; of a dead one, the calls that were sent."""
        self.jobs.run()


class History:
    """One visitor, the keepers one after another, and the gateway."""

    def __init__(self) -> None:
        self.sessions, self.store = MemorySessions(), Store()
        self.arrived: list[str] = []
        self.now, self.sent = NOW, 0
        self.sessions.create(ID, NOW, EXPIRES)
        self.sessions.add_connection(ID, Coming(TAB, NOW - 3000, EXPIRES), NOW, EXPIRES)
        self.sessions.take_guest(ID, "keeper-0", NOW)
        self.sessions.set_guest_status(ID, "keeper-0", GuestStatus.OPEN, NOW)
        self.keepers = [Keeper("keeper-0", self.store, self.arrived)]
        known = dict(
            [
                handled_by(StartOwner, lambda due: True),
                handled_by(AskForGuest, lambda due: None),
                handled_by(Nudge, self._nudge),
            ]
        )
        self.runner = Runner(self.sessions, lambda: self.now, known, self.store)

    def happens(self, what: str, *details: Any) -> None:
        getattr(self, what)(*details)

    def sends(self, effects: int) -> None:
        """The next message; its function dies after this many effects, and then it is sent again.

        Not while as many wait as may: it would be refused.
        """
        if len(self.store.waiting(ID, MOST_WAITING, self.now)) == MOST_WAITING:
            return
        self.now += 10
        self.sent += 1
        message_id = f"m{self.sent:03}"
        if killed_after(self.runner, self._sending(message_id), effects):
            self.asks(message_id)

    def asks(self, message_id: str) -> Standing:
        """The visitor's side sends it (again); where it stands."""
        return self.runner.run(self._sending(message_id))

    def _sending(self, message_id: str) -> Flow[Standing]:
        message = SentMessage(message_id, f"text of {message_id}", self.now)
        return message_sent(Policy(), Sender(ID, TAB, EXPIRES), message, 300_000)

    def _nudge(self, due: Nudge) -> bool:
        self.keepers[-1].mailbox.fetch(ID)
        return True

    def works(self, back: int, happens: str) -> None:
        """The keeper, or one before it that does not know yet that it has lost its session."""
        self.keepers[-1 - back % min(2, len(self.keepers))].works(happens)

    def runs(self, back: int) -> None:
        self.keepers[-1 - back % min(2, len(self.keepers))].runs()

    def looks(self) -> None:
        self.keepers[-1].mailbox.fetch(ID)
        self.keepers[-1].loop.advance(30)

    def is_taken_over(self, dead: bool) -> None:
        self.keepers[-1].dead = dead
        self.keepers.append(Keeper(f"keeper-{len(self.keepers)}", self.store, self.arrived))

    def has_trouble(self, trouble: str) -> None:
        self.store.trouble = trouble

    def gives_up(self, which: int) -> None:
        """The sweeper comes late for one of those that were sent."""
        with suppress(ZeroDivisionError, OSError):  # nothing was sent yet; the store is away for the sweeper, too
            self.store.expire(ID, f"m{1 + which % self.sent:03}")

    def ends_well(self) -> None:
        """No more trouble, and a keeper that lives."""
        self.store.trouble = ""
        self.is_taken_over(dead=True)
        for _ in range(20 * (self.sent + 1)):
            for keeper in self.keepers:
                keeper.runs()
                keeper.loop.advance(1)
            self.keepers[-1].works("taken")


HAPPENS = st.sampled_from(["taken", "taken", "taken", "answer lost", "lost", "refused"])
WORKS = st.tuples(st.just("works"), st.sampled_from([0, 0, 1]), HAPPENS)
RUNS = st.tuples(st.just("runs"), st.sampled_from([0, 0, 1]))
SENDS = st.tuples(st.just("sends"), st.integers(0, 12))
RARE = st.one_of(
    st.tuples(st.just("looks")),
    st.tuples(st.just("is_taken_over"), st.booleans()),
    st.tuples(st.just("has_trouble"), st.sampled_from(["", "", "away", "answers lost"])),
    st.tuples(st.just("gives_up"), st.integers(0, 9)),
)
#: What happens most comes most: a rare deed hits a message in the midst of its way.
DEED = st.sampled_from([WORKS, WORKS, WORKS, RUNS, RUNS, RUNS, SENDS, RARE, RARE]).flatmap(lambda deed: deed)


#: A keeper that does not know that it lost its session sends a message again, after the next one has looked for it.
LEFT_AGAIN_AFTER_THE_LOOK: list[tuple[Any, ...]] = [
    ("runs", 0),
    ("sends", 12),
    ("runs", 0),
    ("works", 0, "lost"),
    ("runs", 0),
    ("works", 0, "taken"),
    ("works", 0, "taken"),
    ("is_taken_over", False),
    ("runs", 0),
    ("works", 0, "taken"),
    ("runs", 1),
    ("works", 0, "taken"),
    ("runs", 0),
]


WORK, WORK_BEFORE, RUN = ("works", 0, "taken"), ("works", 1, "taken"), ("runs", 0)
#: A keeper gave the first up while the store was away, and sent the second; the next keeper sent the first.
SECOND_BEFORE_FIRST: list[tuple[Any, ...]] = [
    *([WORK] * 2 + [RUN] + [WORK] * 5 + [("sends", 0)] + [WORK] * 3 + [RUN, ("works", 0, "refused"), RUN]),
    *([("sends", 0)] * 2 + [("has_trouble", "away"), RUN, RUN, RUN, ("is_taken_over", False), RUN]),
    *([WORK] * 3 + [WORK_BEFORE, ("has_trouble", ""), ("runs", 1), RUN]),
]
#: Two keepers in turn recorded that it leaves, and neither was told; each had looked before the other sent it.
TWO_LOOKED_BEFORE_EITHER_SENT: list[tuple[Any, ...]] = [
    *([RUN] * 4 + [("sends", 0)] + [WORK] * 3 + [("is_taken_over", False), ("has_trouble", "answers lost"), RUN]),
    *([WORK] * 6 + [RUN, RUN, ("runs", 1)] + [WORK] * 6 + [WORK_BEFORE] * 2 + [("has_trouble", ""), RUN]),
]
#: The next keeper looked in vain. Then the one before it sent the message, and only then the next read the record anew.
LEFT_BETWEEN_LOOK_AND_READ: list[tuple[Any, ...]] = [
    *([RUN, ("sends", 0), ("is_taken_over", False), RUN, WORK, ("has_trouble", "away"), RUN, ("runs", 1), WORK_BEFORE]),
    *([("has_trouble", "")] + [WORK] * 3 + [("runs", 1)] + [RUN, WORK] * 3 + [RUN]),
]


@settings(max_examples=EXAMPLES)
@example(LEFT_BETWEEN_LOOK_AND_READ)
@example(LEFT_AGAIN_AFTER_THE_LOOK)
@example(SECOND_BEFORE_FIRST)
@example(TWO_LOOKED_BEFORE_EITHER_SENT)
@given(st.lists(DEED, min_size=30, max_size=100))
def test_each_message_arrives_once_and_in_order_or_is_reported_failed(deeds: list[tuple[Any, ...]]) -> None:
    """T15: whatever dies between any two steps."""
    history = History()
    for what, *details in deeds:
        history.happens(what, *details)
    history.ends_well()
    arrived = history.arrived
    ids = [f"m{number:03}" for number in range(1, history.sent + 1)]
    stands = {message_id: history.asks(message_id) for message_id in ids}
    accepted = [message_id for message_id in ids if stands[message_id].status is MessageStatus.ACCEPTED]
    assert arrived == sorted(set(arrived)), "once, and in order"
    assert set(accepted) <= set(arrived), "what is accepted has arrived"
    for message_id in ids:
        assert stands[message_id].status is not MessageStatus.WAITING, "nothing waits for ever"
        if stands[message_id].reason == "expired":
            assert message_id not in arrived, "what is said never to have left has not arrived"
    assert not history.keepers[-1].has_given_up, "without trouble nothing that still waits is given up"
    event(f"arrived: {min(len(arrived), 5)}, failed: {len(ids) - len(accepted)}")

"""Visitors' messages in this keeper's hands: from the store to the conversation, and how they ended back (T15).

The store is the truth. What waits there is handed to the session's conversation in order, once for each conversation.
What the gateway has said of a message is remembered here until the store knows it too: however long that takes, the
message is not handed over again. A keeper that dies in between leaves it waiting; the next one looks whether it has
arrived before it sends it, as the store says that it may have left.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from typing_relay.aws.sessions import SWEEP_SHARDS
from typing_relay.aws.shedding import failure_of
from typing_relay.aws.visitors import encoded
from typing_relay.door.frames import message_status
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop
from typing_relay.keeper.visitors.outbox import Outbox
from typing_relay.relay.ports import EXPIRED, Messages, MessageStatus, Standing, WaitingMessage

logger = logging.getLogger(__name__)

#: How often the keeper looks for messages whose nudge was lost.
LOOK_S = 30.0
#: How long until the store is told again what it could not be told.
RETRY_S = 1.0
#: This many of a session's messages are in its conversation's hands at a time; the rest waits in the store. The
#: conversation refuses more than twenty.
WINDOW = 10

Wanted = Callable[[str, WaitingMessage], object]


@dataclass(slots=True, eq=False)
class _Box:
    """One session's. ``handed``: by message id, the mark of its last leaving ("": none), until the store is told."""

    handed: dict[str, str] = field(default_factory=dict)
    #: Those whose mark may be another by now: a write of it was not answered.
    unsure: set[str] = field(default_factory=set)
    fetching: bool = False
    #: There may be more in the store than was last read.
    more: bool = False
    #: What is done once all that waits has been handed over, by a read that is still to begin.
    afterwards: list[Callable[[], object]] = field(default_factory=list)

    def knows(self, message: WaitingMessage) -> bool:
        """It has been handed over as it stands in the store."""
        is_sure = message.message_id not in self.unsure
        known = self.handed.get(message.message_id)
        return known is not None and (is_sure or known == message.left_by)


class Mailbox:
    """``keeper`` is this keeper's name in the records; ``wanted`` takes (session id, message) that is to be sent,
    ``settled`` (session id, message id) of one that was handed over, and that somebody else has settled since.

    Methods are for the loop's thread, and so are the callbacks. ``random`` gives 0 to 1: keepers that were started
    together do not look together.
    """

    def __init__(
        self,
        loop: Loop,
        jobs: Jobs,
        messages: Messages,
        outbox: Outbox,
        keeper: str,
        clock: Callable[[], int],
        counters: Counters,
        random: Callable[[], float],
        wanted: Wanted,
        settled: Callable[[str, str], object],
    ) -> None:
        self._loop, self._jobs, self._messages, self._outbox = loop, jobs, messages, outbox
        self._keeper, self._clock, self._counters = keeper, clock, counters
        self._random, self._wanted, self._is_settled = random, wanted, settled
        self._boxes: dict[str, _Box] = {}
        self._leavings = itertools.count(1)
        #: By (session id, message id), how a message ended that the store does not know of yet. They outlive the box.
        self._ended: dict[tuple[str, str], Standing] = {}
        #: By session, what may leave once the store knows that.
        self._held_back: dict[str, list[Callable[[], object]]] = {}

    def __len__(self) -> int:
        """How many messages have ended without the store knowing it yet: a drain waits for them."""
        return len(self._ended)

    def start(self) -> None:
        """Look from now on for messages whose nudge was lost."""
        self._loop.call_later(self._random() * LOOK_S, self._look_again)

    # --- which sessions

    def hold(self, session_id: str) -> None:
        """A conversation begins that has been handed nothing: all that waits is handed to it, at the next ``fetch``."""
        self._boxes[session_id] = _Box()

    def forget(self, session_id: str) -> None:
        """The session was let go. What has ended is still told to the store."""
        self._boxes.pop(session_id, None)

    # --- to the conversation

    def fetch(self, session_id: str, also: Collection[str] = ()) -> None:
        """There may be messages: its conversation is ready, or somebody said so. Harmless at any time.

        ``also``: ids of some that wait.
        """
        box = self._boxes.get(session_id)
        if box is None:
            return
        if box.fetching or len(box.handed) >= WINDOW:
            box.more = True
            return
        box.fetching, box.more = True, False
        afterwards, box.afterwards = box.afterwards, []

        def failed(error: Exception) -> None:
            logger.warning("A visitor's messages could not be read: %s", error)
            self._counters.add(failure_of(error))
            box.fetching = False  # the next look, nudge or opening reads again
            box.afterwards[:0] = afterwards
            if box.afterwards:
                self._loop.call_later(RETRY_S, lambda: self.fetch(session_id))

        self._jobs.submit(
            _key(session_id),
            lambda: self._messages.waiting(session_id, WINDOW, self._clock(), also),
            lambda found: self._fetched(session_id, box, found, afterwards),
            failed,
        )

    def after_messages(self, session_id: str, do: Callable[[], object]) -> None:
        """``do()`` once the conversation has been handed all that waits by now; where there is none, at once.

        If it begins anew meanwhile: never.
        """
        box = self._boxes.get(session_id)
        if box is None:
            do()
            return
        box.afterwards.append(do)
        self.fetch(session_id)

    def _fetched(
        self, session_id: str, box: _Box, found: list[WaitingMessage], afterwards: list[Callable[[], object]]
    ) -> None:
        box.fetching = False
        if self._boxes.get(session_id) is not box:
            return  # let go, or begun anew, meanwhile
        box.more = box.more or len(found) == WINDOW
        for message in found:
            key = (session_id, message.message_id)
            is_known = box.knows(message)
            box.unsure.discard(message.message_id)
            if is_known or key in self._ended:
                continue
            box.handed[message.message_id] = message.left_by
            self._counters.add("MessagesHandedOver")
            self._wanted(session_id, message)
        if len(found) == WINDOW:  # the rest waits in the store
            box.afterwards[:0] = afterwards
        else:
            for do in afterwards:
                do()
        self._fetch_more(session_id, box)

    def _fetch_more(self, session_id: str, box: _Box) -> None:
        if box.more and len(box.handed) < WINDOW:
            self.fetch(session_id)

    # --- from the conversation

    def leaving(self, session_id: str, message_id: str, go: Callable[[], object], stay: Callable[[], object]) -> None:
        """A message is about to be sent: ``go()`` once that is on record.

        ``stay()``: it must not be sent, for the store could not be asked, or says that it was settled, or that another
        keeper may have sent it since. Whether it has arrived is then to be looked for anew.
        """
        box = self._boxes.get(session_id)
        if box is None:
            stay()
            return
        if message_id not in box.handed:
            stay()
            self._take_back_settled(session_id, box, message_id)
            return
        if self._has_given_up(session_id):
            # Until the store knows, a next keeper would send that one, after this one.
            held_back = self._held_back.setdefault(session_id, [])
            held_back.append(lambda: self.leaving(session_id, message_id, go, stay))
            return
        # A mark for each leaving: a keeper that has looked whether it arrived must notice that it has left again since.
        seen, mark = box.handed[message_id], f"{self._keeper}/{next(self._leavings)}"

        def recorded(left: bool) -> None:
            if left:
                box.handed[message_id] = mark
                go()
            else:  # if it still waits, it may have left: by somebody else, or by a write whose answer was lost
                self._counters.add("MessagesFenced")
                box.handed.pop(message_id, None)
                stay()
                self._take_back_settled(session_id, box, message_id)

        def failed(error: Exception) -> None:
            """If the write was not done, the message may leave next time by the mark that is known."""
            logger.warning("It could not be recorded that a message leaves: %s", error)
            self._counters.add(failure_of(error))
            box.unsure.add(message_id)
            stay()
            self.fetch(session_id)

        call = self._messages.leave
        self._jobs.submit(_key(session_id), lambda: call(session_id, message_id, seen, mark), recorded, failed)

    def _take_back_settled(self, session_id: str, box: _Box, fenced: str) -> None:
        """What somebody else has settled is not the conversation's any more: ``fenced``, or others in its hands, too.

        The visitor is told again how it ended: whoever settled it may have died before.
        """
        asked = dict.fromkeys((fenced, *box.handed))

        def found(standings: dict[str, Standing | None]) -> None:
            if self._boxes.get(session_id) is not box:
                return  # let go, or begun again, meanwhile
            for message_id, standing in standings.items():
                is_waiting = standing is not None and standing.status is MessageStatus.WAITING
                if is_waiting or (session_id, message_id) in self._ended:
                    continue
                box.handed.pop(message_id, None)
                self._is_settled(session_id, message_id)
                if standing is not None:
                    self._outbox.send(session_id, encoded(message_status(message_id, standing)))
            self.fetch(session_id)

        def failed(error: Exception) -> None:
            logger.warning("It could not be asked where messages stand: %s", error)
            self._counters.add(failure_of(error))
            self.fetch(session_id)

        get = self._messages.get
        self._jobs.submit(
            _key(session_id), lambda: {one: get(session_id, one, self._clock()) for one in asked}, found, failed
        )

    def taken(self, session_id: str, message_id: str) -> None:
        """The gateway has it."""
        self._counters.add("MessagesAccepted")
        self._end(session_id, message_id, Standing(MessageStatus.ACCEPTED))

    def refused(self, session_id: str, message_id: str, reason: str) -> None:
        """It is not tried any more. ``reason`` is a code: the visitor hears it."""
        self._counters.add(f"MessagesFailed.{reason}")
        self._end(session_id, message_id, Standing(MessageStatus.FAILED, reason))

    def _has_given_up(self, session_id: str) -> bool:
        """Whether one of the session's messages is tried no more, and the store does not know it yet."""
        return any(
            known == session_id and standing.status is MessageStatus.FAILED
            for (known, _), standing in self._ended.items()
        )

    def _end(self, session_id: str, message_id: str, standing: Standing) -> None:
        """The store first: a visitor may be told only what the next keeper would tell them too."""
        self._ended[session_id, message_id] = standing
        self._settle(session_id, message_id)

    def _settle(self, session_id: str, message_id: str) -> None:
        standing = self._ended.get((session_id, message_id))
        if standing is None:
            return

        def settled(stands: Standing | None) -> None:
            if self._ended.get((session_id, message_id)) == standing:
                del self._ended[session_id, message_id]
            for leave in self._held_back.pop(session_id, ()):
                leave()
            if stands is not None:
                self._outbox.send(session_id, encoded(message_status(message_id, stands)))
            box = self._boxes.get(session_id)
            if box is not None:
                box.handed.pop(message_id, None)
                self._fetch_more(session_id, box)

        def failed(error: Exception) -> None:
            logger.warning("How a message ended could not be recorded: %s", error)
            self._counters.add(failure_of(error))
            self._loop.call_later(RETRY_S, lambda: self._settle(session_id, message_id))

        def settle() -> Standing | None:
            if standing.reason == EXPIRED:  # the store knows whether somebody else has sent it
                return self._messages.expire(session_id, message_id)
            return self._messages.settle(session_id, message_id, standing)

        self._jobs.submit(_key(session_id), settle, settled, failed)

    # --- looking

    def _look_again(self) -> None:
        self._loop.call_later(LOOK_S, self._look_again)
        self.look()

    def look(self) -> None:
        """Look now, for all sessions: few messages wait at any time, whoever's they are."""
        for shard in range(SWEEP_SHARDS):
            self._jobs.submit(
                ("look for messages", shard),
                lambda shard=shard: self._messages.waiting_sessions(shard),  # type: ignore[misc]
                self._looked,
                lambda error: logger.warning("Waiting messages could not be looked for: %s", error),
            )

    def _looked(self, found: Mapping[str, set[str]]) -> None:
        for session_id, message_ids in found.items():
            self.fetch(session_id, message_ids)


def _key(session_id: str) -> tuple[str, str]:
    """Of one session, calls run one after another: what was read before a settling is handed over before it, too."""
    return ("messages", session_id)

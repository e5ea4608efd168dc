"""Who holds which guest is SQS's to say: a message in flight is a guest held.

Receiving is claiming, renewing the visibility is holding, visibility 0 is handing back, deleting is being done. A task
that dies renews no more, and its messages appear to the others when their visibility ends.

The record says by which message a guest is held and when that message was received. Of two holders the one with the
later receive counts. So a message is deleted only when the record says that its guest is over, or held by another one.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any, Protocol, TypeVar

from typing_relay.aws.visibility import BATCH
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop
from typing_relay.relay.burst import claim_of

logger = logging.getLogger(__name__)

T = TypeVar("T")

TICK_S = 1.0
#: Renewed by one job, call after call: fewer jobs wake fewer threads.
MESSAGES_PER_JOB = 5 * BATCH
#: How often all messages are looked through for those to be replaced.
WORN_OUT_S = 20.0
#: SQS limit: twelve hours in flight, then the message reappears whatever is renewed. Replaced in good time.
REPLACE_AFTER_S = 11 * 3600
#: A message that was handed on this many times is replaced as well, once its guest has been held for a while:
#: deployments must not count towards the dead-letter queue.
REPLACE_AFTER_RECEIVES = 3
PROVEN_AFTER_S = 60.0
#: A message that replaces another and has not come for this long is sent again.
REPLACE_AGAIN_S = 120.0


class VisibilityCalls(Protocol):
    """See ``typing_relay.aws.visibility``."""

    def change(self, receipts: Sequence[str], seconds: int) -> tuple[list[int], list[int]]:
        """Hide up to ten messages. Returns the places of those no longer ours, and of those not changed this time."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed with the queue."""

    #: How soon a dead task's guests are taken over.
    visibility_s: int = 30
    #: Long polling; also how long the last receive may keep a drain from ending.
    wait_s: int = 2
    max_guests: int = 2000

    @property
    def renew_s(self) -> float:
        """How often a message is renewed. What fails is tried again each second of the last third."""
        return self.visibility_s * 2 / 3


@dataclass(slots=True)
class _Message:
    message_id: str
    receipt: str
    receives: int
    held_since: float
    renewed_at: float
    #: When its receive began (epoch ms).
    received_at: int
    #: When another message was sent in its place.
    replaced_at: float = -math.inf


class Custody:
    """Holds queue messages for sessions. ``on_request(session_id)`` is called for every message received.

    ``clock`` gives epoch ms.
    """

    def __init__(
        self,
        loop: Loop,
        jobs: Jobs,
        sqs: Any,
        visibility: VisibilityCalls,
        queue_url: str,
        terms: Terms,
        counters: Counters,
        on_request: Callable[[str], object],
        clock: Callable[[], int],
    ) -> None:
        self._loop, self._jobs, self._queue_url = loop, jobs, queue_url
        self._sqs, self._visibility = sqs, visibility
        self._terms, self._counters, self._on_request, self._clock = terms, counters, on_request, clock
        #: By session id, the one renewed longest ago first.
        self._held: dict[str, _Message] = {}
        #: Message ids and receipts.
        self._to_delete: list[tuple[str, str]] = []
        self._draining = False
        self._receiving = False
        self._renewing = 0

    def __len__(self) -> int:
        """How many guests are held."""
        return len(self._held)

    def start(self) -> None:
        """Begin to receive and to renew."""
        self._receive()
        self._loop.call_later(TICK_S, self._tick)
        self._loop.call_later(WORN_OUT_S, self._replace_worn_out)

    def claim(self, session_id: str) -> int:
        """By which message this guest is held here, as the record knows it."""
        message = self._held[session_id]
        return claim_of(message.message_id, message.received_at)

    def done(self, session_id: str) -> None:
        """This guest is over, or held by another message: this one is deleted."""
        message = self._held.pop(session_id, None)
        if message:
            self._to_delete.append((message.message_id, message.receipt))

    def leave(self, session_id: str) -> None:
        """Another keeper may hold this guest by this very message: it is renewed here no more."""
        self._held.pop(session_id, None)

    def stop(self) -> None:
        """Receive no more and renew no more: everything is about to be handed back."""
        self._draining = True
        self._delete()

    @property
    def is_renewing(self) -> bool:
        """A renewal is under way: it could arrive after the handing back, and hide what should be seen."""
        return self._renewing > 0

    def hand_back(self) -> None:
        """Make everything visible to the others, at once. After ``stop``."""
        receipts = [message.receipt for message in self._held.values()]
        self._held.clear()
        self._hand_back(receipts)

    def is_drained(self) -> bool:
        """Nothing is held and no call is under way any more."""
        return self._draining and not self._held and not self._receiving and not len(self._jobs)

    # --- receiving

    def _receive(self) -> None:
        room = self._terms.max_guests - len(self._held)
        if self._draining or room <= 0:
            self._receiving = False
            if not self._draining:  # full: the queue's depth is the signal to scale
                self._loop.call_later(TICK_S, self._receive)
            return
        self._receiving = True
        began = self._clock()
        self._jobs.submit(
            "receive",
            lambda: self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=min(BATCH, room),
                VisibilityTimeout=self._terms.visibility_s,
                WaitTimeSeconds=self._terms.wait_s,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            ).get("Messages", []),
            lambda messages: self._received(messages, began),
            self._receive_failed,
        )

    def _received(self, messages: Sequence[dict[str, Any]], began: int) -> None:
        if self._draining:
            self._hand_back([message["ReceiptHandle"] for message in messages])
        else:
            for message in messages:
                self._take_in(message, began)
        self._receive()

    def _receive_failed(self, error: Exception) -> None:
        logger.warning("No messages can be received from the guest queue: %s", error)
        self._receiving = False
        self._loop.call_later(TICK_S, self._receive)

    def _take_in(self, message: dict[str, Any], began: int) -> None:
        session_id = _session_of(message["Body"])
        if session_id is None:
            # Left alone, it comes back until SQS moves it to the dead-letter queue, which has an alarm.
            logger.error("A message on the guest queue names no session: %s", message["MessageId"])
            self._counters.add("PoisonMessages")
            return
        now = self._loop.time()
        known = self._held.pop(session_id, None)
        if known and known.message_id != message["MessageId"]:
            self._to_delete.append((known.message_id, known.receipt))
        receives = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        self._held[session_id] = _Message(message["MessageId"], message["ReceiptHandle"], receives, now, now, began)
        self._on_request(session_id)

    # --- holding

    def _tick(self) -> None:
        if self._draining:
            return
        self._loop.call_later(TICK_S, self._tick)
        self._delete()
        renew_s = self._terms.renew_s
        due = self._loop.time() - renew_s
        while self._held and next(iter(self._held.values())).renewed_at <= due:
            soon = takewhile(lambda session_id: self._held[session_id].renewed_at <= due + renew_s / 2, self._held)
            first = list(islice(soon, MESSAGES_PER_JOB))
            calls = math.ceil(sum(self._held[session_id].renewed_at <= due for session_id in first) / BATCH)
            self._renew(first[: calls * BATCH])  # the last call is filled up with those that are due next

    def _renew(self, session_ids: Sequence[str]) -> None:
        now = self._loop.time()
        receipts = []
        for session_id in session_ids:
            message = self._held.pop(session_id)
            message.renewed_at = now
            self._held[session_id] = message
            receipts.append(message.receipt)
        self._renewing += 1
        self._jobs.submit(
            ("renew", session_ids[0]),
            lambda: self._change(receipts),
            lambda outcome: self._renewed(session_ids, *outcome),
            lambda error: self._not_renewed(session_ids, error),
        )

    def _change(self, receipts: Sequence[str]) -> tuple[list[int], list[int]]:
        """On a worker thread. Returns the places of those that are not ours any more, and of those not renewed."""
        lost: list[int] = []
        failed: list[int] = []
        for start in range(0, len(receipts), BATCH):
            if self._draining:
                break  # what is handed back must not be hidden again
            batch = receipts[start : start + BATCH]
            try:
                gone, unchanged = self._visibility.change(batch, self._terms.visibility_s)
                lost += [start + place for place in gone]
                failed += [start + place for place in unchanged]
            except Exception as error:
                logger.warning("Messages could not be renewed: %s", error)
                failed += range(start, start + len(batch))
        return lost, failed

    def _renewed(self, session_ids: Sequence[str], lost: Iterable[int], failed: Iterable[int]) -> None:
        """SQS no longer has ``lost`` in flight for us; a new message keeps the guest from being forgotten."""
        self._renewing -= 1
        for place in lost:
            self._counters.add("MessagesLost")
            self._replace(session_ids[place])
        self._due_again([session_ids[place] for place in failed])

    def _not_renewed(self, session_ids: Sequence[str], error: Exception) -> None:
        logger.warning("Messages could not be renewed: %s", error)
        self._renewed(session_ids, (), range(len(session_ids)))

    def _due_again(self, session_ids: Iterable[str]) -> None:
        failed = {session_id: self._held.pop(session_id) for session_id in session_ids if session_id in self._held}
        if not failed:
            return  # as nearly always: what follows copies all that are held
        for message in failed.values():
            message.renewed_at -= self._terms.renew_s
        self._held = failed | self._held  # due again at the next tick, before all others

    # --- replacing

    def _replace_worn_out(self) -> None:
        if self._draining:
            return
        self._loop.call_later(WORN_OUT_S, self._replace_worn_out)
        now = self._loop.time()
        worn_out = [
            session_id
            for session_id, message in self._held.items()
            if now - message.held_since >= PROVEN_AFTER_S
            and (message.receives >= REPLACE_AFTER_RECEIVES or now - message.held_since >= REPLACE_AFTER_S)
        ]
        for session_id in worn_out:
            self._replace(session_id)

    def _replace(self, session_id: str) -> None:
        """Send a fresh message; whoever receives it holds the guest then, mostly this task itself."""
        message, now = self._held.get(session_id), self._loop.time()
        if message is None or now - message.replaced_at < REPLACE_AGAIN_S:
            return
        message.replaced_at = now
        self._jobs.submit(
            ("replace", session_id),
            lambda: self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps({"session": session_id})),
            lambda _sent: self._counters.add("MessagesReplaced"),
            lambda error: self._not_replaced(message, error),
        )

    def _not_replaced(self, message: _Message, error: Exception) -> None:
        logger.warning("A message could not be replaced: %s", error)
        message.replaced_at = -math.inf

    # --- letting go

    def _delete(self) -> None:
        """But not what is held by now: SQS may hand out a message again, and still heed its older receipt."""
        held = {message.message_id for message in self._held.values()}
        over, self._to_delete = [one for one in self._to_delete if one[0] not in held], []
        for batch in _in_batches(over):
            self._jobs.submit(
                ("delete", batch[0][1]),
                lambda batch=batch: self._delete_batch(batch),  # type: ignore[misc]
                self._to_delete.extend,
                lambda error, batch=batch: self._not_deleted(batch, error),  # type: ignore[misc]
            )

    def _delete_batch(self, messages: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """On a worker thread. Returns those that SQS did not delete, through no fault of ours."""
        answer = self._sqs.delete_message_batch(
            QueueUrl=self._queue_url,
            Entries=[{"Id": str(place), "ReceiptHandle": receipt} for place, (_, receipt) in enumerate(messages)],
        )
        return [messages[int(failure["Id"])] for failure in answer.get("Failed", []) if not failure.get("SenderFault")]

    def _not_deleted(self, messages: Sequence[tuple[str, str]], error: Exception) -> None:
        logger.warning("Messages could not be deleted: %s", error)
        self._to_delete += messages

    def _hand_back(self, receipts: Sequence[str]) -> None:
        for batch in _in_batches(receipts):
            self._jobs.submit(
                ("hand back", batch[0]),
                lambda batch=batch: self._visibility.change(batch, 0),  # type: ignore[misc]
                lambda _failed: None,
                lambda error: logger.warning("Messages could not be handed back: %s", error),
            )


def _session_of(body: str) -> str | None:
    try:
        session_id = json.loads(body)["session"]
    except (ValueError, KeyError, TypeError):
        return None
    return session_id if isinstance(session_id, str) and session_id else None


def _in_batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))

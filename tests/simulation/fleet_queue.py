"""The guest queue as SQS documents it, in the world's time.

At least once, in any order: what is in flight may be handed out again. A receipt works while its receive was the last
one and its visibility lasts; twelve hours after a receive the message reappears whatever is renewed. After ten receives
it goes to the dead-letter queue. Each entry of a batch succeeds or fails by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.fleet import FleetWorld

MAX_RECEIVES = 10
LONGEST_MS = 12 * 3_600_000


@dataclass(slots=True, eq=False)
class Message:
    """One on the queue. ``visible_at``: until then nobody receives it."""

    message_id: str
    body: str
    visible_at: int
    receives: int = 0
    receipt: str = ""
    received_at: int = 0
    #: The ones before: with one of these a delete may succeed, so here it does.
    former: set[str] = field(default_factory=set)

    @property
    def session_id(self) -> str:
        """Whose guest it asks for."""
        return str(json.loads(self.body)["session"])


@dataclass(slots=True, eq=False)
class Waiting:
    """A receive that waits for messages."""

    ends_at: int
    most: int
    visibility_s: int
    answer: Callable[[list[dict[str, Any]]], object]
    is_answered: bool = field(default=False)


class Queue:
    """One queue and its dead-letter queue."""

    def __init__(self, world: FleetWorld) -> None:
        self._world = world
        self.messages: list[Message] = []
        self.dead: list[str] = []
        self._waiting: list[Waiting] = []
        self._number = 0

    def send(self, session_id: str) -> None:
        """A message asks for a guest."""
        self._number += 1
        body = json.dumps({"session": session_id})
        self.messages.append(Message(f"m{self._number}", body, self._world.now))
        self._world.note(f"queue: m{self._number} asks for {session_id}")
        self._serve()

    def receive(self, wait_ms: int, most: int, visibility_s: int, answer: Callable[[Any], object]) -> None:
        """Up to ``most`` messages, as soon as there are any; none after ``wait_ms``."""
        waiting = Waiting(self._world.now + wait_ms, most, visibility_s, answer)
        self._waiting.append(waiting)
        self._world.later(waiting.ends_at, "queue", lambda: self._end(waiting))
        self._serve()
        next_at = min((message.visible_at for message in self.messages), default=waiting.ends_at)
        if self._world.now < next_at < waiting.ends_at:
            self._world.later(next_at, "queue", self._serve)

    def _end(self, waiting: Waiting) -> None:
        if not waiting.is_answered:
            self._answer(waiting, [])

    def _answer(self, waiting: Waiting, messages: list[dict[str, Any]]) -> None:
        waiting.is_answered = True
        self._waiting.remove(waiting)
        waiting.answer(messages)

    def _serve(self) -> None:
        for waiting in list(self._waiting):
            taken = self._take(waiting)
            if taken:
                self._answer(waiting, taken)

    def _take(self, waiting: Waiting) -> list[dict[str, Any]]:
        now, random = self._world.now, self._world.random
        visible = [message for message in self.messages if message.visible_at <= now]
        random.shuffle(visible)
        taken = []
        for message in visible[: waiting.most]:
            message.receives += 1
            if message.receives > MAX_RECEIVES:
                self.messages.remove(message)
                self.dead.append(message.session_id)
                self._world.note(f"queue: {message.message_id} is dead")
                continue
            message.visible_at, message.received_at = now + waiting.visibility_s * 1000, now
            message.former.add(message.receipt)
            message.receipt = f"{message.message_id}/{message.receives}"
            taken.append(
                {
                    "MessageId": message.message_id,
                    "ReceiptHandle": message.receipt,
                    "Body": message.body,
                    "Attributes": {"ApproximateReceiveCount": str(message.receives)},
                }
            )
        return taken

    def change(self, receipts: Sequence[str], seconds: int) -> list[int]:
        """Hide for this long. Returns the places of those that are in flight by another receipt, or no more."""
        lost = []
        for place, receipt in enumerate(receipts):
            message = self.in_flight(receipt)
            until = self._world.now + seconds * 1000
            if message is None or (seconds and until > message.received_at + LONGEST_MS):
                lost.append(place)
            else:
                message.visible_at = until
        if not seconds:
            self._serve()
        return lost

    def delete(self, receipts: Sequence[str]) -> None:
        """Visible or not. SQS says of a receipt that is not the last one that the message might not be deleted."""
        for receipt in receipts:
            for message in [one for one in self.messages if receipt == one.receipt or receipt in one.former]:
                self.messages.remove(message)
                self._world.note(f"queue: {message.message_id} is deleted")

    def in_flight(self, receipt: str) -> Message | None:
        """The message of this receipt, while it is hidden."""
        hidden = (message for message in self.messages if message.visible_at > self._world.now)
        return next((message for message in hidden if message.receipt == receipt), None)

    def repeats(self, which: int) -> None:
        """One message in flight is handed out again, though nobody gave it back."""
        hidden = [message for message in self.messages if message.visible_at > self._world.now]
        if hidden:
            hidden[which % len(hidden)].visible_at = self._world.now
            self._serve()

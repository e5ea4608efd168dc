"""Stand-ins for the keeper's surroundings that only a test moves: the loop's clock, worker threads, SQS."""

# ruff: noqa: N803  # boto3's argument names

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from typing_relay.aws.sessions import LOOKED_AT
from typing_relay.keeper.io.loop import Timer
from typing_relay.relay.burst import Session


def looked_at(record: Session) -> Session:
    """As a keeper's look reads it: not all of it."""
    return Session(**{name: getattr(record, name) for name in LOOKED_AT})


class ManualLoop:
    """A loop whose time passes in ``advance`` only."""

    def __init__(self) -> None:
        self.now = self._began = 1_000.0  # s; as a machine's clock, which began long before the process
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self.now

    @property
    def passed_ms(self) -> int:
        """Since it began."""
        return round((self.now - self._began) * 1000)

    def call_later(self, seconds: float, callback: Callable[[], object], slack: float = 0.0) -> Timer:
        timer = Timer(self.now + seconds, callback)
        heapq.heappush(self._timers, (timer.at, next(self._order), timer))
        return timer

    def call_from_thread(self, callback: Callable[[], object]) -> None:
        self.call_soon(callback)

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.call_later(0, callback)

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            at, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, at)
            if timer.callback:
                timer.callback()
        self.now = until


class ManualJobs:
    """Jobs that are done in ``run``, in the order they came, those of a key one after another."""

    def __init__(self) -> None:
        self._jobs: list[tuple[Hashable, Callable[[], None]]] = []

    def submit(
        self,
        key: Hashable,
        call: Callable[[], Any],
        on_result: Callable[[Any], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        def job() -> None:
            try:
                value = call()
            except Exception as error:
                on_error(error)
            else:
                on_result(value)

        self._jobs.append((key, job))

    def __len__(self) -> int:
        return len(self._jobs)

    def run(self, *, but: Hashable = None) -> None:
        """Do what is waiting now; what follows from it waits for the next run. ``but``: all save those of this key."""
        due = [(key, job) for key, job in self._jobs if key != but]
        self._jobs = [(key, job) for key, job in self._jobs if key == but]
        for _, job in due:
            job()


@dataclass
class _Message:
    message_id: str
    body: str
    visible_at: float = 0.0
    receives: int = 0
    receipt: str = ""


class FakeQueue:
    """An SQS queue as one boto3 client sees it, on a manual clock. Moving to a dead-letter queue included."""

    MAX_RECEIVES = 10

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._messages: list[_Message] = []
        self._numbers = itertools.count(1)
        self.dead: list[str] = []
        self.calls: list[str] = []
        self.fails = False
        self.fails_for: set[str] = set()  # receipts whose entry of a batch fails

    # --- for tests

    def ask(self, *session_ids: str) -> None:
        for session_id in session_ids:
            self.put(json.dumps({"session": session_id}))

    def put(self, body: str) -> None:
        self._messages.append(_Message(f"m{next(self._numbers)}", body))

    def redeliver(self) -> None:
        """What is in flight becomes visible at once, as SQS may do at any time."""
        for message in self._messages:
            message.visible_at = 0

    def visible(self) -> int:
        return sum(1 for message in self._messages if message.visible_at <= self._clock())

    def __len__(self) -> int:
        return len(self._messages)

    # --- for the keeper

    def receive_message(self, *, MaxNumberOfMessages: int, VisibilityTimeout: int, **_: Any) -> dict[str, Any]:
        self._call("receive")
        assert 1 <= MaxNumberOfMessages <= 10
        visible = [message for message in self._messages if message.visible_at <= self._clock()]
        given = []
        for message in visible[:MaxNumberOfMessages]:
            message.receives += 1
            if message.receives > self.MAX_RECEIVES:
                self._messages.remove(message)
                self.dead.append(message.body)
                continue
            message.visible_at = self._clock() + VisibilityTimeout
            message.receipt = f"{message.message_id}/{message.receives}"
            given.append(
                {
                    "MessageId": message.message_id,
                    "ReceiptHandle": message.receipt,
                    "Body": message.body,
                    "Attributes": {"ApproximateReceiveCount": str(message.receives)},
                }
            )
        return {"Messages": given} if given else {}

    def change(self, receipts: Sequence[str], seconds: int) -> tuple[list[int], list[int]]:
        self._call("renew")
        assert 1 <= len(receipts) <= 10
        lost, failed = [], []
        for place, receipt in enumerate(receipts):
            message = self._in_flight(receipt)
            if receipt in self.fails_for:
                failed.append(place)
            elif message:
                message.visible_at = self._clock() + seconds
            else:
                lost.append(place)
        return lost, failed

    def delete_message_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        self._call("delete")
        assert 1 <= len(Entries) <= 10
        for entry in Entries:
            message = self._in_flight(entry["ReceiptHandle"])
            if message:
                self._messages.remove(message)
        return {"Successful": [], "Failed": []}

    def send_message(self, *, MessageBody: str, **_: Any) -> dict[str, Any]:
        self._call("send")
        self.put(MessageBody)
        return {}

    def _call(self, name: str) -> None:
        if self.fails:
            raise OSError("the network is down")
        self.calls.append(name)

    def _in_flight(self, receipt: str) -> _Message | None:
        now = self._clock()
        return next((m for m in self._messages if m.receipt == receipt and m.visible_at > now), None)

"""Frames on their way to a visitor: in order, to every connection, in bounded memory.

Each session has a queue, and one job at a time that reads the record (a second tab gets frames at once, and a keeper
that lost the fence sends nothing more), unless a frame has just come with it, and posts what is queued. What does not
fit is dropped, oldest first, and counted: a visitor whose posts are slow costs neither the other visitors nor memory.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from botocore.exceptions import ClientError

from typing_relay.aws.visitors import encoded, is_too_large
from typing_relay.door.frames import EXPIRED, error
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.jobs import Jobs
from typing_relay.keeper.ports import Sessions, Visitors
from typing_relay.relay.burst import YOUNG_MS, Session

logger = logging.getLogger(__name__)

#: API Gateway: a message to a connection holds 128 KB at most.
MAX_FRAME_BYTES = 128 * 1024
FRAMES_PER_JOB = 20
#: A record that came with a frame is worth a read no longer than this: it neither fences nor knows of new tabs.
FRESH_MS = 500


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """What may wait: for one visitor, and for all."""

    frames_each: int = 100
    bytes_each: int = 262_144
    bytes_all: int = 33_554_432


class _Waiting(NamedTuple):
    data: bytes
    record: Session | None
    since: int


@dataclass(slots=True)
class _Queue:
    frames: deque[_Waiting]
    size: int = 0
    busy: bool = False


class Outbox:
    """``keeper`` is this keeper's name in the records."""

    def __init__(
        self,
        jobs: Jobs,
        sessions: Sessions,
        visitors: Visitors,
        keeper: str,
        clock: Callable[[], int],
        counters: Counters,
        limits: OutboxLimits | None = None,
    ) -> None:
        self._jobs, self._sessions, self._visitors = jobs, sessions, visitors
        self._keeper, self._clock, self._counters = keeper, clock, counters
        self._limits = limits or OutboxLimits()
        self._queues: dict[str, _Queue] = {}
        self._size = 0

    def __len__(self) -> int:
        """How many visitors have frames on the way."""
        return len(self._queues)

    def send(self, session_id: str, data: bytes, record: Session | None = None) -> None:
        """Send an encoded frame to all connections of this session.

        ``record``: as this keeper has just written it, to save the reading.
        """
        size = len(data)
        if size > MAX_FRAME_BYTES:
            self._counters.add("FramesTooLarge")
            return
        queue = self._queues.setdefault(session_id, _Queue(deque()))
        self._make_room(queue, size)
        if self._size + size > self._limits.bytes_all:
            self._counters.add("FramesDropped")
        else:
            queue.frames.append(_Waiting(data, record, self._clock()))
            self._grow(queue, size)
        self._go_on(session_id, queue)

    def _make_room(self, queue: _Queue, size: int) -> None:
        while queue.frames and (
            len(queue.frames) >= self._limits.frames_each or queue.size + size > self._limits.bytes_each
        ):
            self._grow(queue, -len(queue.frames.popleft().data))
            self._counters.add("FramesDropped")

    def _grow(self, queue: _Queue, size: int) -> None:
        queue.size += size
        self._size += size

    def _go_on(self, session_id: str, queue: _Queue) -> None:
        """Post what is queued, unless a job is at it; forget an empty queue."""
        if queue.busy:
            return
        if not queue.frames:
            del self._queues[session_id]
            return
        queue.busy = True
        batch = [queue.frames.popleft() for _ in range(min(FRAMES_PER_JOB, len(queue.frames)))]
        size = sum(len(waiting.data) for waiting in batch)

        def finished(counts: Mapping[str, int]) -> None:
            queue.busy = False
            self._grow(queue, -size)
            for name, count in counts.items():
                self._counters.add(name, count)
            self._go_on(session_id, queue)

        def failed(error: Exception) -> None:
            logger.warning("Frames could not be relayed: %s", error)
            finished({"FramesFailed": len(batch)})

        self._jobs.submit(session_id, lambda: self._post(session_id, batch), finished, failed)

    def _post(self, session_id: str, batch: list[_Waiting]) -> dict[str, int]:
        """On a worker thread. Returns what happened, to be counted."""
        record = self._fresh_record(batch) or self._sessions.get(session_id, self._clock())
        if record is None or record.keeper != self._keeper:
            return {"FramesFenced": len(batch)}
        counts = {"FramesRelayed": len(batch)}
        now = self._clock()
        for connection in sorted(record.connections):
            if record.may_hear(connection, now):
                failures = self._post_to(record, connection, [waiting.data for waiting in batch])
            else:
                failures = self._hang_up(record, connection)
            counts["PostsFailed"] = counts.get("PostsFailed", 0) + failures
        return counts

    def _fresh_record(self, batch: list[_Waiting]) -> Session | None:
        now = self._clock()
        are_all_fresh = all(waiting.record and now - waiting.since <= FRESH_MS for waiting in batch)
        return batch[-1].record if are_all_fresh else None

    def _post_to(self, record: Session, connection: str, frames: list[bytes]) -> int:
        """Post in order; the first failure ends it, as what follows would arrive without what came before.

        Returns how many were not sent. One that API Gateway finds too large is left out alone.
        """
        too_large = 0
        for place, data in enumerate(frames):
            try:
                if not self._visitors.post(connection, data):
                    self._gone(record, connection)
                    return too_large
            except Exception as failure:
                logger.warning("A post to a visitor failed: %s", failure)
                if not (isinstance(failure, ClientError) and is_too_large(failure)):
                    return too_large + len(frames) - place
                too_large += 1
        return too_large

    def _gone(self, record: Session, connection: str) -> None:
        """API Gateway says so (410) of one whose handshake has not ended yet, too: that is not believed at once."""
        now = self._clock()
        if now - record.heard_at(connection) >= YOUNG_MS:
            self._sessions.forget_connection(record.session_id, connection, now)

    def _hang_up(self, record: Session, connection: str) -> int:
        """Its token has run out: it hears so, and nothing more (T13). Returns how many posts have failed."""
        try:
            self._visitors.post(connection, encoded(error("session_expired", EXPIRED)))
            self._visitors.close(connection)
        except Exception as failure:
            logger.warning("A visitor whose token has run out could not be told: %s", failure)
            return 1
        self._sessions.forget_connection(record.session_id, connection, self._clock())
        return 0

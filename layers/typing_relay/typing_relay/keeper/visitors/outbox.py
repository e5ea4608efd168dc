"""Frames on their way to a visitor: in order, to every connection, in bounded memory.

Each session has a queue and at most one job. The job reads the record, unless one has just come with the frame: so new
tabs get frames at once, and a keeper without the fence sends nothing. It posts to each connection what that has not
got. A frame stays in the queue until each connection has it, or is gone: a post that fails keeps what follows, for
that connection alone, and is tried again. With nobody connected, frames wait for who comes next. What does not fit is
dropped, oldest first, and counted: a visitor whose posts are slow costs neither the other visitors nor memory.

Frames arrive at least once: whether a post that failed has arrived, nobody knows.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from typing_relay.aws.shedding import failure_of
from typing_relay.aws.visitors import encoded, is_too_large
from typing_relay.door.frames import EXPIRED, error
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop, Timer
from typing_relay.keeper.ports import OutboxSessions, Visitors
from typing_relay.relay.burst import YOUNG_MS, Session

logger = logging.getLogger(__name__)

#: API Gateway: a message to a connection holds 128 KB at most.
MAX_FRAME_BYTES = 128 * 1024
#: A record that came with a frame is worth a read no longer than this: it neither fences nor knows of new tabs.
FRESH_MS = 500
#: Nothing is posted this long after the record was asked for; a read that took longer is none.
FENCED_MS = 2_000
#: What failed is tried again after half a second, then after twice as long each time.
FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 15.0
#: What a session was told is written down this long after it was told: at most one write in that time.
NOTE_S = 10.0
#: Within this time after its token expires, a connection still gets the frames that wait, then `session_expired`, and
#: is closed; after it, only `session_expired`.
JUST_MS = 60_000
#: Of these a visitor needs only the newest.
STATES = frozenset(("agent-typing", "agent", "contact", "queue"))


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """What may wait: for one visitor, and for all."""

    frames_each: int = 100
    bytes_each: int = 262_144
    bytes_all: int = 33_554_432


class Position(NamedTuple):
    """A message of CXone's thread: when it was created there (epoch ms), and its id."""

    at: int
    message_id: str


class _Waiting(NamedTuple):
    """``number`` counts a session's frames. ``state``: what it is the newest word on; empty: nothing."""

    number: int
    data: bytes
    record: Session | None
    since: int
    state: str
    position: Position | None


@dataclass(slots=True)
class _Queue:
    frames: deque[_Waiting] = field(default_factory=deque)
    size: int = 0
    last_number: int = 0
    #: The newest frame that any connection has got.
    relayed: int = 0
    #: The newest frame that each connection had got after the last round.
    heard: dict[str, int] = field(default_factory=dict)
    #: Connections that are not tried before ``retry`` is due.
    resting: frozenset[str] = frozenset()
    failures: int = 0
    #: Connections that had failed when they were last tried.
    failed: frozenset[str] = frozenset()
    retry: Timer | None = None
    #: A job is under way, and has the frames up to this number in its hands; 0 while none is.
    busy: bool = False
    in_hand: int = 0


@dataclass(slots=True)
class _Round:
    """What one job did. ``got``: of each connection that is still there, its newest frame."""

    got: dict[str, int] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    reached: set[int] = field(default_factory=set)
    posts_failed: int = 0
    is_fenced: bool = False


class Outbox:
    """``keeper`` is this keeper's name in the records. On the loop's thread; jobs read, write and post."""

    def __init__(
        self,
        loop: Loop,
        jobs: Jobs,
        sessions: OutboxSessions,
        visitors: Visitors,
        keeper: str,
        clock: Callable[[], int],
        counters: Counters,
        limits: OutboxLimits | None = None,
    ) -> None:
        self._loop, self._jobs, self._sessions, self._visitors = loop, jobs, sessions, visitors
        self._keeper, self._clock, self._counters = keeper, clock, counters
        self._limits = limits or OutboxLimits()
        #: Those that have waited longest come first.
        self._queues: dict[str, _Queue] = {}
        self._size = self._jobs_under_way = 0
        #: What sessions were told and the record does not say yet.
        self._positions: dict[str, Position] = {}

    def __len__(self) -> int:
        """How many visitors have frames on the way."""
        return len(self._queues)

    @property
    def is_at_rest(self) -> bool:
        """Nothing is being posted; what failed waits for its next try."""
        return not self._jobs_under_way

    def tell(self, session_id: str, *frames: Mapping[str, Any], record: Session | None = None) -> None:
        """Send ``frames`` to all connections of this session, by one job.

        ``record``: as this keeper has just written it, to save the reading.
        """
        for frame in frames:
            name = frame.get("name", "")
            state = "guest" if frame.get("type") == "guest" else name if name in STATES else ""
            position = _position(frame) if name == "message" else None
            self._queue_up(session_id, encoded(frame), record, state, position)
        self._go_on(session_id)

    def send(self, session_id: str, data: bytes, record: Session | None = None) -> None:
        """Send an encoded frame to all connections of this session. ``record``: as in ``tell``."""
        self._queue_up(session_id, data, record)
        self._go_on(session_id)

    def _queue_up(
        self,
        session_id: str,
        data: bytes,
        record: Session | None,
        state: str = "",
        position: Position | None = None,
    ) -> None:
        """``state``: a newer frame of the same state makes this one worthless.

        ``position``: that of the message in it, to be noted once each connection has it.
        """
        size = len(data)
        if size > MAX_FRAME_BYTES:
            self._counters.add("FramesTooLarge")
            return
        queue = self._queues.setdefault(session_id, _Queue())
        self._make_room(queue, size)
        if self._size + size > self._limits.bytes_all and not state:
            self._counters.add("FramesDropped")  # all is in jobs' hands
        else:
            queue.last_number += 1
            queue.frames.append(_Waiting(queue.last_number, data, record, self._clock(), state, position))
            self._grow(queue, size)

    # --- room

    def _make_room(self, queue: _Queue, size: int) -> None:
        """For one more frame of ``queue``: of its own oldest, and of those who have waited longest."""
        limits = self._limits
        while _waits(queue) >= limits.frames_each or queue.size + size > limits.bytes_each:
            if not self._drop_oldest(queue):
                break
        for other in self._queues.values():
            while self._size + size > limits.bytes_all and self._drop_oldest(other):
                pass
            if self._size + size <= limits.bytes_all:
                break

    def _leave_out_worthless(self, queue: _Queue) -> None:
        """Who hears late needs of each state the newest word alone."""
        newest = {frame.state: frame.number for frame in queue.frames}
        for frame in [frame for frame in queue.frames if frame.state and frame.number < newest[frame.state]]:
            queue.frames.remove(frame)
            self._grow(queue, -len(frame.data))

    def _drop_oldest(self, queue: _Queue) -> bool:
        """What a newer frame has made worthless goes first, the newest word on a state last."""
        waiting = [frame for frame in queue.frames if frame.number > queue.in_hand]
        newest = {frame.state: frame.number for frame in queue.frames}
        worthless = [frame for frame in waiting if frame.state and frame.number < newest[frame.state]]
        passing = [frame for frame in waiting if not frame.state]
        for oldest in (*worthless[:1], *passing[:1], *waiting[:1]):
            queue.frames.remove(oldest)
            self._grow(queue, -len(oldest.data))
            if not worthless and oldest.number > queue.relayed:  # a tab that does not read fires no alarm
                self._counters.add("FramesDropped")
            return True
        return False

    def _grow(self, queue: _Queue, size: int) -> None:
        queue.size += size
        self._size += size

    # --- jobs

    def _go_on(self, session_id: str) -> None:
        """Post what is queued, unless a job is at it."""
        queue = self._queues.get(session_id)
        if queue is None or queue.busy:
            return
        if not queue.frames:  # all of it was dropped for lack of room
            self._forget(session_id, queue)
            return
        queue.busy, queue.in_hand = True, queue.last_number
        self._jobs_under_way += 1
        frames, heard, relayed, resting = list(queue.frames), dict(queue.heard), queue.relayed, queue.resting

        def finished(done: _Round) -> None:
            self._rest(queue)
            if done.is_fenced:
                self._forget(session_id, queue)
            else:
                self._settle(session_id, queue, done, resting)

        def failed(error: Exception) -> None:
            logger.warning("Frames could not be relayed yet: %s", error)
            self._counters.add(failure_of(error))
            self._rest(queue)
            self._retry(session_id, queue, queue.resting)

        self._jobs.submit(session_id, lambda: self._work(session_id, frames, heard, relayed, resting), finished, failed)

    def _rest(self, queue: _Queue) -> None:
        queue.busy, queue.in_hand = False, 0
        self._jobs_under_way -= 1

    def _settle(self, session_id: str, queue: _Queue, done: _Round, resting: frozenset[str]) -> None:
        """Forget what everybody has; go on, or try again later what has failed. ``resting``: whom the job left out."""
        for name, count in (("FramesRelayed", len(done.reached)), ("PostsFailed", done.posts_failed)):
            if count:
                self._counters.add(name, count)
        queue.relayed = max((queue.relayed, *done.got.values()))
        queue.heard = done.got
        while done.got and queue.frames and queue.frames[0].number <= min(done.got.values()):
            frame = queue.frames.popleft()
            self._grow(queue, -len(frame.data))
            if frame.position:
                self._note_later(session_id, frame.position)
        retry_is_due = bool(resting) and queue.retry is None  # its time came while the job was under way
        if done.failed or not done.got:
            self._fail(queue, frozenset(done.failed))
            rests = queue.failed - resting if retry_is_due else queue.failed
            if rests or not retry_is_due:
                self._retry(session_id, queue, rests)
        else:
            queue.failures, queue.resting, queue.failed = 0, frozenset(), frozenset()
        if not queue.frames:
            self._forget(session_id, queue)
        elif retry_is_due or any(
            number < queue.frames[-1].number for name, number in done.got.items() if name not in done.failed
        ):
            self._go_on(session_id)

    def _fail(self, queue: _Queue, failed: frozenset[str]) -> None:
        """One that fails for the first time has perhaps just come: it waits no longer than any other did at first."""
        if failed - queue.failed:
            queue.failures = 0
            if queue.retry:
                queue.retry.cancel()
                queue.retry = None
        queue.failed = failed

    def _retry(self, session_id: str, queue: _Queue, resting: frozenset[str]) -> None:
        """A connection that has failed rests until then; the others, and who comes, need not wait for it."""
        queue.resting = resting
        self._leave_out_worthless(queue)
        if queue.retry is None:
            delay = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(queue.failures, 16))
            queue.failures += 1
            queue.retry = self._loop.call_later(
                delay * random.uniform(0.5, 1), partial(self._try_again, session_id, queue)
            )

    def _try_again(self, session_id: str, queue: _Queue) -> None:
        queue.retry, queue.resting = None, frozenset()
        self._go_on(session_id)

    def _forget(self, session_id: str, queue: _Queue) -> None:
        """Nothing is owed any more, or it is another keeper's to say."""
        if queue.frames:
            self._counters.add("FramesFenced", len(queue.frames))
        self._grow(queue, -queue.size)
        queue.frames.clear()
        if queue.retry:
            queue.retry.cancel()
        self._queues.pop(session_id, None)

    # --- on a worker thread

    def _work(
        self, session_id: str, frames: list[_Waiting], heard: dict[str, int], relayed: int, resting: frozenset[str]
    ) -> _Round:
        """Post to each connection in turn what it has not got, as long as the record is fresh."""
        until = self._clock() + FENCED_MS
        record = self._fresh_record(frames) or self._sessions.get(session_id, self._clock())
        if record is None or record.keeper != self._keeper:
            return _Round(is_fenced=True)
        done = _Round({connection: heard.get(connection, relayed) for connection in record.connections})
        done.failed = set(resting & record.connections)
        if self._clock() > until:
            raise TimeoutError("the record came too late to say whose the visitor is")
        while (owed := _next_owed(frames, done)) and self._clock() <= until:
            self._serve(record, *owed, done)
        for connection in [name for name, number in done.got.items() if number == frames[-1].number]:
            if not record.may_hear(connection, self._clock()):
                self._hang_up(record, connection, done)
        done.reached = {number for number in done.reached if number > relayed}
        return done

    def _fresh_record(self, frames: list[_Waiting]) -> Session | None:
        now = self._clock()
        are_all_fresh = all(waiting.record and now - waiting.since <= FRESH_MS for waiting in frames)
        return frames[-1].record if are_all_fresh else None

    def _serve(self, record: Session, connection: str, frame: _Waiting, done: _Round) -> None:
        """Post one frame to one connection. One that API Gateway finds too large is left out alone."""
        if not record.may_hear(connection, self._clock() - JUST_MS):
            self._hang_up(record, connection, done)
            return
        try:
            is_there = self._visitors.post(connection, frame.data)
        except Exception as failure:
            logger.warning("A post to a visitor failed: %s", failure)
            done.posts_failed += 1
            if isinstance(failure, ClientError) and is_too_large(failure):
                done.got[connection] = frame.number
            else:
                done.failed.add(connection)
            return
        if is_there:
            done.got[connection] = frame.number
            done.reached.add(frame.number)
        elif self._clock() - record.heard_at(connection) < YOUNG_MS:
            done.failed.add(connection)  # API Gateway says so (410) of one whose handshake has not ended yet, too
        else:
            self._gone(record, connection, done)

    def _gone(self, record: Session, connection: str, done: _Round) -> None:
        """It alone is forgotten. If the store does not take that, the next post finds it gone again."""
        del done.got[connection]
        try:
            self._sessions.forget_connection(record.session_id, connection, self._clock())
        except Exception as failure:
            logger.warning("A connection that is gone could not be forgotten: %s", failure)

    def _hang_up(self, record: Session, connection: str, done: _Round) -> None:
        """Its token has run out: it hears so, and from then on nothing (T13)."""
        try:
            self._visitors.post(connection, encoded(error("session_expired", EXPIRED)))
            self._visitors.close(connection)
        except Exception as failure:
            logger.warning("A visitor whose token has run out could not be told: %s", failure)
            done.posts_failed += 1
            done.failed.add(connection)
        else:
            self._gone(record, connection, done)

    # --- what the next keeper finds

    def _note_later(self, session_id: str, position: Position) -> None:
        """Not each message is worth a write: what is not noted is told again, and known by its id."""
        if session_id not in self._positions:
            self._loop.call_later(NOTE_S, partial(self._note, session_id))
        self._positions[session_id] = position

    def _note(self, session_id: str) -> None:
        position = self._positions.pop(session_id)

        def failed(error: Exception) -> None:
            logger.warning("What a visitor was told could not be noted: %s", error)
            self._counters.add(failure_of(error))
            if session_id not in self._positions:
                self._note_later(session_id, position)

        note = partial(self._sessions.note_told, session_id, self._keeper, *position)
        self._jobs.submit(session_id, note, lambda is_ours: None, failed)


def _waits(queue: _Queue) -> int:
    """How many frames no job has in its hands."""
    return sum(frame.number > queue.in_hand for frame in queue.frames)


def _next_owed(frames: list[_Waiting], done: _Round) -> tuple[str, _Waiting] | None:
    """The connection that has got least, of those that have not failed, and its next frame."""
    able = ((number, connection) for connection, number in done.got.items() if connection not in done.failed)
    number, connection = min(able, default=(frames[-1].number, ""))
    return next(((connection, frame) for frame in frames if frame.number > number), None)


def _position(frame: Mapping[str, Any]) -> Position | None:
    """Where CXone keeps the message, if it says so."""
    detail = frame["detail"]
    return Position(detail["at"], detail["id"] or "") if detail["at"] is not None else None

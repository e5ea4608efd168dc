"""The store of session records in memory: the twin of ``DynamoSessions``, held to the same contract tests."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from typing_relay.aws.sessions import LOOKED_AT, shard_of
from typing_relay.relay.burst import LATE_MS, RECORD_VERSION, Session
from typing_relay.relay.effects import OnRecords
from typing_relay.relay.ports import Absent, Coming
from typing_relay.relay.session_store import SessionStore
from typing_relay.relay.updates import AbsentOr, Answer, AtMost, Below, KeptOr, Present, Update
from typing_relay.relay.value import changed

from tests.simulation.dynamodb_limits import check_expression, check_record

T = TypeVar("T")
#: A record without anything: what a field is when its attribute is removed.
_NOTHING = Session("")


class MemorySessions(SessionStore):
    """One record per session id; every method does what its twin's one DynamoDB call does, at once."""

    def __init__(self) -> None:
        self.records: dict[str, Session] = {}
        #: Sessions with an unreleased lease: DynamoDB's sparse index ``by_lease``.
        self.in_hand: set[str] = set()
        #: Names the call that is made next: a client's own retry of it has the same name. None: each is another.
        self.request: Hashable | None = None
        #: By session id and attribute, the name of the write that left it: its twin has these marks in the item.
        self._marks: dict[tuple[str, str], Hashable] = {}
        #: How old every second read is that need not be consistent, in ms, by this clock.
        self.lag_ms = 0
        self.clock: Callable[[], int] = lambda: 0
        self._stale_reads = 0
        #: What there was before each change: (changed at, session id, record, whether it was in the index).
        self._past: list[tuple[int, str, Session | None, bool]] = []

    def carry_out(self, effect: OnRecords[T]) -> T:
        return effect.on(self)

    # --- reading

    def get(self, session_id: str, now: int) -> Session | None:
        record = self.records.get(session_id)
        return record if record is not None and _is_alive(record, now) else None

    def get_many(self, session_ids: Iterable[str], now: int) -> dict[str, Session]:
        found = [record for record, _ in self._lagging(session_ids) if record is not None and _is_alive(record, now)]
        return {record.session_id: Session(**{name: getattr(record, name) for name in LOOKED_AT}) for record in found}

    def overdue(self, shard: int, before: int, limit: int) -> list[str]:
        return self.all_overdue(shard, before, limit)[0]

    def all_overdue(self, shard: int, before: int, limit: int) -> list[list[str]]:
        known = self.in_hand | {session_id for _, session_id, _, _ in self._past}
        found = self._lagging(session_id for session_id in known if shard_of(session_id) == shard)
        leases = [(record.lease_until, record.session_id) for record, is_held in found if record and is_held]
        overdue = [held for lease_until, held in sorted(leases) if lease_until < before]
        return [overdue[start : start + limit] for start in range(0, len(overdue) or 1, limit)]

    def _lagging(self, session_ids: Iterable[str]) -> list[tuple[Session | None, bool]]:
        """Records as an eventually consistent read may have them, and whether they were in the index then."""
        if not self.lag_ms:
            return [(self.records.get(session_id), session_id in self.in_hand) for session_id in session_ids]
        self._stale_reads += 1
        since = self.clock() - (self.lag_ms if self._stale_reads % 2 else 0)
        self._past = [change for change in self._past if change[0] > self.clock() - self.lag_ms]
        return [self._as_it_was(session_id, since) for session_id in session_ids]

    def _as_it_was(self, session_id: str, since: int) -> tuple[Session | None, bool]:
        for changed_at, whose, before, was_held in self._past:
            if whose == session_id and changed_at > since:
                return before, was_held
        return self.records.get(session_id), session_id in self.in_hand

    # --- what visitors do

    def create(self, session_id: str, now: int, expires_at: int) -> None:
        if self.get(session_id, now) is None:
            self._remember(session_id)
            self.records[session_id] = Session(session_id, expires_at=expires_at)
            self.in_hand.discard(session_id)

    def press_key(
        self, session_id: str, connection: str, at: int, now: int, expires_at: int, hold_ms: int = 0, late_ms: int = 0
    ) -> Session | Absent | None:
        record = self.get(session_id, now)
        if record is None:
            return Absent()
        if record.is_blocked(now):
            return record
        known, stop = record.keys.get(connection, -1), record.stops.get(connection, -1)
        if known == at and stop < at:
            return record
        if known > at > record.earlier_keys.get(connection, at):
            earlier = {**record.earlier_keys, connection: at}
            self._set(record, earlier_keys=earlier, revision=record.revision + 1)
        if known >= at or stop >= at:
            return None
        keys = {**record.keys, connection: at}
        earlier = {**record.earlier_keys, connection: record.keys.get(connection, 0)}
        hold = {connection: (at, hold_ms)} if hold_ms else {}
        return self._set(
            record,
            keys=keys,
            earlier_keys=earlier,
            holds={**record.holds, **hold},
            burst_from=at + late_ms if record.burst_from is None else record.burst_from,
            late_key_at=at + late_ms if late_ms >= LATE_MS else record.late_key_at,
            expires_at=expires_at,
            revision=record.revision + 1,
        )

    def note_stop(self, session_id: str, connection: str, at: int, now: int, late_ms: int = 0) -> Session | None:
        record = self.get(session_id, now)
        if record is None or record.stops.get(connection, -1) >= at:
            return record if record is not None and record.stops[connection] == at else None
        late_stop_at = at + late_ms if late_ms >= LATE_MS else record.late_stop_at
        stops = {**record.stops, connection: at}
        return self._set(record, stops=stops, late_stop_at=late_stop_at, revision=record.revision + 1)

    def add_connection(self, session_id: str, coming: Coming, now: int, expires_at: int) -> Session | Absent:
        record = self.get(session_id, now)
        if record is None:
            return Absent()
        if record.is_blocked(now):
            return record
        return self._set(
            record,
            connections=record.connections | {coming.connection},
            stops={coming.connection: coming.heard_at, **record.stops},
            token_ends={**record.token_ends, coming.connection: coming.token_ends},
            record_version=max(record.record_version, RECORD_VERSION),
            expires_at=expires_at,
            profile=coming.profile or record.profile,
        )

    def block(self, session_id: str, until: int, now: int) -> Session | None:
        self.create(session_id, now, until)
        record = self.get(session_id, now)
        return record and self._set(record, blocked_until=until, expires_at=max(record.expires_at, until))

    def forget_connection(self, session_id: str, connection: str, now: int) -> None:
        record = self.get(session_id, now)
        if record is not None:
            self._set(record, connections=record.connections - {connection})

    def prune(self, record: Session, before: int) -> None:
        current = self.records.get(record.session_id)
        old = set(record.forgettable(before))
        check_expression(_removed(len(old)))
        if current is not None and old:
            self._set(
                current,
                keys=_without(current.keys, old),
                earlier_keys=_without(current.earlier_keys, old),
                stops=_without(current.stops, old),
                holds=_without(current.holds, old),
                token_ends=_without(current.token_ends, old),
            )

    # --- what owners and keepers do: stated in ``relay.session_writes``

    def write(self, update: Update[T]) -> T:
        session_id, record = update.session_id, self.records.get(update.session_id)
        if update.alive_at is not None:
            record = self.get(session_id, update.alive_at)
        holds = record is not None and all(_is_so(record, name, wanted) for name, wanted in update.when.items())
        written = self._change(record, update) if record is not None and holds else None
        answer: Any
        if update.answer is Answer.IS_DONE:
            answer = written is not None or self._is_our_own(update)
        else:
            answer = record if written is None and update.answer is Answer.RECORD else written
        return answer  # type: ignore[no-any-return]

    def _change(self, record: Session, update: Update[Any]) -> Session:
        changes = {**dict(_changes(record, update.sets)), **_moved_on(record, update.adds)}
        written = self._set(record, **changes)
        if update.mark and self.request is not None:
            self._marks[update.session_id, update.mark] = self.request
        if update.in_hand is not None:
            (self.in_hand.add if update.in_hand else self.in_hand.discard)(update.session_id)
        return written

    def _is_our_own(self, update: Update[Any]) -> bool:
        """What the write would leave is there, and it was this request that left it: the client makes it again."""
        left_by = self._marks.get((update.session_id, update.mark))
        if update.left is None or (update.mark and (self.request is None or left_by != self.request)):
            return False
        record = self.records.get(update.session_id)
        return all(getattr(record, name, None) == value for name, value in update.left.items())

    # --- the one write

    def _remember(self, session_id: str) -> None:
        if self.lag_ms:
            change = (self.clock(), session_id, self.records.get(session_id), session_id in self.in_hand)
            self._past.append(change)

    def _set(self, record: Session, **changes: Any) -> Session:
        self._remember(record.session_id)
        self.records[record.session_id] = written = changed(record, **changes)
        check_record(written)
        return written


def _changes(record: Session, sets: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What becomes of the record's fields; one that is removed has its default again."""
    for name, value in sets.items():
        field_name, _, key = name.partition(".")
        if key:
            yield field_name, {**getattr(record, field_name), key: value}
        elif isinstance(value, KeptOr):
            yield name, value.value if getattr(record, name) is None else getattr(record, name)
        else:
            yield name, getattr(_NOTHING, name) if value is None else value


def _moved_on(record: Session, adds: Mapping[str, int]) -> dict[str, int]:
    return {name: getattr(record, name) + by for name, by in adds.items()}


def _is_so(record: Session, name: str, wanted: Any) -> bool:
    """Whether a condition holds: of an attribute that is not there no comparison does."""
    value = getattr(record, name)
    is_there = value is not None and value != frozenset() and value != {}
    match wanted:
        case None:
            return not is_there
        case Present():
            return is_there
        case AbsentOr(other):
            return not is_there or _is_so(record, name, other)
        case Below(limit):
            return is_there and bool(value < limit)
        case AtMost(limit):
            return is_there and bool(value <= limit)
    return is_there and bool(value == wanted)


def _is_alive(record: Session, now: int) -> bool:
    return record.expires_at > now // 1000


def _removed(connections: int) -> str:
    """The expression by which the twin forgets so many connections."""
    maps = ("#keys", "earlier_keys", "stops", "holds", "token_ends")
    return "REMOVE " + ", ".join(f"{name}.#c{number}" for number in range(connections) for name in maps)


def _without(times: Any, connections: set[str]) -> dict[str, Any]:
    return {connection: at for connection, at in times.items() if connection not in connections}

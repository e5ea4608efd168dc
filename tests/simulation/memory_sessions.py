"""The store of session records in memory: the twin of ``DynamoSessions``, held to the same contract tests."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

from typing_relay.aws.expressions import Compiler
from typing_relay.aws.sessions import LOOKED_AT, shard_of
from typing_relay.relay.burst import Session
from typing_relay.relay.effects import OnRecords
from typing_relay.relay.ports import KeptAccess
from typing_relay.relay.session_store import LONGEST_ACCESS_MS, SessionStore
from typing_relay.relay.updates import Above, AbsentOr, Answer, AtLeast, AtMost, Below, KeptOr, OtherOr, Present, Update
from typing_relay.relay.value import Value, changed

from tests.simulation.dynamodb_limits import check_expression, check_record

T = TypeVar("T")
#: A write of more attributes may be larger than DynamoDB allows.
MANY = 40
#: A record without anything: what a field is when its attribute is removed.
_NOTHING = Session("")


class MemorySessions(SessionStore):
    """One record per session id; every method does what its twin's one DynamoDB call does, at once."""

    def __init__(self) -> None:
        self.records: dict[str, Session] = {}
        #: Sessions with an unreleased lease: DynamoDB's sparse index ``by_lease``.
        self.in_lease_index: set[str] = set()
        #: Names the call that is made next: a client's own retry of it has the same name. None: each is another.
        self.request: Hashable | None = None
        #: By session id and attribute, the name of the write that left it: its twin has these marks in the item.
        self._marks: dict[tuple[str, str], Hashable] = {}
        #: How old every second read is that need not be consistent, in ms, by this clock.
        self.lag_ms = 0
        self.clock: Callable[[], int] = lambda: 0
        self._stale_reads = 0
        #: Beside the records: by session id, the access that is kept, and until when (ms).
        self._accesses: dict[str, tuple[KeptAccess, int]] = {}
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
        return {
            record.session_id: changed(_NOTHING, **{name: getattr(record, name) for name in LOOKED_AT})
            for record in found
        }

    def access_of(self, session_id: str, now: int) -> KeptAccess | None:
        access, ends_at = self._accesses.get(session_id, (None, 0))
        return access if ends_at // 1000 > now // 1000 else None

    def overdue(self, shard: int, before: int, limit: int) -> list[str]:
        return [session_id for session_id, _ in self.all_leases(shard, before, limit)[0]]

    def all_leases(self, shard: int, before: int, limit: int) -> list[list[tuple[str, int]]]:
        if not self.lag_ms and not self.in_lease_index:
            return [[]]
        known = self.in_lease_index | {session_id for _, session_id, _, _ in self._past}
        found = self._lagging(session_id for session_id in known if shard_of(session_id) == shard)
        leases = [(record.lease_until, record.session_id) for record, is_held in found if record and is_held]
        overdue = [(held, lease_until) for lease_until, held in sorted(leases) if lease_until < before]
        return [overdue[start : start + limit] for start in range(0, len(overdue) or 1, limit)]

    def _lagging(self, session_ids: Iterable[str]) -> list[tuple[Session | None, bool]]:
        """Records as an eventually consistent read may have them, and whether they were in the index then."""
        if not self.lag_ms:
            return [(self.records.get(session_id), session_id in self.in_lease_index) for session_id in session_ids]
        self._stale_reads += 1
        since = self.clock() - (self.lag_ms if self._stale_reads % 2 else 0)
        self._past = [change for change in self._past if change[0] > self.clock() - self.lag_ms]
        return [self._as_it_was(session_id, since) for session_id in session_ids]

    def _as_it_was(self, session_id: str, since: int) -> tuple[Session | None, bool]:
        for changed_at, whose, before, was_held in self._past:
            if whose == session_id and changed_at > since:
                return before, was_held
        return self.records.get(session_id), session_id in self.in_lease_index

    # --- what visitors do

    def create(self, session_id: str, now: int, expires_at: int) -> None:
        if self.get(session_id, now) is None:
            self._remember(session_id)
            self.records[session_id] = Session(session_id, expires_at=expires_at)
            self.in_lease_index.discard(session_id)

    def keep_access(self, session_id: str, access: KeptAccess, now: int) -> None:
        self._accesses[session_id] = access, min(access.until, now + LONGEST_ACCESS_MS)

    # --- stated in ``relay.session_writes``

    def write(self, update: Update[T]) -> T:
        session_id, record = update.session_id, self.records.get(update.session_id)
        if update.alive_at is not None:
            record = self.get(session_id, update.alive_at)
        holds = record is not None and all(_is_so(record, name, wanted) for name, wanted in update.when.items())
        written = self._change(record, update) if record is not None and holds else None
        answer: Any
        if update.answer in (Answer.IS_DONE, Answer.DONE_OR_RECORD):
            answer = written is not None or self._is_our_own(update)
            if update.answer is Answer.DONE_OR_RECORD and not answer:
                answer = record
        elif update.answer is Answer.RECORD_IF_DONE:
            answer = written or (self.records[session_id] if self._is_our_own(update) else None)
        else:
            answer = record if written is None and update.answer is Answer.RECORD_ANYWAY else written
        return answer  # type: ignore[no-any-return]

    def _change(self, record: Session, update: Update[Any]) -> Session:
        if len(update.sets) > MANY:
            check_expression(Compiler(update, {}).update)
        changes = _changes(record, update.sets) | _moved_on(record, update.adds)
        changes |= {name: getattr(record, name) - members for name, members in update.takes.items()}
        written = self._set(record, **changes)
        if update.mark and self.request is not None:
            self._marks[update.session_id, update.mark] = self.request
        if update.in_lease_index is not None:
            (self.in_lease_index.add if update.in_lease_index else self.in_lease_index.discard)(update.session_id)
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
            change = (self.clock(), session_id, self.records.get(session_id), session_id in self.in_lease_index)
            self._past.append(change)

    def _set(self, record: Session, **changes: Any) -> Session:
        self._remember(record.session_id)
        self.records[record.session_id] = written = changed(record, **changes)
        check_record(written)
        return written


def _changes(record: Session, sets: Mapping[str, Any]) -> dict[str, Any]:
    """What becomes of the record's fields; one that is removed has its default again."""
    changes: dict[str, Any] = {}
    for name, value in sets.items():
        field_name, _, key = name.partition(".")
        if isinstance(value, KeptOr):
            value = _or(_value(record, name), value.value)
        elif isinstance(value, OtherOr):
            value = _or(_value(record, value.other), value.value)
        if key:
            entries = changes.setdefault(field_name, dict(getattr(record, field_name)))
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
        else:
            changes[name] = getattr(_NOTHING, name) if value is None else value
    return changes


def _or(value: Any, instead: Any) -> Any:
    return instead if value is None else value


def _value(record: Session, name: str) -> Any:
    """Of a field, or of an entry of one; None: it is not there."""
    field_name, _, key = name.partition(".")
    value = getattr(record, field_name)
    return value.get(key) if key else value


def _moved_on(record: Session, adds: Mapping[str, int | frozenset[str]]) -> dict[str, Any]:
    return {
        name: getattr(record, name) | by if isinstance(by, frozenset) else getattr(record, name) + by
        for name, by in adds.items()
    }


def _is_so(record: Session, name: str, wanted: Any) -> bool:
    """Whether a condition holds: of an attribute that is not there no comparison does."""
    value = _value(record, name)
    is_there = value is not None and (bool(value) or not isinstance(value, dict | frozenset))
    if wanted is not None and not isinstance(wanted, Value):
        return is_there and bool(value == wanted)
    match wanted:
        case None:
            return not is_there
        case Present():
            return is_there
        case AbsentOr(other):
            return not is_there or _is_so(record, name, other)
        case Below(limit):
            return is_there and bool(value < limit)
        case Above(limit):
            return is_there and bool(value > limit)
        case AtMost(limit):
            return is_there and bool(value <= limit)
        case AtLeast(limit):
            return is_there and bool(value >= limit)
    raise TypeError(f"{wanted!r} is no condition")


def _is_alive(record: Session, now: int) -> bool:
    return record.expires_at > now // 1000

"""The store of session records in memory: the twin of ``DynamoSessions``, held to the same contract tests."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

from typing_relay.aws.sessions import LOOKED_AT, shard_of
from typing_relay.relay.burst import LATE_MS, RECORD_VERSION, GuestStatus, Session
from typing_relay.relay.effects import OnRecords
from typing_relay.relay.ports import Absent, Coming, Conversation, Lock

from tests.simulation.dynamodb_limits import check_expression, check_record

T = TypeVar("T")
#: ``dataclasses.replace`` does the same and takes three times as long, which is felt in 100,000 histories.
_NAMES = tuple(field.name for field in fields(Session))
_VALUES = attrgetter(*_NAMES)
#: What a guest's end or beginning wipes out: nothing is shown there, no failure counts.
_CALL_FORGOTTEN: dict[str, Any] = {
    "sending": None,
    "attempts": 0,
    "retry_at": 0,
    "shown": False,
    "typing_since": None,
}


#: What goes with the lease.
_BURST_OVER: dict[str, Any] = {
    "lease_until": 0,
    "typing": False,
    "attempts": 0,
    "mismatches": 0,
    "typing_since": None,
    "burst_from": None,
    "verify_at": None,
}


class MemorySessions:
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
        for changed_at, changed, before, was_held in self._past:
            if changed == session_id and changed_at > since:
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

    # --- what owners do

    def claim(self, session_id: str, generation: int, lease_until: int, starts_until: int) -> bool:
        return self._set_if(
            session_id,
            {"generation": generation},
            generation=generation + 1,
            lease_until=lease_until,
            starts_until=starts_until,
            in_index=True,
            mark="own",
            left={"generation": generation + 1},
        )

    def set_lease(self, session_id: str, generation: int, lease_until: int) -> bool:
        return self._set_if(session_id, {"generation": generation}, lease_until=lease_until)

    def lock(self, record: Session, lock: Lock) -> bool:
        return self._set_if(
            record.session_id,
            {
                "generation": record.generation,
                "revision": record.revision,
                "guest_id": record.guest_id,
                "sends": record.sends,
            },
            sends=record.sends + lock.spends,
            sending=lock.typing,
            typing=lock.typing,
            attempts=record.failures_of(lock.typing) + 1,
            sending_until=lock.until,
            lease_until=lock.lease_until,
            typing_since=lock.typing_since,
            burst_from=lock.burst_from,
            in_index=True,
            mark="by",
            left={"sends": record.sends + lock.spends, "sending_until": lock.until},
        )

    def unlock(self, record: Session, lock: Lock) -> bool:
        return self._set_if(
            record.session_id,
            {"sending_until": lock.until},
            sending=record.sending,
            sending_until=0,
        )

    def accepted(self, record: Session, lock: Lock, now: int, verify_at: int | None) -> bool:
        is_told: dict[str, Any] = {"burst_from": 0} if lock.typing else {}
        return self._set_if(
            record.session_id,
            {"sending_until": lock.until, "guest_id": record.guest_id},
            shown=lock.typing,
            shown_at=now,
            verify_at=verify_at,
            attempts=0,
            sending_until=0,
            sending=None,
            left=_shown(record, lock, now),
            **is_told,
        )

    def settled(self, record: Session, lock: Lock, now: int) -> bool:
        return self._set_if(
            record.session_id,
            {
                "sending_until": lock.until,
                "guest_id": record.guest_id,
                "generation": record.generation,
                "revision": record.revision,
            },
            shown=False,
            shown_at=now,
            sending=None,
            sending_until=0,
            in_index=False,
            left=_shown(record, lock, now) | {"lease_until": 0},
            **_BURST_OVER,
        )

    def failed(self, record: Session, lock: Lock, uncertain_until: int | None) -> bool:
        certain: dict[str, Any] = {"sending": None} if uncertain_until is None else {}
        return self._set_if(
            record.session_id,
            {"sending_until": lock.until, "guest_id": record.guest_id},
            sending_until=uncertain_until or 0,
            **certain,
        )

    def put_off_question(self, record: Session, verify_at: int) -> bool:
        seen = {"generation": record.generation, "verify_at": record.verify_at or 0}
        left = {"generation": record.generation, "verify_at": verify_at}
        return self._set_if(record.session_id, seen, left=left, verify_at=verify_at)

    def verified(self, record: Session, shown: bool, verify_at: int | None, mismatches: int) -> bool:
        return self._set_if(
            record.session_id,
            {"generation": record.generation, "sends": record.sends, "guest_id": record.guest_id},
            shown=shown,
            mismatches=mismatches,
            verify_at=verify_at,
        )

    def postpone(self, record: Session, retry_at: int) -> bool:
        current = self.records.get(record.session_id)
        if current is None or current.retry_at >= retry_at:
            return False
        return self._set_if(record.session_id, {"guest_id": record.guest_id}, retry_at=retry_at)

    def forget_failures(self, session_id: str, generation: int) -> bool:
        return self._set_if(session_id, {"generation": generation}, attempts=0, mismatches=0)

    def release(self, record: Session) -> bool:
        return self._set_if(
            record.session_id,
            {"generation": record.generation, "revision": record.revision, "sends": record.sends},
            in_index=False,
            **_BURST_OVER,
        )

    # --- guests

    def request_guest(self, record: Session, now: int) -> bool:
        return self._set_if(
            record.session_id,
            {"guest_status": record.guest_status, "guest_requested_at": record.guest_requested_at},
            guest_status=GuestStatus.OPENING,
            guest_requested_at=now,
        )

    def take_guest(self, session_id: str, keeper: str, now: int, claim: int = 0) -> Session | None:
        record = self.get(session_id, now)
        if record is None or (claim and record.held > claim):
            return record
        return self._set(record, keeper=keeper, **({"held": claim, "guest_requested_at": now} if claim else {}))

    def hold_again(self, session_id: str, keeper: str, now: int, claim: int) -> Session | None:
        record = self.get(session_id, now)
        if record is None or record.keeper != keeper:
            return None
        return self._set(record, held=claim, guest_requested_at=now)

    def keep_guest(self, session_id: str, keeper: str, now: int, expires_at: int) -> bool:
        record = self.records.get(session_id)
        if record is None or not record.connections:
            return False
        return self._set_if(session_id, {"keeper": keeper}, guest_requested_at=now, expires_at=expires_at)

    def open_guest(self, session_id: str, keeper: str, guest_id: str, web_socket_url: str, now: int) -> bool:
        return self._set_if(
            session_id,
            {"keeper": keeper},
            guest_id=guest_id,
            web_socket_url=web_socket_url,
            guest_status=GuestStatus.OPENING,
            guest_requested_at=now,
            typing_unavailable=False,
            **_CALL_FORGOTTEN,
        )

    def set_guest_status(self, session_id: str, keeper: str, status: GuestStatus, now: int) -> Session | None:
        record = self.records.get(session_id)
        return self._set(record, guest_status=status) if record is not None and record.keeper == keeper else None

    def end_guest(self, session_id: str, guest_id: str, now: int) -> bool:
        return self._set_if(
            session_id,
            {"guest_id": guest_id},
            guest_id="",
            web_socket_url="",
            guest_status=GuestStatus.OPENING,
            guest_requested_at=now,
            verify_at=now,
            mark="ended_by",
            left={},
            **_CALL_FORGOTTEN,
        )

    def release_guest(self, session_id: str, keeper: str, now: int, whatever_is_shown: bool = False) -> bool:
        nothing_is_shown: dict[str, Any] = {} if whatever_is_shown else {"shown": False, "sending": None}
        return self._set_if(
            session_id,
            {"keeper": keeper, "connections": frozenset(), **nothing_is_shown},
            guest_status=GuestStatus.CLOSED,
            keeper="",
            guest_id="",
            web_socket_url="",
            verify_at=None,
            lease_until=0,
            in_index=False,
            mark="ended_by",
            left={"guest_status": GuestStatus.CLOSED},
            **_CALL_FORGOTTEN,
        )

    def mark_typing_unavailable(self, session_id: str, guest_id: str) -> bool:
        return self._set_if(
            session_id,
            {"guest_id": guest_id, "typing_unavailable": False},
            typing_unavailable=True,
            shown=False,
            sending=None,
            verify_at=None,
            mark="found_by",
            left={"typing_unavailable": True},
        )

    # --- Digital-First

    def open_conversation(self, session_id: str, keeper: str, made: Conversation, now: int) -> bool:
        record = self.records.get(session_id)
        return self._set_if(
            session_id,
            {"keeper": keeper},
            guest_id=made.visitor_id,
            web_socket_url=made.web_socket_url,
            access_until=made.access_until,
            conversation=made.identity(),
            guest_status=GuestStatus.OPENING,
            guest_requested_at=now,
            contact_open=False,
            typing_unavailable=False,
            told_at=(record.told_at if record else None) or 0,
            verify_at=None,
            **_CALL_FORGOTTEN,
        )

    def renew_access(self, session_id: str, keeper: str, web_socket_url: str, access_until: int) -> bool:
        return self._set_if(session_id, {"keeper": keeper}, web_socket_url=web_socket_url, access_until=access_until)

    def set_contact(self, session_id: str, keeper: str, is_open: bool, may_show: bool) -> Session | None:
        record = self.records.get(session_id)
        if record is None or record.keeper != keeper:
            return None
        known = {"sending": True, "typing_since": record.typing_since} if may_show else {"burst_from": None}
        counts = {"sending_until": record.sending_until + 1, "sends": record.sends + 1}
        return self._set(record, **{**_CALL_FORGOTTEN, "contact_open": is_open, "verify_at": None, **counts, **known})

    def doubt_shown(self, session_id: str, keeper: str) -> Session | None:
        record = self.records.get(session_id)
        if record is None or record.keeper != keeper or not record.contact_open:
            return None
        return self._set(record, sending=True, sends=record.sends + 1)

    def set_thread(self, session_id: str, keeper: str, thread_id: str) -> bool:
        record = self.records.get(session_id)
        if record is None or record.keeper != keeper or not record.conversation:
            return False
        return self._set_if(session_id, {}, conversation={**record.conversation, "thread": thread_id})

    def note_told(self, session_id: str, keeper: str, at: int, message_id: str) -> bool:
        return self._set_if(session_id, {"keeper": keeper}, told_at=at, told_id=message_id)

    # --- the one write

    def _remember(self, session_id: str) -> None:
        if self.lag_ms:
            change = (self.clock(), session_id, self.records.get(session_id), session_id in self.in_hand)
            self._past.append(change)

    def _set(self, record: Session, **changes: Any) -> Session:
        self._remember(record.session_id)
        self.records[record.session_id] = changed = Session(
            **{**dict(zip(_NAMES, _VALUES(record), strict=True)), **changes}
        )
        check_record(changed)
        return changed

    def _set_if(
        self,
        session_id: str,
        expected: dict[str, Any],
        /,
        in_index: bool | None = None,
        mark: str = "",
        left: dict[str, Any] | None = None,
        **changes: Any,
    ) -> bool:
        """``in_index``: whether the write puts the record into ``by_lease``, takes it out, or (None) neither.

        ``left``: attributes as only this write leaves them, ``mark`` among them: the retry of a write knows it by them.
        """
        record = self.records.get(session_id)
        if record is None or any(getattr(record, name) != value for name, value in expected.items()):
            if mark and (self.request is None or self._marks.get((session_id, mark)) != self.request):
                return False
            return left is not None and all(getattr(record, name, None) == value for name, value in left.items())
        self._set(record, **changes)
        if mark and self.request is not None:
            self._marks[session_id, mark] = self.request
        if in_index is not None:
            (self.in_hand.add if in_index else self.in_hand.discard)(session_id)
        return True


def _shown(record: Session, lock: Lock, now: int) -> dict[str, Any]:
    return {"shown": lock.typing, "shown_at": now, "sending_until": 0, "guest_id": record.guest_id}


def _is_alive(record: Session, now: int) -> bool:
    return record.expires_at > now // 1000


def _removed(connections: int) -> str:
    """The expression by which the twin forgets so many connections."""
    maps = ("#keys", "earlier_keys", "stops", "holds", "token_ends")
    return "REMOVE " + ", ".join(f"{name}.#c{number}" for number in range(connections) for name in maps)


def _without(times: Any, connections: set[str]) -> dict[str, Any]:
    return {connection: at for connection, at in times.items() if connection not in connections}

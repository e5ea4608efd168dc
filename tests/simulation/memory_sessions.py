"""The store of session records in memory: the twin of ``DynamoSessions``, held to the same contract tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any

from typing_relay.aws.sessions import LOOKED_AT, shard_of
from typing_relay.relay.burst import RECORD_VERSION, GuestStatus, Session
from typing_relay.relay.ports import Absent, Coming, Conversation, Lock

from tests.simulation.dynamodb_limits import check_expression, check_record

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

    # --- reading

    def get(self, session_id: str, now: int) -> Session | None:
        record = self.records.get(session_id)
        return record if record is not None and _is_alive(record, now) else None

    def get_many(self, session_ids: Iterable[str], now: int) -> dict[str, Session]:
        found = [record for session_id in session_ids if (record := self.get(session_id, now))]
        return {record.session_id: Session(**{name: getattr(record, name) for name in LOOKED_AT}) for record in found}

    def overdue(self, shard: int, before: int, limit: int) -> list[str]:
        leases = [(self.records[held].lease_until, held) for held in self.in_hand if shard_of(held) == shard]
        return [held for lease_until, held in sorted(leases) if lease_until < before][:limit]

    # --- what visitors do

    def create(self, session_id: str, now: int, expires_at: int) -> None:
        if self.get(session_id, now) is None:
            self.records[session_id] = Session(session_id, expires_at=expires_at)
            self.in_hand.discard(session_id)

    def press_key(
        self, session_id: str, connection: str, at: int, now: int, expires_at: int, hold_ms: int = 0
    ) -> Session | Absent | None:
        record = self.get(session_id, now)
        if record is None:
            return Absent()
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
            typing=True,
            burst_from=at if record.burst_from is None else record.burst_from,
            expires_at=expires_at,
            revision=record.revision + 1,
        )

    def note_stop(self, session_id: str, connection: str, at: int, now: int) -> Session | None:
        record = self.get(session_id, now)
        if record is None or record.stops.get(connection, -1) >= at:
            return None
        return self._set(record, stops={**record.stops, connection: at}, revision=record.revision + 1)

    def add_connection(self, session_id: str, coming: Coming, now: int, expires_at: int) -> Session | Absent:
        record = self.get(session_id, now)
        if record is None:
            return Absent()
        return self._set(
            record,
            connections=record.connections | {coming.connection},
            stops={coming.connection: coming.heard_at, **record.stops},
            token_ends={**record.token_ends, coming.connection: coming.token_ends},
            record_version=max(record.record_version, RECORD_VERSION),
            expires_at=expires_at,
        )

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

    def claim(self, session_id: str, generation: int, lease_until: int, claimed_at: int) -> bool:
        record = self.records.get(session_id)
        if record is None:
            return False
        if record.generation == generation:
            record = self._set(record, generation=generation + 1, claimed_at=claimed_at, lease_until=lease_until)
            self.in_hand.add(session_id)
        return (record.generation, record.claimed_at) == (generation + 1, claimed_at)

    def set_lease(self, session_id: str, generation: int, lease_until: int) -> bool:
        return self._set_if(session_id, {"generation": generation}, lease_until=lease_until)

    def lock(self, record: Session, lock: Lock) -> bool:
        locked = self._set_if(
            record.session_id,
            {
                "generation": record.generation,
                "revision": record.revision,
                "guest_id": record.guest_id,
                "sends": record.sends,
            },
            sends=record.sends + 1,
            sending=lock.typing,
            typing=lock.typing,
            attempted=lock.typing,
            attempts=record.failures_of(lock.typing) + 1,
            sending_until=lock.until,
            lease_until=lock.lease_until,
            typing_since=lock.typing_since,
            burst_from=lock.burst_from,
        )
        if locked:
            self.in_hand.add(record.session_id)
        return locked

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
            **is_told,
        )

    def settled(self, record: Session, lock: Lock, now: int) -> bool:
        settled = self._set_if(
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
            **_BURST_OVER,
        )
        if settled:
            self.in_hand.discard(record.session_id)
        return settled

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
        return self._set_if(record.session_id, seen, verify_at=verify_at)

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
        released = self._set_if(
            record.session_id,
            {"generation": record.generation, "revision": record.revision, "sends": record.sends},
            **_BURST_OVER,
        )
        if released:
            self.in_hand.discard(record.session_id)
        return released

    # --- guests

    def request_guest(self, record: Session, now: int) -> bool:
        return self._set_if(
            record.session_id,
            {"guest_status": record.guest_status, "guest_requested_at": record.guest_requested_at},
            guest_status=GuestStatus.OPENING,
            guest_requested_at=now,
        )

    def take_guest(self, session_id: str, keeper: str, now: int) -> Session | None:
        record = self.get(session_id, now)
        return None if record is None else self._set(record, keeper=keeper)

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
        return self.records[session_id] if self._set_if(session_id, {"keeper": keeper}, guest_status=status) else None

    def end_guest(self, session_id: str, guest_id: str, now: int) -> bool:
        return self._set_if(
            session_id,
            {"guest_id": guest_id},
            guest_id="",
            web_socket_url="",
            guest_status=GuestStatus.OPENING,
            guest_requested_at=now,
            verify_at=now,
            **_CALL_FORGOTTEN,
        )

    def release_guest(self, session_id: str, keeper: str, now: int) -> bool:
        released = self._set_if(
            session_id,
            {"keeper": keeper, "connections": frozenset(), "shown": False, "sending": None},
            guest_status=GuestStatus.CLOSED,
            keeper="",
            guest_id="",
            web_socket_url="",
            verify_at=None,
            lease_until=0,
            **_CALL_FORGOTTEN,
        )
        if released:
            self.in_hand.discard(session_id)
        return released

    def mark_typing_unavailable(self, session_id: str, guest_id: str) -> bool:
        return self._set_if(
            session_id,
            {"guest_id": guest_id, "typing_unavailable": False},
            typing_unavailable=True,
            shown=False,
            sending=None,
            verify_at=None,
        )

    # --- Digital-First

    def open_conversation(self, session_id: str, keeper: str, made: Conversation, now: int) -> bool:
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
            **_CALL_FORGOTTEN,
        )

    def renew_access(self, session_id: str, keeper: str, web_socket_url: str, access_until: int) -> bool:
        return self._set_if(session_id, {"keeper": keeper}, web_socket_url=web_socket_url, access_until=access_until)

    def set_contact(self, session_id: str, keeper: str, is_open: bool, may_show: bool) -> Session | None:
        record = self.records.get(session_id)
        if record is None or record.keeper != keeper:
            return None
        known = {"sending": True, "typing_since": record.typing_since} if may_show else {}
        counts = {"sending_until": record.sending_until + 1, "sends": record.sends + 1}
        return self._set(record, **{**_CALL_FORGOTTEN, "contact_open": is_open, **counts, **known})

    def doubt_shown(self, session_id: str, keeper: str) -> Session | None:
        record = self.records.get(session_id)
        if record is None or record.keeper != keeper or not record.contact_open:
            return None
        return self._set(record, sending=True, sends=record.sends + 1)

    def set_thread(self, session_id: str, keeper: str, thread_id: str) -> bool:
        record = self.records.get(session_id)
        if record is None or record.keeper != keeper or not record.conversation:
            return False
        self._set(record, conversation={**record.conversation, "thread": thread_id})
        return True

    # --- the one write

    def _set(self, record: Session, **changes: Any) -> Session:
        self.records[record.session_id] = changed = Session(
            **{**dict(zip(_NAMES, _VALUES(record), strict=True)), **changes}
        )
        check_record(changed)
        return changed

    def _set_if(self, session_id: str, expected: dict[str, Any], /, **changes: Any) -> bool:
        record = self.records.get(session_id)
        if record is None or any(getattr(record, name) != value for name, value in expected.items()):
            return False
        self._set(record, **changes)
        return True


def _is_alive(record: Session, now: int) -> bool:
    return record.expires_at > now // 1000


def _removed(connections: int) -> str:
    """The expression by which the twin forgets so many connections."""
    maps = ("#keys", "earlier_keys", "stops", "holds", "token_ends")
    return "REMOVE " + ", ".join(f"{name}.#c{number}" for number in range(connections) for name in maps)


def _without(times: Any, connections: set[str]) -> dict[str, Any]:
    return {connection: at for connection, at in times.items() if connection not in connections}

"""Session records in DynamoDB: one item per visitor session, every write conditional.

A condition that fails is an answer (``False`` or ``None``), any other failure an exception. The client retries a call
whose answer was lost, and so may meet its own first write: each write recognises it and answers as if it had been the
first. Times are epoch ms;
``expires_at`` is epoch s, as DynamoDB's TTL wants it, and TTL deletes late: every read checks it (T11).
"""

from __future__ import annotations

import logging
import secrets
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from itertools import islice
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from typing_relay.aws.client import pause
from typing_relay.aws.queries import found_by
from typing_relay.relay.burst import LATE_MS, RECORD_VERSION, GuestStatus, Session
from typing_relay.relay.effects import OnRecords
from typing_relay.relay.ports import Absent, Coming, Conversation, Lock

#: Unreleased leases are spread over so many partitions of the index.
SWEEP_SHARDS = 8
LEASE_INDEX = "by_lease"
_BATCH = 100  # BatchGetItem's limit
#: Random bytes of a mark that stays in the record, which is to stay below 1 KB; together with what else the write
#: leaves they are enough.
_SHORT = 2
#: A claim's name: what it leaves spent (ms), and one of so many numbers, as two may come in the same ms.
_CLAIMS = 100_000
#: A batch that DynamoDB could not read at once is read in so many parts, with growing pauses between them.
_BATCH_TRIES = 7
#: The part of a record that ``get_many`` reads.
LOOKED_AT = (
    *("session_id", "connections", "guest_id", "guest_status", "keeper", "held", "guest_requested_at"),
    *("profile", "record_version", "expires_at"),
)

_AS_READ = "generation = :mine AND revision = :revision AND sends = :sends"
#: Gone with the lease: a record that nobody owns is out of the sweeper's index.
_OF_A_BURST = "sweep_shard, typing_since, burst_from, verify_at"
#: Nobody is shown anything yet in a contact: no key counts there before it opens.
_OF_THE_CONTACT = "verify_at, typing_since, burst_from"
_ALIVE = "attribute_exists(session_id) AND expires_at > :now_s"
_MAY_SEND = f"{_ALIVE} AND (attribute_not_exists(blocked_until) OR blocked_until <= :now_s)"
#: ``sending_until`` stays: a call to the former guest may still be in flight (T6).
_FORGET_CALL = "attempts = :zero, retry_at = :zero, shown = :false"

logger = logging.getLogger(__name__)

T = TypeVar("T")


class DynamoSessions:
    """``client`` is ``services.DynamoDb``, or boto3's low-level client."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client, self._table = client, table_name

    def carry_out(self, effect: OnRecords[T]) -> T:
        """What a flow asks of this store."""
        return effect.on(self)

    # --- reading

    def get(self, session_id: str, now: int) -> Session | None:
        """The record as it stands now (consistent read); None when absent or expired."""
        answer = self._client.get_item(TableName=self._table, Key=_key(session_id), ConsistentRead=True)
        return _alive(answer.get("Item"), now)

    def get_many(self, session_ids: Iterable[str], now: int) -> dict[str, Session]:
        """What a keeper looks at in these records, by session id; the absent ones are left out.

        Eventually consistent for half the price, and the rest of the record left out for half the time.
        """
        ids = list(dict.fromkeys(session_ids))  # DynamoDB refuses a batch that names one twice
        found: dict[str, Session] = {}
        for start in range(0, len(ids), _BATCH):
            for item in self._batch([_key(session_id) for session_id in ids[start : start + _BATCH]]):
                record = _alive(item, now)
                if record is not None:
                    found[record.session_id] = record
        return found

    def _batch(self, keys: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The items of up to 100 keys. Raises ClientError rather than leaving one out: it would count as absent."""
        request = {self._table: {"Keys": keys, "ProjectionExpression": ", ".join(LOOKED_AT)}}
        for tried in range(1, _BATCH_TRIES + 1):
            answer = self._client.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(self._table, [])
            request = answer.get("UnprocessedKeys", {})
            if not request:
                return
            if not pause(tried):  # AWS: at once they would be unprocessed again
                break
        error = {"Code": "ProvisionedThroughputExceededException", "Message": "Some items could not be read."}
        raise ClientError({"Error": error}, "BatchGetItem")

    def overdue(self, shard: int, before: int, limit: int) -> list[str]:
        """Up to ``limit`` session ids of ``shard`` whose lease ran out before ``before`` and was never released."""
        return next(self.all_overdue(shard, before, limit), [])

    def all_overdue(self, shard: int, before: int, limit: int) -> Iterator[list[str]]:
        """All of them, ``limit`` at a time, each page read when it is asked for."""
        items = found_by(
            self._client,
            TableName=self._table,
            IndexName=LEASE_INDEX,
            KeyConditionExpression="sweep_shard = :shard AND lease_until < :before",
            ExpressionAttributeValues={":shard": _n(shard), ":before": _n(before)},
            Limit=limit,
        )
        while page := [item["session_id"]["S"] for item in islice(items, limit)]:
            yield page

    # --- what visitors do

    def create(self, session_id: str, now: int, expires_at: int) -> None:
        """A fresh record where there is none, or an expired one."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_fresh(session_id, expires_at),
                ConditionExpression="attribute_not_exists(session_id) OR expires_at <= :now_s",
                ExpressionAttributeValues={":now_s": _n(now // 1000)},
            )
        except ClientError as error:
            _raise_unless_condition_failed(error)

    def press_key(
        self, session_id: str, connection: str, at: int, now: int, expires_at: int, hold_ms: int = 0, late_ms: int = 0
    ) -> Session | Absent | None:
        """A coalesced key is this one write (T8). None: a newer key or stop of this connection is known already.

        ``hold_ms``: the key counts for so long, not for the debounce; 0 where it asked for nothing. ``late_ms``: its
        frame came so long after ``at``. The same key again gives the record again: the first answer may have been lost
        on its way (T9, T12).
        """
        answer = self._press_key(session_id, connection, at, now, expires_at, hold_ms, late_ms)
        if hold_ms and "holds" not in answer.get("Item", {"holds": None}):
            self._take_over(session_id, now)
            answer = self._press_key(session_id, connection, at, now, expires_at, hold_ms, late_ms)
        if "Attributes" in answer:
            return _session(answer["Attributes"])
        record = _alive(answer.get("Item"), now)
        if record is None:
            return Absent()
        if record.is_blocked(now):
            return record
        is_known = record.keys.get(connection) == at and record.stops.get(connection, -1) < at
        if not is_known:
            self._note_overtaken_key(session_id, connection, at)
        return record if is_known else None

    def _press_key(
        self, session_id: str, connection: str, at: int, now: int, expires_at: int, hold_ms: int, late_ms: int
    ) -> dict[str, Any]:
        held = {":held": {"L": [_n(at), _n(hold_ms)]}} if hold_ms else {}
        is_late = late_ms >= LATE_MS
        return self._update(
            session_id,
            "SET earlier_keys.#c = if_not_exists(#keys.#c, :zero), #keys.#c = :at,"
            " burst_from = if_not_exists(burst_from, :came_at), expires_at = :expires_at"
            + (", holds.#c = :held" if held else "")
            + (", late_key_at = :came_at" if is_late else "")
            + " ADD revision :one",
            f"{_MAY_SEND} AND (attribute_not_exists(#keys.#c) OR #keys.#c < :at)"
            " AND (attribute_not_exists(stops.#c) OR stops.#c < :at)"
            + (" AND attribute_exists(holds)" if held else ""),
            {
                **held,
                ":at": _n(at),
                ":came_at": _n(at + late_ms),
                ":zero": _n(0),
                ":expires_at": _n(expires_at),
                ":one": _n(1),
                ":now_s": _n(now // 1000),
            },
            {"#keys": "keys", "#c": connection},
        )

    def _note_overtaken_key(self, session_id: str, connection: str, at: int) -> None:
        """A frame that a later one overtook still tells that there was no pause between them (T12)."""
        self._update(
            session_id,
            "SET earlier_keys.#c = :at ADD revision :one",
            "#keys.#c > :at AND earlier_keys.#c < :at",
            {":at": _n(at), ":one": _n(1)},
            {"#keys": "keys", "#c": connection},
        )

    def note_stop(self, session_id: str, connection: str, at: int, now: int, late_ms: int = 0) -> Session | None:
        """Take back this connection's keys up to ``at`` (T5, T10). None: a newer stop is known, or no record.

        ``late_ms``: its frame came so long after ``at``. The same stop again gives the record again: the first answer
        may have been lost on its way (T2).
        """
        late = {":came_at": _n(at + late_ms)} if late_ms >= LATE_MS else {}
        answer = self._update(
            session_id,
            "SET stops.#c = :at" + (", late_stop_at = :came_at" if late else "") + " ADD revision :one",
            f"{_ALIVE} AND (attribute_not_exists(stops.#c) OR stops.#c < :at)",
            {":at": _n(at), ":one": _n(1), ":now_s": _n(now // 1000), **late},
            {"#c": connection},
        )
        record = _session(answer["Attributes"]) if "Attributes" in answer else _alive(answer.get("Item"), now)
        return record if record is not None and record.stops[connection] == at else None

    def add_connection(self, session_id: str, coming: Coming, now: int, expires_at: int) -> Session | Absent:
        """A front end came in. A record of an earlier version is taken over, one of a later version used as it is.

        A blocked record is returned as it is.
        """
        answer = self._add_connection(session_id, coming, now, expires_at)
        found = _alive(answer.get("Item"), now)
        if found and found.is_blocked(now):
            return found
        if "Attributes" not in answer and found:
            self._take_over(session_id, now)
            answer = self._add_connection(session_id, coming, now, expires_at)
        return _session(answer["Attributes"]) if "Attributes" in answer else Absent()

    def _take_over(self, session_id: str, now: int) -> None:
        """Give a record of an earlier version what writes rely on."""
        self._update(
            session_id,
            "SET token_ends = if_not_exists(token_ends, :none), holds = if_not_exists(holds, :none),"
            " record_version = :version",
            f"{_ALIVE} AND (attribute_not_exists(record_version) OR record_version < :version)",
            {":none": {"M": {}}, ":version": _n(RECORD_VERSION), ":now_s": _n(now // 1000)},
        )

    def _add_connection(self, session_id: str, coming: Coming, now: int, expires_at: int) -> dict[str, Any]:
        return self._update(
            session_id,
            "SET expires_at = :expires_at, stops.#c = if_not_exists(stops.#c, :heard_at), token_ends.#c = :ends"
            + (", profile = :profile" if coming.profile else "")
            + " ADD connections :c",
            f"{_MAY_SEND} AND record_version >= :version",
            {
                ":expires_at": _n(expires_at),
                ":heard_at": _n(coming.heard_at),
                ":ends": _n(coming.token_ends),
                ":c": {"SS": [coming.connection]},
                ":version": _n(RECORD_VERSION),
                ":now_s": _n(now // 1000),
                **({":profile": {"S": coming.profile}} if coming.profile else {}),
            },
            {"#c": coming.connection},
        )

    def forget_connection(self, session_id: str, connection: str, now: int) -> None:
        """The connection is gone (disconnected, or 410 when posting to it)."""
        self._update(
            session_id,
            "DELETE connections :c",
            _ALIVE,
            {":c": {"SS": [connection]}, ":now_s": _n(now // 1000)},
        )

    def block(self, session_id: str, until: int, now: int) -> Session | None:
        """Take nothing of this visitor until ``until`` (epoch s), which the record outlives. In the past: unblock.

        None: it expired just now.
        """
        self.create(session_id, now, until)  # where there is none
        record = self.get(session_id, now)
        if record is None:
            return None
        answer = self._update(
            session_id,
            "SET blocked_until = :until, expires_at = :expires_at",
            _ALIVE,
            {
                ":until": _n(until),
                ":expires_at": _n(max(record.expires_at, until)),
                ":now_s": _n(now // 1000),
            },
        )
        return _session(answer["Attributes"]) if "Attributes" in answer else None

    def prune(self, record: Session, before: int) -> None:
        """Forget connections that are gone (``Session.forgettable``), as many as one write takes.

        Raises nothing: what is left is left to the next handshake, and this one goes on.
        """
        old = record.forgettable(before)
        if not old or record.record_version < RECORD_VERSION:
            return  # an older record lacks some of these maps until it is taken over
        names = {f"#c{i}": connection for i, connection in enumerate(old)}
        paths = [
            f"{field}.{name}" for name in names for field in ("#keys", "earlier_keys", "stops", "holds", "token_ends")
        ]
        remove, exists = "REMOVE " + ", ".join(paths), "attribute_exists(session_id)"
        try:
            self._update(record.session_id, remove, exists, {}, names | {"#keys": "keys"})
        except (BotoCoreError, ClientError) as error:
            logger.warning("Connections that are gone could not be forgotten: %s", error)

    # --- what owners do: ``generation`` fences owners, ``revision`` what they believed of keys and stops

    def claim(self, session_id: str, generation: int, lease_until: int, starts_until: int) -> bool:
        """Become the owner after ``generation``. ``own`` names the claim, and says what is then spent (T17)."""
        own = _n(starts_until * _CLAIMS + secrets.randbelow(_CLAIMS))
        return self._done(
            session_id,
            "SET generation = :next, #own = :own, lease_until = :lease, sweep_shard = :shard",
            "generation = :seen",
            {
                ":seen": _n(generation),
                ":next": _n(generation + 1),
                ":own": own,
                ":lease": _n(lease_until),
                ":shard": _n(shard_of(session_id)),
            },
            {"own": own, "generation": _n(generation + 1)},
            {"#own": "own"},
        )

    def set_lease(self, session_id: str, generation: int, lease_until: int) -> bool:
        """Lengthen the lease, or let it run out and leave the rest to the next key or the sweeper."""
        return self._done(
            session_id,
            "SET lease_until = :lease",
            "generation = :mine",
            {":mine": _n(generation), ":lease": _n(lease_until)},
        )

    def lock(self, record: Session, lock: Lock) -> bool:
        """Fence and lock in one write: only the newest owner, only on what it read, only one POST at a time (T6).

        Two executions of one owner may lock in the same ms: ``by`` tells them apart. It is not a claim's ``own``, as
        the next owner may come between the lock and its retry.
        """
        by = _mark(_SHORT)
        optional = {"typing_since": lock.typing_since, "burst_from": lock.burst_from}
        known = {name: value for name, value in optional.items() if value is not None}
        unknown = optional.keys() - known.keys()
        values = {
            ":mine": _n(record.generation),
            ":revision": _n(record.revision),
            ":guest": {"S": record.guest_id},
            ":sends": _n(record.sends),
            ":spends": _n(lock.spends),
            ":shard": _n(shard_of(record.session_id)),
            ":typing": {"BOOL": lock.typing},
            ":until": _n(lock.until),
            ":lease": _n(lock.lease_until),
            ":attempts": _n(record.failures_of(lock.typing) + 1),  # also if nobody lives to tell how it ended (T7)
            ":by": by,
        }
        values |= {f":{name}": _n(value) for name, value in known.items()}
        return self._done(
            record.session_id,
            "SET sending = :typing, typing = :typing, attempts = :attempts,"
            " sending_until = :until, lease_until = :lease, sweep_shard = :shard, #by = :by"
            + "".join(f", {name} = :{name}" for name in known)
            + (f" REMOVE {', '.join(sorted(unknown))}" if unknown else "")
            + " ADD sends :spends",
            f"{_AS_READ} AND guest_id = :guest",
            values,
            {"by": by, "sends": _n(record.sends + lock.spends), "sending_until": _n(lock.until)},
            {"#by": "by"},
        )

    def unlock(self, record: Session, lock: Lock) -> bool:
        """Give a lock back when no call was made, or what came of it says nothing of the guest there is now."""
        before = record.sending
        return self._done(
            record.session_id,
            "SET sending_until = :zero" + (" REMOVE sending" if before is None else ", sending = :before"),
            "sending_until = :until",
            {":until": _n(lock.until), ":zero": _n(0), **({} if before is None else {":before": {"BOOL": before}})},
        )

    def accepted(self, record: Session, lock: Lock, now: int, verify_at: int | None) -> bool:
        """CXone took the call that ``lock`` allowed. ``verify_at``: when to ask whether it shows that; None: never."""
        asked = {} if verify_at is None else {":verify_at": _n(verify_at)}
        return self._done(
            record.session_id,
            "SET shown = :typing, shown_at = :now, attempts = :zero, sending_until = :zero"
            + (", burst_from = :zero" if lock.typing else "")
            + (", verify_at = :verify_at REMOVE sending" if asked else " REMOVE sending, verify_at"),
            "sending_until = :until AND guest_id = :guest",
            {
                ":typing": {"BOOL": lock.typing},
                ":now": _n(now),
                ":zero": _n(0),
                **asked,
                **_held(record, lock),
            },
            _shown(record, lock, now),
        )

    def settled(self, record: Session, lock: Lock, now: int) -> bool:
        """CXone took the ``false`` of ``lock``, and nothing is left: ``accepted`` and ``release`` in one write."""
        return self._done(
            record.session_id,
            "SET shown = :false, shown_at = :now, attempts = :zero, mismatches = :zero, sending_until = :zero,"
            f" lease_until = :zero, typing = :false REMOVE sending, {_OF_A_BURST}",
            "sending_until = :until AND guest_id = :guest AND generation = :mine AND revision = :revision",
            {
                ":false": _FALSE,
                ":now": _n(now),
                ":zero": _n(0),
                ":mine": _n(record.generation),
                ":revision": _n(record.revision),
                **_held(record, lock),
            },
            {**_shown(record, lock, now), "lease_until": _n(0)},
        )

    def failed(self, record: Session, lock: Lock, uncertain_until: int | None) -> bool:
        """The call failed. ``uncertain_until``: None when CXone certainly did not take it."""
        certain = uncertain_until is None
        return self._done(
            record.session_id,
            "SET sending_until = :free" + (" REMOVE sending" if certain else ""),
            "sending_until = :until AND guest_id = :guest",
            {
                ":free": _n(uncertain_until or 0),
                **_held(record, lock),
            },
        )

    def put_off_question(self, record: Session, verify_at: int) -> bool:
        """CXone is asked now, and again at ``verify_at``; False where another owner asks it (T14)."""
        return self._done(
            record.session_id,
            "SET verify_at = :next",
            "generation = :mine AND verify_at = :seen",
            {":next": _n(verify_at), ":mine": _n(record.generation), ":seen": _n(record.verify_at or 0)},
            {"generation": _n(record.generation), "verify_at": _n(verify_at)},
        )

    def verified(self, record: Session, shown: bool, verify_at: int | None, mismatches: int) -> bool:
        """What CXone says that it shows, and when to ask again."""
        values = {
            ":mine": _n(record.generation),
            ":sends": _n(record.sends),
            ":guest": {"S": record.guest_id},
            ":shown": {"BOOL": shown},
            ":mismatches": _n(mismatches),
        }
        if verify_at is not None:
            values[":verify_at"] = _n(verify_at)
        return self._done(
            record.session_id,
            "SET shown = :shown, mismatches = :mismatches"
            + (" REMOVE verify_at" if verify_at is None else ", verify_at = :verify_at"),
            "generation = :mine AND sends = :sends AND guest_id = :guest",
            values,
        )

    def postpone(self, record: Session, retry_at: int) -> bool:
        """No call for this guest before ``retry_at``, whoever owns it (T7)."""
        return self._done(
            record.session_id,
            "SET retry_at = :at",
            "guest_id = :guest AND retry_at < :at",
            {":at": _n(retry_at), ":guest": {"S": record.guest_id}},
        )

    def forget_failures(self, session_id: str, generation: int) -> bool:
        """The burst that failed is over; the next has all its retries."""
        return self._done(
            session_id,
            "SET attempts = :zero, mismatches = :zero",
            "generation = :mine",
            {":zero": _n(0), ":mine": _n(generation)},
        )

    def release(self, record: Session) -> bool:
        """Give the lease up, unless there is a key, a stop or a call that this owner has not seen (T4, T9)."""
        return self._done(
            record.session_id,
            f"SET lease_until = :zero, typing = :false, attempts = :zero, mismatches = :zero REMOVE {_OF_A_BURST}",
            _AS_READ,
            {
                ":zero": _n(0),
                ":false": _FALSE,
                ":mine": _n(record.generation),
                ":revision": _n(record.revision),
                ":sends": _n(record.sends),
            },
        )

    # --- guests

    def request_guest(self, record: Session, now: int) -> bool:
        """Note that a guest is being asked for; False when somebody else just did."""
        return self._done(
            record.session_id,
            "SET guest_status = :opening, guest_requested_at = :now",
            "guest_status = :seen AND guest_requested_at = :seen_at",
            {
                ":opening": {"S": GuestStatus.OPENING},
                ":now": _n(now),
                ":seen": {"S": record.guest_status},
                ":seen_at": _n(record.guest_requested_at),
            },
        )

    def take_guest(self, session_id: str, keeper: str, now: int, claim: int = 0) -> Session | None:
        """Make ``keeper`` the one that holds this session's guest, by ``claim`` (0: none). None: no such session.

        Returns the record. It names another keeper where that one's claim is later: a take that comes late, or twice,
        takes nothing from who has it by now.
        """
        claimed = ", held = :claim, guest_requested_at = :now" if claim else ""
        answer = self._update(
            session_id,
            f"SET keeper = :keeper{claimed}",
            _ALIVE + (" AND (attribute_not_exists(held) OR held <= :claim)" if claim else ""),
            {
                ":keeper": {"S": keeper},
                ":now_s": _n(now // 1000),
                **({":claim": _n(claim), ":now": _n(now)} if claim else {}),
            },
        )
        return _session(answer["Attributes"]) if "Attributes" in answer else _alive(answer.get("Item"), now)

    def hold_again(self, session_id: str, keeper: str, now: int, claim: int) -> Session | None:
        """``keeper`` holds the guest by another claim from now on. None: the record does not name it any more.

        Returns the record: no other keeper has held this guest since this one took it.
        """
        answer = self._update(
            session_id,
            "SET held = :claim, guest_requested_at = :now",
            f"{_ALIVE} AND keeper = :keeper",
            {":keeper": {"S": keeper}, ":claim": _n(claim), ":now": _n(now), ":now_s": _n(now // 1000)},
        )
        return _session(answer["Attributes"]) if "Attributes" in answer else None

    def keep_guest(self, session_id: str, keeper: str, now: int, expires_at: int) -> bool:
        """``keeper`` says that it holds the guest, and the record lives on, as the visitor is there."""
        return self._done(
            session_id,
            "SET guest_requested_at = :now, expires_at = :expires_at",
            "keeper = :keeper AND attribute_exists(connections)",
            {":now": _n(now), ":expires_at": _n(expires_at), ":keeper": {"S": keeper}},
        )

    def open_guest(self, session_id: str, keeper: str, guest_id: str, web_socket_url: str, now: int) -> bool:
        """A new guest was created: nothing is shown there yet."""
        return self._done(
            session_id,
            f"SET guest_id = :guest, web_socket_url = :url, guest_status = :opening, guest_requested_at = :now,"
            f" typing_unavailable = :false, {_FORGET_CALL} REMOVE sending, typing_since",
            "keeper = :keeper",
            {
                ":guest": {"S": guest_id},
                ":url": {"S": web_socket_url},
                ":opening": {"S": GuestStatus.OPENING},
                ":now": _n(now),
                ":keeper": {"S": keeper},
                ":false": _FALSE,
                ":zero": _n(0),
            },
        )

    def set_guest_status(self, session_id: str, keeper: str, status: GuestStatus, now: int) -> Session | None:
        """Where the guest's socket stands, said by its keeper. None when the record names another keeper."""
        answer = self._update(
            session_id,
            "SET guest_status = :status",
            "keeper = :keeper",
            {":status": {"S": status}, ":keeper": {"S": keeper}},
        )
        return _session(answer["Attributes"]) if "Attributes" in answer else None

    def end_guest(self, session_id: str, guest_id: str, now: int) -> bool:
        """The guest session is over; True for who notices first. What the next one shows is to be asked (T14)."""
        mark = _mark()
        return self._done(
            session_id,
            f"SET guest_id = :none, guest_status = :opening, guest_requested_at = :now, {_FORGET_CALL},"
            " verify_at = :now, ended_by = :mark REMOVE sending, typing_since, web_socket_url",
            "guest_id = :guest",
            {
                ":mark": mark,
                ":guest": {"S": guest_id},
                ":none": {"S": ""},
                ":opening": {"S": GuestStatus.OPENING},
                ":now": _n(now),
                ":false": _FALSE,
                ":zero": _n(0),
            },
            {"ended_by": mark},
        )

    def release_guest(self, session_id: str, keeper: str, now: int, whatever_is_shown: bool = False) -> bool:
        """The visitor has been gone for the grace: no guest any more, unless a front end is back.

        Nor while typing is, or may be, shown there: who holds no guest can take nothing back (T4). But it is released
        ``whatever_is_shown`` where CXone has been out of reach for long. The burst's lease goes too: on Digital-First
        nobody could own it.
        """
        mark = _mark()
        nothing_is_shown = "shown = :false AND attribute_not_exists(sending)"
        return self._done(
            session_id,
            "SET guest_status = :closed, keeper = :none, guest_id = :none, lease_until = :zero, ended_by = :mark,"
            f" {_FORGET_CALL}"
            " REMOVE sending, verify_at, typing_since, web_socket_url, sweep_shard",
            "keeper = :keeper AND attribute_not_exists(connections)"
            + ("" if whatever_is_shown else f" AND {nothing_is_shown}"),
            {
                ":closed": {"S": GuestStatus.CLOSED},
                ":none": {"S": ""},
                ":keeper": {"S": keeper},
                ":false": _FALSE,
                ":zero": _n(0),
                ":mark": mark,
            },
            {"ended_by": mark, "guest_status": {"S": GuestStatus.CLOSED}},
        )

    def mark_typing_unavailable(self, session_id: str, guest_id: str) -> bool:
        """CXone has no typing endpoint for this guest (404); True for the first to find out."""
        mark = _mark()
        return self._done(
            session_id,
            "SET typing_unavailable = :true, shown = :false, found_by = :mark REMOVE sending, verify_at",
            "guest_id = :guest AND typing_unavailable = :false",
            {":guest": {"S": guest_id}, ":true": _TRUE, ":false": _FALSE, ":mark": mark},
            {"found_by": mark, "typing_unavailable": _TRUE},
        )

    # --- Digital-First: a guest there is a visitor signed in at the gateway, the same one for the session's life

    def open_conversation(self, session_id: str, keeper: str, made: Conversation, now: int) -> bool:
        """The visitor has signed in: nothing is known yet of what agents see."""
        return self._done(
            session_id,
            "SET guest_id = :guest, web_socket_url = :url, access_until = :until, conversation = :conversation,"
            " guest_status = :opening, guest_requested_at = :now, contact_open = :false, typing_unavailable = :false,"
            " told_at = if_not_exists(told_at, :zero),"
            f" {_FORGET_CALL} REMOVE sending, verify_at, typing_since",
            "keeper = :keeper",
            {
                ":guest": {"S": made.visitor_id},
                ":url": {"S": made.web_socket_url},
                ":until": _n(made.access_until),
                ":conversation": {"M": {name: {"S": value} for name, value in made.identity().items()}},
                ":opening": {"S": GuestStatus.OPENING},
                ":now": _n(now),
                ":keeper": {"S": keeper},
                ":false": _FALSE,
                ":zero": _n(0),
            },
        )

    def renew_access(self, session_id: str, keeper: str, web_socket_url: str, access_until: int) -> bool:
        """The same visitor has a new token; what agents see is not touched by that."""
        return self._done(
            session_id,
            "SET web_socket_url = :url, access_until = :until",
            "keeper = :keeper",
            {":url": {"S": web_socket_url}, ":until": _n(access_until), ":keeper": {"S": keeper}},
        )

    def set_contact(self, session_id: str, keeper: str, is_open: bool, may_show: bool) -> Session | None:
        """A contact is open on the keeper's socket, or none is. None: the record names another keeper.

        ``sends`` fences what owners have read. What was said before may still be on its way, by a socket that was
        lost: its lock is waited out (T6), but named by a ms more, so that nobody's answer counts for it any more.
        ``may_show``: the agent may see typing, so what is wanted is said again.
        """
        answer = self._update(
            session_id,
            f"SET contact_open = :open, {_FORGET_CALL}, sending_until = sending_until + :one"
            + (", sending = :true REMOVE verify_at" if may_show else f" REMOVE sending, {_OF_THE_CONTACT}")
            + " ADD sends :one",
            "keeper = :keeper",
            {
                ":open": {"BOOL": is_open},
                ":keeper": {"S": keeper},
                ":false": _FALSE,
                ":zero": _n(0),
                ":one": _n(1),
                **({":true": _TRUE} if may_show else {}),
            },
        )
        return _session(answer["Attributes"]) if "Attributes" in answer else None

    def doubt_shown(self, session_id: str, keeper: str) -> Session | None:
        """The agent need not see what was accepted last: what is wanted is said again."""
        answer = self._update(
            session_id,
            "SET sending = :true ADD sends :one",
            "keeper = :keeper AND (attribute_not_exists(contact_open) OR contact_open = :true)",
            {":true": _TRUE, ":keeper": {"S": keeper}, ":one": _n(1)},
        )
        return _session(answer["Attributes"]) if "Attributes" in answer else None

    def set_thread(self, session_id: str, keeper: str, thread_id: str) -> bool:
        """The conversation goes on in another thread."""
        return self._done(
            session_id,
            "SET conversation.thread = :thread",
            "keeper = :keeper AND attribute_exists(conversation)",
            {":thread": {"S": thread_id}, ":keeper": {"S": keeper}},
        )

    def note_told(self, session_id: str, keeper: str, at: int, message_id: str) -> bool:
        """The visitor has been told the thread's messages up to this one, created ``at`` (epoch ms)."""
        return self._done(
            session_id,
            "SET told_at = :at, told_id = :id",
            "keeper = :keeper",
            {":at": _n(at), ":id": {"S": message_id}, ":keeper": {"S": keeper}},
        )

    # --- the one call

    def _done(
        self,
        session_id: str,
        update: str,
        condition: str,
        values: dict[str, Any],
        left: Mapping[str, Any] | None = None,
        names: dict[str, str] | None = None,
    ) -> bool:
        """Whether the condition held, for this request or for an earlier try of it, whose answer was lost.

        ``left``: attributes as only this write leaves them. A write without it may be repeated, or its refusal does no
        harm.
        """
        answer = self._update(session_id, update, condition, values, names)
        item = answer.get("Item", {})
        is_our_own = left is not None and all(item.get(name) == value for name, value in left.items())
        return "Attributes" in answer or is_our_own

    def _update(
        self,
        session_id: str,
        update: str,
        condition: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """{"Attributes": new item}, or {"Item": the item that failed the condition}, or {} when there is none."""
        request: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        if names:
            request["ExpressionAttributeNames"] = names
        try:
            answer: dict[str, Any] = self._client.update_item(
                TableName=self._table,
                Key=_key(session_id),
                UpdateExpression=update,
                ConditionExpression=condition,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **request,
            )
            return answer
        except ClientError as error:
            _raise_unless_condition_failed(error)
            return {"Item": error.response["Item"]} if "Item" in error.response else {}


def shard_of(session_id: str) -> int:
    """The partition of the lease index that a session belongs to."""
    return zlib.crc32(session_id.encode()) % SWEEP_SHARDS


_ATTRIBUTES = frozenset(field.name for field in fields(Session))
#: A status that only a later version knows is none to rely on: a guest is asked for anew.
_STATUSES = {str(status): status for status in GuestStatus}
_TRUE, _FALSE = {"BOOL": True}, {"BOOL": False}


def _n(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _key(session_id: str) -> dict[str, Any]:
    return {"session_id": {"S": session_id}}


def _held(record: Session, lock: Lock) -> dict[str, Any]:
    return {":until": _n(lock.until), ":guest": {"S": record.guest_id}}


def _shown(record: Session, lock: Lock, now: int) -> dict[str, Any]:
    """What the end of ``lock`` leaves: nobody else holds it."""
    shown, free = {"BOOL": lock.typing}, _n(0)
    return {"shown": shown, "shown_at": _n(now), "sending_until": free, "guest_id": {"S": record.guest_id}}


def _mark(random_bytes: int = 9) -> dict[str, str]:
    """A name that no other write has, so that a retry knows the write that it repeats."""
    return {"S": secrets.token_urlsafe(random_bytes)}


def _fresh(session_id: str, expires_at: int) -> dict[str, Any]:
    """A new item has every attribute that a condition compares."""
    return {
        **_key(session_id),
        "expires_at": _n(expires_at),
        "keys": {"M": {}},
        "earlier_keys": {"M": {}},
        "stops": {"M": {}},
        "holds": {"M": {}},
        "token_ends": {"M": {}},
        "record_version": _n(RECORD_VERSION),
        "revision": _n(0),
        "sends": _n(0),
        "retry_at": _n(0),
        "generation": _n(0),
        "lease_until": _n(0),
        "sending_until": _n(0),
        "typing": _FALSE,
        "shown": _FALSE,
        "typing_unavailable": _FALSE,
        "guest_status": {"S": GuestStatus.CLOSED},
        "guest_requested_at": _n(0),
        "guest_id": {"S": ""},
        "keeper": {"S": ""},
    }


def _raise_unless_condition_failed(error: ClientError) -> None:
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error


def _alive(item: Mapping[str, Any] | None, now: int) -> Session | None:
    if item is None or int(item["expires_at"]["N"]) <= now // 1000:
        return None
    return _session(item)


def _session(item: Mapping[str, Any]) -> Session:
    values = {name: _plain(value) for name, value in item.items() if name in _ATTRIBUTES}
    values.setdefault("record_version", 1)  # it had none then
    if "N" in item.get("own", {}):  # of a version before it is another kind of name
        values["starts_until"] = int(item["own"]["N"]) // _CLAIMS
    values["guest_status"] = _STATUSES.get(values["guest_status"], GuestStatus.CLOSED)
    return Session(**values)


def _plain(value: Mapping[str, Any]) -> Any:
    """DynamoDB's typed value as a plain one; numbers here are whole."""
    [(kind, content)] = value.items()
    match kind:
        case "N":
            return int(content)
        case "SS":
            return frozenset(content)
        case "L":
            return tuple(_plain(inner) for inner in content)
        case "M":
            return {name: _plain(inner) for name, inner in content.items()}
        case _:
            return content

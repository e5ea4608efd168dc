"""Session records in DynamoDB: one item per visitor session, every write conditional. Beside it, on Digital-First, an
item that only the next keeper reads: the socket's URL, whose length each write of the record would pay for.

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

from typing_relay.aws.expressions import Compiler, typed
from typing_relay.aws.queries import found_by, in_batches
from typing_relay.relay.burst import RECORD_VERSION, GuestStatus, Session
from typing_relay.relay.effects import OnRecords
from typing_relay.relay.ports import KeptAccess
from typing_relay.relay.session_store import LONGEST_ACCESS_MS, SessionStore
from typing_relay.relay.updates import Answer, Update
from typing_relay.relay.value import changed

#: Unreleased leases are spread over this many partitions of the index.
SWEEP_SHARDS = 8
LEASE_INDEX = "by_lease"
#: Random bytes of a mark that stays in the record, which is to stay below 1 KB; together with what else the write
#: leaves they are enough.
_SHORT = 2
#: A claim's name, and its attribute: what it leaves spent (ms), and one of this many numbers, as two may come in the
#: same ms.
_CLAIM, _CLAIMS = "own", 100_000
#: The part of a record that ``get_many`` reads.
LOOKED_AT = (
    *("session_id", "connections", "guest_id", "guest_status", "keeper", "held", "guest_requested_at"),
    *("sends", "profile", "sign_in", "record_version", "expires_at"),
    *("revision", "keys", "stops", "token_ends"),
)


logger = logging.getLogger(__name__)

T = TypeVar("T")


class DynamoSessions(SessionStore):
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
        keys = [_key(session_id) for session_id in dict.fromkeys(session_ids)]  # DynamoDB refuses to be asked twice
        found: dict[str, Session] = {}
        part = ", ".join("#keys" if name == "keys" else name for name in LOOKED_AT)
        how = {"ProjectionExpression": part, "ExpressionAttributeNames": {"#keys": "keys"}}  # a reserved word
        for item in in_batches(self._client, self._table, keys, how):
            record = _alive(item, now)
            if record is not None:
                found[record.session_id] = record
        return found

    def access_of(self, session_id: str, now: int) -> KeptAccess | None:
        """What was kept, if its token has not ended (consistent read)."""
        answer = self._client.get_item(TableName=self._table, Key=beside(session_id), ConsistentRead=True)
        item = answer.get("Item")
        if item is None or int(item["expires_at"]["N"]) <= now // 1000:
            return None
        return KeptAccess(item["guest_id"]["S"], item["web_socket_url"]["S"], int(item["access_until"]["N"]))

    def overdue(self, shard: int, before: int, limit: int) -> list[str]:
        """Up to ``limit`` session ids of ``shard`` whose lease ran out before ``before`` and was never released."""
        return [session_id for session_id, _ in next(self.all_leases(shard, before, limit), [])]

    def all_leases(self, shard: int, before: int, limit: int) -> Iterator[list[tuple[str, int]]]:
        """All of them, each with its lease's end (ms), ``limit`` at a time; each page is read when it is asked for."""
        items = found_by(
            self._client,
            TableName=self._table,
            IndexName=LEASE_INDEX,
            KeyConditionExpression="sweep_shard = :shard AND lease_until < :before",
            ExpressionAttributeValues={":shard": _n(shard), ":before": _n(before)},
            Limit=limit,
        )
        while page := [(item["session_id"]["S"], int(item["lease_until"]["N"])) for item in islice(items, limit)]:
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

    def keep_access(self, session_id: str, access: KeptAccess, now: int) -> None:
        """By an update: a keeper may not put whole items."""
        self._client.update_item(
            TableName=self._table,
            Key=beside(session_id),
            UpdateExpression="SET guest_id = :guest, web_socket_url = :url, access_until = :until, expires_at = :ends",
            ExpressionAttributeValues={
                ":guest": {"S": access.guest_id},
                ":url": {"S": access.web_socket_url},
                ":until": _n(access.until),
                ":ends": _n(min(access.until, now + LONGEST_ACCESS_MS) // 1000),
            },
        )

    def prune(self, record: Session, before: int) -> None:
        """Raises nothing: what is left is left to the next handshake, and this one goes on."""
        try:
            super().prune(record, before)
        except (BotoCoreError, ClientError) as error:
            logger.warning("Connections that are gone could not be forgotten: %s", error)

    # --- stated in ``relay.session_writes``

    def write(self, update: Update[T]) -> T:
        """Make one write that is stated as data."""
        mark, spent = _mark_of(update), _spent_by(update)
        in_index = {"sweep_shard": _n(shard_of(update.session_id))} if update.in_lease_index else {}
        changed = self._update(update.session_id, Compiler(update, {**spent, **mark, **in_index}))
        answer: Any
        if update.answer in (Answer.IS_DONE, Answer.DONE_OR_RECORD):
            answer = "Attributes" in changed or _is_our_own(update, mark, changed.get("Item", {}))
            if update.answer is Answer.DONE_OR_RECORD and not answer:
                answer = _session(changed["Item"]) if "Item" in changed else None
        elif "Attributes" in changed:
            answer = _session(changed["Attributes"])
        elif update.answer is Answer.RECORD_IF_DONE and _is_our_own(update, mark, changed.get("Item", {})):
            answer = _session(changed["Item"])
        elif update.answer is Answer.RECORD_ANYWAY and update.alive_at is not None:
            answer = _alive(changed.get("Item"), update.alive_at)
        else:
            answer = None
        return answer  # type: ignore[no-any-return]

    # --- the one call

    def _update(self, session_id: str, compiled: Compiler) -> dict[str, Any]:
        """{"Attributes": new item}, or {"Item": the item that failed the condition}, or {} when there is none."""
        request: dict[str, Any] = {}
        if compiled.values:
            request["ExpressionAttributeValues"] = compiled.values
        if compiled.names:
            request["ExpressionAttributeNames"] = compiled.names
        try:
            answer: dict[str, Any] = self._client.update_item(
                TableName=self._table,
                Key=_key(session_id),
                UpdateExpression=compiled.update,
                ConditionExpression=compiled.condition,
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
#: What is absent from an item is as here.
_NOTHING_KNOWN = Session("")
#: A status that only a later version knows is none to rely on: a guest is asked for anew.
_STATUSES = {str(status): status for status in GuestStatus}
_FALSE = {"BOOL": False}


def _n(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _key(session_id: str) -> dict[str, Any]:
    return {"session_id": {"S": session_id}}


def beside(session_id: str) -> dict[str, Any]:
    """The key of the item beside a record: no session id has a '#'."""
    return _key(f"{session_id}#access")


def is_record(item: Mapping[str, Any]) -> bool:
    """Whether an item of the table is a session's record, not one beside it."""
    return "#" not in item["session_id"]["S"]


def _mark_of(update: Update[Any]) -> dict[str, dict[str, str]]:
    """A name for this write that no other has, in its attribute."""
    if update.mark == _CLAIM:
        return _spent_by(update)
    return {update.mark: _mark(_SHORT if update.mark == "by" else 9)} if update.mark else {}


def _spent_by(update: Update[Any]) -> dict[str, dict[str, str]]:
    """The name of a claim, which also says what is then spent (T17)."""
    if "starts_until" not in update.sets:
        return {}
    return {_CLAIM: _n(update.sets["starts_until"] * _CLAIMS + secrets.randbelow(_CLAIMS))}


def _is_our_own(update: Update[Any], mark: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """The item that refused the write is as only an earlier try of it left it."""
    if update.left is None:
        return False
    left = {**mark, **{name: typed(value) for name, value in update.left.items()}}
    return all(item.get(name) == value for name, value in left.items())


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
    return changed(_NOTHING_KNOWN, **values)


def _plain(value: Mapping[str, Any]) -> Any:
    """DynamoDB's typed value as a plain one; numbers here are whole."""
    [(kind, content)] = value.items()
    if kind == "S":  # the usual kinds first: each record that is read has some forty values
        return content
    match kind:
        case "N":
            return int(content)
        case "M":
            return {name: _plain(inner) for name, inner in content.items()}
        case "SS":
            return frozenset(content)
        case "L":
            return tuple(_plain(inner) for inner in content)
        case _:
            return content

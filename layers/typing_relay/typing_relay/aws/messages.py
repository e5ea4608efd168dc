"""Messages of visitors on their way to CXone, in DynamoDB: one item each, every write conditional.

The text is there only while the message waits; where it stands, and a fingerprint by which the same message is known
again, stay until ``expires_at`` (epoch s; past it the item counts as absent, T11). Other times are epoch ms.

Beside each message that waits lies a **mark**, a small item in a range of its own: a look reads the session's marks and
their messages, consistently, and nothing that is settled (T18). A mark is written before its message and deleted once
that is settled, so no message waits without one, but for those that the version before has taken in: they are found in
the index (``waiting_sessions``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from typing_relay.aws.queries import found_by, in_batches
from typing_relay.aws.sessions import shard_of
from typing_relay.relay.ports import (
    EXPIRED,
    UNCONFIRMED,
    AlreadyThere,
    Attachment,
    Author,
    MessageStatus,
    SentMessage,
    Standing,
    WaitingMessage,
)

DEADLINE_INDEX = "by_deadline"

_KEY_NAME_DIGITS = 8

#: How a mark's key begins, in the place of a message's id, which is a UUID.
_MARK = "waiting#"
#: A mark without a message that waits is left alone for this long: its message may be about to be written.
_YOUNG_MS = 60_000
#: A mark is forgotten this long after its message's deadline: by then somebody has settled it.
_MARK_LIVES_S = 600
#: A look at all sessions of a shard finds no more messages: those with the earliest deadlines; the others soon after.
_MOST_FOUND = 2_000
#: A look reads no more marks. Few more than twenty messages of a session wait at any time (``MOST_WAITING``).
_MOST_MARKS = 100

_IS_WAITING = "standing = :waiting"
_SETTLED = (
    "SET standing = :standing, reason = :reason "
    "REMOVE message_text, message_postback, message_attachments, message_author, waiting_shard, deadline"
)


class DynamoMessages:
    """``client`` is ``services.DynamoDb``, or boto3's low-level client."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client, self._table = client, table_name

    # --- from the visitor

    def put(
        self, session_id: str, message: SentMessage, now: int, deadline: int, expires_at: int
    ) -> AlreadyThere | None:
        """Keep a message to be delivered by ``deadline``. None: it waits now."""
        self._mark(session_id, message.message_id, now, deadline)
        there = self._put(session_id, message, now, deadline, expires_at)
        if there is None:
            return None
        if there["standing"]["S"] != MessageStatus.WAITING:
            self._remove_mark(session_id, message.message_id)
        return AlreadyThere(_standing(there), _is_same(there, session_id, message))

    def _put(
        self, session_id: str, message: SentMessage, now: int, deadline: int, expires_at: int
    ) -> Mapping[str, Any] | None:
        """The item of that id that is there already, if any."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(session_id, message.message_id),
                    "sent_at": _n(message.at),
                    "message_text": {"S": message.text},
                    **({"message_postback": {"S": message.postback}} if message.postback else {}),
                    **({"message_attachments": {"S": _encoded(message.attachments)}} if message.attachments else {}),
                    **({"message_author": {"S": _named(message.author)}} if message.author else {}),
                    "fingerprint": {"S": fingerprint(session_id, message)},
                    "standing": {"S": MessageStatus.WAITING},
                    "waiting_shard": _n(shard_of(session_id)),
                    "deadline": _n(deadline),
                    "expires_at": _n(expires_at),
                },
                ConditionExpression="attribute_not_exists(message_id) OR expires_at <= :now_s",
                ExpressionAttributeValues={":now_s": _n(now // 1000)},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            known = _refused(error)
            if known is None:  # gone between the condition and its answer
                raise
            return known
        return None

    def _mark(self, session_id: str, message_id: str, now: int, deadline: int) -> None:
        marked = {"marked_at": _n(now), "expires_at": _n(deadline // 1000 + _MARK_LIVES_S)}
        self._client.put_item(TableName=self._table, Item={**_key(session_id, _MARK + message_id), **marked})

    def _remove_mark(self, session_id: str, message_id: str) -> None:
        self._client.delete_item(TableName=self._table, Key=_key(session_id, _MARK + message_id))

    # --- reading

    def get(self, session_id: str, message_id: str, now: int) -> Standing | None:
        """Where a message stands; None: no such message."""
        key = _key(session_id, message_id)
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return _standing(item) if item is not None and _lives(item, now) else None

    def waiting(self, session_id: str, limit: int, now: int, also: Collection[str] = ()) -> list[WaitingMessage]:
        """The first ``limit`` messages of this session that wait, in the order in which they were sent.

        Consistent reads: what was settled before them is not among them. ``also``: ids of messages that may have no
        mark.
        """
        marked = dict(islice(self._marks(session_id), _MOST_MARKS))
        found = self._found(session_id, {*marked, *also}, now)
        for message_id, marked_at in marked.items():
            if message_id not in found and now - marked_at > _YOUNG_MS:
                self._remove_mark(session_id, message_id)
        return sorted(found.values(), key=in_order)[:limit]

    def count_waiting(self, session_id: str, most: int) -> int:
        """How many of this session wait, up to ``most``, by their marks."""
        return sum(1 for _ in islice(self._marks(session_id), most))

    def _marks(self, session_id: str) -> Iterator[tuple[str, int]]:
        """(message id, when it was marked), in no order that matters."""
        items = found_by(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="session_id = :session AND begins_with(message_id, :mark)",
            ExpressionAttributeValues={":session": {"S": session_id}, ":mark": {"S": _MARK}},
            Limit=_MOST_MARKS,
        )
        return ((item["message_id"]["S"].removeprefix(_MARK), int(item["marked_at"]["N"])) for item in items)

    def _found(self, session_id: str, message_ids: Iterable[str], now: int) -> dict[str, WaitingMessage]:
        keys = [_key(session_id, message_id) for message_id in sorted(message_ids)]
        return {
            item["message_id"]["S"]: _waiting(item)
            for item in in_batches(self._client, self._table, keys, {"ConsistentRead": True})
            if item["standing"]["S"] == MessageStatus.WAITING and _lives(item, now)
        }

    def overdue(self, shard: int, before: int, limit: int) -> list[tuple[str, str]]:
        """(session id, message id) of up to ``limit`` messages whose deadline was before ``before``, and that wait."""
        items = found_by(
            self._client,
            TableName=self._table,
            IndexName=DEADLINE_INDEX,
            KeyConditionExpression="waiting_shard = :shard AND deadline < :before",
            ExpressionAttributeValues={":shard": _n(shard), ":before": _n(before)},
            Limit=limit,
        )
        return [(item["session_id"]["S"], item["message_id"]["S"]) for item in islice(items, limit)]

    def waiting_sessions(self, shard: int) -> dict[str, set[str]]:
        """The sessions of ``shard`` in which a message waits, with the messages' ids: one look for all, as few wait."""
        items = found_by(
            self._client,
            TableName=self._table,
            IndexName=DEADLINE_INDEX,
            KeyConditionExpression="waiting_shard = :shard",
            ExpressionAttributeValues={":shard": _n(shard)},
        )
        found: dict[str, set[str]] = {}
        for item in islice(items, _MOST_FOUND):
            found.setdefault(item["session_id"]["S"], set()).add(item["message_id"]["S"])
        return found

    # --- from whoever delivers

    def leave(self, session_id: str, message_id: str, seen: str, leaving: str) -> bool:
        """Before it is sent: from now on it may have been sent by ``leaving``, a name that no other try has (T15).

        False: it waits no more, or another leaving than ``seen`` has come since: it must not be sent.
        """
        unchanged = "left_by IN (:seen, :leaving)" if seen else "(attribute_not_exists(left_by) OR left_by = :leaving)"
        values = {":waiting": {"S": MessageStatus.WAITING}, ":leaving": {"S": leaving}}
        if seen:
            values[":seen"] = {"S": seen}
        answer = self._update(
            session_id, message_id, "SET left_by = :leaving", f"{_IS_WAITING} AND {unchanged}", values
        )
        return "Attributes" in answer

    def settle(self, session_id: str, message_id: str, standing: Standing) -> Standing | None:
        """It is accepted or has failed. Returns where it stands now; None: no such message.

        Settling twice is harmless: the first result stands. One exception: ACCEPTED replaces `unconfirmed`.
        """
        condition = _IS_WAITING
        values = {":standing": {"S": standing.status}, ":reason": {"S": standing.reason}}
        if standing.status is MessageStatus.ACCEPTED:
            condition += " OR reason = :unconfirmed"
            values[":unconfirmed"] = {"S": UNCONFIRMED}
        return self._settled(session_id, message_id, condition, values)

    def expire(self, session_id: str, message_id: str) -> Standing | None:
        """Nothing waits for ever (T15): it has failed, unless it is settled. Returns and None as ``settle``."""
        for reason, has_left in (
            (EXPIRED, "attribute_not_exists(left_by)"),
            (UNCONFIRMED, "attribute_exists(left_by)"),
        ):
            values = {":standing": {"S": MessageStatus.FAILED}, ":reason": {"S": reason}}
            stands = self._settled(session_id, message_id, f"{_IS_WAITING} AND {has_left}", values)
            if stands is None or stands.status is not MessageStatus.WAITING:
                return stands
        return stands

    def _settled(self, session_id: str, message_id: str, condition: str, values: dict[str, Any]) -> Standing | None:
        waiting = {":waiting": {"S": MessageStatus.WAITING}}
        answer = self._update(session_id, message_id, _SETTLED, condition, values | waiting)
        item = answer.get("Attributes") or answer.get("Item")
        if not item:
            return None
        if item["standing"]["S"] != MessageStatus.WAITING:
            self._remove_mark(session_id, message_id)
        return _standing(item)

    def _update(
        self, session_id: str, message_id: str, update: str, condition: str, values: dict[str, Any]
    ) -> dict[str, Any]:
        """{"Attributes": new item}, or {"Item": the item that failed the condition}, or {} when there is none."""
        try:
            answer: dict[str, Any] = self._client.update_item(
                TableName=self._table,
                Key=_key(session_id, message_id),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
            return answer
        except ClientError as error:
            item = _refused(error)
            return {"Item": item} if item else {}


def fingerprint(session_id: str, message: SentMessage) -> str:
    """The same for the same text and choice of the same message by the same key; '' without one.

    A short text could be found by trying, if it was hashed by what the table has beside it. The part before the dot
    tells keys apart.
    """
    if not message.key:
        return ""
    key = message.key.encode()
    name = hmac.digest(key, b"name", "sha256").hex()[:_KEY_NAME_DIGITS]
    return f"{name}.{hmac.digest(key, _all_of(session_id, message), 'sha256').hex()}"


def _all_of(session_id: str, message: SentMessage) -> bytes:
    files = _encoded(message.attachments) if message.attachments else ""
    more: tuple[str, ...] = (message.postback, files) if files else (message.postback,) if message.postback else ()
    more += (_named(message.author),) if message.author else ()
    return "\0".join((session_id, message.message_id, message.text, *more)).encode()


def _is_same(known: Mapping[str, Any], session_id: str, message: SentMessage) -> bool:
    """Whether the item is of this message, as far as can be told: by its text, or by its fingerprint.

    Where another key made it, it counts as the same: an answer that was lost must come (T15).
    """
    if "message_text" in known:
        waits = _waiting(known)
        return (waits.text, waits.postback, waits.attachments, waits.author) == (
            message.text,
            message.postback,
            message.attachments,
            message.author,
        )
    kept = known["fingerprint"]["S"]
    if "." not in kept and kept:  # of a version before
        return bool(kept == hashlib.sha256(_all_of(session_id, message)).hexdigest())
    now = fingerprint(session_id, message)
    is_comparable = kept and now and kept.partition(".")[0] == now.partition(".")[0]
    return bool(kept == now) if is_comparable else True


def in_order(message: SentMessage) -> tuple[int, str]:
    """By when they were sent; of two in the same ms the id decides, for all keepers alike."""
    return (message.at, message.message_id)


def _refused(error: ClientError) -> Mapping[str, Any] | None:
    """The item that failed the condition, if there was one. Raises ``error`` if that is not what it says."""
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
    item: Mapping[str, Any] | None = error.response.get("Item")
    return item


def _n(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _key(session_id: str, message_id: str) -> dict[str, Any]:
    return {"session_id": {"S": session_id}, "message_id": {"S": message_id}}


def is_mark(item: Mapping[str, Any]) -> bool:
    """Whether an item of the table is a mark, and no message."""
    return str(item["message_id"]["S"]).startswith(_MARK)


def _lives(item: Mapping[str, Any], now: int) -> bool:
    return int(item["expires_at"]["N"]) > now // 1000


def _standing(item: Mapping[str, Any]) -> Standing:
    return Standing(MessageStatus(item["standing"]["S"]), item.get("reason", {}).get("S", ""))


def _waiting(item: Mapping[str, Any]) -> WaitingMessage:
    return WaitingMessage(
        item["message_id"]["S"],
        item["message_text"]["S"],
        int(item["sent_at"]["N"]),
        item.get("left_by", {}).get("S", ""),
        postback=item.get("message_postback", {}).get("S", ""),
        attachments=_decoded(item.get("message_attachments", {}).get("S", "[]")),
        author=Author(*json.loads(item["message_author"]["S"])) if "message_author" in item else None,
    )


def _named(author: Author) -> str:
    return json.dumps((author.name, author.email), separators=(",", ":"))


def _encoded(attachments: Iterable[Attachment]) -> str:
    return json.dumps([(file.url, file.name, file.type) for file in attachments], separators=(",", ":"))


def _decoded(text: str) -> tuple[Attachment, ...]:
    return tuple(Attachment(*parts) for parts in json.loads(text))

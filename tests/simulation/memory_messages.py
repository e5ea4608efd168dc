"""The store of messages in memory: the twin of ``DynamoMessages``, held to the same contract tests."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from zlib import crc32

from typing_relay.aws.messages import in_order
from typing_relay.aws.sessions import shard_of
from typing_relay.relay.ports import (
    EXPIRED,
    UNCONFIRMED,
    AlreadyThere,
    MessageStatus,
    SentMessage,
    Standing,
    WaitingMessage,
)

WAITS = Standing(MessageStatus.WAITING)
#: A session's id and a message's.
Key = tuple[str, str]


@dataclass(frozen=True)
class Kept:
    """One item. The text of a settled message is kept here, where the twin keeps a fingerprint."""

    message: WaitingMessage
    deadline: int
    expires_at: int
    standing: Standing = WAITS


def _what(message: SentMessage) -> tuple[object, ...]:
    return message.text, message.postback, message.attachments, message.author


class MemoryMessages:
    """By (session id, message id); every method does what its twin's one call does, at once."""

    def __init__(self) -> None:
        self.kept: dict[Key, Kept] = {}
        #: How old every second item is in a read of the index, in ms, by this clock.
        self.lag_ms = 0
        self.clock: Callable[[], int] = lambda: 0
        self._stale_reads = 0
        #: What there was before each change: (changed at, key, item).
        self._past: list[tuple[int, Key, Kept | None]] = []

    def put(
        self, session_id: str, message: SentMessage, now: int, deadline: int, expires_at: int
    ) -> AlreadyThere | None:
        known = self.kept.get((session_id, message.message_id))
        if known is not None and known.expires_at > now // 1000:
            is_same = _what(known.message) == _what(message)
            cannot_be_told = known.standing != WAITS and not (message.key and known.message.key == message.key)
            return AlreadyThere(known.standing, is_same or cannot_be_told)
        waiting = WaitingMessage(
            message.message_id,
            message.text,
            message.at,
            postback=message.postback,
            attachments=message.attachments,
            author=message.author,
            key=message.key,
        )
        self._keep((session_id, message.message_id), Kept(waiting, deadline, expires_at))
        return None

    def get(self, session_id: str, message_id: str, now: int) -> Standing | None:
        known = self.kept.get((session_id, message_id))
        return known.standing if known is not None and known.expires_at > now // 1000 else None

    def waiting(self, session_id: str, limit: int, now: int, also: Collection[str] = ()) -> list[WaitingMessage]:
        found = [
            kept.message
            for (session, _), kept in self.kept.items()
            if session == session_id and kept.standing == WAITS and kept.expires_at > now // 1000
        ]
        return sorted(found, key=in_order)[:limit]

    def count_waiting(self, session_id: str, most: int) -> int:
        return min(most, sum(s == session_id and kept.standing == WAITS for (s, _), kept in self.kept.items()))

    def overdue(self, shard: int, before: int, limit: int) -> list[tuple[str, str]]:
        due = sorted((kept.deadline, *key) for key, kept in self._in_index(shard) if kept.deadline < before)
        return [(session_id, message_id) for _, session_id, message_id in due[:limit]]

    def waiting_sessions(self, shard: int) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for (session_id, message_id), _ in self._in_index(shard):
            found.setdefault(session_id, set()).add(message_id)
        return found

    def _in_index(self, shard: int) -> list[tuple[Key, Kept]]:
        items = self._lagging() if self.lag_ms else self.kept
        return [(key, kept) for key, kept in items.items() if kept.standing == WAITS and shard_of(key[0]) == shard]

    def _lagging(self) -> dict[Key, Kept]:
        """All items as an index may have them: it is never read consistently, and each item gets there by itself."""
        self._stale_reads += 1
        now, items = self.clock(), dict(self.kept)
        self._past = [change for change in self._past if change[0] > now - self.lag_ms]
        for at, key, before in reversed(self._past):
            if at > now - (self.lag_ms if (self._stale_reads + crc32("".join(key).encode())) % 2 else 0):
                items.pop(key, None)
                items |= {} if before is None else {key: before}
        return items

    def _keep(self, key: Key, kept: Kept) -> Kept:
        if self.lag_ms:
            self._past.append((self.clock(), key, self.kept.get(key)))
        self.kept[key] = kept
        return kept

    def leave(self, session_id: str, message_id: str, seen: str, leaving: str) -> bool:
        known = self.kept.get((session_id, message_id))
        if known is None or known.standing != WAITS or known.message.left_by not in (seen, leaving):
            return False
        left = replace(known, message=replace(known.message, left_by=leaving))
        self._keep((session_id, message_id), left)
        return True

    def settle(self, session_id: str, message_id: str, standing: Standing) -> Standing | None:
        known = self.kept.get((session_id, message_id))
        if known is None:
            return None
        arrived_after_all = standing.status is MessageStatus.ACCEPTED and known.standing.reason == UNCONFIRMED
        if known.standing == WAITS or arrived_after_all:
            known = self._keep((session_id, message_id), replace(known, standing=standing))
        return known.standing

    def expire(self, session_id: str, message_id: str) -> Standing | None:
        known = self.kept.get((session_id, message_id))
        if known is None:
            return None
        reason = UNCONFIRMED if known.message.left_by else EXPIRED
        return self.settle(session_id, message_id, Standing(MessageStatus.FAILED, reason))

"""What carries out effects: the stores and CXone, and the values that they take and give."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from typing_relay.relay.outcomes import Outcome


class Guests(Protocol):
    """CXone's typing calls, where it is told by calls (v1). On Digital-First: ``digital_first.ports.TellTyping``."""

    def set_typing(self, guest_id: str, typing: bool) -> Outcome: ...
    def get_typing(self, guest_id: str) -> bool | Outcome: ...


@dataclass(frozen=True, slots=True)
class Absent:
    """The record does not exist, or is past its ``expires_at`` (T11)."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key was pressed at ``at`` (ms), as its frame says.

    ``hold_ms``: it counts this long unless a stop or another key follows; below the debounce, it counts for that.
    ``late_ms``: its frame came this long after ``at``.
    """

    at: int
    hold_ms: int = 0
    late_ms: int = 0


@dataclass(frozen=True, slots=True)
class Coming:
    """A front end connected: first heard from at ``heard_at`` (ms), its token expires at ``token_ends`` (epoch s).

    ``profile``: who the visitor is, as its token says (``Profile.encoded``); '': it does not say.
    """

    connection: str
    heard_at: int
    token_ends: int
    profile: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class KeptAccess:
    """By which URL ``guest_id`` gets in at the Digital-First gateway; its token ends at ``until`` (epoch ms).

    The next keeper needs it, and does without: it gets another token.
    """

    guest_id: str
    web_socket_url: str = field(repr=False)
    until: int


@dataclass(frozen=True, slots=True)
class ConversationIds:
    """By which ids the Digital-First gateway knows a visitor and their conversation."""

    visitor_id: str
    customer_id: str
    thread_id: str
    #: The chat channel; '': the deployment's first.
    channel_id: str = ""
    #: How a page signed them in (``SignedIn.encoded``); '': the relay did.
    signed_in: str = field(default="", repr=False)

    def identity(self) -> dict[str, str]:
        """The part that the record keeps for the session's life."""
        ids = {"visitor": self.visitor_id, "customer": self.customer_id, "thread": self.thread_id}
        return ids | ({"channel": self.channel_id} if self.channel_id else {})


@dataclass(frozen=True, slots=True)
class Lock:
    """The right to have one POST of ``typing`` in flight until ``until`` (ms), which also names the lock (T6)."""

    typing: bool
    until: int
    lease_until: int
    typing_since: int | None
    #: What it leaves in ``Session.burst_from``: with a ``true`` when the first key of the burst that it shows arrived,
    #: with a ``false`` that of a newer burst, if there is one.
    burst_from: int | None = None
    #: How far it moves ``Session.sends`` on.
    spends: int = 1


# --- messages of visitors --------------------------------------------------------------------------------------------


class MessageStatus(StrEnum):
    """The status of a visitor's message."""

    WAITING = "waiting"
    #: CXone has acknowledged it.
    ACCEPTED = "accepted"
    #: It is not retried any more; a reason says why.
    FAILED = "failed"


#: Why a message has failed, where the reason is not CXone's. In this order: the platform or the guest session takes no
#: messages; another text has that id; it never left; it left, and whether it arrived is unknown; too many wait.
UNAVAILABLE, DUPLICATE_ID, EXPIRED, UNCONFIRMED = "unavailable", "duplicate_id", "expired", "unconfirmed"
TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class Standing:
    """A message's status; ``reason`` is a code, and empty unless it has failed."""

    status: MessageStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that was uploaded to CXone: where it is, its name, and its MIME type ('': unknown)."""

    url: str = field(repr=False)
    name: str = field(repr=False)
    type: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """Whom an answer to an offline message is for."""

    name: str = field(repr=False)
    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as the visitor sent it, at ``at`` (epoch ms, API Gateway's clock). The front end chose its id.

    ``author``: it is left for when agents are there again, and part of no conversation.
    """

    message_id: str
    text: str = field(repr=False)
    at: int
    #: Of the choice that the message is; '': it is none.
    postback: str = field(default="", repr=False, kw_only=True)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False, kw_only=True)
    author: Author | None = field(default=None, repr=False, kw_only=True)
    #: By which a settled message is recognised when it is sent again; no table has it. '': it counts as the same.
    key: str = field(default="", repr=False, kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class WaitingMessage(SentMessage):
    """A message that waits to be delivered. ``left_by``: which send attempt it left by last; empty: it has not left."""

    left_by: str = ""


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """A message of this id exists already; ``same_text``: it is the same one, sent again."""

    standing: Standing
    same_text: bool


class Messages(Protocol):
    """The store of messages. Every write is conditional."""

    def put(
        self, session_id: str, message: SentMessage, now: int, deadline: int, expires_at: int
    ) -> AlreadyThere | None: ...
    def get(self, session_id: str, message_id: str, now: int) -> Standing | None: ...
    def waiting(self, session_id: str, limit: int, now: int, also: Collection[str] = ()) -> list[WaitingMessage]: ...
    def count_waiting(self, session_id: str, most: int) -> int: ...
    def leave(self, session_id: str, message_id: str, seen: str, leaving: str) -> bool: ...
    def settle(self, session_id: str, message_id: str, standing: Standing) -> Standing | None: ...
    def expire(self, session_id: str, message_id: str) -> Standing | None: ...
    def overdue(self, shard: int, before: int, limit: int) -> list[tuple[str, str]]: ...
    def waiting_sessions(self, shard: int) -> dict[str, set[str]]: ...

"""A visitor's message from the front end to the store, and what happens to one that could not be delivered (T15).

In between, the keeper that holds the visitor's socket reads the store and delivers. Flows work as in ``flows``.
"""

from __future__ import annotations

from dataclasses import dataclass

from typing_relay.relay import message_writes
from typing_relay.relay.burst import GuestStatus, Policy
from typing_relay.relay.effects import Flow, Hint, Now, Nudge, Read, TellStanding, perform
from typing_relay.relay.flows import connected, ensure_guest, stopped
from typing_relay.relay.ports import DUPLICATE_ID, TOO_MANY, UNAVAILABLE, MessageStatus, SentMessage, Standing
from typing_relay.relay.session_writes import HandOverSignIn
from typing_relay.relay.sign_in import SignIn

#: A keeper gives a message up at its deadline. The sweeper leaves it this long to do so.
KEEPERS_GRACE_MS = 30_000
#: At most this many of one visitor wait, give or take those that are sent in the same moment: each is looked at by its
#: keeper again and again (T18). The client waits for the answer to each.
MOST_WAITING = 20
#: What becomes of a message where the platform, or the guest session, takes none.
NOT_TAKEN = Standing(MessageStatus.FAILED, UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Sender:
    """The connection that a message came on, and when (epoch s) its token expires."""

    session_id: str
    connection: str
    token_ends: int


def message_sent(policy: Policy, sender: Sender, message: SentMessage, deliver_within_ms: int) -> Flow[Standing]:
    """The visitor sent ``message``. Returns its status; while it waits, whoever settles it answers the visitor later.

    The same message sent again is answered again and delivered once, so a front end without an answer sends it again.
    """
    yield from stopped(policy, sender.session_id, sender.connection, message.at)
    read_at = yield from perform(Now())
    record = yield from perform(Read(sender.session_id, read_at))
    if record is not None and record.is_blocked(read_at):
        return NOT_TAKEN
    if record is None or sender.connection not in record.connections:
        record = yield from connected(policy, sender.session_id, sender.connection, sender.token_ends)
    else:
        yield from ensure_guest(policy, record)
    now = yield from perform(Now())
    if record.guest_status is GuestStatus.UNAVAILABLE and message.author is None:  # else that is what it is for
        known = yield from perform(message_writes.ReadStanding(sender.session_id, message.message_id, now))
        return known or NOT_TAKEN
    if (yield from perform(message_writes.CountWaiting(sender.session_id, MOST_WAITING))) >= MOST_WAITING:
        known = yield from perform(message_writes.ReadStanding(sender.session_id, message.message_id, now))
        if known is None:
            return _failed(TOO_MANY)
    deadline = now + deliver_within_ms
    expires_at = deadline // 1000 + policy.session_ttl_s
    there = yield from perform(message_writes.Put(sender.session_id, message, now, deadline, expires_at))
    if there is not None and not there.same_text:
        return _failed(DUPLICATE_ID)
    if there is None or there.standing.status is MessageStatus.WAITING:
        yield from perform(Nudge(record, Hint.MESSAGES))
    return there.standing if there is not None else Standing(MessageStatus.WAITING)


def messages_seen(session_id: str) -> Flow[bool]:
    """The visitor has seen all messages: nudge the keeper, which tells CXone. Returns whether the keeper was reached.

    Nothing is stored.
    """
    now = yield from perform(Now())
    record = yield from perform(Read(session_id, now))
    if record is None or record.is_blocked(now) or not record.contact_open:
        return False
    return (yield from perform(Nudge(record, Hint.SEEN)))


def asked_of_keeper(session_id: str, hint: Hint, about: str = "") -> Flow[bool]:
    """The visitor asks something of the conversation that only the keeper of its socket can do.

    Returns whether the keeper was reached: where nobody holds an open guest there is nobody to ask. Nothing is stored.
    """
    now = yield from perform(Now())
    record = yield from perform(Read(session_id, now))
    if record is None or record.is_blocked(now) or not record.keeper or record.guest_status is not GuestStatus.OPEN:
        return False
    return (yield from perform(Nudge(record, hint, about)))


def handed_over(session_id: str, sign_in: SignIn) -> Flow[bool]:
    """A page signs its visitor in: put on record for whoever holds the visitor's socket, who is nudged.

    Returns whether it was taken: of a session that is not there, or is blocked, it is not.
    """
    now = yield from perform(Now())
    record = yield from perform(Read(session_id, now))
    if record is None or record.is_blocked(now):
        return False
    record = yield from perform(HandOverSignIn(session_id, sign_in.encoded(), sign_in.at, now))
    if record is None or record.is_blocked(now):
        return False
    if record.keeper:
        yield from perform(Nudge(record, Hint.SIGNED_IN))
    return True


def expire(session_id: str, message_id: str) -> Flow[Standing | None]:
    """Give up a message that is overdue, and tell the visitor. Returns its status: another process may have settled it.

    A process that dies in between leaves the visitor without an answer. Their front end then sends the message again,
    and gets it.
    """
    standing = yield from perform(message_writes.Expire(session_id, message_id))
    now = yield from perform(Now())
    record = yield from perform(Read(session_id, now))
    if standing is not None and record is not None:
        yield from perform(TellStanding(record, message_id, standing))
    return standing


def overdue_before(now: int) -> int:
    """Messages with a deadline before this (ms) are given up at ``now``."""
    return now - KEEPERS_GRACE_MS


def _failed(reason: str) -> Standing:
    return Standing(MessageStatus.FAILED, reason)

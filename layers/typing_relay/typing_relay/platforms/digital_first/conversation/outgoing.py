"""The visitor's messages (T15): one at a time, in order; one whose fate is unknown only after a look."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from functools import partial

from typing_relay.platforms.digital_first import frames_in, frames_out
from typing_relay.platforms.digital_first.codes import SENDING_FAILED
from typing_relay.platforms.digital_first.conversation import agents, contacts, seen, shown, socket, thread
from typing_relay.platforms.digital_first.conversation.actions import (
    MessageLeaving,
    MessageRefused,
    MessageTaken,
    Reason,
)
from typing_relay.platforms.digital_first.conversation.happenings import MessageWanted
from typing_relay.platforms.digital_first.conversation.state import Conversation, Doing, Queued
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.relay.value import changed

#: This many ids of messages are remembered, so that none is taken for new.
_REMEMBERED = 256


def wanted(turn: Turn, message: MessageWanted) -> None:
    """The visitor sent this."""
    if any(queued.message_id == message.message_id for queued in turn.outgoing.queue):
        if message.may_have_left:
            _doubt(turn, message.message_id)
    elif message.message_id in turn.outgoing.taken or message.message_id in turn.incoming.told:
        turn.do(MessageTaken(message.message_id))
    elif reason := _cannot_be_sent(turn, message):
        turn.do(MessageRefused(message.message_id, reason))
    else:
        queued = Queued(
            message.message_id,
            message.text,
            message.asked_at,
            postback=message.postback,
            attachments=message.attachments,
            behind_ms=message.behind_ms,
        )
        if message.may_have_left:
            queued = replace(queued, in_doubt=True, sent_at=turn.now)
        turn.outgoing = changed(turn.outgoing, queue=(*turn.outgoing.queue, queued))


def _cannot_be_sent(turn: Turn, message: MessageWanted) -> Reason | None:
    files = turn.catch_up.files
    if turn.socket.doing is Doing.STOPPED:
        return "unavailable"
    if message.attachments and files and not files.rules.allowed:
        return "no_attachments"
    if not _is_sendable(message.text + message.postback + "".join(file.name for file in message.attachments)):
        return "refused"
    return "too_many" if len(turn.outgoing.queue) >= turn.policy.most_messages else None


def _doubt(turn: Turn, message_id: str) -> None:
    """A message that waits here was sent by another keeper: what an earlier look did not show may be there now."""
    doubted = partial(replace, in_doubt=True, sent_at=turn.now)
    queue = tuple(doubted(one) if one.message_id == message_id else one for one in turn.outgoing.queue)
    turn.outgoing = changed(turn.outgoing, queue=queue)


def is_busy(parts: Turn | Conversation) -> bool:
    """A look, or a message: another look would mix with it."""
    return parts.thread.looking is not None or parts.outgoing.sending is not None


def send_next(turn: Turn) -> None:
    """The first that waits, or whatever it needs before."""
    if turn.access.registering or turn.thread.looking or turn.outgoing.sending or not turn.outgoing.queue:
        return
    first = turn.outgoing.queue[0]
    if first.in_doubt:
        if turn.now >= first.sent_at + turn.policy.settle_ms:
            thread.look(turn)
    elif first.sends >= turn.policy.most_sends:
        _refuse_first(turn, "expired")
        send_next(turn)
    elif turn.thread.is_over and first.threads >= turn.policy.most_threads:
        _refuse_first(turn, "thread_closed")
        send_next(turn)
    elif turn.thread.is_over:
        _begin_thread(turn)
    elif turn.now >= turn.outgoing.retry_at and socket.may_send(turn):
        _send_first(turn)


def _send_first(turn: Turn) -> None:
    first, profile = turn.outgoing.queue[0], turn.access.profile
    turn.do(MessageLeaving(first.message_id))
    fields = () if turn.contacts.open else profile.fields
    what, third_party = (first.message_id, first.text, first.postback), turn.access.third_party_token
    thread_id, files = turn.thread.thread_id, first.attachments
    asked = socket.ask(turn, frames_out.message(thread_id, *what, fields, third_party, files, profile.device))
    contacts.fields_said(turn, fields)
    _first_is(turn, replace(first, sent_at=turn.now, sends=first.sends + 1))
    turn.outgoing = changed(turn.outgoing, sending=asked)
    shown.message_sent(turn)


def _begin_thread(turn: Turn) -> None:
    if turn.contacts.open:
        contacts.known(turn, None)
    first = turn.outgoing.queue[0]
    _first_is(turn, replace(first, threads=first.threads + 1))
    agents.thread_changed(turn)
    contacts.thread_changed(turn)
    seen.thread_changed(turn)
    thread.begin_another(turn)


def taken(turn: Turn, message_id: str, *, is_looked_for: bool = False) -> None:
    """The contact that it opens is told by an event of its own, which may come later; a look tells both."""
    queue = turn.outgoing.queue
    left = tuple(queued for queued in queue if queued.message_id != message_id)
    if len(left) == len(queue):
        return
    if queue[0].message_id == message_id:
        turn.outgoing = changed(turn.outgoing, sending=None, retry_at=0)
    turn.outgoing = changed(turn.outgoing, queue=left, taken=(*turn.outgoing.taken, message_id)[-_REMEMBERED:])
    if not is_looked_for:
        contacts.may_open(turn)
    turn.do(MessageTaken(message_id))


def settled(turn: Turn, message_id: str) -> None:
    """By somebody else. One that is on its way here is what they knew nothing of: its answer comes."""
    on_its_way = turn.outgoing.queue[:1] if turn.outgoing.sending else ()
    left = (one for one in turn.outgoing.queue[len(on_its_way) :] if one.message_id != message_id)
    turn.outgoing = changed(turn.outgoing, queue=(*on_its_way, *left))


def failed(turn: Turn, code: str) -> None:
    """The first was refused. Some errors may pass."""
    first = turn.outgoing.queue[0]
    if code not in SENDING_FAILED or first.refusals >= turn.policy.most_refusals:
        _refuse_first(turn, "refused")
        return
    _first_is(turn, replace(first, refusals=first.refusals + 1))
    turn.outgoing = changed(turn.outgoing, sending=None, retry_at=turn.now + turn.policy.retry_ms * 2**first.refusals)


def settle_doubts(turn: Turn, since: int, found: frames_in.Recovered | None) -> None:
    """A message in doubt that a look from ``since`` on does not show was not taken; unless that was too early.

    One that a page with older ones left out could not show, is given up: it may be there.
    """
    left = []
    for queued in turn.outgoing.queue:
        if queued.in_doubt and since >= queued.sent_at + turn.policy.settle_ms:
            if found and not _reaches_back(turn, found, queued):
                turn.do(MessageRefused(queued.message_id, "unconfirmed"))
                continue
            queued = replace(queued, in_doubt=False)
        left.append(queued)
    turn.outgoing = changed(turn.outgoing, queue=tuple(left))


def _reaches_back(turn: Turn, found: frames_in.Recovered, queued: Queued) -> bool:
    before = queued.asked_at - turn.policy.skew_ms
    return found.is_whole or any(message.at is not None and message.at <= before for message in found.messages)


def give_up_doubts(turn: Turn, found: Set[str] = frozenset()) -> None:
    """No look will show any more whether these arrived: they are not sent again."""
    left = []
    for queued in turn.outgoing.queue:
        if queued.in_doubt and queued.message_id not in found:
            turn.do(MessageRefused(queued.message_id, "unconfirmed"))
        else:
            left.append(queued)
    turn.outgoing = changed(turn.outgoing, queue=tuple(left))


def expire(turn: Turn) -> None:
    """All but the one on its way, whose answer has a time limit of its own."""
    if not turn.outgoing.queue:
        return
    left = list(turn.outgoing.queue[:1] if turn.outgoing.sending else ())
    for queued in turn.outgoing.queue[len(left) :]:
        if turn.now < queued.ends_at(turn.policy):
            left.append(queued)
        else:
            turn.do(MessageRefused(queued.message_id, "unconfirmed" if queued.in_doubt else "expired"))
    turn.outgoing = changed(turn.outgoing, queue=tuple(left))


def fate_unknown(turn: Turn) -> None:
    """Of the first, if it is on its way: it may have arrived."""
    if turn.outgoing.sending:
        _first_is(turn, replace(turn.outgoing.queue[0], in_doubt=True))
        turn.outgoing = changed(turn.outgoing, sending=None)


def stopped(turn: Turn, event_id: str | None) -> None:
    """The gateway refuses this relay, and the request of this id; of another one on its way nobody knows."""
    may_have_left = turn.outgoing.sending is not None and turn.outgoing.sending.event_id != event_id
    for number, queued in enumerate(turn.outgoing.queue):
        is_unknown = queued.in_doubt or (may_have_left and number == 0)
        turn.do(MessageRefused(queued.message_id, "unconfirmed" if is_unknown else "unavailable"))
    turn.outgoing = changed(turn.outgoing, queue=(), sending=None)


def _refuse_first(turn: Turn, reason: Reason) -> None:
    first, *others = turn.outgoing.queue
    turn.outgoing = changed(turn.outgoing, queue=tuple(others), sending=None, retry_at=0)
    turn.do(MessageRefused(first.message_id, reason))


def _first_is(turn: Turn, first: Queued) -> None:
    turn.outgoing = changed(turn.outgoing, queue=(first, *turn.outgoing.queue[1:]))


def _is_sendable(text: str) -> bool:
    """Half of a surrogate pair is no character: no encoding has it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

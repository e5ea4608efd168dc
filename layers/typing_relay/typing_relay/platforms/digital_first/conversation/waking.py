"""When a conversation has something to do though nothing happens."""

from __future__ import annotations

from typing_relay.platforms.digital_first.conversation.contacts import owes_fields
from typing_relay.platforms.digital_first.conversation.incoming import rest_is_due
from typing_relay.platforms.digital_first.conversation.outgoing import is_busy
from typing_relay.platforms.digital_first.conversation.policy import ConversationPolicy
from typing_relay.platforms.digital_first.conversation.state import Conversation, Doing


def wake_at(conversation: Conversation, policy: ConversationPolicy) -> int | None:
    """When ``Woke`` is due; None while only something from outside can change anything."""
    outgoing, access = conversation.outgoing, conversation.access
    on_its_way = 1 if outgoing.sending else 0
    times = [queued.ends_at(policy) for queued in outgoing.queue[on_its_way:]]
    if access.sign_in_at is not None:
        times.append(access.sign_in_at)
    if conversation.agents.typing.wake_at is not None:
        times.append(conversation.agents.typing.wake_at)
    times += rest_is_due(conversation, policy)
    if conversation.socket.doing is Doing.OPEN:
        times += _on_socket(conversation, policy)
    return min(times, default=None)


def _on_socket(conversation: Conversation, policy: ConversationPolicy) -> list[int]:
    """What is owed by the gateway, and what may then be sent."""
    c, wish = conversation, conversation.ending
    free_at = policy.frames.free_at(c.socket.frames_until)
    times = [c.socket.heartbeat_at, c.socket.heard_at + policy.dead_ms]
    owed = (c.access.registering, c.access.refreshing, c.thread.looking, c.outgoing.sending)
    times += [asked.until for asked in (*owed, wish.asked, c.transcript.asked, c.history.on_its_way) if asked]
    times += [unproven.until for unproven in c.shown.unproven]
    if c.outgoing.queue and not c.access.registering and not is_busy(c):
        first = c.outgoing.queue[0]
        times.append(first.sent_at + policy.settle_ms if first.in_doubt else max(c.outgoing.retry_at, free_at))
    may_ask = c.thread.ready and c.history.due and not c.history.asked and not is_busy(c)
    if c.seen.due or owes_fields(c) or may_ask:
        times.append(free_at)
    if c.thread.ready and wish.of is not None and not wish.asked and not c.outgoing.queue:
        times.append(free_at if c.contacts.open else max(free_at, c.contacts.opening_until))
    if c.access.refresh_at is not None:
        times.append(c.access.refresh_at)
    if c.catch_up.due and c.thread.ready:
        times.append(c.catch_up.at)
    return times

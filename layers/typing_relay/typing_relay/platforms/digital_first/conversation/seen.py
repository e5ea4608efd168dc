"""Which messages the visitor has seen, and how many of agents' are unread."""

from __future__ import annotations

from typing_relay.platforms.digital_first import frames_out
from typing_relay.platforms.digital_first.conversation import socket
from typing_relay.platforms.digital_first.conversation.actions import Tell
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.digital_first.frames_in import ThreadMessage
from typing_relay.platforms.shared import visitor_events
from typing_relay.relay.value import changed


def wanted(turn: Turn) -> None:
    """The visitor has seen the newest message."""
    if turn.thread.ready and turn.contacts.open and turn.seen.said != turn.incoming.newest:
        turn.seen = changed(turn.seen, due=True)


def say(turn: Turn) -> None:
    """Once for each newest message: to say it again changes nothing (T17)."""
    if turn.seen.due and socket.may_send(turn):
        socket.request(turn, frames_out.message_seen(turn.thread.thread_id))
        if turn.seen.unread:
            turn.do(Tell(visitor_events.unread(0)))
        turn.seen = changed(turn.seen, due=False, said=turn.incoming.newest, to=turn.incoming.newest, unread=0)


def written(turn: Turn, message: ThreadMessage) -> None:
    """One of an agent's is unread."""
    turn.seen = changed(turn.seen, unread=turn.seen.unread + message.from_agent)


def found(turn: Turn, messages: tuple[ThreadMessage, ...]) -> None:
    """Of agents' messages, oldest first, those are unread that came after the last that the visitor has seen: so NICE's
    Android app counts them. The gateway may not know yet of what it was told last."""
    unread = 0
    for message in reversed(messages):
        if message.message_id == turn.seen.to or (message.from_agent and message.is_seen):
            break
        unread += message.from_agent
    turn.seen = changed(turn.seen, unread=unread)


def thread_changed(turn: Turn) -> None:
    """Nobody has written in the new one yet."""
    turn.seen = changed(turn.seen, unread=0)


def socket_lost(turn: Turn) -> None:
    """What was said on it need not have arrived."""
    turn.seen = changed(turn.seen, said=None, due=False)

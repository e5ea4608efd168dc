"""The thread of the conversation, and the look for it: on each socket it is looked for before anything is sent."""

from __future__ import annotations

from dataclasses import replace

from typing_relay.platforms.digital_first import frames_in, frames_out
from typing_relay.platforms.digital_first.conversation import socket
from typing_relay.platforms.digital_first.conversation.actions import ThreadChanged
from typing_relay.platforms.digital_first.conversation.state import Asked
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.relay.value import changed

#: This many events are held back until the thread was looked for; what came before them is found by the look itself.
_MOST_HELD = 50


def look(turn: Turn) -> None:
    """Ask for the thread and its newest messages."""
    asked = socket.ask(turn, frames_out.recover(turn.thread.thread_id, turn.livechat))
    turn.thread = changed(turn.thread, looking=asked)


def look_again(turn: Turn) -> None:
    """The gateway could not look: after a pause, which doubles."""
    failed = turn.thread.looks_failed
    pause = Asked("", turn.now, turn.now + turn.policy.retry_ms * 2**failed)
    turn.thread = changed(turn.thread, looking=pause, looks_failed=failed + 1)


def look_on_its_way(turn: Turn) -> Asked | None:
    """A look that is only to be made later is none."""
    looking = turn.thread.looking
    return looking if looking and looking.event_id else None


def is_looked_for_by(turn: Turn, event_id: str) -> bool:
    """A look on its way has this id."""
    looking = look_on_its_way(turn)
    return looking is not None and looking.event_id == event_id


def answer_comes_later(turn: Turn) -> None:
    """It may be in what is being fetched: it gets the time for that."""
    if turn.thread.looking:
        turn.thread = changed(turn.thread, looking=replace(turn.thread.looking, until=turn.now + turn.policy.answer_ms))


def hold(turn: Turn, event: frames_in.Event) -> None:
    """Until the thread has been looked for."""
    turn.thread = changed(turn.thread, held=(*turn.thread.held, event)[-_MOST_HELD:])


def looked(turn: Turn) -> tuple[frames_in.Event, ...]:
    """The look is over; returns what was held until then."""
    held = turn.thread.held
    turn.thread = changed(turn.thread, looking=None, looks_failed=0, ready=True, tells_anew=False, held=())
    return held


def ended(turn: Turn) -> None:
    """The next message begins a new one."""
    turn.thread = changed(turn.thread, is_over=True)


def goes_on(turn: Turn) -> None:
    """A contact is open in it."""
    turn.thread = changed(turn.thread, is_over=False)


def adopt(turn: Turn, thread_id: str) -> None:
    """The conversation goes on in this one."""
    turn.thread = changed(turn.thread, thread_id=thread_id, is_over=False)
    turn.do(ThreadChanged(thread_id))


def begin_another(turn: Turn) -> None:
    """Named after the one before: whoever takes over in the midst of it finds the same one, and looks first."""
    adopt(turn, socket.uuid_of(f"after:{turn.thread.thread_id}"))
    look(turn)


def socket_lost(turn: Turn) -> None:
    """It is to be looked for on the next one."""
    turn.thread = changed(turn.thread, ready=False, looking=None, looks_failed=0, held=())

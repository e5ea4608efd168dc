"""The life of a socket, told to every part: opened, overdue, lost, refused for good. It writes no part itself."""

from __future__ import annotations

from typing_relay.platforms.digital_first.conversation import (
    access,
    agents,
    contacts,
    ending,
    history,
    incoming,
    outgoing,
    seen,
    shown,
    socket,
    thread,
    transcript,
)
from typing_relay.platforms.digital_first.conversation.actions import Overdue, Reopen, Report, Stopped
from typing_relay.platforms.digital_first.conversation.state import Asked, Doing
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.relay.outcomes import Kind, Outcome

_LOST = "the connection to CXone was lost"


def opened(turn: Turn, register_as: str) -> None:
    """If there was another one, it counts no more."""
    _drop(turn)
    socket.opened(turn)
    if register_as:
        access.register(turn, register_as)
    else:
        thread.look(turn)


def lost(turn: Turn) -> None:
    """The next one needs a token that is good."""
    was_open = turn.socket.doing is Doing.OPEN
    _drop(turn)
    if was_open:
        access.renew_token(turn)


def reopen(turn: Turn, reason: Overdue) -> None:
    """It is of no use any more."""
    _drop(turn)
    access.renew_token(turn)
    turn.do(Reopen(reason))


def _drop(turn: Turn) -> None:
    """What was on the socket is lost, or nobody knows."""
    shown.socket_lost(turn)
    outgoing.fate_unknown(turn)
    agents.socket_lost(turn)
    contacts.socket_lost(turn)
    thread.socket_lost(turn)
    access.socket_lost(turn)
    ending.socket_lost(turn)
    incoming.socket_lost(turn)
    seen.socket_lost(turn)
    if turn.history.asked:
        history.failed(turn, _LOST)
    if turn.transcript.asked:
        transcript.failed(turn, _LOST)
    socket.lost(turn)


def stop(turn: Turn, code: str, event_id: str | None) -> None:
    """The request of this id was not taken; of another one on its way nobody knows."""
    refused = Outcome(Kind.DENIED, reason="the gateway refuses this SDK version: raise DfoSdkVersion")
    turn.do(Report(code, refused.reason))
    shown.all_told(turn, refused)
    agents.socket_lost(turn)
    outgoing.stopped(turn, event_id)
    contacts.socket_lost(turn)
    thread.socket_lost(turn)
    ending.over(turn)
    while turn.history.due:
        history.failed(turn, code)
    if turn.transcript.asked:
        transcript.failed(turn, code)
    socket.stopped(turn)
    turn.do(Stopped(refused))


def look_after(turn: Turn) -> None:
    """Of what is due on the open socket: what costs it its life, and what keeps it alive."""
    overdue = _overdue(turn)
    if overdue:
        reopen(turn, overdue)
    elif _is_overdue(turn, turn.thread.looking):
        thread.look(turn)
    else:
        access.refresh(turn)
        shown.gives_up(turn)
        if _is_overdue(turn, turn.ending.asked):
            ending.failed(turn, "unanswered")
        if _is_overdue(turn, turn.transcript.asked):
            transcript.failed(turn, "CXone does not answer")
        if _is_overdue(turn, turn.history.on_its_way):
            history.failed(turn, "CXone does not answer")
        if turn.now >= turn.socket.heartbeat_at:
            socket.beat(turn)


def _overdue(turn: Turn) -> Overdue | None:
    owed: tuple[tuple[Asked | None, Overdue], ...] = (
        (turn.access.registering, "authorization_overdue"),
        (turn.access.refreshing, "authorization_overdue"),
        (thread.look_on_its_way(turn), "look_overdue"),
        (turn.outgoing.sending, "message_overdue"),
    )
    if turn.now >= turn.socket.heard_at + turn.policy.dead_ms:
        return "silent"
    return next((reason for asked, reason in owed if _is_overdue(turn, asked)), None)


def _is_overdue(turn: Turn, asked: Asked | None) -> bool:
    return asked is not None and turn.now >= asked.until

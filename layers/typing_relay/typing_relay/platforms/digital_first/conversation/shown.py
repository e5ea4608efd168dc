"""The visitor's typing, as the agent is shown it: what was sent, and what proves that it arrived."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from typing_relay.platforms.digital_first import frames_out
from typing_relay.platforms.digital_first.conversation import socket
from typing_relay.platforms.digital_first.conversation.actions import ACCEPTED, ENDED, NOT_YET, ShownUnknown, TypingTold
from typing_relay.platforms.digital_first.conversation.state import Stage, Unproven
from typing_relay.platforms.digital_first.conversation.turn import Turn, stage_of
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.value import changed


def wanted(turn: Turn, typing: bool, ticket: str) -> None:
    """The agent is to be shown this."""
    unproven, stage = turn.shown.unproven, stage_of(turn)
    if stage is Stage.STOPPED:
        turn.do(TypingTold(ticket, Outcome(Kind.DENIED, reason="the gateway refuses this relay")))
    elif stage is Stage.READY and not typing:
        turn.do(TypingTold(ticket, ACCEPTED))  # without a contact nobody is shown anything
    elif stage is not Stage.IN_CONTACT:
        turn.do(TypingTold(ticket, NOT_YET))
    elif not typing and not unproven and not turn.shown.perhaps_shown:
        turn.do(TypingTold(ticket, ACCEPTED))  # a message, or whoever asked before, has ended it
    elif not typing and unproven and not unproven[-1].typing:
        turn.shown = changed(turn.shown, unproven=(*unproven, replace(unproven[-1], ticket=ticket)))
    else:
        _show(turn, typing, ticket)


def _show(turn: Turn, typing: bool, ticket: str | None) -> None:
    """Send the frame, then a heartbeat, whose pong proves that the frame arrived.

    Other frames prove nothing: they may have been on their way before.
    """
    event_id = socket.request(turn, frames_out.typing(turn.thread.thread_id, typing))
    socket.beat(turn)
    until, pongs = turn.now + turn.policy.proof_ms, turn.socket.pongs_due
    unproven = Unproven(ticket, typing, event_id, until, pongs)
    perhaps_shown = turn.shown.perhaps_shown or typing
    turn.shown = changed(turn.shown, unproven=(*turn.shown.unproven, unproven), perhaps_shown=perhaps_shown)


def message_sent(turn: Turn) -> None:
    """A message ends the typing. Whoever waits to hear that typing is shown hears that it has ended, once certain."""
    unproven = turn.shown.unproven
    is_ended = unproven and not unproven[-1].typing  # which comes before the message, on the same socket
    if not (turn.contacts.open and turn.shown.perhaps_shown) or is_ended:
        return
    _show(turn, False, None)
    *before, ended = turn.shown.unproven
    waits = partial(replace, pongs=ended.pongs, until=ended.until, overtaken=True)
    turn.shown = changed(turn.shown, unproven=(*(waits(one) if one.typing else one for one in before), ended))
    turn.do(ShownUnknown())


def ponged(turn: Turn) -> None:
    """Heartbeats are answered in their order. What was sent since may have arrived as well."""
    counted = [replace(unproven, pongs=unproven.pongs - 1) for unproven in turn.shown.unproven]
    for place, unproven in enumerate(counted):
        if unproven.pongs <= 0:
            perhaps_shown = any(one.typing for one in counted[place:]) or _may_be_in_flight(turn)
            turn.shown = changed(turn.shown, perhaps_shown=perhaps_shown)
            _told(turn, unproven, ENDED if unproven.overtaken else ACCEPTED)
    turn.shown = changed(turn.shown, unproven=tuple(unproven for unproven in counted if unproven.pongs > 0))


def gives_up(turn: Turn) -> None:
    """A gateway that leaves out a pong must not be waited for for ever."""
    if not turn.shown.unproven:
        return
    left = []
    for unproven in turn.shown.unproven:
        if turn.now < unproven.until:
            left.append(unproven)
        else:
            _told(turn, unproven, Outcome(Kind.LOST, reason="its heartbeat was not answered"))
            socket.pong_left_out(turn)
    turn.shown = changed(turn.shown, unproven=tuple(left))


def refused(turn: Turn, event_id: str | None) -> None:
    """An error about typing that was sent."""
    unproven = turn.shown.unproven
    about = [one for one in unproven if one.event_id == event_id]
    for one in about:
        _told(turn, one, Outcome(Kind.FAILED, reason="the gateway answered with an error"))
    left = tuple(one for one in unproven if one.event_id != event_id)
    if any(not one.typing for one in about):
        # Nothing has ended what was said before: whoever said it hears that it is shown, and ends it.
        left = tuple(replace(one, overtaken=False) for one in left)
        turn.do(ShownUnknown())
    turn.shown = changed(turn.shown, unproven=left)


def frame_lost(turn: Turn) -> None:
    """It may have been any of these."""
    unproven = turn.shown.unproven
    all_told(turn, Outcome(Kind.LOST, reason="the gateway lost a frame"))
    if unproven:
        turn.do(ShownUnknown())


def contact_opened(turn: Turn) -> None:
    """What was sent on a socket before may be shown in it."""
    turn.shown = changed(turn.shown, perhaps_shown=turn.shown.perhaps_shown or _may_be_in_flight(turn))


def contact_closed(turn: Turn) -> None:
    """Nobody is shown typing to anybody: who waits to hear hears it now."""
    for unproven in turn.shown.unproven:
        _told(turn, unproven, NOT_YET if unproven.typing else ACCEPTED)
    turn.shown = changed(turn.shown, unproven=(), perhaps_shown=False)


def begins_anew(turn: Turn) -> None:
    """Nothing has been sent in the contact that is open now."""
    turn.shown = changed(turn.shown, perhaps_shown=False)


def socket_lost(turn: Turn) -> None:
    """What was on it is lost, or nobody knows."""
    unproven = turn.shown.unproven
    all_told(turn, Outcome(Kind.LOST, reason="the socket was lost"))
    if turn.contacts.open and turn.shown.perhaps_shown:
        turn.do(ShownUnknown())
    if any(one.typing for one in unproven):
        turn.shown = changed(turn.shown, in_flight_until=turn.now + turn.policy.in_flight_ms)


def all_told(turn: Turn, outcome: Outcome) -> None:
    """Everything sent and not yet proven ended this way."""
    for unproven in turn.shown.unproven:
        _told(turn, unproven, outcome)
    turn.shown = changed(turn.shown, unproven=())


def _told(turn: Turn, unproven: Unproven, outcome: Outcome) -> None:
    if unproven.ticket is not None:
        turn.do(TypingTold(unproven.ticket, outcome))


def _may_be_in_flight(turn: Turn) -> bool:
    return turn.now < turn.shown.in_flight_until

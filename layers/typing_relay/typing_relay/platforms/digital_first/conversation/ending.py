"""The visitor ends the contact, after the messages that wait."""

from __future__ import annotations

from typing_relay.door import frames
from typing_relay.platforms.digital_first import frames_out
from typing_relay.platforms.digital_first.conversation import socket
from typing_relay.platforms.digital_first.conversation.actions import Report, Tell
from typing_relay.platforms.digital_first.conversation.state import Doing
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.shared import visitor_events
from typing_relay.relay.value import changed


def wanted(turn: Turn) -> None:
    """What is wanted twice is done once."""
    contact = turn.contacts.open
    if turn.socket.doing is Doing.STOPPED:
        failed(turn, "the gateway refuses this relay")
    elif turn.ending.of is None:
        turn.ending = changed(turn.ending, of=contact.contact_id if contact else "")


def say(turn: Turn) -> None:
    """Once what was sent before has been delivered. On each socket anew, while the same contact is open."""
    wish, contact = turn.ending, turn.contacts.open
    if wish.of is None or not turn.thread.ready or wish.asked or turn.outgoing.queue:
        return
    if contact is None and turn.now < turn.contacts.opening_until:
        return
    if contact is None or wish.of not in ("", contact.contact_id):
        turn.ending = changed(turn.ending, of=None)  # it is over
        turn.do(Tell(visitor_events.contact(None, is_open=contact is not None)))
    elif not contact.contact_id:
        failed(turn, "the contact has no id")
    elif socket.may_send(turn):
        asked = socket.ask(turn, frames_out.end_contact(turn.thread.thread_id, contact.contact_id))
        turn.ending = changed(turn.ending, of=contact.contact_id, asked=asked)


def over(turn: Turn) -> None:
    """It is done, or cannot be done any more."""
    turn.ending = changed(turn.ending, of=None, asked=None)


def failed(turn: Turn, why: str) -> None:
    """Not tried again by itself."""
    over(turn)
    turn.do(Report("not_ended", why))
    turn.do(Tell(frames.error("not_ended", "CXone did not end the conversation. You may try again.")))


def socket_lost(turn: Turn) -> None:
    """It is said again on the next one."""
    turn.ending = changed(turn.ending, asked=None)

"""What was said, by e-mail to an address that the visitor names."""

from __future__ import annotations

from typing_relay.door import frames
from typing_relay.platforms.digital_first import frames_out
from typing_relay.platforms.digital_first.conversation import contacts, socket
from typing_relay.platforms.digital_first.conversation.actions import Report, Tell
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.shared import visitor_events
from typing_relay.relay.value import changed


def wanted(turn: Turn, email: str) -> None:
    """Of the contact that is open, or was last. One at a time, and not kept: whoever hears no answer asks again."""
    contact_id, spent_until = contacts.newest_id(turn), turn.transcript.spent_until
    is_free = turn.now >= turn.policy.transcripts.free_at(spent_until)
    if not (turn.thread.ready and contact_id and is_free and turn.transcript.asked is None and socket.may_send(turn)):
        turn.do(_none_sent())
        return
    asked = socket.ask(turn, frames_out.send_transcript(contact_id, email))
    spent_until = turn.policy.transcripts.spend(spent_until, turn.now)
    turn.transcript = changed(turn.transcript, asked=asked, spent_until=spent_until)


def answered(turn: Turn) -> None:
    """CXone has sent it."""
    turn.transcript = changed(turn.transcript, asked=None)
    turn.do(Tell(visitor_events.transcript()))


def failed(turn: Turn, why: str) -> None:
    """The visitor may ask again."""
    turn.transcript = changed(turn.transcript, asked=None)
    turn.do(Report("transcript_failed", why))
    turn.do(_none_sent())


def _none_sent() -> Tell:
    message = "CXone sent no transcript: there is no conversation yet, or too many were asked for, or it failed."
    return Tell(frames.error("transcript_failed", message))

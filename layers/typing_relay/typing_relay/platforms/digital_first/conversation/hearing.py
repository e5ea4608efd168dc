"""What comes in on the socket, and whom it is about."""

from __future__ import annotations

from typing_relay.platforms.digital_first import frames_in
from typing_relay.platforms.digital_first.codes import LOOK_FAILED, SDK_REFUSED, SENDING_FAILED, TRANSCRIPT_FAILED
from typing_relay.platforms.digital_first.conversation import (
    access,
    ending,
    events,
    found,
    history,
    incoming,
    outgoing,
    shown,
    socket,
    socket_life,
    thread,
    transcript,
)
from typing_relay.platforms.digital_first.conversation.actions import Report
from typing_relay.platforms.digital_first.conversation.state import Asked, Doing
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.digital_first.frames_in import NotAFrame
from typing_relay.platforms.digital_first.parsing.frames import parse


def heard(turn: Turn, text: str) -> None:
    """A text frame came."""
    if turn.socket.doing is not Doing.OPEN:
        return
    socket.heard(turn)
    frame = _parsed(turn, text)
    if frame:
        _take(turn, frame)
    elif (looking := thread.look_on_its_way(turn)) and looking.event_id in text:
        found.nothing(turn, is_certain=False)  # it is the answer, and reported


def fetched(turn: Turn, text: str) -> None:
    """Handled like a frame that was heard, but it does not prove that the socket lives, and nothing more is fetched."""
    frame = _parsed(turn, text)
    is_another = isinstance(frame, frames_in.Event) and isinstance(frame.what, frames_in.EventInS3)
    if (frame is None or is_another) and thread.look_on_its_way(turn):
        not_fetched(turn)
    elif frame and not is_another and turn.socket.doing is Doing.OPEN:
        _take(turn, frame)


def not_fetched(turn: Turn) -> None:
    """The answer to a look may have been in there."""
    if thread.look_on_its_way(turn):
        found.look_failed(turn, "event_not_fetched")
    else:
        turn.do(Report("event_not_fetched"))


def _parsed(turn: Turn, text: str) -> frames_in.Frame | None:
    try:
        return parse(text)
    except NotAFrame as bad:
        turn.do(Report("not_a_frame", str(bad)))
        return None


def _take(turn: Turn, frame: frames_in.Frame) -> None:  # noqa: C901  # a table
    match frame:
        case frames_in.Pong():
            shown.ponged(turn)
            socket.ponged(turn)
        case frames_in.Answer(event_id):
            _answered(turn, event_id)
        case frames_in.Result(event_id, event_type):
            _answered(turn, event_id, event_type)
        case frames_in.Failure(code, event_id):
            _failed(turn, code, event_id)
        case frames_in.FrameLost():
            _frame_lost(turn)
        case frames_in.ConsumerToken():
            access.authorized(turn, frame)
        case frames_in.UrlToken(event_id, token) if incoming.is_about_rest(turn, event_id):
            incoming.fetch_rest(turn, token)
        case frames_in.Recovered():
            found.recovered(turn, frame)
        case frames_in.MoreMessages(event_id) if _is(turn.history.asked, event_id):
            history.tell(turn, frame)
        case frames_in.MoreMessages(event_id):
            _answered(turn, event_id, "MoreMessagesLoaded")
        case frames_in.NothingThere(event_id, is_empty) if thread.is_looked_for_by(turn, event_id):
            if not is_empty:
                turn.do(Report("thread_without_id"))
            found.nothing(turn, is_certain=is_empty)
        case frames_in.Event():
            events.heard(turn, frame)


def _answered(turn: Turn, event_id: str, result: str = "") -> None:
    if access.is_about(turn, event_id):
        turn.do(Report("not_authorized", result))
        socket_life.reopen(turn, "not_authorized")
    elif _is(turn.outgoing.sending, event_id):
        outgoing.taken(turn, turn.outgoing.queue[0].message_id)
    elif _is(turn.ending.asked, event_id):
        ending.over(turn)  # that the contact is closed is an event of its own
    elif _is(turn.transcript.asked, event_id):
        transcript.answered(turn)
    elif _is(turn.history.asked, event_id) and not turn.thread.looking:
        turn.do(Report("page_answered_otherwise", result))
        history.failed(turn, "CXone answers otherwise")
    elif thread.is_looked_for_by(turn, event_id):
        turn.do(Report("look_answered_otherwise", result) if result else Report("look_answered_plainly"))
        found.nothing(turn, is_certain=False)
    elif incoming.is_about_rest(turn, event_id):
        incoming.no_rest(turn, "answered otherwise")


def _frame_lost(turn: Turn) -> None:
    """Which one is not said: what is on its way may not have arrived."""
    if thread.look_on_its_way(turn):
        found.look_failed(turn, "frame_lost")
        return
    turn.do(Report("frame_lost"))
    outgoing.fate_unknown(turn)
    incoming.frame_lost(turn)
    shown.frame_lost(turn)


def _failed(turn: Turn, code: str, event_id: str | None) -> None:
    if code == SDK_REFUSED:
        socket_life.stop(turn, code, event_id)
    elif access.is_about(turn, event_id) or (turn.access.registering and event_id is None):
        turn.do(Report(code))
        socket_life.reopen(turn, "not_authorized")
    elif _is_about(turn.thread.looking, event_id, code in LOOK_FAILED or not turn.thread.ready):
        if code in LOOK_FAILED:
            found.nothing(turn)
        else:
            found.look_failed(turn, code)
    else:
        _request_failed(turn, code, event_id)


def _request_failed(turn: Turn, code: str, event_id: str | None) -> None:
    turn.do(Report(code))
    shown.refused(turn, event_id)
    if _is(turn.ending.asked, event_id):
        ending.failed(turn, code)
    if _is(turn.history.asked, event_id):
        history.failed(turn, code)
    if incoming.is_about_rest(turn, event_id):
        incoming.no_rest(turn, code)
    if _is_about(turn.transcript.asked, event_id, code in TRANSCRIPT_FAILED):
        transcript.failed(turn, code)
    if _is_about(turn.outgoing.sending, event_id, code in SENDING_FAILED):
        outgoing.failed(turn, code)


def _is(asked: Asked | None, event_id: str | None) -> bool:
    return asked is not None and asked.event_id == event_id


def _is_about(asked: Asked | None, event_id: str | None, is_its_kind: bool) -> bool:
    """An error without an id belongs to the oldest request of its kind; one of each is open at most."""
    return _is(asked, event_id) or (asked is not None and event_id is None and is_its_kind)

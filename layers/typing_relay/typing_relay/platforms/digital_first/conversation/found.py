"""What a look for the thread found. It writes no part itself."""

from __future__ import annotations

from typing_relay.platforms.digital_first import frames_in
from typing_relay.platforms.digital_first.conversation import (
    agents,
    contacts,
    events,
    history,
    incoming,
    outgoing,
    seen,
    thread,
)
from typing_relay.platforms.digital_first.conversation.actions import ContactOpened, Ready, Report, Tell
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.shared import visitor_events


def recovered(turn: Turn, found: frames_in.Recovered) -> None:
    """The thread is there."""
    looking = turn.thread.looking
    if looking is None or looking.event_id != found.event_id:
        return
    if found.thread_id != turn.thread.thread_id and not _adopts(turn, found):
        return
    is_page = history.waits_for_look(turn) and turn.thread.ready
    for message in found.messages:
        _message(turn, message)
    seen.found(turn, found.messages)
    outgoing.settle_doubts(turn, looking.since, found)
    if found.agent != turn.agents.told or turn.thread.tells_anew:
        turn.do(Tell(visitor_events.agent(None, found.agent)))
        agents.has_it(turn, found.agent)
    _contact(turn, found)
    if not found.takes_more:
        turn.do(Report("thread_takes_no_more"))
        thread.ended(turn)
    _over(turn)
    if is_page:
        history.tell(turn, found)


def _message(turn: Turn, message: frames_in.ThreadMessage) -> None:
    if message.message_id not in turn.incoming.told:
        if message.at is None or message.at >= turn.incoming.told_before:
            incoming.say(turn, message, None)
        incoming.known(turn, message)
        if turn.agents.typing:
            agents.wrote(turn, message)
    outgoing.taken(turn, message.message_id, is_looked_for=True)


def _contact(turn: Turn, found: frames_in.Recovered) -> None:
    """A livechat whose contact is closed is over."""
    contact = found.contact if found.contact and found.contact.is_open else None
    if turn.livechat and found.contact and not contact:
        thread.ended(turn)
    contacts.known(turn, contact)
    if found.contact and not contact:
        contacts.found_closed(turn, found.contact.contact_id)


def _adopts(turn: Turn, found: frames_in.Recovered) -> bool:
    """Another thread with an open contact is the conversation from now on. One that is over would be found again and
    again, so it counts as none."""
    if found.contact is None or not found.contact.is_open or not found.takes_more:
        turn.do(Report("another_thread_found"))
        nothing(turn, is_certain=False)
        return False
    outgoing.give_up_doubts(turn, {message.message_id for message in found.messages})
    contacts.thread_changed(turn)
    thread.adopt(turn, found.thread_id)
    return True


def nothing(turn: Turn, *, is_certain: bool = True) -> None:
    """There is no such thread or contact yet: no message has arrived in it, unless that is not certain."""
    assert turn.thread.looking  # noqa: S101
    if is_certain:
        outgoing.settle_doubts(turn, turn.thread.looking.since, None)
    else:
        outgoing.give_up_doubts(turn)
    contacts.known(turn, turn.contacts.open)
    is_page = history.waits_for_look(turn) and turn.thread.ready
    _over(turn)
    if is_page and is_certain:
        history.tell(turn, frames_in.MoreMessages("", ()))
    elif is_page:
        history.failed(turn, "CXone's answer is not understood")


def look_failed(turn: Turn, code: str) -> None:
    """An error that is not known to mean that there is nothing. If it lasts it is taken for that, but for messages in
    doubt: these may have arrived."""
    turn.do(Report(code))
    if turn.thread.looks_failed < turn.policy.most_refusals:
        thread.look_again(turn)
        return
    contacts.known(turn, turn.contacts.open)
    _over(turn)
    if history.waits_for_look(turn):
        history.failed(turn, code)


def _over(turn: Turn) -> None:
    """The look is over: what was held until then is told."""
    was_ready, contact = turn.thread.ready, turn.contacts.open
    for event in thread.looked(turn):
        events.tell(turn, event)
    if not was_ready:
        turn.do(Ready())
        if contact:
            turn.do(ContactOpened(contact.contact_id))

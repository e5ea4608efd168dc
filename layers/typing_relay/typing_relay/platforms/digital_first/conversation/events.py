"""Events of the gateway: what each changes, and what the visitor is told of it. It writes no part itself."""

from __future__ import annotations

from typing_relay.platforms.digital_first import frames_in
from typing_relay.platforms.digital_first import visitor_events as dfo_events
from typing_relay.platforms.digital_first.conversation import agents, contacts, incoming, outgoing, seen, thread
from typing_relay.platforms.digital_first.conversation.actions import Fetch, Report, Tell
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.shared import visitor_events


def heard(turn: Turn, event: frames_in.Event) -> None:
    """What is about another thread is not for this conversation."""
    what, thread_id = event.what, turn.thread.thread_id
    if isinstance(what, frames_in.Unknown) and what.why:
        turn.do(Report("event_not_understood", f"{what.event_type}: {what.why}"))
    if isinstance(what, frames_in.EventInS3):
        if event.thread_id in ("", thread_id):
            thread.answer_comes_later(turn)
            turn.do(Fetch(what.url))
    elif event.thread_id and event.thread_id != thread_id:
        return
    elif not event.thread_id and not contacts.is_its(turn, event):
        _of_nobody_known(turn, event)
    elif isinstance(what, frames_in.MessageCreated) and not turn.thread.ready:
        outgoing.taken(turn, what.message.message_id)
        thread.hold(turn, event)
    else:
        tell(turn, event)


def _of_nobody_known(turn: Turn, event: frames_in.Event) -> None:
    """It names no thread, and no contact that is known. What nobody understands is passed on as it is."""
    contact = turn.contacts.open
    if isinstance(event.what, frames_in.QueuePosition) and not (contact and contact.contact_id):
        agents.hold_place(turn, event)
    elif isinstance(event.what, frames_in.Unknown):
        turn.do(Tell(visitor_events.unnamed(event.frame)))


def tell(turn: Turn, event: frames_in.Event) -> None:
    """If it is news."""
    what = event.what
    if _is_news(turn, event):
        if isinstance(what, frames_in.AgentTyping):
            agents.typed(turn, what, event.at)
        frame = dfo_events.frame_of(event, turn.agents.typing)
        if isinstance(what, frames_in.CaseStatusChanged) and turn.contacts.open is None:
            frame = visitor_events.contact(event.frame, is_open=True)
        if isinstance(what, frames_in.MessageCreated):
            incoming.say(turn, what.message, event)
        elif frame:
            turn.do(Tell(frame))
        _note(turn, what, event.at)
    if isinstance(what, frames_in.MessageCreated):
        contacts.learned(turn, what.contact)


def _is_news(turn: Turn, event: frames_in.Event) -> bool:
    """Events may come twice, or late."""
    match event.what:
        case frames_in.MessageCreated(message):
            return message.message_id not in turn.incoming.told
        case frames_in.AgentTyping(True, agent):
            return not turn.agents.typing.is_overtaken(agent, event.at)
        case frames_in.CaseCreated() | frames_in.CaseStatusChanged():
            return contacts.is_news(turn, event.what)
    return True


def _note(turn: Turn, what: frames_in.What, at: int | None) -> None:
    match what:
        case frames_in.MessageCreated(message):
            incoming.known(turn, message)
            outgoing.taken(turn, message.message_id)
            agents.wrote(turn, message, at)
            seen.written(turn, message)
        case frames_in.CaseCreated(contact):
            contacts.created(turn, contact)
        case frames_in.CaseStatusChanged(contact, closed_at) if not contact.is_open:
            contacts.closed(turn, closed_at)
        case frames_in.CaseStatusChanged(contact):
            contacts.opened_again(turn, contact)
        case frames_in.ThreadArchived():
            contacts.known(turn, None)
            thread.ended(turn)
        case frames_in.AgentChanged(agent):
            agents.has_it(turn, agent)
        case frames_in.QueuePosition(position):
            agents.place_known(turn, position)

"""The contact: whether one is open, what its custom fields are, and who hears of it."""

from __future__ import annotations

from dataclasses import replace

from typing_relay.platforms.digital_first import frames_in, frames_out
from typing_relay.platforms.digital_first.conversation import agents, ending, shown, socket, thread
from typing_relay.platforms.digital_first.conversation.actions import ContactClosed, ContactOpened, Tell
from typing_relay.platforms.digital_first.conversation.state import Conversation
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.digital_first.frames_in import Contact
from typing_relay.platforms.shared import visitor_events
from typing_relay.relay.value import changed


def known(turn: Turn, contact: Contact | None, *, told: bool = False) -> None:
    """This one is open; None: none is. ``told``: the visitor hears of it by the event itself."""
    before, is_open = turn.contacts, contact is not None
    is_same = contact is not None and before.open is not None and contact.contact_id == before.open.contact_id
    if not is_open and before.open is not None:
        turn.contacts = changed(turn.contacts, closed_id=before.open.contact_id, fields_said=())
        ending.over(turn)
    if not is_same:
        agents.place_known(turn, None)
    turn.contacts = changed(turn.contacts, open=contact, told=is_open)
    if is_open:
        shown.contact_opened(turn)
        thread.goes_on(turn)
        turn.contacts = changed(turn.contacts, opening_until=0)
    must_tell = is_open != before.told or (turn.thread.tells_anew and not turn.thread.ready)
    if must_tell and not told:
        tell(turn)
    if contact is None:
        agents.stopped(turn)
        shown.contact_closed(turn)
        if before.told:
            _closed(turn)
    elif turn.thread.ready and not is_same:
        turn.do(ContactOpened(contact.contact_id))
    agents.tell_held_place(turn)


def _closed(turn: Turn) -> None:
    """A livechat ends with its contact."""
    if turn.livechat:
        thread.ended(turn)
    turn.do(ContactClosed())


def created(turn: Turn, contact: Contact) -> None:
    """Nobody has been told anything in this one."""
    shown.begins_anew(turn)
    agents.stopped(turn)
    known(turn, contact, told=True)


def closed(turn: Turn, at: int | None) -> None:
    """The visitor hears of it by the event itself. ``at``: by the gateway's clock."""
    known(turn, None, told=True)
    turn.contacts = changed(turn.contacts, closed_at=at or 0)


def found_closed(turn: Turn, contact_id: str) -> None:
    """A look found this one as the thread's last."""
    turn.contacts = changed(turn.contacts, closed_id=contact_id, closed_at=0)


def opened_again(turn: Turn, contact: Contact) -> None:
    """Its status says that it is open; it need not say its id."""
    if turn.contacts.open is None:
        known(turn, replace(contact, contact_id=contact.contact_id or turn.contacts.closed_id), told=True)


def learned(turn: Turn, contact: Contact | None) -> None:
    """A message may be the first word of the contact that it is part of."""
    is_new = contact is not None and contact.is_open and contact.contact_id not in ("", turn.contacts.closed_id)
    if turn.contacts.open is None and is_new:
        known(turn, contact)


def is_its(turn: Turn, event: frames_in.Event) -> bool:
    """An event that names no thread is about the contact, or the one that was closed last."""
    return event.contact_id != "" and event.contact_id == newest_id(turn)


def newest_id(turn: Turn) -> str:
    """Of the contact that is open, or was last; '': not known."""
    return turn.contacts.open.contact_id if turn.contacts.open else turn.contacts.closed_id


def is_news(turn: Turn, what: frames_in.CaseCreated | frames_in.CaseStatusChanged) -> bool:
    """Events may come twice, or late."""
    current = turn.contacts.open
    match what:
        case frames_in.CaseCreated(contact):
            is_past = contact.contact_id != "" and contact.contact_id == turn.contacts.closed_id
            return not is_past and (current is None or current.contact_id != contact.contact_id)
        case frames_in.CaseStatusChanged(contact, at) if current is None:
            return contact.is_open and (at is None or at >= turn.contacts.closed_at)
        case frames_in.CaseStatusChanged(contact):
            is_named = current is not None and "" not in (contact.contact_id, current.contact_id)
            return current is not None and (not is_named or contact.contact_id == current.contact_id)


def may_open(turn: Turn) -> None:
    """A message was taken: where there is no contact it opens one, which an event of its own tells."""
    if turn.contacts.open is None:
        turn.contacts = changed(turn.contacts, opening_until=turn.now + turn.policy.answer_ms)


def tell(turn: Turn) -> None:
    """The visitor, whether one is open."""
    turn.do(Tell(visitor_events.contact(None, is_open=turn.contacts.open is not None)))


def owes_fields(parts: Turn | Conversation) -> bool:
    """There is a contact, and CXone does not know its custom fields as they are now."""
    fields = parts.access.profile.fields
    return bool(parts.thread.ready and parts.contacts.open and fields and fields != parts.contacts.fields_said)


def say_fields(turn: Turn) -> None:
    """The message that opens a contact brings them along; afterwards they may change."""
    if owes_fields(turn) and socket.may_send(turn):
        socket.request(turn, frames_out.set_contact_fields(turn.thread.thread_id, turn.access.profile.fields))
        fields_said(turn, turn.access.profile.fields)


def fields_said(turn: Turn, fields: frames_out.Fields) -> None:
    """CXone was told these, if any."""
    if fields:
        turn.contacts = changed(turn.contacts, fields_said=fields)


def thread_changed(turn: Turn) -> None:
    """In the new one none was closed."""
    turn.contacts = changed(turn.contacts, closed_id="")


def socket_lost(turn: Turn) -> None:
    """What is open is to be found out on the next one."""
    turn.contacts = changed(turn.contacts, open=None, fields_said=())

"""What the session's record says of the conversation: what a conversation must survive its keeper.

A write that the store did not take is made again; one that the record refuses is another keeper's to make. On the
loop's thread, but for ``is_shown``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from typing_relay.aws.shedding import failure_of
from typing_relay.platforms.digital_first.talk_parts.state import TalkState
from typing_relay.relay.burst import Session

logger = logging.getLogger(__name__)
T = TypeVar("T")

#: How long until the record is told again what it could not be told.
AGAIN_S = 1.0


class OnRecord:
    """Reads the record when the guest is taken, and writes it from then on."""

    def __init__(self, state: TalkState) -> None:
        self._state = state
        #: Whether a contact is open; None: not known, or being written.
        self._contact_noted: bool | None = None
        #: Of what was noted of the contact, the newest.
        self._note = object()
        #: Typing was shown, or on its way, when this keeper took the guest; since then the thread was looked for.
        self._was_shown = self._has_looked = False

    def taken(self, record: Session) -> None:
        """This keeper has taken the guest, whose record stands so."""
        self._contact_noted, self._note = record.contact_open, object()
        self._was_shown, self._has_looked = record.shown or record.sending is not None, False

    def made(self) -> None:
        """The conversation has just been recorded: without a contact."""
        self._contact_noted = False

    def looked(self) -> None:
        """The thread has been looked for. Where there is no contact, the record comes to say so."""
        c = self._state.conversation
        assert c is not None  # noqa: S101
        if c.contacts.open is None and self._contact_noted is not False:
            self.note_contact(is_open=False)
        self._has_looked = True

    @property
    def is_contact_known(self) -> bool:
        """Not while that is being written: the write resets ``shown``, so typing sent meanwhile would be forgotten."""
        return self._contact_noted is not None

    @property
    def is_shown(self) -> bool:
        """As far as is known: until the thread has been looked for, as the record says."""
        c = self._state.conversation
        if c is None or not self._has_looked:
            return self._was_shown
        return c.shown.perhaps_shown and self._contact_noted is True

    def note_contact(self, *, is_open: bool) -> None:
        """Recorded before anything is said: keys pressed while there was no contact count from now on, if fresh."""
        c, context, session_id = self._state.conversation, self._state.context, self._state.session_id
        assert c is not None  # noqa: S101
        self._contact_noted, note = None, object()
        self._note = note
        perhaps_shown = is_open and c.shown.perhaps_shown

        def written(record: Session | None) -> None:
            if record and note is self._note:
                self._contact_noted = is_open
            self._taken_up(record)
            if not record:
                self._state.host.fenced()

        def again() -> None:
            """As it stands by then; a socket that is lost meanwhile has it noted when the next one is ready."""
            c = self._state.conversation
            if note is self._note and c and c.thread.ready:
                self.note_contact(is_open=c.contacts.open is not None)

        call = context.sessions.set_contact
        self._write("contact", lambda: call(session_id, context.keeper, is_open, perhaps_shown), written, again)

    def doubt_shown(self) -> None:
        """While the socket is down there is nothing to do: the contact's reopening says the same."""
        c, context, session_id = self._state.conversation, self._state.context, self._state.session_id
        if c and c.thread.ready:
            call = context.sessions.doubt_shown
            self._write("doubt", lambda: call(session_id, context.keeper), self._taken_up, self.doubt_shown)

    def note_thread(self, thread_id: str) -> None:
        """A thread that is not on record is nobody's: whoever holds the visitor now goes on in the one that is."""
        context, session_id = self._state.context, self._state.session_id
        call = context.sessions.set_thread

        def again() -> None:
            c = self._state.conversation
            if c and c.thread.thread_id == thread_id:
                self.note_thread(thread_id)

        def written(is_noted: bool) -> None:
            if not is_noted:
                self._state.host.fenced()

        self._write("thread", lambda: call(session_id, context.keeper, thread_id), written, again)

    def _taken_up(self, record: Session | None) -> None:
        """What is then wanted is looked at."""
        if record and not self._state.is_closed:
            self._state.context.owners.take_up(record)

    def _write(
        self, what: str, call: Callable[[], T], written: Callable[[T], object], again: Callable[[], object]
    ) -> None:
        """What the store could not be told, it is told ``again``."""
        context = self._state.context

        def failed(error: Exception) -> None:
            logger.warning("The session record: %s failed: %s", what, error)
            context.counters.add(failure_of(error))
            context.loop.call_later(AGAIN_S, again)

        context.store.submit(self._state.session_id, call, written, failed)

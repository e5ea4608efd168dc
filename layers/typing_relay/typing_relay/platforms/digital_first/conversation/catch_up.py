"""What every front end is to know: one that has just connected does not."""

from __future__ import annotations

from typing_relay.platforms.digital_first.conversation import contacts
from typing_relay.platforms.digital_first.conversation.actions import Tell
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.digital_first.files import NO_FILES, Files
from typing_relay.platforms.shared import visitor_events
from typing_relay.relay.value import changed


def greeted(turn: Turn) -> None:
    """A front end has connected."""
    turn.catch_up = changed(turn.catch_up, due=True)


def tell(turn: Turn) -> None:
    """Tell all of it, also those that know it; not again for a while, however many connect (T17)."""
    if not (turn.catch_up.due and turn.thread.ready and turn.now >= turn.catch_up.at):
        return
    agents, files = turn.agents, turn.catch_up.files
    contacts.tell(turn)
    turn.do(Tell(visitor_events.agent(None, agents.told)))
    if agents.position_told is not None:
        turn.do(Tell(visitor_events.queue(None, agents.position_told)))
    turn.do(Tell(visitor_events.unread(turn.seen.unread if turn.contacts.open else 0)))
    if files and files.rules.allowed:
        _tell_files(turn)
    if agents.typing:
        turn.do(Tell(visitor_events.agent_typing(None, agents.typing.agents)))
    turn.catch_up = changed(turn.catch_up, due=False, at=turn.now + turn.policy.catch_up_ms)


def files_known(turn: Turn, files: Files | None) -> None:
    """Told while they are allowed, and when they are not any more."""
    before = turn.catch_up.files
    turn.catch_up = changed(turn.catch_up, files=files)
    if files != before and ((files and files.rules.allowed) or (before and before.rules.allowed)):
        _tell_files(turn)


def _tell_files(turn: Turn) -> None:
    files = turn.catch_up.files
    known = files if files and files.rules.allowed else NO_FILES
    turn.do(Tell(visitor_events.files(known.upload, known.rules.largest_bytes, known.rules.types)))

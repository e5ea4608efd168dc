"""What flows read and write in the store of visitors' messages, as effects.

Times are epoch ms, ``expires_at`` is epoch s.
"""

from __future__ import annotations

from typing import TypeVar

from typing_relay.relay.effects import Effect
from typing_relay.relay.ports import AlreadyThere, Messages, SentMessage, Standing

T = TypeVar("T")


class OnMessages(Effect[T]):
    """A read or write of the store of messages."""

    def on(self, messages: Messages) -> T:
        """Carry it out there."""
        raise NotImplementedError


class Put(OnMessages[AlreadyThere | None]):
    """Let a message wait to be delivered, until ``deadline`` at most. None: no message of that id was there."""

    session_id: str
    message: SentMessage
    now: int
    deadline: int
    expires_at: int

    def on(self, messages: Messages) -> AlreadyThere | None:
        """Carry it out there."""
        return messages.put(self.session_id, self.message, self.now, self.deadline, self.expires_at)


class CountWaiting(OnMessages[int]):
    """How many messages of this session wait, up to ``most``."""

    session_id: str
    most: int

    def on(self, messages: Messages) -> int:
        """Carry it out there."""
        return messages.count_waiting(self.session_id, self.most)


class ReadStanding(OnMessages[Standing | None]):
    """A message's status; None when no message of that id is known."""

    session_id: str
    message_id: str
    now: int

    def on(self, messages: Messages) -> Standing | None:
        """Carry it out there."""
        return messages.get(self.session_id, self.message_id, self.now)


class Expire(OnMessages[Standing | None]):
    """Give a message up. Returns its status: another process may have settled it."""

    session_id: str
    message_id: str

    def on(self, messages: Messages) -> Standing | None:
        """Carry it out there."""
        return messages.expire(self.session_id, self.message_id)

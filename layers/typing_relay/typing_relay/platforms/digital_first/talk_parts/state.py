"""How a guest's talk stands: every part of it reads this, and the talk alone writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_relay.keeper.guests.talk import TalkHost
from typing_relay.platforms.digital_first.channel_context import ChannelContext
from typing_relay.platforms.digital_first.conversation.state import Conversation


@dataclass(slots=True)
class TalkState:
    """``context``: the channel's, once it is known which that is."""

    host: TalkHost
    context: ChannelContext
    #: None: nobody has signed in yet, or this keeper no longer holds the guest.
    conversation: Conversation | None = None
    #: The newest open socket; 0: none. What still comes on others is not heard.
    number: int = 0
    #: The token in use is of the page's, and CXone may refuse it for that.
    is_by_page: bool = False
    #: This keeper no longer holds the guest.
    is_closed: bool = False

    @property
    def session_id(self) -> str:
        """Whose talk it is."""
        return self.host.session_id

    def tell(self, frame: Mapping[str, Any]) -> None:
        """Send this frame to the visitor, and count it."""
        self.context.counters.add(f"Frames.{frame.get('name', 'unknown')}")
        self.host.tell(frame)

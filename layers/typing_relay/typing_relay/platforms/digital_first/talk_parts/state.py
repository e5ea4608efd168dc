"""How a guest's talk stands: every part of it reads this, and the talk alone writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_relay.keeper.guests.talk import Voice
from typing_relay.platforms.digital_first.conversation.state import Conversation
from typing_relay.platforms.digital_first.office import Office


@dataclass(slots=True)
class TalkState:
    """``office``: the channel's, once it is known which that is."""

    voice: Voice
    office: Office
    #: None: nobody has signed in yet, or the guest is held here no more.
    conversation: Conversation | None = None
    #: The newest open socket; 0: none. What still comes on others is not heard.
    number: int = 0
    #: The token in use is of the page's, and CXone may refuse it for that.
    is_by_page: bool = False
    #: The guest is held here no more.
    is_closed: bool = False

    @property
    def session_id(self) -> str:
        """Whose talk it is."""
        return self.voice.session_id

    def tell(self, frame: Mapping[str, Any]) -> None:
        """Send this frame to the visitor, and count it."""
        self.office.counters.add(f"Frames.{frame.get('name', 'unknown')}")
        self.voice.tell(frame)

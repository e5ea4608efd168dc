"""Translates frames of webchat v1's guest socket into frames for the visitor. Pure."""

from __future__ import annotations

from typing import Any

from typing_relay.platforms.shared import visitor_events
from typing_relay.platforms.shared.agents_typing import SOMEBODY


def frame_of(event: Any) -> visitor_events.Frame:
    """The frame for the visitor, from a JSON value that came on the guest's socket."""
    match event:
        case {"type": "agent-typing", "typing": bool(typing)}:
            return visitor_events.agent_typing(event, (SOMEBODY,) if typing else ())
        case {"type": "message", "text": str(text)}:
            return visitor_events.message(
                event, message_id=_text(event.get("id")), text=text, author=None, at=None, sender="agent"
            )
        case _:
            return visitor_events.unnamed(event)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None

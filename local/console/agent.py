"""Translates an agent's acts at the page's desk into calls of the simulator's controls, on either platform. Pure."""

from __future__ import annotations

from typing import Any

Call = tuple[str, dict[str, Any]]

#: The agent at the desk. Visitors see the nickname.
AGENT = {"first_name": "Avery", "surname": "Quinn", "nickname": "Avery"}


def webchat_call(guest_id: object, frame: object) -> Call:
    """v1: CXone sends the agent's frame to the guest unchanged."""
    return "agent", {"guest_id": guest_id, "frame": frame}


def gateway_call(thread_id: str, frame: object) -> Call | None:
    """Digital-First: each act is a separate call. None for an unknown frame."""
    match frame:
        case {"type": "agent-typing", "typing": bool(typing)}:
            return "agent/typing", {"thread_id": thread_id, "typing": typing}
        case {"type": "message", "text": str(text)}:
            return "agent/message", {"thread_id": thread_id, "text": text}
        case {"type": "accept"}:
            return "agent/assign", {"thread_id": thread_id, "agent": AGENT}
        case {"type": "read"}:
            return "agent/read", {"thread_id": thread_id, "what": "read"}
        case {"type": "close"}:
            return "agent/close-contact", {"thread_id": thread_id}
    return None

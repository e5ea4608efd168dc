"""What the console has for a platform: an agent's acts at its desk become calls of the simulator's controls. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.console.faults import NO_SIMULATOR, Panel
from local.console.gateway_events import Event, Threads

Call = tuple[str, dict[str, Any]]

#: The agent at the desk. Visitors see the nickname.
AGENT = {"first_name": "Avery", "surname": "Quinn", "nickname": "Avery"}


def no_call(threads: Threads, guest_id: object, frame: object) -> Call:
    """Where nothing is simulated."""
    raise ValueError("nobody simulates an agent of this platform.")


@dataclass(frozen=True)
class Desk:
    """What the console has for a platform: its faults, and the agent's side.

    `call`: for what the agent does with a guest, as v1's frames name it; raises ValueError that says what is wrong.
    `changes_threads`: after which of the simulator's events its threads are to be read again. `keeps_messages`: the
    simulator does, of both sides; where it does not, the console notes them.
    """

    panel: Panel = NO_SIMULATOR
    call: Callable[[Threads, object, object], Call] = no_call
    changes_threads: Callable[[Event], bool] = lambda event: False
    keeps_messages: bool = False


NO_DESK = Desk()


def webchat_call(threads: Threads, guest_id: object, frame: object) -> Call:
    """v1: CXone sends the agent's frame to the guest unchanged."""
    return "agent", {"guest_id": guest_id, "frame": frame}


def gateway_call(threads: Threads, guest_id: object, frame: object) -> Call:
    """Digital-First: each act is a separate call, about the visitor's newest contact."""
    thread_id = threads.newest_of(guest_id)
    if thread_id is None:
        raise ValueError("guest_id: this visitor has no contact; it begins with a message.")
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
    raise ValueError("frame: expected agent-typing, message, accept, read or close.")

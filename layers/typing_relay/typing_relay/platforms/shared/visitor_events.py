"""Frames that tell a visitor what happens at CXone: the same shape for both of its interfaces. Pure.

``{"type":"event","event":…,"name":…,"detail":{…}}``: ``event`` is CXone's own frame, unchanged, or null where the relay
learned of it otherwise. ``name`` and ``detail`` are there for what the relay understands. An unknown value is null.
"""

from __future__ import annotations

from typing import Any, Literal

from typing_relay.platforms.shared.agents_typing import Agent

Frame = dict[str, Any]


def unnamed(event: Any) -> Frame:
    """A frame that the relay passes on without understanding it."""
    return {"type": "event", "event": event}


def agent_typing(event: Any, agents: tuple[Agent, ...]) -> Frame:
    """Which agents type now; none: nobody. Whom CXone does not name is in ``typing`` alone."""
    named = [_person(agent) for agent in agents if agent.agent_id or agent.name]
    return _named(event, "agent-typing", {"typing": bool(agents), "agents": named})


def message(
    event: Any,
    *,
    message_id: str | None,
    text: str,
    author: str | None,
    at: int | None,
    sender: Literal["agent", "visitor"],
) -> Frame:
    """Somebody has sent a message. ``at``: epoch ms."""
    detail = {"id": message_id, "text": text, "author": author, "at": at, "from": sender}
    return _named(event, "message", detail)


def agent(event: Any, agent: Agent | None) -> Frame:
    """The agent who has the conversation; None: nobody has it."""
    return _named(event, "agent", _person(agent or Agent()))


def contact(event: Any, is_open: bool) -> Frame:
    """Whether agents see the conversation."""
    return _named(event, "contact", {"status": "open" if is_open else "closed"})


def queue(event: Any, position: int) -> Frame:
    """The conversation's position in the queue for an agent."""
    return _named(event, "queue", {"position": position})


def read(event: Any, message_id: str | None) -> Frame:
    """An agent has read this message."""
    return _named(event, "read", {"id": message_id})


def seen(event: Any, message_id: str | None) -> Frame:
    """This message has been seen."""
    return _named(event, "seen", {"id": message_id})


def unread(count: int) -> Frame:
    """How many messages of agents the visitor has not seen, as far as CXone knows."""
    return _named(None, "unread", {"count": count})


def files(upload: str, largest_bytes: int, types: tuple[str, ...]) -> Frame:
    """The visitor may send files: uploaded to ``upload`` ('': not any more), of these MIME types (``image/*`` is all of
    a kind), and at most this large."""
    return _named(None, "files", {"upload": upload or None, "largest_bytes": largest_bytes, "types": list(types)})


def availability(is_online: bool, offline_form: bool | None = None) -> Frame:
    """Whether anybody is there to chat with. ``offline_form``: the channel shows a form for messages while it is
    offline; None: it does not say."""
    status = "online" if is_online else "offline"
    return _named(None, "availability", {"status": status, "offline_form": offline_form})


def transcript() -> Frame:
    """CXone sends the transcript that was asked for."""
    return _named(None, "transcript", {"status": "sent"})


def history(messages: list[Frame], asked: str, before: str) -> Frame:
    """Earlier messages, newest first, each with the detail of ``message``: the answer to one who asked for those before
    ``asked`` ('': for the newest). Older ones are before ``before`` ('': there are none)."""
    return _named(None, "history", {"messages": messages, "asked": asked or None, "before": before or None})


def _person(agent: Agent) -> dict[str, str | None]:
    return {"id": agent.agent_id or None, "name": agent.name}


def _named(event: Any, name: str, detail: Frame) -> Frame:
    return {"type": "event", "event": event, "name": name, "detail": detail}

"""Translates the simulated Digital-First gateway's events into those that the page knows from v1. Pure.

A visitor of the gateway is called a guest here, as in the session record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Event = dict[str, Any]

#: Agents' acts that change a thread.
_CHANGE_THREADS = ("assign", "message", "close-contact")
#: Pushed frames that the page does not show.
_DULL = ("pong", "answer")


def changes_threads(event: Event) -> bool:
    """Whether threads must be read again after this event."""
    if event["kind"] == "frame":
        return "value" not in event
    return event["kind"] == "agent" and event["what"] in _CHANGE_THREADS


def as_console_events(events: Iterable[Event]) -> Iterator[Event]:
    """The gateway's events that the page shows, each with kind, at, and the fields it needs."""
    for event in events:
        fields = _fields(event)
        if fields:
            yield {"at": event["at"], "guest_id": event.get("visitor_id"), **fields}


def _fields(event: Event) -> Event | None:
    match event["kind"]:
        case "frame":
            return _frame(event)
        case "push" if event["event_type"] not in _DULL:
            return {"kind": "push", "frame": event["event_type"], "fault": event["fault"]}
        case "socket_open":
            return {"kind": "socket_open"}
        case "socket_close":
            return {"kind": "socket_close", "code": event["code"]}
        case "handshake_refused" | "authorize" as kind:
            return {"kind": kind, "status": event["status"]}
        case "agent":
            return {"kind": "agent", "what": event["what"]}
        case "violation":
            return {"kind": "violation", "rule": event["rule"], "detail": event["detail"]}
        case "control":
            is_setting = event["what"] in ("settings", "faults")  # the console names its switches itself
            return {"kind": "fault", "what": "settings" if is_setting else event["what"]}
    return None


def _frame(event: Event) -> Event:
    """A frame from a visitor. `status`: taken, the fault, or refused."""
    taken = event["accepted"]
    fields = {"frame": event["event_type"], "accepted": taken, "fault": event["fault"]}
    fields["status"] = "taken" if taken else event["fault"] or "refused"
    if "value" in event:
        return {"kind": "typing", "value": event["value"], **fields}
    return {"kind": "socket_frame", **fields}


class Threads:
    """The gateway's threads as the page knows them, and which one an agent's act refers to."""

    def __init__(self) -> None:
        self._threads: dict[str, Event] = {}

    def newest_of(self, guest_id: object) -> str | None:
        """The id of this visitor's newest thread in which there is, or was, a contact."""
        own = [thread for thread in self._threads.values() if thread["visitor_id"] == guest_id and thread["contact"]]
        return str(own[-1]["thread_id"]) if own else None

    def news(self, threads: Iterable[Event], now: float) -> list[Event]:
        """Events for what is new in these threads: contacts and messages. Each is returned only once."""
        told = []
        for thread in threads:
            before = self._threads.get(thread["thread_id"], {})
            told += [_message(thread, message) for message in thread["messages"][len(before.get("messages", ())) :]]
            state = _state(thread)
            if not before or _state(before) != state:
                told.append({"kind": "thread", "at": now, **state})
            self._threads[thread["thread_id"]] = thread
        return told


def _state(thread: Event) -> Event:
    agent, contact = thread["agent"] or {}, thread["contact"] or {}
    return {
        "guest_id": thread["visitor_id"],
        "thread_id": thread["thread_id"],
        "contact": contact.get("status"),
        "agent": f"{agent['first_name']} {agent['surname']}" if agent else None,
        "customer": thread["customer_name"],
        "fields": contact.get("fields", {}),
    }


def _message(thread: Event, message: Event) -> Event:
    return {
        "kind": "visitor_message" if message["direction"] == "inbound" else "agent_message",
        "at": message["created_at"],
        "guest_id": thread["visitor_id"],
        "id": message["id_on_external_platform"],
        "text": message["content"]["text"],
        "attachments": [{"url": file["url"], "name": file["friendlyName"]} for file in message["attachments"]],
    }

"""A Digital-First gateway in memory: frames in, frames out, no sockets. Frozen, so that a history can branch.

It knows what the conversation under test needs, and is strict: a request before the thread was looked for, or typing
without a contact, is an assertion that fails.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

Frame = dict[str, Any]


@dataclass(frozen=True)
class Thread:
    """What CXone keeps of one thread. ``contact`` 0: none was ever; ``messages``: ids in the order of their taking."""

    thread_id: str
    messages: tuple[str, ...] = ()
    contact: int = 0
    is_open: bool = False


@dataclass(frozen=True)
class Gateway:
    """CXone, and the one connection to it."""

    livechat: bool = False
    threads: tuple[Thread, ...] = ()
    #: Ids of messages in the order in which CXone took them, in whichever thread.
    taken: tuple[str, ...] = ()
    shows_typing: bool = False
    contacts: int = 0
    #: On this connection the thread has been looked for.
    has_looked: bool = False
    #: This many messages are answered with an error and not taken.
    refuses: int = 0

    def connected(self) -> Gateway:
        """A new connection."""
        return replace(self, has_looked=False)

    def receive(self, text: str, late: bool = False) -> tuple[Gateway, tuple[str, ...]]:
        """Take a frame; returns what is answered. ``late``: it came by a connection that has ended."""
        frame = json.loads(text)
        if frame == {"action": "heartbeat"}:
            return self, ('"pong"',)
        assert frame["action"] == "chatWindowEvent"
        event_id, payload = frame["eventId"], frame["payload"]
        kind, data = payload["eventType"], payload["data"]
        thread_id = data["thread"]["idOnExternalPlatform"]
        if kind in ("RecoverThread", "RecoverLivechat"):
            assert (kind == "RecoverLivechat") == self.livechat
            return self._recover(event_id, thread_id)
        assert self.has_looked or late, f"{kind} before the thread was looked for"
        if kind == "SendMessage":
            return self._message(event_id, thread_id, data["idOnExternalPlatform"])
        if kind == "SetConsumerContactCustomFields":
            return self, (answer(event_id),)
        assert kind in ("SenderTypingStarted", "SenderTypingEnded")
        return replace(self, shows_typing=kind == "SenderTypingStarted" and self.thread(thread_id).is_open), ()

    def thread(self, thread_id: str) -> Thread:
        """The thread of this id, perhaps an empty one."""
        return next((thread for thread in self.threads if thread.thread_id == thread_id), Thread(thread_id))

    def close_contact(self) -> tuple[Gateway, tuple[str, ...]]:
        """The agent closes what is open; returns the events about it."""
        frames, gateway = [], replace(self, shows_typing=False)
        for thread in self.threads:
            if thread.is_open:
                gateway = gateway._with(replace(thread, is_open=False))
                frames.append(case_status_changed(thread.thread_id, "closed", thread.contact))
        return gateway, tuple(frames)

    def _with(self, thread: Thread) -> Gateway:
        others = tuple(other for other in self.threads if other.thread_id != thread.thread_id)
        return replace(self, threads=(*others, thread))

    def _recover(self, event_id: str, thread_id: str) -> tuple[Gateway, tuple[str, ...]]:
        thread, gateway = self.thread(thread_id), replace(self, has_looked=True)
        if not thread.contact:
            return gateway, (failure("RecoveringThreadFailed", event_id),)
        status = "open" if thread.is_open else "closed"
        return gateway, (recovered(event_id, thread_id, thread.messages, str(thread.contact), status),)

    def _message(self, event_id: str, thread_id: str, message_id: str) -> tuple[Gateway, tuple[str, ...]]:
        if self.refuses:
            return replace(self, refuses=self.refuses - 1), (failure("SendingMessageFailed", event_id),)
        thread, gateway, frames = self.thread(thread_id), self, []
        if self.livechat and thread.contact and not thread.is_open:  # it ends with its contact
            return self, (failure("SendingMessageFailed", event_id),)
        if not thread.is_open:
            gateway = replace(gateway, contacts=gateway.contacts + 1)
            thread = replace(thread, contact=gateway.contacts, is_open=True)
            frames.append(case_created(thread_id, thread.contact))
        gateway = gateway._with(replace(thread, messages=(*thread.messages, message_id)))
        frames += [answer(event_id), message_created(thread_id, message_id, from_agent=False)]
        return replace(gateway, taken=(*gateway.taken, message_id)), tuple(frames)


# --- frames, as the gateway writes them


def answer(event_id: str) -> str:
    return json.dumps({"eventId": event_id, "createdAt": "2026-11-25T10:00:00Z"})


def failure(code: str, event_id: str | None = None) -> str:
    error = {"error": {"errorCode": code, "transactionId": "x"}}
    return json.dumps(error if event_id is None else {"eventId": event_id, **error})


def event(kind: str, thread_id: str, **data: Any) -> str:
    return json.dumps(
        {"eventId": "x", "eventType": kind, "data": {"thread": {"idOnExternalPlatform": thread_id}, **data}}
    )


def case_created(thread_id: str, contact: int | str = 1) -> str:
    return event("CaseCreated", thread_id, case={"id": str(contact), "status": "new"})


def case_status_changed(thread_id: str, status: str, contact: int | str | None = None) -> str:
    return event(
        "CaseStatusChanged", thread_id, case={"status": status} | ({"id": str(contact)} if contact is not None else {})
    )


def message(message_id: str, *, from_agent: bool, text: str = "hi", at: str = "2026-11-25T10:00:00Z") -> Frame:
    return {
        "idOnExternalPlatform": message_id,
        "direction": "outbound" if from_agent else "inbound",
        "createdAt": at,
        "messageContent": {"type": "TEXT", "text": text},
    }


def message_created(thread_id: str, message_id: str, *, from_agent: bool, text: str = "hi") -> str:
    return event("MessageCreated", thread_id, message=message(message_id, from_agent=from_agent, text=text))


def recovered(
    event_id: str,
    thread_id: str,
    messages: tuple[str | Frame, ...] = (),
    contact: str | None = None,
    status: str = "open",
    *,
    more: str = "",
    agent: Frame | None = None,
) -> str:
    """``messages``: ids of the visitor's, or whole messages."""
    data = {
        "thread": {"idOnExternalPlatform": thread_id},
        "messages": [message(m, from_agent=False) if isinstance(m, str) else m for m in messages],
        "messagesScrollToken": more,
        "contact": None if contact is None else {"id": contact, "status": status},
        "contactHistory": [],
        "inboxAssignee": agent,
    }
    return json.dumps({"eventId": event_id, "postback": {"eventType": "ThreadRecovered", "data": data}})

"""The typing calls to CXone while a visitor played, on either platform, and what CXone finds wrong with them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from local.cxone_simulator.client import SimulatorControl
from local.dfo_simulator.client import DfoControl, gateway_of
from local.playing.calls import TypingCall, keeper_calls, typing_calls
from local.playing.visitor import Visitor
from local.stack.aws import Aws

#: How long a first message, and the contact that it opens, may take to be reported.
_CONTACT_S = 15.0


class CxoneView(Protocol):
    """The view of one platform."""

    #: How typing leaves: the name of its lane in a timeline, and its unit in a count.
    way_out: str
    unit: str

    def begin(self, visitor: Visitor, session_id: str) -> None:
        """Do what a visitor must do, once the guest is open, before typing can be shown. Raises TimeoutError."""

    def calls(self, session_id: str) -> list[TypingCall]:
        """The typing calls for this visitor, oldest first."""

    def problems(self, session_id: str) -> list[str]:
        """What is wrong once this visitor is quiet, as sentences. Empty for a CXone that cannot be asked."""


class WebchatView:
    """v1: typing is a call. The calls are read from the sender's log, what is shown from the simulator."""

    way_out, unit = "calls out", "calls"

    def __init__(self, aws: Aws, info: Mapping[str, Any]) -> None:
        self._aws, self._sender = aws, info["functions"]["Sender"]
        self._simulator = SimulatorControl(info["cxone_base_url"]) if info["cxone_control_url"] else None

    def begin(self, visitor: Visitor, session_id: str) -> None:
        """Nothing: a guest can be shown as typing at once."""

    def calls(self, session_id: str) -> list[TypingCall]:
        """From the sender's log."""
        return typing_calls(self._aws, self._sender, session_id)

    def problems(self, session_id: str) -> list[str]:
        """Checks that nobody is left typing, and that one token was enough."""
        if self._simulator is None:
            return []
        left = [f"guest {guest['guest_id']} is left typing" for guest in self._simulator.guests() if guest["typing"]]
        tokens = sum(event["kind"] == "token" for event in self._simulator.events())
        return left + ([f"{tokens} tokens were requested; one is enough"] if tokens != 1 else [])


class GatewayView:
    """Digital-First: typing is a frame. The simulator's events say which arrived; for another gateway, the keeper's log
    says which were sent and with which outcome."""

    way_out, unit = "on socket", "frames on the socket"

    def __init__(self, info: Mapping[str, Any]) -> None:
        self._log = Path(info["logs"]) / "keeper.log"
        self._first_messages: dict[str, str] = {}  # by session
        self._simulator = DfoControl(gateway_of(info)) if info["cxone_control_url"] else None

    def begin(self, visitor: Visitor, session_id: str) -> None:
        """Send a first message, which opens the contact: without one, typing is not shown."""
        message_id = self._first_messages[session_id] = str(uuid.uuid4())
        visitor.send({"action": "message", "id": message_id, "text": "Good morning"})
        answer = visitor.wait_for("message", _CONTACT_S, id=message_id)
        if answer["status"] != "accepted":
            raise TimeoutError(f"the first message was not delivered: {answer['reason']}")
        visitor.wait_for("event", _CONTACT_S, name="contact", detail={"status": "open"})

    def calls(self, session_id: str) -> list[TypingCall]:
        """The frames as the gateway saw them, else as the keeper logged them."""
        if self._simulator is None:
            return keeper_calls(self._log, session_id)
        return [
            TypingCall(round(event["at"]), round(event["at"]), event["value"], _outcome(event))
            for event in self._frames(self._simulator, session_id)
            if "value" in event
        ]

    def problems(self, session_id: str) -> list[str]:
        """Checks that no indicator is left on, that no rule of the gateway was broken, and that the log is right."""
        if self._simulator is None:
            return []
        (thread_id,) = {event["thread_id"] for event in self._frames(self._simulator, session_id)}
        thread = self._simulator.thread(thread_id)
        problems = [f"{session_id} is left typing"] if thread["typing"] else []
        problems += [
            f"the gateway's rule {broken['rule']} was broken: {broken['detail']}"
            for broken in self._simulator.violations()
        ]
        seen, logged = self.calls(session_id), keeper_calls(self._log, session_id)
        if _said(seen) != _said(logged):
            problems.append(f"the keeper logged {_said(logged)} for {session_id}, the gateway took {_said(seen)}")
        return problems

    def _frames(self, simulator: DfoControl, session_id: str) -> list[dict[str, Any]]:
        """The visitor's typing frames, of the thread that contains their first message."""
        frames = [event for event in simulator.events() if event["kind"] == "frame"]
        first = self._first_messages[session_id]
        threads = {event["thread_id"] for event in frames if event.get("message_id") == first}
        return [event for event in frames if event["thread_id"] in threads]


def _outcome(frame: dict[str, Any]) -> str:
    return "accepted" if frame["accepted"] else "refused"


def _said(calls: list[TypingCall]) -> list[tuple[bool, bool]]:
    return [(call.typing, call.was_accepted) for call in calls]

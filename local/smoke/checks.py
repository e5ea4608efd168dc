"""One visitor connects to a deployment, types a burst and stops; each step is a check with its finding."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
import websocket

from local.playing.calls import TypingCall
from local.playing.visitor import Visitor
from local.smoke import verdicts
from local.smoke.verdicts import Finding, Places, Refused

#: Keys of the burst, in ms.
KEYS = list(range(0, 3000, 150))
#: All of it, in s; each wait takes its share of what is left.
BUDGET_S = 55.0
ANSWER_S = 8.0
#: This machine's clock and those that stamp the logs may differ by at most this.
CLOCKS_MS = 5_000
TOLD_S = 20.0
#: What an agent reads on Digital-First, where a message is what opens a contact.
MESSAGE = "Test message of Typing Relay"


@dataclass(frozen=True, slots=True)
class Target:
    """What to look at.

    ``typing_calls`` reads what CXone was told of the session since a time (epoch ms); where that cannot be known it is
    None and ``unseen_because`` says why. It raises ``LogsOutOfReach``. ``opens_contact``: on Digital-First, whether the
    visitor sends a message first: without the contact that it opens no agent can be shown typing.
    """

    url: str
    token: str = field(repr=False)
    session: str
    places: Places
    origin: str | None = None
    typing_calls: Callable[[int], list[TypingCall]] | None = None
    unseen_because: str = ""
    guest_within_s: float = 20.0
    opens_contact: bool = False


class LogsOutOfReach(Exception):
    """The log of whoever tells CXone could not be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """A step that was taken: its name, how long it took (s), what came of it."""

    name: str
    seconds: float
    finding: Finding


def checks(target: Target) -> Iterator[Check]:
    """Take the steps one after the other; each is yielded when it is done."""
    yield from _Smoke(target).steps()


class _Smoke:
    def __init__(self, target: Target) -> None:
        self._target, self._places = target, target.places
        self._ends = time.monotonic() + BUDGET_S
        self._typed_at = self._stopped_at = 0
        self._guest = ""
        self._has_contact = not self._places.is_gateway  # v1 needs none

    def steps(self) -> Iterator[Check]:
        front_end, check = self._handshake()
        yield check
        yield self._forged_token()
        if not isinstance(front_end, Visitor):
            yield Check("the rest", 0, verdicts.unseen("needs a visitor who was let in"))
            return
        with front_end:
            for name, step in (
                ("welcome", self._welcome),
                ("guest", self._wait_for_guest),
                *((("contact", self._open_contact),) if self._places.is_gateway else ()),
                ("ping", lambda visitor: verdicts.ping(self._pong(visitor), self._places)),
                ("burst", self._burst),
                ("bad frame", self._bad_frame),
                ("stop", self._stop),
                ("CXone", self._told),
            ):
                began = time.monotonic()
                finding = self._take(step, front_end)
                yield Check(name, time.monotonic() - began, finding)

    def _take(self, step: Callable[[Visitor], Finding], visitor: Visitor) -> Finding:
        try:
            return step(visitor)
        except (OSError, websocket.WebSocketException):
            return verdicts.closed(self._places)

    def _left(self, most: float) -> float:
        return max(1.0, min(most, self._ends - time.monotonic()))

    def _enter(self, token: str) -> Visitor | Refused:
        try:
            return Visitor(self._target.url, token, self._target.origin, self._left(ANSWER_S))
        except websocket.WebSocketBadStatusException as refusal:
            return Refused(refusal.status_code)
        except (OSError, websocket.WebSocketException) as error:
            return Refused(error=type(error).__name__)

    def _handshake(self) -> tuple[Visitor | Refused, Check]:
        began = time.monotonic()
        came = self._enter(self._target.token)
        finding = verdicts.handshake(came if isinstance(came, Refused) else None, self._places)
        return came, Check("handshake", time.monotonic() - began, finding)

    def _forged_token(self) -> Check:
        began = time.monotonic()
        claims = {"sub": self._target.session, "exp": int(time.time()) + 60}
        came = self._enter(jwt.encode(claims, secrets.token_hex(32), algorithm="HS256"))
        if isinstance(came, Visitor):
            came.close()
        finding = verdicts.forged_token(came if isinstance(came, Refused) else None, self._places)
        return Check("forged token", time.monotonic() - began, finding)

    def _welcome(self, visitor: Visitor) -> Finding:
        visitor.send({"action": "hello"})
        frame = self._frame(visitor, "welcome")
        self._guest = frame.get("guest", "") if frame else ""
        return verdicts.welcome(frame, self._target.session, self._places)

    def _wait_for_guest(self, visitor: Visitor) -> Finding:
        within = self._left(self._target.guest_within_s)
        if self._guest != "open" and self._frame(visitor, "guest", within, status="open"):
            self._guest = "open"
        for frame in visitor.frames:
            if frame["type"] == "guest" and self._guest != "open":
                self._guest = frame["status"]
        return verdicts.guest(self._guest, within, self._places)

    def _open_contact(self, visitor: Visitor) -> Finding:
        if self._guest != "open":
            return verdicts.unseen("not looked at: without a guest nobody can write")
        if not self._target.opens_contact:
            return verdicts.unseen("not looked at: CONTACTS=1 sends a message, and an agent gets the contact it opens")
        message_id = str(uuid.uuid4())
        visitor.send({"action": "message", "id": message_id, "text": MESSAGE})
        answer = self._frame(visitor, "message", id=message_id)
        if answer and answer["status"] == "accepted":
            is_open = self._frame(visitor, "event", name="contact", detail={"status": "open"})
            self._has_contact = is_open is not None
        return verdicts.contact(answer, self._has_contact, self._places)

    def _burst(self, visitor: Visitor) -> Finding:
        self._typed_at = visitor.type(KEYS)
        is_answered = self._pong(visitor)
        keys = f"{len(KEYS)} keys in {KEYS[-1] / 1000:.1f} s taken"
        return verdicts.frames_taken(keys, _errors(visitor), is_answered, self._places)

    def _bad_frame(self, visitor: Visitor) -> Finding:
        visitor.forget("error")
        visitor.send({"action": "ping", "smoke": True})
        error = self._frame(visitor, "error")
        return verdicts.bad_frame(error["code"] if error else None, self._places)

    def _stop(self, visitor: Visitor) -> Finding:
        visitor.forget("error")
        self._stopped_at = visitor.send({"action": "stop"})
        is_answered = self._pong(visitor)
        return verdicts.frames_taken("taken", _errors(visitor), is_answered, self._places)

    def _told(self, _: Visitor) -> Finding:
        if self._guest != "open":
            return verdicts.unseen("not looked at: without a guest there is nobody to tell of")
        if not self._has_contact:
            return verdicts.unseen("not looked at: without a contact there is no agent to tell")
        if self._target.typing_calls is None:
            return verdicts.unseen(f"not looked at: {self._target.unseen_because}")
        deadline = time.monotonic() + self._left(TOLD_S)
        try:
            while (
                not _is_over(calls := self._target.typing_calls(self._typed_at - CLOCKS_MS))
                and time.monotonic() < deadline
            ):
                time.sleep(0.5)
        except LogsOutOfReach as error:
            return verdicts.unseen(f"not looked at: {error}")
        return verdicts.told(calls, self._typed_at, self._stopped_at, self._places)

    def _pong(self, visitor: Visitor) -> bool:
        visitor.forget("pong")
        visitor.send({"action": "ping"})
        return self._frame(visitor, "pong") is not None

    def _frame(self, visitor: Visitor, kind: str, most: float = ANSWER_S, **fields: Any) -> dict[str, Any] | None:
        try:
            return visitor.wait_for(kind, self._left(most), **fields)
        except TimeoutError:
            return None


def _errors(visitor: Visitor) -> list[str]:
    return [frame["code"] for frame in visitor.frames if frame["type"] == "error"]


def _is_over(calls: Sequence[TypingCall]) -> bool:
    return bool(calls) and not calls[-1].typing and calls[-1].was_accepted

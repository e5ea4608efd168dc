"""The Digital-First gateway as the simulation has it: threads, what agents see, and sockets whose frames take time.

On a socket frames keep their order, both ways. A frame that was written to a socket which is lost may be taken all the
same, for as long as a call to CXone may be under way.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Flag, auto
from typing import TYPE_CHECKING, Any

from typing_relay.keeper.io.sockets import Sending, SocketEnd, SocketListener, Stage
from typing_relay.platforms.digital_first.frames_out import HEARTBEAT

from tests.simulation.cxone import Call
from tests.simulation.history import Fault
from tests.simulation.invariants import Violated
from tests.support import dfo_gateway as frames

if TYPE_CHECKING:
    from tests.simulation.dfo_world import DfoWorld
    from tests.simulation.keepers import KeeperProcess
    from tests.simulation.third_party import ThirdParty

#: A frame takes as long as half a call to CXone, in steps of the store.
PACES = 4
#: A socket on which nothing comes in is given up after this.
SILENT_MS = 45_000
#: A look or a message that nothing answers costs the socket after this.
UNANSWERED_MS = 10_000
TYPING = {"SenderTypingStarted": True, "SenderTypingEnded": False}
#: What API Gateway says by itself.
DROPPED = json.dumps({"message": "Internal server error", "connectionId": "c", "requestId": "r"})
AUTHORIZATIONS = {"AuthorizeCustomer": "ConsumerAuthorized", "RefreshToken": "TokenRefreshed"}
#: This many messages are in a page.
PAGE = 3
#: What each message says, and what a frame holds of one that is not whole.
WHOLE, PART = "hi", "h"
#: One keeper asks for the rest of a message this many times.
MOST_CALLS_FOR_REST = 3
#: For this long a keeper whose address was refused asks for no token; and this long later its visitor has a socket
#: again.
ADDRESS_PAUSE_MS, ADDRESS_OVER_MS = 55_000, 80_000
STREAMS = "https://streams.niceincontact.com/"
RECOVER = ("RecoverLivechat", "RecoverThread")


class Shape(Flag):
    """Ways in which a gateway may speak, all of which NICE's own clients take."""

    #: A contact is first named by its message, or by its status.
    NO_CASE_CREATED = auto()
    #: A message is sent before it is created.
    MESSAGE_SENT = auto()
    #: A position in the queue comes before its contact, and names no thread; and one comes that has no number.
    QUEUE_FIRST = auto()
    #: A recovered contact has its other name; events come that nobody knows.
    OTHER_NAMES = auto()
    #: A thread ends with its contact on messaging channels, too.
    TAKES_NO_MORE = auto()
    #: A contact that was closed is opened again.
    OPENS_AGAIN = auto()
    #: A message is answered before its contact is named.
    ANSWERS_FIRST = auto()
    #: Of some messages a frame holds a part only, and of some an agent's are still being written.
    PARTS = auto()
    #: Every second of the calls for the rest of a message fails, or ends too early.
    REST_FAILS = auto()
    #: A third party's refresh token is good once; with what it refreshes no other one comes; none ever comes.
    REFRESHED_ONCE = auto()
    REFRESH_STAYS = auto()
    NO_REFRESH = auto()


@dataclass(slots=True)
class Thread:
    """What CXone keeps of one thread. ``contact`` 0: none was ever."""

    thread_id: str
    contact: int = 0
    is_open: bool = False
    messages: list[frames.Frame] = field(default_factory=list)


@dataclass(slots=True)
class Frame:
    """One on its way to the gateway. ``call``: of a frame that says who types."""

    number: int
    kind: str
    event_id: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    call: Call | None = None
    fault: Fault | None = None


class Wire:
    """A socket, as its keeper has it."""

    def __init__(self, gateway: Gateway, keeper: KeeperProcess, listener: SocketListener, number: int) -> None:
        self.gateway, self.keeper, self.listener, self.number = gateway, keeper, listener, number
        self.is_open = self.was_open = self.is_closed = False
        #: Nothing that is under way is taken; nothing is taken or answered.
        self.is_cut = self.is_mute = False
        #: When the last frame arrives there, and here.
        self.arrives = self.heard = 0
        #: What its keeper has been told on it.
        self.has_looked = self.knows_contact = False
        self.has_registered = self.is_authorized = False
        #: By which it was asked for.
        self.url = ""

    def send_text(self, text: str, done: Callable[[], object]) -> Sending:
        """Of the keeper's socket."""
        if not self.is_open:
            return Sending.NOT_OPEN
        self.gateway.sent(self, text)
        return Sending.QUEUED

    def close(self, code: int) -> None:
        """Of the keeper's socket; what was written to it still arrives."""
        self.is_open, self.is_closed = False, True

    def refused(self, status: int) -> None:
        """The gateway does not let it in."""
        if not self.is_closed:
            self.is_open, self.is_closed = False, True
            self.listener.ended(SocketEnd(Stage.UPGRADING, "the gateway refuses it", http_status=status))

    def ends(self, stage: Stage, code: int | None) -> None:
        """The peer, or the network, ends it."""
        if not self.is_closed:
            self.is_open, self.is_closed = False, True
            self.listener.ended(SocketEnd(stage, "the simulation ends it", close_code=code))


class Gateway:
    """CXone's side. ``shows``, ``unavailable`` and ``stuck`` are what the watch asks of any CXone."""

    def __init__(self, world: DfoWorld, livechat: bool) -> None:
        self.world, self.livechat = world, livechat
        #: A socket is authorized by its first frame.
        self.legacy = False
        #: Who signs visitors in, if it is not CXone.
        self.third_party: ThirdParty | None = None
        self.threads: dict[str, Thread] = {}
        self.wires: list[Wire] = []
        self.taken: list[str] = []
        #: Messages that were before the newest page when a keeper looked: whoever missed them has to ask (`history`).
        self.before_the_page: set[str] = set()
        self.shapes = Shape(0)
        self.contacts = self._wires = self._written = 0
        self.is_shown = False
        #: What is true at the agent's side.
        self.agent_typing = False
        #: Who has the conversation, counted.
        self.agent = 1
        self.refuses_until = self.address_refused_until = self.offline_until = 0
        #: When each keeper was told that its address is refused.
        self._told_refused: dict[str, list[int]] = {}
        self.unavailable: set[str] = set()
        #: Answers that are to be fetched, by their URLs.
        self.kept: dict[str, str] = {}
        #: How often the rest of which message was asked for, by keeper; and how often any.
        self._calls_for_rest: Counter[tuple[str, str]] = Counter()
        self._requests_for_rest: set[object] = set()

    @property
    def shows(self) -> dict[str, bool]:
        """What agents see, whatever the watch calls the guest."""
        return _Same(self.is_shown)

    def stuck(self) -> list[str]:
        """Whether an agent sees typing."""
        return ["the visitor"] if self.is_shown else []

    # --- what agents do

    def open_contact(self, thread_id: str) -> None:
        """A contact opens, without a message."""
        thread = self.threads.setdefault(thread_id, Thread(thread_id))
        if not thread.is_open:
            is_again = thread.contact and Shape.OPENS_AGAIN in self.shapes
            self._opens(thread, is_again=bool(is_again))
            if is_again or Shape.NO_CASE_CREATED in self.shapes:
                self._push(frames.case_status_changed(thread_id, "open", thread.contact))
            else:
                self._push(frames.case_created(thread_id, thread.contact))

    def close_contact(self) -> None:
        """The agent closes what is open."""
        for thread in self.threads.values():
            if thread.is_open:
                thread.is_open = self.is_shown = self.agent_typing = False
                self._push(frames.case_status_changed(thread.thread_id, "closed", thread.contact))

    def is_any_open(self) -> bool:
        """Agents see a contact."""
        return any(thread.is_open for thread in self.threads.values())

    def agent_types(self) -> None:
        """An event that has nothing to do with what the visitor does."""
        for thread in self.threads.values():
            if thread.is_open:
                self.agent_typing = True
                self._push(self._event("SenderTypingStarted", thread, direction="outbound", user={"id": self.agent}))

    def agent_stops(self) -> None:
        """The same agent types no longer."""
        self.agent_typing = False
        for thread in self.threads.values():
            self._push(self._event("SenderTypingEnded", thread, direction="outbound", user={"id": self.agent}))

    def agent_vanishes(self) -> None:
        """The agent types no longer, and nobody says so."""
        self.agent_typing = False

    def agent_changes(self) -> None:
        """Another one takes over, who does not type; nobody says that the one before has stopped."""
        self.agent_typing = False
        self.agent += 1
        for thread in self.threads.values():
            self._push(self._event("CaseInboxAssigneeChanged", thread, inboxAssignee={"id": self.agent}))

    def agent_writes(self, *, overtakes: bool = False) -> None:
        """A message to the visitor, where agents see a contact; it ends the typing, and nobody says that it has.

        ``overtakes``: the last frame that says who types comes after it.
        """
        for thread in self.threads.values():
            if thread.is_open:
                self._written += 1
                self.agent_typing = False
                message_id = f"agent-{self._written}"
                message = self._message(message_id, from_agent=True)
                message["authorUser"] = {"id": self.agent}
                if Shape.PARTS in self.shapes and self._written % 3 == 2:
                    payload = {"protocol": "sse", "sourceUrl": STREAMS + message_id}
                    message["messageContent"] = {"type": "STREAMED", "payload": payload}
                elif Shape.PARTS in self.shapes and self._written % 3 == 1:
                    message |= _a_part(message_id)
                thread.messages.append(message)
                self.world.front.agent_writes(message_id)
                self._push_message(thread, message)
                if overtakes:
                    user = {"id": self.agent}
                    late = self._event("SenderTypingStarted", thread, ago_ms=40, direction="outbound", user=user)
                    self._push(late)

    def _event(self, kind: str, thread: Thread, ago_ms: int = 0, **data: Any) -> str:
        """With the gateway's time, as its events have it."""
        event = json.loads(frames.event(kind, thread.thread_id, **data))
        created = datetime.fromtimestamp((self.world.now - ago_ms) / 1000, UTC)
        return json.dumps({**event, "createdAt": created.isoformat()})

    def _message(self, message_id: str, *, from_agent: bool) -> frames.Frame:
        at = datetime.fromtimestamp(self.world.now / 1000, UTC).isoformat()
        return frames.message(message_id, from_agent=from_agent, at=at)

    def drop_sockets(self) -> None:
        """All are lost, and what is under way with them."""
        for wire in self.wires:
            wire.is_cut = True
            wire.keeper.call(self.world.now, lambda wire=wire: wire.ends(Stage.OPEN, 1006))
        self.wires = []

    def _opens(self, thread: Thread, *, is_again: bool = False) -> None:
        self.contacts += 0 if is_again else 1
        thread.contact = thread.contact if is_again else self.contacts
        thread.is_open, self.is_shown = True, False

    def _push_message(self, thread: Thread, message: frames.Frame) -> None:
        for text in self._message_events(thread, message):
            self._push(text)

    def _message_events(self, thread: Thread, message: frames.Frame) -> tuple[str, ...]:
        case = {"id": str(thread.contact), "status": "open" if thread.is_open else "closed"}
        created = self._event("MessageCreated", thread, message=message, case=case)
        sent = self._event("MessageSent", thread, message={k: v for k, v in message.items() if k != "id"})
        return (
            *((sent,) if Shape.MESSAGE_SENT in self.shapes else ()),
            created,
        )

    def _push(self, text: str) -> None:
        for wire in self.wires:
            self._tell(wire, text)

    # --- sockets

    def dial(self, keeper: KeeperProcess, listener: SocketListener, url: str = "") -> Wire:
        """A keeper opens a socket."""
        wire = self.socket(keeper, listener)
        wire.url = url
        self.connects(wire)
        return wire

    def socket(self, keeper: KeeperProcess, listener: SocketListener) -> Wire:
        """One that does not connect yet."""
        self._wires += 1
        return Wire(self, keeper, listener, self._wires)

    def connects(self, wire: Wire) -> None:
        """It asks for its upgrade."""
        takes = 2 * PACES * self.world.pace + (self.world.opening_ms if wire.number == 1 else 0)
        wire.keeper.call(self.world.now + takes, lambda: self._answer_handshake(wire))

    def _answer_handshake(self, wire: Wire) -> None:
        if wire.is_closed:
            return
        if self.world.now < self.refuses_until:
            wire.ends(Stage.CONNECTING, None)
            return
        if wire.url and not self.world.page.admits(wire.url):  # fleets know no pages that sign in
            wire.refused(401)
            return
        wire.is_open = wire.was_open = True
        self.wires = [other for other in self.wires if other.is_open] + [wire]
        self.world.note(f"{wire.keeper.name}: socket {wire.number} opens")
        wire.listener.opened()

    # --- frames out

    def sent(self, wire: Wire, text: str) -> None:
        """A frame is written to ``wire``."""
        world = self.world
        frame = Frame(0, "heartbeat") if text == HEARTBEAT else self._read(wire, text)
        delay = PACES * world.pace
        if frame.fault:
            world.note(f"frame {frame.number}: {frame.fault}")
            world.watch.disturbed(world.now + frame.fault.ms)
            delay += frame.fault.ms if frame.fault.kind in ("slow", "ghost") else 0
            self._befalls(wire, frame.fault)
        wire.arrives = max(wire.arrives, world.now + delay)
        world.later(wire.arrives, "take", lambda: self._take(wire, frame))

    def _read(self, wire: Wire, text: str) -> Frame:
        world, parsed = self.world, json.loads(text)
        payload = parsed["payload"]
        frame = Frame(world.next_number("frame"), payload["eventType"], parsed["eventId"], payload["data"])
        frame.fault = world.fault("frame", frame.number)
        if self.third_party:
            self.third_party.reads(wire.url, payload)
        world.note(f"{wire.keeper.name}: socket {wire.number}: frame {frame.number} {frame.kind}")
        if frame.kind == "EndContact":
            world.says_end()
        if frame.kind in TYPING:
            if not wire.knows_contact:
                raise Violated("T5", f"frame {frame.number} says who types, where no contact is known to be open")
            frame.call = world.typing_said(wire, frame.number, TYPING[frame.kind])
        elif frame.kind in AUTHORIZATIONS:
            wire.has_registered = True
        elif self.legacy and not wire.is_authorized:
            raise Violated("T15", f"frame {frame.number} comes before the customer was authorized")
        elif frame.kind not in RECOVER and not wire.has_looked:
            raise Violated("T15", f"frame {frame.number} comes before the thread was looked for")
        return frame

    def _befalls(self, wire: Wire, fault: Fault) -> None:
        if fault.kind == "mute":
            wire.is_mute = True
            self.world.watch.disturbed(self.world.now + SILENT_MS)
        if fault.kind == "unanswered":
            self.world.watch.disturbed(self.world.now + UNANSWERED_MS)
        wire.is_cut = wire.is_cut or fault.kind == "cut"
        if fault.kind in ("cut", "ghost"):
            self.wires = [other for other in self.wires if other is not wire]
            wire.keeper.call(self.world.now, lambda: wire.ends(Stage.OPEN, 1006))

    def _take(self, wire: Wire, frame: Frame) -> None:
        """The gateway has it, or will never."""
        if wire.is_cut or wire.is_mute:
            if frame.call:
                frame.call.is_taken = True
            return
        if frame.fault and frame.fault.kind in ("error", "dropped"):
            if frame.call:
                frame.call.is_taken = True
            is_error = frame.fault.kind == "error"
            self._tell(wire, frames.failure("SomethingFailed", frame.event_id) if is_error else DROPPED)
        elif frame.call:
            self._take_typing(frame.call, frame.data["thread"]["idOnExternalPlatform"])
            if frame.fault and frame.fault.kind == "dropped-taken":
                self._tell(wire, DROPPED)
        elif frame.fault and frame.fault.kind == "dropped-taken":
            self._answers(frame)
            self._tell(wire, DROPPED)
        else:
            answers = self._answers(frame)
            kind = frame.fault.kind if frame.fault else ""
            for text in () if kind == "unanswered" else answers:
                self._tell(wire, self._kept(text, frame, kind) if kind in ("elsewhere", "nowhere") else text)

    def _kept(self, text: str, frame: Frame, kind: str) -> str:
        """It is too large for a frame, which only says where it is to be fetched."""
        url = f"https://s3.example/event-{len(self.kept)}.json"
        self.kept[url] = text if kind == "elsewhere" else ""
        thread_id = frame.data.get("thread", {}).get("idOnExternalPlatform", "")
        return frames.event("EventInS3", thread_id, s3Object={"url": url}, originEvent={"eventType": frame.kind})

    def _take_typing(self, call: Call, thread_id: str) -> None:
        call.is_taken = True
        thread = self.threads.get(thread_id)
        if thread and thread.is_open:
            self.is_shown = bool(call.typing)
            echo = "SenderTypingStarted" if call.typing else "SenderTypingEnded"
            self._push(self._event(echo, thread, direction="inbound"))
        self.world.watch.call_taken(call)
        self.world.note(f"frame {call.number} is taken, shows {self.is_shown}")

    def _answers(self, frame: Frame) -> tuple[str, ...]:
        if frame.kind == "heartbeat":
            return ('"pong"',)
        if frame.kind in AUTHORIZATIONS:
            return (_consumer_token(frame.event_id, AUTHORIZATIONS[frame.kind]),)
        if frame.kind == "SendTranscript":
            return (frames.answer(frame.event_id),)
        thread_id = frame.data["thread"]["idOnExternalPlatform"]
        thread = self.threads.setdefault(thread_id, Thread(thread_id))
        if frame.kind in RECOVER:
            if not thread.contact:
                return (_nothing_found(frame),)
            return (self._found(frame.event_id, thread),)
        if frame.kind == "SendMessage":
            return self._take_message(frame, thread)
        if frame.kind == "EndContact":
            return self._end(frame, thread)
        if frame.kind == "GenerateAuthorizationToken":
            token = {"authorizationToken": {"token": frame.data["url"]}}
            postback = {"eventType": "AuthorizationTokenGenerated", "data": token}
            return (json.dumps({"eventId": frame.event_id, "postback": postback}),)
        if frame.kind == "LoadMoreMessages":
            messages, more = _page(thread.messages, int(frame.data["scrollToken"]))
            postback = {"eventType": "MoreMessagesLoaded", "data": {"messages": list(messages), "scrollToken": more}}
            return (json.dumps({"eventId": frame.event_id, "postback": postback}),)
        return (frames.answer(frame.event_id),)

    def _end(self, frame: Frame, thread: Thread) -> tuple[str, ...]:
        """Only what is open, and was known to be, can be ended."""
        if not thread.is_open or frame.data["contact"]["id"] != str(thread.contact):
            return (frames.failure("SomethingFailed", frame.event_id),)
        self.world.watch.disturbed(self.world.now)
        self.close_contact()
        return (frames.answer(frame.event_id),)

    def written_in_each(self) -> list[list[str]]:
        """The ids of each thread's messages, oldest first."""
        return [[message["idOnExternalPlatform"] for message in thread.messages] for thread in self.threads.values()]

    def _found(self, event_id: str, thread: Thread) -> str:
        status = "open" if thread.is_open else "closed"
        messages, more = _page(thread.messages, len(thread.messages))
        earlier = thread.messages[: int(more or 0)]
        self.before_the_page.update(message["idOnExternalPlatform"] for message in earlier)
        agent = {"id": self.agent}
        contact = str(thread.contact)
        text = frames.recovered(event_id, thread.thread_id, messages, contact, status, more=more, agent=agent)
        if Shape.OTHER_NAMES in self.shapes:
            text = text.replace('"contact":', '"consumerContact":')
        if Shape.TAKES_NO_MORE in self.shapes and not thread.is_open:
            text = text.replace('"thread": {', '"thread": {"canAddMoreMessages": false, ')
        return text

    def _take_message(self, frame: Frame, thread: Thread) -> tuple[str, ...]:
        message_id = frame.data["idOnExternalPlatform"]
        if message_id in self.taken:
            raise Violated("T15", f"message {message_id} reaches CXone twice")
        if self.third_party and not self.third_party.takes(frame.data):
            self.world.note(f"message {message_id} carries a token that has ended")
            return (frames.failure("SendingMessageFailed", frame.event_id),)
        ends_with_contact = self.livechat or Shape.TAKES_NO_MORE in self.shapes
        if ends_with_contact and thread.contact and not thread.is_open:
            return (frames.failure("SendingMessageFailed", frame.event_id),)
        if not thread.is_open:
            self._opens(thread)
            if Shape.QUEUE_FIRST in self.shapes:
                self._push(_position_in_queue(thread.contact))
                self._push(frames.event("SetPositionInQueue", thread.thread_id))
            if Shape.OTHER_NAMES in self.shapes:
                self._push('{"eventType": "PageViewCreated", "data": {}}')
            self._names(thread)
        message = self._message(message_id, from_agent=False)
        if Shape.PARTS in self.shapes and len(self.taken) % 2:
            message |= _a_part(message_id)
        thread.messages.append(message)
        self.taken.append(message_id)
        self.world.note(f"message {message_id} is taken")
        return (frames.answer(frame.event_id), *self._message_events(thread, message))

    def _names(self, thread: Thread) -> None:
        """The contact that a message opens."""
        created = frames.case_created(thread.thread_id, thread.contact)
        if Shape.NO_CASE_CREATED in self.shapes:
            return
        if Shape.ANSWERS_FIRST in self.shapes:
            self.world.later(self.world.now, "event", lambda: self._push(created))
        else:
            self._push(created)

    # --- tokens, over HTTP

    def refuses_address(self, keeper: str) -> bool:
        """Whether no token is given to whoever asks. A keeper that was told so asks again after a minute, unless an
        agent is shown typing, which only a socket ends; one answer may be lost."""
        now = self.world.now
        if now >= self.address_refused_until:
            return False
        told = [at for at in self._told_refused.get(keeper, []) if now - at < ADDRESS_PAUSE_MS]
        if len(told) > 1 and not self.is_shown:
            raise Violated("T17", f"{keeper} asks again {now - told[-1]} ms after its address was refused")
        self._told_refused[keeper] = [*told, now]
        self.world.watch.disturbed(now + ADDRESS_OVER_MS)
        return True

    # --- the rest of messages, over HTTP

    def rest_of(self, keeper: str, path: str, token: str) -> str:
        """The whole of the message at this path; '': not this time."""
        if token != path:
            raise Violated("T13", "the token for one message is used for another")
        message_id = path.rpartition("/")[2]
        found = [m for t in self.threads.values() for m in t.messages if m["idOnExternalPlatform"] == message_id]
        message = {**found[0], "hasAdditionalMessageContent": False, "messageContent": {"type": "TEXT", "text": WHOLE}}
        return "" if self._rest_fails(keeper, message_id) else json.dumps(message)

    def stream_of(self, keeper: str, url: str) -> tuple[str, bool]:
        """What is written of a message, and whether that is all."""
        return (PART, False) if self._rest_fails(keeper, url.removeprefix(STREAMS)) else (WHOLE, True)

    def _rest_fails(self, keeper: str, message_id: str) -> bool:
        request = self.world.sessions.request
        if request not in self._requests_for_rest:  # else it is the client's own retry
            self._requests_for_rest.add(request)
            self._calls_for_rest[keeper, message_id] += 1
        if self._calls_for_rest[keeper, message_id] > MOST_CALLS_FOR_REST:
            raise Violated("T16", f"{keeper} asks for the rest of {message_id} again and again")
        return Shape.REST_FAILS in self.shapes and self._calls_for_rest.total() % 2 == 0

    # --- frames in

    def _tell(self, wire: Wire, text: str) -> None:
        if not wire.is_open:
            return
        wire.heard = max(wire.heard, self.world.now + PACES * self.world.pace)
        wire.keeper.call(wire.heard, lambda: self._arrives(wire, text))

    def _arrives(self, wire: Wire, text: str) -> None:
        if not wire.is_open or wire.is_mute:
            return
        said = next((kept for url, kept in self.kept.items() if url in text), "") or text
        is_answer = '"eventId"' in said or said.startswith("[")
        wire.is_authorized = wire.is_authorized or "ConsumerAuthorized" in said
        if wire.has_registered and not wire.is_authorized:
            wire.listener.text(text)
            return
        if "Recover" in said or (is_answer and not wire.has_looked):
            if "Recovered" in said or not wire.has_looked:  # what was not fetched tells nothing new
                wire.knows_contact = '"status": "open"' in said
            wire.has_looked = True
        elif "SomethingFailed" in said:
            wire.has_looked = True  # it may have been the look
        elif "CaseCreated" in said:
            wire.knows_contact = True
        elif "CaseStatusChanged" in said or '"case"' in said:
            wire.knows_contact = '"status": "closed"' not in said
        wire.listener.text(text)


def _a_part(message_id: str) -> frames.Frame:
    return {
        "id": message_id,
        "hasAdditionalMessageContent": True,
        "messageContent": {"type": "TEXT", "text": PART},
    }


def _page(messages: list[frames.Frame], end: int) -> tuple[tuple[frames.Frame, ...], str]:
    """Those before this number, newest first, and the token for what is before them."""
    start = max(0, end - PAGE)
    return tuple(reversed(messages[start:end])), str(start) if start else ""


def _consumer_token(event_id: str, kind: str) -> str:
    data = {"status": "success", "accessToken": {"token": "t", "expiresIn": 30}}
    return json.dumps({"eventId": event_id, "postback": {"eventType": kind, "data": data}})


def _position_in_queue(contact: int) -> str:
    data = {"positionInQueue": 1, "consumerContact": {"id": str(contact)}}
    return json.dumps({"eventId": "x", "eventType": "SetPositionInQueue", "data": data})


def _nothing_found(look: Frame) -> str:
    """There is no such thread: each way to say so takes its turn."""
    another = frames.recovered(look.event_id, "another", (), "1", "closed")
    empty = json.dumps({"eventId": look.event_id, "postback": {"eventType": "LivechatRecovered", "data": None}})
    nameless = empty.replace("null", '{"contact": {"id": "1", "status": "closed"}}')
    plain = frames.answer(look.event_id)
    other = empty.replace("LivechatRecovered", "SomethingElse")
    no_frame = json.dumps([look.event_id])
    failure = frames.failure("RecoveringThreadFailed", look.event_id)
    return (failure, empty, plain, another, nameless, other, no_frame)[look.number % 7]


class _Same(dict[str, bool]):
    """One value, whatever it is asked for."""

    def __init__(self, value: bool) -> None:
        super().__init__()
        self._value = value

    def get(self, key: str, default: Any = None) -> Any:  # type: ignore[override]
        """Of any guest."""
        return self._value

"""The simulated gateway's whole state, in one place."""

import asyncio
import itertools
import random
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from aiohttp import web

from local.dfo_simulator import frames_out
from local.dfo_simulator.desk import Desk, File, Message, Thread, new_id
from local.dfo_simulator.faults import Fault, Faults
from local.dfo_simulator.frames_in import Violation
from local.dfo_simulator.frames_out import Frame, Place
from local.dfo_simulator.settings import Settings
from local.simulating.clock import now_ms
from local.simulating.events import EventLog
from local.simulating.program import HOST
from local.simulating.tokens import Tokens

KEPT_VIOLATIONS = 1_000
KEPT_FRAMES = 10_000


class Identity(NamedTuple):
    """Whom an access token was issued to."""

    visitor_id: str
    customer_id: str
    channel_id: str = ""


class Socket(Protocol):
    """An open socket, as the rest of the simulator uses it."""

    async def deliver(self, frame: Any) -> bool:
        """Send a frame unless a fault prevents it. Returns whether it was, or will be, sent."""

    async def send(self, text: str) -> bool:
        """Send a text frame unchanged; False when the socket is silent or closing."""

    async def close(self, code: int) -> None:
        """Close it with a close frame, unless it is silent."""

    def reset(self) -> None:
        """End the connection with a TCP RST."""

    def go_silent(self) -> None:
        """Stop accepting, sending and answering."""


@dataclass
class Visitor:
    """A browser, as the gateway knows it. `heartbeats` counts those answered."""

    visitor_id: str
    customer_id: str
    sockets: set[Socket] = field(default_factory=set)
    opened: int = 0
    heartbeats: int = 0


@dataclass(frozen=True)
class AuthorizationCode:
    """A code that the tenant's identity provider issued to a customer."""

    customer_id: str
    single_use: bool
    #: What is to come with it (PKCE); "": nothing.
    verifier: str = ""


class Simulator:
    """One brand's channel at the gateway. With the same `seed`, faults are rolled the same in each run."""

    def __init__(self, place: Place, *, livechat: bool = True, seed: int = 0):
        self.place = place
        self.events = EventLog()
        self.later: set[asyncio.Task[None]] = set()  # what will happen by itself
        self.random = random.Random(seed)
        self._livechat, self._seed = livechat, seed
        self.port = 0
        self._start()

    def _start(self) -> None:
        self.settings = Settings(livechat=self._livechat)
        self.settings_of_visitors: dict[str, dict[str, Any]] = {}
        self.faults = Faults()
        self.desk = Desk()
        self.tokens: Tokens[Identity] = Tokens()
        self.refresh_tokens: Tokens[Identity] = Tokens()
        self.third_party_tokens: Tokens[Identity] = Tokens()
        self.cookies: Tokens[str] = Tokens()  # of customers, where cookies are secured
        self.message_tokens: Tokens[str] = Tokens()  # each for one URL
        self.codes: dict[str, AuthorizationCode] = {}
        self.visitors: dict[str, Visitor] = {}
        self.sockets_of: dict[str, set[Socket]] = {}  # by customer
        self.s3_objects: dict[str, Frame] = {}
        self.files: dict[str, File] = {}  # by the id in their URL
        self.violations: deque[dict[str, Any]] = deque(maxlen=KEPT_VIOLATIONS)
        self.frames: deque[dict[str, Any]] = deque(maxlen=KEPT_FRAMES)
        self.offline_messages: list[dict[str, str]] = []
        self._contacts = itertools.count(1)
        self.random.seed(self._seed)

    def forget_everything(self) -> None:
        """Reset to the state after the start, except the event log: its readers continue where they were."""
        self._start()

    def is_channel(self, brand: str, channel: str) -> bool:
        """Whether there is this channel of this brand."""
        return brand == str(self.place.brand_id) and channel in (self.place.channel_id, *self.settings.other_channels)

    def place_of(self, thread: Thread) -> Place:
        """The brand, and the channel that the thread is in."""
        return replace(self.place, channel_id=thread.channel_id or self.place.channel_id)

    def settings_of(self, visitor_id: str) -> Settings:
        """The settings as this visitor meets them."""
        own = self.settings_of_visitors.get(visitor_id)
        return self.settings.changed(own) if own else self.settings

    def put_in_s3(self, frame: Frame, event_type: str, now: float) -> Frame:
        """Store a frame that is too large; returns the event that says where it is."""
        name = new_id()
        self.s3_objects[name] = frame
        return frames_out.in_s3(event_type, f"http://{HOST}:{self.port}/s3/{name}", now)

    def put_file(self, file: File) -> str:
        """Keep a file; returns its URL."""
        name = new_id()
        self.files[name] = file
        return f"{self._files_url}{name}"

    def has_file(self, url: str) -> bool:
        """Whether there is an uploaded file at this URL."""
        return url.startswith(self._files_url) and url.removeprefix(self._files_url) in self.files

    @property
    def _files_url(self) -> str:
        return f"http://{HOST}:{self.port}/files/"

    def stream_of(self, message_id: str) -> dict[str, str]:
        """The payload of a message that is still being written."""
        return {"protocol": "sse", "sourceUrl": f"http://{HOST}:{self.port}/streams/{message_id}"}

    def message_of(self, message_id: str) -> tuple[Thread, Message] | None:
        """The message of this id of the gateway's own, and its thread."""
        for thread in self.desk.threads.values():
            for message in thread.messages:
                if message.message_id == message_id:
                    return thread, message
        return None

    def next_contact_id(self) -> str:
        """A new contact id."""
        return str(next(self._contacts))

    def customer_of_code(self, code: str | None, verifier: str = "") -> str | None:
        """The customer of this authorization code; None when it is unknown or used up, or has another verifier."""
        given = self.codes.get(code or "")
        if given is None or given.verifier not in ("", verifier):
            return None
        if given.single_use:
            del self.codes[code or ""]
        return given.customer_id

    def visitor(self, identity: Identity) -> Visitor:
        """The visitor of this id, created if necessary, with its current customer."""
        visitor = self.visitors.setdefault(identity.visitor_id, Visitor(identity.visitor_id, identity.customer_id))
        visitor.customer_id = identity.customer_id
        return visitor

    def pick_fault(self, on: str, kind: str = "", visitor_id: str | None = None) -> Fault | None:
        """The fault that happens this time, if any."""
        return self.faults.pick(self.random, on, kind, visitor_id)

    async def push(self, customer_id: str, *frames: Frame) -> int:
        """Send these events, in this order, on every socket of the customer; returns on how many."""
        sockets = list(self.sockets_of.get(customer_id, ()))
        for frame in frames:
            for socket in sockets:
                await socket.deliver(frame)
        return len(sockets)

    def note(self, kind: str, **fields: Any) -> None:
        """Write to the event log, as of now."""
        self.events.add(kind, now_ms(), **fields)

    def note_violation(self, violation: Violation, **fields: Any) -> None:
        """Record that a client broke the protocol."""
        self.note("violation", rule=violation.rule, detail=violation.detail, **fields)
        self.violations.append({"at": now_ms(), "rule": violation.rule, "detail": violation.detail, **fields})


SIMULATOR = web.AppKey("simulator", Simulator)

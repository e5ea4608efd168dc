"""One visitor who asks a gateway one question after the other, as NICE's clients would, on one socket."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import websocket
from typing_relay.platforms.digital_first import frames_out, urls
from typing_relay.platforms.digital_first.api import Access, DfoApi
from typing_relay.platforms.digital_first.frames_out import Request
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.digital_first.urls import Client, Hosts
from typing_relay.platforms.shared.http import session
from typing_relay.relay.outcomes import Outcome

from local.probing import questions
from local.probing.questions import Heard

CONNECT_S = 10.0
#: What an agent reads.
MESSAGE = "Test message of Typing Relay: please ignore it"


class NoAnswer(Exception):
    """The gateway could not be asked; the message says what it said."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whom to ask. ``opens_contact``: agents may get a contact; ``agent_s``: somebody types and writes as one for
    this long, 0: nobody does. ``patience_s``: what comes within it after a request is its consequence."""

    hosts: Hosts
    channel: Channel
    client: Client = field(default_factory=Client)
    opens_contact: bool = False
    agent_s: float = 0.0
    patience_s: float = 3.0


@dataclass
class Probe:
    """What was asked, and what was heard."""

    tenant: Tenant
    #: Told before each step.
    says: Callable[[str], object]
    heard: list[Heard] = field(default_factory=list)
    channel: Mapping[str, Any] = field(default_factory=dict)
    thread_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    visitor: Visitor = field(default_factory=lambda: Visitor(str(uuid.uuid4()), str(uuid.uuid4())))
    _asked: dict[str, str] = field(default_factory=dict)
    _step: str = questions.OPENING
    _since: float = 0.0

    def run(self) -> None:
        """Ask everything. Raises NoAnswer where that has no sense: no channel, no token, no socket."""
        self.channel = self._read_channel()
        self._api = DfoApi(session(), self.tenant.hosts, self.tenant.channel, self.tenant.client, _now_ms)
        known = self._api.channel()
        if isinstance(known, Outcome):
            raise NoAnswer(known.reason)
        setting = known.demands_sign_in
        if setting:
            raise NoAnswer(f"the channel has {setting}: a page has to sign visitors in, and the probe has none")
        access = self._api.authorize(self.visitor)
        if isinstance(access, Outcome):
            raise NoAnswer(access.reason)
        self._connect(access)
        try:
            self._converse(livechat=known.livechat)
        finally:
            self._socket.close()

    def _converse(self, *, livechat: bool) -> None:
        self._ask(questions.LOOKING, frames_out.recover(self.thread_id, livechat))
        if not self.tenant.opens_contact:
            return
        try:
            self._talk(livechat)
        finally:  # whatever happens, no contact of ours stays in the team's queue
            contact_id = self._contact_id()
            if contact_id:
                self._ask(questions.ENDING, frames_out.end_contact(self.thread_id, contact_id))

    def _talk(self, livechat: bool) -> None:
        self._ask(questions.WRITING, frames_out.message(self.thread_id, str(uuid.uuid4()), MESSAGE))
        self._ask(questions.TYPING, frames_out.typing(self.thread_id, True), frames_out.typing(self.thread_id, False))
        self._ask(questions.LOOKING_AGAIN, frames_out.recover(self.thread_id, livechat))
        if self.tenant.agent_s:
            self._begin(questions.AGENT)
            self._listen(self.tenant.agent_s)
        self._ask(questions.LOOKING_ELSEWHERE, frames_out.recover(str(uuid.uuid4()), livechat))

    # --- the wire

    def _read_channel(self) -> Mapping[str, Any]:
        """With all that the API's own reading leaves out."""
        place = self.tenant.channel
        url = f"{self.tenant.hosts.chat}/chat/1.0/brand/{place.brand_id}/channel/{place.channel_id}"
        headers = {"x-sdk-platform": "web", "x-sdk-version": self.tenant.client.sdk_version}
        try:
            answer = requests.get(
                url, params={"locale": "en_US"}, headers=headers, timeout=CONNECT_S, allow_redirects=False
            )
            said = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise NoAnswer(f"the channel's settings could not be read: {type(error).__name__}") from None
        if answer.status_code != 200 or not isinstance(said, dict):
            raise NoAnswer(f"the channel's settings could not be read: status {answer.status_code}")
        return said

    def _connect(self, access: Access) -> None:
        self._begin(questions.OPENING)
        url = self._api.socket_url(access.visitor, access)
        try:
            self._socket = websocket.create_connection(url, CONNECT_S)
        except (OSError, websocket.WebSocketException) as error:
            raise NoAnswer(f"the gateway refuses the socket: {type(error).__name__}") from None
        register_as = urls.registers_as(url)
        if register_as:
            self._ask(questions.OPENING, frames_out.authorize(register_as))

    def _ask(self, step: str, *requests: Request) -> None:
        self._begin(step)
        for request in requests:
            event_id = str(uuid.uuid4())
            self._asked[event_id] = request.event_type
            self._send(frames_out.encoded(request, event_id, self.tenant.channel, self.visitor))
        self._send(frames_out.HEARTBEAT)
        self._listen(self.tenant.patience_s)

    def _send(self, text: str) -> None:
        try:
            self._socket.send(text)
        except (OSError, websocket.WebSocketException) as error:
            raise self._lost(error) from None

    def _lost(self, error: Exception) -> NoAnswer:
        return NoAnswer(f"the socket was lost while {self._step}: {type(error).__name__}")

    def _begin(self, step: str) -> None:
        self.says(step)
        self._step, self._since = step, time.monotonic()

    def _listen(self, seconds: float) -> None:
        """Until then; a long wait is kept alive."""
        until, beat_at = time.monotonic() + seconds, time.monotonic() + 15
        while (left := until - time.monotonic()) > 0:
            if time.monotonic() >= beat_at:
                self._send(frames_out.HEARTBEAT)
                beat_at += 15
            self._socket.settimeout(min(left, 1.0))
            try:
                text = self._socket.recv()
            except websocket.WebSocketTimeoutException:
                continue
            except (OSError, websocket.WebSocketException) as error:
                raise self._lost(error) from None
            self._hear(text)

    def _hear(self, text: str | bytes) -> None:
        frame = _parsed(text)
        self._note(frame)
        url = questions._get(frame, "data", "s3Object", "url")
        if isinstance(url, str):
            fetched = self._api.event(url)
            if isinstance(fetched, str):
                self._note(_parsed(fetched), was_fetched=True)

    def _note(self, frame: Any, *, was_fetched: bool = False) -> None:
        event_id = frame.get("eventId") if isinstance(frame, dict) else None
        asked = self._asked.get(str(event_id), "")
        ms = round((time.monotonic() - self._since) * 1000)
        self.heard.append(Heard(self._step, ms, frame, asked, was_fetched))

    def _contact_id(self) -> str:
        """By whichever frame named it."""
        for one in self.heard:
            for path in (("data", "case", "id"), ("postback", "data", "contact", "id")):
                found = questions._get(one.frame, *path)
                if found:
                    return str(found)
            found = questions._get(one.frame, "postback", "data", "consumerContact", "id")
            if found:
                return str(found)
        return ""


def _parsed(text: str | bytes) -> Any:
    """None: it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

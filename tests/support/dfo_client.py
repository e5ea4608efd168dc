"""A client of the Digital-First gateway for tests: says what it is told to, right or wrong, and keeps what it hears."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests
import websocket

from local.dfo_simulator.client import Gateway

Frame = dict[str, Any]


def new_id() -> str:
    return str(uuid.uuid4())


@dataclass
class DfoClient:
    """One visitor of a gateway, with one thread. `customer_id` is anonymous unless a code says otherwise."""

    gateway: Gateway
    visitor_id: str = field(default_factory=new_id)
    customer_id: str = field(default_factory=new_id)
    thread_id: str = field(default_factory=new_id)
    sdk_version: str = "3.3.0"
    heard: list[Frame] = field(default_factory=list)

    @property
    def thread(self) -> Frame:
        return {"thread": {"idOnExternalPlatform": self.thread_id}}

    def post_token(
        self,
        body: object = None,
        timeout: float = 5,
        cookies: Mapping[str, str] | None = None,
        bearer: str = "",
        **query: str | int,
    ) -> requests.Response:
        """Ask for an access token; `query` replaces parameters."""
        parameters = {
            "brandId": self.gateway.brand_id,
            "channelId": self.gateway.channel_id,
            "visitorId": self.visitor_id,
        }
        asked = {"customerIdentity": {"idOnExternalPlatform": self.customer_id}} if body is None else body
        url = f"{self.gateway.authorize_url}/oauth/token"
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return requests.post(
            url,
            params=parameters | query,
            json=asked,
            timeout=timeout,
            headers=headers,
            cookies=dict(cookies or {}),
        )

    def get(self, path: str, **headers: str) -> requests.Response:
        """Call the chat host."""
        headers = {"x-sdk-version": self.sdk_version, "x-sdk-platform": "web"} | headers
        return requests.get(f"{self.gateway.chat_url}{path}", headers=headers, timeout=5)

    def channel(self, path: str = "") -> requests.Response:
        """Ask for the channel's settings, or for what is below them."""
        place = f"/chat/1.0/brand/{self.gateway.brand_id}/channel/{self.gateway.channel_id}"
        return self.get(f"{place}{path}")

    def socket_url(self, **query: object) -> str:
        """The URL to connect to; `query` replaces parameters, None takes one away."""
        everything = {
            "v": "1.0.0",
            "sdkPlatform": "web",
            "sdkVersion": self.sdk_version,
            "brandId": self.gateway.brand_id,
            "channelId": self.gateway.channel_id,
            "visitorId": self.visitor_id,
        } | query
        parameters = {name: value for name, value in everything.items() if value is not None}
        return f"{self.gateway.gateway_url}/?{urlencode(parameters)}"

    def connect(self, **query: object) -> None:
        """Open the socket: secured, with a token of its own, unless `query` has a customerId."""
        if "customerId" not in query and "transactionToken" not in query:
            query["transactionToken"] = self.post_token().json()["accessToken"]
        self.socket = websocket.create_connection(self.socket_url(**query), timeout=5)

    def frame(self, event_type: str, data: object, action: str = "chatWindowEvent", **payload: object) -> Frame:
        """A frame as it should be; `payload` replaces parts of it."""
        everything = {
            "eventType": event_type,
            "brand": {"id": self.gateway.brand_id},
            "channel": {"id": self.gateway.channel_id},
            "consumerIdentity": {"idOnExternalPlatform": self.customer_id},
            "data": data,
            "destination": {},
            "visitor": {"id": self.visitor_id},
            "visit": {},
        } | payload
        return {"action": action, "eventId": new_id(), "payload": everything}

    def message(self, text: str = "Good morning", message_id: str | None = None) -> Frame:
        """A SendMessage."""
        data = {
            "idOnExternalPlatform": message_id or new_id(),
            **self.thread,
            "messageContent": {"type": "TEXT", "payload": {"text": text}},
            "consumer": {"customFields": []},
            "consumerContact": {"customFields": []},
            "attachments": [],
            "browserFingerprint": {"language": "en-US", "country": ""},
        }
        return self.frame("SendMessage", data)

    def send(self, frame: object) -> None:
        """Send it as JSON."""
        self.socket.send(json.dumps(frame))

    def send_event(self, event_type: str, data: object = None, action: str = "chatWindowEvent") -> Frame:
        """Send a frame as it should be, of the thread alone unless `data` says otherwise; returns it."""
        frame = self.frame(event_type, self.thread if data is None else data, action)
        self.send(frame)
        return frame

    def hear(self) -> Any:
        """The next frame."""
        frame = json.loads(self.socket.recv())
        self.heard.append(frame)
        return frame

    def wait_for(self, event_type: str, timeout: float = 5) -> Frame:
        """The next event, or result of a request, of this type. What comes before it is heard, and let go."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            frame = self.hear()
            if isinstance(frame, Mapping) and event_type in (frame.get("eventType"), _result_type(frame)):
                return dict(frame)
        raise TimeoutError(f"no {event_type} within {timeout} s")

    def ask(self, frame: Frame) -> Frame:
        """Send it and return the answer, by its eventId."""
        self.send(frame)
        while True:
            heard = self.hear()
            if isinstance(heard, Mapping) and heard.get("eventId") == frame["eventId"]:
                return dict(heard)

    def recover(self, event_type: str = "RecoverLivechat") -> Frame:
        """Look for the thread; the answer."""
        return self.ask(self.frame(event_type, self.thread))

    def start(self) -> str:
        """Look for the thread, send a first message and wait for the contact; returns its id."""
        self.recover()
        self.send(self.message())
        return str(self.wait_for("CaseCreated")["data"]["case"]["id"])

    def is_silent(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for this long."""
        self.socket.settimeout(seconds)
        try:
            self.hear()
        except websocket.WebSocketTimeoutException:
            return True
        finally:
            self.socket.settimeout(5)
        return False

    def close(self) -> None:
        """Let go of the socket, without a word."""
        if hasattr(self, "socket"):
            self.socket.shutdown()


def _result_type(frame: Mapping[str, Any]) -> str | None:
    return str(frame["postback"]["eventType"]) if "postback" in frame else None

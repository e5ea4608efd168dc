"""A visitor who types, on a connection that comes back when it is lost. In one thread: the caller's."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import websocket

from typing_relay_client.rhythm import Frame, Rhythm, Timings

#: API Gateway gives a handshake 29 s, and closes what is idle for ten minutes.
CONNECT_S, PING_MS = 30, 240_000
#: The longest pause before a lost connection is tried again, and how often it is looked whether something is due.
LONGEST_PAUSE_S, TICK_MS = 30, 20


class Visitor:
    """Call ``key`` at each key and ``live`` all the time between: it hears, renews, stops and comes back.

    ``fetch_token`` is called for each connection; ``on_frame`` hears each frame of the relay. Connecting raises what is
    wrong; later it is tried again.
    """

    def __init__(self, url: str, fetch_token: Callable[[], str], on_frame: Callable[[Frame], object]) -> None:
        self.url, self.fetch_token, self.on_frame = url, fetch_token, on_frame
        #: How the CXone guest session stands: '' before the welcome.
        self.guest = ""
        self._rhythm = Rhythm()
        self._failures = 0
        self._sent_at = 0.0
        self._connect()

    def key(self) -> None:
        """A key is pressed now."""
        self._say(self._rhythm.key, now())
        self.live(0)

    def stop(self) -> None:
        """Typing is over: the text was sent, or deleted."""
        self._say(self._rhythm.stop, now())

    def live(self, seconds: float) -> None:
        """Do for so long what is due."""
        until = now() + seconds * 1000
        while True:
            self._say(self._rhythm.wake, now())
            if now() - self._sent_at > PING_MS:
                self._say(lambda _: [{"action": "ping"}], now())
            self._listen(min(max(until - now(), 1), TICK_MS) / 1000)
            if now() >= until:
                return

    def send(self, **frame: Any) -> None:
        """Send this frame. Raises OSError or WebSocketException when the connection is lost."""
        self.socket.send(json.dumps(frame))
        self._sent_at = now()

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    # --- the connection

    def _connect(self) -> None:
        self.guest = ""
        by_header = f"Sec-WebSocket-Protocol: typing-relay, token.{self.fetch_token()}"  # and so in no URL
        self.socket = websocket.create_connection(self.url, timeout=CONNECT_S, header=[by_header])
        self.send(action="hello")

    def _say(self, what: Callable[[float], list[Frame]], at: float) -> None:
        for frame in what(at):
            try:
                self.send(**frame)
            except (OSError, websocket.WebSocketException):
                self._come_back()
                return

    def _listen(self, seconds: float) -> None:
        try:
            self.socket.settimeout(seconds)
            self._hear(json.loads(self.socket.recv()))
        except websocket.WebSocketTimeoutException:
            pass  # nothing came
        except (OSError, ValueError, websocket.WebSocketException):
            self._come_back()

    def _come_back(self) -> None:
        """After a random part of 1 s, 2 s, … up to 30 s; the relay has ended the typing meanwhile."""
        self._rhythm.disconnected()
        self.socket.shutdown()  # type: ignore[no-untyped-call]
        time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, 2.0**self._failures)))
        self._failures = min(self._failures + 1, 16)
        with suppress(OSError, websocket.WebSocketException):
            self._connect()

    def _hear(self, frame: Frame) -> None:
        if frame.get("type") == "welcome":
            self._failures = 0
            self.guest = self.guest or frame["guest"]  # a guest frame that overtook this one holds
            if frame.get("signals") != "off":
                names = ("debounce_ms", "heartbeat_ms", "hold_ms")
                timings = Timings(**{name: frame["timings"][name] for name in names if name in frame["timings"]})
                self._say(lambda at: self._rhythm.connected(at, timings), now())
        elif frame.get("type") == "guest":
            self.guest = frame["status"]
        self.on_frame(frame)


def now() -> float:
    """Monotonic ms."""
    return time.monotonic() * 1000

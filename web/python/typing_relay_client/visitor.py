"""A visitor's connection to Typing Relay, on one thread."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import websocket

from typing_relay_client.rhythm import AT_NO_TIME, Frame, TypingRhythm

#: API Gateway closes a connection that is idle for ten minutes.
PING_MS = 240_000
#: No wait is shorter.
TICK_MS = 1
#: This long before a token's end the connection is renewed with another one, and after this long tried again.
SPARE_TOKEN_MS, RETRY_MS = 60_000, 30_000
#: How long a handshake or an answer of the network may take, in s, and the longest pause between two attempts.
TIMEOUT_S, LONGEST_PAUSE_S = 30, 30

_log = logging.getLogger(__name__)


def now() -> float:
    """In ms, of a clock that is never set."""
    return time.monotonic() * 1000


class Visitor:
    """Call ``key`` at each key and ``live`` all the time between: it hears, renews, stops and comes back.

    ``url``: of the WebSocket endpoint. ``fetch_token``: returns a visitor token for each connection. ``on_frame``: is
    given each frame that comes. ``sign_in``: is called where the relay wants the visitor signed in at CXone, with the
    detail of that event; returns what to hand over (``access_token``, … or ``code``), or None.

    Raises what the first connection fails with (OSError, WebSocketException); one that is lost later is made again
    within ``live``, after a pause that grows, and one whose token is about to end is replaced while nobody types. What
    ``fetch_token`` raises later is logged by its type, and it is asked again. Raises ValueError for a ``url`` that is
    not ``wss://``, or ``ws://`` of this machine: it would show the token to the network.
    """

    def __init__(
        self,
        url: str,
        fetch_token: Callable[[], str],
        on_frame: Callable[[Frame], object],
        sign_in: Callable[[Frame], Frame | None] | None = None,
    ) -> None:
        if not _is_safe(url):
            raise ValueError("The url must be the relay's wss:// URL; ws:// is for this machine alone.")
        self._url, self._fetch_token, self._on_frame = url, fetch_token, on_frame
        self._sign_in = sign_in
        self._rhythm, self._signals = TypingRhythm(), True
        self._failures, self._sent_at, self._renew_at = 0, 0.0, AT_NO_TIME
        #: How the guest at CXone stands: "" before the welcome, then ``opening``, ``open``, ``reconnecting``, …
        self.guest = ""
        self._connect()

    def key(self) -> None:
        """The visitor has pressed a key."""
        if self._signals:
            self._send_all(self._rhythm.key(now()))

    def stop(self) -> None:
        """The visitor types no longer: the box is empty, or was left."""
        self._send_all(self._rhythm.stop(now()))

    def send(self, **frame: Any) -> None:
        """Send a frame of your own: ``send(action="message", id=…, text=…)``. On a connection that is lost, none."""
        with suppress(OSError, websocket.WebSocketException):  # ``live`` notices, and connects again
            self._socket.send(json.dumps(frame))
            self._sent_at = now()

    def live(self, seconds: float) -> None:
        """Hear what comes and send what is due, for this many seconds."""
        until = now() + seconds * 1000
        while True:
            self._send_all(self._rhythm.wake(now()))
            if now() - self._sent_at > PING_MS:
                self.send(action="ping")
            if now() >= self._renew_at and not self._rhythm.is_typing(now()):
                self._renew()
            try:
                self._hear(json.loads(self._next_text(until)))
            except websocket.WebSocketTimeoutException:
                pass  # nothing came
            except (OSError, ValueError, websocket.WebSocketException):
                self._reconnect()
            if now() >= until:
                return

    def close(self) -> None:
        """End the connection, and the typing with it."""
        self.stop()
        self._socket.close()

    def _renew(self) -> None:
        """The new connection first; what has come by the old one is heard before that ends."""
        old, self._renew_at = self._socket, now() + RETRY_MS
        if not self._has_connected_again():
            return
        self._rhythm.disconnected()
        old.settimeout(TICK_MS / 1000)
        with suppress(OSError, ValueError, websocket.WebSocketException):
            while True:
                self._hear(json.loads(old.recv()))
        old.close()

    def _connect(self) -> None:
        offered = ["typing-relay", f"token.{self._fetch_token()}"]  # in no URL, and so in no log
        self._socket = websocket.create_connection(self._url, timeout=TIMEOUT_S, subprotocols=offered)
        self.guest = ""
        self.send(action="hello")

    def _has_connected_again(self) -> bool:
        """``fetch_token`` fails with exceptions of its own kind; their texts may hold a secret, their types do not."""
        try:
            self._connect()
        except Exception as failure:
            _log.warning("No new connection to the relay (%s); it is tried again.", type(failure).__name__)
            return False
        return True

    def _reconnect(self) -> None:
        self.guest = ""
        self._rhythm.disconnected()
        self._socket.shutdown()  # type: ignore[no-untyped-call]
        time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, 2**self._failures)))
        self._failures += 1
        self._has_connected_again()

    def _next_text(self, until: float) -> str | bytes:
        """Raises WebSocketTimeoutException where none comes before ``until``, or before something is due."""
        renew_at = self._renew_at if self._renew_at > now() else AT_NO_TIME  # else typing has to end first
        due_at = min(until, self._rhythm.wake_at, self._sent_at + PING_MS + 1, renew_at)
        self._socket.settimeout(max(due_at - now(), TICK_MS) / 1000)
        text: str | bytes = self._socket.recv()
        return text

    def _hear(self, frame: Frame) -> None:
        if frame.get("type") == "welcome":
            self._failures = 0
            self._signals = frame.get("signals") != "off"
            lives_ms = frame.get("token_ends_in_ms", AT_NO_TIME) - SPARE_TOKEN_MS  # a relay of before does not say
            self._renew_at = now() + lives_ms if lives_ms > SPARE_TOKEN_MS else AT_NO_TIME
            self.guest = self.guest or frame["guest"]  # a guest frame that overtook this one holds
            if self._signals:
                self._send_all(self._rhythm.connected(now(), frame["timings"]))
        elif frame.get("type") == "guest":
            self.guest = frame["status"]
        self._on_frame(frame)
        if frame.get("name") == "sign-in" and self._sign_in:
            self._hand_over(self._sign_in, frame["detail"])

    def _hand_over(self, sign_in: Callable[[Frame], Frame | None], wanted: Frame) -> None:
        """As with ``fetch_token``: what ``sign_in`` raises is logged by its type, and the relay asks again."""
        try:
            handed = sign_in(wanted)
        except Exception as failure:
            _log.warning("The visitor was not signed in (%s); the relay asks again.", type(failure).__name__)
            return
        if handed:
            self.send(**{**handed, "action": "sign_in"})

    def _send_all(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.send(**frame)


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return parts.scheme == "wss" or (parts.scheme == "ws" and is_here)

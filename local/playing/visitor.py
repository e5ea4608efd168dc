"""A visitor's front end without a browser: connects with a token, types in a rhythm, collects the answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from typing import Any

import websocket

from local.playing.rhythm import frames_due

#: How long the other side may be silent.
_SILENCE_S = 30.0


def now_ms() -> int:
    """Now, in epoch ms."""
    return time.time_ns() // 1_000_000


class Visitor:
    """One connection to the relay. Use it as a context manager; frames that arrive are collected in ``frames``.

    ``sent`` and ``heard``: every frame, even if it was removed from ``frames``.
    ``failures``: when (epoch ms) API Gateway reported that a function behind it failed. ``origin``: the Origin header
    to send; ``headers``: others. Raises OSError or WebSocketException when the handshake is refused.
    """

    def __init__(
        self,
        websocket_url: str,
        token: str,
        origin: str | None = None,
        handshake_s: float = _SILENCE_S,
        headers: dict[str, str] | None = None,
    ) -> None:
        offered = ["typing-relay", f"token.{token}"]  # in no URL, and so in no access log
        self._socket = websocket.create_connection(
            websocket_url, handshake_s, origin=origin, subprotocols=offered, header=headers
        )
        self._socket.settimeout(_SILENCE_S)
        self.frames: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.heard: list[dict[str, Any]] = []
        self.failures: list[int] = []
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()
        self._reader.join(timeout=5)

    def send(self, frame: dict[str, Any]) -> int:
        """Send ``frame``; returns when (epoch ms)."""
        at = now_ms()
        self.sent.append(frame)
        self._socket.send(json.dumps(frame))
        return at

    def forget(self, kind: str) -> None:
        """Remove the frames of this type that have arrived."""
        with self._arrived:
            self.frames[:] = [frame for frame in self.frames if frame["type"] != kind]

    def wait_for(self, kind: str, timeout_s: float = 10, **fields: Any) -> dict[str, Any]:
        """The first frame of type ``kind`` with these fields. Raises TimeoutError."""

        def found() -> dict[str, Any] | None:
            for frame in self.frames:
                if frame.get("type") == kind and fields.items() <= frame.items():
                    return frame
            return None

        with self._arrived:
            if not self._arrived.wait_for(lambda: found() is not None, timeout_s):
                raise TimeoutError(f"no {kind} frame with {fields} within {timeout_s} s; there came {self.frames}")
            frame = found()
        assert frame is not None  # noqa: S101 waited for just that
        return frame

    def is_ready(self, timeout_s: float = 15) -> dict[str, Any]:
        """Say hello and wait until the guest is open; returns the welcome. Raises TimeoutError."""
        self.send({"action": "hello"})
        welcome = self.wait_for("welcome", timeout_s)
        if welcome["guest"] != "open":
            self.wait_for("guest", timeout_s, status="open")
        return welcome

    def type(self, keys: Sequence[int], heartbeat_ms: int = 1000, hold_ms: int = 0) -> int:
        """Press ``keys`` (ms from now on) as a well-behaved front end does; returns when "now" was (epoch ms).

        ``hold_ms``, from the welcome: hold the keys and say when each burst is over, as web/typing-relay.js does; 0: as
        a client that knows nothing of holds.
        """
        start = now_ms()
        for due in frames_due(keys, heartbeat_ms, hold_ms):
            time.sleep(max(0, start + due.at - now_ms()) / 1000)
            self.send(due.frame(late=now_ms() - start - due.at))
        return start

    def _read(self) -> None:
        try:
            while text := self._socket.recv():
                with self._arrived:
                    self._take(text)
                    self._arrived.notify_all()
        except (OSError, websocket.WebSocketException):
            pass  # closed, from this side or the other

    def _take(self, text: str | bytes) -> None:
        try:
            frame = json.loads(text)
        except ValueError:  # the emulator's own message; API Gateway sends JSON without a type
            frame = {}
        if "type" in frame:
            self.frames.append(frame)
            self.heard.append(frame)
        else:
            self.failures.append(now_ms())

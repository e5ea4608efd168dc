"""The WebSocket opening handshake without I/O: websocket-client's own, played against a tape."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Mapping

import websocket

#: Far more than any answer to an upgrade needs; what is longer is not one.
MAX_ANSWER_BYTES = 65_536
_NONE: Mapping[str, str] = {}


class _Tape:
    """Looks like a non-blocking socket: notes what is sent, plays what was received, then would block."""

    def __init__(self, received: bytes) -> None:
        self.sent = b""
        self._received, self._played = received, 0

    @property
    def rest(self) -> bytes:
        """What has not been played."""
        return self._received[self._played :]

    def gettimeout(self) -> float:
        return 0.0

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def recv(self, size: int) -> bytes:
        """Bytes asked for one by one come as a whole line and then its end, which websocket-client looks for.

        Thousands of sockets may be opened together, and an answer has hundreds of bytes.
        """
        begin = self._played
        if begin == len(self._received):
            raise BlockingIOError
        if size > 1:
            end = begin + size
        else:
            line_end = self._received.find(b"\n", begin)
            end = max(line_end, begin + 1) if line_end >= 0 else len(self._received)
        self._played = min(end, len(self._received))
        return self._received[begin : self._played]

    def close(self) -> None:
        """Nothing to close: the real socket belongs to the caller."""


class Upgrade:
    """One opening handshake: ``request`` is what to send, ``feed`` takes the answer as it trickles in.

    websocket-client can only shake hands in one blocking go. So it is given the same key and everything received so
    far, from the start, whenever a line may have been completed; it answers, fails, or would block.
    """

    def __init__(self, web_socket: websocket.WebSocket, url: str, headers: Mapping[str, str] = _NONE) -> None:
        self._web_socket = web_socket
        self._headers = headers
        self._url = url
        self._key = base64.b64encode(os.urandom(16)).decode()
        self._answer = b""
        self.request = self._play(b"").sent

    def feed(self, data: bytes) -> bytes | None:
        """Take more of the answer. Returns None until it is complete, then the bytes that followed it (frames).

        Raises WebSocketBadStatusException (refused, with status, headers and body) or WebSocketException (no valid
        answer to an upgrade).
        """
        self._answer += data
        if b"\r\n\r\n" not in self._answer:
            self._refuse_endless_answer()
            return None
        tape = self._play(self._answer)
        if self._web_socket.connected:
            return tape.rest
        self._refuse_endless_answer()
        return None

    def _play(self, received: bytes) -> _Tape:
        tape = _Tape(received)
        with contextlib.suppress(BlockingIOError):
            self._web_socket.connect(  # type: ignore[no-untyped-call]
                self._url,
                socket=tape,
                header={"Sec-WebSocket-Key": self._key, **self._headers},
                suppress_origin=True,
                redirect_limit=0,
            )
        return tape

    def _refuse_endless_answer(self) -> None:
        if len(self._answer) > MAX_ANSWER_BYTES:
            raise websocket.WebSocketException("The answer to the upgrade does not end.")

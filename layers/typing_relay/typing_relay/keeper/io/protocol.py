"""The WebSocket protocol without I/O: bytes go in, frames come out, and what is to be sent is written elsewhere.

websocket-client speaks it, and only ever over a socket of its own. This is the one file that reaches for more of it
than its documentation promises: the buffer that it reads from (``frame_buffer``), the parts of a message that it joins
(``cont_frame``), and its ``dispatcher``. tests/integration/test_keeper_conformance.py tries them against other
implementations.
"""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from websocket import ABNF, WebSocket, WebSocketException

NORMAL, GOING_AWAY, PROTOCOL_ERROR, BAD_PAYLOAD, TOO_BIG = 1000, 1001, 1002, 1007, 1009
#: The close code that means that a close frame had none (RFC 6455, 7.1.5).
NO_CODE = 1005
MAX_CONTROL_PAYLOAD = 125
#: A client's frame: 2 bytes, 8 of length at most, 4 of mask.
MAX_HEAD = 14
#: Far more than any answer to an upgrade needs; what is longer is not one.
MAX_ANSWER_BYTES = 65_536
_NONE: Mapping[str, str] = {}


class Broken(Exception):
    """The peer broke the protocol or a limit: close with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Text:
    """A whole text message."""

    text: str


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered with ``payload``."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The peer's close frame. ``code``: 1005 where it had none."""

    code: int
    has_code: bool


@dataclass(frozen=True, slots=True)
class Other:
    """A frame that says no more than that the peer is there: a pong, a part of a message, binary data."""


Frame = Text | Ping | Close | Other
_OTHER = Other()


class WebSocketProtocol:
    """One WebSocket, from the request for an upgrade on. ``write`` is given what is to leave, and may raise OSError."""

    def __init__(self, write: Callable[[bytes], object], max_message: int) -> None:
        """``max_message`` (bytes): a larger one breaks the limit."""
        self._max_message = max_message
        self._web_socket = WebSocket(
            enable_multithread=False,
            skip_utf8_validation=True,  # decoding validates as well, in C
            dispatcher=_Writer(write),  # type: ignore[arg-type]  # it needs no more than send
        )
        # Its buffer has all there is: it must not read by itself.
        self._web_socket.frame_buffer.recv = _would_block
        self._upgrade: _Upgrade | None = None

    def begin(self, url: str, headers: Mapping[str, str]) -> bytes:
        """The request for an upgrade. ``headers`` are added to those of the protocol."""
        self._upgrade = _Upgrade(self._web_socket, url, headers)
        return self._upgrade.request

    def feed(self, data: bytes) -> bool:
        """Take what was received. True: by this the upgrade is done, and frames may follow.

        Raises WebSocketBadStatusException (refused, with status, headers and body) or WebSocketException (no valid
        answer to an upgrade).
        """
        if self._upgrade is None:
            self._web_socket.frame_buffer.recv_buffer.append(data)
            return False
        frames = self._upgrade.feed(data)
        if frames is None:
            return False
        self._upgrade = None
        self._web_socket.sock = _SPENT  # type: ignore[assignment]  # without a socket it would count as closed
        self._web_socket.frame_buffer.recv_buffer.append(frames)
        return True

    def next_frame(self) -> Frame | None:
        """The next frame; None when its rest has not come yet. Raises Broken or WebSocketException."""
        if not self._web_socket.frame_buffer.recv_buffer:
            return None  # the usual case, told apart at less cost than by trying
        try:
            frame: ABNF = self._web_socket.recv_frame()  # type: ignore[no-untyped-call]
        except BlockingIOError:
            self._check_size(self._web_socket.frame_buffer.length or 0)  # of the frame that has begun
            return None
        if frame.mask_value:
            raise Broken(PROTOCOL_ERROR, "a server's frames are not masked")
        return self._control(frame) if frame.opcode >= ABNF.OPCODE_CLOSE else self._data(frame)

    def send_text(self, data: bytes) -> None:
        """Write a text message."""
        self._web_socket.send(data, ABNF.OPCODE_TEXT)

    def ping(self) -> None:
        """Write a ping."""
        self._web_socket.ping()

    def pong(self, payload: bytes) -> None:
        """Write the answer to a ping."""
        self._web_socket.pong(payload)

    def close(self, code: int) -> None:
        """Write a close frame."""
        self._web_socket.send_close(code)

    def _control(self, frame: ABNF) -> Frame:
        payload = bytes(frame.data)  # type: ignore[arg-type]  # received data is always bytes
        if not frame.fin or len(payload) > MAX_CONTROL_PAYLOAD:
            raise Broken(PROTOCOL_ERROR, "a control frame is whole and at most 125 bytes long")
        if frame.opcode == ABNF.OPCODE_PING:
            return Ping(payload)
        if frame.opcode == ABNF.OPCODE_CLOSE:
            _decoded(payload[2:])
            return Close(int.from_bytes(payload[:2], "big") if payload else NO_CODE, bool(payload))
        return _OTHER

    def _data(self, frame: ABNF) -> Frame:
        """The library joins the parts of a message, and would keep them whatever their size."""
        message = self._web_socket.cont_frame
        self._check_size(len(frame.data))
        message.validate(frame)
        message.add(frame)
        if not message.is_fire(frame):
            return _OTHER
        opcode, whole = message.extract(frame)
        return Text(_decoded(whole.data)) if opcode == ABNF.OPCODE_TEXT else _OTHER

    def _check_size(self, coming: int) -> None:
        begun = self._web_socket.cont_frame.cont_data
        if coming + (len(begun[1]) if begun else 0) > self._max_message:
            raise Broken(TOO_BIG, f"a message of more than {self._max_message} bytes")


class _Writer:
    """What websocket-client takes for its dispatcher, which sends in the place of its socket."""

    __slots__ = ("_write",)

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def send(self, _sock: object, data: bytes) -> int:
        self._write(data)
        return len(data)


class _Tape:
    """Looks like a non-blocking socket to websocket-client: notes what is sent, plays what was received."""

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


#: What has been played is not kept: there are thousands of sockets.
_SPENT = _Tape(b"")


class _Upgrade:
    """One opening handshake: ``request`` is what to send, ``feed`` takes the answer as it trickles in.

    websocket-client can only shake hands in one blocking go. So it is given the same key and everything received so
    far, from the start, whenever a line may have been completed; it answers, fails, or would block.
    """

    def __init__(self, web_socket: WebSocket, url: str, headers: Mapping[str, str] = _NONE) -> None:
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
            raise WebSocketException("The answer to the upgrade does not end.")


def _would_block(_size: int) -> bytes:
    raise BlockingIOError


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Broken(BAD_PAYLOAD, "text that is not UTF-8") from None

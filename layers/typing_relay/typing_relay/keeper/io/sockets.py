"""One guest's WebSocket on the loop: ``protocol`` knows what the bytes mean, this file moves them.

Nothing here blocks: connecting, the TLS handshake, the upgrade, frames cut anywhere and a peer that does not read all
are steps taken when the socket is ready. What one peer can make the loop do in one turn is bounded.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol
from urllib.parse import urlsplit

from websocket import WebSocketBadStatusException, WebSocketException

from typing_relay.keeper.io.loop import READ, WRITE, Loop, Timer
from typing_relay.keeper.io.protocol import (
    MAX_HEAD,
    NORMAL,
    PROTOCOL_ERROR,
    Broken,
    Close,
    Frame,
    Ping,
    Text,
    WebSocketProtocol,
)

#: The close code that means that no close frame was received (RFC 6455, 7.1.5).
ABNORMAL = 1006

#: A TLS record holds no more (RFC 8446, 5.1), so one read leaves nothing of it in OpenSSL, where no selector sees it.
READ_BYTES = 16_384
FRAMES_PER_TURN = 16
#: Texts leave this much of ``max_unsent`` free: a peer that reads slowly is not given up for the pongs that it is owed.
ROOM_FOR_CONTROL = 4_096

Address = tuple[socket.AddressFamily, Any]
NotReached = Callable[[Address, int], object]


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Times in seconds, sizes in bytes. Defaults are for production; tests make them short."""

    open_within: float = 10.0
    #: After this long without a complete frame, ask by a ping; without any frame in ``pong_within`` the peer is dead.
    ping_after: float = 45.0
    pong_within: float = 15.0
    close_within: float = 2.0
    max_message: int = 1_048_576
    #: What may wait for a peer that does not read. Texts leave room for pings, pongs and a close.
    max_unsent: int = 65_536


class Stage(Enum):
    """How far a socket has come."""

    CONNECTING = auto()
    SECURING = auto()
    UPGRADING = auto()
    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


class Sending(Enum):
    """What became of a text that was to be sent."""

    #: It leaves, in order, as the peer reads.
    QUEUED = auto()
    #: The socket is not open (yet, or any more).
    NOT_OPEN = auto()
    #: Too much waits already for a peer that reads slowly; there may be room later.
    FULL = auto()
    #: It has no room even when nothing waits.
    TOO_LARGE = auto()


@dataclass(frozen=True, slots=True)
class SocketEnd:
    """Why a socket could not be opened or is no more. ``reason`` is fit for a log: it holds no URL."""

    stage: Stage
    reason: str
    #: Of a refused upgrade.
    http_status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    #: Of a socket that was open: what the peer's close frame said, 1005 or 1006 if it said nothing.
    close_code: int | None = None


class SocketListener(Protocol):
    """Who is told. ``ended`` comes once and last; never after the listener itself has closed the socket."""

    def opened(self) -> None:
        """The upgrade is done; frames follow."""

    def text(self, text: str) -> None:
        """A whole text message."""

    def ended(self, end: SocketEnd) -> None:
        """It could not be opened, or is open no more."""


class GuestSocket:
    """Open it with ``connect``, end it with ``close``; the listener hears of the rest."""

    def __init__(
        self,
        loop: Loop,
        url: str,
        tls: ssl.SSLContext,
        limits: SocketLimits,
        listener: SocketListener,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """``url`` is ws:// or wss://. ``tls`` is shared by all sockets: one of their own costs 880 KB each.

        ``headers`` go into the opening handshake.
        """
        self._loop = loop
        self._headers = headers or {}
        self._url = url
        self._tls = tls
        self._limits = limits
        self._listener: SocketListener | None = listener
        self._protocol = WebSocketProtocol(self._write, limits.max_message)
        self._addresses: list[Address] = []
        self._not_reached: NotReached
        self._sock: socket.socket | None = None
        self._watched = 0
        self._unsent = bytearray()
        self._sent_bytes = 0
        #: Texts that have not left in whole: the count of sent bytes at which each has, and whom to tell.
        self._texts_leaving: list[tuple[int, Callable[[], object]]] = []
        self._pinged = False
        self._heard_at = loop.time()
        self.stage = Stage.CONNECTING
        #: It has been open, now or earlier.
        self.was_open = False
        self._timer: Timer = loop.call_later(limits.open_within, self._open_too_slow)

    # --- what the owner calls

    @property
    def is_closed(self) -> bool:
        """Nothing is left of it: the connection has ended."""
        return self.stage is Stage.CLOSED

    def connect(self, addresses: Sequence[Address], not_reached: NotReached = lambda _address, _error: None) -> None:
        """Begin to connect to the first of ``addresses`` (one at least) that can be reached.

        One that cannot is told to ``not_reached`` with its errno, and the next one tried at once. That none could, as
        any failure, is told to the listener from the loop.
        """
        self._addresses, self._not_reached = list(addresses), not_reached
        self._loop.call_soon(lambda: self._attempt(self._connect))

    def send_text(self, text: str, on_sent: Callable[[], object]) -> Sending:
        """Send a text message, after those before it. Never blocks.

        ``on_sent`` is called from the loop, later, when the last byte has been handed to the kernel. It never is if the
        socket ends before. Anything but QUEUED: nothing was sent, and nothing is called. Raises UnicodeEncodeError for
        what UTF-8 cannot say (a lone surrogate).
        """
        if self.stage is not Stage.OPEN:
            return Sending.NOT_OPEN
        data = text.encode()
        room = self._limits.max_unsent - ROOM_FOR_CONTROL - MAX_HEAD - len(data)
        if room < len(self._unsent):
            return Sending.FULL if room >= 0 else Sending.TOO_LARGE
        try:
            self._protocol.send_text(data)
        except OSError as error:
            lost = error
            self._loop.call_soon(lambda: self._lost(lost))
            return Sending.QUEUED
        self._tell_when_sent(on_sent)
        return Sending.QUEUED

    def fail(self, reason: str) -> None:
        """Give up before connecting, for instance because the name cannot be resolved."""
        self._end(SocketEnd(self.stage, reason))

    def close(self, code: int = NORMAL) -> None:
        """Close with a close frame and wait a little for the peer. The listener hears nothing any more."""
        self._listener = None
        if self.stage is Stage.OPEN:
            self._say_goodbye(code)
        elif self.stage is not Stage.CLOSING:
            self._destroy()

    # --- steps, taken when the socket is ready

    def _connect(self) -> None:
        """Begin to connect to the next address; those that fail at once are passed over."""
        while (failure := self._begin_to_connect(self._addresses[0])) not in (0, errno.EINPROGRESS):
            self._give_up_address(failure)
        self._watch(WRITE)

    def _begin_to_connect(self, address: Address) -> int:
        family, sockaddr = address
        try:
            self._sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:  # no such family on this machine
            return error.errno or errno.EAFNOSUPPORT
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._sock.connect_ex(sockaddr)

    def _give_up_address(self, failure: int) -> None:
        """The next one is the first now. Raises OSError when there is none."""
        self._not_reached(self._addresses.pop(0), failure)
        if not self._addresses:
            raise OSError(failure, errno.errorcode.get(failure, "?"))
        self._unwatch()
        if self._sock:
            self._sock.close()

    def _on_ready(self, events: int) -> None:
        self._attempt(self._step, events)

    def _attempt(self, step: Callable[..., None], *arguments: int) -> None:
        """Take a step; whatever goes wrong ends in one place."""
        if self.stage is Stage.CLOSED:
            return  # closed by what another socket did in this turn
        try:
            step(*arguments)
        except (BlockingIOError, ssl.SSLWantReadError):
            self._watch(READ | (WRITE if self._unsent else 0))
        except ssl.SSLWantWriteError:
            self._watch(READ | WRITE)
        except Broken as broken:
            self._refuse(broken)
        except WebSocketBadStatusException as refusal:
            self._refused(refusal)
        except WebSocketException as error:
            self._refuse(Broken(PROTOCOL_ERROR, str(error)))
        except OSError as error:
            self._lost(error)

    def _step(self, events: int) -> None:
        if self.stage is Stage.CONNECTING:
            self._connected()
        elif self.stage is Stage.SECURING:
            self._secure()
        else:
            if events & WRITE:
                self._flush()
            if events & READ:
                self._read()

    def _connected(self) -> None:
        sock = self._socket()
        failure = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            self._give_up_address(failure)
            self._connect()
            return
        host = urlsplit(self._url)
        if host.scheme != "wss":
            self._ask_for_upgrade()
            return
        self._unwatch()
        self._sock = self._tls.wrap_socket(sock, server_hostname=host.hostname, do_handshake_on_connect=False)
        self.stage = Stage.SECURING
        self._watch(WRITE)
        self._secure()

    def _secure(self) -> None:
        sock = self._socket()
        assert isinstance(sock, ssl.SSLSocket)  # noqa: S101  # only wss gets to this stage
        sock.do_handshake()
        self._ask_for_upgrade()

    def _ask_for_upgrade(self) -> None:
        self.stage = Stage.UPGRADING
        self._watch(READ)
        self._write(self._protocol.begin(self._url, self._headers))

    def _read(self) -> None:
        sock = self._socket()
        data = sock.recv(READ_BYTES)
        if self.stage is Stage.CLOSING:
            if not data:
                self._destroy()
            return
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "closed without a close frame")
        if self._protocol.feed(data):
            self._opened()
        if self.stage is Stage.OPEN:
            self._take_frames()

    def _opened(self) -> None:
        self.stage = Stage.OPEN
        self.was_open = True
        self._heard_at = self._loop.time()
        self._timer.cancel()
        self._check_alive_in(self._limits.ping_after)
        if self._listener:
            self._listener.opened()

    # --- frames

    def _take_frames(self) -> None:
        """Handle what has been read, a bounded number of frames in a turn; reading pauses until it is used up."""
        for _ in range(FRAMES_PER_TURN):
            frame = self._next_frame()
            if frame is None:
                self._watch(READ | (WRITE if self._unsent else 0))
                return
            self._on_frame(frame)
            if self.stage is not Stage.OPEN:
                return
        self._watch(WRITE if self._unsent else 0)
        self._loop.call_soon(lambda: self._attempt(self._resume))

    def _resume(self) -> None:
        if self.stage is Stage.OPEN:
            self._take_frames()

    def _next_frame(self) -> Frame | None:
        frame = self._protocol.next_frame()
        if frame:
            self._heard_at = self._loop.time()
            self._pinged = False
        return frame

    def _on_frame(self, frame: Frame) -> None:
        match frame:
            case Text(text):  # CXone sends JSON text
                if self._listener:
                    self._listener.text(text)
            case Ping(payload):
                self._protocol.pong(payload)
            case Close(code, has_code):
                end = SocketEnd(Stage.OPEN, f"closed by the peer with code {code}", close_code=code)
                self._say_goodbye(code if has_code else NORMAL)
                self._tell(end)

    # --- writing

    def _write(self, data: bytes) -> None:
        self._unsent += data
        if len(self._unsent) > self._limits.max_unsent:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the peer does not read")
        self._flush()

    def _flush(self) -> None:
        try:
            while self._unsent:
                sent = self._socket().send(self._unsent)
                del self._unsent[:sent]
                self._count_sent(sent)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            self._watch(self._watched | WRITE)
            return
        self._watch(self._watched & ~WRITE)

    def _tell_when_sent(self, on_sent: Callable[[], object]) -> None:
        if self._unsent:
            self._texts_leaving.append((self._sent_bytes + len(self._unsent), on_sent))
        else:
            self._loop.call_soon(on_sent)

    def _count_sent(self, size: int) -> None:
        self._sent_bytes += size
        while self._texts_leaving and self._texts_leaving[0][0] <= self._sent_bytes:
            self._loop.call_soon(self._texts_leaving.pop(0)[1])

    # --- time

    def _open_too_slow(self) -> None:
        if self.stage is Stage.CONNECTING and self._addresses:
            self._not_reached(self._addresses[0], errno.ETIMEDOUT)
        self._end(SocketEnd(self.stage, f"not open within {self._limits.open_within:g} s"))

    def _check_alive_in(self, seconds: float) -> None:
        self._timer = self._loop.call_later(seconds, self._check_alive, slack=self._limits.ping_after / 20)

    def _check_alive(self) -> None:
        """Ask a silent peer by a ping; give a peer up that stays silent."""
        silent = self._loop.time() - self._heard_at
        if silent < self._limits.ping_after:
            self._check_alive_in(self._limits.ping_after - silent)
        elif self._pinged:
            self._end(SocketEnd(Stage.OPEN, f"silent for {silent:.0f} s, pinged", close_code=ABNORMAL))
        else:
            self._pinged = True
            self._check_alive_in(self._limits.pong_within)
            self._attempt(self._protocol.ping)

    # --- the end

    def _refused(self, refusal: WebSocketBadStatusException) -> None:
        body = (refusal.resp_body or b"")[:2048].decode(errors="replace")
        reason = f"upgrade refused with HTTP status {refusal.status_code}"
        self._end(SocketEnd(self.stage, reason, refusal.status_code, refusal.resp_headers or {}, body))

    def _refuse(self, broken: Broken) -> None:
        if self.stage is not Stage.OPEN:
            self._end(SocketEnd(self.stage, f"no WebSocket upgrade: {broken}"))
            return
        self._say_goodbye(broken.code)
        self._tell(SocketEnd(Stage.OPEN, f"protocol broken: {broken}", close_code=ABNORMAL))

    def _lost(self, error: OSError) -> None:
        code = ABNORMAL if self.stage is Stage.OPEN else None
        self._end(SocketEnd(self.stage, _described(error), close_code=code))

    def _say_goodbye(self, code: int) -> None:
        """Send a close frame; the peer has until the deadline to end the connection, then we do."""
        self.stage = Stage.CLOSING
        self._timer.cancel()
        self._timer = self._loop.call_later(self._limits.close_within, self._destroy)
        try:
            self._protocol.close(code)
        except OSError:
            self._destroy()
            return
        self._watch(READ | (WRITE if self._unsent else 0))

    def _end(self, end: SocketEnd) -> None:
        self._destroy()
        self._tell(end)

    def _tell(self, end: SocketEnd) -> None:
        listener, self._listener = self._listener, None
        if listener:
            listener.ended(end)

    def _destroy(self) -> None:
        if self.stage is Stage.CLOSED:
            return
        self.stage = Stage.CLOSED
        self._timer.cancel()
        self._unwatch()
        if self._sock:
            self._sock.close()

    # --- watching

    def _socket(self) -> socket.socket:
        assert self._sock is not None  # noqa: S101  # steps are taken only on a socket that is watched
        return self._sock

    def _watch(self, events: int) -> None:
        if events == self._watched or self.stage is Stage.CLOSED:
            return
        if not events:
            self._unwatch()
            return
        if self._watched:
            self._loop.rewatch(self._socket(), events, self._on_ready)
        else:
            self._loop.watch(self._socket(), events, self._on_ready)
        self._watched = events

    def _unwatch(self) -> None:
        if self._watched:
            self._loop.forget(self._socket())
        self._watched = 0


def _described(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS certificate not trusted: {error.verify_message}"
    return error.strerror or type(error).__name__

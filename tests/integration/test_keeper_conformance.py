"""RFC 6455 as far as it applies to a client that answers pings and hears text: against an independent server library.

The server is ``websockets``' protocol, which by itself checks the request, the masking and the close handshake of what
the guest socket sends. Sections are numbered as in the Autobahn test suite. docs/keeper.md lists the cases.
"""

from __future__ import annotations

import re
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest
from typing_relay.keeper.io.sockets import SocketLimits
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.support.web_socket_peers import Heard, Wire, frame

DOCS = Path(__file__).resolve().parents[2] / "docs" / "keeper.md"
MIB = 1_048_576


@dataclass(frozen=True)
class Case:
    """What the server sends, and what must come of it: texts heard, pongs, the close code that the client sends."""

    number: str
    title: str
    sent: bytes
    heard: tuple[str, ...] = ()
    pongs: tuple[bytes, ...] = ()
    close: int = 1000


def text(data: bytes, *, fin: bool = True) -> bytes:
    return bytes(Frame(Opcode.TEXT, data, fin).serialize(mask=False))


def more(data: bytes, *, fin: bool) -> bytes:
    return bytes(Frame(Opcode.CONT, data, fin).serialize(mask=False))


def ping(data: bytes = b"") -> bytes:
    return bytes(Frame(Opcode.PING, data).serialize(mask=False))


def pong(data: bytes = b"") -> bytes:
    return bytes(Frame(Opcode.PONG, data).serialize(mask=False))


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(8, b"" if code is None else struct.pack("!H", code) + reason)


def in_parts(data: bytes, size: int) -> bytes:
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    first, *rest = pieces
    return text(first, fin=False) + b"".join(more(p, fin=False) for p in rest[:-1]) + more(rest[-1], fin=True)


KOSME = "κόσμε"
EMOJI = "\U0001f600"

CASES = [
    Case("1.1.1", "empty text", text(b""), heard=("",)),
    *(
        Case(f"1.1.{n}", f"text of {size} bytes", text(b"*" * size), heard=("*" * size,))
        for n, size in enumerate((125, 126, 127, 128, 65_535, 65_536), 2)
    ),
    Case("1.2.1", "binary is not for us, and no error", frame(2, b"\0\xff") + text(b"next"), heard=("next",)),
    Case("2.1", "ping without payload", ping(), pongs=(b"",)),
    Case("2.2", "ping with text", ping(b"Hello"), pongs=(b"Hello",)),
    Case("2.3", "ping with binary", ping(b"\0\xff\xfe"), pongs=(b"\0\xff\xfe",)),
    Case("2.4", "ping of 125 bytes", ping(b"x" * 125), pongs=(b"x" * 125,)),
    Case("2.5", "ping of 126 bytes", frame(9, b"x" * 126), close=1002),
    Case("2.7", "unsolicited pong", pong(), heard=()),
    Case("2.8", "unsolicited pong with payload", pong(b"unasked") + ping(b"p"), pongs=(b"p",)),
    Case(
        "2.10",
        "ten pings at once",
        b"".join(ping(b"%d" % n) for n in range(10)),
        pongs=tuple(b"%d" % n for n in range(10)),
    ),
    *(Case(f"3.{rsv}", f"reserved bits {rsv:03b}", frame(1, b"x", rsv=rsv), close=1002) for rsv in range(1, 8)),
    Case("3.8", "reserved bit on a ping", frame(9, b"x", rsv=4), close=1002),
    *(Case(f"4.1.{op - 2}", f"reserved opcode {op}", frame(op), close=1002) for op in range(3, 8)),
    *(Case(f"4.2.{op - 10}", f"reserved control opcode {op}", frame(op), close=1002) for op in range(11, 16)),
    Case("5.1", "ping in two fragments", frame(9, b"a", fin=False) + frame(0, b"b"), close=1002),
    Case("5.2", "pong in two fragments", frame(10, b"a", fin=False) + frame(0, b"b"), close=1002),
    Case("5.3", "text in two fragments", text(b"a", fin=False) + more(b"b", fin=True), heard=("ab",)),
    Case(
        "5.6",
        "ping between fragments",
        text(b"a", fin=False) + ping(b"p") + more(b"b", fin=True),
        heard=("ab",),
        pongs=(b"p",),
    ),
    Case("5.9", "continuation of nothing, final", more(b"x", fin=True), close=1002),
    Case("5.12", "continuation of nothing, not final", more(b"x", fin=False), close=1002),
    Case("5.15", "text, then continuation of nothing", text(b"a") + more(b"b", fin=True), heard=("a",), close=1002),
    Case("5.18", "new text within a message", text(b"a", fin=False) + text(b"b"), close=1002),
    Case(
        "5.19",
        "five fragments, pings between them",
        text(b"1", fin=False)
        + more(b"2", fin=False)
        + ping(b"a")
        + more(b"3", fin=False)
        + more(b"4", fin=False)
        + ping(b"b")
        + more(b"5", fin=True),
        heard=("12345",),
        pongs=(b"a", b"b"),
    ),
    Case("5.20", "empty fragments", text(b"", fin=False) + more(b"x", fin=False) + more(b"", fin=True), heard=("x",)),
    Case(
        "6.1",
        "empty text in three fragments",
        text(b"", fin=False) + more(b"", fin=False) + more(b"", fin=True),
        heard=("",),
    ),
    Case("6.2.1", "valid UTF-8", text(KOSME.encode()), heard=(KOSME,)),
    Case("6.2.3", "valid UTF-8, a fragment for each byte", in_parts(KOSME.encode(), 1), heard=(KOSME,)),
    Case("6.3.1", "invalid UTF-8", text(KOSME.encode() + b"\xed\xa0\x80edited"), close=1007),
    Case("6.3.2", "invalid UTF-8, a fragment for each byte", in_parts(KOSME.encode() + b"\xed\xa0\x80", 1), close=1007),
    Case("6.5", "a code point of four bytes", text(EMOJI.encode()), heard=(EMOJI,)),
    Case("6.6", "a code point cut off at the end", text(KOSME.encode()[:-1]), close=1007),
    Case("6.10", "an overlong encoding", text(b"\xc0\xaf"), close=1007),
    Case("6.11", "a surrogate", text(b"\xed\xa0\x80"), close=1007),
    Case("6.12", "beyond U+10FFFF", text(b"\xf4\x90\x80\x80"), close=1007),
    Case("7.1.1", "text, then close", text(b"last") + close(1000), heard=("last",)),
    Case("7.1.2", "two close frames", close(1000) + close(1000)),
    Case("7.1.3", "ping after close", close(1000) + ping(b"late")),
    Case("7.1.4", "text after close", close(1000) + text(b"late")),
    Case("7.1.5", "close between fragments", text(b"a", fin=False) + close(1000)),
    Case("7.3.1", "close without a code", close()),
    Case("7.3.2", "close with a payload of one byte", frame(8, b"\x03"), close=1002),
    Case("7.3.3", "close with a code", close(1001), close=1001),
    Case("7.3.4", "close with a reason", close(1000, b"done")),
    Case("7.3.5", "close with the longest reason", close(1000, b"x" * 123)),
    Case("7.3.6", "close with a reason too long", frame(8, struct.pack("!H", 1000) + b"x" * 124), close=1002),
    Case("7.5.1", "close with a reason that is not UTF-8", close(1000, b"\xce\xba\xed\xa0\x80"), close=1007),
    *(
        Case(f"7.7.{n}", f"close code {code}", close(code), close=code)
        for n, code in enumerate((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999), 1)
    ),
    *(
        Case(f"7.9.{n}", f"close code {code}, never sent", close(code), close=1002)
        for n, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 2999, 5000), 1)
    ),
    *(
        Case(f"9.1.{n}", f"text of {size // 1024} KiB", text(b"*" * size), heard=("*" * size,))
        for n, size in enumerate((65_536, 262_144, MIB), 1)
    ),
    Case("9.1.4", "text beyond the limit of 1 MiB", text(b"*" * (MIB + 1)), close=1009),
    *(
        Case(f"9.3.{n}", f"64 KiB in fragments of {size} bytes", in_parts(b"*" * 65_536, size), heard=("*" * 65_536,))
        for n, size in enumerate((64, 256, 4096, 16_384), 1)
    ),
    Case("9.3.5", "fragments beyond the limit together", in_parts(b"*" * (MIB + 65_536), 65_536), close=1009),
    Case("10.1", "masked by the server", frame(1, b"x", masked=True), close=1002),
]


class Server:
    """The server's side of one case, driven by ``websockets``."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._protocol = ServerProtocol(max_size=None)
        self.pongs: list[bytes] = []

    def play(self, case: Case) -> int | None:
        """Shake hands, send, and read to the end. Returns the code of the client's close frame."""
        while not (events := self._receive()):
            pass
        [request] = events
        assert isinstance(request, Request)
        self._protocol.send_response(self._protocol.accept(request))
        self._flush()
        try:
            self._peer.sendall(case.sent)
            if case.close == 1000:
                self._peer.sendall(close(1000))
            while self._protocol.close_rcvd is None:
                self.pongs += [
                    bytes(e.data) for e in self._receive() if isinstance(e, Frame) and e.opcode is Opcode.PONG
                ]
        except OSError:
            pass  # refused while it was still sending: what counts is what the client said
        self._peer.close()
        return self._protocol.close_rcvd and self._protocol.close_rcvd.code

    def _receive(self) -> list[object]:
        data = self._peer.recv(65_536)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
            raise ConnectionResetError("the client hung up without a close frame")
        assert self._protocol.parser_exc is None, "the client broke the protocol"
        return list(self._protocol.events_received())

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            self._peer.sendall(data)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number} {case.title}")
def test_the_guest_socket_does_as_rfc_6455_says(case: Case, wire: Wire) -> None:
    heard = Heard()
    wire.begin(heard, SocketLimits(close_within=5))
    servers: list[Server] = []

    def serve() -> int | None:
        servers.append(Server(wire.accept()))
        return servers[0].play(case)

    code = wire.while_turning(serve)
    wire.turn_until(lambda: heard.end is not None)
    assert (code, tuple(heard.texts), tuple(servers[0].pongs)) == (case.close, case.heard, case.pongs)


def test_the_docs_list_every_case() -> None:
    listed = re.findall(r"^\| (\d+(?:\.\d+)+) \| (.*?) \|", DOCS.read_text(), flags=re.MULTILINE)
    assert listed == [(case.number, case.title) for case in CASES]

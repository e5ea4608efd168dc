"""WebSocket servers that do exactly what a test says, byte by byte, plain or over TLS."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typing_relay.keeper.io.loop import Loop
from typing_relay.keeper.io.sockets import GuestSocket, SocketEnd, SocketLimits

T = TypeVar("T")

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PATIENCE_S = 10.0


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = False, rsv: int = 0) -> bytes:
    """One frame as a server sends it; ``masked`` as only a client may."""
    head = bytes([fin << 7 | rsv << 4 | opcode])
    mask_bit = masked << 7
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 65_536:
        head += bytes([mask_bit | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", len(payload))
    return head + (b"\0\0\0\0" if masked else b"") + payload


def read_frame(peer: socket.socket) -> tuple[int, bytes]:
    """Opcode and payload of a client's next short frame."""
    first, second = _read(peer, 2)
    assert second & 0x80, "a client's frames are masked"
    mask = _read(peer, 4)
    return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(_read(peer, second & 0x7F)))


def _read(peer: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = peer.recv(size - len(data))
        if not more:
            raise EOFError("the client ended the connection")
        data += more
    return data


def read_request(peer: socket.socket) -> bytes:
    """The head of the client's upgrade request."""
    request = b""
    while b"\r\n\r\n" not in request:
        more = peer.recv(4096)
        if not more:
            raise EOFError("the client ended the connection")
        request += more
    return request


def accepting(request: bytes) -> bytes:
    """The answer that accepts ``request``."""
    [key] = [line[18:].strip() for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")]
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def upgrade(peer: socket.socket) -> socket.socket:
    """Read the request and accept it."""
    peer.sendall(accepting(read_request(peer)))
    return peer


def reset(peer: socket.socket) -> None:
    """End the connection with a TCP RST."""
    plain = socket.socket(fileno=peer.detach())
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plain.close()


@dataclass
class Heard:
    """A listener that notes what it hears, in order: "opened", texts, the end."""

    opened_count: int = 0
    texts: list[str] = field(default_factory=list)
    end: SocketEnd | None = None

    def opened(self) -> None:
        self.opened_count += 1

    def text(self, text: str) -> None:
        self.texts.append(text)

    def ended(self, end: SocketEnd) -> None:
        assert self.end is None, "the end comes once"
        self.end = end


class Certificates:
    """A self-signed certificate for 127.0.0.1, and contexts of both sides."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.path = folder / "peer.pem"
        self.path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        self.client = ssl.create_default_context(cafile=str(self.path))
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(self.path)


class Wire:
    """A loop with guest sockets on this side and hand-driven peers on the other."""

    def __init__(self, certificates: Certificates, *, tls: bool) -> None:
        self.loop = Loop()
        self._certificates, self._tls = certificates, tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._open: list[socket.socket] = [self._listener]
        self.client_tls = certificates.client
        scheme = "wss" if tls else "ws"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/socket?secret=hidden"
        self.address = (socket.AF_INET, self._listener.getsockname())

    def begin(self, heard: Heard, limits: SocketLimits | None = None) -> GuestSocket:
        """A guest socket that begins to connect."""
        begun = GuestSocket(self.loop, self.url, self.client_tls, limits or SocketLimits(), heard)
        begun.connect([self.address])
        return begun

    def opened(self, limits: SocketLimits | None = None) -> tuple[GuestSocket, Heard, socket.socket]:
        """An open guest socket, what it hears, and its peer."""
        heard = Heard()
        guest_socket = self.begin(heard, limits)
        peer = self.while_turning(lambda: upgrade(self.accept()))
        self.turn_until(lambda: heard.opened_count == 1)
        return guest_socket, heard, peer

    def accept(self) -> socket.socket:
        """The peer's side of the next connection, TLS done. Blocks: call it in ``while_turning``."""
        accepted, _ = self._listener.accept()
        accepted.settimeout(PATIENCE_S)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            accepted = self._certificates.server.wrap_socket(accepted, server_side=True)
        self._open.append(accepted)
        return accepted

    def while_turning(self, work: Callable[[], T]) -> T:
        """Do blocking work of the peer on a thread, while the loop turns on this one."""
        results: list[T] = []
        worker = threading.Thread(target=lambda: results.append(work()), daemon=True)
        worker.start()
        self.turn_until(lambda: not worker.is_alive())
        return results[0]

    def turn_until(self, condition: Callable[[], bool]) -> None:
        """Turn the loop until ``condition()``."""
        deadline = self.loop.time() + PATIENCE_S
        while not condition():
            assert self.loop.time() < deadline, "it did not come true in time"
            self.loop.turn(0.01)

    def turn_until_idle(self) -> None:
        """Turn until the loop has taken in everything that was sent."""
        marks: list[int] = []
        for _ in range(3):  # a mark made now is reached after whatever is ready now
            self.loop.turn(0)
            self.loop.call_soon(lambda: marks.append(1))
        self.turn_until(lambda: len(marks) == 3)

    def close(self) -> None:
        for one in self._open:
            one.close()
        self.loop.close()

"""What a guest socket sends: read by an independent server library, plain and over TLS, however slowly it reads."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from typing_relay.keeper.io.protocol import MAX_HEAD
from typing_relay.keeper.io.sockets import FRAMES_PER_TURN, ROOM_FOR_CONTROL, GuestSocket, Sending, SocketLimits
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from tests.support.web_socket_peers import PING, TEXT, Heard, Wire, frame, reset

MIB = 1_048_576
ROOMY = SocketLimits(max_unsent=2 * MIB)
TIGHT = SocketLimits(max_unsent=ROOM_FOR_CONTROL + 10_000)
#: The longest text for which TIGHT has room.
FITS = "x" * (10_000 - MAX_HEAD)


class Reader:
    """``websockets``' own protocol as the server: it refuses what is not masked, not whole, or not UTF-8."""

    def __init__(self, wire: Wire) -> None:
        self._peer = wire.accept()
        self._protocol = ServerProtocol(max_size=None)
        self._frames: list[Frame] = []
        while not (requests := self._receive(65_536)):
            pass
        self._protocol.send_response(self._protocol.accept(requests[0]))  # type: ignore[arg-type]
        for data in self._protocol.data_to_send():
            self._peer.sendall(data)

    def sends(self, data: bytes) -> None:
        self._peer.sendall(data)

    def resets(self) -> None:
        reset(self._peer)

    def read(self, count: int, at_once: int = 65_536) -> list[tuple[Opcode, str]]:
        """Opcode and text of the next ``count`` frames, read in pieces of at most ``at_once`` bytes."""
        while len(self._frames) < count:
            self._frames += [event for event in self._receive(at_once) if isinstance(event, Frame)]
        assert all(one.fin for one in self._frames)
        return [(one.opcode, bytes(one.data).decode()) for one in self._frames]

    def _receive(self, size: int) -> list[object]:
        data = self._peer.recv(size)
        assert data, "the client hung up"
        self._protocol.receive_data(data)
        assert self._protocol.parser_exc is None, "the client broke the protocol"
        return list(self._protocol.events_received())


class Scene:
    """An open guest socket, what it hears, its peer, and which texts it says have been sent."""

    def __init__(self, wire: Wire, limits: SocketLimits) -> None:
        self.wire, self.heard, self.sent = wire, Heard(), list[str]()
        self.guest_socket: GuestSocket = wire.begin(self.heard, limits)
        self.reader = wire.while_turning(lambda: Reader(wire))
        wire.turn_until(lambda: self.heard.opened_count == 1)

    def narrow(self) -> None:
        """The kernel takes only a little at a time."""
        self.guest_socket._socket().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        self.reader._peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)

    def send(self, text: str) -> Sending:
        return self.guest_socket.send_text(text, lambda: self.sent.append(text))

    def fill(self, text: str) -> list[str]:
        """Send until no more may wait: the peer reads nothing. Gives the texts that were taken."""
        taken = []
        while self.send(text) is Sending.QUEUED:
            taken.append(text)
            self.wire.loop.turn(0)
        return taken


@pytest.fixture
def stage(wire: Wire) -> Callable[[SocketLimits], Scene]:
    return lambda limits: Scene(wire, limits)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65_535, 65_536, MIB])
def test_a_text_of_any_length_arrives_whole_and_masked(stage: Callable[[SocketLimits], Scene], size: int) -> None:
    """RFC 6455, 5.2: the length has three encodings. Autobahn's 1.1."""
    scene = stage(ROOMY)
    assert scene.send("*" * size) is Sending.QUEUED
    assert scene.wire.while_turning(lambda: scene.reader.read(1)) == [(Opcode.TEXT, "*" * size)]


def test_a_text_beyond_ascii_arrives_as_utf_8(stage: Callable[[SocketLimits], Scene]) -> None:
    scene = stage(ROOMY)
    text = "κόσμε \U0001f600"
    scene.send(text)
    assert scene.wire.while_turning(lambda: scene.reader.read(1)) == [(Opcode.TEXT, text)]


def test_what_utf_8_cannot_say_is_refused_and_sends_nothing(stage: Callable[[SocketLimits], Scene]) -> None:
    scene = stage(ROOMY)
    with pytest.raises(UnicodeEncodeError):
        scene.send("\ud800")
    scene.send("next")
    assert scene.wire.while_turning(lambda: scene.reader.read(1)) == [(Opcode.TEXT, "next")]


def test_texts_cut_by_a_narrow_connection_arrive_whole_in_order_and_are_told_in_order(
    stage: Callable[[SocketLimits], Scene],
) -> None:
    """Each write takes what the kernel has room for; over TLS a record that was begun is gone on with."""
    scene = stage(ROOMY)
    scene.narrow()
    texts = [f"{number} " + "y" * (number * 4_999 % 20_011) for number in range(16)]
    assert {scene.send(text) for text in texts} == {Sending.QUEUED}
    assert scene.guest_socket._unsent, "the kernel took all at once"
    read = scene.wire.while_turning(lambda: scene.reader.read(len(texts), at_once=701))
    assert read == [(Opcode.TEXT, text) for text in texts]
    scene.wire.turn_until(lambda: len(scene.sent) == len(texts))
    assert scene.sent == texts


def test_pongs_find_their_place_between_texts_that_wait(stage: Callable[[SocketLimits], Scene]) -> None:
    scene = stage(ROOMY)
    scene.narrow()
    text = "z" * 300_000
    scene.send(text)
    scene.reader.sends(frame(PING, b"there?"))
    scene.wire.turn_until_idle()
    scene.send("after")
    read = scene.wire.while_turning(lambda: scene.reader.read(3))
    assert sorted(read) == sorted([(Opcode.TEXT, text), (Opcode.PONG, "there?"), (Opcode.TEXT, "after")])
    assert read[0] == (Opcode.TEXT, text)


@pytest.mark.parametrize("frames", [1, FRAMES_PER_TURN])
def test_a_text_that_waits_leaves_though_the_peer_says_something_meanwhile(
    stage: Callable[[SocketLimits], Scene], frames: int
) -> None:
    """Reading must not make the loop forget that there is something to write."""
    scene = stage(ROOMY)
    scene.narrow()
    text = "z" * 300_000
    scene.send(text)
    scene.wire.turn_until_idle()
    assert scene.guest_socket._unsent, "the kernel took all at once"
    scene.reader.sends(frame(TEXT, b"hello") * frames)
    scene.wire.turn_until(lambda: len(scene.heard.texts) == frames)
    assert scene.wire.while_turning(lambda: scene.reader.read(1)) == [(Opcode.TEXT, text)]


# --- being told


def test_a_text_that_left_at_once_is_told_later_from_the_loop(stage: Callable[[SocketLimits], Scene]) -> None:
    """Not from within the call, in which the caller has not noted it yet."""
    scene = stage(ROOMY)
    scene.send("now")
    assert scene.sent == []
    scene.wire.turn_until(lambda: scene.sent == ["now"])


def test_a_text_is_told_only_when_its_last_byte_has_left(stage: Callable[[SocketLimits], Scene]) -> None:
    scene = stage(ROOMY)
    scene.narrow()
    scene.send("x" * MIB)
    scene.wire.turn_until_idle()
    assert scene.sent == []
    scene.wire.while_turning(lambda: scene.reader.read(1))
    scene.wire.turn_until(lambda: len(scene.sent) == 1)


def test_while_bytes_of_a_text_wait_it_is_not_told(stage: Callable[[SocketLimits], Scene]) -> None:
    scene = stage(ROOMY)
    scene.narrow()
    scene.send("x" * MIB)
    for _ in range(4):
        scene.wire.while_turning(lambda: scene.reader._peer.recv(65_536))
    scene.wire.turn_until_idle()
    assert scene.guest_socket._unsent, "all of it has left"
    assert scene.sent == []


def test_a_text_whose_socket_is_lost_on_the_way_is_never_told_as_sent(stage: Callable[[SocketLimits], Scene]) -> None:
    scene = stage(ROOMY)
    scene.narrow()
    scene.send("x" * MIB)
    scene.wire.turn_until_idle()
    scene.reader.resets()
    scene.wire.turn_until(lambda: scene.heard.end is not None)
    scene.wire.turn_until_idle()
    assert scene.sent == []


def test_a_loss_that_shows_in_sending_is_told_from_the_loop_and_once(stage: Callable[[SocketLimits], Scene]) -> None:
    scene = stage(ROOMY)
    scene.guest_socket._socket().shutdown(socket.SHUT_WR)  # the next write fails
    assert scene.send("into the void") is Sending.QUEUED
    assert scene.heard.end is None
    scene.wire.turn_until(lambda: scene.heard.end is not None)
    assert (scene.heard.end is not None and scene.heard.end.close_code, scene.sent) == (1006, [])


# --- bounds


def test_what_waits_is_bounded_and_a_text_too_much_is_refused(stage: Callable[[SocketLimits], Scene]) -> None:
    scene = stage(TIGHT)
    scene.narrow()
    taken = scene.fill(FITS[:2_000])
    assert len(scene.guest_socket._unsent) <= TIGHT.max_unsent - ROOM_FOR_CONTROL
    assert scene.send(FITS[:2_000]) is Sending.FULL
    assert scene.heard.end is None
    read = scene.wire.while_turning(lambda: scene.reader.read(len(taken)))
    assert [text for _, text in read] == taken


def test_there_is_room_again_when_the_peer_has_read(stage: Callable[[SocketLimits], Scene]) -> None:
    scene = stage(TIGHT)
    scene.narrow()
    taken = scene.fill(FITS)
    scene.wire.while_turning(lambda: scene.reader.read(len(taken)))
    assert scene.send(FITS) is Sending.QUEUED


def test_a_peer_that_reads_slowly_and_pings_is_not_given_up_for_the_texts_that_wait(
    stage: Callable[[SocketLimits], Scene],
) -> None:
    scene = stage(TIGHT)
    scene.narrow()
    scene.fill(FITS)
    scene.fill("x")
    scene.reader.sends(frame(PING, b"p" * 125) * 20)
    scene.wire.turn_until_idle()
    assert scene.heard.end is None


@pytest.mark.parametrize(("more", "sending"), [(0, Sending.QUEUED), (1, Sending.TOO_LARGE)])
def test_a_text_without_room_even_in_an_empty_queue_is_told_apart(
    stage: Callable[[SocketLimits], Scene], more: int, sending: Sending
) -> None:
    assert stage(TIGHT).send(FITS + "x" * more) is sending


# --- not open


def test_a_socket_that_is_not_open_yet_refuses(wire: Wire) -> None:
    assert wire.begin(Heard()).send_text("early", pytest.fail) is Sending.NOT_OPEN


def test_a_socket_that_is_closing_or_closed_refuses(stage: Callable[[SocketLimits], Scene]) -> None:
    scene = stage(SocketLimits(close_within=0.1))
    scene.guest_socket.close()
    assert scene.send("late") is Sending.NOT_OPEN
    scene.wire.turn_until(lambda: scene.guest_socket.is_closed)
    assert scene.send("later") is Sending.NOT_OPEN
    assert scene.sent == []

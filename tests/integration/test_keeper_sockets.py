"""Guest sockets against peers that misbehave: real sockets, plain and over TLS."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
from pathlib import Path
from typing import cast

import pytest
from typing_relay.keeper.io.sockets import FRAMES_PER_TURN, READ_BYTES, Address, GuestSocket, SocketLimits, Stage

from tests.support.web_socket_peers import (
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Certificates,
    Heard,
    Wire,
    accepting,
    frame,
    read_frame,
    read_request,
    reset,
    upgrade,
)

#: What is to open has time for it on a busy machine, too.
IMPATIENT = SocketLimits(open_within=2.0, ping_after=0.05, pong_within=0.05, close_within=0.1)
NEVER_OPENS = SocketLimits(open_within=0.2)


# --- opening


def test_a_peer_that_refuses_the_connection_is_reported(wire: Wire) -> None:
    wire._listener.close()
    heard = Heard()
    wire.begin(heard)
    wire.turn_until(lambda: heard.end is not None)
    assert heard.end is not None
    assert heard.end.stage is Stage.CONNECTING


def test_a_connect_that_hangs_is_given_up_at_the_deadline(wire: Wire) -> None:
    heard = Heard()
    wire.begin(heard, NEVER_OPENS)  # the kernel takes the connection; nobody ever accepts it
    wire.turn_until(lambda: heard.end is not None)
    assert heard.end is not None
    assert heard.end.reason == "not open within 0.2 s"


def test_an_answer_that_trickles_in_byte_by_byte_opens_the_socket_with_its_last_byte(wire: Wire) -> None:
    heard = Heard()
    wire.begin(heard)

    def answer_slowly() -> tuple[socket.socket, bytes]:
        peer = wire.accept()
        answer = accepting(read_request(peer))
        for byte in answer[:-1]:
            peer.sendall(bytes([byte]))
        return peer, answer[-1:]

    peer, last_byte = wire.while_turning(answer_slowly)
    wire.turn_until_idle()
    assert heard.opened_count == 0
    peer.sendall(last_byte)
    wire.turn_until(lambda: heard.opened_count == 1)


def test_a_socket_opens_once_whatever_comes_on_it(wire: Wire) -> None:
    _, heard, peer = wire.opened()
    for number in range(3):
        peer.sendall(frame(TEXT, b"hello"))
        wire.turn_until(lambda count=number + 1: len(heard.texts) == count)  # type: ignore[misc]
    assert heard.opened_count == 1


def test_frames_in_the_same_packet_as_the_upgrade_are_heard(wire: Wire) -> None:
    heard = Heard()
    wire.begin(heard)

    def answer() -> None:
        peer = wire.accept()
        peer.sendall(accepting(read_request(peer)) + frame(TEXT, b"one") + frame(TEXT, b"two"))

    wire.while_turning(answer)
    wire.turn_until(lambda: heard.texts == ["one", "two"])


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "503 Service Unavailable"])
def test_a_refused_upgrade_is_reported_with_status_headers_and_body(wire: Wire, status: str) -> None:
    heard = Heard()
    wire.begin(heard)

    def refuse() -> None:
        peer = wire.accept()
        read_request(peer)
        peer.sendall(f"HTTP/1.1 {status}\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\n".encode())
        peer.sendall(b"over")

    wire.while_turning(refuse)
    wire.turn_until(lambda: heard.end is not None)
    assert heard.end is not None
    assert (heard.end.http_status, heard.end.headers["retry-after"], heard.end.body) == (
        int(status[:3]),
        "7",
        "over",
    )


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="no upgrade"),
        pytest.param(b"HTTP/1.1 301 Moved\r\nLocation: wss://elsewhere/\r\n\r\n", id="redirect"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: d3Jvbmc=\r\n\r\n",
            id="answer to another key",
        ),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"x" * 70_000, id="head without end"),
    ],
)
def test_an_answer_that_is_no_upgrade_is_a_failure(wire: Wire, answer: bytes) -> None:
    heard = Heard()
    wire.begin(heard)

    def reply() -> None:
        peer = wire.accept()
        read_request(peer)
        peer.sendall(answer)

    wire.while_turning(reply)
    wire.turn_until(lambda: heard.end is not None)
    assert heard.end is not None
    assert heard.end.stage is Stage.UPGRADING


def test_a_peer_that_is_mute_after_the_request_is_given_up(wire: Wire) -> None:
    heard = Heard()
    wire.begin(heard, IMPATIENT)
    wire.while_turning(lambda: read_request(wire.accept()))
    wire.turn_until(lambda: heard.end is not None)
    assert heard.end is not None
    assert heard.end.stage is Stage.UPGRADING


def test_a_certificate_that_is_not_trusted_is_named_as_the_reason(certificates: Certificates, tmp_path: Path) -> None:
    wire = Wire(certificates, tls=True)
    heard = Heard()
    stranger = Certificates(tmp_path)
    begun = GuestSocket(wire.loop, wire.url, stranger.client, SocketLimits(), heard)
    begun.connect([wire.address])

    def shake_hands() -> None:
        with contextlib.suppress(OSError):  # the guest socket hangs up
            wire.accept()

    wire.while_turning(shake_hands)
    wire.turn_until(lambda: heard.end is not None)
    assert heard.end is not None
    assert heard.end.reason.startswith("TLS certificate not trusted")
    wire.close()


def test_no_reason_holds_the_secret_of_the_url(wire: Wire) -> None:
    heard = Heard()
    wire.begin(heard)

    def refuse() -> None:
        peer = wire.accept()
        read_request(peer)
        peer.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")

    wire.while_turning(refuse)
    wire.turn_until(lambda: heard.end is not None)
    assert "hidden" not in str(heard.end)


def _tries(wire: Wire, addresses: list[Address]) -> tuple[Heard, list[tuple[str, int]]]:
    """What comes of connecting to ``addresses``, and which of them were told as not reached."""
    heard, missed = Heard(), []
    begun = GuestSocket(wire.loop, wire.url, wire.client_tls, SocketLimits(), heard)
    begun.connect(addresses, lambda address, error: missed.append((address[1][0], error)))
    return heard, missed


def test_an_address_that_cannot_be_reached_gives_way_to_the_next_at_once(wire: Wire) -> None:
    """No pause, and no failure of the guest. Linux has no way to a broadcast address by TCP."""
    port = wire.address[1][1]
    refusing = ("127.0.0.2", port)
    heard, missed = _tries(
        wire, [(socket.AF_INET, ("255.255.255.255", port)), (socket.AF_INET, refusing), wire.address]
    )
    wire.while_turning(lambda: upgrade(wire.accept()))
    wire.turn_until(lambda: heard.opened_count == 1)
    assert missed == [("255.255.255.255", errno.ENETUNREACH), ("127.0.0.2", errno.ECONNREFUSED)]


def test_an_address_of_a_family_that_this_machine_lacks_gives_way_to_the_next(wire: Wire) -> None:
    """As IPv6 where it is switched off."""
    no_family = cast(socket.AddressFamily, 255)
    heard, missed = _tries(wire, [(no_family, ("2001:db8::1", 443)), wire.address])
    wire.while_turning(lambda: upgrade(wire.accept()))
    wire.turn_until(lambda: heard.opened_count == 1)
    assert missed == [("2001:db8::1", errno.EAFNOSUPPORT)]


def test_when_no_address_can_be_reached_the_last_failure_is_reported_once(wire: Wire) -> None:
    heard, missed = _tries(wire, [(socket.AF_INET, ("127.0.0.2", wire.address[1][1]))] * 2)
    wire.turn_until(lambda: heard.end is not None)
    assert heard.end is not None
    assert (heard.end.stage, heard.end.reason, len(missed)) == (Stage.CONNECTING, "ECONNREFUSED", 2)


def test_an_address_that_does_not_answer_is_told_at_the_deadline(wire: Wire) -> None:
    heard, missed = Heard(), []
    with socket.create_server(("127.0.0.3", 0), backlog=0) as full:  # its one place is taken: SYNs go unanswered
        address = full.getsockname()
        callers = [socket.socket() for _ in range(3)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(address)
        begun = GuestSocket(wire.loop, wire.url, wire.client_tls, NEVER_OPENS, heard)
        begun.connect([(socket.AF_INET, address)], lambda _address, error: missed.append(error))
        wire.turn_until(lambda: heard.end is not None)
        for caller in callers:
            caller.close()
    assert missed == [errno.ETIMEDOUT]


# --- frames


def test_a_frame_cut_at_every_byte_arrives_whole(wire: Wire) -> None:
    _, heard, peer = wire.opened()
    text = "x" * 130  # long enough for a two-byte length
    whole = frame(TEXT, text.encode())
    for cut in range(1, len(whole)):
        peer.sendall(whole[:cut])
        wire.turn_until_idle()
        peer.sendall(whole[cut:])
        wire.turn_until(lambda cut=cut: len(heard.texts) == cut)  # type: ignore[misc]
    assert set(heard.texts) == {text}


def test_many_frames_in_one_record_are_all_heard_in_order(wire: Wire) -> None:
    _, heard, peer = wire.opened()
    count = 3 * FRAMES_PER_TURN + 1
    peer.sendall(b"".join(frame(TEXT, str(number).encode()) for number in range(count)))
    wire.turn_until(lambda: len(heard.texts) == count)
    assert heard.texts == [str(number) for number in range(count)]


def test_nothing_of_a_record_as_large_as_tls_allows_is_left_unread(wire: Wire) -> None:
    """What OpenSSL had read and nobody had taken would wait for the next frame, which may never come."""
    _, heard, peer = wire.opened()
    first = frame(TEXT, b"x" * 1000)
    last = frame(TEXT, b"y" * (READ_BYTES - 2 - 2 - 2 - len(first)) + b"!!")
    assert len(first + last) == READ_BYTES
    peer.sendall(first + last)
    wire.turn_until(lambda: len(heard.texts) == 2)
    assert heard.texts[1].endswith("!!")


def test_a_message_of_1_mb_arrives_whole(wire: Wire) -> None:
    _, heard, peer = wire.opened()
    text = "é" * 500_000
    wire.while_turning(lambda: peer.sendall(frame(TEXT, text.encode())))
    wire.turn_until(lambda: bool(heard.texts))
    assert heard.texts == [text]


def test_a_message_beyond_the_limit_is_refused_before_it_is_read(wire: Wire) -> None:
    _, heard, peer = wire.opened(SocketLimits(max_message=1000))
    peer.sendall(frame(TEXT, b"x" * 1001)[:10])
    wire.turn_until(lambda: heard.end is not None)
    assert read_frame(peer) == (CLOSE, struct.pack("!H", 1009))


def test_a_message_whose_parts_exceed_the_limit_together_is_refused(wire: Wire) -> None:
    _, heard, peer = wire.opened(SocketLimits(max_message=1000))
    peer.sendall(frame(TEXT, b"x" * 600, fin=False) + frame(CONTINUATION, b"x" * 600, fin=False))
    wire.turn_until(lambda: heard.end is not None)
    assert read_frame(peer) == (CLOSE, struct.pack("!H", 1009))


def test_a_fragmented_message_with_a_ping_in_between_arrives_whole(wire: Wire) -> None:
    _, heard, peer = wire.opened()
    peer.sendall(frame(TEXT, b"a", fin=False) + frame(PING, b"still there?") + frame(CONTINUATION, b"b"))
    wire.turn_until(lambda: heard.texts == ["ab"])
    assert read_frame(peer) == (10, b"still there?")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(frame(TEXT, b"x", masked=True), 1002, id="masked server frame"),
        pytest.param(frame(TEXT, b"\xff\xfe"), 1007, id="bad UTF-8"),
        pytest.param(frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"("), 1007, id="bad UTF-8 in parts"),
        pytest.param(frame(CONTINUATION, b"x"), 1002, id="continuation of nothing"),
        pytest.param(frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002, id="message within a message"),
        pytest.param(frame(3), 1002, id="reserved opcode"),
        pytest.param(frame(TEXT, b"x", rsv=4), 1002, id="reserved bit"),
        pytest.param(frame(PING, b"x" * 126), 1002, id="long ping"),
        pytest.param(frame(PING, b"x", fin=False), 1002, id="fragmented ping"),
        pytest.param(frame(10, b"x", fin=False), 1002, id="fragmented pong"),
        pytest.param(frame(CLOSE, b"\x03"), 1002, id="close with half a code"),
        pytest.param(frame(CLOSE, struct.pack("!H", 1005)), 1002, id="close with a code that is never sent"),
        pytest.param(frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007, id="close with a reason not UTF-8"),
    ],
)
def test_what_breaks_the_protocol_is_answered_with_its_close_code(wire: Wire, sent: bytes, code: int) -> None:
    _, heard, peer = wire.opened()
    peer.sendall(sent)
    wire.turn_until(lambda: heard.end is not None)
    assert read_frame(peer) == (CLOSE, struct.pack("!H", code))


def test_a_flood_of_pings_leaves_every_turn_to_the_others(wire: Wire) -> None:
    _, _, flooding = wire.opened()
    _, heard, quiet = wire.opened()
    flooding.sendall(frame(PING) * 5000)
    quiet.sendall(frame(TEXT, b"me too"))
    wire.loop.turn(1)
    wire.loop.turn(1)
    assert heard.texts == ["me too"]


def test_a_peer_that_floods_and_reads_no_pongs_is_given_up_in_bounded_memory(wire: Wire) -> None:
    guest_socket, heard, peer = wire.opened()
    guest_socket._socket().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def flood() -> None:
        with contextlib.suppress(OSError):  # until the guest socket hangs up
            while True:
                peer.sendall(frame(PING, b"x" * 125) * 100)

    wire.while_turning(flood)
    assert heard.end is not None
    assert heard.end.reason == "the peer does not read"


# --- silence and the end


def test_half_a_frame_and_then_silence_ends_by_an_unanswered_ping(wire: Wire) -> None:
    _, heard, peer = wire.opened(IMPATIENT)
    peer.sendall(frame(TEXT, b"never finished")[:6])
    wire.turn_until(lambda: heard.end is not None)
    assert read_frame(peer) == (PING, b"")
    assert heard.end is not None
    assert "silent" in heard.end.reason


def test_a_frame_that_trickles_in_without_end_is_no_sign_of_life(wire: Wire) -> None:
    """A peer could keep its socket open that way for ever, and never say anything."""
    _, heard, peer = wire.opened(IMPATIENT)
    begun = frame(TEXT, b"x" * 10_000)[:-1]

    def trickle() -> None:
        with contextlib.suppress(OSError):  # until the guest socket hangs up
            for byte in begun:
                peer.sendall(bytes([byte]))
                time.sleep(0.002)

    wire.while_turning(trickle)
    assert heard.end is not None
    assert "silent" in heard.end.reason


def test_a_silent_peer_that_answers_pings_is_kept(wire: Wire) -> None:
    _, heard, peer = wire.opened(SocketLimits(ping_after=0.02, pong_within=1))
    for _ in range(2):
        assert wire.while_turning(lambda: read_frame(peer)) == (PING, b"")
        peer.sendall(frame(10))
    assert heard.end is None


def test_a_reset_ends_the_socket_with_the_code_for_no_close_frame(wire: Wire) -> None:
    _, heard, peer = wire.opened()
    reset(peer)
    wire.turn_until(lambda: heard.end is not None)
    assert heard.end is not None
    assert heard.end.close_code == 1006


def test_an_end_without_a_close_frame_is_abnormal(wire: Wire) -> None:
    _, heard, peer = wire.opened()
    peer.close()
    wire.turn_until(lambda: heard.end is not None)
    assert heard.end is not None
    assert heard.end.close_code == 1006


def test_the_peers_close_is_echoed_and_reported_with_its_code(wire: Wire) -> None:
    _, heard, peer = wire.opened()
    peer.sendall(frame(CLOSE, struct.pack("!H", 4403) + b"over"))
    wire.turn_until(lambda: heard.end is not None)
    assert read_frame(peer) == (CLOSE, struct.pack("!H", 4403))
    assert heard.end is not None
    assert heard.end.close_code == 4403


def test_what_comes_behind_the_peers_close_is_not_heard(wire: Wire) -> None:
    _, heard, peer = wire.opened()
    peer.sendall(frame(CLOSE, struct.pack("!H", 4403)) + frame(TEXT, b"too late"))
    wire.turn_until(lambda: heard.end is not None)
    assert heard.texts == []


def test_a_close_without_a_code_is_reported_as_one(wire: Wire) -> None:
    """RFC 6455, 7.1.5: 1005, which is never sent."""
    _, heard, peer = wire.opened()
    peer.sendall(frame(CLOSE))
    wire.turn_until(lambda: heard.end is not None)
    assert heard.end is not None
    assert (heard.end.close_code, read_frame(peer)) == (1005, (CLOSE, struct.pack("!H", 1000)))


def test_a_peer_that_is_mute_on_close_is_left_at_the_deadline(wire: Wire) -> None:
    guest_socket, _, peer = wire.opened(IMPATIENT)
    guest_socket.close()
    wire.turn_until(lambda: guest_socket.is_closed)
    assert read_frame(peer) == (CLOSE, struct.pack("!H", 1000))


def test_what_comes_after_our_close_is_not_heard(wire: Wire) -> None:
    guest_socket, heard, peer = wire.opened(IMPATIENT)
    guest_socket.close()
    peer.sendall(frame(TEXT, b"too late"))
    wire.turn_until(lambda: guest_socket.is_closed)
    assert heard == Heard(opened_count=1)


def test_a_close_waits_for_the_peer_to_end_the_connection_whatever_it_sends_before(wire: Wire) -> None:
    """Also when it is asked for again."""
    guest_socket, _, peer = wire.opened(SocketLimits(close_within=3600))
    for _ in range(2):
        guest_socket.close()
    wire.while_turning(lambda: read_frame(peer))
    peer.sendall(frame(TEXT, b"one more"))
    wire.turn_until_idle()
    assert not guest_socket.is_closed
    peer.close()
    wire.turn_until(lambda: guest_socket.is_closed)


def test_a_socket_closed_while_it_opens_is_silent(wire: Wire) -> None:
    heard = Heard()
    begun = wire.begin(heard)
    begun.close()
    assert begun.is_closed
    wire.turn_until_idle()
    assert heard == Heard()


def test_a_thousand_sockets_closed_at_the_same_moment_are_all_reported(certificates: Certificates) -> None:
    wire = Wire(certificates, tls=False)
    heard = [Heard() for _ in range(1000)]
    for one in heard:
        wire.begin(one, SocketLimits(open_within=60))
    peers = wire.while_turning(lambda: [upgrade(wire.accept()) for _ in heard])
    wire.turn_until(lambda: all(one.opened_count for one in heard))
    for peer in peers:
        reset(peer)
    wire.turn_until(lambda: all(one.end for one in heard))
    assert {one.end.close_code for one in heard if one.end} == {1006}
    wire.close()

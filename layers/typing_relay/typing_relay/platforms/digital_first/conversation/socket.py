"""The socket to the gateway: what is sent on it, and that it is alive."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

from typing_relay.platforms.digital_first import frames_out
from typing_relay.platforms.digital_first.conversation.actions import SendFrame
from typing_relay.platforms.digital_first.conversation.state import Asked, Doing
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.digital_first.identity import known_as
from typing_relay.relay.value import changed


def opened(turn: Turn) -> None:
    """Nothing has been heard on it, and nothing is due."""
    heartbeat_at = turn.now + turn.policy.heartbeat_ms
    turn.socket = changed(turn.socket, doing=Doing.OPEN, heard_at=turn.now, heartbeat_at=heartbeat_at, pongs_due=0)


def lost(turn: Turn) -> None:
    """Where the gateway refuses this relay, it goes on to do so."""
    if turn.socket.doing is Doing.OPEN:
        turn.socket = changed(turn.socket, doing=Doing.CLOSED)


def stopped(turn: Turn) -> None:
    """The gateway refuses this relay."""
    turn.socket = changed(turn.socket, doing=Doing.STOPPED)


def heard(turn: Turn) -> None:
    """Something has come."""
    turn.socket = changed(turn.socket, heard_at=turn.now)


def ponged(turn: Turn) -> None:
    """A heartbeat was answered."""
    turn.socket = changed(turn.socket, pongs_due=max(0, turn.socket.pongs_due - 1))


def pong_left_out(turn: Turn) -> None:
    """The gateway does not answer heartbeats any more that it owes an answer."""
    turn.socket = changed(turn.socket, pongs_due=0)


def may_send(turn: Turn) -> bool:
    """For what has no bound of its own (T17)."""
    return turn.now >= turn.policy.frames.free_at(turn.socket.frames_until)


def beat(turn: Turn) -> None:
    """Send a heartbeat; another is due after a while."""
    turn.do(SendFrame(frames_out.HEARTBEAT))
    heartbeat_at, pongs_due = turn.now + turn.policy.heartbeat_ms, turn.socket.pongs_due + 1
    turn.socket = changed(turn.socket, heartbeat_at=heartbeat_at, pongs_due=pongs_due, frames_until=_spent(turn))


def request(turn: Turn, what: frames_out.Request) -> str:
    """Send it; returns its id."""
    event_id = uuid_of(f"{turn.seed}:{turn.socket.requests}")
    turn.socket = changed(turn.socket, requests=turn.socket.requests + 1, frames_until=_spent(turn))
    visitor = known_as(turn.access.visitor, turn.access.profile)
    turn.do(SendFrame(frames_out.encoded(what, event_id, turn.channel, visitor)))
    return event_id


def ask(turn: Turn, what: frames_out.Request) -> Asked:
    """Send it and wait for its answer."""
    return Asked(request(turn, what), turn.now, turn.now + turn.policy.answer_ms)


def uuid_of(name: str) -> str:
    """A uuid that the gateway cannot tell from a random one, the same for the same name."""
    return str(UUID(bytes=sha256(name.encode()).digest()[:16], version=4))


def _spent(turn: Turn) -> int:
    return turn.policy.frames.spend(turn.socket.frames_until, turn.now)

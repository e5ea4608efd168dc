"""What a fleet's visitors are told: each connection notes the frames that are posted to it, and is judged in the end.

It knows a message by its id, as the product's client does; beyond that it takes each frame at its word. On v1 what an
agent says is owed where the keeper that heard it holds the guest from then on: another one cannot look for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_relay.relay.burst import GuestStatus, Session

from tests.simulation.invariants import Violated

if TYPE_CHECKING:
    from tests.simulation.fleet import FleetWorld

#: T12: this long after another keeper has taken the visitor the one before posts nothing any more.
FENCED_MS = 3_000
#: When all has been calm for this long, no message is told again that a connection has had before.
REPEATED_MS = 30_000


@dataclass(slots=True, eq=False)
class Connection:
    """A front end from its handshake on."""

    visitor: str
    name: str
    is_open: bool = True
    status: str = ""
    agent_typing: bool = False
    #: When it got each of the agent's messages first.
    messages: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Written:
    """A message of an agent. ``heard_by``: v1, by which keeper; empty: whoever holds the visitor finds it."""

    at: int
    owed: list[Connection]
    heard_by: str = ""


class FleetFront:
    """All visitors' front ends, as API Gateway has them."""

    def __init__(self, world: FleetWorld) -> None:
        self._world = world
        self.connections: dict[str, Connection] = {}
        #: By visitor, in order.
        self.written: dict[str, dict[str, Written]] = {}
        #: Whose each visitor is, and since when.
        self._holder: dict[str, tuple[str, int]] = {}

    # --- what happens

    def comes(self, visitor: str, name: str) -> None:
        """The handshake has ended: API Gateway knows the connection."""
        self.connections[name] = Connection(visitor, name)

    def goes(self, name: str) -> None:
        """API Gateway knows it no more."""
        if name in self.connections:
            self.connections[name].is_open = False

    def welcomed(self, name: str, record: Session | None) -> None:
        """The first hello is answered; a guest frame that overtook the answer holds."""
        if name in self.connections and record:
            connection = self.connections[name]
            connection.status = connection.status or _status(record)

    def held_by(self, visitor: str, keeper: str) -> None:
        """The record names its keeper."""
        if self._holder.get(visitor, ("", 0))[0] != keeper:
            self._holder[visitor] = keeper, self._world.now

    def agent_writes(self, visitor: str, message_id: str, heard_by: str = "") -> None:
        """Whoever is connected is owed this, unless who has heard it is not who holds the visitor."""
        is_heard = not heard_by or self._holder[visitor][0] == heard_by
        owed = self.connected(visitor) if is_heard else []
        self.written.setdefault(visitor, {})[message_id] = Written(self._world.now, owed, heard_by)

    def posted(self, connection_id: str, data: bytes) -> bool:
        """A post of a frame arrives. Returns whether API Gateway knows the connection."""
        if not self.lives(connection_id):
            return False
        connection = self.connections[connection_id]
        frame = json.loads(data)
        detail = frame.get("detail", {})
        self._world.note(f"{connection.visitor} {connection_id} hears {frame.get('name', frame['type'])} {detail}")
        if frame["type"] == "guest":
            connection.status = frame["status"]
        elif frame.get("name") == "agent-typing":
            connection.agent_typing = detail["typing"]
        elif frame.get("name") == "message" and detail["from"] == "agent":
            self._hears_message(connection, detail["id"])
        return True

    def lives(self, connection_id: str) -> bool:
        """Whether API Gateway knows the connection."""
        connection = self.connections.get(connection_id)
        return connection is not None and connection.is_open

    def connected(self, visitor: str) -> list[Connection]:
        """Those that are open and on record."""
        record = self._world.sessions.records.get(visitor)
        known = record.connections if record else frozenset()
        return [one for one in self.connections.values() if one.is_open and one.name in known]

    # --- what must hold

    def check_fence(self, keeper: str, connection_id: str) -> None:
        """A post begins: the visitor is this keeper's, or was a moment ago."""
        connection = self.connections.get(connection_id)
        if connection and connection.visitor in self._holder:
            newest, since = self._holder[connection.visitor]
            if newest != keeper and self._world.now - since > FENCED_MS:
                late = self._world.now - since
                raise Violated("T12", f"{keeper} posts to {connection.visitor} {late} ms after {newest or 'nobody'}")

    def _hears_message(self, connection: Connection, message_id: str) -> None:
        """Each once, and in order; again only around trouble, as a post whose answer is lost is repeated."""
        written = self.written.get(connection.visitor, {})
        had_since = connection.messages.get(message_id)
        if had_since is None:
            order = list(written)
            later = order[order.index(message_id) + 1 :]
            overtook = [
                one
                for one in later
                if one in connection.messages and _is_told_by_one(written[message_id], written[one])
            ]
            if overtook:
                raise Violated("T16", f"{connection.visitor} hears {message_id} after {overtook}")
            connection.messages[message_id] = self._world.now
        elif self._world.is_calm and self._world.now - max(had_since, self._world.calm_since) >= REPEATED_MS:
            raise Violated("T16", f"{connection.visitor} hears {message_id} again, though all is calm")

    def check_settled(self, visitor: str) -> None:
        """T16: what each connection was told last is true, and no message is missing."""
        record = self._world.sessions.records[visitor]
        for connection in self.connected(visitor):
            if connection.status != _status(record):
                raise Violated("T16", f"{visitor} was told {connection.status}, and the record says {_status(record)}")
            if connection.agent_typing and not self._world.agent_is_typing(visitor):
                raise Violated("T16", f"{visitor} was told that the agent types, and not that it is over")
        self._check_missing(visitor)

    def check_told(self, visitor: str, *, agent_typing: bool) -> None:
        """T16: all is calm, and what the agent does is told at once."""
        for connection in self.connected(visitor):
            if connection.agent_typing is not agent_typing:
                raise Violated("T16", f"all is calm, but {visitor} is not told that the agent types: {agent_typing}")
        self._check_missing(visitor)

    def _check_missing(self, visitor: str) -> None:
        since = self._holder[visitor][1]
        there = self.connected(visitor)
        for message_id, written in self.written.get(visitor, {}).items():
            if message_id in self._world.before_the_page(visitor):
                continue
            if written.heard_by and since > written.at:
                continue  # v1: who has heard it did not hold the visitor for long enough to tell it for certain
            missing = [one for one in written.owed if one in there and message_id not in one.messages]
            if missing:
                raise Violated("T16", f"{visitor} was not told {message_id} on {missing[0].name}")


def _is_told_by_one(written: Written, other: Written) -> bool:
    """On v1 two keepers know nothing of what the other has heard."""
    return written.heard_by == other.heard_by


def _status(record: Session) -> str:
    """How the guest stands, as the door and the keeper say it."""
    if record.guest_status is GuestStatus.OPEN and record.typing_unavailable:
        return str(GuestStatus.UNAVAILABLE)
    return str(GuestStatus.OPENING if record.guest_status is GuestStatus.CLOSED else record.guest_status)

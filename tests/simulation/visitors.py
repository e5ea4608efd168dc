"""What reaches the visitor: connections as API Gateway has them, and front ends that believe what they are told.

A front end keeps books of its own: the frames that were posted to it, in order, and what it makes of them. It knows a
message by its id, as the product's client does; beyond that it takes each frame at its word.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_relay.relay.burst import GuestStatus

from tests.simulation.gateway import WHOLE
from tests.simulation.invariants import Violated

if TYPE_CHECKING:
    from tests.simulation.dfo_world import DfoWorld

#: For this long after it came in API Gateway does not know a connection yet, and answers 410.
HANDSHAKE_MS = 40
#: T12: this long after another keeper has taken the visitor the one before posts nothing any more.
FENCED_MS = 3_000
#: A message that a tab has had for this long is not told again, unless that could not be written down.
REPEATED_MS = 15_000


@dataclass(slots=True, eq=False)
class Tab:
    """A connection and its front end. Times are epoch ms."""

    name: str
    came_at: int
    is_open: bool = True
    #: Each frame with the time of its arrival.
    frames: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    status: str = ""
    agent_typing: bool = False
    contact: str = ""
    #: When each message was posted first, and when each of an agent's came first, in order.
    posted: dict[str, int] = field(default_factory=dict)
    messages: dict[str, int] = field(default_factory=dict)

    def hears(self, frame: dict[str, Any], now: int) -> None:
        """A frame arrives."""
        self.frames.append((now, frame))
        detail = frame.get("detail", {})
        if frame["type"] == "guest":
            self.status = frame["status"]
        elif frame.get("name") == "agent-typing":
            self.agent_typing = detail["typing"]
        elif frame.get("name") == "contact":
            self.contact = detail["status"]
        elif frame.get("name") == "message" and detail["from"] == "agent":
            self.messages.setdefault(detail["id"], now)


class Front:
    """All of one visitor's front ends, and what they are owed."""

    def __init__(self, world: DfoWorld) -> None:
        self._world = world
        self.tabs: dict[str, Tab] = {}
        #: What the agent wrote, in order, and to which tabs it is owed; nobody: to the next one that comes.
        self.written: dict[str, list[Tab]] = {}
        #: When which keeper took the visitor.
        self._taken: list[tuple[int, str]] = []
        #: Until then a keeper could not write down what it had told; and what one had not, when it lost its visitor.
        self.not_noted_until = 0
        self.not_noted: set[str] = set()
        #: What each keeper has posted to at least one tab.
        self.reached: dict[str, dict[int, bytes]] = {}
        #: Nothing goes wrong any more.
        self.all_is_calm = False
        #: Before which message there are others, as the page that came last says.
        self.before = ""

    # --- what happens

    def comes(self, name: str, since: int) -> None:
        """A tab connects, and says hello as soon as it can. One that is there already goes on."""
        if name in self.tabs and self.tabs[name].is_open:
            return
        tab = self.tabs[name] = Tab(name, since)
        for owed in self.written.values():
            if not owed:
                owed.append(tab)
        if since == self._world.now:
            self._world.later(since + 2 * HANDSHAKE_MS, "hello", lambda: self._welcomed(tab))
        else:
            tab.status = self._status()

    def goes(self, name: str) -> None:
        """A tab is closed; API Gateway knows at once."""
        if name in self.tabs:
            self.tabs[name].is_open = False

    def agent_writes(self, message_id: str) -> None:
        """Whoever is there is owed this."""
        self.written[message_id] = self.connected()

    def changes_hands(self) -> None:
        """Another keeper has the visitor, or the same one anew: what was told just now need not be noted."""
        for tab in self.tabs.values():
            recent = (name for name, at in tab.posted.items() if self._world.now - at < REPEATED_MS)
            self.not_noted.update(recent)

    def taken(self, keeper: str) -> None:
        """The visitor is this keeper's."""
        self._taken.append((self._world.now, keeper))

    def _turns_back(self, page: dict[str, Any]) -> str:
        """Of a page of earlier messages: they are what CXone has, newest first, one after the other."""
        ids = [message["id"] for message in page["messages"]]
        if not any(_follow(ids, list(reversed(thread))) for thread in self._world.cxone.written_in_each()):
            raise Violated("T16", f"a page of earlier messages has {ids}")
        return page["before"] or ""

    def posted(self, keeper: str, connection: str, data: bytes) -> bool:
        """A post of a frame arrives. Returns whether API Gateway knows the connection."""
        if not self.lives(connection):
            return False
        tab = self.tabs[connection]
        self.reached.setdefault(keeper, {})[id(data)] = data
        frame = json.loads(data)
        self._world.page.hears(frame)
        if frame.get("name") == "history":
            self.before = self._turns_back(frame["detail"])
        if frame.get("name") == "message":
            tab.posted.setdefault(frame["detail"]["id"], self._world.now)
            if not self._is_holder(keeper):  # it left in time; who posted it cannot note it any more
                self.not_noted.add(frame["detail"]["id"])
        self._world.note(f"tab {tab.name} hears {frame.get('name', frame['type'])} {_gist(frame)}")
        if frame.get("name") == "message":
            self._check_message(tab, frame["detail"]["id"])
            self._check_whole(tab, frame["detail"])
        tab.hears(frame, self._world.now)
        return True

    def lives(self, connection: str) -> bool:
        """Whether API Gateway knows the connection: not before its handshake is over."""
        tab = self.tabs.get(connection)
        return tab is not None and tab.is_open and self._world.now >= tab.came_at + HANDSHAKE_MS

    def _is_holder(self, keeper: str) -> bool:
        is_alive = any(process.name == keeper for process in self._world.fleet)
        return is_alive and self._taken[-1][1] == keeper

    def connected(self) -> list[Tab]:
        """Those that are open and on record."""
        return [tab for tab in self.tabs.values() if tab.is_open and tab.name in self._world.record.connections]

    def _welcomed(self, tab: Tab) -> None:
        """A guest frame that overtook the welcome holds. Whoever has left by then says nothing."""
        if not tab.is_open:
            return
        self._world.says_hello(tab.name)
        tab.status = tab.status or self._status()

    def _status(self) -> str:
        """How the guest stands, as the door says it."""
        status = self._world.record.guest_status
        return str(GuestStatus.OPENING if status is GuestStatus.CLOSED else status)

    def _contact(self) -> str:
        """Whether agents see the visitor's thread."""
        thread = self._world.cxone.threads.get(self._world.record.conversation.get("thread", ""))
        return "open" if thread and thread.is_open else "closed"

    # --- what must hold

    def check_fence(self, keeper: str) -> None:
        """A post begins: the visitor is this keeper's, or was a moment ago."""
        newest_at, newest = self._taken[-1]
        if newest != keeper and self._world.now - newest_at > FENCED_MS:
            raise Violated("T12", f"{keeper} posts {self._world.now - newest_at} ms after {newest} took the visitor")

    def _check_message(self, tab: Tab, message_id: str) -> None:
        """Each message of the agent once and in order; again only what a keeper before had not noted as told."""
        order = list(self.written)
        if message_id not in self.written:
            return
        had_since = tab.messages.get(message_id)
        if had_since is None:
            overtook = [order[place] for place in range(order.index(message_id) + 1, len(order))]
            if any(later in tab.messages for later in overtook):
                raise Violated("T16", f"tab {tab.name} hears {message_id} after a later message")
        elif self._world.now - had_since >= REPEATED_MS and self._is_noted(message_id, had_since):
            raise Violated("T16", f"tab {tab.name} hears {message_id} again after {self._world.now - had_since} ms")

    def _check_whole(self, tab: Tab, detail: dict[str, Any]) -> None:
        """A message is whole, or said to be a part; where nothing is wrong it is whole."""
        is_part = detail.get("incomplete", False)
        if detail["id"] in self.written and (detail["text"] != WHOLE) is not is_part:
            raise Violated(
                "T16", f"tab {tab.name} is told a part of {detail['id']} as if it were whole, or the reverse"
            )
        if is_part and detail["id"] in self.written and self.all_is_calm:
            raise Violated("T16", f"all is calm, but tab {tab.name} is told a part of {detail['id']}")

    def _is_noted(self, message_id: str, had_since: int) -> bool:
        return message_id not in self.not_noted and had_since > self.not_noted_until

    def check_settled(self) -> None:
        """All is calm: what each tab was told last is true, and nothing is missing."""
        agent_types, status = self._world.cxone.agent_typing, self._status()
        for tab in self.connected():
            if tab.agent_typing and not agent_types:
                raise Violated("T16", f"tab {tab.name} was told that the agent types, and not that it is over")
            if tab.contact and tab.contact != self._contact():
                raise Violated("T16", f"tab {tab.name} was told that the contact is {tab.contact}, which is not so")
            if tab.status != status:
                raise Violated("T16", f"tab {tab.name} was told {tab.status}, and the record says {status}")
            self._check_missing(tab)
        self._check_counted()

    def check_told(self, *, agent_typing: bool) -> None:
        """Nothing is wrong any more: what the agent does is told at once."""
        for tab in self.connected():
            if tab.agent_typing is not agent_typing:
                raise Violated(
                    "T16", f"all is calm, but tab {tab.name} is not told that the agent types: {agent_typing}"
                )
            self._check_missing(tab)

    def check_caught_up(self, name: str) -> None:
        """All is calm, agents see the contact, one of them types: a tab that has just come knows it."""
        tab = self.tabs[name]
        if (tab.contact, tab.agent_typing) != ("open", True):
            knows = f"contact {tab.contact or 'unknown'}, agent typing: {tab.agent_typing}"
            raise Violated("T16", f"all is calm, but tab {name}, which has just come, was told {knows}")

    def _check_missing(self, tab: Tab) -> None:
        had = tab.messages.keys() | self._world.cxone.before_the_page
        missing = [message for message, owed in self.written.items() if tab in owed and message not in had]
        if missing:
            raise Violated("T16", f"tab {tab.name} was not told {missing}")

    def _check_counted(self) -> None:
        for process in self._world.fleet:
            counted = process.relayed()
            reached = len(self.reached.get(process.name, ()))
            if counted > reached:
                raise Violated("T16", f"{process.name} counts {counted} frames as relayed, and {reached} were received")


def _follow(ids: list[str], among: list[str]) -> bool:
    """They are next to each other there, in this order."""
    return not ids or any(among[start : start + len(ids)] == ids for start in range(len(among)))


def _gist(frame: dict[str, Any]) -> str:
    detail = frame.get("detail") or frame
    return str(detail.get("id") or detail.get("typing", detail.get("status", "")))

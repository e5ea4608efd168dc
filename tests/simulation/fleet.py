"""A fleet of keepers, a queue, and visitors who come and go: who holds whom, played to its end and judged.

At the end each visitor who is there has one keeper that holds it with its own message in flight, nobody else's is held
or asked for, and keys typed in a tab that was there all the time are shown, and their end (T4, T9).
"""

from __future__ import annotations

import heapq
import itertools
import logging
import random as random_module
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

from typing_relay.aws.sessions import LOOKED_AT
from typing_relay.keeper.io.sockets import SocketListener, Stage
from typing_relay.relay import flows, ports
from typing_relay.relay.burst import Policy, Session
from typing_relay.relay.decisions import Owner
from typing_relay.relay.effects import (
    AskBreaker,
    AskCxone,
    AskForGuest,
    Flow,
    Jitter,
    Nudge,
    ReportLatency,
    StartOwner,
    TellBreaker,
    TellCxone,
)
from typing_relay.relay.messages import Sender, message_sent, messages_seen
from typing_relay.relay.outcomes import Guest, Kind, Outcome
from typing_relay.relay.ports import SentMessage
from typing_relay.relay.reconciling import Reconciled, reconcile
from typing_relay.relay.runner import Runner, handled_by

from tests.simulation.cxone import Breaker, Call
from tests.simulation.fleet_front import FleetFront
from tests.simulation.fleet_functions import Function, nothing
from tests.simulation.fleet_history import KNOWN, FleetAct, FleetHistory, FleetTurn
from tests.simulation.fleet_keepers import HOST, FleetKeeper, Socket, lost
from tests.simulation.fleet_oracle import check, probe
from tests.simulation.fleet_queue import Queue
from tests.simulation.gateway import Gateway
from tests.simulation.history import Fault
from tests.simulation.invariants import Violated
from tests.simulation.memory_messages import MemoryMessages
from tests.simulation.memory_sessions import MemorySessions
from tests.simulation.world import START, TOKEN_ENDS

#: After the last act or turn faults go on for this long; then all is calm.
TROUBLED_MS = 60_000
#: An outage that lasts longer than this goes on while all else is calm.
LONGEST_MS = 130_000
#: A dead keeper's place is taken by another one after this long.
REPLACED_MS = 10_000
#: A front end: its hello after the handshake, its next try after one that failed, and how long it waits for an answer.
HELLO_MS, AGAIN_MS, PONG_MS = 150, 1_000, 5_000
LOOK_MS = 5_000
#: An owner for which the store has no capacity looks again in a second.
SHED = Reconciled(done=False, wait_seconds=1)
#: More than all keepers have to do in one ms.
EVENTS_AT_ONCE = 20_000


class Tab:
    """One front end of a visitor. ``connection`` names its newest handshake."""

    def __init__(self, visitor: str, name: str) -> None:
        self.visitor, self.name = visitor, name
        self.connection = ""
        self.is_open = True
        self.is_up = False


class FleetSessions(MemorySessions):
    """Remembers how records stood, for looks that are stale."""

    def __init__(self, world: FleetWorld) -> None:
        super().__init__()
        self._world = world
        self.past: dict[str, list[tuple[int, Session | None]]] = {}

    def create(self, session_id: str, now: int, expires_at: int) -> None:
        self._note(session_id)
        super().create(session_id, now, expires_at)

    def _set(self, record: Session, **changes: Any) -> Session:
        self._note(record.session_id)
        if "keeper" in changes:
            self._world.front.held_by(record.session_id, changes["keeper"])
        return super()._set(record, **changes)

    def _note(self, session_id: str) -> None:
        self.past.setdefault(session_id, []).append((self._world.now, self.records.get(session_id)))

    def stood(self, session_id: str, at: int) -> Session | None:
        """How it stood at ``at``: before the first change since."""
        later = (before for changed_at, before in self.past.get(session_id, ()) if changed_at > at)
        return next(later, self.records.get(session_id))


class Side:
    """What a Digital-First visitor's gateway needs of its world."""

    def __init__(self, world: FleetWorld, visitor: str) -> None:
        self._world, self._visitor = world, visitor
        self.watch = self.front = self
        self.pace, self.note, self.later, self.next_number = world.pace, world.note, world.later, world.next_number
        self.opening_ms = 0

    @property
    def now(self) -> int:
        """In epoch ms."""
        return self._world.now

    def fault(self, kind: str, number: int) -> None:
        """Frames do not fail here."""

    def agent_writes(self, message_id: str) -> None:
        """To the visitor."""
        self._world.front.agent_writes(self._visitor, message_id)

    def says_end(self) -> None:
        """Nobody watches."""

    def disturbed(self, until: int) -> None:
        """Nobody watches."""

    def call_taken(self, call: Call) -> None:
        """Nobody watches."""

    def typing_said(self, wire: Any, number: int, typing: bool) -> Call:
        """A frame leaves that says who types."""
        return Call(number, "", typing, self.now, 0)


class FleetWorld:
    """Everything outside the product."""

    def __init__(self, history: FleetHistory, log: list[str] | None) -> None:
        self.history, self.dfo, self.pace, self.log = history, history.dfo, history.pace, log
        self.now, self.random = START, Random(str(history.pace))
        self._agenda: list[tuple[int, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self.numbers = dict.fromkeys((*KNOWN, "frame"), 0)
        self.is_calm, self.calm_since = False, 0
        self.front = FleetFront(self)
        self._late: set[tuple[str, int]] = set()
        self.policy = Policy(
            verifies=not self.dfo,
            parks=not self.dfo,
            keeper_silent_ms=history.held,
            session_ttl_s=history.lives // 1000,
        )
        self.sessions, self.messages, self.queue = self._store(), MemoryMessages(), Queue(self)
        self.keepers: list[FleetKeeper] = []
        self._keeper_number = itertools.count(1)
        self.tabs: dict[tuple[str, str], Tab] = {}
        self.ghosts: list[tuple[str, str]] = []
        self._connections = itertools.count(1)
        #: webchat v1: what each guest shows, which are over, and their sockets.
        self.shown: dict[str, bool] = {}
        self.agents_typing: set[str] = set()
        self._written = 0
        self.over: set[str] = set()
        self.sockets: list[Socket] = []
        self.refused_until = 0
        #: Digital-First: each visitor's.
        self.gateways: dict[str, Gateway] = {}
        self.runner = self._runner()
        for _ in range(history.keepers):
            self.keeper_comes()

    def _runner(self) -> Runner:
        """Of functions and, on webchat v1, of owners."""
        breaker = self.breaker()
        known = dict(
            [
                handled_by(StartOwner, lambda due: self._start_owner(due.record, due.generation)),
                handled_by(AskForGuest, lambda due: self.queue.send(due.session_id)),
                handled_by(Nudge, lambda due: self._nudge(due.record, {due.hint: due.record.session_id})),
                handled_by(TellCxone, self.set_typing),
                handled_by(AskCxone, lambda due: self.get_typing(due.guest_id)),
                handled_by(AskBreaker, lambda due: breaker.paused_until(due.now)),
                handled_by(TellBreaker, lambda due: breaker.note(due.guest_id, due.outcome, due.now)),
                handled_by(Jitter, lambda due: 0.5),
                handled_by(ReportLatency, lambda due: None),
            ]
        )
        return Runner(self.sessions, lambda: self.now, known, self.messages if self.dfo else None)

    def _store(self) -> FleetSessions:
        """Of session records."""
        return FleetSessions(self)

    def breaker(self) -> Any:
        """What senders know of CXone as a whole."""
        return Breaker()

    def begin(self) -> int:
        """Have all happen that the history says; returns when the last of it does, in ms."""
        for act in self.history.acts:
            self.later(START + act.at, str(act), partial(self.act, act))
        for turn in self.history.turns:
            self.later(START + turn.at, str(turn), partial(self.turn, turn))
        self.looks()
        parts = (*self.history.acts, *self.history.turns)
        return max((part.at + min(getattr(part, "ms", 0), LONGEST_MS) for part in parts), default=0)

    # --- time

    def later(self, at: int, what: str, do: Callable[[], object]) -> None:
        """Have this happen."""
        heapq.heappush(self._agenda, (max(at, self.now), next(self._order), do))

    def run_until(self, at: int) -> None:
        """Let time pass."""
        agenda, at_this_moment = self._agenda, 0
        while agenda and agenda[0][0] <= at:
            due, _, do = heapq.heappop(agenda)
            at_this_moment = at_this_moment + 1 if due <= self.now else 0
            if at_this_moment > EVENTS_AT_ONCE:
                raise Violated("T4", "the keepers turn in circles, and time does not go on")
            self.now = max(self.now, due)
            do()
        self.now = at

    def note(self, line: str) -> None:
        """Of the story."""
        if self.log is not None:
            self.log.append(f"{(self.now - START) / 1000:9.3f} {line}")

    def in_brief(self, value: Any) -> str:
        """A record in few words."""
        if isinstance(value, Session):
            return f"{value.guest_status}, keeper {value.keeper or 'none'}, {len(value.connections)} connected"
        return str(value)[:100] if self.log is not None else ""

    def next_number(self, kind: str) -> int:
        """Of the next step, call, look or frame."""
        self.numbers[kind] += 1
        return self.numbers[kind]

    def fault(self, kind: str, number: int) -> Fault | None:
        """What goes wrong with it."""
        return None if self.is_calm else self.history.faults(kind).get(number)

    def comes_late(self, kind: str) -> int:
        """By how many ms the call that is made now takes effect late: it is the next one, and no other is."""
        number = self.numbers[kind] + 1
        fault = self.fault(kind, number)
        if fault is None or fault.kind != "late" or (kind, number) in self._late:
            return 0
        self._late.add((kind, number))
        self.note(f"{kind} {number} takes {fault.ms} ms to arrive")
        return fault.ms

    # --- visitors

    def act(self, act: FleetAct) -> None:
        """A visitor does something in a tab."""
        key = (act.visitor, act.tab)
        tab = self.tabs.get(key)
        self.note(str(act))
        match act.kind:
            case "open" if tab is None or not tab.is_open:
                tab = self.tabs[key] = Tab(act.visitor, act.tab)
                self._connect(tab)
            case "close" if tab and tab.is_open:
                tab.is_open = False
                self._disconnect(tab)
            case "reload" if tab and tab.is_open:
                self._disconnect(tab)
                self._connect(tab)
            case "key" if tab and tab.is_up:
                self.key(tab)
            case "stop" if tab and tab.is_up:
                stopped = flows.stopped(self.policy, tab.visitor, tab.connection, self.now)
                self._function(f"stop {tab.connection}", stopped)
            case "message" if tab and tab.is_up and self.dfo:
                message = SentMessage(f"{act.visitor}-{act.tab}-{act.at}", "Good morning", self.now)
                sender = Sender(act.visitor, tab.connection, TOKEN_ENDS)
                self._function(str(act), message_sent(self.policy, sender, message, 300_000))
            case "seen" if tab and tab.is_up and self.dfo:
                self._function(str(act), messages_seen(act.visitor))

    def key(self, tab: Tab) -> None:
        """A key is pressed in it."""
        pressed = flows.key_pressed(self.policy, tab.visitor, tab.connection, ports.Key(self.now), TOKEN_ENDS)
        self._function(f"key {tab.connection}", pressed)

    def _connect(self, tab: Tab) -> None:
        connection = tab.connection = f"{tab.name}{next(self._connections)}"
        tab.is_up = False
        coming = flows.connected(self.policy, tab.visitor, connection, TOKEN_ENDS, wants_guest=False)
        self._function(
            f"connect {tab.visitor} {connection}",
            coming,
            lambda _: self._connected(tab, connection),
            lambda: self._not_connected(tab, connection),
        )

    def _connected(self, tab: Tab, connection: str) -> None:
        if tab.connection != connection or not tab.is_open:
            self.ghosts.append((tab.visitor, connection))  # it went before its handshake had ended
            return
        tab.is_up = True
        self.front.comes(tab.visitor, connection)
        self.later(self.now + HELLO_MS, "hello", lambda: self._says(tab, connection))

    def _not_connected(self, tab: Tab, connection: str) -> None:
        """The handshake failed: nobody says that it went, and the front end tries again."""
        self.ghosts.append((tab.visitor, connection))
        if tab.connection == connection and tab.is_open:
            self.later(self.now + AGAIN_MS, "again", lambda: self._connect_again(tab, connection))

    def _connect_again(self, tab: Tab, connection: str) -> None:
        if tab.connection == connection and tab.is_open:
            self._connect(tab)

    def _says(self, tab: Tab, connection: str) -> None:
        """Hello, and from then on pings; a front end without an answer comes again."""
        if tab.connection != connection or not tab.is_open:
            return
        self._function(
            f"greet {connection}",
            flows.greeted(self.policy, tab.visitor, connection, TOKEN_ENDS),
            lambda record: self._greeted(tab, connection, record),
            lambda: self.later(self.now + PONG_MS, "no pong", lambda: self._gives_up(tab, connection)),
        )

    def _greeted(self, tab: Tab, connection: str, record: Session | None) -> None:
        if tab.connection != connection or not tab.is_open:
            self.ghosts.append((tab.visitor, connection))  # it went meanwhile, and may be in the record again
            return
        self.front.welcomed(connection, record)
        self.later(self.now + self.history.pings, "ping", lambda: self._says(tab, connection))

    def _gives_up(self, tab: Tab, connection: str) -> None:
        if tab.connection == connection and tab.is_open:
            self._disconnect(tab)
            self._connect(tab)

    def _disconnect(self, tab: Tab) -> None:
        visitor, connection = tab.visitor, tab.connection
        tab.is_up = False
        self.front.goes(connection)
        going = flows.disconnected(self.policy, visitor, connection, self.now)
        self._function(f"disconnect {connection}", going, None, lambda: self.ghosts.append((visitor, connection)))

    def _function(
        self,
        what: str,
        flow: Flow[Any],
        then: Callable[[Any], object] | None = None,
        died: Callable[[], object] | None = None,
        shed: Callable[[], object] | None = None,
    ) -> None:
        """A Lambda runs a flow; a call that fails kills it."""
        Function(self, what, flow, then or nothing, died or nothing, shed).go(None)

    def roll_called(self) -> None:
        """Connections that went without a word are found out (``unit/keeper/visitors/test_roll_call.py``)."""
        for visitor, connection in self.ghosts:
            self.sessions.forget_connection(visitor, connection, self.now)

    # --- owners of bursts

    def _start_owner(self, record: Session, generation: int) -> bool:
        """On v1 an execution; on Digital-First a nudge of the keeper that the record names."""
        if not self.dfo:
            self.later(self.now + self.pace, "execution", partial(self._owns, record.session_id, generation, self.now))
            return True
        return self._nudge(record, {"session": record.session_id, "generation": generation})

    def _nudge(self, record: Session, nudge: dict[str, Any]) -> bool:
        """Of the keeper that the record names; where it names none nobody need be reached."""
        keeper = next((keeper for keeper in self.keepers if keeper.name == record.keeper), None)
        if keeper is None:
            return not record.keeper
        assert keeper.dfo is not None
        keeper.call(self.now + self.pace, partial(keeper.dfo._nudged, nudge))
        return True

    def _owns(self, session_id: str, generation: int, since: int) -> None:
        def called(result: Reconciled) -> None:
            if not result.done:
                wait = result.wait_seconds * 1000
                self.later(self.now + wait, "wait", partial(self._owns, session_id, generation, since))

        reconciled = reconcile(self.policy, Owner(session_id, generation, since))
        self._function(f"owner {generation} of {session_id}", reconciled, called, None, lambda: called(SHED))

    def looks(self) -> None:
        """Keepers look for bursts whose owner died; so they do each few seconds."""
        self.later(self.now + LOOK_MS, "look", self.looks)
        for session_id in sorted(self.sessions.in_lease_index):
            if self.sessions.records[session_id].lease_until < self.now:
                for keeper in self.keepers if self.dfo else self.keepers[:1]:
                    keeper.call(self.now, partial(keeper.sweeps, session_id))

    # --- keepers

    def keeper_comes(self) -> None:
        """Another task starts."""
        self.keepers.append(FleetKeeper(self, f"keeper-{next(self._keeper_number)}"))
        self.note(f"{self.keepers[-1].name} comes")

    def died(self, keeper: FleetKeeper) -> None:
        """ECS starts another one; for one that was told to end it did so before."""
        self.keepers.remove(keeper)
        if not keeper.is_draining:
            self.later(self.now + REPLACED_MS, "keeper", self.keeper_comes)

    def turn(self, turn: FleetTurn) -> None:
        """A keeper, AWS or CXone does something on its own."""
        self.note(str(turn))
        living = [keeper for keeper in self.keepers if not keeper.is_draining]
        if turn.kind == "keeper comes":
            self.keeper_comes()
        elif turn.kind == "queue repeats":
            self.queue.repeats(turn.which)
        elif turn.kind.startswith("agent"):
            self._turn_of_agent(turn)
        elif turn.kind.startswith(("sockets", "guest", "contacts")):
            self._turn_of_cxone(turn)
        elif living:
            self._turn_of_keeper(turn, living[turn.which % len(living)])

    def _turn_of_cxone(self, turn: FleetTurn) -> None:
        open_sockets = self._open_sockets()
        match turn.kind:
            case "sockets refused":
                self.refused_until = self.now + turn.ms
                for gateway in self.gateways.values():
                    gateway.refuses_until = self.now + turn.ms
            case "sockets drop":
                for gateway in self.gateways.values():
                    gateway.drop_sockets()
                for socket in open_sockets:
                    socket.process.call(self.now, partial(lost, socket))
            case "contacts open":
                for visitor in self.gateways:
                    self.open_contact(visitor)
            case "guest ends" if open_sockets:
                self._guest_ends(open_sockets[turn.which % len(open_sockets)])

    def _turn_of_agent(self, turn: FleetTurn) -> None:
        visitors = sorted(self.sessions.records)
        if visitors:
            self.agent(turn.kind, visitors[turn.which % len(visitors)])

    def _turn_of_keeper(self, turn: FleetTurn, keeper: FleetKeeper) -> None:
        match turn.kind:
            case "keeper dies":
                keeper.dies()
            case "keeper drains":
                keeper.call(self.now, keeper.drains)
            case "keeper stalls":
                keeper.stalled_until = self.now + turn.ms
            case "queue away":
                keeper.queue_away_until = self.now + turn.ms
            case "store away":
                keeper.store_away_until = self.now + turn.ms
            case "posts away":
                keeper.posts_away_until = self.now + turn.ms

    def looked_at(self, session_ids: list[str], now: int) -> dict[str, Session]:
        """BatchGetItem, eventually consistent."""
        fault = self.fault("look", self.next_number("look"))
        found: dict[str, Session] = {}
        for session_id in session_ids:
            record = (
                self.sessions.stood(session_id, self.now - fault.ms) if fault else self.sessions.records.get(session_id)
            )
            if record and record.expires_at > now // 1000:
                found[session_id] = Session(**{name: getattr(record, name) for name in LOOKED_AT})
        if fault:
            self.note(f"look {self.numbers['look']}: {fault}: {[self.in_brief(record) for record in found.values()]}")
        return found

    # --- CXone

    def open_contact(self, visitor: str) -> None:
        """Of Digital-First: agents see the visitor's thread."""
        thread_id = self.sessions.records[visitor].conversation.get("thread")
        if thread_id:
            self.gateways[visitor].open_contact(thread_id)

    def create_guest(self) -> Guest:
        """Of webchat v1."""
        guest_id = f"guest-{len(self.shown) + 1}"
        self.shown[guest_id] = False
        return Guest(guest_id, HOST)

    def set_typing(self, due: TellCxone) -> Outcome:
        """Of webchat v1."""
        if due.guest_id in self.over:
            return Outcome(Kind.GUEST_OVER)
        self.shown[due.guest_id] = due.typing
        return Outcome(Kind.ACCEPTED)

    def get_typing(self, guest_id: str) -> bool | Outcome:
        """Of webchat v1."""
        return Outcome(Kind.GUEST_OVER) if guest_id in self.over else self.shown[guest_id]

    def agent(self, kind: str, visitor: str) -> None:
        """Types, stops or writes."""
        if self.dfo:
            gateway = self.gateways.get(visitor)
            if gateway:
                {"agent types": gateway.agent_types, "agent stops": gateway.agent_stops}.get(
                    kind, gateway.agent_writes
                )()
            return
        guest_id = self.sessions.records[visitor].guest_id
        sockets = [socket for socket in self._open_sockets() if socket.guest_id == guest_id]
        if kind == "agent writes":
            self._written += 1
            message_id = f"agent-{self._written}"
            event = {"type": "message", "id": message_id, "text": "Good morning"}
            for socket in sockets:
                socket.process.call(self.now, partial(socket.hears, event, visitor))
            return
        (self.agents_typing.add if kind == "agent types" else self.agents_typing.discard)(guest_id)
        for socket in sockets:
            event = {"type": "agent-typing", "typing": kind == "agent types"}
            socket.process.call(self.now, partial(socket.hears, event, visitor))

    def before_the_page(self, visitor: str) -> Collection[str]:
        """Digital-First: messages that a look may not have shown."""
        return self.gateways[visitor].before_the_page if visitor in self.gateways else ()

    def agent_is_typing(self, visitor: str) -> bool:
        """As it is at the agent's side."""
        if self.dfo:
            return visitor in self.gateways and self.gateways[visitor].agent_typing
        return self.sessions.records[visitor].guest_id in self.agents_typing

    def socket(self, process: FleetKeeper, listener: SocketListener, session_id: str, guest_id: str) -> Any:
        """A keeper makes a guest's socket, which does not connect yet."""
        if self.dfo:
            if session_id not in self.gateways:
                side: Any = Side(self, session_id)
                self.gateways[session_id] = Gateway(side, livechat=True)
                self.gateways[session_id].refuses_until = self.refused_until
            return self.gateways[session_id].socket(process, listener)  # type: ignore[arg-type]
        socket = Socket(process, listener, guest_id)
        self.sockets = [known for known in self.sockets if not known.is_closed] + [socket]
        return socket

    def connects(self, socket: Any, session_id: str) -> None:
        """Its host's addresses have been found."""
        if self.dfo:
            self.gateways[session_id].connects(socket)
        else:
            socket.process.call(self.now + 8 * self.pace, partial(self._answer_handshake, socket))

    def _answer_handshake(self, socket: Socket) -> None:
        if socket.is_closed:
            return
        if socket.guest_id in self.over:
            socket.ends(Stage.UPGRADING, status=403)
        elif self.now < self.refused_until:
            socket.ends(Stage.CONNECTING)
        else:
            socket.is_open = socket.was_open = True
            socket.listener.opened()

    def _open_sockets(self) -> list[Socket]:
        return [socket for socket in self.sockets if socket.is_open and socket.process.is_alive]

    def _guest_ends(self, socket: Socket) -> None:
        self.over.add(socket.guest_id)
        socket.process.call(self.now, lambda: socket.ends(Stage.OPEN, 4403))

    def is_shown(self, visitor: str) -> bool:
        """What the visitor's agent sees."""
        if self.dfo:
            return visitor in self.gateways and self.gateways[visitor].is_shown
        record = self.sessions.records.get(visitor)
        return record is not None and self.shown.get(record.guest_id, False)

    def visitors(self) -> dict[str, list[Tab]]:
        """Each who ever came, with the tabs that are open."""
        found: dict[str, list[Tab]] = {}
        for tab in self.tabs.values():
            found.setdefault(tab.visitor, []).extend([tab] if tab.is_open else [])
        return found


@contextmanager
def playing() -> Iterator[None]:
    """Without the product's warnings; and keepers' jitter is the same each time."""
    package, state = logging.getLogger("typing_relay"), random_module.getstate()
    level = package.level
    if level < logging.CRITICAL:  # each change clears the caches of all loggers
        package.setLevel(logging.CRITICAL)
    random_module.seed(0)
    try:
        yield
    finally:
        if level < logging.CRITICAL:
            package.setLevel(level)
        random_module.setstate(state)


def play(history: FleetHistory, log: list[str] | None = None) -> FleetWorld:
    """Play ``history``; ``log`` receives the story. Raises Violated."""
    with playing():
        world = FleetWorld(history, log)
        last = world.begin()
        world.run_until(START + last + TROUBLED_MS)
        world.is_calm, world.calm_since = True, world.now
        world.roll_called()
        world.run_until(world.now + history.rest)
        check(world)
        probe(world)
        return world

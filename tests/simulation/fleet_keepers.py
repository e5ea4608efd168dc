"""A keeper of a fleet: the product's Keeper, Custody and guests, on a loop and threads of the world's time.

On Digital-First its conversations, owners, mailbox and sweeping, too. Only the sockets, the store, HTTP, SQS and the
line are the world's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_relay.aws.sessions import shard_of
from typing_relay.aws.visibility import Visibility
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.custody import Custody, Terms
from typing_relay.keeper.guests.hand import Hand
from typing_relay.keeper.guests.held_sockets import GuestSocketListener
from typing_relay.keeper.guests.keeper import Keeper, Settings
from typing_relay.keeper.guests.talk import Talk, TalkHost
from typing_relay.keeper.io.jobs import Workers
from typing_relay.keeper.io.sockets import Sending, SocketEnd, SocketListener, Stage
from typing_relay.keeper.io.turnstile import Turnstile
from typing_relay.keeper.sweeping import Sweeping
from typing_relay.keeper.visitors.outbox import Outbox
from typing_relay.keeper.visitors.roll_call import RollCall
from typing_relay.platforms.digital_first.in_keeper import Dependencies, DigitalFirst
from typing_relay.platforms.webchat.talk import Time, WebchatTalk, make_guest, webchat_meaning
from typing_relay.relay.effects import Effect
from typing_relay.relay.outcomes import Guest, Outcome

from tests.simulation.history import Fault
from tests.simulation.keepers import AGENT_TYPING_MS, CHANNEL, TLS, Http
from tests.simulation.process import Away, KeeperJobs, KeeperLoop, Killed, SimulatedJobs, SimulatedProcess

if TYPE_CHECKING:
    from tests.simulation.fleet import FleetWorld


#: Of each guest's socket. An address, which is found without asking.
HOST = "wss://192.0.2.1"


class FleetJobs(SimulatedJobs):
    """A call takes its time, and so does its answer."""

    _process: FleetKeeper

    def _start(self, job: Callable[[], None]) -> None:
        self._later(job, self._world.pace)

    def _later(self, job: Callable[[], None], ms: int) -> None:
        self._process.call(self._world.now + ms, job)

    def _run(
        self,
        key: Hashable,
        call: Callable[[], Any],
        on_result: Callable[[Any], object],
        on_error: Callable[[Exception], object],
        waited: bool = False,
    ) -> None:
        process, world = self._process, self._world
        late = 0 if waited else self._comes_late()
        if late:  # it is on its way, whatever becomes of its process
            world.later(world.now + late, "late", partial(self._run, key, call, on_result, on_error, waited=True))
            return
        process.answer_late_ms, process.has_sent = 0, waited
        try:
            value = call()
        except Killed:
            return
        except Away as error:
            report = partial(on_error, error)
        else:
            if isinstance(value, Pending):
                value.then(lambda messages: self._answer(key, partial(on_result, messages), world.pace))
                return
            report = partial(on_result, value)
        finally:
            process.has_sent = False
        self._answer(key, report, world.pace + process.answer_late_ms)

    def _comes_late(self) -> int:
        return self._world.comes_late("step")

    def _answer(self, key: Hashable, report: Callable[[], object], ms: int) -> None:
        self._later(partial(self._finish, key, report), ms)


class QueueJobs(FleetJobs):
    """Calls of SQS are numbered apart: most of them find nothing."""

    def _comes_late(self) -> int:
        return self._world.comes_late("call")


class NameJobs(FleetJobs):
    """Look-ups of names: the host is an address, so that nothing is asked for."""

    def _comes_late(self) -> int:
        return 0

    def submit(
        self,
        key: Hashable,
        call: Callable[[], Any],
        on_result: Callable[[Any], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        """Run ``call``, unless no answer is to come."""

        def asked() -> Any:
            world = self._world
            fault = world.fault("name", world.next_number("name"))
            if fault and fault.kind == "refuse":
                raise Away("no such name")
            if fault:
                self._process.answer_late_ms = fault.ms
            return call()

        super().submit(key, asked, on_result, on_error)


class Pending:
    """What a receive answers with, later."""

    def __init__(self, begin: Callable[[Callable[[Any], object]], object]) -> None:
        self.then = begin

    def get(self, name: str, default: Any) -> Pending:
        """As of the answer."""
        return self


class Sqs:
    """SQS as one keeper calls it."""

    def __init__(self, process: FleetKeeper) -> None:
        self._process, self._world, self._queue = process, process.world, process.world.queue

    def receive_message(self, MaxNumberOfMessages: int, VisibilityTimeout: int, **_: Any) -> Pending:  # noqa: N803
        """Long polling."""
        if self._world.now < self._process.queue_away_until:
            raise Away("SQS is away")

        def begin(answer: Callable[[Any], object]) -> None:
            # Not through the process: whoever dies or stalls while it waits has claimed all the same.
            self._queue.receive(2_000, MaxNumberOfMessages, VisibilityTimeout, answer)

        return Pending(begin)

    def send_message(self, MessageBody: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """A message that replaces another."""
        with_fault = self._begins("send_message")
        self._queue.send(_session_of(MessageBody))
        self._ends(with_fault)
        return {}

    def delete_message_batch(self, Entries: list[dict[str, str]], **_: Any) -> dict[str, Any]:  # noqa: N803
        """Each entry by itself."""
        fault = self._begins("delete_message_batch")
        receipts = [entry["ReceiptHandle"] for entry in Entries]
        failed = receipts[:1] if fault and fault.kind == "entry" else []
        self._queue.delete(receipts[len(failed) :])
        self._ends(fault)
        return {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False} for _ in failed]}

    def change_message_visibility_batch(self, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803
        """Each entry by itself."""
        fault = self._begins("change_message_visibility_batch")
        failed = Entries[:1] if fault and fault.kind == "entry" else []
        rest = Entries[len(failed) :]
        seconds = Entries[0]["VisibilityTimeout"]
        lost = set(self._queue.change([entry["ReceiptHandle"] for entry in rest], seconds))
        self._ends(fault)
        return {
            "Successful": [{"Id": entry["Id"]} for place, entry in enumerate(rest) if place not in lost],
            "Failed": [
                *({"Id": entry["Id"], "SenderFault": False} for entry in failed),
                *({"Id": rest[place]["Id"], "SenderFault": True} for place in lost),
            ],
        }

    def _begins(self, name: str) -> Fault | None:
        world, process = self._world, self._process
        if not process.is_alive:
            raise Killed
        fault = world.fault("call", world.next_number("call"))
        if fault:
            world.note(f"{process.name}: {name}: {fault}")
        if (fault and fault.kind == "refuse") or world.now < process.queue_away_until:
            raise Away("SQS is away")
        return fault

    def _ends(self, fault: Fault | None) -> None:
        if fault and fault.kind == "refuse-after":
            raise Away("the answer of SQS is lost")
        if fault and fault.kind == "hold":
            self._process.answer_late_ms = fault.ms


def _session_of(body: str) -> str:
    return str(json.loads(body)["session"])


class Stored:
    """A store, or HTTP, as one keeper calls it: each call is a step at which something may go wrong."""

    def __init__(self, process: FleetKeeper, kept: Any) -> None:
        self._process, self._kept = process, kept

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._kept, name)

        def call(*args: Any) -> Any:
            return self._process.step(name, partial(method, *args))

        self.__dict__[name] = call
        return call

    def carry_out(self, effect: Effect[Any]) -> Any:
        """What a flow asks of the record."""
        return self._process.step(type(effect).__name__, lambda: self._kept.carry_out(effect))

    def get_many(self, session_ids: list[str], now: int) -> Any:
        """Eventually consistent: a look."""
        if self._process.world.now < self._process.store_away_until:
            raise Away("the store is away")
        return self._process.world.looked_at(session_ids, now)


class Told:
    """The record and the connections, as one keeper's outbox calls them, on threads that wait for their answers."""

    def __init__(self, process: FleetKeeper, kept: Any) -> None:
        self._process, self._kept = process, kept

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._kept, name)

        def call(*args: Any) -> Any:
            return self._process.tells(name, method, args)

        self.__dict__[name] = call
        return call


class Posts:
    """The way to the visitors' connections."""

    def __init__(self, world: FleetWorld) -> None:
        self._world = world

    def post(self, connection: str, data: bytes) -> bool:
        """A post arrives. False where API Gateway does not know the connection."""
        return self._world.front.posted(connection, data)

    def lives(self, connection: str) -> bool:
        """API Gateway is asked. False where it does not know the connection."""
        return self._world.front.lives(connection)

    def close(self, connection: str) -> None:
        """Tokens do not run out here."""
        raise AssertionError("no token runs out")


class Socket:
    """A guest's at webchat v1."""

    def __init__(self, process: FleetKeeper, listener: SocketListener, guest_id: str) -> None:
        self.process, self.listener, self.guest_id = process, listener, guest_id
        self.is_open = self.was_open = self.is_closed = False

    def send_text(self, text: str, done: Callable[[], object]) -> Sending:
        """Nothing is said on it."""
        return Sending.NOT_OPEN

    def hears(self, event: dict[str, Any], visitor: str) -> None:
        """CXone says something."""
        if self.is_open:
            if event["type"] == "message":
                self.process.world.front.agent_writes(visitor, event["id"], self.process.name)
            self.listener.text(json.dumps(event))

    def close(self, code: int) -> None:
        """Of the keeper's."""
        self.is_open, self.is_closed = False, True

    def ends(self, stage: Stage, code: int | None = None, status: int | None = None) -> None:
        """The peer, or the network, ends it."""
        if not self.is_closed:
            self.is_open, self.is_closed = False, True
            self.listener.ended(SocketEnd(stage, "the simulation ends it", http_status=status, close_code=code))


class FleetKeeper(SimulatedProcess):
    """One process."""

    def __init__(self, world: FleetWorld, name: str) -> None:
        super().__init__(world, name)
        self.is_draining = False
        self.queue_away_until = self.store_away_until = self.posts_away_until = self.answer_late_ms = 0
        #: A call of it is on its way, and arrives though it may be dead by now.
        self.has_sent = False
        #: Asked for by the gateway of a Digital-First visitor.
        self.generation, self.speaks, self.said = -1, False, None
        loop: Any = KeeperLoop(self)
        self.loop = loop
        store: Any = FleetJobs(self)
        names: Any = NameJobs(self)
        workers = Workers(FleetJobs(self), store, names)  # type: ignore[arg-type]
        self.counters = Counters()
        self.sessions: Any = Stored(self, world.sessions)
        self.openings = Turnstile(loop, 50, 400)
        telling: Any = KeeperJobs(self)
        kept: Any = Told(self, world.sessions)
        visitors: Any = Told(self, Posts(world))
        self.outbox = outbox = Outbox(loop, telling, kept, visitors, name, lambda: world.now, self.counters)
        self.dfo = self._digital_first(loop, workers) if world.dfo else None
        self.keeper = Keeper(
            Settings(
                name,
                keeper_silent_ms=world.policy.keeper_silent_ms,
                session_ttl_s=world.policy.session_ttl_s,
                policy=guest.GuestPolicy(needs_socket=world.dfo, idle_grace_ms=world.history.idle),
            ),
            loop,
            workers,
            self.sessions,
            self.dfo.talk_of if self.dfo else self._webchat,
            outbox,
            RollCall(telling, self.sessions, visitors, lambda: world.now, self.counters),
            self.openings,
            TLS,
            self.counters,
            lambda: world.now,
        )
        self.keeper._sockets._dial = self._dial  # type: ignore[method-assign]
        sqs: Any = Sqs(self)
        self.custody = Custody(
            loop,
            QueueJobs(self),  # type: ignore[arg-type]
            sqs,
            Visibility(sqs, "the guest queue"),
            "the guest queue",
            Terms(),
            self.counters,
            self.keeper.requested,
            lambda: world.now,
        )
        self.sweeping = Sweeping(
            loop,
            FleetJobs(self),  # type: ignore[arg-type]
            self.sessions,
            self.dfo.runner if self.dfo else world.runner,
            world.policy,
            self.counters,
            world.random.random,
            self.dfo.can_own if self.dfo else lambda _session_id: True,
            self.keeper.holds,
            name if self.dfo else "",
        )
        if self.dfo:
            self.dfo._context.decide(True)
        self.keeper.start(self.custody)

    def _webchat(self, host: TalkHost) -> Talk:
        make = partial(make_guest, self, self.sessions, "source", host.session_id, self.name, lambda: self.world.now)
        time = Time(self.loop, lambda: self.world.now)
        return WebchatTalk(host, make, lambda end: webchat_meaning(end, self.world.now), self.counters, time)

    def _digital_first(self, loop: Any, workers: Workers) -> DigitalFirst:
        world = self.world
        gateway: Any = Stored(self, Http(lambda: world.now))  # type: ignore[arg-type]
        messages: Any = Stored(self, world.messages)
        return DigitalFirst(
            Dependencies(
                self.name,
                loop,
                workers,
                FleetJobs(self),  # type: ignore[arg-type]
                self.sessions,
                messages,
                self.outbox,
                gateway,
                CHANNEL,
                self.counters,
                lambda: world.now,
                world.policy,
                world.queue.send,
                300_000,
                AGENT_TYPING_MS,
                TLS,
                "wss://line",
                sign=dict,
                talk=lambda session_id: self.keeper.talk(session_id),
                report_latency=lambda what, ms: None,
            )
        )

    def _dial(self, hand: Hand, number: int, url: str) -> None:
        """Its sockets lead to the world's CXone."""
        world, session_id, sockets = self.world, hand.held.session_id, self.keeper._sockets
        listener: Any = GuestSocketListener(sockets, hand, number)
        opening: Any = world.socket(self, listener, session_id, hand.held.guest_id)
        hand.sockets[number] = opening
        sockets._addresses.resolve(
            HOST, lambda _: world.connects(opening, session_id), lambda error: opening.ends(Stage.CONNECTING, None)
        )

    # --- its life

    def dies(self) -> None:
        """At once."""
        if self.is_alive:
            self.world.note(f"{self.name} is dead")
            self.is_alive = False
            self.world.died(self)

    def drains(self) -> None:
        """It is told to end."""
        if not self.is_draining:
            self.is_draining = True
            self.world.keeper_comes()
            self.keeper.drain(self.dies)

    def sweeps(self, session_id: str) -> None:
        """Look for a burst whose owner died."""
        self.sweeping._submit(shard_of(session_id))

    # --- of CXone

    def create_guest(self, attributes: Mapping[str, str]) -> Guest | Outcome:
        """Of webchat v1, as ``GuestCreator``."""
        return self.step("create_guest", self.world.create_guest)

    # --- what goes wrong with its calls

    def step(self, name: str, call: Callable[[], Any]) -> Any:
        """One effect."""
        world = self.world
        if not self.is_alive and not self.has_sent:
            raise Killed
        fault = world.fault("step", world.next_number("step"))
        kind = fault.kind if fault else ""
        if fault:
            world.note(f"{self.name}: {name}: {fault}")
        if kind == "crash":
            self.dies()
            raise Killed
        if kind == "refuse" or world.now < self.store_away_until:
            raise Away("the store is away")
        world.sessions.request = "step", world.numbers["step"]  # the client's own retry has the same name
        value = call()
        if kind == "again":
            value = call()
        world.note(f"step {world.numbers['step']}: {self.name}: {name} -> {world.in_brief(value)}")
        if kind == "crash-after":
            self.dies()
            raise Killed
        if kind == "refuse-after":
            raise Away("the answer is lost")
        if fault and kind == "hold":
            self.answer_late_ms = fault.ms
        return value

    def tells(self, name: str, method: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """One call of the outbox, on a thread of its own: it leaves, is carried out, and its answer comes."""
        world, is_post = self.world, name == "post"
        number = world.next_number("post")
        fault = world.fault("post", number)
        kind, ms = (fault.kind, fault.ms) if fault else ("", 0)
        if fault:
            world.note(f"{self.name}: {name}: {fault}")
        if kind == "crash":
            self.dies()
            raise Killed
        if kind == "refuse" or world.now < (self.posts_away_until if is_post else self.store_away_until):
            self.wait(world.pace)
            raise Away("it is away")
        if is_post:
            world.later(world.now, "fence", partial(world.front.check_fence, self.name, args[0]))
        self.travel(world.pace + (ms if kind == "slow" and is_post else 0))
        world.sessions.request = "post", number
        value = method(*args)
        if kind == "crash-after":
            self.dies()
        self.wait(world.pace + (ms if kind == "hold" else 0))
        if kind == "refuse-after":
            raise Away("the answer is lost")
        return value


def lost(socket: Any) -> None:
    """Of whichever platform."""
    socket.ends(Stage.OPEN, 1006)

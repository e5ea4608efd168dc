"""A Digital-First keeper in the simulation: the product's own objects, on a loop and threads of the world's time.

Nothing of it is replaced but what leads outside: the sockets, the store, HTTP, the queue and the line.
"""

from __future__ import annotations

import math
import ssl
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_relay.aws.sessions import shard_of
from typing_relay.cxone.dfo.api import Access, ChannelSettings
from typing_relay.cxone.dfo.identity import Channel, Visitor
from typing_relay.keeper import guest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.digital_first import DigitalFirst, Surroundings
from typing_relay.keeper.keeper import Keeper, Settings, Workers, _Ear, _Hand
from typing_relay.keeper.loop import Timer
from typing_relay.keeper.sweeping import Sweeping
from typing_relay.keeper.turnstile import Turnstile
from typing_relay.relay.outcomes import Outcome

from tests.simulation.cxone import Call

if TYPE_CHECKING:
    from tests.simulation.dfo_world import DfoWorld

TOKEN_MS = 3_600_000
TLS = ssl.create_default_context()
CHANNEL = Channel(1386, "chat_local")


class Killed(BaseException):
    """The process is gone, between two lines."""


class StoreAway(OSError):
    """A call to the store fails."""


class KeeperLoop:
    """Of ``keeper.loop.Loop``, what a keeper without sockets uses."""

    def __init__(self, process: KeeperProcess) -> None:
        self._process, self._world = process, process.world

    def time(self) -> float:
        """In seconds."""
        return self._world.now / 1000

    def call_soon(self, callback: Callable[[], object]) -> None:
        """In its turn."""
        self._process.call(self._world.now, callback)

    call_from_thread = call_soon

    def call_later(self, seconds: float, callback: Callable[[], object], slack: float = 0.0) -> Timer:
        """As the loop's: timers with the same slack come together."""
        at = self.time() + max(0.0, seconds)
        timer = Timer(math.ceil(at / slack) * slack if slack else at, callback)
        self._process.call(math.ceil(timer.at * 1000 - 1e-3), lambda: timer.callback and timer.callback())
        return timer


class KeeperJobs:
    """Of ``keeper.jobs.Jobs``: those of one key run one after another, each as one step of the store takes."""

    def __init__(self, process: KeeperProcess) -> None:
        self._process, self._world = process, process.world
        self._waiting: dict[Hashable, deque[Callable[[], None]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def submit(
        self,
        key: Hashable,
        call: Callable[[], Any],
        on_result: Callable[[Any], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        """Run ``call``, then ``on_result(value)`` or ``on_error(exception)``."""
        job = partial(self._run, key, call, on_result, on_error)
        if key in self._waiting:
            self._waiting[key].append(job)
        else:
            self._waiting[key] = deque()
            self._later(job)

    def _later(self, job: Callable[[], None], ms: int = 0) -> None:
        self._process.call(self._world.now + (ms or self._world.pace), job)

    def _run(
        self,
        key: Hashable,
        call: Callable[[], Any],
        on_result: Callable[[Any], object],
        on_error: Callable[[Exception], object],
        stalled: bool = False,
    ) -> None:
        process, world = self._process, self._world
        fault = world.fault("step", world.numbers["step"] + 1)
        if fault and fault.kind == "stall" and not stalled:
            world.disturbs(process.name, fault)
            self._later(partial(self._run, key, call, on_result, on_error, stalled=True), fault.ms)
            return
        process.answer_late_ms = 0
        try:
            report = partial(on_result, call())
        except Killed:
            return
        except StoreAway as error:
            report = partial(on_error, error)
        if process.answer_late_ms:
            process.call(world.now + process.answer_late_ms, lambda: self._finish(key, report))
        else:
            self._finish(key, report)

    def _finish(self, key: Hashable, report: Callable[[], object]) -> None:
        waiting = self._waiting[key]
        if waiting:
            self._later(waiting.popleft())
        else:
            del self._waiting[key]
        report()


class Nowhere:
    """Threads for what the simulation does without: names, and the line."""

    def submit(self, *_: Any) -> None:
        """Never."""


class Unheard:
    """An outbox: what visitors are told matters elsewhere."""

    def send(self, session_id: str, data: bytes, record: Any = None) -> None:
        """Lose it."""


class Stored:
    """A store, or HTTP, as one keeper calls it: each call is a step at which something may go wrong."""

    def __init__(self, process: KeeperProcess, kept: Any) -> None:
        self._process, self._kept = process, kept

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._kept, name)

        def call(*args: Any) -> Any:
            return self._process.step(method, args)

        call.__name__ = name
        self.__dict__[name] = call
        return call


class Http:
    """The gateway over HTTP: all is well there."""

    def __init__(self, world: DfoWorld) -> None:
        self._world = world

    def channel(self) -> ChannelSettings | Outcome:
        """Its kind."""
        return ChannelSettings(self._world.cxone.livechat, authorization=False)

    def is_online(self) -> bool | Outcome:
        """Always."""
        return True

    def authorize(self, visitor: Visitor, code: str | None) -> Access | Outcome:
        """A token for an hour."""
        return Access("token", self._world.now + TOKEN_MS, visitor)

    def socket_url(self, visitor: Visitor, access: Access) -> str:
        """There is one gateway."""
        return "wss://gateway"

    def event(self, url: str) -> str | Outcome:
        """None is kept there."""
        raise AssertionError("no event is kept elsewhere")


class SimulatedKeeper(Keeper):
    """Its sockets lead to the world's gateway."""

    process: KeeperProcess

    def _connect(self, hand: _Hand, number: int, url: str) -> None:
        hand.preparing.discard(number)
        if not self._is_held(hand) or hand.held.opening != number:
            self._openings.leave()
            return
        hand.sockets[number] = self.process.world.cxone.dial(self.process, _Ear(self, hand, number))  # type: ignore[assignment]

    def rotate(self, session_id: str) -> None:
        """Replace the socket now: its two hours are nearly over."""
        hand = self._hands.get(session_id)
        if hand and hand.held.doing is guest.Doing.SETTLED:
            hand.held = guest.replace(hand.held, rotate_at=self._clock())
            self._happened(hand, guest.Woke())


class KeeperProcess:
    """One process. It is also its own custody: the world says what it holds."""

    def __init__(self, world: DfoWorld, name: str) -> None:
        self.world, self.name = world, name
        self.is_alive, self.stalled_until = True, 0
        self.answer_late_ms = 0
        #: Of whoever speaks now, and who was last given the right to; see ``Watch``.
        self.generation = -1
        self.speaks = False
        self.said: Call | None = None
        self.told: tuple[str, int] | None = None
        loop: Any = KeeperLoop(self)
        jobs: Any = KeeperJobs(self)
        outbox: Any = Unheard()
        self.sessions: Any = Stored(self, world.sessions)
        workers = Workers(jobs, jobs, Nowhere())  # type: ignore[arg-type]
        counters = Counters()
        self.dfo = DigitalFirst(
            Surroundings(
                name,
                loop,
                workers,
                self.sessions,
                Stored(self, world.messages),  # type: ignore[arg-type]
                outbox,
                Stored(self, Http(world)),  # type: ignore[arg-type]
                CHANNEL,
                counters,
                lambda: world.now,
                world.policy,
                world.queue,
                300_000,
                TLS,
                "wss://line",
                sign=dict,
                talk=lambda session_id: self.keeper.talk(session_id),
                report_latency=lambda what, ms: world.felt.append((what, ms)),
            )
        )
        self._tell_typing, self.dfo._owners._tell = self.dfo._owners._tell, self._speak
        self.keeper = SimulatedKeeper(
            Settings(name, policy=guest.Policy(needs_socket=True)),
            loop,
            workers,
            self.sessions,
            self.dfo.talk_of,
            outbox,
            Turnstile(loop, 50, 400),
            TLS,
            counters,
            lambda: world.now,
        )
        self.keeper.process = self
        self.sweeping = Sweeping(
            loop, jobs, self.sessions, self.dfo.world, counters, lambda: 0.5, self.dfo.speaks_for, name
        )
        self.dfo._office.decide(world.cxone.livechat)
        self.keeper.start(self)  # type: ignore[arg-type]
        self.dfo._mailbox.start()

    # --- its life

    def call(self, at: int, callback: Callable[[], object]) -> None:
        """Of its loop and threads: not when it is dead, and not while it stalls."""
        self.world.later(at, self.name, lambda: self._run(callback))

    def _run(self, callback: Callable[[], object]) -> None:
        if not self.is_alive:
            return
        if self.world.now < self.stalled_until:
            self.call(self.stalled_until, callback)
            return
        callback()

    def dies(self) -> None:
        """At once. What was written to its sockets still arrives."""
        if self.is_alive:
            self.is_alive = False
            self.world.died(self)

    def sweeps(self, session_id: str) -> None:
        """Look for a burst whose owner died."""
        self.sweeping._submit(shard_of(session_id))

    def nudged(self, nudge: dict[str, Any]) -> None:
        """On its line."""
        self.dfo._nudged(nudge)

    # --- of the custody

    def start(self) -> None:
        """The world hands over what it is to hold."""

    def done(self, session_id: str) -> None:
        """This guest is over, or another keeper's."""
        self.world.let_go(self)

    # --- what goes wrong with its calls

    def step(self, method: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """One call to the store."""
        world = self.world
        if not self.is_alive:
            raise Killed
        fault = world.fault("step", world.next_number("step"))
        kind = fault.kind if fault else ""
        if fault and kind not in ("stall", "fork"):
            world.disturbs(f"{self.name}: {method.__name__}", fault)
        if kind == "crash":
            self.dies()
            raise Killed
        if kind == "refuse" or world.now < world.store_refuses_until:
            raise StoreAway("the store is away")
        value = self._apply(method, args)
        if kind == "again":
            value = self._apply(method, args)
        if kind == "crash-after":
            self.dies()
            raise Killed
        if kind == "refuse-after":
            raise StoreAway("the answer is lost")
        if fault and kind == "hold":
            self.answer_late_ms = fault.ms
        return value

    def _apply(self, method: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        before = self.world.record
        value = method(*args)
        self.world.stepped(self, partial(method, *args), before, value)
        return value

    # --- what is said

    def _speak(self, session_id: str, typing: bool, told: Callable[[Outcome], object]) -> None:
        """An owner says who types; the watch sees it leave, and what is heard of it."""
        generation = self.generation
        self.speaks, self.said = True, None

        def heard(outcome: Outcome) -> None:
            call.is_answered = True
            self.world.heard(self, call, outcome)
            told(outcome)

        self._tell_typing(session_id, typing, heard)
        self.speaks = False
        call = self.said or Call(0, "", typing, self.world.now, generation, is_taken=True)

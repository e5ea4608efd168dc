"""A Digital-First keeper in the simulation: the product's own objects, on a loop and threads of the world's time.

Nothing of it is replaced but what leads outside: the sockets, the store, HTTP, the queue and the line.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from typing_relay.aws.sessions import shard_of
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.hand import Hand
from typing_relay.keeper.guests.held_sockets import GuestSocketListener
from typing_relay.keeper.guests.keeper import Keeper, Settings
from typing_relay.keeper.io.jobs import Workers
from typing_relay.keeper.io.turnstile import Turnstile
from typing_relay.keeper.sweeping import Sweeping
from typing_relay.keeper.visitors.outbox import Outbox
from typing_relay.keeper.visitors.roll_call import RollCall
from typing_relay.platforms.digital_first.api import NEVER_MS, Access, ChannelSettings, Streamed
from typing_relay.platforms.digital_first.files import FileRules, Files
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.digital_first.in_keeper import Dependencies, DigitalFirst
from typing_relay.platforms.digital_first.streamed import Stream
from typing_relay.relay.burst import Session
from typing_relay.relay.effects import OnRecords
from typing_relay.relay.outcomes import Kind, Outcome

from tests.simulation.cxone import Call
from tests.simulation.invariants import Violated
from tests.simulation.process import Away, KeeperJobs, KeeperLoop, Killed, SimulatedProcess
from tests.simulation.world import ID

if TYPE_CHECKING:
    from tests.simulation.dfo_world import DfoWorld
    from tests.simulation.third_party import ThirdParty

T = TypeVar("T")
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody is called: no authorities, which take long to load
CHANNEL = Channel(1386, "chat_local")
#: An agent types no longer when nothing has renewed it for this long: short, so that a history need not wait a minute.
AGENT_TYPING_MS = 12_000
#: Of the index of messages that wait, the part that the one visitor here is in.
VISITORS_SHARD = shard_of(ID)


class Nowhere:
    """Threads for what the simulation does without: names, and the line."""

    def submit(self, *_: Any) -> None:
        """Never."""


class Posts:
    """The way to the visitor's connections."""

    def __init__(self, process: KeeperProcess) -> None:
        self._process = process

    def post(self, connection: str, data: bytes) -> bool:
        """A post arrives. False where API Gateway does not know the connection."""
        return self._process.world.front.posted(self._process.name, connection, data)

    def lives(self, connection: str) -> bool:
        """API Gateway is asked. False where it does not know the connection."""
        return self._process.world.front.lives(connection)

    def close(self, connection: str) -> None:
        """Tokens do not run out here."""
        raise AssertionError("no token runs out")


@dataclass(frozen=True, slots=True)
class Request:
    """One call that leads outside. ``applied`` is told of the record as it was before, and the answer."""

    name: str
    call: Callable[[], Any]
    applied: Callable[[Session, Any], object]
    is_post: bool = False
    #: Its client does not make it again by itself.
    is_once: bool = False
    #: It asks for what is nobody's.
    is_idle: bool = False


class Stored:
    """A store, HTTP, or connections, as one keeper calls them: at each call something may go wrong.

    ``room``: which calls these are counted with.
    """

    def __init__(self, process: KeeperProcess, kept: Any, room: str = "step") -> None:
        self._process, self._kept, self._room = process, kept, room

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            return self._ask(name, args)

        self.__dict__[name] = call
        return call

    def _ask(self, name: str, args: tuple[Any, ...], then: Callable[[Any], object] = lambda value: None) -> Any:
        process, method = self._process, getattr(self._kept, name)

        def applied(before: Session, value: Any) -> None:
            process.world.called(process, name, args, value)
            then(value)

        is_idle = name == "waiting_sessions" and args != (VISITORS_SHARD,)
        is_once = name == "authorize" and args[1:] not in ((), (None,))
        request = Request(name, lambda: method(*args), applied, name == "post", is_once, is_idle)
        return process.step(request, self._room)


class StoredSessions(Stored):
    """The store of session records, as one keeper calls it, and its owners."""

    def carry_out(self, effect: OnRecords[T]) -> T:
        """What a flow asks."""
        process = self._process
        request = Request(
            type(effect).__name__,
            lambda: self._kept.carry_out(effect),
            lambda before, value: process.world.stepped(process, effect, before, value),
        )
        value: T = process.step(request, self._room)
        return value

    def take_guest(self, *args: Any) -> Any:
        """The world notes who has the guest."""
        return self._ask("take_guest", args, lambda record: self._process.world.taken(self._process, record))

    def set_contact(self, *args: Any) -> Any:
        """The world notes that it is written down."""
        return self._ask("set_contact", args, self._process.world.contact_noted)


class StoredHttp(Stored):
    """HTTP, whose client raises nothing: what is good once may have been used by a request that was lost."""

    def authorize(self, visitor: Visitor, grant: Mapping[str, str] | None = None) -> Access | Outcome:
        """Another token."""
        try:
            access: Access | Outcome = self._ask("authorize", (visitor, grant))
        except Away as away:
            if grant is None:
                raise
            return Outcome(Kind.LOST, reason=f"access: {away}")
        return access


#: Which files visitors may send.
FILES = Files(FileRules(True, 1024, ("image/*",)), "https://gateway/attachment")


class Http:
    """The gateway over HTTP: all is well there.

    ``livechat``: the channel's kind. ``kept``: events too large for a frame, by URL. ``token_ms``: how long a token is
    good for. ``third_party``: who signs visitors in, if it is not CXone; ``is_away``: it gives no token now.
    """

    def __init__(
        self,
        now: Callable[[], int],
        livechat: bool = True,
        kept: Mapping[str, str] = MappingProxyType({}),
        token_ms: int = 3_600_000,
        legacy: bool = False,
        by_page: bool = False,
        rest_of: Callable[[str, str], str] = lambda path, token: "",
        stream_of: Callable[[str], tuple[str, bool]] = lambda url: ("", False),
        refuses_address: Callable[[], bool] = lambda: False,
        is_online: Callable[[], bool] = lambda: True,
        third_party: ThirdParty | None = None,
        is_away: Callable[[], bool] = lambda: False,
    ) -> None:
        self._now, self._livechat, self._kept, self._token_ms = now, livechat, kept, token_ms
        self._by_page = by_page
        self._legacy, self._rest_of, self._stream_of = legacy, rest_of, stream_of
        self._refuses_address, self._is_online = refuses_address, is_online
        self._third_party, self._is_away = third_party, is_away

    def channel(self) -> ChannelSettings | Outcome:
        """Its kind."""
        by_code = self._third_party is not None
        return ChannelSettings(self._livechat, authorization=by_code, secured_cookies=self._by_page and not by_code)

    def is_online(self) -> bool | Outcome:
        """Whether somebody is there to chat with."""
        return self._is_online()

    def authorize(self, visitor: Visitor, grant: Mapping[str, str] | None = None) -> Access | Outcome:
        """Another token, good for as long as the history says."""
        if self._legacy:
            return Access("", NEVER_MS, visitor)
        if grant is not None and self._third_party:
            self._third_party.hears(visitor, grant)
            if self._is_away():
                return Outcome(Kind.FAILED, reason="access: status 503")
        elif self._by_page:
            raise Violated("T13", "the relay signs in by itself, where only the visitor's page may")
        if self._refuses_address():
            return Outcome(Kind.DENIED, reason="access: ip_blocked", of_address=True)
        if grant is not None and self._third_party:
            return self._third_party.answers(visitor, grant)
        return Access("token", self._now() + self._token_ms, visitor)

    def socket_url(self, visitor: Visitor, access: Access) -> str:
        """There is one gateway."""
        whose = f"&visitorId={visitor.visitor_id}" if self._third_party else ""
        return (
            f"wss://gateway/?transactionToken={access.token}{whose}"
            if access.token
            else "wss://gateway/?customerId=c&sdkVersion=3.3.0"
        )

    def event(self, url: str) -> str | Outcome:
        """What was too large for a frame."""
        return self._kept.get(url) or Outcome(Kind.FAILED, reason="event: status 404")

    def message(self, path: str, token: str) -> str | Outcome:
        """The whole of a message of which a frame held a part."""
        return self._rest_of(path, token) or Outcome(Kind.FAILED, reason="message: status 401")

    def streamed(self, stream: Stream) -> Streamed | Outcome:
        """What is written of a message."""
        return Streamed(*self._stream_of(stream.url))


class SimulatedKeeper(Keeper):
    """The world says when it looks, and when it replaces a socket."""

    process: KeeperProcess

    def look_often(self) -> None:
        """At all its records, more often than its settings say."""
        if self._hands:
            self._refresh(list(self._hands.values()))
        self._loop.call_later(self.process.world.look_ms / 1000, self.look_often)

    def rotate(self, session_id: str) -> None:
        """Replace the socket now: its two hours are nearly over."""
        hand = self._hands.get(session_id)
        if hand and hand.held.doing is guest.Doing.SETTLED:
            hand.held = guest.replace(hand.held, rotate_at=self._clock())
            self._happened(hand, guest.Woke())


class KeeperProcess(SimulatedProcess):
    """One process. It is also its own custody: the world says what it holds."""

    def __init__(self, world: DfoWorld, name: str) -> None:
        super().__init__(world, name)
        #: Its newest queue message, and the claim by that.
        self.message = self.newest_claim = 0
        #: Of whoever speaks now, and who was last given the right to; see ``Watch``.
        self.generation = -1
        self.speaks = False
        self.said: Call | None = None
        self.told_to_wait: tuple[str, int] | None = None
        loop: Any = KeeperLoop(self)
        jobs: Any = KeeperJobs(self)
        self.sessions: Any = StoredSessions(self, world.sessions)
        workers = Workers(jobs, jobs, Nowhere())  # type: ignore[arg-type]
        self._counters = counters = Counters()
        outbox = Outbox(
            loop,
            KeeperJobs(self),  # type: ignore[arg-type]
            Stored(self, world.sessions, "post"),  # type: ignore[arg-type]
            Stored(self, Posts(self), "post"),  # type: ignore[arg-type]
            name,
            lambda: world.now,
            counters,
        )
        cxone = world.cxone
        http = Http(
            lambda: world.now,
            cxone.livechat,
            cxone.kept,
            world.token_ms,
            cxone.legacy,
            world.page.signs_in,
            partial(cxone.rest_of, name),
            partial(cxone.stream_of, name),
            partial(cxone.refuses_address, name),
            lambda: world.now >= cxone.offline_until,
            cxone.third_party,
            lambda: world.now < cxone.refuses_until,
        )
        self.dfo = DigitalFirst(
            Dependencies(
                name,
                loop,
                workers,
                jobs,
                self.sessions,
                Stored(self, world.messages),  # type: ignore[arg-type]
                outbox,
                StoredHttp(self, http),  # type: ignore[arg-type]
                CHANNEL,
                counters,
                lambda: world.now,
                world.policy,
                world.queue,
                300_000,
                AGENT_TYPING_MS,
                TLS,
                "wss://line",
                sign=dict,
                talk=lambda session_id: self.keeper.talk(session_id),
                report_latency=lambda what, ms: world.felt.append((what, ms, world.now)),
            )
        )
        self._tell_typing, self.dfo._owners._tell = self.dfo._owners._tell, self._speak
        self.keeper = SimulatedKeeper(
            Settings(name, policy=guest.GuestPolicy(needs_socket=True)),
            loop,
            workers,
            self.sessions,
            self.dfo.talk_of,
            outbox,
            RollCall(jobs, self.sessions, Stored(self, Posts(self), "post"), lambda: world.now, counters),  # type: ignore[arg-type]
            Turnstile(loop, 50, 400),
            TLS,
            counters,
            lambda: world.now,
        )
        self.keeper.process = self
        self.keeper._sockets._dial = self._dial  # type: ignore[method-assign]
        self.sweeping = Sweeping(
            loop,
            jobs,
            self.sessions,
            self.dfo.runner,
            world.policy,
            counters,
            lambda: 0.5,
            self.dfo.can_own,
            self.keeper.holds,
            name,
        )
        self.dfo._context.transcripts = True
        # In some histories: what is told of it is a step of the others, which name theirs by number.
        self.dfo._context.decide(world.cxone.livechat, FILES if world.cxone.legacy else None)
        self.keeper.start(self)  # type: ignore[arg-type]
        if world.look_ms:
            self.keeper.look_often()
        self.dfo._mailbox.start()

    def _dial(self, hand: Hand, number: int, url: str) -> None:
        """Its sockets lead to the world's gateway."""
        listener = GuestSocketListener(self.keeper._sockets, hand, number)
        hand.sockets[number] = self.world.cxone.dial(self, listener, url)  # type: ignore[assignment]

    # --- its life

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

    def claim(self, session_id: str) -> int:
        """By which message it holds its visitor."""
        return self.newest_claim

    def done(self, session_id: str) -> None:
        """This guest is over, or held by another message."""
        self.world.let_go(self)

    def leave(self, session_id: str) -> None:
        """Its message is another keeper's, or appears again."""
        self.world.leaves(self)

    # --- its end by a deployment: the rest of what it asks of its custody

    is_renewing = False

    def drains(self) -> None:
        """SIGTERM: it hands its visitor back and ends."""
        self.keeper.drain(lambda: self.world.ended(self))

    def stop(self) -> None:
        """Nothing more is received."""

    def hand_back(self) -> None:
        """Its message is visible at once."""
        self.world.handed_back(self)

    def is_drained(self) -> bool:
        """It has been handed back."""
        return True

    # --- what goes wrong with its calls

    def step(self, request: Request, room: str) -> Any:
        """One call to the store, or to a visitor's connection, on the thread of a job: it leaves, is carried out, and
        its answer comes. ``room``: which calls it is counted with.
        """
        world, number = self.world, self.world.next_number(room)
        fault = world.fault(room, number)
        kind, ms = (fault.kind, fault.ms) if fault else ("", 0)
        if not fault and request.is_idle:
            return {}  # that nothing waits there takes no time, as it is most of what keepers ask
        if fault and kind != "fork":
            world.disturbs(f"{self.name}: {request.name}", fault)
            world.front.not_noted_until = max(world.front.not_noted_until, world.now + ms)
        if request.is_post:  # as it is decided: whoever then stalls may post late
            world.later(world.now, "front end", lambda: world.front.check_fence(self.name))
        self._leave(kind, ms, is_post=request.is_post)
        value = self._apply(request, (room, number))
        if kind == "freeze":
            world.stalls(self, ms)
        if kind == "again":
            self.wait(ms)
            if request.is_once:
                raise Away("the connection was closed")
            value = self._apply(request, (room, number))
        if kind == "crash-after":
            self.dies()
        self.wait(max(world.pace, ms if kind == "hold" else 0))
        if kind == "refuse-after":
            raise Away("the answer is lost")
        return value

    def _leave(self, kind: str, ms: int, *, is_post: bool) -> None:
        """The call is on its way to where it is carried out; or it is not, and this says why."""
        world = self.world
        if kind == "stall":
            self.wait(ms)
        if kind == "crash":
            self.dies()
            raise Killed
        if kind == "refuse" or world.now < (world.posts_refuse_until if is_post else world.store_refuses_until):
            self.wait(world.pace)
            raise Away("the store is away")
        self.travel(world.pace + (ms if kind == "slow" and is_post else 0))

    def relayed(self) -> int:
        """How many frames it counts as relayed."""
        return self._counters.take().get("FramesRelayed", 0)

    def _apply(self, request: Request, number: Hashable) -> Any:
        """``number`` names it; the client's own retry of it has the same name."""
        before = self.world.record
        self.world.sessions.request = number
        value = request.call()
        request.applied(before, value)
        return value

    # --- what is said

    def _speak(self, session_id: str, typing: bool, on_outcome: Callable[[Outcome], object]) -> None:
        """An owner says who types; the watch sees it leave, and what is heard of it."""
        generation = self.generation
        self.speaks, self.said = True, None

        def heard(outcome: Outcome) -> None:
            call.is_answered = True
            self.world.heard(self, call, outcome)
            on_outcome(outcome)

        self._tell_typing(session_id, typing, heard)
        self.speaks = False
        call = self.said or Call(0, "", typing, self.world.now, generation, is_taken=True)

"""The relay's surroundings in one thread: clock, store, CXone, Step Functions, keeper and sweeper.

The real flows run here, step by step. A ``World`` only knows what is pending; who drives it decides what comes next,
what goes wrong and when: ``runner`` by a history, ``explorer`` by trying everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from typing_relay.aws.sessions import shard_of
from typing_relay.platforms.webchat.guests import LATEST_WRITE_MS
from typing_relay.relay import flows, ports
from typing_relay.relay.burst import GuestStatus, Policy, Session
from typing_relay.relay.decisions import Owner
from typing_relay.relay.effects import (
    AskBreaker,
    AskCxone,
    AskForGuest,
    Effect,
    Flow,
    Jitter,
    Read,
    ReportLatency,
    Sleep,
    StartOwner,
    TellBreaker,
    TellCxone,
    TellTypingUnavailable,
    perform,
)
from typing_relay.relay.reconciling import Reconciled, reconcile
from typing_relay.relay.runner import Runner, handled_by
from typing_relay.relay.session_writes import EndGuest
from typing_relay.relay.sweeping import sweep_one

from tests.simulation.cxone import LATE_LIMIT_MS, Breaker, Call, Cxone
from tests.simulation.history import FAULTS, Act, Fault
from tests.simulation.invariants import Watch
from tests.simulation.keeper_effects import (
    CreateGuest,
    FindOverdue,
    OpenGuest,
    ReleaseGuest,
    SetGuestStatus,
    TakeGuest,
    handlers,
)
from tests.simulation.memory_sessions import MemorySessions

TOKEN_ENDS = 4_102_444_800  # epoch s
START = 1_000_000_000  # epoch ms at which every history begins
ID = "visitor"
#: Lambda time limits (template.yaml): a process that is stalled for longer is gone.
SENDER_MS, VISITOR_MS, SWEEPER_MS = 25_000, 5_000, 50_000
#: Step Functions ends an Express execution after this (typing_burst.asl.json).
EXECUTION_MS = 290_000
#: How far apart looks for dead owners may be, and by when all must have come to rest (T4): while keepers live, and
#: while only the schedule does. EventBridge Scheduler fires within a minute of the time it was set for.
KEEPERS_LOOK_MS, KEEPERS_SETTLE_MS = 4_000, 30_000
#: Keepers look ahead for this much longer than to their next look.
LOOK_AHEAD_MS = 500
SCHEDULE_MS, SCHEDULE_SETTLES_MS = 119_000, 135_000
#: A keeper refreshes its records and then waits this long for a lost request; and it keeps a guest without visitors.
LOOK_MS, GRACE_MS = 30_000, 60_000
#: A queue message comes back after this when its keeper died.
VISIBILITY_MS = 30_000


@dataclass(slots=True, eq=False)
class Process:
    """One run of a flow in one Lambda, or in a keeper."""

    what: str
    flow: Flow[Any]
    ends_at: int
    generation: int = -1
    then: Callable[[Any], None] | None = None
    died: Callable[[], None] | None = None
    fork: Callable[[], None] | None = None
    is_alive: bool = True
    #: How far its clock is ahead.
    skew: int = 0
    #: A Retry-After that it was told and has not yet written down: (guest, until).
    told_to_wait: tuple[str, int] | None = None

    def crash(self) -> None:
        """It is gone, between two lines."""
        self.is_alive = False
        self.flow.close()
        if self.died:
            self.died()


@dataclass(slots=True, eq=False)
class Action:
    """Something that happens at ``at`` or later; ``kind`` names which faults suit it."""

    at: int
    kind: str  # act, step, call, take, answer, wait, sweep, turn, resume
    what: str
    #: Is given what goes wrong, if anything does.
    do: Callable[..., object]
    process: Process | None = None
    number: int = 0
    call: Call | None = None


class World:
    """``add`` is given every action that is to come. ``keepers_live``: they look for dead owners."""

    def __init__(self, policy: Policy, add: Callable[[Action], None], pace: int = 0, keepers_live: bool = True) -> None:
        self.policy, self.pace, self._add = policy, pace, add
        self.now = START
        self.sweep_ms = KEEPERS_LOOK_MS if keepers_live else SCHEDULE_MS
        self.settle_ms = KEEPERS_SETTLE_MS if keepers_live else SCHEDULE_SETTLES_MS
        self.sessions = MemorySessions()
        self.sessions.clock = lambda: self.now
        #: The clock of every second function is ahead by this; ``_ahead``: that of the one at work.
        self.skew = self._ahead = self._processes = 0
        self.cxone = Cxone()
        self.watch = Watch(self)
        self.breaker = Breaker()
        self.keepers = self._requests = 0
        #: When the burst is looked at, or was, by whoever watches it, and of which generation.
        self._watched: set[tuple[int, int]] = set()
        #: How long a guest's socket takes to open.
        self.opening_ms = 0
        self.numbers = dict.fromkeys(FAULTS, 0)
        self.log: list[str] | None = None
        #: What the relay measured for people to read: (metric, ms, when).
        self.felt: list[tuple[str, int, int]] = []
        self.runner = self._runner()

    def _runner(self) -> Runner:
        """Carries out what happens at one moment; what takes time is the world's."""
        of_frames_and_owners = [
            handled_by(AskForGuest, lambda due: self._ask_for_guest(due.session_id)),
            handled_by(AskBreaker, lambda due: self.breaker.paused_until(due.now)),
            handled_by(TellBreaker, lambda due: self.breaker.note(due.guest_id, due.outcome, due.now)),
            handled_by(TellTypingUnavailable, lambda due: self.watch.told_unavailable(due.record.guest_id)),
            handled_by(Jitter, lambda due: 0.5),
            handled_by(ReportLatency, lambda due: self.felt.append((due.latency, due.ms, self.now))),
        ]
        known = dict([*of_frames_and_owners, *handlers(self.sessions, self.cxone)])
        return Runner(self.sessions, self.clock, known)

    def clock(self) -> int:
        """Of the process at work."""
        return self.now + self._ahead

    def open_guest(self) -> None:
        """Begin with a visitor in two tabs whose guest is open."""
        now = START
        self.sessions.create(ID, now, now // 1000 + self.policy.session_ttl_s)
        for tab in ("A", "B"):
            coming = ports.Coming(tab, now - 7000, TOKEN_ENDS)
            self.sessions.add_connection(ID, coming, now, now // 1000 + self.policy.session_ttl_s)
        self.sessions.take_guest(ID, "keeper-0", now)
        self.sessions.open_guest(ID, "keeper-0", self.cxone.create_guest(), "wss://guest", now)
        self.sessions.set_guest_status(ID, "keeper-0", GuestStatus.OPEN, now)

    def is_sound(self) -> bool:
        """The visitor's guest is one that CXone still knows: nothing is left of trouble but what a call would meet."""
        guest = self.record.guest_id
        return self.record.has_guest() and guest not in self.cxone.over | self.cxone.unavailable

    @property
    def record(self) -> Session:
        """The visitor's record as it stands, or an empty one."""
        return self.sessions.records.get(ID) or Session(ID)

    # --- what happens from outside

    def act(self, act: Act, repeated: bool = False) -> None:
        """A frame of a visitor reaches its Lambda."""
        at, tab, policy = START + act.at, act.tab, self.policy
        flow: Flow[Any]
        if act.kind == "key":
            flow = flows.key_pressed(policy, ID, tab, ports.Key(at, act.hold, act.late), TOKEN_ENDS)
        elif act.kind == "stop":
            flow = flows.stopped(policy, ID, tab, at, act.late)
        elif act.kind == "open":  # the handshake and the hello, which asks for a guest
            flow = flows.connected(policy, ID, tab, TOKEN_ENDS)
        else:
            flow = flows.disconnected(policy, ID, tab, at)
        self.watch.delivered(act)
        self._begin(Process(f"{act}{' again' if repeated else ''}", flow, self.now + VISITOR_MS))

    def turn(self, kind: str, ms: int) -> None:
        """CXone, or the keeper, does something on its own."""
        self.note(kind)
        match kind:
            case "cxone forgets":
                self.cxone.forget()
            case "cxone ends":
                self.cxone.end_all_guests()
            case "cxone pauses":
                self.breaker.pauses_until = self.now + ms
            case "keeper replaces":
                self._begin_keeper(kind, self._replace_guest())
            case "visitor leaves":
                self._begin_keeper(kind, self._release_guest())
        self.watch.disturbed(self.now + ms)

    def has_nothing_to_sweep(self) -> bool:
        """The index is empty, and reads of it tell no older state."""
        return not self.sessions.in_lease_index and not self.sessions.lag_ms

    def count_sweep(self) -> None:
        """Take the numbers of a process and a step, as a sweep does."""
        self._processes += 1
        self.numbers["step"] += 1

    def sweep(self) -> None:
        """The sweeper's Lambda, or a keeper, looks for bursts whose owner died."""
        process = Process("sweep", self._sweep(), self.now + SWEEPER_MS)
        if self.sweep_ms == KEEPERS_LOOK_MS:
            self._set_timers()
            process.then = self._set_timers
        self._begin(process)

    def _set_timers(self, _: object = None) -> None:
        """Keepers look ahead: a lease that ends before the next look, or was parked by this one, has its own timer."""
        for page in self.sessions.all_leases(shard_of(ID), self.now + self.sweep_ms + LOOK_AHEAD_MS, 100):
            for session_id, lease_until in page:
                if lease_until >= self.now:
                    self._watch(lease_until, session_id, 0)

    def _watch(self, at: int, session_id: str, generation: int) -> None:
        if (at, generation) in self._watched:
            return
        self._watched.add((at, generation))
        flow = sweep_one(self.policy, session_id, watched=generation, watches=True)
        process = Process("watch", flow, at + SWEEPER_MS)
        process.then = lambda swept: self._watch(swept.look_at, session_id, swept.generation) if swept.look_at else None
        self._add(Action(at, "resume", "watch", partial(self._begin, process), process))

    def _sweep(self) -> Flow[None]:
        for found in (yield from perform(FindOverdue(shard_of(ID), self.now))):
            yield from sweep_one(self.policy, found)

    # --- processes

    def _begin(self, process: Process) -> None:
        self._processes += 1
        process.skew = self.skew * (self._processes % 2)
        self._resume_later(process, None, 0)

    def _resume(self, process: Process, value: Any = None) -> None:
        """Let ``process`` go on to its next step."""
        if not process.is_alive:
            return
        if self.now >= process.ends_at:
            process.crash()
            return
        self._ahead = process.skew
        try:
            due = self.runner.advance(process.flow, value)
        except StopIteration as finished:
            self._ahead = 0
            process.is_alive = False
            if self.log is not None:
                self.note(f"{process.what}: {finished.value}")
            if process.then:
                process.then(finished.value)
            return
        self._ahead = 0
        self._await_step(process, due)

    def _await_step(self, process: Process, due: Effect[Any]) -> None:
        match due:
            case Sleep(ms):
                self._resume_later(process, None, ms)
            case TellCxone(guest_id, typing):
                self._begin_call(process, guest_id, typing)
            case AskCxone(guest_id):
                self._begin_call(process, guest_id, None)
            case _:
                kind = "start" if isinstance(due, StartOwner) else "step"
                do = partial(self._step, process, due)
                self._add(Action(self.now + self.pace, kind, type(due).__name__, do, process, self._next(kind)))

    def _resume_later(self, process: Process, value: Any, ms: int) -> None:
        self._add(Action(self.now + ms, "resume", process.what, partial(self._resume, process, value), process))

    def _next(self, kind: str) -> int:
        self.numbers[kind] += 1
        return self.numbers[kind]

    def _step(self, process: Process, due: Effect[Any], fault: Fault | None = None) -> None:
        """One effect, and what goes wrong with it."""
        if not process.is_alive:
            return
        kind = fault.kind if fault else ""
        if fault:
            self.watch.disturbed(self.now + fault.ms)
            self.note(f"{process.what}: {type(due).__name__}: {fault}")
        if kind == "crash" or self.now >= process.ends_at:
            process.crash()
            return
        if kind == "fork" and process.fork:
            process.fork()
        self._requests += 1
        request = self._requests
        value = self._apply(process, due, fault, request)
        if kind == "crash-after":
            process.crash()
        elif fault and kind == "again":
            self._send_again(process, due, fault, request)
        elif fault and kind == "hold":
            self._resume_later(process, value, fault.ms)
        else:
            self._resume(process, value)

    def _send_again(self, process: Process, due: Effect[Any], fault: Fault, request: int) -> None:
        """The answer was lost: the client makes the same request again, and goes by its second answer."""

        def send() -> None:
            if process.is_alive:
                self._resume(process, self._apply(process, due, fault, request))

        if fault.ms:
            self._add(Action(self.now + fault.ms, "resume", process.what, send, process))
        else:
            send()

    def _apply(self, process: Process, due: Effect[Any], fault: Fault | None, request: int) -> Any:
        """``request`` names it: the client's own retry has the same name."""
        if isinstance(due, StartOwner):
            is_started = self._start_execution(due.record, due.generation, fault)
            if is_started:
                self.watch.owner_started(process, due)
            return is_started
        before, self.sessions.request = self.record, request
        value = self.runner.carry_out(due)
        if self.log is not None:
            self.note(f"{process.what}: {call_text(due)} -> {value_text(value)}")
        self.watch.stepped(process, due, before, value)
        if isinstance(due, EndGuest):
            what = "keeper looks"
            look = partial(self._begin_keeper, what, self._look_after_guest())
            self._add(Action(self.now + LOOK_MS, "resume", what, look))
        return value

    # --- Step Functions

    def _start_execution(self, record: Session, generation: int, fault: Fault | None = None) -> bool:
        kind = fault.kind if fault else ""
        owner = Owner(record.session_id, generation, self.now)
        started = {"refuse": 0, "vanish": 0, "twice": 2}.get(kind, 1)
        what, invoke = f"start {generation} {self.now}", partial(self._invoke, owner)
        for _ in range(started):
            self._add(Action(self.now + self.pace, "resume", what, invoke))
        self.note(f"start execution {generation}: {kind or 'started'}")
        return kind not in ("refuse", "refuse-after")

    def _invoke(self, owner: Owner) -> None:
        """The state machine calls the sender."""
        if self.now - owner.started_at >= EXECUTION_MS:
            return
        process = Process(
            f"execution {owner.generation}",
            reconcile(self.policy, owner),
            self.now + SENDER_MS,
            owner.generation,
        )
        process.then = lambda result: self._wait(owner, result)
        process.fork = lambda: self._fork(process, owner)
        self._begin(process)

    def _fork(self, process: Process, owner: Owner) -> None:
        """Step Functions lost sight of an invocation and makes another, while the first still runs."""
        process.then = process.fork = None
        self._invoke(owner)

    def _wait(self, owner: Owner, result: Reconciled) -> None:
        if result.done:
            return
        wake = self.now + result.wait_seconds * 1000 + 2 * self.pace
        do = partial(self._wake, owner)
        what = f"wait {owner.generation} {owner.started_at}"
        self._add(Action(wake, "wait", what, do, None, self._next("wait")))

    def _wake(self, owner: Owner, fault: Fault | None = None) -> None:
        kind = fault.kind if fault else ""
        if fault:
            self.watch.disturbed(self.now)
            self.note(f"wait {owner.generation}: {fault}")
        for _ in range({"lost": 0, "twice": 2}.get(kind, 1)):
            self._invoke(owner)

    # --- CXone

    def _begin_call(self, process: Process, guest: str, typing: bool | None) -> None:
        """A POST or GET (``typing`` is None) leaves; from here on CXone may take it, whatever becomes of its sender.

        Nothing comes between the flow's last look at the clock and this: see docs/guarantees.md.
        """
        call = Call(self._next("call"), guest, typing, self.now, process.generation)
        self.watch.call_began(process, call)
        if self.log is not None:
            self.note(f"{process.what}: call {call.number} begins: {_method(call)} {guest}")
        take = partial(self._take, process, call)
        self._add(Action(self.now + 4 * self.pace, "call", f"take {call.number}", take, process, call.number, call))

    def _take(self, process: Process, call: Call, fault: Fault | None = None) -> None:
        """CXone acts on the call, in time or never."""
        if fault is not None and call.fault is None:
            call.fault = fault
            self.note(f"call {call.number}: {fault}")
            if fault.kind == "throttled":
                self.watch.throttled(call.guest, self.now + 4 * self.pace + fault.ms)
            self.watch.disturbed(self.now + _delay_of(fault))
            if fault.kind == "orphan":
                call.is_answered = True
                process.crash()
            delay = _delay_of(fault)
            if fault.kind == "late" and fault.ms >= LATE_LIMIT_MS:
                self._never_leaves(process, call)
                return
            if delay:
                take = partial(self._take, process, call)
                self._add(Action(self.now + delay, "take", f"take {call.number}", take, process, 0, call))
                return
        if self.now < call.ends_at:
            self.cxone.take(call)
            self.watch.call_taken(call)
            if self.log is not None:
                self.note(f"call {call.number}: taken, shows {self.cxone.shows}")
        else:
            call.is_taken = True
        if not process.is_alive:
            return
        lost = call.fault is not None and call.fault.kind in ("lost", "lost-untaken")
        at = call.ends_at if lost else self.now + 4 * self.pace
        answer = partial(self._answer, process, call)
        self._add(Action(at, "answer", f"answer {call.number}", answer, process, 0, call))

    def _never_leaves(self, process: Process, call: Call) -> None:
        """Connecting takes longer than a call may wait for it: not a byte is written, and its sender knows that."""
        call.is_taken, call.fault = True, Fault("unsent")
        answer = partial(self._answer, process, call)
        self._add(Action(call.began + LATEST_WRITE_MS, "answer", f"answer {call.number}", answer, process, 0, call))

    def _answer(self, process: Process, call: Call) -> None:
        call.is_answered = True
        if not process.is_alive:
            return
        if self.now >= call.ends_at:
            call.fault = Fault("lost")
            self.watch.disturbed(self.now)
        outcome = self.cxone.answer(call)
        if self.log is not None:
            self.note(f"{process.what}: call {call.number} answered: {outcome}")
        self.watch.call_answered(process, call, outcome)
        self._resume(process, outcome)

    # --- keepers

    def _ask_for_guest(self, session_id: str) -> None:
        self.keepers += 1
        self._keep(f"keeper-{self.keepers}")

    def _keep(self, name: str) -> None:
        self._begin_keeper(name, self._bring_guest(name))

    def _begin_keeper(self, what: str, flow: Flow[None]) -> None:
        """If this keeper dies, its queue message comes back and another one takes the session."""
        process = Process(what, flow, self.now + 10 * VISIBILITY_MS)
        again = partial(self._ask_for_guest, ID)
        process.died = lambda: self._add(Action(self.now + VISIBILITY_MS, "resume", f"{what} again", again))
        self._begin(process)

    def _bring_guest(self, name: str) -> Flow[None]:
        """What a keeper that received a queue message writes, in its order."""
        record = yield from perform(TakeGuest(ID, name, self.now))
        if record is None:
            return
        if not record.guest_id:
            guest = yield from perform(CreateGuest())
            if not (yield from perform(OpenGuest(ID, name, guest, self.now))):
                return
            if self.opening_ms:
                yield Sleep(self.opening_ms)
        begins = record.guest_status not in (GuestStatus.OPEN, GuestStatus.RECONNECTING)
        yield from perform(SetGuestStatus(ID, name, GuestStatus.OPEN, self.now, begins))

    def _replace_guest(self) -> Flow[None]:
        """The keeper notices first that the guest is over: by its socket's close code."""
        record = self.record
        if record.guest_status is not GuestStatus.OPEN:
            return
        self.cxone.over.add(record.guest_id)
        if (yield from perform(EndGuest(ID, record.guest_id, self.now))):
            yield from self._bring_guest(record.keeper)

    def _look_after_guest(self) -> Flow[None]:
        """A keeper that finds its guest ended by somebody else awaits the request for a new one, but not for ever."""
        record = yield from perform(Read(ID, self.now))
        if record and record.keeper and not record.guest_id:
            self._ask_for_guest(ID)

    def _release_guest(self) -> Flow[None]:
        """The grace after the last connection is over; until the record lets go, it is tried again after another."""
        while self.record.keeper and not self.record.connections:
            if (yield from perform(ReleaseGuest(ID, self.record.keeper, self.now))):
                return
            yield Sleep(GRACE_MS)

    def note(self, text: str | Any, *_: Any) -> None:
        """A line of the story, when somebody reads it."""
        if self.log is not None:
            self.log.append(f"{self.now - START:>7} {text}")


def _delay_of(fault: Fault) -> int:
    """How much later CXone acts on a call."""
    return fault.ms if fault.kind in ("lost", "lost-untaken", "slow", "late", "orphan") else 0


def _method(call: Call) -> str:
    return "GET" if call.typing is None else f"POST {str(call.typing).lower()}"


def call_text(due: Effect[Any]) -> str:
    """An effect in few words."""
    shown = [value for value in vars(due).values() if not isinstance(value, Session)]
    return f"{type(due).__name__}({', '.join(value_text(value) for value in shown)})"


def value_text(value: Any) -> str:
    """An answer, or a part of an effect, in few words."""
    if isinstance(value, Session):
        return f"<generation {value.generation} revision {value.revision} shown {value.shown} sending {value.sending}>"
    if isinstance(value, int) and not isinstance(value, bool) and value > START:
        return str(value - START)
    return str(value)

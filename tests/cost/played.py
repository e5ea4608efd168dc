"""Real rhythms played through the relay's own flows in virtual time, and every billed thing of it counted."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

from typing_relay.aws.keeper_lines import REMEMBER_MS
from typing_relay.platforms.webchat.shared_state import SharedBreaker
from typing_relay.relay import flows, ports
from typing_relay.relay.burst import GuestStatus, Policy, Session, claim_of
from typing_relay.relay.decisions import Owner
from typing_relay.relay.effects import (
    AskBreaker,
    AskCxone,
    Effect,
    Flow,
    Jitter,
    OnRecords,
    Read,
    ReportLatency,
    Sleep,
    StartOwner,
    TellBreaker,
    TellCxone,
)
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.reconciling import Reconciled, reconcile
from typing_relay.relay.runner import Handler, Runner, handled_by
from typing_relay.relay.session_writes import PressKey
from typing_relay.relay.sweeping import Swept, sweep_one

from local.playing.rhythm import FrameDue, StopDue
from tests.cost.log_lines import CONNECTION, GUEST, ID, NOW, line_bytes
from tests.cost.model import Model
from tests.cost.prices import EXPRESS_GB, EXPRESS_STEP_MS
from tests.simulation.memory_sessions import MemorySessions
from tests.support.item_size import record_size

KEEPER = "ip-10-0-12-34-0c6f3a52"
CLAIM = claim_of("0c6f3a52-7a0b-4f0e-9f0c-2b1d6c1c9c11", NOW)
#: As long as CXone's is taken to be, with a guest's token in it.
SOCKET_URL = "wss://acme.api.nicecxone.com/".ljust(200, "x")
UNIT_WRITTEN, UNIT_READ = 1024, 4096


@dataclass
class Played:
    """What came of one visitor's rhythm."""

    counts: Counter[str] = field(default_factory=Counter)
    #: (epoch ms, typing) of each POST, or frame to the gateway.
    told: list[tuple[int, bool]] = field(default_factory=list)
    #: (metric, ms), as the relay measured it.
    felt: list[tuple[str, int]] = field(default_factory=list)
    #: Bytes of the largest item that was read or written.
    largest: int = 0


class StateTable:
    """The client of CXone's shared state: an empty table whose reads and writes are counted."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts, self.calls = counts, 0

    def get_item(self, **_: Any) -> dict[str, Any]:
        self._note(read_units=0.5)
        return {}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        self._note(read_units=0.5 * sum(len(asked["Keys"]) for asked in request["RequestItems"].values()))
        return {"Responses": {}}

    def update_item(self, **request: Any) -> dict[str, Any]:
        self._note(write_units=1)
        values = request["ExpressionAttributeValues"]
        counted = {"calls": ":calls", "troubled_calls": ":troubled", "asked_ms": ":asked"}
        return {"Attributes": {name: values[value] for name, value in counted.items()}}

    def _note(self, **units: float) -> None:
        self.calls += 1
        self._counts.update(units)  # type: ignore[arg-type]  # halves are counted too


class Relay:
    """One visitor's session and all that works on it. ``policy.verifies``: webchat v1, else Digital-First."""

    def __init__(self, policy: Policy, model: Model) -> None:
        # That its keeper says each 20 min that it holds the guest is counted as part of holding it.
        policy = replace(policy, keeper_silent_ms=10**12)
        self.policy, self.model, self.now = policy, model, NOW
        self.played = Played()
        self.counts = self.played.counts
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.sessions = MemorySessions()
        self._state_table = StateTable(self.counts)
        self._calls: list[str] = []
        #: What CXone had been told when it was last asked: the burst that it was asked about.
        self._asked_after = 0
        self._known: tuple[Session, bool, int] | None = None
        self.runner = self._runner()
        self._open_guest()

    def _runner(self) -> Runner:
        """Carries out what happens here: nothing goes wrong, so no guest is asked for and nothing is unavailable."""
        owners = Executions(self) if self.policy.verifies else Keeper(self)
        known = [
            handled_by(StartOwner, lambda due: owners.start(due.record, due.generation)),
            handled_by(TellCxone, self._take_typing),
            handled_by(AskCxone, self._answer_question),
            handled_by(Jitter, lambda due: 0.5),
            handled_by(ReportLatency, lambda due: self.played.felt.append((due.latency, due.ms))),
        ]
        return Runner(self.sessions, lambda: int(self.now), dict([*known, *self._breaker()]))

    def _breaker(self) -> list[Handler]:
        if not self.policy.verifies:
            return [handled_by(AskBreaker, lambda due: 0), handled_by(TellBreaker, lambda due: None)]
        breaker = SharedBreaker(self._state_table, "state", _opens)
        return [
            handled_by(AskBreaker, lambda due: breaker.paused_until(due.now)),
            handled_by(TellBreaker, lambda due: breaker.note(due.guest_id, due.outcome, due.now)),
        ]

    def play(self, frames: Iterable[FrameDue | StopDue]) -> Played:
        """All ``frames`` (ms from the start), and what follows from them."""
        for due in frames:
            self.later(due.at + self.model.gateway, partial(self._frame, due))
        while self._agenda:
            self.now, _, do = heapq.heappop(self._agenda)
            do()
        return self.played

    def later(self, ms: float, do: Callable[[], None]) -> None:
        """Do it this much later."""
        heapq.heappush(self._agenda, (self.now + ms, next(self._order), do))

    def _open_guest(self) -> None:
        sessions, expires_at = self.sessions, NOW // 1000 + self.policy.session_ttl_s
        sessions.create(ID, NOW, expires_at)
        sessions.add_connection(ID, ports.Coming(CONNECTION, NOW - 7000, NOW // 1000 + 7200), NOW, expires_at)
        sessions.take_guest(ID, KEEPER, NOW, CLAIM)
        if self.policy.verifies:
            sessions.open_guest(ID, KEEPER, GUEST, SOCKET_URL, NOW)
        else:
            made = ports.ConversationIds(GUEST, GUEST, GUEST)
            sessions.open_conversation(ID, KEEPER, made, NOW)
            sessions.set_contact(ID, KEEPER, is_open=True, perhaps_shown=False)
        sessions.set_guest_status(ID, KEEPER, GuestStatus.OPEN, NOW)

    # --- functions

    def _frame(self, due: FrameDue | StopDue) -> None:
        at, ends = NOW + due.at - due.frame()["ago_ms"], NOW // 1000 + 7200
        self.counts["frames"] += 1
        self.counts["messages"] += 1
        if isinstance(due, FrameDue):
            kind, flow = "key", flows.key_pressed(self.policy, ID, CONNECTION, ports.Key(at, due.hold_ms), ends)
        else:
            kind, flow = "stop", flows.stopped(self.policy, ID, CONNECTION, at)
        self.invoke("Keystroke", flow, lambda became: self._note_lines(f"{kind} {became}"))

    def invoke(self, function: str, flow: Flow[Any], then: Callable[[Any], None]) -> None:
        """Run ``flow`` in a Lambda of its own, and ``then`` take its result."""
        began = self.now
        self.counts[f"{function} calls"] += 1

        def over(result: Any) -> None:
            ms = math.ceil(self.now - began)
            self.counts[f"{function} ms"] += ms
            then(result)

        cpu = self.model.on_cpu(function, self.model.invocation_cpu)
        call_cpu = self.model.on_cpu(function, self.model.call_cpu)
        self.later(cpu, partial(self.run, flow, over, call_cpu))

    def _note_lines(self, of: str) -> None:
        self.counts["log_bytes"] += line_bytes().get(of, 0)

    def note_look(self) -> None:
        """The lines of a look of the sender, by the calls that it made."""
        self.counts["log_bytes"] += sum(line_bytes()[call] for call in self._calls or [""])
        self._calls.clear()

    # --- steps

    def run(
        self,
        flow: Flow[Any],
        then: Callable[[Any], None],
        call_cpu: float = 0,
        answer: Any = None,
    ) -> None:
        """Carry ``flow`` on; each step acts at once and takes its time."""
        try:
            due = self.runner.advance(flow, answer)
        except StopIteration as finished:
            then(finished.value)
            return
        answer, ms = self._carry_out(due, call_cpu)
        self.later(ms, partial(self.run, flow, then, call_cpu, answer))

    def _carry_out(self, due: Effect[Any], call_cpu: float) -> tuple[Any, float]:
        """The effect's answer, and how long it takes."""
        match due:
            case Sleep(ms):
                self.counts["slept ms"] += ms
                return None, ms
            case OnRecords():
                if not call_cpu:  # not in a function, so in the keeper
                    self.counts["keeper reads" if isinstance(due, Read) else "keeper writes"] += 1
                return self._store(due), self.model.dynamodb + call_cpu
            case AskBreaker() | TellBreaker():
                before = self._state_table.calls
                answer = self.runner.carry_out(due)
                return answer, (self._state_table.calls - before) * (self.model.dynamodb + call_cpu)
            case TellCxone() | AskCxone():
                return self.runner.carry_out(due), self.model.cxone + call_cpu if self.policy.verifies else 0
        ms = self.model.start_execution if self.policy.verifies else self.model.post
        return self.runner.carry_out(due), ms + call_cpu

    def _store(self, due: OnRecords[Any]) -> Any:
        """A call of the store, by DynamoDB's rules: whole KB of the larger of the item before and after."""
        before, was_in_hand, old_size = self._standing()
        answer = self.runner.carry_out(due)
        after, is_in_hand, new_size = self._standing()
        size = max(old_size, new_size)
        self.played.largest = max(self.played.largest, size)
        if isinstance(due, Read):
            self.counts["read_units"] += math.ceil(size / UNIT_READ)
            return answer
        # A key that was overtaken is refused, which costs as much, and then noted.
        calls = 2 if isinstance(due, PressKey) and answer is None else 1
        index = _index_writes(before, was_in_hand, after, is_in_hand)
        if index and is_in_hand:
            self.later(after.lease_until - self.now, partial(self._lease_ends, after.lease_until))
        self.counts["writes"] += calls
        self.counts["index writes"] += index
        self.counts["write_units"] += calls * math.ceil(size / UNIT_WRITTEN) + index
        return answer

    def _lease_ends(self, at: int) -> None:
        """The keeper has a timer for it."""
        record, in_lease_index, _ = self._standing()
        if in_lease_index and record.lease_until == at:
            self._watch(0)

    def _watch(self, generation: int) -> None:
        def watched(swept: Swept) -> None:
            if swept.look_at:
                self.later(swept.look_at - self.now, partial(self._watch, swept.generation))

        self.run(sweep_one(self.policy, ID, watched=generation, watches=True), watched)

    def _standing(self) -> tuple[Session, bool, int]:
        """The record, whether its lease is unreleased, and its size, which is not reckoned anew for the same record."""
        record, in_lease_index = self.sessions.records[ID], ID in self.sessions.in_lease_index
        if not self._known or self._known[0] is not record or self._known[1] != in_lease_index:
            self._known = (record, in_lease_index, record_size(record, in_lease_index))
        return self._known

    def _take_typing(self, due: TellCxone) -> Outcome:
        self.played.told.append((int(self.now), due.typing))
        self.counts["POSTs" if self.policy.verifies else "frames to the gateway"] += 1
        if not self.policy.verifies:
            self._note_lines("keeper told")
        self._calls.append(str(due.typing).lower())
        return Outcome(Kind.ACCEPTED)

    def _answer_question(self, due: AskCxone) -> bool:
        self.counts["GETs"] += 1
        self.counts["bursts asked about"] += self._asked_after != len(self.played.told)
        self._asked_after = len(self.played.told)
        self._calls.append("get")
        return self.played.told[-1][1]


def _opens(pause_ms: int) -> None:
    raise AssertionError("nothing goes wrong here")


class Executions:
    """Owners on webchat v1: executions of the state machine, which call the sender."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def start(self, record: Session, generation: int) -> bool:
        """Start one."""
        relay = self._relay
        relay.counts["executions"] += 1
        owner = Owner(record.session_id, generation, int(relay.now))
        relay.later(relay.model.state, partial(self._look, owner))
        return True

    def _look(self, owner: Owner) -> None:
        relay = self._relay
        relay.invoke("Sender", reconcile(relay.policy, owner), partial(self._looked, owner))

    def _looked(self, owner: Owner, result: Reconciled) -> None:
        relay = self._relay
        relay.note_look()
        if result.done:
            lasted = relay.now - owner.started_at + relay.model.state
            billed = math.ceil(lasted / EXPRESS_STEP_MS) * EXPRESS_STEP_MS
            relay.counts["express_gb_s"] += billed / 1000 * EXPRESS_GB
        else:
            relay.later(result.wait_seconds * 1000 + 2 * relay.model.state, partial(self._look, owner))


class Keeper:
    """Owners on Digital-First: in the keeper, as ``platforms.digital_first.owners`` has it; a function nudges it."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._newest = 0
        #: When the function, one process here, looked up the keeper's line.
        self._found_at = -math.inf

    def start(self, record: Session, generation: int) -> bool:
        """Nudge: a message to the keeper's line, which is looked up now and then. The former owner sleeps no longer."""
        relay = self._relay
        if relay.now - self._found_at >= REMEMBER_MS:
            self._found_at = relay.now
            relay.counts["read_units"] += 1
        relay.counts["messages"] += 1
        relay.counts["nudges"] += 1
        self._newest = generation
        owner = Owner(record.session_id, generation, int(relay.now))
        relay.later(relay.model.post, partial(self._look, owner))
        return True

    def _look(self, owner: Owner) -> None:
        if owner.generation == self._newest:
            relay = self._relay
            relay.run(reconcile(relay.policy, owner), partial(self._looked, owner))

    def _looked(self, owner: Owner, result: Reconciled) -> None:
        if not result.done:
            self._relay.later(result.wait_seconds * 1000, partial(self._look, owner))


def _index_writes(before: Session, was_in_hand: bool, after: Session, is_in_hand: bool) -> int:
    """Of the sparse index ``by_lease``: put in, taken out, or both where what it is sorted by changes."""
    if was_in_hand and is_in_hand:
        return 2 if before.lease_until != after.lease_until else 0
    return int(was_in_hand != is_in_hand)

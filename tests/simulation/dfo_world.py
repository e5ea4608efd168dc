"""The world on Digital-First: keepers own bursts, and what they say are frames on the visitor's socket."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from typing_relay.relay import flows, messages, ports
from typing_relay.relay.burst import Policy, Session, claim_of
from typing_relay.relay.effects import AskForGuest, Effect, Hint, Nudge, OnRecords, StartOwner
from typing_relay.relay.messages import asked_of_keeper, handed_over, message_sent
from typing_relay.relay.outcomes import Outcome
from typing_relay.relay.ports import MessageStatus
from typing_relay.relay.runner import Runner, handled_by
from typing_relay.relay.session_writes import Lock
from typing_relay.relay.sign_in import SignIn

from tests.simulation.cxone import Call
from tests.simulation.gateway import Gateway, Wire
from tests.simulation.history import Act, Fault
from tests.simulation.invariants import Violated
from tests.simulation.keepers import KeeperProcess
from tests.simulation.memory_messages import MemoryMessages
from tests.simulation.page import Page
from tests.simulation.visitors import Front
from tests.simulation.world import (
    ID,
    START,
    TOKEN_ENDS,
    VISIBILITY_MS,
    VISITOR_MS,
    Action,
    Process,
    World,
    call_text,
    value_text,
)

#: The visitor comes in this long before a history begins.
COMES_MS = 2_000
#: How often a keeper says that it still has its messages in hand.
RENEWAL_MS = 20_000
#: T4: who holds the visitor is dead for this long before another keeper has it, and needs this long to open a socket.
TAKEN_OVER_MS = VISIBILITY_MS - 25_000


class DfoWorld(World):
    """``fault`` tells what goes wrong with the numbered step, start or frame."""

    def __init__(
        self,
        policy: Policy,
        add: Callable[[Action], None],
        pace: int,
        livechat: bool,
        fault: Callable[[str, int], Fault | None],
    ) -> None:
        self.messages = MemoryMessages()
        super().__init__(policy, add, pace)
        self.now = START - COMES_MS
        self.fault = fault
        #: How often a keeper looks at its records, in ms.
        self.look_ms = 0
        #: How long an access token is good for.
        self.token_ms = 3_600_000
        self.numbers |= {"frame": 0, "post": 0}
        #: Names the queue's messages: no two have one name, as a claim says by which message a visitor is held.
        self._queue_messages = count(1)
        self.cxone: Gateway = Gateway(self, livechat)  # type: ignore[assignment]
        self.front = Front(self)
        self.page, self.session_id = Page(self), ID
        #: From then on no message that was let be changes hands.
        self.queue_rests_at = 0
        self.store_refuses_until = self.posts_refuse_until = 0
        self._contacts_noted = 0
        #: By generation, the keeper that owned it.
        self._owned_by: dict[int, str] = {}
        #: By each wish of the visitor's to end the conversation: the messages that waited then.
        self._ends_behind: list[list[str]] = []
        #: How many had been sent when it ended it last.
        self._sent_before_end: int | None = None
        self.fleet: list[KeeperProcess] = []
        #: Who has a message of the queue in hand, and so the visitor; the last one is the newest.
        self.holders: list[KeeperProcess] = []

    def _runner(self) -> Runner:
        """Of the visitors' functions."""
        known = dict(
            [
                handled_by(AskForGuest, lambda due: self.queue(due.session_id)),
                handled_by(Nudge, lambda due: not due.record.keeper or self._reaches(due.record.keeper, due.body, 1)),
            ]
        )
        return Runner(self.sessions, self.clock, known, self.messages)

    def open_guest(self) -> None:
        """Begin with a visitor in two tabs, whose socket is open before the history begins."""
        expires_at = self.now // 1000 + self.policy.session_ttl_s
        self.sessions.create(ID, self.now, expires_at)
        for tab in ("A", "B"):
            self.sessions.add_connection(ID, ports.Coming(tab, START - 7000, TOKEN_ENDS), self.now, expires_at)
            self.front.comes(tab, START - 7000)
        self.queue(ID)

    def is_sound(self) -> bool:
        """Somebody can speak for the visitor."""
        return self.record.has_guest() and self.record.contact_open

    def open_contact(self) -> None:
        """Agents see the visitor's thread."""
        thread_id = self.record.conversation.get("thread")
        if thread_id:
            self.cxone.open_contact(thread_id)

    def says_hello(self, tab: str) -> None:
        """Whoever says hello is put on record, if it is not there."""
        if tab not in self.record.connections:
            flow = flows.connected(self.policy, ID, tab, TOKEN_ENDS)
            self._begin(Process(f"hello {tab}", flow, self.now + VISITOR_MS))
        self.runner.run(flows.caught_up(self.record))

    def next_number(self, kind: str) -> int:
        """Of the next step or frame."""
        return self._next(kind)

    def later(self, at: int, what: str, do: Callable[[], object]) -> None:
        """Have this happen."""
        self._add(Action(at, "loop", what, do))

    def disturbs(self, what: str, fault: Fault) -> None:
        """A fault that lasts."""
        self.watch.disturbed(self.now + fault.ms)
        self.note(f"{what}: {fault}")

    # --- what happens from outside

    def act(self, act: Act, repeated: bool = False) -> None:
        """A frame of a visitor reaches its Lambda."""
        if act.kind == "close":
            self.front.goes(act.tab)
        elif not repeated:
            self.front.comes(act.tab, self.now)
        if act.kind != "message":
            super().act(act, repeated)
            return
        message = ports.SentMessage(f"message-{act.tab}-{act.at}", "Good morning", START + act.at)
        sender = messages.Sender(ID, act.tab, TOKEN_ENDS)
        self.watch.delivered(act)
        flow = message_sent(self.policy, sender, message, 300_000)
        self._begin(Process(str(act), flow, self.now + VISITOR_MS))

    def hands_over(self, sign_in: SignIn, again_ms: int = 0) -> None:
        """A page's frame reaches its Lambda, and this much later once more (T12)."""
        self._begin(Process("sign-in", handed_over(ID, sign_in), self.now + VISITOR_MS))
        if again_ms:
            self.later(self.now + again_ms, "sign-in again", lambda: self.hands_over(sign_in))

    def turn(self, kind: str, ms: int) -> None:
        """An agent, the gateway, AWS or a keeper does something on its own."""
        self.note(f"{kind} {ms or ''}")
        self.watch.disturbed(self.now + ms)
        if not kind.startswith("keeper"):
            self._turn_of_others(kind, ms)
        elif self.holders:
            self._turn_of_keeper(kind, ms, self.holders[-1])

    def _turn_of_others(self, kind: str, ms: int) -> None:  # noqa: C901  # a table
        match kind:
            case "visitor ends":
                self._ends_behind.append(self._untouched())
                is_heard = self.runner.run(asked_of_keeper(ID, Hint.END))
                self._sent_before_end = len(self.messages.kept) if is_heard else None  # else the visitor is told
            case "visitor asks":
                self.runner.run(asked_of_keeper(ID, Hint.HISTORY))
            case "visitor mails":
                self.runner.run(asked_of_keeper(ID, Hint.TRANSCRIPT, "ada@example.com"))
            case "visitor scrolls":
                self.runner.run(asked_of_keeper(ID, Hint.HISTORY, self.front.before or "unheard-of"))
            case "contact opens":
                self.open_contact()
            case "contact closes":
                self.cxone.close_contact()
            case "agent types":
                self.cxone.agent_types()
            case "agent stops":
                self.cxone.agent_stops()
            case "agent vanishes":
                self.cxone.agent_vanishes()
            case "agent changes":
                self.cxone.agent_changes()
            case "agent writes":
                self.cxone.agent_writes()
            case "gateway drops":
                self.cxone.drop_sockets()
            case "address refused":
                self.cxone.address_refused_until = self.now + ms
            case "nobody there":
                self.cxone.offline_until = self.now + ms
            case "gateway refuses":
                self.cxone.refuses_until = self.now + ms
            case "store refuses":
                self.front.not_noted_until = self.store_refuses_until = self.now + ms
            case "posts refuse":
                self.posts_refuse_until = self.now + ms

    def _turn_of_keeper(self, kind: str, ms: int, holder: KeeperProcess) -> None:
        match kind:
            case "keeper dies":
                holder.dies()
            case "keeper stalls":
                self.stalls(holder, ms)
            case "keeper loses":
                self._given_away(holder, is_told=not ms)
            case "keeper again":
                holder.call(self.now, lambda: self._has(holder, holder.message))
            case "keeper drains":
                holder.call(self.now, holder.drains)
            case "keeper rotates":
                holder.call(self.now, lambda: holder.keeper.rotate(ID))

    def stalls(self, process: KeeperProcess, ms: int) -> None:
        """None of its threads goes on for this long; its message in the queue becomes another's when that is long."""
        process.stalled_until = max(process.stalled_until, self.now + ms)
        self.front.not_noted_until = max(self.front.not_noted_until, process.stalled_until)
        if ms >= VISIBILITY_MS:
            self._appears_again(process)

    def _step(self, process: Process, due: Effect[Any], fault: Fault | None = None) -> None:
        """A Lambda whose call to the store fails dies of it."""
        kinds = {"refuse": "crash", "refuse-after": "crash-after"}
        is_store = fault is not None and not isinstance(due, StartOwner)
        super()._step(process, due, Fault(kinds.get(fault.kind, fault.kind), fault.ms) if fault and is_store else fault)

    def has_nothing_to_sweep(self) -> bool:
        """Not known: each keeper looks, by calls of its own."""
        return False

    def sweep(self) -> None:
        """Each keeper looks for bursts whose owner died."""
        for process in self.fleet:
            process.call(self.now, partial(process.sweeps, ID))

    # --- the queue

    def queue(self, session_id: str) -> None:
        """A message asks for a keeper; who holds the visitor already receives it, or another."""
        message = next(self._queue_messages)
        self.later(self.now + self.pace, "queue", lambda: self._receive(message))

    def _receive(self, message: int) -> None:
        alive = [process for process in self.holders if process.is_alive]
        process = alive[-1] if alive else self._a_keeper()
        process.call(self.now, lambda: self._has(process, message))

    def _has(self, process: KeeperProcess, message: int) -> None:
        self.front.changes_hands()
        self.holders = [other for other in self.holders if other is not process] + [process]
        process.message, process.newest_claim = message, claim_of(f"message {message}", self.now)
        process.keeper.requested(ID)

    def _given_away(self, holder: KeeperProcess, is_told: bool = True) -> None:
        """Its message has become visible: another keeper has it. SQS may or may not say so at the next renewal."""
        if holder in self.holders:
            self.holders.remove(holder)
            process, message = self._a_keeper(), holder.message
            process.call(self.now, lambda: self._has(process, message))
            if is_told:
                holder.call(self.now + RENEWAL_MS, lambda: self._renews(holder))

    def handed_back(self, process: KeeperProcess) -> None:
        """A keeper that ends makes its message visible."""
        self._given_away(process, is_told=False)

    def ended(self, process: KeeperProcess) -> None:
        """It is gone, and owes nothing."""
        process.is_alive = False
        self.fleet.remove(process)

    def _renews(self, process: KeeperProcess) -> None:
        """Its message is not its own any more; as long as it holds the visitor it asks with another one."""
        if process not in self.holders and process.keeper.holds(ID):
            self.queue(ID)

    def _a_keeper(self) -> KeeperProcess:
        self.keepers += 1
        process = KeeperProcess(self, f"keeper-{self.keepers}")
        self.fleet.append(process)
        return process

    def died(self, process: KeeperProcess) -> None:
        """T4: another keeper has its visitor when its message becomes visible."""
        self.note(f"{process.name} is dead")
        self.front.changes_hands()
        self.fleet.remove(process)
        self.watch.disturbed(self.now + TAKEN_OVER_MS)
        if process in self.holders:
            self._appears_again(process)

    def let_go(self, process: KeeperProcess) -> None:
        """It holds nobody any more."""
        self.note(f"{process.name} lets go")
        if process in self.holders:
            self.holders.remove(process)

    def leaves(self, process: KeeperProcess) -> None:
        """It lets its message be: if nobody else has it, it appears again."""
        self.note(f"{process.name} leaves its message")
        if process in self.holders:
            self._appears_again(process)

    def _appears_again(self, process: KeeperProcess) -> None:
        """When its visibility ends, its message is another's."""
        self.queue_rests_at = self.now + VISIBILITY_MS
        self.later(self.queue_rests_at, "queue", lambda: self._given_away(process))

    # --- nudges

    def _start_execution(self, record: Session, generation: int, fault: Fault | None = None) -> bool:
        kind = fault.kind if fault else ""
        if kind == "refuse":
            return False
        is_reached = not record.keeper or self._reaches(
            record.keeper, {"session": ID, "generation": generation}, {"vanish": 0, "twice": 2}.get(kind, 1)
        )
        return is_reached and kind != "refuse-after"

    def _reaches(self, keeper: str, nudge: dict[str, Any], times: int) -> bool:
        process = next((process for process in self.fleet if process.name == keeper), None)
        for _ in range(times if process else 0):
            process.call(self.now + self.pace, partial(process.nudged, nudge))  # type: ignore[union-attr]
        return process is not None

    # --- what keepers write and say

    def stepped(self, process: KeeperProcess, due: OnRecords[Any], before: Session, value: Any) -> None:
        """What an owner in a keeper asked of the store was carried out."""
        if self.log is not None:
            self.note(f"{process.name}: {call_text(due)} -> {value_text(value)}")
        if isinstance(due, Lock) and value is True:
            generation = process.generation = due.record.generation
            if self._owned_by.setdefault(generation, process.name) != process.name:
                raise Violated("T6", f"{process.name} and {self._owned_by[generation]} are owner {generation}")
        self.watch.stepped(process, due, before, value)  # type: ignore[arg-type]

    def called(self, process: KeeperProcess, what: str, args: tuple[Any, ...], value: Any) -> None:
        """A call of a keeper's own to the store was carried out."""
        if self.log is not None:
            shown = ", ".join(value_text(argument) for argument in args if not isinstance(argument, Session))
            self.note(f"{process.name}: {what}({shown}) -> {value_text(value)}")

    def taken(self, process: KeeperProcess, record: Session | None) -> None:
        """A keeper asked the store for its guest."""
        if record and record.keeper == process.name:
            self.front.taken(process.name)

    def contact_noted(self, record: Session | None) -> None:
        """A keeper wrote down whether there is a contact."""
        self._contacts_noted += record is not None
        if record and record.contact_open:  # no key counts there before it opens
            self.watch.contacts_opened.append(self.now)

    def typing_said(self, wire: Wire, number: int, typing: bool) -> Call:
        """A frame leaves that says who types. Not an owner's: a message's own, which ends the typing, or nothing."""
        process = wire.keeper
        guest = f"socket {wire.number}, contact {self._contacts_noted}"
        call = Call(number, guest, typing, self.now, process.generation)
        if process.speaks:
            process.said = call
            self.watch.call_began(process, call)  # type: ignore[arg-type]
        elif typing:
            raise Violated("T6", f"frame {number} says typing, and nobody owns it")
        else:
            self.watch.ended_by_message(call)
        return call

    def heard(self, process: KeeperProcess, call: Call, outcome: Outcome) -> None:
        """What an owner is told of what it said."""
        self.note(f"{process.name}: frame {call.number}: {outcome.kind} {outcome.reason}")
        self.watch.call_answered(process, call, outcome)  # type: ignore[arg-type]

    def says_end(self) -> None:
        """T15: messages that waited when the visitor ended the conversation are delivered first, or tried at least."""
        left = set(self._untouched())
        if self._ends_behind and all(left & set(behind) for behind in self._ends_behind):
            raise Violated("T15", f"the end overtakes {sorted(left)}")

    def _untouched(self) -> list[str]:
        """The messages that wait and that no keeper has sent yet."""
        return [
            message_id
            for (_, message_id), kept in self.messages.kept.items()
            if kept.standing.status is MessageStatus.WAITING and not kept.message.left_by
        ]

    # --- at the end

    def check_ended(self) -> None:
        """T15: who ends the conversation and writes nothing more has ended it, with what was written before."""
        if self._sent_before_end == len(self.messages.kept) and self.cxone.is_any_open():
            raise Violated("T15", "the visitor has ended the conversation, and it is open")

    def check_arrived(self) -> None:
        """T15: the newest message has reached CXone, and its visitor can be told so."""
        (_, message_id), kept = list(self.messages.kept.items())[-1]
        if kept.standing.status is not MessageStatus.ACCEPTED:
            raise Violated("T15", f"all is calm again, but {message_id} is {kept.standing.status}")

    def check_messages(self, *, all_reach: bool) -> None:
        """T15: what is said to have reached CXone has; where nothing goes wrong, ``all_reach`` it."""
        for (_, message_id), kept in self.messages.kept.items():
            if all_reach and kept.standing.status is not MessageStatus.ACCEPTED:
                raise Violated("T15", f"{message_id} is {kept.standing.status}, though nothing went wrong")
            if kept.standing.status is MessageStatus.ACCEPTED and message_id not in self.cxone.taken:
                raise Violated("T15", f"{message_id} is accepted and has not reached CXone")

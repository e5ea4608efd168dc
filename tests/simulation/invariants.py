"""The spec clauses as a watch over a running world: a violation is raised where it happens.

The watch keeps books of its own and uses none of the core's rules: a mistake there must not excuse itself.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from typing_relay.relay import session_writes as write
from typing_relay.relay.burst import Session
from typing_relay.relay.effects import Effect, Read, StartOwner
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import Lock

from tests.simulation.bounds import START_EVERY_MS, STARTS_AT_ONCE, TRUE_EVERY_MS, TRUES_AT_ONCE, are_too_many
from tests.simulation.cxone import Call
from tests.simulation.history import Act
from tests.simulation.keeper_effects import FindOverdue, SetGuestStatus

if TYPE_CHECKING:
    from tests.simulation.world import Process, World

#: T7: at most three retries.
MOST_TRIES_OF_TRUE = 4
USUAL_HOLD_MS = 6_000
#: How the name of a frame's process begins.
FRAMES = ("key", "stop", "close", "message")
#: For this long after trouble a function's write may have been decided much earlier.
TROUBLE_LASTS_MS = 10_000


class Violated(BaseException):
    """A clause does not hold.

    No ``Exception``: an oracle may judge within a call that the product makes, and code that catches each failure of
    that call must not take a violation for one.
    """

    def __init__(self, clause: str, text: str) -> None:
        super().__init__(f"{clause}: {text}")
        self.clause = clause


class Watch:
    """Sees every key and stop that is taken in, every lock and every call to CXone."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._policy = world.policy
        #: (pressed at, tab, counts until) of each key taken in, and each tab's newest stop.
        self.keys: list[tuple[int, str, int]] = []
        self.stops: dict[str, int] = {}
        #: All POSTs and GETs, and of these the POSTs.
        self.calls: list[Call] = []
        self.posts: list[Call] = []
        #: When each visible change was taken by CXone: (at, value).
        self.seen: list[tuple[int, bool]] = []
        #: What the relay was told of calls that CXone did not accept: (at, outcome).
        self.refused: list[tuple[int, Kind]] = []
        #: When guests began whom typing can be shown to.
        self.opened: list[int] = []
        #: Digital-First: when it was noted that a contact is open.
        self.contacts_opened: list[int] = []
        #: When messages ended the typing.
        self.ended_by_messages: list[int] = []
        #: When owners claimed, whoever started them.
        self.claimed: list[int] = []
        self._under_way: list[Call] = []
        self._newest_generation = -1
        #: A Retry-After that was written down: no call for this guest before.
        self._not_before: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        self._tries = 0
        self._last_guest = ""
        #: Since when a true has been on its way or shown.
        self._true_since: int | None = None
        self._unavailable: list[str] = []
        self._told_unavailable: list[str] = []
        #: T17: when the last times ``true`` was decided, and owners were started by frames.
        self._trues: list[int] = []
        self._starts: list[int] = []
        self._newest_to_claim = 0
        #: The last lock: when it was taken, and until when the keys known then count.
        self._lock_at = self._counts_at_lock = 0
        self._quiet_since = world.now
        #: When the last fault was over; acts of visitors are none.
        self.troubled_until = 0

    # --- T4: when everything must have come to rest

    def disturbed(self, until: int) -> None:
        """A fault lasts until then."""
        self._quiet_since = max(self._quiet_since, until)
        self.troubled_until = max(self.troubled_until, until)

    def throttled(self, guest: str, until: int) -> None:
        """CXone asked for no call before then: a fault as long as this guest is the visitor's."""
        self._asked[guest] = max(self._asked.get(guest, 0), until)
        self.troubled_until = max(self.troubled_until, until)

    def delivered(self, act: Act) -> None:
        """A frame came; what is held for longer than usual goes on until then."""
        self._quiet_since = max(self._quiet_since, self._world.now + max(0, act.hold - USUAL_HOLD_MS))

    def deadline(self) -> int:
        """When nothing may be shown any more (T4)."""
        if not self._asked:
            return self._quiet_since + self._world.settle_ms
        return max(self._quiet_since, self._asked.get(self._world.record.guest_id, 0)) + self._world.settle_ms

    def check_settled(self) -> None:
        """T4."""
        stuck = self._world.cxone.stuck()
        if stuck:
            raise Violated(
                "T4", f"{self._world.settle_ms} ms after the last key and fault CXone still shows typing for {stuck}"
            )

    def nothing_is_shown(self) -> None:
        """All has come to rest."""
        if self.seen and self.seen[-1][1]:
            self.seen.append((self._world.now, False))

    # --- what the relay writes

    def stepped(self, process: Process, due: Effect[Any], before: Session, value: Any) -> None:
        """A step was carried out; ``before`` is the record as it was."""
        is_new = self._world.record is not before  # not the client's retry of it
        self._note_claim(before)
        match due:
            case Read() | FindOverdue():
                pass  # most of what is asked, and it changes nothing
            case write.PressKey() if isinstance(value, Session) and value.revision != before.revision:
                self._key_taken_in(due.connection, due.key.at, due.key.hold_ms)
            case write.NoteStop() if value is not None:
                self.stops[due.connection] = due.at
            case write.Lock() if value is True and is_new:
                self._locked(due.lock)
            case write.Claim() if value and is_new and _is_by_a_frame(process):
                self._started()
            case write.Failed() | write.Verified() | write.Postpone():
                self._wrote_down(process)
            case write.Release() | write.Settled() | write.ForgetFailures() if value:
                self._rested()
            case write.MarkTypingUnavailable() if value and is_new:
                self._marked(due.guest_id)
            case SetGuestStatus() if due.begins:
                self.opened.append(self._world.now)

    def _note_claim(self, before: Session) -> None:
        if self._world.record.generation != before.generation:
            self.claimed.append(self._world.now)

    def _key_taken_in(self, tab: str, at: int, hold_ms: int) -> None:
        if at >= self._counts_until():
            self._tries = 0
        self.keys.append((at, tab, at + max(self._policy.debounce_ms, hold_ms)))

    def _rested(self) -> None:
        """A key that comes after a pause by all that was known then, however late, is another burst's."""
        if self._world.now >= self._counts_until():
            self._tries = 0

    def _newest_live_key(self) -> int | None:
        return max((at for at, tab, _ in self.keys if at > self.stops.get(tab, -1)), default=None)

    def _counts_until(self) -> int:
        """Of each tab the newest key decides, unless a stop took it back."""
        newest = {tab: (at, ends) for at, tab, ends in sorted(self.keys)}
        return max((ends for tab, (at, ends) in newest.items() if at > self.stops.get(tab, -1)), default=0)

    def _counted_before(self, key: int) -> int:
        """When the typing before this key was over: of each tab by its last key before, or the stop after that."""
        last = {tab: (at, ends) for at, tab, ends in sorted(self.keys) if at < key}
        stopped = {tab: self.stops[tab] for tab, (at, _) in last.items() if self.stops.get(tab, -1) >= at}
        return max((min(ends, stopped.get(tab, ends)) for tab, (_, ends) in last.items()), default=0)

    def owner_started(self, process: Process, due: StartOwner) -> None:
        """A keeper has been nudged; of frames that have it claim the same generation only the first starts an owner."""
        if _is_by_a_frame(process) and not due.is_claimed and due.generation > self._newest_to_claim:
            self._newest_to_claim = due.generation
            self._started()

    def _started(self) -> None:
        """By a frame, which claimed. A function that stalled decided earlier than it wrote."""
        now = self._world.now
        self._starts = [*self._starts[-20:], now]
        is_calm = now - self.troubled_until > TROUBLE_LASTS_MS
        slack = self._world.skew + 4 * self._world.pace
        if is_calm and are_too_many(self._starts, STARTS_AT_ONCE, START_EVERY_MS, slack):
            raise Violated("T17", f"frames started owners at {self._starts}")

    def _check_trues(self, decided_at: int) -> None:
        self._trues = sorted([*self._trues[-20:], decided_at])
        if are_too_many(self._trues, TRUES_AT_ONCE, TRUE_EVERY_MS, self._world.skew):
            raise Violated("T17", f"a true was decided at {self._trues}")

    def _locked(self, lock: Lock) -> None:
        typing, newest = lock.typing, self._newest_live_key()
        if typing:
            self._check_trues(lock.until - self._policy.lock_ms)
        if typing and newest is None:
            raise Violated("T5", "a true is on its way though every key was taken back by a stop")
        if not typing and newest is not None:
            self._check_no_flicker(newest, lock.typing_since)
        if typing and self._true_since is None:
            self._true_since = self._world.now
        self._lock_at, self._counts_at_lock = self._world.now, self._counts_until()

    def _check_no_flicker(self, newest: int, typing_since: int | None) -> None:
        now = self._world.now
        is_of_this_burst = self._true_since is not None and self._true_since >= newest
        is_paused = not is_of_this_burst and newest >= self._counted_before(newest)
        is_capped = typing_since is not None and now + self._world.skew - typing_since >= self._policy.cap_ms
        if now < self._counts_until() and not is_paused and not is_capped:
            raise Violated("T3", f"a false is on its way {now - newest} ms after a key")

    # --- what goes to CXone

    def call_began(self, process: Process, call: Call) -> None:
        """A POST or GET leaves."""
        now = self._world.now
        if now < self._not_before.get(call.guest, 0):
            early = self._not_before[call.guest] - now
            raise Violated("T7", f"call {call.number} begins {early} ms before the time that CXone asked for")
        self.calls.append(call)
        if call.typing is not None:
            self._check_alone(call)
            self._count_tries(call)
            if call.typing:
                self._check_key_is_young(call)
            self.posts.append(call)
            self._under_way.append(call)

    def _check_alone(self, call: Call) -> None:
        self._under_way = [other for other in self._under_way if other.is_under_way(self._world.now)]
        if self._under_way:
            others = [other.number for other in self._under_way]
            raise Violated("T6", f"POST {call.number} begins while {others} may be in flight")
        if call.generation < self._newest_generation:
            raise Violated("T6", f"POST {call.number} of an older generation after one of a newer")
        self._newest_generation = call.generation

    def _count_tries(self, call: Call) -> None:
        is_new = not call.typing or call.guest != self._last_guest
        self._last_guest = call.guest
        self._tries = (0 if is_new else self._tries) + (1 if call.typing else 0)
        if self._tries > MOST_TRIES_OF_TRUE:
            raise Violated("T7", f"POST {call.number} is try {self._tries} of one true")

    def _check_key_is_young(self, call: Call) -> None:
        now = self._world.now
        if now >= self._counts_at_lock:
            late = now - self._counts_at_lock
            raise Violated("T5", f"POST {call.number} says true {late} ms after the last key had ceased to count")
        if now - self._lock_at > self._policy.start_within_ms:
            raise Violated("T5", f"POST {call.number} says true {now - self._lock_at} ms after it was decided")

    def ended_by_message(self, call: Call) -> None:
        """Digital-First: a message ends the typing, whoever owns the burst."""
        self.posts.append(call)
        self.ended_by_messages.append(call.began)

    def call_taken(self, call: Call) -> None:
        """CXone acted on a call."""
        shows = self._world.cxone.shows.get(call.guest, False)
        before = self.seen[-1][1] if self.seen else False
        if call.typing is not None and shows != before:
            self.seen.append((self._world.now, shows))

    def call_answered(self, process: Process, call: Call, outcome: bool | Outcome) -> None:
        """The relay hears what came of it."""
        if not isinstance(outcome, Outcome):
            return
        if outcome.kind not in (Kind.ACCEPTED, Kind.ENDED):
            self.refused.append((self._world.now, outcome.kind))
        if outcome.kind is Kind.ENDED:
            self._tries = 0
        if outcome.kind is Kind.ACCEPTED:
            self._tries = 0
            self._true_since = self._true_since if call.typing else None
        if outcome.kind is Kind.THROTTLED:
            exponential = 1000 * 2 ** min(max(self._tries - 1, 0), 3) if call.typing else 1000
            process.told_to_wait = (call.guest, self._world.now + max(outcome.retry_after_ms, exponential))

    def _wrote_down(self, process: Process) -> None:
        """From now on every process can know what this one was told."""
        if process.told_to_wait:
            guest, until = process.told_to_wait
            self._not_before[guest] = max(self._not_before.get(guest, 0), until)
            process.told_to_wait = None

    def _marked(self, guest: str) -> None:
        if guest in self._unavailable:
            raise Violated("T12", "the visitor would be told twice that CXone offers no typing")
        self._unavailable.append(guest)

    def told_unavailable(self, guest: str) -> None:
        """The visitor hears that CXone offers no typing to this guest."""
        self._told_unavailable.append(guest)

    def check_told_unavailable(self) -> None:
        """Where no process has died: whoever found it out has told it."""
        untold = [guest for guest in self._unavailable if guest not in self._told_unavailable]
        if untold:
            raise Violated("T16", f"the visitor was not told that CXone offers no typing to {untold}")

    def state(self) -> Hashable:
        """All that a later verdict depends on."""
        now = self._world.now
        return (
            tuple(self.keys[-4:]),
            tuple(sorted(self.stops.items())),
            tuple((call.typing, call.began) for call in self._under_way if call.is_under_way(now)),
            self._newest_generation,
            tuple(self._not_before.items()),
            tuple(self._asked.items()),
            (
                self._tries,
                self._last_guest,
                self._true_since or 0,
                self._lock_at,
                self._counts_at_lock,
                self._quiet_since,
            ),
            (tuple(self._unavailable), tuple(self._told_unavailable)),
            tuple(self._trues),
            tuple(self._starts),
        )


def _is_by_a_frame(process: object) -> bool:
    """It is a visitor's function: not a keeper's, nor the sweeper's."""
    return str(getattr(process, "what", "")).startswith(FRAMES)

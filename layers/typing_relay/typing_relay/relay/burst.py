"""The session record, and what follows from it for a typing burst. Pure: no clock, no network, no store.

A record says what is *wanted* (the newest keys and stops) and what CXone last *accepted* (``shown``). One owner at a
time, whoever holds the record's newest generation, brings ``shown`` to what is wanted; ``decisions`` says what it must
do next. All times are epoch milliseconds unless a name says otherwise.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from typing_relay.relay.rate import Rate
from typing_relay.relay.value import changed

#: Incremented when a record gets an attribute that a write relies on. See ``session_writes.AddConnection``.
RECORD_VERSION = 3
#: How often in a row a value that CXone turns out not to show is sent again; after that CXone's answer is accepted.
MAX_MISMATCHES = 3
#: API Gateway ends a connection after ten idle minutes, and any after two hours (its quotas). The extra minute covers a
#: debounce and frames still on their way.
SILENT_MS = 10 * 60_000
LONGEST_CONNECTION_MS = 121 * 60_000
#: A connection that just opened cannot be posted to yet: API Gateway then answers that it is gone (410).
YOUNG_MS = 15_000
#: This many gone connections are remembered, for their late frames; each makes every write larger.
REMEMBERED = 10
#: A frame that tells of something this long ago is late: latency is then measured from its arrival, as the time is only
#: what a front end says, and no front end may move an objective (T18).
LATE_MS = 500
#: At most this many are forgotten in one write: each takes up to 71 of the 4,096 bytes of a DynamoDB expression.
FORGOTTEN_AT_ONCE = 40


#: A keeper that has not reported for this long that it holds a guest is presumed dead, and the guest is asked for
#: again. One that lives says it in good time, and what a dead one held mostly appears on the queue long before.
KEEPER_SILENT_MS = 30 * 60_000
#: A claim has a number below this of its queue message's id. Of two messages that have the same one neither is deleted
#: for the other: it appears again, and is taken.
MESSAGES = 1000


def claim_of(message_id: str, received_at: int) -> int:
    """A keeper's claim to a guest: it was given this queue message by a receive that began then (epoch ms).

    Of two claims the later one is the greater. One number, as each byte of a record is paid for with each write.
    """
    return received_at * MESSAGES + zlib.crc32(message_id.encode()) % MESSAGES


def are_by_one_message(claim: int, other: int) -> bool:
    """Whether two claims may be by the same queue message; of one that is not known (0) that may always be."""
    return not (claim and other) or claim % MESSAGES == other % MESSAGES


class GuestStatus(StrEnum):
    """The status of a visitor's CXone guest."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    RECONNECTING = "reconnecting"
    UNAVAILABLE = "unavailable"


#: T17: how often CXone hears a ``true`` of one session, and how often its visitor's frames start an owner. A burst
#: that a stop ends takes one of the first and two of the second.
TRUES, STARTS = Rate(at_once=4, every_ms=1_000), Rate(at_once=8, every_ms=500)


@dataclass(frozen=True, slots=True)
class Policy:
    """The timings of the relay, in ms. ``debounce_ms`` below 2000 is refused (CXone fact)."""

    debounce_ms: int = 2000
    #: The longest hold that a key may ask for.
    hold_ms: int = 6000
    #: A key is written up to this much later than it is stamped; waiting for it keeps a late key in its burst (T3).
    arrival_slack_ms: int = 100
    #: Typing that goes on this long without a pause is a stuck key, not a person.
    cap_ms: int = 600_000
    #: How often CXone is asked, while the visitor types, whether it still shows that; in doubt it is asked now (T14).
    verify_ms: int = 30_000
    #: How long one POST may be in flight, from lock to answer; the next one waits until then (T6).
    lock_ms: int = 7_500
    #: A POST that could not begin this soon after its lock is not sent at all (T6).
    start_within_ms: int = 1_000
    #: An owner silent this long is presumed dead: an execution, and one in a keeper, which starts it again itself where
    #: it fails. The sweeper's index is sorted by the lease's end, and each change of it costs two more writes, so a
    #: lease is long enough for most bursts, and as short as T4 requires.
    execution_lease_ms: int = 14_000
    keeper_lease_ms: int = 25_000
    #: A lease with this much left is long enough for a call; while one takes longer, another owner may wait for its
    #: lock.
    answer_ms: int = 2_500
    #: A sleeping owner's lease lasts this much longer than its sleep: that of an execution, which Step Functions wakes,
    #: and of one in a keeper, which a timer does.
    lease_margin_ms: int = 4_000
    keeper_margin_ms: int = 1_500
    #: How often an owner looks again while it waits for another process: for the end of a lock, for a guest.
    poll_ms: int = 200
    guest_poll_ms: int = 400
    #: A guest that was asked for and that no keeper has taken for this long is asked for again.
    guest_request_ms: int = 15_000
    #: A keeper that has not said for this long that it holds the guest is presumed dead.
    keeper_silent_ms: int = KEEPER_SILENT_MS
    #: An execution ends itself well before Step Functions' limit for Express, 5 minutes.
    execution_ms: int = 240_000
    #: A ``false`` that must wait longer than this is left to whoever looks for dead owners, not to an execution.
    #: A new guest's burst waits for the end of that lease too, so this stays below T4's 30 s.
    park_ms: int = 20_000
    session_ttl_s: int = 86_400
    trues: Rate = TRUES
    starts: Rate = STARTS
    #: Whether CXone can be asked what it shows. On Digital-First it cannot.
    verifies: bool = True
    #: Whether an owner that only waits for the end of a hold ends instead, as its waiting is paid for; and how far away
    #: that end must be.
    parks: bool = True
    park_from_ms: int = 4_500

    @property
    def keepers_own(self) -> bool:
        """Owners are in keepers, which wait for nothing: so nothing is parked there."""
        return not self.parks

    @property
    def lease_ms(self) -> int:
        """How long a lease runs."""
        return self.keeper_lease_ms if self.keepers_own else self.execution_lease_ms

    @property
    def sleep_margin_ms(self) -> int:
        """How much longer a sleeping owner's lease lasts than its sleep."""
        return self.keeper_margin_ms if self.keepers_own else self.lease_margin_ms

    def __post_init__(self) -> None:
        if self.debounce_ms < 2000:
            raise ValueError(f"The debounce is {self.debounce_ms} ms; CXone needs 2000 ms or more. Raise DebounceMs.")
        if self.hold_ms <= self.debounce_ms:
            raise ValueError(
                f"The hold is {self.hold_ms} ms; it must be longer than the debounce of {self.debounce_ms} ms."
                " Raise HoldMs."
            )


@dataclass(frozen=True)
class Session:
    """One visitor's record, as stored. Absent attributes have these defaults."""

    session_id: str
    connections: frozenset[str] = frozenset()
    #: For each connection, when its newest key was pressed, the one known before it, and when it last stopped.
    #: Connecting is recorded as a stop, so that each connection has a time at which it was last heard from.
    keys: Mapping[str, int] = field(default_factory=dict)
    earlier_keys: Mapping[str, int] = field(default_factory=dict)
    stops: Mapping[str, int] = field(default_factory=dict)
    #: For each connection that holds, the key, and how long (ms) it counts unless a stop or a newer key follows.
    holds: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    #: For each connection, when (epoch s) its token expires.
    token_ends: Mapping[str, int] = field(default_factory=dict)
    #: Counts accepted keys and stops: fences inputs, as ``generation`` fences owners.
    revision: int = 0
    #: Grows with each lock, and so each call: fences what duplicates of one owner have read. A lock of a ``true`` moves
    #: it on by what that spends of ``Policy.trues`` (ms), any other by 1: each byte of a record is paid for.
    sends: int = 0
    generation: int = 0
    lease_until: int = 0
    #: What claims have spent of ``Policy.starts`` (ms). Stored within ``own``, the claim's name.
    starts_until: int = 0
    #: What an owner last told CXone, or tried to; False once all is settled. What is wanted says ``wants``.
    typing: bool = False
    typing_since: int | None = None
    #: When the first key of a burst that is not shown yet arrived; 0 once it is shown.
    burst_from: int | None = None
    #: When (ms) the last key, and the last stop, arrived of those that were late (``LATE_MS``); 0: none was.
    late_key_at: int = 0
    late_stop_at: int = 0
    #: The value in flight to CXone, or one that CXone may or may not have accepted. None: CXone shows ``shown``.
    sending: bool | None = None
    sending_until: int = 0
    shown: bool = False
    shown_at: int = 0
    #: Attempts in a row to send ``typing``, none of them accepted.
    attempts: int = 0
    #: No call for this guest before this time (T7).
    retry_at: int = 0
    #: When (ms) to ask CXone what it shows: while typing is shown, and in doubt. None: no reason to ask.
    verify_at: int | None = None
    mismatches: int = 0
    guest_id: str = ""
    web_socket_url: str = ""
    guest_status: GuestStatus = GuestStatus.CLOSED
    #: When a guest was asked for, or its keeper last said that it holds it.
    guest_requested_at: int = 0
    #: CXone has no typing endpoint for this guest (404): no further call.
    typing_unavailable: bool = False
    #: The keeper that holds the guest, and its claim (``claim_of``); 0: a keeper of a version before says of none.
    keeper: str = ""
    held: int = 0
    #: Digital-First: the ids of the visitor there (``visitor``, ``customer``, ``thread``).
    conversation: Mapping[str, str] = field(default_factory=dict)
    #: Digital-First: when (ms) the token in ``web_socket_url`` expires. Both are kept in an item beside the record
    #: (``SessionStore.with_access``); a record of a version before has them itself.
    access_until: int = 0
    #: Digital-First, where a page signs the visitor in: what it handed over and no keeper has used yet
    #: (``SignIn.encoded``), when the newest was handed over (ms), and what is kept of the one in use
    #: (``SignedIn.encoded``).
    sign_in: str = field(default="", repr=False)
    handed_over_at: int = 0
    signed_in: str = field(default="", repr=False)
    #: Who the visitor is, as the newest token that says so does (``Profile.encoded``).
    profile: str = field(default="", repr=False)
    #: Digital-First: agents see the conversation. Without a contact there is nobody to show typing to.
    contact_open: bool = True
    #: Digital-First: up to which message of the thread the visitor has been told, at least: when it was created there
    #: (ms), and its id. None: unknown; 0: no message yet.
    told_at: int | None = None
    told_id: str = ""
    #: Until when (epoch s) an operator lets this visitor send nothing. Whoever sends meets it in a condition that is
    #: evaluated anyway.
    blocked_until: int = 0
    #: The shape of the record: the ``RECORD_VERSION`` of whoever created it, or upgraded it last.
    record_version: int = RECORD_VERSION
    #: Epoch seconds; from then on the record counts as absent, whether deleted or not (T11).
    expires_at: int = 0

    def heard_at(self, connection: str) -> int:
        """When (ms) this connection was last heard from: a key, a stop or connecting; 0 where that is unknown.

        Keys between two frames are unknown, so the true time may be up to a debounce later.
        """
        return max(self.keys.get(connection, 0), self.stops.get(connection, 0))

    def quiet_connections(self, now: int, quiet_ms: int = SILENT_MS) -> list[str]:
        """Those not heard from for ``quiet_ms``, the quietest first: API Gateway's $disconnect is best effort."""
        by_time = sorted((self.heard_at(connection), connection) for connection in self.connections)
        return [connection for heard_at, connection in by_time if now - heard_at >= quiet_ms]

    def is_over(self, connection: str, now: int) -> bool:
        """API Gateway has ended this connection: none lives longer than two hours."""
        heard_at = self.heard_at(connection)
        return bool(heard_at) and now - heard_at >= LONGEST_CONNECTION_MS

    def forgettable(self, before: int) -> list[str]:
        """Gone connections that may be forgotten: last heard from before ``before`` (ms), so no late frame can come.

        The quietest come first, at most as many as fit into one write. If more than ``REMEMBERED`` are gone, younger
        ones are among them: a late frame of theirs then counts as a new connection's.
        """
        gone = (self.keys.keys() | self.stops.keys()) - self.connections
        by_time = sorted((self.heard_at(connection), connection) for connection in gone)
        too_many = max(0, len(by_time) - REMEMBERED)
        old = sum(heard_at < before for heard_at, _ in by_time)
        return [connection for _, connection in by_time[: min(max(too_many, old), FORGOTTEN_AT_ONCE)]]

    def is_used(self) -> bool:
        """CXone has been told, or was about to be told, that this visitor types."""
        return self.sends > 0

    def is_open(self) -> bool:
        """The guest's socket is open, as far as its keeper has said."""
        return self.guest_status is GuestStatus.OPEN

    def is_blocked(self, now: int) -> bool:
        """No key, message or connection of this visitor is taken (``now`` in epoch ms)."""
        return now // 1000 < self.blocked_until

    def may_hear(self, connection: str, now: int) -> bool:
        """The token of this connection has not expired, so it may be sent frames (T13)."""
        ends = self.token_ends.get(connection)
        return ends is None or now // 1000 < ends

    def newest_key_at(self) -> int | None:
        """When (ms) the newest key was pressed that no later stop of its own connection has taken back (T5, T10)."""
        return max((self.keys[connection] for connection in self._live()), default=None)

    def _live(self) -> Iterator[str]:
        return (connection for connection, at in self.keys.items() if at > self.stops.get(connection, -1))

    def _ends_at(self, connection: str, policy: Policy) -> int:
        """Until when (ms) this connection's newest key counts if nothing follows: its hold, or the debounce."""
        key = self.keys[connection]
        held, hold_ms = self.holds.get(connection, (0, 0))
        return key + max(policy.debounce_ms, hold_ms if held == key else 0)

    def counts_until(self, policy: Policy) -> int:
        """Until when (ms) the visitor counts as typing if nothing follows; 0 when no key is live."""
        return max((self._ends_at(connection, policy) for connection in self._live()), default=0)

    def counted_longest(self, connection: str, policy: Policy) -> bool:
        """This connection's newest key, live or not, counts for longer than every live key of another connection."""
        return connection in self.keys and self._ends_at(connection, policy) > self.counts_until(policy)

    def types_by_hold(self, policy: Policy) -> bool:
        """The visitor counts as typing by a hold: its front end says so when they stop."""
        newest = self.newest_key_at()
        return newest is not None and self.counts_until(policy) > newest + policy.debounce_ms

    def ends_hold(self, connection: str, policy: Policy) -> bool:
        """This connection's newest key is plain and ends the hold of the one before: the visitor is quiet sooner."""
        held, hold_ms = self.holds.get(connection, (0, 0))
        is_newest_plain = bool(held) and self.earlier_keys.get(connection) == held
        return is_newest_plain and self.keys[connection] + policy.debounce_ms < held + hold_ms

    def quiet_at(self, policy: Policy) -> int:
        """When (ms) the visitor counts as quiet if no key follows; 0 when no key is live."""
        until = self.counts_until(policy)
        return until and until + policy.arrival_slack_ms

    def is_fresh(self, now: int, policy: Policy) -> bool:
        """A key is live, and its hold or debounce is not over."""
        return now < self.quiet_at(policy)

    def may_begin(self, now: int, policy: Policy) -> bool:
        """A live key is younger than the debounce, or held, so a ``true`` may still be posted (T5)."""
        return now < self.counts_until(policy)

    def wants(self, now: int, policy: Policy) -> bool:
        """What the agent should see now: typing, unless quiet, stopped, beyond the cap, or a pause is due first."""
        return self.is_fresh(now, policy) and not self.is_capped(now, policy) and not self.owes_pause(now, policy)

    def owes_pause(self, now: int, policy: Policy) -> bool:
        """What is shown belongs to an earlier burst, whose end is due although a newer key is live."""
        due_at = self.pause_due_at(policy)
        return due_at is not None and now >= due_at

    def pause_due_at(self, policy: Policy) -> int | None:
        """When (ms) what is shown must end although a newer key is live; None when it need not.

        That key was pressed after the last one had ceased to count, be it a few ms: the two bursts must stay apart
        (T1). While a key between the two may still arrive, nothing is due (T3).
        """
        newest = self.newest_key_at()
        if newest is None or not self.shown or self.shown_at >= newest:
            return None
        if any(at >= newest for at in self.earlier_keys.values()):
            return None  # another tab typed on and stopped: of its keys, the one before ``newest`` is not kept (T10)
        ended_at = max(self._ends_before(newest, policy), default=0)
        return ended_at + policy.arrival_slack_ms if newest >= ended_at else None

    def _ends_before(self, newest: int, policy: Policy) -> Iterator[int]:
        """When each tab's newest key before ``newest`` ceased to count; still older ones have ceased before."""
        for connection, at in self.keys.items():
            earlier = self.earlier_keys.get(connection, newest)
            if at < newest:
                yield self._ended(connection, at, self._ends_at(connection, policy))
            elif earlier < newest:
                yield self._ended(connection, earlier, self._earlier_ends_at(connection, policy))

    def _earlier_ends_at(self, connection: str, policy: Policy) -> int:
        """Until when the key before the newest counts. Its hold is not stored: it is assumed to equal the newest's."""
        at, key = self.earlier_keys[connection], self.keys[connection]
        held, hold_ms = self.holds.get(connection, (0, 0))
        return at + max(policy.debounce_ms, hold_ms if held in (at, key) else 0)

    def _ended(self, connection: str, at: int, ends_at: int) -> int:
        stop = self.stops.get(connection, -1)
        return stop if at <= stop < ends_at else ends_at

    def newest_key_came_at(self) -> int | None:
        """When (ms) that key was pressed, or, where it came late, when it arrived.

        Where another tab's later key was taken back, when that was known: until then there was no pause before it.
        """
        newest = self.newest_key_at()
        if newest is None:
            return None
        taken_back = [self.stops.get(connection, 0) for connection, at in self.keys.items() if at > newest]
        return max(newest, self.late_key_at, *taken_back, self.late_stop_at if taken_back else 0)

    def begun_at(self, policy: Policy) -> int | None:
        """When (ms) the first key of the typing that is not shown yet came. 0: it is shown; None: unknown.

        A burst that was over before it had an owner is left out, even if ``burst_from`` belongs to it.
        """
        newest = self.newest_key_at()
        if not self.burst_from or newest is None:
            return self.burst_from
        is_after_a_pause = newest >= max(self._ends_before(newest, policy), default=0)
        return max(self.burst_from, newest, self.late_key_at) if is_after_a_pause else self.burst_from

    def awaited_from(self, policy: Policy) -> int:
        """From when on (ms) a ``true`` could be sent at all: what was held back until then by T17 is no latency.

        0 after a failure: then CXone is what is waited for.
        """
        return 0 if self.failures_of(True) else max(self.true_allowed_at(policy), self.start_allowed_at(policy))

    def typed_until(self, now: int, policy: Policy) -> int | None:
        """When (ms) the last key was pressed of the typing that a ``false`` ends at ``now``.

        That is a debounce before it ceased to count. The same for stops and holds: a front end sends a stop when the
        debounce is over, and the keys in between are unknown. A key that still counts belongs to a newer burst. What
        came late, or could start no owner yet (T17), counts from then on. None: no known key has ceased to count.
        """
        ends = self._ends_before(max(self.keys.values(), default=0) + 1, policy)
        earlier = self._ends_before_newest(policy)
        ended = max((at for at in (*ends, *earlier) if at <= now), default=None)
        if ended is None:
            return None
        known_at = max(ended, self.late_stop_at, self.start_allowed_at(policy))
        return min(known_at, now) - policy.debounce_ms

    def _ends_before_newest(self, policy: Policy) -> Iterator[int]:
        """When each tab's key before its newest ceased to count."""
        for connection, at in self.earlier_keys.items():
            if 0 < at < self.keys.get(connection, 0):
                yield self._ended(connection, at, self._earlier_ends_at(connection, policy))

    def is_capped(self, now: int, policy: Policy) -> bool:
        """Typing has been shown for longer than the cap without a pause: a stuck key, not a person."""
        return self.typing_since is not None and now - self.typing_since >= policy.cap_ms

    def lease(self, needed_until: int, now: int, policy: Policy) -> int:
        """Until when (ms) the lease must run: unchanged, if that is long enough, or until the end of a hold that is.

        Until then a burst is parked, and each change of a lease costs two more writes.
        """
        if self.lease_until >= needed_until:
            return self.lease_until
        held_until = self.quiet_at(policy) if policy.parks and self.types_by_hold(policy) else 0
        return held_until if needed_until <= held_until <= now + policy.lease_ms else now + policy.lease_ms

    def as_claimed(self, now: int, policy: Policy) -> Session:
        """This record when the next owner has claimed it at ``now`` (T17)."""
        spent = policy.starts.spend(self.starts_until, now)
        return changed(self, generation=self.generation + 1, starts_until=spent)

    def true_allowed_at(self, policy: Policy) -> int:
        """From when on (ms) CXone may hear another ``true`` of this session (T17)."""
        return policy.trues.free_at(self.sends)

    def start_allowed_at(self, policy: Policy) -> int:
        """From when on (ms) a frame of this visitor may start another owner (T17).

        Until then the one that there is looks again by itself, and releases nothing.
        """
        return policy.starts.free_at(self.starts_until)

    def is_settled_at(self, wanted: bool) -> bool:
        """CXone is known to show ``wanted``."""
        return self.sending is None and self.shown == wanted

    def is_in_doubt(self) -> bool:
        """Whether an accepted call must still be verified, as CXone may show something else.

        An earlier call may take effect late, CXone lost what it had accepted, or the guest was replaced (``verify_at``
        is set while nothing is shown).
        """
        return self.sending is not None or self.mismatches > 0 or (self.verify_at is not None and not self.shown)

    def cannot_show(self) -> bool:
        """No typing endpoint for this guest, no contact, or no guest available: a key changes nothing."""
        return self.typing_unavailable or not self.contact_open or self.guest_status is GuestStatus.UNAVAILABLE

    def has_guest(self) -> bool:
        """There is a guest for which a typing call can be made."""
        return bool(self.guest_id) and self.guest_status in (GuestStatus.OPEN, GuestStatus.RECONNECTING)

    def had_guest(self) -> bool:
        """There is a guest, or one that ended, whose keeper may have told the visitor something.

        A time to ask what the next one shows is left by that (``session_writes.EndGuest``).
        """
        return bool(self.guest_id) or self.verify_at is not None

    def needs_guest(self, now: int, policy: Policy) -> bool:
        """Nobody holds a guest for this visitor, and no keeper was asked to lately."""
        if self.guest_status is GuestStatus.CLOSED:
            return True
        silent_ms = now - self.guest_requested_at
        has_keeper = bool(self.keeper) and not (self.held and silent_ms >= policy.keeper_silent_ms)
        return not has_keeper and silent_ms >= policy.guest_request_ms

    def failures_of(self, typing: bool) -> int:
        """How many attempts in a row to send this value have failed."""
        return self.attempts if self.typing == typing else 0

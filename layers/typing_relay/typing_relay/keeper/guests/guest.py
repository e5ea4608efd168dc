"""The life of one held guest: what has happened goes in, what to do comes out. Pure: no clock, no I/O.

    taking ─▶ creating ─▶ opening ─▶ settled ─▶ releasing ─▶ (gone)
                 ▲          ▲  │        │ socket lost
                 │          └──┴ resting ◀┘   full jitter, cap; starts anew after a healthy while
                 └── ending ◀── CXone says that the guest is over

A session record that no longer names this keeper, or is gone, ends it from wherever it is: on a consistent read, for a
look may be stale. A request that comes in whatever state is seen to: at the latest when the guest would be let go.
Times are ms of one clock that never goes back.

Events, actions and rules share one file: other modules write ``guest.Created``, and each rule stands near the events
that it answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from typing_relay.relay.burst import GuestStatus, Session, are_by_one_message
from typing_relay.relay.outcomes import Kind, Outcome


@dataclass(frozen=True, slots=True)
class GuestPolicy:
    """Timings, in ms."""

    #: A visitor who leaves a page for another one must not cost a new guest.
    grace_ms: int = 60_000
    #: The same of one who has not typed or written yet: a new guest would be as good.
    idle_grace_ms: int = 15_000
    first_backoff_ms: int = 1_000
    longest_backoff_ms: int = 30_000
    #: A socket that was open for this long was healthy: the next failure is a first one.
    healthy_ms: int = 30_000
    #: What only a change of configuration can fix is retried only this often.
    denied_ms: int = 60_000
    #: Without a guest after this many tries, the visitor is told that there is none.
    unavailable_after: int = 3
    #: Sockets are replaced before the 2 hours that API Gateway (and so CXone's front door) allows, spread out.
    rotate_ms: int = 110 * 60_000
    rotate_spread_ms: int = 20 * 60_000
    #: A socket that is open again within this long was never lost, as far as record and visitor know.
    blip_ms: int = 2_000
    #: A guest without an open socket for this long counts as not held: CXone or the configuration keeps it from its
    #: visitor.
    not_held_ms: int = 30_000
    #: Who ended a guest asks for the next one; if no such request comes for this long, it was lost.
    request_lost_ms: int = 15_000
    #: A guest whose visitor is gone, and which the record does not release as typing may still be shown there, is
    #: released all the same after this long: CXone has been out of reach all the while.
    give_up_ms: int = 15 * 60_000
    #: Without a socket nothing can be said or shown (Digital-First); on v1 typing goes another way.
    needs_socket: bool = False


class Doing(Enum):
    """What is under way."""

    TAKING = auto()
    CREATING = auto()
    OPENING = auto()
    SETTLED = auto()
    #: Until ``retry_at``.
    RESTING = auto()
    ENDING = auto()
    #: Somebody else ended the guest and is asking for a new one.
    AWAITING_REQUEST = auto()
    RELEASING = auto()


@dataclass(frozen=True, slots=True)
class Held:
    """One guest as its keeper sees it. Sockets are numbered; 0 is none."""

    session_id: str
    keeper: str
    doing: Doing = Doing.TAKING
    #: Its keeper's name is in the record, and is not being written into it again.
    taken: bool = False
    guest_id: str = ""
    web_socket_url: str = ""
    #: What the record says, or will as soon as the write under way is done.
    status: GuestStatus = GuestStatus.OPENING
    #: When this keeper last changed the record: what was read before tells nothing.
    changed_at: int = 0
    socket: int = 0
    #: The socket being opened; beside ``socket`` when that one is being replaced.
    opening: int = 0
    last_socket: int = 0
    failures: int = 0
    opened_at: int = 0
    #: Since when no socket is open (counts while ``socket`` is 0): its loss, before the first the taking of the guest.
    without_since: int = 0
    #: That the socket is lost has waited long enough to be told, and now waits for its turn.
    loss_waits: bool = False
    retry_at: int = 0
    rotate_at: int = 0
    #: Since when the record has been without a connection of the visitor.
    alone_since: int | None = None
    #: The visitor has typed or written with this guest, as far as the record was looked at.
    is_used: bool = False
    #: Since when the record has refused to release the guest of a visitor who is gone.
    refused_since: int | None = None
    #: By the newest queue message.
    claim: int = 0
    #: A request has come that nothing has been done about yet.
    asked: bool = False
    #: It rests because the visitor's page is to sign them in, or handed over what is not good.
    awaits_sign_in: bool = False


# --- what has happened


@dataclass(frozen=True, slots=True)
class Requested:
    """A queue message asks for a guest for this session, the first one or another; ``claim`` is by it."""

    claim: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """The record now names this keeper. None: there is no such session any more."""

    record: Session | None


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The record names a keeper that was given a queue message later than this one."""

    record: Session


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The record as it stood at ``read_at`` or a little later. None: absent.

    ``is_certain``: by a consistent read. Any other may be older than a write that was answered before.
    """

    record: Session | None
    read_at: int
    is_certain: bool = False


@dataclass(frozen=True, slots=True)
class Created:
    """CXone created a guest and the record has it."""

    guest_id: str
    web_socket_url: str


@dataclass(frozen=True, slots=True)
class NotCreated:
    """CXone created no guest, or none that could be recorded."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class SocketOpened:
    """Socket number ``socket`` is open."""

    socket: int


@dataclass(frozen=True, slots=True)
class SocketLost:
    """Socket number ``socket`` could not be opened, or is open no more."""

    socket: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class GuestEnded:
    """The record is without the guest. ``by_us``: this keeper's write did it; otherwise somebody was faster."""

    by_us: bool


@dataclass(frozen=True, slots=True)
class Released:
    """Whether the record let go; it does not while the visitor is connected or another keeper holds it."""

    done: bool


@dataclass(frozen=True, slots=True)
class LossDue:
    """The turn has come that ``AwaitTurn`` asked for."""


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """The read or write under way could not be done."""


@dataclass(frozen=True, slots=True)
class FenceLost:
    """A write was refused: the record names another keeper."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The visitor's page has handed over what signs them in."""


@dataclass(frozen=True, slots=True)
class Woke:
    """The time that ``wake_at`` named has come."""


Event = (
    Requested
    | Taken
    | NotTaken
    | Refreshed
    | Created
    | NotCreated
    | SocketOpened
    | SocketLost
    | GuestEnded
    | Released
    | LossDue
    | StoreFailed
    | FenceLost
    | SignedIn
    | Woke
)


# --- what to do


@dataclass(frozen=True, slots=True)
class Take:
    """Write this keeper into the record and read it: Taken or NotTaken."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Read the record now, consistently: Refreshed, and certain."""


@dataclass(frozen=True, slots=True)
class CreateGuest:
    """Have CXone create a guest and record it: Created or NotCreated."""


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """Open the guest's WebSocket: SocketOpened or SocketLost."""

    socket: int
    url: str


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Close it; nothing is heard of it any more."""

    socket: int


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Record the status and tell the visitor. ``begins``: from now on the guest can be shown typing, and not before."""

    status: GuestStatus
    begins: bool = False


@dataclass(frozen=True, slots=True)
class AwaitTurn:
    """Thousands of sockets may be lost at the same time; this loss is told when its turn comes: LossDue."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the visitor the status; the record has it already."""

    status: GuestStatus


@dataclass(frozen=True, slots=True)
class EndGuest:
    """Take the guest, which is over, out of the record: GuestEnded."""

    guest_id: str


@dataclass(frozen=True, slots=True)
class CloseGuest:
    """Close the record's guest, as the visitor is gone: Released. ``whatever_is_shown``: even if that is typing."""

    whatever_is_shown: bool = False


@dataclass(frozen=True, slots=True)
class LetGo:
    """Forget this guest and delete its queue message: it is over, or another keeper holds it by another message."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Forget this guest and touch its queue message no more: another keeper may hold the guest by that very message."""


Action = (
    Take
    | Refresh
    | CreateGuest
    | OpenSocket
    | CloseSocket
    | SetStatus
    | AwaitTurn
    | Tell
    | EndGuest
    | CloseGuest
    | LetGo
    | Leave
)
Step = tuple[Held, tuple[Action, ...]]


def hold(session_id: str, keeper: str, now: int, claim: int = 0) -> Step:
    """Begin: a queue message for this session has been received; ``claim`` is by it."""
    return Held(session_id, keeper, without_since=now, claim=claim), (Take(),)


def step(held: Held, event: Event, now: int, policy: GuestPolicy, jitter: float) -> Step:
    """What ``event`` changes and asks for. ``jitter`` is a random number from 0 to 1."""
    held, actions = _step(held, event, now, policy, jitter)
    return _see_to_request(held, actions) if held.asked else (held, actions)


def _step(held: Held, event: Event, now: int, policy: GuestPolicy, jitter: float) -> Step:  # noqa: C901  # a table
    match event:
        case Requested(claim):
            return replace(held, claim=claim, asked=True), ()
        case Taken(record):
            return _taken(held, record, now, policy)
        case NotTaken(record):
            return _let_go_to(held, record, now)
        case Refreshed():
            return _refreshed(held, event, now, policy)
        case Created(guest_id, url):
            created = replace(held, guest_id=guest_id, web_socket_url=url, changed_at=now)
            return _open(replace(created, status=GuestStatus.OPENING))
        case NotCreated(outcome):
            return _not_created(held, outcome, now, policy, jitter)
        case SocketOpened(socket):
            return _socket_opened(held, socket, now, policy, jitter)
        case SocketLost(socket, outcome):
            return _socket_lost(held, socket, outcome, now, policy, jitter)
        case GuestEnded(by_us):
            return _guest_ended(held, by_us, now, policy, jitter)
        case Released(done):
            return _let_go(held, now) if done else _not_released(held, now)
        case LossDue():
            return _loss_due(replace(held, loss_waits=False), now, policy)
        case StoreFailed():
            return _rest(replace(held, alone_since=None), now, policy, jitter)
        case FenceLost():
            # Who is writing its name into the record again must not let go of it: nobody else would hold it then.
            return _look_who_holds(held, now, policy, jitter) if held.taken else (held, ())
        case SignedIn():
            return _signed_in(held, now, policy, jitter)
        case Woke():
            return _woke(held, now, policy)


def wake_at(held: Held, policy: GuestPolicy) -> int | None:
    """When ``Woke`` is due; None while only something from outside can change anything."""
    times = []
    if held.doing in (Doing.RESTING, Doing.AWAITING_REQUEST):
        times.append(held.retry_at)
    if held.doing is Doing.SETTLED:
        times.append(held.rotate_at)
    if _is_lost_untold(held) and not held.loss_waits:
        times.append(held.without_since + policy.blip_ms)
    if held.alone_since is not None and _may_release(held, policy):
        times.append(held.alone_since + _grace_ms(held, policy))
    return min(times, default=None)


def is_not_held(held: Held, now: int, policy: GuestPolicy) -> bool:
    """A visitor is there and its guest has been without an open socket for long, and not by the page's own fault."""
    return (
        not held.socket
        and not held.awaits_sign_in
        and held.alone_since is None
        and now - held.without_since >= policy.not_held_ms
    )


# --- the rules, by event


def _see_to_request(held: Held, actions: tuple[Action, ...]) -> Step:
    """Another message for a guest already held: look again, unless that is being seen to.

    Who was about to let go does not: by then the message may be the only one that asks for a guest.
    """
    is_over = any(isinstance(action, LetGo | Leave) for action in actions)
    if is_over or held.doing in (Doing.SETTLED, Doing.AWAITING_REQUEST):
        kept = tuple(action for action in actions if not isinstance(action, LetGo | Leave))
        held, take = _take(held)
        return held, (*kept, *take)
    return held, actions


def _taken(held: Held, record: Session | None, now: int, policy: GuestPolicy) -> Step:
    """Whoever has left before there was a guest needs none; unless a message of theirs may wait to be sent on it."""
    if record is None:
        return _let_go(held, now)
    held = _seen(replace(held, taken=True, changed_at=now), record, now)
    if record.guest_id and record.guest_id == held.guest_id and held.socket:
        return replace(held, doing=Doing.SETTLED), ()
    held, closing = _without_sockets(held, now)
    held = replace(held, guest_id=record.guest_id, web_socket_url=record.web_socket_url, status=record.guest_status)
    if not record.guest_id and not record.connections and not policy.needs_socket:
        return replace(held, doing=Doing.RELEASING), (*closing, CloseGuest())
    held, actions = _begin(held)
    return held, (*closing, *actions)


def _refreshed(held: Held, look: Refreshed, now: int, policy: GuestPolicy) -> Step:
    record = look.record
    if not held.taken and held.doing in (Doing.SETTLED, Doing.OPENING):
        return _take(held)  # its keeper's name could not be written again
    if not held.taken or look.read_at <= held.changed_at:
        return held, ()
    is_ours = record is not None and record.keeper == held.keeper
    is_busy = held.doing in (Doing.CREATING, Doing.ENDING, Doing.RELEASING)
    is_as_known = record is not None and is_ours and (is_busy or record.guest_id == held.guest_id)
    if not is_as_known and not look.is_certain:
        return held, (Refresh(),)  # it may be older than what was written last
    if record is None:
        return _let_go(held, now)
    if not is_ours:
        return _let_go_to(held, record, now)
    held = _seen(held, record, now)
    if is_busy:
        return held, ()
    if record.guest_id != held.guest_id:
        # One that the record has and nobody else can have written: the answer to that write was lost.
        return _take(held) if record.guest_id else _ended_elsewhere(held, now, policy)
    if held.socket and record.guest_status is not held.status:
        return _set_status(held, held.status, now)
    return held, ()


def _ended_elsewhere(held: Held, now: int, policy: GuestPolicy) -> Step:
    """The sender met the end of the guest first. It asks for a new one, so creating one here would make two."""
    held, closing = _without_sockets(held, now)
    held, actions = _await_request(held, now, policy)
    return held, (*closing, *actions)


def _not_created(held: Held, outcome: Outcome, now: int, policy: GuestPolicy, jitter: float) -> Step:
    held, _ = _rest(held, now, policy, jitter, outcome)
    if outcome.kind is Kind.NOT_YET:
        return held, ()
    if outcome.kind is Kind.DENIED or held.failures >= policy.unavailable_after:
        return _with_status(held, GuestStatus.UNAVAILABLE, now)
    return held, ()


def _socket_opened(held: Held, socket: int, now: int, policy: GuestPolicy, jitter: float) -> Step:
    if socket != held.opening:
        return held, ()
    replaced = (CloseSocket(held.socket),) if held.socket else ()
    rotate_at = now + policy.rotate_ms - int(jitter * policy.rotate_spread_ms)
    if policy.needs_socket and not held.opened_at and held.alone_since is not None:
        # Only now can what the departed visitor wrote be sent: the grace starts here.
        held = replace(held, alone_since=now)
    held = replace(held, doing=Doing.SETTLED, socket=socket, opening=0, opened_at=now, rotate_at=rotate_at)
    held = replace(held, awaits_sign_in=False)
    held, actions = _with_status(held, GuestStatus.OPEN, now)
    return held, (*replaced, *actions)


def _socket_lost(held: Held, socket: int, outcome: Outcome, now: int, policy: GuestPolicy, jitter: float) -> Step:
    if not socket or socket not in (held.socket, held.opening):
        return held, ()
    if socket == held.socket:
        healthy = now - held.opened_at >= policy.healthy_ms
        held = replace(held, socket=0, without_since=now, failures=0 if healthy else held.failures)
    else:
        held = replace(held, opening=0)
    if outcome.kind is Kind.GUEST_OVER:
        held, closing = _without_sockets(held, now)
        return replace(held, doing=Doing.ENDING), (*closing, EndGuest(held.guest_id))
    if held.socket:  # the one that was to replace it failed
        delay = policy.first_backoff_ms + _backoff(held, policy, jitter, outcome)
        if outcome.kind is Kind.NOT_YET:  # the page has yet to sign its visitor in, and is asked for it
            delay = policy.longest_backoff_ms
        return replace(held, doing=Doing.SETTLED, rotate_at=now + delay), ()
    if held.opening:
        return held, ()
    held, _ = _rest(held, now, policy, jitter, outcome)
    if outcome.kind is Kind.DENIED and policy.needs_socket:
        return _with_status(held, GuestStatus.UNAVAILABLE, now)
    return held, ()


def _guest_ended(held: Held, by_us: bool, now: int, policy: GuestPolicy, jitter: float) -> Step:
    held = replace(held, guest_id="", web_socket_url="", status=GuestStatus.OPENING, changed_at=now)
    if not by_us:
        return _await_request(held, now, policy)
    if held.failures:  # guest after guest is refused: no tight loop
        held, _ = _rest(held, now, policy, jitter)
        return held, (Tell(held.status),)
    held, actions = _begin(replace(held, failures=1))
    return held, (Tell(held.status), *actions)


def _signed_in(held: Held, now: int, policy: GuestPolicy, jitter: float) -> Step:
    """What was waited for is there: at once, but for a page that hands over what is refused again and again."""
    if held.doing is not Doing.RESTING or not held.awaits_sign_in:
        return held, ()
    delay = _backoff(held, policy, jitter, None) if held.failures > 1 else 0
    return replace(held, retry_at=min(held.retry_at, now + delay)), ()


def _not_released(held: Held, now: int) -> Step:
    """The visitor is back, or another keeper has it: the record tells."""
    refused_since = now if held.refused_since is None else held.refused_since
    held = replace(held, retry_at=now, alone_since=None, refused_since=refused_since)
    held = _with_its_sockets(held) if held.socket or held.opening else replace(held, doing=Doing.RESTING)
    return held, (Refresh(),)


def _woke(held: Held, now: int, policy: GuestPolicy) -> Step:
    alone_too_long = held.alone_since is not None and now >= held.alone_since + _grace_ms(held, policy)
    if alone_too_long and _may_release(held, policy):
        give_up = held.refused_since is not None and now >= held.refused_since + policy.give_up_ms
        return replace(held, doing=Doing.RELEASING), (CloseGuest(give_up),)
    if _is_loss_to_tell(held, now, policy) and not held.loss_waits:
        return replace(held, loss_waits=True), (AwaitTurn(),)
    if held.doing is Doing.RESTING and now >= held.retry_at:
        return _begin(held)
    if held.doing is Doing.AWAITING_REQUEST and now >= held.retry_at:
        # Create one after all, unless this look at the record finds another keeper at it.
        return replace(held, doing=Doing.RESTING, retry_at=now + policy.first_backoff_ms), (Refresh(),)
    if held.doing is Doing.SETTLED and now >= held.rotate_at:
        return _open(held)
    return held, ()


def _loss_due(held: Held, now: int, policy: GuestPolicy) -> Step:
    """By now it may be over, or the guest may be."""
    if _is_loss_to_tell(held, now, policy):
        return _set_status(held, GuestStatus.RECONNECTING, now)
    return held, ()


# --- parts of the rules


def _begin(held: Held) -> Step:
    """Take the next step towards an open socket."""
    if not held.taken or held.asked:
        return _take(held)
    if not held.guest_id:
        return replace(held, doing=Doing.CREATING), (CreateGuest(),)
    return _open(held)


def _take(held: Held) -> Step:
    return replace(held, doing=Doing.TAKING, taken=False, asked=False), (Take(),)


def _open(held: Held) -> Step:
    number = held.last_socket + 1
    held = replace(held, doing=Doing.OPENING, opening=number, last_socket=number)
    return held, (OpenSocket(number, held.web_socket_url),)


def _rest(held: Held, now: int, policy: GuestPolicy, jitter: float, outcome: Outcome | None = None) -> Step:
    """Wait before the next try, longer from failure to failure; a socket in use or being opened goes on being so."""
    if held.socket or held.opening:
        return _with_its_sockets(held), ()
    awaits_sign_in = outcome is not None and outcome.by_visitor
    held = replace(held, doing=Doing.RESTING, awaits_sign_in=awaits_sign_in)
    if outcome and outcome.kind is Kind.NOT_YET:  # nothing was tried
        return replace(held, retry_at=now + policy.longest_backoff_ms - int(jitter * policy.longest_backoff_ms / 2)), ()
    return replace(held, retry_at=now + _backoff(held, policy, jitter, outcome), failures=held.failures + 1), ()


def _with_its_sockets(held: Held) -> Held:
    return replace(held, doing=Doing.SETTLED if held.socket and not held.opening else Doing.OPENING)


def _backoff(held: Held, policy: GuestPolicy, jitter: float, outcome: Outcome | None) -> int:
    """Full jitter: anything up to the limit, which doubles up to its cap. Never before CXone's Retry-After."""
    if outcome and outcome.kind is Kind.DENIED:
        # Retry-After counts where another visitor will have asked by then.
        return outcome.retry_after_ms or policy.denied_ms
    limit = min(policy.longest_backoff_ms, policy.first_backoff_ms * 2 ** min(held.failures, 16))
    return int(jitter * limit) + (outcome.retry_after_ms if outcome else 0)


def _await_request(held: Held, now: int, policy: GuestPolicy) -> Step:
    held = replace(held, guest_id="", web_socket_url="", status=GuestStatus.OPENING)
    retry_at = now + policy.request_lost_ms
    return replace(held, doing=Doing.AWAITING_REQUEST, retry_at=retry_at), (Tell(held.status),)


def _seen(held: Held, record: Session, now: int) -> Held:
    """Note whether the visitor is there, and has been heard."""
    if record.is_used() and not held.is_used:
        held = replace(held, is_used=True)
    if record.connections:
        return replace(held, alone_since=None, refused_since=None)
    return held if held.alone_since is not None else replace(held, alone_since=now)


def _grace_ms(held: Held, policy: GuestPolicy) -> int:
    return policy.grace_ms if held.is_used else min(policy.grace_ms, policy.idle_grace_ms)


def _may_release(held: Held, policy: GuestPolicy) -> bool:
    """Not while its first socket is being opened, if what waits can be said there alone."""
    if held.doing is Doing.OPENING:
        return bool(held.opened_at) or not policy.needs_socket
    return held.doing in (Doing.SETTLED, Doing.RESTING, Doing.AWAITING_REQUEST)


def _is_lost_untold(held: Held) -> bool:
    """Its socket is lost and being reopened, and the record still says open. A guest that ends is told otherwise."""
    is_reopening = held.doing in (Doing.RESTING, Doing.OPENING) and not held.socket
    return is_reopening and held.status is GuestStatus.OPEN


def _is_loss_to_tell(held: Held, now: int, policy: GuestPolicy) -> bool:
    return _is_lost_untold(held) and now >= held.without_since + policy.blip_ms


def _with_status(held: Held, status: GuestStatus, now: int) -> Step:
    return (held, ()) if held.status is status else _set_status(held, status, now)


def _set_status(held: Held, status: GuestStatus, now: int) -> Step:
    begins = held.status is GuestStatus.OPENING and status in (GuestStatus.OPEN, GuestStatus.RECONNECTING)
    return replace(held, status=status, changed_at=now), (SetStatus(status, begins),)


def _without_sockets(held: Held, now: int) -> Step:
    closing = tuple(CloseSocket(number) for number in (held.socket, held.opening) if number)
    without_since = now if held.socket else held.without_since
    return replace(held, socket=0, opening=0, without_since=without_since), closing


def _look_who_holds(held: Held, now: int, policy: GuestPolicy, jitter: float) -> Step:
    """A write was refused: another keeper holds the guest, or nobody. The record says who, and by which message."""
    held, _ = _rest(held, now, policy, jitter)
    return held, (Refresh(),)


def _let_go(held: Held, now: int) -> Step:
    held, closing = _without_sockets(held, now)
    return held, (*closing, LetGo())


def _let_go_to(held: Held, record: Session, now: int) -> Step:
    """Another keeper has it. By another message, as far as is known, this one is of no use any more."""
    held, closing = _without_sockets(held, now)
    return held, (*closing, Leave() if are_by_one_message(record.held, held.claim) else LetGo())

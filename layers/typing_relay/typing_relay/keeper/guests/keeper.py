"""Joins custody, guests, sockets, records and outbox: carries out what ``guest`` decides, tells it what happened."""

from __future__ import annotations

import logging
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from typing_relay.aws.shedding import failure_of
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.custody import Custody
from typing_relay.keeper.guests.hand import Hand
from typing_relay.keeper.guests.held_sockets import HeldSockets
from typing_relay.keeper.guests.looks import Looks
from typing_relay.keeper.guests.talk import Talk, TalkHost
from typing_relay.keeper.io.jobs import Workers
from typing_relay.keeper.io.loop import Loop
from typing_relay.keeper.io.sockets import SocketLimits
from typing_relay.keeper.io.turnstile import Turnstile
from typing_relay.keeper.ports import Frame, Sessions
from typing_relay.keeper.visitors.outbox import FRESH_MS, Outbox
from typing_relay.keeper.visitors.roll_call import SILENT_S, RollCall
from typing_relay.relay.burst import KEEPER_SILENT_MS, GuestStatus, Session
from typing_relay.relay.outcomes import Kind, Outcome

logger = logging.getLogger(__name__)

DRAIN_POLL_S = 0.02
#: When thousands of sockets are lost at once the CPU, a quarter of one, is for reopening them: a loss that is over
#: before its turn is not told.
LOSSES_PER_SECOND = 50
#: How long a drain waits for writes that are under way.
WRITES_WITHIN_S = 1.0
#: A post that a keeper began before another one took its visitor has arrived by then, or never will.
LATE_POSTS_S = 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    """``name`` is this keeper's fence in the records: no other process ever has the same."""

    name: str
    refresh_s: float = 30.0
    refresh_batch: int = 100
    #: Whoever has been told nothing for this long is called after the next look.
    silent_s: float = SILENT_S
    drain_s: float = 6.0
    #: For this long a record believes that a guest is held, without a word of its keeper: each third of it is one
    #: write.
    keeper_silent_ms: int = KEEPER_SILENT_MS
    #: A record lives this long after it was last heard of; one whose visitor is there lives on.
    session_ttl_s: int = 86_400
    #: Of this keeper's share of what all of a deployment may create.
    creations_per_second: float = 1000.0
    policy: guest.GuestPolicy = field(default_factory=guest.GuestPolicy)
    limits: SocketLimits = field(default_factory=SocketLimits)


class Keeper:
    """Holds guests from the first message to the last, on the loop's thread. ``clock`` gives epoch ms.

    ``talk_of`` makes the talk of a guest, as the platform has it.
    """

    def __init__(
        self,
        settings: Settings,
        loop: Loop,
        workers: Workers,
        sessions: Sessions,
        talk_of: Callable[[TalkHost], Talk],
        outbox: Outbox,
        roll_call: RollCall,
        openings: Turnstile,
        tls: ssl.SSLContext,
        counters: Counters,
        clock: Callable[[], int],
    ) -> None:
        self._settings, self._loop, self._workers = settings, loop, workers
        self._sessions, self._talk_of, self._outbox, self._openings = sessions, talk_of, outbox, openings
        self._roll_call, self._counters, self._clock = roll_call, counters, clock
        self._losses = Turnstile(loop, 1, LOSSES_PER_SECOND)
        self._creations = Turnstile(loop, 1, settings.creations_per_second)
        self._sockets = HeldSockets(
            loop, workers.names, openings, tls, settings.limits, counters, self._is_held, self._happened
        )
        #: By session id, in the order in which they are looked at.
        self._hands: dict[str, Hand] = {}
        self._looks = Looks(loop, self._hands, settings.refresh_s, settings.refresh_batch, self._refresh)
        self._custody: Custody | None = None

    def start(self, custody: Custody) -> None:
        """Begin to take what ``custody`` receives, and to look after the records."""
        self._custody = custody
        custody.start()
        self._looks.start()

    def requested(self, session_id: str) -> None:
        """A queue message asks for a guest for this session."""
        hand = self._hands.get(session_id)
        claim = self._its_custody.claim(session_id)
        if hand:
            self._happened(hand, guest.Requested(claim))
            return
        held, actions = guest.hold(session_id, self._settings.name, self._now(), claim)
        now = self._loop.time()
        hand = self._hands[session_id] = Hand(held, turn_at=now, told_at=now, changed_at=now)
        hand.talk = self._talk_of(self._host(hand))
        self._carry_out(hand, actions)

    def talk(self, session_id: str) -> Talk | None:
        """The talk of a guest held here."""
        hand = self._hands.get(session_id)
        return hand.talk if hand else None

    def _host(self, hand: Hand) -> TalkHost:
        session_id = hand.held.session_id
        return TalkHost(
            session_id,
            send=lambda number, text: self._sockets.send(hand, number, text),
            ready=lambda number: self._happened(hand, guest.SocketOpened(number)),
            lost=lambda number, outcome: self._sockets.give_up(hand, number, outcome),
            fenced=lambda: self._happened(hand, guest.FenceLost()),
            tell=lambda frame: self._tell_frames(hand, frame),
            in_turn=lambda do, ahead: self._in_turn(hand, do, ahead),
            signed_in=lambda: self._happened(hand, guest.SignedIn()),
        )

    def holds(self, session_id: str) -> bool:
        """Whether the guest of this session is held here; from any thread."""
        return session_id in self._hands

    def gauges(self) -> dict[str, int]:
        """How things stand now, for the metrics."""
        now, policy = self._now(), self._settings.policy
        return {
            "GuestsHeld": len(self._hands),
            # One that waits for its turn is no fault of CXone's or ours: strangers' sessions could move it (T18).
            "GuestsNotHeld": sum(
                guest.is_not_held(hand.held, now, policy) and not hand.creation_waits for hand in self._hands.values()
            ),
            "SocketsOpen": sum(1 for hand in self._hands.values() if hand.held.socket),
            "OpeningsWaiting": len(self._openings),
            "GuestsWaiting": len(self._creations),
            "VisitorsWithFramesWaiting": len(self._outbox),
        }

    def drain(self, finished: Callable[[], object]) -> None:
        """Hand every guest back at once, close the sockets properly, then call ``finished``."""
        self._its_custody.stop()
        hands = list(self._hands.values())
        self._hands.clear()
        self._hand_back(self._loop.time() + WRITES_WITHIN_S, finished)  # first: the next keeper waits for it
        for hand in hands:
            self._set_alarm(hand, None)
            hand.talk.close()
            for number in list(hand.sockets):
                self._sockets.close(hand, number)

    def _hand_back(self, deadline: float, finished: Callable[[], object]) -> None:
        """Hand back as soon as what is being written is: a late write must not take a guest from its next keeper."""
        custody = self._its_custody
        if (len(self._workers.store) or custody.is_renewing) and self._loop.time() < deadline:
            self._loop.call_later(DRAIN_POLL_S, lambda: self._hand_back(deadline, finished))
            return
        custody.hand_back()
        self._await_drained(self._loop.time() + self._settings.drain_s, finished)

    def _await_drained(self, deadline: float, finished: Callable[[], object]) -> None:
        drained = self._its_custody.is_drained() and self._sockets.are_closed() and self._outbox.is_at_rest
        if drained or self._loop.time() >= deadline:
            finished()
        else:
            self._loop.call_later(DRAIN_POLL_S, lambda: self._await_drained(deadline, finished))

    @property
    def _its_custody(self) -> Custody:
        assert self._custody is not None  # noqa: S101  # it holds and drains only after start
        return self._custody

    # --- from events to actions

    def _now(self) -> int:
        """In ms of the loop's clock, for the rules: the wall clock may be set back while their timers run on."""
        return round(self._loop.time() * 1000)

    def _is_held(self, hand: Hand) -> bool:
        return self._hands.get(hand.held.session_id) is hand

    def _happened(self, hand: Hand, event: guest.Event) -> None:
        if not self._is_held(hand):
            return
        now = self._now()
        hand.held, actions = guest.step(hand.held, event, now, self._settings.policy, random.random())
        self._carry_out(hand, actions)
        if self._is_held(hand):
            self._set_alarm(hand, guest.wake_at(hand.held, self._settings.policy))

    def _set_alarm(self, hand: Hand, at: int | None) -> None:
        if at == hand.alarm_at:
            return  # most events change nothing about it
        if hand.alarm:
            hand.alarm.cancel()
        hand.alarm, hand.alarm_at = None, at
        if at is not None:
            seconds = (at - self._now()) / 1000
            hand.alarm = self._loop.call_later(seconds, lambda: self._woke(hand))

    def _woke(self, hand: Hand) -> None:
        hand.alarm = hand.alarm_at = None
        self._happened(hand, guest.Woke())

    def _carry_out(self, hand: Hand, actions: tuple[guest.Action, ...]) -> None:  # noqa: C901  # a table
        for action in actions:
            match action:
                case guest.Take():
                    self._take(hand)
                case guest.Refresh():
                    self._look(hand)
                case guest.CreateGuest():
                    hand.creations, hand.creation_waits = hand.creations + 1, True
                    turn = partial(self._creation_due, hand, hand.creations)
                    self._creations.enter(turn, ahead=hand.held.is_used)  # not behind a crowd of newcomers (T18)
                case guest.OpenSocket(number, url):
                    self._sockets.open(hand, number, url)
                case guest.CloseSocket(number):
                    self._sockets.close(hand, number)
                case guest.SetStatus(status, begins):
                    self._set_status(hand, status, begins)
                case guest.AwaitTurn():
                    self._losses.enter(lambda: self._loss_due(hand))
                case guest.Tell(status):
                    self._tell(hand, status)
                case guest.EndGuest(guest_id):
                    self._end_guest(hand, guest_id)
                case guest.CloseGuest(whatever_is_shown):
                    self._release(hand, whatever_is_shown)
                case guest.LetGo():
                    self._let_go(hand, self._its_custody.done)
                case guest.Leave():
                    self._let_go(hand, self._its_custody.leave)

    # --- the record

    def _store(
        self, hand: Hand, what: str, call: Callable[[], Any], event: Callable[[Any], guest.Event | None]
    ) -> None:
        """Read or write the record of ``hand`` on a worker thread; ``event`` makes of the answer what happened."""

        def answered(answer: Any) -> None:
            happened = event(answer)
            if happened:
                self._happened(hand, happened)

        def failed(error: Exception) -> None:
            logger.warning("The session record: %s failed: %s", what, error)
            self._counters.add(failure_of(error))
            if what == "status":  # it may be on record all the same, and is not told
                self._tell_again_later(hand)
            else:
                self._happened(hand, guest.StoreFailed())

        self._workers.store.submit(hand.held.session_id, call, answered, failed)

    def _take(self, hand: Hand) -> None:
        session_id, name = hand.held.session_id, self._settings.name
        claim, asked_at = hand.held.claim, self._now()

        def take(now: int) -> Session | None:
            hand.is_ours = False
            return self._sessions.take_guest(session_id, name, now, claim)

        def taken(record: Session | None) -> guest.Event:
            if record and record.keeper != name:
                return guest.NotTaken(record)
            is_new, hand.is_ours = not hand.is_ours, True
            if record and self._is_held(hand) and (is_new or record.guest_id != hand.held.guest_id):
                hand.talk.taken(record)
                if record.had_guest():
                    self._tell_what_is_true(hand, record, asked_at)
            return guest.Taken(record)

        def take_or_hold() -> Session | None:
            """On a worker thread. Where no other keeper has held it meanwhile, nothing begins anew."""
            nonlocal asked_at
            now, asked_at = self._clock(), self._now()
            held = self._sessions.hold_again(session_id, name, now, claim) if hand.is_ours else None
            record = held or take(now)
            is_kept_beside = record and record.keeper == name and record.guest_id and not record.web_socket_url
            return self._sessions.with_access(record, now) if record and is_kept_beside else record

        self._store(hand, "take", take_or_hold, taken)

    def _tell_what_is_true(self, hand: Hand, record: Session, asked_at: int) -> None:
        """What a keeper before has told the visitor may not be true any more, or may still be on its way."""
        self._tell(hand, record.guest_status, record, asked_at, tells_states=True)
        self._tell_again_later(hand)

    def _tell_again_later(self, hand: Hand) -> None:
        """Spread, as thousands may be taken over together."""
        self._loop.call_later(LATE_POSTS_S * random.uniform(1, 2), lambda: self._tell_again(hand))

    def _tell_again(self, hand: Hand) -> None:
        """As it stands by now: a late post of the keeper before may have come after what this one told."""
        if self._is_held(hand) and hand.held.taken:
            self._set_status(hand, hand.held.status, tells_states=True)

    def _set_status(self, hand: Hand, status: GuestStatus, begins: bool = False, *, tells_states: bool = False) -> None:
        session_id, name, asked_at = hand.held.session_id, self._settings.name, self._now()
        hand.begins = begins = begins or hand.begins

        def write() -> Session | None:
            """On a worker thread."""
            nonlocal asked_at
            asked_at = self._now()
            return self._sessions.set_guest_status(session_id, name, status, self._clock(), begins)

        def written(record: Session | None) -> guest.Event | None:
            if record and self._is_held(hand):
                hand.begins = False
                self._tell(hand, status, record, asked_at, tells_states=tells_states)
            return None if record else guest.FenceLost()

        self._store(hand, "status", write, written)

    def _loss_due(self, hand: Hand) -> bool:
        """Its turn has come. Returns whether there is still something to tell."""
        self._happened(hand, guest.LossDue())
        is_told = self._is_held(hand) and hand.held.status is GuestStatus.RECONNECTING
        if is_told:
            self._loop.call_soon(self._losses.leave)
        return is_told

    def _end_guest(self, hand: Hand, guest_id: str) -> None:
        self._counters.add("GuestsOver")
        call = partial(self._sessions.end_guest, hand.held.session_id, guest_id)
        self._store(hand, "end", lambda: call(self._clock()), guest.GuestEnded)

    def _release(self, hand: Hand, whatever_is_shown: bool) -> None:
        call = partial(self._sessions.release_guest, hand.held.session_id, self._settings.name)
        self._store(hand, "release", lambda: call(self._clock(), whatever_is_shown), guest.Released)

    def _let_go(self, hand: Hand, forget: Callable[[str], object]) -> None:
        self._set_alarm(hand, None)
        hand.talk.close()
        del self._hands[hand.held.session_id]
        forget(hand.held.session_id)
        self._counters.add("GuestsLetGo")

    def _look(self, hand: Hand) -> None:
        """At one record, consistently: more than what is to be done next may hang on it."""
        session_id, read_at = hand.held.session_id, self._now()

        def looked(record: Session | None) -> guest.Event:
            return guest.Refreshed(record, read_at, is_certain=True)

        self._store(hand, "look", lambda: self._sessions.get(session_id, self._clock()), looked)

    def _refresh(self, hands: list[Hand]) -> None:
        read_at = self._now()
        by_id = {hand.held.session_id: hand for hand in hands}

        def answered(records: dict[str, Session]) -> None:
            for session_id, hand in by_id.items():
                record = records.get(session_id)
                self._happened(hand, guest.Refreshed(record, read_at))
                if record and self._is_held(hand):
                    hand.talk.refreshed(record)
                    self._looks.seen(hand, record)
                    self._keep(hand, record)
                    self._call(hand, record)

        self._workers.store.submit(
            ("refresh", hands[0].held.session_id),
            lambda: self._sessions.get_many(list(by_id), self._clock()),
            answered,
            lambda error: logger.warning("Session records could not be read: %s", error),
        )

    def _call(self, hand: Hand, record: Session) -> None:
        """A visitor who has been told nothing for minutes is called: before the page pings, or API Gateway ends it.

        A pong claims nothing, so it needs no fence: another keeper may have taken the guest meanwhile.
        """
        now = self._loop.time()
        is_due = hand.held.taken and now - max(hand.told_at, hand.called_at) >= self._settings.silent_s
        if is_due and self._roll_call.call(record, hand.calls + 1):
            hand.calls, hand.called_at = hand.calls + 1, now

    def _keep(self, hand: Hand, record: Session) -> None:
        """A record whose visitor is there, silent as it may be, lives on, and goes on believing that its guest is held.

        What is read may be stale, so it is only how much time is left that is taken from it.
        """
        now, keeper_silent_ms, ttl_s = self._clock(), self._settings.keeper_silent_ms, self._settings.session_ttl_s
        silent_ms, lives_s = now - record.guest_requested_at, record.expires_at - now // 1000
        is_fresh = silent_ms < keeper_silent_ms * 2 / 3 and lives_s >= ttl_s / 2
        if not hand.held.taken or not record.connections or is_fresh:
            return
        session_id, name = hand.held.session_id, self._settings.name

        def keep() -> bool:
            at = self._clock()
            return self._sessions.keep_guest(session_id, name, at, at // 1000 + ttl_s)

        self._workers.store.submit(
            session_id,
            keep,
            lambda _kept: None,  # where it is another keeper's, or the visitor left, the next look tells
            lambda error: logger.warning("A session record could not be kept: %s", error),
        )

    # --- the guest

    def _creation_due(self, hand: Hand, number: int) -> bool:
        """Its turn has come. Returns whether the guest is still wanted."""
        is_wanted = self._is_held(hand) and hand.creations == number and hand.held.doing is guest.Doing.CREATING
        if is_wanted:
            hand.creation_waits = False
            self._create(hand)
            self._loop.call_soon(self._creations.leave)
        return is_wanted

    def _in_turn(self, hand: Hand, do: Callable[[], object], ahead: bool) -> None:
        """Call ``do`` in the queue for new guests, though this guest's socket is being opened: it costs CXone as much.

        While it waits it keeps nobody from opening a socket. ``do`` is called even if this keeper no longer holds the
        guest by then.
        """

        def due() -> bool:
            self._openings.enter(opens, ahead=True)
            self._loop.call_soon(self._creations.leave)
            return True

        def opens() -> bool:
            hand.creation_waits = False
            do()
            return True

        hand.creation_waits = True
        self._loop.call_soon(self._openings.leave)  # it is in only after this
        self._creations.enter(due, ahead=ahead or hand.held.is_used)  # not behind a crowd of newcomers (T18)

    def _create(self, hand: Hand) -> None:
        session_id = hand.held.session_id

        def created(event: guest.Event) -> None:
            if isinstance(event, guest.NotCreated):
                self._report_not_created(hand, event.outcome)
            elif isinstance(event, guest.Created):
                self._counters.add("GuestsCreated")
                logger.info("guest created", extra={"session": session_id, "guest": event.guest_id})
            self._happened(hand, event)

        def failed(error: Exception) -> None:
            created(guest.NotCreated(Outcome(Kind.LOST, reason=f"{type(error).__name__}: {error}")))

        self._workers.cxone.submit(session_id, hand.talk.make, created, failed)

    def _report_not_created(self, hand: Hand, outcome: Outcome) -> None:
        self._counters.add(f"GuestsNotCreated.{outcome.kind}")
        if outcome.kind is Kind.NOT_YET:
            return  # each is told to its page, and says nothing of CXone
        if hand.is_worth_a_line:
            logger.warning(
                "CXone created no guest",
                extra={
                    "session": hand.held.session_id,
                    "outcome": outcome.kind,
                    "reason": outcome.reason,
                    "failures": hand.held.failures + 1,
                },
            )

    # --- frames

    def _tell(
        self,
        hand: Hand,
        status: GuestStatus,
        record: Session | None = None,
        asked_at: int = 0,
        *,
        tells_states: bool = False,
    ) -> None:
        """``record``: as an answer has it that was asked for at ``asked_at``. ``tells_states``: the talk's, too."""
        if status is GuestStatus.OPEN and record and record.typing_unavailable:
            status = GuestStatus.UNAVAILABLE  # the socket is open, but the agent sees no typing
        states = hand.talk.states if tells_states else ()
        frames: tuple[Frame, ...] = (*states, {"type": "guest", "status": str(status)})
        self._tell_frames(hand, *frames, record=self._if_fresh(record, asked_at))

    def _tell_frames(self, hand: Hand, *frames: Frame, record: Session | None = None) -> None:
        hand.told_at = self._loop.time()
        self._outbox.tell(hand.held.session_id, *frames, record=record)

    def _if_fresh(self, record: Session | None, asked_at: int) -> Session | None:
        """An answer that came late does not say whose the visitor is now: the outbox reads the record itself (T12)."""
        return record if self._now() - asked_at <= FRESH_MS else None

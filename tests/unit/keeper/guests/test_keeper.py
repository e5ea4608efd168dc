"""What joins the parts: what is decided about a guest is carried out, and nothing that is wanted no more."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.guest import FenceLost
from typing_relay.keeper.guests.keeper import (
    DRAIN_POLL_S,
    LATE_POSTS_S,
    LOSSES_PER_SECOND,
    WRITES_WITHIN_S,
    Keeper,
    Settings,
)
from typing_relay.keeper.guests.talk import TalkHost
from typing_relay.keeper.io.jobs import Workers
from typing_relay.keeper.io.sockets import Sending, Stage
from typing_relay.keeper.io.turnstile import Turnstile
from typing_relay.keeper.visitors.roll_call import SILENT_S
from typing_relay.platforms.webchat.talk import Time, WebchatTalk, webchat_meaning
from typing_relay.relay.burst import GuestStatus, Session, claim_of
from typing_relay.relay.outcomes import Kind, Outcome

from tests.cost.report import HIDDEN_PING_S
from tests.support.keeper_fakes import ManualJobs, ManualLoop, looked_at

URL = "wss://cxone.example/socket"
NAME = "me"
NOW = 1_800_000_000_000


class Records:
    """Session records as far as a keeper touches them."""

    def __init__(self, *session_ids: str) -> None:
        self.written: list[GuestStatus] = []
        #: Of each try to write a status, whether keys count from then on.
        self.begun: list[bool] = []
        self.fails = False
        self.claims: list[int] = []
        self.kept: list[tuple[str, int, int]] = []
        self.by_id = {
            session_id: Session(
                session_id,
                connections=frozenset({"tab"}),
                keeper=NAME,
                guest_id=f"guest of {session_id}",
                web_socket_url=URL,
                guest_status=GuestStatus.RECONNECTING,
            )
            for session_id in session_ids
        }

    def change(self, session_id: str, **values: Any) -> None:
        self.by_id[session_id] = replace(self.by_id[session_id], **values)

    def get(self, session_id: str, now: int) -> Session | None:
        return self.by_id.get(session_id)

    def take_guest(self, session_id: str, keeper: str, now: int, claim: int = 0) -> Session | None:
        self.claims.append(claim)
        return self.by_id[session_id]

    def hold_again(self, session_id: str, keeper: str, now: int, claim: int) -> Session | None:
        self.claims.append(claim)
        record = self.by_id[session_id]
        return record if record.keeper == keeper else None

    def keep_guest(self, session_id: str, keeper: str, now: int, expires_at: int) -> bool:
        self.kept.append((session_id, now, expires_at))
        return True

    def with_access(self, record: Session, now: int) -> Session:
        return replace(record, web_socket_url="wss://kept-beside")

    def get_many(self, session_ids: list[str], now: int) -> dict[str, Session]:
        return {session_id: looked_at(self.by_id[session_id]) for session_id in session_ids}

    def set_guest_status(
        self, session_id: str, keeper: str, status: GuestStatus, now: int, begins: bool = False
    ) -> Session | None:
        self.begun.append(begins)
        if self.fails:
            raise OSError("the network is down")
        self.written.append(status)
        self.change(session_id, guest_status=status)
        return self.by_id[session_id]


class SentFrames:
    """What would go to visitors."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, Any]] = []
        #: The records that came with them.
        self.records: list[Session | None] = []

    def __len__(self) -> int:
        return 0

    @property
    def is_at_rest(self) -> bool:
        return True

    def tell(self, session_id: str, *frames: Mapping[str, Any], record: Session | None = None) -> None:
        self.frames += [(session_id, frame) for frame in frames]
        self.records += [record for _ in frames]


class Calls:
    """The roll call; ``is_busy``: it takes none."""

    def __init__(self, loop: ManualLoop) -> None:
        self.loop, self.made, self.is_busy = loop, [], False  # type: ignore[var-annotated]

    def call(self, record: Session, number: int) -> bool:
        if not self.is_busy:
            self.made.append((record.session_id, number, self.loop.time()))
        return not self.is_busy


class Scene:
    """A keeper with one place for a socket that is being opened; no socket ever connects."""

    def __init__(
        self, *session_ids: str, talk: type[WebchatTalk] = WebchatTalk, settings: Settings | None = None
    ) -> None:
        self.loop, self.store, self.names, self.cxone = ManualLoop(), ManualJobs(), ManualJobs(), ManualJobs()
        self.records, self.outbox, self.now, self.counters = Records(*session_ids), SentFrames(), NOW, Counters()
        self.openings = Turnstile(self.loop, at_once=1, per_second=1000)  # type: ignore[arg-type]
        time, self.calls = Time(self.loop, self.clock), Calls(self.loop)  # type: ignore[arg-type]
        self.keeper = Keeper(
            settings or Settings(NAME),
            self.loop,  # type: ignore[arg-type]
            Workers(cxone=self.cxone, store=self.store, names=self.names),  # type: ignore[arg-type]
            self.records,  # type: ignore[arg-type]
            lambda host: talk(
                host, lambda _profile: FenceLost(), lambda end: webchat_meaning(end, NOW), self.counters, time
            ),
            self.outbox,  # type: ignore[arg-type]
            self.calls,  # type: ignore[arg-type]
            self.openings,
            ssl.create_default_context(),
            self.counters,
            self.clock,
        )
        self.custody = _Custody()
        self.keeper._custody = self.custody  # type: ignore[assignment]
        for session_id in session_ids:
            self.keeper.requested(session_id)
        self.store.run()
        self.loop.advance(0.1)

    def clock(self) -> int:
        self.now += 1
        return self.now

    def looks_at_the_records(self) -> None:
        self.loop.advance(0.002)
        for hand in list(self.keeper._hands.values()):
            self.keeper._refresh([hand])
        self.store.run()
        self.store.run()  # what looks lost is looked at again

    def opens(self, session_id: str) -> None:
        """Its socket, the newest, is open: as the socket itself would tell."""
        hand = self.keeper._hands[session_id]
        [(number, socket)] = hand.sockets.items()
        socket.was_open = True
        socket._timer.cancel()  # of a socket that does not open in time
        self.keeper._sockets.opened(hand, number)
        self.store.run()
        self.loop.advance(0.1)

    def is_open(self, session_id: str, number: int) -> None:
        """So it is, without a socket having been there to tell."""
        hand = self.keeper._hands[session_id]
        hand.held = replace(hand.held, doing=guest.Doing.OPENING, opening=number, last_socket=number)
        self.keeper._happened(hand, guest.SocketOpened(number))

    def passes(self, seconds: int) -> None:
        """Time, in which the store answers within 10 ms."""
        for _ in range(seconds * 100):
            self.loop.advance(0.01)
            self.store.run()


@pytest.fixture
def crowded() -> Scene:
    """alice's socket is being opened; bob's waits at the door."""
    return Scene("alice", "bob")


def test_sockets_are_opened_one_after_the_other(crowded: Scene) -> None:
    assert (len(crowded.names), len(crowded.openings)) == (1, 1)
    crowded.opens("alice")
    assert (len(crowded.names), len(crowded.openings)) == (2, 0)


def test_a_socket_whose_guest_ended_at_the_door_is_not_opened(crowded: Scene) -> None:
    """A second socket of a guest that is over would only be refused; the place goes to the next one."""
    crowded.records.change("bob", guest_id="", guest_status=GuestStatus.OPENING)
    crowded.looks_at_the_records()
    crowded.opens("alice")
    assert (len(crowded.names), crowded.openings.under_way) == (1, 0)


def test_a_socket_that_is_closed_while_it_is_being_opened_leaves_its_place(crowded: Scene) -> None:
    """Else each would narrow the door for all others."""
    crowded.records.change("alice", guest_id="", guest_status=GuestStatus.OPENING)
    crowded.looks_at_the_records()
    crowded.loop.advance(0.1)
    assert (len(crowded.openings), crowded.openings.under_way) == (0, 1)


def test_nor_is_that_of_a_guest_that_another_keeper_has_taken() -> None:
    scene = Scene("alice", "bob")
    scene.records.change("bob", keeper="another")
    scene.looks_at_the_records()
    scene.opens("alice")
    assert (len(scene.names), scene.openings.under_way) == (1, 0)


def test_a_stale_look_lets_go_of_nothing() -> None:
    """T9: BatchGetItem may give a record as it stood before this keeper took it."""
    scene = Scene("alice")
    scene.records.get_many = lambda ids, now: {"alice": replace(scene.records.by_id["alice"], keeper="before")}  # type: ignore[method-assign]
    scene.looks_at_the_records()
    assert (list(scene.keeper._hands), scene.custody.told) == (["alice"], [])


def test_a_guest_is_taken_by_its_newest_message() -> None:
    """Of two keepers the record keeps who was given a message later."""
    scene = Scene("alice")
    assert scene.records.claims == [claim_of("message-1", NOW - 5)]


@pytest.mark.parametrize(
    ("of_record", "used"),
    [("", "wss://kept-beside"), (URL, URL)],
    ids=["which the record has not", "unless the record has it, as on v1 or by a version before"],
)
def test_who_takes_a_guest_over_goes_on_by_the_url_that_is_kept_beside_its_record(of_record: str, used: str) -> None:
    taken: list[Session] = []
    scene = noting(taken)
    scene.records.change("alice", keeper="another")
    scene.custody.newest_claim += 10**9
    theirs = replace(scene.records.by_id["alice"], keeper=NAME, guest_id="theirs", web_socket_url=of_record)
    scene.records.take_guest = lambda *_: theirs  # type: ignore[method-assign,assignment]
    scene.keeper.requested("alice")
    scene.store.run()
    assert [record.web_socket_url for record in taken] == [used]


def noting(taken: list[Session]) -> Scene:
    """Alice's socket is open; ``taken``: with which records her talk is told, from now on, that she was taken."""

    class Noting(WebchatTalk):
        def taken(self, record: Session) -> None:
            taken.append(record)

    scene = Scene("alice", talk=Noting)
    scene.opens("alice")
    taken.clear()
    return scene


def test_a_guest_that_nobody_else_has_held_goes_on_as_it_was_when_another_message_comes() -> None:
    """Its talk begins anew only if another keeper may have spoken meanwhile."""
    taken: list[Session] = []
    scene = noting(taken)
    for keeper in (NAME, "another"):
        scene.records.change("alice", keeper=keeper)
        scene.custody.newest_claim += 10**9
        scene.keeper.requested("alice")
        scene.records.take_guest = lambda *_: replace(scene.records.by_id["alice"], keeper=NAME)  # type: ignore[method-assign,assignment]
        scene.store.run()
        assert len(taken) == (keeper == "another")


@pytest.mark.parametrize(
    ("held", "told"), [(claim_of("message-2", NOW), "done"), (claim_of("message-1", NOW), "leave"), (0, "leave")]
)
def test_a_message_is_deleted_only_if_the_other_keeper_holds_by_another(held: int, told: str) -> None:
    """T9: who takes late and dies at once may have had the same message; a version before says of none which it was."""
    scene = Scene("alice")
    scene.records.change("alice", keeper="another", held=held)
    scene.looks_at_the_records()
    assert (list(scene.keeper._hands), scene.custody.told) == ([], [told])


def test_a_take_that_comes_later_than_another_keepers_lets_go() -> None:
    """The record names who was given a message later."""
    scene = Scene()
    scene.records.by_id["bob"] = Session("bob", connections=frozenset({"tab"}), keeper="another")
    scene.keeper.requested("bob")
    scene.store.run()
    assert (list(scene.keeper._hands), scene.custody.told) == ([], ["leave"])


@pytest.mark.parametrize(
    ("silent_minutes", "lives_s", "kept"), [(19, 80_000, False), (20, 80_000, True), (0, 40_000, True)]
)
def test_a_silent_visitors_record_is_kept_alive_and_held(silent_minutes: int, lives_s: int, kept: bool) -> None:
    """Else it would run out under a tab that only waits, or its keeper be presumed dead."""
    scene = Scene("alice")
    scene.records.change("alice", guest_requested_at=NOW - silent_minutes * 60_000, expires_at=NOW // 1000 + lives_s)
    scene.looks_at_the_records()
    until = [(session_id, expires_at - at // 1000) for session_id, at, expires_at in scene.records.kept]
    assert until == ([("alice", 86_400)] if kept else [])


def test_the_record_of_a_visitor_who_is_gone_is_not_kept() -> None:
    scene = Scene("alice")
    scene.records.change("alice", connections=frozenset(), expires_at=NOW // 1000 + 40_000)
    scene.looks_at_the_records()
    assert scene.records.kept == []


def test_a_clock_that_is_set_back_delays_no_reopening() -> None:
    """The rules' time is the loop's: their timers are."""
    scene = Scene("alice")
    scene.opens("alice")
    hand = scene.keeper._hands["alice"]
    [(_, socket)] = hand.sockets.items()
    socket._lost(OSError("reset"))
    scene.now -= 3_600_000
    last_socket = hand.held.last_socket
    scene.passes(2)  # the first back-off takes a second at most; its jitter is random
    assert hand.held.last_socket == last_socket + 1


@pytest.mark.parametrize(("takes_s", "is_worth_something"), [(0.4, True), (0.6, False)])
def test_a_record_whose_answer_came_late_saves_the_outbox_no_read(takes_s: float, is_worth_something: bool) -> None:
    """T12: by then another keeper may have the visitor."""
    scene = Scene("alice")
    write = scene.records.set_guest_status

    def slow(*args: Any) -> Session | None:
        scene.loop.now += takes_s
        return write(*args)

    scene.records.set_guest_status = slow  # type: ignore[method-assign]
    scene.opens("alice")
    assert (scene.outbox.records[-1] is not None) == is_worth_something


def test_a_guest_that_is_let_go_leaves_no_alarm_behind() -> None:
    """It would be kept in memory until its socket was due to be replaced: two hours."""
    scene = Scene("alice")
    scene.opens("alice")
    hand = scene.keeper._hands["alice"]
    scene.records.change("alice", keeper="another")
    scene.loop.advance(0.1)
    scene.keeper._happened(hand, FenceLost())
    scene.store.run()
    assert (list(scene.keeper._hands), hand.alarm) == ([], None)


def test_a_guest_has_one_alarm_whatever_happens() -> None:
    """Each that is put off would otherwise wait for hours in memory."""
    scene = Scene("alice")
    scene.opens("alice")
    before = sum(timer.callback is not None for _, _, timer in scene.loop._timers)
    for number in range(99, 109):
        scene.is_open("alice", number)
    alarms = sum(timer.callback is not None for _, _, timer in scene.loop._timers) - before
    assert alarms == 0


def test_what_happens_to_a_guest_that_was_let_go_leads_to_nothing() -> None:
    scene = Scene("alice", talk=SlowTalk)
    talk = scene.keeper.talk("alice")
    assert isinstance(talk, SlowTalk)
    scene.records.change("alice", keeper="another")
    scene.looks_at_the_records()
    talk.host.fenced()
    assert (list(scene.keeper._hands), len(scene.store)) == ([], 0)


@pytest.mark.parametrize("guests", [30, 130, 250])
def test_each_record_is_read_once_in_30_s_a_hundred_at_a_time(guests: int) -> None:
    """However they arrive. Those that are due next fill up a read, but none that has just been read."""
    scene, reads = Scene(), []
    scene.records = Records(*(f"visitor {number}" for number in range(guests)))
    scene.keeper._sessions = scene.records  # type: ignore[assignment]
    get_many = scene.records.get_many

    def noted(session_ids: list[str], now: int) -> dict[str, Session]:
        reads.append(len(session_ids))
        return get_many(session_ids, now)

    scene.records.get_many = noted  # type: ignore[method-assign]
    scene.keeper.start(scene.custody)  # type: ignore[arg-type]
    scene.loop.advance(5)  # with nobody to look at
    for number, session_id in enumerate(scene.records.by_id):
        scene.keeper.requested(session_id)
        if number % 5 == 0:
            scene.loop.advance(1)
            scene.store.run()
    for _ in range(300):
        scene.loop.advance(1)
        scene.store.run()
    reads.clear()
    for _ in range(10 * 31):  # what is due is found out each second
        scene.loop.advance(1)
        scene.store.run()
    assert 9 * guests <= sum(reads) <= 11 * guests
    assert max(reads) <= 100
    assert len(reads) <= 11 * (guests // 100 + 1)


def test_a_record_is_read_30_s_after_it_was_taken() -> None:
    scene, reads = Scene("alice"), []
    get_many = scene.records.get_many
    scene.records.get_many = lambda ids, now: (reads.append(scene.loop.time()), get_many(ids, now))[1]  # type: ignore[method-assign]
    scene.keeper.start(scene.custody)  # type: ignore[arg-type]
    began = scene.loop.time()
    for _ in range(62):
        scene.loop.advance(1)
        scene.store.run()
    assert [round(at - began) for at in reads] == [30, 60]


class Quiet:
    """A keeper whose guests' sockets are open; nothing happens. ``reads``: when (s) each record is."""

    def __init__(self, guests: int) -> None:
        self.reads: dict[str, list[float]] = {f"visitor {number}": [] for number in range(guests)}
        self.scene = scene = Scene(*self.reads, settings=Settings(NAME, policy=guest.GuestPolicy(rotate_ms=10**12)))
        self.batches: list[int] = []
        get_many = scene.records.get_many

        def noted(session_ids: list[str], now: int) -> dict[str, Session]:
            self.batches.append(len(session_ids))
            for session_id in session_ids:
                self.reads[session_id].append(scene.loop.time())
            return get_many(session_ids, now)

        scene.records.get_many = noted  # type: ignore[method-assign]
        scene.keeper.start(scene.custody)  # type: ignore[arg-type]
        for session_id in self.reads:
            scene.records.change(session_id, keeper=NAME, guest_status=GuestStatus.OPEN)
            hand = scene.keeper._hands[session_id]
            hand.held = replace(
                hand.held, doing=guest.Doing.SETTLED, socket=7, opening=0, status=GuestStatus.OPEN, rotate_at=10**12
            )
            hand.turn_at -= random.uniform(0, 30)

    def passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.scene.loop.advance(1)
            self.scene.store.run()

    def gaps(self, session_id: str = "visitor 0") -> list[int]:
        times = self.reads[session_id]
        return [round(later - earlier) for earlier, later in pairwise(times)]


def test_the_record_of_a_guest_for_whom_nothing_has_happened_for_five_minutes_is_read_each_minute() -> None:
    quiet = Quiet(1)
    quiet.passes(900)
    assert quiet.gaps()[1:8] == [30] * 7
    assert quiet.gaps()[-8:] == [60] * 8


@pytest.mark.parametrize("guests", [1, 30, 130, 250])
def test_a_quiet_guests_record_is_never_left_for_more_than_a_minute(guests: int) -> None:
    """Wherever a read is filled up with those that are due next."""
    quiet = Quiet(guests)
    quiet.passes(600)
    for reads in quiet.reads.values():
        del reads[:-1]
    quiet.batches.clear()
    quiet.passes(3600)
    gaps = [gap for session_id in quiet.reads for gap in quiet.gaps(session_id)]
    assert max(gaps) <= 61  # what is due is found out each second
    assert sum(quiet.batches) <= 62 * guests
    assert max(quiet.batches) <= 100


def speaks(scene: Scene) -> None:
    scene.keeper._host(scene.keeper._hands["visitor 0"]).tell({"type": "event"})


def changes(scene: Scene) -> None:
    scene.records.change("visitor 0", revision=1)


def comes_back(scene: Scene) -> None:
    scene.records.change("visitor 0", connections=frozenset({"another tab"}))


@pytest.mark.parametrize("happens", [speaks, changes, comes_back])
def test_once_something_happens_it_is_read_each_half_minute_again(happens: Callable[[Scene], None]) -> None:
    """v1: a page that is loaded anew while the agent types learns of it by that."""
    quiet = Quiet(1)
    quiet.passes(900)
    happens(quiet.scene)
    quiet.passes(60)
    quiet.reads["visitor 0"].clear()
    quiet.passes(200)
    assert set(quiet.gaps()) == {30}


def test_no_look_at_a_guest_without_a_socket_is_passed_over() -> None:
    quiet = Quiet(1)
    hand = quiet.scene.keeper._hands["visitor 0"]
    hand.held = replace(hand.held, socket=0, opening=7, doing=guest.Doing.OPENING)
    quiet.passes(900)
    assert set(quiet.gaps()[1:]) == {30}


@pytest.mark.parametrize("guests", [1, 30, 130])
def test_whoever_is_told_nothing_is_called_before_a_hidden_page_would_ping(guests: int) -> None:
    """And long before API Gateway ends what has been idle for ten minutes."""
    quiet = Quiet(guests)
    quiet.passes(round(2 * LATE_POSTS_S))  # what it was told after it was taken is told again
    began = quiet.scene.loop.time()
    quiet.passes(7200)
    for session_id in quiet.reads:
        made = [(number, at) for called, number, at in quiet.scene.calls.made if called == session_id]
        assert [number for number, _ in made] == list(range(1, len(made) + 1))
        gaps = [later - earlier for earlier, later in pairwise([began, *(at for _, at in made)])]
        assert min(gaps[1:]) >= SILENT_S
        assert max(gaps) < HIDDEN_PING_S


def test_whoever_was_told_something_is_called_later() -> None:
    quiet = Quiet(1)
    quiet.passes(round(SILENT_S) - 60)
    speaks(quiet.scene)
    quiet.passes(round(SILENT_S) - 60)
    assert quiet.scene.calls.made == []
    quiet.passes(120)
    assert len(quiet.scene.calls.made) == 1


def test_a_call_for_which_there_is_no_room_is_made_after_the_next_look() -> None:
    quiet = Quiet(1)
    quiet.scene.calls.is_busy = True
    quiet.passes(round(SILENT_S) + 70)
    quiet.scene.calls.is_busy = False
    quiet.passes(61)
    assert [number for _, number, _ in quiet.scene.calls.made] == [1]


def test_a_look_that_finds_no_record_is_followed_by_one_that_is_certain() -> None:
    scene = Scene("alice")
    scene.records.get_many = lambda ids, now: {}  # type: ignore[method-assign]
    scene.looks_at_the_records()
    assert list(scene.keeper._hands) == ["alice"]
    scene.records.get = lambda session_id, now: None  # type: ignore[method-assign]
    scene.looks_at_the_records()
    assert list(scene.keeper._hands) == []


def test_the_record_of_a_guest_that_was_let_go_meanwhile_is_not_kept() -> None:
    scene = Scene("alice")
    scene.records.change("alice", expires_at=NOW // 1000 + 40_000)
    hand = scene.keeper._hands["alice"]
    scene.keeper._refresh([hand])
    scene.keeper._happened(hand, guest.Released(done=True))
    scene.store.run()
    scene.store.run()
    assert scene.records.kept == []


def test_a_record_that_could_not_be_taken_is_taken_again() -> None:
    scene = Scene()
    scene.records.by_id["bob"] = Session("bob", connections=frozenset({"tab"}), keeper=NAME)
    take, tries = scene.records.take_guest, []

    def fails_once(*args: Any) -> Session | None:
        tries.append(args)
        if len(tries) == 1:
            raise OSError("the network is down")
        return take(*args)

    scene.records.take_guest = fails_once  # type: ignore[method-assign]
    scene.keeper.requested("bob")
    scene.passes(2)
    assert (len(tries), scene.keeper._hands["bob"].held.taken) == (2, True)


@pytest.fixture
def fenced() -> Scene:
    """Alice's socket is open, but the write that says so was refused: another keeper has her."""
    scene = Scene("alice")
    scene.outbox.frames.clear()
    scene.records.change("alice", keeper="another", held=claim_of("message-2", NOW))
    scene.records.set_guest_status = lambda *_: None  # type: ignore[method-assign,assignment]
    scene.is_open("alice", 99)
    scene.passes(1)
    return scene


def test_a_status_that_the_fence_keeps_from_the_record_is_not_told(fenced: Scene) -> None:
    """T12."""
    assert fenced.outbox.frames == []


def test_a_write_that_the_fence_refuses_leads_to_a_look_and_that_lets_go(fenced: Scene) -> None:
    assert (list(fenced.keeper._hands), fenced.custody.told) == ([], ["done"])


def test_of_a_guest_that_was_let_go_nothing_is_told_later() -> None:
    """T12, T16: neither what was just written nor what is true after a take-over."""
    scene = Scene("alice")
    hand = scene.keeper._hands["alice"]
    scene.is_open("alice", 99)  # its write is under way
    scene.outbox.frames.clear()
    scene.keeper._happened(hand, guest.Released(done=True))
    scene.passes(2 * int(LATE_POSTS_S) + 1)
    assert (scene.outbox.frames, len(scene.records.begun)) == ([], 1)


class _Custody:
    """Forgets whom it is told to, and hands back when it is told to."""

    is_renewing = False

    def __init__(self) -> None:
        self.told: list[str] = []
        self.newest_claim = claim_of("message-1", NOW - 5)
        self._has_called = False

    def start(self) -> None:
        """Nothing comes by itself."""

    def claim(self, session_id: str) -> int:
        return self.newest_claim

    def done(self, session_id: str) -> None:
        self.told.append("done")

    def leave(self, session_id: str) -> None:
        self.told.append("leave")

    def stop(self) -> None:
        self.told.append("stop")

    def hand_back(self) -> None:
        self.told.append("hand back")

    def is_drained(self) -> bool:
        """Not in the turn in which it hands back: that takes a call."""
        drained, self._has_called = self._has_called, True
        return drained


@pytest.mark.parametrize(("typing_unavailable", "told"), [(False, "open"), (True, "unavailable")])
def test_a_visitor_is_told_when_its_guest_is_there_and_whether_the_agent_can_see_it_type(
    typing_unavailable: bool, told: str
) -> None:
    """The socket is open all the same: the agent's messages come through."""
    scene = Scene("alice")
    scene.records.change("alice", typing_unavailable=typing_unavailable)
    scene.outbox.frames.clear()
    scene.opens("alice")
    assert scene.outbox.frames == [("alice", {"type": "guest", "status": told})]


def test_who_takes_a_guest_over_tells_what_is_true_as_the_keeper_before_may_have_died_of_it() -> None:
    """T16: an end of the agent's typing may have been lost, and a status recorded that was not told."""
    scene = Scene("alice")
    assert [_what(frame) for _, frame in scene.outbox.frames] == [False, "reconnecting"]


@pytest.mark.parametrize(
    ("ended_at", "told"),
    [(NOW, [False, "opening"]), (None, [])],
    ids=["whose guest has ended", "who has had none, and knows nothing"],
)
def test_who_takes_over_a_visitor_without_a_guest_tells_so_only_if_one_has_ended(
    ended_at: int | None, told: list[Any]
) -> None:
    """T16: the keeper before may have died with the guest. A first guest costs no such post."""
    scene = Scene()
    scene.records.by_id["bob"] = Session(
        "bob", connections=frozenset({"tab"}), keeper=NAME, guest_status=GuestStatus.OPENING, verify_at=ended_at
    )
    scene.keeper.requested("bob")
    scene.store.run()
    assert [_what(frame) for _, frame in scene.outbox.frames] == told


def test_it_tells_so_again_when_no_post_of_the_keeper_before_can_come_any_more() -> None:
    """T16: one that was slow may have come last."""
    scene = Scene("alice")
    scene.opens("alice")
    scene.outbox.frames.clear()
    scene.passes(int(LATE_POSTS_S) - 1)
    assert scene.outbox.frames == []
    scene.passes(int(LATE_POSTS_S) + 2)
    assert [_what(frame) for _, frame in scene.outbox.frames] == [False, "open"]


def test_a_status_that_could_not_be_written_is_written_and_told_later() -> None:
    """T16: nobody knows whether the record has it; the visitor has not."""
    scene = Scene("alice")
    scene.outbox.frames.clear()
    scene.records.fails = True
    scene.opens("alice")
    scene.records.fails = False
    assert scene.outbox.frames == []
    scene.passes(2 * int(LATE_POSTS_S) + 1)
    of_its_own, after_the_take_over = [False, "open"], [False, "open"]
    assert [_what(frame) for _, frame in scene.outbox.frames] == of_its_own + after_the_take_over


def test_that_keys_count_from_the_guests_opening_is_said_until_it_is_written() -> None:
    """T18: a visitor whose own record is throttled must not move what is measured of first keys."""
    scene = Scene()
    scene.records.by_id["alice"] = Session(
        "alice", frozenset({"tab"}), keeper=NAME, guest_id="guest", web_socket_url=URL, guest_status=GuestStatus.OPENING
    )
    scene.keeper.requested("alice")
    scene.store.run()
    scene.records.fails = True
    scene.opens("alice")
    scene.records.fails = False
    scene.passes(2 * int(LATE_POSTS_S) + 1)
    assert scene.records.begun[:2] == [True, True]
    assert not any(scene.records.begun[2:])


def test_nobody_is_told_anything_of_a_guest_that_there_never_was() -> None:
    """The first keeper of a visitor has nobody before it."""
    scene = Scene()
    scene.records.by_id["bob"] = Session("bob", connections=frozenset({"tab"}), keeper=NAME)
    scene.keeper.requested("bob")
    scene.store.run()
    assert scene.outbox.frames == []


def _what(frame: Mapping[str, Any]) -> Any:
    """What a frame says of the guest, or of the agent."""
    return frame["status"] if frame["type"] == "guest" else frame["detail"]["typing"]


@pytest.mark.parametrize("typing_unavailable", [False, True])
def test_a_guest_that_is_being_reopened_is_said_to_be_whatever_it_can_show(typing_unavailable: bool) -> None:
    """`unavailable` would mean that waiting is of no use."""
    scene = Scene("alice")
    scene.opens("alice")
    scene.records.change("alice", typing_unavailable=typing_unavailable)
    hand = scene.keeper._hands["alice"]
    hand.sockets[hand.held.socket]._lost(OSError("reset"))
    scene.loop.now += 2
    scene.keeper._woke(hand)
    scene.store.run()
    assert scene.outbox.frames[-1] == ("alice", {"type": "guest", "status": "reconnecting"})


@pytest.fixture
def dropped() -> Scene:
    """Three hundred guests whose sockets were lost 2 s ago, all at once."""
    scene = Scene(*(f"visitor-{number}" for number in range(300)))
    for session_id in list(scene.keeper._hands):
        scene.is_open(session_id, 98)
    scene.store.run()
    scene.records.written.clear()
    scene.outbox.frames.clear()
    for hand in scene.keeper._hands.values():
        scene.keeper._happened(hand, guest.SocketLost(98, Outcome(Kind.LOST)))
    scene.loop.now += 2
    for hand in scene.keeper._hands.values():
        scene.keeper._woke(hand)
    return scene


def test_when_thousands_are_lost_at_once_only_so_many_losses_a_second_are_told(dropped: Scene) -> None:
    dropped.passes(1)
    assert len(dropped.records.written) == pytest.approx(LOSSES_PER_SECOND, abs=2)


def test_a_loss_that_is_over_before_its_turn_is_neither_written_nor_told(dropped: Scene) -> None:
    *_, last = list(dropped.keeper._hands)
    dropped.is_open(last, 99)
    dropped.passes(7)  # before the first is told again what is true
    assert len(dropped.records.written) == 299
    assert last not in {session_id for session_id, _ in dropped.outbox.frames}
    assert dropped.keeper._losses.under_way == 0


def test_a_loss_that_is_over_takes_no_turn(dropped: Scene) -> None:
    """Those that last are not told later for it."""
    for session_id in list(dropped.keeper._hands)[1:201]:
        dropped.is_open(session_id, 99)
    dropped.passes(1)
    assert dropped.records.written.count(GuestStatus.RECONNECTING) == pytest.approx(LOSSES_PER_SECOND, abs=2)


def test_a_loss_that_was_told_is_followed_by_its_end(dropped: Scene) -> None:
    first, *_ = list(dropped.keeper._hands)
    dropped.passes(1)
    dropped.is_open(first, 99)
    dropped.store.run()
    told = [frame["status"] for session_id, frame in dropped.outbox.frames if session_id == first]
    assert told == ["reconnecting", "open"]


def test_the_gauges_tell_guests_from_open_sockets() -> None:
    """An alarm looks at the difference."""
    scene = Scene("alice", "bob")
    scene.opens("alice")
    assert scene.keeper.gauges() == {
        "GuestsHeld": 2,
        "GuestsNotHeld": 0,
        "SocketsOpen": 1,
        "OpeningsWaiting": 0,
        "GuestsWaiting": 0,
        "VisitorsWithFramesWaiting": 0,
    }


def test_a_guest_that_a_visitor_has_waited_for_too_long_counts_as_not_held() -> None:
    scene = Scene("alice", "bob")
    scene.opens("alice")
    scene.passes(30)
    assert scene.keeper.gauges()["GuestsNotHeld"] == 1


def test_sockets_that_were_open_are_told_from_those_that_never_were() -> None:
    """The dashboard shows both: CXone drops, or CXone refuses."""
    scene = Scene("alice", "bob")
    scene.opens("alice")
    for session_id in ("alice", "bob"):
        hand = scene.keeper._hands[session_id]
        [socket] = hand.sockets.values()
        socket._lost(OSError("reset"))
    counted = scene.counters.take()
    assert (counted["SocketsLost"], counted["SocketsNotOpened"]) == (1, 1)
    assert scene.openings.under_way == 0


class Draining:
    """A keeper with alice's guest that is told to drain, and its queue messages."""

    def __init__(self) -> None:
        self.scene, self.finished = Scene("alice"), 0
        self.custody = self.scene.custody
        self.scene.opens("alice")

    def begins(self) -> None:
        self.scene.keeper.drain(self.finishes)

    def finishes(self) -> None:
        self.finished += 1

    def writes(self) -> None:
        """A write of a record begins, and takes its time."""
        self.scene.store.submit("alice", lambda: None, lambda _: None, lambda _: None)


@pytest.fixture
def draining() -> Draining:
    return Draining()


def test_a_drain_hands_back_at_once_when_nothing_is_being_written(draining: Draining) -> None:
    """Each second of waiting is one more without a guest for every visitor."""
    draining.begins()
    assert draining.custody.told == ["stop", "hand back"]


def test_a_drain_waits_for_what_is_being_written(draining: Draining) -> None:
    """A late write must not take a guest from its next keeper."""
    draining.writes()
    draining.begins()
    draining.scene.loop.advance(WRITES_WITHIN_S / 2)
    assert draining.custody.told == ["stop"]
    draining.scene.store.run()
    draining.scene.loop.advance(DRAIN_POLL_S)
    assert draining.custody.told == ["stop", "hand back"]


def test_a_drain_waits_for_a_renewal_that_is_under_way(draining: Draining) -> None:
    """It would hide what has been handed back."""
    draining.custody.is_renewing = True
    draining.begins()
    draining.scene.loop.advance(WRITES_WITHIN_S / 2)
    assert draining.custody.told == ["stop"]


def test_a_drain_does_not_wait_for_a_write_that_never_ends(draining: Draining) -> None:
    draining.writes()
    draining.begins()
    draining.scene.loop.advance(WRITES_WITHIN_S + DRAIN_POLL_S)
    assert draining.custody.told == ["stop", "hand back"]


def test_a_drain_is_over_when_its_sockets_are_closed(draining: Draining) -> None:
    """Each with a close frame, for which the peer has a little time."""
    hand = draining.scene.keeper._hands["alice"]
    [socket] = hand.sockets.values()
    socket.stage = Stage.CLOSING
    draining.begins()
    draining.scene.loop.advance(1)
    assert draining.finished == 0
    socket.stage = Stage.CLOSED
    draining.scene.loop.advance(DRAIN_POLL_S)
    assert draining.finished == 1


def test_a_drain_waits_for_each_of_its_sockets_whichever_closes_first() -> None:
    scene, finished = Scene("alice", "bob"), []
    for session_id in ("alice", "bob"):
        scene.opens(session_id)
    sockets = [socket for hand in scene.keeper._hands.values() for socket in hand.sockets.values()]
    for socket in sockets:
        socket.stage = Stage.CLOSING
    scene.keeper.drain(lambda: finished.append(True))
    sockets[1].stage = Stage.CLOSED
    scene.loop.advance(1)
    assert finished == []
    sockets[0].stage = Stage.CLOSED
    scene.loop.advance(DRAIN_POLL_S)
    assert finished == [True]


def test_a_closed_socket_is_forgotten_when_the_next_one_closes() -> None:
    """A keeper closes hundreds of thousands before it drains."""
    scene = Scene("alice", "bob")
    for session_id in ("alice", "bob"):
        scene.opens(session_id)
        [number] = scene.keeper._hands[session_id].sockets
        scene.keeper._sockets.close(scene.keeper._hands[session_id], number)
        scene.loop.advance(Settings(NAME).limits.close_within)
    assert len(scene.keeper._sockets._closing) == 1


def test_a_drain_is_over_in_time_whatever_sockets_do(draining: Draining) -> None:
    """ECS kills a task that takes longer."""
    hand = draining.scene.keeper._hands["alice"]
    [socket] = hand.sockets.values()
    socket.stage = Stage.CLOSING
    draining.begins()
    draining.scene.loop.advance(Settings(NAME).drain_s + DRAIN_POLL_S)
    assert draining.finished == 1


@pytest.mark.parametrize(("failures", "lines"), [(0, 1), (1, 1), (2, 0), (3, 1), (5, 0), (7, 1)])
def test_of_failures_in_a_row_the_first_the_second_the_fourth_and_so_on_are_logged(
    caplog: pytest.LogCaptureFixture, failures: int, lines: int
) -> None:
    """Thousands of guests that cannot reconnect must not flood the log."""
    scene = Scene("alice")
    hand = scene.keeper._hands["alice"]
    hand.held = replace(hand.held, failures=failures)
    [socket] = hand.sockets.values()
    caplog.clear()
    socket._lost(OSError("refused"))
    assert len([record for record in caplog.records if "not opened" in record.message]) == lines


@pytest.mark.parametrize(
    ("stage", "message", "has_advice"),
    [(Stage.OPEN, "guest socket lost", False), (Stage.CONNECTING, "guest socket not opened", True)],
)
def test_the_log_tells_a_lost_socket_from_one_that_was_not_opened_and_how_often_it_was_tried(
    caplog: pytest.LogCaptureFixture, stage: Stage, message: str, has_advice: bool
) -> None:
    scene = Scene("alice")
    [socket] = scene.keeper._hands["alice"].sockets.values()
    socket.stage = stage
    caplog.set_level("INFO")
    caplog.clear()
    socket._lost(OSError("reset"))
    [line] = [record for record in caplog.records if record.message.startswith("guest socket")]
    assert (line.message, line.failures, hasattr(line, "check")) == (message, 1, has_advice)  # type: ignore[attr-defined]


def test_it_is_known_whose_guests_are_held() -> None:
    scene = Scene("alice")
    keeper = scene.keeper
    assert (keeper.holds("alice"), keeper.holds("bob"), list(keeper._hands)) == (True, False, ["alice"])
    assert (keeper.talk("alice") is None, keeper.talk("bob")) == (False, None)


# --- a talk that has to prepare its sockets, as Digital-First's


class SlowTalk(WebchatTalk):
    """Has a URL for a socket when the test says so, and keeps the record that it was shown."""

    record: Session | None = None
    is_prepared: Any = None

    def taken(self, record: Session) -> None:
        self.record = record

    def prepare(self, number: int, url: str, go: Callable[[str], None]) -> None:
        self.is_prepared = lambda: go(url)

    @property
    def host(self) -> TalkHost:
        return self._host


@pytest.fixture
def preparing() -> tuple[Scene, SlowTalk]:
    """The talk of alice's guest prepares its first socket."""
    scene = Scene("alice", talk=SlowTalk)
    talk = scene.keeper.talk("alice")
    assert isinstance(talk, SlowTalk)
    assert (len(scene.names), scene.openings.under_way) == (0, 1)
    return scene, talk


def test_nothing_is_prepared_for_a_guest_that_ended_at_the_door() -> None:
    """A token would be asked for in vain."""
    scene = Scene("alice", "bob", talk=SlowTalk)
    alices, bobs = scene.keeper.talk("alice"), scene.keeper.talk("bob")
    assert isinstance(alices, SlowTalk)
    assert isinstance(bobs, SlowTalk)
    scene.records.change("bob", guest_id="", guest_status=GuestStatus.OPENING)
    scene.looks_at_the_records()
    alices.is_prepared()
    scene.opens("alice")
    assert (bobs.is_prepared, scene.openings.under_way) == (None, 0)


def test_a_guest_that_another_keeper_took_while_it_was_created_does_not_count_as_created() -> None:
    scene = Scene()
    scene.records.by_id["bob"] = Session("bob", connections=frozenset({"tab"}), keeper=NAME)
    scene.keeper.requested("bob")
    scene.store.run()
    scene.records.change("bob", keeper="another")
    scene.loop.advance(0.1)
    scene.cxone.run()  # the fence is lost, says the talk of this scene
    scene.store.run()
    assert (list(scene.keeper._hands), scene.counters.take()) == ([], {"GuestsLetGo": 1})


class Making(WebchatTalk):
    """The test says what becomes of its guest."""

    outcome: guest.Event = guest.Created("g1", URL)

    def make(self) -> guest.Event:
        return self.outcome


@pytest.fixture
def making(caplog: pytest.LogCaptureFixture) -> Scene:
    """Bob's guest is about to be created."""
    scene = Scene(talk=Making)
    scene.records.by_id["bob"] = Session("bob", connections=frozenset({"tab"}), keeper=NAME)
    scene.keeper.requested("bob")
    scene.store.run()
    scene.loop.advance(0.1)
    caplog.set_level("INFO")
    caplog.clear()
    return scene


def test_a_guest_that_was_created_is_counted_and_logged(making: Scene, caplog: pytest.LogCaptureFixture) -> None:
    making.cxone.run()
    [line] = caplog.records
    assert (line.message, line.session, line.guest) == ("guest created", "bob", "g1")  # type: ignore[attr-defined]
    assert making.counters.take() == {"GuestsCreated": 1}
    assert making.keeper._hands["bob"].held.doing is guest.Doing.OPENING


def test_a_guest_that_was_not_created_is_counted_and_logged_with_how_often_it_was_tried(
    making: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Making, "outcome", guest.NotCreated(Outcome(Kind.DENIED, reason="no scope")))
    making.cxone.run()
    [line] = caplog.records
    assert (line.message, line.failures) == ("CXone created no guest", 1)  # type: ignore[attr-defined]
    assert (line.reason, line.outcome) == ("no scope", Kind.DENIED)  # type: ignore[attr-defined]
    assert making.counters.take() == {"GuestsNotCreated.denied": 1}


def test_a_guest_that_waits_for_its_page_is_counted_and_not_logged(
    making: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T18: pages that never sign in could fill the log."""
    monkeypatch.setattr(Making, "outcome", guest.NotCreated(Outcome(Kind.NOT_YET, by_visitor=True)))
    making.cxone.run()
    assert caplog.records == []
    assert making.counters.take() == {"GuestsNotCreated.not_yet": 1}


def test_of_creations_that_fail_in_a_row_not_each_is_logged(
    making: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = making.keeper._hands["bob"]
    hand.held = replace(hand.held, failures=2)
    monkeypatch.setattr(Making, "outcome", guest.NotCreated(Outcome(Kind.FAILED)))
    making.cxone.run()
    assert caplog.records == []


def test_guests_are_created_at_this_keepers_share_of_what_the_deployment_may() -> None:
    """T18: however many sessions are opened. A visitor whom another keeper has by then costs no turn."""
    scene = Scene(settings=Settings(NAME, creations_per_second=2))
    for name in ("ann", "bob", "cid", "dan"):
        scene.records.by_id[name] = Session(name, connections=frozenset({"tab"}), keeper=NAME)
        scene.keeper.requested(name)
    scene.store.run()
    scene.loop.advance(0.1)
    assert (len(scene.cxone), scene.keeper.gauges()["GuestsWaiting"]) == (1, 3)
    scene.records.change("bob", keeper="another")
    scene.looks_at_the_records()
    scene.loop.advance(0.5)
    assert [key for key, _ in scene.cxone._jobs] == ["ann", "cid"]
    scene.loop.advance(0.5)
    assert [key for key, _ in scene.cxone._jobs] == ["ann", "cid", "dan"]


def test_what_is_done_for_a_guest_in_turn_takes_the_turn_of_one_that_is_created() -> None:
    """Tokens that are renewed and new guests are asked for at one address: they have one pace. Whoever must not wait
    comes first, and whoever waits is not missed."""
    scene = Scene(settings=Settings(NAME, creations_per_second=2))
    done: list[str] = []
    scene.records.by_id["ann"] = Session("ann", connections=frozenset({"tab"}), keeper=NAME)
    scene.keeper.requested("ann")
    scene.store.run()
    scene.loop.advance(0.1)
    hand = scene.keeper._hands["ann"]
    scene.openings._at_once = 2
    for name in ("bob", "cid"):
        scene.openings.enter(lambda: True)  # each has its socket being opened
        scene.loop.advance(0.002)
        scene.keeper._in_turn(hand, lambda name=name: done.append(name), ahead=name == "cid")  # type: ignore[misc]
    assert (done, scene.keeper.gauges()["GuestsWaiting"]) == ([], 2)
    scene.loop.advance(0.5)
    assert done == ["cid"]
    scene.loop.advance(0.5)
    assert done == ["cid", "bob"]


class TurnTalk(SlowTalk):
    """Prepares its sockets in turn."""

    def prepare(self, number: int, url: str, go: Callable[[str], None]) -> None:
        self.host.in_turn(lambda: go(url), False)


def test_who_waits_for_a_turn_keeps_nobody_from_opening_a_socket() -> None:
    """T18: strangers have guests created; alice's token is renewed behind them. There is room for one socket."""
    scene = Scene(settings=Settings(NAME, creations_per_second=2))
    for name in ("ann", "bob"):
        scene.records.by_id[name] = Session(name, connections=frozenset({"tab"}), keeper=NAME)
        scene.keeper.requested(name)
    scene.store.run()
    scene.records.by_id |= Records("alice").by_id
    scene.keeper._talk_of = lambda host: TurnTalk(  # type: ignore[assignment]
        host, lambda _profile: FenceLost(), lambda end: webchat_meaning(end, NOW), scene.counters, None
    )
    scene.keeper.requested("alice")
    scene.store.run()
    scene.loop.advance(0.1)
    assert (scene.openings.under_way, len(scene.names)) == (0, 0)
    opened: list[str] = []
    scene.openings.enter(lambda: opened.append("another") is None)
    scene.loop.advance(0.1)
    assert opened == ["another"]
    scene.loop.advance(1)
    assert len(scene.names) == 0  # its turn has come, and the room is taken
    scene.openings.leave()
    scene.loop.advance(0.1)
    assert (len(scene.names), scene.openings.under_way) == (1, 1)


def test_who_has_typed_before_has_its_turn_before_newcomers() -> None:
    """T18: as for guests that are created."""
    scene = Scene("ann", settings=Settings(NAME, creations_per_second=2))
    hand, done = scene.keeper._hands["ann"], list[bool]()
    scene.openings._at_once = 9
    for is_used in (False, False, True):  # the first has its turn at once
        hand.held = replace(hand.held, is_used=is_used)
        scene.openings.enter(lambda: True)
        scene.loop.advance(0.002)
        scene.keeper._in_turn(hand, lambda used=is_used: done.append(used), ahead=False)  # type: ignore[misc]
    scene.loop.advance(1.2)
    assert done == [False, True, False]


def test_the_talk_hears_of_a_guest_whose_write_was_done_and_not_answered() -> None:
    """T9: the keeper holds the session all the while, so nothing else tells that its guest is another one."""
    taken: list[Session] = []
    scene = noting(taken)
    scene.records.change("alice", guest_id="another guest")
    scene.custody.newest_claim += 10**9
    scene.keeper.requested("alice")
    scene.store.run()
    assert [record.guest_id for record in taken] == ["another guest"]


def test_who_has_typed_before_has_a_guest_again_before_newcomers() -> None:
    """T18: CXone ended the guest of one who types, while whoever likes opens session after session."""
    scene = Scene(settings=Settings(NAME, creations_per_second=2))
    for name in ("ann", "bob", "cid"):
        scene.records.by_id[name] = Session(name, connections=frozenset({"tab"}), keeper=NAME)
    scene.records.by_id["dan"] = Session("dan", connections=frozenset({"tab"}), keeper=NAME, sends=5)
    for name in ("ann", "bob", "cid", "dan"):
        scene.keeper.requested(name)
    scene.store.run()
    scene.loop.advance(1.6)
    assert [key for key, _ in scene.cxone._jobs] == ["ann", "dan", "bob", "cid"]


def test_a_guest_that_waits_for_its_turn_to_be_created_counts_as_held_and_one_whose_creation_hangs_does_not() -> None:
    """T18: sessions without end, which strangers can open, move no metric on which a deployment is rolled back."""
    scene = Scene(settings=Settings(NAME, creations_per_second=0.01))
    for name in ("ann", "bob", "cid"):
        scene.records.by_id[name] = Session(name, connections=frozenset({"tab"}), keeper=NAME)
        scene.keeper.requested(name)
    scene.store.run()
    scene.now += 60_000
    scene.loop.advance(60)
    assert (len(scene.cxone), scene.keeper.gauges()["GuestsWaiting"]) == (1, 2)
    assert scene.keeper.gauges()["GuestsNotHeld"] == 1


def test_a_talk_is_shown_the_record_before_anything_is_said(preparing: tuple[Scene, SlowTalk]) -> None:
    """What its last keeper left unsaid is in there."""
    scene, talk = preparing
    assert talk.record == scene.records.by_id["alice"]


def test_a_session_that_is_gone_when_it_is_taken_shows_its_talk_nothing() -> None:
    scene = Scene()
    scene.records.take_guest = lambda *_: None  # type: ignore[method-assign,assignment]
    scene.keeper.requested("bob")
    scene.store.run()
    assert list(scene.keeper._hands) == []


def test_a_socket_is_opened_when_its_talk_has_prepared_it(preparing: tuple[Scene, SlowTalk]) -> None:
    scene, talk = preparing
    talk.is_prepared()
    assert (len(scene.names), scene.openings.under_way) == (1, 1)


def test_a_socket_that_is_prepared_for_a_guest_that_is_over_is_not_opened(preparing: tuple[Scene, SlowTalk]) -> None:
    """Its place among the openings is for the next one."""
    scene, talk = preparing
    scene.records.change("alice", guest_id="", guest_status=GuestStatus.OPENING)
    scene.looks_at_the_records()
    talk.is_prepared()
    assert (len(scene.names), scene.openings.under_way) == (0, 0)


def test_a_socket_that_its_talk_gives_up_while_preparing_it_leaves_its_place(
    preparing: tuple[Scene, SlowTalk],
) -> None:
    scene, talk = preparing
    talk.host.lost(1, Outcome(Kind.FAILED))
    assert (scene.openings.under_way, scene.counters.take()["SocketsGivenUp"]) == (0, 1)


def test_a_socket_that_its_talk_gives_up_when_it_is_open_is_closed_and_opened_anew(
    preparing: tuple[Scene, SlowTalk],
) -> None:
    """It has left its place among the openings already."""
    scene, talk = preparing
    talk.is_prepared()
    scene.opens("alice")
    talk.host.lost(1, Outcome(Kind.FAILED))
    hand = scene.keeper._hands["alice"]
    assert (hand.sockets, hand.held.doing, scene.openings.under_way) == ({}, guest.Doing.RESTING, 0)


class FullSocket:
    """Takes a text, or has no room for it."""

    def __init__(self, sending: Sending) -> None:
        self.sending = sending

    def send_text(self, text: str, on_sent: object) -> Sending:
        return self.sending


@pytest.mark.parametrize(("sending", "is_sent"), [(sending, sending is Sending.QUEUED) for sending in Sending])
def test_a_talk_is_told_whether_its_text_leaves(
    preparing: tuple[Scene, SlowTalk], sending: Sending, is_sent: bool
) -> None:
    """T15: what has not left must be sent again."""
    scene, talk = preparing
    scene.keeper._hands["alice"].sockets[7] = FullSocket(sending)  # type: ignore[assignment]
    assert talk.host.send(7, "hello") is is_sent


def test_nothing_leaves_on_a_socket_that_is_no_more(preparing: tuple[Scene, SlowTalk]) -> None:
    """T15."""
    _, talk = preparing
    assert not talk.host.send(7, "hello")

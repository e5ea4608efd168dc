"""The life of one held guest: what happens, and what is to be done about it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.guest import (
    Action,
    AwaitTurn,
    CloseGuest,
    CloseSocket,
    CreateGuest,
    Doing,
    EndGuest,
    Event,
    GuestPolicy,
    Held,
    Leave,
    LetGo,
    OpenSocket,
    Refresh,
    SetStatus,
    Take,
    Tell,
)
from typing_relay.relay.burst import GuestStatus, Session, claim_of
from typing_relay.relay.outcomes import Kind, Outcome

POLICY = GuestPolicy()
NOW = 1_000_000
URL = "wss://cxone.example/socket?secret=1"
WITH_VISITOR = Session("alice", connections=frozenset({"tab"}), keeper="me")
WITH_GUEST = dataclasses.replace(WITH_VISITOR, guest_id="g1", web_socket_url=URL, guest_status=GuestStatus.OPEN)
ALONE = dataclasses.replace(WITH_GUEST, connections=frozenset())
ANOTHERS = dataclasses.replace(WITH_GUEST, keeper="another")
LOST = Outcome(Kind.LOST)
OVER = Outcome(Kind.GUEST_OVER)


class Life:
    """One guest, fed with events at a time that only the test moves."""

    def __init__(self, jitter: float = 0.5) -> None:
        self.held, self.actions = guest.hold("alice", "me", NOW)
        self.now, self.jitter = NOW, jitter
        #: Others have their turn first.
        self.is_crowded = False

    def happens(self, event: Event, after_ms: int = 1) -> tuple[Action, ...]:
        self.now += after_ms
        self.held, self.actions = guest.step(self.held, event, self.now, POLICY, self.jitter)
        if AwaitTurn() in self.actions and not self.is_crowded:
            return self.happens(guest.LossDue(), after_ms=0)
        return self.actions

    def wakes(self) -> tuple[Action, ...]:
        at = guest.wake_at(self.held, POLICY)
        assert at is not None
        return self.happens(guest.Woke(), max(0, at - self.now))

    def reopens(self) -> None:
        """The pause is over: whatever is due before comes first."""
        while not any(isinstance(action, OpenSocket) for action in self.wakes()):
            assert self.held.doing is Doing.RESTING

    def blip_ends(self) -> tuple[Action, ...]:
        """The time comes at which a lost socket is told; whatever is due before comes first."""
        told: tuple[Action, ...] = ()
        ends_at = self.held.without_since + POLICY.blip_ms
        while (at := guest.wake_at(self.held, POLICY)) is not None and at <= ends_at:
            told += self.happens(guest.Woke(), max(0, at - self.now))
        return told

    def refreshes(self, record: Session | None, is_certain: bool = True) -> tuple[Action, ...]:
        return self.happens(guest.Refreshed(record, self.now + 1, is_certain), after_ms=2)


@pytest.fixture
def settled() -> Life:
    """A guest taken over from its last keeper, its socket open."""
    life = Life()
    life.happens(guest.Taken(WITH_GUEST))
    life.happens(guest.SocketOpened(1))
    return life


# --- beginning


def test_a_guest_is_held_by_taking_its_record_first() -> None:
    assert Life().actions == (Take(),)


def test_a_visitor_without_a_guest_gets_one() -> None:
    assert Life().happens(guest.Taken(WITH_VISITOR)) == (CreateGuest(),)


def test_a_guest_created_gets_its_socket_opened() -> None:
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    assert life.happens(guest.Created("g1", URL)) == (OpenSocket(1, URL),)


def test_the_visitor_is_told_when_the_socket_is_open() -> None:
    """T18: and what is felt of keys counts from then."""
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.Created("g1", URL))
    assert life.happens(guest.SocketOpened(1)) == (SetStatus(GuestStatus.OPEN, begins=True),)


def test_a_guest_that_another_keeper_created_is_taken_over_and_not_created_again() -> None:
    assert Life().happens(guest.Taken(WITH_GUEST)) == (OpenSocket(1, URL),)


def test_taking_over_an_open_guest_changes_nothing_that_the_visitor_sees() -> None:
    life = Life()
    life.happens(guest.Taken(WITH_GUEST))
    assert life.happens(guest.SocketOpened(1)) == ()


def test_a_session_that_is_gone_is_let_go() -> None:
    assert Life().happens(guest.Taken(None)) == (LetGo(),)


def test_a_visitor_who_left_before_the_guest_was_created_gets_none() -> None:
    gone = dataclasses.replace(WITH_VISITOR, connections=frozenset())
    assert Life().happens(guest.Taken(gone)) == (CloseGuest(),)


def test_on_digital_first_who_has_left_gets_one_all_the_same_as_a_message_may_wait() -> None:
    """T15: who wrote and left at once is heard; the grace of one who has not typed is short."""
    gone = dataclasses.replace(WITH_VISITOR, connections=frozenset())
    held, _ = guest.hold("alice", "me", NOW)
    _, actions = guest.step(held, guest.Taken(gone), NOW, dataclasses.replace(POLICY, needs_socket=True), 0.5)
    assert actions == (CreateGuest(),)


def test_on_digital_first_the_grace_of_who_has_left_begins_when_the_first_socket_is_open() -> None:
    """T15: before, what they wrote cannot be said, however long it takes to let them in."""
    policy, now = GuestPolicy(needs_socket=True), NOW
    held, _ = guest.hold("alice", "me", now)
    gone = dataclasses.replace(WITH_VISITOR, connections=frozenset())
    events = guest.Taken(gone), guest.Created("g1", URL), guest.Woke(), guest.SocketOpened(1), guest.Woke()
    for event in events:
        held, actions = guest.step(held, event, now, policy, 0.5)
        assert CloseGuest() not in actions
        now += 20_000 if isinstance(event, guest.Taken) else 1
    opened_at = now - 2
    assert guest.wake_at(held, policy) == opened_at + policy.idle_grace_ms
    _, actions = guest.step(held, guest.Woke(), opened_at + policy.idle_grace_ms, policy, 0.5)
    assert actions == (CloseGuest(),)


def test_on_v1_the_grace_of_who_has_left_runs_while_the_first_socket_is_opened() -> None:
    life = Life()
    life.happens(guest.Taken(ALONE))
    left_at = life.now
    life.happens(guest.SocketOpened(1), after_ms=5_000)
    assert life.held.alone_since == left_at


def test_on_digital_first_a_first_socket_begins_no_grace_of_who_is_there() -> None:
    held, _ = guest.hold("alice", "me", NOW)
    for event in (guest.Taken(WITH_GUEST), guest.SocketOpened(1)):
        held, _ = guest.step(held, event, NOW, GuestPolicy(needs_socket=True), 0.5)
    assert held.alone_since is None


def test_a_socket_that_is_opened_again_begins_no_grace_anew(settled: Life) -> None:
    """A visitor who has left holds no place for longer, however often the socket is lost."""
    settled.refreshes(ALONE)
    left_at = settled.held.alone_since
    settled.happens(guest.SocketLost(1, LOST))
    settled.reopens()
    settled.happens(guest.SocketOpened(2))
    assert (settled.held.socket, settled.held.alone_since) == (2, left_at)


# --- creation fails


def test_a_throttled_creation_is_not_tried_before_retry_after() -> None:
    life = Life(jitter=0)
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.NotCreated(Outcome(Kind.THROTTLED, retry_after_ms=7000)))
    assert guest.wake_at(life.held, POLICY) == life.now + 7000


def test_a_configuration_error_makes_the_guest_unavailable_and_is_tried_seldom() -> None:
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    assert life.happens(guest.NotCreated(Outcome(Kind.DENIED))) == (SetStatus(GuestStatus.UNAVAILABLE),)
    assert guest.wake_at(life.held, POLICY) == life.now + POLICY.denied_ms


def test_where_it_is_known_when_to_ask_again_that_counts() -> None:
    """Another visitor of this keeper has asked, for all of them."""
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.NotCreated(Outcome(Kind.DENIED, retry_after_ms=7_000)))
    assert guest.wake_at(life.held, POLICY) == life.now + 7_000


def test_creation_that_keeps_failing_is_told_to_the_visitor_once() -> None:
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    told = []
    for _ in range(6):
        told.append(life.happens(guest.NotCreated(Outcome(Kind.FAILED))))
        life.wakes()
    assert told == [(), (), (SetStatus(GuestStatus.UNAVAILABLE),), (), (), ()]


NOT_SIGNED_IN = Outcome(Kind.NOT_YET, by_visitor=True)
#: What the page handed over was refused.
NOT_GOOD = Outcome(Kind.FAILED, by_visitor=True)


def test_a_guest_waits_for_its_page_to_sign_the_visitor_in_and_counts_as_held() -> None:
    """T18: who never signs in is no failure, however long; it is looked at every 15 to 30 s."""
    life = Life(jitter=1.0)
    life.happens(guest.Taken(WITH_VISITOR))
    for _ in range(5):
        assert life.happens(guest.NotCreated(NOT_SIGNED_IN)) == ()
        assert guest.wake_at(life.held, POLICY) == life.now + POLICY.longest_backoff_ms / 2
        life.wakes()
    life.happens(guest.NotCreated(NOT_SIGNED_IN))
    assert (life.held.failures, guest.is_not_held(life.held, life.now + 3_600_000, POLICY)) == (0, False)


def test_a_page_that_has_yet_to_sign_in_is_not_told_that_cxone_has_no_guest() -> None:
    """However often it failed before."""
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    for _ in range(POLICY.unavailable_after):
        life.happens(guest.NotCreated(Outcome(Kind.FAILED)))
        life.wakes()
    life.happens(guest.Taken(WITH_VISITOR))
    assert life.happens(guest.NotCreated(NOT_SIGNED_IN)) == ()


def test_a_page_that_does_not_sign_in_has_its_socket_replaced_seldom(settled: Life) -> None:
    """T18: each try costs a read, a turn of those who wait for guests, and frames; the socket in use goes on."""
    settled.happens(guest.Woke(), max(0, settled.held.rotate_at - settled.now))
    for _ in range(5):
        before = settled.now
        settled.happens(guest.SocketLost(settled.held.opening, NOT_SIGNED_IN))
        while not any(isinstance(action, OpenSocket) for action in settled.wakes()):
            assert settled.held.doing is Doing.SETTLED
        assert settled.now - before >= POLICY.longest_backoff_ms
    assert (settled.held.socket, settled.held.failures) == (1, 0)


def test_who_has_signed_in_goes_on_at_once() -> None:
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.NotCreated(NOT_SIGNED_IN))
    life.happens(guest.SignedIn())
    assert guest.wake_at(life.held, POLICY) == life.now
    assert life.wakes() == (CreateGuest(),)


def test_a_sign_in_cuts_no_other_pause_short() -> None:
    """T7."""
    life = Life(jitter=0)
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.NotCreated(Outcome(Kind.THROTTLED, retry_after_ms=7000)))
    before = guest.wake_at(life.held, POLICY)
    life.happens(guest.SignedIn())
    assert guest.wake_at(life.held, POLICY) == before


def test_a_page_that_hands_over_what_is_refused_again_and_again_is_taken_more_and_more_seldom() -> None:
    """T18: each would be another call to CXone; and it fires no alarm."""
    life, pauses = Life(jitter=1.0), []
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.Created("g1", URL))
    for _ in range(6):
        life.happens(guest.SocketLost(life.held.opening, NOT_GOOD))
        life.wakes()
        life.happens(guest.SocketLost(life.held.opening, NOT_SIGNED_IN))
        life.happens(guest.SignedIn())
        pauses.append(round(guest.wake_at(life.held, POLICY) - life.now, -1))
        life.wakes()
    assert pauses == [0, 4_000, 8_000, 15_000, 15_000, 15_000]
    assert not guest.is_not_held(life.held, life.now + 3_600_000, POLICY)


def test_another_message_does_not_cut_a_pause_short() -> None:
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.NotCreated(Outcome(Kind.THROTTLED, retry_after_ms=7000)))
    assert life.happens(guest.Requested()) == ()


# --- the socket is lost


def test_a_lost_socket_is_reopened_for_the_same_guest(settled: Life) -> None:
    assert settled.happens(guest.SocketLost(1, LOST)) == ()
    assert settled.wakes() == (OpenSocket(2, URL),)


def test_a_blip_is_not_told(settled: Life) -> None:
    """Neither record nor visitor learn of a socket that is open again within 2 s."""
    settled.happens(guest.SocketLost(1, LOST))
    settled.wakes()
    assert settled.happens(guest.SocketOpened(2), settled.held.without_since + POLICY.blip_ms - settled.now) == ()


def test_a_loss_is_told_when_it_has_lasted_2_s_from_the_loss_on(settled: Life) -> None:
    settled.happens(guest.SocketLost(1, LOST))
    lost_at = settled.now
    assert settled.blip_ends() == (OpenSocket(2, URL), SetStatus(GuestStatus.RECONNECTING))
    assert settled.now == lost_at + 2_000


def test_a_loss_is_told_once_and_its_end_at_once(settled: Life) -> None:
    settled.happens(guest.SocketLost(1, LOST))
    settled.blip_ends()
    assert settled.happens(guest.SocketLost(2, LOST)) == ()
    assert settled.wakes() == (OpenSocket(3, URL),)
    assert settled.happens(guest.SocketOpened(3)) == (SetStatus(GuestStatus.OPEN),)


def test_tries_that_fail_within_a_blip_do_not_begin_it_anew(settled: Life) -> None:
    settled.jitter = 0.1
    settled.happens(guest.SocketLost(1, LOST))
    lost_at = settled.now
    for number in (2, 3):
        settled.wakes()
        settled.happens(guest.SocketLost(number, LOST), after_ms=100)
    settled.blip_ends()
    assert (settled.held.status, settled.now) == (GuestStatus.RECONNECTING, lost_at + 2_000)


def test_each_loss_has_a_blip_of_its_own(settled: Life) -> None:
    settled.happens(guest.SocketLost(1, LOST), after_ms=60_000)
    settled.wakes()
    settled.happens(guest.SocketOpened(2))
    settled.happens(guest.SocketLost(2, LOST), after_ms=60_000)
    assert settled.wakes() == (OpenSocket(3, URL),)


def test_a_keeper_that_died_during_a_blip_leaves_nothing_to_tell() -> None:
    """The record says open; the next keeper opens the socket, and it is."""
    life = Life()
    life.happens(guest.Taken(WITH_GUEST))
    assert life.happens(guest.SocketOpened(1)) == ()


def test_a_guest_taken_over_and_not_open_for_2_s_is_told() -> None:
    """Since when its socket is lost nobody knows: it counts from the taking."""
    life = Life()
    life.happens(guest.Taken(WITH_GUEST), after_ms=500)
    assert life.wakes() == (SetStatus(GuestStatus.RECONNECTING),)
    assert life.now == NOW + 2_000


def test_a_loss_that_the_last_keeper_told_is_over_when_the_next_one_has_the_socket() -> None:
    life = Life()
    life.happens(guest.Taken(dataclasses.replace(WITH_GUEST, guest_status=GuestStatus.RECONNECTING)))
    assert life.happens(guest.SocketOpened(1)) == (SetStatus(GuestStatus.OPEN),)


def test_a_look_at_the_record_during_a_blip_changes_nothing(settled: Life) -> None:
    settled.happens(guest.SocketLost(1, LOST))
    before = settled.held
    assert settled.refreshes(WITH_GUEST) == ()
    assert settled.held == before


def test_a_guest_that_proves_to_be_over_is_never_said_to_be_reconnecting(settled: Life) -> None:
    """That write, late, would say so of the next guest."""
    settled.happens(guest.SocketLost(1, LOST))
    settled.wakes()
    assert settled.happens(guest.SocketLost(2, OVER)) == (EndGuest("g1"),)
    assert guest.wake_at(settled.held, POLICY) is None
    assert settled.happens(guest.Woke(), after_ms=POLICY.blip_ms) == ()


# --- a loss is told in its turn


@pytest.fixture
def crowded(settled: Life) -> Life:
    """Its socket has been lost for 2 s, as thousands of others have."""
    settled.is_crowded = True
    settled.happens(guest.SocketLost(1, LOST))
    assert settled.blip_ends() == (OpenSocket(2, URL), AwaitTurn())
    return settled


def test_a_loss_waits_for_its_turn_once(crowded: Life) -> None:
    assert crowded.happens(guest.Woke()) == ()
    assert crowded.happens(guest.LossDue()) == (SetStatus(GuestStatus.RECONNECTING),)


def test_a_loss_that_is_over_before_its_turn_is_not_told(crowded: Life) -> None:
    assert crowded.happens(guest.SocketOpened(2)) == ()
    assert crowded.happens(guest.LossDue()) == ()


def test_a_new_loss_is_not_told_in_the_turn_of_the_last_one(crowded: Life) -> None:
    crowded.happens(guest.SocketOpened(2))
    crowded.happens(guest.SocketLost(2, LOST))
    assert crowded.happens(guest.LossDue()) == ()
    assert AwaitTurn() in crowded.blip_ends()


def test_a_guest_that_ends_before_the_turn_of_its_loss_goes_on_as_any(crowded: Life) -> None:
    """The next one is told open at once; the turn that comes late says nothing."""
    crowded.happens(guest.SocketLost(2, OVER))
    assert crowded.happens(guest.LossDue()) == ()
    crowded.happens(guest.GuestEnded(by_us=True))
    crowded.wakes()
    crowded.happens(guest.Created("g2", URL))
    assert crowded.happens(guest.SocketOpened(3)) == (SetStatus(GuestStatus.OPEN, begins=True),)
    assert crowded.happens(guest.LossDue()) == ()


# --- not held


@pytest.mark.parametrize(("after_ms", "not_held"), [(POLICY.not_held_ms - 1, False), (POLICY.not_held_ms, True)])
def test_a_guest_without_a_socket_for_30_s_counts_as_not_held(settled: Life, after_ms: int, not_held: bool) -> None:
    settled.happens(guest.SocketLost(1, LOST))
    assert guest.is_not_held(settled.held, settled.now + after_ms, POLICY) is not_held


def test_a_guest_whose_first_socket_does_not_come_counts_as_not_held_from_its_request_on() -> None:
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.NotCreated(Outcome(Kind.DENIED)))
    assert guest.is_not_held(life.held, NOW + POLICY.not_held_ms, POLICY)


def test_neither_an_open_guest_nor_one_whose_visitor_is_gone_counts_as_not_held(settled: Life) -> None:
    later = settled.now + 2 * POLICY.not_held_ms
    assert not guest.is_not_held(settled.held, later, POLICY)
    settled.refreshes(ALONE)
    settled.happens(guest.SocketLost(1, LOST))
    assert not guest.is_not_held(settled.held, later, POLICY)


def test_the_pause_before_reopening_is_spread_over_all_of_its_limit(settled: Life) -> None:
    pauses = []
    for jitter in (0.0, 1.0):
        lost, _ = guest.step(settled.held, guest.SocketLost(1, LOST), settled.now, POLICY, jitter)
        pauses.append(lost.retry_at - settled.now)
    assert pauses == [0, POLICY.first_backoff_ms]


def test_the_limit_of_the_pause_doubles_up_to_its_cap(settled: Life) -> None:
    settled.jitter = 1.0
    pauses = []
    for number in range(1, 9):
        settled.happens(guest.SocketLost(number, LOST))
        pauses.append(settled.held.retry_at - settled.now)
        settled.reopens()
    assert pauses == [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]


def test_a_socket_that_was_healthy_starts_the_pauses_anew(settled: Life) -> None:
    settled.jitter = 1.0
    for number in (1, 2, 3):
        settled.happens(guest.SocketLost(number, LOST))
        settled.reopens()
    settled.happens(guest.SocketOpened(4))
    settled.happens(guest.SocketLost(4, LOST), after_ms=POLICY.healthy_ms)
    assert settled.held.retry_at - settled.now == POLICY.first_backoff_ms


def test_a_socket_that_opens_and_drops_at_once_goes_on_pausing_longer(settled: Life) -> None:
    settled.jitter = 1.0
    settled.happens(guest.SocketLost(1, LOST))
    settled.wakes()
    settled.happens(guest.SocketOpened(2))
    settled.happens(guest.SocketLost(2, LOST))
    assert settled.held.retry_at - settled.now == 2 * POLICY.first_backoff_ms


def test_news_of_a_socket_no_longer_ours_changes_nothing(settled: Life) -> None:
    before = settled.held
    settled.happens(guest.SocketLost(99, OVER))
    assert settled.held == before


# --- the planned replacement of a socket


def test_a_socket_is_replaced_before_two_hours(settled: Life) -> None:
    assert settled.wakes() == (OpenSocket(2, URL),)
    assert settled.now - NOW < 2 * 3600 * 1000


def test_sockets_that_were_opened_together_are_replaced_over_twenty_minutes() -> None:
    """Not all at once: CXone and the keeper would feel it."""
    replaced = []
    for jitter in (0.0, 0.5, 1.0):
        life = Life(jitter)
        life.happens(guest.Taken(WITH_GUEST))
        life.happens(guest.SocketOpened(1))
        replaced.append((life.held.rotate_at - life.now) / 60_000)
    assert replaced == [110, 100, 90]


def test_the_old_socket_is_closed_only_when_the_new_one_is_open(settled: Life) -> None:
    settled.wakes()
    assert settled.happens(guest.SocketOpened(2)) == (CloseSocket(1),)


def test_a_replacement_that_fails_leaves_the_old_socket_in_use_and_is_tried_again(settled: Life) -> None:
    settled.wakes()
    assert settled.happens(guest.SocketLost(2, LOST)) == ()
    assert settled.wakes() == (OpenSocket(3, URL),)


def test_a_replacement_that_was_throttled_is_not_tried_before_retry_after(settled: Life) -> None:
    """Nor at once: the old socket still serves."""
    settled.jitter = 0
    settled.wakes()
    settled.happens(guest.SocketLost(2, Outcome(Kind.THROTTLED, retry_after_ms=7000)))
    assert guest.wake_at(settled.held, POLICY) == settled.now + 7000 + POLICY.first_backoff_ms


def test_the_old_socket_lost_during_its_replacement_waits_for_the_new_one(settled: Life) -> None:
    settled.wakes()
    assert settled.happens(guest.SocketLost(1, LOST)) == ()
    assert settled.blip_ends() == (SetStatus(GuestStatus.RECONNECTING),)
    assert settled.happens(guest.SocketOpened(2)) == (SetStatus(GuestStatus.OPEN),)


def test_the_old_socket_denied_during_its_replacement_waits_for_the_new_one() -> None:
    """Digital-First: what the new one is told counts."""
    held = Held("alice", "me", Doing.OPENING, taken=True, guest_id="g1", socket=1, opening=2, last_socket=2)
    held, actions = guest.step(
        held, guest.SocketLost(1, Outcome(Kind.DENIED)), NOW, GuestPolicy(needs_socket=True), 0.5
    )
    assert (actions, held.doing) == ((), Doing.OPENING)


def test_the_old_socket_lost_just_before_its_replacement_opens_is_a_blip(settled: Life) -> None:
    settled.wakes()
    settled.happens(guest.SocketLost(1, LOST))
    assert settled.happens(guest.SocketOpened(2)) == ()


# --- CXone says that the guest is over


def test_a_guest_that_is_over_leaves_the_record_first(settled: Life) -> None:
    assert settled.happens(guest.SocketLost(1, OVER)) == (EndGuest("g1"),)


def test_who_took_the_guest_out_of_the_record_creates_the_next(settled: Life) -> None:
    settled.happens(guest.SocketLost(1, OVER))
    assert settled.happens(guest.GuestEnded(by_us=True)) == (Tell(GuestStatus.OPENING), CreateGuest())


def test_who_was_second_to_notice_creates_none(settled: Life) -> None:
    settled.happens(guest.SocketLost(1, OVER))
    assert settled.happens(guest.GuestEnded(by_us=False)) == (Tell(GuestStatus.OPENING),)


def test_the_request_of_the_one_who_noticed_leads_to_the_new_guest(settled: Life) -> None:
    settled.happens(guest.SocketLost(1, OVER))
    settled.happens(guest.GuestEnded(by_us=False))
    assert settled.happens(guest.Requested()) == (Take(),)
    assert settled.happens(guest.Taken(WITH_VISITOR)) == (CreateGuest(),)


def test_a_request_that_never_comes_is_made_up_for_after_a_look_at_the_record(settled: Life) -> None:
    settled.happens(guest.SocketLost(1, OVER))
    settled.happens(guest.GuestEnded(by_us=False))
    ended_at = settled.now
    assert settled.wakes() == (Refresh(),)
    assert settled.now == ended_at + POLICY.request_lost_ms
    looked_at = settled.now
    settled.refreshes(WITH_VISITOR)
    assert settled.wakes() == (CreateGuest(),)
    assert settled.now == looked_at + POLICY.first_backoff_ms  # the record has been read by then


def test_an_end_that_the_record_tells_of_closes_the_socket_and_waits_for_the_request(settled: Life) -> None:
    assert settled.refreshes(WITH_VISITOR) == (CloseSocket(1), Tell(GuestStatus.OPENING))
    assert settled.held.doing is Doing.AWAITING_REQUEST


def test_guests_that_are_over_one_after_the_other_are_not_created_in_a_tight_loop(settled: Life) -> None:
    settled.jitter = 1.0
    pauses = []
    for _ in range(4):
        settled.happens(guest.SocketLost(settled.held.last_socket, OVER))
        settled.happens(guest.GuestEnded(by_us=True))
        if settled.held.doing is Doing.RESTING:
            pauses.append(settled.held.retry_at - settled.now)
            settled.wakes()
        settled.happens(guest.Created("g2", URL))
    assert pauses == [2000, 4000, 8000]


def test_a_scope_that_is_missing_ends_no_guest_and_is_tried_seldom(settled: Life) -> None:
    settled.happens(guest.SocketLost(1, LOST))
    settled.wakes()
    assert settled.happens(guest.SocketLost(2, Outcome(Kind.DENIED))) == ()
    denied_at = settled.now
    settled.reopens()
    assert settled.now == denied_at + POLICY.denied_ms


def test_where_all_goes_by_the_socket_a_denied_one_leaves_the_guest_unavailable() -> None:
    """Digital-First: the visitor must know that nothing can be sent."""
    policy = GuestPolicy(needs_socket=True)
    held, _ = guest.hold("alice", "me", NOW)
    held, _ = guest.step(held, guest.Taken(WITH_GUEST), NOW, policy, 0.5)
    held, actions = guest.step(held, guest.SocketLost(held.opening, Outcome(Kind.DENIED)), NOW, policy, 0.5)
    assert actions == (SetStatus(GuestStatus.UNAVAILABLE),)
    assert held.retry_at == NOW + policy.denied_ms


# --- the fence


def test_a_record_that_names_another_keeper_ends_it_here(settled: Life) -> None:
    theirs = dataclasses.replace(WITH_GUEST, keeper="other", held=claim_of("m2", NOW))
    settled.happens(guest.Requested(claim_of("m1", NOW)))
    settled.happens(guest.Taken(WITH_GUEST))
    assert settled.refreshes(theirs) == (CloseSocket(1), LetGo())


@pytest.mark.parametrize("record", [ANOTHERS, None, dataclasses.replace(WITH_GUEST, guest_id="g0"), WITH_VISITOR])
def test_a_look_that_may_be_stale_ends_nothing(settled: Life, record: Session | None) -> None:
    """T9: it may be older than what this keeper wrote last."""
    assert settled.refreshes(record, is_certain=False) == (Refresh(),)
    assert settled.held.doing is Doing.SETTLED


def test_a_look_that_may_be_stale_and_says_what_is_known_is_enough(settled: Life) -> None:
    """Nearly all are such: no consistent read for each."""
    assert settled.refreshes(WITH_GUEST, is_certain=False) == ()


@pytest.mark.parametrize("is_certain", [False, True])
def test_a_look_while_the_guest_is_being_taken_out_of_the_record_says_nothing_new(
    settled: Life, is_certain: bool
) -> None:
    """The answer to that write is under way, and says who did it."""
    settled.happens(guest.SocketLost(1, OVER))
    assert settled.refreshes(WITH_VISITOR, is_certain) == ()
    assert settled.held.doing is Doing.ENDING


def test_a_message_by_which_another_keeper_may_hold_is_left_alone(settled: Life) -> None:
    """T9: that keeper may have died at once, and nothing else asks for the guest."""
    settled.happens(guest.Requested(claim_of("m1", NOW + 1)))
    settled.happens(guest.Taken(WITH_GUEST))
    assert settled.refreshes(dataclasses.replace(ANOTHERS, held=claim_of("m1", NOW))) == (CloseSocket(1), Leave())


def test_a_write_refused_by_the_fence_leads_to_a_look(settled: Life) -> None:
    """The record says by which message another keeper holds."""
    assert settled.happens(guest.FenceLost()) == (Refresh(),)
    assert settled.refreshes(ANOTHERS) == (CloseSocket(1), Leave())


def test_a_keeper_that_was_given_its_message_before_another_takes_nothing() -> None:
    assert Life().happens(guest.NotTaken(ANOTHERS)) == (Leave(),)


def test_a_request_that_comes_while_the_guest_is_released_is_seen_to() -> None:
    """T9: its message is the only one that asks for the guest by then."""
    life = Life()
    life.happens(guest.Taken(dataclasses.replace(WITH_VISITOR, connections=frozenset())))
    assert life.happens(guest.Requested(claim_of("m2", NOW + 1))) == ()
    assert life.happens(guest.Released(done=True)) == (Take(),)


def test_a_request_that_comes_while_resting_is_seen_to_before_the_next_try() -> None:
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.NotCreated(LOST))
    assert life.happens(guest.Requested(claim_of("m2", NOW + 1))) == ()
    assert life.wakes() == (Take(),)


def test_a_request_that_comes_while_a_guest_is_created_is_seen_to_when_it_is_open() -> None:
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.Requested(claim_of("m2", NOW + 1)))
    life.happens(guest.Created("g1", URL))
    assert life.happens(guest.SocketOpened(1)) == (SetStatus(GuestStatus.OPEN, begins=True), Take())


def test_a_guest_whose_write_was_done_and_not_answered_is_taken_up() -> None:
    """T9: it is this keeper's own; nobody will ask for another one."""
    life = Life(jitter=0.9)
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.NotCreated(LOST))
    mine = dataclasses.replace(WITH_GUEST, guest_status=GuestStatus.OPENING)
    assert life.refreshes(mine) == (Take(),)
    assert life.happens(guest.Taken(mine)) == (OpenSocket(1, URL),)


def test_a_guest_that_the_record_does_not_release_is_given_up_after_a_while() -> None:
    """CXone has been out of reach since the visitor left: typing may be shown there, and no place is held for ever."""
    life = Life()
    life.happens(guest.Taken(ALONE))
    life.happens(guest.SocketOpened(1))
    began, releases = life.now, [CloseGuest()]
    while not releases[-1].whatever_is_shown:
        released = [action for action in life.wakes() if isinstance(action, CloseGuest)]
        releases += released
        if released:
            life.happens(guest.Released(done=False))
            life.refreshes(ALONE)
    assert POLICY.give_up_ms <= life.now - began <= POLICY.give_up_ms + 3 * POLICY.grace_ms
    assert POLICY.give_up_ms == 15 * 60 * 1000


def test_a_visitor_who_is_back_is_given_all_the_time_anew() -> None:
    life = Life()
    life.happens(guest.Taken(ALONE))
    life.happens(guest.SocketOpened(1))
    life.wakes()
    life.happens(guest.Released(done=False))
    life.refreshes(WITH_GUEST)
    assert life.held.refused_since is None


def test_a_guest_that_could_not_be_taken_again_is_taken_at_the_next_look(settled: Life) -> None:
    """Until then nothing tells whose it is."""
    settled.happens(guest.Requested())
    settled.happens(guest.StoreFailed())
    assert settled.refreshes(ANOTHERS) == (Take(),)


@pytest.mark.parametrize("told_late", [guest.FenceLost(), guest.Refreshed(ANOTHERS, NOW * 2)])
def test_who_is_taking_a_guest_again_does_not_let_go_of_it(settled: Life, told_late: Event) -> None:
    """The write under way puts its name back: whoever else holds the guest lets go then, and nobody would be left."""
    settled.happens(guest.Requested())
    settled.happens(guest.SocketLost(1, LOST))
    assert settled.happens(told_late) == ()
    assert OpenSocket(2, URL) in settled.happens(guest.Taken(WITH_GUEST))


def test_a_record_that_is_gone_ends_it_here(settled: Life) -> None:
    assert settled.refreshes(None) == (CloseSocket(1), LetGo())


def test_a_record_read_before_our_own_last_write_tells_nothing() -> None:
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    read_at = life.now
    life.happens(guest.Created("g1", URL))
    assert life.happens(guest.Refreshed(WITH_VISITOR, read_at)) == ()


def test_a_record_read_in_the_ms_of_our_own_last_write_tells_nothing() -> None:
    """Nobody knows which of the two was first."""
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.Created("g1", URL))
    assert life.happens(guest.Refreshed(WITH_VISITOR, life.held.changed_at)) == ()


def test_a_status_that_did_not_reach_the_record_is_written_again(settled: Life) -> None:
    stale = dataclasses.replace(WITH_GUEST, guest_status=GuestStatus.RECONNECTING)
    assert settled.refreshes(stale) == (SetStatus(GuestStatus.OPEN),)


def test_another_message_for_a_settled_guest_keeps_its_socket(settled: Life) -> None:
    """T12: a message delivered twice changes nothing."""
    assert settled.happens(guest.Requested()) == (Take(),)
    assert settled.happens(guest.Taken(WITH_GUEST)) == ()


# --- the visitor leaves


@pytest.mark.parametrize(("sends", "grace_ms"), [(0, POLICY.idle_grace_ms), (7, POLICY.grace_ms)])
def test_a_guest_outlives_its_visitors_page_by_the_grace(settled: Life, sends: int, grace_ms: int) -> None:
    """T18: one of a visitor who has never typed holds its place no longer than it takes to change pages."""
    settled.refreshes(dataclasses.replace(ALONE, sends=sends))
    left_at = settled.now
    settled.refreshes(dataclasses.replace(ALONE, sends=sends))  # the next look begins no grace anew
    assert settled.wakes() == (CloseGuest(),)
    assert settled.now - left_at == grace_ms


def test_a_grace_that_the_deployment_makes_shorter_holds_for_all() -> None:
    short = dataclasses.replace(POLICY, grace_ms=1_000)
    held = guest.Held("alice", "me", Doing.SETTLED, alone_since=NOW, rotate_at=NOW * 2)
    assert guest.wake_at(held, short) == NOW + 1_000


def test_a_visitor_who_returns_within_the_grace_keeps_the_guest(settled: Life) -> None:
    settled.refreshes(ALONE)
    settled.refreshes(WITH_GUEST)
    assert settled.held.alone_since is None


def test_a_released_guest_is_let_go_and_its_socket_closed(settled: Life) -> None:
    settled.refreshes(ALONE)
    settled.wakes()
    assert settled.happens(guest.Released(done=True)) == (CloseSocket(1), LetGo())


def test_a_record_that_does_not_let_go_is_looked_at_and_the_socket_kept(settled: Life) -> None:
    settled.refreshes(ALONE)
    settled.wakes()
    assert settled.happens(guest.Released(done=False)) == (Refresh(),)
    assert settled.happens(guest.Woke()) == ()
    assert settled.held.socket == 1


def test_a_visitor_who_returns_while_a_record_without_a_guest_is_released_gets_a_guest() -> None:
    life = Life()
    life.happens(guest.Taken(dataclasses.replace(WITH_VISITOR, connections=frozenset())))
    assert life.happens(guest.Released(done=False)) == (Refresh(),)
    life.refreshes(WITH_VISITOR)
    assert life.wakes() == (CreateGuest(),)


@pytest.mark.parametrize("answer", [guest.StoreFailed(), guest.Released(done=False)])
def test_a_socket_that_is_being_opened_when_the_visitor_is_given_up_is_not_opened_twice(answer: Event) -> None:
    """Nobody would ever close the first one."""
    life = Life()
    life.happens(guest.Taken(ALONE))
    life.happens(guest.Woke(), after_ms=POLICY.grace_ms)
    assert life.held.doing is Doing.RELEASING
    life.happens(answer)
    for _ in range(3):  # the first tells of the loss
        assert OpenSocket(2, URL) not in life.happens(guest.Woke(), after_ms=POLICY.first_backoff_ms)
    assert life.held.opening == 1


def test_a_guest_that_is_being_taken_out_of_the_record_is_not_released_too(settled: Life) -> None:
    settled.refreshes(ALONE)
    settled.happens(guest.SocketLost(1, OVER))
    assert guest.wake_at(settled.held, POLICY) is None
    assert settled.happens(guest.Woke(), after_ms=POLICY.grace_ms) == ()


def test_a_guest_whose_end_the_record_tells_of_is_without_a_socket_from_then_on(settled: Life) -> None:
    settled.now += 3_600_000
    settled.refreshes(WITH_VISITOR)
    assert not guest.is_not_held(settled.held, settled.now + POLICY.not_held_ms - 2, POLICY)
    assert guest.is_not_held(settled.held, settled.now + POLICY.not_held_ms, POLICY)


# --- the store fails


def test_a_socket_that_is_being_replaced_when_the_store_fails_goes_on_being_replaced(settled: Life) -> None:
    settled.wakes()
    settled.happens(guest.StoreFailed())
    assert settled.happens(guest.Woke(), after_ms=POLICY.rotate_ms) == ()  # no third one
    assert settled.happens(guest.SocketOpened(2)) == (CloseSocket(1),)


def test_a_record_that_could_not_be_taken_is_taken_later() -> None:
    life = Life()
    life.happens(guest.StoreFailed())
    assert life.wakes() == (Take(),)


def test_a_failing_release_begins_the_grace_anew_and_keeps_the_socket(settled: Life) -> None:
    settled.refreshes(ALONE)
    settled.wakes()
    settled.happens(guest.StoreFailed())
    assert (settled.held.doing, settled.held.alone_since) == (Doing.SETTLED, None)


# --- whatever happens

RECORDS = [None, WITH_VISITOR, WITH_GUEST, ALONE, dataclasses.replace(WITH_GUEST, keeper="other")]
OUTCOMES = st.sampled_from([Outcome(kind) for kind in Kind if kind is not Kind.ACCEPTED])
SOCKETS = st.integers(0, 6)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.just(guest.Requested()),
    st.just(guest.Woke()),
    st.just(guest.StoreFailed()),
    st.just(guest.Created("g2", URL)),
    st.builds(guest.Taken, st.sampled_from(RECORDS)),
    st.builds(lambda record: guest.Refreshed(record, NOW * 10), st.sampled_from(RECORDS)),
    st.builds(guest.NotCreated, OUTCOMES),
    st.builds(guest.SocketOpened, SOCKETS),
    st.builds(guest.SocketLost, SOCKETS, OUTCOMES),
    st.builds(guest.GuestEnded, st.booleans()),
    st.builds(guest.Released, st.booleans()),
    st.just(guest.LossDue()),
)


ANSWERS: dict[type, Doing] = {
    guest.Taken: Doing.TAKING,
    guest.Created: Doing.CREATING,
    guest.NotCreated: Doing.CREATING,
    guest.GuestEnded: Doing.ENDING,
    guest.Released: Doing.RELEASING,
}
CALLS = frozenset(ANSWERS.values())
HISTORIES = st.lists(st.tuples(EVENTS, st.integers(0, 100_000), st.floats(0, 1)), max_size=40)


def _can_happen(event: Event, held: Held) -> bool:
    """Answers come to what was asked; news only of sockets that the keeper has."""
    if isinstance(event, guest.SocketOpened | guest.SocketLost):
        return event.socket != 0 and event.socket in (held.socket, held.opening)
    if isinstance(event, guest.StoreFailed):
        return held.doing in CALLS - {Doing.CREATING}
    return held.doing is ANSWERS.get(type(event), held.doing)


@given(HISTORIES)
def test_no_history_leaves_a_guest_with_nothing_to_wait_for(history: list[tuple[Event, int, float]]) -> None:
    life = Life()
    for event, after_ms, life.jitter in history:
        if not _can_happen(event, life.held):
            continue
        if LetGo() in life.happens(event, after_ms):
            return
        answer_is_due = life.held.doing in CALLS or life.held.opening
        assert answer_is_due or guest.wake_at(life.held, POLICY) is not None


@given(HISTORIES)
def test_no_history_loses_track_of_a_socket(history: list[tuple[Event, int, float]]) -> None:
    """Every socket opened is in use, being opened, reported lost, or closed."""
    life = Life()
    alive: set[int] = set()
    for event, after_ms, life.jitter in history:
        if not _can_happen(event, life.held):
            continue
        if isinstance(event, guest.SocketLost):
            alive.discard(event.socket)
        for action in life.happens(event, after_ms):
            if isinstance(action, OpenSocket):
                alive.add(action.socket)
            elif isinstance(action, CloseSocket):
                alive.discard(action.socket)
        assert alive == {number for number in (life.held.socket, life.held.opening) if number}
        if LetGo() in life.actions:
            return


def test_a_socket_that_is_wanted_no_more_opens_in_vain() -> None:
    """It was being opened when the guest ended; the one that is opened now is another."""
    life = Life()
    life.happens(guest.Taken(WITH_GUEST))
    before = life.held
    assert life.happens(guest.SocketOpened(before.opening + 1)) == ()
    assert life.held == before


def test_a_record_that_says_what_is_so_is_not_written_again(settled: Life) -> None:
    """A look every 30 s at thousands of guests costs no write."""
    assert settled.refreshes(WITH_GUEST) == ()


def test_a_record_that_says_otherwise_waits_until_there_is_a_socket_again(settled: Life) -> None:
    settled.happens(guest.SocketLost(1, LOST))
    settled.blip_ends()
    assert settled.refreshes(WITH_GUEST) == ()


def test_a_first_socket_that_cannot_be_opened_tells_the_visitor_nothing_new() -> None:
    """The guest is being opened as before; `reconnecting` would say that it had been open."""
    life = Life()
    life.happens(guest.Taken(WITH_VISITOR))
    life.happens(guest.Created("g1", URL))
    assert life.happens(guest.SocketLost(1, LOST)) == ()
    assert life.blip_ends() == (OpenSocket(2, URL),)

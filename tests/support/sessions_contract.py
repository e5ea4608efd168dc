"""What every store of session records must do, whatever it is made of. Subclasses give ``sessions``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from itertools import count
from typing import Any

import pytest
from typing_relay.aws.sessions import SWEEP_SHARDS, DynamoSessions, shard_of
from typing_relay.relay import session_writes as write
from typing_relay.relay.burst import GuestStatus, Session, claim_of
from typing_relay.relay.ports import Absent, Coming, ConversationIds, KeptAccess, Lock

from tests.simulation.memory_sessions import MemorySessions

NOW = 1_800_000_000_000  # epoch ms
EXPIRES = NOW // 1000 + 3600
ID, TAB, OTHER_TAB, KEEPER, GUEST = "visitor", "tab-1", "tab-2", "keeper-1", "guest-1"


class Retried:
    """A store, or a client, each of whose writes is made twice: the second answer counts."""

    def __init__(self, kept: Any) -> None:
        self._kept, self._requests = kept, count(1)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if isinstance(self._kept, MemorySessions):
                self._kept.request = next(self._requests)
            getattr(self._kept, name)(*args, **kwargs)
            return getattr(self._kept, name)(*args, **kwargs)

        return call


class SessionsContract:
    """One sentence a test; ``sessions`` is empty at its beginning."""

    @pytest.fixture
    def sessions(self) -> MemorySessions:
        """The store to be tested."""
        raise NotImplementedError

    @pytest.fixture
    def retried(self, sessions: Any) -> Any:
        """The same store, by a client that loses the first answer of each write and makes it again."""
        if isinstance(sessions, MemorySessions):
            return Retried(sessions)
        return DynamoSessions(Retried(sessions._client), sessions._table)

    # --- reading and expiry

    def test_a_record_that_was_never_created_is_absent(self, sessions: MemorySessions) -> None:
        """T11."""
        assert sessions.get(ID, NOW) is None

    def test_a_fresh_record_has_the_defaults_of_a_session(self, sessions: MemorySessions) -> None:
        """Whatever the store keeps, a reader sees ``Session``'s own defaults."""
        sessions.create(ID, NOW, EXPIRES)
        assert sessions.get(ID, NOW) == Session(ID, expires_at=EXPIRES)

    def test_a_record_past_its_expiry_is_absent_though_not_deleted(self, sessions: MemorySessions) -> None:
        """T11: nothing relies on TTL's deletion being prompt."""
        sessions.create(ID, NOW, EXPIRES)
        assert sessions.get(ID, (EXPIRES - 1) * 1000 + 999) is not None
        assert sessions.get(ID, EXPIRES * 1000) is None

    def test_creating_leaves_a_living_record_alone(self, sessions: MemorySessions) -> None:
        """T12: two first frames at once make one record."""
        _typing(sessions)
        sessions.create(ID, NOW, EXPIRES + 60)
        assert _record(sessions).keys == {TAB: NOW}

    def test_creating_replaces_an_expired_record(self, sessions: MemorySessions) -> None:
        """T11: nothing of an expired session shines through."""
        _owned(sessions)
        sessions.create(ID, EXPIRES * 1000, EXPIRES + 60)
        assert sessions.get(ID, EXPIRES * 1000) == Session(ID, expires_at=EXPIRES + 60)
        assert sessions.overdue(shard_of(ID), NOW * 2, 10) == []

    def test_many_records_are_read_at_once_without_the_absent_ones(self, sessions: MemorySessions) -> None:
        """More than one batch of DynamoDB's."""
        ids = [f"visitor-{number}" for number in range(120)]
        for session_id in ids[:-1]:
            sessions.create(session_id, NOW, EXPIRES)
        sessions.create(ids[-1], NOW, NOW // 1000)
        assert sessions.get_many(ids, NOW).keys() == set(ids[:-1])

    # --- keys

    def test_a_key_is_noted_and_counted(self, sessions: MemorySessions) -> None:
        """T8: the write returns all that the handler needs."""
        sessions.create(ID, NOW, EXPIRES)
        record = sessions.press_key(ID, TAB, NOW, NOW, EXPIRES + 9)
        assert isinstance(record, Session)
        assert (record.keys, record.revision) == ({TAB: NOW}, 1)
        assert record.expires_at == EXPIRES + 9

    def test_a_key_keeps_the_one_before_it(self, sessions: MemorySessions) -> None:
        """T1: two bursts are told apart by their keys."""
        _typing(sessions)
        assert _record(sessions).earlier_keys == {TAB: 0}
        sessions.press_key(ID, TAB, NOW + 2500, NOW + 2500, EXPIRES)
        assert _record(sessions).earlier_keys == {TAB: NOW}

    def test_a_key_for_no_record_says_that_it_is_absent(self, sessions: MemorySessions) -> None:
        """T11."""
        assert sessions.press_key(ID, TAB, NOW, NOW, EXPIRES) == Absent()

    def test_a_key_for_an_expired_record_says_that_it_is_absent(self, sessions: MemorySessions) -> None:
        """T11."""
        sessions.create(ID, NOW, EXPIRES)
        assert sessions.press_key(ID, TAB, EXPIRES * 1000, EXPIRES * 1000, EXPIRES + 60) == Absent()

    def test_an_older_key_changes_nothing(self, sessions: MemorySessions) -> None:
        """T12: time moves forward only."""
        _typing(sessions)
        assert sessions.press_key(ID, TAB, NOW - 1, NOW, EXPIRES) is None
        assert _record(sessions).keys == {TAB: NOW}

    def test_an_overtaken_key_is_kept_as_the_one_before_the_newest(self, sessions: MemorySessions) -> None:
        """T12: two frames in the wrong order do not make a pause of none."""
        _typing(sessions)
        sessions.press_key(ID, TAB, NOW + 2020, NOW + 2020, EXPIRES)
        assert sessions.press_key(ID, TAB, NOW + 1990, NOW + 2020, EXPIRES) is None
        record = _record(sessions)
        assert (record.keys, record.earlier_keys, record.revision) == ({TAB: NOW + 2020}, {TAB: NOW + 1990}, 3)

    def test_the_same_key_again_changes_nothing_and_returns_the_record(self, sessions: MemorySessions) -> None:
        """T9, T12: an answer lost on its way must not lose the wake-up."""
        _typing(sessions)
        before = _record(sessions)
        assert sessions.press_key(ID, TAB, NOW, NOW, EXPIRES + 60) == before
        assert _record(sessions) == before

    @pytest.mark.parametrize("stop_at", [NOW, NOW + 1])
    def test_a_key_no_newer_than_a_stop_of_its_connection_is_refused(
        self, sessions: MemorySessions, stop_at: int
    ) -> None:
        """T5: a stop may overtake an older key."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.note_stop(ID, TAB, stop_at, NOW)
        assert sessions.press_key(ID, TAB, NOW, NOW, EXPIRES) is None
        assert _record(sessions).keys == {}

    def test_the_same_key_again_is_refused_once_a_stop_took_it_back(self, sessions: MemorySessions) -> None:
        """T5, T12."""
        _typing(sessions)
        sessions.note_stop(ID, TAB, NOW, NOW)
        assert sessions.press_key(ID, TAB, NOW, NOW, EXPIRES) is None

    def test_keys_of_two_connections_do_not_hinder_each_other(self, sessions: MemorySessions) -> None:
        """T10: the other tab's clockwork is its own."""
        _typing(sessions)
        sessions.press_key(ID, OTHER_TAB, NOW - 500, NOW, EXPIRES)
        assert _record(sessions).keys == {TAB: NOW, OTHER_TAB: NOW - 500}

    # --- holds

    def test_a_held_key_says_for_how_long_it_counts(self, sessions: MemorySessions) -> None:
        """T2."""
        sessions.create(ID, NOW, EXPIRES)
        record = sessions.press_key(ID, TAB, NOW, NOW, EXPIRES, 6000)
        assert isinstance(record, Session)
        assert record.holds == {TAB: (NOW, 6000)}

    def test_a_plain_key_leaves_the_hold_with_the_key_that_it_was_for(self, sessions: MemorySessions) -> None:
        """T8: one write, and none for a hold that is over."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.press_key(ID, TAB, NOW, NOW, EXPIRES, 6000)
        sessions.press_key(ID, TAB, NOW + 9, NOW + 9, EXPIRES)
        assert (_record(sessions).keys, _record(sessions).holds) == ({TAB: NOW + 9}, {TAB: (NOW, 6000)})

    def test_a_held_key_that_a_later_one_overtook_holds_nothing(self, sessions: MemorySessions) -> None:
        """T12."""
        _typing(sessions)
        sessions.press_key(ID, TAB, NOW + 20, NOW + 20, EXPIRES, 6000)
        assert sessions.press_key(ID, TAB, NOW + 10, NOW + 20, EXPIRES, 6000) is None
        assert _record(sessions).holds == {TAB: (NOW + 20, 6000)}

    def test_pruning_forgets_the_holds_of_connections_that_are_gone(self, sessions: MemorySessions) -> None:
        sessions.create(ID, NOW, EXPIRES)
        sessions.press_key(ID, TAB, NOW, NOW, EXPIRES, 6000)
        sessions.prune(_record(sessions), NOW + 1)
        assert _record(sessions).holds == {}

    # --- stops

    def test_a_stop_is_noted_and_counted(self, sessions: MemorySessions) -> None:
        """T5."""
        _typing(sessions)
        record = sessions.note_stop(ID, TAB, NOW + 5, NOW)
        assert record is not None
        assert (record.stops, record.revision) == ({TAB: NOW + 5}, 2)

    def test_a_stop_older_than_a_known_one_is_refused(self, sessions: MemorySessions) -> None:
        """T12."""
        _typing(sessions)
        sessions.note_stop(ID, TAB, NOW, NOW)
        assert sessions.note_stop(ID, TAB, NOW - 1, NOW) is None

    @pytest.mark.parametrize(
        "write",
        [
            lambda store, record: store.note_stop(ID, TAB, NOW, NOW) is not None,
            lambda store, record: store.lock(record, _lock(True)),
            lambda store, record: store.lock(record, _lock(True)) and store.accepted(record, _lock(True), NOW + 9, NOW),
            lambda store, record: store.lock(record, _lock(False)) and store.settled(record, _lock(False), NOW + 9),
            lambda store, record: store.end_guest(ID, GUEST, NOW),
            lambda store, record: store.release(record),
            lambda store, record: store.mark_typing_unavailable(ID, GUEST),
        ],
        ids=["stop", "lock", "accepted", "settled", "end of the guest", "release", "unavailable"],
    )
    def test_a_write_that_meets_its_own_first_try_is_done(
        self, sessions: MemorySessions, retried: MemorySessions, write: Callable[[Any, Session], bool]
    ) -> None:
        """T2, T12: a lost answer must not cost what a refusal costs: a lock's end, or a visitor who is told nothing."""
        assert write(retried, _owned(sessions))

    def test_a_question_that_is_put_off_by_its_own_first_try_is_asked(
        self, sessions: MemorySessions, retried: MemorySessions
    ) -> None:
        """T12: nobody else would ask it."""
        assert retried.put_off_question(_accepted(sessions, True), NOW + 30_000)

    def test_a_release_of_the_guest_that_meets_its_own_first_try_is_done(
        self, sessions: MemorySessions, retried: MemorySessions
    ) -> None:
        """T12."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.take_guest(ID, KEEPER, NOW)
        assert retried.release_guest(ID, KEEPER, NOW)

    def test_of_two_that_lock_the_same_in_the_same_ms_one_is_refused(self, sessions: MemorySessions) -> None:
        """T6: two executions of one owner are not one that retries."""
        record = _owned(sessions)
        assert [sessions.lock(record, _lock(True)) for _ in range(2)] == [True, False]

    def test_of_two_that_find_no_typing_endpoint_one_tells_the_visitor(self, sessions: MemorySessions) -> None:
        """T12."""
        _owned(sessions)
        assert [sessions.mark_typing_unavailable(ID, GUEST) for _ in range(2)] == [True, False]

    def test_the_same_stop_again_changes_nothing_and_returns_the_record(self, sessions: MemorySessions) -> None:
        """T2, T12: a stop whose answer was lost on its way must not come as late as the lock's end."""
        _typing(sessions)
        noted = sessions.note_stop(ID, TAB, NOW, NOW)
        assert sessions.note_stop(ID, TAB, NOW, NOW) == noted == _record(sessions)

    def test_a_stop_without_a_living_record_is_refused(self, sessions: MemorySessions) -> None:
        """T11."""
        assert sessions.note_stop(ID, TAB, NOW, NOW) is None
        sessions.create(ID, NOW, EXPIRES)
        assert sessions.note_stop(ID, TAB, NOW, EXPIRES * 1000) is None

    # --- connections

    def test_connections_come_and_go(self, sessions: MemorySessions) -> None:
        """Twice the same change is one change (T12)."""
        sessions.create(ID, NOW, EXPIRES)
        for _ in range(2):
            sessions.add_connection(ID, _coming(TAB), NOW, EXPIRES)
        record = sessions.add_connection(ID, _coming(OTHER_TAB), NOW, EXPIRES + 7)
        assert isinstance(record, Session)
        assert (record.connections, record.expires_at) == ({TAB, OTHER_TAB}, EXPIRES + 7)
        for _ in range(2):
            sessions.forget_connection(ID, TAB, NOW)
        sessions.forget_connection(ID, OTHER_TAB, NOW)
        assert _record(sessions).connections == frozenset()

    def test_a_connection_carries_its_time_and_the_end_of_its_token(self, sessions: MemorySessions) -> None:
        """T13. Coming counts as a stop before any key of it: no key is taken back, nothing is counted."""
        sessions.create(ID, NOW, EXPIRES)
        record = sessions.add_connection(ID, Coming(TAB, NOW - 3000, EXPIRES), NOW, EXPIRES)
        assert isinstance(record, Session)
        assert (record.stops, record.token_ends, record.revision) == ({TAB: NOW - 3000}, {TAB: EXPIRES}, 0)

    def test_one_that_says_hello_again_is_as_old_as_it_was(self, sessions: MemorySessions) -> None:
        """Its keys and stops stand, whichever is written first (T12)."""
        _typing(sessions)
        sessions.note_stop(ID, TAB, NOW + 5, NOW + 5)
        record = sessions.add_connection(ID, Coming(TAB, NOW - 3000, EXPIRES + 1), NOW, EXPIRES)
        assert isinstance(record, Session)
        assert (record.keys, record.stops, record.token_ends) == ({TAB: NOW}, {TAB: NOW + 5}, {TAB: EXPIRES + 1})

    def test_a_connection_brings_along_who_the_visitor_is_and_one_that_does_not_say_changes_nothing(
        self, sessions: MemorySessions
    ) -> None:
        """The newest token that says so counts, whichever tab it came with."""
        sessions.create(ID, NOW, EXPIRES)
        for profile, known in (
            ("", ""),
            ('{"customer":"a"}', '{"customer":"a"}'),
            ("", '{"customer":"a"}'),
            ("{}", "{}"),
        ):
            record = sessions.add_connection(ID, Coming(TAB, NOW, EXPIRES, profile), NOW, EXPIRES)
            assert isinstance(record, Session)
            assert (record.profile, _record(sessions).profile) == (known, known)
            assert sessions.get_many([ID], NOW)[ID].profile == known

    def test_a_connection_to_no_living_record_says_that_it_is_absent(self, sessions: MemorySessions) -> None:
        """T11."""
        assert sessions.add_connection(ID, _coming(TAB), NOW, EXPIRES) == Absent()
        sessions.create(ID, NOW, EXPIRES)
        assert sessions.add_connection(ID, _coming(TAB), EXPIRES * 1000, EXPIRES + 60) == Absent()

    def test_forgetting_a_connection_brings_no_record_into_being(self, sessions: MemorySessions) -> None:
        """T11: a late disconnect of an expired session."""
        sessions.forget_connection(ID, TAB, NOW)
        assert sessions.get(ID, NOW) is None

    def test_pruning_forgets_old_keys_and_stops_of_connections_that_are_gone(self, sessions: MemorySessions) -> None:
        """A record does not grow with every page that the visitor opens."""
        _typing(sessions)
        sessions.add_connection(ID, _coming(OTHER_TAB), NOW, EXPIRES)
        sessions.press_key(ID, OTHER_TAB, NOW, NOW, EXPIRES)
        sessions.press_key(ID, "tab-3", NOW + 5000, NOW, EXPIRES)
        sessions.note_stop(ID, TAB, NOW, NOW)
        sessions.prune(_record(sessions), NOW + 1)
        record = _record(sessions)
        assert (record.keys, record.stops) == ({OTHER_TAB: NOW, "tab-3": NOW + 5000}, {OTHER_TAB: NOW - 3000})
        assert record.token_ends == {OTHER_TAB: EXPIRES}
        assert record.earlier_keys == {OTHER_TAB: 0, "tab-3": 0}

    def test_pruning_with_nothing_old_changes_nothing(self, sessions: MemorySessions) -> None:
        """A key that may still be followed by a late frame stays."""
        _typing(sessions)
        before = _record(sessions)
        sessions.prune(before, NOW)
        assert _record(sessions) == before

    # --- owners

    def test_a_claim_takes_the_next_generation_and_a_lease(self, sessions: MemorySessions) -> None:
        """T6: the fence."""
        _typing(sessions)
        assert sessions.claim(ID, 0, NOW + 100, 0)
        record = _record(sessions)
        assert (record.generation, record.lease_until) == (1, NOW + 100)

    def test_a_keeper_claims_only_what_is_its_own(self, sessions: MemorySessions) -> None:
        """T4: another has the guest, and nobody would act for this one."""
        _owned(sessions)
        assert not sessions.claim(ID, 1, NOW + 100, 0, "keeper-2")
        assert sessions.claim(ID, 1, NOW + 100, 0, KEEPER)

    def test_a_claim_writes_down_what_frames_have_spent(self, sessions: MemorySessions) -> None:
        """T17: in the same write."""
        _typing(sessions)
        assert sessions.claim(ID, 0, NOW + 100, NOW + 500)
        assert _record(sessions).starts_until == NOW + 500

    def test_a_claim_that_came_too_late_spends_nothing(self, sessions: MemorySessions) -> None:
        """T17: what is written is what was read, and one more."""
        _typing(sessions)
        assert sessions.claim(ID, 0, NOW + 100, NOW + 500)
        assert not sessions.claim(ID, 0, NOW + 100, NOW + 900)
        assert _record(sessions).starts_until == NOW + 500

    def test_of_two_claims_of_one_generation_one_wins(self, sessions: MemorySessions) -> None:
        """T6."""
        _typing(sessions)
        assert sessions.claim(ID, 0, NOW + 100, 0)
        assert not sessions.claim(ID, 0, NOW + 100, 0)
        assert _record(sessions).lease_until == NOW + 100

    def test_a_claim_repeated_because_its_answer_was_lost_holds(
        self, sessions: MemorySessions, retried: MemorySessions
    ) -> None:
        """T9: otherwise nobody would start the execution."""
        _typing(sessions)
        assert retried.claim(ID, 0, NOW + 100, 0)
        assert _record(sessions).generation == 1

    @pytest.mark.parametrize("first", ["lock", "release"])
    def test_the_first_write_of_an_owner_can_be_its_claim(self, sessions: MemorySessions, first: str) -> None:
        """T6, T17: the fence, and what frames have spent, in one write."""
        claimed = replace(_owned(sessions), generation=2, starts_until=NOW + 500)
        assert _first_write(sessions, first, claimed)
        assert (_record(sessions).generation, _record(sessions).starts_until) == (2, NOW + 500)

    @pytest.mark.parametrize("meanwhile", ["another claim", "another keeper", "a key"])
    @pytest.mark.parametrize("first", ["lock", "release"])
    def test_a_first_write_that_comes_too_late_claims_nothing(
        self, sessions: MemorySessions, first: str, meanwhile: str
    ) -> None:
        """T6, T9."""
        claimed = replace(_owned(sessions), generation=2, starts_until=NOW + 500)
        if meanwhile == "a key":
            sessions.press_key(ID, TAB, NOW + 5, NOW + 5, EXPIRES)
        elif meanwhile == "another keeper":
            sessions.take_guest(ID, "keeper-2", NOW + 5)
        else:
            sessions.claim(ID, 1, NOW + 100, NOW + 900)
        before = _record(sessions)
        assert not _first_write(sessions, first, claimed)
        assert _record(sessions) == before

    def test_a_lock_that_claims_and_meets_its_own_first_try_holds(
        self, sessions: MemorySessions, retried: MemorySessions
    ) -> None:
        """T9, T12: else its owner would wait for the end of its own lock."""
        claimed = replace(_owned(sessions), generation=2, starts_until=NOW + 500)
        assert retried.lock(claimed, _lock(True), True)
        assert _record(sessions).generation == 2

    def test_owners_of_no_record_get_nothing(self, sessions: MemorySessions) -> None:
        """T11: a record may be deleted under its owner."""
        record = Session(ID, guest_id=GUEST)
        assert not sessions.claim(ID, 0, NOW, 0)
        assert not sessions.set_lease(ID, 0, NOW)
        assert not sessions.lock(record, _lock(True))
        assert not sessions.forget_failures(ID, 0)
        assert not sessions.end_guest(ID, GUEST, NOW)
        assert sessions.get(ID, NOW) is None

    def test_only_the_newest_owner_sets_the_lease(self, sessions: MemorySessions) -> None:
        """T6."""
        _owned(sessions)
        assert sessions.set_lease(ID, 1, NOW + 500)
        assert not sessions.set_lease(ID, 0, NOW + 900)
        assert _record(sessions).lease_until == NOW + 500

    def test_a_lease_is_parked_only_as_it_was_read(self, sessions: MemorySessions) -> None:
        """T4, T9: one that was released meanwhile would be in no index, and keys would count on it."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.claim(ID, 0, NOW + 100, 0)
        read = _record(sessions)
        assert sessions.park(read, NOW + 500)
        assert not sessions.park(read, NOW + 900)
        assert _record(sessions).lease_until == NOW + 500
        assert sessions.release(_record(sessions))
        assert not sessions.park(replace(read, lease_until=NOW + 500), NOW + 900)
        assert _record(sessions).lease_until == 0

    def test_leases_that_ran_out_are_found_oldest_first_until_released(self, sessions: MemorySessions) -> None:
        """T4: the sweeper's index."""
        others = [f"visitor-{number}" for number in range(200)]
        mine = [session_id for session_id in others if shard_of(session_id) == 3][:3]
        for age, session_id in enumerate(mine):
            sessions.create(session_id, NOW, EXPIRES)
            sessions.claim(session_id, 0, NOW - age, 0)
        assert sessions.overdue(3, NOW + 1, 10) == mine[::-1]
        assert sessions.overdue(3, NOW, 10) == mine[:0:-1]
        assert sessions.overdue(3, NOW + 1, 1) == mine[2:]
        assert all(not sessions.overdue(shard, NOW + 1, 10) for shard in range(SWEEP_SHARDS) if shard != 3)

    def test_more_leases_that_ran_out_than_a_page_holds_are_all_found(self, sessions: MemorySessions) -> None:
        """A query's answer may go on on another page; here after three."""
        mine = [name for name in (f"visitor-{number}" for number in range(200)) if shard_of(name) == 3][:7]
        for session_id in mine:
            sessions.create(session_id, NOW, EXPIRES)
            sessions.claim(session_id, 0, NOW, 0)
        assert set(sessions.overdue(3, NOW + 1, 10)) == set(mine)
        assert len(sessions.overdue(3, NOW + 1, 5)) == 5

    # --- the lock

    def test_a_lock_says_what_is_on_its_way_and_until_when(self, sessions: MemorySessions) -> None:
        """T6: fence and lock are one write."""
        record = _owned(sessions)
        assert sessions.lock(record, Lock(True, NOW + 70, NOW + 80, typing_since=NOW))
        locked = _record(sessions)
        assert (locked.sending, locked.sending_until, locked.lease_until) == (True, NOW + 70, NOW + 80)
        assert (locked.typing, locked.typing_since) == (True, NOW)

    def test_a_lock_writes_down_what_was_spent_of_what_cxone_may_hear(self, sessions: MemorySessions) -> None:
        """T17: in the same write."""
        record = _owned(sessions)
        assert sessions.lock(record, Lock(True, NOW + 70, NOW + 80, typing_since=NOW, spends=NOW + 1000))
        assert _record(sessions).sends == record.sends + NOW + 1000

    def test_a_lock_without_a_beginning_forgets_since_when_the_visitor_types(self, sessions: MemorySessions) -> None:
        """The cap counts one stretch of typing, not the next."""
        _accepted(sessions, True)
        assert sessions.lock(_record(sessions), _lock(False))
        assert _record(sessions).typing_since is None

    def test_a_burst_begins_with_its_first_key_and_is_told_of_once(self, sessions: MemorySessions) -> None:
        """T2 as it is measured: 0 once it is shown, and a key after the lock of its end begins the next one."""
        _typing(sessions)
        sessions.press_key(ID, OTHER_TAB, NOW + 9, NOW + 9, EXPIRES)
        assert _record(sessions).burst_from == NOW
        sessions.claim(ID, 0, NOW + 50, 0)
        read, beginning = _record(sessions), Lock(True, NOW + 70, NOW + 80, NOW, burst_from=NOW)
        sessions.lock(read, beginning)
        assert _record(sessions).burst_from == NOW
        sessions.accepted(read, beginning, NOW + 5, NOW + 10)
        sessions.press_key(ID, TAB, NOW + 20, NOW + 20, EXPIRES)
        assert _record(sessions).burst_from == 0
        read, ending = _record(sessions), Lock(False, NOW + 71, NOW + 80, None)
        sessions.lock(read, ending)
        sessions.press_key(ID, TAB, NOW + 30, NOW + 30, EXPIRES)
        sessions.accepted(read, ending, NOW + 35, NOW + 35)
        assert _record(sessions).burst_from == NOW + 30

    def test_of_a_blocked_visitor_no_key_and_no_connection_is_taken(self, sessions: MemorySessions) -> None:
        """T18: and each is told the record as it is, which says until when."""
        _typing(sessions)
        until = NOW // 1000 + 60
        blocked = sessions.block(ID, until, NOW)
        assert blocked is not None
        assert blocked.is_blocked(NOW)
        assert sessions.press_key(ID, TAB, NOW + 9, NOW + 9, EXPIRES) == blocked
        assert sessions.add_connection(ID, Coming("new", NOW, EXPIRES), NOW, EXPIRES) == blocked
        assert _record(sessions) == blocked
        ended = until * 1000
        assert isinstance(sessions.press_key(ID, TAB, ended, ended, EXPIRES), Session)
        assert isinstance(sessions.add_connection(ID, Coming("new", ended, EXPIRES), ended, EXPIRES), Session)

    def test_a_stop_of_a_blocked_visitor_counts(self, sessions: MemorySessions) -> None:
        """T4: what is shown must end."""
        _typing(sessions)
        sessions.block(ID, NOW // 1000 + 60, NOW)
        stopped = sessions.note_stop(ID, TAB, NOW + 9, NOW + 9)
        assert stopped is not None
        assert stopped.stops[TAB] == NOW + 9

    def test_a_visitor_who_is_not_there_can_be_blocked_and_a_block_lifted(self, sessions: MemorySessions) -> None:
        """The record lives as long as the block."""
        later = NOW + 100_000_000
        sessions.block(ID, later // 1000 + 1, NOW)
        coming = Coming(TAB, later, EXPIRES)
        there = sessions.add_connection(ID, coming, later, later // 1000 + 60)
        assert isinstance(there, Session)
        assert there.connections == frozenset()
        sessions.block(ID, 0, later)
        there = sessions.add_connection(ID, coming, later, later // 1000 + 60)
        assert isinstance(there, Session)
        assert there.connections == {TAB}

    def test_of_what_came_late_the_arrival_is_known(self, sessions: MemorySessions) -> None:
        """T18: latency is measured from it, as the rest is what a front end says; a little late is on time."""
        _typing(sessions)
        sessions.press_key(ID, TAB, NOW + 10, NOW + 509, EXPIRES, late_ms=499)
        sessions.note_stop(ID, OTHER_TAB, NOW + 10, NOW + 509, late_ms=499)
        record = _record(sessions)
        assert (record.late_key_at, record.late_stop_at) == (0, 0)
        sessions.press_key(ID, TAB, NOW + 20, NOW + 520, EXPIRES, late_ms=500)
        sessions.note_stop(ID, OTHER_TAB, NOW + 20, NOW + 620, late_ms=600)
        record = _record(sessions)
        assert (record.late_key_at, record.late_stop_at) == (NOW + 520, NOW + 620)

    def test_a_burst_begins_when_its_first_key_arrives(self, sessions: MemorySessions) -> None:
        """T18."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.press_key(ID, TAB, NOW, NOW + 1900, EXPIRES, late_ms=1900)
        assert _record(sessions).burst_from == NOW + 1900

    def test_an_older_owner_gets_no_lock(self, sessions: MemorySessions) -> None:
        """T6."""
        record = _owned(sessions)
        sessions.claim(ID, 1, NOW + 100, 0)
        assert not sessions.lock(record, _lock(True))

    def test_a_key_or_stop_that_the_owner_has_not_seen_keeps_it_from_the_lock(self, sessions: MemorySessions) -> None:
        """T3, T5."""
        record = _owned(sessions)
        sessions.note_stop(ID, TAB, NOW, NOW)
        assert not sessions.lock(record, _lock(True))

    def test_an_owner_that_has_not_seen_that_cxone_asks_to_wait_gets_no_lock(self, sessions: MemorySessions) -> None:
        """T7: the owner before heard it of a question that was on its way."""
        record = _owned(sessions)
        sessions.postpone(record, NOW + 900)
        assert not sessions.lock(record, _lock(False))
        assert sessions.lock(_record(sessions), _lock(False))

    def test_a_lock_that_is_refused_is_answered_with_the_record(self, sessions: MemorySessions) -> None:
        """T8: its owner need not read it again. Where there is none, with nothing."""
        record = _owned(sessions)
        sessions.press_key(ID, TAB, NOW + 5, NOW + 5, EXPIRES)
        assert write.Lock(record, _lock(True)).on(sessions) == _record(sessions)
        assert write.Lock(_record(sessions), _lock(True)).on(sessions) is True
        assert write.Lock(Session("nobody"), _lock(True)).on(sessions) is None

    def test_of_two_executions_of_one_generation_one_gets_the_lock(self, sessions: MemorySessions) -> None:
        """T6, T12: Step Functions may start an execution twice."""
        record = _owned(sessions)
        assert sessions.lock(record, _lock(True))
        assert not sessions.lock(record, Lock(True, NOW + 71, NOW + 80, NOW))

    def test_a_duplicate_that_slept_through_a_call_gets_no_lock(self, sessions: MemorySessions) -> None:
        """T1, T12: the lock is free again, but what the duplicate read is out of date."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        sessions.accepted(record, _lock(True), NOW + 5, NOW + 10)
        assert not sessions.lock(record, Lock(True, NOW + 71, NOW + 80, NOW))

    def test_a_lock_puts_the_record_into_the_sweepers_hands(self, sessions: MemorySessions) -> None:
        """T4: a duplicate may call after the release; what it leaves behind must be found."""
        record = _owned(sessions)
        sessions.release(record)
        sessions.lock(record, _lock(True))
        assert sessions.overdue(shard_of(ID), NOW * 2, 10) == [ID]

    def test_a_lock_for_a_guest_that_is_gone_is_refused(self, sessions: MemorySessions) -> None:
        """The call would go to a guest session that is over."""
        record = _owned(sessions)
        sessions.end_guest(ID, GUEST, NOW)
        assert not sessions.lock(record, _lock(True))

    @pytest.mark.parametrize("before", [None, True, False])
    def test_a_lock_given_back_leaves_what_is_on_its_way_as_it_was(
        self, sessions: MemorySessions, before: bool | None
    ) -> None:
        """T5: no call was made; one made earlier may still be uncertain."""
        record = _owned(sessions)
        if before is not None:
            earlier = Lock(before, NOW + 7, NOW + 80, NOW)
            sessions.lock(record, earlier)
            sessions.failed(record, earlier, NOW + 7)
        uncertain = _record(sessions)
        sessions.lock(uncertain, _lock(True))
        assert sessions.unlock(uncertain, _lock(True))
        assert (_record(sessions).sending, _record(sessions).sending_until) == (before, 0)

    @pytest.mark.parametrize(("begun_at", "counts_from"), [(NOW, None), (0, 0)], ids=["not shown", "shown before"])
    def test_after_a_call_that_a_message_ended_typing_begins_anew(
        self, sessions: MemorySessions, begun_at: int, counts_from: int | None
    ) -> None:
        """T2, T18: it counts as no failure; what was shown before stays measured once."""
        record = _owned(sessions)
        lock = replace(_lock(True), burst_from=begun_at)
        sessions.lock(record, lock)
        assert sessions.unlock(record, lock, begins_anew=True)
        assert (_record(sessions).attempts, _record(sessions).burst_from) == (0, counts_from)

    def test_only_the_lock_that_is_held_can_be_given_back(self, sessions: MemorySessions) -> None:
        """T6: a stalled owner comes late."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        assert not sessions.unlock(record, Lock(True, NOW + 71, NOW + 80, NOW))
        assert _record(sessions).sending_until == NOW + 70

    # --- what came of the call

    def test_an_accepted_call_is_shown_and_frees_the_lock(self, sessions: MemorySessions) -> None:
        """What CXone shows is known again."""
        record = _accepted(sessions, True)
        assert (record.shown, record.shown_at, record.verify_at) == (True, NOW + 5, NOW + 10)
        assert (record.sending, record.sending_until) == (None, 0)

    def test_the_end_of_a_burst_is_accepted_and_released_in_one_write(self, sessions: MemorySessions) -> None:
        """T4: settled, out of the sweeper's hands, and ready for the next burst."""
        _accepted(sessions, True)
        record, end = _record(sessions), Lock(False, NOW + 71, NOW + 80, None)
        sessions.lock(record, end)
        assert sessions.settled(record, end, NOW + 9)
        settled = _record(sessions)
        assert (settled.shown, settled.shown_at, settled.sending, settled.sending_until) == (False, NOW + 9, None, 0)
        assert (settled.lease_until, settled.typing, settled.attempts, settled.verify_at) == (0, False, 0, None)
        assert sessions.overdue(shard_of(ID), NOW * 2, 10) == []

    @pytest.mark.parametrize("meanwhile", ["a key", "another owner", "another guest", "another lock", "a doubt"])
    def test_a_burst_is_not_settled_by_who_has_not_seen_all(self, sessions: MemorySessions, meanwhile: str) -> None:
        """T6, T9."""
        record, end = _owned(sessions), Lock(False, NOW + 71, NOW + 80, None)
        sessions.lock(record, end)
        match meanwhile:
            case "a key":
                sessions.press_key(ID, TAB, NOW + 5, NOW + 5, EXPIRES)
            case "another owner":
                sessions.claim(ID, 1, NOW + 100, 0)
            case "another guest":
                sessions.open_guest(ID, KEEPER, "guest-2", "wss://two", NOW)
            case "another lock":
                sessions.lock(_record(sessions), Lock(True, NOW + 90, NOW + 95, NOW))
            case _:
                sessions.doubt_shown(ID, KEEPER)
        before = _record(sessions)
        assert not sessions.settled(record, end, NOW + 9)
        assert _record(sessions) == before

    def test_the_answer_to_a_call_whose_lock_ran_out_changes_nothing(self, sessions: MemorySessions) -> None:
        """T6, T12: a stalled owner comes late."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        sessions.lock(_record(sessions), Lock(False, NOW + 90, NOW + 95, None))
        before = _record(sessions)
        assert not sessions.accepted(record, _lock(True), NOW, NOW)
        assert not sessions.failed(record, _lock(True), None)
        assert _record(sessions) == before

    def test_the_answer_to_a_call_for_a_former_guest_changes_nothing(self, sessions: MemorySessions) -> None:
        """What the former guest showed says nothing of the new one."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        sessions.open_guest(ID, KEEPER, "guest-2", "wss://two", NOW)
        before = _record(sessions)
        assert not sessions.accepted(record, _lock(True), NOW, NOW)
        assert not sessions.failed(record, _lock(True), None)
        assert _record(sessions) == before

    def test_a_call_that_certainly_failed_leaves_what_is_shown_known(self, sessions: MemorySessions) -> None:
        """The next try sends only what is still wanted."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        assert sessions.failed(record, _lock(True), None)
        failed = _record(sessions)
        assert (failed.sending, failed.sending_until) == (None, 0)
        assert (failed.failures_of(True), failed.failures_of(False)) == (1, 0)

    def test_a_call_that_may_have_been_taken_stays_uncertain(self, sessions: MemorySessions) -> None:
        """T6: the next one waits until it can be in flight no longer."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        assert sessions.failed(record, _lock(True), NOW + 70)
        failed = _record(sessions)
        assert (failed.sending, failed.sending_until) == (True, NOW + 70)

    def test_a_try_counts_from_its_lock_on(self, sessions: MemorySessions) -> None:
        """T7: also when its sender dies and nobody tells how it ended."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        assert _record(sessions).failures_of(True) == 1

    def test_failures_are_counted_for_one_value_only(self, sessions: MemorySessions) -> None:
        """T7: a ``false`` is not held against the ``true`` that failed before."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        sessions.failed(record, _lock(True), None)
        sessions.lock(_record(sessions), Lock(False, NOW + 71, NOW + 80, None))
        assert (_record(sessions).failures_of(True), _record(sessions).failures_of(False)) == (0, 1)

    def test_forgetting_failures_gives_the_next_burst_all_its_retries(self, sessions: MemorySessions) -> None:
        """T7."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        sessions.failed(record, _lock(True), None)
        assert not sessions.forget_failures(ID, 0)
        assert sessions.forget_failures(ID, 1)
        assert _record(sessions).attempts == 0

    # --- verification

    @pytest.mark.parametrize("typing", [True, False])
    def test_an_accepted_call_need_not_be_asked_after(self, sessions: MemorySessions, typing: bool) -> None:
        """T14."""
        record = _owned(sessions)
        sessions.lock(record, _lock(typing))
        assert sessions.accepted(record, _lock(typing), NOW + 5, None)
        assert _record(sessions).verify_at is None

    def test_what_a_guest_in_anothers_place_shows_is_to_be_asked(self, sessions: MemorySessions) -> None:
        """T14: a replaced guest is a doubt."""
        _accepted(sessions, True)
        sessions.end_guest(ID, GUEST, NOW + 3)
        sessions.open_guest(ID, KEEPER, "guest-2", "wss://two", NOW + 4)
        assert _record(sessions).verify_at == NOW + 3

    def test_what_cxone_says_that_it_shows_becomes_what_is_shown(self, sessions: MemorySessions) -> None:
        """CXone does not keep typing state for ever (CXone fact)."""
        record = _accepted(sessions, True)
        assert sessions.verified(record, False, NOW + 50, 1)
        verified = _record(sessions)
        assert (verified.shown, verified.verify_at, verified.mismatches) == (False, NOW + 50, 1)

    def test_nothing_more_to_verify_is_remembered_as_such(self, sessions: MemorySessions) -> None:
        """After a ``false`` one look is enough."""
        record = _accepted(sessions, False)
        assert sessions.verified(record, False, None, 0)
        assert _record(sessions).verify_at is None

    def test_with_its_guest_a_visitors_lease_goes(self, sessions: MemorySessions) -> None:
        """T4: no owner could do anything about it, and each sweep would find it."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.take_guest(ID, KEEPER, NOW)
        sessions.claim(ID, 0, NOW + 10, 0)
        assert sessions.release_guest(ID, KEEPER, NOW)
        assert _record(sessions).lease_until == 0
        assert all(ID not in sessions.overdue(shard, NOW + 60_000, 100) for shard in range(SWEEP_SHARDS))

    def test_of_two_owners_that_mean_to_ask_one_asks(self, sessions: MemorySessions) -> None:
        """T14."""
        record = _accepted(sessions, True)
        assert sessions.put_off_question(record, NOW + 50)
        assert _record(sessions).verify_at == NOW + 50
        assert not sessions.put_off_question(record, NOW + 60)

    def test_an_older_owner_asks_nothing_any_more(self, sessions: MemorySessions) -> None:
        """T6, T14."""
        record = _accepted(sessions, True)
        sessions.claim(ID, 1, NOW + 100, 0)
        assert not sessions.put_off_question(record, NOW + 50)

    def test_an_older_owners_verification_is_refused(self, sessions: MemorySessions) -> None:
        """T6."""
        record = _accepted(sessions, True)
        sessions.claim(ID, 1, NOW + 100, 0)
        assert not sessions.verified(record, False, None, 0)

    def test_a_verification_overtaken_by_a_call_is_refused(self, sessions: MemorySessions) -> None:
        """T12: what was read before the call says nothing of what is shown after it."""
        record = _accepted(sessions, True)
        sessions.lock(_record(sessions), Lock(False, NOW + 71, NOW + 80, None))
        assert not sessions.verified(record, True, None, 0)

    def test_a_verification_as_old_as_the_call_before_is_refused(self, sessions: MemorySessions) -> None:
        """T4: a duplicate asked before, and hears after, what the other one sent."""
        record = _accepted(sessions, True)
        sessions.lock(record, Lock(False, NOW + 71, NOW + 80, None))
        sessions.accepted(record, Lock(False, NOW + 71, NOW + 80, None), NOW, NOW)
        assert not sessions.verified(record, True, None, 0)

    def test_a_retry_after_holds_for_the_next_owner_too(self, sessions: MemorySessions) -> None:
        """T7: an older owner may be the one that hears it."""
        record = _accepted(sessions, True)
        sessions.claim(ID, 1, NOW + 100, 0)
        assert sessions.postpone(record, NOW + 900)
        assert not sessions.postpone(record, NOW + 800)
        assert _record(sessions).retry_at == NOW + 900

    def test_a_retry_after_ends_with_its_guest(self, sessions: MemorySessions) -> None:
        """T7: each guest has a rate limit of its own."""
        record = _accepted(sessions, True)
        sessions.open_guest(ID, KEEPER, "guest-2", "wss://two", NOW)
        assert not sessions.postpone(record, NOW + 900)

    # --- release

    def test_a_released_record_needs_no_sweeper(self, sessions: MemorySessions) -> None:
        """T4: released means settled."""
        record = _owned(sessions)
        assert sessions.release(record)
        released = _record(sessions)
        assert (released.lease_until, released.typing, released.typing_since) == (0, False, None)
        assert released.burst_from is None
        assert sessions.overdue(shard_of(ID), NOW * 2, 10) == []

    def test_a_key_that_the_owner_has_not_seen_keeps_it_from_releasing(self, sessions: MemorySessions) -> None:
        """T9."""
        record = _owned(sessions)
        sessions.press_key(ID, TAB, NOW + 1, NOW, EXPIRES)
        assert not sessions.release(record)
        assert sessions.overdue(shard_of(ID), NOW * 2, 10) == [ID]

    def test_a_call_that_the_owner_has_not_seen_keeps_it_from_releasing(self, sessions: MemorySessions) -> None:
        """T4: a duplicate's call; it may have been taken."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        assert not sessions.release(record)

    def test_an_older_owner_cannot_release(self, sessions: MemorySessions) -> None:
        """T9."""
        record = _owned(sessions)
        sessions.claim(ID, 1, NOW + 100, 0)
        assert not sessions.release(record)

    # --- guests

    def test_of_two_that_ask_for_a_guest_one_does(self, sessions: MemorySessions) -> None:
        """T12: two tabs at once make one guest."""
        sessions.create(ID, NOW, EXPIRES)
        record = _record(sessions)
        assert sessions.request_guest(record, NOW)
        assert not sessions.request_guest(record, NOW + 1)
        asked = _record(sessions)
        assert (asked.guest_status, asked.guest_requested_at) == (GuestStatus.OPENING, NOW)

    def test_a_keeper_takes_a_session_that_lives(self, sessions: MemorySessions) -> None:
        """The fence of a queue message delivered twice."""
        assert sessions.take_guest(ID, KEEPER, NOW) is None
        sessions.create(ID, NOW, EXPIRES)
        taken = sessions.take_guest(ID, KEEPER, NOW)
        assert taken is not None
        assert taken.keeper == KEEPER
        assert sessions.take_guest(ID, KEEPER, EXPIRES * 1000) is None

    def test_of_two_keepers_the_one_that_was_given_a_message_later_has_the_session(
        self, sessions: MemorySessions
    ) -> None:
        """T9: a take that comes late, or twice, takes nothing."""
        sessions.create(ID, NOW, EXPIRES)
        later = claim_of("message", NOW + 30)
        sessions.take_guest(ID, "keeper-2", NOW, later)
        stands = sessions.take_guest(ID, KEEPER, NOW + 5, claim_of("message", NOW))
        assert stands is not None
        assert (stands.keeper, stands.held, stands.guest_requested_at) == ("keeper-2", later, NOW)
        latest = claim_of("another", NOW + 31)
        taken = sessions.take_guest(ID, KEEPER, NOW + 5, latest)
        assert taken is not None
        assert (taken.keeper, taken.held, taken.guest_requested_at) == (KEEPER, latest, NOW + 5)
        assert sessions.take_guest(ID, KEEPER, EXPIRES * 1000, latest) is None

    def test_who_has_a_session_goes_on_by_another_message(self, sessions: MemorySessions) -> None:
        """Nobody else has held it in between, or it would be named."""
        sessions.create(ID, NOW, EXPIRES)
        claim, another = claim_of("message", NOW), claim_of("another", NOW + 5)
        assert sessions.hold_again(ID, KEEPER, NOW, claim) is None
        sessions.take_guest(ID, KEEPER, NOW, claim)
        held = sessions.hold_again(ID, KEEPER, NOW + 5, another)
        assert held is not None
        assert (held.keeper, held.held, held.guest_requested_at) == (KEEPER, another, NOW + 5)
        sessions.take_guest(ID, "keeper-2", NOW, claim_of("third", NOW + 6))
        assert sessions.hold_again(ID, KEEPER, NOW, claim) is None
        assert sessions.hold_again(ID, "keeper-2", EXPIRES * 1000, claim) is None

    def test_a_record_is_kept_by_its_keeper_while_the_visitor_is_there(self, sessions: MemorySessions) -> None:
        """A silent tab renews nothing by itself."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.take_guest(ID, KEEPER, NOW)
        assert not sessions.keep_guest(ID, KEEPER, NOW + 70, EXPIRES + 5)
        sessions.add_connection(ID, _coming(TAB), NOW, EXPIRES)
        assert not sessions.keep_guest(ID, "keeper-2", NOW + 70, EXPIRES + 5)
        assert sessions.keep_guest(ID, KEEPER, NOW + 70, EXPIRES + 5)
        assert (_record(sessions).guest_requested_at, _record(sessions).expires_at) == (NOW + 70, EXPIRES + 5)

    def test_all_that_is_overdue_can_be_read_page_by_page(self, sessions: MemorySessions) -> None:
        """T4: what others have to do must not hide what is to be done here."""
        ids = [name for name in map(str, range(400)) if shard_of(name) == 3][:5]
        for number, session_id in enumerate(ids):
            sessions.create(session_id, NOW, EXPIRES)
            sessions.claim(session_id, 0, NOW + number, 0)
        pages = list(sessions.all_leases(3, NOW + 60, 2))
        leases = [(session_id, NOW + number) for number, session_id in enumerate(ids)]
        assert [page for page in pages if page] == [leases[:2], leases[2:4], leases[4:]]
        assert sessions.overdue(3, NOW + 60, 2) == ids[:2]

    def test_how_a_guest_gets_in_is_kept_beside_its_record_until_its_token_ends(self, sessions: MemorySessions) -> None:
        """T11: a token that has ended is of no use to the next keeper, whether the item was deleted or not."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.take_guest(ID, KEEPER, NOW)
        sessions.open_conversation(ID, KEEPER, ConversationIds(GUEST, "customer", "thread"), NOW)
        record, access = _record(sessions), KeptAccess(GUEST, "wss://gateway", NOW + 60_000)
        assert sessions.with_access(record, NOW) == record
        sessions.keep_access(ID, access, NOW)
        assert (_record(sessions), sessions.access_of(ID, NOW)) == (record, access)
        known = sessions.with_access(record, NOW)
        assert (known.web_socket_url, known.access_until) == ("wss://gateway", NOW + 60_000)
        assert sessions.access_of(ID, NOW + 60_000) is None

    def test_what_is_kept_for_another_guest_is_not_this_ones(self, sessions: MemorySessions) -> None:
        """T12: a keeper that lost the guest may be late with what it keeps."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.take_guest(ID, KEEPER, NOW)
        sessions.open_conversation(ID, KEEPER, ConversationIds(GUEST, "customer", "thread"), NOW)
        sessions.keep_access(ID, KeptAccess("guest-2", "wss://another", NOW + 60_000), NOW)
        assert sessions.with_access(_record(sessions), NOW).web_socket_url == ""

    def test_what_a_page_handed_over_waits_until_a_keeper_uses_it_and_the_newest_counts(
        self, sessions: MemorySessions
    ) -> None:
        """T13: of two keepers the one that holds the guest has it, once."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.take_guest(ID, KEEPER, NOW)
        sessions.hand_over(ID, "first", NOW, NOW)
        handed = sessions.hand_over(ID, "second", NOW + 1, NOW + 1)
        assert handed is not None
        assert (handed, handed.sign_in) == (_record(sessions), "second")
        uses = [("keeper-2", "second"), (KEEPER, "first"), (KEEPER, "second"), (KEEPER, "second")]
        assert [sessions.use_sign_in(ID, *use) for use in uses] == [False, False, True, False]
        assert _record(sessions).sign_in == ""

    def test_what_was_handed_over_and_used_is_not_put_on_record_again(self, sessions: MemorySessions) -> None:
        """T12, T13: the client's own retry comes after a keeper has used it, and is answered as if it had not."""
        sessions.create(ID, NOW, EXPIRES)
        sessions.take_guest(ID, KEEPER, NOW)
        sessions.hand_over(ID, "a code", NOW, NOW)
        sessions.use_sign_in(ID, KEEPER, "a code")
        again = sessions.hand_over(ID, "a code", NOW, NOW + 2_500)
        assert again is not None
        assert (again, again.sign_in) == (_record(sessions), "")

    def test_a_blocked_visitor_or_one_who_is_not_there_hands_nothing_over(self, sessions: MemorySessions) -> None:
        """T11, T18."""
        assert sessions.hand_over(ID, "a code", NOW, NOW) is None
        sessions.create(ID, NOW, EXPIRES)
        sessions.block(ID, NOW // 1000 + 60, NOW)
        blocked = sessions.hand_over(ID, "a code", NOW, NOW)
        assert blocked is not None
        assert (blocked.is_blocked(NOW), blocked.sign_in) == (True, "")

    def test_a_new_guest_begins_with_nothing_shown_and_nothing_on_its_way(self, sessions: MemorySessions) -> None:
        """The wanted state must reach the new guest."""
        record = _accepted(sessions, True)
        sessions.lock(record, Lock(False, NOW + 71, NOW + 80, None))
        assert sessions.open_guest(ID, KEEPER, "guest-2", "wss://two", NOW)
        opened = _record(sessions)
        assert (opened.guest_id, opened.web_socket_url) == ("guest-2", "wss://two")
        assert (opened.guest_status, opened.guest_requested_at) == (GuestStatus.OPENING, NOW)
        assert (opened.shown, opened.sending, opened.retry_at) == (False, None, 0)
        assert opened.typing_since is None

    def test_only_its_keeper_speaks_for_a_guest(self, sessions: MemorySessions) -> None:
        """T12: a former keeper that was slow."""
        _owned(sessions)
        assert sessions.set_guest_status(ID, KEEPER, GuestStatus.RECONNECTING, NOW)
        assert not sessions.set_guest_status(ID, "keeper-2", GuestStatus.OPEN, NOW)
        assert not sessions.open_guest(ID, "keeper-2", "guest-2", "wss://two", NOW)
        assert not sessions.release_guest(ID, "keeper-2", NOW)
        assert _record(sessions).guest_status is GuestStatus.RECONNECTING

    def test_of_two_that_notice_the_end_of_a_guest_one_is_first(self, sessions: MemorySessions) -> None:
        """T12: one new guest, not two."""
        _accepted(sessions, True)
        assert sessions.end_guest(ID, GUEST, NOW + 3)
        assert not sessions.end_guest(ID, GUEST, NOW + 4)
        ended = _record(sessions)
        assert (ended.guest_id, ended.web_socket_url, ended.shown) == ("", "", False)
        assert (ended.guest_status, ended.guest_requested_at) == (GuestStatus.OPENING, NOW + 3)

    def test_a_guest_is_released_only_when_its_visitor_is_gone(self, sessions: MemorySessions) -> None:
        """A page navigation must not cost a new guest."""
        _owned(sessions)
        sessions.add_connection(ID, _coming(TAB), NOW, EXPIRES)
        assert not sessions.release_guest(ID, KEEPER, NOW)
        sessions.forget_connection(ID, TAB, NOW)
        assert sessions.release_guest(ID, KEEPER, NOW)
        released = _record(sessions)
        assert (released.guest_status, released.keeper, released.guest_id) == (GuestStatus.CLOSED, "", "")

    @pytest.mark.parametrize("typing", [True, False])
    def test_a_guest_who_is_or_may_be_shown_typing_is_not_released(
        self, sessions: MemorySessions, typing: bool
    ) -> None:
        """T4: without the guest nothing could be taken back."""
        _accepted(sessions, True)
        if not typing:
            sessions.lock(_record(sessions), Lock(False, NOW + 71, NOW + 80, None))
        assert not sessions.release_guest(ID, KEEPER, NOW)
        assert not sessions.release_guest(ID, "keeper-2", NOW, whatever_is_shown=True)
        assert sessions.release_guest(ID, KEEPER, NOW, whatever_is_shown=True)
        assert (_record(sessions).shown, _record(sessions).sending) == (False, None)

    @pytest.mark.parametrize(("begins", "counts_from"), [(True, None), (False, NOW - 900)])
    def test_keys_from_before_a_guest_count_from_when_it_opens(
        self, sessions: MemorySessions, begins: bool, counts_from: int | None
    ) -> None:
        """T18: how long a guest takes is no latency of a key; a socket that is open again begins nothing."""
        sessions.create(ID, NOW, NOW // 1000 + 3600)
        sessions.press_key(ID, "a", NOW - 900, NOW, NOW // 1000 + 3600)
        sessions.take_guest(ID, KEEPER, NOW)
        sessions.set_guest_status(ID, KEEPER, GuestStatus.OPEN, NOW, begins)
        assert _record(sessions).burst_from == counts_from

    def test_a_call_to_a_former_guest_still_holds_its_lock(self, sessions: MemorySessions) -> None:
        """T6: one call a session, whichever guest it is for."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        sessions.end_guest(ID, GUEST, NOW)
        sessions.open_guest(ID, KEEPER, "guest-2", "wss://two", NOW)
        assert _record(sessions).sending_until == NOW + 70
        assert sessions.unlock(record, _lock(True))
        assert (_record(sessions).sending, _record(sessions).sending_until) == (None, 0)

    def test_typing_found_unavailable_is_said_once_for_each_guest(self, sessions: MemorySessions) -> None:
        """404: the visitor's front end is told once, and no further call is made."""
        _accepted(sessions, True)
        assert sessions.mark_typing_unavailable(ID, GUEST)
        assert not sessions.mark_typing_unavailable(ID, GUEST)
        marked = _record(sessions)
        assert (marked.typing_unavailable, marked.shown, marked.verify_at) == (True, False, None)
        sessions.open_guest(ID, KEEPER, "guest-2", "wss://two", NOW)
        assert not sessions.mark_typing_unavailable(ID, GUEST)
        assert sessions.mark_typing_unavailable(ID, "guest-2")

    # --- Digital-First

    def test_a_contact_that_opens_waits_out_the_call_under_way(self, sessions: MemorySessions) -> None:
        """T6: it may have left on a socket that was lost since."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        sessions.set_contact(ID, KEEPER, True, True)
        assert _record(sessions).sending_until >= _lock(True).until

    def test_what_is_heard_of_a_call_before_a_contact_opened_counts_no_more(self, sessions: MemorySessions) -> None:
        """Whatever was accepted there, what the agent sees is in doubt."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        sessions.set_contact(ID, KEEPER, True, True)
        assert not sessions.accepted(record, _lock(True), NOW + 5, None)
        assert not sessions.settled(record, _lock(True), NOW + 5)
        assert not sessions.failed(record, _lock(True), None)
        assert not sessions.unlock(record, _lock(True))
        assert _record(sessions).sending is True

    def test_a_contact_without_anything_shown_begins_without_a_doubt(self, sessions: MemorySessions) -> None:
        record = _accepted(sessions, True)
        sessions.set_contact(ID, KEEPER, True, False)
        opened = _record(sessions)
        assert (opened.contact_open, opened.shown, opened.sending) == (True, False, None)
        assert not sessions.lock(record, _lock(False))

    def test_a_contact_is_its_keepers_to_note(self, sessions: MemorySessions) -> None:
        _accepted(sessions, True)
        assert sessions.set_contact(ID, "keeper-2", False, False) is None
        assert sessions.doubt_shown(ID, "keeper-2") is None
        assert (_record(sessions).contact_open, _record(sessions).sending) == (True, None)

    def test_a_doubt_is_as_good_as_a_call_on_its_way(self, sessions: MemorySessions) -> None:
        """And fences what owners have read before."""
        record = _accepted(sessions, True)
        assert sessions.doubt_shown(ID, KEEPER) == _record(sessions)
        assert _record(sessions).sending is True
        assert not sessions.release(record)

    def test_a_doubt_outlives_the_answer_to_what_was_sent_before_it(self, sessions: MemorySessions) -> None:
        """T2: the call was taken, and a message has ended since what it showed. Its lock is given back all the same."""
        record = _owned(sessions)
        sessions.lock(record, _lock(True))
        sessions.doubt_shown(ID, KEEPER)
        assert not sessions.accepted(record, _lock(True), NOW + 5, NOW + 10)
        assert sessions.unlock(record, _lock(True))
        assert (_record(sessions).shown, _record(sessions).sending, _record(sessions).sending_until) == (False, True, 0)

    def test_without_a_contact_there_is_nothing_to_doubt(self, sessions: MemorySessions) -> None:
        _accepted(sessions, True)
        sessions.set_contact(ID, KEEPER, False, False)
        assert sessions.doubt_shown(ID, KEEPER) is None

    # --- types

    def test_every_attribute_of_a_session_comes_back_as_it_was_written(self, sessions: MemorySessions) -> None:
        """A reader may count on types, not only on values."""
        _accepted(sessions, True)
        record = _record(sessions)
        defaults = Session(ID)
        for field in fields(Session):
            value, default = getattr(record, field.name), getattr(defaults, field.name)
            assert default is None or value is None or isinstance(value, type(default)), field.name

    # --- DynamoDB's limits: last, as they take longest

    def test_many_connections_that_are_gone_are_forgotten_a_part_at_a_time_the_oldest_first(
        self, sessions: MemorySessions
    ) -> None:
        """One write for 58 of them is 4,131 bytes; an expression may have 4,096."""
        _gone(sessions, 60)
        sessions.prune(_record(sessions), NOW + 1000)
        left = sorted(_record(sessions).stops.values())
        assert left[0] > NOW
        assert left[-1] == NOW + 59
        for _ in range(2):
            sessions.prune(_record(sessions), NOW + 1000)
        assert _record(sessions).stops == {}

    def test_a_record_does_not_grow_with_connections_that_come_and_go_at_once(self, sessions: MemorySessions) -> None:
        """An item may have 400 KB. Late frames of the oldest of this many are not waited for."""
        sessions.create(ID, NOW, EXPIRES)
        for number in range(120):
            record = sessions.add_connection(ID, _coming(f"visit-{number:08}"), NOW, EXPIRES)
            assert isinstance(record, Session)
            sessions.forget_connection(ID, f"visit-{number:08}", NOW)
            sessions.prune(record, NOW - 60_000)
        assert len(_record(sessions).stops) < 60

    def test_what_has_not_gone_is_never_forgotten(self, sessions: MemorySessions) -> None:
        sessions.create(ID, NOW, EXPIRES)
        for number in range(60):
            sessions.add_connection(ID, _coming(f"visit-{number}"), NOW, EXPIRES)
        sessions.prune(_record(sessions), NOW + 1000)
        assert len(_record(sessions).stops) == 60

    def test_the_same_record_asked_for_twice_is_read_once(self, sessions: MemorySessions) -> None:
        """A batch with a key twice is refused."""
        sessions.create(ID, NOW, EXPIRES)
        assert sessions.get_many([ID, ID], NOW).keys() == {ID}


def _gone(sessions: MemorySessions, count: int) -> None:
    """This many connections came, one ms after the other, and went."""
    sessions.create(ID, NOW, EXPIRES)
    for number in range(count):
        sessions.note_stop(ID, f"visit-{number}", NOW + number, NOW)


def _coming(connection: str) -> Coming:
    """A front end comes at NOW, with a token for as long as the record."""
    return Coming(connection, NOW - 3000, EXPIRES)


def _typing(sessions: MemorySessions) -> Session:
    """A visitor pressed one key at NOW."""
    sessions.create(ID, NOW, EXPIRES)
    sessions.press_key(ID, TAB, NOW, NOW, EXPIRES)
    return _record(sessions)


def _owned(sessions: MemorySessions) -> Session:
    """That, with an open guest and an owner of generation 1."""
    _typing(sessions)
    sessions.take_guest(ID, KEEPER, NOW)
    sessions.open_guest(ID, KEEPER, GUEST, "wss://one", NOW)
    sessions.set_guest_status(ID, KEEPER, GuestStatus.OPEN, NOW)
    sessions.claim(ID, 0, NOW + 50, 0)
    return _record(sessions)


def _accepted(sessions: MemorySessions, typing: bool) -> Session:
    """That, with ``typing`` sent and accepted."""
    record = _owned(sessions)
    sessions.lock(record, _lock(typing))
    assert sessions.accepted(record, _lock(typing), NOW + 5, NOW + 10)
    return _record(sessions)


def _first_write(sessions: MemorySessions, kind: str, claimed: Session) -> bool:
    return sessions.lock(claimed, _lock(True), True) if kind == "lock" else sessions.release(claimed, True)


def _lock(typing: bool) -> Lock:
    return Lock(typing, until=NOW + 70, lease_until=NOW + 80, typing_since=NOW if typing else None)


def _record(sessions: MemorySessions) -> Session:
    record = sessions.get(ID, NOW)
    assert record is not None
    return record

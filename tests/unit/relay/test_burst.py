"""The rules of a burst, as one table of situations: what does an owner decide? No clock, no store."""

from dataclasses import replace
from typing import Any

import pytest
from typing_relay.relay.burst import (
    LONGEST_CONNECTION_MS,
    SILENT_MS,
    GuestStatus,
    Policy,
    Session,
    are_by_one_message,
    claim_of,
)
from typing_relay.relay.decisions import (
    Decision,
    End,
    ForgetFailures,
    HandOver,
    Owner,
    Park,
    Release,
    RequestGuest,
    Send,
    Verify,
    Wait,
    decide,
)
from typing_relay.relay.reconciling import LONGEST_WAIT_S

POLICY = Policy(arrival_slack_ms=50)
NOW = 1_000_000
OWNER = Owner("alice", generation=7, started_at=NOW - 5_000)
QUIET_MS = 2_050  # the debounce and the arrival slack


def session(**changes: Any) -> Session:
    """A visitor with an open guest, who pressed a key 300 ms ago."""
    typed = Session(
        "alice",
        connections=frozenset({"tab"}),
        keys={"tab": NOW - 300},
        generation=7,
        lease_until=NOW + 8_000,
        guest_id="guest",
        guest_status=GuestStatus.OPEN,
        keeper="keeper",
        expires_at=NOW,
    )
    return replace(typed, **changes)


def shown(**changes: Any) -> Session:
    """The same, and CXone shows it."""
    return session(
        **{
            "shown": True,
            "shown_at": NOW - 200,
            "earlier_keys": {"tab": NOW - 900},
            "typing_since": NOW - 900,
            "verify_at": NOW + 9_700,
            **changes,
        }
    )


def what(record: Session | None, **more: Any) -> Decision:
    return decide(record, more.pop("owner", OWNER), NOW, POLICY, **more)


def test_a_debounce_below_2000_ms_is_refused_with_what_to_do() -> None:
    """CXone fact: debounce below 2000 ms is refused."""
    with pytest.raises(ValueError, match=r"1999 ms; CXone needs 2000 ms or more. Raise DebounceMs"):
        Policy(debounce_ms=1999)


def test_the_first_key_is_sent_without_waiting() -> None:
    """T2: `true` for the first key at once."""
    assert what(session()) == Send(True)


def test_while_keys_keep_coming_nothing_is_sent() -> None:
    """T1, T3: one `true`, and no `false` before the debounce has run out."""
    assert what(shown()) == Wait(NOW - 300 + QUIET_MS)


@pytest.mark.parametrize("ms_since_key", [0, 1, 1_999, 2_000, QUIET_MS - 1])
def test_no_false_before_the_quiet_time_has_passed(ms_since_key: int) -> None:
    """T2, T3: never before 2.0 s, off by one included."""
    assert isinstance(what(shown(keys={"tab": NOW - ms_since_key})), Wait)


def test_false_is_sent_when_the_quiet_time_has_passed() -> None:
    """T2: `false` as soon as the debounce has run out."""
    assert what(shown(keys={"tab": NOW - QUIET_MS})) == Send(False)


def test_a_key_older_than_the_debounce_is_not_shown_any_more() -> None:
    """T5: no `true` for a key that has gone stale while waiting."""
    assert what(session(keys={"tab": NOW - QUIET_MS})) == Release()


def test_a_later_stop_takes_the_key_back() -> None:
    """T5: no `true` once a later stop is known."""
    assert what(session(stops={"tab": NOW - 100})) == Release()


def test_a_stop_at_the_same_moment_takes_the_key_back() -> None:
    """T5: a tie goes to the stop."""
    assert what(shown(stops={"tab": NOW - 300})) == Send(False)


def test_an_earlier_stop_does_not_touch_a_newer_key() -> None:
    """T12: a stop that arrives late changes nothing."""
    assert what(session(stops={"tab": NOW - 301})) == Send(True)


def test_a_stop_in_one_tab_leaves_the_other_tab_typing() -> None:
    """T10: two tabs."""
    two_tabs = {"tab": NOW - 100, "other": NOW - 300}
    assert what(shown(keys=two_tabs, stops={"tab": NOW - 50})) == Wait(NOW - 300 + QUIET_MS)


def test_an_owner_that_was_overtaken_ends() -> None:
    """T6: an older generation never acts after a newer one."""
    assert what(session(generation=8)) == End()


def test_a_record_that_is_gone_ends_its_owner() -> None:
    """T11: an expired record is absent."""
    assert what(None) == End()


def test_a_post_in_flight_is_waited_out() -> None:
    """T6: at most one POST in flight."""
    assert what(session(sending=True, sending_until=NOW + 5_000)) == Wait(NOW + POLICY.poll_ms)


def test_a_post_of_unknown_outcome_is_sent_again_even_if_nothing_changed() -> None:
    """T4: what is uncertain is made certain."""
    lost = shown(sending=False, sending_until=NOW)
    assert what(lost) == Send(True)


def test_an_uncertain_true_is_followed_by_a_false_when_quiet() -> None:
    """T4: a `true` that CXone may have taken is taken back."""
    assert what(session(keys={}, sending=True, sending_until=NOW)) == Send(False)


def test_before_retry_after_nothing_is_sent() -> None:
    """T7: never earlier than Retry-After."""
    throttled = session(typing=True, attempts=1, retry_at=NOW + 700)
    assert what(throttled) == Wait(NOW + 700)


def test_a_true_waiting_for_its_retry_looks_again_when_the_visitor_falls_quiet() -> None:
    """T5: a signal that has gone stale while waiting is no longer wanted."""
    throttled = session(typing=True, attempts=1, retry_at=NOW + 30_000)
    assert what(throttled) == Wait(NOW - 300 + QUIET_MS)


@pytest.mark.parametrize(("failures", "decision"), [(3, Send(True)), (4, Wait(NOW - 300 + QUIET_MS))])
def test_a_true_has_three_retries(failures: int, decision: Decision) -> None:
    """T7: at most three retries."""
    assert what(session(typing=True, attempts=failures)) == decision


def test_a_false_goes_on_however_often_it_failed() -> None:
    """T7: `false` until accepted, superseded or the guest is over."""
    assert what(shown(keys={}, typing=False, attempts=40)) == Send(False)


def test_failures_of_a_false_do_not_count_against_the_next_true() -> None:
    """T9: a new burst after a troubled stop is shown."""
    assert what(session(typing=False, attempts=9)) == Send(True)


def test_a_failed_burst_is_forgotten_before_the_next_one() -> None:
    """T7, T9: the next burst has all its retries."""
    assert what(session(keys={}, typing=True, attempts=4)) == ForgetFailures()


def test_a_throttled_organisation_pauses_true_but_not_false() -> None:
    """The breaker suppresses new `true` signals for the time asked."""
    assert what(session(), paused_until=NOW + 900) == Wait(NOW + 900)
    assert what(shown(keys={}), paused_until=NOW + 900) == Send(False)


def test_a_throttled_organisation_is_asked_nothing() -> None:
    """Verification never costs the rate limit its room."""
    assert what(shown(verify_at=NOW), paused_until=NOW + 900) == Wait(NOW + 900)
    assert what(session(keys={}, verify_at=NOW), paused_until=NOW + 900) == Release()


def test_verification_is_due_at_once_in_doubt() -> None:
    """CXone fact: it does not keep typing state beyond the session, hence verification."""
    assert what(session(keys={}, verify_at=NOW)) == Verify()


def test_verification_is_due_every_so_often_while_typing() -> None:
    assert what(shown(verify_at=NOW)) == Verify()


def test_verification_is_skipped_while_throttled() -> None:
    """Verification never costs the rate limit its room."""
    assert what(session(keys={}, verify_at=NOW, retry_at=NOW + 5_000)) == Release()


def test_without_a_guest_an_owner_looks_again_soon() -> None:
    waiting = session(guest_id="", guest_status=GuestStatus.OPENING, guest_requested_at=NOW - 100)
    assert what(waiting) == Wait(NOW + POLICY.guest_poll_ms)


def test_a_guest_that_nobody_brings_is_asked_for_again() -> None:
    """A queue message lost between two lines is not lost for good."""
    forgotten = session(guest_id="", guest_status=GuestStatus.OPENING, guest_requested_at=NOW - 15_000, keeper="")
    assert what(forgotten) == RequestGuest()


def test_without_a_guest_a_quiet_visitor_is_settled() -> None:
    assert what(session(keys={}, guest_id="", guest_status=GuestStatus.CLOSED)) == Release()


def test_a_guest_whose_socket_reconnects_still_takes_typing_calls() -> None:
    """Typing is an HTTP call on the guest; only its socket is away."""
    assert what(session(guest_status=GuestStatus.RECONNECTING)) == Send(True)


@pytest.mark.parametrize("hopeless", [{"typing_unavailable": True}, {"guest_status": GuestStatus.UNAVAILABLE}])
def test_a_guest_without_typing_gets_no_call(hopeless: dict[str, Any]) -> None:
    """404: no further call is made for that guest."""
    assert what(session(**hopeless)) == Release()


def test_typing_beyond_the_cap_goes_dark() -> None:
    """A stuck key is not a person."""
    stuck = shown(typing_since=NOW - POLICY.cap_ms)
    assert what(stuck) == Send(False)


def test_typing_beyond_the_cap_stays_dark_until_the_visitor_pauses() -> None:
    """T3: dark, not flickering."""
    dark = session(typing_since=NOW - POLICY.cap_ms)
    assert what(dark) == Wait(NOW - 300 + QUIET_MS)


def test_a_long_retry_after_is_left_to_the_sweeper() -> None:
    """T7: waits are not spent in an execution that could not last that long."""
    parked = shown(keys={}, typing=False, attempts=1, retry_at=NOW + 604_800_000)
    assert what(parked) == HandOver(at=NOW + POLICY.park_ms)


def test_a_true_with_a_long_retry_after_is_over_when_the_visitor_falls_quiet() -> None:
    """T5: nothing is shown, so nothing is left to anybody."""
    throttled = session(typing=True, attempts=1, retry_at=NOW + 604_800_000)
    assert what(throttled) == Wait(NOW - 300 + QUIET_MS)


def test_an_execution_hands_over_before_step_functions_ends_it() -> None:
    """AWS fact: an Express execution may last 5 minutes."""
    old = Owner("alice", generation=7, started_at=NOW - POLICY.execution_ms)
    assert what(shown(), owner=old) == HandOver(at=NOW)


def test_an_old_execution_still_sends_what_is_due() -> None:
    """T2: the hand-over waits for a moment with nothing to do."""
    old = Owner("alice", generation=7, started_at=NOW - POLICY.execution_ms)
    assert what(shown(keys={}), owner=old) == Send(False)


def test_a_key_just_after_the_quiet_time_begins_a_new_burst() -> None:
    """T1: one `true` and one `false` a burst, also where the next burst begins before the `false` has gone out."""
    next_burst = shown(keys={"tab": NOW - 20}, earlier_keys={"tab": NOW - QUIET_MS}, shown_at=NOW - 1_900)
    assert what(next_burst) == Send(False)


def test_a_pause_is_not_certain_while_a_key_from_it_may_still_arrive() -> None:
    """T3, T12: a later frame may overtake the key in between."""
    overtaking = shown(keys={"tab": NOW - 20}, earlier_keys={"tab": NOW - 20 - 2_000}, shown_at=NOW - 1_900)
    assert what(overtaking) == Wait(NOW - 20 - 2_000 + QUIET_MS)


def test_a_tab_that_typed_on_and_stopped_leaves_no_pause_in_the_other() -> None:
    """T10: of its keys the record keeps two; the one before the other tab's newest may be gone."""
    keys, earlier = {"tab": NOW - 500, "gone": NOW - 300}, {"tab": 0, "gone": NOW - 400}
    other = shown(keys=keys, earlier_keys=earlier, stops={"gone": NOW - 100}, shown_at=NOW - 900)
    assert what(other) == Wait(NOW - 500 + QUIET_MS)


def test_a_true_does_not_begin_once_its_key_is_as_old_as_the_debounce() -> None:
    """T5: waiting for a late key is a reason to keep a signal on, not to begin one."""
    late = session(keys={"tab": NOW - 2_000})
    assert what(late) == Wait(NOW - 2_000 + QUIET_MS)


def test_a_key_just_before_the_quiet_time_goes_on_with_its_burst() -> None:
    """T3: less than the debounce apart."""
    same_burst = shown(keys={"tab": NOW - 20}, earlier_keys={"tab": NOW - 20 - 1_999}, shown_at=NOW - 1_900)
    assert what(same_burst) == Wait(NOW - 20 + QUIET_MS)


def test_a_new_burst_that_is_shown_owes_no_pause() -> None:
    """T1: the pause is owed once."""
    next_burst = shown(keys={"tab": NOW - 20}, earlier_keys={"tab": NOW - 20 - 2_000}, shown_at=NOW - 5)
    assert what(next_burst) == Wait(NOW - 20 + QUIET_MS)


def test_a_pause_in_one_tab_is_no_pause_while_the_other_types() -> None:
    """T3, T10: the agent sees one visitor."""
    keys = {"tab": NOW - 20, "other": NOW - 900}
    assert what(shown(keys=keys, earlier_keys={"tab": NOW - 2_500}, shown_at=NOW - 2_400)) == Wait(NOW - 20 + QUIET_MS)


def test_a_lease_lasts_longer_than_any_wait() -> None:
    """T4, T12: an owner that sleeps is not presumed dead; one whose wait was lost is, in time."""
    assert LONGEST_WAIT_S * 1000 + POLICY.lease_margin_ms < POLICY.lease_ms


# --- what is felt


@pytest.mark.parametrize(
    ("earlier", "begun"),
    [(NOW - 20_000, NOW - 20), (NOW - 2_020, NOW - 20), (NOW - 2_019, NOW - 30_000), (NOW - 1_900, NOW - 30_000)],
)
def test_a_burst_that_was_over_before_it_had_an_owner_begins_no_other(earlier: int, begun: int) -> None:
    """T2, T18: what is felt counts from the first key of the typing that is shown at last."""
    record = Session("alice", keys={"tab": NOW - 20}, earlier_keys={"tab": earlier}, burst_from=NOW - 30_000)
    assert record.begun_at(POLICY) == begun


# --- holds


def test_a_hold_counts_only_for_the_key_it_names() -> None:
    """T1, T3: the newest one, or the one before."""
    keys, earlier = {"tab": NOW - 20}, {"tab": NOW - 2_520}
    stale, of_the_earlier = (
        shown(keys=keys, earlier_keys=earlier, holds={"tab": (at, 6_000)}, shown_at=NOW - 2_400)
        for at in (NOW - 9_000, NOW - 2_520)
    )
    assert stale.owes_pause(NOW, POLICY)
    assert not of_the_earlier.owes_pause(NOW, POLICY)


def held(until: int, **changes: Any) -> Session:
    """Shown, by a key 3 s ago that counts until then unless its tab stops."""
    key = NOW - 3_000
    held_key = {"keys": {"tab": key}, "earlier_keys": {}, "holds": {"tab": (key, until - key)}, "shown_at": key + 100}
    return shown(**{**held_key, **changes})


@pytest.mark.parametrize("hold_ms", [2000, 1999])
def test_a_hold_no_longer_than_the_debounce_is_refused_with_what_to_do(hold_ms: int) -> None:
    with pytest.raises(ValueError, match=r"must be longer than the debounce of 2000 ms. Raise HoldMs"):
        Policy(hold_ms=hold_ms)


def test_a_held_key_counts_until_its_hold_ends() -> None:
    """T2, T3: nobody has to say it again each second."""
    assert what(held(NOW + 3_000)) == Wait(NOW + 3_000 + POLICY.arrival_slack_ms)


def test_a_visitor_who_vanished_is_shown_until_the_end_of_the_hold() -> None:
    """T2: the safety net."""
    assert what(held(NOW - POLICY.arrival_slack_ms)) == Send(False)


def test_a_stop_ends_a_held_key_at_once() -> None:
    """T2: the client says so at the debounce."""
    assert what(held(NOW + 3_000, stops={"tab": NOW - 1_000})) == Send(False)


def test_a_stop_told_of_late_takes_back_only_what_is_older() -> None:
    """T12: its time decides, not its arrival."""
    assert what(held(NOW + 3_000, stops={"tab": NOW - 3_001})) == Wait(NOW + 3_000 + POLICY.arrival_slack_ms)


def test_a_hold_counts_for_its_own_key_only() -> None:
    """A plain key after it, by another client or an older relay, counts by the debounce."""
    plain = held(NOW + 3_000, keys={"tab": NOW - 500}, earlier_keys={"tab": NOW - 3_000}, shown_at=NOW)
    assert what(plain) == Wait(NOW - 500 + QUIET_MS)


def test_a_hold_shorter_than_the_debounce_is_the_debounce() -> None:
    """T3."""
    record = held(0, keys={"tab": NOW - 500}, holds={"tab": (NOW - 500, 400)}, shown_at=NOW - 400)
    assert what(record) == Wait(NOW - 500 + QUIET_MS)


def parkable(**changes: Any) -> Session:
    """Shown by a hold that ends in 6 s; its owner has nothing else to do."""
    return held(NOW + 6_000, keys={"tab": NOW}, holds={"tab": (NOW, 6_000)}, shown_at=NOW, **changes)


def test_what_is_shown_by_a_hold_is_parked_until_its_end() -> None:
    """T8: nobody need stay awake for what its front end says, or a keeper finds in time."""
    assert what(parkable()) == Park(NOW + 6_000 + POLICY.arrival_slack_ms)


def test_a_question_that_falls_due_within_a_hold_is_asked_at_its_end_if_keys_have_held_on() -> None:
    """T14: by then most bursts are over."""
    assert isinstance(what(parkable(verify_at=NOW + 10)), Park)
    assert what(parkable(verify_at=NOW)) == Verify()


def test_a_question_is_waited_for_by_an_owner_that_is_awake_anyway() -> None:
    """T14: plain frames."""
    assert what(held(0, keys={"tab": NOW}, holds={}, shown_at=NOW, verify_at=NOW + 1_500)) == Wait(NOW + 1_500)


@pytest.mark.parametrize(
    "record",
    [
        parkable(mismatches=1),
        parkable(typing_since=NOW + 5_000 - POLICY.cap_ms),
        held(NOW + 4_000, keys={"tab": NOW - 2_000}, holds={"tab": (NOW - 2_000, 6_000)}, shown_at=NOW - 1_900),
        held(0, keys={"tab": NOW}, holds={}, shown_at=NOW),
    ],
    ids=["in doubt", "the cap is due first", "no keeper would find its end", "plain"],
)
def test_what_must_be_waited_for_is_waited_for_awake(record: Session) -> None:
    """T2, T14: neither keepers nor the schedule look in time."""
    assert isinstance(what(record), Wait)


def test_where_waiting_costs_nothing_nothing_is_parked() -> None:
    """On Digital-First owners are in the keeper."""
    assert isinstance(decide(parkable(), OWNER, NOW, replace(POLICY, parks=False)), Wait)


def test_while_no_frame_may_start_an_owner_nothing_is_parked() -> None:
    """T17: what comes until then would be seen at the end of the hold only."""
    blocked = parkable(starts_until=NOW + POLICY.starts.at_once * POLICY.starts.every_ms)
    assert isinstance(what(blocked), Wait)


def test_a_lease_for_a_held_key_ends_with_its_hold() -> None:
    """So that it need not be changed when the burst is parked."""
    record, needed = parkable(lease_until=NOW), NOW + POLICY.answer_ms
    assert record.lease(needed, NOW, POLICY) == record.quiet_at(POLICY)
    assert replace(record, lease_until=needed).lease(needed, NOW, POLICY) == needed
    assert record.lease(needed, NOW, replace(POLICY, parks=False)) == NOW + POLICY.keeper_lease_ms
    assert record.lease(NOW + 6_000 + POLICY.answer_ms, NOW, POLICY) == NOW + POLICY.lease_ms


@pytest.mark.parametrize(("plain_at", "ends"), [(NOW + 1_000, True), (NOW + 4_000, False)])
def test_a_plain_key_ends_the_hold_before_it_where_it_ends_sooner(plain_at: int, ends: bool) -> None:
    """T2: the burst is parked until the end of that hold."""
    record = held(NOW + 6_000, keys={"tab": plain_at}, earlier_keys={"tab": NOW}, holds={"tab": (NOW, 6_000)})
    assert record.ends_hold("tab", POLICY) is ends
    assert parkable().ends_hold("tab", POLICY) is False


def test_a_true_may_begin_while_its_key_is_held() -> None:
    """T5: what waited out a 429 is still wanted, though its key is older than the debounce."""
    assert what(held(NOW + 1, shown=False)) == Send(True)
    assert isinstance(what(held(NOW, shown=False)), Wait)


def test_between_two_frames_of_a_held_burst_there_is_no_pause() -> None:
    """T3: they are four seconds apart."""
    key = NOW - 20
    again = held(0, keys={"tab": key}, earlier_keys={"tab": key - 4_000}, holds={"tab": (key, 6_000)})
    assert what(replace(again, shown_at=key - 3_900)) == Park(key + 6_000 + POLICY.arrival_slack_ms)


def test_a_stop_between_two_held_keys_is_a_pause() -> None:
    """T1: each burst has its own pair, also where the next key overtook the owner that the stop called."""
    key = NOW - 20
    again = held(0, keys={"tab": key}, earlier_keys={"tab": key - 4_000}, holds={"tab": (key, 6_000)})
    paused = replace(again, shown_at=key - 3_900, stops={"tab": key - 1})
    assert what(paused) == Wait(key - 1 + POLICY.arrival_slack_ms)
    assert decide(paused, OWNER, key - 1 + POLICY.arrival_slack_ms, POLICY) == Send(False)


def test_a_held_tab_goes_on_when_a_plain_one_falls_quiet() -> None:
    """T10: mixed tabs."""
    both = held(NOW + 3_000, keys={"tab": NOW - 3_000, "other": NOW - 2_500})
    assert what(both) == Wait(NOW + 3_000 + POLICY.arrival_slack_ms)
    assert both.counted_longest("other", POLICY) is False
    assert replace(both, stops={"tab": NOW}).counted_longest("tab", POLICY) is True


# --- doubt


@pytest.mark.parametrize(
    ("changes", "in_doubt"),
    [
        ({}, False),
        ({"sending": True}, True),  # sent, and nobody knows whether it was taken
        ({"mismatches": 1}, True),
        ({"shown": False, "verify_at": NOW - 5_000}, True),  # its guest was replaced
        ({"verify_at": NOW - 5}, False),  # only the regular question is due, and the call itself answers it
        ({"typing": True, "attempts": 3}, False),  # refused by a 429: certain
    ],
)
def test_cxones_word_is_enough_unless_there_is_doubt(changes: dict[str, Any], in_doubt: bool) -> None:
    """T14."""
    assert shown(**changes).is_in_doubt() is in_doubt


# --- what people feel


@pytest.mark.parametrize(
    ("changes", "last_key_at"),
    [
        ({"keys": {"tab": NOW - 3_000, "other": NOW - 2_900}}, NOW - 2_900),
        ({"stops": {"tab": NOW - 1_500}}, NOW - 1_500 - POLICY.debounce_ms),  # keys before it are not known
        ({"stops": {"tab": NOW - 3_000}}, NOW - 3_000 - POLICY.debounce_ms),  # in the very ms of the key
        ({"stops": {"tab": NOW}}, NOW - 3_000),  # long after the debounce
        ({"keys": {"tab": NOW - 2_000}}, NOW - 2_000),  # it ceases to count just now
        ({"holds": {"tab": (NOW - 3_000, 2_500)}}, NOW - 500 - POLICY.debounce_ms),
    ],
    ids=["keys", "a stop", "a stop at once", "a late stop", "the end of the debounce", "a hold"],
)
def test_a_last_key_is_one_the_debounce_before_typing_ceased_to_count(
    changes: dict[str, Any], last_key_at: int
) -> None:
    """T2 as it is measured."""
    assert shown(**{"keys": {"tab": NOW - 3_000}, **changes}).typed_until(NOW, POLICY) == last_key_at


def test_typing_that_a_newer_burst_follows_ended_before_that() -> None:
    """T1, T2."""
    next_burst = shown(keys={"tab": NOW - 20}, earlier_keys={"tab": NOW - QUIET_MS}, shown_at=NOW - 1_900)
    assert next_burst.typed_until(NOW, POLICY) == NOW - QUIET_MS


def test_typing_in_a_tab_that_stopped_is_known_as_the_last_of_a_burst() -> None:
    """T2: another tab's live key is older, and its own stop older still."""
    keys, stops = {"tab": NOW - 2_020, "other": NOW - 2_000}, {"tab": NOW - 2_021, "other": NOW}
    record = shown(keys=keys, earlier_keys={"tab": NOW - 2_400}, stops=stops, shown_at=NOW - 2_500)
    assert record.typed_until(NOW + 70, POLICY) == NOW - POLICY.debounce_ms


def test_of_keys_that_all_count_no_end_is_known() -> None:
    """T2."""
    assert shown(keys={"tab": NOW - 20}).typed_until(NOW, POLICY) is None


# --- guests


def test_a_guest_that_has_not_been_open_yet_is_waited_for() -> None:
    """T9: nothing is told to it, though CXone has created it."""
    opening = session(guest_status=GuestStatus.OPENING, guest_requested_at=NOW)
    assert what(opening) == Wait(NOW + POLICY.guest_poll_ms)


def test_a_guest_that_was_closed_is_asked_for_at_once_however_recent_the_last_request() -> None:
    """T9: no keeper is bringing one."""
    closed = session(guest_id="", guest_status=GuestStatus.CLOSED, keeper="", guest_requested_at=NOW)
    assert what(closed) == RequestGuest()


# --- connections


def test_a_connection_counts_as_silent_and_as_over_when_api_gateway_says_so() -> None:
    """Its quotas: ten idle minutes, two hours; and a minute more for frames on their way."""
    assert (SILENT_MS, LONGEST_CONNECTION_MS) == (10 * 60 * 1000, (2 * 60 + 1) * 60 * 1000)


def test_a_connection_is_heard_of_when_it_comes_types_and_stops():
    record = Session("alice", keys={"typed": 5, "both": 5}, stops={"came": 3, "both": 9})
    assert [record.heard_at(name) for name in ("came", "typed", "both", "unknown")] == [3, 5, 9, 0]


def test_the_quietest_connections_are_asked_after_first():
    """API Gateway ends what is silent for ten minutes; its word of that may be lost."""
    connections = frozenset({"quieter", "quiet", "lively", "unknown"})
    stops = {"quieter": 1000, "quiet": 2000, "lively": 2001}
    record = Session("alice", connections=connections, stops=stops)
    assert record.quiet_connections(2000 + SILENT_MS) == ["unknown", "quieter", "quiet"]


@pytest.mark.parametrize(("age_ms", "is_over"), [(LONGEST_CONNECTION_MS - 1, False), (LONGEST_CONNECTION_MS, True)])
def test_no_connection_outlives_api_gateways_two_hours(age_ms: int, is_over: bool):
    record = Session("alice", connections=frozenset({"tab"}), stops={"tab": 5000})
    assert record.is_over("tab", 5000 + age_ms) is is_over


def test_a_connection_of_unknown_age_is_not_thought_over():
    """It came before connections carried their times."""
    assert not Session("alice", connections=frozenset({"tab"})).is_over("tab", 10**12)


@pytest.mark.parametrize(("now", "may_hear"), [(59_999, True), (60_000, False)])
def test_a_connection_hears_nothing_once_its_token_has_run_out(now: int, may_hear: bool):
    """T13."""
    assert Session("alice", token_ends={"tab": 60}).may_hear("tab", now) is may_hear


def test_a_connection_whose_token_is_unknown_hears_on():
    assert Session("alice").may_hear("tab", 60_000)


# --- who holds the guest


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({"keeper": "k", "held": 1, "guest_requested_at": NOW - POLICY.keeper_silent_ms + 1}, False),
        ({"keeper": "k", "held": 1, "guest_requested_at": NOW - POLICY.keeper_silent_ms}, True),
        ({"keeper": "k", "held": 0, "guest_requested_at": 0}, False),
        ({"keeper": "", "guest_requested_at": NOW - POLICY.guest_request_ms}, True),
        ({"keeper": "", "guest_requested_at": NOW - POLICY.guest_request_ms + 1}, False),
    ],
    ids=["a keeper that spoke", "a silent keeper", "a keeper of a version before", "asked in vain", "just asked"],
)
@pytest.mark.parametrize("status", [GuestStatus.OPEN, GuestStatus.OPENING, GuestStatus.UNAVAILABLE])
def test_a_guest_is_asked_for_when_nobody_can_be_believed_to_hold_it(
    status: GuestStatus, changes: dict[str, Any], needed: bool
) -> None:
    """T9: a dead keeper's name in the record ends by itself."""
    record = session(guest_status=status, **changes)
    assert record.needs_guest(NOW, POLICY) == needed


def test_of_two_claims_the_later_one_is_the_greater_whatever_their_messages() -> None:
    assert claim_of("z", NOW) < claim_of("a", NOW + 1)


def test_claims_say_whether_they_are_by_one_message() -> None:
    """Of one that is not known it must be taken for possible: a message is deleted only for another one."""
    assert are_by_one_message(claim_of("a", NOW), claim_of("a", NOW + 1))
    assert not are_by_one_message(claim_of("a", NOW), claim_of("b", NOW))
    assert are_by_one_message(0, claim_of("b", NOW))


# --- bounds


@pytest.mark.parametrize(("sends", "is_used"), [(0, False), (1, True)])
def test_whether_cxone_was_ever_told_is_seen_by_what_was_spent(sends: int, is_used: bool) -> None:
    """T17."""
    assert session(sends=sends).is_used() == is_used


@pytest.mark.parametrize(("before_ms", "is_blocked"), [(1, True), (0, False)])
def test_a_block_is_over_in_the_second_it_names(before_ms: int, is_blocked: bool) -> None:
    """`make block` gives a second since the epoch."""
    until_s = NOW // 1000 + 60
    assert session(blocked_until=until_s).is_blocked(until_s * 1000 - before_ms) == is_blocked


@pytest.mark.parametrize(("after_ms", "decision"), [(POLICY.park_ms, Wait), (POLICY.park_ms + 1, HandOver)])
def test_an_owner_waits_as_long_as_a_wait_may_be(after_ms: int, decision: type[Decision]) -> None:
    """T7: what takes longer is left to the sweeper."""
    assert isinstance(what(session(retry_at=NOW + after_ms, keys={}, shown=True)), decision)


@pytest.mark.parametrize(("wait_ms", "decision"), [(0, Verify()), (1, Wait(NOW + 1))])
def test_cxone_is_asked_in_the_millisecond_in_which_it_may_be(wait_ms: int, decision: Decision) -> None:
    """T7, T14."""
    assert what(shown(verify_at=NOW, retry_at=NOW + wait_ms)) == decision


def test_a_true_waits_until_cxone_may_hear_another_one() -> None:
    """T17: four at once, and one more a second."""
    assert what(session(sends=NOW + 3_400)) == Wait(NOW + 400)


def test_a_true_that_cxone_may_hear_is_sent() -> None:
    """T17: the fourth at once."""
    assert what(session(sends=NOW + 3_000)) == Send(typing=True)


@pytest.mark.parametrize(("failed", "awaited_from"), [({}, NOW + 1_400), ({"typing": True, "attempts": 1}, 0)])
def test_what_was_held_back_is_no_latency_unless_cxone_is_what_is_waited_for(
    failed: dict[str, Any], awaited_from: int
) -> None:
    """T17, T18."""
    assert session(sends=NOW + 4_400, starts_until=NOW + 1_000, **failed).awaited_from(POLICY) == awaited_from


def test_a_false_waits_for_no_bound() -> None:
    """T17: what the agent sees ends in any case."""
    record = shown(stops={"tab": NOW}, sends=NOW + 4_000, starts_until=NOW + 4_000)
    assert what(record) == Send(typing=False)


def test_nothing_is_released_while_frames_may_not_start_an_owner() -> None:
    """T9, T17: who would see the next key?"""
    record = session(stops={"tab": NOW}, starts_until=NOW + 3_700)
    assert what(record) == Wait(NOW + 200 + POLICY.arrival_slack_ms)


def test_an_owner_looks_again_when_frames_may_start_another() -> None:
    """T2, T17: a stop that may not is not left to a sleep."""
    assert what(shown(starts_until=NOW + 3_700)) == Wait(NOW + 200 + POLICY.arrival_slack_ms)


def test_what_was_read_before_frames_might_start_an_owner_is_read_again() -> None:
    """T9: a stop may have come between the read and now."""
    record = shown(starts_until=NOW + 3_400)
    assert what(record, read_at=NOW - 200) == Wait(NOW + 1)


def test_what_was_read_just_as_frames_might_start_an_owner_again_is_not_read_once_more() -> None:
    """T17: a stop that comes from then on starts an owner itself."""
    free_at = NOW - 100
    record = shown(starts_until=free_at + 3_500)
    assert what(record, read_at=free_at + POLICY.arrival_slack_ms) == what(shown())

"""Faults of CXone and AWS on the running stack, one guest's trouble at a time: the agent's view is true afterwards.

Every test ends with the visitor's guests dark, and with T6 and T7 held in the simulated CXone's own log.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from local.playing.visitor import now_ms
from tests.support.at_the_same_time import Performance, Played
from tests.support.protocol import FROM_RELAY, undocumented
from tests.support.relay_stage import PATIENCE_S, Actor, RelayStage, wait_until

TYPING = ["typing"]
#: The template's VerifySeconds.
VERIFY_S = 30.0
#: Fewer guests than make a storm, by the breaker's rules.
troubled = Performance(at_once=4)
others = Performance(at_once=5)


@pytest.fixture(scope="module")
def played(stage: RelayStage, request: pytest.FixtureRequest) -> Iterator[Played]:
    """What became of each scene."""
    with stage.pings() as slow:
        yield {**troubled.play(stage, slow, request), **others.play(stage, slow, request)}


def tried_again(actor: Actor, **fault: object) -> tuple[float, float]:
    """A burst whose first `true` meets the fault; returns when it was refused and when it was tried again (ms)."""
    actor.fault(calls=TYPING, **fault)
    with actor.typing():
        refused = actor.waits_for("typing", value=True)
        actor.calm()
        taken = actor.waits_for_post(True)
    actor.waits_for_post(False)
    assert actor.posts() == [(True, refused["status"]), (True, 200), (False, 200)]
    return refused["at"], taken["received_at"]


def loses_a_false(actor: Actor) -> None:
    """The `false` that is due meets an error, and the next says that it was taken while the agent's view stays."""
    actor.waits_for_post(False, 503)
    actor.fault(calls=TYPING, forget_rate=1)
    actor.waits_for_post(False)


# --- 429


@troubled.test
def test_retry_after_in_seconds_is_waited_out(actor: Actor) -> None:
    """T7."""
    refused, again = tried_again(actor, throttle={"rate": 1, "retry_after": "4"})
    assert again - refused >= 4_000


@troubled.test
def test_retry_after_as_a_date_is_waited_out(actor: Actor) -> None:
    """T7."""
    date = datetime.now(UTC) + timedelta(seconds=6)
    refused, again = tried_again(actor, throttle={"rate": 1, "retry_after": format_datetime(date, usegmt=True)})
    assert again >= int(date.timestamp()) * 1000
    assert refused < again


@troubled.test
def test_without_retry_after_two_seconds_are_waited_out(actor: Actor) -> None:
    """T7."""
    refused, again = tried_again(actor, throttle={"rate": 1, "retry_after": None})
    assert again - refused >= 2_000


@troubled.test
def test_a_negative_retry_after_counts_as_none(actor: Actor) -> None:
    """T7."""
    refused, again = tried_again(actor, throttle={"rate": 1, "retry_after": "-5"})
    assert again - refused >= 2_000


@troubled.test
def test_an_unreadable_retry_after_counts_as_none(actor: Actor) -> None:
    """T7."""
    refused, again = tried_again(actor, throttle={"rate": 1, "retry_after": "in a while"})
    assert again - refused >= 2_000


@troubled.test
def test_a_retry_after_of_a_week_is_obeyed(actor: Actor) -> None:
    """T7: nothing was shown, so nothing is left on."""
    actor.fault(calls=TYPING, throttle={"rate": 1, "retry_after": "604800"})
    with actor.typing():
        actor.waits_for_post(True, 429)
        actor.calm()
        time.sleep(4)
    assert actor.posts() == [(True, 429)]


@troubled.test
def test_a_true_is_given_up_after_three_retries(actor: Actor) -> None:
    """T7."""
    actor.fault(calls=TYPING, throttle={"rate": 1, "retry_after": "1"})
    with actor.typing():
        for _ in range(4):
            actor.waits_for_post(True, 429)
        time.sleep(12)  # a fourth retry would come 8 to 10 s after the third
    assert actor.posts() == [(True, 429)] * 4


@troubled.test
def test_after_a_true_was_given_up_the_next_burst_is_shown(actor: Actor) -> None:
    """T7, T9: what failed belongs to its burst."""
    actor.fault(calls=TYPING, throttle={"rate": 1, "retry_after": "0"})
    with actor.typing():
        for _ in range(4):
            actor.waits_for_post(True, 429)
    actor.calm()
    actor.settles()
    with actor.typing():
        actor.waits_for_post(True)
    actor.waits_for_post(False)


@troubled.test
def test_a_true_that_waits_is_dropped_when_typing_ends(actor: Actor) -> None:
    """T5: it has gone stale meanwhile."""
    actor.fault(calls=TYPING, throttle={"rate": 1, "retry_after": "5"})
    with actor.typing():
        actor.waits_for_post(True, 429)
    actor.calm()
    time.sleep(7)
    assert actor.posts() == [(True, 429)]


@troubled.test
def test_a_false_goes_on_until_it_is_taken(actor: Actor) -> None:
    """T7: more than the four times that a `true` gets."""
    with actor.typing():
        actor.waits_for_post(True)
        actor.fault(calls=TYPING, throttle={"rate": 1, "retry_after": "1"})
    for _ in range(5):
        actor.waits_for_post(False, 429)
    actor.calm()
    actor.waits_for_post(False)


# --- other failures of CXone


@troubled.test
def test_a_server_error_is_tried_again(actor: Actor) -> None:
    """T4."""
    refused, again = tried_again(actor, error_rate=1)
    assert again - refused >= 1_000


@troubled.test
def test_a_hanging_call_is_waited_out_before_the_next(actor: Actor) -> None:
    """T6: nobody knows when a call that got no answer is taken."""
    began, again = tried_again(actor, hang_rate=1)
    assert again - began >= 3_000


@troubled.test
def test_a_false_that_hangs_is_said_again(actor: Actor) -> None:
    """T4, T6."""
    with actor.typing():
        actor.waits_for_post(True)
        actor.fault(calls=TYPING, hang_rate=1)
    actor.waits_for_post(False, None)
    actor.calm()
    actor.waits_for_post(False)


@troubled.test
def test_a_reset_connection_is_tried_again(actor: Actor) -> None:
    """T4: a connection that had served before may have died idle: only the second reset makes it a lost call."""
    actor.fault(calls=TYPING, reset_rate=1)
    with actor.typing():
        actor.waits_for_post(True, None)
        actor.calm()
        actor.waits_for_post(True)
    actor.waits_for_post(False)
    *refused, shown, put_out = actor.posts()
    assert (shown, put_out) == ((True, 200), (False, 200))
    assert refused in ([(True, None)], [(True, None)] * 2)


@troubled.test
def test_a_true_whose_answer_was_lost_is_put_out(actor: Actor) -> None:
    """T4: CXone took it, the relay cannot know."""
    actor.fault(calls=TYPING, lost_answer_rate=1)
    with actor.typing():
        assert actor.waits_for_post(True, None)["accepted"]
        actor.calm()
    actor.waits_for_post(False)


@troubled.test
def test_a_false_whose_answer_was_lost_is_said_again(actor: Actor) -> None:
    """T4: saying it twice does no harm, keeping silent might."""
    with actor.typing():
        actor.waits_for_post(True)
        actor.fault(calls=TYPING, lost_answer_rate=1)
    actor.waits_for_post(False, None)
    actor.calm()
    actor.waits_for_post(False)


@others.test
def test_one_guests_429s_do_not_slow_another(actor: Actor) -> None:
    """Isolation: beside all these troubled guests, a burst is one `true` and one `false`, at the first attempt."""
    for burst in (1, 2, 3):
        with actor.typing():
            actor.waits_for_post(True)
        actor.waits_for_post(False)
        actor.settles()
        assert actor.posts() == [(True, 200), (False, 200)] * burst
    assert actor.repeats() == []


# --- guests without typing


@others.test
def test_a_guest_without_typing_is_told_once_and_called_no_more(actor: Actor) -> None:
    """404."""
    actor.fault(typing_unavailable=True)
    with actor.typing():
        actor.front_end.wait_for("error", PATIENCE_S, code="typing_unavailable")
    actor.settles()
    with actor.typing():
        time.sleep(3)
    told = [frame for frame in actor.front_end.frames if frame.get("code") == "typing_unavailable"]
    assert (len(told), actor.calls()) == (1, [("typing", True, 404)])


@others.test
def test_a_missing_scope_is_no_reason_for_a_new_guest_or_a_retry(actor: Actor) -> None:
    """403 with insufficient_scope: only a change of configuration helps."""
    actor.fault(scope_missing=True)
    with actor.typing():
        actor.waits_for_post(True, 403)
        time.sleep(5)
    assert actor.posts() == [(True, 403)]
    assert actor.stage.record(actor.name).guest_id == actor.guest


@others.test
def test_when_a_guest_is_over_the_new_one_shows_what_is_wanted(actor: Actor) -> None:
    """403: the keeper brings a new guest, and it learns that the visitor types."""
    with actor.typing():
        actor.waits_for_post(True)
        actor.cxone.expire_guest(actor.guest)
        actor.waits_for_new_guest()
        actor.waits_for_post(True)
    actor.waits_for_post(False)


@others.test
def test_a_guest_that_ended_between_two_bursts_is_replaced(actor: Actor) -> None:
    """403: and the next burst is shown."""
    with actor.typing():
        actor.waits_for_post(True)
    actor.waits_for_post(False)
    actor.cxone.expire_guest(actor.guest)
    actor.waits_for_new_guest()
    with actor.typing():
        actor.waits_for_post(True)
    actor.waits_for_post(False)


# --- verification


@others.test
def test_verification_restores_a_true_that_cxone_lost(actor: Actor) -> None:
    """CXone does not keep typing state: after VerifySeconds the relay finds out."""
    actor.fault(forget_rate=1)
    with actor.typing():
        actor.waits_for_post(True)
        actor.calm()
        actor.waits_for("typing_read", VERIFY_S + PATIENCE_S, value=False)
        actor.waits_for_post(True)
    actor.waits_for_post(False)
    assert actor.repeats() == []


@others.test
def test_verification_restores_a_false_that_cxone_lost(actor: Actor) -> None:
    """T4, T14: what became of a `false` that CXone did not take at the first try is asked."""
    with actor.typing():
        actor.waits_for_post(True)
        actor.fault(calls=TYPING, error_rate=1)
    loses_a_false(actor)
    actor.waits_for("typing_read", value=True)
    actor.calm()
    actor.waits_for("typing_read", value=False)


@others.test
def test_a_cxone_that_never_keeps_a_false_is_not_asked_for_ever(actor: Actor) -> None:
    """Verification never costs the rate limit its room."""
    with actor.typing():
        actor.waits_for_post(True)
        actor.fault(calls=TYPING, error_rate=1)
    loses_a_false(actor)
    wait_until(lambda: actor.stage.record(actor.name).lease_until == 0, "the burst's end")
    assert len([post for post in actor.posts() if post == (False, 200)]) <= 4
    actor.calm()
    actor.looks_away()
    with actor.typing():
        actor.waits_for_post(True)
    actor.waits_for_post(False)


# --- stops


@others.test
def test_a_stop_frame_puts_the_indicator_out_before_the_debounce(actor: Actor) -> None:
    """A stop acts at once: the debounce would end 2 s after the last key at the soonest."""
    with actor.typing():
        actor.waits_for_post(True)
    stopped_at = now_ms()
    actor.stop()
    assert actor.waits_for_post(False)["received_at"] - stopped_at < 2_000


@others.test
def test_a_disconnect_is_a_stop(actor: Actor) -> None:
    """A closed tab types no more."""
    with actor.typing():
        actor.waits_for_post(True)
    actor.front_end.close()
    actor.waits_for_post(False)


@others.test
def test_a_stop_from_the_other_tab_changes_nothing(actor: Actor) -> None:
    """T10."""
    with actor.stage.connect(actor.name) as other_tab, actor.typing():
        actor.waits_for_post(True)
        actor.key_in(other_tab)
        other_tab.send({"action": "stop"})
        time.sleep(3)
        assert actor.posts() == [(True, 200)]
    actor.waits_for_post(False)


@others.test
def test_a_closing_tab_does_not_end_the_typing_of_the_other(actor: Actor) -> None:
    """T10."""
    other_tab = actor.stage.connect(actor.name)
    with actor.typing():
        actor.waits_for_post(True)
        actor.key_in(other_tab)
        other_tab.close()
        time.sleep(3)
        assert actor.posts() == [(True, 200)]
    actor.waits_for_post(False)


@others.test
def test_a_key_that_arrives_after_a_later_stop_shows_nothing(actor: Actor) -> None:
    """T5: the stop was taken in, the key is older."""
    actor.stop()
    actor.key(ago_ms=1500)
    time.sleep(2)
    assert actor.posts() == []


@troubled.test
def test_a_stop_while_a_true_waits_out_a_429_leaves_nothing_to_say(actor: Actor) -> None:
    """T5: CXone refused the `true`, so there is nothing to put out."""
    actor.fault(calls=TYPING, throttle={"rate": 1, "retry_after": "3"})
    with actor.typing():
        actor.waits_for_post(True, 429)
    actor.stop()
    actor.calm()
    actor.settles()
    assert actor.posts() == [(True, 429)]


# --- owners


@others.test
def test_senders_that_race_for_one_generation_post_once(actor: Actor) -> None:
    """T6, T12: an execution delivered twice."""
    with actor.typing():
        actor.waits_for_post(True)
        generation = actor.stage.record(actor.name).generation
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(actor.stage.send_as_owner, [actor.name] * 3, [generation] * 3))
    actor.waits_for_post(False)
    actor.settles()
    assert actor.posts() == [(True, 200), (False, 200)]


@others.test
def test_an_older_generation_posts_nothing(actor: Actor) -> None:
    """T6: it comes late, with `false` due and nobody else there."""
    with actor.typing():
        actor.waits_for_post(True)
    generation = actor.stage.record(actor.name).generation
    actor.stop()
    actor.waits_for_post(False)
    with actor.typing():
        actor.waits_for_post(True)
        assert actor.stage.send_as_owner(actor.name, generation) == {"done": True, "wait_seconds": 0}
    actor.waits_for_post(False)
    assert actor.repeats() == []


def test_every_frame_that_a_visitor_heard_is_documented(stage: RelayStage) -> None:
    """In docs/asyncapi.yaml; in all of the above."""
    assert undocumented(stage.heard(), FROM_RELAY) == []

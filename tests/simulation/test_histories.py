"""Long random histories through the real flows, every clause watched."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation import campaign, everywhere
from tests.simulation.generate import GAPS, LENGTHS, PAUSES, RETRY_AFTERS, random_history, shrink
from tests.simulation.generate_dfo import AWAY, LATE_FRAMES
from tests.simulation.history import DFO_FAULTS, DFO_TURNS, FAULTS, TURNS, Act, Fault, History, Turn, parse
from tests.simulation.invariants import Violated
from tests.simulation.oracle import stops_before_late_keys
from tests.simulation.regressions import DIRECTED, REGRESSIONS, Regression
from tests.simulation.regressions_fleet import FLEETS, FleetRegression
from tests.simulation.runner import play
from tests.simulation.suite import parsed
from tests.simulation.visitors import Front
from tests.simulation.world import KEEPERS_LOOK_MS, START

#: How many random histories; fewer for a quick look: HISTORIES=2000 make test ARGS=tests/simulation
HISTORIES = int(os.environ.get("HISTORIES", "100000"))
SHARES = {name: HISTORIES // share for name, share in campaign.SHARES.items()}
#: Each is played in one process: more at a time than there are cores would slow each other down.
PARTS = 8
#: Of the short stories with a fault everywhere, one in this many.
SAMPLE = max(5, 500_000 // HISTORIES)
EITHER = pytest.mark.parametrize("platform", ["v1", "dfo"])
ALL = pytest.mark.parametrize("platform", campaign.PLATFORMS)

ACTS = st.builds(
    Act,
    st.sampled_from(("key", "key", "key", "stop", "close")),
    st.sampled_from("AAB"),
    st.just(0),
    st.sampled_from((0, 0, 0, 40, *LENGTHS)),
    st.sampled_from((0, 0, 15)),
)
HOLDS = st.sampled_from((0, 0, 1_000, 3_000, 6_000))
GAPS_AND_PAUSES = st.sampled_from((*GAPS, *PAUSES))
TURNS_OF_OTHERS = st.builds(Turn, st.sampled_from(TURNS), st.integers(0, 20_000), st.sampled_from(LENGTHS))


def _faults(name: str, last: int) -> st.SearchStrategy[dict[int, Fault]]:
    lengths = RETRY_AFTERS if name == "call" else LENGTHS
    fault = st.builds(Fault, st.sampled_from(FAULTS[name]), st.sampled_from(lengths))
    return st.dictionaries(st.integers(1, last), fault, max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Any history: acts in order of time, whatever faults."""
    at, acts, holds = 0, [], {"A": draw(HOLDS), "B": draw(HOLDS)}
    for act, gap in draw(st.lists(st.tuples(ACTS, GAPS_AND_PAUSES), min_size=1, max_size=15)):
        acts.append(replace(act, at=at, hold=holds[act.tab] if act.kind == "key" else 0))
        at += gap
    return History(
        acts=tuple(acts),
        turns=tuple(draw(st.lists(TURNS_OF_OTHERS, max_size=2))),
        steps=draw(_faults("step", 80)),
        calls=draw(_faults("call", 14)),
        starts=draw(_faults("start", 5)),
        waits=draw(_faults("wait", 8)),
        sweep=draw(st.integers(0, KEEPERS_LOOK_MS - 1)),
        pace=draw(st.sampled_from((1, 5, 8))),
    )


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
@ALL
def test_no_random_history_violates_a_clause(platform: str, part: int) -> None:
    """T1 to T7, T9, T10, T12, T13, T15 to T18: seeds 0 and following, a part of them."""
    first, past = (SHARES[platform] * parts // PARTS for parts in (part, part + 1))
    result = campaign.run(platform, past - first, seed=first, processes=1)
    print(result)
    assert result.finding is None, str(result.finding)


@settings(max_examples=max(100, HISTORIES // 100), suppress_health_check=list(HealthCheck))
@given(history=histories())
def test_no_history_that_hypothesis_thinks_of_violates_a_clause(history: History) -> None:
    """T3 to T7, T9, T10, T12: less like people than the random ones, and shrunk by Hypothesis."""
    _holds(history)


@st.composite
def dfo_histories(draw: st.DrawFn) -> History:
    """Any history of the other platform."""
    v1 = draw(histories())
    kinds = st.sampled_from((*(act.kind for act in v1.acts), "message"))
    acts = tuple(replace(act, kind=kind, twice=0) if (kind := draw(kinds)) == "message" else act for act in v1.acts)
    turn = st.builds(Turn, st.sampled_from(DFO_TURNS), st.integers(0, 20_000), st.sampled_from(AWAY))
    frame = st.builds(Fault, st.sampled_from(DFO_FAULTS["frame"]), st.sampled_from(LATE_FRAMES))
    step = st.builds(Fault, st.sampled_from(DFO_FAULTS["step"]), st.sampled_from(LENGTHS))
    post = st.builds(Fault, st.sampled_from(DFO_FAULTS["post"]), st.sampled_from(LENGTHS))
    return History(
        dfo=True,
        livechat=draw(st.booleans()),
        contact=draw(st.booleans()),
        acts=acts,
        turns=tuple(draw(st.lists(turn, max_size=3))),
        starts=v1.starts,
        steps=draw(st.dictionaries(st.integers(1, 80), step, max_size=3)),
        frames=draw(st.dictionaries(st.integers(1, 12), frame, max_size=2)),
        posts=draw(st.dictionaries(st.integers(1, 20), post, max_size=2)),
        sweep=v1.sweep,
        pace=v1.pace,
    )


@settings(max_examples=max(50, HISTORIES // 500), suppress_health_check=list(HealthCheck))
@given(history=dfo_histories())
def test_no_digital_first_history_that_hypothesis_thinks_of_violates_a_clause(history: History) -> None:
    """T3 to T7, T9, T10, T12, T15, T16."""
    _holds(history)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("story", everywhere.STORIES)
def test_no_fault_at_any_place_of_a_short_story_violates_a_clause(story: str) -> None:
    """T3 to T7, T9, T10, T12, T15, T16, Digital-First: at each step, frame, post and start, and at each moment."""
    _holds_with_each_fault(story, SAMPLE)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("story", everywhere.OF_CODES)
def test_no_fault_at_any_place_of_signing_in_by_a_code_violates_a_clause(story: str) -> None:
    """T9, T12, T13, T15, T16: it is refreshed, or the page is asked, and in the end a message arrives."""
    _holds_with_each_fault(story, 3 * SAMPLE)


@pytest.mark.parametrize("regression", REGRESSIONS, ids=lambda regression: regression.found)
def test_what_was_found_once_stays_mended(regression: Regression) -> None:
    """Each names its clause."""
    play(parse(regression.history))


@pytest.mark.parametrize("regression", FLEETS, ids=lambda regression: regression.found)
def test_what_was_found_once_in_a_fleet_stays_mended(regression: FleetRegression) -> None:
    """T9, T11: each names its clause."""
    play(parsed(regression.history))


@pytest.mark.timeout(1800)
def test_a_silent_visitor_is_held_for_longer_than_sqs_keeps_a_message_and_a_record_lives() -> None:
    """T9, T11: SQS keeps none in flight for more than twelve hours, and a record of a day is renewed by its keeper."""
    play(parsed("fleet v1; open alice A 0; pings 240000; rest 90000000"))


@pytest.mark.parametrize("history", DIRECTED)
def test_what_chance_seldom_finds_holds(history: str) -> None:
    """T4, T7."""
    play(parse(history))


@pytest.mark.parametrize("before", ["key A 3010; message A 3300", "key A 3010"], ids=["a message", "a key"])
def test_a_burst_after_keys_of_which_nothing_could_be_said_is_shown(before: str) -> None:
    """T1, T2: the lease that they took has no owner, and must not swallow it."""
    story = f"platform dfo; gateway drops 3000; {before}; key A 6000; key A 6900; key A 7800; stop A 8500"
    seen = [(at - START, value) for at, value in play(parse(story)).watch.seen]
    assert any(value and 6000 <= at <= 6300 for at, value in seen), seen


@EITHER
@pytest.mark.parametrize("first", range(0, 500, 100))
def test_duplicates_and_small_delays_change_nothing_that_agents_see(first: int, platform: str) -> None:
    """T12: the same history, with and without frames twice, late or out of order."""
    for seed in range(first, first + 100):
        history = campaign.PLATFORMS[platform](Random(seed))
        if not history.is_fault_free() or stops_before_late_keys(history):
            continue  # a stop that overtakes another tab's key tells another story
        plain = replace(history, starts={}, acts=tuple(replace(act, twice=0, late=0) for act in history.acts))
        seen, expected = (play(which).watch.seen for which in (history, plain))
        assert [value for _, value in seen] == [value for _, value in expected], str(history)
        assert all(abs(at - other) <= 300 for (at, _), (other, _) in zip(seen, expected, strict=True)), str(history)


@ALL
def test_a_history_reads_back_as_it_was_written(platform: str) -> None:
    """What a finding prints can be replayed."""
    for seed in range(300):
        history = campaign.PLATFORMS[platform](Random(seed))
        assert parsed(str(history)) == history


@pytest.mark.parametrize(("platform", "seed"), [("v1", 7), ("dfo", 447), ("dfo", 9), ("fleet", 3)])
def test_a_history_plays_the_same_each_time(platform: str, seed: int) -> None:
    """A finding is a finding again on any machine."""
    history = campaign.PLATFORMS[platform](Random(seed))
    stories: list[list[str]] = [[], []]
    for story in stories:
        play(history, story)
    assert [_without_ids(story) for story in stories[:1]] == [_without_ids(story) for story in stories[1:]]


def _holds_with_each_fault(story: str, every: int) -> None:
    for history in everywhere.histories(story, every):
        try:
            play(history)
        except Violated as violated:
            pytest.fail(str(campaign.finding_of(history, violated)))


def _holds(history: History) -> None:
    """Hypothesis shrinks what fails by an Exception, and by nothing else."""
    try:
        play(history)
    except Violated as violated:
        raise AssertionError(str(violated)) from violated


def _without_ids(story: list[str]) -> list[str]:
    """Who a visitor is on Digital-First is chosen anew each time."""
    return [re.sub("[0-9a-f]{8}-[-0-9a-f]{27}", "id", line) for line in story]


def test_a_part_that_makes_no_sense_is_named() -> None:
    """A history may come from a person."""
    with pytest.raises(ValueError, match="'step 3 explode'"):
        parse("key A 0; step 3 explode")


def test_a_finding_is_shrunk_to_what_it_needs() -> None:
    """Two of ten parts matter here."""
    history = random_history(Random(3))
    long = replace(
        history, acts=(*history.acts, Act("stop", "B", 9, late=40)), steps={4: Fault("crash"), 9: Fault("crash")}
    )
    shortest = shrink(long, lambda candidate: 9 in candidate.steps and any(act.tab == "B" for act in candidate.acts))
    assert str(shortest) == "stop B 9; step 9 crash"


def test_a_violation_is_raised_with_its_clause() -> None:
    """The proof can fail: CXone forgets nothing, but here nobody sweeps after a death."""
    with pytest.raises(Violated, match="T4"):
        play(parse("key A 0; wait 1 lost; sweep 900000"))


def test_a_violation_within_a_call_of_the_product_is_no_failure_of_that_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox catches whatever goes wrong with a post, and tries it again."""

    def speaks(*_: object) -> None:
        raise Violated("T16", "seen within a post")

    monkeypatch.setattr(Front, "_check_message", speaks)
    with pytest.raises(Violated, match="seen within a post"):
        play(parse("platform dfo; key A 0; agent writes 300"))

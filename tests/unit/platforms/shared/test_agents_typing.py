"""Which agents type, as a visitor is to be told (T16)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_relay.platforms.shared.agents_typing import (
    DOUBTFUL_LIFE_MS,
    NOBODY,
    OVERTAKEN_MS,
    SOMEBODY,
    Agent,
    AgentsTyping,
)

ADA, BOB = Agent("1", "Ada"), Agent("2", "Bob")
LIFE_MS = 60_000


def test_agents_are_told_apart_by_their_ids() -> None:
    both = NOBODY.started(ADA, None, 0).started(BOB, None, 0)
    assert both.stopped(ADA, None, 1).agents == (BOB,)


def test_agents_without_ids_are_told_apart_by_their_names() -> None:
    both = NOBODY.started(Agent(name="Ada"), None, 0).started(Agent(name="Bob"), None, 0)
    assert both.stopped(Agent(name="Bob"), None, 1).agents == (Agent(name="Ada"),)


def test_the_end_of_one_who_is_not_named_ends_everybodys() -> None:
    """T16: it may be any of them."""
    both = NOBODY.started(ADA, None, 0).started(BOB, None, 0)
    assert not both.stopped(SOMEBODY, None, 1)


def test_who_is_named_later_is_no_second_agent() -> None:
    assert NOBODY.started(SOMEBODY, None, 0).started(ADA, None, 1).agents == (ADA,)


def test_who_takes_over_types_on() -> None:
    both = NOBODY.started(ADA, None, 0).started(BOB, None, 0)
    assert both.taken_over(Agent("2")).agents == (BOB,)


def test_who_is_not_named_has_been_replaced_by_whoever_takes_over() -> None:
    """T16: nobody knows that it is the same."""
    assert not NOBODY.started(SOMEBODY, None, 0).taken_over(ADA)


def test_a_renewal_that_is_doubtful_does_not_shorten_a_life() -> None:
    typing = NOBODY.started(ADA, None, 0, LIFE_MS).started(ADA, None, 1, LIFE_MS, is_doubtful=True)
    assert typing.wake_at == LIFE_MS


def test_a_start_long_after_a_message_counts_as_any() -> None:
    """Without times of CXone's, too."""
    typing = NOBODY.stopped(ADA, None, 0).started(ADA, None, OVERTAKEN_MS, LIFE_MS)
    assert typing.wake_at == OVERTAKEN_MS + LIFE_MS


def test_a_message_makes_nobody_elses_start_doubtful() -> None:
    typing = NOBODY.stopped(ADA, None, 0).started(BOB, None, 1, LIFE_MS)
    assert typing.wake_at == 1 + LIFE_MS


@pytest.mark.parametrize(("said_at", "types"), [(6, False), (5, False), (4, True), (None, False)])
def test_an_end_ends_what_began_no_later(said_at: int | None, types: bool) -> None:
    """T12, T16."""
    assert bool(NOBODY.started(ADA, 5, 0).stopped(ADA, said_at, 1)) is types


AGENTS = st.sampled_from((SOMEBODY, ADA, BOB, Agent(name="Ada"), Agent("3")))
KINDS, SAID_AT = st.sampled_from(("started", "stopped", "taken over")), st.none() | st.integers(0, 5_000)
EVENTS = st.tuples(KINDS, AGENTS, SAID_AT, st.integers(0, 900))


@given(st.lists(EVENTS, max_size=30))
def test_nobody_types_for_longer_than_a_life_after_the_last_event(
    events: list[tuple[str, Agent, int | None, int]],
) -> None:
    """T16: whatever comes, in whichever order."""
    typing, now = AgentsTyping(), 0
    for name, agent, said_at, after in events:
        now += after
        if name == "started":
            typing = typing.started(agent, said_at, now, LIFE_MS)
        elif name == "stopped":
            typing = typing.stopped(agent, said_at, now)
        else:
            typing = typing.taken_over(agent)
    assert not typing.expired(now + max(LIFE_MS, DOUBTFUL_LIFE_MS))

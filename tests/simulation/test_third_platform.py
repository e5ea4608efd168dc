"""Histories of a platform that is told by calls and cannot be asked: neither webchat v1 nor Digital-First."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
import typing_relay.platforms
from typing_relay.platforms import registry

from tests.simulation.generate import random_history
from tests.simulation.history import parse
from tests.simulation.runner import play
from tests.third_platform import FOLDER

HISTORIES = 400
#: Only who asks what is shown notices this.
UNSEEN = "cxone forgets"


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it stood in the package."""
    monkeypatch.setitem(registry.FOLDERS, "fading", "fading")
    monkeypatch.setattr(typing_relay.platforms, "__path__", [*typing_relay.platforms.__path__, str(FOLDER / "relay")])


def test_no_random_history_of_it_violates_a_clause() -> None:
    """Those of webchat v1, but for what only a question brings to light."""
    for seed in range(HISTORIES):
        history = replace(random_history(Random(seed)), told_by_calls="fading")
        play(replace(history, turns=tuple(turn for turn in history.turns if turn.kind != UNSEEN)))


def test_it_is_never_asked_what_it_shows() -> None:
    """Webchat v1 is, in the same history."""
    story = "key A 0; " + "; ".join(f"key A {at}" for at in range(1_000, 30_000, 1_000))
    asked = {name: play(parse(f"platform {name}; {story}")).numbers["call"] for name in ("v1", "fading")}
    assert asked["v1"] > asked["fading"] > 0


def test_a_history_of_it_reads_back_as_it_was_written() -> None:
    """So that it can be replayed."""
    history = parse("platform fading; key A 0")
    assert parse(str(history)) == history

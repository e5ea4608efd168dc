"""Tests that mostly wait, played side by side: each is written as if it were alone, with a visitor of its own.

A scene plays by the clock. On a busy machine frames may reach the relay so late that it rightly sees two bursts where
one was typed; a scene that failed while that was so is played again, by another visitor. Any other failure counts.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from local.playing.visitor import now_ms
from tests.support.relay_stage import PATIENCE_S, Actor, RelayStage

Scene = Callable[[Any], None]
Played = Mapping[str, Future[None]]
Spans = Sequence[tuple[float, float]]
TAKES = 3


class Performance:
    """Scenes that become tests by ``@performance.test``; the module's fixture ``played`` calls ``play``.

    ``at_once``: this many visitors are on stage at the same time. ``actor`` makes one of stage and name: a context
    manager that can be waited for to settle.
    """

    def __init__(self, at_once: int, actor: Callable[[Any, str], Any] = Actor) -> None:
        self._at_once, self._actor = at_once, actor
        self._scenes: dict[str, Scene] = {}

    def test(self, scene: Scene) -> Callable[[Played], None]:
        """The test that has the result of ``scene``; all chosen scenes begin when the first of them is asked for."""
        self._scenes[scene.__name__] = scene

        @functools.wraps(scene)
        def test(played: Played) -> None:
            played[scene.__name__].result()

        del test.__wrapped__  # pytest would look there for the fixtures
        return test

    def play(self, stage: RelayStage, slow: Spans, request: pytest.FixtureRequest) -> Played:
        """Begin every scene whose test was chosen. ``slow`` grows by the times (epoch ms) in which frames were late."""
        chosen = {item.name for item in request.session.items}
        pool = ThreadPoolExecutor(self._at_once)
        scenes = {name: scene for name, scene in self._scenes.items() if name in chosen}
        return {name: pool.submit(_play, self._actor, stage, slow, name, scene) for name, scene in scenes.items()}


def _play(make: Callable[[Any, str], Any], stage: RelayStage, slow: Spans, name: str, scene: Scene) -> None:
    visitor = name.removeprefix("test_").replace("_", "-")
    for take in range(1, TAKES + 1):
        began = now_ms()
        try:
            with make(stage, f"{visitor}-{take}") as actor:
                scene(actor)
                actor.settles()
            return
        except (AssertionError, TimeoutError):
            time.sleep(PATIENCE_S / 10)  # a ping under way may take this long, and count
            if take == TAKES or not any(over > began for _, over in slow):
                raise

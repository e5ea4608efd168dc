"""Tests that mostly wait, played side by side: each is written as if it were alone, with a visitor of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.relay_stage import Actor, RelayStage

Scene = Callable[[Actor], None]
Played = Mapping[str, Future[None]]


class Performance:
    """Scenes that become tests by ``@performance.test``; the module's fixture ``played`` calls ``play``.

    ``at_once``: so many visitors are on stage at the same time.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._scenes: dict[str, Scene] = {}

    def test(self, scene: Scene) -> Callable[[Played], None]:
        """The test that has the result of ``scene``; all chosen scenes begin when the first of them is asked for."""
        self._scenes[scene.__name__] = scene

        @functools.wraps(scene)
        def test(played: Played) -> None:
            played[scene.__name__].result()

        del test.__wrapped__  # pytest would look there for the fixtures
        return test

    def play(self, stage: RelayStage, request: pytest.FixtureRequest) -> Played:
        """Begin every scene whose test was chosen."""
        chosen = {item.name for item in request.session.items}
        pool = ThreadPoolExecutor(self._at_once)
        scenes = {name: scene for name, scene in self._scenes.items() if name in chosen}
        return {name: pool.submit(_play, stage, name, scene) for name, scene in scenes.items()}


def _play(stage: RelayStage, name: str, scene: Scene) -> None:
    visitor = name.removeprefix("test_").replace("_", "-")
    with Actor(stage, visitor) as actor:
        scene(actor)
        actor.settles()

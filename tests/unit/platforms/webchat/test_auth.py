"""Whose token a process uses: its own, the shared one, or a new one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from typing_relay.platforms.webchat.auth import (
    PATIENCE_S,
    AuthFailed,
    Credentials,
    ShareUnavailable,
    Token,
    Tokens,
)
from typing_relay.relay.outcomes import Kind

NOW = 1_800_000_000_000
HOUR_MS = 3_600_000


class Share:
    """The shared copy; ``held``: another process renews it."""

    def __init__(self) -> None:
        self.token: Token | None = None
        self.held = self.is_out_of_reach = False
        self.forgotten: list[str] = []

    def read(self) -> Token | None:
        return self.token

    def try_lock(self, now: int) -> bool:
        return not self.held

    def save(self, token: Token) -> None:
        self.token = token

    def forget(self, value: str) -> None:
        self.forgotten.append(value)
        if self.is_out_of_reach:
            raise ShareUnavailable


class Scene:
    """One process; CXone gives it `new 1`, `new 2` and so on."""

    def __init__(self) -> None:
        self.share, self.asked, self.slept_s = Share(), 0, 0.0
        self.tokens = Tokens(
            self, "https://cxone", lambda: Credentials("id", "secret"), self.share, lambda: NOW, self.sleep
        )  # type: ignore[arg-type]

    def post(self, *_: Any, **__: Any) -> Any:
        self.asked += 1
        body = {"access_token": f"new {self.asked}", "expires_in": 3600}
        return SimpleNamespace(status_code=200, json=lambda: body)

    def sleep(self, s: float) -> None:
        self.slept_s += s


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_token_that_another_process_shared_is_used(scene: Scene) -> None:
    scene.share.token = Token("shared", NOW + HOUR_MS)
    assert (scene.tokens.get(), scene.asked) == ("shared", 0)


def test_a_token_is_asked_for_once_and_shared(scene: Scene) -> None:
    assert [scene.tokens.get(), scene.tokens.get()] == ["new 1", "new 1"]
    assert scene.share.token == Token("new 1", NOW + HOUR_MS)


def test_a_refused_token_is_not_used_again_though_the_shared_copy_cannot_be_taken_away(scene: Scene) -> None:
    scene.share.is_out_of_reach = True
    first = scene.tokens.get()
    scene.tokens.refused(first)
    assert (scene.tokens.get(), scene.share.forgotten) == ("new 2", ["new 1"])


def test_that_an_older_token_is_refused_costs_no_newer_one(scene: Scene) -> None:
    """An answer that comes late is about what was sent."""
    scene.tokens.get()
    scene.tokens.refused("an older one")
    scene.share.token = None
    assert (scene.tokens.get(), scene.asked) == ("new 1", 1)


def test_a_refusal_before_the_first_token_is_shared_too(scene: Scene) -> None:
    """Another process has given this one its token."""
    scene.tokens.refused("shared")
    assert scene.share.forgotten == ["shared"]


def test_while_another_process_renews_its_token_is_waited_for(scene: Scene) -> None:
    scene.share.held = True

    def renewed(s: float) -> None:
        scene.share.token = Token("of the other", NOW + HOUR_MS)

    scene.tokens._sleep = renewed
    assert (scene.tokens.get(), scene.asked) == ("of the other", 0)


def test_a_process_that_never_renews_is_waited_for_no_longer_than_it_may_be(scene: Scene) -> None:
    scene.share.held = True
    with pytest.raises(AuthFailed) as failed:
        scene.tokens.get()
    assert failed.value.outcome.kind is Kind.THROTTLED
    assert scene.slept_s == pytest.approx(PATIENCE_S, abs=0.1)


def test_a_token_that_will_soon_run_out_is_replaced(scene: Scene) -> None:
    scene.share.token = Token("old", NOW + 1)
    assert scene.tokens.get() == "new 1"

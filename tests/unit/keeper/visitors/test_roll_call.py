"""Connections whose $disconnect was lost, asked after in rounds that are spread evenly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.visitors.roll_call import AT_ONCE, ROUND_S, RollCall
from typing_relay.relay.burst import LONGEST_CONNECTION_MS, SILENT_MS, Session
from typing_relay.relay.effects import OnRecords
from typing_relay.relay.updates import Update

from tests.support.keeper_fakes import ManualJobs, ManualLoop

NOW = 1_800_000_000_000
LIVELY, QUIET, OVER = NOW - SILENT_MS + 1, NOW - SILENT_MS, NOW - LONGEST_CONNECTION_MS


class RecordsAndGateway:
    """Session records and API Gateway."""

    def __init__(self) -> None:
        self.records: dict[str, Session] = {}
        self.gone: set[str] = set()
        self.asked: list[str] = []
        self.reads = 0
        self.fails = False

    def carry_out(self, effect: OnRecords[Any]) -> Any:
        return effect.on(self)  # type: ignore[arg-type]

    def get(self, session_id: str, now: int) -> Session | None:
        self.reads += 1
        if self.fails:
            raise OSError("the network is down")
        return self.records.get(session_id)

    def write(self, update: Update[Any]) -> None:
        record = self.records[update.session_id]
        self.records[update.session_id] = replace(record, connections=record.connections - update.takes["connections"])

    def lives(self, connection: str) -> bool:
        self.asked.append(connection)
        return connection not in self.gone


class Scene:
    """A keeper's roll call of these visitors, each with a tab last heard of at ``heard_at``."""

    def __init__(self, heard_at: dict[str, int]) -> None:
        self.loop, self.jobs, self.counters, self.around = ManualLoop(), ManualJobs(), Counters(), RecordsAndGateway()
        for name, at in heard_at.items():
            self.around.records[name] = Session(name, connections=frozenset({f"{name}'s"}), stops={f"{name}'s": at})
        self.roll_call = RollCall(
            self.loop,  # type: ignore[arg-type]
            self.jobs,  # type: ignore[arg-type]
            self.around,  # type: ignore[arg-type]
            self.around,  # type: ignore[arg-type]
            lambda: NOW,
            self.counters,
            lambda: list(self.around.records),
        )
        self.roll_call.start()

    def passes(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.loop.advance(1)
            self.jobs.run()

    def there(self) -> list[str]:
        return [name for name, record in self.around.records.items() if record.connections]


@pytest.fixture
def scene() -> Scene:
    return Scene({"lively": LIVELY, "quiet": QUIET, "ghost": QUIET, "over": OVER})


def test_a_connection_that_went_without_a_word_is_forgotten(scene: Scene) -> None:
    """Then its guest is released as for any visitor who left."""
    scene.around.gone = {"ghost's", "lively's"}
    scene.passes(ROUND_S + 10)
    assert scene.there() == ["lively", "quiet"]
    assert scene.counters.take() == {"ConnectionsGone": 2}


def test_only_the_quiet_ones_are_asked_after(scene: Scene) -> None:
    """And of those whom API Gateway must have ended it is known."""
    scene.passes(ROUND_S + 10)
    assert scene.around.asked == ["quiet's", "ghost's"]


def test_a_round_is_spread_over_its_time() -> None:
    """5,000 guests must not be asked after at once."""
    scene = Scene({f"visitor {n}": LIVELY for n in range(2 * ROUND_S)})
    scene.passes(ROUND_S - 1)
    assert scene.around.reads == 0
    scene.passes(ROUND_S // 2)
    assert scene.around.reads == ROUND_S
    scene.passes(ROUND_S // 2)
    assert scene.around.reads == 2 * ROUND_S


def test_a_round_follows_the_other_and_knows_who_came_meanwhile() -> None:
    scene = Scene({})
    scene.passes(ROUND_S + 5)
    scene.around.records["ghost"] = Session("ghost", connections=frozenset({"tab"}), stops={"tab": OVER})
    scene.passes(ROUND_S + 5)
    assert scene.there() == []


def test_one_that_was_let_go_meanwhile_is_passed_over(scene: Scene) -> None:
    scene.loop.advance(ROUND_S)
    scene.around.records.clear()
    scene.passes(10)
    assert (scene.around.asked, scene.counters.take()) == ([], {"ConnectionsGone": 0})


def test_while_the_store_is_away_the_round_goes_on(scene: Scene) -> None:
    scene.around.fails = True
    scene.passes(ROUND_S + 10)
    scene.around.fails = False
    scene.passes(ROUND_S + 10)
    assert scene.there() == ["lively", "quiet", "ghost"]


def test_while_aws_is_slow_no_more_than_so_many_calls_are_under_way() -> None:
    scene = Scene({f"visitor {n}": LIVELY for n in range(100 * AT_ONCE)})
    scene.loop.advance(ROUND_S + 60)
    assert len(scene.jobs) == AT_ONCE

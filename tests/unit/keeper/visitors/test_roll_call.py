"""Connections of visitors who have been told nothing for long: kept open, and forgotten where they are gone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.visitors.roll_call import AT_ONCE, CALLS, SILENT_S, RollCall
from typing_relay.relay.burst import LONGEST_CONNECTION_MS, Session
from typing_relay.relay.effects import OnRecords
from typing_relay.relay.updates import Update

from tests.support.keeper_fakes import ManualJobs, looked_at

NOW = 1_800_000_000_000
QUIET, OVER = NOW - SILENT_S * 1000, NOW - LONGEST_CONNECTION_MS


class RecordsAndGateway:
    """Session records and API Gateway."""

    def __init__(self) -> None:
        self.records: dict[str, Session] = {}
        self.gone: set[str] = set()
        self.asked: list[str] = []
        self.told: list[tuple[str, Any]] = []
        self.fails_for: set[str] = set()

    def carry_out(self, effect: OnRecords[Any]) -> Any:
        return effect.on(self)  # type: ignore[arg-type]

    def write(self, update: Update[Any]) -> None:
        record = self.records[update.session_id]
        self.records[update.session_id] = replace(record, connections=record.connections - update.takes["connections"])

    def lives(self, connection: str) -> bool:
        self.asked.append(connection)
        return connection not in self.gone

    def post(self, connection: str, data: bytes) -> bool:
        if connection in self.fails_for:
            raise OSError("the network is down")
        self.told.append((connection, json.loads(data)))
        return connection not in self.gone


class Scene:
    """A keeper's roll call of these visitors, each with a tab last heard from at ``heard_at``."""

    def __init__(self, heard_at: dict[str, int]) -> None:
        self.jobs, self.counters, self.around = ManualJobs(), Counters(), RecordsAndGateway()
        for name, at in heard_at.items():
            self.around.records[name] = Session(name, connections=frozenset({f"{name}'s"}), stops={f"{name}'s": at})
        self.roll_call = RollCall(self.jobs, self.around, self.around, lambda: NOW, self.counters)  # type: ignore[arg-type]

    def calls(self, number: int = 1) -> None:
        for record in list(self.around.records.values()):
            self.roll_call.call(looked_at(record), number)
        self.jobs.run()

    def there(self) -> list[str]:
        return [name for name, record in self.around.records.items() if record.connections]


@pytest.fixture
def scene() -> Scene:
    return Scene({"lively": QUIET + 1, "quiet": QUIET, "ghost": QUIET, "over": OVER})


def test_the_quiet_ones_are_sent_a_pong(scene: Scene) -> None:
    """AWS fact: API Gateway ends a connection on which nothing has come or gone for ten minutes."""
    scene.calls()
    assert scene.around.told == [("quiet's", {"type": "pong"}), ("ghost's", {"type": "pong"})]
    assert scene.around.asked == []


def test_a_connection_that_went_without_a_word_is_forgotten(scene: Scene) -> None:
    """Then its guest is released as for any visitor who left."""
    scene.around.gone = {"ghost's", "lively's"}
    scene.calls()
    assert scene.there() == ["lively", "quiet"]
    assert scene.counters.take() == {"ConnectionsGone": 2}


@pytest.mark.parametrize("number", range(1, 2 * CALLS + 1))
def test_each_fifth_time_nobody_is_spoken_to(scene: Scene, number: int) -> None:
    """API Gateway then ends what a visitor has whose network vanished: only one who is there pings."""
    scene.around.gone = {"ghost's"}
    scene.calls(number)
    is_fifth = number in (5, 10)
    assert scene.around.asked == (["quiet's", "ghost's"] if is_fifth else [])
    assert len(scene.around.told) == (0 if is_fifth else 2)
    assert scene.there() == ["lively", "quiet"]


def test_a_connection_whose_token_has_ended_hears_nothing(scene: Scene) -> None:
    """T13: `session_expired` is what it hears next."""
    expired = replace(scene.around.records["quiet"], token_ends={"quiet's": NOW // 1000})
    scene.around.records = {"quiet": expired}
    scene.calls()
    assert (scene.around.told, scene.around.asked) == ([], ["quiet's"])


def test_where_api_gateway_does_not_say_nobody_is_taken_for_gone(scene: Scene) -> None:
    scene.around.gone = scene.around.fails_for = {"ghost's"}
    scene.calls()
    assert scene.there() == ["lively", "quiet", "ghost"]
    assert scene.counters.take() == {"PostsFailed": 1, "ConnectionsGone": 1}


def test_a_tab_that_does_not_read_keeps_nothing_from_the_others() -> None:
    """T18: API Gateway's 429."""
    scene = Scene({"visitor": QUIET})
    tabs = {"jammed": QUIET - 1, "other": QUIET}
    scene.around.records["visitor"] = Session("visitor", connections=frozenset(tabs), stops=tabs)
    scene.around.fails_for = {"jammed"}
    scene.calls()
    assert scene.around.told == [("other", {"type": "pong"})]


def test_a_visitor_of_whom_no_tab_is_silent_is_not_called(scene: Scene) -> None:
    """Else a tab that is silent a minute later would wait for the whole time again."""
    assert not scene.roll_call.call(looked_at(scene.around.records["lively"]), 1)
    assert len(scene.jobs) == 0


def test_a_tab_that_has_just_connected_is_not_called() -> None:
    """AWS fact: API Gateway says of it that it is gone (410). Connecting is recorded as a stop of a hold ago."""
    scene = Scene({"newcomer": NOW - 7_000})
    assert not scene.roll_call.call(looked_at(scene.around.records["newcomer"]), 1)


def test_while_aws_is_slow_no_more_than_so_many_calls_are_under_way() -> None:
    """T18."""
    scene = Scene({f"visitor {n}": QUIET for n in range(2 * AT_ONCE)})
    called = [scene.roll_call.call(record, 1) for record in scene.around.records.values()]
    assert called == [True] * AT_ONCE + [False] * AT_ONCE
    assert len(scene.jobs) == AT_ONCE

"""Frames on their way from CXone to a visitor's connections."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.outbox import MAX_FRAME_BYTES, Outbox, OutboxLimits
from typing_relay.relay.burst import YOUNG_MS, Session

from tests.support.keeper_fakes import ManualJobs

NOW = 1_800_000_000_000
ALICE = Session("alice", connections=frozenset({"tab 1", "tab 2"}), keeper="me")


def data_of(number: int, size: int = 10) -> bytes:
    """A frame of so many bytes; JSON does not mind blanks."""
    return json.dumps({"n": number}).encode().ljust(size)


class Records:
    """Session records in memory, as far as relaying reads them."""

    def __init__(self, *records: Session) -> None:
        self.by_id = {record.session_id: record for record in records}
        self.fails = False

    def get(self, session_id: str, now: int) -> Session | None:
        if self.fails:
            raise OSError("the network is down")
        return self.by_id.get(session_id)

    def forget_connection(self, session_id: str, connection: str, now: int) -> None:
        record = self.by_id[session_id]
        self.by_id[session_id] = dataclasses.replace(record, connections=record.connections - {connection})


class Posts:
    """Connections that note their frames, are gone, or fail."""

    def __init__(self) -> None:
        self.to: dict[str, list[Any]] = {}
        self.gone: set[str] = set()
        self.failing: set[str] = set()
        self.closed: list[str] = []
        self.too_large: set[int] = set()

    def post(self, connection: str, data: bytes) -> bool:
        if connection in self.failing:
            raise OSError("timed out")
        if connection in self.gone:
            return False
        frame = json.loads(data)
        if frame.get("n") in self.too_large:
            raise ClientError({"ResponseMetadata": {"HTTPStatusCode": 413}}, "PostToConnection")  # type: ignore[typeddict-item]
        self.to.setdefault(connection, []).append(frame)
        return True

    def close(self, connection: str) -> None:
        if connection in self.failing:
            raise OSError("timed out")
        self.closed.append(connection)

    def lives(self, connection: str) -> bool:
        return connection not in self.gone


class Scene:
    """An outbox between the two."""

    def __init__(self, limits: OutboxLimits | None = None) -> None:
        self.records, self.posts, self.jobs, self.counters = Records(ALICE), Posts(), ManualJobs(), Counters()
        self.now = NOW
        self.outbox = Outbox(
            self.jobs,  # type: ignore[arg-type]
            self.records,  # type: ignore[arg-type]
            self.posts,
            "me",
            lambda: self.now,
            self.counters,
            limits,
        )

    def sends(self, *numbers: int, size: int = 10) -> None:
        for number in numbers:
            self.outbox.send("alice", data_of(number, size))

    def works(self) -> None:
        while len(self.jobs):
            self.jobs.run()

    def seen_by(self, connection: str) -> list[int]:
        return [frame["n"] for frame in self.posts.to.get(connection, [])]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_frame_goes_to_every_connection_of_the_visitor(scene: Scene) -> None:
    scene.sends(1)
    scene.works()
    assert (scene.seen_by("tab 1"), scene.seen_by("tab 2")) == ([1], [1])


def test_frames_arrive_in_the_order_in_which_cxone_sent_them(scene: Scene) -> None:
    scene.sends(*range(70))
    scene.works()
    assert scene.seen_by("tab 1") == list(range(70))


def test_a_tab_that_has_just_opened_gets_the_next_frame(scene: Scene) -> None:
    scene.sends(1)
    scene.works()
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, connections=ALICE.connections | {"tab 3"})
    scene.sends(2)
    scene.works()
    assert scene.seen_by("tab 3") == [2]


def test_a_frame_that_comes_with_the_record_needs_no_reading(scene: Scene) -> None:
    """Of thousands of guests that reconnect at once, each costs a read less."""
    scene.records.fails = True
    scene.outbox.send("alice", data_of(1), ALICE)
    scene.works()
    assert (scene.seen_by("tab 1"), scene.seen_by("tab 2")) == ([1], [1])


def test_a_frame_that_waited_is_fenced_by_a_read(scene: Scene) -> None:
    """T12: who took the guest over meanwhile has told the visitor more since."""
    scene.outbox.send("alice", data_of(1), ALICE)
    scene.now += 501
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, keeper="another")
    scene.works()
    assert scene.seen_by("tab 1") == []


def test_a_frame_without_a_record_makes_its_batch_read(scene: Scene) -> None:
    """A tab that has come since is not passed over."""
    scene.sends(1)
    scene.sends(2)
    scene.outbox.send("alice", data_of(3), ALICE)
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, connections=ALICE.connections | {"tab 3"})
    scene.works()
    assert scene.seen_by("tab 3") == [1, 2, 3]


def test_a_connection_that_is_gone_is_forgotten(scene: Scene) -> None:
    scene.posts.gone.add("tab 1")
    scene.sends(1)
    scene.works()
    assert scene.records.by_id["alice"].connections == {"tab 2"}


@pytest.mark.parametrize(("age_ms", "is_believed"), [(YOUNG_MS - 1, False), (YOUNG_MS, True)])
def test_that_a_connection_seconds_old_is_gone_is_not_believed_at_once(
    scene: Scene, age_ms: int, is_believed: bool
) -> None:
    """AWS fact: a post before the handshake has ended is answered 410. Its guest must not end under a visitor."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, stops={"tab 1": NOW - age_ms})
    scene.posts.gone.add("tab 1")
    scene.sends(1)
    scene.works()
    assert ("tab 1" not in scene.records.by_id["alice"].connections) == is_believed


def test_a_connection_whose_token_has_run_out_hears_that_and_nothing_more(scene: Scene) -> None:
    """T13. The other tab goes on."""
    scene.records.by_id["alice"] = dataclasses.replace(
        ALICE, token_ends={"tab 1": NOW // 1000, "tab 2": NOW // 1000 + 1}
    )
    scene.sends(1)
    scene.works()
    [told] = scene.posts.to["tab 1"]
    assert (told["type"], told["code"], scene.posts.closed) == ("error", "session_expired", ["tab 1"])
    assert scene.seen_by("tab 2") == [1]
    assert scene.records.by_id["alice"].connections == {"tab 2"}


def test_one_that_cannot_be_told_so_hears_nothing_either_and_is_told_the_next_time(scene: Scene) -> None:
    """T13."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, token_ends={"tab 1": NOW // 1000})
    scene.posts.failing.add("tab 1")
    scene.sends(1)
    scene.works()
    assert (scene.posts.to.get("tab 1"), scene.counters.take()["PostsFailed"]) == (None, 1)
    scene.posts.failing.clear()
    scene.sends(2)
    scene.works()
    assert (scene.posts.closed, scene.seen_by("tab 2")) == (["tab 1"], [1, 2])


def test_a_connection_whose_posts_fail_does_not_keep_frames_from_the_other(scene: Scene) -> None:
    scene.posts.failing.add("tab 1")
    scene.sends(1, 2)
    scene.works()
    assert scene.seen_by("tab 2") == [1, 2]
    assert scene.counters.take()["PostsFailed"] == 2


def test_a_keeper_that_lost_the_fence_relays_nothing_more(scene: Scene) -> None:
    """T12: a guest held twice for a moment shows no frame twice."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, keeper="other")
    scene.sends(1)
    scene.works()
    assert scene.posts.to == {}


def test_what_waits_for_one_visitor_is_bounded_and_the_oldest_goes() -> None:
    scene = Scene(OutboxLimits(frames_each=3))
    scene.sends(0)  # on its way already
    scene.sends(*range(1, 11))
    scene.works()
    assert scene.seen_by("tab 1") == [0, 8, 9, 10]
    assert scene.counters.take()["FramesDropped"] == 7


def test_what_waits_for_one_visitor_is_bounded_in_bytes_too() -> None:
    scene = Scene(OutboxLimits(bytes_each=100))
    scene.sends(0, size=40)  # on its way already, and counted
    scene.sends(1, 2, 3, size=40)
    scene.works()
    assert scene.seen_by("tab 1") == [0, 3]


def test_what_waits_for_all_visitors_together_is_bounded() -> None:
    scene = Scene(OutboxLimits(bytes_all=100))
    scene.sends(0, 1, 2, 3, size=40)
    scene.works()
    assert scene.seen_by("tab 1") == [0, 1]
    assert scene.counters.take()["FramesDropped"] == 2


def test_bytes_up_to_the_bounds_go_out() -> None:
    scene = Scene(OutboxLimits(bytes_each=100, bytes_all=120))
    scene.sends(0, size=20)  # on its way already
    scene.sends(1, 2, size=40)  # with it, just what one visitor may have
    scene.works()
    assert scene.seen_by("tab 1") == [0, 1, 2]
    scene = Scene(OutboxLimits(bytes_each=200, bytes_all=100))
    scene.sends(0, 1, size=50)
    scene.works()
    assert scene.seen_by("tab 1") == [0, 1]


def test_a_frame_as_large_as_api_gateway_takes_goes_out(scene: Scene) -> None:
    scene.sends(1, size=MAX_FRAME_BYTES)
    scene.works()
    assert scene.seen_by("tab 1") == [1]


def test_a_frame_larger_than_api_gateway_takes_is_dropped_and_counted(scene: Scene) -> None:
    scene.sends(1, size=MAX_FRAME_BYTES + 1)
    scene.works()
    assert (scene.posts.to, scene.counters.take()) == ({}, {"FramesTooLarge": 1})


def test_one_that_api_gateway_finds_too_large_takes_no_other_with_it(scene: Scene) -> None:
    scene.posts.too_large = {2}
    scene.sends(1, 2, 3)
    scene.works()
    assert (scene.seen_by("tab 1"), scene.counters.take()["PostsFailed"]) == ([1, 3], 2)


def test_frames_whose_record_cannot_be_read_are_counted_and_the_next_go_out(scene: Scene) -> None:
    scene.records.fails = True
    scene.sends(1)
    scene.works()
    scene.records.fails = False
    scene.sends(2)
    scene.works()
    assert scene.seen_by("tab 1") == [2]
    assert scene.counters.take()["FramesFailed"] == 1


def test_nothing_is_kept_of_a_visitor_whose_frames_are_out(scene: Scene) -> None:
    scene.sends(1)
    scene.works()
    assert len(scene.outbox) == 0

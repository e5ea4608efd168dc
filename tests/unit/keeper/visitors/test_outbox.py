"""Frames on their way from CXone to a visitor's connections."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.visitors.outbox import FENCED_MS, MAX_FRAME_BYTES, NOTE_S, Outbox, OutboxLimits
from typing_relay.platforms.shared import visitor_events
from typing_relay.platforms.shared.agents_typing import SOMEBODY
from typing_relay.relay.burst import YOUNG_MS, Session

from tests.support.keeper_fakes import ManualJobs, ManualLoop

NOW = 1_800_000_000_000
ALICE = Session("alice", connections=frozenset({"tab 1", "tab 2"}), keeper="me")


def data_of(number: int, size: int = 10) -> bytes:
    """A frame of this many bytes; JSON does not mind blanks."""
    return json.dumps({"n": number}).encode().ljust(size)


class Records:
    """Session records in memory, as far as relaying reads them."""

    def __init__(self, *records: Session) -> None:
        self.by_id = {record.session_id: record for record in records}
        self.fails = False
        self.noted: list[tuple[int, str]] = []
        self.on_read: Callable[[], object] = lambda: None

    def get(self, session_id: str, now: int) -> Session | None:
        self.on_read()
        if self.fails:
            raise OSError("the network is down")
        return self.by_id.get(session_id)

    def note_told(self, session_id: str, keeper: str, at: int, message_id: str) -> bool:
        if self.fails:
            raise OSError("the network is down")
        self.noted.append((at, message_id))
        return True

    def forget_connection(self, session_id: str, connection: str, now: int) -> None:
        if self.fails:
            raise OSError("the network is down")
        record = self.by_id[session_id]
        self.by_id[session_id] = dataclasses.replace(record, connections=record.connections - {connection})


class Posts:
    """Connections that note their frames, are gone, or fail."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.on_post: Callable[[], object] = lambda: None
        self.to: dict[str, list[Any]] = {}
        self.gone: set[str] = set()
        self.failing: set[str] = set()
        self.closed: list[str] = []
        self.too_large: set[int] = set()

    def post(self, connection: str, data: bytes) -> bool:
        self.tried.append(connection)
        self.on_post()
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
        self.now, self.loop = NOW, ManualLoop()
        self.outbox = Outbox(
            self.loop,  # type: ignore[arg-type]
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

    def passes(self, seconds: float) -> None:
        """Time, in which workers are quick."""
        for _ in range(int(seconds * 10)):
            self.loop.advance(0.1)
            self.now += 100
            self.works()

    def counted(self, name: str) -> int:
        return self.counters.take().get(name, 0)

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


def test_a_connection_whose_handshake_had_not_ended_is_told_when_it_has(scene: Scene) -> None:
    """T16: what is said in that moment is not lost."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, stops={"tab 1": NOW})
    scene.posts.gone.add("tab 1")
    scene.sends(1, 2)
    scene.works()
    scene.posts.gone.clear()
    scene.passes(1)
    assert scene.seen_by("tab 1") == [1, 2]


def test_a_connection_that_has_just_come_is_tried_again_soon_however_long_others_have_failed(scene: Scene) -> None:
    """T16: frames that waited for somebody to come, and what a page that comes is told."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, connections=frozenset())
    scene.sends(1)
    scene.passes(60)
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, stops={"tab 1": scene.now})
    scene.posts.gone.add("tab 1")
    scene.sends(2)
    scene.works()
    scene.posts.gone.clear()
    scene.passes(0.6)
    assert scene.seen_by("tab 1") == [1, 2]


def test_a_connection_that_could_not_be_forgotten_keeps_frames_from_nobody(scene: Scene) -> None:
    """The store is away for that one call: what the other tab has got is not posted to it again."""
    scene.posts.gone.add("tab 1")
    scene.outbox.send("alice", data_of(1), ALICE)
    scene.records.fails = True
    scene.works()
    scene.records.fails = False
    scene.sends(2)
    scene.works()
    assert (scene.seen_by("tab 2"), scene.records.by_id["alice"].connections) == ([1, 2], {"tab 2"})


def test_a_connection_whose_token_has_just_run_out_gets_what_is_on_its_way_before_it_hears_so(scene: Scene) -> None:
    """T13, T16: an agent's message is not lost between two connections."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, token_ends={"tab 1": NOW // 1000})
    scene.sends(1)
    scene.works()
    assert [frame.get("n", frame.get("code")) for frame in scene.posts.to["tab 1"]] == [1, "session_expired"]
    assert (scene.posts.closed, scene.seen_by("tab 2")) == (["tab 1"], [1])
    assert scene.records.by_id["alice"].connections == {"tab 2"}


def test_a_connection_whose_token_has_run_out_hears_that_and_nothing_more(scene: Scene) -> None:
    """T13. The other tab goes on."""
    ended = NOW // 1000 - 60
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, token_ends={"tab 1": ended, "tab 2": NOW // 1000 + 1})
    scene.sends(1)
    scene.works()
    [told] = scene.posts.to["tab 1"]
    assert (told["type"], told["code"], scene.posts.closed) == ("error", "session_expired", ["tab 1"])
    assert scene.seen_by("tab 2") == [1]
    assert scene.records.by_id["alice"].connections == {"tab 2"}


def test_one_that_cannot_be_told_so_hears_nothing_either_and_is_told_the_next_time(scene: Scene) -> None:
    """T13."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, token_ends={"tab 1": NOW // 1000 - 60})
    scene.posts.failing.add("tab 1")
    scene.sends(1)
    scene.works()
    assert (scene.posts.to.get("tab 1"), scene.counters.take()["PostsFailed"]) == (None, 1)
    scene.posts.failing.clear()
    scene.sends(2)
    scene.passes(1)
    assert (scene.posts.closed, scene.seen_by("tab 2")) == (["tab 1"], [1, 2])


def test_a_connection_whose_posts_fail_does_not_keep_frames_from_the_other(scene: Scene) -> None:
    scene.posts.failing.add("tab 1")
    scene.sends(1, 2)
    scene.works()
    assert scene.seen_by("tab 2") == [1, 2]
    assert scene.counted("PostsFailed") == 1  # it is not tried with the second frame, which would come first


@pytest.mark.parametrize("frames", [(1,), (1, 2, 3)])
def test_what_could_not_be_posted_is_posted_later_with_all_that_follows(scene: Scene, frames: tuple[int, ...]) -> None:
    """T16: one 429 of API Gateway must not leave a visitor with `reconnecting`, or without a message."""
    scene.posts.failing = {"tab 1", "tab 2"}
    scene.sends(*frames)
    scene.works()
    scene.posts.failing.clear()
    scene.sends(4)
    scene.passes(1)
    assert scene.seen_by("tab 1") == scene.seen_by("tab 2") == [*frames, 4]


def test_a_connection_that_fails_is_tried_seldom_and_the_others_are_served_at_once(scene: Scene) -> None:
    """A front end that does not read costs its visitor's other tabs nothing."""
    scene.posts.failing = {"tab 1"}
    for number in range(300):
        scene.sends(number)
        scene.passes(0.1)
    assert scene.seen_by("tab 2") == list(range(300))
    assert 4 <= scene.posts.tried.count("tab 1") <= 9  # in 30 s


def test_a_connection_that_failed_for_a_moment_is_served_soon_though_frames_keep_coming(scene: Scene) -> None:
    """T16: the time to try it again comes while another frame is being posted, more often than not."""
    scene.posts.failing = {"tab 1"}
    scene.sends(0)
    scene.works()
    scene.posts.failing.clear()
    for number in range(1, 11):
        scene.sends(number)
        scene.passes(0.1)
    assert scene.seen_by("tab 1") == list(range(11))
    assert scene.counted("FramesRelayed") == 11  # the other tab had got each before


def test_a_try_that_falls_due_during_the_last_post_is_made_after_it(scene: Scene) -> None:
    """T16: nothing else would come back to it."""
    scene.posts.failing = {"tab 1"}
    scene.sends(0)
    scene.works()
    scene.posts.failing.clear()
    scene.sends(1)
    scene.loop.advance(0.6)  # that post takes so long
    scene.works()
    assert (scene.seen_by("tab 1"), scene.seen_by("tab 2")) == ([0, 1], [0, 1])


def test_a_connection_that_fails_as_another_is_tried_again_rests_itself(scene: Scene) -> None:
    scene.posts.failing = {"tab 1"}
    scene.sends(0)
    scene.works()
    scene.posts.failing = {"tab 2"}
    scene.sends(1)
    scene.loop.advance(0.6)
    scene.works()
    assert (scene.posts.tried.count("tab 2"), scene.seen_by("tab 1")) == (2, [0, 1])
    scene.posts.failing.clear()
    scene.passes(1)
    assert scene.seen_by("tab 2") == [0, 1]


@pytest.mark.parametrize("others", [False, True])
def test_where_a_frame_was_dropped_behind_a_failing_tab_nothing_is_tried_without_a_pause(others: bool) -> None:
    """The worst moment for it: memory is short."""
    scene = Scene(OutboxLimits(bytes_all=100))
    scene.records.by_id["bob"] = dataclasses.replace(ALICE, session_id="bob")
    scene.posts.failing = {"tab 1"}
    scene.sends(1, 2, size=45)  # the first is on its way already
    scene.outbox.send("bob" if others else "alice", data_of(3, 50))
    jobs = 0
    while len(scene.jobs) and jobs < 20:
        scene.jobs.run()
        jobs += 1
    assert jobs < 20


def test_nothing_is_kept_of_a_visitor_whose_frames_were_all_dropped() -> None:
    scene = Scene(OutboxLimits(bytes_all=100))
    scene.sends(0, size=90)  # on its way already
    scene.outbox.send("bob", data_of(1, 50))
    assert len(scene.outbox) == 1


def test_a_connection_that_fails_alone_is_tried_seldom_too(scene: Scene) -> None:
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, connections=frozenset({"tab 1"}))
    scene.posts.failing = {"tab 1"}
    scene.sends(1)
    scene.passes(30)
    assert 4 <= len(scene.posts.tried) <= 9


def test_a_connection_that_fails_for_long_gets_the_newest_frames(scene: Scene) -> None:
    """What waits stays bounded; the other tab has got all of it."""
    scene.posts.failing = {"tab 1"}
    for number in range(150):
        scene.sends(number)
        scene.works()
    scene.posts.failing.clear()
    scene.passes(20)
    assert (scene.seen_by("tab 1"), scene.seen_by("tab 2")) == (list(range(50, 150)), list(range(150)))
    assert scene.counted("FramesDropped") == 0  # somebody got each


def test_with_nobody_connected_frames_wait_for_who_comes_and_do_not_count_as_relayed(scene: Scene) -> None:
    """T16: a page is being loaded."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, connections=frozenset())
    scene.sends(1)
    scene.passes(3)
    assert scene.counted("FramesRelayed") == 0
    scene.records.by_id["alice"] = ALICE
    scene.passes(5)
    assert (scene.seen_by("tab 1"), scene.seen_by("tab 2"), scene.counted("FramesRelayed")) == ([1], [1], 1)


def test_who_comes_late_hears_of_each_state_the_newest_word_alone(scene: Scene) -> None:
    """A page that has just been loaded does not flicker through what was."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, connections=frozenset())
    for typing in (True, False, True, False):
        scene.outbox.tell("alice", visitor_events.agent_typing(None, (SOMEBODY,) if typing else ()))
        scene.works()
    scene.sends(1)
    scene.records.by_id["alice"] = ALICE
    scene.passes(2)
    assert [frame.get("n", frame.get("detail")) for frame in scene.posts.to["tab 1"]] == [
        {"typing": False, "agents": []},
        1,
    ]


def test_who_comes_late_hears_of_its_guest_the_newest_word_and_of_each_message(scene: Scene) -> None:
    """What is no state is told whole."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, connections=frozenset())
    scene.outbox.tell("alice", {"type": "guest", "status": "reconnecting"}, message(1), message(2))
    scene.outbox.tell("alice", {"type": "guest", "status": "open"})
    scene.works()
    scene.records.by_id["alice"] = ALICE
    scene.passes(2)
    told = [frame.get("status") or frame["detail"]["id"] for frame in scene.posts.to["tab 1"]]
    assert told == ["m1", "m2", "open"]


def test_what_waits_for_who_comes_is_gone_with_the_guest(scene: Scene) -> None:
    """Nothing is kept of a visitor who does not come back."""
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, connections=frozenset())
    scene.sends(1)
    scene.passes(1)
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, connections=frozenset(), keeper="")
    scene.passes(20)
    assert (len(scene.outbox), scene.counted("FramesFenced")) == (0, 1)


def test_a_tab_that_comes_while_another_fails_gets_what_is_new_from_then_on(scene: Scene) -> None:
    """Not what others were told before it came."""
    scene.posts.failing = {"tab 1"}
    scene.sends(1, 2)
    scene.works()
    scene.records.by_id["alice"] = dataclasses.replace(ALICE, connections=ALICE.connections | {"tab 3"})
    scene.sends(3)
    scene.works()
    assert scene.seen_by("tab 3") == [3]


def test_a_post_that_takes_long_is_followed_by_a_look_at_whose_the_visitor_is(scene: Scene) -> None:
    """T12, T16: frames of a keeper that has lost its visitor must not come after those of the one that has it."""

    def taken_over() -> None:
        scene.now += FENCED_MS + 1
        scene.records.by_id["alice"] = dataclasses.replace(ALICE, keeper="another")

    scene.sends(1, 2)
    scene.posts.on_post = taken_over
    scene.works()
    assert (scene.posts.tried, scene.counted("FramesFenced")) == (["tab 1"], 2)


def test_a_record_that_was_read_slowly_is_read_again(scene: Scene) -> None:
    """T12: it may be another keeper's visitor by now."""

    def takes_long() -> None:
        scene.now += FENCED_MS + 1
        scene.records.on_read = lambda: None

    scene.records.on_read = takes_long
    scene.sends(1)
    scene.works()
    assert scene.posts.tried == []
    scene.passes(1)
    assert scene.seen_by("tab 1") == [1]


def test_a_tab_whose_posts_are_slow_does_not_starve_the_other(scene: Scene) -> None:
    scene.sends(1, 2)

    def takes_long() -> None:
        scene.now += FENCED_MS + 1

    scene.posts.on_post = takes_long
    scene.works()
    assert scene.posts.tried == ["tab 1", "tab 2", "tab 1", "tab 2"]


def test_an_outbox_is_at_rest_while_what_failed_waits(scene: Scene) -> None:
    """A drain does not wait for it: the next keeper tells it."""
    scene.posts.failing = {"tab 1"}
    scene.sends(1)
    assert not scene.outbox.is_at_rest
    scene.works()
    assert (scene.outbox.is_at_rest, len(scene.outbox)) == (True, 1)


# --- what the next keeper finds


def message(number: int) -> dict[str, Any]:
    return visitor_events.message(
        None, message_id=f"m{number}", text="hi", author=None, at=NOW + number, sender="agent"
    )


def test_what_a_visitor_was_told_is_noted_once_for_many_messages(scene: Scene) -> None:
    """T16: the next keeper goes on after it, at the price of a write in ten seconds."""
    for number in range(20):
        scene.outbox.tell("alice", message(number))
        scene.passes(0.1)
    assert scene.records.noted == []
    scene.passes(NOTE_S)
    assert scene.records.noted == [(NOW + 19, "m19")]


def test_what_a_tab_has_not_got_is_not_noted(scene: Scene) -> None:
    scene.posts.failing = {"tab 1"}
    scene.outbox.tell("alice", message(1))
    scene.passes(2 * NOTE_S)
    assert scene.records.noted == []
    scene.posts.failing.clear()
    scene.passes(4 * NOTE_S)
    assert scene.records.noted == [(NOW + 1, "m1")]


def test_a_note_that_the_store_does_not_take_is_written_later(scene: Scene) -> None:
    scene.outbox.tell("alice", message(1))
    scene.works()
    scene.records.fails = True
    scene.passes(NOTE_S + 1)
    scene.records.fails = False
    scene.passes(NOTE_S)
    assert scene.records.noted == [(NOW + 1, "m1")]


def test_a_note_that_fails_late_gives_way_to_a_newer_one(scene: Scene) -> None:
    scene.outbox.tell("alice", message(1))
    scene.works()
    scene.loop.advance(NOTE_S - 0.1)
    scene.outbox.tell("alice", message(2), record=ALICE)  # its post ends after the time of the note
    scene.loop.advance(0.2)
    scene.records.fails = True
    scene.works()
    scene.records.fails = False
    scene.passes(NOTE_S + 1)
    assert scene.records.noted == [(NOW + 2, "m2")]


def test_a_message_that_cxone_keeps_nowhere_is_not_noted(scene: Scene) -> None:
    """webchat v1 says nothing of when."""
    scene.outbox.tell(
        "alice", visitor_events.message(None, message_id="m", text="hi", author=None, at=None, sender="agent")
    )
    scene.passes(2 * NOTE_S)
    assert scene.records.noted == []


# --- room


def test_of_a_state_the_newest_word_stays_when_there_is_no_room() -> None:
    """T16: what is dropped must not be the end of the agent's typing."""
    scene = Scene(OutboxLimits(frames_each=3))
    scene.sends(0)  # on its way already
    for typing in (True, False):
        scene.outbox.tell("alice", visitor_events.agent_typing(None, (SOMEBODY,) if typing else ()))
    scene.sends(1, 2, 3)
    scene.works()
    told = [frame.get("n", frame.get("detail")) for frame in scene.posts.to["tab 1"]]
    assert (told, scene.counted("FramesDropped")) == ([0, {"typing": False, "agents": []}, 2, 3], 1)


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
    assert scene.seen_by("tab 1") == [0, 3]
    assert scene.counters.take()["FramesDropped"] == 2


def test_a_large_frame_takes_the_room_of_several() -> None:
    scene = Scene(OutboxLimits(bytes_each=100))
    scene.sends(0, size=10)  # on its way already
    scene.sends(1, 2, 3, 4, size=20)
    scene.sends(5, size=60)
    scene.works()
    assert scene.seen_by("tab 1") == [0, 4, 5]


@pytest.mark.parametrize(("state", "dropped"), [("", 1), ("open", 0)])
def test_with_no_room_left_only_the_newest_word_on_a_state_is_still_queued(state: str, dropped: int) -> None:
    """T16."""
    scene = Scene(OutboxLimits(bytes_all=100))
    scene.sends(0, size=95)
    if state:
        scene.outbox.tell("alice", {"type": "guest", "status": state})
    else:
        scene.sends(1)
    scene.works()
    assert (len(scene.posts.to["tab 1"]), scene.counted("FramesDropped")) == (2 - dropped, dropped)


def test_who_has_waited_longest_makes_room_for_the_others() -> None:
    scene = Scene(OutboxLimits(bytes_all=100))
    scene.records.by_id["bob"] = dataclasses.replace(ALICE, session_id="bob")
    scene.sends(0, 1, size=40)  # the first is on its way already
    scene.outbox.send("bob", data_of(2, 40))
    scene.works()
    assert scene.seen_by("tab 1") == [0, 2]


def test_room_is_made_by_as_many_visitors_as_it_takes() -> None:
    scene = Scene(OutboxLimits(bytes_all=100))
    for name in ("bob", "carol"):
        scene.records.by_id[name] = dataclasses.replace(ALICE, session_id=name)
    scene.sends(0, size=1)  # on its way already
    scene.sends(1, size=20)
    scene.outbox.send("bob", data_of(2, 1))
    scene.outbox.send("bob", data_of(3, 60))
    scene.outbox.send("carol", data_of(4, 60))
    scene.works()
    assert sorted(scene.seen_by("tab 1")) == [0, 2, 4]


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


def test_frames_whose_record_cannot_be_read_go_out_when_it_can(scene: Scene) -> None:
    scene.records.fails = True
    scene.sends(1)
    scene.works()
    assert scene.counted("StoreFailures") == 1
    scene.records.fails = False
    scene.sends(2)
    scene.passes(1)
    assert scene.seen_by("tab 1") == [1, 2]


def test_nothing_is_kept_of_a_visitor_whose_frames_are_out(scene: Scene) -> None:
    scene.sends(1)
    scene.works()
    assert len(scene.outbox) == 0

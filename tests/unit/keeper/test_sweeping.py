"""Bursts whose owner died: found by a keeper within seconds, taken up once (T4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typing_relay.aws.sessions import shard_of
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.sweeping import AGAIN_MS, AHEAD_MS, LOOK_S, PAGE, Sweeping
from typing_relay.relay.burst import GuestStatus, Policy, Session
from typing_relay.relay.effects import StartOwner
from typing_relay.relay.ports import Coming
from typing_relay.relay.runner import Runner, handled_by
from typing_relay.relay.sweeping import sweep_one

from tests.simulation.memory_sessions import MemorySessions
from tests.support.keeper_fakes import ManualJobs, ManualLoop
from tests.support.template import PARAMETERS

NOW = 1_800_000_000_000


class BusySessions(MemorySessions):
    """A store that throttles some items."""

    def __init__(self) -> None:
        super().__init__()
        self.throttled: set[str] = set()
        #: Whose records were asked for.
        self.asked: list[str] = []

    def get(self, session_id: str, now: int) -> Session | None:
        """Raises OSError for those."""
        self.asked.append(session_id)
        if session_id in self.throttled:
            raise OSError("throttled")
        return super().get(session_id, now)


class Scene:
    """Keepers with one store and one Step Functions."""

    def __init__(self, keepers: int = 1, name: str = "", policy: Policy | None = None) -> None:
        self.sessions, self.started, self.can_start, self.now = BusySessions(), list[str](), True, NOW
        self.loop, self.counters = ManualLoop(), Counters()
        #: Whose guests the first keeper holds.
        self.held = {"alice"}
        self.jobs = [ManualJobs() for _ in range(keepers)]
        runner = Runner(self.sessions, lambda: self.now, dict([handled_by(StartOwner, self.start_owner)]))
        for number, jobs in enumerate(self.jobs):
            delay = number / keepers
            random, is_ours = (lambda delay=delay: delay), (lambda session_id: session_id != "another's")
            is_held = lambda session_id, number=number: session_id in self.held and not number  # noqa: E731
            around = (self.loop, jobs, self.sessions, runner, policy or Policy(), self.counters, random)
            Sweeping(*around, is_ours, is_held, name).start()  # type: ignore[arg-type]

    def start_owner(self, due: StartOwner) -> bool:
        if self.can_start:
            self.started.append(due.record.session_id)
        return self.can_start

    def has_died(self, session_id: str, at: int = NOW) -> None:
        """Its owner's lease ran out at ``at``."""
        self.sessions.create(session_id, NOW, NOW // 1000 + 3600)
        self.sessions.claim(session_id, 0, at, 0)

    def passes(self, seconds: float, step: float = 0.5) -> None:
        for _ in range(int(seconds / step)):
            self.now += int(step * 1000)
            self.loop.advance(step)
            for jobs in self.jobs:
                jobs.run()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_burst_whose_owner_died_has_another_within_seconds(scene: Scene) -> None:
    """T4: the schedule alone may take two minutes."""
    scene.passes(1)
    scene.has_died("alice")
    scene.passes(LOOK_S + 0.5)
    assert (scene.started, scene.counters.take()["BurstsTakenUp"]) == (["alice"], 1)


def test_one_whose_owner_lives_is_left_alone(scene: Scene) -> None:
    scene.has_died("alice", at=NOW + 60_000)
    scene.passes(30)
    assert scene.started == []


@pytest.mark.parametrize(("left_ms", "started"), [(0, ["alice"]), (1, [])])
def test_a_lease_is_over_in_the_millisecond_in_which_it_ends(left_ms: int, started: list[str], scene: Scene) -> None:
    """T4: the index finds it then, and would find it again and again."""
    scene.has_died("alice", at=NOW + left_ms)
    runner = Runner(scene.sessions, lambda: NOW, dict([handled_by(StartOwner, scene.start_owner)]))
    runner.run(sweep_one(Policy(), "alice"))
    assert scene.started == started


def test_one_that_cannot_be_taken_up_keeps_the_look_from_nobody_else(scene: Scene) -> None:
    """T4, T18: the item of a visitor who writes as fast as DynamoDB lets them is throttled."""
    alice, other = "alice", next(name for name in map(str, range(999)) if shard_of(name) == shard_of("alice"))
    scene.has_died(alice, at=NOW - 1)
    scene.has_died(other)
    scene.sessions.throttled = {alice}
    scene.passes(LOOK_S + 0.5)
    assert scene.started == [other]
    assert scene.counters.take()["StoreFailures"] > 0


def test_one_that_could_not_be_taken_up_is_tried_again_at_the_next_look(scene: Scene) -> None:
    """T18: not before, however many there are."""
    scene.has_died("alice", at=NOW - 1)
    scene.sessions.throttled = {"alice"}
    scene.sessions.asked.clear()
    scene.passes(LOOK_S - 0.5)
    assert scene.sessions.asked == ["alice"]
    scene.passes(LOOK_S)
    assert scene.sessions.asked == ["alice"] * 2


def test_one_that_was_taken_up_is_looked_at_no_more(scene: Scene) -> None:
    scene.has_died("alice")
    scene.sessions.asked.clear()
    scene.passes(2 * LOOK_S)
    assert (scene.started, scene.sessions.asked) == (["alice"], ["alice"])


def test_keepers_that_were_started_together_do_not_look_together() -> None:
    scene = Scene(keepers=2)
    scene.loop.advance(LOOK_S / 2 - 0.1)
    assert [len(jobs) for jobs in scene.jobs] == [8, 0]
    scene.loop.advance(0.1)
    assert [len(jobs) for jobs in scene.jobs] == [8, 8]


@pytest.mark.parametrize(("parks", "ahead_ms"), [(True, AHEAD_MS), (False, 0)])
def test_a_look_goes_ahead_only_where_bursts_are_parked(
    parks: bool, ahead_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digital-First: what it would find is of no use."""
    scene, aheads = Scene(policy=Policy(parks=parks)), set[int]()
    monkeypatch.setattr(scene.sessions, "all_leases", lambda shard, before, most: aheads.add(before - scene.now) or [])
    scene.passes(1)
    assert aheads == {ahead_ms}


def test_what_is_not_ours_is_left_to_others(scene: Scene) -> None:
    scene.has_died("another's")
    scene.passes(2 * LOOK_S)
    assert scene.started == []


def test_what_another_keeper_has_taken_meanwhile_is_left_to_it() -> None:
    """T4, Digital-First: who has lost a guest, and does not know it yet, could only keep its burst from who has it."""
    scene = Scene(name="me")
    for session_id, keeper in (("mine", "me"), ("taken", "another")):
        scene.has_died(session_id)
        scene.sessions.take_guest(session_id, keeper, NOW)
    scene.passes(2 * LOOK_S)
    assert scene.started == ["mine"]


def test_a_page_of_which_nothing_can_be_taken_up_is_read_once_a_look(scene: Scene) -> None:
    """Else the store would be asked the same again and again."""
    scene.can_start = False
    for session_id in [name for name in map(str, range(20 * PAGE)) if shard_of(name) == 3][:PAGE]:
        scene.has_died(session_id)
    asked: list[int] = []
    overdue = scene.sessions.all_leases

    def counted(shard: int, before: int, most: int) -> list[list[str]]:
        asked.append(shard)
        return overdue(shard, before, most)

    scene.sessions.all_leases = counted  # type: ignore[method-assign]
    scene.passes(LOOK_S - 1)
    assert asked.count(3) == 1


def test_what_others_have_to_do_hides_nothing_of_ours() -> None:
    """T4, Digital-First: a keeper that died leaves its leases to those who take its visitors over."""
    scene = Scene(name="me")
    ids = [name for name in map(str, range(20 * PAGE)) if shard_of(name) == 3][: PAGE + 1]
    for number, session_id in enumerate(ids):
        scene.has_died(session_id, at=NOW - 1000 + number)
        scene.sessions.take_guest(session_id, "another" if number < PAGE else "me", NOW)
    scene.passes(LOOK_S)
    assert scene.started == ids[PAGE:]


def test_what_can_be_shown_to_nobody_is_let_go_of_without_an_owner(scene: Scene) -> None:
    """On Digital-First none could run; and each sweep would find it again."""
    scene.has_died("alice")
    scene.sessions.take_guest("alice", "me", NOW)
    scene.sessions.set_guest_status("alice", "me", GuestStatus.UNAVAILABLE, NOW)
    scene.passes(2 * LOOK_S)
    assert (scene.started, scene.sessions.records["alice"].lease_until) == ([], 0)


def test_of_several_keepers_one_takes_it_up() -> None:
    """T12: a claim is conditional."""
    scene = Scene(keepers=3)
    scene.has_died("alice")
    scene.passes(2 * LOOK_S)
    assert scene.started == ["alice"]


def test_while_executions_are_refused_it_is_tried_again_at_each_look(scene: Scene) -> None:
    scene.can_start = False
    scene.has_died("alice")
    scene.passes(2 * LOOK_S)
    scene.can_start = True
    scene.passes(LOOK_S)
    assert scene.started == ["alice"]


def test_a_thousand_that_died_together_are_taken_up_in_one_look(scene: Scene) -> None:
    sessions = [f"visitor {n}" for n in range(1000)]
    assert max(sum(shard_of(name) == shard for name in sessions) for shard in range(8)) > PAGE
    for session_id in sessions:
        scene.has_died(session_id)
    scene.passes(1)
    assert sorted(scene.started) == sorted(sessions)


def test_a_look_that_takes_long_is_not_overtaken_by_the_next(scene: Scene) -> None:
    scene.loop.advance(10 * LOOK_S)
    assert len(scene.jobs[0]) == 8


def test_when_the_store_is_away_the_next_look_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    overdue = scene.sessions.all_leases
    monkeypatch.setattr(scene.sessions, "all_leases", None)
    scene.has_died("alice")
    scene.passes(LOOK_S)
    monkeypatch.setattr(scene.sessions, "all_leases", overdue)
    scene.passes(LOOK_S)
    assert scene.started == ["alice"]


def test_a_look_that_fails_as_a_whole_is_logged_and_the_next_one_goes_on(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.has_died("alice")
    with monkeypatch.context() as broken:
        broken.setattr(scene.jobs[0], "submit", lambda *job: job[-1](RuntimeError("unforeseen")))
        scene.passes(1)
    assert (scene.started, "unforeseen" in caplog.text) == ([], True)
    scene.passes(LOOK_S)
    assert scene.started == ["alice"]


# --- parked bursts


def is_parked(scene: Scene, hold_ms: int = 6_000) -> int:
    """Alice has pressed a key that counts this long, it is shown, and nobody owns it; returns until when it counts."""
    sessions, pressed_at = scene.sessions, scene.now
    until = pressed_at + hold_ms + Policy().arrival_slack_ms
    sessions.create("alice", pressed_at, pressed_at // 1000 + 3600)
    sessions.add_connection("alice", Coming("tab", pressed_at - 7_000, 0), pressed_at, pressed_at // 1000 + 3600)
    sessions.take_guest("alice", "me", pressed_at)
    sessions.open_guest("alice", "me", "guest", "wss://guest", pressed_at)
    sessions.set_guest_status("alice", "me", GuestStatus.OPEN, pressed_at)
    holds_on(scene, hold_ms)
    sessions.claim("alice", 0, until, 0)
    shown = {"shown": True, "shown_at": pressed_at, "typing": True, "typing_since": pressed_at, "burst_from": 0}
    sessions.records["alice"] = replace(sessions.records["alice"], **shown)  # type: ignore[arg-type]
    return until


def holds_on(scene: Scene, hold_ms: int = 6_000) -> None:
    at = scene.now
    scene.sessions.press_key("alice", "tab", at, at, at // 1000 + 3600, hold_ms)


def test_the_end_of_a_hold_is_acted_on_to_the_moment_by_the_keeper_that_has_the_guest(scene: Scene) -> None:
    """T2: not at the next look."""
    until = is_parked(scene)
    scene.passes((until - scene.now) / 1000 - 0.1, step=0.1)
    assert scene.started == []
    scene.sessions.asked.clear()
    scene.passes(0.2, step=0.1)
    assert (scene.started, scene.sessions.asked) == (["alice"], ["alice"])  # once, however many looks have found it
    assert scene.counters.take() == {"HoldsEnded": 1}


def test_only_what_a_look_finds_in_time_is_parked() -> None:
    """T2: a burst is parked just after a look, at worst; the next one comes back before its hold ends."""
    assert Policy().park_from_ms > AHEAD_MS > LOOK_S * 1000


def test_no_other_keeper_does_so() -> None:
    """T12: it would be one read for each keeper, each hold."""
    scene = Scene(keepers=3)
    scene.held = set()
    until = is_parked(scene)
    scene.passes((until - scene.now) / 1000 + 0.4, step=0.1)
    assert scene.started == []
    scene.passes(LOOK_S)
    assert scene.started == ["alice"]  # but if nobody does, another one's look finds it


def test_a_burst_on_which_keys_hold_has_no_owner_until_they_end(scene: Scene) -> None:
    """T3, T8: and its lease is written once in fourteen seconds."""
    is_parked(scene)
    leases = set()
    for _ in range(6):
        scene.passes(4, step=0.1)
        holds_on(scene)
        leases.add(scene.sessions.records["alice"].lease_until)
    assert scene.started == []
    assert len(leases) <= 3
    scene.passes(6.3, step=0.1)
    assert scene.started == ["alice"]


def test_the_lease_of_a_hold_that_is_watched_ends_later_than_the_longest_hold(scene: Scene) -> None:
    """T2, T4: there is time to act on its end before anybody takes it up."""
    longest_ms = PARAMETERS["HoldMs"]["MaxValue"]
    until = is_parked(scene, longest_ms)
    generation = scene.sessions.records["alice"].generation
    runner = Runner(scene.sessions, lambda: NOW, {})
    runner.run(sweep_one(Policy(hold_ms=longest_ms), "alice", watched=generation, watches=True))
    assert scene.sessions.records["alice"].lease_until == until + Policy().lease_margin_ms


def test_a_stop_ends_the_watch(scene: Scene) -> None:
    """Its owner is another one, also of what keys have held on."""
    is_parked(scene)
    scene.passes(4, step=0.1)
    holds_on(scene)
    scene.passes(3, step=0.1)
    scene.sessions.claim("alice", 1, scene.now + 14_000, 0)
    scene.passes(5, step=0.1)
    assert scene.started == []


def test_a_look_that_fails_is_made_again_in_a_second(scene: Scene) -> None:
    """T2, T18: the item of a visitor may be throttled; its lease is fourteen seconds long by then."""
    is_parked(scene)
    scene.passes(4, step=0.1)
    holds_on(scene)
    scene.passes(6, step=0.1)
    scene.sessions.throttled = {"alice"}
    scene.sessions.asked.clear()
    scene.passes(0.3, step=0.1)
    scene.sessions.throttled = set()
    assert (scene.started, scene.sessions.asked) == ([], ["alice"])
    scene.passes(AGAIN_MS / 1000 + 0.1, step=0.1)
    assert scene.started == ["alice"]


def test_a_plain_burst_whose_owner_died_while_it_was_shown_counts_as_that(scene: Scene) -> None:
    """T4: an alarm counts them."""
    is_parked(scene, hold_ms=0)
    scene.passes(10, step=0.1)
    assert scene.started == ["alice"]
    assert scene.counters.take() == {"BurstsTakenUp": 1}


def test_what_a_keeper_watched_that_died_is_found_when_its_lease_is_over() -> None:
    """T4."""
    scene = Scene(keepers=2)
    is_parked(scene)
    scene.passes(4, step=0.1)
    holds_on(scene)
    scene.passes(3, step=0.1)
    left_ms = scene.sessions.records["alice"].lease_until - scene.now
    assert left_ms > 10_000
    scene.held = set()
    scene.jobs[0].run = lambda: None  # type: ignore[method-assign]
    scene.passes(left_ms / 1000 + LOOK_S, step=0.1)
    assert scene.started == ["alice"]

"""Owners in the keeper: the sender's flow, carried out on the loop, on a store in memory and a socket that notes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.platforms.digital_first.owners import Owners
from typing_relay.relay.burst import GuestStatus, Policy
from typing_relay.relay.effects import AskBreaker, Jitter, OnRecords, ReportLatency, StartOwner, TellBreaker
from typing_relay.relay.flows import key_pressed, stopped
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import Coming, Key
from typing_relay.relay.runner import Runner, handled_by

from tests.simulation.memory_sessions import MemorySessions
from tests.support.keeper_fakes import ManualJobs, ManualLoop

START = 1_000_000_000
TOKEN_ENDS = 4_102_444_800


class Scene:
    """A visitor whose guest is held here, and who types when the test says so."""

    def __init__(self) -> None:
        self.loop, self.jobs, self.counters = ManualLoop(), ManualJobs(), Counters()
        self.sessions = MemorySessions()
        self.said: list[tuple[int, bool]] = []
        self.outcome = Outcome(Kind.ACCEPTED)
        self.unheard: list[Callable[[Outcome], object]] = []
        self.answers = True
        self.policy = Policy(verifies=False, parks=False)
        known = dict(
            [
                handled_by(StartOwner, self.nudge),
                handled_by(AskBreaker, lambda due: 0),
                handled_by(TellBreaker, lambda due: None),
                handled_by(Jitter, lambda due: 0.5),
                handled_by(ReportLatency, lambda due: None),
            ]
        )
        self.runner = Runner(self.sessions, self.clock, known)
        around = (self.loop, self.jobs, self.runner, self.policy, self.tell, self.counters)
        self.owners = Owners("me", *around)  # type: ignore[arg-type]
        now = self.clock()
        self.sessions.create("alice", now, now // 1000 + 86_400)
        self.sessions.add_connection("alice", Coming("tab", now - 3000, TOKEN_ENDS), now, now // 1000 + 86_400)
        self.sessions.take_guest("alice", "me", now)
        self.sessions.open_guest("alice", "me", "thread", "wss://gateway", now)
        self.sessions.set_guest_status("alice", "me", GuestStatus.OPEN, now)

    def clock(self) -> int:
        return START + self.loop.passed_ms

    def nudge(self, due: StartOwner) -> bool:
        self.owners.start(due.record.session_id, due.generation)
        return True

    def tell(self, session_id: str, typing: bool, told: Callable[[Outcome], object]) -> None:
        self.said.append((self.clock() - START, typing))
        if self.answers:
            self.loop.call_soon(lambda: told(self.outcome))
        else:
            self.unheard.append(told)

    def carries_out(self, before: Callable[[list[str]], object] = len) -> list[str]:
        """What the store is asked for from now on, by name; ``before`` each it is given them."""
        done: list[str] = []
        carry_out = self.sessions.carry_out

        def noted(effect: OnRecords[Any]) -> Any:
            done.append(type(effect).__name__)
            before(done)
            return carry_out(effect)

        self.sessions.carry_out = noted  # type: ignore[method-assign]
        return done

    def has_key(self, ms_ahead: int = 0) -> None:
        """A key is on record, and nobody was nudged."""
        now = self.clock()
        self.sessions.press_key("alice", "tab", now + ms_ahead, now, now // 1000 + 86_400)

    def presses_key(self) -> None:
        self.runner.run(key_pressed(self.policy, "alice", "tab", Key(self.clock()), TOKEN_ENDS))

    def passes(self, ms: int) -> None:
        for _ in range(ms // 10):
            self.loop.advance(0.01)
            while len(self.jobs):
                self.jobs.run()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_burst_is_one_started_and_one_ended_at_its_times(scene: Scene) -> None:
    """T1, T2: the same rules as the sender's."""
    for _ in range(5):
        scene.presses_key()
        scene.passes(1000)
    scene.passes(4000)
    assert [typing for _, typing in scene.said] == [True, False]
    assert scene.said[0][0] <= 20
    assert 6000 <= scene.said[1][0] <= 6300


def test_a_burst_that_is_over_leaves_no_owner(scene: Scene) -> None:
    scene.presses_key()
    scene.passes(6000)
    assert len(scene.owners) == 0
    assert scene.sessions.records["alice"].lease_until == 0


def test_a_stop_wakes_nobody_but_sends_at_once(scene: Scene) -> None:
    """T2: the sleeping owner is let go, the next one acts."""
    scene.presses_key()
    scene.passes(500)
    scene.runner.run(stopped(scene.policy, "alice", "tab", scene.clock()))
    scene.passes(100)
    assert [typing for _, typing in scene.said] == [True, False]
    assert scene.said[1][0] <= 560
    assert len(scene.owners) == 0


def test_a_nudge_that_comes_twice_changes_nothing(scene: Scene) -> None:
    """T12."""
    scene.presses_key()
    scene.owners.start("alice", 1)
    scene.passes(500)
    scene.owners.start("alice", 1)
    scene.passes(5000)
    assert [typing for _, typing in scene.said] == [True, False]


def test_an_owner_that_fails_is_counted_and_begins_again(scene: Scene) -> None:
    """T4, T9: it had not claimed yet, so nobody else would find it."""
    scene.presses_key()
    write, scene.sessions.write = scene.sessions.write, lambda *_: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    scene.passes(100)
    assert (len(scene.owners), scene.counters.take(), scene.said) == (1, {"OwnersFailed": 1}, [])
    scene.sessions.write = write  # type: ignore[method-assign]
    scene.passes(1_000)
    assert [typing for _, typing in scene.said] == [True]


def test_an_owner_that_fails_when_its_guest_is_held_here_no_more_does_not_begin_again(scene: Scene) -> None:
    """What is left to do is the next keeper's."""
    scene.presses_key()
    scene.sessions.write = lambda *_: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    scene.loop.advance(0.01)
    scene.owners.drop("alice")
    scene.passes(3_000)
    assert (len(scene.owners), scene.said) == (0, [])


def test_the_first_write_of_an_owner_that_a_nudge_starts_is_its_claim(scene: Scene) -> None:
    """T8: a burst that a stop ends is six writes, of which two are the front end's."""
    done = scene.carries_out()
    scene.presses_key()
    scene.passes(500)
    scene.runner.run(stopped(scene.policy, "alice", "tab", scene.clock()))
    scene.passes(100)
    written = [name for name in done if name != "Read"]
    assert written == ["PressKey", "Lock", "Accepted", "NoteStop", "Lock", "Settled"]
    assert scene.sessions.records["alice"].generation == 2


def test_an_owner_whose_lock_is_refused_goes_on_by_the_record_that_refused_it(scene: Scene) -> None:
    """T2: whoever sends keys in step with its reads keeps it from its lock half as long."""
    done = scene.carries_out(lambda done: scene.has_key(1) if done == ["PressKey", "Read", "Lock"] else None)
    scene.presses_key()
    scene.passes(100)
    assert done[:5] == ["PressKey", "Read", "Lock", "Lock", "Accepted"]


def test_an_owner_that_finds_nothing_to_do_has_been_started_too(scene: Scene) -> None:
    """T17: frames whose owners only look are as bounded as others."""
    scene.presses_key()
    scene.runner.run(stopped(scene.policy, "alice", "tab", scene.clock()))
    scene.passes(100)
    record = scene.sessions.records["alice"]
    assert (scene.said, record.generation, record.starts_until > START) == ([], 1, True)


def test_an_owner_that_waits_has_claimed_before(scene: Scene) -> None:
    """T8: the keys that come meanwhile find its lease, and nudge nobody."""
    scene.sessions.postpone(scene.sessions.records["alice"], scene.clock() + 3_000)
    scene.presses_key()
    scene.passes(100)
    record = scene.sessions.records["alice"]
    assert (scene.said, record.generation, record.lease_until > scene.clock()) == ([], 1, True)
    assert scene.sessions.in_lease_index == {"alice"}


def test_an_owner_ends_when_another_keeper_has_the_guest(scene: Scene) -> None:
    """T4, T6: this keeper's socket does not say what that one's has said."""
    scene.presses_key()
    scene.sessions.take_guest("alice", "another", scene.clock())
    scene.passes(100)
    assert (scene.said, len(scene.owners), scene.sessions.records["alice"].generation) == ([], 0, 0)


def test_what_another_owner_has_claimed_before_it_is_taken_up_is_taken_up_all_the_same(scene: Scene) -> None:
    """T4: that owner may be in a keeper that had the guest before, and is of no use any more."""
    scene.has_key()
    read = scene.sessions.records["alice"]
    scene.sessions.claim("alice", 0, scene.clock() + 25_000, 0)
    scene.owners.take_up(read)
    scene.passes(100)
    assert [typing for _, typing in scene.said] == [True]


def test_an_owner_that_fails_again_and_again_begins_less_and_less_often(scene: Scene) -> None:
    """T18: the store may be away for everybody."""
    scene.presses_key()
    scene.sessions.write = lambda *_: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    scene.passes(30_000)
    assert scene.counters.take() == {"OwnersFailed": 6}  # at 0, 1, 3, 7, 15 and 23 s
    scene.owners._runs["alice"].failures = 10_000
    scene.passes(8_000)
    assert scene.counters.take() == {"OwnersFailed": 1}


def test_an_owner_that_pauses_after_a_failure_begins_at_the_next_nudge(scene: Scene) -> None:
    """T2: what nudges could write its frame, so the store is back."""
    scene.presses_key()
    write, scene.sessions.write = scene.sessions.write, lambda *_: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    scene.passes(4_000)  # the third time; the next is at 7 s
    scene.sessions.write = write  # type: ignore[method-assign]
    scene.presses_key()
    scene.passes(100)
    assert [typing for _, typing in scene.said] == [True]
    assert len(scene.owners) == 1


def test_a_record_that_has_expired_when_its_lock_is_refused_is_read_again(scene: Scene) -> None:
    """T11: and then it is absent."""

    def expires(done: list[str]) -> None:
        if done == ["PressKey", "Read", "Lock"]:
            record = scene.sessions.records["alice"]
            scene.sessions.records["alice"] = replace(record, revision=9, expires_at=scene.clock() // 1000)

    done = scene.carries_out(expires)
    scene.presses_key()
    scene.passes(100)
    assert (done, scene.said, len(scene.owners)) == (["PressKey", "Read", "Lock", "Read"], [], 0)


def test_a_guest_that_is_held_here_no_more_has_no_owner_here(scene: Scene) -> None:
    scene.presses_key()
    scene.passes(500)
    scene.owners.drop("alice")
    scene.passes(5000)
    assert [typing for _, typing in scene.said] == [True]


def test_a_guest_that_had_no_owner_can_be_let_go_of(scene: Scene) -> None:
    """Most have none: nobody types."""
    scene.owners.drop("alice")
    assert len(scene.owners) == 0


def test_what_was_said_and_never_proven_is_said_again_as_wanted(scene: Scene) -> None:
    """The socket died: whether Started arrived is unknown, so the end is said."""
    scene.answers = False
    scene.presses_key()
    scene.passes(500)
    scene.unheard.pop()(Outcome(Kind.LOST))
    scene.answers = True
    scene.passes(20_000)
    assert scene.said[-1][1] is False
    assert scene.sessions.records["alice"].sending is None


def test_who_holds_the_guest_takes_up_what_its_last_keeper_left_shown(scene: Scene) -> None:
    """T4: at once, whoever holds the lease: only here can anything be said."""
    scene.presses_key()
    scene.passes(500)
    scene.owners.drop("alice")
    scene.passes(4000)
    scene.owners.take_up(scene.sessions.records["alice"])
    scene.passes(100)
    assert [typing for _, typing in scene.said] == [True, False]


def test_what_could_not_be_taken_up_is_taken_up_a_second_later(scene: Scene) -> None:
    """T9: the key that was pressed before may be the last."""
    scene.has_key()
    write, scene.sessions.write = scene.sessions.write, lambda *_: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    scene.owners.take_up(scene.sessions.records["alice"])
    scene.passes(100)
    scene.sessions.write = write  # type: ignore[method-assign]
    scene.passes(1_000)
    assert [typing for _, typing in scene.said] == [True]


def test_what_another_keeper_has_the_guest_of_is_not_taken_up(scene: Scene) -> None:
    """T4: nor claimed, so that its keys would count on an owner that there is not."""
    scene.has_key()
    read = scene.sessions.records["alice"]
    scene.sessions.take_guest("alice", "another", scene.clock())
    scene.owners.take_up(read)
    scene.passes(100)
    assert (scene.said, scene.sessions.records["alice"].generation) == ([], 0)


def test_where_all_is_as_wanted_there_is_nothing_to_take_up(scene: Scene) -> None:
    """Thousands of guests change hands at a deployment: most cost no write."""
    scene.owners.take_up(scene.sessions.records["alice"])
    assert len(scene.jobs) == 0


def test_a_lease_that_a_key_took_before_anything_could_be_said_does_not_swallow_the_next_burst(scene: Scene) -> None:
    """T1: its nudge was of no use, so it has no owner."""
    nudge, scene.owners.start = scene.owners.start, lambda session_id, generation: None  # type: ignore[method-assign]
    scene.presses_key()
    scene.owners.start = nudge  # type: ignore[method-assign]
    scene.passes(3000)
    scene.owners.take_up(scene.sessions.records["alice"])
    scene.passes(100)
    scene.presses_key()
    scene.passes(100)
    assert [typing for _, typing in scene.said] == [True]


def test_where_nothing_can_be_shown_there_is_nothing_to_take_up(scene: Scene) -> None:
    wanted = replace(scene.sessions.records["alice"], keys={"tab": scene.clock()}, typing_unavailable=True)
    scene.owners.take_up(wanted)
    assert len(scene.jobs) == 0

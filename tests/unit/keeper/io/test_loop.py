"""The loop: timers, results of worker threads, and callbacks that fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import READ, Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def test_timers_are_called_in_the_order_of_their_times(loop: Loop) -> None:
    called: list[str] = []
    loop.call_later(0.002, lambda: called.append("later"))
    loop.call_later(0.001, lambda: called.append("sooner"))
    loop.call_later(0.003, loop.stop)
    loop.run()
    assert called == ["sooner", "later"]


def test_a_timer_that_was_cancelled_is_not_called(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    called: list[str] = []
    loop.call_later(0, lambda: called.append("cancelled")).cancel()
    loop.call_later(0.001, loop.stop)
    loop.run()
    assert (called, caplog.records) == ([], [])


def test_a_thread_wakes_the_loop_that_sleeps(loop: Loop) -> None:
    threading.Timer(0.01, lambda: loop.call_from_thread(loop.stop)).start()
    loop.run()  # without the wake-up this would never end


def turns_until(loop: Loop, seconds: float) -> int:
    """How often the loop turns until a timer of this length is over."""
    over: list[bool] = []
    loop.call_later(seconds, lambda: over.append(True))
    turns = 0
    while not over:
        loop.turn()
        turns += 1
    return turns


def test_a_loop_with_nothing_to_do_sleeps(loop: Loop) -> None:
    """A quarter of a CPU has no turn to waste."""
    assert turns_until(loop, 0.02) <= 3


def test_a_loop_that_was_woken_sleeps_again(loop: Loop) -> None:
    loop.call_from_thread(lambda: None)
    loop.turn()
    assert turns_until(loop, 0.02) <= 3


class FakeTime:
    """A clock that the loop's sleep moves, and callbacks."""

    def __init__(self, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.slept: list[float | None] = []
        monkeypatch.setattr("typing_relay.keeper.io.loop.time", self)
        monkeypatch.setattr(loop._selector, "select", self._sleep)

    def monotonic(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds

    def _sleep(self, seconds: float | None) -> list[object]:
        self.slept.append(seconds)
        self.passes(seconds or 0.0)
        return []


def test_a_turn_ends_in_the_time_it_is_given_however_late_the_next_timer_is(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeTime(loop, monkeypatch)
    loop.call_later(3600, lambda: None)
    loop.turn(at_most=0.5)
    loop.turn()
    assert clock.slept == [0.5, 3599.5]


def test_the_longest_turn_is_known_without_the_sleep_before_it(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a metric: nobody waits longer than this for the loop."""
    clock = FakeTime(loop, monkeypatch)
    for seconds in (0.25, 2.0, 0.5):
        loop.call_later(60, lambda seconds=seconds: clock.passes(seconds))  # type: ignore[misc]
        loop.turn()
    assert loop.longest_turn == 2.0


def test_a_callback_that_raises_does_not_end_the_loop(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    loop.call_soon(lambda: 1 / 0)
    loop.call_later(0.001, loop.stop)
    loop.run()
    assert "A callback of the loop failed." in caplog.text


def test_what_one_callback_asks_for_soon_waits_for_the_sockets_that_are_ready(loop: Loop) -> None:
    heard: list[str] = []
    ours, theirs = socket.socketpair()

    def again() -> None:
        heard.append("again")
        if len(heard) < 5:
            loop.call_soon(again)

    def on_ready(_events: int) -> None:
        heard.append("socket")
        loop.forget(ours)

    loop.watch(ours, READ, on_ready)
    loop.call_soon(again)
    theirs.send(b"x")
    while len(heard) < 5:
        loop.turn()
    ours.close()
    theirs.close()
    assert heard.index("socket") == 0


def test_jobs_of_one_key_run_one_after_another(loop: Loop) -> None:
    jobs, running, seen = Jobs(loop, 4, "test"), threading.Semaphore(1), []

    def job(number: int) -> int:
        assert running.acquire(blocking=False), "two at the same time"
        running.release()
        return number

    def done(number: int) -> None:
        seen.append(number)
        if len(seen) == 50:
            loop.stop()

    for number in range(50):
        jobs.submit("alice", lambda number=number: job(number), done, pytest.fail)
    loop.run()
    assert seen == list(range(50))


def test_a_job_that_hangs_holds_up_no_other_key(loop: Loop) -> None:
    jobs, hanging = Jobs(loop, 2, "test"), threading.Event()
    jobs.submit("slow", hanging.wait, lambda _: None, pytest.fail)
    jobs.submit("alice", lambda: None, lambda _: loop.stop(), pytest.fail)
    loop.run()
    hanging.set()


def test_a_job_that_raises_reports_its_error_on_the_loop(loop: Loop) -> None:
    errors: list[Exception] = []

    def failed(error: Exception) -> None:
        errors.append(error)
        loop.stop()

    Jobs(loop, 1, "test").submit("alice", lambda: 1 / 0, lambda _: None, failed)
    loop.run()
    assert isinstance(errors[0], ZeroDivisionError)


def test_timers_with_slack_come_together_and_never_early(loop: Loop) -> None:
    timers = [loop.call_later(seconds, lambda: None, slack=100) for seconds in (1, 2, 3)]
    now = loop.time()
    assert len({timer.at for timer in timers}) <= 2
    assert all(now < timer.at <= now + 103 for timer in timers)

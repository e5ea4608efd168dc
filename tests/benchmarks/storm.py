"""200 bursts of typing while CXone and AWS misbehave: which were shown, and is any indicator left on?

CXone answers 20 % of the calls with 429, lets 5 % hang and resets 5 %; its tokens are revoked every 20 s; every 5 s the
busiest Lambda worker of some function is killed. Everything ends when the last burst does.

The emulator runs all frames through one worker. Where that is too slow, keys are stale on arrival and rightly show
nothing (T5), so a visitor who pings all the time tells when that was, and it counts as a fault like any other.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from local.cxone_simulator.client import SimulatorControl
from local.playing.rhythm import key_times
from local.playing.visitor import Visitor, now_ms
from local.simulating.client import Event
from local.stack.stack import Stack
from tests.support.call_rules import violations
from tests.support.relay_stage import DARK_S, PATIENCE_S, Actor, RelayStage, kill, repeat, wait_until

FAULTS = {"throttle": {"rate": 0.2, "retry_after": "2"}, "hang_rate": 0.05, "reset_rate": 0.05}
REVOKE_EVERY_S, KILL_EVERY_S = 20.0, 5.0
#: A worker killed while it starts makes the emulator kill all others of its function: more than is meant here.
GROWN_UP_S = 5.0
#: Which function's busiest worker is killed next, by chance.
KILLED = ("Sender", "Sender", "Keystroke", "Connection", "Sweeper")
#: Keys of a burst (s), and the pause after it (s).
BURST_S, PAUSE_S = (2.0, 12.0), (3.0, 7.0)
#: How long a fault may keep a `true` away, beyond its own end: whole seconds of waiting, and a cold start.
RECOVERY_MS = 3_000
#: A call without an answer, or a sender that died, may have been taken until its lock ends.
LOCK_MS = 8_000
DEBOUNCE_MS = 2_000


@dataclass
class Burst:
    """One burst as it was played (epoch ms). ``stopped``: it ended with a stop frame."""

    first: float
    last: float
    stopped: bool


@dataclass
class Typist:
    """One visitor's bursts, the guests CXone had for it, and when the gateway reported a failed function."""

    name: str
    bursts: list[Burst] = field(default_factory=list)
    guests: set[str] = field(default_factory=set)
    failures: list[int] = field(default_factory=list)


@dataclass
class Report:
    """What came of a storm."""

    typists: Sequence[Typist]
    events: Sequence[Event]
    kills: Counter[str]
    lost_senders: dict[str, list[float]]
    pauses: Sequence[tuple[float, float]]
    slow: Sequence[tuple[float, float]]
    left_on: int
    seconds: float

    def bursts(self) -> Iterator[tuple[Typist, Burst]]:
        """All bursts, each with its typist."""
        for typist in self.typists:
            for burst in typist.bursts:
                yield typist, burst

    def calls_of(self, typist: Typist) -> list[Event]:
        """The typing POSTs for this visitor, oldest first."""
        return [e for e in self.events if e["kind"] == "typing" and e["guest_id"] in typist.guests]

    def lit(self, typist: Typist) -> list[tuple[float, float]]:
        """When the visitor's indicator was on: from the first `true` that CXone took to the next `false`."""
        spans, since = [], None
        for event in self.calls_of(typist):
            if event["accepted"] and event["value"] and since is None:
                since = event["at"]
            elif event["accepted"] and not event["value"] and since is not None:
                spans.append((since, event["at"]))
                since = None
        return spans if since is None else [*spans, (since, float("inf"))]

    def is_shown(self, typist: Typist, burst: Burst) -> bool:
        """The agent saw this burst, or its end at least."""
        return any(on <= burst.last + DEBOUNCE_MS and off >= burst.first for on, off in self.lit(typist))

    def recovered_at(self, typist: Typist, burst: Burst) -> float:
        """When the faults that hit this burst no longer kept its `true` away."""
        begin, end = burst.first - 1_000, burst.last + DEBOUNCE_MS
        calls = [e for e in self.calls_of(typist) if e["value"] and begin < e["received_at"] < end]
        holds = [burst.first]
        for number, call in enumerate(calls):
            retry_ms = max(2_000, 1_250 * 2**number)
            holds.append(call["at"] + (LOCK_MS if call["status"] is None else retry_ms))
        holds += [at + LOCK_MS + 2_000 for at in self.lost_senders.get(typist.name, []) if begin - LOCK_MS < at < end]
        holds += [at for at in typist.failures if begin < at < end]
        holds += [over for at, over in (*self.pauses, *self.slow) if at < end and over > begin]
        return max(holds) + RECOVERY_MS

    def late(self) -> list[float]:
        """For each burst that was shown, how long its indicator stayed on after the last key (ms)."""
        found = []
        for typist, burst in self.bursts():
            following = min((b.first for b in typist.bursts if b.first > burst.last), default=float("inf"))
            ends = [off for on, off in self.lit(typist) if on <= burst.last + DEBOUNCE_MS and off >= burst.last]
            found += [min(min(ends), following) - burst.last] if ends else []
        return found

    def outlived(self) -> list[tuple[Typist, Burst]]:
        """The bursts that went on after their faults had no effect any more."""
        return [(typist, burst) for typist, burst in self.bursts() if self.recovered_at(typist, burst) < burst.last]

    def problems(self) -> list[str]:
        """What must not be, in words."""
        found = [f"{self.left_on} indicators are left on"] if self.left_on else []
        begun = {guest: [b.first for b in typist.bursts] for typist in self.typists for guest in typist.guests}
        died = {guest: self.lost_senders.get(typist.name, []) for typist in self.typists for guest in typist.guests}
        found += violations(self.events, begun, died)
        for typist, burst in self.outlived():
            if not self.is_shown(typist, burst):
                found.append(f"{typist.name}: the burst from {burst.first} to {burst.last} outlived its faults unseen")
        return found

    def rows(self) -> Iterator[tuple[str, object]]:
        """The table: what was counted, and how much."""
        shown = sum(self.is_shown(typist, burst) for typist, burst in self.bursts())
        total = len(list(self.bursts()))
        late = self.late()
        kinds = Counter(event["kind"] for event in self.events)
        outcomes = Counter(_outcome(event) for event in self.events if event["kind"] == "typing")
        yield "bursts", f"{total} of {len(self.typists)} visitors in {self.seconds:.0f} s"
        outlived = self.outlived()
        yield "bursts shown", shown
        yield "bursts that outlived their faults", len(outlived)
        yield "of these shown", sum(self.is_shown(typist, burst) for typist, burst in outlived)
        yield "typing calls", f"{kinds['typing']}: " + ", ".join(f"{n} {what}" for what, n in outcomes.most_common())
        yield "verifications", kinds["typing_read"]
        yield "workers killed", ", ".join(f"{n} {function}" for function, n in self.kills.items())
        yield "calls of a sender that failed", sum(map(len, self.lost_senders.values()))
        yield "tokens revoked", sum(event.get("what") == "revoke-tokens" for event in self.events)
        yield "token requests", kinds["token"]
        yield "pauses by the breaker", len(self.pauses)
        yield "frames waited for the one worker", f"{sum(over - at for at, over in self.slow) / 1000:.0f} s"
        yield "on after the last key, median", f"{statistics.median(late) / 1000:.1f} s"
        yield "on after the last key, longest", f"{max(late) / 1000:.1f} s"
        yield "indicators left on", self.left_on


def _outcome(event: Event) -> str:
    if event["status"] is not None:
        return str(event["status"])
    return event["fault"]


def play_storm(stage: RelayStage, visitors: int, bursts: int, *, sweep: bool = False) -> Report:
    """Play ``bursts`` for each of ``visitors`` in the storm, and wait until all is settled.

    ``sweep``: call the sweeper all the time instead of leaving that to its schedule.
    """
    cxone = stage.cxone()
    began, after = time.monotonic(), cxone.last_event()
    typists = [Typist(f"typist-{n}-{after}") for n in range(visitors)]
    with ThreadPoolExecutor(visitors) as pool:
        front_ends = list(pool.map(lambda typist: _enter(stage, typist), typists))
        with _storm(stage, cxone) as kills, stage.pings() as slow:
            list(pool.map(_type, [stage] * visitors, typists, front_ends, [bursts] * visitors))
    _settle(stage, typists, sweep)
    for typist, front_end in zip(typists, front_ends, strict=True):
        typist.failures = front_end.failures
        front_end.close()
    mine = {guest for typist in typists for guest in typist.guests}
    events = [e for e in cxone.events(after) if e.get("guest_id", "") in mine or e["kind"] in ("token", "fault")]
    left_on = sum(guest["typing"] for guest in cxone.guests() if guest["guest_id"] in mine)
    seconds = time.monotonic() - began
    return Report(typists, events, kills, lost_senders(stage), pauses(stage), slow, left_on, seconds)


def _enter(stage: RelayStage, typist: Typist) -> Visitor:
    front_end = stage.connect(typist.name)
    front_end.is_ready(PATIENCE_S)
    typist.guests.add(stage.record(typist.name).guest_id)
    return front_end


def _type(stage: RelayStage, typist: Typist, front_end: Visitor, bursts: int) -> None:
    """Type, and after every other burst send the message."""
    chance = random.Random(typist.name)
    for number in range(bursts):
        length_ms = chance.uniform(*BURST_S) * 1000
        keys = [key for key in key_times([chance.randint(60, 700) for _ in range(200)]) if key <= length_ms]
        start = front_end.type(keys)
        stopped = number % 2 == 1
        if stopped:
            front_end.send({"action": "stop"})
        typist.bursts.append(Burst(start, start + keys[-1], stopped))
        time.sleep(chance.uniform(*PAUSE_S))
        typist.guests.add(stage.record(typist.name).guest_id)
    typist.guests.discard("")


def _settle(stage: RelayStage, typists: Sequence[Typist], sweep: bool) -> None:
    def is_settled() -> bool:
        if sweep:
            stage.sweep()
        return all(stage.record(typist.name).lease_until == 0 for typist in typists)

    wait_until(is_settled, "all bursts to be settled", DARK_S)


# --- the storm


@contextmanager
def _storm(stage: RelayStage, cxone: SimulatorControl) -> Iterator[Counter[str]]:
    """Faults, revocations and kills while the block lasts; counts the kills by function."""
    kills: Counter[str] = Counter()
    over = threading.Event()
    chance = random.Random(1)
    revoker = stage.cxone()

    def kill_one() -> None:
        function = chance.choice(KILLED)
        pid = busiest([pid for pid in stage.workers(function) if _age_s(pid) > GROWN_UP_S], over)
        if pid is not None:
            kill(pid)
            kills[function] += 1

    threads = [
        threading.Thread(target=repeat, args=(over, KILL_EVERY_S, kill_one)),
        threading.Thread(target=repeat, args=(over, REVOKE_EVERY_S, revoker.revoke_tokens)),
    ]
    cxone.set_faults(**FAULTS)
    for thread in threads:
        thread.start()
    try:
        yield kills
    finally:
        over.set()
        for thread in threads:
            thread.join()
        cxone.set_faults(throttle={"rate": 0}, hang_rate=0, reset_rate=0)


def busiest(pids: Sequence[int], over: threading.Event) -> int | None:
    """The process that uses most of the CPU within half a second."""
    before = {pid: _cpu_ticks(pid) for pid in pids}
    over.wait(0.5)
    return max(pids, key=lambda pid: _cpu_ticks(pid) - before[pid], default=None)


def _cpu_ticks(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[11]) + int(fields[12])  # utime and stime, proc(5)


def _age_s(pid: int) -> float:
    started_s = int(_stat(pid)[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s


def _stat(pid: int) -> list[str]:
    """The fields of proc(5)'s stat from the third on; zeros when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 20


# --- evidence


def lost_senders(stage: RelayStage) -> dict[str, list[float]]:
    """When (epoch ms) a sender of each session died at work, as the state machine saw it."""
    states = stage.aws.client("stepfunctions")
    machine = stage.stack.info["state_machine_arn"]
    found: dict[str, list[float]] = {}
    for page in states.get_paginator("list_executions").paginate(stateMachineArn=machine):
        for execution in page["executions"]:
            arn = execution["executionArn"]
            events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
            lost = [event["timestamp"].timestamp() * 1000 for event in events if event["type"] == "TaskFailed"]
            if lost:
                session_id = json.loads(states.describe_execution(executionArn=arn)["input"])["session_id"]
                found.setdefault(session_id, []).extend(lost)
    return found


def pauses(stage: RelayStage) -> list[tuple[float, float]]:
    """When (epoch ms) the breaker opened and closed."""
    lines = [line for line in stage.sender_log() if "pause_ms" in line]
    opened = [datetime.strptime(line["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z").timestamp() * 1000 for line in lines]
    return [(at, at + line["pause_ms"]) for at, line in zip(opened, lines, strict=True)]


def stop_latencies(stage: RelayStage, count: int) -> list[float]:
    """From a stop frame to CXone's having taken `false`, on a calm stack (ms)."""
    found = []
    with Actor(stage, "stopper") as actor:
        for _ in range(count):
            with actor.typing():
                actor.waits_for_post(True)
            stopped_at = now_ms()
            actor.stop()
            found.append(actor.waits_for_post(False)["at"] - stopped_at)
            time.sleep(1)
    return found


def main(visitors: int = 10, bursts: int = 20) -> None:
    """Print the tables. SystemExit when something is wrong."""
    with Stack(as_newest=False, senders=12) as stack:
        stage = RelayStage(stack)
        latencies = stop_latencies(stage, 20)
        report = play_storm(stage, visitors, bursts)
    print(f"stop frame to `false` taken, calm stack: median {statistics.median(latencies):.0f} ms,", end=" ")
    print(f"p95 {statistics.quantiles(latencies, n=20, method='inclusive')[-1]:.0f} ms, {len(latencies)} stops\n")
    for what, value in report.rows():
        print(f"  {what:<42} {value}")
    problems = report.problems()
    for problem in problems:
        print(f"WRONG: {problem}")
    if problems:
        sys.exit("Something came out wrong.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

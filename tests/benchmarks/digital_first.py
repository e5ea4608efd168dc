"""Digital-First on the local stack: 24 people's typing at the same time, and messages while keepers are killed.

python -m tests.benchmarks.digital_first [MESSAGES]

Lags are from the key press in the browser to the gateway's having taken the frame.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from local.playing.rhythm import frames_due, key_times
from local.stack.settings import read_settings
from local.stack.stack import Stack
from tests.benchmarks.real_typing import HEARTBEAT_MS, HOLD_MS, SPAN_MS, TRACES, Result, print_table
from tests.support.gateway_stage import STARTED, TYPING, Chatter, GatewayStage
from tests.support.relay_stage import repeat, wait_until

WRITERS, KEEPERS = 20, 6
KILL_EVERY_S = 10.0
#: This many of a writer's messages wait for their answers at the same time.
WINDOW = 2
#: The door takes two a second of a connection.
PACE_S = 0.55
#: A front end asks again about a message that it has heard nothing of for this long.
ASK_AGAIN_S = 20.0
#: A front end that hears nothing for longer takes its connection for dead.
PING_EVERY_S = 10.0
#: None waits longer: five minutes, and three for whoever says so (T15).
LONGEST_S = 8 * 60.0
SETTINGS = read_settings({"CXONE_PLATFORM": "dfo"})


def type_together() -> None:
    """24 people, 60 s of each."""
    traces = [json.loads(line) for line in TRACES.read_text().splitlines()]
    keys = [[key for key in key_times(trace["gaps_ms"]) if key < SPAN_MS] for trace in traces]
    names = [trace["trace"] for trace in traces]
    with Stack(SETTINGS, as_newest=False) as stack, ThreadPoolExecutor(len(names)) as pool:
        stage = GatewayStage(stack)
        everybody = list(pool.map(_type, [stage] * len(names), names, keys))
        print_table(f"{len(names)} people, {SPAN_MS // 1000} s of each, all at the same time", everybody)
        left_on = sum(thread["typing"] for thread in stage.gateway().threads())
        print(f"indicators left on: {left_on}; rules of the gateway broken: {len(stage.gateway().violations())}")


def _type(stage: GatewayStage, name: str, keys: Sequence[int]) -> Result:
    with Chatter(stage, name) as person:
        person.begins()
        start = person.front_end.type(keys, HEARTBEAT_MS, HOLD_MS)
        time.sleep(4)
        taken = [e for e in person.events("frame") if e["event_type"] in TYPING and e["accepted"]]
        calls = [(event["at"], event["event_type"] == STARTED) for event in taken]
        return Result(start, keys, len(list(frames_due(keys, HEARTBEAT_MS, HOLD_MS))), calls)


# --- messages while keepers die


@dataclass
class _Waiting:
    text: str
    since: float
    asked: float


@dataclass
class Writer:
    """What one visitor sent, in order, and how each message ended after how long (s)."""

    chatter: Chatter
    sent: list[str] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)
    waited: list[float] = field(default_factory=list)

    def writes(self, messages: int) -> None:
        """This many, two at a time; asks again as a front end does."""
        waiting: dict[str, _Waiting] = {}
        pinged = time.monotonic()
        while len(self.ended) < messages:
            now = time.monotonic()
            if now - pinged > PING_EVERY_S:
                self.chatter.front_end.send({"action": "ping"})
                pinged = now
            unanswered = [message_id for message_id, w in waiting.items() if now - w.asked > ASK_AGAIN_S]
            if unanswered:
                self._asks_again(unanswered[0], waiting[unanswered[0]], now)
            elif len(waiting) < WINDOW and len(self.sent) < messages:
                text = f"message {len(self.sent)}"
                self.sent.append(self.chatter.says(text))
                waiting[self.sent[-1]] = _Waiting(text, now, now)
            time.sleep(PACE_S)
            self._hears(waiting)

    def _asks_again(self, message_id: str, waiting: _Waiting, now: float) -> None:
        if now - waiting.since > LONGEST_S:
            raise TimeoutError(f"{self.chatter.name}: {message_id} waits for ever")
        waiting.asked = now
        self.chatter.says(waiting.text, message_id)

    def _hears(self, waiting: dict[str, _Waiting]) -> None:
        frames = self.chatter.front_end.frames
        heard = frames[:]
        del frames[: len(heard)]
        for frame in heard:
            if frame["type"] == "message" and frame["id"] in waiting:
                self.ended[frame["id"]] = frame.get("reason") or frame["status"]
                self.waited.append(time.monotonic() - waiting.pop(frame["id"]).since)

    def problems(self) -> Iterator[str]:
        """What must not be, in words."""
        taken = [
            message["id_on_external_platform"]
            for thread in self.chatter.gateway.threads()
            if thread["visitor_id"] == self.chatter.visitor_id
            for message in thread["messages"]
        ]
        mine = [message_id for message_id in taken if message_id in set(self.sent)]
        if len(set(mine)) != len(mine):
            yield f"{self.chatter.name}: a message was delivered twice"
        if mine != [message_id for message_id in self.sent if message_id in set(mine)]:
            yield f"{self.chatter.name}: out of order"
        for message_id, how in self.ended.items():
            if (how == "accepted") != (message_id in set(mine)) and how != "unconfirmed":
                yield f"{self.chatter.name}: {message_id} ended {how}, and is it delivered? {message_id in set(mine)}"


def write_through_deaths(messages: int) -> list[str]:
    """Each of many visitors writes while every few seconds a keeper is killed; returns what came out wrong."""
    with Stack(SETTINGS, as_newest=False, keepers=KEEPERS) as stack, ThreadPoolExecutor(WRITERS) as pool:
        stage = GatewayStage(stack)
        writers = [Writer(chatter) for chatter in pool.map(lambda n: Chatter(stage, f"writer-{n}"), range(WRITERS))]
        each = messages // WRITERS
        began = time.monotonic()
        with _keepers_killed(stage) as kills:
            list(pool.map(lambda writer: writer.writes(each), writers))
        seconds = time.monotonic() - began
        wait_until(lambda: not any(thread["typing"] for thread in stage.gateway().threads()), "nobody to be typing")
        problems = [problem for writer in writers for problem in writer.problems()]
        problems += [f"a rule was broken: {rule}" for rule in stage.gateway().violations()]
        ended = Counter(how for writer in writers for how in writer.ended.values())
        waited = sorted(second for writer in writers for second in writer.waited)
        print(f"\n{each * WRITERS} messages of {WRITERS} visitors in {seconds:.0f} s, {KEEPERS} keepers,", end=" ")
        print(f"{len(kills)} times one was killed")
        print(f"  ended: {', '.join(f'{n} {how}' for how, n in ended.most_common())}")
        print(f"  answered after: median {statistics.median(waited):.2f} s,", end=" ")
        print(f"p95 {waited[int(len(waited) * 0.95)]:.1f} s, longest {waited[-1]:.1f} s")
        for writer in writers:
            writer.chatter.front_end.close()
        return problems


@contextmanager
def _keepers_killed(stage: GatewayStage) -> Iterator[list[int]]:
    """Every few seconds the next of the keepers, while the block lasts."""
    killed: list[int] = []
    over, numbers = threading.Event(), count()

    def kill_one() -> None:
        pids = stage.stack.info["keeper_pids"]
        pid = pids[next(numbers) % len(pids)]
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    thread = threading.Thread(target=repeat, args=(over, KILL_EVERY_S, kill_one))
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def main(messages: int = 10_000) -> None:
    """Print the tables. SystemExit when something is wrong."""
    type_together()
    problems = write_through_deaths(messages)
    for problem in problems:
        print(f"WRONG: {problem}")
    if problems:
        sys.exit("Something came out wrong.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

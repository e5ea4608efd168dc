"""Both platforms for an hour: people type, sockets drop, keepers are replaced. Does anything grow that should not?

make bench ARGS=soak MINUTES=60 VISITORS=10

Visitors come for some minutes, type as real people did, open a contact (Digital-First) and leave; others come. All the
while a guest's socket breaks each half minute, all at once each five minutes, and each ten minutes one of the two
keepers is replaced: told to end, or killed, in turn. Of every process memory (anonymous), threads and sockets are
measured, of every stack its records, its guests' queue messages and its open guest sockets. Memory and threads of the
product's own processes must not grow, nothing may be left when all have left, and no visitor may meet an error. The
emulator's figures are shown and not judged: it keeps all that happened.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from local.commands.token import visitor_token
from local.load.agents import Agents
from local.load.crowd import Crowd, Target
from local.load.plan import Plan
from local.load.tally import Tally
from local.playing.recordings import recordings
from local.stack.settings import read_settings
from local.stack.stack import Stack
from tests.support.gateway_stage import GatewayStage
from tests.support.relay_stage import RelayStage, repeat
from tests.support.trends import Series

ROUND_MINUTES = 4.0
DROP_S, ALL_DROP_S, REPLACE_S, MEASURE_S = 30.0, 300.0, 600.0, 5.0
#: A guest is kept for a minute after its visitor has left; a killed keeper's guests appear again after half a minute.
EMPTY_WITHIN_S = 180.0
#: MB, threads or sockets by which the median of the last third may be above that of the middle third.
MEMORY_MB, COUNT = 2.0, 2.0
#: What was measured for a shorter time is not judged, or not shown; what moved by less is not shown either.
JUDGED_FROM_S, SHOWN_FROM_S, STEADY = 300.0, 60.0, 0.2
WIDTH = 40


@dataclass
class Place:
    """One stack, and what was measured of it."""

    platform: str
    stage: RelayStage
    #: At the same time.
    visitors: int
    series: dict[tuple[str, str], Series] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    sessions: list[str] = field(default_factory=list)
    bursts: int = 0
    missed: int = 0
    replaced: int = 0

    def measure(self, at: float) -> None:
        """Everything, once."""
        info = self.stage.stack.info
        for pid in info["keeper_pids"]:
            self._measure_process("keeper", pid, at, is_ours=True)
        for function in info["functions"]:
            for pid in self.stage.workers(function):
                self._measure_process(function, pid, at, is_ours=True)
        self._measure_process("emulator", self.stage.emulator_pid(), at, is_ours=False)
        for what, value in counts(self.stage).items():
            self._series(what, "", "", None).add(at, value)

    def _measure_process(self, role: str, pid: int, at: float, *, is_ours: bool) -> None:
        memory = _status(pid).get("RssAnon")
        if memory is None:
            return  # gone
        name = f"{role} {pid}"
        self._series(name, "memory", "MB", MEMORY_MB if is_ours else None).add(at, memory / 1024)
        self._series(name, "threads", "", COUNT if is_ours else None).add(at, _status(pid).get("Threads", 0))
        self._series(name, "sockets", "", None).add(at, _sockets(pid))

    def _series(self, name: str, what: str, unit: str, may_grow: float | None) -> Series:
        known = self.series.get((name, what))
        if known is None:
            known = self.series[name, what] = Series(f"{name} {what}".strip(), unit, may_grow)
        return known

    def problems(self) -> Iterator[str]:
        """What must not be, in words."""
        for series in self.series.values():
            if series.lasted_s >= JUDGED_FROM_S and series.grows():
                yield f"{self.platform}: {series.name} grows: {series.growth():+.1f} {series.unit}".rstrip()
        if not any(series.may_grow is not None and series.lasted_s >= JUDGED_FROM_S for series in self.series.values()):
            yield f"{self.platform}: nothing was measured for long enough to be judged: MINUTES must be more"
        for error, times in self.errors.items():
            yield f"{self.platform}: {times} × {error}"
        for failure in self.stage.stack.failed_invocations:
            yield f"{self.platform}: an invocation failed: {failure}"


def counts(stage: RelayStage) -> dict[str, int]:
    """Of a stack: sessions' records, messages that hold guests, messages nobody could take, open guest sockets."""
    info, sqs = stage.stack.info, stage.aws.client("sqs")
    asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def messages(url: str) -> int:
        return sum(int(n) for n in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"].values())

    reads = stage.aws.client("dynamodb").get_paginator("scan")
    pages = reads.paginate(TableName=info["table_name"], ProjectionExpression="session_id")
    keys = [item["session_id"]["S"] for page in pages for item in page["Items"]]
    guests = stage.gateway().visitors() if isinstance(stage, GatewayStage) else stage.cxone().guests()
    return {
        "records": sum("#" not in key for key in keys),  # beside one lies what opens its guest's socket
        "guests held": messages(info["guest_queue_url"]),
        "dead letters": messages(info["guest_dead_letters_url"]),
        "guest sockets": sum(guest["sockets"] for guest in guests),
    }


def _status(pid: int) -> dict[str, int]:
    """The numbers in proc(5)'s status; of memory in KB. Empty when the process is gone."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        fields = (line.split(":", 1) for line in lines)
        return {name: int(value.split()[0]) for name, value in fields if value.split() and value.split()[0].isdigit()}
    return {}


def _sockets(pid: int) -> int:
    found = 0
    with suppress(OSError):
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found += os.readlink(descriptor.path).startswith("socket:")
    return found


# --- what happens meanwhile


def people_come_and_go(place: Place, ends_at: float) -> None:
    """Round after round until ``ends_at`` (monotonic s), each with other visitors."""
    number = 0
    while (left_s := ends_at - time.monotonic()) > 60:
        number += 1
        _round(place, number, min(ROUND_MINUTES, left_s / 60))


def _round(place: Place, number: int, minutes: float) -> None:
    info = place.stage.stack.info
    sessions = [f"soak-{number}-{visitor}" for visitor in range(place.visitors)]
    place.sessions += sessions
    life_s = round(minutes * 60) + 300
    tokens = [visitor_token(place.stage.aws, info["visitor_secret_arn"], session, life_s) for session in sessions]
    plan = Plan(place.visitors, minutes, a_second=2.0, opens_contacts=place.platform == "dfo")
    agents, tally = Agents(info), Tally()
    crowd = Crowd(plan, Target(info["websocket_url"], tokens, sessions), recordings(), tally)
    asyncio.run(crowd.play())
    seen, _ = agents.look(tally.typed, crowd.debounce_ms)
    if seen.left_on:
        tally.errors["an agent still sees a visitor type"] += seen.left_on
    place.errors += tally.errors
    place.bursts += tally.bursts
    place.missed += seen.missed


def break_sockets(place: Place, over: threading.Event) -> None:
    """One guest's each half minute, everybody's each five minutes."""
    chance, number = random.Random(place.platform), 0
    while not over.wait(DROP_S):
        number += 1
        if number % round(ALL_DROP_S / DROP_S) == 0:
            _drop(place, None)
        elif there := _guests_with_sockets(place.stage):
            _drop(place, chance.choice(there))


def _guests_with_sockets(stage: RelayStage) -> list[str]:
    if isinstance(stage, GatewayStage):
        return [visitor["visitor_id"] for visitor in stage.gateway().visitors() if visitor["sockets"]]
    return [guest["guest_id"] for guest in stage.cxone().guests() if guest["sockets"]]


def _drop(place: Place, guest: str | None) -> None:
    stage = place.stage
    (stage.gateway() if isinstance(stage, GatewayStage) else stage.cxone()).drop_sockets("reset", guest)


def replace_keepers(place: Place, over: threading.Event) -> None:
    """One each ten minutes, so that each lives twenty: told to end, as by a deployment, or killed, in turn."""
    while not over.wait(REPLACE_S):
        pids = place.stage.stack.info["keeper_pids"]
        with suppress(ProcessLookupError):  # it is being replaced
            os.kill(pids[place.replaced % len(pids)], (signal.SIGTERM, signal.SIGKILL)[place.replaced // 2 % 2])
        place.replaced += 1


@contextmanager
def meanwhile(*acts: Callable[[threading.Event], object]) -> Iterator[None]:
    """Each runs in a thread of its own until the event that it is given is set, at the end of the block.

    Raises what one of them raised.
    """
    over = threading.Event()
    with ThreadPoolExecutor(len(acts)) as pool:
        running = [pool.submit(act, over) for act in acts]
        try:
            yield
        finally:
            over.set()
    for act in running:
        act.result()


def measure_all(places: list[Place], over: threading.Event) -> None:
    """Each five seconds."""

    def measure() -> None:
        for place in places:
            place.measure(time.monotonic())

    repeat(over, MEASURE_S, measure)


def show_progress(places: list[Place], ends_at: float, over: threading.Event) -> None:
    """A line each minute."""

    def show() -> None:
        left = max(0, ends_at - time.monotonic()) / 60
        parts = [f"{p.platform}: {p.bursts} bursts, {p.replaced} keepers replaced" for p in places]
        print(f"  {left:5.0f} min left   {'   '.join(parts)}", flush=True)

    repeat(over, 60.0, show)


# --- the end


def all_gone(place: Place) -> Iterator[str]:
    """Wait until nothing is left of the visitors who have left; what still is, in words."""
    deadline = time.monotonic() + EMPTY_WITHIN_S
    while (left := counts(place.stage))["guests held"] or left["guest sockets"]:
        if time.monotonic() > deadline:
            yield f"{place.platform}: left behind after {EMPTY_WITHIN_S:.0f} s: {left}"
            break
        time.sleep(1)
    if left["records"] != len(place.sessions):
        yield f"{place.platform}: {left['records']} records of {len(place.sessions)} visitors"
    if left["dead letters"]:
        yield f"{place.platform}: {left['dead letters']} dead letters"
    owned = [session for session in place.sessions if place.stage.record(session).lease_until]
    if owned:
        yield f"{place.platform}: bursts without end: {owned}"


def print_pictures(place: Place) -> None:
    """A row for each figure that was measured for long enough and has moved: first, least, most, growth, course."""
    print(f"\n{place.platform}: {len(place.sessions)} visitors, {place.replaced} keepers replaced")
    print(f"{place.bursts} bursts, of which {place.missed} were shown with another")
    print(f"  {'':<28}{'first':>8}{'least':>8}{'most':>8}{'growth':>8}")
    measured = [series for series in place.series.values() if series.lasted_s >= SHOWN_FROM_S]
    moved = [series for series in measured if max(series.values) - min(series.values) >= STEADY]
    for series in sorted(moved, key=lambda series: series.name):
        first, least, most = series.values[0], min(series.values), max(series.values)
        figures = f"{first:8.1f}{least:8.1f}{most:8.1f}{series.growth():+8.1f}"
        print(f"  {series.name:<28}{figures}  {series.picture(WIDTH)}")
    print(f"  and {len(measured) - len(moved)} figures that did not move")


def main() -> None:
    """Play, print the pictures. SystemExit when something grows, is left behind or went wrong."""
    minutes, visitors = float(os.environ.get("MINUTES") or 60), int(os.environ.get("VISITORS") or 10)
    dfo = read_settings({"CXONE_PLATFORM": "dfo"})
    with Stack(as_newest=False, keepers=2) as webchat, Stack(dfo, as_newest=False, keepers=2) as gateway:
        places = [Place("v1", RelayStage(webchat), visitors), Place("dfo", GatewayStage(gateway), visitors)]
        ends_at = time.monotonic() + minutes * 60
        faults = [partial(act, place) for act in (break_sockets, replace_keepers) for place in places]
        with meanwhile(partial(measure_all, places), partial(show_progress, places, ends_at)):
            with meanwhile(*faults), ThreadPoolExecutor(len(places)) as pool:
                list(pool.map(people_come_and_go, places, [ends_at] * len(places)))
            problems = [problem for place in places for problem in all_gone(place)]
            time.sleep(MEASURE_S)  # the end is in the pictures
        problems += [problem for place in places for problem in place.problems()]
        for place in places:
            print_pictures(place)
    for problem in problems:
        print(f"WRONG: {problem}")
    if problems:
        sys.exit("Something came out wrong.")


if __name__ == "__main__":
    main()

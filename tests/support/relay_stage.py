"""A running stack as fault tests use it: visitors, faults for one guest or all, processes to kill, what CXone saw."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typing_relay.aws.sessions import DynamoSessions
from typing_relay.relay.burst import Session

from local.commands.token import visitor_token
from local.cxone_simulator.client import SimulatorControl
from local.playing.visitor import Visitor, now_ms
from local.simulating.client import Event
from local.stack.stack import Stack
from tests.support.call_rules import repeats, violations

#: How long a busy machine may take over what should take a moment.
PATIENCE_S = 30.0
#: T4's bound, and the emulator's sweeper schedule, which is up to 10 s late.
DARK_S = 30.0 + 10.0
KEY_EVERY_S = 0.4
#: For a stack whose keeper is to be killed: what takes the template's keepers half a minute.
SOON_TAKEN_OVER = {"KEEPER_VISIBILITY_SECONDS": "8"}
DEBOUNCE_MS = 2000
#: The emulator takes all frames to one worker. A pong that takes longer than this means that they wait for it.
SLOW_MS = 700


class RelayStage:
    """One running stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.aws = stack.aws
        self._sessions = DynamoSessions(self.aws.client("dynamodb"), stack.info["table_name"])
        for service in ("lambda", "secretsmanager", "stepfunctions"):
            self.aws.client(service)  # boto3 makes clients safely in one thread only
        self._guest_faults: dict[str, dict[str, Any]] = {}
        self._one_at_a_time = threading.Lock()
        self._front_ends: list[Visitor] = []

    def cxone(self) -> SimulatorControl:
        """Controls of the simulated CXone, for one thread."""
        return SimulatorControl(self.stack.info["cxone_base_url"])

    def connect(self, visitor: str, **claims: Any) -> Visitor:
        """A front end of this visitor, whose token has these claims, too."""
        token = visitor_token(self.aws, self.stack.info["visitor_secret_arn"], visitor, **claims)
        front_end = Visitor(self.stack.info["websocket_url"], token)
        self._front_ends.append(front_end)
        return front_end

    def heard(self) -> list[dict[str, Any]]:
        """Every frame that any front end has been sent."""
        return [frame for front_end in self._front_ends for frame in front_end.heard]

    def record(self, visitor: str) -> Session:
        """The visitor's session record as it stands."""
        record = self._sessions.get(visitor, now_ms())
        assert record is not None, f"{visitor} has no record"
        return record

    def is_recorded(self, visitor: str) -> bool:
        """The visitor has a record that counts."""
        return self._sessions.get(visitor, now_ms()) is not None

    def set_faults_of(self, guest_id: str, **faults: Any) -> None:
        """These and no other faults for this guest."""
        with self._one_at_a_time:
            self._guest_faults[guest_id] = faults
            self.cxone().set_faults(guests=self._guest_faults)

    def forget_faults_of(self, guests: Sequence[str]) -> None:
        """What holds for everyone holds for these guests again."""
        with self._one_at_a_time:
            self._guest_faults = {guest: faults for guest, faults in self._guest_faults.items() if guest not in guests}
            self.cxone().set_faults(guests=self._guest_faults)

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """One function, called by hand; its answer. An error in it fails the test."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.stack.info["functions"][function], Payload=json.dumps(event)
        )
        content = answer["Payload"].read().decode()
        assert "FunctionError" not in answer, content
        return json.loads(content)

    def send_as_owner(self, visitor: str, generation: int) -> Any:
        """The sender, called as the state machine does it for this owner."""
        started_at = datetime.now(UTC).isoformat()
        return self.invoke("Sender", {"session_id": visitor, "generation": generation, "started_at": started_at})

    def sweep(self) -> Any:
        """The sweeper, without waiting for the minute."""
        return self.invoke("Sweeper", {})

    def sender_log(self) -> list[dict[str, Any]]:
        """What the sender logged when called by the state machine or by hand, oldest first."""
        name = self.stack.info["functions"]["Sender"]
        group = self.aws.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        pages = self.aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        messages = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(message) for message in messages if message.startswith("{")]

    # --- processes

    def emulator_pid(self) -> int:
        """The AWS emulator of this stack."""
        return self.stack.emulator_pid

    def workers(self, function: str = "") -> list[int]:
        """The Lambda worker processes of one function, or of all."""
        name = self.stack.info["functions"].get(function, "").partition(":")[0]  # without its alias
        mark = f"ministack-lambda-{name}"
        return [pid for pid in _children(self.emulator_pid()) if mark in _command(pid)]

    def kill_workers(self, function: str) -> int:
        """SIGKILL to every worker of the function; returns how many there were."""
        pids = self.workers(function)
        for pid in pids:
            kill(pid)
        return len(pids)

    @contextmanager
    def frozen_emulator(self, seconds: float) -> Iterator[None]:
        """The emulator stands still for this long, from now on."""
        pid = self.emulator_pid()
        os.kill(pid, signal.SIGSTOP)
        thaw = threading.Timer(seconds, os.kill, (pid, signal.SIGCONT))
        thaw.start()
        try:
            yield
        finally:
            thaw.join()

    @contextmanager
    def frozen_keeper(self) -> Iterator[None]:
        """The one keeper stands still while the block lasts."""
        [pid] = self.stack.info["keeper_pids"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def pings(self) -> Iterator[list[tuple[float, float]]]:
        """Ping while the block lasts; collects when a pong was slow, from ping to pong (epoch ms)."""
        slow: list[tuple[float, float]] = []
        over = threading.Event()

        def ping() -> None:
            front_end.frames.clear()
            sent = front_end.send({"action": "ping"})
            with suppress(TimeoutError):  # killed with the worker
                front_end.wait_for("pong", PATIENCE_S / 10)
            if now_ms() - sent > SLOW_MS:
                slow.append((sent, now_ms()))

        with self.connect(f"pinger-{now_ms()}") as front_end:
            thread = threading.Thread(target=repeat, args=(over, 0.3, ping), daemon=True)
            thread.start()
            try:
                yield slow
            finally:
                over.set()
                thread.join()


class Typist:
    """A visitor at a front end that is ready."""

    def __init__(self, stage: RelayStage, name: str, **claims: Any) -> None:
        self.stage, self.name = stage, name
        self.front_end = stage.connect(name, **claims)
        self.front_end.is_ready(PATIENCE_S)
        self._typed_at = 0
        self._bursts: list[float] = []

    def key(self, ago_ms: int = 0, **more: Any) -> None:
        """Press one key. ``more``: of the frame."""
        self._typed(now_ms() - ago_ms)
        self.front_end.send({"action": "keystroke", "ago_ms": ago_ms, **more})

    def key_in(self, other_tab: Visitor) -> None:
        """Press one key in another tab of this visitor. It is on record when this returns."""
        known = set(self.stage.record(self.name).keys)
        other_tab.send({"action": "keystroke"})
        wait_until(lambda: set(self.stage.record(self.name).keys) > known, "the other tab's key on record")

    def stop(self) -> None:
        """Send the message, or clear the box."""
        self.front_end.send({"action": "stop"})

    @contextmanager
    def typing(self, front_end: Visitor | None = None) -> Iterator[None]:
        """Keys, one after the other, while the block lasts."""
        over = threading.Event()

        def press() -> None:
            while not over.is_set():
                self._typed(now_ms())
                (front_end or self.front_end).send({"action": "keystroke", "ago_ms": 0})
                over.wait(KEY_EVERY_S)

        fingers = threading.Thread(target=press)
        fingers.start()
        try:
            yield
        finally:
            over.set()
            fingers.join()

    def _typed(self, at: int) -> None:
        if at - self._typed_at >= DEBOUNCE_MS:
            self._bursts.append(at)
        self._typed_at = at


class Actor(Typist):
    """A visitor with a front end, and all that CXone sees of this visitor."""

    def __init__(self, stage: RelayStage, name: str) -> None:
        self.cxone = stage.cxone()
        self.began = self._seen = self.cxone.last_event()
        super().__init__(stage, name)
        self.guests = [stage.record(name).guest_id]

    def __enter__(self) -> Actor:
        return self

    def __exit__(self, *_: object) -> None:
        self.front_end.close()
        self.stage.forget_faults_of(self.guests)
        self.cxone.close()

    @property
    def guest(self) -> str:
        """The id of the newest guest known."""
        return self.guests[-1]

    # --- what CXone does

    def fault(self, **faults: Any) -> None:
        """These and no other faults for the newest guest."""
        self.stage.set_faults_of(self.guest, **faults)

    def calm(self) -> None:
        """No more faults for the newest guest."""
        self.fault()

    # --- what is seen

    def waits_for(self, kind: str, timeout_s: float = PATIENCE_S, **fields: Any) -> Event:
        """The next event of this visitor's newest guest. Raises TimeoutError, with all that came instead."""
        try:
            event = self.cxone.wait_for(kind, self._seen, timeout_s, guest_id=self.guest, **fields)
        except TimeoutError as error:
            record = self.stage.record(self.name)
            raise TimeoutError(f"{error}; there came {self.calls()}; the record: {record}") from None
        self._seen = event["n"]
        return event

    def waits_for_post(self, value: bool, status: int | None = 200, timeout_s: float = PATIENCE_S) -> Event:
        """The next typing POST with this value and this answer (None: no answer)."""
        return self.waits_for("typing", timeout_s, value=value, status=status)

    def waits_for_new_guest(self) -> str:
        """The next guest that is open for this visitor; its id."""
        known = set(self.guests)
        wait_until(lambda: self.stage.record(self.name).guest_id not in {"", *known}, "a new guest")
        self.guests.append(self.stage.record(self.name).guest_id)
        self._seen = self.began
        return self.guest

    def looks_away(self) -> None:
        """What happened until now is not waited for any more."""
        self._seen = self.cxone.last_event()

    def events(self) -> list[Event]:
        """All events of this visitor's guests."""
        return [event for event in self.cxone.events(self.began) if event.get("guest_id") in self.guests]

    def posts(self) -> list[tuple[bool, int | None]]:
        """The typing POSTs, as (value, status), oldest first."""
        return [(event["value"], event["status"]) for event in self.events() if event["kind"] == "typing"]

    def calls(self) -> list[tuple[str, Any, int | None]]:
        """All typing calls, as (kind, value, status)."""
        kinds = ("typing", "typing_read")
        return [(e["kind"], e.get("value"), e["status"]) for e in self.events() if e["kind"] in kinds]

    def settles(self, timeout_s: float = DARK_S) -> None:
        """Wait until the record is released and no guest of this visitor types; then T6 and T7 must have held."""
        wait_until(lambda: self.stage.record(self.name).lease_until == 0, f"{self.name} to be settled", timeout_s)
        shown = {guest["guest_id"]: guest["typing"] for guest in self.cxone.guests()}
        assert not any(shown[guest] for guest in self.guests), f"{self.name} is left typing: {self.calls()}"
        broken = violations(self.events(), dict.fromkeys(self.guests, self._bursts))
        assert not broken, broken

    def repeats(self) -> list[str]:
        """What was said twice for no reason (T12)."""
        return repeats(self.events())


def wait_until(is_so: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Look until it is so. Raises TimeoutError that names ``what``."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s} s in vain for {what}")
        time.sleep(0.1)


def repeat(over: threading.Event, every_s: float, act: Callable[[], None]) -> None:
    """Act again and again until it is over."""
    while not over.wait(every_s):
        act()


def kill(pid: int) -> None:
    """SIGKILL, unless it is gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _children(parent: int) -> Sequence[int]:
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(FileNotFoundError):  # that thread has ended
            found += [int(pid) for pid in task.read_text().split()]
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""

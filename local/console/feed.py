"""One numbered stream of events: CXone's, changes of session records and of the stack, chat messages."""

import asyncio
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from local.console.gateway_events import Threads
from local.console.records import Record, changed_records, read_records
from local.console.stack import Stack, read_stack
from local.platforms.platform import local_platform
from local.simulating.events import Event, EventLog
from local.stack import failures
from local.stack.failures import Failures

STACK_POLL = 0.5  # s
RECORD_POLL = 0.25  # s, while a page looks on
LONG_POLL = 20  # s
KEPT_FOR_NEW_PAGES = 2000  # events
SHOWN_OF_STACK = ("platform", "websocket_url", "cxone_base_url", "keeper_pids")


def now_ms() -> float:
    """The time in epoch ms."""
    return time.time() * 1000


class Feed:
    """Follows the stack. `run` identifies this feed: after a restart, numbers begin at 1 again."""

    def __init__(self, stack_file: Path):
        self.run = f"{time.time_ns():x}"
        self.log = EventLog()
        self.stack: Stack | None = None
        self.listeners = 0
        self.threads = Threads()
        self._stack_file = stack_file
        self._failures = Failures(stack_file.parent / failures.NAME)
        self._records: dict[str, Record] = {}

    def start_for_page(self, after: int) -> list[Event]:
        """The first events for a page that has seen those up to `after` (0: none)."""
        news = self.log.after(max(after, self.log.last - KEPT_FOR_NEW_PAGES))
        now = now_ms()
        records = [{"n": after, "at": now, "kind": "record", **record} for record in self._records.values()]
        return [self._stack_event(), *news, *records]

    async def follow_stack(self) -> None:
        """Keep `stack` up to date with the file until cancelled."""
        while True:
            stack = read_stack(self._stack_file)
            if stack != self.stack:
                self._change_stack(stack)
            await asyncio.sleep(STACK_POLL)

    async def follow_records(self) -> None:
        """Add an event for each record that changes, while a page is connected, until cancelled."""
        while True:
            await asyncio.sleep(RECORD_POLL)
            if self.stack and self.listeners:
                with suppress(BotoCoreError, ClientError):  # the stack is starting or stopping
                    await self._read_records(self.stack)

    async def follow_failures(self) -> None:
        """Note each invocation of a function that failed, until cancelled."""
        while True:
            for failure in self._failures.new():
                self.log.add("failure", failure.at, function=failure.function, text=str(failure))
            await asyncio.sleep(STACK_POLL)

    async def follow_simulator(self, http: aiohttp.ClientSession) -> None:
        """Add each event of the simulated CXone, until cancelled."""
        control_url, after = None, 0
        while True:
            if not self.stack or not self.stack.cxone_control_url:
                await asyncio.sleep(STACK_POLL)
                continue
            if self.stack.cxone_control_url != control_url:
                control_url, after = self.stack.cxone_control_url, 0
                self.threads = Threads()
            try:
                after = await self._read_simulator(http, self.stack, control_url, after)
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(STACK_POLL)

    def _change_stack(self, stack: Stack | None) -> None:
        if stack is None or self.stack is None or stack.pid != self.stack.pid:
            self._records = {}
        self.stack = stack
        event = self._stack_event()
        self.log.add(**{name: event[name] for name in event.keys() - {"n"}})

    async def _read_records(self, stack: Stack) -> None:
        records = await asyncio.to_thread(lambda: read_records(stack.aws.client("dynamodb"), stack.table_name))
        if stack != self.stack:
            return
        for record in changed_records(self._records, records):
            self.log.add("record", now_ms(), **record)
        self._records = records

    async def _read_simulator(self, http: aiohttp.ClientSession, stack: Stack, control_url: str, after: int) -> int:
        answer = await _get(http, f"{control_url}/events?after={after}&wait={LONG_POLL}")
        platform = local_platform(stack.platform)
        changed = any(map(platform.desk.changes_threads, answer["events"]))
        threads = await _get(http, f"{control_url}/threads") if changed else []
        for event in (*platform.events(answer["events"]), *self.threads.news(threads, now_ms())):
            fields = {name: value for name, value in event.items() if name not in ("n", "at", "kind")}
            if event["kind"] == "fault":
                fields["label"] = platform.desk.panel.label_of(event["what"])
            self.log.add(event["kind"], event["at"], **fields)
        return int(answer["next"])

    def _stack_event(self) -> dict[str, Any]:
        stack: dict[str, Any] = asdict(self.stack) if self.stack else {}
        shown = {name: stack[name] for name in SHOWN_OF_STACK if name in stack}
        return {
            "n": self.log.last,
            "at": now_ms(),
            "kind": "stack",
            "running": self.stack is not None,
            "simulator": bool(self.stack and self.stack.cxone_control_url),
            **shown,
        }


async def _get(http: aiohttp.ClientSession, url: str) -> Any:
    async with http.get(url, timeout=aiohttp.ClientTimeout(LONG_POLL + 5)) as response:
        return await response.json()

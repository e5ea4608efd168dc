"""Visitors without browsers, hundreds on one event loop: each connects, types, stops and disconnects."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp

from local.load import tally as lags
from local.load.plan import Plan, gaps_of, keys_within
from local.load.tally import Tally
from local.playing.rhythm import bursts, frames_due

HANDSHAKE_S, ANSWER_S, GUEST_S, CLOSE_S = 15.0, 15.0, 60.0, 3.0
#: Far more often than a front end (each 4 min), to have enough to measure, but still a negligible load.
PING_S = 60.0
#: A client's pauses before it connects again: full jitter, up to a limit that doubles.
BACKOFF_S, BACKOFF_CAP_S = 1.0, 30.0
#: After a connection that lived this long they begin with the first again.
STABLE_S = 10.0
#: After this many failed handshakes in a row, no more visitors connect.
TURNED_AWAY = 20
MESSAGE = "Good morning"


class TokenRoute(Protocol):
    """What a site's server tells its visitors, each by a number from 0 on."""

    @property
    def sessions(self) -> Sequence[str]:
        """Each visitor's session."""

    @property
    def origin(self) -> str | None:
        """The site's pages, where connections must name it."""

    def way(self, number: int) -> tuple[str, str]:
        """The URL and the token with which this visitor connects now."""


@dataclass(frozen=True, slots=True)
class Target:
    """The relay to connect to, with a token for each visitor."""

    url: str
    tokens: Sequence[str] = field(repr=False)
    sessions: Sequence[str]
    origin: str | None = None

    def way(self, number: int) -> tuple[str, str]:
        """Always the same."""
        return self.url, self.tokens[number]


class _Over(Exception):
    """A visitor cannot go on. The message is the kind of error, and contains no secret."""


class Crowd:
    """All visitors. ``debounce_ms`` is the welcome's, once there was one.

    ``comes_back``: who loses the connection connects again, as web/typing-relay.js does; else the visit is over.
    """

    def __init__(
        self,
        plan: Plan,
        target: TokenRoute,
        recordings: Mapping[str, Sequence[int]],
        tally: Tally,
        *,
        comes_back: bool = False,
        ping_s: float = PING_S,
    ) -> None:
        self._plan, self._target, self._recordings, self._tally = plan, target, recordings, tally
        self._comes_back, self._ping_s = comes_back, ping_s
        self._turned_away = 0
        self._ends = 0.0
        self.debounce_ms = 2000

    async def play(self) -> None:
        """Run until all have disconnected. When cancelled, all disconnect at once before this returns."""
        began = time.monotonic()
        self._ends = began + self._plan.seconds
        unlimited = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=unlimited) as http, asyncio.TaskGroup() as everybody:
            for number in range(self._plan.visitors):
                await asyncio.sleep(began + self._plan.comes_at(number) - time.monotonic())
                if self._turned_away >= TURNED_AWAY:
                    self._tally.errors[f"stopped connecting: {TURNED_AWAY} handshakes in a row failed"] += 1
                    break
                everybody.create_task(self._visit(http, number))

    async def _visit(self, http: aiohttp.ClientSession, number: int) -> None:
        self._tally.came += 1
        failures = 0
        while True:
            began = time.monotonic()
            with self._errors_noted():
                await self._be_there(http, number)
                return
            if not self._comes_back:
                return
            failures = 0 if time.monotonic() - began >= STABLE_S else failures
            await asyncio.sleep(random.random() * min(BACKOFF_CAP_S, BACKOFF_S * 2**failures))
            failures += 1

    async def _be_there(self, http: aiohttp.ClientSession, number: int) -> None:
        """One connection, from the handshake to its end."""
        began = time.monotonic()
        socket = await self._connect(http, number)
        async with socket:
            self._tally.lags[lags.CONNECT].append(_ms_since(began))
            entered = time.monotonic()
            self._tally.enters()
            try:
                await self._stay(_FrontEnd(socket, self._tally), number)
            finally:
                self._tally.leaves(time.monotonic() - entered)

    async def _connect(self, http: aiohttp.ClientSession, number: int) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                url, token = self._target.way(number)
                socket = await http.ws_connect(
                    url,
                    protocols=("typing-relay", f"token.{token}"),
                    origin=self._target.origin,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                )
        except (aiohttp.ClientError, OSError) as error:  # timeouts, too; their texts contain the URL
            self._turned_away += 1
            status = getattr(error, "status", None)
            raise _Over(f"handshake failed ({status or type(error).__name__})") from None
        self._turned_away = 0
        return socket

    async def _stay(self, front_end: _FrontEnd, number: int) -> None:
        """Type until the plan's end, unless the connection ends before."""
        tasks = [
            asyncio.create_task(front_end.read()),
            asyncio.create_task(self._type(front_end, number)),
        ]
        pings = asyncio.create_task(front_end.ping_on(self._ping_s))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*tasks, pings):
                task.cancel()
            await asyncio.gather(*tasks, pings, return_exceptions=True)

    async def _type(self, front_end: _FrontEnd, number: int) -> None:
        timings = await front_end.is_ready()
        if self._plan.opens_contacts:
            await front_end.open_contact()
        self.debounce_ms = timings["debounce_ms"]
        left_ms = 1000 * (self._ends - time.monotonic()) - self.debounce_ms
        keys = keys_within(gaps_of(number, self._recordings), left_ms)
        start, began = time.time_ns() // 1_000_000, time.monotonic()
        session = self._target.sessions[number]
        self._tally.ready.setdefault(session, []).append(start)
        typed = self._tally.typed.setdefault(session, [])
        found, begun = bursts(keys, self.debounce_ms), 0
        for due in frames_due(keys, timings["heartbeat_ms"], timings.get("hold_ms", 0), self.debounce_ms):
            await asyncio.sleep(due.at / 1000 - (time.monotonic() - began))
            late = max(0, round(_ms_since(began) - due.at))
            self._tally.lags[lags.LATE].append(late)
            await front_end.send(due.frame(late))
            while begun < len(found) and found[begun][0] <= due.at:
                first, last = found[begun]
                typed.append((start + first, start + last))
                begun += 1
        await asyncio.sleep(self._ends - time.monotonic())

    @contextmanager
    def _errors_noted(self) -> Iterator[None]:
        try:
            yield
        except _Over as over:
            self._tally.errors[str(over)] += 1
        except (aiohttp.ClientError, OSError) as error:
            self._tally.errors[f"connection lost ({type(error).__name__})"] += 1


class _FrontEnd:
    """One open connection: sends frames, and hands incoming ones to whoever waits for them."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, tally: Tally) -> None:
        self._socket, self._tally = socket, tally
        self._is_ready = asyncio.Event()
        self._awaited: list[tuple[Callable[[dict[str, Any]], bool], asyncio.Future[dict[str, Any]]]] = []

    async def send(self, frame: Mapping[str, Any]) -> None:
        """Send it as one text frame."""
        self._tally.sent[frame["action"]] += 1
        await self._socket.send_str(json.dumps(frame))

    async def read(self) -> None:
        """Receive frames. Raises _Over when the other side ends the connection."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(message.data)
        raise _Over(f"closed by the other side ({self._socket.close_code})")

    async def is_ready(self) -> dict[str, Any]:
        """Say hello; the welcome's timings, once the guest is open."""
        began = time.monotonic()
        is_open = self._when(lambda frame: frame["type"] in ("welcome", "guest") and _guest(frame) == "open")
        welcomed = self._when(lambda frame: frame["type"] == "welcome")
        await self.send({"action": "hello"})
        welcome = await _within(ANSWER_S, welcomed, "no welcome")
        self._tally.lags[lags.WELCOME].append(_ms_since(began))
        if welcome.get("signals") == "off":
            raise _Over("typing signals are off")
        await _within(GUEST_S, is_open, "the guest did not open")
        self._tally.lags[lags.GUEST].append(_ms_since(began))
        self._is_ready.set()
        return dict(welcome["timings"])

    async def open_contact(self) -> None:
        """Digital-First: send a first message, and wait for the contact that it opens."""
        began, message_id = time.monotonic(), str(uuid.uuid4())
        answered = self._when(lambda frame: frame["type"] == "message" and frame.get("id") == message_id)
        opened = self._when(lambda frame: frame.get("name") == "contact" and frame["detail"] == {"status": "open"})
        await self.send({"action": "message", "id": message_id, "text": MESSAGE})
        answer = await _within(ANSWER_S, answered, "the message was not answered")
        if answer["status"] != "accepted":
            raise _Over(f"the message was not delivered ({answer.get('reason')})")
        self._tally.lags[lags.MESSAGE].append(_ms_since(began))
        await _within(ANSWER_S, opened, "no contact opened")

    async def ping_on(self, every_s: float) -> None:
        """Once the guest is open, ping at each interval until cancelled."""
        await self._is_ready.wait()
        while True:
            began = time.monotonic()
            ponged = self._when(lambda frame: frame["type"] == "pong")
            await self.send({"action": "ping"})
            try:
                await _within(ANSWER_S, ponged, "no pong")
                self._tally.lags[lags.PING].append(_ms_since(began))
            except _Over as over:
                self._tally.errors[str(over)] += 1
            await asyncio.sleep(every_s - (time.monotonic() - began))

    def _when(self, fits: Callable[[dict[str, Any]], bool]) -> asyncio.Future[dict[str, Any]]:
        """The first matching frame from now on."""
        found: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._awaited.append((fits, found))
        return found

    def _take(self, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            frame = {}
        if "type" not in frame:  # API Gateway's own message, or the emulator's
            self._tally.errors["a function behind the gateway failed"] += 1
            return
        self._tally.received[frame["type"]] += 1
        if frame["type"] == "error":
            self._tally.errors[f"error frame {frame['code']}"] += 1
        if _guest(frame) == "unavailable":
            self._tally.errors["the guest is unavailable"] += 1
        for fits, found in self._awaited:
            if not found.done() and fits(frame):
                found.set_result(frame)
        self._awaited = [(fits, found) for fits, found in self._awaited if not found.done()]


def _guest(frame: Mapping[str, Any]) -> str | None:
    """The guest's status in a welcome or guest frame."""
    return (
        frame.get("guest") if frame["type"] == "welcome" else frame.get("status") if frame["type"] == "guest" else None
    )


async def _within(seconds: float, awaited: Awaitable[dict[str, Any]], otherwise: str) -> dict[str, Any]:
    try:
        async with asyncio.timeout(seconds):
            return await awaited
    except TimeoutError:
        raise _Over(f"{otherwise} within {seconds:.0f} s") from None


def _ms_since(began: float) -> float:
    return 1000 * (time.monotonic() - began)

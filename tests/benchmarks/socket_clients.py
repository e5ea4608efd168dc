"""The same sockets held in three ways: the keeper's loop, asyncio ``websockets``, a thread for each.

``python -m tests.benchmarks.socket_clients KIND URL CA_FILE COUNT`` opens COUNT sockets and answers commands from
stdin: ``usage`` with a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import sys
import threading
import time
from urllib.parse import urlsplit

import websocket
import websockets
from typing_relay.keeper.io.loop import Loop
from typing_relay.keeper.io.sockets import GuestSocket, SocketEnd, SocketLimits
from typing_relay.keeper.io.turnstile import Turnstile

from tests.benchmarks.programs import resident_mb

AT_ONCE = 50


class Held:
    """What the sockets of this process have seen."""

    def __init__(self) -> None:
        self.opened = 0
        self.messages = 0

    def usage(self) -> dict[str, float]:
        """CPU seconds of this process so far, resident MB, and what has been counted."""
        return {
            "cpu_s": time.process_time(),
            "resident_mb": resident_mb(os.getpid()),
            "opened": self.opened,
            "messages": self.messages,
        }

    def answer(self) -> None:
        """Answer commands until stdin ends."""
        for _ in sys.stdin:
            print(json.dumps(self.usage()), flush=True)


class _Listener:
    def __init__(self, held: Held, openings: Turnstile) -> None:
        self._held, self._openings = held, openings

    def opened(self) -> None:
        self._held.opened += 1
        self._openings.leave()

    def text(self, text: str) -> None:
        json.loads(text)
        self._held.messages += 1

    def ended(self, end: SocketEnd) -> None:
        raise RuntimeError(end.reason)


def hold_on_the_loop(held: Held, url: str, tls: ssl.SSLContext, count: int) -> None:
    loop = Loop()
    openings = Turnstile(loop, AT_ONCE, 10_000)
    parts = urlsplit(url)

    def open_one() -> bool:
        guest_socket = GuestSocket(loop, url, tls, SocketLimits(open_within=60), _Listener(held, openings))
        guest_socket.connect([(socket.AF_INET, (parts.hostname, parts.port))])
        return True

    for _ in range(count):
        loop.call_soon(lambda: openings.enter(open_one))
    threading.Thread(target=loop.run, daemon=True).start()


def hold_by_asyncio(held: Held, url: str, tls: ssl.SSLContext, count: int) -> None:
    async def hold(door: asyncio.Semaphore) -> None:
        async with door:
            # Its keepalive is set to the rhythm of the keeper's: the default pings more often.
            connection = await websockets.connect(
                url, ssl=tls, compression=None, ping_interval=45, ping_timeout=15, open_timeout=60, proxy=None
            )
        held.opened += 1
        async for text in connection:
            json.loads(text)
            held.messages += 1

    async def hold_all() -> None:
        door = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(hold(door) for _ in range(count)))

    threading.Thread(target=lambda: asyncio.run(hold_all()), daemon=True).start()


def hold_by_threads(held: Held, url: str, tls: ssl.SSLContext, count: int) -> None:
    counting = threading.Lock()
    door = threading.Semaphore(AT_ONCE)

    def on_open(_app: websocket.WebSocketApp) -> None:
        with counting:
            held.opened += 1
        door.release()

    def on_message(_app: websocket.WebSocketApp, text: str) -> None:
        json.loads(text)
        with counting:
            held.messages += 1

    def hold() -> None:
        app = websocket.WebSocketApp(url, on_open=on_open, on_message=on_message)
        app.run_forever(sslopt={"context": tls}, ping_interval=45, ping_timeout=15)

    def start_all() -> None:
        for _ in range(count):
            door.acquire()
            threading.Thread(target=hold, daemon=True).start()

    threading.Thread(target=start_all, daemon=True).start()


KINDS = {"loop": hold_on_the_loop, "asyncio": hold_by_asyncio, "threads": hold_by_threads}

if __name__ == "__main__":
    kind, its_url, ca_file, how_many = sys.argv[1:]
    state = Held()
    KINDS[kind](state, its_url, ssl.create_default_context(cafile=ca_file), int(how_many))
    state.answer()

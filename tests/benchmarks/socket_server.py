"""A WebSocket server for benchmarks, in a process of its own: thousands of TLS sockets, messages on command.

To whom speaks to it, it is a Digital-First gateway where nobody has a thread.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import sys
import time
from collections import Counter, deque

from websockets.asyncio.server import ServerConnection, broadcast, serve

MESSAGE = '{"type":"agent-typing","typing":true,"agent":{"id":"a-1042","nickname":"Robin"}}'
#: Messages are spaced no more finely than this.
TALK_STEP_S = 0.02


class Server:
    """Reads commands from stdin, one a line, and answers each with a line.

    ``count``: how many are open. ``send ROUNDS``: this many messages to each. ``drop``: end all, without a close frame.
    ``openings``: how many opened in each second since the last drop, by second.
    ``talk SECONDS``: from now on each is sent a message every SECONDS seconds, evenly spaced; 0: no longer. Each
    message says when it was sent.
    """

    def __init__(self) -> None:
        self._open: set[ServerConnection] = set()
        self._opened_in: Counter[int] = Counter()
        self._talking: asyncio.Task[None] | None = None

    async def run(self, certificate: str) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        async with serve(
            self._hold, "127.0.0.1", 0, ssl=tls, ping_interval=None, compression=None, open_timeout=120, backlog=4096
        ) as server:
            print(next(iter(server.sockets)).getsockname()[1], flush=True)
            commands = asyncio.StreamReader()
            await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
            )
            while command := (await commands.readline()).decode().split():
                print(await self._answer(*command), flush=True)

    async def _hold(self, connection: ServerConnection) -> None:
        self._open.add(connection)
        self._opened_in[int(time.monotonic())] += 1
        try:
            async for text in connection:
                await connection.send(_as_gateway(str(text)))
        finally:
            self._open.discard(connection)

    async def _answer(self, command: str, *details: str) -> str:
        if command == "send":
            for _ in range(int(details[0])):
                broadcast(self._open, MESSAGE)
                await asyncio.sleep(0)
        elif command == "drop":
            self._opened_in.clear()
            for connection in list(self._open):
                connection.transport.abort()
            self._open.clear()
        elif command == "talk":
            if self._talking:
                self._talking.cancel()
            every_s = float(details[0])
            self._talking = asyncio.create_task(self._talk(every_s)) if every_s else None
        elif command == "openings":
            first, last = min(self._opened_in), max(self._opened_in)
            return json.dumps([self._opened_in[second] for second in range(first, last + 1)])
        return str(len(self._open))

    async def _talk(self, every_s: float) -> None:
        """To everybody open in turn, round after round."""
        waiting: deque[ServerConnection] = deque()
        due, before = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(TALK_STEP_S)
            now = time.monotonic()
            due += len(self._open) * (now - before) / every_s
            before = now
            while due >= 1:
                due -= 1
                if not waiting:
                    waiting.extend(self._open)
                broadcast([waiting.popleft()], MESSAGE[:-1] + f',"sent_ms":{time.time_ns() // 1_000_000}}}')


def _as_gateway(text: str) -> str:
    """What the Digital-First gateway says to a heartbeat, and to a look for a thread that there is not."""
    frame = json.loads(text)
    if frame["action"] == "heartbeat":
        return json.dumps("pong")
    return json.dumps({"eventId": frame["eventId"], "error": {"errorCode": "RecoveringLivechatFailed"}})


if __name__ == "__main__":
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # sockets lost are the point
    asyncio.run(Server().run(sys.argv[1]))

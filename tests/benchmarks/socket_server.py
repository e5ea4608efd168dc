"""A WebSocket server for benchmarks, in a process of its own: thousands of TLS sockets, messages on command."""

from __future__ import annotations

import asyncio
import ssl
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

MESSAGE = '{"type":"agent-typing","typing":true,"agent":{"id":"a-1042","nickname":"Robin"}}'


class Server:
    """Reads commands from stdin, one a line: ``send ROUNDS``, ``drop``, ``count``; answers each with a line."""

    def __init__(self) -> None:
        self._open: set[ServerConnection] = set()

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
                await self._do(*command)

    async def _hold(self, connection: ServerConnection) -> None:
        self._open.add(connection)
        try:
            async for _ in connection:
                pass
        finally:
            self._open.discard(connection)

    async def _do(self, command: str, *details: str) -> None:
        if command == "send":
            for _ in range(int(details[0])):
                broadcast(self._open, MESSAGE)
                await asyncio.sleep(0)
        elif command == "drop":
            for connection in list(self._open):
                connection.transport.abort()
        print(len(self._open), flush=True)


if __name__ == "__main__":
    asyncio.run(Server().run(sys.argv[1]))

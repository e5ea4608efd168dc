"""The guest's WebSocket: handshake, pings, frames both ways, and the ways to lose it."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from local.cxone_simulator.faults import Faults
from local.cxone_simulator.guests import Guest
from local.cxone_simulator.protocol import Refusal, check_handshake
from local.cxone_simulator.routes import to_response
from local.cxone_simulator.simulator import SIMULATOR, Simulator
from local.simulating.clock import now_ms
from local.simulating.connections import reset_connection

GUEST_OVER = 4403  # close code: the guest session ended while connected
GOING_AWAY = 1001  # RFC 6455, section 7.4.1


class GuestSocket:
    """One open socket of a guest."""

    def __init__(self, simulator: Simulator, guest: Guest, socket: web.WebSocketResponse, request: web.Request):
        self._simulator = simulator
        self._guest = guest
        self._socket = socket
        self._request = request
        self._went_silent = False
        self._pong_due = False
        self._closed_with: int | None = None

    @property
    def close_code(self) -> int | None:
        """The code the simulator closed with, else the visitor's; 1006 when the connection just ended."""
        return self._closed_with or self._socket.close_code

    async def send(self, frame: dict[str, Any]) -> bool:
        """Send a JSON frame; False when the socket is silent or closing."""
        if self._silent:
            return False
        try:
            await self._socket.send_json(frame)
        except ConnectionError:
            return False
        return True

    async def close(self, code: int, reason: str) -> None:
        """Close the socket with a close frame, unless it is silent."""
        if not self._silent:
            self._closed_with = code
            await self._socket.close(code=code, message=reason.encode())

    def reset(self) -> None:
        """End the connection with a TCP RST."""
        reset_connection(self._request.transport)

    def go_silent(self) -> None:
        """Stay open, but stop sending and answering, like a peer behind a dead link."""
        self._went_silent = True

    async def read_until_closed(self) -> None:
        """Read the visitor's frames. Only that they came is recorded, not their content."""
        events, guest_id = self._simulator.events, self._guest.guest_id
        async for message in self._socket:
            if message.type == WSMsgType.PONG:
                self._pong_due = False
                events.add("pong", now_ms(), guest_id=guest_id)
            elif message.type == WSMsgType.PING and not self._silent:
                await self._socket.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                events.add("visitor_frame", now_ms(), guest_id=guest_id, size=len(message.data))

    async def ping_forever(self) -> None:
        """Ping at each interval; drop a peer that left a ping unanswered for a whole interval."""
        pinged_at = time.monotonic()
        while True:
            left = pinged_at + self._faults.ping_interval - time.monotonic()
            if left > 0 and await self._simulator.faults_changed.wait(left):
                continue  # the interval may have changed
            pinged_at = time.monotonic()
            await self._ping()

    async def _ping(self) -> None:
        if self._silent:
            return
        if self._pong_due:
            self.reset()
            return
        self._pong_due = True
        with suppress(ConnectionError):  # closed at this moment: the reader ends, and the pinging with it
            await self._socket.ping()

    @property
    def _silent(self) -> bool:
        return self._went_silent or self._faults.silent_sockets

    @property
    def _faults(self) -> Faults:
        return self._simulator.faults.for_guest(self._guest.guest_id)


def routes() -> list[web.RouteDef]:
    """The route of the guest's WebSocket."""
    return [web.get("/webchat/v1/guests/{guest_id}/socket", _open)]


async def _open(request: web.Request) -> web.StreamResponse:
    simulator = request.app[SIMULATOR]
    guest_id = request.match_info["guest_id"]
    try:
        guest = check_handshake(simulator, guest_id, request.query.get("secret", ""))
    except Refusal as refusal:
        status = refusal.answer.status
        simulator.events.add("handshake_refused", now_ms(), guest_id=guest_id, status=status)
        return to_response(refusal.answer)
    response = web.WebSocketResponse(autoping=False, timeout=1.0, max_msg_size=128 * 1024)
    await response.prepare(request)
    await _serve(simulator, guest, GuestSocket(simulator, guest, response, request))
    return response


async def _serve(simulator: Simulator, guest: Guest, socket: GuestSocket) -> None:
    guest.sockets.add(socket)
    simulator.events.add("socket_open", now_ms(), guest_id=guest.guest_id)
    pinger = asyncio.create_task(socket.ping_forever())
    try:
        await socket.read_until_closed()
    finally:
        pinger.cancel()
        guest.sockets.discard(socket)
        if simulator.faults.for_guest(guest.guest_id).guest_ends_with_socket and not guest.sockets:
            guest.end(now_ms())
        simulator.events.add("socket_close", now_ms(), guest_id=guest.guest_id, code=socket.close_code)

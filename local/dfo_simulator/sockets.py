"""The visitor's WebSocket: handshake, frames both ways, and the ways to lose them."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from local.dfo_simulator import frames_in, frames_out
from local.dfo_simulator.conversation import Reaction, Refused, Session, error_code, take
from local.dfo_simulator.faults import Fault
from local.dfo_simulator.frames_in import HEARTBEAT, TYPING, Request, Sender, Violation
from local.dfo_simulator.http_routes import Refusal, check_query, misfortune
from local.dfo_simulator.simulator import SIMULATOR, Identity, Simulator, Visitor
from local.simulating.clock import now_ms
from local.simulating.connections import reset_connection

GOING_AWAY = 1001  # RFC 6455, section 7.4.1
_TAKEN_ALL_THE_SAME = ("slow", "unanswered", "lost_answer", "dropped_taken")
LARGEST_FRAME = 128 * 1024  # bytes, API Gateway's limit


class GatewaySocket:
    """One open socket of a visitor."""

    def __init__(self, simulator: Simulator, visitor: Visitor, session: Session, request: web.Request):
        self._simulator = simulator
        self._visitor = visitor
        self._session = session
        self._request = request
        self._socket = web.WebSocketResponse(
            autoping=False,
            timeout=1.0,
            max_msg_size=LARGEST_FRAME,
            compress=False,  # as API Gateway: none
        )
        self._listens_as = ""
        self._went_silent = False
        self._held: list[str] = []  # frames that will come late
        self._later: set[asyncio.Task[None]] = set()
        self._closed_with: int | None = None

    async def serve(self) -> web.WebSocketResponse:
        """Shake hands and read until it is closed."""
        await self._socket.prepare(self._request)
        simulator, visitor = self._simulator, self._visitor
        visitor.sockets.add(self)
        visitor.opened += 1
        self._listen()
        session = self._session
        simulator.note(
            "socket_open", visitor_id=visitor.visitor_id, secured=session.authorized, channel_id=session.channel_id
        )
        try:
            async for message in self._socket:
                await self._take_in(message)
        finally:
            visitor.sockets.discard(self)
            simulator.sockets_of.get(self._listens_as, set()).discard(self)
            for task in self._later:
                task.cancel()
            code = self._closed_with or self._socket.close_code
            simulator.note("socket_close", visitor_id=visitor.visitor_id, code=code)
        return self._socket

    def _listen(self) -> None:
        """Receive the events of the socket's current customer."""
        self._simulator.sockets_of.get(self._listens_as, set()).discard(self)
        self._listens_as = self._session.customer_id
        self._simulator.sockets_of.setdefault(self._listens_as, set()).add(self)

    # Incoming

    async def _take_in(self, message: WSMessage) -> None:
        if self._silent:
            return
        if message.type == WSMsgType.PING:
            await self._socket.pong(message.data)
        elif message.type == WSMsgType.TEXT:
            await self._take_text(message.data)
        elif message.type == WSMsgType.BINARY:
            await self.deliver(self._violated(Violation("not_text", "a binary frame"), None, None))

    async def _take_text(self, text: str) -> None:
        frame: dict[str, Any] = {}
        try:
            frame = frames_in.parse_json(text)
            request = frames_in.parse_request(frame, self._sender)
        except Violation as violation:
            event_type, event_id = frames_in.event_type_of(frame), frames_in.event_id_of(frame)
            await self.deliver(self._violated(violation, event_type, event_id))
            return
        if self._simulator.settings.keep_frames and request.event_type != HEARTBEAT:
            kept = {"visitor_id": self._visitor.visitor_id, "event_type": request.event_type, "frame": frame}
            self._simulator.frames.append(kept)
        fault = self._simulator.pick_fault("frame", request.event_type, self._visitor.visitor_id)
        if fault and fault.do == "slow":
            await asyncio.sleep(fault.seconds)
        if fault is None or fault.do in _TAKEN_ALL_THE_SAME:
            await self._take(request, fault)
        else:
            self._note_frame(request, fault, accepted=False)
            await self._spoil(request, fault)

    async def _take(self, request: Request, fault: Fault | None) -> None:
        """Handle the request. `fault` may suppress the answer, but not the effect."""
        reaction = self._react(request, fault)
        if self._session.customer_id != self._listens_as:
            self._listen()
        if fault and fault.do == "lost_answer":
            self.reset()
        elif fault and fault.do == "dropped_taken":
            await self.deliver(frames_out.internal_error())
        elif fault is None or fault.do == "slow":
            for answer in reaction.answers:
                await self.deliver(answer)
        await self._simulator.push(self._session.customer_id, *reaction.events)

    def _react(self, request: Request, fault: Fault | None) -> Reaction:
        """The result of the request; a refused one results in an error frame."""
        if request.event_type == HEARTBEAT:
            self._visitor.heartbeats += 1
            return Reaction((frames_out.PONG,))
        try:
            reaction, accepted = take(self._simulator, self._session, request, now_ms()), True
        except Violation as violation:
            return Reaction((self._violated(violation, request.event_type, request.event_id),))
        except Refused as refused:
            code = refused.code or error_code(request.event_type)
            reaction, accepted = Reaction((frames_out.error(request.event_id, code, str(refused)),)), False
        self._note_frame(request, fault, accepted=accepted)
        return reaction

    async def _spoil(self, request: Request, fault: Fault) -> None:
        if fault.do == "error":
            event_id = request.event_id if fault.with_event_id and request.event_id else None
            await self.deliver(frames_out.error(event_id, fault.code or error_code(request.event_type)))
        elif fault.do == "dropped":
            await self.deliver(frames_out.internal_error())
        elif fault.do == "reset":
            self.reset()
        elif fault.do == "close":
            await self.close(fault.close_code)

    def _violated(self, violation: Violation, event_type: str | None, event_id: str | None) -> frames_out.Frame:
        """Note it, and return the error to answer with."""
        self._simulator.note_violation(violation, visitor_id=self._visitor.visitor_id, event_type=event_type)
        return frames_out.error(event_id, error_code(event_type), str(violation))

    def _note_frame(self, request: Request, fault: Fault | None, *, accepted: bool) -> None:
        if request.event_type == HEARTBEAT:
            return
        fields: dict[str, Any] = {"event_type": request.event_type, "event_id": request.event_id}
        if request.event_type in TYPING:
            fields["value"] = TYPING[request.event_type]
        if request.message_id:
            fields["message_id"] = request.message_id
        self._simulator.note(
            "frame",
            visitor_id=self._visitor.visitor_id,
            thread_id=request.thread_id,
            accepted=accepted,
            fault=fault and fault.do,
            **fields,
        )

    @property
    def _sender(self) -> Sender:
        brand_id, session = self._simulator.place.brand_id, self._session
        return Sender(brand_id, session.channel_id, self._visitor.visitor_id, session.customer_id)

    # Outgoing

    async def deliver(self, frame: Any) -> bool:
        """Send a frame unless a fault prevents it. Returns whether it was, or will be, sent."""
        if self._silent:
            return False
        kind = frames_out.kind_of(frame)
        fault = self._simulator.pick_fault("push", kind, self._visitor.visitor_id)
        if kind != frames_out.PONG:
            outcome = {"visitor_id": self._visitor.visitor_id, "fault": fault and fault.do}
            self._simulator.note("push", **outcome, **frames_out.noted(frame))
        text = json.dumps(frame)
        if fault is None:
            return await self.send(text)
        if fault.do == "lose":
            return False
        if fault.do == "duplicate":
            await self.send(text)
            return await self.send(text)
        if fault.do == "late":
            self._held.append(text)
            self._send_held_after(fault.seconds)
        else:
            self._send_after(fault.seconds, text)
        return True

    async def send(self, text: str) -> bool:
        """Send a text frame unchanged, then those held back. Returns False when the socket is silent or closing."""
        if self._silent:
            return False
        texts, self._held = [text, *self._held], []
        try:
            for each in texts:
                await self._socket.send_str(each)
        except ConnectionError:
            return False
        return True

    async def close(self, code: int) -> None:
        """Close it with a close frame, unless it is silent."""
        if not self._silent:
            self._closed_with = code
            await self._socket.close(code=code)

    def reset(self) -> None:
        """End the connection with a TCP RST."""
        reset_connection(self._request.transport)

    def go_silent(self) -> None:
        """Stay open, but stop accepting, sending and answering, like a peer behind a dead link."""
        self._went_silent = True

    def _send_after(self, seconds: float, text: str) -> None:
        async def send() -> None:
            await asyncio.sleep(seconds)
            await self.send(text)

        self._do_later(send())

    def _send_held_after(self, seconds: float) -> None:
        """Send the frames that are held back after this time, if no other frame is sent before."""

        async def send() -> None:
            await asyncio.sleep(seconds)
            if self._held:
                await self.send(self._held.pop(0))

        self._do_later(send())

    def _do_later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    @property
    def _silent(self) -> bool:
        return self._went_silent or (
            self._simulator.pick_fault("socket", visitor_id=self._visitor.visitor_id) is not None
        )


def routes() -> list[web.RouteDef]:
    """The route of the gateway's WebSocket."""
    return [web.get("/", _open)]


async def _open(request: web.Request) -> web.StreamResponse:
    simulator = request.app[SIMULATOR]
    visitor_id = request.query.get("visitorId", "")
    fault = simulator.pick_fault("handshake", visitor_id=visitor_id)
    try:
        if fault:
            await misfortune(request, fault)
        identity, secured = _check_handshake(simulator, request)
    except Refusal as refusal:
        outcome = {"status": refusal.status, "code": refusal.code, "fault": fault and fault.do}
        simulator.note("handshake_refused", visitor_id=visitor_id, **outcome)
        return refusal.response()
    session = Session(
        identity.visitor_id, identity.customer_id, request.query["sdkVersion"], secured, identity.channel_id
    )
    return await GatewaySocket(simulator, simulator.visitor(identity), session, request).serve()


def _check_handshake(simulator: Simulator, request: web.Request) -> tuple[Identity, bool]:
    """The visitor who opens the socket, and whether the session is secured. Raises Refusal."""
    query = request.query
    secured = "transactionToken" in query
    if secured and not simulator.settings.secured_sessions:
        raise Refusal(401, "not_secured", "This channel's sessions are not secured.")
    who = "transactionToken" if secured else "customerId"
    check_query(simulator, request, {"v", "sdkPlatform", "sdkVersion", "brandId", "channelId", "visitorId", who})
    if not secured:
        return Identity(query["visitorId"], query["customerId"], query["channelId"]), False
    identity = simulator.tokens.owner(query["transactionToken"], now_ms())
    asked = query["visitorId"], query["channelId"]
    if identity is None or (identity.visitor_id, identity.channel_id) != asked:
        raise Refusal(401, "invalid_token", "The token is not this visitor's in this channel, or no longer good.")
    return identity, True

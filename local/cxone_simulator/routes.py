"""webchat v1 over HTTP: each call is delayed, failed or accepted as the faults say, and written to the event log."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aiohttp import web

from local.cxone_simulator.faults import Effect, Faults, decide
from local.cxone_simulator.protocol import TAKE, Answer, Call, Refusal, forget_typing, throttled
from local.cxone_simulator.simulator import SIMULATOR, Simulator
from local.simulating.clock import now_ms
from local.simulating.connections import reset_connection

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes() -> list[web.RouteDef]:
    """The routes of webchat v1, except its WebSocket."""
    typing = "/api/v1/webchat/guests/{guest_id}/typing"
    return [
        web.post("/api/v1/oauth/token", _handler("token")),
        web.post("/api/v1/webchat/guests", _handler("guest")),
        web.post(typing, _handler("typing")),
        web.get(typing, _handler("typing_read")),
    ]


def to_response(answer: Answer) -> web.Response:
    """The answer as an aiohttp response."""
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    return web.json_response(answer.body, status=answer.status, headers=answer.headers)


def _handler(kind: str) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        simulator = request.app[SIMULATOR]
        received_at = now_ms()
        faults = simulator.faults.for_guest(request.match_info.get("guest_id"))
        call = _call(request, kind, await request.read(), received_at)
        effect = decide(faults, kind, simulator.random.random(), received_at)
        if kind in faults.calls:
            await asyncio.sleep(faults.latency_ms / 1000)
        call = replace(call, now=now_ms())  # taken even if the client has given up meanwhile
        answer = _answer(simulator, call, effect)
        _note(simulator, call, effect, answer, received_at)
        return await _send(request, faults, effect, answer)

    return handle


def _call(request: web.Request, kind: str, body: bytes, now: float) -> Call:
    guest_id = request.match_info.get("guest_id")
    return Call(kind, now, request.headers, request.content_type, body, guest_id)


def _answer(simulator: Simulator, call: Call, effect: Effect) -> Answer | None:
    """CXone's answer; None when there must be none, as the call was not accepted."""
    try:
        if effect.action in ("hang", "reset"):
            return None
        if effect.action == "throttle":
            raise throttled(effect.retry_after)
        if effect.action == "error":
            raise Refusal(503, "unavailable", "The service is not available.")
        if effect.action == "forget" and call.kind == "typing":
            return forget_typing(simulator, call)
        return TAKE[call.kind](simulator, call)
    except Refusal as refusal:
        return refusal.answer


async def _send(request: web.Request, faults: Faults, effect: Effect, answer: Answer | None) -> web.StreamResponse:
    transport = request.transport
    if effect.action == "hang":
        await asyncio.sleep(faults.hang_seconds)
    if effect.action in ("reset", "lost_answer"):
        reset_connection(transport)
    elif effect.action == "hang" and transport is not None:
        transport.close()
    return to_response(answer) if answer else web.Response()  # to a closed connection: goes nowhere


def _note(simulator: Simulator, call: Call, effect: Effect, answer: Answer | None, received_at: float) -> None:
    """Write the call to the event log. `status` is null when no answer reaches the client."""
    fields: dict[str, Any] = {} if call.guest_id is None else {"guest_id": call.guest_id}
    if call.kind == "typing":
        fields["value"] = _asked_value(call.body)
    if answer is not None:
        fields |= answer.noted
    if answer is not None and answer.status == 429:
        fields["retry_after"] = answer.headers.get("Retry-After")
    simulator.events.add(
        call.kind,
        call.now,
        received_at=received_at,
        status=answer.status if answer and effect.action != "lost_answer" else None,
        accepted=answer is not None and answer.status < 300,
        fault=None if effect.action == "take" else effect.action,
        **fields,
    )


def _asked_value(body: bytes) -> bool | None:
    """The value of a typing call, even one that is not accepted; None when the body has none."""
    try:
        asked = json.loads(body)["typing"]
    except (ValueError, TypeError, KeyError):
        return None
    return asked if isinstance(asked, bool) else None

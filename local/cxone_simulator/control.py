"""The operator's HTTP interface under /_control: read events, switch faults, act as the agent, break things."""

import asyncio
from typing import Any

from aiohttp import web

from local.cxone_simulator.guests import Guest, Socket
from local.cxone_simulator.simulator import SIMULATOR, Simulator
from local.cxone_simulator.sockets import GOING_AWAY, GUEST_OVER
from local.simulating.clock import now_ms
from local.simulating.controls import bad_request, events_route, json_body, not_found
from local.simulating.settings import SettingError


def routes() -> list[web.RouteDef]:
    """The controls' routes."""
    return [
        events_route(lambda request: request.app[SIMULATOR].events),
        web.get("/_control/guests", _guests),
        web.get("/_control/faults", _faults),
        web.put("/_control/faults", _set_faults),
        web.post("/_control/agent", _agent),
        web.post("/_control/revoke-tokens", _revoke_tokens),
        web.post("/_control/expire-guest", _expire_guest),
        web.post("/_control/drop-sockets", _drop_sockets),
        web.post("/_control/reset", _reset),
    ]


async def close_all_sockets(simulator: Simulator) -> None:
    """Close every open socket; reset those that are silent."""
    sockets = [socket for guest in simulator.guests.all() for socket in guest.sockets]
    await _drop(sockets, "close")
    await _drop(sockets, "reset")


async def _guests(request: web.Request) -> web.Response:
    return web.json_response(
        [
            {
                "guest_id": guest.guest_id,
                "source": guest.source,
                "typing": guest.typing,
                "typing_at": guest.typing_at,
                "sockets": len(guest.sockets),
                "over": guest.over,
            }
            for guest in request.app[SIMULATOR].guests.all()
        ]
    )


async def _faults(request: web.Request) -> web.Response:
    return web.json_response(request.app[SIMULATOR].faults.as_json())


async def _set_faults(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    changes = await json_body(request)
    try:
        simulator.set_faults(simulator.faults.changed(changes))
    except SettingError as error:
        raise bad_request(str(error)) from None
    _note(simulator, "settings", changes=changes)
    return web.json_response(simulator.faults.as_json())


async def _agent(request: web.Request) -> web.Response:
    body = await json_body(request)
    guest = _guest_named_in(request, body)
    frame = body.get("frame")
    if not isinstance(frame, dict):
        raise bad_request("frame: expected a JSON object")
    sent = sum(await asyncio.gather(*(socket.send(frame) for socket in guest.sockets)))
    request.app[SIMULATOR].events.add("agent_frame", now_ms(), guest_id=guest.guest_id, sockets=sent)
    return web.json_response({"sockets": sent})


async def _revoke_tokens(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    simulator.tokens.revoke_all()
    _note(simulator, "revoke-tokens")
    return web.json_response({})


async def _expire_guest(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    guest = _guest_named_in(request, await json_body(request))
    guest.end(now_ms())
    _note(simulator, "expire-guest", guest_id=guest.guest_id)
    await asyncio.gather(*(socket.close(GUEST_OVER, "guest session over") for socket in guest.sockets))
    return web.json_response({})


async def _drop_sockets(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    body = await json_body(request)
    how = body.get("how")
    if how not in ("close", "reset", "silent"):
        raise bad_request("how: expected close, reset or silent")
    guests = [_guest_named_in(request, body)] if "guest_id" in body else simulator.guests.all()
    sockets = [socket for guest in guests for socket in guest.sockets]
    _note(simulator, "drop-sockets", how=how, guest_id=body.get("guest_id"))
    await _drop(sockets, how)
    return web.json_response({"sockets": len(sockets)})


async def _reset(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    await close_all_sockets(simulator)
    simulator.forget_everything()
    _note(simulator, "reset")
    return web.json_response({"next": simulator.events.last})


async def _drop(sockets: list[Socket], how: str) -> None:
    if how == "close":
        await asyncio.gather(*(socket.close(GOING_AWAY, "going away") for socket in sockets))
    for socket in sockets:
        if how == "reset":
            socket.reset()
        elif how == "silent":
            socket.go_silent()


def _note(simulator: Simulator, what: str, **fields: Any) -> None:
    simulator.events.add("fault", now_ms(), what=what, **fields)


def _guest_named_in(request: web.Request, body: dict[str, Any]) -> Guest:
    guest = request.app[SIMULATOR].guests.get(str(body.get("guest_id", "")))
    if guest is None:
        raise not_found("guest_id: no such guest; GET /_control/guests lists them")
    return guest

"""The page's calls: tokens for its visitors, the live feed, the agent's side, the faults, chat messages."""

import asyncio
import json
import os
import re
import signal
from contextlib import suppress
from functools import partial
from typing import Any

import aiohttp
from aiohttp import web
from botocore.exceptions import BotoCoreError, ClientError

from local.commands.token import profile_claims, visitor_token
from local.console.desk import Desk
from local.console.feed import Feed, now_ms
from local.console.stack import Stack
from local.platforms.platform import local_platform

VISITOR = re.compile(r"[A-Za-z0-9_-]{1,64}")
LONGEST_MESSAGE = 2000  # characters
STILL_HERE = 15  # s between pings, which reveal a dead connection
PATIENCE = aiohttp.ClientTimeout(5)  # s, for the simulated CXone
GATHER = 0.03  # s: events within it are sent together

TOKEN_PATH = "/api/token"  # noqa: S105 - no secret
FEED = web.AppKey("feed", Feed)
HTTP = web.AppKey("http", aiohttp.ClientSession)

Body = dict[str, Any]


def routes() -> list[web.RouteDef]:
    """Everything under /api."""
    return [
        web.get(TOKEN_PATH, _token),
        web.get("/api/feed", _feed),
        web.get("/api/faults", _faults),
        web.put("/api/faults/{name}", _set_switch),
        web.post("/api/faults/{name}", _trigger),
        web.post("/api/agent", _agent),
        web.post("/api/messages", _message),
    ]


async def _token(request: web.Request) -> web.Response:
    visitor = _checked_visitor(request.query.get("visitor", ""))
    try:
        claims = profile_claims(request.query.get("claims", ""))
    except ValueError as wrong:
        raise _refusal(web.HTTPBadRequest, f"{wrong}.".capitalize()) from wrong
    stack = _running_stack(request)
    sign = partial(visitor_token, stack.aws, stack.visitor_secret_arn, visitor, **claims)
    try:
        token = await asyncio.to_thread(sign)
    except (BotoCoreError, ClientError) as error:
        raise _refusal(web.HTTPServiceUnavailable, "The stack does not answer. Is it starting?") from error
    return web.json_response({"url": stack.page_url, "token": token})


async def _feed(request: web.Request) -> web.StreamResponse:
    """The live feed. A page that reconnects says what it has seen: `?seen=RUN:NUMBER`."""
    feed = request.app[FEED]
    page = web.WebSocketResponse(heartbeat=STILL_HERE)
    await page.prepare(request)
    run, _, number = request.query.get("seen", "").partition(":")
    seen = int(number) if run == feed.run and number.isdecimal() else 0
    sender = asyncio.create_task(_send_feed(page, feed, seen))
    try:
        async for _frame in page:  # the page sends nothing: this ends when it disconnects
            pass
    finally:
        sender.cancel()
    return page


async def _send_feed(page: web.WebSocketResponse, feed: Feed, seen: int) -> None:
    events = feed.start_for_page(seen)
    seen = feed.log.last
    feed.listeners += 1
    try:
        while True:
            if events:
                await page.send_json({"run": feed.run, "last": seen, "events": events})
            await asyncio.sleep(GATHER)
            events = await feed.log.wait_after(seen, STILL_HERE)
            seen = events[-1]["n"] if events else seen
    except ConnectionResetError:
        pass  # the page is gone
    finally:
        feed.listeners -= 1


async def _faults(request: web.Request) -> web.Response:
    panel = _desk(_running_stack(request)).panel
    faults = await _control(request, "GET", "faults")
    return web.json_response(
        {
            "switches": [
                {"name": item.name, "label": item.label, "effect": item.effect, "on": item.is_on(faults)}
                for item in panel.switches
            ],
            "one_shots": [{"name": item.name, "label": item.label, "effect": item.effect} for item in panel.one_shots],
        }
    )


async def _set_switch(request: web.Request) -> web.Response:
    switch = _desk(_running_stack(request)).panel.switch(request.match_info["name"])
    on = (await _body(request)).get("on")
    if switch is None or not isinstance(on, bool):
        raise _refusal(web.HTTPBadRequest, 'Expected a known switch and {"on": true or false}.')
    faults = await _control(request, "GET", "faults")
    faults = await _control(request, "PUT", "faults", switch.change(faults, on))
    request.app[FEED].log.add("fault", now_ms(), what=switch.name, label=f"{switch.label} {'on' if on else 'off'}")
    return web.json_response({"name": switch.name, "on": switch.is_on(faults)})


async def _trigger(request: web.Request) -> web.Response:
    fault = _desk(_running_stack(request)).panel.one_shot(request.match_info["name"])
    if fault is None:
        raise _refusal(web.HTTPNotFound, "There is no such fault.")
    if fault.path is None:
        _kill_keeper(request, fault.label)
        return web.json_response({})
    guest_id = (await _body(request)).get("guest_id")
    if fault.of_guest and not isinstance(guest_id, str):
        raise _refusal(web.HTTPBadRequest, "Expected a guest_id: this visitor has no guest session yet.")
    await _control(request, "POST", fault.path, fault.body | ({"guest_id": guest_id} if fault.of_guest else {}))
    return web.json_response({})


def _kill_keeper(request: web.Request, label: str) -> None:
    stack = _running_stack(request)
    if not stack.keeper_pids:
        raise _refusal(web.HTTPConflict, "No keeper is running; the stack is starting one.")
    with suppress(ProcessLookupError):
        os.kill(stack.keeper_pids[0], signal.SIGKILL)
    request.app[FEED].log.add("fault", now_ms(), what="kill", label=label)


async def _agent(request: web.Request) -> web.Response:
    """An agent's act, as v1's frames name it."""
    body, desk, feed = await _body(request), _desk(_running_stack(request)), request.app[FEED]
    guest_id, frame = body.get("guest_id"), body.get("frame")
    try:
        call = desk.call(feed.threads, guest_id, frame)
    except ValueError as wrong:
        raise _refusal(web.HTTPBadRequest, str(wrong)) from wrong
    answer = await _control(request, "POST", *call)
    if not desk.keeps_messages and isinstance(frame, dict) and frame.get("type") == "message":
        feed.log.add("agent_message", now_ms(), guest_id=guest_id, text=str(frame.get("text")))
    return web.json_response(answer)


def _desk(stack: Stack) -> Desk:
    return local_platform(stack.platform).desk


async def _message(request: web.Request) -> web.Response:
    """A visitor's message where the front end's own chat carries it, not the relay (v1)."""
    body, stack = await _body(request), request.app[FEED].stack
    if stack and _desk(stack).keeps_messages:
        raise _refusal(web.HTTPConflict, "On this platform messages go through the relay.")
    session, text = _checked_visitor(str(body.get("session"))), body.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_MESSAGE:
        raise _refusal(web.HTTPBadRequest, f"text: expected 1 to {LONGEST_MESSAGE} characters")
    request.app[FEED].log.add("visitor_message", now_ms(), session=session, text=text)
    return web.json_response({})


async def _control(request: web.Request, method: str, path: str, body: Body | None = None) -> Any:
    """Call the simulated CXone's control. Its refusals are passed on as they are."""
    stack = _running_stack(request)
    if stack.cxone_control_url is None:
        raise _refusal(web.HTTPConflict, "This CXone is not the built-in simulator: it has no switches.")
    try:
        url = f"{stack.cxone_control_url}/{path}"
        async with request.app[HTTP].request(method, url, json=body, timeout=PATIENCE) as response:
            answer = await response.json()
            status = response.status
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _refusal(web.HTTPServiceUnavailable, "The simulated CXone does not answer.") from error
    if status >= 400:
        raise _refusal(web.HTTPBadRequest, str(answer.get("error")))
    return answer


async def _body(request: web.Request) -> Body:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _refusal(web.HTTPBadRequest, "The body must be a JSON object.")
    return body


def _running_stack(request: web.Request) -> Stack:
    stack = request.app[FEED].stack
    if stack is None:
        raise _refusal(web.HTTPServiceUnavailable, "The stack is not running; start it with make run.")
    return stack


def _checked_visitor(visitor: str) -> str:
    if not VISITOR.fullmatch(visitor):
        raise _refusal(web.HTTPBadRequest, "visitor: expected 1 to 64 letters, digits, - or _")
    return visitor


def _refusal(kind: type[web.HTTPException], message: str) -> web.HTTPException:
    return kind(text=json.dumps({"error": message}), content_type="application/json")

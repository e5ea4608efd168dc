"""The common part of all simulators' controls: reading requests, and the event log."""

import json
import math
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from local.simulating.events import EventLog
from local.stack.callers import comes_from_a_page, is_own_host

LONGEST_WAIT = 60.0  # s


def events_route(log: Callable[[web.Request], EventLog]) -> web.RouteDef:
    """`GET /_control/events?after=&wait=`: the events above `after`; when there is none, up to `wait` seconds later."""

    async def events(request: web.Request) -> web.Response:
        after = int(query_number(request, "after"))
        wait = min(query_number(request, "wait"), LONGEST_WAIT)
        found = await log(request).wait_after(after, wait)
        return web.json_response({"events": found, "next": found[-1]["n"] if found else log(request).last})

    handler: Callable[[web.Request], Awaitable[web.StreamResponse]] = events
    return web.get("/_control/events", handler)


@web.middleware
async def only_this_machine(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Keep pages from the controls: whoever reaches them can break things and read what was said."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    if request.path.startswith("/_control") and (not is_own_host(headers.get("host")) or comes_from_a_page(headers)):
        raise web.HTTPForbidden(text=json.dumps({"error": "a page may not call this"}), content_type="application/json")
    return await handler(request)


async def json_body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object. Raises HTTPBadRequest."""
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise bad_request("the body must be a JSON object")
    return body


def query_number(request: web.Request, name: str) -> float:
    """A number from 0 up in the query; 0 when it is absent. Raises HTTPBadRequest."""
    try:
        number = float(request.query.get(name, 0))
        if 0 <= number < math.inf:
            return number
    except ValueError:
        pass
    raise bad_request(f"{name}: expected a number from 0 up")


def bad_request(message: str) -> web.HTTPBadRequest:
    """400 with this message as JSON."""
    return web.HTTPBadRequest(text=json.dumps({"error": message}), content_type="application/json")


def not_found(message: str) -> web.HTTPNotFound:
    """404 with this message as JSON."""
    return web.HTTPNotFound(text=json.dumps({"error": message}), content_type="application/json")

"""The console's server: the page and its files, and the check of who may call it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
from aiohttp import web

from local.console import api
from local.console.feed import Feed
from local.playing.recordings import RECORDINGS
from local.stack.callers import is_own_origin

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; "
    # The relay, and where files are uploaded: the simulated CXone, or a real one.
    "connect-src 'self' ws://127.0.0.1:* ws://localhost:* wss: http://127.0.0.1:* https:",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def console_app(stack_file: Path) -> web.Application:
    """The whole console for the stack that this file describes."""
    app = web.Application(middlewares=[_only_this_page])
    app[api.FEED] = Feed(stack_file)
    app.cleanup_ctx.append(_follow)
    app.on_response_prepare.append(_add_headers)
    app.add_routes(
        [
            web.get("/", _file(WEB / "console/index.html")),
            web.get("/visitor", _file(WEB / "console/visitor.html")),
            web.get("/typing-relay.js", _file(WEB / "typing-relay.js")),
            web.get("/files.js", _file(WEB / "files.js")),
            web.get("/traces.jsonl", _file(RECORDINGS)),
            web.static("/console", WEB / "console"),
            *api.routes(),
        ]
    )
    return app


async def _follow(app: web.Application) -> AsyncIterator[None]:
    feed = app[api.FEED]
    async with aiohttp.ClientSession() as http:
        app[api.HTTP] = http
        tasks = [
            asyncio.create_task(following)
            for following in (
                feed.follow_stack(),
                feed.follow_failures(),
                feed.follow_records(),
                feed.follow_simulator(http),
            )
        ]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@web.middleware
async def _only_this_page(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keeps other sites in the same browser from tokens and faults, whether by DNS rebinding or by a form.

    Pages of this machine, on any port, get tokens: of those who develop one.
    """
    if request.url.host not in (HOST, "localhost"):
        raise web.HTTPForbidden(text=f"The console answers to http://{HOST} and http://localhost only.")
    origin = request.headers.get("Origin")
    if request.path == api.TOKEN_PATH and origin and is_own_origin(origin):
        return await _for_a_page_of(origin, handler(request))
    if origin not in (None, f"http://{request.host}"):
        raise web.HTTPForbidden(text="This call came from another page.")
    return await handler(request)


async def _for_a_page_of(origin: str, answering: Awaitable[web.StreamResponse]) -> web.StreamResponse:
    allowed = {"Access-Control-Allow-Origin": origin}
    try:
        answer = await answering
    except web.HTTPException as refused:
        refused.headers.update(allowed)
        raise
    answer.headers.update(allowed)
    return answer


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _file(path: Path) -> Handler:
    async def send(_: web.Request) -> web.FileResponse:
        return web.FileResponse(path)

    return send

"""`python -m local.platforms.fading_service --port 0`: the service itself, and what it has been told."""

import sys

from aiohttp import WSMsgType, web

from local.simulating.program import HOST, Program, run

HELLO = '{"agent": "is here"}'


class Service:
    """Guests by their number, and which of them were told to be typing, in order."""

    def __init__(self) -> None:
        self.guests = 0
        self.typing: list[str] = []
        self.port = 0

    async def create(self, _request: web.Request) -> web.Response:
        """A guest."""
        self.guests += 1
        name = f"guest-{self.guests}"
        return web.json_response({"id": name, "url": f"ws://{HOST}:{self.port}/guests/{name}/socket"})

    async def type(self, request: web.Request) -> web.Response:
        """This guest types."""
        self.typing.append(request.match_info["guest"])
        return web.json_response({})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """The agent greets, once."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(HELLO)
        async for message in socket:
            if message.type == WSMsgType.ERROR:
                break
        return socket

    async def told(self, _request: web.Request) -> web.Response:
        """Of all guests."""
        return web.json_response({"guests": self.guests, "typing": self.typing})


SERVICE = Service()


def _app(_arguments: object) -> web.Application:
    app = web.Application()
    app.add_routes(
        [
            web.post("/guests", SERVICE.create),
            web.post("/guests/{guest}/typing", SERVICE.type),
            web.get("/guests/{guest}/socket", SERVICE.socket),
            web.get("/told", SERVICE.told),
        ]
    )
    return app


def _listening(_app: web.Application, port: int) -> str:
    SERVICE.port = port
    return f"http://{HOST}:{port}"


PROGRAM = Program(
    name="fading service",
    module="local.platforms.fading_service",
    description="A chat platform whose sign of typing fades by itself.",
    add_options=lambda _: None,
    app=_app,
    listening=_listening,
)

if __name__ == "__main__":
    sys.exit(run(PROGRAM))

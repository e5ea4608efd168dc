"""`python -m local.dfo_simulator --port 0`: run the simulated Digital-First gateway until SIGINT or SIGTERM.

When it listens it prints one line, `dfo simulator ready` and then `chat=` and `authorize=` with an http URL, `gateway=`
with a ws URL, `brand=` and `channel=`.
"""

import argparse
import sys

from aiohttp import web

from local.dfo_simulator import control, http_routes, sockets
from local.dfo_simulator.frames_out import Place
from local.dfo_simulator.simulator import SIMULATOR, Simulator
from local.simulating.program import HOST, Program, run


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--brand", type=int, default=1386, help="the brand's number (default: 1386)")
    parser.add_argument("--channel", default="chat_local", help="the channel's id (default: chat_local)")
    parser.add_argument("--messaging", action="store_true", help="a messaging channel (default: live chat)")


def _app(arguments: argparse.Namespace) -> web.Application:
    place = Place(arguments.brand, arguments.channel)
    simulator = Simulator(place, livechat=not arguments.messaging, seed=arguments.seed)
    app = web.Application(client_max_size=http_routes.LARGEST_BODY)
    app[SIMULATOR] = simulator
    app.add_routes([*http_routes.routes(), *sockets.routes(), *control.routes()])
    app.on_shutdown.append(lambda _: control.close_all_sockets(simulator))
    return app


def _listening(app: web.Application, port: int) -> str:
    simulator = app[SIMULATOR]
    simulator.port = port
    host = f"{HOST}:{port}"
    urls = f"chat=http://{host} gateway=ws://{host} authorize=http://{host}"
    return f"{urls} brand={simulator.place.brand_id} channel={simulator.place.channel_id}"


PROGRAM = Program(
    name="dfo simulator",
    module="local.dfo_simulator",
    description="A simulated Digital-First chat gateway.",
    add_options=_add_options,
    app=_app,
    listening=_listening,
)

if __name__ == "__main__":
    sys.exit(run(PROGRAM))

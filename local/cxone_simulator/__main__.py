"""`python -m local.cxone_simulator --port 0`: run the simulated CXone until SIGINT or SIGTERM.

Clients sign in with CXONE_CLIENT_ID and CXONE_CLIENT_SECRET from the environment (default: local-client and
local-secret). When it listens it prints `cxone simulator ready http://127.0.0.1:PORT`.
"""

import argparse
import sys

from aiohttp import web

from local.cxone_simulator import control, routes, sockets
from local.cxone_simulator.credentials import client_credentials
from local.cxone_simulator.simulator import SIMULATOR, Simulator
from local.simulating.program import HOST, Program, run


def _app(arguments: argparse.Namespace) -> web.Application:
    simulator = Simulator(*client_credentials(), seed=arguments.seed)
    app = web.Application()
    app[SIMULATOR] = simulator
    app.add_routes([*routes.routes(), *sockets.routes(), *control.routes()])
    app.on_shutdown.append(lambda _: control.close_all_sockets(simulator))
    return app


def _listening(app: web.Application, port: int) -> str:
    app[SIMULATOR].port = port
    return f"http://{HOST}:{port}"


PROGRAM = Program(
    name="cxone simulator",
    module="local.cxone_simulator",
    description="A simulated NICE CXone.",
    add_options=lambda _: None,
    app=_app,
    listening=_listening,
)

if __name__ == "__main__":
    sys.exit(run(PROGRAM))

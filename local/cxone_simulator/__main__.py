"""`python -m local.cxone_simulator --port 0`: run the simulated CXone until SIGINT or SIGTERM.

Clients sign in with CXONE_CLIENT_ID and CXONE_CLIENT_SECRET from the environment (default: local-client and
local-secret). When it listens it prints `cxone simulator ready http://127.0.0.1:PORT`.
"""

import argparse
import asyncio
import errno
import signal
import sys

from aiohttp import web

from local.cxone_simulator import control, routes, sockets
from local.cxone_simulator.credentials import client_credentials
from local.cxone_simulator.simulator import SIMULATOR, Simulator

HOST = "127.0.0.1"


def main() -> int:
    """Run until told to stop; returns the exit code."""
    arguments = _parse_arguments()
    simulator = Simulator(*client_credentials(), seed=arguments.seed)
    try:
        asyncio.run(_serve(simulator, arguments.port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(
            f"cxone simulator: port {arguments.port} is taken; choose another with --port, or 0 for a free one",
            file=sys.stderr,
        )
        return 1
    return 0


async def _serve(simulator: Simulator, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = web.Application()
    app[SIMULATOR] = simulator
    app.add_routes([*routes.routes(), *sockets.routes(), *control.routes()])
    app.on_shutdown.append(lambda _: control.close_all_sockets(simulator))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)  # the guests' secrets are in URLs
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        simulator.port = runner.addresses[0][1]
        print(f"cxone simulator ready http://{HOST}:{simulator.port}", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.cxone_simulator", description="A simulated NICE CXone.")
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed rolls the same faults (default: 0)")
    return parser.parse_args()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 65535, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

"""A simulator as a program: its options, its port, its ready line, its end."""

import argparse
import asyncio
import errno
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from local.simulating.controls import only_this_machine

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Program:
    """What differs between the simulators.

    `name` begins each printed line, `module` is the argument of `python -m`. `app` makes the application from the
    arguments; `listening` takes the port and returns the rest of the ready line.
    """

    name: str
    module: str
    description: str
    add_options: Callable[[argparse.ArgumentParser], None]
    app: Callable[[argparse.Namespace], web.Application]
    listening: Callable[[web.Application, int], str]


def run(program: Program) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code. Prints `NAME ready …` once it listens."""
    arguments = _parse_arguments(program)
    try:
        asyncio.run(_serve(program, arguments))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        port = arguments.port
        print(f"{program.name}: port {port} is taken; choose another with --port, or 0 for a free one", file=sys.stderr)
        return 1
    return 0


async def _serve(program: Program, arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = program.app(arguments)
    app.middlewares.append(only_this_machine)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)  # secrets are in URLs
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, arguments.port, backlog=1024).start()
        print(f"{program.name} ready {program.listening(app, runner.addresses[0][1])}", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


def _parse_arguments(program: Program) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {program.module}", description=program.description)
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed rolls the same faults (default: 0)")
    program.add_options(parser)
    return parser.parse_args()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 65535, not {text!r}")
    return int(text)

"""`python -m local.console --port 8080 --stack .local/stack.json`: serve the console until SIGINT or SIGTERM.

When it listens it prints `console ready http://127.0.0.1:PORT`. The stack file may come, change or go.
"""

import argparse
import asyncio
import errno
import signal
import sys
from pathlib import Path

from aiohttp import web

from local.console.server import HOST, console_app


def main() -> int:
    """Serve until told to stop; 1 when the port is taken."""
    arguments = _parse_arguments()
    try:
        asyncio.run(_serve(arguments.port, arguments.stack))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(
            f"console: port {arguments.port} is taken; choose another with --port, or 0 for a free one",
            file=sys.stderr,
        )
        return 1
    return 0


async def _serve(port: int, stack_file: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(console_app(stack_file), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        print(f"console ready http://{HOST}:{runner.addresses[0][1]}", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.console", description="The console page of a local stack.")
    parser.add_argument("--port", type=_port, default=8080, help="port on 127.0.0.1; 0 for a free one (default: 8080)")
    parser.add_argument("--stack", type=Path, default=Path(".local/stack.json"), help="the stack file to follow")
    return parser.parse_args()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 65535, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

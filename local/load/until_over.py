"""Plays to the end or until a signal, and shows the progress meanwhile."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

_BAR_EVERY_S, _LINE_EVERY_S = 0.5, 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def until_over(play: Coroutine[Any, Any, None], seconds: float, line: Callable[[float, bool], str]) -> int:
    """Run ``play``, which takes ``seconds``; cancelled by a signal. Returns that signal, or 0.

    ``line``: what to show when a part (0 to 1) of the time has passed; with a bar on a terminal.
    """
    playing = asyncio.create_task(play)
    stopped_by: list[int] = []

    def stop(number: int) -> None:
        if not stopped_by:  # only once: a second signal must not interrupt closing
            stopped_by.append(number)
            playing.cancel()

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    showing = asyncio.create_task(_show(seconds, line))
    try:
        with suppress(asyncio.CancelledError):
            await playing
    finally:
        showing.cancel()
        if sys.stdout.isatty():
            print()
    return stopped_by[0] if stopped_by else 0


async def _show(seconds: float, line: Callable[[float, bool], str]) -> None:
    """A moving bar on a terminal, else a line at intervals."""
    is_terminal, began = sys.stdout.isatty(), time.monotonic()
    while True:
        await asyncio.sleep(_BAR_EVERY_S if is_terminal else _LINE_EVERY_S)
        done = min(1.0, (time.monotonic() - began) / seconds)
        text = line(done, is_terminal)
        print(f"\r\033[K{text}" if is_terminal else text, end="" if is_terminal else "\n", flush=True)

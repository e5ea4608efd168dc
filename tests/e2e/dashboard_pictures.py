"""`python -m tests.e2e.dashboard_pictures [SCENE …]`: the pictures of docs/metrics.md, from a stack under a load.

The dashboard's graphs as template.yaml defines them, with what the stack itself reported meanwhile; and its console.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from local.cxone_simulator.client import SimulatorControl
from local.stack.deploy import ROOT
from local.stack.stack import Stack
from tests.e2e.browser import chromium
from tests.e2e.console_page import ConsolePage
from tests.e2e.screenshots import IMAGES, WIDE
from tests.support.dashboard import figures, widgets
from tests.support.graphs import COLUMNS, HEIGHT, WIDTH, Trouble, svg

VISITORS, CALM_S, HEALTHY_S = 15, 60, 180
#: On AWS the periods are 60 and 300 s.
PERIOD_MS = 20_000
#: A picture's time, from and to, and what was wrong meanwhile (epoch ms).
Scene = tuple[Any, ...]
SERVICES = ("Authorizer", "Connection", "Keystroke", "Sender", "Sweeper")


def main() -> None:
    """All scenes, or those named, one after the other under one load; then a picture of each."""
    with Stack(as_newest=False, senders=8) as stack, chromium() as browser:
        cxone = SimulatorControl(stack.info["cxone_base_url"])
        with loaded(stack):
            time.sleep(15)  # all have come
            played = {name: SCENES[name](cxone) for name in sys.argv[1:] or SCENES}
            take_console(browser, stack)
        found = figures(log_lines(stack))
        for name, (since, until, *troubles) in played.items():
            take(browser, f"metrics-{name}", found, since, until, *troubles)


@contextmanager
def loaded(stack: Stack) -> Iterator[None]:
    """`make load` on it, until the block ends."""
    given = {"PORT": stack.info["console_url"].rsplit(":", 1)[1], "VISITORS": str(VISITORS), "MINUTES": "30"}
    command = [sys.executable, "-m", "local.commands.load"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | given) as process:
        yield
        process.terminate()


def healthy(_: SimulatorControl) -> Scene:
    """Nothing goes wrong."""
    since = now()
    time.sleep(HEALTHY_S)
    return since, now()


def throttled(cxone: SimulatorControl) -> Scene:
    """CXone asks for patience."""
    return trouble(cxone, "every second call 429", 60, throttle={"rate": 0.5, "retry_after": "2"})


def slow(cxone: SimulatorControl) -> Scene:
    """CXone takes its time."""
    return trouble(cxone, "CXone takes 1.5 s more", 60, latency_ms=1500)


def not_held(cxone: SimulatorControl) -> Scene:
    """All sockets break, and no new one is to be had."""
    drop = partial(cxone.drop_sockets, "reset")
    return trouble(cxone, "CXone refuses sockets", 150, drop, refuse_handshake=503)


def trouble(
    cxone: SimulatorControl, name: str, seconds: float, at_first: Callable[[], object] = lambda: None, **faults: Any
) -> Scene:
    """These faults for this long, after some calm and before some more."""
    before, began = cxone.faults(), now()
    cxone.set_faults(**faults)
    at_first()
    time.sleep(seconds)
    cxone.set_faults(**{fault: before[fault] for fault in faults})
    ended = now()
    time.sleep(CALM_S)
    return began - 40_000, ended + CALM_S * 1000, (began, ended, name)


SCENES: dict[str, Callable[[SimulatorControl], Scene]] = {
    "healthy": healthy,
    "throttled": throttled,
    "slow": slow,
    "not-held": not_held,
}


def log_lines(stack: Stack) -> Iterator[str]:
    """Of all functions and keepers."""
    for function in SERVICES:
        name = stack.info["functions"][function]
        group = stack.aws.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        for page in stack.aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group):
            yield from (event["message"] for event in page["events"])
    yield from (Path(stack.info["logs"]) / "keeper.log").read_text().splitlines()


def take(browser: Browser, name: str, found: Any, since: float, until: float, *troubles: Trouble) -> None:
    """The graphs between two times (epoch ms)."""
    drawn = widgets("sender")
    relative = [(begin - since, end - since, what) for begin, end, what in troubles]
    size = {"width": COLUMNS * WIDTH, "height": -(-len(drawn) // COLUMNS) * HEIGHT}
    page = browser.new_context(viewport=size).new_page()
    page.set_content(f'<body style="margin:0">{svg(drawn, found, since, until, PERIOD_MS, relative)}</body>')
    page.screenshot(path=IMAGES / f"{name}.png")


def take_console(browser: Browser, stack: Stack) -> None:
    """The console's timeline, while a visitor of its own types among the others."""
    console = ConsolePage(browser.new_context(viewport=WIDE).new_page(), stack.info["console_url"], "alice")
    console.open()
    console.type("Good morning, my parcel has not come")
    console.expect_typing(True)
    console.page.screenshot(path=IMAGES / "metrics-console.png")
    console.page.close()


def now() -> float:
    """Epoch ms."""
    return time.time() * 1000


if __name__ == "__main__":
    main()

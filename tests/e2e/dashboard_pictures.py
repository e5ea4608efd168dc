"""`python -m tests.e2e.dashboard_pictures`: the pictures of docs/metrics.md, from a load with troubles on a stack.

The dashboard's graphs as template.yaml defines them, with what the stack itself reported meanwhile; and its console.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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

VISITORS, CALM_S = 15, 60
#: On AWS the periods are 60 and 300 s.
PERIOD_MS = 20_000
SERVICES = ("Authorizer", "Connection", "Keystroke", "Sender", "Sweeper")


def main() -> None:
    """A healthy time, CXone throttling, CXone slow, CXone's sockets out of reach; a picture of each."""
    with Stack(as_newest=False, senders=8) as stack, chromium() as browser:
        cxone = SimulatorControl(stack.info["cxone_base_url"])
        with loaded(stack):
            time.sleep(15)  # all have come
            began = now()
            time.sleep(CALM_S)
            take_console(browser, stack)
            calm = (began, now())
            throttled = trouble(cxone, 60, throttle={"rate": 0.5, "retry_after": "2"})
            slow = trouble(cxone, 60, latency_ms=1500)
            unheld = trouble(cxone, 150, lambda: cxone.drop_sockets("reset"), refuse_handshake=503)
        found = figures(log_lines(stack))
        take(browser, "metrics-healthy", found, *calm)
        take(
            browser,
            "metrics-throttled",
            found,
            *around(*throttled),
            (*throttled, "every second call 429"),
        )
        take(browser, "metrics-slow", found, *around(*slow), (*slow, "CXone takes 1.5 s more"))
        take(browser, "metrics-not-held", found, *around(*unheld), (*unheld, "CXone refuses sockets"))


@contextmanager
def loaded(stack: Stack) -> Iterator[None]:
    """`make load` on it, until the block ends."""
    given = {"PORT": stack.info["console_url"].rsplit(":", 1)[1], "VISITORS": str(VISITORS), "MINUTES": "30"}
    command = [sys.executable, "-m", "local.commands.load"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | given) as process:
        yield
        process.terminate()


def trouble(cxone: SimulatorControl, seconds: float, at_first: Any = None, **faults: Any) -> tuple[float, float]:
    """These faults for so long, and calm again; from when to when."""
    before, began = cxone.faults(), now()
    cxone.set_faults(**faults)
    if at_first:
        at_first()
    time.sleep(seconds)
    cxone.set_faults(**{name: before[name] for name in faults})
    ended = now()
    time.sleep(CALM_S)
    return began, ended


def around(began: float, ended: float) -> tuple[float, float]:
    """A picture's time: some calm before the trouble, and the calm after it."""
    return began - 40_000, ended + 60_000


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

"""One running stack and one Chromium for all tests in a real browser; a page and a visitor for each."""

import itertools
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from local.processes import free_port
from local.settings import Settings, read_settings
from local.stack import Stack
from tests.e2e.console_page import ConsolePage

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LAUNCH = [
    "--no-sandbox",  # tests run as root in CI
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
PATIENCE_MS = 15_000  # a busy machine


class RunningStack:
    """A stack that a test may restart: console on the same port, everything else anew."""

    def __init__(self) -> None:
        self._settings: Settings = read_settings({"PORT": str(free_port())})
        self.start()

    def start(self) -> None:
        self._stack = Stack(self._settings, as_newest=False)
        self._stack.__enter__()

    def stop(self) -> None:
        self._stack.__exit__(None, None, None)

    @property
    def console_url(self) -> str:
        return self._stack.info["console_url"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=LAUNCH)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stack(browser) -> Iterator[RunningStack]:
    """After `browser`: without one, no stack is started either."""
    stack = RunningStack()
    yield stack
    stack.stop()


@pytest.fixture
def context(browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1320, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


_numbers = itertools.count(1)


@pytest.fixture
def visitor() -> str:
    """A name that no other test uses."""
    return f"visitor-{next(_numbers)}"


@pytest.fixture
def console(stack, context, visitor) -> ConsolePage:
    """The console, its visitor connected."""
    page = ConsolePage(context.new_page(), stack.console_url, visitor)
    page.open()
    return page

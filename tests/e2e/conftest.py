"""One running stack and one Chromium for all tests in a real browser; a page and a visitor for each."""

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from local.processes import free_port
from local.settings import Settings, read_settings
from local.stack import Stack
from tests.e2e.browser import CHROMIUM, PATIENCE_MS, chromium
from tests.e2e.console_page import ConsolePage


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

    @property
    def websocket_url(self) -> str:
        return self._stack.info["websocket_url"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("needs Chromium: apt-get install chromium")
    with chromium() as browser:
        yield browser


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

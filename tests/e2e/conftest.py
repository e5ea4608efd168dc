"""One running stack and one Chromium for all tests in a real browser; a page and a visitor for each."""

import contextlib
import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from local.stack.processes import free_port
from local.stack.settings import Settings, read_settings
from local.stack.stack import Stack
from tests.e2e.browser import CHROMIUM, PATIENCE_MS, chromium
from tests.e2e.console_page import ConsolePage
from tests.e2e.firefox_tab import FIREFOX, MISSING, Firefox, NotStartedError, running_firefox
from tests.support.left_out import leave_out
from tests.support.relay_stage import SOON_TAKEN_OVER


class RestartableStack:
    """A stack that a test may stop and start: console on the same port, everything else anew."""

    def __init__(self, **environment: str) -> None:
        self._settings: Settings = read_settings({"PORT": str(free_port()), **environment})
        self._running: Stack | None = None

    def start(self) -> None:
        """Unless it runs."""
        if self._running is None:
            self._running = Stack(self._settings, as_newest=False, senders=3, keeper=SOON_TAKEN_OVER).__enter__()

    def stop(self) -> None:
        """Unless it is stopped."""
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None

    @property
    def info(self) -> dict[str, Any]:
        """The stack's stack.json."""
        assert self._running is not None
        return self._running.info


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("needs Chromium: apt-get install chromium-headless-shell")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def firefox() -> Iterator[Firefox]:
    if not FIREFOX:
        leave_out(MISSING)
    with contextlib.ExitStack() as running:
        try:
            browser = running.enter_context(running_firefox())
        except NotStartedError as why:  # the start is not under test
            warnings.warn(str(why), stacklevel=1)
            browser = running.enter_context(running_firefox())
        yield browser


@pytest.fixture(scope="session")
def only_stack(browser) -> Iterator[RestartableStack]:
    """After `browser`: without one, no stack is started either."""
    stack = RestartableStack()
    yield stack
    stack.stop()


@pytest.fixture
def stack(only_stack) -> RestartableStack:
    """Running, whatever the test before has done to it."""
    only_stack.start()
    return only_stack


@pytest.fixture
def context(browser) -> Iterator[BrowserContext]:
    # Little motion: two cores have enough to do without drawing a moving timeline.
    context = browser.new_context(viewport={"width": 1320, "height": 900}, reduced_motion="reduce")
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
    page = ConsolePage(context.new_page(), stack.info["console_url"], visitor)
    page.open()
    return page

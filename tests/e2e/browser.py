"""Debian's Chromium, driven by Playwright; without its windows, if there is that build: it takes half the CPU."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

PATIENCE_MS = 15_000  # for what a page is to show, on a busy machine
expect.set_options(timeout=PATIENCE_MS)

BUILDS = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = next(filter(None, map(shutil.which, BUILDS)), None)
ARGUMENTS = [
    "--no-sandbox",  # tests run as root in CI
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-features=LocalNetworkAccessChecks",  # a page that a test makes up may connect to loopback
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()

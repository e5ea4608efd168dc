"""The visitor's tab in Chromium, over the DevTools protocol."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import Browser

from local.stack.processes import free_port
from tests.e2e.browser import ARGUMENTS, CHROMIUM
from tests.e2e.visitors_tab import Remote, VisitorsTab

_KEEP_AWAKE = [
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
]


class ChromiumTab(VisitorsTab):
    """``freeze`` is Chromium's alone."""

    def __init__(self, browser: Browser, port: int) -> None:
        self._browser = browser
        with urlopen(Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")) as answer:
            self._devtools = Remote(json.load(answer)["webSocketDebuggerUrl"])
        self._devtools.call("Page.enable")

    def close(self) -> None:
        self._devtools.close()

    def before_scripts(self, script: str) -> None:
        self._devtools.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def go(self, url: str) -> None:
        self._devtools.call("Page.navigate", url=url)

    def press(self, text: str) -> None:
        """Insert it, which is one change of the box."""
        self._devtools.call("Input.insertText", text=text)

    def evaluate(self, expression: str) -> Any:
        answer = self._devtools.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def hide(self) -> None:
        window = self._devtools.call("Browser.getWindowForTarget")["windowId"]
        self._devtools.call("Browser.setWindowBounds", windowId=window, bounds={"windowState": "minimized"})

    def freeze(self) -> None:
        """Hidden, and no script of it runs."""
        self._devtools.call("Page.setWebLifecycleState", state="frozen")

    def thaw(self) -> None:
        """Hidden still, but its scripts run again."""
        self._devtools.call("Page.setWebLifecycleState", state="active")

    @contextmanager
    def sleeping(self) -> Iterator[None]:
        processes = self._browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        with stopped([process["id"] for process in processes if process["type"] == "renderer"]):
            yield


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """These processes do nothing while the block lasts."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def chromium_tab(beside: Browser) -> Iterator[ChromiumTab]:
    """An empty tab in a Chromium of its own, until the block ends."""
    port = free_port()
    arguments = [*ARGUMENTS, f"--remote-debugging-port={port}"]
    browser = beside.browser_type.launch(executable_path=CHROMIUM, args=arguments, ignore_default_args=_KEEP_AWAKE)
    try:
        tab = ChromiumTab(browser, port)
        yield tab
        tab.close()
    finally:
        browser.close()

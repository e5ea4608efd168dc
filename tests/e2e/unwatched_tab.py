"""A visitor's tab in a Chromium that does with it what it does with tabs that nobody looks at.

Playwright keeps its pages visible and awake. So this tab is driven over the DevTools protocol alone.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import websocket
from playwright.sync_api import Browser

from local.stack.processes import free_port
from tests.e2e.browser import ARGUMENTS, CHROMIUM, PATIENCE_MS

_KEEP_AWAKE = [
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
]
#: Before any script of the page: each frame that leaves.
_TAP = """
window.sent = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (text) {
  if (text.includes('"action"')) window.sent.push(JSON.parse(text));
  return send.call(this, text);
};
"""


class UnwatchedTab:
    """The visitor's page. ``hide``, ``freeze`` and ``sleeping`` are what may happen to it."""

    def __init__(self, browser: Browser, port: int) -> None:
        self._browser = browser
        with urlopen(Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")) as answer:
            url = json.load(answer)["webSocketDebuggerUrl"]
        self._devtools = websocket.create_connection(url, timeout=PATIENCE_MS / 1000, suppress_origin=True)
        self._calls = 0

    def close(self) -> None:
        self._devtools.close()

    def open(self, console_url: str, visitor: str) -> None:
        """Load the visitor's page and wait until it is connected."""
        self._call("Page.enable")
        self._call("Page.addScriptToEvaluateOnNewDocument", source=_TAP)
        self._call("Page.navigate", url=f"{console_url}/visitor?visitor={quote(visitor)}")
        self.evaluate(
            """new Promise((done) => {
              const look = () => document.querySelector('[data-part="status"]')?.textContent === "Connected"
                ? done() : setTimeout(look, 50);
              look();
            })"""
        )
        self.evaluate(
            """window.pressed = [];
            const box = document.querySelector("#visitor-box");
            box.addEventListener("input", () => window.pressed.push(Date.now()));
            box.focus();"""
        )

    def press(self, text: str) -> None:
        """Insert it, which is one change of the box."""
        self._call("Input.insertText", text=text)

    def hide(self) -> None:
        """Minimise the window: Chromium lets the timers of what nobody sees run once a second."""
        window = self._call("Browser.getWindowForTarget")["windowId"]
        self._call("Browser.setWindowBounds", windowId=window, bounds={"windowState": "minimized"})

    def freeze(self) -> None:
        """Hidden, and no script of it runs."""
        self._call("Page.setWebLifecycleState", state="frozen")

    def thaw(self) -> None:
        """Hidden still, but its scripts run again."""
        self._call("Page.setWebLifecycleState", state="active")

    @contextmanager
    def sleeping(self) -> Iterator[None]:
        """The machine sleeps while the block lasts: no event tells the page, and nothing in it runs."""
        devtools = self._browser.new_browser_cdp_session()
        processes = devtools.send("SystemInfo.getProcessInfo")["processInfo"]
        renderers = [process["id"] for process in processes if process["type"] == "renderer"]
        for pid in renderers:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in renderers:
                os.kill(pid, signal.SIGCONT)

    def newest_key_at(self) -> float:
        """Epoch ms."""
        return self.evaluate("window.pressed.at(-1)")

    def frames(self) -> list[dict[str, Any]]:
        """Those that left, hello aside."""
        return [frame for frame in self.evaluate("window.sent") if frame["action"] != "hello"]

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of its promise."""
        answer = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._calls += 1
        self._devtools.send(json.dumps({"id": self._calls, "method": method, "params": parameters}))
        while (answer := json.loads(self._devtools.recv())).get("id") != self._calls:
            pass  # an event
        assert "error" not in answer, answer
        return answer["result"]


@contextmanager
def unwatched_tab(beside: Browser) -> Iterator[UnwatchedTab]:
    """An empty tab in a Chromium of its own, until the block ends."""
    port = free_port()
    arguments = [*ARGUMENTS, f"--remote-debugging-port={port}"]
    browser = beside.browser_type.launch(executable_path=CHROMIUM, args=arguments, ignore_default_args=_KEEP_AWAKE)
    try:
        tab = UnwatchedTab(browser, port)
        yield tab
        tab.close()
    finally:
        browser.close()

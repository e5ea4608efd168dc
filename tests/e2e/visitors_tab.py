"""A visitor's tab in a browser that does with it what it does with any tab.

Playwright keeps its pages visible and awake, and cannot drive Debian's Firefox. So these are driven over what the
browsers themselves speak.
"""

import json
import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

import websocket

from tests.e2e.browser import PATIENCE_MS

#: Before any script of the page: each frame that leaves, and the sockets.
_TAP = """
window.sent = [];
window.sockets = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (text) {
  if (text.includes('"action"')) window.sent.push(JSON.parse(text));
  if (!window.sockets.includes(this)) window.sockets.push(this);
  return send.call(this, text);
};
"""
_WATCH = """
window.pressed = [];
const box = document.querySelector("#visitor-box");
box.addEventListener("input", () => window.pressed.push(Date.now()));
box.focus();
"""


class VisitorsTab(ABC):
    """What a test does in the tab, whichever browser it is."""

    def open(self, console_url: str, visitor: str) -> None:
        """Load the visitor's page and wait until it is connected."""
        self.before_scripts(_TAP)
        self.go(f"{console_url}/visitor?visitor={quote(visitor)}")
        self.expect_status("Connected")
        self.evaluate(_WATCH)

    def expect_status(self, status: str) -> None:
        """Wait until the page says that the client stands so."""
        self.expect(f"""document.querySelector('[data-part="status"]')?.textContent === "{status}" """)

    def newest_key_at(self) -> float:
        """Epoch ms."""
        return self.evaluate("window.pressed.at(-1)")

    def type(self, text: str) -> None:
        """Ten keys a second."""
        for character in text:
            self.press(character)
            time.sleep(0.1)

    def frames(self) -> list[dict[str, Any]]:
        """Those that left, hello aside."""
        return [frame for frame in self.evaluate("window.sent") if frame["action"] != "hello"]

    def expect(self, condition: str) -> None:
        """Wait until this JavaScript expression is true. Raises AssertionError when it does not become so."""
        ends_at = time.monotonic() + PATIENCE_MS / 1000
        while not self.evaluate(condition):
            assert time.monotonic() < ends_at, f"never true: {condition}"
            time.sleep(0.05)

    @abstractmethod
    def before_scripts(self, script: str) -> None:
        """Run this in each page that is loaded from now on, before its own scripts."""

    @abstractmethod
    def go(self, url: str) -> None:
        """Load this page."""

    @abstractmethod
    def press(self, text: str) -> None:
        """Put it into the box that has the focus."""

    @abstractmethod
    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of its promise."""

    @abstractmethod
    def hide(self) -> None:
        """Minimise the window: browsers let the timers of what nobody sees run once a second."""

    @abstractmethod
    def sleeping(self) -> AbstractContextManager[None]:
        """The machine sleeps while the block lasts: no event tells the page, and nothing in it runs."""


class Remote:
    """Commands to a browser and their answers: the same envelope in the DevTools protocol and in WebDriver BiDi."""

    def __init__(self, url: str, timeout_s: float = PATIENCE_MS / 1000) -> None:
        self._socket = websocket.create_connection(url, timeout=timeout_s, suppress_origin=True)
        self._calls = 0

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result. Raises AssertionError with the browser's answer when it refuses."""
        self._calls += 1
        self._socket.send(json.dumps({"id": self._calls, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._calls:
            pass  # an event
        assert "error" not in answer, answer
        return answer["result"]

    def answers_within(self, timeout_s: float) -> None:
        """From now on an answer may take this long."""
        self._socket.settimeout(timeout_s)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

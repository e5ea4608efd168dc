"""The client on the editors that front ends use as text boxes, each as it is published, in both browsers.

The relay here is the page's own and offers holds that outlast a test: a stop comes from what happens, never from time.
"""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browser import PATIENCE_MS
from tests.e2e.firefox_tab import FirefoxTab
from tests.e2e.site import site
from tests.support.left_out import leave_out
from tests.support.npm import MISSING, RegistryAway, installed, npm_can_run

PROJECT = Path(__file__).parent / "editors"
EDITORS = ("ckeditor", "lexical", "quill", "slate", "tiptap")
PAGE = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Editor</title></head>
  <body><div id="root"></div><button>Send</button><script type="module" src="/EDITOR.js"></script></body>
</html>
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the editors' pages are."""
    if not npm_can_run():
        leave_out(MISSING)
    try:
        packages = installed(PROJECT) / "node_modules"
    except RegistryAway as away:
        leave_out(str(away))
    made = tmp_path_factory.mktemp("editors")
    sources = [str(PROJECT / f"src/{name}.js") for name in EDITORS]
    options = ["--bundle", "--format=esm", "--log-level=error", "--loader:.svg=text", "--loader:.css=empty"]
    defined = '--define:process.env.NODE_ENV="production"'
    subprocess.run(
        [packages / ".bin/esbuild", *sources, *options, defined, f"--outdir={made}"],
        env={**os.environ, "NODE_PATH": str(packages)},
        check=True,
        timeout=120,
    )
    scripts = {f"/{name}.js": (made / f"{name}.js").read_text() for name in EDITORS}
    with site(scripts | {f"/{name}/": PAGE.replace("EDITOR", name) for name in EDITORS}) as url:
        yield url


class Tab(ABC):
    """What a test does in the editor's tab. Keys are named as WebDriver names them."""

    BACKSPACE, LEFT, RIGHT = "\ue003", "\ue012", "\ue014"

    @abstractmethod
    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of its promise."""

    @abstractmethod
    def press(self, keys: str) -> None:
        """One key for each character."""

    @abstractmethod
    def compose(self, *texts: str) -> None:
        """The browser's input method puts one text after the other into the box, and commits none."""

    @abstractmethod
    def commit(self, text: str) -> None:
        """The input method leaves this text in the box when Enter is pressed."""

    def expect_sent(self, *actions: str) -> None:
        """Wait until the relay has been sent these, and no other."""
        waits = f"""new Promise((done) => {{
            const until = performance.now() + {PATIENCE_MS};
            const isOver = () => sent.length >= {len(actions)} || performance.now() > until;
            const look = () => (isOver() ? done() : setTimeout(look, 10));
            look();
        }})"""
        self.evaluate(waits)
        self.rest()
        assert self.evaluate("sent") == list(actions)

    def rest(self) -> None:
        """The editor and the client have looked at what has happened."""
        self.evaluate("new Promise((rested) => setTimeout(rested, 150))")


NAMES = {Tab.BACKSPACE: "Backspace", Tab.LEFT: "ArrowLeft", Tab.RIGHT: "ArrowRight"}


class InChromium(Tab):
    def __init__(self, page: Page) -> None:
        self.page = page
        self._session = page.context.new_cdp_session(page)

    def evaluate(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def press(self, keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(NAMES.get(key, key))

    def compose(self, *texts: str) -> None:
        for text in texts:
            self._cdp("Input.imeSetComposition", text=text, selectionStart=len(text), selectionEnd=len(text))

    def commit(self, text: str) -> None:
        enter = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}  # as browsers report it
        self._cdp("Input.dispatchKeyEvent", type="rawKeyDown", **enter)
        self._cdp("Input.insertText", text=text)
        self._cdp("Input.dispatchKeyEvent", type="keyUp", **enter)

    def _cdp(self, method: str, **arguments: object) -> None:
        self._session.send(method, arguments)


class InFirefox(Tab):
    def __init__(self, tab: FirefoxTab) -> None:
        self._tab = tab

    def evaluate(self, expression: str) -> Any:
        return self._tab.evaluate(expression)

    def press(self, keys: str) -> None:
        self._tab.press(keys)

    def compose(self, *texts: str) -> None:
        self._tab.compose(*texts)

    def commit(self, text: str) -> None:
        self._tab.commit(text)


_READY = "new Promise((ready) => { const look = () => (window.ready ? ready() : setTimeout(look, 20)); look(); })"


@pytest.fixture(params=EDITORS)
def url(request: pytest.FixtureRequest, pages: str) -> str:
    return f"{pages}/{request.param}/"


@pytest.fixture
def chromium(url: str, browser: Browser) -> Iterator[InChromium]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.evaluate(f"{_READY}.then(() => box.focus())")
    yield InChromium(page)
    page.close()


@pytest.fixture(params=["chromium", "firefox"])
def tab(request: pytest.FixtureRequest, url: str) -> Iterator[Tab]:
    """The editor in a tab of its own, focused, its client connected."""
    if request.param == "chromium":
        yield request.getfixturevalue("chromium")
        return
    with request.getfixturevalue("firefox").tab() as firefox_tab:
        firefox_tab.go(url)
        firefox_tab.evaluate(f"{_READY}.then(() => box.focus())")
        yield InFirefox(firefox_tab)


def test_typing_is_heard_and_deleting_all_of_it_ends_it(tab: Tab) -> None:
    """Some editors prevent `input`, and none leaves an empty box empty."""
    tab.press("hi")
    tab.expect_sent("keystroke")
    tab.press(Tab.BACKSPACE * 2)
    tab.expect_sent("keystroke", "stop")


def test_a_button_whose_script_empties_the_editor_ends_the_typing(tab: Tab) -> None:
    tab.press("hi")
    tab.expect_sent("keystroke")
    tab.evaluate("document.querySelector('button').click()")
    tab.expect_sent("keystroke", "stop")


def test_a_draft_that_a_script_sets_and_arrows_in_it_are_not_typing(tab: Tab) -> None:
    tab.evaluate("void fill('Dear all')")
    tab.rest()
    tab.press(Tab.LEFT + Tab.RIGHT)
    tab.expect_sent()


def test_a_composition_is_typing_and_the_enter_that_commits_it_ends_nothing(tab: Tab) -> None:
    """By the browser's own input method."""
    tab.compose("に", "にほ", "にほん")
    tab.expect_sent("keystroke")
    tab.commit("日本")
    tab.expect_sent("keystroke")
    assert "日本" in tab.evaluate("box.textContent")

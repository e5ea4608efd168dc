"""The visitor's tab in Debian's Firefox, over WebDriver BiDi.

Not by Playwright: for each page it asks for `emulation.setMediaFeaturesOverride`, which Firefox 153 ESR does not know.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from websocket import WebSocketException

from tests.e2e.browser import PATIENCE_MS
from tests.e2e.chromium_tab import stopped
from tests.e2e.visitors_tab import Remote, VisitorsTab

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
MISSING = "needs Firefox (apt-get install firefox-esr)"
#: Firefox contacts nobody by itself. Its start does not wait for the disk.
_PREFERENCES = """
user_pref("app.normandy.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("toolkit.storage.synchronous", 0);
"""
_OUTPUT = "output"
_STARTED_S = 40  # freshly installed, on a busy machine


class Firefox:
    """A running one, and the line to it."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str) -> None:
        self._process = process
        try:
            self._remote = Remote(f"{url}/session", timeout_s=_STARTED_S)
            self.call = self._remote.call
            self.call("session.new", capabilities={})
        except (OSError, WebSocketException) as error:
            raise NotStartedError(f"Firefox listens and does not answer: {error!r}") from error
        self._remote.answers_within(PATIENCE_MS / 1000)

    def close(self) -> None:
        """Hang up; the process goes on."""
        self._remote.close()

    @contextmanager
    def tab(self) -> Iterator["FirefoxTab"]:
        """An empty tab in a window of its own, with storage of its own, until the block ends."""
        user = self.call("browser.createUserContext")["userContext"]
        tab = FirefoxTab(self, self.call("browsingContext.create", type="window", userContext=user)["context"])
        yield tab
        self.call("browser.removeUserContext", userContext=user)

    def content_processes(self) -> list[int]:
        """Ids of those that run pages."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                is_ours = os.getsid(int(folder.name)) == self._process.pid
                command = (folder / "cmdline").read_bytes().rstrip(b"\0")
            except OSError:  # it has ended meanwhile
                continue
            if is_ours and command.endswith(b"tab"):
                found.append(int(folder.name))
        assert found
        return found


class FirefoxTab(VisitorsTab):
    """``go_back`` and ``set_offline`` are asked of Firefox alone: Playwright does them in Chromium."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self._browser = browser
        self._context = context

    def before_scripts(self, script: str) -> None:
        function = f"() => {{ {script} }}"
        self._browser.call("script.addPreloadScript", functionDeclaration=function, contexts=[self._context])

    def go(self, url: str) -> None:
        self._browser.call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def go_back(self) -> None:
        """To the page before, as by the browser's button."""
        self._browser.call("browsingContext.traverseHistory", context=self._context, delta=-1)

    def press(self, text: str) -> None:
        """A key for each character."""
        keys = [{"type": type_, "value": character} for character in text for type_ in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": keys}
        self._browser.call("input.performActions", context=self._context, actions=[source])

    def evaluate(self, expression: str) -> Any:
        as_json = f"(async () => JSON.stringify((await (0, eval)({json.dumps(expression)})) ?? null))()"
        target = {"context": self._context}
        answer = self._browser.call("script.evaluate", expression=as_json, target=target, awaitPromise=True)
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def compose(self, *texts: str) -> None:
        """One text after the other stands in the box, as an input method suggests them, until ``commit``."""
        self._in_its_window(f"""
            window.method ??= Cc["@mozilla.org/text-input-processor;1"].createInstance(Ci.nsITextInputProcessor);
            method.beginInputTransactionForTests(window);
            for (const text of {json.dumps(texts)}) {{
                method.setPendingCompositionString(text);
                method.appendClauseToPendingComposition(text.length, method.ATTR_RAW_CLAUSE);
                method.setCaretInPendingComposition(text.length);
                method.flushPendingComposition();
            }}
        """)

    def commit(self, text: str) -> None:
        """The composition ends with this text, by Enter."""
        enter = 'new KeyboardEvent("", { key: "Enter", code: "Enter", keyCode: 13 })'
        self._in_its_window(f"method.commitCompositionWith({json.dumps(text)}, {enter});")

    def _in_its_window(self, script: str) -> None:
        """Run it as Firefox's own code, in the window around the page."""
        windows = self._browser.call("browsingContext.getTree", **{"moz:scope": "chrome"})["contexts"]
        [window] = [window["context"] for window in windows if window["clientWindow"] == self._client_window()]
        answer = self._browser.call(
            "script.evaluate", expression=f"{{ {script} }}", target={"context": window}, awaitPromise=False
        )
        assert answer["type"] == "success", answer

    def _client_window(self) -> str:
        tree = self._browser.call("browsingContext.getTree", root=self._context, maxDepth=0)
        window: str = tree["contexts"][0]["clientWindow"]
        return window

    def hide(self) -> None:
        self._browser.call("browser.setClientWindowState", clientWindow=self._client_window(), state="minimized")

    def set_offline(self, offline: bool) -> None:
        """The tab has no network, or has it again."""
        conditions = {"type": "offline"} if offline else None
        contexts = [self._context]
        self._browser.call("emulation.setNetworkConditions", contexts=contexts, networkConditions=conditions)

    @contextmanager
    def sleeping(self) -> Iterator[None]:
        with stopped(self._browser.content_processes()):
            yield


class NotStartedError(Exception):
    """Firefox has ended or does not listen; what it said."""


@contextmanager
def running_firefox() -> Iterator[Firefox]:
    """A headless Firefox with a profile of its own until the block ends. Raises NotStartedError."""
    assert FIREFOX
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        profile = Path(name)
        environment = os.environ | {"HOME": name}  # as root it refuses to start in a home that another user owns
        (profile / "user.js").write_text(_PREFERENCES)
        asked = ["--headless", "--no-remote", "--remote-debugging-port=0", "--remote-allow-system-access"]
        command = [FIREFOX, *asked, "--profile", name]
        with (
            (profile / _OUTPUT).open("wb") as output,
            subprocess.Popen(
                command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            ) as process,
        ):
            try:
                browser = Firefox(process, _url(profile, process))
                yield browser
                browser.close()
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def _url(profile: Path, process: "subprocess.Popen[bytes]") -> str:
    """Where the browser of this profile listens, as soon as it does. Raises NotStartedError."""
    ends_at = time.monotonic() + _STARTED_S
    told = profile / "WebDriverBiDiServer.json"
    while not (told.exists() and told.read_text()):
        said = (profile / _OUTPUT).read_text(errors="replace")[-500:]
        if process.poll() is not None:
            raise NotStartedError(f"Firefox has ended with {process.returncode}: {said}")
        if time.monotonic() > ends_at:
            raise NotStartedError(f"Firefox does not listen after {_STARTED_S} s: {said}")
        time.sleep(0.05)
    place = json.loads(told.read_text())
    return f"ws://{place['ws_host']}:{place['ws_port']}"

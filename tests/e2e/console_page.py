"""The console page as a person uses it. Waits are Playwright's: they end as soon as the page shows what is expected."""

from typing import Any

from playwright.sync_api import Locator, Page, WebSocket, expect

# Notes when the agent's indicator goes on or out, and when the newest key was pressed: all on the page's clock.
WATCH = """
() => {
  window.changes = [];
  window.newestKeyAt = null;
  const indicator = document.querySelector('#agent [data-part="typing"]');
  let on = false;
  new MutationObserver(() => {
    if (indicator.classList.contains("on") === on) return;
    on = !on;
    window.changes.push({ on, at: Date.now() });
  }).observe(indicator, { attributes: true });
  document.querySelector("#visitor-box").addEventListener("input", () => (window.newestKeyAt = Date.now()));
}
"""


class ConsolePage:
    """One tab with the console, for one visitor."""

    def __init__(self, page: Page, console_url: str, visitor: str) -> None:
        self.page = page
        self.visitor = visitor
        self._url = f"{console_url}/?visitor={visitor}"
        self.status = page.locator('#visitor [data-part="status"]')
        self.stack_state = page.locator("#stack-state")
        self.visitor_box = page.locator("#visitor-box")
        self.agent_box = page.locator("#agent-box")
        self.indicator = page.locator('#agent [data-part="typing"]')
        self.visitor_sees_agent = page.locator('#visitor [data-part="agent-typing-text"]')
        self.visitor_log = page.locator('#visitor [data-part="log"]')
        self.conversations = page.get_by_role("listbox", name="Conversations")
        self.tip = page.get_by_role("tooltip")
        self.why_unseen = page.locator('#timeline [data-part="why"]')
        self.agent_log = page.locator('#agent [data-part="log"]')

    def open(self) -> None:
        """Load it and wait until the visitor is connected and the agent has the conversation."""
        self.load()
        expect(self.agent_box).to_be_enabled()

    def load(self) -> None:
        """Load it and wait until the visitor is connected; on Digital-First agents have nothing to work on yet."""
        self.page.goto(self._url)
        self.page.evaluate(WATCH)
        self.expect_connected()

    def expect_connected(self, timeout: float | None = None) -> None:
        expect(self.status).to_have_text("Connected", timeout=timeout)

    def expect_typing(self, on: bool, timeout: float | None = None) -> None:
        """The agent sees the visitor typing, or not."""
        expect(self.indicator).to_have_text(f"{self.visitor} is typing" if on else "", timeout=timeout)

    def type(self, text: str) -> None:
        """Press these keys in the visitor's box, ten a second."""
        self.visitor_box.press_sequentially(text, delay=100)

    def say(self, text: str) -> Locator:
        """The visitor sends a message; returns it as it stands in the chat."""
        self.visitor_box.fill(text)
        self.visitor_box.press("Enter")
        return self.visitor_log.locator(".message", has_text=text)

    def answer(self, text: str) -> None:
        """The agent sends a message, typing it."""
        self.agent_box.press_sequentially(text, delay=50)
        self.agent_box.press("Enter")

    def act(self, name: str) -> None:
        """The agent presses this button of the desk."""
        self.page.locator("#agent").get_by_role("button", name=name, exact=True).click()

    def changes(self) -> list[dict[str, Any]]:
        """When the agent's indicator went on or out: [{"on", "at" (epoch ms)}]."""
        return self.page.evaluate("window.changes")

    def newest_key_at(self) -> float:
        """When the visitor's newest key was pressed, epoch ms."""
        return self.page.evaluate("window.newestKeyAt")

    def fault(self, label: str) -> None:
        """Press this fault's button and wait until the page says it is done."""
        self.page.locator("#faults button", has_text=label).click()
        expect(self.page.locator('#faults [data-part="note"]')).to_contain_text(label)

    def counter(self, name: str) -> str:
        """The text of one number above the timeline."""
        return self.page.locator(f'.counters [data-part="{name}"]').inner_text()

    def heard_from_relay(self) -> list[str]:
        """Collects what comes on the sockets to the relay that the page opens from now on."""
        frames: list[str] = []

        def listen(socket: WebSocket) -> None:
            if "/api/feed" not in socket.url:
                socket.on("framereceived", lambda frame: frames.append(str(frame)))

        self.page.on("websocket", listen)
        return frames

    def expect_row(self, text: str, times: int = 1, timeout: float | None = None) -> None:
        """The table of the timeline has this many rows with this text, or more."""
        if self.page.locator('[data-part="table"]').is_hidden():
            self.page.locator('[data-part="as-table"]').click()
        rows = self.page.locator('[data-part="rows"] tr', has_text=text)
        expect(rows.nth(times - 1)).to_be_visible(timeout=timeout)

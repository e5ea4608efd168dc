"""`python -m tests.e2e.screenshots`: take the pictures of docs/images anew, on a stack of its own."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from local.stack.stack import Stack
from tests.e2e.browser import chromium
from tests.e2e.console_page import ConsolePage

IMAGES = Path(__file__).parents[2] / "docs/images"
WIDE = {"width": 1320, "height": 900}
NARROW = {"width": 390, "height": 844}


def main() -> None:
    """Light, dark, the table, and a phone's width."""
    IMAGES.mkdir(exist_ok=True)
    with Stack(as_newest=False) as stack, chromium() as browser:
        console = play_the_scene(browser, stack.info["console_url"])
        take(console, "console-light", "light")
        take(console, "console-dark", "dark")
        console.expect_row("keystroke")
        take(console, "console-table", "light")
        console.page.locator('[data-part="as-table"]').click()
        console.page.set_viewport_size(NARROW)
        take(console, "console-narrow-light", "light")
        take(console, "console-narrow-dark", "dark")


def play_the_scene(browser: Browser, console_url: str) -> ConsolePage:
    """A conversation, a 429 storm that has just passed, other visitors who type, the agent about to answer."""
    page = browser.new_context(viewport=WIDE).new_page()
    console = ConsolePage(page, console_url, "alice")
    console.open()
    page.locator('#player [data-part="count"]').fill("5")
    page.locator('#player [data-part="toggle"]').click()
    console.type("Good morning, my parcel has not come")
    console.visitor_box.press("Enter")
    console.agent_box.press_sequentially("Let me look that up", delay=60)
    console.agent_box.press("Enter")
    expect(console.visitor_log).to_contain_text("Let me look")
    console.fault("429 storm")
    console.type("Thank")
    page.wait_for_timeout(1200)
    console.fault("429 storm")
    console.type(" you, the number")
    console.expect_typing(True)
    return console


def take(console: ConsolePage, name: str, theme: str) -> None:
    """One picture of the whole page, while the visitor types."""
    console.page.locator("#theme").select_option(theme)
    console.visitor_box.press("End")
    console.type(" is")
    console.expect_typing(True)
    console.page.screenshot(path=IMAGES / f"{name}.png", full_page=True)


if __name__ == "__main__":
    main()

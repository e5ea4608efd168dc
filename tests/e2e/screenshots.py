"""`python -m tests.e2e.screenshots [v1|dfo]`: take the pictures of docs/images anew, on stacks of their own."""

import sys
from pathlib import Path

from playwright.sync_api import Browser, expect

from local.stack.settings import read_settings
from local.stack.stack import Stack
from tests.e2e.browser import chromium
from tests.e2e.console_page import ConsolePage

IMAGES = Path(__file__).parents[2] / "docs/images"
WIDE = {"width": 1320, "height": 900}
NARROW = {"width": 390, "height": 844}


def main() -> None:
    """Of both platforms, or of those named."""
    IMAGES.mkdir(exist_ok=True)
    for platform in sys.argv[1:] or SCENES:
        settings = read_settings({"CXONE_PLATFORM": platform})
        with Stack(settings, as_newest=False) as stack, chromium() as browser:
            SCENES[platform](browser, stack.info["console_url"])


def webchat(browser: Browser, console_url: str) -> None:
    """Light, dark, the table, and a phone's width."""
    console = play_the_scene(browser, console_url)
    take(console, "console-light", "light")
    take(console, "console-dark", "dark")
    console.expect_row("keystroke")
    take(console, "console-table", "light")
    console.page.locator('[data-part="as-table"]').click()
    console.page.set_viewport_size(NARROW)
    take(console, "console-narrow-light", "light")
    take(console, "console-narrow-dark", "dark")


def digital_first(browser: Browser, console_url: str) -> None:
    """Messages both ways through the relay, one of them while sockets were dropped."""
    page = browser.new_context(viewport=WIDE).new_page()
    console = ConsolePage(page, console_url, "alice")
    console.load()
    expect(console.say("Good morning")).to_contain_text("Delivered")
    console.act("Accept")
    console.type("My parcel has not come")
    console.expect_typing(True)
    console.visitor_box.press("Enter")
    console.answer("Let me look that up")
    expect(console.visitor_log).to_contain_text("Let me look")
    console.type("Thank you,")
    console.expect_typing(True)
    console.expect_typing(False)
    console.fault("Drop the sockets")
    expect(console.say("Thank you, the number is 4711")).to_contain_text("Delivered")
    console.act("Mark as read")
    expect(console.visitor_log.locator(".mine").last).to_contain_text("Read")
    console.type("And")
    take(console, "console-digital-first", "light")


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


SCENES = {"v1": webchat, "dfo": digital_first}

if __name__ == "__main__":
    main()

"""The example for plain HTML in docs/front-end.md does what it says, as it stands there."""

import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

GUIDE = Path(__file__).parents[2] / "docs/front-end.md"


@pytest.fixture
def example(stack, context, console) -> Page:
    """The example in a tab of its own, beside the console of the same visitor."""
    page = context.new_page()
    html = re.search(r"```html\n(.*?)```", GUIDE.read_text(), re.DOTALL).group(1)
    html = html.replace("wss://RELAY/live", stack.info["websocket_url"])
    token = requests.get(f"{stack.info['console_url']}/api/token?visitor={console.visitor}", timeout=10).json()["token"]
    page.route("**/example", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.route("**/chat-token", lambda route: route.fulfill(body=token))
    with page.expect_websocket() as opened:
        page.goto(f"{stack.info['console_url']}/example")
    opened.value.wait_for_event("framereceived", lambda frame: "welcome" in frame)
    return page


def test_the_example_shows_the_agent_that_the_visitor_types(console, example):
    """And that it is over, at the submit."""
    example.get_by_label("Your message").press_sequentially("hello", delay=100)
    console.expect_typing(True)
    example.get_by_role("button", name="Send").click()
    console.expect_typing(False)


def test_the_example_shows_the_agents_typing_and_message(console, example):
    """Both reach each tab of the visitor."""
    console.agent_box.press_sequentially("Good morning", delay=50)
    expect(example.locator("#agent")).to_have_text("The agent is typing")
    console.agent_box.press("Enter")
    expect(example.locator("#messages")).to_have_text("Good morning")

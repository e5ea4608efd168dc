"""What the page says when something is not there, and that it comes back by itself."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
READY = "console ready "


@pytest.fixture
def lonely_console_url(tmp_path) -> Iterator[str]:
    """A console without a stack."""
    command = [sys.executable, "-m", "local.console", "--port", "0", "--stack", str(tmp_path / "stack.json")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().removeprefix(READY).strip()
    process.terminate()
    process.wait(10)


def test_without_a_stack_the_page_says_so_and_how_to_start_one(context, lonely_console_url):
    """Nothing that needs the stack can be pressed."""
    page = context.new_page()
    page.goto(lonely_console_url)
    expect(page.locator("#stack-state")).to_have_text("Stack stopped")
    expect(page.locator("#how-to-start")).to_contain_text("make run")
    expect(page.locator('#visitor [data-part="status"]')).to_have_text("Stack stopped")
    expect(page.locator("#agent-box")).to_be_disabled()
    expect(page.locator('#player [data-part="toggle"]')).to_be_disabled()


def test_an_open_page_follows_a_restarted_stack(console, stack):
    """Another stack has another URL and another secret: the page takes up both."""
    stack.stop()
    expect(console.stack_state).to_have_text("Console not reachable")
    expect(console.status).to_have_text("Reconnecting", timeout=30_000)
    stack.start()
    expect(console.stack_state).to_have_text("Live", timeout=30_000)
    console.expect_connected(timeout=30_000)
    console.type("hello again")
    console.expect_typing(True)

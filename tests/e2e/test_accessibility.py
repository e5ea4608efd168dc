"""For everyone: axe's rules in both themes, the keyboard alone, narrow windows, little motion."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
NARROW = {"width": 390, "height": 844}


def violations(page: Page, within: str | None = None) -> list[str]:
    """What axe-core finds on the page, or within this element of it, one line each."""
    found = Axe().run(page, context=within, options=WCAG).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


def hold_a_conversation(console) -> None:
    """Messages from both sides, an indicator that is on."""
    console.type("hello")
    console.visitor_box.press("Enter")
    console.agent_box.fill("Good morning")
    console.agent_box.press("Enter")
    expect(console.visitor_log).to_contain_text("Good morning")
    console.type("I would like")
    console.expect_typing(True)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_console(console, theme):
    """WCAG 2.2 AA and axe's best practices, with everything in use: timeline, table, a phone's width."""
    console.page.locator("#theme").select_option(theme)
    console.fault("Slow")
    hold_a_conversation(console)
    found = violations(console.page)
    console.expect_row("keystroke")
    found += violations(console.page)
    console.page.set_viewport_size(NARROW)
    found += violations(console.page)
    console.fault("Slow")
    assert found == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_a_visitors_own_tab(stack, context, visitor, theme):
    """The same chat, alone."""
    page = context.new_page()
    page.goto(f"{stack.info['console_url']}/visitor?visitor={visitor}")
    page.locator("#theme").select_option(theme)
    expect(page.locator('[data-part="status"]')).to_have_text("Connected")
    assert violations(page) == []


def test_the_theme_is_remembered(console):
    """For the visitor's other tabs too."""
    console.page.locator("#theme").select_option("dark")
    console.page.reload()
    assert console.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_every_control_is_reached_by_the_tab_key(console):
    """In the order of the page; what is disabled is left out. In a list box or toolbar, arrow keys reach the others."""
    controls = ":is(a[href], button, select, input, textarea, [role=option]):not([tabindex='-1'])"
    enabled = console.page.locator(controls).evaluate_all(
        """all => all.filter((one) => !one.disabled && one.checkVisibility())
                     .map((one) => (one.id || one.textContent).trim())"""
    )
    reached = []
    for _ in range(len(enabled) + 10):  # logs can be reached too
        console.page.keyboard.press("Tab")
        focused = "(document.activeElement.id || document.activeElement.textContent).trim()"
        reached.append(console.page.evaluate(focused))
    assert [name for name in enabled if name not in reached] == []


def test_a_conversation_needs_no_mouse(console):
    """Tab to the box, type, Enter; Shift+Enter makes a new line."""
    console.visitor_box.focus()
    console.page.keyboard.type("one")
    console.page.keyboard.press("Shift+Enter")
    console.page.keyboard.type("two")
    console.page.keyboard.press("Enter")
    expect(console.agent_log).to_contain_text("one\ntwo")


def test_a_narrow_window_scrolls_only_downwards(console):
    """390 px: a phone; with more conversations than fit beside each other."""
    console.page.locator('#player [data-part="count"]').fill("4")
    console.page.locator('#player [data-part="toggle"]').click()
    console.page.set_viewport_size(NARROW)
    expect(console.page.locator("#agent .row", has_text="writer-04")).to_be_attached()
    assert console.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_the_indicator_is_not_announced_each_time_it_changes(console):
    """Only what is worth a word is: messages, and the state of the connection."""
    live = "[aria-live], [role=status], [role=log], [role=alert]"
    assert console.indicator.evaluate(f"one => one.closest('{live}')") is None


def test_a_screen_reader_hears_once_that_the_agent_types(console):
    """In a region that is there before; the dots are for the eye."""
    region = console.page.locator('#visitor [data-part="announced"]')
    expect(region).to_have_attribute("aria-live", "polite")
    console.agent_box.press_sequentially("Good morning, and welcome", delay=100)
    expect(region).to_have_text("The agent is typing")
    assert console.page.locator("#visitor").aria_snapshot().count("The agent is typing") == 1
    console.agent_box.press("Enter")
    expect(region).to_have_text("")


@pytest.mark.parametrize(("motion", "animation"), [("no-preference", "breathe"), ("reduce", "none")])
def test_the_dots_move_unless_the_visitor_wants_little_motion(console, motion, animation):
    """They say that somebody types either way."""
    console.page.emulate_media(reduced_motion=motion)
    dot = console.page.locator('#agent [data-part="typing"] .dots i').first
    assert dot.evaluate("one => getComputedStyle(one).animationName") == animation

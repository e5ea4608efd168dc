"""The console explains itself: conversations, names, tips, the state of the socket, and a phone's width."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console_page import ConsolePage
from tests.e2e.test_accessibility import NARROW, violations


def play(console: ConsolePage, writers: int) -> None:
    """Other visitors come and type."""
    console.page.locator('#player [data-part="count"]').fill(str(writers))
    console.page.locator('#player [data-part="toggle"]').click()
    expect(console.conversations.get_by_role("option", name=f"writer-0{writers}")).to_be_visible()


def chosen(console: ConsolePage) -> str:
    """The name of the conversation that is selected and has the focus."""
    option = console.conversations.locator('[aria-selected="true"]')
    expect(option).to_be_focused()
    return option.locator(".row-name").inner_text()


def names(console: ConsolePage) -> list[str]:
    return console.conversations.locator(".row-name:visible").all_inner_texts()


def rows(page: Page) -> list[float]:
    """The times of the table, from above, in s after midnight."""
    texts = page.locator('[data-part="rows"] td:first-child').all_inner_texts()
    return [
        int(hour) * 3600 + int(minute) * 60 + float(second) for hour, minute, second in (t.split(":") for t in texts)
    ]


def shapes(page: Page, selector: str) -> list[dict[str, float]]:
    return page.locator(selector).evaluate_all(
        "all => all.filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().toJSON())"
    )


def assert_no_card_is_alone(page: Page) -> None:
    """In its row, unless every card is."""
    for group in ("switches", "one-shots"):
        tops = [round(box["top"]) for box in shapes(page, f'#faults [data-part="{group}"] li')]
        in_a_row = {tops.count(top) for top in tops}
        assert in_a_row == {1} or (in_a_row and 1 not in in_a_row), (group, in_a_row)


class TestConversations:
    def test_arrow_keys_home_and_end_choose_among_them(self, console):
        """A list box: one stop for the Tab key, and the choice follows the focus."""
        play(console, 2)
        every = names(console)
        press = console.page.keyboard.press
        console.conversations.locator('[tabindex="0"]').focus()
        assert chosen(console) == console.visitor
        press("Home")
        assert chosen(console) == every[0]
        press("ArrowDown")
        assert chosen(console) == every[1]
        expect(console.page.locator("#agent-title")).to_contain_text(every[1])
        expect(console.page.locator("#timeline-title")).to_contain_text(every[1])
        press("End")
        assert chosen(console) == every[-1]
        press("ArrowDown")
        assert chosen(console) == every[-1]
        press("ArrowUp")
        assert chosen(console) == every[-2]

    def test_the_tab_key_stops_at_the_chosen_one_only(self, console):
        play(console, 2)
        console.conversations.get_by_role("option", name="writer-01").click()
        stops = console.conversations.locator('[role="option"][tabindex="0"]')
        expect(stops).to_have_count(1)
        expect(stops).to_have_attribute("aria-selected", "true")
        console.page.keyboard.press("Tab")
        expect(console.conversations.locator(":focus")).to_have_count(0)

    def test_a_phone_shows_them_side_by_side_and_says_so(self, console):
        console.page.set_viewport_size(NARROW)
        expect(console.conversations).to_have_attribute("aria-orientation", "horizontal")
        console.page.set_viewport_size({"width": 1320, "height": 900})
        expect(console.conversations).to_have_attribute("aria-orientation", "vertical")


class TestVisitors:
    def test_a_second_visitor_is_offered(self, console):
        """In a tab of their own; the desk shows them as soon as they are there."""
        other = f"{console.visitor}-friend"
        console.page.get_by_label("Another visitor").fill(other)
        with console.page.context.expect_page() as opened:
            console.page.get_by_role("button", name="Open", exact=True).click()
        expect(opened.value.locator("#visitor-title")).to_contain_text(other)
        expect(console.conversations.get_by_role("option", name=other)).to_be_visible()

    @pytest.mark.parametrize("name", ["", "two words", "zoë", "a" * 65])
    def test_a_name_that_is_none_is_refused_and_the_page_says_why(self, console, name):
        box = console.page.get_by_label("Another visitor")
        box.fill(name)
        box.press("Enter")
        expect(console.page.locator('[data-part="other-problem"]')).to_contain_text("1 to 64 letters, digits, - or _")
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(box).to_be_focused()
        assert len(console.page.context.pages) == 1
        assert violations(console.page) == []

    def test_a_url_with_a_name_that_is_none_shows_whose_page_it_is_instead(self, stack, context):
        page = context.new_page()
        page.goto(f"{stack.info['console_url']}/?visitor=two+words")
        problem = page.locator('#visitor [data-part="problem"]')
        expect(problem).to_contain_text("“two words” is no visitor’s name")
        expect(problem).to_contain_text("This page is alice’s.")

    def test_the_keys_of_one_who_opted_out_are_no_burst_and_the_page_says_why_nobody_sees_them(self, console):
        """They are counted as keys, and drawn short; nothing is wanted."""
        console.page.get_by_label("Let the agent see that I type").uncheck()
        console.type("unseen")
        expect(console.page.locator('.counters [data-part="keys"]')).to_have_text("6")
        assert console.counter("bursts") == "0"
        expect(console.why_unseen).to_contain_text(f"{console.visitor} opted out")
        console.expect_row("Guest socket open")
        expect(console.page.locator('[data-part="rows"] tr', has_text="Wanted")).to_have_count(0)
        console.page.get_by_label("Let the agent see that I type").check()
        expect(console.why_unseen).to_have_text("")
        console.type("s")
        expect(console.page.locator('.counters [data-part="bursts"]')).to_have_text("1")


class TestTimeline:
    @pytest.mark.parametrize(("group", "reaches"), [("Lanes", "Guest socket"), ("Marks", "┆ fault")])
    def test_each_lane_and_mark_says_what_it_is_to_the_keyboard(self, console, group, reaches):
        """A toolbar: one stop for the Tab key, arrow keys within. Escape takes the tip away."""
        toolbar = console.page.get_by_role("toolbar", name=group)
        toolbar.locator('[tabindex="0"]').focus()
        told = set()
        visible = toolbar.locator("button:visible").count()
        for _ in range(visible):
            expect(console.tip).to_be_visible()
            told.add(console.tip.inner_text())
            console.page.keyboard.press("ArrowDown")
        assert len(told) == visible
        expect(toolbar.get_by_role("button", name=reaches)).to_be_focused()
        console.page.keyboard.press("Escape")
        expect(console.tip).not_to_be_visible()

    def test_a_tip_is_read_out_as_the_description_of_its_lane(self, console):
        lane = console.page.get_by_role("button", name="Wanted", exact=True)
        lane.focus()
        expect(lane).to_have_accessible_description(console.tip.inner_text())
        expect(console.tip).to_contain_text("The relay wants the agent to see typing")

    def test_the_mouse_shows_a_tip_and_may_rest_on_it(self, console):
        console.page.get_by_role("button", name="Guest socket", exact=True).hover()
        expect(console.tip).to_contain_text("A gap is a lost socket")
        console.tip.hover()
        console.page.wait_for_timeout(500)
        expect(console.tip).to_be_visible()
        console.page.get_by_role("heading", name="Faults").hover()
        expect(console.tip).not_to_be_visible()

    def test_a_finger_shows_a_tip_within_the_phones_width(self, browser, stack, visitor):
        phone = browser.new_context(viewport=NARROW, has_touch=True, is_mobile=True, reduced_motion="reduce")
        console = ConsolePage(phone.new_page(), stack.info["console_url"], visitor)
        console.open()
        for name in ("Frames", "△▽ not accepted"):
            console.page.get_by_role("button", name=name, exact=True).tap()
            expect(console.tip).to_be_visible()
            box = console.tip.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= NARROW["width"]
        assert violations(console.page) == []
        console.page.get_by_role("heading", name="Faults").tap()
        expect(console.tip).not_to_be_visible()
        phone.close()

    def test_the_table_is_sorted_by_time_the_newest_first(self, console):
        console.type("hello")
        console.expect_typing(True)
        console.expect_typing(False)
        console.expect_row("Shown", times=2)
        console.page.locator('[data-part="pause"]').click()
        console.page.get_by_label("Only").uncheck()
        times = rows(console.page)
        assert times == sorted(times, reverse=True)


class TestFaultCards:
    @pytest.mark.parametrize("width", [390, 520, 700, 900, 999, 1000, 1320])
    def test_no_card_is_alone_in_its_row_beside_rows_of_several(self, console, width):
        console.page.set_viewport_size({"width": width, "height": 900})
        assert_no_card_is_alone(console.page)

    def test_a_fault_is_named_as_its_button_in_the_table_and_on_the_timeline(self, console):
        """What draws the timeline and what fills the table is the same list."""
        for button in ("Drop the sockets", "Revoke the token"):
            console.fault(button)
            fault = console.page.locator('[data-part="rows"] tr', has_text="Fault").filter(has_text=button)
            console.expect_row("Fault")
            expect(fault.first).to_be_visible()


class TestStatus:
    def test_a_lost_guest_socket_is_not_green(self, console):
        """The relay learns of a dead keeper only when another takes over."""
        expect(console.status).to_have_attribute("data-tone", "good")
        console.fault("Kill the keeper")
        expect(console.status).to_have_text("Guest socket lost")
        expect(console.status).to_have_attribute("data-tone", "busy")
        console.expect_connected(timeout=60_000)
        expect(console.status).to_have_attribute("data-tone", "good")


class TestPhone:
    def test_the_header_stands_in_whole_words_and_the_zoom_in_one_row(self, console):
        page = console.page
        page.set_viewport_size(NARROW)
        page.locator("#stack-state").evaluate("one => (one.textContent = 'Live on Digital-First')")
        for part in ("h1", "#stack-state"):
            lines = page.locator(part).evaluate(
                "one => { const range = document.createRange(); range.selectNodeContents(one);"
                " return new Set([...range.getClientRects()].map(({top}) => Math.round(top))).size; }"
            )
            assert lines == 1, part
        zoom = [box["top"] + box["height"] / 2 for box in shapes(page, ".zoom > *")]
        assert len(zoom) == 3
        assert max(zoom) - min(zoom) < 4
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_a_reloaded_page_hears_no_earlier_message_and_the_console_says_whose_memory_it_shows(console):
    """The relay keeps no history."""
    console.answer("How can I help?")
    expect(console.visitor_log).to_contain_text("How can I help?")
    heard = console.heard_from_relay()
    console.page.reload()
    console.expect_connected()
    expect(console.visitor_log.locator(".event").first).to_contain_text("as this console remembers them")
    expect(console.visitor_log).to_contain_text("How can I help?")
    console.answer("Are you there?")
    expect(console.visitor_log).to_contain_text("Are you there?")
    assert [frame for frame in heard if "Are you there?" in frame]
    assert [frame for frame in heard if "How can I help?" in frame] == []


def test_an_empty_conversation_says_that_there_is_no_history(console):
    shown = console.visitor_log.evaluate("one => getComputedStyle(one, '::before').content")
    assert "The relay keeps no history" in shown

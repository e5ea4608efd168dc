"""Each fault switch of the console: the page says honestly what is wrong, and the relay recovers."""

import pytest
from playwright.sync_api import expect

KEEPER_MS = 60_000  # the dead keeper's messages come back after 30 s


@pytest.fixture
def faulty(console):
    """The console; whatever a test switches on is off afterwards: other tests use the same stack."""
    yield console
    on = console.page.locator('#faults [role="switch"][aria-checked="true"]')
    for switch in on.element_handles():
        switch.click()
    expect(on).to_have_count(0)


def expect_a_whole_burst(console):
    """The visitor types on until the agent sees it: a call of which CXone's answer was lost holds the next one up."""
    console.visitor_box.fill("")
    for _ in range(40):
        console.type("and ")
        if console.indicator.inner_text():
            break
    console.expect_typing(True)
    console.expect_typing(False, timeout=30_000)


def test_in_a_429_storm_calls_are_tried_again_and_no_indicator_stays_on(faulty):
    """T4, T7."""
    faulty.fault("429 storm")
    faulty.type("hello")
    faulty.expect_row("429, Retry-After 2 s")
    faulty.fault("429 storm")
    expect_a_whole_burst(faulty)


def test_when_cxone_is_slow_the_indicator_comes_late_and_goes_out(faulty):
    """T4."""
    faulty.fault("Slow")
    faulty.type("this takes its time")
    faulty.expect_typing(True)
    faulty.expect_typing(False)


def test_connection_resets_leave_no_indicator_on(faulty):
    """T4."""
    faulty.fault("Resets")
    faulty.type("hello")
    faulty.expect_row("connection lost")
    faulty.fault("Resets")
    expect_a_whole_burst(faulty)


def test_a_revoked_token_is_replaced_without_the_visitor_noticing(faulty):
    """401: one refresh, one more try."""
    faulty.fault("Revoke the token")
    expect_a_whole_burst(faulty)
    faulty.expect_row("401")


def test_an_ended_guest_session_is_replaced_by_a_new_one(faulty):
    """403: the keeper opens another guest session, and typing goes there."""
    expect_a_whole_burst(faulty)
    faulty.fault("End the guest session")
    faulty.expect_row("Guest socket closed")
    faulty.expect_connected()
    expect_a_whole_burst(faulty)
    faulty.agent_box.fill("Here again")
    faulty.agent_box.press("Enter")
    expect(faulty.visitor_log).to_contain_text("Here again")


def test_dropped_sockets_come_back(faulty):
    """The agent's message arrives on the new one."""
    faulty.fault("Drop the sockets")
    faulty.expect_row("Guest socket open", times=2)
    faulty.expect_connected()
    faulty.agent_box.fill("Still here")
    faulty.agent_box.press("Enter")
    expect(faulty.visitor_log).to_contain_text("Still here")


def test_while_sockets_are_refused_the_page_says_reconnecting(faulty):
    """An honest state, and the way back by itself."""
    faulty.fault("Sockets refused")
    faulty.fault("Drop the sockets")
    expect(faulty.status).to_have_text("Reconnecting")
    faulty.expect_row("Guest socket refused")
    faulty.fault("Sockets refused")
    faulty.expect_connected(timeout=60_000)


def test_without_a_typing_endpoint_the_page_says_that_the_agent_cannot_see_it(faulty):
    """404 on the typing call."""
    faulty.fault("No typing endpoint")
    faulty.type("hello")
    expect(faulty.status).to_have_text("Agent cannot see typing")


def test_typing_goes_on_while_the_keeper_is_dead_and_messages_after_another_took_over(faulty):
    """The keeper holds sockets; typing does not pass through it."""
    faulty.fault("Kill the keeper")
    expect_a_whole_burst(faulty)
    faulty.expect_row("Guest socket open", times=2, timeout=KEEPER_MS)
    faulty.expect_connected()
    faulty.agent_box.fill("Back again")
    faulty.agent_box.press("Enter")
    expect(faulty.visitor_log).to_contain_text("Back again")

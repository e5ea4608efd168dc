"""What browsers do with a tab that nobody looks at, and with all of them on a machine that sleeps.

Its timers run late or not at all. No indicator may stay on for it, and none may go out while keys keep coming.
"""

import time

import pytest

from tests.e2e.chromium_tab import chromium_tab

DEBOUNCE_MS, HOLD_MS = 2000, 6000
LATE_MS = 500  # as in test_typing.py: the machine may be busy
THROTTLED_MS = 1000
KEY_EVERY_S = 0.4


@pytest.fixture
def in_chromium(browser, stack, console):
    """The visitor's page; the console watches from another browser."""
    with chromium_tab(beside=browser) as tab:
        tab.open(stack.info["console_url"], console.visitor)
        yield tab


@pytest.fixture
def in_firefox(firefox, stack, console):
    """The same in Firefox."""
    with firefox.tab() as tab:
        tab.open(stack.info["console_url"], console.visitor)
        yield tab


@pytest.fixture(params=["in_chromium", "in_firefox"])
def tab(request):
    """In each of them."""
    return request.getfixturevalue(request.param)


def type_for(tab, seconds):
    """A key each 0.4 s."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        tab.press("x")
        time.sleep(KEY_EVERY_S)


def lights(console):
    """What the agent's indicator did: on, off, …"""
    return [change["on"] for change in console.changes()]


def quiet_ms(console, tab):
    """From the newest key to the indicator's going out."""
    return console.changes()[-1]["at"] - tab.newest_key_at()


def test_a_tab_that_is_hidden_and_frozen_while_its_visitor_types_has_stopped_before(console, in_chromium):
    """T4: no hold has to run out for it. Firefox cannot be told to freeze a tab."""
    in_chromium.press("x")
    console.expect_typing(True)
    in_chromium.press("y")
    in_chromium.freeze()
    console.expect_typing(False)
    in_chromium.thaw()
    assert quiet_ms(console, in_chromium) < DEBOUNCE_MS


def test_where_timers_run_once_a_second_typing_goes_on_and_the_end_comes_at_most_so_much_late(console, tab):
    """T3: longer than a hold. T2: the stop says how late it is."""
    tab.hide()
    assert tab.evaluate("document.hidden")
    type_for(tab, 1.5 * HOLD_MS / 1000)
    assert lights(console) == [True]
    console.expect_typing(False)
    assert DEBOUNCE_MS <= quiet_ms(console, tab) <= DEBOUNCE_MS + THROTTLED_MS + LATE_MS
    assert [frame["action"] for frame in tab.frames()] == ["keystroke"] * 3 + ["stop"]


def test_while_the_machine_sleeps_the_indicator_goes_out_with_the_hold(console, tab):
    """T2, T4: nobody says that typing has ended; and nothing that the tab says once it is awake lights it again."""
    tab.press("x")
    console.expect_typing(True)
    tab.press("y")
    pressed_at = tab.newest_key_at()
    with tab.sleeping():
        console.expect_typing(False)
        assert console.changes()[-1]["at"] - pressed_at <= HOLD_MS + LATE_MS
    time.sleep(DEBOUNCE_MS / 1000)
    assert lights(console) == [True, False]
    assert [frame["action"] for frame in tab.frames()] == ["keystroke"]
    tab.press("z")
    console.expect_typing(True)


def test_a_nap_within_the_hold_delays_the_stop_and_its_age_says_so(console, in_chromium):
    """T2: time, not arrival."""
    in_chromium.press("x")
    console.expect_typing(True)
    with in_chromium.sleeping():
        time.sleep(1.75 * DEBOUNCE_MS / 1000)
    console.expect_typing(False)
    assert DEBOUNCE_MS <= quiet_ms(console, in_chromium) < HOLD_MS
    _, stop = in_chromium.frames()
    assert stop["action"] == "stop"
    assert 0 < stop["ago_ms"] < HOLD_MS - DEBOUNCE_MS

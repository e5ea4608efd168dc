"""What a visitor and an agent see on the Digital-First platform, where messages go through the relay too."""

import json
import os
import signal
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import expect

from local.dfo_simulator.client import DfoControl, Gateway
from tests.e2e.conftest import RestartableStack
from tests.e2e.console_page import ConsolePage
from tests.e2e.front_ends import of_the_readme, signing_in, with_relay
from tests.e2e.site import site
from tests.e2e.test_accessibility import violations
from tests.e2e.test_console import assert_no_card_is_alone
from tests.support.relay_stage import wait_until

DEBOUNCE_MS = 2000
LATEST_MS = 2500
TRIES = 3  # for what is to happen soon: the machine may be busy
KEEPER_MS = 60_000


@pytest.fixture(scope="module")
def gateway_stack(browser) -> Iterator[RestartableStack]:
    """One stack for all of them. At its end no test has led the relay to break a rule of the gateway."""
    stack = RestartableStack(CXONE_PLATFORM="dfo")
    stack.start()
    try:
        yield stack
        assert control(stack).violations() == []
    finally:
        stack.stop()


def control(stack: RestartableStack) -> DfoControl:
    """The controls of the stack's gateway."""
    info = stack.info
    urls = (info["dfo_chat_url"], info["dfo_gateway_url"], info["dfo_authorize_url"])
    return DfoControl(Gateway(*urls, int(info["dfo_brand_id"]), info["dfo_channel_id"]))


@pytest.fixture
def console(gateway_stack, context, visitor) -> Iterator[ConsolePage]:
    """The console, its visitor connected; no fault of the test before is on, none is left on."""
    page = ConsolePage(context.new_page(), gateway_stack.info["console_url"], f"dfo-{visitor}")
    page.load()
    yield page
    control(gateway_stack).set_faults()


@pytest.fixture
def conversation(console) -> ConsolePage:
    """A contact is open, and an agent has accepted it."""
    expect(console.say("Good morning")).to_contain_text("Delivered")
    console.act("Accept")
    expect(console.visitor_log).to_contain_text("Avery has joined")
    return console


def test_the_desk_shows_who_the_visitor_is(conversation):
    """As the token of the page says: a name, and a custom field of the contact."""
    visitor = conversation.page.locator('#agent [data-part="name"]').inner_text()
    contact = conversation.page.locator('#agent [data-part="contact"]')
    expect(contact).to_contain_text(f"{visitor[0].upper()}{visitor[1:]} · plan: trial")


#: What a newcomer adds to the README's page, to show the conversation.
SHOWS = """
<p id="contact"></p><p id="agent"></p><p id="unread"></p><div id="log" role="log"></div>
<script type="module">
  const show = ({ from, text }) => {
    const line = Object.assign(document.createElement("p"), { textContent: `${from}: ${text}` });
    document.querySelector("#log").append(line);
  };
  relay.addEventListener("message", ({ detail }) => show(detail));
  relay.addEventListener("history", ({ detail }) => detail.messages.reverse().forEach(show));
  relay.addEventListener("status", ({ detail }) => detail.status === "open" && relay.history());
  for (const [name, key] of [["contact", "status"], ["agent", "name"], ["unread", "count"]]) {
    relay.addEventListener(name, ({ detail }) => (document.querySelector(`#${name}`).textContent = detail[key]));
  }
</script>
"""


def newcomers_page(console_url: str, visitor: str) -> dict[str, str]:
    """The README's page for a visitor with a name and a custom field; it shows the conversation."""
    files = of_the_readme()
    claims = quote(json.dumps({"given_name": "Ada", "family_name": "Lovelace", "fields": {"plan": "gold"}}))
    page = files["/"].replace("attach(document", "window.relay = attach(document")
    page = page.replace("http://127.0.0.1:8080", console_url).replace(
        "visitor=alice", f"visitor={visitor}&claims={claims}"
    )
    assert (console_url in page, visitor in page, "window.relay" in page) == (True, True, True)
    return {**files, "/": page + SHOWS}


def test_a_newcomers_page_shows_who_it_is_and_has_its_conversation_back(gateway_stack, context, visitor):
    """The README's page: a named visitor with a custom field on the agent's desk; reloaded, it has it all."""
    console_url, newcomer = gateway_stack.info["console_url"], f"newcomer-{visitor}"
    desk = ConsolePage(context.new_page(), console_url, f"desk-{visitor}")
    desk.load()
    with site(newcomers_page(console_url, newcomer)) as url:
        page = context.new_page()
        page.goto(f"{url}/")
        page.wait_for_function("relay.status === 'open'")
        page.evaluate("relay.send('Good morning')")
        desk.conversations.get_by_role("option", name=newcomer).click()
        desk.act("Accept")
        expect(desk.page.locator('#agent [data-part="contact"]')).to_contain_text("Ada Lovelace · plan: gold")
        page.locator("#box").press_sequentially("My parcel", delay=100)
        expect(desk.indicator).to_have_text(f"{newcomer} is typing")
        desk.answer("How can I help?")
        expect(page.locator("#log")).to_contain_text("agent: How can I help?")
        page.reload()
        shown = page.locator("#log p")
        expect(shown).to_have_text(["visitor: Good morning", "agent: How can I help?"])
        for name, text in (("contact", "open"), ("agent", "Avery"), ("unread", "1")):
            expect(page.locator(f"#{name}")).to_have_text(text)
        page.evaluate("relay.seen()")
        expect(page.locator("#unread")).to_have_text("0")


PICK = """
const input = document.querySelector('[data-part="file"]');
const picked = new DataTransfer();
picked.items.add(new File(["a photo"], "a photo.png", { type: "TYPE" }));
input.files = picked.files;
input.dispatchEvent(new Event("change"));
"""


def test_a_file_is_uploaded_by_the_page_and_is_on_the_desk(conversation):
    """From the browser to CXone itself; the message says where it is."""
    expect(conversation.page.get_by_role("button", name="Send a file")).to_be_visible()
    conversation.page.evaluate(PICK.replace("TYPE", "image/png"))
    sent = conversation.visitor_log.locator(".message", has_text="a photo.png")
    expect(sent).to_contain_text("Delivered")
    link = conversation.agent_log.get_by_role("link", name="a photo.png")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    assert conversation.page.request.get(link.get_attribute("href")).body() == b"a photo"


def test_a_file_that_the_channel_does_not_take_is_not_sent(conversation):
    """The page says why."""
    conversation.page.evaluate(PICK.replace("TYPE", "application/zip"))
    expect(conversation.page.locator('#visitor [data-part="problem"]')).to_contain_text("Not sent. CXone takes no such")


def test_a_message_is_delivered_and_read(console):
    """T15. Before it agents have nothing to work on, and the desk says so."""
    expect(console.page.locator('#agent [data-part="problem"]')).to_contain_text("first message")
    expect(console.agent_box).to_be_disabled()
    message = console.say("Good morning")
    expect(message).to_contain_text("Delivered")
    expect(console.agent_log).to_contain_text("Good morning")
    console.act("Mark as read")
    expect(message).to_contain_text("Read")
    console.expect_row("On the socket: SendMessage")


def test_what_the_agent_does_reaches_the_visitor(conversation):
    """Typing, which ends with the message; in the relay's own words, whatever the platform."""
    conversation.agent_box.press_sequentially("How can I help?", delay=50)
    expect(conversation.visitor_sees_agent).to_have_text("The agent is typing")
    conversation.agent_box.press("Enter")
    expect(conversation.visitor_log).to_contain_text("How can I help?")
    expect(conversation.visitor_sees_agent).to_have_text("")


def test_typing_is_shown_at_the_desk_and_put_out_after_2_seconds_of_quiet(conversation):
    """T1, T2: one Started, one Ended, as frames on the visitor's socket."""
    measured = []
    while len(measured) < TRIES and min(measured, default=LATEST_MS + 1) > LATEST_MS:
        conversation.type("hello")
        conversation.expect_typing(True)
        conversation.expect_typing(False)
        measured.append(conversation.changes()[-1]["at"] - conversation.newest_key_at())
    assert DEBOUNCE_MS <= min(measured) <= LATEST_MS
    expect(conversation.page.locator('.counters [data-part="calls"]')).to_have_text(str(2 * len(measured)))
    conversation.expect_row("On the socket: SenderTypingStarted", times=len(measured))


def test_a_message_puts_the_indicator_out_at_once(conversation):
    """T2: before the quiet time would."""
    for _ in range(TRIES):
        conversation.type("see you")
        conversation.expect_typing(True)
        conversation.visitor_box.press("Enter")
        conversation.expect_typing(False)
        if conversation.changes()[-1]["at"] - conversation.newest_key_at() < DEBOUNCE_MS:
            return
    pytest.fail(f"always too late: {conversation.changes()}")


def test_typing_before_the_first_message_is_shown_to_nobody(console):
    """There is no contact that it could be shown on. Nothing is wanted, and the timeline says why."""
    console.type("hello")
    expect(console.why_unseen).to_contain_text("Nobody sees typing before")
    console.expect_row("Frame: keystroke")
    expect(console.page.locator('[data-part="rows"] tr', has_text="Wanted")).to_have_count(0)
    expect(console.say("Good morning")).to_contain_text("Delivered")
    expect(console.why_unseen).to_have_text("")
    assert console.changes() == []


def test_what_one_tab_sends_the_other_shows_once(conversation):
    """The relay tells all connections of a session."""
    with conversation.page.context.expect_page() as opened:
        conversation.page.get_by_role("link", name="Open another tab").click()
    tab = opened.value
    expect(tab.locator('[data-part="status"]')).to_have_text("Connected")
    expect(tab.locator(".message", has_text="Good morning")).to_have_count(1)
    conversation.say("Are you there?")
    expect(tab.locator(".message.mine", has_text="Are you there?")).to_have_count(1)


def test_a_closed_contact_is_told_and_the_next_message_begins_another(conversation):
    """A livechat ends with its contact; the visitor goes on in a new one."""
    conversation.act("Close")
    expect(conversation.visitor_log).to_contain_text("The conversation is closed")
    expect(conversation.agent_box).to_be_disabled()
    expect(conversation.say("One more thing")).to_contain_text("Delivered")
    expect(conversation.agent_box).to_be_enabled()
    conversation.type("It is about")
    conversation.expect_typing(True)


def test_a_message_that_cxone_refuses_is_said_to_be_not_delivered(conversation):
    """With the reason, in the chat and where it is announced."""
    conversation.fault("Error frames")
    expect(conversation.say("Hello?")).to_contain_text("Not delivered: CXone refused it")
    expect(conversation.page.locator('#visitor [data-part="problem"]')).to_contain_text("Not delivered")


def test_a_message_whose_answer_was_lost_is_delivered_once(conversation):
    """T15: it is looked for on the next socket."""
    conversation.fault("Answers lost")
    message = conversation.say("Only once")
    conversation.expect_row("taken")
    conversation.fault("Answers lost")
    expect(message).to_contain_text("Delivered", timeout=KEEPER_MS)
    expect(conversation.agent_log.locator(".message", has_text="Only once")).to_have_count(1)


def test_while_sockets_are_refused_reconnecting_is_told_and_a_message_waits(conversation):
    """An honest state, and the way back by itself."""
    conversation.fault("Sockets refused")
    conversation.fault("Drop the sockets")
    expect(conversation.status).to_have_text("Reconnecting")
    message = conversation.say("Are you there?")
    expect(message).to_contain_text("Sending")
    conversation.fault("Sockets refused")
    conversation.expect_connected(timeout=KEEPER_MS)
    expect(message).to_contain_text("Delivered")


def test_what_is_written_while_the_keeper_is_dead_is_delivered_by_the_next_and_all_goes_on(conversation):
    """T4, T15. Until then the message says that it is being sent: nobody is left to tell more."""
    conversation.fault("Kill the keeper")
    message = conversation.say("Still there?")
    expect(message).to_contain_text("Sending")
    expect(message).to_contain_text("Delivered", timeout=KEEPER_MS)
    conversation.expect_connected()
    conversation.type("I write on")
    conversation.expect_typing(True)
    conversation.answer("Here again")
    expect(conversation.visitor_log).to_contain_text("Here again")


def test_real_typing_is_shown_after_each_writers_greeting(console):
    """Each writer is a visitor with a contact of its own."""
    console.page.locator('#player [data-part="count"]').fill("2")
    console.page.locator('#player [data-part="toggle"]').click()
    expect(console.page.locator(".row.typing").first).to_be_visible()
    console.page.locator('#player [data-part="toggle"]').click()
    expect(console.page.locator(".row.typing")).to_have_count(0)


def test_axe_finds_nothing_in_either_theme(conversation):
    """WCAG 2.2 AA and axe's best practices, with everything in use."""
    conversation.fault("Duplicates")
    conversation.answer("How can I help?")
    expect(conversation.visitor_log).to_contain_text("How can I help?")
    conversation.type("I see")
    conversation.expect_row("keystroke")
    conversation.page.locator("#theme").select_option("light")
    found = violations(conversation.page)
    conversation.page.locator('[data-part="as-table"]').click()
    conversation.page.locator("#theme").select_option("dark")
    conversation.type("And")
    conversation.expect_typing(True)
    found += violations(conversation.page)
    assert found == []


def test_a_reloaded_page_hears_no_earlier_message_and_the_console_says_whose_memory_it_shows(conversation):
    """The relay keeps no history."""
    conversation.answer("How can I help?")
    expect(conversation.visitor_log).to_contain_text("How can I help?")
    heard = conversation.heard_from_relay()
    conversation.page.reload()
    conversation.expect_connected()
    expect(conversation.visitor_log.locator(".event").first).to_contain_text("as this console remembers them")
    expect(conversation.visitor_log).to_contain_text("How can I help?")
    conversation.answer("Are you there?")
    expect(conversation.visitor_log).to_contain_text("Are you there?")
    assert [frame for frame in heard if "Are you there?" in frame]
    assert [frame for frame in heard if "How can I help?" in frame] == []


@pytest.mark.parametrize("width", [390, 700, 1000, 1320])
def test_no_fault_card_is_alone_in_its_row(console, width):
    console.page.set_viewport_size({"width": width, "height": 900})
    assert_no_card_is_alone(console.page)


@pytest.fixture
def with_cookies(gateway_stack) -> Iterator[DfoControl]:
    """Only the visitor's own browser gets a token; a keeper that starts asks for the channel's settings at once."""

    def has(is_secured: bool) -> None:
        gateway.set_settings(secured_cookies=is_secured)
        time.sleep(4)  # a keeper that lived for less is not started again
        [former] = gateway_stack.info["keeper_pids"]
        os.kill(former, signal.SIGTERM)
        wait_until(lambda: gateway_stack.info["keeper_pids"] not in ([], [former]), "another keeper")

    gateway = control(gateway_stack)
    has(True)
    yield gateway
    has(False)


def test_a_page_signs_its_visitor_in_and_is_the_same_customer_after_a_reload(
    gateway_stack, with_cookies, context, visitor
):
    """The guide's page, in a browser whose cookie names the customer: also when its token is refused later."""
    console_url, person = gateway_stack.info["console_url"], f"signed-in-{visitor}"
    token = requests.get(f"{console_url}/api/token?visitor={person}", timeout=10).json()["token"]
    files = signing_in(person, gateway_stack.info["dfo_authorize_url"], gateway_stack.info["dfo_channel_id"])
    since = with_cookies.last_event()

    def customers() -> list[str]:
        threads = [thread for thread in with_cookies.threads() if thread["messages"]]
        return [t["customer_id"] for t in threads if t["messages"][0]["content"]["text"] == f"From {person}"]

    def sign_ins() -> list[int]:
        return [event["status"] for event in with_cookies.events(since) if event["kind"] == "authorize"]

    with site(with_relay(files, gateway_stack.info["websocket_url"], token)) as url:
        page = context.new_page()
        page.goto(f"{url}/")
        page.wait_for_function("relay.status === 'open'", timeout=KEEPER_MS)
        sent = page.evaluate("text => relay.send(text)", f"From {person}")
        assert sent["status"] == "accepted"
        [customer] = customers()
        assert "dfo_identity" in [cookie["name"] for cookie in context.cookies(gateway_stack.info["dfo_authorize_url"])]
        page.reload()
        page.wait_for_function("relay.status === 'open'", timeout=KEEPER_MS)
        with_cookies.revoke_tokens()
        with_cookies.drop_sockets("reset")
        wait_until(lambda: len(sign_ins()) == 2, "the page to sign its visitor in again")  # no loss so short is told
        assert page.evaluate("relay.send('Still me')")["status"] == "accepted"
    assert customers() == [customer]
    assert sign_ins() == [200, 200]  # as often as it was needed, each time by the page

"""What a person waits for on the console page: `python -m tests.benchmarks.page`.

In a real browser on the whole local stack, times on the page's own clock. The peer, in the same run and page: a chat
message from the same box to the same desk through one plain WebSocket server, with nothing behind it.
"""

from statistics import median, quantiles

from playwright.sync_api import expect

from local.stack.stack import Stack
from tests.e2e.browser import CHROMIUM, chromium
from tests.e2e.console_page import ConsolePage

ROUNDS = 15

WATCH_MESSAGES = """
() => {
  window.sentAt = [];
  window.arrivedAt = [];
  const form = document.querySelector('#visitor [data-part="form"]');
  form.addEventListener("submit", () => window.sentAt.push(Date.now()), { capture: true });
  const log = document.querySelector('#agent [data-part="log"]');
  new MutationObserver(() => window.arrivedAt.push(Date.now())).observe(log, { childList: true });
}
"""


def main() -> None:
    """Measure and print; without a browser say so."""
    if not CHROMIUM:
        print("skipped: needs Chromium (apt-get install chromium)")
        return
    with Stack(as_newest=False) as stack, chromium() as browser:
        console = ConsolePage(browser.new_page(), stack.info["console_url"], "alice")
        console.open()
        console.page.evaluate(WATCH_MESSAGES)
        bursts = [type_one_key(console) for _ in range(ROUNDS)]
        messages = [send_message(console, number) for number in range(ROUNDS)]
    to_true, to_false = ([burst[i] for burst in bursts] for i in (0, 1))
    print(f"{ROUNDS} rounds each, ms                              median     p95")
    print_row("message on the agent's desk (plain WebSocket)", messages)
    print_row("first key to the agent's indicator", to_true)
    print_row("last key to the indicator's end, over 2000", [lag - 2000 for lag in to_false])
    print(f"first key / plain message: {median(to_true) / median(messages):.1f}")


def type_one_key(console: ConsolePage) -> tuple[float, float]:
    """From the key to the indicator's going on and out, in ms."""
    console.type("x")
    console.expect_typing(True)
    console.expect_typing(False)
    on, off = console.changes()[-2:]
    key = console.newest_key_at()
    return on["at"] - key, off["at"] - key


def send_message(console: ConsolePage, number: int) -> float:
    """From Enter to the message on the agent's desk, in ms."""
    console.visitor_box.fill(f"message {number}")
    console.visitor_box.press("Enter")
    expect(console.agent_log.locator(".message")).to_have_count(number + 1)
    return console.page.evaluate("window.arrivedAt.at(-1) - window.sentAt.at(-1)")


def print_row(name: str, values: list[float]) -> None:
    """One line of the table."""
    print(f"{name:<46} {median(values):>7.0f} {quantiles(values, n=20, method='inclusive')[-1]:>7.0f}")


if __name__ == "__main__":
    main()

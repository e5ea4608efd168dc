"""The examples in docs/front-end.md do what they say, as they stand there, in both browsers."""

import gzip
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, WebSocket, expect

from tests.e2e import front_ends
from tests.e2e.browser import PATIENCE_MS
from tests.e2e.site import site
from tests.e2e.test_accessibility import violations
from tests.support.left_out import leave_out
from tests.support.npm import MISSING, RegistryAway, npm_can_run


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """A project with TypeScript, React, Vue and Vite that has the package."""
    if not npm_can_run():
        leave_out(MISSING)
    try:
        return front_ends.make_project(tmp_path_factory.mktemp("bundler") / "project")
    except RegistryAway as away:
        leave_out(str(away))


@pytest.fixture(scope="session")
def plain() -> dict[str, str]:
    return front_ends.plain()


@pytest.fixture(scope="session")
def strictly_served() -> dict[str, str]:
    return front_ends.strictly_served()


@pytest.fixture(scope="session")
def element() -> dict[str, str]:
    return front_ends.element()


@pytest.fixture(scope="session")
def bundled(project) -> dict[str, str]:
    return front_ends.bundled(project)


@pytest.fixture(scope="session")
def react(bundled) -> dict[str, str]:
    return {**bundled, "/": bundled["/index.html"]}


@pytest.fixture(scope="session")
def strict(project) -> dict[str, str]:
    """React as it is developed with: under StrictMode it mounts each component twice."""
    files = front_ends.bundled(project, "development")
    return {**files, "/": files["/index.html"]}


@pytest.fixture(scope="session")
def vue(bundled) -> dict[str, str]:
    return {**bundled, "/": bundled["/vue.html"]}


@pytest.fixture(params=["plain", "element", "react", "vue"])
def url(request, stack, visitor) -> Iterator[str]:
    """Where the example is; its visitor is the console's, in a test that has one."""
    files = request.getfixturevalue(request.param)
    token = requests.get(f"{stack.info['console_url']}/api/token?visitor={visitor}", timeout=10).json()["token"]
    with site(front_ends.with_relay(files, stack.info["websocket_url"], token)) as url:
        yield url


@pytest.fixture
def frames() -> list[str]:
    """What the example sends."""
    return []


#: `live`: how many of the page's sockets are open, or being opened; `fetched`: how often it has fetched something.
COUNTS_LIVE = """
  const sockets = [];
  window.WebSocket = new Proxy(WebSocket, {
    construct(made, args) { sockets.push(new made(...args)); return sockets.at(-1); },
  });
  window.fetched = 0;
  window.fetch = new Proxy(fetch, { apply: (made, self, args) => (window.fetched++, made.apply(self, args)) });
  Object.defineProperty(window, "live", { get: () => sockets.filter(({ readyState }) => readyState < 2).length });
"""


@pytest.fixture
def example(url, context, frames) -> Page:
    """The example in a tab of its own, welcomed."""
    page = context.new_page()
    welcomes: list[str] = []

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: frames.append(str(frame)))
        socket.on("framereceived", lambda frame: welcomes.extend(["welcome"] * ("welcome" in frame)))

    page.on("websocket", watch)
    page.add_init_script(COUNTS_LIVE)
    page.goto(f"{url}/")
    expect_soon(page, lambda: welcomes != [])
    return page


def expect_soon(page: Page, condition: Callable[[], bool]) -> None:
    """Let the browser's news come in until this holds."""
    ends_at = time.monotonic() + PATIENCE_MS / 1000
    while not condition():
        assert time.monotonic() < ends_at
        page.wait_for_timeout(50)


def test_the_example_shows_the_agent_that_the_visitor_types(console, example):
    """And that it is over, at the submit."""
    example.get_by_label("Your message").press_sequentially("hello", delay=100)
    console.expect_typing(True)
    example.get_by_role("button", name="Send").click()
    console.expect_typing(False)
    expect(example.get_by_label("Your message")).to_have_value("")


def test_the_example_shows_the_agents_typing_and_message(console, example):
    """Both reach each tab of the visitor."""
    hint = example.locator("p[aria-hidden]", has_text="The agent is typing")
    expect(hint).not_to_be_visible()
    console.agent_box.press_sequentially("Good morning", delay=50)
    expect(hint).to_be_visible()
    console.agent_box.press("Enter")
    expect(example.get_by_role("log")).to_have_text("Good morning")
    expect(hint).not_to_be_visible()


def test_a_screen_reader_hears_once_that_the_agent_types(console, example):
    """By the accessibility tree: a polite region, there before, has the words; the hint for the eye has not."""
    region = example.get_by_role("status")
    expect(region).to_have_attribute("aria-live", "polite")
    expect(region).to_have_text("")
    console.agent_box.press_sequentially("Good morning, and welcome", delay=100)
    expect(region).to_have_text("The agent is typing")
    assert example.locator("body").aria_snapshot().count("The agent is typing") == 1
    console.agent_box.press("Enter")
    expect(region).to_have_text("")


@pytest.mark.parametrize("url", ["element"], indirect=True)
def test_the_element_watches_the_text_box_that_takes_anothers_place(console, example):
    """The connection stays."""
    example.evaluate("document.querySelector('textarea').replaceWith(document.createElement('textarea'))")
    example.locator("textarea").press_sequentially("hello", delay=100)
    console.expect_typing(True)
    assert example.evaluate("window.fetched") == 1


@pytest.mark.parametrize("url", ["element"], indirect=True)
def test_another_url_of_the_element_is_another_connection(console, example):
    """One that is the same is not; and who listens to the element hears of it."""
    example.evaluate("window.heard = []")
    example.evaluate("element = document.querySelector('typing-relay')")
    example.evaluate("element.addEventListener('connection', ({ detail }) => heard.push(detail.connected))")
    example.evaluate("element.setAttribute('url', element.getAttribute('url'))")
    assert example.evaluate("window.fetched") == 1
    example.evaluate("element.setAttribute('url', `${element.getAttribute('url')}?another`)")
    expect_soon(example, lambda: example.evaluate("heard.at(-1)") is True)
    assert (example.evaluate("window.fetched"), example.evaluate("window.live")) == (2, 1)


@pytest.mark.parametrize("url", ["strict"], indirect=True)
def test_under_strict_mode_the_hook_leaves_one_connection(example):
    """And asks for a token twice, as it connects twice."""
    example.wait_for_timeout(300)
    assert (example.evaluate("window.fetched"), example.evaluate("window.live")) == (2, 1)


@pytest.mark.parametrize("token_in", ["", 'tokenIn: "query",'], ids=["as it stands", "token in the query"])
def test_the_page_of_the_readme_works_against_a_running_stack(console, context, stack, visitor, token_in):
    """Where it is from, its server knows nothing of the relay: the console gives it token and address."""
    page = context.new_page()
    files = front_ends.of_the_readme()
    console_url = stack.info["console_url"]
    asked = files["/"].replace("http://127.0.0.1:8080", console_url).replace("visitor=alice", f"visitor={visitor}")
    with site({**files, "/": asked.replace("// Called for each", f"{token_in} // Called for each")}) as url:
        page.goto(f"{url}/")
        page.get_by_label("Your message").press_sequentially("hello", delay=100)
        console.expect_typing(True)


def test_axe_finds_nothing_in_the_example(example):
    """Title, landmarks and the like are the business of the page that it is put into."""
    assert violations(example, "form") == []


@pytest.mark.parametrize("url", ["element", "react", "vue"], indirect=True)
def test_the_example_works_in_firefox(console, url, firefox):
    """There and back."""
    with firefox.tab() as tab:
        tab.go(f"{url}/")
        tab.evaluate("document.querySelector('textarea').focus()")
        tab.type("hello")  # a key that is pressed before the welcome is told with it
        console.expect_typing(True)
        tab.evaluate("document.querySelector('button').click()")
        console.expect_typing(False)
        console.agent_box.press_sequentially("Good morning", delay=50)
        tab.expect("document.body.innerText.includes('The agent is typing')")
        console.agent_box.press("Enter")
        tab.expect("document.querySelector('[role=log]').innerText.includes('Good morning')")


@pytest.mark.parametrize(
    ("url", "opt_out"),
    [
        pytest.param("element", "document.querySelector('typing-relay').toggleAttribute('opted-out')", id="element"),
        pytest.param("react", "document.querySelector('[type=checkbox]').click()", id="react"),
        pytest.param("vue", "document.querySelector('[type=checkbox]').click()", id="vue"),
    ],
    indirect=["url"],
)
def test_a_visitor_who_opts_out_in_the_example_types_unseen(example, frames, opt_out):
    box = example.get_by_label("Your message")
    example.evaluate(opt_out)
    box.press_sequentially("unseen", delay=100)
    assert [frame for frame in frames if "keystroke" in frame] == []
    example.evaluate(opt_out)  # and in again
    box.press("s")
    expect_soon(example, lambda: any("keystroke" in frame for frame in frames))


def test_the_package_holds_the_module_its_types_and_nothing_else(project):
    """Installed as the guide says; it depends on nothing."""
    installed = project / "node_modules/typing-relay"
    names = ("element", "files", "offline", "react", "sign-in", "typing-relay")
    modules = [f"{name}{ending}" for name in names for ending in (".d.ts", ".js")]
    assert sorted(path.name for path in installed.iterdir()) == sorted(["commonjs.cjs", "package.json", *modules])
    assert (installed / "typing-relay.js").read_text() == front_ends.CLIENT


#: What a front end imports, and how many bytes that may add to each of its pages, minified and gzipped.
SIZES = {
    "connect alone": ('export { connect } from "typing-relay";', 4 * 1024),
    "files alone": ('export { upload } from "typing-relay/files";', 1024),
    "offline messages alone": ('export { leaveMessage } from "typing-relay/offline";', 640),
    "everything": (
        'import "typing-relay/element"; export * from "typing-relay"; export * from "typing-relay/react";',
        7 * 1024,
    ),
}


@pytest.mark.parametrize(("imports", "at_most"), SIZES.values(), ids=SIZES)
def test_the_client_stays_small(project, imports, at_most):
    """A bundler takes from the package what is imported, and no more."""
    (project / "imports.js").write_text(imports)
    bundling = ("--bundle", "--minify", "--format=esm", "--external:react", "imports.js")
    minified = front_ends.run(project, "node_modules/.bin/esbuild", *bundling)
    assert len(gzip.compress(minified.encode(), mtime=0)) <= at_most


def test_the_examples_type_check_in_strict_typescript(project):
    """React's and Vue's, with what the template says; and `types.ts` says what must not."""
    front_ends.run(project, "node_modules/.bin/tsc")


@pytest.mark.parametrize("right", ["detail.typing", "agentTyping.value"], ids=["in its script", "in its template"])
def test_a_wrong_name_in_the_vue_example_is_noticed(project, tmp_path, right):
    """What the compiler checks is the example."""
    files = shutil.copytree(project / "src", tmp_path / "src")
    for name in ("node_modules", "tsconfig.json"):
        (tmp_path / name).symlink_to(project / name)
    example = files / "ChatBox.vue.ts"
    example.write_text(example.read_text().replace(right, f"{right}.wrong"))
    with pytest.raises(RuntimeError, match=r"ChatBox\.vue\.ts.*wrong"):
        front_ends.run(tmp_path, "node_modules/.bin/tsc")


def test_the_types_need_no_page(project):
    """Node, workers and React Native have no `dom`."""
    front_ends.run(project, "node_modules/.bin/tsc", "--project", "worker")


@pytest.fixture(scope="session")
def rendered(project) -> dict[str, Any]:
    """What a server makes of the chat box, and how many sockets that has made."""
    build = ("build", "--logLevel", "warn", "--ssr", "worker/server.tsx", "--outDir", "server")
    front_ends.run(project, "node_modules/.bin/vite", *build)
    return json.loads(front_ends.run(project, "node", "server/server.js"))


@pytest.fixture(scope="session")
def hydrated(bundled, rendered) -> dict[str, str]:
    return {**bundled, "/": bundled["/hydrated.html"].replace("<!--rendered-->", rendered["html"])}


def test_a_server_renders_the_chat_box_and_connects_nobody(rendered):
    assert rendered["html"].count("<textarea") == 1
    assert rendered["sockets"] == 0


@pytest.mark.parametrize("url", ["hydrated"], indirect=True)
def test_a_chat_box_that_a_server_rendered_comes_to_life(console, example):
    """React finds what it would have drawn itself, and one connection is made."""
    example.get_by_label("Your message").press_sequentially("hello", delay=100)
    console.expect_typing(True)
    assert (example.evaluate("window.said"), example.evaluate("window.live")) == ([], 1)


@pytest.mark.parametrize("url", ["strictly_served"], indirect=True)
def test_it_works_under_a_content_security_policy_that_allows_scripts_and_the_relay_alone(console, example):
    """As docs/front-end.md says it."""
    example.get_by_label("Your message").press_sequentially("hello", delay=100)
    console.expect_typing(True)
    assert example.evaluate("window.violations") == []


def test_the_guide_shows_the_hook_as_it_is():
    assert front_ends.block("React and Vue", "jsx") == (front_ends.ROOT / "web/react.js").read_text()

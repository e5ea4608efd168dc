"""The front ends that docs/front-end.md shows, as they stand there, and the package in a project with a bundler."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.npm import installed

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/front-end.md"
EXAMPLES = ROOT / "web/examples"
CLIENT = (ROOT / "web/typing-relay.js").read_text()
BUNDLED = Path(__file__).parent / "bundler"
#: Packages are there already, and npm asks nobody for more.
_OFFLINE = {f"npm_config_{name}": "true" for name in ("offline", "ignore_scripts")} | {
    f"npm_config_{name}": "false" for name in ("audit", "fund", "update_notifier")
}


def block(heading: str, language: str) -> str:
    """The first block of this language under this heading of the guide."""
    section = GUIDE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.search(rf"^```{language}\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert found, f"no {language} under {heading}"
    return found[1]


def plain() -> dict[str, str]:
    """The page without anything."""
    return {"/": block("Plain HTML", "html"), "/typing-relay.js": CLIENT}


_STRICT = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="POLICY"><title>Strict</title></head>
  <body><label>Your message <textarea></textarea></label><script type="module" src="/page.js"></script></body>
</html>
"""
_STRICT_SCRIPT = """
import { attach } from "/typing-relay.js";
window.violations = [];
document.addEventListener("securitypolicyviolation", ({ violatedDirective }) => violations.push(violatedDirective));
const token = async () => (await fetch("/chat-token")).text();
attach(document.querySelector("textarea"), { url: "wss://RELAY/live", token });
"""


def strictly_served() -> dict[str, str]:
    """A page that may do nothing but what the guide's Content Security Policy allows."""
    found = re.search(r"`(default-src [^`]+)`", GUIDE.read_text())
    assert found, "the guide shows no Content Security Policy"
    page = _STRICT.replace("POLICY", found[1])
    return {"/": page, "/page.js": _STRICT_SCRIPT, "/typing-relay.js": CLIENT}


def of_the_readme() -> dict[str, str]:
    """The page that the README shows."""
    section = (ROOT / "README.md").read_text().split("\n## Connect a front end\n")[1]
    found = re.search(r"^```html\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert found, "no html under Connect a front end"
    return {"/": found[1], "/typing-relay.js": CLIENT}


def signing_in(person: str, authorize_url: str, channel_id: str) -> dict[str, str]:
    """A page whose script is the guide's for signing in, told who is there and where."""
    found = re.search(r"^```js\n(import \{ connect \}.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    assert found, "no page that signs in"
    script = found[1]
    told = {
        '"ada"': json.dumps(person),
        "https://digital-oauth-de-na1.niceincontact.com": authorize_url,
        "chat_1b2c": channel_id,
        "const relay =": "const relay = window.relay =",
    }
    for said, here in told.items():
        assert said in script, said
        script = script.replace(said, here)
    page = f'<!doctype html><title>Chat</title><script type="module">{script}</script>'
    return {"/": page, "/typing-relay.js": CLIENT, "/sign-in.js": (ROOT / "web/sign-in.js").read_text()}


def element() -> dict[str, str]:
    """The page with an import map and the web component."""
    return {
        "/": block("A web component, and import maps", "html"),
        "/typing-relay.js": CLIENT,
        "/element.js": (ROOT / "web/element.js").read_text(),
    }


def bundled(project: Path, mode: str = "production") -> dict[str, str]:
    """What the bundler makes of the project: a page with React, one with Vue."""
    made = project / mode
    building = ("build", "--logLevel", "warn", "--mode", mode, "--outDir", str(made))
    run(project, "env", f"NODE_ENV={mode}", "node_modules/.bin/vite", *building)
    return {f"/{path.relative_to(made)}": path.read_text() for path in made.rglob("*") if path.is_file()}


def with_relay(files: Mapping[str, str], websocket_url: str, token: str) -> dict[str, str]:
    """The same, told which relay is meant, and with a route for the visitor's token."""
    place = urlsplit(websocket_url)
    origin = f"{place.scheme}://{place.netloc}"
    told = {
        path: text.replace("wss://RELAY/live", websocket_url).replace("wss://RELAY", origin)
        for path, text in files.items()
    }
    return {**told, "/chat-token": token}


def make_project(folder: Path) -> Path:
    """A project with TypeScript, React, Vue and Vite, and the package installed into it as the guide says.

    Raises RegistryAway, or RuntimeError with what npm said.
    """
    packages = installed(BUNDLED)
    shutil.copytree(BUNDLED, folder)
    shutil.copytree(packages / "node_modules", folder / "node_modules", symlinks=True)
    for example in ("ChatBox.tsx", "ChatBox.vue"):
        shutil.copy(EXAMPLES / example, folder / "src")
    run(folder, "node", "typed_vue.mjs")
    as_said = block("Getting the module", "sh").replace("/path/to/typing-relay", str(ROOT))
    run(folder, "sh", "-euc", as_said)
    return folder


def run(folder: Path, *command: str) -> str:
    """What the command printed. Raises RuntimeError with that when it fails."""
    environment = {**os.environ, **_OFFLINE}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout

"""Every block of code in README and docs: run by a test as it stands, or named as one that needs AWS, and checked.

Each block is in one of the lists below, by its page and its beginning: whoever adds a block says which.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import botocore.session
import jmespath
import jwt
import pytest
from botocore import xform_name
from typing_relay.door.visitor_tokens import AdmittedVisitor, TokenRules, verify
from typing_relay.relay.profile import Profile

from local.dfo_simulator.client import Gateway, parse_ready
from local.dfo_simulator.faults import parse_faults
from tests.simulation import suite

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text()
SECRET = "s" * 64
HERE = "tests/unit/test_snippets.py"


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    text: str

    @property
    def begins(self) -> str:
        """What the lists know it by."""
        return self.text.strip().splitlines()[0].strip()


def _blocks() -> list[Block]:
    fence = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
    return [
        Block(page.relative_to(ROOT).as_posix(), language, text)
        for page in PAGES
        for language, text in fence.findall(page.read_text())
    ]


BLOCKS = _blocks()

#: Page, how the block begins -> the file of the test that runs it as it stands.
RUN_BY = {
    ("README.md", '<textarea id="box"'): "tests/e2e/test_examples.py",
    ("docs/front-end.md", 'npm install "./$('): "tests/e2e/test_examples.py",
    ("docs/front-end.md", '<form id="chat">'): "tests/e2e/test_examples.py",
    ("docs/front-end.md", '<script type="importmap">'): "tests/e2e/test_examples.py",
    ("docs/front-end.md", "import { useEffect"): "tests/e2e/test_examples.py",
    ("docs/front-end.md", "const relay = attach(box, {"): "tests/unit/web/guide.test.mjs",
    ("docs/front-end.md", "import { connect }"): "tests/unit/web/guide.test.mjs",
    ("docs/front-end.md", "const { status, reason } = await"): "tests/unit/web/guide.test.mjs",
    ("docs/front-end.md", 'relay.addEventListener("message"'): "tests/unit/web/guide.test.mjs",
    ("docs/front-end.md", 'relay.addEventListener("transcript"'): "tests/unit/web/guide.test.mjs",
    ("docs/front-end.md", "import { leaveMessage }"): "tests/unit/web/offline.test.mjs",
    ("docs/front-end.md", "import { upload }"): "tests/unit/web/files.test.mjs",
    ("docs/front-end.md", "pip install ./web/python"): "tests/integration/test_python_client.py",
    ("docs/front-end.md", "import sys"): "tests/integration/test_python_client.py",
    ("docs/operations.md", "fields @timestamp"): "tests/unit/deployment/test_queries.py",
    ("docs/operations.md", 'filter message = "cxone typing"'): "tests/unit/deployment/test_queries.py",
    ("docs/operations.md", 'filter message = "Handshake refused"'): "tests/unit/deployment/test_queries.py",
    ("docs/operations.md", 'filter message = "hello"'): "tests/unit/deployment/test_queries.py",
    # below:
    ("docs/front-end.md", "jwt.encode("): HERE,
    ("docs/front-end.md", "who = {"): HERE,
    ("docs/digital-first.md", '{"action":"chatWindowEvent"'): HERE,
    ("docs/digital-first.md", "dfo simulator ready"): HERE,
    ("docs/digital-first.md", "curl -X PUT"): HERE,
    ("docs/guarantees.md", "python -m tests.simulation run"): HERE,
    # by CI as it stands, as each commit's gate:
    ("README.md", "make demo"): "tests/run.py",
    ("CONTRIBUTING.md", "make setup"): ".ci/run",  # make check sets itself up
}

#: They need an AWS account. Their calls, parameters and queries are those that there are.
NEED_AWS = {
    ("README.md", "make image"),
    ("docs/operations.md", "make image"),
    ("docs/operations.md", "aws secretsmanager put-secret-value"),
    ("docs/operations.md", "for i in 1 2; do"),
    ("docs/runbook.md", "id() {"),
    ("docs/runbook.md", "aws "),
    ("docs/runbook.md", "for function in"),
    ("docs/runbook.md", "git checkout VERSION"),
    ("docs/runbook.md", "make block"),
    ("docs/runbook.md", "make forget"),
    ("docs/runbook.md", "# How far is it?"),
}

#: What a command has printed; the commands are run by the tests of COMMANDS.
TRANSCRIPTS = {
    ("docs/metrics.md", "$ make load"),
    ("docs/operations.md", "$ make load CELLS=2"),
    ("docs/operations.md", "$ make preflight"),
    ("docs/operations.md", "$ make rehearsal"),
    ("docs/operations.md", "$ make smoke"),
}

DRAWINGS = ("README.md", "docs/architecture.md", "docs/keeper.md")

#: Command of make -> the file that runs what it runs.
COMMANDS = {
    "help": "tests/unit/test_docs.py",
    "setup": HERE,
    "demo": "tests/run.py",  # of the gate
    "check": ".ci/run",
    "test": ".ci/run",
    "run": "tests/integration/test_stack.py",
    "invoke": "tests/integration/test_stack.py",
    "token": "tests/integration/test_stack.py",
    "smoke": "tests/integration/test_smoke.py",
    "probe": "tests/integration/test_probe.py",
    "load": "tests/integration/test_load.py",
    "block": "tests/integration/test_ending_a_visitor.py",
    "forget": "tests/integration/test_ending_a_visitor.py",
    "preflight": "tests/integration/test_preflight.py",
    "rehearsal": "tests/integration/test_rehearsal.py",
    "image": "tests/unit/local/deploying/test_image_command.py",
    "bench": HERE,
    "mutants": "tests/unit/support/test_mutants.py",
    "clean": HERE,
}


def _is_listed(block: Block, known: Any) -> bool:
    return any(page == block.page and block.begins.startswith(begins) for page, begins in known)


def _is_drawing(block: Block) -> bool:
    return not block.language and block.page in DRAWINGS and bool(re.search("[─▶═]", block.text))


def _the(page: str, begins: str) -> str:
    [block] = [block for block in BLOCKS if block.page == page and block.begins.startswith(begins)]
    return block.text


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.page}: {block.begins[:40]}")
def test_it_is_known_who_runs_each_block(block: Block) -> None:
    lists = [_is_listed(block, known) for known in (RUN_BY, NEED_AWS, TRANSCRIPTS)]
    assert [*lists, _is_drawing(block)].count(True) == 1


@pytest.mark.parametrize(("page", "begins"), [*RUN_BY, *sorted(NEED_AWS), *sorted(TRANSCRIPTS)])
def test_each_entry_of_the_lists_is_a_block(page: str, begins: str) -> None:
    assert [block for block in BLOCKS if block.page == page and block.begins.startswith(begins)]


@pytest.mark.parametrize("path", sorted({*RUN_BY.values(), *COMMANDS.values()}))
def test_who_is_said_to_run_it_is_there(path: str) -> None:
    assert (ROOT / path).is_file()


def test_each_command_of_make_is_run_by_a_test_or_by_ci() -> None:
    """Its file names what the recipe calls. CI's gate is `make check`, which makes `test`."""
    targets = dict(re.findall(r"^([a-z-]+):[^\n]*## .*\n((?:\t.*\n)*)", MAKEFILE, flags=re.MULTILINE))
    assert targets.keys() == COMMANDS.keys()
    for target, recipe in targets.items():
        runner = (ROOT / COMMANDS[target]).read_text()
        program = re.search(r"-m (local\.commands\.\w+)", recipe)
        if COMMANDS[target] == ".ci/run":
            assert f"make {target}" in runner or re.search(rf"^check: .*\b{target}\b.*##", MAKEFILE, flags=re.MULTILINE)
        elif program:
            assert program[1] in runner or program[1].rpartition(".")[2] in runner, target


@pytest.mark.parametrize("target", [target for target, path in COMMANDS.items() if path == HERE])
def test_a_command_that_takes_too_long_for_a_test_is_made_of_what_there_is(target: str) -> None:
    """What make would do: its programs and scripts are there."""
    command = ["make", "--no-print-directory", "--dry-run", target]  # `make test` itself may run this
    would = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    programs, scripts = re.findall(r"-m (tests\.\w+)", would), re.findall(r"\./(local/\S+\.sh)", would)
    assert programs or scripts or would.startswith("rm -rf .venv ")
    assert all(find_spec(program) for program in programs)
    assert all((ROOT / script).is_file() for script in scripts)


# --- what needs AWS


def _shell_blocks() -> list[Block]:
    return [block for block in BLOCKS if _is_listed(block, NEED_AWS)]


@pytest.mark.parametrize("block", _shell_blocks(), ids=lambda block: f"{block.page}: {block.begins[:40]}")
def test_a_block_for_aws_is_a_shell_script(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _aws_calls(text: str) -> list[list[str]]:
    """The words of each call of `aws`, also of one within `$(…)`; what it stands for is a word `X`."""
    text = re.sub(r"\\\n\s*", " ", text)
    calls = []
    while inner := re.search(r"\$\(([^()]*)\)", text):  # the innermost first
        calls += _aws_calls(inner[1]) if "aws " in inner[1] else []
        text = f"{text[: inner.start()]}X{text[inner.end() :]}"
    for line in text.splitlines():
        for command in re.split(r"&&|;|\|\||(?<=\s)do(?=\s)|[{}](?=\s|$)", line) if "'" not in line else [line]:
            if found := re.search(r"(?:^|\s)aws (.*)", command):
                calls.append(shlex.split(re.sub(r";\s*(\}|done).*$", "", found[1]), comments=True))
    return calls


CALLS = [(block, call) for block in _shell_blocks() for call in _aws_calls(block.text)]
#: The CLI's own, which are no calls of an API.
CLI_ONLY = {("logs", "tail"): {"since", "filter-pattern", "format", "follow"}}
EVERYWHERE = {"query", "output", "region"}


@pytest.mark.parametrize(
    ("block", "call"), CALLS, ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else ""
)
def test_each_aws_command_calls_what_there_is_with_parameters_that_there_are(block: Block, call: list[str]) -> None:
    service, operation, *words = call
    options = {word[2:] for word in words if re.match(r"--[a-z]", word)}
    if (service, operation) in CLI_ONLY:
        assert options <= CLI_ONLY[service, operation] | EVERYWHERE
        return
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[operation]).input_shape
    members = {xform_name(name, "-") for name in shape.members} if shape else set()
    flags = {f"no-{name}" for name in members} | {"max-items", "force-new-deployment", "exclude-punctuation"}
    assert options <= members | flags | EVERYWHERE
    if "--query" in words:
        jmespath.compile(words[words.index("--query") + 1])


def test_the_calls_are_found() -> None:
    """Without this, a block that is not understood would pass."""
    assert sum(block.text.count("aws ") for block in _shell_blocks()) == len(CALLS) > 20


@pytest.mark.parametrize("block", _shell_blocks(), ids=lambda block: f"{block.page}: {block.begins[:40]}")
def test_make_in_a_block_for_aws_makes_what_there_is(block: Block) -> None:
    assert set(re.findall(r"make ([a-z]+)", block.text)) <= COMMANDS.keys()


# --- run here


def test_the_token_that_the_guide_signs_is_one_that_the_door_takes() -> None:
    now = int(time.time())
    names = {"jwt": jwt, "session_id": "alice", "now": now, "visitor_secret": SECRET}
    token = eval(_the("docs/front-end.md", "jwt.encode("), names)
    admitted = verify(token, [SECRET.encode()], TokenRules(("HS256",)), now)
    assert isinstance(admitted, AdmittedVisitor)
    assert admitted.session == "alice"


def test_the_token_that_says_who_the_visitor_is_is_one_that_the_door_takes() -> None:
    now = int(time.time())
    names: dict[str, Any] = {"jwt": jwt, "session_id": "alice", "now": now, "visitor_secret": SECRET}
    exec(_the("docs/front-end.md", "who = {"), names)
    admitted = verify(
        names["token"], [SECRET.encode()], TokenRules(("HS256",), custom_fields=frozenset(("plan",))), now
    )
    assert isinstance(admitted, AdmittedVisitor)
    assert admitted.profile == Profile("Ada", "Lovelace", "c-17", (("plan", "gold"),))


def test_the_frame_that_the_page_on_digital_first_shows_has_the_keys_of_one() -> None:
    shown = json.loads(_the("docs/digital-first.md", '{"action":"chatWindowEvent"'))
    assert shown.keys() == {"action", "eventId", "payload"}
    assert shown["payload"].keys() >= {"eventType", "brand", "channel", "consumerIdentity", "data", "visitor"}


def test_the_simulators_ready_line_is_read_as_it_is_shown() -> None:
    line = _the("docs/digital-first.md", "dfo simulator ready").strip().removeprefix("dfo simulator ready ")
    host = "127.0.0.1:P"
    assert parse_ready(line) == Gateway(f"http://{host}", f"ws://{host}", f"http://{host}", 1386, "chat_local")


def test_the_fault_that_the_page_switches_on_is_one() -> None:
    body = json.loads(shlex.split(_the("docs/digital-first.md", "curl -X PUT"))[-1])
    assert [fault.do for fault in parse_faults(body["faults"])] == ["lost_answer"]


def test_the_histories_that_the_guarantees_replay_are_histories() -> None:
    lines = _the("docs/guarantees.md", "python -m tests.simulation run").splitlines()
    known = re.search(r"commands = \{(.*?)\}", (ROOT / "tests/simulation/__main__.py").read_text())
    assert known
    for line in filter(None, lines):
        words = shlex.split(line.partition("   ")[0])
        assert words[:3] == ["python", "-m", "tests.simulation"]
        assert f'"{words[3]}"' in known[1]
        if words[3] == "replay":
            suite.parsed(words[4])


@pytest.mark.parametrize("block", [block for block in BLOCKS if _is_listed(block, TRANSCRIPTS)], ids=lambda b: b.begins)
def test_what_a_transcript_ticks_off_is_in_the_commands_code(block: Block) -> None:
    """The words after a mark, up to the gap."""
    words = re.findall(r"^  [✓✗!?–·] ([a-z' ]+?)  ", block.text, flags=re.MULTILINE)
    code = "\n".join(path.read_text() for path in (ROOT / "local").rglob("*.py"))
    assert [word for word in words if f'"{word}"' not in code] == []
    assert re.match(r"\$ make ([a-z]+)", block.begins)[1] in COMMANDS  # type: ignore[index]

"""What README, CONTRIBUTING and docs name is there: commands, files, settings, clauses, sections."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from local.console.faults import GATEWAY, WEBCHAT
from tests.support.left_out import leave_out

ROOT = Path(__file__).resolve().parents[2]
DOCS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
UNIT = ROOT / "tests/unit"
MAKEFILE = (ROOT / "Makefile").read_text()
#: Target -> what `make help` says of it.
COMMANDS = dict(re.findall(r"^([a-z-]+):.*## (.*)$", MAKEFILE, flags=re.MULTILINE))
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
SOURCES = [path for folder in ("local", "functions", "layers") for path in (ROOT / folder).rglob("*.py")]


def code(text: str) -> str:
    """All that is set as code, in fences and within lines."""
    fences = re.findall(r"^```.*?\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*fences, *re.findall(r"`([^`]+)`", prose)])


def made(text: str) -> set[str]:
    """Targets of make that the text's code calls."""
    return set(re.findall(r"(?:^|\s)make (?:-\w+ )*([a-z][a-z-]*)", code(text)))


def anchors(text: str) -> set[str]:
    """The ids that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
class TestPage:
    def test_every_make_command_is_there(self, page: Path) -> None:
        assert made(page.read_text()) <= TARGETS

    def test_every_link_within_the_repository_leads_somewhere(self, page: Path) -> None:
        text = page.read_text()
        links = re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
        broken = []
        for link in filter(None, (one or other for one, other in links)):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
                broken.append(link)
        assert broken == []

    def test_every_test_file_is_there(self, page: Path) -> None:
        named = re.findall(r"[\w/]*/test_\w+\.py", code(page.read_text()))
        roots = (ROOT, ROOT / "tests", UNIT)
        assert [name for name in named if not any((root / name).exists() for root in roots)] == []

    def test_every_clause_is_one_of_the_guarantees(self, page: Path) -> None:
        clauses = set(re.findall(r"\*\*(T\d+)\*\*", (ROOT / "docs/guarantees.md").read_text()))
        assert set(re.findall(r"\b(T\d{1,2})\b", page.read_text())) <= clauses


def test_every_command_of_the_makefile_is_told_to_newcomers() -> None:
    """To those who run it in README, to those who change it in CONTRIBUTING."""
    assert COMMANDS.keys() <= made(README) | made(CONTRIBUTING)


def test_the_makefiles_list_has_every_command() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z-]+)", listed, flags=re.MULTILINE)) == COMMANDS.keys()


def test_every_setting_in_readme_is_one_that_is_read() -> None:
    read = "\n".join(path.read_text() for path in SOURCES) + MAKEFILE
    settings = set(re.findall(r"`([A-Z][A-Z_]{2,})`", README)) | set(re.findall(r"\b([A-Z_]{3,})=\w", code(README)))
    assert settings
    assert {name for name in settings if name not in read} == set()


def test_every_file_in_contributing_is_there() -> None:
    """Of the table of where things are; what is indented is a room of the package."""
    table = CONTRIBUTING.partition("## Where things are")[2].partition("\n## ")[0]
    package = ROOT / "layers/typing_relay/typing_relay"
    for row in re.findall(r"^\| (.*?) \|", table, flags=re.MULTILINE):
        top = package if row.startswith("&emsp;") else ROOT
        assert [name for name in re.findall(r"`([^`]+)`", row) if not (top / name).exists()] == []


def test_every_top_level_file_has_its_reason_in_contributing() -> None:
    table = CONTRIBUTING.partition("## Where things are")[2].partition("\n## ")[0]
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    tops = {line.partition("/")[0] for line in tracked.splitlines()}
    if not tops:
        leave_out("needs a git repository")
    explained = {name.partition("/")[0] for name in re.findall(r"`([^`]+)`", table)}
    assert tops - {"README.md", "CONTRIBUTING.md", ".gitignore", "LICENSE"} <= explained


def test_the_promises_of_readme_name_their_clauses() -> None:
    promises = re.findall(r"^- \*\*.*$", README, flags=re.MULTILINE)
    assert len(promises) == 4
    assert all(re.search(r"\(T\d+\)", promise) for promise in promises)


def _table_rows(page: str) -> set[tuple[str, ...]]:
    """The rows of three cells of this page's tables."""
    rows = re.findall(r"^\| (.*?) \| (.*?) \| (.*?) \|$", (ROOT / page).read_text(), flags=re.MULTILINE)
    return {row for row in rows if row[1] in ("both", "v1", "Digital-First")}


def test_the_page_on_the_console_explains_lanes_marks_and_faults_as_the_console_does() -> None:
    where = {"": "both", "v1": "v1", "dfo": "Digital-First"}
    html = (ROOT / "web/console/index.html").read_text()
    explained = re.findall(r'<div(?: data-only="(\w+)"[^>]*)?><dt>(.*?)</dt><dd id="about-[\w-]+">(.*?)</dd>', html)
    faults = {
        (f"{fault.label} ({kind})", where[platform], fault.effect)
        for platform, panel in (("v1", WEBCHAT), ("dfo", GATEWAY))
        for kind, group in (("switch", panel.switches), ("button", panel.one_shots))
        for fault in group
    }
    assert len(explained) > 15
    assert _table_rows("docs/console.md") == {(name, where[only], text) for only, name, text in explained} | faults


def test_each_lane_and_mark_of_the_console_has_its_explanation() -> None:
    html = (ROOT / "web/console/index.html").read_text()
    described = re.findall(r'aria-describedby="(about-[\w-]+)"', html)
    assert sorted(described) == sorted(re.findall(r'<dd id="(about-[\w-]+)">', html))

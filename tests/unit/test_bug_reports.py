"""docs/bug-reports.md: each report is named once, and each test that it names exists."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| \[[^\]]+\]\((?P<url>\S+)\) \| .+ \| .+ \| `(?P<file>[\w./-]+)`: (?P<name>.+) \|$", re.MULTILINE)


class Row(NamedTuple):
    """A report, and the test that tries it: a file of tests/, and the test's name there."""

    url: str
    file: str
    name: str


PAGE = (ROOT / "docs/bug-reports.md").read_text()
ROWS = [Row(**row.groupdict()) for row in _ROW.finditer(PAGE)]


def test_every_row_of_the_page_is_read() -> None:
    assert len(ROWS) == PAGE.count("\n| [") >= 40


def test_a_report_is_named_once() -> None:
    assert len({row.url for row in ROWS}) == len(ROWS)


def test_a_report_is_a_public_thread() -> None:
    thread = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+")
    assert [row.url for row in ROWS if not thread.fullmatch(row.url)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.url.removeprefix("https://github.com/"))
def test_the_test_that_tries_it_is_there(row: Row) -> None:
    text = (ROOT / "tests" / row.file).read_text()
    named = f"def {row.name}(" if row.file.endswith(".py") else row.name
    quoted = {named} if row.file.endswith(".py") else {f'test("{named}"', f"test(`{named}`"}
    assert any(one in text for one in quoted)

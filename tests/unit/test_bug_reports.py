"""docs/bug-reports.md: each report is named once, and the clauses and tests that it names exist."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/bug-reports.md").read_text()
CLAUSES = set(re.findall(r"^\| \*\*(T\d+)\*\* \|", (ROOT / "docs/guarantees.md").read_text(), re.MULTILINE))
_ROW = re.compile(
    r"^\| \[(?P<label>[^\]]+)\]\((?P<url>\S+)\) \| [^|]+ \| (?P<here>[^|]+) \| (?P<clause>T\d+|—)"
    r" \| (?:`(?P<file>[\w./-]+)`: (?P<name>[^|]+)|—) \|$",
    re.MULTILINE,
)


class Row(NamedTuple):
    """A report, what this product does, and the test that tries it: a file of tests/, and the test's name there."""

    label: str
    url: str
    here: str
    clause: str
    file: str | None
    name: str | None


ROWS = [Row(**row.groupdict()) for row in _ROW.finditer(PAGE)]
TRIED = [row for row in ROWS if row.file]


@cache
def _tests(file: str) -> frozenset[str]:
    """The tests of a file: functions in Python, titles in JavaScript, which may be templates."""
    text = (ROOT / "tests" / file).read_text()
    if file.endswith(".py"):
        return frozenset(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE))
    return frozenset(title for _, title in re.findall(r"^\s*test\(([\"`])(.+?)\1,", text, re.MULTILINE))


def test_every_row_of_the_page_is_read() -> None:
    assert len(ROWS) == PAGE.count("\n| [")


def test_forty_reports_are_tried_by_a_test() -> None:
    assert len(TRIED) >= 40


def test_a_report_is_named_once() -> None:
    assert len({row.url for row in ROWS}) == len(ROWS)


def test_a_report_is_a_public_thread_and_is_named_as_it_is() -> None:
    thread = re.compile(r"https://github\.com/[\w.-]+/(?P<repository>[\w.-]+)/(?:issues|pull)/(?P<number>\d+)")
    for row in ROWS:
        found = thread.fullmatch(row.url)
        assert found, row.url
        repository, number = row.label.split(" ")
        assert found["repository"].endswith(repository)
        assert found["number"] == number


def test_its_clause_is_one_of_the_guarantees() -> None:
    assert len(CLAUSES) >= 18
    assert {row.clause for row in ROWS} <= CLAUSES | {"—"}


@pytest.mark.parametrize("row", TRIED, ids=lambda row: row.url.removeprefix("https://github.com/"))
def test_the_test_that_tries_it_is_there(row: Row) -> None:
    assert row.name in _tests(row.file or "")


def test_what_no_test_tries_is_said_not_to_be_handled() -> None:
    assert [row.url for row in ROWS if not row.file and "**not handled**" not in row.here] == []

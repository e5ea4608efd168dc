"""One version: pyproject.toml says it, and whatever is deployed, published or written says the same."""

from __future__ import annotations

import json
import re
import tomllib

from typing_relay.platforms.shared import http
from typing_relay.version import VERSION

from tests.support.template import ROOT, TEMPLATE

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
#: `## [1.2.3] - 2026-01-31`
RELEASES = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", CHANGELOG, flags=re.MULTILINE)


def test_the_package_is_of_this_release() -> None:
    assert PROJECT["version"] == VERSION


def test_the_lock_is_of_this_release() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    assert [p["version"] for p in packages if p["name"] == PROJECT["name"]] == [VERSION]


def test_a_deployment_says_its_release() -> None:
    assert TEMPLATE["Outputs"]["Version"]["Value"] == VERSION


def test_the_front_end_module_is_of_this_release() -> None:
    assert json.loads((ROOT / "web/package.json").read_text())["version"] == VERSION


def test_the_python_client_is_of_this_release() -> None:
    assert tomllib.loads((ROOT / "web/python/pyproject.toml").read_text())["project"]["version"] == VERSION


def test_cxone_is_told_who_calls_in_which_release() -> None:
    assert http.session().headers["User-Agent"] == f"typing-relay/{VERSION}"


def test_the_changelog_ends_with_this_release() -> None:
    """Newest first; what is to come is above it."""
    assert RELEASES[0] == VERSION
    assert CHANGELOG.index("## [Unreleased]") < CHANGELOG.index(f"## [{VERSION}]")


def test_the_changelog_has_the_sections_of_keep_a_changelog_only() -> None:
    sections = set(re.findall(r"^### (.*)$", CHANGELOG, flags=re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}

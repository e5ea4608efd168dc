"""The parts of a talk: each has its own state, and calls between them run one way."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from typing_relay.platforms.digital_first import talk, talk_parts
from typing_relay.platforms.digital_first.talk_parts.state import TalkState

PARTS = {file.stem: ast.parse(file.read_text()) for file in Path(talk_parts.__path__[0]).glob("*.py")}
TALK = ast.parse(Path(talk.__file__).read_text())
#: As the package's docstring lists them, from whoever calls to whoever is called; ``state`` is read by all.
IN_ORDER = re.findall(r"^    (\w+)  ", talk_parts.__doc__ or "", flags=re.MULTILINE)


def of_others(tree: ast.Module) -> Iterator[ast.Attribute]:
    """Attributes of anything but ``self``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            yield node


def imported(tree: ast.Module) -> set[str]:
    """Parts that this file imports."""
    package = f"{talk_parts.__name__}."
    modules = (node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {module.removeprefix(package) for module in modules if module.startswith(package)}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_writes_its_own_state_alone(part: str) -> None:
    """How the talk stands is read by all parts, and written by the talk."""
    assert [node.attr for node in of_others(PARTS[part]) if isinstance(node.ctx, ast.Store)] == []


def test_the_talk_writes_nothing_of_a_part_but_how_it_stands() -> None:
    written = {node.attr for node in of_others(TALK) if isinstance(node.ctx, ast.Store)}
    assert written == {field.name for field in fields(TalkState)} - {"host"}


@pytest.mark.parametrize("file", ["talk", *sorted(PARTS)])
def test_nobody_reaches_into_anothers_private_state(file: str) -> None:
    tree = TALK if file == "talk" else PARTS[file]
    assert [node.attr for node in of_others(tree) if node.attr.startswith("_") and not node.attr.endswith("__")] == []


def test_the_packages_docstring_lists_every_part() -> None:
    assert sorted([*IN_ORDER, "state", "__init__"]) == sorted(PARTS)


@pytest.mark.parametrize("part", IN_ORDER)
def test_a_part_calls_those_below_it_in_that_list(part: str) -> None:
    below = IN_ORDER[IN_ORDER.index(part) + 1 :]
    assert imported(PARTS[part]) <= {*below, "state"}

"""The package's rooms: which may know which. Imports are read from the source, those inside functions too."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from typing_relay.platforms.registry import FOLDERS

PACKAGE = Path(__file__).parents[2] / "layers/typing_relay/typing_relay"
#: Room, or file beside the rooms -> the rooms it may import from, in addition to itself.
MAY_IMPORT = {
    "version": set(),
    "deadline": set(),
    "wire": set(),
    "plain_url": set(),
    "relay": set(),
    "platforms.shared": {"relay", "version", "deadline", "wire", "plain_url"},
    "aws": {"relay", "deadline", "wire", "plain_url"},
    "door": {"relay", "deadline", "wire", "plain_url"},
    "reporting": {"relay"},
    "logs": set(),
    "keeper.counters": set(),
    "keeper.ports": {"relay"},
    "keeper.io": set(),
    "keeper.health": {"keeper.io"},
    "keeper.visitors": {"keeper.io", "keeper.counters", "keeper.ports", "aws", "door", "relay"},
    "keeper.guests": {
        *("keeper.visitors", "keeper.io", "keeper.counters", "keeper.ports"),
        *("platforms.shared", "aws", "relay"),
    },
    "keeper.sweeping": {"keeper.io", "keeper.counters", "keeper.ports", "aws", "relay"},
    "environment": {"aws"},
    "platforms.platform": {"keeper.guests", "keeper.visitors", "keeper.io", "keeper.counters", "aws", "relay"},
    "platforms.webchat": {
        *("keeper.guests", "keeper.io", "keeper.counters", "keeper.ports"),
        *("platforms.platform", "platforms.shared", "environment", "aws", "relay"),
    },
    "platforms.digital_first": {
        *("keeper.guests", "keeper.visitors", "keeper.io", "keeper.counters"),
        *("platforms.platform", "platforms.shared", "environment", "aws", "door", "relay", "plain_url"),
    },
    "platforms.registry": {"platforms.platform"},
    "runtime": {"plain_url", "environment", "aws", "platforms.platform", "platforms.registry", "door", "logs", "relay"},
}
#: What Lambda loads, before or at its first call: the keeper's libraries are not there.
IN_FUNCTIONS = (
    "typing_relay.runtime",
    "typing_relay.platforms.webchat.configured",
    *(f"typing_relay.platforms.{folder}.platform" for folder in FOLDERS.values()),
)


def path_of(room: str) -> Path:
    """The room's folder, or the file of that name."""
    path = PACKAGE / room.replace(".", "/")
    return path if path.is_dir() else path.with_suffix(".py")


def room_of(name: str) -> str:
    """The room of a dotted name, which may go on into a file, and to what stands in it."""
    return next(room for room in MAY_IMPORT if f"{name}.".startswith(f"typing_relay.{room}."))


def imported_by(room: str) -> Iterator[str]:
    """Dotted names of all that the files of ``room`` import."""
    path = path_of(room)
    for file in path.rglob("*.py") if path.is_dir() else [path]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{file}: a relative import hides its room"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_arrows_between_rooms_run_one_way(room):
    """functions -> runtime -> platforms -> keeper -> aws -> relay; door -> relay."""
    entered = {room_of(name) for name in imported_by(room) if name.startswith("typing_relay.")}
    assert entered <= {room} | MAY_IMPORT[room]


def test_no_arrows_run_in_a_circle():
    assert list(TopologicalSorter(MAY_IMPORT).static_order())


def test_every_room_has_its_arrows():
    """A new room, or a file beside them, must say what it may know."""
    houses = {"keeper", "platforms"}
    found = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"} - houses
    for house in houses:
        found |= {f"{house}.{path.stem}" for path in (PACKAGE / house).iterdir() if path.stem[0] != "_"}
    assert found - {"__init__", "__pycache__"} == MAY_IMPORT.keys()


@pytest.mark.parametrize("module", IN_FUNCTIONS)
def test_functions_load_nothing_of_the_keeper(module):
    """A cold start pays for each import."""
    code = f"import sys, {module}; print([name for name in sys.modules if 'typing_relay.keeper' in name])"
    layer = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=layer, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "[]"


def test_the_rules_import_nothing_but_the_standard_library_and_themselves():
    """Pure: the same code runs in Lambda and in the simulation."""
    top_levels = {name.split(".")[0] for name in imported_by("relay")}
    assert top_levels - {"typing_relay"} <= sys.stdlib_module_names

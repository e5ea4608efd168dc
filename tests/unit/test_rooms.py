"""The package's rooms: which may know which. Imports are read from the source, those inside functions too."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "layers/typing_relay/typing_relay"
#: Room or file of the top floor -> the rooms it may import from, besides itself.
MAY_IMPORT = {
    "version": set(),
    "deadline": set(),
    "wire": set(),
    "plain_url": set(),
    "relay": set(),
    "cxone": {"relay", "version", "deadline", "wire", "plain_url"},
    "aws": {"cxone", "relay", "deadline", "wire", "plain_url"},
    "door": {"relay", "deadline", "wire", "plain_url"},
    "reporting": {"relay"},
    "logs": set(),
    "runtime": {"aws", "cxone", "door", "logs", "relay"},
    "keeper": {"runtime", "aws", "cxone", "door", "relay"},
}


def imported_by(room: str) -> Iterator[str]:
    """Dotted names of all that the files of ``room`` import."""
    for file in [*(PACKAGE / room).rglob("*.py"), *PACKAGE.glob(f"{room}.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{file}: a relative import hides its room"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_arrows_between_rooms_run_one_way(room):
    """functions, keeper -> runtime -> aws -> cxone -> relay; door -> relay."""
    entered = {name.split(".")[1] for name in imported_by(room) if name.startswith("typing_relay.")}
    assert entered <= {room} | MAY_IMPORT[room]


def test_every_room_has_its_arrows():
    """A new room, or a file beside them, must say what it may know."""
    found = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert found - {"__init__", "__pycache__"} == MAY_IMPORT.keys()


def test_the_rules_import_nothing_but_the_standard_library_and_themselves():
    """Pure: the same code runs in Lambda and in the simulation."""
    top_levels = {name.split(".")[0] for name in imported_by("relay")}
    assert top_levels - {"typing_relay"} <= sys.stdlib_module_names

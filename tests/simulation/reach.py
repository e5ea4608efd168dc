"""How much of keeper and conversation the simulation enters: what no history meets is not proven by it."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from inspect import CO_NEWLOCALS
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.simulation.mutation import CORE

ROOT = Path(__file__).parents[2]
#: The rules of a guest and of a conversation, and what carries them out.
DIGITAL_FIRST = ROOT / CORE / "platforms/digital_first"
FOLDERS = (DIGITAL_FIRST / "conversation", DIGITAL_FIRST / "talk_parts")
FILES = (
    *(str(ROOT / CORE / f"keeper/guests/{name}.py") for name in ("guest", "hand", "held_sockets", "keeper")),
    *(str(DIGITAL_FIRST / f"{name}.py") for name in ("owners", "mailbox", "channel_context", "talk")),
    *(str(file) for folder in FOLDERS for file in sorted(folder.glob("*.py"))),
)


@dataclass
class Reach:
    """The lines of each file's functions, and which of them were carried out."""

    carried_out: dict[str, set[int]] = field(default_factory=lambda: {file: set() for file in FILES})
    #: Of each function that was called, the lines that were not: one without any is traced no more.
    _not_yet: dict[CodeType, set[int]] = field(default_factory=dict)

    def measure(self, play: Callable[[], object]) -> None:
        """Carry ``play`` out and note what it reaches."""
        sys.settrace(self._enter)
        try:
            play()
        finally:
            sys.settrace(None)

    def shares(self) -> dict[str, float]:
        """By file name, the share of the lines in functions that were carried out, from 0 to 1.

        The files of each of ``FOLDERS`` count as one, by its name.
        """
        together: dict[str, list[str]] = {}
        for file in FILES:
            path = Path(file)
            together.setdefault(path.parent.name if path.parent in FOLDERS else path.name, []).append(file)
        return {name: self._share(files) for name, files in together.items()}

    def never_entered(self) -> set[str]:
        """Functions of which no line was carried out: file and qualified name."""
        return {
            f"{Path(file).stem}.{name}"
            for file in FILES
            for name, lines in _functions(_code_of(file))
            if lines and not lines & self.carried_out[file]
        }

    def _share(self, files: list[str]) -> float:
        lines = {(file, line) for file in files for _, lines in _functions(_code_of(file)) for line in lines}
        return sum(line in self.carried_out[file] for file, line in lines) / len(lines)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if code not in self._not_yet:
            is_measured = code.co_filename in self.carried_out
            self._not_yet[code] = _lines_of(code) if is_measured else set()
        not_yet = self._not_yet[code]
        if not not_yet:
            return None
        carried_out = self.carried_out[code.co_filename]

        def note(frame: FrameType, event: str, argument: Any) -> Any:
            carried_out.add(frame.f_lineno)
            not_yet.discard(frame.f_lineno)
            return note

        return note


@cache
def _code_of(file: str) -> CodeType:
    return compile(Path(file).read_text(), file, "exec")


def _functions(code: CodeType) -> Iterator[tuple[str, set[int]]]:
    """Each function in ``code``, those within others too, with the lines of its body."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_flags & CO_NEWLOCALS and not inner.co_name.startswith("<"):
                yield inner.co_qualname, _lines_of(inner)
            yield from _functions(inner)


def _lines_of(code: CodeType) -> set[int]:
    """Of its body."""
    return {line for _, line in dis.findlinestarts(code) if line} - {code.co_firstlineno}

"""Reads a Dockerfile, as far as the keeper's needs it: instructions, one after another."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """``name`` in capitals, as RUN; ``text`` is what follows it, continuation lines joined."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words of the text; of the JSON form, its strings."""
        return list(json.loads(self.text)) if self.text.startswith("[") else self.text.split()


def stages(dockerfile: Path) -> list[list[Instruction]]:
    """The instructions of each stage, FROM being the first of each."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    found: list[list[Instruction]] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(" ")
        if name == "ARG" and not found:
            continue  # for the FROM lines
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, rest.strip()))
    return found

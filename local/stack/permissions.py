"""Calls of AWS that the template's roles made on the local stack, granted or refused: a file of JSON lines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "permissions.log"
_OF_A_CONNECTION = "/@connections/"


@dataclass(frozen=True)
class Call:
    """`role` did, or was not let do, `action` (`dynamodb:GetItem`) on `resource` (an ARN)."""

    role: str
    action: str
    resource: str
    granted: bool

    @classmethod
    def of(cls, principal_arn: str, action: str, resource: str, granted: bool) -> Call:
        """By the ARN of an assumed role. All connections of an API count as one."""
        api, mark, _ = resource.partition(_OF_A_CONNECTION)
        return cls(principal_arn.split("/")[1], action, f"{api}{mark}{'any' if mark else ''}", granted)

    def __str__(self) -> str:
        return f"{self.role} may not {self.action} on {self.resource}: template.yaml does not permit it"


class Noted:
    """Writes each call once, however often it is made."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._known: set[Call] = set()

    def note(self, call: Call) -> None:
        """Add a line, unless it is there."""
        if call in self._known:
            return
        self._known.add(call)
        with self._log.open("a") as file:
            file.write(json.dumps(asdict(call)) + "\n")


def noted(log: Path) -> list[Call]:
    """All calls in the file, in the order in which each was first made; none where there is no file."""
    if not log.exists():
        return []
    return [Call(**json.loads(line)) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]

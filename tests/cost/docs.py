"""The counted parts of the docs, between their markers, and what `make load` reckons with.

`python -m tests.cost.docs` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from local.load.bill import BILL
from tests.cost import crowd, custody, frames, message, month, quotas, report, visit, worst
from tests.cost.columns import Column, columns

DOCS = Path(__file__).parents[2] / "docs"
PARTS: dict[str, dict[str, Callable[[Mapping[str, Column]], str]]] = {
    "cost.md": {
        "load": report.load_text,
        "bursts": report.bill_table,
        "counted": report.counted_table,
        "questions": report.questions_text,
        "memory": report.memory_text,
        "crowd": crowd.crowd_table,
        "visit": visit.visit_table,
        "frames": frames.frames_table,
        "hours": report.hours_table,
        "idle": report.idle_table,
        "fixed": month.fixed_table,
        "nat": month.nat_text,
        "month-v1": month.month_table("v1"),
        "month-dfo": month.month_table("dfo"),
        "worst": worst.worst_table,
        "message": message.message_table,
    },
    "decisions.md": {"custody": custody.custody_table},
    "operations.md": {"capacity": report.capacity_text, "quotas": quotas.quotas_table},
}


class MarkerMissing(LookupError):
    """A file has no place for a counted part, or more than one. The message names both."""


def counted_anew(name: str, text: str, counted: Mapping[str, Column]) -> str:
    """``text`` of the docs' file ``name`` with its counted parts as they are now. Raises MarkerMissing."""
    for part, write in PARTS[name].items():
        between = re.compile(rf"(<!-- counted: {part} -->\n).*?(<!-- /counted -->)", re.DOTALL)
        written = write(counted)
        text, places = between.subn(lambda found, written=written: f"{found[1]}{written}\n{found[2]}", text)
        if places != 1:
            raise MarkerMissing(f"docs/{name} must have one place for {part!r}, not {places}.")
    return text


def main() -> None:
    """Play, and write."""
    counted = columns()
    for name in PARTS:
        file = DOCS / name
        file.write_text(counted_anew(name, file.read_text(), counted))
    BILL.write_text(report.bill_of_a_load(counted))


if __name__ == "__main__":
    main()

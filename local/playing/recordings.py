"""Recordings of real people writing: when each pressed a key, never which key (tests/data/README.md)."""

from __future__ import annotations

import json
from pathlib import Path

RECORDINGS = Path(__file__).resolve().parents[2] / "tests/data/typing.jsonl"


def recordings() -> dict[str, list[int]]:
    """Name of each recording -> ms from each key to the next."""
    lines = map(json.loads, RECORDINGS.read_text().splitlines())
    return {line["trace"]: line["gaps_ms"] for line in lines}

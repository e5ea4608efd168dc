"""The program with the client in Python that docs/front-end.md shows, as it stands there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Where the package is, for a program of its own.
PACKAGE = ROOT / "clients/python"


def program() -> str:
    """Its text."""
    section = (ROOT / "docs/front-end.md").read_text().partition("\n## In Python\n")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found, "docs/front-end.md shows no program with the client in Python"
    return found[1]

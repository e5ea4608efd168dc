"""The client in Python that docs/front-end.md shows, as it stands there."""

import re
from pathlib import Path
from types import ModuleType

GUIDE = Path(__file__).parents[2] / "docs/front-end.md"


def source() -> str:
    """Its text."""
    section = GUIDE.read_text().partition("\n## In Python\n")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found, f"{GUIDE} shows no client in Python"
    return found[1]


def shown() -> ModuleType:
    """It, as a module; its program does not run."""
    module = ModuleType("visitor")
    exec(compile(source(), str(GUIDE), "exec"), module.__dict__)
    return module

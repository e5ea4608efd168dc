"""Functions are not packages: each is the file app.py of its folder, loaded as Lambda would."""

import importlib.util
from pathlib import Path
from types import ModuleType

FUNCTIONS = Path(__file__).parents[2] / "functions"


def load_function(name: str) -> ModuleType:
    """A fresh module of functions/`name`/app.py: what it reads at import, it reads now."""
    spec = importlib.util.spec_from_file_location(f"{name}_app", FUNCTIONS / name / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

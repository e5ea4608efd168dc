"""The drill of CONTRIBUTING: a third platform is added to a copy of the project, and a visitor types on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.third_platform import FOLDER, PLACES, REGISTRATION

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules")


@pytest.fixture(scope="module")
def came_of_it(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    project = tmp_path_factory.mktemp("project")
    for name in ("functions", "layers", "local", "web"):
        shutil.copytree(ROOT / name, project / name, ignore=LEFT_OUT)
    for name in ("template.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, project / name)
    for here, place in PLACES.items():
        shutil.copytree(FOLDER / here, project / place, ignore=LEFT_OUT, dirs_exist_ok=True)
    for name, change in REGISTRATION.items():
        before = (project / name).read_text()
        (project / name).write_text(change(before))
        assert (project / name).read_text() != before, f"{name} is changed no more: mend the drill"
    played = subprocess.run(
        [sys.executable, FOLDER / "play.py"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": f"{project / 'layers/typing_relay'}:{project}"},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert played.returncode == 0, played.stderr[-3000:]
    answer: dict[str, Any] = json.loads(played.stdout)
    return answer


@pytest.mark.timeout(180)
def test_each_burst_is_told_once(came_of_it: dict[str, Any]) -> None:
    """T1: its beginning; the end is nothing that this platform can be told."""
    assert came_of_it["told"] == {"guests": 1, "typing": [came_of_it["guest"]] * 2}


def test_the_relay_knows_that_it_is_over(came_of_it: dict[str, Any]) -> None:
    """What fades by itself counts as put out, and no owner is left."""
    assert came_of_it["shown"] is False


def test_nothing_fails(came_of_it: dict[str, Any]) -> None:
    """No function raised anything."""
    assert came_of_it["failed"] == []

"""The Dockerfile's own commands in a plain folder: they install what the keeper needs, and it starts and stops."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.dockerfile import Instruction, stages
from tests.support.keeper_stage import KeeperProcess, Stage, stage

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "functions" / "guest_keeper" / "Dockerfile"


class Image:
    """The image's file system below a folder. Carries out COPY, RUN and ENV there; paths are moved into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        base = folder / "base"
        subprocess.run([sys.executable, "-m", "venv", base], check=True)
        self.environment = {"PATH": f"{base / 'bin'}:/usr/bin:/bin", "HOME": str(folder / "nowhere")}
        self.command: list[str] = []
        for instruction in (instruction for one in stages(DOCKERFILE) for instruction in one):
            self._carry_out(instruction)

    def files(self) -> set[Path]:
        return {path for path in (self.folder / "opt").rglob("*") if path.is_file()}

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction.name:
            case "RUN":
                subprocess.run(["/bin/sh", "-ec", self._inside(instruction.text)], env=self.environment, check=True)
            case "COPY" if "--from" not in instruction.text:
                source, target = instruction.words
                self._copy(ROOT / source, Path(self._inside(target)))
            case "ENV":
                for setting in instruction.words:
                    name, _, value = setting.partition("=")
                    self.environment[name] = self._inside(value).replace("$PATH", self.environment["PATH"])
            case "CMD":
                self.command = instruction.words

    def _copy(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)

    def _inside(self, text: str) -> str:
        for top in ("/opt/", "/build/", "/usr/local/"):
            text = text.replace(top, f"{self.folder}{top}")
        return text


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture
def keeper(image: Image, scene: Stage) -> Iterator[KeeperProcess]:
    settings = {name: value for name, value in scene.environment().items() if name not in os.environ}
    settings |= image.environment | {"KEEPER_HEALTH_PORT": "0"}
    started = KeeperProcess(settings, image.command, image.folder / "opt" / "app")
    yield started
    started.stop()


def contents(image: Image) -> dict[str, str]:
    """A digest of each file, by its path in the image."""
    return {str(path.relative_to(image.folder)): sha256(path.read_bytes()).hexdigest() for path in image.files()}


def test_two_builds_of_the_same_sources_hold_the_same_bytes(tmp_path: Path) -> None:
    """Whoever builds a release again can compare: no file tells when it was built."""
    first = contents(Image(tmp_path / "image"))
    shutil.move(tmp_path / "image", tmp_path / "before")
    assert contents(Image(tmp_path / "image")) == first


def test_the_image_starts_answers_its_health_check_and_writes_no_file(image: Image, keeper: KeeperProcess) -> None:
    before = image.files()
    port = keeper.wait_for_line("guest keeper ready")["health_port"]
    [check] = [i.text.partition("CMD ")[2] for i in stages(DOCKERFILE)[-1] if i.name == "HEALTHCHECK"]
    healthy = subprocess.run(
        Instruction("CMD", check).words,
        env=image.environment | {"KEEPER_HEALTH_PORT": str(port)},
        check=False,
    )
    keeper.signal(signal.SIGTERM)
    assert (healthy.returncode, keeper.wait()) == (0, 0)
    assert image.files() == before

"""The keeper's Dockerfile: what must be true of the image, as far as the file tells."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.dockerfile import Instruction, stages

ROOT = Path(__file__).resolve().parents[3]
KEEPER = ROOT / "functions" / "guest_keeper"
FINAL = stages(KEEPER / "Dockerfile")[-1]


def named(name: str) -> list[Instruction]:
    return [instruction for instruction in FINAL if instruction.name == name]


def test_the_linter_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    linted = subprocess.run([linter, KEEPER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_it_runs_as_a_user_that_is_not_root() -> None:
    [user] = named("USER")
    assert int(user.text.partition(":")[0]) >= 1000


def test_the_final_stage_installs_nothing() -> None:
    commands = " ".join(instruction.text for instruction in named("RUN"))
    assert not re.search(r"\b(pip|apt-get|curl|wget)\b(?!\*)", commands)


def test_the_installer_of_the_base_image_is_removed() -> None:
    assert "/usr/local/bin/pip*" in named("RUN")[0].words


def test_packages_are_checked_against_hashes_and_none_is_built() -> None:
    [install] = [i for i in stages(KEEPER / "Dockerfile")[0] if "install" in i.words]
    assert {"--require-hashes", "--only-binary"} <= set(install.words)


def test_the_program_is_the_process_itself_so_that_it_gets_sigterm() -> None:
    [command] = named("CMD")
    assert command.words == ["python", "app.py"]


def test_nothing_but_what_the_image_needs_is_sent_to_the_build() -> None:
    lines = (KEEPER / "Dockerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    copied = {word for i in FINAL if i.name == "COPY" and "--from" not in i.text for word in i.words[:-1]}
    assert rules[0] == "*"
    assert copied <= {rule.removeprefix("!") for rule in rules}


REQUIRED = re.findall(r"^([a-z0-9-]+)==(\S+)", (KEEPER / "requirements.txt").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_every_package_has_a_wheel_for_the_image(architecture: str) -> None:
    locked = {
        (package["name"], package.get("version")): package
        for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    fits = re.compile(rf"py3-none-any\.whl$|-cp3(13-cp313|\d+-abi3)-manylinux\S*{architecture}")
    lacking = [
        name
        for name, version in REQUIRED
        if not any(fits.search(wheel["url"]) for wheel in locked[name, version].get("wheels", []))
    ]
    assert REQUIRED
    assert lacking == []

"""The audit of packages for known vulnerabilities: it fails where there are some, and says so where it cannot know."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOUND = "echo 'requests 2.19.1 CVE-2018-18074'; exit 1"


@pytest.fixture
def audit(tmp_path: Path):
    def run(of_the_probe: str, of_ours: str) -> subprocess.CompletedProcess[str]:
        """The script, with a pip-audit that answers so of the release known to be bad, and so of what is deployed."""
        program = tmp_path / "pip-audit"
        program.write_text(f'#!/bin/sh\ncase "$*" in *vulnerable.txt) {of_the_probe};; *) {of_ours};; esac\n')
        program.chmod(0o755)
        script = ROOT / "local/setup/audit.sh"
        return subprocess.run(
            [script], env=os.environ | {"PIP_AUDIT": str(program)}, capture_output=True, text=True, check=False
        )

    return run


def test_a_vulnerable_package_fails_it(audit) -> None:
    done = audit(FOUND, "echo 'urllib3 2.0.0 CVE-2023-43804'; exit 1")
    assert (done.returncode, "CVE-2023-43804" in done.stdout, "Left out" in done.stdout) == (1, True, False)


def test_clean_packages_pass_it(audit) -> None:
    done = audit(FOUND, "echo 'No known vulnerabilities found'")
    assert (done.returncode, "Left out" in done.stdout) == (0, False)


def test_a_database_out_of_reach_leaves_it_out_aloud(audit) -> None:
    done = audit("echo unreachable >&2; exit 1", "exit 0")
    assert (done.returncode, done.stdout.startswith("Left out: pip-audit.")) == (0, True)


def test_a_database_that_knows_nothing_clears_nobody(audit) -> None:
    done = audit("echo 'No known vulnerabilities found'", "exit 0")
    assert done.stdout.startswith("Left out: pip-audit.")

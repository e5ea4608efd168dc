"""`make rehearsal ON=emulator`: SAM builds, deploys, updates and rolls back; visitors type; all of it is deleted.

Where there is no SAM CLI, or no Python 3.13 for it, there is nothing to rehearse.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack.deploy import ROOT
from tests.support.left_out import leave_out

SAM = ROOT / ".venv-sam/bin/sam"
PATIENCE_S = 420.0
#: SAM is run four times, on a machine that other tests share.
pytestmark = pytest.mark.timeout(PATIENCE_S + 60)


RUNS = ("0d0f", "0d1f")


@pytest.fixture(autouse=True)
def nothing_is_left_here() -> Iterator[None]:
    yield
    for run in RUNS:
        shutil.rmtree(ROOT / ".local/rehearsal" / run, ignore_errors=True)


@pytest.fixture(autouse=True)
def sam_can_build() -> None:
    python = shutil.which("python3.13")
    if not SAM.exists() or not python or subprocess.run([python, "--version"], capture_output=True).returncode:
        leave_out("needs the SAM CLI and Python 3.13")


def start(output: Path, **given: str) -> subprocess.Popen[bytes]:
    """It runs, on a machine whose credentials must be of no use to it."""
    forbidden = {
        "AWS_ACCESS_KEY_ID": "AKIAOWNERSOWN",
        "AWS_SECRET_ACCESS_KEY": "owner",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "local.commands.rehearsal"],
            cwd=ROOT,
            env=os.environ | forbidden | {"ON": "emulator"} | given,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def verdicts(printed: str) -> dict[str, str]:
    """The mark of each step, by its title, as the closing list says."""
    return {title: mark for mark, title in re.findall(r"^  ([✓✗–]) (\S.*?) +\d+\.\d s$", printed, re.MULTILINE)}


def test_digital_first_goes_from_preflight_to_deletion_as_in_an_account(tmp_path: Path) -> None:
    """What the emulator cannot show is listed with its reason."""
    output = tmp_path / "printed"
    rehearsal = start(output, PLATFORMS="dfo", VISITORS="3", MINUTES="0.1", RUN=RUNS[0])
    status, printed = rehearsal.wait(PATIENCE_S), output.read_text()
    found = verdicts(printed)
    assert status == 0, printed
    assert {title for title, mark in found.items() if mark != "✓"} == {"dfo: alarms that fire"}
    assert len(found) == 13, printed
    assert re.search(r"versions +Connection 1 → 2, Keystroke 1 → 2", printed)
    assert re.search(r"versions +Connection 2 → 3, Keystroke 2 → 3", printed)
    assert len(re.findall(r"✓ CXone +true \d", printed)) == 3  # as deployed, updated and rolled back
    assert "typing-relay-rehearsal-dfo-0d0f/ (packed code" in printed
    unseen = re.findall(r"^ {6}– (\S.*[^\d ] .*)$", printed, re.MULTILINE)
    reasons = ("not looked at", "the emulator takes no", "no service of ECS")
    unexplained = [text for text in unseen if not any(reason in text for reason in reasons)]
    assert len(unseen) > 5
    assert [text for text in unexplained if not re.fullmatch(r"\d+\.\d s", text)] == []
    assert "AKIAOWNERSOWN" not in printed
    assert "eyJ" not in printed  # with which every token begins


def test_interrupted_at_a_dry_tenant_it_deletes_the_stack_and_says_what_is_left(tmp_path: Path) -> None:
    """What can be seen at a tenant that refuses has been seen by then."""
    output = tmp_path / "printed"
    rehearsal = start(output, PLATFORMS="v1", TENANT="dry", RUN=RUNS[1])
    deadline = time.monotonic() + PATIENCE_S
    while "v1: update" not in output.read_text():
        assert rehearsal.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
    rehearsal.send_signal(signal.SIGINT)
    status, printed = rehearsal.wait(PATIENCE_S), output.read_text()
    assert status == 1, printed
    found = verdicts(printed)
    assert found["v1: smoke"] == found["v1: refusal"] == "✓", printed
    assert "guest         CXone gives no guest" in printed or "guest         not open after" in printed
    assert "CXone created no guest" in printed
    assert found["v1: delete"] == "✓", printed
    assert "v1: roll back" not in found
    assert "What is left:" in printed
    assert "\nStopped." in printed

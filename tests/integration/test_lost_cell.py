"""`make load CELLS=2`: two stacks as cells, of which one is killed. Small, but whole."""

import os
import re
import subprocess
import sys

from local.load.tally import ENDED, PING, SHOWN
from local.stack.deploy import ROOT


def test_who_was_in_the_lost_cell_types_on_in_the_other_and_nobody_else_feels_it() -> None:
    """The command judges; here only that it measured what it judges by."""
    settings = {"CELLS": "2", "VISITORS": "8", "MINUTES": "0.4", "A_SECOND": "8"}
    done = subprocess.run(
        [sys.executable, "-m", "local.commands.load"],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    assert "eyJ" not in printed  # with which every token begins
    moved = re.search(r"moved +(\d+) of (\d+) of cell-2 could type again", printed)
    assert moved
    assert moved[1] == moved[2] != "0"
    [*_, others] = printed.split("\n  others\n")
    for name in (PING, SHOWN, ENDED):
        [before, after] = re.findall(rf"^    {name} .* (\d+) .* (\d+)$", others, re.MULTILINE)[0]
        assert int(before) > 0 < int(after), name

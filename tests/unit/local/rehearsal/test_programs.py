"""How the rehearsal runs SAM."""

import os
import sys
import tempfile
from pathlib import Path

from local.rehearsal.programs import run


def test_what_a_program_says_goes_to_the_log_and_its_end_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = "for n in range(20): print('line', n)\nraise SystemExit(3)"
    status, tail = run([sys.executable, "-c", program], os.environ, log)
    assert (status, tail.splitlines()) == (3, [f"line {number}" for number in range(5, 20)])
    assert log.read_text().startswith("line 0\n")


def test_what_a_program_leaves_in_its_temporary_folder_is_removed(tmp_path: Path) -> None:
    """`sam deploy` leaves a copy of each function there."""
    status, left = run(
        [sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp())"], os.environ, tmp_path / "log"
    )
    assert status == 0
    assert not Path(left).parent.exists()
    assert Path(left).parent != Path(tempfile.gettempdir())

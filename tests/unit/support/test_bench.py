"""`make bench`: benchmarks do not meet each other."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import ROOT, run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a benchmark can be imported from."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def benchmark(folder: Path, name: str, text: str) -> str:
    (folder / f"{name}.py").write_text(f"import os, sys\ndef main(): {text}")
    return name


def test_what_one_benchmark_sets_the_next_does_not_see(folder: Path) -> None:
    first = benchmark(folder, "sets", "os.environ['AWS_ENDPOINT_URL'] = 'http://127.0.0.1:9'")
    second = benchmark(folder, "sees", "return 'AWS_ENDPOINT_URL' in os.environ")
    assert [run(first), run(second)] == [0, 0]


def test_one_that_misses_its_goals_fails(folder: Path) -> None:
    assert run(benchmark(folder, "misses", "return True")) == 1


def test_one_that_raises_fails(folder: Path) -> None:
    assert run(benchmark(folder, "raises", "raise OSError('no such peer')")) == 1


def test_one_is_given_no_arguments(folder: Path) -> None:
    """Those of `make bench` are the benchmarks' names."""
    assert run(benchmark(folder, "asks", "return sys.argv[1:] != []")) == 0


def test_sigterm_ends_the_benchmark_that_runs_and_none_begins(folder: Path) -> None:
    """As whoever stops `make bench` wants it."""
    benchmark(folder, "waits", "import time; print('begun', flush=True); time.sleep(60)")
    benchmark(folder, "follows", "print('begun, too')")
    program = (
        "from tests.benchmarks.__main__ import end_by_sigterm, run; end_by_sigterm(); run('waits'); run('follows')"
    )
    running = subprocess.Popen((sys.executable, "-c", program), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert running.stdout
    assert running.stdout.readline() == "begun\n"
    running.terminate()
    assert running.communicate()[0] == ""
    assert running.returncode == 128 + signal.SIGTERM

"""`make bench`: benchmarks do not meet each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.__main__ import ROOT, run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a benchmark can be imported from."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
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

"""How all tests are run."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.run import LOWEST_PRIORITY, Part, parts, together

ROOT = Path(__file__).parents[3]


def says(text: str, code: int = 0) -> Part:
    """A part that prints ``text``, a line each, and ends with ``code``."""
    return Part((sys.executable, "-c", f"print({text!r}); raise SystemExit({code})"))


def test_each_line_says_whose_it_is_and_the_last_of_each_part_comes_once_more() -> None:
    out = io.StringIO()
    assert together({"one": says("begins\n1 passed"), "another": says("2 passed")}, out) == 0
    *lines, last_of_one, last_of_another = out.getvalue().splitlines()
    assert sorted(lines) == ["another | 2 passed", "one     | 1 passed", "one     | begins"]
    assert (last_of_one, last_of_another) == ("1 passed", "2 passed")


@pytest.mark.parametrize("codes", [(1, 0), (0, 1)])
def test_it_fails_when_a_part_does_and_the_other_comes_to_its_end(codes: tuple[int, int]) -> None:
    out = io.StringIO()
    assert together({"one": says("1 failed", codes[0]), "another": says("2 passed", codes[1])}, out) == 1
    assert "another | 2 passed" in out.getvalue()


def test_which_tests_failed_is_said_once_more_the_first_ten_of_each_part() -> None:
    """They may stand thousands of lines above the end."""
    out = io.StringIO()
    failed = [f"FAILED tests/test_door.py::test_{number} - why" for number in range(12)]
    logged = "ERROR    typing_relay.door:door.py:4 refused"
    summary = "\n".join([logged, *failed, "12 failed"])
    error = "ERROR tests/test_page.py - " + "no browser " * 100
    together({"one": says(f"{error}\n1 error", 1), "another": says(summary, 1)}, out)
    *_, of_one, ends = out.getvalue().partition("one: ")[1:]
    first, *others = (of_one + ends).removeprefix("one: ").splitlines()
    assert (first, len(first)) == (error[:200], 200)
    named = [f"another: {line}" for line in failed[:10]]
    assert others == [*named, "another: … and 2 more", "1 error", "12 failed"]


def test_the_simulation_alone_has_the_lowest_priority() -> None:
    """Tests that measure time are not slowed by it."""
    niceness = Part((sys.executable, "-c", "import os; print(os.nice(0))"), LOWEST_PRIORITY)
    out = io.StringIO()
    together({"one": niceness}, out)
    assert out.getvalue().splitlines()[-1] == str(LOWEST_PRIORITY)
    assert [part.niceness for part in parts(()).values()] == [LOWEST_PRIORITY, 0]


def test_the_gate_runs_the_checks_beside_the_tests_and_the_demo_after_those_that_measure_time() -> None:
    """Neither is pytest's, and the last lines are."""
    gate = parts(["--gate", "-m", ""])
    assert list(gate) == ["checks", "demo", "simulation", "others"]
    assert {name: part.after for name, part in gate.items() if part.after} == {"demo": "others"}
    assert "--gate" not in gate["simulation"].command
    assert list(parts(["-m", ""])) == ["simulation", "others"]


def test_a_part_begins_when_the_one_before_it_is_over() -> None:
    out = io.StringIO()
    assert together({"second": replace(says("2"), after="first"), "first": says("1", 3)}, out) == 3
    assert out.getvalue().splitlines()[:2] == ["first  | 1", "second | 2"]


def test_every_folder_of_tests_is_run_by_one_part() -> None:
    named = [word for part in parts(()).values() for word in part.command if word.startswith("tests/")]
    with_tests = {f"tests/{path.relative_to(ROOT / 'tests').parts[0]}" for path in (ROOT / "tests").rglob("test_*.py")}
    assert sorted(named) == sorted(with_tests)


#: Says its process, and tidies up when it is interrupted.
TIDY = (
    "import os, time\\ntry:\\n print(os.getpid(), flush=True)\\n time.sleep(60)\\n"
    "except KeyboardInterrupt: print('tidied')"
)


@pytest.fixture
def two_parts() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A run whose first part runs, with that part's process; the next would say 'begun'."""
    program = (
        "import sys; from tests.run import Part, together;"
        f" parts = {{'one': Part((sys.executable, '-c', \"{TIDY}\")), 'next': Part(('echo', 'begun'), after='one')}};"
        " sys.exit(together(parts, sys.stdout))"
    )
    command = (sys.executable, "-c", program)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as running:
        assert running.stdout
        try:
            yield running, int(running.stdout.readline().removeprefix("one  | "))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_what_is_ended_begins_no_other_part_and_waits_for_those_that_run(two_parts, by: signal.Signals) -> None:
    """Pytest then tears down what it has set up. A terminal interrupts the parts, too."""
    running, _ = two_parts
    if by is signal.SIGTERM:
        os.kill(running.pid, by)
    else:
        os.killpg(running.pid, by)
    assert running.stdout.read().splitlines() == ["one  | tidied", "tidied"]  # its last once more
    assert running.wait() == 0


def test_a_part_that_an_interrupt_has_ended_before_the_run_hears_of_it_is_followed_by_no_other(two_parts) -> None:
    """On a busy machine it may be over by then."""
    running, first = two_parts
    os.kill(running.pid, signal.SIGSTOP)
    os.killpg(running.pid, signal.SIGINT)
    while Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGCONT)
    assert running.stdout.read().splitlines() == ["one  | tidied", "tidied"]
    assert running.wait() == 0

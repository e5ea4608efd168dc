"""Several stacks beside each other: each has its folder, the newest is found by default."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import stack_file
from local.stack.processes import StackError

DEAD = 2**22 + 1  # above the largest process id of Linux


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stack_file, "NEWEST", tmp_path / "stack.json")
    monkeypatch.setattr(stack_file, "_STACKS", tmp_path / "stacks")
    return tmp_path


@pytest.fixture
def other_process() -> Iterator[int]:
    """A process that lives as long as the test."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def start(port: int, pid: int | None = None) -> Path:
    claimed = stack_file.claim_folder(port)
    (claimed / "pid").write_text(str(pid or os.getpid()))
    stack_file.publish(
        claimed, {"pid": pid or os.getpid(), "console": port, "console_url": f"http://127.0.0.1:{port}"}, as_newest=True
    )
    return claimed


def test_the_newest_is_found_by_default_and_others_by_their_port(other_process: int) -> None:
    start(8080, other_process)
    start(8081)
    assert stack_file.running()["console"] == 8081
    assert stack_file.running("8080")["console"] == 8080


def test_with_two_that_run_it_is_said_which_was_taken(other_process: int, capsys: pytest.CaptureFixture[str]) -> None:
    start(8080, other_process)
    stack_file.running()
    assert capsys.readouterr().err == ""
    start(8081)
    stack_file.running()
    assert "http://127.0.0.1:8081 (PORT= names another)" in capsys.readouterr().err


def test_when_the_newest_ends_the_one_before_is_found_again(other_process: int) -> None:
    start(8080, other_process)
    stack_file.withdraw(start(8081))
    assert stack_file.running()["console"] == 8080


def test_when_an_older_one_ends_the_newest_stays(other_process: int) -> None:
    older = start(8080)
    start(8081, other_process)
    stack_file.withdraw(older)
    assert stack_file.running()["console"] == 8081


def test_when_the_last_ends_nothing_is_left_to_be_found(folder: Path) -> None:
    stack_file.withdraw(start(8080))
    assert not (folder / "stack.json").exists()
    with pytest.raises(StackError, match=r"no stack is running\. Start one: make run"):
        stack_file.running()


def test_a_stack_that_was_killed_is_not_running() -> None:
    start(8080, DEAD)
    with pytest.raises(StackError, match="no stack is running"):
        stack_file.running()


def test_two_stacks_cannot_have_one_port() -> None:
    start(8080)
    with pytest.raises(StackError, match="PORT=8081"):
        stack_file.claim_folder(8080)


def test_the_port_of_a_killed_stack_is_free_again() -> None:
    start(8080, DEAD)
    assert list(stack_file.claim_folder(8080).iterdir()) == [stack_file.claim_folder(8081).parent / "8080" / "pid"]

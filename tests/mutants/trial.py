"""One mutant against the tests that can notice it, those first that are cheap and likely to.

It lives in a copy of what tests need, and every test runs inside that copy.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.operators import Mutant

ROOT = Path(__file__).parents[2]
PACKAGE = Path("layers/typing_relay/typing_relay")
COPIED = (".ci", ".github", "docs", "events", "functions", "layers", "local", "tests", "web")
COPIED_FILES = (
    *("CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "README.md", "SECURITY.md"),
    *("pyproject.toml", "samconfig.toml", "template.yaml", "uv.lock"),
)
#: `__pycache__` is copied: Python checks a file's time, and a mutant's is new.
LEFT_OUT = shutil.ignore_patterns(".hypothesis", "node_modules")
#: These run no line of the package.
BESIDE_THE_POINT = (
    "tests/unit/web/",
    "tests/unit/support/test_mutants.py",
    *(f"tests/unit/deployment/test_{name}.py" for name in ("github", "left_out", "rollout", "transformed")),
    "tests/unit/local/deploying/",
    "tests/unit/test_docs.py",
)

#: Without line numbers of other tests, without memory of other runs, and random only as the seed says.
PYTEST = ("-m", "pytest", "-q", "-x", "-rfE", "--tb=no", "-p", "no:cacheprovider", "--hypothesis-seed=0")
SOCKETS = tuple(f"tests/integration/test_keeper_{name}.py" for name in ("sockets", "sending", "conformance"))
PROCESS = "tests/integration/test_keeper_process.py"
#: What these promise shows on a wire only.
ON_A_WIRE = {
    "aws/connection.py": "tests/integration/test_keeper_addresses.py",
    "platforms/shared/http.py": "tests/integration/test_keeper_addresses.py",
    "door/visitor_keys.py": "tests/integration/test_jwks.py",
}
#: Rooms that do not know the keeper: their tests run no line of it.
BELOW_THE_KEEPER = tuple(f"tests/unit/{room}/" for room in ("aws", "door", "platforms/shared", "relay"))
#: As they were when the copies were made.
UNIT_TESTS = sorted((ROOT / "tests/unit").rglob("test_*.py"))


@dataclass(frozen=True, slots=True)
class Trial:
    """``name`` says who noticed when no test can be named."""

    name: str
    command: tuple[str, ...]
    #: Some of its tests wait for real processes and may fail for lack of time: a failure must happen twice.
    is_in_real_time: bool = False
    #: What takes longer runs in circles. About ten times what it takes on a machine that has nothing else to do.
    patience_s: int = 240


SIMULATION_FIRST = Trial("the simulation", ("-m", "tests.simulation", "check", "300"), patience_s=300)
SIMULATION = Trial("the simulation", ("-m", "tests.simulation", "check"), patience_s=300)
SOCKETS_TRIAL = Trial("sockets", (*PYTEST, "--timeout=60", *SOCKETS), is_in_real_time=True)
PROCESS_TRIAL = Trial("process", (*PYTEST, "--timeout=90", PROCESS), is_in_real_time=True, patience_s=400)


def unit(*files: str) -> Trial:
    """Unit tests, in this order."""
    return Trial("unit tests", (*PYTEST, "--timeout=30", *files), patience_s=900)


def trials_for(file: str) -> Iterator[Trial]:
    """All that can notice a mutant of ``file`` (as seen from the package), in the order in which to try."""
    near, far = by_relevance(file)
    room = file.partition("/")[0]
    if near:
        yield unit(*near)
    if file in ON_A_WIRE:
        yield Trial("wire", (*PYTEST, "--timeout=60", ON_A_WIRE[file]), is_in_real_time=True)
    if room == "relay":
        yield SIMULATION_FIRST
    if room == "keeper":
        yield from (SOCKETS_TRIAL, PROCESS_TRIAL)
    yield unit(*far)
    if room in ("relay", "platforms", "keeper") or file == "aws/sessions.py":
        yield SIMULATION
    if room == "platforms":
        yield from (PROCESS_TRIAL, SOCKETS_TRIAL)
    elif room in ("aws", "runtime.py"):
        yield PROCESS_TRIAL


def by_relevance(file: str) -> tuple[list[str], list[str]]:
    """The unit tests' files: those of the same room or about this file, the nearest first, and the rest."""
    room, _, name = file.rpartition("/")
    stem = name.removesuffix(".py")
    folder = tests_of(room)
    names = (stem, *room.removeprefix(folder).strip("/").split("/")) if folder != room else (stem,)
    module = ".".join(("typing_relay", *file.removesuffix(".py").split("/")))
    imports = re.compile(rf"{re.escape(module)}\b|from {re.escape(module.rpartition('.')[0])} import .*\b{stem}\b")
    ranked: list[tuple[int, str]] = []
    for path in UNIT_TESTS:
        test = str(path.relative_to(ROOT))
        if test.startswith(BESIDE_THE_POINT) or (room.startswith("keeper") and test.startswith(BELOW_THE_KEEPER)):
            continue
        is_of_room = bool(folder) and test.startswith(f"tests/unit/{folder}/")
        is_namesake = is_of_room and any(name in path.stem for name in names)
        is_about = bool(imports.search(path.read_text()))
        rank = 0 if is_namesake else 1 if is_of_room and is_about else 2 if is_about else 3 if is_of_room else 4
        ranked.append((rank, test))
    ranked.sort()
    return [test for rank, test in ranked if rank < 4], [test for rank, test in ranked if rank == 4]


def tests_of(room: str) -> str:
    """The folder of unit tests of a room: its own, or that of the room around it; '': there is none."""
    while room and not (ROOT / "tests/unit" / room).is_dir():
        room = room.rpartition("/")[0]
    return room


class Copy:
    """A copy of the project in ``folder``, for one mutant at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: subprocess.Popen[str] | None = None
        folder.mkdir()
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
        for name in COPIED_FILES:
            shutil.copy(ROOT / name, folder / name)

    def who_notices(self, mutant: Mutant) -> str | None:
        """What caught the mutant; None when it lived."""
        file = self._folder / PACKAGE / mutant.file
        source = file.read_bytes()
        file.write_bytes(mutant.applied_to(source))
        try:
            return next(filter(None, map(self.finding_of, trials_for(mutant.file))), None)
        finally:
            file.write_bytes(source)

    def finding_of(self, trial: Trial) -> str | None:
        """What ``trial`` says of the copy as it is; None when all is well."""
        finding = self._run(trial, trial.command)
        if not finding or not trial.is_in_real_time or not finding.startswith("tests/"):
            return finding
        files = [part for part in trial.command if part.startswith("tests/")]
        again = [part for part in trial.command if part not in files]
        return self._run(trial, (*again, finding))

    def _run(self, trial: Trial, command: tuple[str, ...]) -> str | None:
        environment = {
            **os.environ,
            "PYTHONPATH": f"{self._folder / PACKAGE.parent}:{self._folder}",
            "PYTHONDONTWRITEBYTECODE": "1",  # one of the mutant before would pass for this one's
            "HISTORIES": "4000",
            "COLUMNS": "300",  # whole names of tests
        }
        self._running = running = subprocess.Popen(
            [sys.executable, *command],
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that keepers end with the test that started them
            text=True,
        )
        try:
            output, _ = running.communicate(timeout=trial.patience_s)
        except subprocess.TimeoutExpired:
            self.stop()
            running.communicate()
            return f"{trial.name}: no end after {trial.patience_s} s"
        finally:
            self._running = None
            shutil.rmtree(self._folder / ".hypothesis", ignore_errors=True)
        return None if running.returncode == 0 else _first_finding(output) or f"{trial.name}: an error"

    def stop(self) -> None:
        """End what is under way."""
        running = self._running
        if running and running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)


def _first_finding(output: str) -> str | None:
    """The test that failed, or what the simulation says."""
    failed = re.search(r"^(?:FAILED|ERROR) (tests/\S+?\.py(?:::\w+)*(?:\[.*?\])?)(?: - |$)", output, re.MULTILINE)
    clause = re.search(r"^T\d+.{,90}", output, re.MULTILINE)
    return failed[1] if failed else clause[0] if clause else None

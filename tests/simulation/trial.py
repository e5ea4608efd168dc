"""What the proof says to a relay with one mutation: a copy of it is changed, simulated and tested."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation import fresh
from tests.simulation.mutation import DYNAMO, ENDLESS, EXPRESSIONS, QUERIES, WRITES, Mutation

ROOT = Path(__file__).parents[2]
COPIED = ("layers/typing_relay/typing_relay", "tests/simulation", "template.yaml", "pyproject.toml")
READS_TEMPLATE = ("local/__init__.py", "local/template_file.py")
#: What the store's contract tests need in addition, and what directed tests do.
CONTRACT = (
    *READS_TEMPLATE,
    "tests/conftest.py",
    "tests/support/dfo_gateway.py",
    "tests/support/item_size.py",
    "tests/support/sessions_contract.py",
    "tests/support/session_table.py",
    "tests/unit/aws/test_sessions_contract.py",
)
DIRECTED = ("tests/unit", "tests/support", "tests/conftest.py", "functions/typing_burst.asl.json", *READS_TEMPLATE)
PYTEST = ("pytest", "-q", "-x", "-rfE", "-p", "no:cacheprovider")
#: A mutation may also make the relay run in circles. The tests run at the lowest priority beside others.
PATIENCE_S = 500

#: A violation as the simulation prints it, with the clause that the oracle names.
VIOLATION = re.compile(r"^(?:T\d+|custody): .*", re.MULTILINE)
#: A failed test as pytest sums it up, with its reason; ERROR where its fixtures, or its imports, failed.
FAILURE = re.compile(
    r"^(?:FAILED|ERROR) (?:tests/unit/)?(?P<test>[^\s\[]+(?:\[.*?\])?)(?: - (?P<reason>.*))?$", re.MULTILINE
)
#: Reasons by which a test judges; every other one is an error that came up in it.
ASSERTION = re.compile(r"assert |AssertionError\b|Failed: DID NOT RAISE")
#: An error's class, without its module, as the last line of a traceback begins.
ERROR = re.compile(r"^(?:\w+\.)*(?P<kind>[A-Z]\w*)(?=:|$)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one run, or of all of a mutation's. ``error``: the class of what came up instead of a judgement, if any."""

    is_caught: bool
    text: str
    error: str = ""


NOTHING_SEEN = Verdict(is_caught=False, text="nothing is seen")


def table(mutations: Iterable[Mutation], processes: int = 2) -> Iterator[tuple[str, bool]]:
    """For each mutation a line that says what caught it, and whether anything did."""
    with ThreadPoolExecutor(processes) as pool:
        chosen = list(mutations)
        for mutation, verdict in zip(chosen, pool.map(verdict_on, chosen), strict=True):
            yield f"{mutation.name:52} {'' if verdict.is_caught else 'NOT CAUGHT: '}{verdict.text}", verdict.is_caught


def verdict_on(mutation: Mutation) -> Verdict:
    """What the proof says to a copy with ``mutation``: the first judgement, or what stood in its way.

    An error is no judgement, as a change that only breaks an import raises one, too; unless the mutation expects it.
    Raises ValueError if the text to be changed is not there, or there twice.
    """
    unjudged = NOTHING_SEEN
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        _copy(copy, (*COPIED, *(DIRECTED if mutation.directed else CONTRACT)))
        _mutate(copy / mutation.file, mutation)
        for command in _commands(mutation):
            verdict = _run(command, copy)
            if verdict.is_caught or (verdict.error and verdict.error == mutation.error):
                return Verdict(is_caught=True, text=verdict.text, error=verdict.error)
            unjudged = verdict if verdict.error else unjudged
    return unjudged


def judged(returned: int, printed: str, complained: str) -> Verdict:
    """What a run of the simulation, or of pytest, found: by its exit code, standard output and standard error."""
    if returned == 0:
        return NOTHING_SEEN
    if violation := VIOLATION.search(printed):
        return Verdict(is_caught=True, text=violation[0])
    failures = [(failure["test"], failure["reason"] or "") for failure in FAILURE.finditer(printed)]
    for test, reason in failures:
        if ASSERTION.match(reason):
            return Verdict(is_caught=True, text=f"{test} - {reason}")
    last_line = (complained.strip().splitlines() or [""])[-1]
    reason = next((reason for _, reason in failures), last_line)
    error = ERROR.match(reason)
    return Verdict(is_caught=False, text=f"an error: {reason}", error=error["kind"] if error else "unknown")


def _commands(mutation: Mutation) -> Iterator[tuple[str, ...]]:
    """The simulation first; where one condition of the store covers up for another, the contract tells them apart.

    Few histories are enough to begin with: what they miss, the contract mostly finds sooner than thousands more.
    """
    if mutation.directed:
        yield (*PYTEST, mutation.directed)
        return
    is_of_aws = mutation.file in (DYNAMO, EXPRESSIONS, QUERIES)
    if not is_of_aws and not mutation.contract:
        yield ("tests.simulation", "check", "300", mutation.platform)
    if is_of_aws or mutation.file == WRITES:
        which = "TestDynamo" if is_of_aws else "TestMemory"
        chosen = f"{which} and {mutation.contract}" if mutation.contract else which
        yield (*PYTEST, "-k", chosen, "tests/unit/aws/test_sessions_contract.py")
    if not is_of_aws and not mutation.contract:
        yield ("tests.simulation", "check", "4000", mutation.platform)


def _run(command: tuple[str, ...], copy: Path) -> Verdict:
    ended = fresh.run(command, copy, PATIENCE_S)
    if ended is None:
        return Verdict(is_caught=False, text=f"it has not ended after {PATIENCE_S} s", error=ENDLESS)
    return judged(*ended)


def _copy(to: Path, paths: Iterable[str]) -> None:
    """With what Python has compiled of it, which counts for files of the same time: else each run compiles all anew."""
    for path in paths:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, to / path)
        else:
            shutil.copy2(ROOT / path, to / path)
            for compiled in _compiled(ROOT / path):
                (to / path).parent.joinpath("__pycache__").mkdir(exist_ok=True)
                shutil.copy2(compiled, (to / path).parent / "__pycache__")


def _compiled(file: Path) -> Iterable[Path]:
    return file.parent.glob(f"__pycache__/{file.stem}.*.pyc")


def _mutate(file: Path, mutation: Mutation) -> None:
    text = file.read_text()
    if text.count(mutation.before) != 1:
        raise ValueError(f"{mutation.name}: {mutation.before!r} must be in {mutation.file} once; mend the mutation")
    file.write_text(text.replace(mutation.before, mutation.after))
    for compiled in _compiled(file):
        compiled.unlink()

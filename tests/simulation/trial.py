"""What the proof says of a relay with one mutation: it is simulated and tested."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation import fresh
from tests.simulation.mutation import DYNAMO, ENDLESS, EXPRESSIONS, QUERIES, WRITES, Mutation

ROOT = Path(__file__).parents[2]
#: By each mutation's name, the history or the test that caught it when `python -m tests.simulation mutations` last ran.
CAUGHT_BY = Path(__file__).with_name("caught_by.json")
PYTEST = ("pytest", "-q", "-x", "-rfE", "-p", "no:cacheprovider")
#: A mutation may also make the relay run in circles. The tests run at the lowest priority beside others.
PATIENCE_S = 500

#: A violation as the simulation prints it, with the clause that the oracle names, and the history if one was played.
VIOLATION = re.compile(r"^(?:T\d+|custody): .*?(?: \[played: (?P<history>.+)\])?$", re.MULTILINE)
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
    """Of one run, or of all of a mutation's.

    ``error``: the class of what came up instead of a judgement, if any. ``by``: the history or the test that judged.
    """

    is_caught: bool
    text: str
    error: str = ""
    by: str = ""


NOTHING_SEEN = Verdict(is_caught=False, text="nothing is seen")


def verdicts_on(mutations: Iterable[Mutation], processes: int = 2) -> Iterator[tuple[Mutation, Verdict]]:
    """On each mutation, in their order, whatever is noted."""
    with ThreadPoolExecutor(processes) as pool:
        chosen = list(mutations)
        yield from zip(chosen, pool.map(partial(verdict_on, anew=True), chosen), strict=True)


@cache
def caught_by() -> dict[str, str]:
    """What ``CAUGHT_BY`` says."""
    noted: dict[str, str] = json.loads(CAUGHT_BY.read_text())
    return noted


def note(caught: Mapping[str, str], names: Iterable[str]) -> None:
    """Write down what caught some mutations, by their names. ``names``: of all there are, in their order."""
    known = {**caught_by(), **caught}
    kept = {name: known[name] for name in names if known.get(name)}
    CAUGHT_BY.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def verdict_on(mutation: Mutation, *, anew: bool = False) -> Verdict:
    """What the proof says of a copy with ``mutation``: the first judgement, or what stood in its way.

    An error is no judgement, as a change that only breaks an import raises one, too; unless the mutation expects it.
    What is noted to have caught it comes first, unless it is to be caught ``anew``.
    Raises ValueError if the text to be changed is not there, or there twice.
    """
    unjudged, noted = NOTHING_SEEN, "" if anew else caught_by().get(mutation.name, "")
    with mutated(mutation) as copy:
        if noted and (verdict := verdict_of(_again(noted), copy)).is_caught:
            return replace(verdict, by=noted)
        for command in _commands(mutation):
            verdict = verdict_of(command, copy)
            if verdict.is_caught or (verdict.error and verdict.error == mutation.error):
                return replace(verdict, is_caught=True)
            unjudged = verdict if verdict.error else unjudged
    return unjudged


def judged(returned: int, printed: str, complained: str) -> Verdict:
    """What a run of the simulation, or of pytest, found: by its exit code, standard output and standard error."""
    if returned == 0:
        return NOTHING_SEEN
    if violation := VIOLATION.search(printed):
        return Verdict(is_caught=True, text=violation[0], by=violation["history"] or "")
    failures = [(failure["test"], failure["reason"] or "") for failure in FAILURE.finditer(printed)]
    for test, reason in failures:
        if ASSERTION.match(reason):
            return Verdict(is_caught=True, text=f"{test} - {reason}", by=f"tests/unit/{test}")
    last_line = (complained.strip().splitlines() or [""])[-1]
    reason = next((reason for _, reason in failures), last_line)
    error = ERROR.match(reason)
    return Verdict(is_caught=False, text=f"an error: {reason}", error=error["kind"] if error else "unknown")


def _again(noted: str) -> tuple[str, ...]:
    return (*PYTEST, noted) if noted.startswith("tests/") else ("tests.simulation", "replay", noted)


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


def verdict_of(command: tuple[str, ...], copy: Path) -> Verdict:
    """What one run finds."""
    ended = fresh.run(command, copy, PATIENCE_S)
    if ended is None:
        return Verdict(is_caught=False, text=f"it has not ended after {PATIENCE_S} s", error=ENDLESS)
    return judged(*ended)


@contextmanager
def mutated(mutation: Mutation) -> Iterator[Path]:
    """A copy of the project with ``mutation``. Raises ValueError as ``verdict_on`` does."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        _link(copy, ROOT, changed=ROOT / mutation.file)
        _mutate(mutation, copy / mutation.file)
        yield copy


def _link(copy: Path, source: Path, changed: Path) -> None:
    """Everything in ``source`` becomes a link, but for the file that is ``changed``, which is left out.

    Also what Python has compiled of the others: else each run compiles all anew. Whoever edits one of them meanwhile
    changes it for runs that are under way.
    """
    copy.mkdir()
    compiled = changed.parent / "__pycache__"
    for entry in source.iterdir():
        if entry in changed.parents or entry == compiled:
            _link(copy / entry.name, entry, changed)
        elif entry != changed and not _is_left_out(entry, changed):
            (copy / entry.name).symlink_to(entry)


def _is_left_out(entry: Path, changed: Path) -> bool:
    """Hidden files, which tests write for their next run, and what is compiled of ``changed``."""
    return entry.name.startswith(".") or entry.match(f"__pycache__/{changed.stem}.*.pyc")


def _mutate(mutation: Mutation, file: Path) -> None:
    text = (ROOT / mutation.file).read_text()
    if text.count(mutation.before) != 1:
        raise ValueError(f"{mutation.name}: {mutation.before!r} must be in {mutation.file} once; mend the mutation")
    file.write_text(text.replace(mutation.before, mutation.after))

"""How much do the tests notice? Random mutants of the package, one after another, against the tests.

make mutants N=40 SEED=1                  draws 40 of all possible ones; the same seed draws the same
make mutants N=10 ARGS="--only keeper/"   of one room, or of some files; --without leaves some out

A mutant that lives is shown with its line: a test is missing, the code does more than it needs to, or the change makes
no difference to anybody. It is a measure, not a gate: the exit status is 0 whatever lives.
"""

from __future__ import annotations

import argparse
import resource
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from random import Random
from tempfile import TemporaryDirectory
from typing import TypeVar

from tests.mutants.operators import Mutant, mutants_of
from tests.mutants.trial import PACKAGE, ROOT, Copy, trials_for, unit

T = TypeVar("T")

#: A mutant that fills the memory ends itself, not its neighbours.
MEMORY_BYTES = 4 * 1024**3


def all_mutants(only: Sequence[str] = (), without: Sequence[str] = ()) -> list[Mutant]:
    """Every mutant of the files whose path in the package has one of ``only`` and none of ``without`` in it."""
    found: list[Mutant] = []
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        file = str(path.relative_to(ROOT / PACKAGE))
        if any(part in file for part in only or [""]) and not any(part in file for part in without):
            found += mutants_of(file, path.read_bytes())
    return found


def draw(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """``count`` of them, each as likely as any other."""
    return Random(seed).sample(mutants, min(count, len(mutants)))


class Laboratory:
    """Copies of the project, one for each that works at the same time."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers)
        self._copies = [Copy(folder / str(number)) for number in range(workers)]
        self._free: SimpleQueue[Copy] = SimpleQueue()
        for copy in self._copies:
            self._free.put(copy)

    def try_all(self, attempt: Callable[[Copy, T], str | None], on: Iterable[T]) -> Iterator[str | None]:
        """``attempt(copy, each)``: the answers in the order of ``on``, each as soon as those before it are there."""

        def in_a_copy(each: T) -> str | None:
            copy = self._free.get()
            try:
                return attempt(copy, each)
            finally:
                self._free.put(copy)

        return self._pool.map(in_a_copy, on)

    def close(self) -> None:
        """End whatever is under way."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for copy in self._copies:
            copy.stop()
        self._pool.shutdown()


def control(laboratory: Laboratory, mutants: Iterable[Mutant]) -> str | None:
    """What the tests say of the code as it is: with a test that fails anyway, every mutant would count as caught."""
    trials = {trial for file in {one.file for one in mutants} for trial in trials_for(file)}
    units = {part for trial in trials for part in trial.command if part.startswith("tests/unit/")}
    others = sorted((trial for trial in trials if units.isdisjoint(trial.command)), key=lambda trial: -trial.patience_s)
    return next(filter(None, laboratory.try_all(Copy.finding_of, [*others, unit(*sorted(units))])), None)


def report(mutants: Sequence[Mutant], findings: Iterable[str | None]) -> None:
    """A line for each as it comes, the closing table, and those that lived once more."""
    caught: dict[str, list[bool]] = {}
    lived: list[str] = []
    for number, (mutant, finding) in enumerate(zip(mutants, findings, strict=True), 1):
        place = f"{mutant.file}:{mutant.line} {mutant.change}"
        print(f"{number:4}  {place:48}  {finding or 'LIVED'}", flush=True)
        if finding is None:
            lived.append("\n".join((place, *mutant.diff((ROOT / PACKAGE / mutant.file).read_bytes()))))
            print(textwrap.indent("\n".join(lived[-1].split("\n")[1:]), " " * 6), flush=True)
        caught.setdefault(mutant.file.partition("/")[0], []).append(finding is not None)
    print()
    for room, each in sorted(caught.items()):
        print(f"{room:14} {sum(each):4} of {len(each):4} caught")
    print(f"{'all':14} {len(mutants) - len(lived):4} of {len(mutants):4} caught")


def main(arguments: list[str]) -> int:
    """0 when there was something to measure, 2 when not."""
    options = _parser().parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    began = time.monotonic()
    possible = all_mutants(options.only, options.without)
    drawn = draw(possible, options.count, options.seed)
    print(f"{len(drawn)} of {len(possible)} possible mutants, seed {options.seed}", flush=True)
    if options.list:
        print("\n".join(f"{one.file}:{one.line} {one.change}" for one in drawn))
        return 0
    with TemporaryDirectory(prefix="mutants-") as folder:
        laboratory = Laboratory(Path(folder), options.workers)
        try:
            failed = control(laboratory, drawn)
            if failed:
                print(f"without any mutant: {failed}; mend that first", file=sys.stderr)
                return 2
            report(drawn, laboratory.try_all(Copy.who_notices, drawn))
        finally:
            laboratory.close()
    print(f"{(time.monotonic() - began) / 60:.0f} minutes")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "tests.mutants", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("count", nargs="?", type=int, default=40, help="how many (40)")
    parser.add_argument("seed", nargs="?", type=int, default=1, help="of the draw (1)")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="files with this in their path")
    parser.add_argument("--without", action="append", default=[], metavar="PART", help="none of these files")
    parser.add_argument("--workers", type=int, default=2, help="how many at the same time (2)")
    parser.add_argument("--list", action="store_true", help="draw only, and say what")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

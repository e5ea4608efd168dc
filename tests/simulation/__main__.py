"""The proof by simulation, from a terminal.

python -m tests.simulation run [HISTORIES] [SEED] [PLATFORM]
                                                    random histories on all cores: of v1 (default 100000, from 0), a
                                                    fifth as many of dfo and adversaries, a twentieth of fleets, a
                                                    fiftieth of neighbours and of codes; or all of one
python -m tests.simulation replay 'HISTORY'         one history, told step by step; or a file that holds one
python -m tests.simulation explore [PART OF A NAME] every order of each short scenario
python -m tests.simulation check [HISTORIES] [PLATFORM]
                                                    the proof in small, in seconds (default 4000, as run);
                                                    what it finds is told as it was found, not shrunk
python -m tests.simulation mutations [PART OF A NAME]   the relay broken on purpose, each time to be caught by that;
                                                    what catches each is noted in caught_by.json: tests try it first
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tests.simulation import campaign, runner, suite
from tests.simulation.explorer import explore
from tests.simulation.invariants import Violated
from tests.simulation.mutations import MUTATIONS
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.trial import note, verdicts_on


def main(arguments: list[str]) -> int:
    """Do what is asked for; 0 when all is as it should be, 1 when not, 2 when asked for nothing known."""
    commands = {"run": _run, "replay": _replay, "explore": _explore, "check": _check, "mutations": _mutations}
    if not arguments or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    campaign.collect_seldom()
    return commands[arguments[0]](arguments[1:])


def _run(arguments: list[str]) -> int:
    histories, seed = [*map(int, arguments[:2]), *(100_000, 0)[len(arguments) :]]
    shares = {name: histories // share for name, share in campaign.SHARES.items()}
    if len(arguments) > 2:
        shares = {arguments[2]: histories}
    for platform, share in shares.items():
        result = campaign.run(platform, share, seed, os.cpu_count() or 1)
        print(result, flush=True)
        if result.finding:
            return 1
    return 0


def _replay(arguments: list[str]) -> int:
    text = " ".join(arguments)
    story: list[str] = []
    verdict = "no violation"
    try:
        runner.play(suite.parsed(Path(text).read_text() if len(text) < 200 and Path(text).is_file() else text), story)
    except Violated as violated:
        verdict = str(violated)
    print("\n".join([*story, verdict]))
    return 0 if verdict == "no violation" else 1


def _explore(arguments: list[str]) -> int:
    states = failures = 0
    began = time.perf_counter()
    for scenario in (scenario for scenario in SCENARIOS if " ".join(arguments) in scenario.name):
        found = explore(scenario)
        states += found.states
        print(f"{scenario.name:50} {found.states:7,} states {found.endings:5,} endings, {found.deepest:3} choices deep")
        if found.violation:
            failures += 1
            print("\n".join(f"    {line}" for line in found.story))
    print(f"{states:,} states in {time.perf_counter() - began:.0f} s")
    return 1 if failures else 0


def _check(arguments: list[str]) -> int:
    finding = suite.first_finding(int(arguments[0]) if arguments else suite.HISTORIES, *arguments[1:2])
    print(finding or "no violation")
    return 1 if finding else 0


def _mutations(arguments: list[str]) -> int:
    chosen = [mutation for mutation in MUTATIONS if " ".join(arguments) in mutation.name]
    caught: dict[str, str] = {}
    for mutation, verdict in verdicts_on(chosen):
        print(f"{mutation.name:52} {'' if verdict.is_caught else 'NOT CAUGHT: '}{verdict.text}", flush=True)
        if verdict.is_caught:
            caught[mutation.name] = verdict.by
    note(caught, [mutation.name for mutation in MUTATIONS])
    print(f"{len(caught)} of {len(chosen)} mutations caught")
    return 0 if len(caught) == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The proof can fail: each deliberate mutation of the relay is caught, and by a judgement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation.mutation import RECONCILING, Mutation
from tests.simulation.mutations import MUTATIONS
from tests.simulation.runner import play
from tests.simulation.suite import parsed
from tests.simulation.trial import NOTHING_SEEN, PYTEST, ROOT, caught_by, judged, mutated, verdict_of, verdict_on

SAMPLE = MUTATIONS[::12]
REST = (pytest.param(one, marks=pytest.mark.whole_proof) for one in MUTATIONS if one not in SAMPLE)

IMPORT = "from typing_relay.relay.outcomes import"
UNCHANGED = Mutation("nothing", RECONCILING, IMPORT, IMPORT)
BROKEN_IMPORT = Mutation("an import that is not there", RECONCILING, IMPORT, "from typing_relay.relay.nowhere import")
TRACEBACK = "Traceback (most recent call last):\n  File ...\n"
A_TEST = "tests/unit/aws/test_sessions_contract.py::TestMemory::test_a_stop"


def test_each_mutation_finds_the_text_that_it_changes() -> None:
    """Code that moved takes its mutations along."""
    assert [one.name for one in MUTATIONS if (ROOT / one.file).read_text().count(one.before) != 1] == []


def test_each_note_is_of_a_mutation_that_exists() -> None:
    """`python -m tests.simulation mutations` drops the others."""
    assert caught_by().keys() - {one.name for one in MUTATIONS} == set()


def test_no_noted_history_violates_anything_without_its_mutation() -> None:
    """Else it would catch every mutation."""
    histories = {noted for noted in caught_by().values() if not noted.startswith("tests/")}
    assert histories
    for history in sorted(histories):
        play(parsed(history))


def test_no_noted_test_fails_in_a_copy_without_its_mutation() -> None:
    """As above."""
    tests = {noted for noted in caught_by().values() if noted.startswith("tests/")}
    assert tests
    with mutated(UNCHANGED) as copy:
        assert verdict_of((*PYTEST, *sorted(tests)), copy) == NOTHING_SEEN


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mutation", [*SAMPLE, *REST], ids=lambda mutation: mutation.name)
def test_a_relay_broken_on_purpose_is_caught(mutation: Mutation) -> None:
    """Also when the proof itself is changed: it must stay able to see this. A sample is looked for anew each time."""
    verdict = verdict_on(mutation, anew=mutation in SAMPLE)
    assert verdict.is_caught, verdict.text


def test_a_mutation_that_only_breaks_an_import_is_not_caught() -> None:
    """It says nothing about the relay."""
    verdict = verdict_on(BROKEN_IMPORT)
    assert (verdict.is_caught, verdict.error) == (False, "ModuleNotFoundError")


def test_a_mutation_may_expect_an_error_of_a_given_kind() -> None:
    """Where a service refuses what the relay then asks for."""
    assert verdict_on(replace(BROKEN_IMPORT, error="ModuleNotFoundError")).is_caught


def test_a_mutation_that_expects_an_error_is_not_caught_by_another_one() -> None:
    """It would be a mistake in the mutation."""
    assert not verdict_on(replace(BROKEN_IMPORT, error="KeyError")).is_caught


def test_a_mutation_of_a_text_that_is_not_there_says_so() -> None:
    """The code has changed since."""
    with pytest.raises(ValueError, match="mend the mutation"):
        verdict_on(Mutation("of nothing", RECONCILING, "no such text", ""))


@pytest.mark.parametrize(
    ("printed", "by"),
    [
        ("T9: all is calm again, but a new burst is not shown [played: key A 0]\n", "key A 0"),
        ("T2: it is shown: [(55, True)] [played: key A 0; stop A 9]\n", "key A 0; stop A 9"),
        ("T4: CXone still shows typing for guest-1 [explored: a key]\n", ""),
        ("   55 keeper-1: Read\nT9: the agents were told ['guest-1']\n", ""),
        ("custody: keeper-1 has {} and holds {'bob'} [played: fleet v1; open bob A 0]\n", "fleet v1; open bob A 0"),
        (f"1 failed in 2 s\nFAILED {A_TEST} - assert None == 3\n", A_TEST),
        (f"FAILED {A_TEST} - AssertionError: a stop is refused\n", A_TEST),
        (f"FAILED {A_TEST}[a - b] - Failed: DID NOT RAISE <class 'OSError'>\n", f"{A_TEST}[a - b]"),
        (f"FAILED {A_TEST}[a] - AssertionError: assert ['b'] == ['c']\n", f"{A_TEST}[a]"),
    ],
)
def test_a_violation_and_an_assertion_are_judgements(printed: str, by: str) -> None:
    """The oracles', and those of the store's contract; ``by``: the history, or the test, to try first next time."""
    verdict = judged(1, printed, "")
    assert (verdict.is_caught, verdict.by) == (True, by)


@pytest.mark.parametrize(
    ("printed", "complained", "error"),
    [
        ("", f"{TRACEBACK}NameError: name 'Recrod' is not defined\n", "NameError"),
        ("", f"{TRACEBACK}AssertionError: it is not deterministic\n", "AssertionError"),
        ("", f"{TRACEBACK}botocore.exceptions.ClientError: An error occurred\n", "ClientError"),
        ("", "", "unknown"),
        (f"FAILED {A_TEST} - NameError: name 'Recrod' is not defined\n", "", "NameError"),
        (f"ERROR {A_TEST} - ImportError: no such name\n", "", "ImportError"),
        ("ERROR tests/unit/aws/test_sessions_contract.py - SyntaxError: invalid\n", "", "SyntaxError"),
    ],
)
def test_an_error_is_no_judgement_and_its_kind_is_told(printed: str, complained: str, error: str) -> None:
    """Whether it came up in the simulation, in a test, in a fixture or while tests were collected."""
    verdict = judged(1, printed, complained)
    assert (verdict.is_caught, verdict.error) == (False, error)


def test_a_run_without_findings_judges_nothing() -> None:
    """Whatever it prints."""
    assert not judged(0, "T9: a line that is none", "").is_caught

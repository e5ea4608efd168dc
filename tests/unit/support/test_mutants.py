"""The random mutants: what each kind of slip does to a text, and that a draw can be repeated."""

from __future__ import annotations

import re

import pytest

from tests.mutants.__main__ import all_mutants, draw
from tests.mutants.operators import mutants_of
from tests.mutants.trial import COPIED, COPIED_FILES, ROOT, UNIT_TESTS, by_relevance, trials_for


def texts_of(source: str) -> set[str]:
    """Every mutant of a source."""
    encoded = source.encode()
    return {mutant.applied_to(encoded).decode() for mutant in mutants_of("x.py", encoded)}


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("a < b", {"a <= b"}),
        ("a >= b", {"a > b"}),
        ("a == b", {"a != b"}),
        ("a is not b", {"a is b"}),
        ("a not in b", {"a in b"}),
        ("(a) <(b)", {"(a) <=(b)"}),
        ("a < b < c", {"a <= b < c", "a < b <= c"}),
        ("a and b", {"a or b"}),
        ("a or b", {"a and b"}),
        ("not a", {"a"}),
        ("a + b", {"a - b"}),
        ("a // b", {"a * b"}),
        ("a += b", {"a -= b"}),
        ("def f():\n    return True", {"def f():\n    return False"}),
        ("if a:\n    b", {"if True:\n    b", "if False:\n    b"}),
        ("b if a else c", {"b if True else c", "b if False else c"}),
        ("[x for x in y if x]", {"[x for x in y if True]", "[x for x in y if False]"}),
        ("x = 'ä' < b", {"x = 'ä' <= b"}),
    ],
)
def test_each_slip_changes_one_place_and_nothing_else(source: str, mutants: set[str]) -> None:
    assert texts_of(source) == mutants


@pytest.mark.parametrize(
    "source",
    [
        '"""Text of 1 < 2."""',
        "x: Literal[1]",
        "def f(a: Annotated[int, 1]) -> Literal[2]: ...",
        "assert a < 1",
        'f"{a} < {b}"',
        "x = 7",
        'a + "text"',
        "__all__ = [1]",
        'if __name__ == "__main__":\n    f()',
    ],
)
def test_what_does_not_run_is_left_alone(source: str) -> None:
    assert texts_of(source) == set()


def test_the_lines_that_differ_are_shown() -> None:
    source = b"a = 1\nif a < b:\n    c\n"
    [mutant] = [one for one in mutants_of("x.py", source) if one.change == "< \u2192 <="]
    assert (mutant.line, mutant.diff(source)) == (2, ["- if a < b:", "+ if a <= b:"])


def test_a_seed_draws_the_same_mutants_again() -> None:
    possible = all_mutants()
    assert draw(possible, 40, 1) == draw(possible, 40, 1) != draw(possible, 40, 2)


def test_files_can_be_chosen_and_left_out() -> None:
    files = {mutant.file for mutant in all_mutants(only=["keeper/"], without=["guest.py"])}
    assert "keeper/guests/keeper.py" in files
    assert all(file.startswith("keeper/") and file != "keeper/guests/guest.py" for file in files)


def test_what_is_nearest_to_a_file_is_tried_first() -> None:
    near, far = by_relevance("relay/burst.py")
    assert near[0] == "tests/unit/relay/test_burst.py"
    assert not {*near} & {*far}


@pytest.mark.parametrize(
    ("file", "first"),
    [
        ("conversation/hearing.py", "test_conversation.py"),
        ("talk_parts/tokens.py", "test_talk_parts.py"),
        ("parsing/messages.py", "test_frames_in.py"),
    ],
)
def test_where_a_room_has_no_tests_of_its_own_those_of_the_room_around_it_come_first(file: str, first: str) -> None:
    near, _ = by_relevance(f"platforms/digital_first/{file}")
    assert near[0] == f"tests/unit/platforms/digital_first/{first}"
    assert "tests/unit/platforms/digital_first/test_talk.py" in near


def test_what_cannot_run_a_line_of_it_is_not_tried() -> None:
    """A mutant that lives costs all of its trials."""
    near, far = by_relevance("keeper/guests/guest.py")
    assert "tests/unit/aws/test_sessions_contract.py" not in near + far
    assert {"tests/unit/keeper/guests/test_guest.py", "tests/unit/test_rooms.py"} <= {*near, *far}


def test_what_shows_on_a_wire_only_is_tried_on_one() -> None:
    assert "wire" in [trial.name for trial in trials_for("platforms/shared/http.py")]


@pytest.mark.parametrize(
    ("file", "last"),
    [
        ("relay/burst.py", "the simulation"),
        ("keeper/guests/guest.py", "the simulation"),
        ("platforms/digital_first/talk.py", "sockets"),
        ("door/frames.py", "unit tests"),
    ],
)
def test_every_test_that_can_notice_has_its_turn(file: str, last: str) -> None:
    assert [trial.name for trial in trials_for(file)][-1] == last


def test_a_copy_has_what_unit_tests_read_of_the_project() -> None:
    """Without it a test fails in every copy, and would pass for what catches each mutant."""
    read = {name for path in UNIT_TESTS for name in re.findall(r'ROOT / "([^/"]+)', path.read_text())}
    there = {name for name in read if (ROOT / name).exists() and not name.startswith(".venv")}
    assert there - {*COPIED, *COPIED_FILES} == set()

"""The tables of a conversation's stages, played cell by cell; and who writes which part of it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import get_type_hints

import pytest
from typing_relay.platforms.digital_first import conversation
from typing_relay.platforms.digital_first.codes import SDK_REFUSED
from typing_relay.platforms.digital_first.conversation import happenings
from typing_relay.platforms.digital_first.conversation.actions import MessageRefused, SendFrame, Tell, TypingTold
from typing_relay.platforms.digital_first.conversation.state import Conversation, Stage
from typing_relay.platforms.digital_first.conversation.turn import Turn, stage_of

from tests.support import dfo_gateway as gateway
from tests.unit.platforms.digital_first.test_conversation import POLICY, THREAD, Life
from tests.unit.platforms.digital_first.test_conversation_legacy import VERSION, authorized

FILES = {file.stem: ast.parse(file.read_text()) for file in Path(conversation.__path__[0]).glob("*.py")}
HINTS = get_type_hints(Conversation)
PARTS = {name for name, kind in HINTS.items() if is_dataclass(kind) and kind.__module__.endswith("conversation.state")}
NOTHING = ""


def table(first: str) -> list[tuple[str, Stage, str]]:
    """The cells of the table in the package's docstring that begins so: row, stage, what stands there."""
    tables = (conversation.__doc__ or "").split("\n\n")
    lines = next(lines.strip().splitlines() for lines in tables if lines.strip().startswith(f"{first} "))
    heads, *rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [(row, Stage(at), cell) for row, *cells in rows for at, cell in zip(heads[1:], cells, strict=True)]


def life_in(stage: Stage) -> Life:
    life = Life()
    if stage is Stage.AUTHORIZING:
        life.happens(happenings.Opened(VERSION))
    elif stage is Stage.LOOKING:
        life.opens()
    elif stage is Stage.READY:
        life.is_ready()
    elif stage is Stage.IN_CONTACT:
        life.is_ready("42")
    elif stage is Stage.STOPPED:
        life.opens()
        life.hears(gateway.failure(SDK_REFUSED))
    return life


def authorization_id(life: Life) -> str:
    """Of the one on its way; otherwise of nothing that was asked."""
    asked = life.state.access.registering
    return asked.event_id if asked else "another"


def look_id(life: Life) -> str:
    """The same of a look."""
    asked = life.state.thread.looking
    return asked.event_id if asked else "another"


def found(life: Life, contact: str | None) -> str:
    return gateway.recovered(look_id(life), THREAD, contact=contact)


HAPPENS: dict[str, Callable[[Life], object]] = {
    "opened": lambda life: life.happens(happenings.Opened()),
    "opened, to authorize": lambda life: life.happens(happenings.Opened(VERSION)),
    "authorized": lambda life: life.hears(authorized(authorization_id(life))),
    "not authorized": lambda life: life.hears(gateway.failure("No", authorization_id(life))),
    "no thread found": lambda life: life.hears(gateway.failure("RecoveringThreadFailed", look_id(life))),
    "found without contact": lambda life: life.hears(found(life, None)),
    "found with contact": lambda life: life.hears(found(life, "42")),
    "contact opens": lambda life: life.hears(gateway.case_created(THREAD, 42)),
    "contact closes": lambda life: life.hears(gateway.case_status_changed(THREAD, "closed", "42")),
    "SDK version refused": lambda life: life.hears(gateway.failure(SDK_REFUSED)),
    "silent for 45 s": lambda life: life.happens(happenings.Woke(), POLICY.dead_ms),
    "lost": lambda life: life.happens(happenings.Lost()),
}
WANTED: dict[str, Callable[[int], happenings.Happening]] = {
    "typing": lambda now: happenings.TypingWanted(True, "ticket"),
    "no typing": lambda now: happenings.TypingWanted(False, "ticket"),
    "message": lambda now: happenings.MessageWanted("m1", "hi", now),
    "history": lambda now: happenings.HistoryWanted(),
    "end": lambda now: happenings.EndWanted(),
    "seen": lambda now: happenings.SeenWanted(),
    "transcript": lambda now: happenings.TranscriptWanted("alice@example.com"),
}


def came_of(life: Life) -> str:
    """What the newest step came to."""
    for action in life.actions:
        match action:
            case SendFrame():
                return "sent"
            case TypingTold(_, outcome):
                return outcome.kind.value
            case MessageRefused():
                return "refused"
            case Tell(frame):
                return "refused" if frame["type"] == "error" else "told"
    return NOTHING


def requests_in_contact(life: Life) -> list[str]:
    """What is sent once the socket is open and the contact is found."""
    sent = []
    for happen in ("opened", "found with contact"):
        HAPPENS[happen](life)
        sent += life.kinds()
    return sent


@pytest.mark.parametrize("stage", Stage)
def test_each_stage_is_reached(stage: Stage) -> None:
    assert stage_of(life_in(stage).state) is stage


@pytest.mark.parametrize(("row", "stage", "cell"), table("what happens"))
def test_what_happens_leads_where_the_table_says(row: str, stage: Stage, cell: str) -> None:
    life = life_in(stage)
    HAPPENS[row](life)
    assert stage_of(life.state) is (Stage(cell) if cell else stage)


@pytest.mark.parametrize(("row", "stage", "cell"), table("what is wanted"))
def test_what_is_wanted_comes_to_what_the_table_says(row: str, stage: Stage, cell: str) -> None:
    life, calm = life_in(stage), life_in(stage)
    life.happens(WANTED[row](life.now))
    assert came_of(life) == (NOTHING if cell == "waits" else cell)
    if came_of(life) == NOTHING:
        is_sent_later = len(requests_in_contact(life)) > len(requests_in_contact(calm))
        assert is_sent_later is (cell == "waits")


def test_the_tables_have_a_row_for_each_thing_that_is_played() -> None:
    """And the other way round."""
    assert {row for row, _, _ in table("what happens")} == set(HAPPENS)
    assert {row for row, _, _ in table("what is wanted")} == set(WANTED)


# --- who writes what


def written(tree: ast.Module) -> set[str]:
    """Attributes that are set, on whatever object."""
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_is_written_by_the_file_of_its_name_alone(part: str) -> None:
    """Whoever else wants it changed tells that file what has happened. A turn begins with the parts as they were."""
    assert {file for file, tree in FILES.items() if part in written(tree)} == {part, "turn"}


def test_a_turn_takes_up_every_part_and_hands_it_on() -> None:
    life = life_in(Stage.IN_CONTACT)
    assert len(PARTS) == len(fields(Conversation)) - len({"channel", "livechat", "seed"})
    for part in PARTS:
        turn = Turn(life.state, life.now, POLICY)
        setattr(turn, part, None)
        assert getattr(turn.conversation(), part) is None


def test_nothing_is_set_by_name() -> None:
    """The test above would not see it."""
    assert [file for file, tree in FILES.items() if {"setattr", "vars", "__dict__"} & names(tree)] == []


def names(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }


def imported(tree: ast.Module) -> Iterator[str]:
    """Files of the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == conversation.__name__:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{conversation.__name__}."):
            yield (node.module or "").rsplit(".", 1)[1]


def test_calls_between_the_files_run_one_way() -> None:
    assert list(TopologicalSorter({file: set(imported(tree)) for file, tree in FILES.items()}).static_order())

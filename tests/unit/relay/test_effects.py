"""Effects as values, and the runner that carries them out."""

from __future__ import annotations

import pytest
from typing_relay.relay.effects import AskForGuest, Flow, IsThere, Now, Read, TellCxone, perform
from typing_relay.relay.runner import Runner, handled_by

from tests.simulation.memory_sessions import MemorySessions

NOW = 1_800_000_000_000


def asked(session_id: str) -> Flow[tuple[int, bool]]:
    """Looks at the clock, and asks after a connection."""
    now = yield from perform(Now())
    return now, (yield from perform(IsThere(session_id)))


def runner_of(answers: dict[str, bool]) -> Runner:
    return Runner(MemorySessions(), lambda: NOW, dict([handled_by(IsThere, lambda due: answers[due.connection])]))


def test_two_effects_of_the_same_type_and_fields_are_equal() -> None:
    assert TellCxone("guest", True) == TellCxone(typing=True, guest_id="guest")
    assert TellCxone("guest", True) != TellCxone("guest", False)
    assert AskForGuest("alice") != IsThere("alice")


def test_an_effect_says_what_it_asks_for() -> None:
    assert repr(Read("alice", NOW)) == f"Read(session_id='alice', now={NOW})"


def test_an_effect_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="TellCxone is frozen"):
        TellCxone("guest", True).typing = False  # type: ignore[misc]


@pytest.mark.parametrize(("values", "named"), [(("guest",), {}), (("guest", True, 1), {}), (("guest",), {"other": 1})])
def test_an_effect_without_its_fields_is_refused(values: tuple[object, ...], named: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="TellCxone takes guest_id, typing"):
        TellCxone(*values, **named)  # type: ignore[arg-type]


def test_a_flow_is_run_to_its_result_with_the_answers_of_the_handlers() -> None:
    assert runner_of({"tab": True}).run(asked("tab")) == (NOW, True)


def test_who_notices_is_told_of_what_came_from_outside_only() -> None:
    noticed: list[object] = []
    runner_of({"tab": False}).run(asked("tab"), noticed.append)
    assert noticed == [False]


def test_an_effect_that_cannot_occur_where_a_flow_runs_is_an_error() -> None:
    with pytest.raises(TypeError, match="AskForGuest is not to be carried out here"):
        runner_of({}).carry_out(AskForGuest("alice"))

"""Changing frozen values."""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from typing import get_type_hints

import pytest
from typing_relay.platforms.digital_first.conversation import state
from typing_relay.relay.burst import Session
from typing_relay.relay.value import changed

PARTS = [kind for kind in get_type_hints(state.Conversation).values() if kind.__module__ == state.__name__]
ALICE = Session("alice", keys={"tab": 1})


def test_a_changed_value_is_what_the_standard_library_makes_of_it() -> None:
    assert changed(ALICE, keeper="me", typing=True) == replace(ALICE, keeper="me", typing=True)


def test_changing_a_value_leaves_it_as_it_was() -> None:
    changed(ALICE, keeper="me")
    assert Session("alice", keys={"tab": 1}) == ALICE


def test_a_field_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="Session has no field keper"):
        changed(ALICE, keper="me")


@pytest.mark.parametrize("kind", [Session, state.Conversation, *PARTS])
def test_values_that_are_changed_this_way_keep_their_fields_in_a_dictionary(kind: type) -> None:
    """Slots would have to be copied one by one, and a ``__post_init__`` would not run."""
    assert not hasattr(kind, "__slots__")
    assert not hasattr(kind, "__post_init__")
    assert is_dataclass(kind)

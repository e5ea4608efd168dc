"""Writes that are stated as data, as DynamoDB is asked for them."""

from __future__ import annotations

import pytest
from typing_relay.aws.expressions import Compiler, typed
from typing_relay.relay.updates import AbsentOr, AtMost, Below, KeptOr, OtherOr, Present, Update


def compiled(**parts: object) -> Compiler:
    return Compiler(Update("visitor", **{"when": {}, "sets": {}, **parts}), {})  # type: ignore[arg-type]


def test_what_is_set_to_none_is_removed() -> None:
    assert compiled(sets={"shown": False, "sending": None}, in_lease_index=False).update == (
        "SET shown = :v0 REMOVE sending, sweep_shard"
    )


def test_a_number_and_a_truth_that_python_takes_for_equal_have_places_of_their_own() -> None:
    assert compiled(sets={"shown": True, "sends": 1, "typing": True}).values == {
        ":v0": {"BOOL": True},
        ":v1": {"N": "1"},
    }


def test_conditions_all_have_to_hold() -> None:
    when = {
        "keeper": "keeper-1",
        "sending": None,
        "connections": Present(),
        "retry_at": Below(5),
        "held": AbsentOr(AtMost(7)),
    }
    found = compiled(when=when, alive_at=8_999)
    assert found.condition == (
        "keeper = :v0 AND attribute_not_exists(sending) AND attribute_exists(connections) AND retry_at < :v1"
        " AND (attribute_not_exists(held) OR held <= :v2)"
        " AND expires_at > :v3"
    )
    assert found.values == {":v0": {"S": "keeper-1"}, ":v1": {"N": "5"}, ":v2": {"N": "7"}, ":v3": {"N": "8"}}


def test_an_attribute_that_is_kept_gets_its_value_only_where_there_is_none() -> None:
    assert compiled(sets={"told_at": KeptOr(0)}).update == "SET told_at = if_not_exists(told_at, :v0)"


def test_names_that_are_words_of_dynamodb_stand_for_themselves_by_another_name() -> None:
    found = Compiler(Update("visitor", when={}, sets={}), {"by": {"S": "mark"}, "ended_by": {"S": "mark"}})
    assert (found.update, found.names) == ("SET #by = :v0, ended_by = :v0", {"#by": "by"})


def test_what_no_attribute_holds_is_refused() -> None:
    with pytest.raises(TypeError, match="float is no attribute of a record"):
        typed(0.5)


def test_an_entry_of_a_map_may_have_any_key_and_equal_keys_share_their_place() -> None:
    """A connection's id is API Gateway's to choose."""
    found = compiled(
        when={"stops.a.b=": Below(5)}, sets={"earlier_keys.a.b=": OtherOr("keys.a.b=", 0), "holds.c": None}
    )
    assert found.update == "SET earlier_keys.#k0 = if_not_exists(#keys.#k0, :v0) REMOVE holds.#k2"
    assert found.condition == "stops.#k0 < :v1"
    assert found.names == {"#k0": "a.b=", "#keys": "keys", "#k2": "c"}


def test_sets_get_members_and_lose_them() -> None:
    added, taken = {"connections": frozenset({"a"})}, {"connections": frozenset({"b"})}
    assert compiled(adds=added, takes=taken).update == "ADD connections :v0 DELETE connections :v1"
    assert typed(frozenset({"b", "a"})) == {"SS": ["a", "b"]}

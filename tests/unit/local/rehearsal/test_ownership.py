"""A rehearsal touches no stack that it did not make, and finds a way out from wherever a stack of its own stands."""

from __future__ import annotations

import pytest

from local.rehearsal.ownership import NotOurs, Way, must_be_ours, way_out

NAME, TAGS = "typing-relay-rehearsal-v1-3fa2", {"application": "typing-relay", "typing-relay-rehearsal": "3fa2"}


def test_a_stack_with_its_name_and_its_tag_is_its_own() -> None:
    must_be_ours(NAME, TAGS, "3fa2")


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("typing-relay", TAGS),
        ("typing-relay-production", TAGS),
        ("typing-relay-rehearsal-v1-0000", TAGS),
        ("typing-relay-rehearsal-v1-3fa2-more", TAGS),
        ("typing-relay-rehearsal-v2-3fa2", TAGS),
        (NAME, {}),
        (NAME, {"application": "typing-relay"}),
        (NAME, {"typing-relay-rehearsal": "0000"}),
    ],
)
def test_any_other_stack_is_left_alone(name: str, tags: dict[str, str]) -> None:
    """Also one with only the name, or only the tag."""
    with pytest.raises(NotOurs, match="left alone"):
        must_be_ours(name, tags, "3fa2")


@pytest.mark.parametrize(
    ("status", "way"),
    [
        ("", Way.GONE),
        ("DELETE_COMPLETE", Way.GONE),
        ("CREATE_COMPLETE", Way.DELETE),
        ("CREATE_IN_PROGRESS", Way.DELETE),
        ("REVIEW_IN_PROGRESS", Way.DELETE),
        ("ROLLBACK_COMPLETE", Way.DELETE),
        ("UPDATE_ROLLBACK_FAILED", Way.DELETE),
        ("DELETE_FAILED", Way.DELETE),
        ("UPDATE_IN_PROGRESS", Way.CANCEL_UPDATE),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Way.WAIT),
        ("UPDATE_ROLLBACK_IN_PROGRESS", Way.WAIT),
        ("ROLLBACK_IN_PROGRESS", Way.WAIT),
        ("DELETE_IN_PROGRESS", Way.WAIT),
    ],
)
def test_every_status_has_a_way_to_the_deletion(status: str, way: Way) -> None:
    assert way_out(status) is way

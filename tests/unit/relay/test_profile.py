"""Who a visitor is: what a token may say of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_relay.relay.device import Device
from typing_relay.relay.profile import NOTHING_SAID, BadProfile, Profile, decoded, profile_of

IDENTS = frozenset(("plan", "order_id"))
ADA = {"given_name": "Ada", "family_name": "Lovelace", "customer": "c-17", "fields": {"plan": "gold"}}


def test_a_token_says_names_customer_and_fields() -> None:
    assert profile_of(ADA, IDENTS) == Profile("Ada", "Lovelace", "c-17", (("plan", "gold"),))


def test_a_token_that_says_nothing_of_them_is_as_good_as_ever() -> None:
    assert profile_of({"sub": "alice", "exp": 1}, ()) == NOTHING_SAID


@pytest.mark.parametrize(
    ("claims", "reason", "about"),
    [
        ({"given_name": 7}, "name_malformed", "given_name"),
        ({"family_name": "x" * 101}, "name_malformed", "family_name"),
        ({"given_name": "A\x00da"}, "name_malformed", "given_name"),
        ({"family_name": "\ud800"}, "name_malformed", "family_name"),
        ({"given_name": None}, "name_malformed", "given_name"),
        ({"customer": "two words"}, "customer_malformed", "customer"),
        ({"customer": 17}, "customer_malformed", "customer"),
        ({"customer": "c" * 129}, "customer_malformed", "customer"),
        ({"customer": None}, "customer_malformed", "customer"),
        ({"fields": ["plan"]}, "fields_malformed", "fields"),
        ({"fields": None}, "fields_malformed", "fields"),
        ({"fields": {"plna": "gold"}}, "field_unknown", "plna"),
        ({"fields": {"my secret \n": "gold"}}, "field_unknown", "fields"),
        ({"fields": {"plan": 3}}, "field_malformed", "plan"),
        ({"fields": {"plan": "x" * 1025}}, "field_malformed", "plan"),
    ],
)
def test_a_claim_that_is_not_right_is_named_and_its_value_is_not(claims: dict, reason: str, about: str) -> None:
    assert profile_of(claims, IDENTS) == BadProfile(reason, about)


def test_a_token_may_name_one_of_the_deployments_channels() -> None:
    assert profile_of({"channel": "chat_b"}, (), ("chat_a", "chat_b")) == Profile(channel="chat_b")


@pytest.mark.parametrize("channel", ["chat_c", 7, None, ["chat_a"]])
def test_a_channel_that_is_not_the_deployments_is_refused_by_the_claims_name(channel: object) -> None:
    assert profile_of({"channel": channel}, (), ("chat_a", "chat_b")) == BadProfile("channel_unknown", "channel")


def test_the_browser_survives_the_record() -> None:
    said = Profile("Ada", device=Device("Firefox/127.0", "de-DE", ""))
    assert decoded(said.encoded()) == said


def test_the_channel_survives_the_record() -> None:
    said = Profile(channel="chat_b")
    assert decoded(said.encoded()) == said


def test_a_record_of_the_version_before_names_no_channel() -> None:
    assert decoded('{"given_name":"Ada"}').channel == ""


@pytest.mark.parametrize("text", ["Zoë", "李", "👩‍💻 Ada", "two\nlines", "x" * 1024, ""])
def test_people_write_in_any_script(text: str) -> None:
    assert profile_of({"fields": {"plan": text}}, IDENTS) == Profile(fields=(("plan", text),))


def test_nothing_of_a_profile_is_shown_where_an_error_shows_it() -> None:
    assert repr(profile_of(ADA, IDENTS)) == "Profile()"


def test_nothing_said_takes_no_room_in_the_record() -> None:
    assert (NOTHING_SAID.encoded(), decoded("")) == ("", NOTHING_SAID)


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@given(TEXT, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3))
def test_what_the_record_keeps_reads_back(given_name: str, family_name: str, customer: str, fields: dict) -> None:
    profile = Profile(given_name, family_name, customer, tuple(fields.items()))
    assert decoded(profile.encoded()) == profile


def test_the_record_keeps_what_was_said_and_no_more() -> None:
    assert json.loads(Profile(given_name="Ada").encoded()) == {"given_name": "Ada"}

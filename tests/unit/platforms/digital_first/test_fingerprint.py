"""What a message says of the visitor's browser: NICE's names for it, and nothing where nothing is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_relay.platforms.digital_first.fingerprint import fingerprint
from typing_relay.relay.device import LONGEST_USER_AGENT, Device, device

from tests.support.fuzzing import fuzz
from tests.support.user_agents import USER_AGENTS, Said


@pytest.mark.parametrize(("user_agent", "said"), USER_AGENTS.items())
def test_a_browser_has_the_name_that_nices_client_gives_it(user_agent: str, said: Said) -> None:
    """`test_dfo_sdk.py` asks the client itself."""
    known = fingerprint(Device(user_agent))
    assert tuple(known[key] for key in ("browser", "browserVersion", "os", "osVersion", "deviceType")) == said


def test_language_and_country_are_said_and_address_and_place_never() -> None:
    known = fingerprint(Device("", "de-DE", "DE"))
    assert [known[key] for key in ("language", "country", "ip", "location")] == ["de-DE", "DE", None, ""]


def test_of_an_unknown_device_all_is_neutral() -> None:
    known = fingerprint()
    assert {key for key, value in known.items() if value} == {"language", "deviceType", "applicationType"}


def test_of_a_browsers_name_what_can_be_printed_is_kept() -> None:
    """From the blank to the tilde."""
    assert device("Mozilla/5.0 (X11) ~\x1f\x7f\u00e9", "", "").user_agent == "Mozilla/5.0 (X11) ~"


@fuzz
@given(st.text(max_size=400), st.text(max_size=200), st.text(max_size=4))
def test_whatever_headers_say_what_is_kept_is_bounded_and_of_a_known_form(
    agent: str, language: str, country: str
) -> None:
    """T13."""
    kept = device(agent, language, country)
    assert len(kept.user_agent) <= LONGEST_USER_AGENT
    assert kept.user_agent.isascii()
    assert kept.language == "" or kept.language.replace("-", "").isalnum()
    assert kept.country in ("", country)
    assert fingerprint(kept)["applicationType"] == "browser"


@pytest.mark.parametrize(
    ("header", "language"), [("de-DE,de;q=0.9,en;q=0.8", "de-DE"), ("fr", "fr"), ("*", ""), ("de_DE", ""), ("", "")]
)
def test_of_the_languages_the_first_is_the_browsers_own(header: str, language: str) -> None:
    assert device("", header, "").language == language


@pytest.mark.parametrize("country", ["de", "DEU", "D1", "DE\n"])
def test_a_country_that_is_none_is_left_out(country: str) -> None:
    assert device("", "", country).country == ""


def test_no_repr_shows_any_of_it() -> None:
    """T13."""
    assert repr(device("Mozilla/5.0", "de-DE", "DE")) == "Device()"

"""`make token` with a visitor that the door would refuse."""

import sys

import pytest
from typing_relay.door import visitor_tokens
from typing_relay.relay import profile

from local.commands import token


def test_knows_what_the_door_takes_as_a_session() -> None:
    """T13"""
    assert token.VISITOR.pattern == visitor_tokens._SESSION_ID.pattern
    assert token.CLAIMS == profile.CLAIMS


@pytest.mark.parametrize("claims", ["{", "[]", '{"sub": "bob"}', '{"exp": 1}'])
def test_claims_that_say_nothing_of_the_visitor_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], claims: str
) -> None:
    """Nobody's token for another session is made by mistake."""
    monkeypatch.setattr("sys.argv", ["token", "alice"])
    monkeypatch.setenv("CLAIMS", claims)
    assert token.main() == 2
    assert "error: CLAIMS: claims are a JSON object with some of given_name" in capsys.readouterr().err


@pytest.mark.parametrize("visitor", ["two words", "a" * 129, "é"])
def test_says_what_a_visitor_is_called(
    visitor: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["token", visitor])
    assert token.main() == 2
    assert "1 to 128 characters" in capsys.readouterr().err

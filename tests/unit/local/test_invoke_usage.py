"""`make invoke` with something that does not exist: exit 2, and a list of what does."""

import json
import sys

import pytest

from local.commands import invoke
from local.stack.deploy import ROOT

EVENTS = ROOT / "events"


@pytest.mark.parametrize(
    ("function", "event", "told"),
    [
        (
            "Keystrokes",
            "events/keystroke.json",
            "FUNCTION is one of: Authorizer, Connection, Keystroke, Sender, Sweeper",
        ),
        ("Keystroke", "events/keystrokes.json", "such as: events/authorizer.json"),
        ("Keystroke", "", "such as: events/authorizer.json"),
        ("Keystroke", "Makefile", "is not JSON"),
    ],
)
def test_is_told_what_there_is(
    function: str, event: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["invoke", function, event])
    assert invoke.main() == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("event", "function"),
    [
        ("authorizer_subprotocol", "Authorizer"),
        ("connect", "Connection"),
        ("disconnect", "Connection"),
        ("keeper_line", "KeeperLine"),
        ("message", "Keystroke"),
        ("reconcile", "Sender"),
        ("sweep", "Sweeper"),
    ],
)
def test_an_event_names_its_function(event: str, function: str) -> None:
    assert invoke.function_of(json.loads((EVENTS / f"{event}.json").read_text())) == function


def test_every_sample_event_is_a_function_s() -> None:
    assert all(invoke.function_of(json.loads(path.read_text())) for path in EVENTS.glob("*.json"))


def test_an_event_of_no_function_is_bad_usage() -> None:
    with pytest.raises(invoke.UsageError, match="name one, FUNCTION="):
        invoke.function_of({"hello": "world"})


def test_a_function_that_this_platform_has_not_is_bad_usage() -> None:
    info = {"functions": {"Keystroke": "typing-relay-keystroke"}, "platform": "v1"}
    with pytest.raises(invoke.UsageError, match="KeeperLine is not deployed on v1"):
        invoke._invoke(info, "KeeperLine", {})

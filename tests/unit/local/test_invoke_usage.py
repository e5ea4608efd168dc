"""`make invoke` with something that does not exist: exit 2, and a list of what does."""

import sys

import pytest

from local.commands import invoke


@pytest.mark.parametrize(
    ("function", "event", "told"),
    [
        (
            "Keystrokes",
            "events/keystroke.json",
            "FUNCTION is one of: Authorizer, Connection, Keystroke, Sender, Sweeper",
        ),
        ("", "events/keystroke.json", "FUNCTION is one of"),
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


def test_a_function_that_this_platform_has_not_is_bad_usage() -> None:
    info = {"functions": {"Keystroke": "typing-relay-keystroke"}, "platform": "v1"}
    with pytest.raises(invoke.UsageError, match="KeeperLine is not deployed on v1"):
        invoke._invoke(info, "KeeperLine", {})
